//! What the items on the network have in common: whether policies are enforced, whether they can be read, and how
//! workloads are named.

use plumbline_inventory::{Kind, Name, RootKey};
use plumbline_network::Enforcement;

use crate::context::Context;
use crate::findings::{Findings, ObjectRef};

/// What an item reads that asks who may talk to whom: workloads and policies of namespaces.
pub(crate) const READS: &[Kind] = &Kind::with_workloads::<11>(&[Kind::Namespace, Kind::NetworkPolicy]);

/// The same, with what leads traffic in, and nodes.
pub(crate) const READS_ENTRIES: &[Kind] = &Kind::with_workloads::<14>(&[
    Kind::Namespace,
    Kind::NetworkPolicy,
    Kind::Service,
    Kind::Ingress,
    Kind::Node,
]);

/// What an item reads that looks at nodes and at the pods on them.
pub(crate) const READS_NODES: &[Kind] = &[Kind::Namespace, Kind::Node, Kind::Pod];

/// The same, with what leads traffic to pods.
pub(crate) const READS_NODES_AND_SERVICES: &[Kind] = &[Kind::Namespace, Kind::Node, Kind::Pod, Kind::Service];

/// Policies of the whole cluster, where there are any.
pub(crate) const CLUSTER_POLICIES: &[Kind] = &[
    Kind::AdminNetworkPolicy,
    Kind::BaselineAdminNetworkPolicy,
    Kind::ClusterNetworkPolicy,
];

/// The Gateway API, where there is one.
pub(crate) const GATEWAY_API: &[Kind] = &[
    Kind::Gateway,
    Kind::HttpRoute,
    Kind::GrpcRoute,
    Kind::TlsRoute,
    Kind::TcpRoute,
    Kind::UdpRoute,
];

/// The most workloads that a message names.
const NAMES: usize = 5;

/// Says of the object under evaluation what keeps its policies from counting: nobody enforces them, it is not known
/// whether somebody does, or they do not say what they seem to.
pub(crate) fn check_policies_count(namespace: &Name, context: &Context<'_>, findings: &mut Findings) {
    let problems = context.network.problems_in(namespace);
    if let Some(problem) = problems.first().or(context.network.cluster_problems().first()) {
        findings.unknown("InvalidPolicy", problem.to_string());
    }
    if context.inventory.is_offline() {
        return;
    }
    match context.network.enforcement() {
        Enforcement::By(..) => {}
        Enforcement::Not(plugin, at) => findings.object(
            "NotEnforced",
            format!(
                "{} does not enforce network policies, and no other network plugin is recognised ({at})",
                plugin.name,
                at = named(&at)
            ),
        ),
        Enforcement::Unknown => findings.unknown(
            "EnforcementUnknown",
            "no network plugin is recognised by the DaemonSets of the cluster: whether policies are enforced is not known",
        ),
    }
}

/// Who enforces policies, for the message of an item that nothing contradicts.
pub(crate) fn enforcer(context: &Context<'_>) -> String {
    if context.inventory.is_offline() {
        return "that a network plugin enforces policies is assumed".to_owned();
    }
    match context.network.enforcement() {
        Enforcement::By(plugin, at) => format!("enforced by {} ({})", plugin.name, named(&at)),
        Enforcement::Not(plugin, _) => format!("not enforced by {}", plugin.name),
        Enforcement::Unknown => "whether policies are enforced is not known".to_owned(),
    }
}

/// `DaemonSet kube-system/cilium`.
pub(crate) fn named(key: &RootKey) -> String {
    format!("{} {}/{}", key.kind, key.namespace, key.name)
}

/// `Deployment web, StatefulSet db and 3 more`: workloads of one namespace.
pub(crate) fn list<'a>(keys: impl IntoIterator<Item = &'a RootKey>) -> String {
    few(keys.into_iter().map(|key| format!("{} {}", key.kind, key.name)))
}

/// `Deployment shop/web, StatefulSet bank/db and 3 more`.
pub(crate) fn list_with_namespaces<'a>(keys: impl IntoIterator<Item = &'a RootKey>) -> String {
    few(keys.into_iter().map(named))
}

/// The first few names, and how many more there are.
fn few(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let shown = names[..names.len().min(NAMES)].join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl From<&RootKey> for ObjectRef {
    fn from(key: &RootKey) -> Self {
        Self {
            namespace: Some(Name::clone(&key.namespace)),
            kind: key.kind,
            name: Name::clone(&key.name),
        }
    }
}
