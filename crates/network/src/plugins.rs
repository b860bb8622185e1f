//! Network plugins: who enforces policies, recognised by the images of `DaemonSet`s.

use std::collections::BTreeMap;

use plumbline_inventory::template::Template;
use plumbline_inventory::{Inventory, Kind, RootKey};

use crate::network::Network;

/// A network plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plugin {
    /// What it is called.
    pub name: &'static str,
    /// Whether it enforces network policies.
    pub enforces: bool,
}

/// Whether somebody enforces network policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// This plugin does, seen in this `DaemonSet`.
    By(Plugin, RootKey),
    /// There is a plugin that does not, and no other.
    Not(Plugin, RootKey),
    /// No plugin is recognised.
    Unknown,
}

/// Repositories of images, by their last words. Those of plugins that have policies enforced only if they are told to
/// (Amazon's VPC CNI, Azure's CNI without a policy manager) are not here: their images do not say it.
const IMAGES: &[(&str, &str, bool)] = &[
    ("calico/node", "Calico", true),
    ("calico-node", "Calico", true),
    ("cilium/cilium", "Cilium", true),
    ("cilium", "Cilium", true),
    ("cilium-distroless", "Cilium", true),
    ("antrea-agent", "Antrea", true),
    ("antrea-agent-ubuntu", "Antrea", true),
    ("antrea-ubuntu", "Antrea", true),
    ("weave-npc", "Weave Net", true),
    ("kube-router", "kube-router", true),
    ("kube-ovn", "Kube-OVN", true),
    ("ovn-kubernetes", "OVN-Kubernetes", true),
    ("ovn-kube", "OVN-Kubernetes", true),
    ("ovn-kube-u", "OVN-Kubernetes", true),
    ("azure-npm", "Azure Network Policy Manager", true),
    ("kube-network-policies", "kube-network-policies", true),
    ("romana-agent", "Romana", true),
    ("flannel", "Flannel", false),
    ("flannel/flannel", "Flannel", false),
    ("rancher/mirrored-flannel-flannel", "Flannel", false),
    ("mirrored-flannel-flannel", "Flannel", false),
    ("bridge-cni", "the bridge plugin", false),
];

/// The plugins that there are, by the `DaemonSet` that runs each.
#[derive(Debug, Default)]
pub(crate) struct Plugins(BTreeMap<RootKey, Plugin>);

impl Plugins {
    /// Looks at a `DaemonSet` again.
    pub(crate) fn renew(&mut self, inventory: &Inventory, key: &RootKey) {
        debug_assert_eq!(key.kind, Kind::DaemonSet);
        let workload = inventory.workload(key);
        match workload.and_then(|workload| plugin_of(workload.own_template())) {
            Some(plugin) => drop(self.0.insert(key.clone(), plugin)),
            None => drop(self.0.remove(key)),
        }
    }
}

impl Network {
    /// Whether somebody enforces network policies, as far as `DaemonSet`s tell.
    pub fn enforcement(&self) -> Enforcement {
        let plugins = &self.plugins.0;
        let first = |enforces: bool| {
            plugins
                .iter()
                .find(move |(_, plugin)| plugin.enforces == enforces)
        };
        match (first(true), first(false)) {
            (Some((key, plugin)), _) => Enforcement::By(*plugin, key.clone()),
            (None, Some((key, plugin))) => Enforcement::Not(*plugin, key.clone()),
            (None, None) => Enforcement::Unknown,
        }
    }
}

/// The plugin that the containers of a `DaemonSet` run; of several (Canal is Flannel and Calico) one that enforces.
fn plugin_of(template: &Template) -> Option<Plugin> {
    let images = template.containers.iter().map(|container| &*container.image);
    let known = images.filter_map(plugin_by_image);
    known.max_by_key(|plugin| plugin.enforces)
}

fn plugin_by_image(image: &str) -> Option<Plugin> {
    let repository = image.split('@').next().unwrap_or(image);
    let (path, last) = repository.rsplit_once('/').unwrap_or(("", repository));
    let name = last.split(':').next().unwrap_or(last);
    let parent = path.rsplit('/').next().unwrap_or(path);
    let long = format!("{parent}/{name}");
    IMAGES
        .iter()
        .find(|(words, _, _)| *words == name || *words == long)
        .map(|(_, name, enforces)| Plugin {
            name,
            enforces: *enforces,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_known_by_their_images_wherever_those_lie() {
        let name = |image: &str| plugin_by_image(image).map(|plugin| (plugin.name, plugin.enforces));
        assert_eq!(name("docker.io/calico/node:v3.30.1"), Some(("Calico", true)));
        assert_eq!(
            name("mirror.example:5000/quay.io/cilium/cilium:v1.18.0@sha256:00"),
            Some(("Cilium", true))
        );
        assert_eq!(
            name("ghcr.io/flannel-io/flannel:v0.27.0"),
            Some(("Flannel", false))
        );
        assert_eq!(name("registry.example/shop/node:1"), None);
        assert_eq!(name("cilium/operator:1"), None);
    }
}
