//! Which pods are on which node. What runs on every node (pods of a `DaemonSet`) and what belongs to its node (mirror
//! pods) is left out: it says nothing of what the node is for, and there is most of it.

use crate::facts::Pod;
use crate::inventory::Inventory;
use crate::kind::Kind;
use crate::names::Name;
use crate::roots::RootKey;

impl Inventory {
    /// Live pods on a node with the workloads that they count for, ordered; those of a `DaemonSet`, mirror pods, and
    /// those of namespaces that are not in scope are left out.
    pub fn pods_on<'a>(&'a self, node: &str) -> impl Iterator<Item = (RootKey, &'a Name, &'a Pod)> + use<'a> {
        let placed = self.placed.get(node).into_iter().flatten();
        placed.filter_map(|(namespace, name)| {
            let content = self.namespace(namespace)?.content;
            let (name, pod) = content.pods.entry(name).filter(|(_, pod)| !pod.terminated)?;
            let (kind, root) = content.root_of_pod(name, pod);
            let root = RootKey {
                namespace: Name::clone(namespace),
                kind,
                name: root,
            };
            Some((root, name, pod))
        })
    }

    /// Nodes that pods of a namespace are on, in scope or not.
    pub fn nodes_of(&self, namespace: &str) -> impl Iterator<Item = &Name> {
        let content = self.namespaces.get(namespace);
        let pods = content.into_iter().flat_map(|content| content.pods.iter());
        pods.filter_map(|(_, pod)| place(pod))
    }

    /// Notes that a pod is where it is now, and no longer where it was.
    pub(crate) fn note_place(&mut self, namespace: &Name, name: &Name, before: Option<&Pod>) {
        let content = self.namespaces.get(namespace);
        let pod = content.and_then(|content| content.pods.get(name));
        let (now, before) = (pod.and_then(place).cloned(), before.and_then(place).cloned());
        if now != before {
            let entry = (Name::clone(namespace), Name::clone(name));
            if let Some(before) = &before
                && let Some(pods) = self.placed.get_mut(before)
            {
                pods.remove(&entry);
                if pods.is_empty() {
                    self.placed.remove(before);
                }
            }
            if let Some(now) = &now {
                self.placed.entry(Name::clone(now)).or_default().insert(entry);
            }
        }
        self.dirty.nodes.extend(now.into_iter().chain(before));
    }

    /// Notes that a pod is where it was, and may count for another workload.
    pub(crate) fn note_place_again(&mut self, namespace: &Name, name: &Name) {
        let content = self.namespaces.get(namespace);
        let pod = content.and_then(|content| content.pods.get(name));
        self.dirty.nodes.extend(pod.and_then(place).cloned());
    }
}

/// The node of a pod, if it counts there.
fn place(pod: &Pod) -> Option<&Name> {
    let of_daemon_set = pod
        .owner
        .as_ref()
        .is_some_and(|owner| owner.known == Some(Kind::DaemonSet));
    pod.node.as_ref().filter(|_| !of_daemon_set && !pod.mirror)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Manifest, live};

    fn pod(name: &str, node: &str) -> Manifest {
        live(Kind::Pod, name).namespace("shop").set("spec.nodeName", node)
    }

    fn on(inventory: &Inventory, node: &str) -> Vec<String> {
        let pods = inventory.pods_on(node);
        pods.map(|(root, pod, _)| format!("{}/{} {pod}", root.kind, root.name))
            .collect()
    }

    fn dirty(inventory: &mut Inventory) -> Vec<String> {
        let nodes = inventory.take_dirty().nodes;
        nodes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn pods_are_found_on_their_node_under_their_root() {
        let mut inventory = Inventory::live();
        inventory.apply(live(Kind::Namespace, "shop").object());
        let replicas = live(Kind::ReplicaSet, "web").namespace("shop");
        inventory.apply(pod("web-1", "n1").owned_by(&replicas).object());
        inventory.apply(pod("one", "n1").object());
        let agents = live(Kind::DaemonSet, "agent").namespace("shop");
        inventory.apply(pod("agent-1", "n1").owned_by(&agents).object());
        assert_eq!(on(&inventory, "n1"), ["Pod/one one", "Pod/web-1 web-1"]);
        assert_eq!(dirty(&mut inventory), ["n1"]);
        // Its owner comes, and all of its pods count for it.
        inventory.apply(replicas.object());
        assert_eq!(on(&inventory, "n1"), ["Pod/one one", "ReplicaSet/web web-1"]);
        assert_eq!(dirty(&mut inventory), ["n1"]);
        inventory.apply(pod("one", "n2").object());
        assert_eq!(on(&inventory, "n2"), ["Pod/one one"]);
        assert_eq!(dirty(&mut inventory), ["n1", "n2"]);
        inventory.delete(&pod("one", "n2").id());
        assert_eq!(on(&inventory, "n2"), Vec::<String>::new());
        assert_eq!(dirty(&mut inventory), ["n2"]);
        inventory.apply(
            pod("web-1", "n1")
                .owned_by(&replicas)
                .set("status.phase", "Failed")
                .object(),
        );
        assert_eq!(on(&inventory, "n1"), Vec::<String>::new());
    }
}
