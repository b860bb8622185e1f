//! Who is who in a control plane.

use crate::{
    certificates::{Authority, TokenKeys},
    component::Component,
    kubeconfig::{self, Credential},
    workdir::WorkDir,
};

/// The kubeconfig of whoever runs the test.
pub(crate) const ADMIN: &str = "admin";

/// The group that RBAC cannot refuse.
const MASTERS: Option<&str> = Some("system:masters");

/// The clients: name of the kubeconfig file, user, group.
const CLIENTS: [(&str, &str, Option<&str>); 4] = [
    (ADMIN, "plumbline-tests", MASTERS),
    (
        Component::ControllerManager.name(),
        "system:kube-controller-manager",
        None,
    ),
    (Component::Scheduler.name(), "system:kube-scheduler", None),
    (Component::Kwok.name(), "kwok", MASTERS),
];

/// The names under which the API server is reached, the first address of the Service range among them.
const SERVER_HOSTS: [&str; 7] = [
    "127.0.0.1",
    "localhost",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// Makes an authority, writes the certificates, keys and kubeconfigs of every component to `work`, and gives the
/// authority.
pub(crate) fn issue(work: &WorkDir) -> anyhow::Result<Authority> {
    let authority = Authority::new()?;
    let ca_pem = authority.certificate();
    let server = authority.server("kube-apiserver", &SERVER_HOSTS)?;
    let tokens = TokenKeys::new()?;
    work.write("ca.crt", &ca_pem)?;
    work.write("ca.key", &authority.key())?;
    work.write("apiserver.crt", &server.certificate)?;
    work.write("apiserver.key", &server.key)?;
    work.write("service-account.key", &tokens.signing)?;
    work.write("service-account.pub", &tokens.verifying)?;
    for (file, user, group) in CLIENTS {
        let identity = authority.client(user, group)?;
        let credential = Credential::Certificate(&identity);
        kubeconfig::write(&work.kubeconfig(file), &work.server_url(), &ca_pem, &credential)?;
    }
    Ok(authority)
}
