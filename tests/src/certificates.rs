//! The certificates of one control plane: a CA of its own and what it signs.

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};

/// A certificate and its private key, both PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The certificate authority that every certificate of one control plane comes from.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut params = named("plumbline-tests-ca", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        let key = KeyPair::generate().context("no key for the CA")?;
        Ok(Self(
            CertifiedIssuer::self_signed(params, key).context("the CA cannot sign itself")?,
        ))
    }

    /// The CA certificate, PEM.
    pub(crate) fn certificate(&self) -> String {
        self.0.pem()
    }

    /// The CA's private key, PEM; the controller manager signs certificate requests with it.
    pub(crate) fn key(&self) -> String {
        self.0.key().serialize_pem()
    }

    /// A serving certificate for the DNS names and IP addresses in `hosts`.
    pub(crate) fn server(&self, common_name: &str, hosts: &[&str]) -> anyhow::Result<Identity> {
        let hosts: Vec<String> = hosts.iter().copied().map(str::to_owned).collect();
        let mut params = named(common_name, None);
        params.subject_alt_names = CertificateParams::new(hosts)
            .context("bad subject alternative name")?
            .subject_alt_names;
        self.sign(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client certificate that the API server reads as user `user`, in group `group` if there is one.
    pub(crate) fn client(&self, user: &str, group: Option<&str>) -> anyhow::Result<Identity> {
        self.sign(named(user, group), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> anyhow::Result<Identity> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        // An extension of its own makes every certificate X.509 v3, which rustls insists on.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// The key pair of `ServiceAccount` tokens, both halves PEM.
pub(crate) struct TokenKeys {
    pub(crate) signing: String,
    pub(crate) verifying: String,
}

impl TokenKeys {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("no key for ServiceAccount tokens")?;
        Ok(Self {
            signing: key.serialize_pem(),
            verifying: key.public_key_pem(),
        })
    }
}

fn named(common_name: &str, organization: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        params
            .distinguished_name
            .push(DnType::OrganizationName, organization);
    }
    params
}
