//! Where the binaries are.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, bail, ensure};
use tokio::{process::Command, sync::OnceCell};

/// Names a folder of ready binaries to use instead of building them, as other test tools have it.
const READY: &str = "KUBEBUILDER_ASSETS";
const BUILD_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/controlplane/build.sh");
/// Version and place do not matter for these, and ready folders often lack them: then they are built after all.
const TOOLS: [&str; 2] = ["kwok", "kubectl"];

/// The path of the binary `name`, building it if need be.
///
/// # Errors
/// `KUBEBUILDER_ASSETS` is set and its folder lacks a component of Kubernetes, or the build failed.
pub(crate) async fn binary(name: &str) -> anyhow::Result<PathBuf> {
    match ready(name) {
        Some(path) if path.exists() => Ok(path),
        Some(path) if !TOOLS.contains(&name) => bail!("{READY} is set, but there is no {}", path.display()),
        _ => Ok(built().await?.join(name)),
    }
}

fn ready(name: &str) -> Option<PathBuf> {
    env::var_os(READY)
        .filter(|folder| !folder.is_empty())
        .map(|folder| Path::new(&folder).join(name))
}

/// The folder of binaries that the build script made, now or earlier. The first build takes minutes; it reports
/// its progress on standard error.
async fn built() -> anyhow::Result<&'static Path> {
    static FOLDER: OnceCell<PathBuf> = OnceCell::const_new();
    let folder = FOLDER.get_or_try_init(async || {
        let output = Command::new(BUILD_SCRIPT)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .await
            .with_context(|| format!("{BUILD_SCRIPT} cannot be started"))?;
        ensure!(
            output.status.success(),
            "{BUILD_SCRIPT} ended with {}",
            output.status
        );
        Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim_end()))
    });
    Ok(folder.await?)
}
