//! Using a control plane: kubeconfigs, `ServiceAccount`s, kubectl.

use std::{
    ffi::OsStr,
    path::PathBuf,
    process::{Output, Stdio},
};

use anyhow::{Context as _, ensure};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, api::PostParams};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    assets,
    controlplane::ControlPlane,
    identities,
    kubeconfig::{self, Credential},
};

/// Longer than any test, so that no test needs to renew a token.
const TOKEN_SECONDS: i64 = 24 * 3600;

/// The folder in which kubectl keeps what it remembers of the server.
pub(crate) const KUBECTL_CACHE: &str = "kubectl-cache";

impl ControlPlane {
    /// The kubeconfig file of [`admin_client`](Self::admin_client), for kubectl and other programs.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.work.kubeconfig(identities::ADMIN)
    }

    /// A token, valid for a day, that the API server issues for an existing `ServiceAccount`.
    pub async fn service_account_token(&self, namespace: &str, name: &str) -> anyhow::Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin_client(), namespace);
        let spec = TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
            ..Default::default()
        };
        let request = TokenRequest {
            spec: Some(spec),
            ..Default::default()
        };
        let context = || format!("no token for ServiceAccount {namespace}/{name}");
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await;
        answer
            .with_context(context)?
            .status
            .and_then(|status| status.token)
            .with_context(context)
    }

    /// A new kubeconfig file with a token of an existing `ServiceAccount`; it goes with the control plane.
    pub async fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> anyhow::Result<PathBuf> {
        let token = self.service_account_token(namespace, name).await?;
        let path = self.work.kubeconfig(&format!("{namespace}.{name}"));
        kubeconfig::write(
            &path,
            &self.server_url(),
            self.ca_pem(),
            &Credential::Token(&token),
        )?;
        Ok(path)
    }

    /// A client that is an existing `ServiceAccount`.
    pub async fn service_account_client(&self, namespace: &str, name: &str) -> anyhow::Result<Client> {
        kubeconfig::client(&self.service_account_kubeconfig(namespace, name).await?).await
    }

    /// A new kubeconfig file with a client certificate of `user`, who is in no group of their own and may do what
    /// RBAC grants them; it goes with the control plane.
    pub fn user_kubeconfig(&self, user: &str) -> anyhow::Result<PathBuf> {
        let identity = self.authority.client(user, None)?;
        let path = self.work.kubeconfig(&format!("user.{user}"));
        let credential = Credential::Certificate(&identity);
        kubeconfig::write(&path, &self.server_url(), self.ca_pem(), &credential)?;
        Ok(path)
    }

    /// A client that is `user`, by a certificate.
    pub async fn user_client(&self, user: &str) -> anyhow::Result<Client> {
        kubeconfig::client(&self.user_kubeconfig(user)?).await
    }

    /// Runs kubectl with every right and gives what it said, whether it succeeded or not.
    ///
    /// # Errors
    /// Only if kubectl cannot be run at all.
    pub async fn kubectl<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Output> {
        self.kubectl_command()
            .await?
            .args(arguments)
            .output()
            .await
            .context("kubectl cannot be run")
    }

    /// `kubectl apply` of YAML or JSON documents.
    ///
    /// # Errors
    /// kubectl failed; the error is what it said.
    pub async fn apply(&self, manifests: &str) -> anyhow::Result<()> {
        let mut command = self.kubectl_command().await?;
        command
            .args(["apply", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("kubectl cannot be run")?;
        let mut input = child.stdin.take().context("kubectl has no standard input")?;
        input
            .write_all(manifests.as_bytes())
            .await
            .context("kubectl does not read")?;
        drop(input);
        let output = child.wait_with_output().await?;
        ensure!(
            output.status.success(),
            "kubectl apply: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
        Ok(())
    }

    /// The kubectl that fits the API server.
    pub async fn kubectl_path(&self) -> anyhow::Result<PathBuf> {
        assets::binary("kubectl").await
    }

    async fn kubectl_command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(self.kubectl_path().await?);
        command
            .env("KUBECONFIG", self.admin_kubeconfig())
            // What kubectl remembers about servers is keyed by port; these come and go.
            .env("KUBECACHEDIR", self.work.file(KUBECTL_CACHE))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }
}
