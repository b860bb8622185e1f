//! Turns bytes into a cluster that changes, sound or not, and holds the network to what must hold of any cluster:
//! nothing panics, following changes gives what a look at everything gives, and explanations agree with answers.

use plumbline_inventory::testing::{Manifest, written};
use plumbline_inventory::{Inventory, Kind, RootKey};
use plumbline_network::{End, Network};
use serde_json::{Value, json};

/// Bytes as a source of choices; when they are used up, every choice is the first one.
struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn roll(&mut self, sides: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % sides
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())].clone()
    }

    fn list(&mut self, most: usize, mut element: impl FnMut(&mut Self) -> Value) -> Value {
        let length = self.roll(most + 1);
        (0..length).map(|_| element(self)).collect()
    }

    fn is_done(&self) -> bool {
        self.0.len() == 0
    }
}

/// Lets a cluster come to be and change as `bytes` say. Returns how many changes there were.
///
/// # Panics
///
/// If something does not hold that must.
pub(crate) fn drive(bytes: &[u8]) -> usize {
    let mut dice = Dice(bytes.iter());
    let mut inventory = if dice.roll(2) == 0 {
        Inventory::live()
    } else {
        Inventory::offline()
    };
    let mut network = Network::of(&inventory);
    inventory.take_dirty();
    let mut steps = 0;
    while !dice.is_done() && steps < 40 {
        for _ in 0..=dice.roll(3) {
            change(&mut dice, &mut inventory);
        }
        let dirty = inventory.take_dirty();
        network.update(&inventory, &dirty);
        verify(&network, &inventory);
        steps += 1;
    }
    steps
}

fn change(dice: &mut Dice<'_>, inventory: &mut Inventory) {
    let object = object(dice);
    if dice.roll(5) == 0 {
        inventory.delete(&object.id());
        return;
    }
    match object.decode() {
        Ok(decoded) => inventory.apply(decoded),
        Err(error) => inventory.apply_undecodable(object.id(), error),
    }
}

fn verify(network: &Network, inventory: &Inventory) {
    let fresh = Network::of(inventory);
    let lines = |network: &Network| {
        network
            .edges(inventory)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(network), lines(&fresh));
    assert_eq!(network.problems(), fresh.problems());
    assert_eq!(network.size(), fresh.size());
    assert_eq!(network.open_rules(), fresh.open_rules());
    assert_eq!(network.crossing().edges(), fresh.crossing().edges());
    for namespace in inventory.namespaces() {
        assert_eq!(network.isolation(namespace), fresh.isolation(namespace));
    }
    let workloads: Vec<&RootKey> = network.workloads().take(6).collect();
    for from in &workloads {
        for to in &workloads {
            let explained = network
                .explain(End::Workload(from), End::Workload(to))
                .into_iter();
            let together = explained.fold(plumbline_network::Connections::none(), |all, e| {
                all.union(&e.connections)
            });
            assert_eq!(together, network.between(from, to), "{from:?} => {to:?}");
        }
    }
}

fn object(dice: &mut Dice<'_>) -> Manifest {
    let kind = dice.one_of(&[
        Kind::Pod,
        Kind::NetworkPolicy,
        Kind::NetworkPolicy,
        Kind::Namespace,
        Kind::AdminNetworkPolicy,
        Kind::BaselineAdminNetworkPolicy,
        Kind::ClusterNetworkPolicy,
        Kind::Deployment,
        Kind::Service,
        Kind::Ingress,
        Kind::HttpRoute,
    ]);
    let name = if kind == Kind::Namespace {
        dice.one_of(&["a", "b"])
    } else {
        dice.one_of(&["x", "y", "default"])
    };
    let mut object = written(kind, name).uid(&format!("{kind} {name}"));
    if kind.is_namespaced() {
        object = object.namespace(dice.one_of(&["a", "b"]));
    }
    match kind {
        Kind::Namespace if dice.roll(8) == 0 => object.set("metadata.deletionTimestamp", "2026-11-24T10:00:00Z"),
        Kind::Namespace => object.set("metadata.labels", labels(dice)),
        Kind::Pod | Kind::Deployment => workload(dice, object),
        Kind::NetworkPolicy => object.set("spec", network_policy(dice)),
        Kind::Service => object.set(
            "spec",
            json!({ "type": word(dice), "selector": labels(dice), "ports": [{ "port": number(dice), "targetPort": port(dice) }] }),
        ),
        Kind::Ingress => object.set(
            "spec.defaultBackend",
            json!({ "service": { "name": dice.one_of(&["x", "y"]), "port": { "number": number(dice) } } }),
        ),
        Kind::HttpRoute => object.set(
            "spec",
            json!({ "parentRefs": [{ "name": "g" }], "rules": [{ "backendRefs": [{ "name": "x", "port": number(dice) }] }] }),
        ),
        _ => {
            let object = if dice.roll(9) == 0 {
                object.set("apiVersion", "policy.networking.k8s.io/v9")
            } else {
                object
            };
            object.set("spec", cluster_policy(dice))
        }
    }
}

fn workload(dice: &mut Dice<'_>, object: Manifest) -> Manifest {
    let ports = dice.list(2, |dice| json!({ "name": dice.one_of(&["http", "dns"]), "containerPort": number(dice), "protocol": word(dice) }));
    let labels = labels(dice);
    let object = if object.kind() == Kind::Pod {
        object
            .set("metadata.labels", labels)
            .set("status.phase", dice.one_of(&["Running", "Running", "Failed"]))
    } else {
        object.set("spec.template.metadata.labels", labels)
    };
    object.pod_spec("hostNetwork", dice.roll(6) == 5).pod_spec(
        "containers",
        json!([{ "name": "main", "image": "x", "ports": ports }]),
    )
}

fn word(dice: &mut Dice<'_>) -> Value {
    dice.one_of(&[
        Value::Null,
        "TCP".into(),
        "UDP".into(),
        "SCTP".into(),
        "LoadBalancer".into(),
        "Egress".into(),
        "Ingress".into(),
        "".into(),
    ])
}

fn number(dice: &mut Dice<'_>) -> Value {
    dice.one_of(&[
        json!(80),
        json!(81),
        json!(8080),
        json!(0),
        json!(-1),
        json!(65_535),
        json!(65_536),
        json!(1_i64 << 40),
        Value::Null,
    ])
}

fn port(dice: &mut Dice<'_>) -> Value {
    if dice.roll(2) == 0 {
        return number(dice);
    }
    dice.one_of(&[
        "http".into(),
        "dns".into(),
        "".into(),
        "HTTP".into(),
        "80".into(),
        "a--b".into(),
        json!(1.5),
    ])
}

fn labels(dice: &mut Dice<'_>) -> Value {
    let mut labels = json!({});
    for _ in 0..dice.roll(3) {
        labels[dice.one_of(&["app", "tier", "team"])] = dice.one_of(&["x", "y", "", "z"]).into();
    }
    labels
}

fn selector(dice: &mut Dice<'_>) -> Value {
    let operators = ["In", "NotIn", "Exists", "DoesNotExist", "Like", ""];
    let expressions = dice.list(2, |dice| {
        let values = dice.list(2, |dice| dice.one_of(&["x", "y", ""]).into());
        json!({ "key": dice.one_of(&["app", "tier", "team", "kubernetes.io/metadata.name"]), "operator": dice.one_of(&operators), "values": values })
    });
    match dice.roll(4) {
        0 => json!({}),
        1 => Value::Null,
        2 => json!({ "matchLabels": labels(dice) }),
        _ => json!({ "matchLabels": labels(dice), "matchExpressions": expressions }),
    }
}

fn block(dice: &mut Dice<'_>) -> Value {
    let blocks = [
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.3/32",
        "255.255.255.255/32",
        "::/0",
        "fd00::/8",
        "ffff::/16",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
        "10.0.0.0/33",
        "10.0.0.0",
        "",
        "::/129",
        "a/b",
    ];
    dice.one_of(&blocks).into()
}

fn network_policy(dice: &mut Dice<'_>) -> Value {
    let mut spec = json!({ "podSelector": selector(dice), "policyTypes": dice.list(2, word) });
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        spec[direction] = dice.list(3, |dice| {
            let all = dice.list(3, |dice| match dice.roll(3) {
                0 => json!({ "podSelector": selector(dice), "namespaceSelector": selector(dice) }),
                1 => json!({ "ipBlock": { "cidr": block(dice), "except": dice.list(2, block) } }),
                _ => json!({ "podSelector": selector(dice), "ipBlock": dice.one_of(&[Value::Null, json!({ "cidr": "::/0" })]) }),
            });
            let ports = dice.list(2, |dice| json!({ "protocol": word(dice), "port": port(dice), "endPort": number(dice) }));
            json!({ (peers): all, "ports": ports })
        });
    }
    spec
}

fn cluster_policy(dice: &mut Dice<'_>) -> Value {
    let priority = dice.one_of(&[
        json!(1),
        json!(2),
        json!(1000),
        json!(-7),
        json!(1_i64 << 40),
        Value::Null,
    ]);
    let mut spec = json!({ "tier": dice.one_of(&["Admin", "Baseline", "Middle"]), "priority": priority, "subject": peer(dice) });
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        spec[direction] = dice.list(3, |dice| {
            let actions = ["Allow", "Accept", "Deny", "Pass", "Maybe"];
            json!({
                "action": dice.one_of(&actions), (peers): dice.list(3, peer),
                "ports": dice.list(2, |dice| json!({ "portNumber": optional(dice, |dice| json!({ "protocol": word(dice), "port": number(dice) })), "namedPort": port(dice) })),
                "protocols": dice.list(2, |dice| json!({ "tcp": optional(dice, |dice| json!({ "destinationPort": { "number": number(dice), "range": { "start": number(dice), "end": number(dice) } } })), "destinationNamedPort": port(dice) })),
            })
        });
    }
    spec
}

fn optional(dice: &mut Dice<'_>, value: impl FnOnce(&mut Dice<'_>) -> Value) -> Value {
    if dice.roll(2) == 0 {
        Value::Null
    } else {
        value(dice)
    }
}

fn peer(dice: &mut Dice<'_>) -> Value {
    match dice.roll(7) {
        0 | 1 => json!({ "namespaces": selector(dice) }),
        2 => json!({ "pods": { "namespaceSelector": selector(dice), "podSelector": selector(dice) } }),
        3 => json!({ "networks": dice.list(2, block) }),
        4 => json!({ "nodes": selector(dice) }),
        5 => json!({ "domainNames": ["a.example"] }),
        _ => json!({ "namespaces": { "namespaceSelector": selector(dice) }, "moons": 7 }),
    }
}
