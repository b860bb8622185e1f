//! NW-06.

use std::collections::BTreeSet;

use plumbline_inventory::RootKey;
use plumbline_inventory::entries::ServiceType;
use plumbline_inventory::facts::{NodeFacts, Pod};
use plumbline_inventory::views::NamespaceView;

use crate::context::NodeView;
use crate::infrastructure::{is_data_store, is_ingress_controller};
use crate::items::item;
use crate::networks::{READS_NODES_AND_SERVICES, list_with_namespaces};
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// What faces the Internet runs on nodes that are set apart for it (a DMZ), and no internal service beside it.
    ///
    /// ## Why it matters
    ///
    /// What takes connections from outside is what is attacked first. On a node of its own there is nothing beside it
    /// to take.
    ///
    /// ## How it decides
    ///
    /// Nodes count that are set up as a DMZ (labelled and tainted `NoSchedule` or `NoExecute`, both with `dmz`, `edge`,
    /// `ingress` or `public` in key or value), and those on which something runs that faces the Internet: an ingress
    /// controller (by its image), a pod with a host port, one that a Service of type `LoadBalancer` or `NodePort` or
    /// with external addresses leads to. Pods of `DaemonSet`s and mirror pods are ignored.
    ///
    /// - `Fail`, reason `DataStoreInDmz`: a data store (by its image: `PostgreSQL`, `MySQL`, `Redis`, `etcd`, `Kafka` …)
    ///   runs on a node that is set up as a DMZ.
    /// - `NeedsAttestation`: nothing contradicts it.
    /// - `NotApplicable`: nothing faces the Internet and no node is a DMZ, or there are no nodes, as with manifests.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: Node
    /// metadata: {name: edge-1, labels: {pool: dmz}}
    /// spec: {taints: [{key: pool, value: dmz, effect: NoSchedule}]}
    /// ```
    ///
    /// ## How to fix
    ///
    /// Label and taint a pool of nodes as the DMZ, pin ingress controllers and other published workloads there, and
    /// take the toleration away from everything else.
    id: "NW-06",
    slug: "no-dmz-nodes",
    title: "Nodes that face the Internet are apart from nodes that serve internal services",
    section: Network,
    level: Recommended,
    severity: Low,
    class: C,
    scope: Node,
    empty: NotApplicable,
    since: "0.1",
    reads: READS_NODES_AND_SERVICES,
    optional: &[],
    failing: ("mixes what faces the Internet with data stores", "mix what faces the Internet with data stores"),
    remediation: "Keep data stores off the nodes of the DMZ: label and taint its pool, and tolerate the taint only in what faces the Internet.",
    references: ["Kubescape C-0256"],
    systems: [],
    checks: [Check::Node(check)],
}

/// Words in labels and taints by which nodes of a DMZ are named.
const DMZ: [&str; 4] = ["dmz", "edge", "ingress", "public"];

fn check(node: &NodeView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let is_dmz = is_dmz(node.facts);
    let mut stores = BTreeSet::<RootKey>::new();
    let mut faces = false;
    for (root, pod) in node.pods(context.inventory) {
        let namespace = context.inventory.namespace(&root.namespace);
        faces = faces || namespace.is_some_and(|namespace| faces_the_internet(pod, namespace));
        if is_data_store(&pod.template) {
            stores.insert(root);
        }
    }
    if !is_dmz && !faces {
        findings.not_applicable();
    } else if is_dmz && !stores.is_empty() {
        let message = format!(
            "data stores on a node of the DMZ: {}",
            list_with_namespaces(&stores)
        );
        findings.object("DataStoreInDmz", message);
    }
}

/// Whether a node is both labelled and tainted as one of a DMZ.
fn is_dmz(node: &NodeFacts) -> bool {
    let says = |key: &str, value: &str| DMZ.iter().any(|word| key.contains(word) || value.contains(word));
    let mut taints = node.taints.iter().filter(|taint| taint.repels());
    taints.any(|taint| says(&taint.key, &taint.value))
        && node.labels.iter().any(|(key, value)| says(key, value))
}

/// Whether connections from outside the cluster come to this pod itself.
fn faces_the_internet(pod: &Pod, namespace: NamespaceView<'_>) -> bool {
    let mut ports = pod
        .template
        .containers
        .iter()
        .flat_map(|container| &container.ports);
    let has_host_port = ports.any(|port| port.host_port.is_some());
    let is_led_to = || {
        namespace.services().any(|(_, service)| {
            let open = matches!(service.kind, ServiceType::LoadBalancer | ServiceType::NodePort)
                || !service.external_ips.is_empty();
            let mut selector = service.selector.iter().peekable();
            open && selector.peek().is_some()
                && selector.all(|(key, value)| pod.labels.get(key) == Some(value))
        })
    };
    has_host_port || is_ingress_controller(&pod.template) || is_led_to()
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            (
                "an ingress controller on a node of the DMZ",
                "
apiVersion: v1
kind: Node
metadata: {name: edge, labels: {pool: dmz}}
spec: {taints: [{key: pool, value: dmz, effect: NoSchedule}]}
---
apiVersion: v1
kind: Pod
metadata: {name: in, namespace: ingress}
spec: {nodeName: edge, containers: [{name: a, image: 'traefik:v3'}]}",
            ),
            (
                "where no node is set apart, people have the last word",
                "
apiVersion: v1
kind: Node
metadata: {name: worker}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: worker, containers: [{name: a, image: 'web:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop}
spec: {nodeName: worker, containers: [{name: a, image: 'postgres:17'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80}]}",
            ),
        ],
        fail: &[(
            "a data store on a node of the DMZ",
            "
apiVersion: v1
kind: Node
metadata: {name: edge, labels: {pool: dmz}}
spec: {taints: [{key: pool, value: dmz, effect: NoSchedule}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop}
spec: {nodeName: edge, containers: [{name: a, image: 'docker.io/library/postgres:17'}]}",
            &["Node edge: DataStoreInDmz"],
        )],
        not_applicable: &[(
            "nothing faces the Internet",
            "
apiVersion: v1
kind: Node
metadata: {name: worker}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop}
spec: {nodeName: worker, containers: [{name: a, image: 'postgres:17'}]}",
        )],
        unknown: &[],
        parameters: None,
    };
}
