//! Random clusters: few names and few labels, so that policies meet pods.

use plumbline_inventory::Kind;
use plumbline_inventory::testing::{Manifest, live, written};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const NAMESPACES: [&str; 3] = ["a", "b", "c"];

/// Namespaces, pods and policies of every kind, no two of one name.
pub(crate) fn cluster() -> impl Strategy<Value = Vec<Manifest>> {
    let objects = vec(object(), 4..24);
    objects.prop_map(|objects| {
        let mut by_id = std::collections::BTreeMap::new();
        for object in objects {
            by_id.insert(object.id(), object);
        }
        by_id.into_values().collect()
    })
}

/// One object; among few, so that the same one comes up again in another form.
pub(crate) fn object() -> impl Strategy<Value = Manifest> {
    prop_oneof![
        3 => namespace(),
        8 => pod(),
        6 => network_policy(),
        3 => cluster_policy(),
    ]
}

/// The same object as the API server would send it.
pub(crate) fn admitted(object: &Manifest) -> Manifest {
    let id = object.id();
    let namespace = id.namespace.as_deref().unwrap_or_default();
    object
        .clone()
        .uid(&format!("{} {namespace} {}", id.kind, id.name))
}

fn namespace() -> impl Strategy<Value = Manifest> {
    let labels = labels(&["team", "env"], &["x", "y"]);
    (select(&NAMESPACES[..]), labels)
        .prop_map(|(name, labels)| written(Kind::Namespace, name).set("metadata.labels", labels))
}

fn pod() -> impl Strategy<Value = Manifest> {
    let labels = labels(&["app", "tier", "noise"], &["x", "y", "z"]);
    let port = (
        select(&["http", "dns", "x"][..]),
        select(&[80, 8080, 53][..]),
        protocol(),
    );
    let ports = vec(port, 0..3);
    let kind = prop_oneof![8 => Just(""), 1 => Just("host"), 1 => Just("over")];
    (select(&NAMESPACES[..]), 0..4, labels, ports, kind).prop_map(|(namespace, name, labels, ports, kind)| {
        let ports = ports.into_iter().map(|(name, number, protocol)| {
            let mut port = json!({ "name": name, "containerPort": number });
            if let Some(protocol) = protocol {
                port["protocol"] = protocol.into();
            }
            port
        });
        let pod = written(Kind::Pod, &format!("p{name}"))
            .namespace(namespace)
            .set("metadata.labels", labels)
            .set(
                "spec.containers",
                json!([{ "name": "main", "image": "x", "ports": ports.collect::<Value>() }]),
            );
        match kind {
            "host" => pod.set("spec.hostNetwork", true),
            "over" => pod.set("status.phase", "Succeeded"),
            _ => pod,
        }
    })
}

fn labels(keys: &'static [&'static str], values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let label = (select(keys), select(values));
    vec(label, 0..3).prop_map(|labels| {
        let map: Map<String, Value> = labels
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.into()))
            .collect();
        Value::Object(map)
    })
}

fn selector(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let requirement =
        (select(keys), 0..4, vec(select(&["x", "y", "z"][..]), 1..3)).prop_map(|(key, operator, values)| {
            match operator {
                0 => json!({ "key": key, "operator": "In", "values": values }),
                1 => json!({ "key": key, "operator": "NotIn", "values": values }),
                2 => json!({ "key": key, "operator": "Exists" }),
                _ => json!({ "key": key, "operator": "DoesNotExist" }),
            }
        });
    prop_oneof![
        3 => Just(json!({})),
        4 => labels(keys, &["x", "y", "z"]).prop_map(|labels| json!({ "matchLabels": labels })),
        2 => vec(requirement, 1..3).prop_map(|all| json!({ "matchExpressions": all })),
    ]
}

fn pods() -> impl Strategy<Value = Value> {
    selector(&["app", "tier"])
}

fn namespaces() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => selector(&["team", "env"]),
        1 => select(&NAMESPACES[..]).prop_map(|name| json!({ "matchLabels": { "kubernetes.io/metadata.name": name } })),
    ]
}

fn protocol() -> impl Strategy<Value = Option<&'static str>> {
    select(&[None, Some("TCP"), Some("UDP"), Some("SCTP")][..])
}

fn block() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.1.0.0/16",
            "::/0",
            "fd00::/8",
            "192.0.2.0/24",
        ][..],
    )
}

fn network_policy() -> impl Strategy<Value = Manifest> {
    let types = prop_oneof![
        Just(None),
        Just(Some(json!(["Ingress"]))),
        Just(Some(json!(["Egress"]))),
        Just(Some(json!(["Ingress", "Egress"]))),
    ];
    let rules = |peers| vec(rule(peers), 0..3);
    (
        select(&NAMESPACES[..]),
        0..3,
        pods(),
        types,
        rules("from"),
        rules("to"),
    )
        .prop_map(|(namespace, name, subject, types, ingress, egress)| {
            let policy = written(Kind::NetworkPolicy, &format!("n{name}"))
                .namespace(namespace)
                .set(
                    "spec",
                    json!({ "podSelector": subject, "ingress": ingress, "egress": egress }),
                );
            match types {
                Some(types) => policy.set("spec.policyTypes", types),
                None => policy,
            }
        })
}

fn rule(peers: &'static str) -> impl Strategy<Value = Value> {
    let peer = prop_oneof![
        pods().prop_map(|pods| json!({ "podSelector": pods })),
        namespaces().prop_map(|namespaces| json!({ "namespaceSelector": namespaces })),
        (pods(), namespaces()).prop_map(|(p, n)| json!({ "podSelector": p, "namespaceSelector": n })),
        block().prop_map(|cidr| json!({ "ipBlock": { "cidr": cidr } })),
        Just(json!({ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] } })),
    ];
    let port = prop_oneof![
        protocol().prop_map(|protocol| json!({ "protocol": protocol })),
        (protocol(), select(&[80, 81, 53, 8080][..])).prop_map(|(p, n)| json!({ "protocol": p, "port": n })),
        protocol().prop_map(|p| json!({ "protocol": p, "port": 79, "endPort": 80 })),
        (protocol(), select(&["http", "dns"][..])).prop_map(|(p, n)| json!({ "protocol": p, "port": n })),
    ];
    (vec(peer, 0..3), vec(port, 0..3)).prop_map(move |(peer, ports)| {
        let mut rule = json!({ (peers): peer, "ports": ports });
        for list in [peers, "ports"] {
            if rule[list] == json!([]) {
                rule.as_object_mut().unwrap().remove(list);
            }
        }
        rule
    })
}

fn cluster_policy() -> impl Strategy<Value = Manifest> {
    let alone = (0..3, 0..1000, subject(), rules(&["Allow", "Deny", "Pass"], true)).prop_map(
        |(name, priority, subject, rules)| {
            let policy = written(Kind::AdminNetworkPolicy, &format!("c{name}"));
            policy.set("spec", spec(&json!({ "priority": priority }), &subject, rules))
        },
    );
    let baseline = (subject(), rules(&["Allow", "Deny"], true)).prop_map(|(subject, rules)| {
        written(Kind::BaselineAdminNetworkPolicy, "default").set("spec", spec(&json!({}), &subject, rules))
    });
    let tiers = select(&["Admin", "Baseline"][..]);
    let merged = (
        0..3,
        tiers,
        0..1000,
        subject(),
        rules(&["Accept", "Deny", "Pass"], false),
    )
        .prop_map(|(name, tier, priority, subject, rules)| {
            let policy = written(Kind::ClusterNetworkPolicy, &format!("c{name}"));
            policy.set(
                "spec",
                spec(&json!({ "tier": tier, "priority": priority }), &subject, rules),
            )
        });
    prop_oneof![2 => alone, 1 => baseline, 3 => merged]
}

fn spec(more: &Value, subject: &Value, (ingress, egress): (Vec<Value>, Vec<Value>)) -> Value {
    let mut spec = more.clone();
    spec["subject"] = subject.clone();
    spec["ingress"] = ingress.into();
    spec["egress"] = egress.into();
    spec
}

fn subject() -> impl Strategy<Value = Value> {
    prop_oneof![
        namespaces().prop_map(|namespaces| json!({ "namespaces": namespaces })),
        (pods(), namespaces())
            .prop_map(|(p, n)| json!({ "pods": { "podSelector": p, "namespaceSelector": n } })),
    ]
}

fn rules(actions: &'static [&'static str], alpha1: bool) -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    let networks = vec(block(), 1..3).prop_map(|blocks| json!({ "networks": blocks }));
    let to = prop_oneof![3 => subject(), 1 => networks];
    let ingress = (select(actions), vec(subject(), 1..3), cluster_ports(alpha1));
    let egress = (select(actions), vec(to, 1..3), cluster_ports(alpha1));
    let ports = if alpha1 { "ports" } else { "protocols" };
    let rule = move |peers: &'static str| {
        move |(action, peer, list): (&str, Vec<Value>, Vec<Value>)| {
            let mut rule = json!({ "action": action, (peers): peer });
            if !list.is_empty() {
                rule[ports] = list.into();
            }
            rule
        }
    };
    (
        vec(ingress.prop_map(rule("from")), 0..3),
        vec(egress.prop_map(rule("to")), 0..3),
    )
}

fn cluster_ports(alpha1: bool) -> BoxedStrategy<Vec<Value>> {
    let number = select(&[80, 81, 53, 8080][..]);
    let name = select(&["http", "dns"][..]);
    if alpha1 {
        let port = prop_oneof![
            (protocol(), number).prop_map(|(p, n)| json!({ "portNumber": { "protocol": p, "port": n } })),
            protocol().prop_map(|p| json!({ "portRange": { "protocol": p, "start": 79, "end": 80 } })),
            name.prop_map(|name| json!({ "namedPort": name })),
        ];
        return vec(port, 0..3).boxed();
    }
    let protocol = || select(&["tcp", "udp", "sctp"][..]);
    let port = prop_oneof![
        protocol().prop_map(|p| json!({ (p): {} })),
        (protocol(), number).prop_map(|(p, n)| json!({ (p): { "destinationPort": { "number": n } } })),
        protocol()
            .prop_map(|p| json!({ (p): { "destinationPort": { "range": { "start": 79, "end": 80 } } } })),
        name.prop_map(|name| json!({ "destinationNamedPort": name })),
    ];
    vec(port, 0..3).boxed()
}

/// An object that is there at first, or comes later.
pub(crate) fn namespace_there(name: &str) -> Manifest {
    live(Kind::Namespace, name)
}
