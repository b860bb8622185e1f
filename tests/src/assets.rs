//! Where the binaries are.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use tokio::{process::Command, sync::OnceCell};

use crate::component::Component;

/// Names a folder of ready binaries to use instead of building them, as other test tools have it.
const READY: &str = "KUBEBUILDER_ASSETS";
const BUILD_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/controlplane/build.sh");

/// The binary of `component`.
///
/// # Errors
/// `KUBEBUILDER_ASSETS` is set and its folder lacks it, or the build failed. Those folders never have KWOK: that
/// one may come from the build in any case.
pub(crate) async fn binary(component: Component) -> anyhow::Result<PathBuf> {
    match ready(component.name()) {
        Some(path) if path.exists() => Ok(path),
        Some(path) if component != Component::Kwok => {
            anyhow::bail!("{READY} is set, but there is no {}", path.display())
        }
        _ => Ok(built().await?.join(component.name())),
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
    let folder = FOLDER.get_or_try_init(|| async {
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
