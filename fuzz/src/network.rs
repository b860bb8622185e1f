//! Selectors, policies and pods, out of bytes.

use plumbline_inventory::lean::Object;
use plumbline_inventory::{InputState, Inventory, Kind, ObjectId};
use plumbline_network::Network;
use serde_json::{Value, json};

use crate::bytes::Bytes;

/// Events enough to get anywhere.
const MOST_EVENTS: usize = 80;

const KINDS: &[Kind] = &[
    Kind::NetworkPolicy,
    Kind::Pod,
    Kind::Namespace,
    Kind::AdminNetworkPolicy,
    Kind::BaselineAdminNetworkPolicy,
    Kind::ClusterNetworkPolicy,
    Kind::Service,
    Kind::Ingress,
    Kind::HttpRoute,
    Kind::Node,
    Kind::DaemonSet,
];
const NAMESPACES: &[&str] = &["a", "b", "c", ""];
const NAMES: &[&str] = &["x", "y", "z"];
const KEYS: &[&str] = &["app", "tier", "kubernetes.io/metadata.name", ""];
const VALUES: &[&str] = &["x", "y", "a", "b", ""];
const BLOCKS: &[&str] = &[
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "10.1.2.3/32",
    "10.1.0.0/16",
    "fd00::/8",
    "10.0.0.0/33",
    "10.0.0.0",
    "",
];
const PORTS: &[i64] = &[80, 53, 10250, 1, 65535, 0, -1, 65536, i64::MAX];

/// Takes `data` for events.
///
/// # Panics
///
/// If the engine does, if following changes does not lead to where reading everything leads, or if a namespace has
/// other answers than before and is not told of.
pub fn network(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut inventory = if bytes.byte() % 2 == 0 {
        Inventory::live()
    } else {
        Inventory::offline()
    };
    let mut network = Network::of(&inventory);
    for _ in 0..MOST_EVENTS {
        if bytes.is_empty() {
            break;
        }
        event(&mut bytes, &mut inventory);
        if bytes.below(4) == 0 {
            let dirty = inventory.take_dirty();
            network.update(&inventory, &dirty);
        }
    }
    let dirty = inventory.take_dirty();
    network.update(&inventory, &dirty);
    assert_eq!(
        answers(&network, &inventory),
        answers(&Network::of(&inventory), &inventory)
    );
}

/// Everything that can be asked.
fn answers(network: &Network, inventory: &Inventory) -> Vec<String> {
    let mut answers: Vec<String> = network.edges(inventory).iter().map(ToString::to_string).collect();
    answers.extend(network.problems().iter().map(ToString::to_string));
    answers.push(format!("{:?}", network.open_rules()));
    answers.push(format!("{:?}", network.crossing().fingerprint(|_, _| true)));
    answers.push(format!(
        "{:?} {:?}",
        network.enforcement(),
        network.cluster_ranges()
    ));
    for namespace in inventory.namespaces() {
        answers.push(format!(
            "{:?} {:?} {:?} {:?}",
            network.isolation(namespace),
            network.permits(namespace.name()),
            network.entries_into(namespace),
            network.problems_in(namespace.name()),
        ));
    }
    answers
}

fn event(bytes: &mut Bytes<'_>, inventory: &mut Inventory) {
    let kind = bytes.pick(KINDS);
    match bytes.below(16) {
        0 => {
            let id = ObjectId {
                kind,
                namespace: kind.is_namespaced().then(|| bytes.pick(NAMESPACES).into()),
                name: bytes.pick(NAMES).into(),
            };
            inventory.delete(&id);
        }
        1 => {
            inventory.begin_relist(kind);
            if bytes.below(2) == 0 {
                inventory.end_relist(kind);
            }
        }
        2 => inventory.set_input(kind, InputState::Forbidden),
        3 => {
            // Anything at all.
            if let Ok(object) = Object::from_json(kind, &bytes.text()) {
                inventory.apply(object);
            }
        }
        _ => {
            if let Ok(object) = Object::from_value(kind, &object(kind, bytes)) {
                inventory.apply(object);
            }
        }
    }
}

fn object(kind: Kind, bytes: &mut Bytes<'_>) -> Value {
    let name = match kind {
        Kind::Namespace => bytes.pick(NAMESPACES),
        _ => bytes.pick(NAMES),
    };
    let mut object = json!({ "metadata": { "name": name, "labels": labels(bytes) } });
    if kind.is_namespaced() {
        object["metadata"]["namespace"] = bytes.pick(NAMESPACES).into();
    }
    let spec = match kind {
        Kind::NetworkPolicy => json!({
            "podSelector": selector(bytes),
            "policyTypes": some(bytes, |bytes| bytes.word(&["Ingress", "Egress"]).into()),
            "ingress": some(bytes, |bytes| rule(bytes, "from")),
            "egress": some(bytes, |bytes| rule(bytes, "to")),
        }),
        Kind::AdminNetworkPolicy | Kind::BaselineAdminNetworkPolicy | Kind::ClusterNetworkPolicy => json!({
            "priority": bytes.pick(PORTS), "tier": bytes.word(&["Admin", "Baseline"]), "subject": whom(bytes),
            "ingress": some(bytes, |bytes| cluster_rule(bytes, "from")),
            "egress": some(bytes, |bytes| cluster_rule(bytes, "to")),
        }),
        Kind::Pod => pod_spec(bytes),
        Kind::DaemonSet => {
            json!({ "template": { "metadata": { "labels": labels(bytes) }, "spec": pod_spec(bytes) } })
        }
        Kind::Service => json!({
            "type": bytes.word(&["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]), "selector": labels(bytes),
            "ports": some(bytes, |bytes| json!({ "port": bytes.pick(PORTS), "nodePort": bytes.pick(PORTS) })),
        }),
        Kind::Ingress => json!({ "defaultBackend": { "service": {
            "name": bytes.pick(NAMES), "port": { "number": bytes.pick(PORTS) } } } }),
        Kind::HttpRoute => json!({
            "parentRefs": some(bytes, |bytes| json!({ "name": "gw", "namespace": bytes.pick(NAMESPACES) })),
            "rules": some(bytes, |bytes| json!({ "backendRefs": [{
                "name": bytes.pick(NAMES), "namespace": bytes.pick(NAMESPACES), "port": bytes.pick(PORTS) }] })),
        }),
        Kind::Node => json!({ "podCIDRs": some(bytes, |bytes| bytes.word(BLOCKS).into()) }),
        _ => Value::Null,
    };
    object["spec"] = spec;
    if bytes.byte() > 245 {
        object["spec"] = bytes.nonsense();
    }
    object
}

fn pod_spec(bytes: &mut Bytes<'_>) -> Value {
    let image = bytes.word(&["x", "calico/node:v3", "flannel:1"]);
    let ports = some(
        bytes,
        |bytes| json!({ "name": bytes.word(NAMES), "containerPort": bytes.pick(PORTS) }),
    );
    json!({
        "hostNetwork": bytes.below(8) == 0,
        "containers": [{ "name": "main", "image": image, "ports": ports }],
    })
}

fn some(bytes: &mut Bytes<'_>, mut one: impl FnMut(&mut Bytes<'_>) -> Value) -> Value {
    (0..bytes.below(3)).map(|_| one(bytes)).collect()
}

fn labels(bytes: &mut Bytes<'_>) -> Value {
    let mut labels = serde_json::Map::new();
    for _ in 0..bytes.below(3) {
        labels.insert(bytes.word(KEYS), bytes.word(VALUES).into());
    }
    labels.into()
}

fn selector(bytes: &mut Bytes<'_>) -> Value {
    let operators = ["In", "NotIn", "Exists", "DoesNotExist", "Like"];
    match bytes.below(3) {
        0 => json!({}),
        1 => json!({ "matchLabels": labels(bytes) }),
        _ => json!({ "matchExpressions": some(bytes, |bytes| json!({
            "key": bytes.word(KEYS), "operator": bytes.pick(&operators), "values": bytes.words(VALUES, 2),
        })) }),
    }
}

fn rule(bytes: &mut Bytes<'_>, peers: &str) -> Value {
    let these = some(bytes, |bytes| match bytes.below(4) {
        0 => json!({ "podSelector": selector(bytes) }),
        1 => json!({ "namespaceSelector": selector(bytes) }),
        2 => json!({ "podSelector": selector(bytes), "namespaceSelector": selector(bytes) }),
        _ => json!({ "ipBlock": { "cidr": bytes.word(BLOCKS), "except": bytes.words(BLOCKS, 2) } }),
    });
    let ports = some(bytes, |bytes| match bytes.below(3) {
        0 => json!({ "protocol": bytes.word(&["TCP", "UDP", "SCTP"]) }),
        1 => json!({ "port": bytes.word(NAMES) }),
        _ => json!({ "port": bytes.pick(PORTS), "endPort": bytes.pick(PORTS) }),
    });
    json!({ (peers): these, "ports": ports })
}

fn whom(bytes: &mut Bytes<'_>) -> Value {
    if bytes.below(2) == 0 {
        json!({ "namespaces": selector(bytes) })
    } else {
        json!({ "pods": { "podSelector": selector(bytes), "namespaceSelector": selector(bytes) } })
    }
}

fn cluster_rule(bytes: &mut Bytes<'_>, peers: &str) -> Value {
    let these = some(bytes, |bytes| match bytes.below(4) {
        0 => json!({ "networks": bytes.words(BLOCKS, 2) }),
        _ => whom(bytes),
    });
    let action = bytes.word(&["Allow", "Accept", "Deny", "Pass"]);
    let ports = some(
        bytes,
        |bytes| json!({ "portNumber": { "protocol": "TCP", "port": bytes.pick(PORTS) } }),
    );
    json!({ "action": action, (peers): these, "ports": ports })
}
