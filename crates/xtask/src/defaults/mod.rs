//! Roles and bindings that every cluster has.
//!
//! Kubernetes keeps its own as test data beside the code that makes them, and tests that they agree. Those of
//! kubeadm are in its code only; `kubeadm.yaml` repeats them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use plumbline_inventory::lean::Object;
use plumbline_inventory::{Inventory, Kind, ObjectId};
use plumbline_rbac::recognised;
use serde_json::Value;

use crate::generated::Folder;

/// One release of each minor version that we support; patch releases do not change what they make.
const RELEASES: &[&str] = &["1.33.0", "1.34.0", "1.35.0", "1.36.0", "1.37.2"];
const TEST_DATA: &str = "plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata";
const KUBEADM: &str = include_str!("kubeadm.yaml");

/// The versions that make an object so, by object, maker and content.
type Defaults = BTreeMap<(ObjectId, &'static str, String), Vec<&'static str>>;

pub(crate) fn folder() -> Result<Folder> {
    let mut defaults = Defaults::new();
    for release in RELEASES {
        let version = release
            .rsplit_once('.')
            .context("a release has a patch version")?
            .0;
        let folder = sources(release)?.join(TEST_DATA);
        for entry in folder
            .read_dir()
            .with_context(|| format!("cannot read {}", folder.display()))?
        {
            let text = std::fs::read_to_string(entry?.path())?;
            let list: Value = serde_saphyr::from_str(&text)?;
            for object in list["items"].as_array().context("a list")? {
                add(object, "Kubernetes", version, &mut defaults)?;
            }
        }
    }
    let objects: Vec<Value> = serde_saphyr::from_multiple(KUBEADM)?;
    for object in &objects {
        let since = object["metadata"]["annotations"]["since"]
            .as_str()
            .unwrap_or("1.33");
        for release in RELEASES {
            let version = release
                .rsplit_once('.')
                .context("a release has a patch version")?
                .0;
            if version >= since {
                add(object, "kubeadm", version, &mut defaults)?;
            }
        }
    }
    Ok(Folder {
        path: "crates/rbac/src/recognised",
        whole: false,
        command: "cargo xtask defaults",
        files: BTreeMap::from([("defaults.txt".to_owned(), text(&defaults))]),
    })
}

/// The sources of a release of Kubernetes, from Go's cache.
fn sources(release: &str) -> Result<PathBuf> {
    let output = Command::new("go")
        .args([
            "mod",
            "download",
            "-json",
            &format!("k8s.io/kubernetes@v{release}"),
        ])
        .current_dir(std::env::temp_dir())
        .output()
        .context("cannot run go")?;
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    match answer["Dir"].as_str() {
        Some(folder) => Ok(Path::new(folder).to_owned()),
        None => bail!("no sources of {release}: {}", answer["Error"]),
    }
}

fn add(object: &Value, by: &'static str, version: &'static str, defaults: &mut Defaults) -> Result<()> {
    let kind = object["kind"].as_str().context("an object has a kind")?;
    let kind =
        Kind::of("rbac.authorization.k8s.io/v1", kind).with_context(|| format!("{kind} is not of RBAC"))?;
    let mut inventory = Inventory::live();
    inventory.apply(Object::from_value(kind, object).map_err(anyhow::Error::msg)?);
    let id = inventory.access_objects().next().context("it was just applied")?;
    ensure!(!id.name.contains([' ', '/']), "{id}: cannot be written down");
    let content = match kind {
        Kind::Role | Kind::ClusterRole => recognised::of_role(inventory.role(&id).context("a role")?),
        _ => recognised::of_binding(&id, inventory.binding(&id).context("a binding")?),
    };
    let versions = defaults.entry((id, by, content)).or_default();
    if versions.last() != Some(&version) {
        versions.push(version);
    }
    Ok(())
}

fn text(defaults: &Defaults) -> String {
    let mut text = String::new();
    for ((id, by, content), versions) in defaults {
        let name = match &id.namespace {
            Some(namespace) => format!("{namespace}/{}", id.name),
            None => id.name.to_string(),
        };
        writeln!(text, "{} {name} by {by} in {}", id.kind, versions.join(" ")).expect("strings take it");
        writeln!(text, "{content}\n").expect("strings take it");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "downloads the sources of five versions of Kubernetes"]
    fn the_defaults_are_up_to_date() {
        folder().unwrap().check().unwrap();
    }
}
