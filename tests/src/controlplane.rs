//! Starting, restarting and ending a control plane.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};
use tokio::time::{sleep, timeout};

use crate::{
    assets,
    certificates::Authority,
    component::Component,
    flags, identities, kubeconfig,
    options::Options,
    process::{Process, ProcessGroup},
    wait::{PAUSE, eventually},
    workdir::WorkDir,
};

/// Ample: a start takes seconds, but the machine may be busy with builds and with other control planes.
const READY_WITHIN: Duration = Duration::from_mins(2);
/// How long a component may take to end by itself. An API server would wait up to a minute for its watches to
/// end, and etcd for its clients, so that more patience buys nothing.
const GRACE: Duration = Duration::from_secs(1);
/// A single look at a server that may not answer.
const LOOK: Duration = Duration::from_secs(3);

/// A running control plane with ports, certificates, data and logs of its own.
///
/// Any number of them can run at once, in one process or in several. Dropping one ends its processes and removes
/// its files. If a panic drops it, the files stay and standard error says where: so a test had better `unwrap`
/// than return an error. `PLUMBLINE_KEEP=1` in the environment keeps them always. If the test process is killed
/// before it can drop anything, the processes end and the files go all the same.
pub struct ControlPlane {
    // Dropped in this order: end all at once, wait for each, remove the files.
    group: ProcessGroup,
    processes: BTreeMap<Component, Process>,
    options: Options,
    admin: Client,
    ca_pem: String,
    pub(crate) authority: Authority,
    pub(crate) nodes: u32,
    pub(crate) work: WorkDir,
}

impl ControlPlane {
    /// Starts a control plane and waits until it is ready: the API server says so, the controller manager has
    /// made the `ServiceAccount` that pods need, and the nodes asked for can take pods.
    ///
    /// # Errors
    /// A component ended or was not ready within two minutes; the error carries the end of its log.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let mut plane = Self::prepare(options).await?;
        if let Err(error) = plane.start_all().await {
            plane.work.keep();
            return Err(error.context("the control plane does not start"));
        }
        Ok(plane)
    }

    async fn prepare(options: Options) -> anyhow::Result<Self> {
        let work = WorkDir::new()?;
        let authority = identities::issue(&work)?;
        work.write("kwok.yaml", include_str!("../controlplane/kwok.yaml"))?;
        Ok(Self {
            group: ProcessGroup::new((!work.is_kept()).then(|| work.path()))?,
            processes: BTreeMap::new(),
            options,
            admin: kubeconfig::client(&work.kubeconfig(identities::ADMIN)).await?,
            ca_pem: authority.certificate(),
            authority,
            nodes: 0,
            work,
        })
    }

    async fn start_all(&mut self) -> anyhow::Result<()> {
        for component in self.options.components.clone() {
            self.start_component(component).await?;
        }
        if self.runs(Component::ControllerManager) {
            self.until_pods_are_possible().await?;
        }
        if self.options.nodes > 0 {
            self.add_nodes(self.options.nodes).await?;
        }
        Ok(())
    }

    /// Starts a component that does not run: one that [`Options::without`] left out, or a stopped one, on its
    /// former port. When this returns, etcd and the API server answer; the others catch up in their own time.
    pub async fn start_component(&mut self, component: Component) -> anyhow::Result<()> {
        if self.runs(component) {
            bail!("{component} runs already");
        }
        let program = assets::binary(component.name()).await?;
        let arguments = self.options.merge(component, flags::of(component, &self.work));
        let process = self
            .group
            .spawn(&program, &arguments, &self.work.log(component))?;
        self.processes.insert(component, process);
        if self.runs(Component::Etcd) && matches!(component, Component::Etcd | Component::ApiServer) {
            self.until_ready().await?;
        }
        Ok(())
    }

    /// Ends a component and waits for its end: politely first, after a second by force.
    pub async fn stop(&mut self, component: Component) -> anyhow::Result<()> {
        let process = self
            .processes
            .remove(&component)
            .with_context(|| format!("{component} does not run"))?;
        process
            .stop(GRACE)
            .await
            .with_context(|| format!("{component} does not end"))
    }

    /// Stops a component and starts it again, with the same data, on the same port.
    pub async fn restart(&mut self, component: Component) -> anyhow::Result<()> {
        self.stop(component).await?;
        self.start_component(component).await
    }

    /// The process id of a component, if it runs.
    pub fn pid(&self, component: Component) -> Option<u32> {
        self.processes.get(&component).map(Process::pid)
    }

    /// The file that receives the output of `component`.
    pub fn log(&self, component: Component) -> PathBuf {
        self.work.log(component)
    }

    /// A client with every right (group `system:masters`), for the tokio runtime that started this.
    pub fn admin_client(&self) -> Client {
        self.admin.clone()
    }

    /// `https://127.0.0.1:<port>`, the same after a restart.
    pub fn server_url(&self) -> String {
        self.work.server_url()
    }

    /// The certificate, PEM, of the authority that signed the API server's.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub(crate) fn runs(&self, component: Component) -> bool {
        self.processes.contains_key(&component)
    }

    async fn until_ready(&mut self) -> anyhow::Result<()> {
        if !self.runs(Component::ApiServer) {
            return Ok(());
        }
        let admin = self.admin.clone();
        self.until(Component::ApiServer, "the API server is ready", || async {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            timeout(LOOK, admin.request_text(request)).await??;
            Ok(Some(()))
        })
        .await
    }

    /// A pod is refused until its namespace has a `ServiceAccount`.
    async fn until_pods_are_possible(&mut self) -> anyhow::Result<()> {
        let accounts: Api<ServiceAccount> = Api::default_namespaced(self.admin.clone());
        self.until(
            Component::ControllerManager,
            "ServiceAccount default/default exists",
            || async {
                let account = timeout(LOOK, accounts.get_opt("default")).await??;
                Ok(account.map(drop))
            },
        )
        .await
    }

    /// Like [`eventually`], but gives up as soon as a component ends. The error has the end of the log of
    /// whichever ended, else of the one that is to `blame`.
    async fn until<F>(&mut self, blame: Component, what: &str, look: impl FnMut() -> F) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<Option<()>>>,
    {
        tokio::select! {
            outcome = eventually(what, READY_WITHIN, look) => outcome.map_err(|error| {
                match self.processes.get(&blame) {
                    Some(process) => error.context(process.log_tail()),
                    None => error,
                }
            }),
            error = an_end(&mut self.processes) => Err(error),
        }
    }
}

/// Waits until one of the processes ends, and says which.
async fn an_end(processes: &mut BTreeMap<Component, Process>) -> anyhow::Error {
    loop {
        if let Some(error) = processes.values_mut().find_map(|process| process.check().err()) {
            return error;
        }
        sleep(PAUSE).await;
    }
}
