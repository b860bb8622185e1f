//! Kubeconfig files.

use std::path::Path;

use anyhow::Context as _;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::certificates::Identity;

/// What a client shows to say who it is.
pub(crate) enum Credential<'a> {
    Certificate(&'a Identity),
    Token(&'a str),
}

impl Credential<'_> {
    fn user(&self) -> Value {
        match self {
            Self::Certificate(identity) => json!({
                "client-certificate-data": base64(&identity.certificate),
                "client-key-data": base64(&identity.key),
            }),
            Self::Token(token) => json!({ "token": token }),
        }
    }
}

/// Writes a self-contained kubeconfig: kubectl, kube and Go clients read it, and it can be moved.
pub(crate) fn write(
    path: &Path,
    server_url: &str,
    ca_pem: &str,
    credential: &Credential<'_>,
) -> anyhow::Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "test",
            "cluster": { "server": server_url, "certificate-authority-data": base64(ca_pem) },
        }],
        "users": [{ "name": "test", "user": credential.user() }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        "current-context": "test",
    });
    // JSON is YAML.
    let text = serde_json::to_string_pretty(&config)?;
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// A client for the kubeconfig at `path`.
pub(crate) async fn client(path: &Path) -> anyhow::Result<kube::Client> {
    let context = || format!("no client for {}", path.display());
    let kubeconfig = Kubeconfig::read_from(path).with_context(context)?;
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .with_context(context)?;
    // The server is on loopback, whatever HTTPS_PROXY says.
    config.proxy_url = None;
    kube::Client::try_from(config).with_context(context)
}

fn base64(text: &str) -> Value {
    serde_json::to_value(k8s_openapi::ByteString(text.as_bytes().to_vec())).expect("bytes always serialize")
}
