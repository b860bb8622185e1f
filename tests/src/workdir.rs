//! Where one control plane keeps its files.

use std::{
    env,
    path::{Path, PathBuf},
    thread,
};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::{component::Component, port::ReservedPort};

/// Keeps the folder of every control plane, whatever happened to it.
const KEEP: &str = "PLUMBLINE_KEEP";

/// A temporary folder with the certificates, kubeconfigs, data and logs of one control plane, and its ports.
///
/// It is removed on drop, unless the thread is panicking (a test failed), [`keep`](Self::keep) was called or
/// `PLUMBLINE_KEEP` is set: then its path goes to standard error.
#[derive(Debug)]
pub(crate) struct WorkDir {
    folder: TempDir,
    keep: bool,
    pub(crate) etcd_port: ReservedPort,
    pub(crate) server_port: ReservedPort,
}

impl WorkDir {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("plumbline-controlplane-")
            .tempdir()
            .context("no temporary folder for the control plane")?;
        std::fs::create_dir(folder.path().join("kubeconfigs"))?;
        Ok(Self {
            folder,
            keep: env::var_os(KEEP).is_some(),
            etcd_port: ReservedPort::new()?,
            server_port: ReservedPort::new()?,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.keep
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn log(&self, component: Component) -> PathBuf {
        self.file(&format!("{component}.log"))
    }

    pub(crate) fn kubeconfig(&self, name: &str) -> PathBuf {
        self.path().join("kubeconfigs").join(name)
    }

    pub(crate) fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd_port.number())
    }

    pub(crate) fn server_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.server_port.number())
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let path = self.file(name);
        std::fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))
    }
}

impl Drop for WorkDir {
    #[expect(
        clippy::print_stderr,
        reason = "tells whoever runs the test where the logs are"
    )]
    fn drop(&mut self) {
        if self.keep || thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!(
                "the logs of the control plane are kept in {}",
                self.path().display()
            );
        }
    }
}
