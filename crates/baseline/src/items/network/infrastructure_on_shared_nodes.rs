//! NW-04.

use std::collections::BTreeSet;

use plumbline_inventory::facts::NodeFacts;
use plumbline_inventory::{Inventory, RootKey};

use crate::context::NodeView;
use crate::infrastructure::{infrastructure, is_ingress_controller};
use crate::items::item;
use crate::networks::{READS_NODES, list_with_namespaces};
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// The control plane, infrastructure services and storage run on nodes of their own, and no applications beside
    /// them.
    ///
    /// ## Why it matters
    ///
    /// Who breaks out of a container is on its node, and has what else runs there: on a control-plane node the
    /// cluster, beside a registry or Vault whatever everybody else trusts.
    ///
    /// ## How it decides
    ///
    /// For each node. Pods of `DaemonSet`s and mirror pods are ignored: they run everywhere, or belong to the node.
    ///
    /// - `Fail`, reason `ControlPlaneSchedulable`: a node labelled `node-role.kubernetes.io/control-plane` (or
    ///   `master`) has no taint `NoSchedule` or `NoExecute`.
    /// - `Fail`, reason `UserPodsOnControlPlane`: on such a node runs a workload that is neither infrastructure nor in
    ///   one of `spec.systemNamespaces` or `spec.infrastructureNamespaces`. So it is on a cluster of a single node.
    /// - `Fail`, reason `InfrastructureSharesNode`: infrastructure and other workloads run on one node though there is
    ///   a pool for the former: a node that is labelled and tainted as one (a key or value with `infra`, `storage`,
    ///   `platform`, `monitoring`, `logging` or `ingress` in it, as label and as taint). Infrastructure is what NW-03
    ///   recognises, ingress controllers too.
    /// - `NeedsAttestation`: nothing contradicts it. Network segments and VLANs are not seen by the API, nor are the
    ///   nodes of a managed control plane.
    /// - `NotApplicable`: no nodes, as with manifests.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: Node
    /// metadata: {name: infra-1, labels: {node-role.kubernetes.io/infra: ""}}
    /// spec: {taints: [{key: node-role.kubernetes.io/infra, effect: NoSchedule}]}
    /// ```
    ///
    /// ## How to fix
    ///
    /// Label and taint a pool of nodes for infrastructure and give its workloads the node selector and the toleration.
    /// Keep the taint of control-plane nodes, and take tolerations for it away from applications.
    id: "NW-04",
    slug: "infrastructure-on-shared-nodes",
    title: "Infrastructure services, control plane and storage sit on isolated nodes in their own network segment",
    section: Network,
    level: Required,
    severity: Medium,
    class: C,
    scope: Node,
    empty: NotApplicable,
    since: "0.1",
    reads: READS_NODES,
    optional: &[],
    failing: ("mixes infrastructure and applications", "mix infrastructure and applications"),
    remediation: "Taint and label a pool of nodes for infrastructure, pin its workloads there, and keep applications off control-plane nodes.",
    references: ["Kubescape C-0278"],
    systems: [],
    checks: [Check::Node(check)],
}

/// Labels of nodes of the control plane.
const CONTROL_PLANE: [&str; 2] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
];

/// Words in labels and taints by which pools for infrastructure are named.
const POOLS: [&str; 6] = ["infra", "storage", "platform", "monitoring", "logging", "ingress"];

fn check(node: &NodeView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let parameters = context.parameters;
    let (mut applications, mut services) = (BTreeSet::<RootKey>::new(), BTreeSet::<RootKey>::new());
    for (root, pod) in node.pods(context.inventory) {
        let of_namespace = parameters.infrastructure_namespaces.contains(&*root.namespace);
        let is_service = infrastructure(&pod.template, &pod.labels, parameters).is_some()
            || is_ingress_controller(&pod.template);
        if of_namespace || is_service {
            services.insert(root);
        } else if !parameters.system_namespaces.contains(&*root.namespace) {
            applications.insert(root);
        }
    }
    if CONTROL_PLANE
        .iter()
        .any(|label| node.facts.labels.get(label).is_some())
    {
        if !node.facts.taints.iter().any(|taint| taint.repels()) {
            let message = "a node of the control plane without a taint NoSchedule or NoExecute";
            findings.object("ControlPlaneSchedulable", message);
        }
        if !applications.is_empty() {
            let message = format!(
                "runs on a node of the control plane: {}",
                list_with_namespaces(&applications)
            );
            findings.object("UserPodsOnControlPlane", message);
        }
    } else if !services.is_empty() && !applications.is_empty() && has_pool(context.inventory) {
        let message = format!(
            "infrastructure ({}) beside applications ({})",
            list_with_namespaces(&services),
            list_with_namespaces(&applications)
        );
        findings.object("InfrastructureSharesNode", message);
    }
}

fn has_pool(inventory: &Inventory) -> bool {
    inventory.nodes().any(|(_, node)| is_of_pool(node))
}

/// Whether a node is both labelled and tainted as one for infrastructure.
fn is_of_pool(node: &NodeFacts) -> bool {
    let says = |key: &str, value: &str| {
        POOLS
            .iter()
            .any(|word| key.contains(word) || value.contains(word))
    };
    let mut taints = node.taints.iter().filter(|taint| taint.repels());
    taints.any(|taint| says(&taint.key, &taint.value))
        && node
            .labels
            .iter()
            .any(|(key, value)| !CONTROL_PLANE.contains(&key) && says(key, value))
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a control plane of its own, with what belongs there", "
apiVersion: v1
kind: Node
metadata: {name: cp, labels: {node-role.kubernetes.io/control-plane: ''}}
spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]}
---
apiVersion: v1
kind: Pod
metadata: {name: dns, namespace: kube-system}
spec: {nodeName: cp, containers: [{name: a, image: 'coredns:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: agent, uid: x, controller: true}]}
spec: {nodeName: cp, containers: [{name: a, image: 'a:1'}]}"),
            ("without a pool nothing says that they should be apart", "
apiVersion: v1
kind: Node
metadata: {name: worker}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {nodeName: worker, containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: vault, namespace: vault}
spec: {nodeName: worker, containers: [{name: a, image: 'hashicorp/vault:1'}]}"),
        ],
        fail: &[
            ("a control plane that takes everybody in", "
apiVersion: v1
kind: Node
metadata: {name: cp, labels: {node-role.kubernetes.io/control-plane: ''}}
spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: PreferNoSchedule}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {nodeName: cp, containers: [{name: a, image: 'a:1'}]}",
             &["Node cp: ControlPlaneSchedulable", "Node cp: UserPodsOnControlPlane"]),
            ("infrastructure beside applications though there is a pool", "
apiVersion: v1
kind: Node
metadata: {name: infra, labels: {node-role.kubernetes.io/infra: ''}}
spec: {taints: [{key: node-role.kubernetes.io/infra, effect: NoSchedule}]}
---
apiVersion: v1
kind: Node
metadata: {name: worker}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {nodeName: worker, containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: vault, namespace: vault}
spec: {nodeName: worker, containers: [{name: a, image: 'hashicorp/vault:1'}]}",
             &["Node worker: InfrastructureSharesNode"]),
        ],
        not_applicable: &[("no nodes", "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}")],
        unknown: &[],
        parameters: None,
    };
}
