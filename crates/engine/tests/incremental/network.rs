//! Objects that say who may talk to whom and who leads traffic in, and probes that tell all that follows from them.

use plumbline_baseline::{Check, Context, Findings, ImageView, Item, NodeView, Scope};
use plumbline_inventory::Kind;
use plumbline_inventory::testing::{Manifest, live};
use plumbline_inventory::views::NamespaceView;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::probes::{probe, tell};
use crate::stream::{NAMES, NAMESPACES};

const READS: &[Kind] = &Kind::with_workloads::<11>(&[Kind::Namespace, Kind::Node]);

/// Probes that tell what the network says, what is on nodes, and which images run.
pub(crate) fn probes() -> [&'static Item; 3] {
    [
        probe(
            "P-13",
            Scope::Namespace,
            READS,
            Kind::NETWORK,
            &[Check::Namespace(whole_network)],
        ),
        probe(
            "P-14",
            Scope::Node,
            READS,
            &[Kind::Service],
            &[Check::Node(whole_node)],
        ),
        probe(
            "P-15",
            Scope::Image,
            Kind::WORKLOADS,
            &[],
            &[Check::Image(whole_image)],
        ),
    ]
}

fn whole_network(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let (network, name) = (context.network, namespace.name());
    tell(
        findings,
        "Isolation",
        format!("{:?}", network.isolation(namespace)),
    );
    tell(findings, "Permits", format!("{:?}", network.permits(name)));
    tell(findings, "Open", format!("{:?}", network.open_rules_in(name)));
    tell(findings, "By", format!("{:?}", network.entries_by(namespace)));
    tell(findings, "Into", format!("{:?}", network.entries_into(namespace)));
    let gateways: Vec<_> = namespace
        .routes()
        .flat_map(|(_, _, route)| &route.gateways)
        .filter_map(|(place, gateway)| {
            let place = place.as_ref().unwrap_or(name);
            context.inventory.namespace(place)?.gateway(gateway)
        })
        .collect();
    tell(findings, "Gateways", format!("{gateways:?}"));
    let trouble = (network.problems_in(name), network.cluster_problems());
    tell(findings, "Trouble", format!("{trouble:?}"));
    let cluster = (network.enforcement(), network.cluster_ranges());
    tell(findings, "Cluster", format!("{cluster:?}"));
    findings.track(network.permits(name).fingerprint());
}

fn whole_node(node: &NodeView<'_>, context: &Context<'_>, findings: &mut Findings) {
    tell(findings, "Itself", format!("{:?}", node.facts));
    for (root, pod) in node.pods(context.inventory) {
        let namespace = context.inventory.namespace(&root.namespace);
        let services: Vec<_> = namespace.into_iter().flat_map(|n| n.services()).collect();
        let facts = namespace.and_then(|namespace| namespace.facts());
        tell(
            findings,
            "Runs",
            format!(
                "{root:?} {:?} {:?} {services:?} {facts:?}",
                pod.labels, pod.template
            ),
        );
    }
    let others: Vec<_> = context.inventory.nodes().collect();
    tell(findings, "Others", format!("{others:?}"));
}

fn whole_image(image: ImageView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let said: Vec<_> = image.dockerfile_scans(context.inventory).collect();
    tell(findings, "Image", format!("{} {said:?}", image.digest));
}

/// Policies of each kind, and what leads traffic in.
pub(crate) fn object() -> impl Strategy<Value = Manifest> {
    prop_oneof![4 => policy(), 2 => cluster_policy(), 3 => entry()]
}

fn place() -> impl Strategy<Value = (&'static str, &'static str)> {
    (select(&NAMESPACES[..]), select(&NAMES[..]))
}

fn selector() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({ "matchLabels": { "security": "raised" } }),
        json!({ "matchExpressions": [{ "key": "security", "operator": "NotIn", "values": ["raised"] }] }),
        json!({ "matchLabels": { "controller-revision-hash": "r1" } }),
        json!({ "matchExpressions": [{ "key": "security", "operator": "In" }] }),
    ])
}

fn peer() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => selector().prop_map(|pods| json!({ "podSelector": pods })),
        2 => selector().prop_map(|namespaces| json!({ "namespaceSelector": namespaces })),
        1 => (selector(), selector()).prop_map(|(pods, all)| json!({ "podSelector": pods, "namespaceSelector": all })),
        2 => select(vec!["0.0.0.0/0", "::/0", "10.0.0.0/8", "10.0.0.0/99"])
            .prop_map(|cidr| json!({ "ipBlock": { "cidr": cidr } })),
    ]
}

fn rule(peers: &'static str) -> impl Strategy<Value = Value> {
    let ports = select(vec![
        json!([]),
        json!([{ "port": 80 }]),
        json!([{ "port": 10250 }]),
    ]);
    (prop::collection::vec(peer(), 0..3), ports)
        .prop_map(move |(these, ports)| json!({ (peers): these, "ports": ports }))
}

fn policy() -> impl Strategy<Value = Manifest> {
    let types = select(vec![
        json!(["Ingress"]),
        json!(["Egress"]),
        json!(["Ingress", "Egress"]),
        Value::Null,
    ]);
    let rules = (
        prop::collection::vec(rule("from"), 0..2),
        prop::collection::vec(rule("to"), 0..2),
    );
    (place(), selector(), types, rules).prop_map(|((namespace, name), pods, types, (ingress, egress))| {
        let spec = json!({ "podSelector": pods, "policyTypes": types, "ingress": ingress, "egress": egress });
        live(Kind::NetworkPolicy, name)
            .namespace(namespace)
            .set("spec", spec)
    })
}

fn cluster_policy() -> impl Strategy<Value = Manifest> {
    let action = select(vec!["Allow", "Deny", "Pass"]);
    let kind = select(vec![
        Kind::AdminNetworkPolicy,
        Kind::BaselineAdminNetworkPolicy,
        Kind::ClusterNetworkPolicy,
    ]);
    let whom = (selector(), selector());
    (kind, select(&NAMES[..]), action, whom, any::<bool>()).prop_map(
        |(kind, name, action, (about, peers), egress)| {
            let (direction, peer) = if egress {
                ("egress", "to")
            } else {
                ("ingress", "from")
            };
            let rule = json!({ "action": action, (peer): [{ "namespaces": peers }] });
            let mut spec = json!({ "priority": 1, "subject": { "namespaces": about }, (direction): [rule] });
            if kind == Kind::ClusterNetworkPolicy {
                spec["tier"] = json!(if egress { "Admin" } else { "Baseline" });
            }
            live(kind, name).set("spec", spec)
        },
    )
}

fn entry() -> impl Strategy<Value = Manifest> {
    let kind = select(vec![
        Kind::Service,
        Kind::Service,
        Kind::Ingress,
        Kind::HttpRoute,
        Kind::Gateway,
    ]);
    let service = select(vec!["ClusterIP", "NodePort", "LoadBalancer"]);
    (kind, place(), place(), service, any::<bool>()).prop_map(|(kind, (namespace, name), (other, target), service, open)| {
        let object = live(kind, name).namespace(namespace);
        let address = if open { "192.0.2.9" } else { "10.9.9.9" };
        match kind {
            Kind::Service => object
                .set("spec.type", service)
                .set("spec.selector", json!({ "security": if open { "raised" } else { "normal" } }))
                .push("spec.ports", json!({ "port": 80, "nodePort": 30080 }))
                .push("status.loadBalancer.ingress", json!({ "ip": address })),
            Kind::Ingress => object
                .set("spec.defaultBackend.service", json!({ "name": target, "port": { "number": 80 } }))
                .push("status.loadBalancer.ingress", json!({ "ip": address })),
            Kind::HttpRoute => object
                .push("spec.parentRefs", json!({ "name": name, "namespace": other }))
                .push(
                    "spec.rules",
                    json!({ "backendRefs": [{ "name": target, "namespace": if open { other } else { namespace }, "port": 80 }] }),
                ),
            _ => object.push("status.addresses", json!({ "value": address })),
        }
    })
}
