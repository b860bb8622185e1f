//! Starting, restarting and ending a control plane.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};

use crate::{
    assets,
    certificates::{Authority, TokenKeys},
    component::Component,
    flags,
    kubeconfig::{self, Credential},
    options::Options,
    process::{Process, ProcessGroup},
    wait::eventually,
    workdir::WorkDir,
};

/// Ample: a start takes seconds, but the machine may be busy with builds and with other control planes.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// How long a component may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// A single look at a server that may not answer.
const LOOK: Duration = Duration::from_secs(3);
/// The first address of the Service range, which is the API server's own Service.
const SERVER_SERVICE: &str = "10.96.0.1";

/// A running control plane of its own: its own ports, certificates, data and logs.
///
/// Dropping it ends every process and removes its files. When the drop is part of a panic (a failed test) the
/// files are kept and their folder is printed; `PLUMBLINE_KEEP=1` keeps them always. When the test process itself
/// is killed, the processes end and the files go, too.
pub struct ControlPlane {
    // Dropped in this order: end all at once, wait for each, remove the files.
    group: ProcessGroup,
    processes: BTreeMap<Component, Process>,
    options: Options,
    admin: Client,
    ca_pem: String,
    pub(crate) nodes: u32,
    work: WorkDir,
}

impl ControlPlane {
    /// Starts a control plane and waits until it is ready: the API server says so, the controller manager has
    /// made the `default` `ServiceAccount` that pods need, and the nodes asked for are ready.
    ///
    /// # Errors
    /// A component ended or was not ready within two minutes; the error carries the end of its log.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let mut plane = Self::prepare(options).await?;
        match plane.start_all().await {
            Ok(()) => Ok(plane),
            Err(error) => {
                plane.work.keep();
                Err(error.context("the control plane does not start"))
            }
        }
    }

    async fn prepare(options: Options) -> anyhow::Result<Self> {
        let work = WorkDir::new()?;
        let authority = Authority::new()?;
        write_certificates(&work, &authority)?;
        write_kubeconfigs(&work, &authority)?;
        work.write("kwok.yaml", include_str!("../controlplane/kwok.yaml"))?;
        Ok(Self {
            group: ProcessGroup::new((!work.is_kept()).then(|| work.path()))?,
            processes: BTreeMap::new(),
            options,
            admin: kubeconfig::client(&work.kubeconfig("admin")).await?,
            ca_pem: authority.certificate(),
            nodes: 0,
            work,
        })
    }

    async fn start_all(&mut self) -> anyhow::Result<()> {
        for component in self.options.components.clone() {
            self.start_component(component).await?;
        }
        if self.is_running(Component::ControllerManager) {
            self.until_service_accounts().await?;
        }
        self.add_nodes(self.options.nodes).await?;
        Ok(())
    }

    /// Starts a component that does not run: one that [`Options::without`] left out, or a stopped one, on its
    /// former port. The API server is ready when this returns.
    pub async fn start_component(&mut self, component: Component) -> anyhow::Result<()> {
        if self.is_running(component) {
            bail!("{component} is running already");
        }
        let program = assets::binary(component).await?;
        let arguments = self.options.merge(component, flags::of(component, &self.work));
        let process = self
            .group
            .spawn(&program, &arguments, &self.work.log(component))?;
        self.processes.insert(component, process);
        match component {
            Component::ApiServer => self.until_ready().await,
            _ => Ok(()),
        }
    }

    /// Ends a component and waits for its end: politely first, after ten seconds by force.
    pub async fn stop(&mut self, component: Component) -> anyhow::Result<()> {
        let process = self
            .processes
            .remove(&component)
            .with_context(|| format!("{component} does not run"))?;
        process
            .stop(GRACE)
            .await
            .with_context(|| format!("{component} does not end"))?;
        Ok(())
    }

    /// Stops a component and starts it again, with the same data, on the same port.
    pub async fn restart(&mut self, component: Component) -> anyhow::Result<()> {
        self.stop(component).await?;
        self.start_component(component).await
    }

    /// The process id of a running component.
    pub fn pid(&self, component: Component) -> Option<u32> {
        self.processes.get(&component).map(Process::pid)
    }

    /// The file with everything `component` has written to its output.
    pub fn log(&self, component: Component) -> PathBuf {
        self.work.log(component)
    }

    /// A client with every right (group `system:masters`), for the runtime of the test that started this.
    pub fn admin_client(&self) -> Client {
        self.admin.clone()
    }

    /// `https://127.0.0.1:<port>`; the same after a restart.
    pub fn server_url(&self) -> String {
        self.work.server_url()
    }

    /// The certificate, PEM, of the authority that signed the API server's.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub(crate) fn work(&self) -> &WorkDir {
        &self.work
    }

    fn is_running(&self, component: Component) -> bool {
        self.processes.contains_key(&component)
    }

    async fn until_ready(&mut self) -> anyhow::Result<()> {
        let admin = self.admin.clone();
        self.until("the API server is ready", async || {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            tokio::time::timeout(LOOK, admin.request_text(request)).await??;
            Ok(Some(()))
        })
        .await
    }

    async fn until_service_accounts(&mut self) -> anyhow::Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin.clone(), "default");
        self.until("the controller manager makes ServiceAccounts", async || {
            Ok(tokio::time::timeout(LOOK, accounts.get_opt("default")).await??)
        })
        .await?;
        Ok(())
    }

    /// [`eventually`], given up as soon as a component ends.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let processes = &mut self.processes;
        let watched = eventually(what, READY_WITHIN, async || {
            for process in processes.values_mut() {
                if let Err(ended) = process.check() {
                    return Ok(Some(Err(ended)));
                }
            }
            Ok(look().await?.map(Ok))
        })
        .await;
        match watched {
            Ok(outcome) => outcome,
            Err(error) => Err(match self.processes.get(&Component::ApiServer) {
                Some(server) => error.context(server.log_tail()),
                None => error,
            }),
        }
    }
}

fn write_certificates(work: &WorkDir, authority: &Authority) -> anyhow::Result<()> {
    let server = authority.server(
        "kube-apiserver",
        &[
            "127.0.0.1",
            SERVER_SERVICE,
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ],
    )?;
    let tokens = TokenKeys::new()?;
    work.write("ca.crt", &authority.certificate())?;
    work.write("ca.key", &authority.key())?;
    work.write("apiserver.crt", &server.certificate)?;
    work.write("apiserver.key", &server.key)?;
    work.write("service-account.key", &tokens.signing)?;
    work.write("service-account.pub", &tokens.verifying)
}

fn write_kubeconfigs(work: &WorkDir, authority: &Authority) -> anyhow::Result<()> {
    const MASTERS: Option<&str> = Some("system:masters");
    let clients = [
        ("admin", "plumbline-admin", MASTERS),
        (
            Component::ControllerManager.name(),
            "system:kube-controller-manager",
            None,
        ),
        (Component::Scheduler.name(), "system:kube-scheduler", None),
        (Component::Kwok.name(), "kwok", MASTERS),
    ];
    for (file, user, group) in clients {
        let identity = authority.client(user, group)?;
        let credential = Credential::Certificate(&identity);
        kubeconfig::write(
            &work.kubeconfig(file),
            &work.server_url(),
            &authority.certificate(),
            &credential,
        )?;
    }
    Ok(())
}

/// The kubeconfig of [`ControlPlane::admin_client`], for kubectl and other programs.
impl ControlPlane {
    /// The file.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.work.kubeconfig("admin")
    }
}
