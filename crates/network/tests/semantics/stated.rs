//! What the API documentation states, one test a sentence, and what is said of that which cannot be.

use plumbline_inventory::testing::{Manifest, live, written};
use plumbline_inventory::{Inventory, Kind, RootKey};
use plumbline_network::{Direction, Network};
use serde_json::{Value, json};

use crate::{key, offline};

fn pod(namespace: &str, name: &str) -> Manifest {
    written(Kind::Pod, name)
        .namespace(namespace)
        .label("app", name)
        .image("x")
}

fn policy(namespace: &str, spec: Value) -> Manifest {
    written(Kind::NetworkPolicy, "policy")
        .namespace(namespace)
        .set("spec", spec)
}

/// `web` in `shop`, under a policy with this spec, and `client` in `shop` and in `lab`.
fn shop(spec: Value) -> Network {
    Network::of(&offline(&[
        written(Kind::Namespace, "lab").label("team", "lab"),
        pod("shop", "web"),
        pod("shop", "client"),
        pod("lab", "client"),
        policy("shop", spec),
    ]))
}

fn to_web(network: &Network) -> [String; 2] {
    ["shop", "lab"].map(|namespace| {
        network
            .between(&key(&pod(namespace, "client")), &key(&pod("shop", "web")))
            .to_string()
    })
}

fn told(problems: &Network) -> Vec<String> {
    problems.problems().iter().map(ToString::to_string).collect()
}

const ALL: &str = "All Connections";
const NONE: &str = "No Connections";

#[test]
fn without_policy_types_egress_is_isolated_only_by_a_rule_for_it() {
    let isolated = |spec| {
        let network = shop(spec);
        Direction::BOTH.map(|direction| network.is_isolated(&key(&pod("shop", "web")), direction))
    };
    assert_eq!(isolated(json!({})), [false, true]);
    assert_eq!(isolated(json!({ "egress": [] })), [false, true]);
    assert_eq!(isolated(json!({ "egress": [{}] })), [true, true]);
    assert_eq!(
        isolated(json!({ "policyTypes": ["Egress"], "ingress": [{}] })),
        [true, false]
    );
}

#[test]
fn an_empty_list_of_peers_is_everyone_and_an_empty_list_of_rules_is_nobody() {
    assert_eq!(to_web(&shop(json!({ "ingress": [] }))), [NONE, NONE]);
    assert_eq!(to_web(&shop(json!({ "ingress": [{}] }))), [ALL, ALL]);
    assert_eq!(
        to_web(&shop(json!({ "ingress": [{ "from": [], "ports": [] }] }))),
        [ALL, ALL]
    );
}

#[test]
fn selectors_of_one_peer_go_together_and_peers_stand_side_by_side() {
    let (pods, namespaces) = (
        json!({ "matchLabels": { "app": "client" } }),
        json!({ "matchLabels": { "team": "lab" } }),
    );
    let from = |peers: Value| to_web(&shop(json!({ "ingress": [{ "from": peers }] })));
    assert_eq!(from(json!([{ "podSelector": pods }])), [ALL, NONE]);
    assert_eq!(
        from(json!([{ "podSelector": pods, "namespaceSelector": namespaces }])),
        [NONE, ALL]
    );
    assert_eq!(
        from(json!([{ "podSelector": pods }, { "namespaceSelector": namespaces }])),
        [ALL, ALL]
    );
    assert_eq!(
        from(json!([{ "podSelector": {}, "namespaceSelector": {} }])),
        [ALL, ALL]
    );
    assert_eq!(from(json!([{ "podSelector": {} }])), [ALL, NONE]);
}

#[test]
fn a_namespace_has_its_name_as_a_label_without_anybody_writing_it() {
    let peer = json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "shop" } } });
    assert_eq!(
        to_web(&shop(json!({ "ingress": [{ "from": [peer] }] }))),
        [ALL, NONE]
    );
}

#[test]
fn a_port_without_a_protocol_is_of_tcp_and_a_range_has_both_ends() {
    let ports = json!([{ "port": 80 }, { "port": 9000, "endPort": 9003 }, { "protocol": "SCTP" }]);
    let network = shop(json!({ "ingress": [{ "ports": ports }] }));
    assert_eq!(to_web(&network)[0], "SCTP 1-65535,TCP 80,9000-9003");
}

#[test]
fn a_named_port_is_what_the_destination_calls_so() {
    let listening = |name: &str, port: u16| {
        pod("shop", name).set(
            "spec.containers",
            json!([{ "name": "main", "image": "x", "ports": [{ "name": "http", "containerPort": port }] }]),
        )
    };
    let (a, b) = (listening("a", 80), listening("b", 8080));
    let egress = json!({ "podSelector": { "matchLabels": { "app": "client" } }, "policyTypes": ["Egress"], "egress": [{ "ports": [{ "port": "http" }] }] });
    let client = pod("shop", "client");
    let network = Network::of(&offline(&[
        a.clone(),
        b.clone(),
        client.clone(),
        policy("shop", egress),
    ]));
    let ports = [&a, &b, &client].map(|to| network.between(&key(&client), &key(to)).to_string());
    assert_eq!(ports, ["TCP 80", "TCP 8080", NONE]);
    let ingress = json!({ "ingress": [{ "ports": [{ "port": "http" }] }] });
    let network = Network::of(&offline(&[
        a.clone(),
        b.clone(),
        client.clone(),
        policy("shop", ingress),
    ]));
    let ports = [&a, &b].map(|to| network.between(&key(&client), &key(to)).to_string());
    assert_eq!(ports, ["TCP 80", "TCP 8080"]);
}

#[test]
fn pods_on_the_host_network_are_outside_of_policies_on_both_ends() {
    let deny = json!({ "policyTypes": ["Ingress", "Egress"] });
    let host = pod("shop", "host").set("spec.hostNetwork", true);
    let web = pod("shop", "web");
    let between = |spec: Value| {
        let network = Network::of(&offline(&[host.clone(), web.clone(), policy("shop", spec)]));
        [
            network.between(&key(&host), &key(&web)).to_string(),
            network.between(&key(&web), &key(&host)).to_string(),
        ]
    };
    assert_eq!(between(deny), [NONE, NONE]);
    let selected = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{ "from": [{ "podSelector": {} }] }], "egress": [{}] });
    assert_eq!(between(selected), [NONE, ALL]);
}

#[test]
fn pods_that_have_ended_and_jobs_that_have_finished_are_not_there() {
    let over = pod("shop", "over").set("status.phase", "Failed");
    let done = live(Kind::Job, "done").image("x").set(
        "status.conditions",
        json!([{ "type": "Complete", "status": "True" }]),
    );
    let zero = written(Kind::Deployment, "zero")
        .namespace("shop")
        .set("spec.replicas", 0)
        .image("x");
    let network = Network::of(&offline(&[over, done, zero]));
    let known: Vec<_> = network
        .workloads()
        .map(|key| format!("{} {}", key.kind, key.name))
        .collect();
    assert_eq!(known, ["Deployment zero"]);
}

#[test]
fn a_workload_stands_for_its_pods_until_there_are_some() {
    let deployment = live(Kind::Deployment, "web")
        .image("x")
        .set("spec.template.metadata.labels", json!({ "app": "new" }));
    let set = live(Kind::ReplicaSet, "web-1").image("x").owned_by(&deployment);
    let running = live(Kind::Pod, "web-1-x")
        .image("x")
        .owned_by(&set)
        .label("app", "old");
    let client = live(Kind::Pod, "client").image("x");
    let deny_new = policy(
        "shop",
        json!({ "podSelector": { "matchLabels": { "app": "new" } } }),
    );
    let mut inventory = Inventory::live();
    for object in [
        &live(Kind::Namespace, "shop"),
        &deployment,
        &set,
        &client,
        &deny_new,
    ] {
        inventory.apply(object.object());
    }
    let web = RootKey {
        kind: Kind::Deployment,
        ..key(&live(Kind::Pod, "web"))
    };
    let mut network = Network::of(&inventory);
    assert!(network.between(&key(&client), &web).is_empty());
    inventory.take_dirty();
    inventory.apply(running.object());
    let dirty = inventory.take_dirty();
    network.update(&inventory, &dirty);
    assert!(network.between(&key(&client), &web).is_all());
}

#[test]
fn what_cannot_be_is_said_and_the_rest_counts() {
    let network = shop(json!({
        "ingress": [{
            "from": [
                { "ipBlock": { "cidr": "10.0.0.0/33" } },
                { "ipBlock": { "cidr": "10.0.0.0/8", "except": ["192.168.0.0/16", "10.1.0.0/16"] } },
                { "podSelector": { "matchExpressions": [{ "key": "app", "operator": "In" }] } },
                { "podSelector": { "matchLabels": { "app": "client" }, "matchExpressions": [{ "key": "app", "operator": "DoesNotExist" }] } },
                {},
                { "namespaceSelector": { "matchLabels": { "team": "lab" } } },
            ],
            "ports": [{ "port": 0 }, { "port": 65536 }, { "port": 80, "endPort": 79 }, { "port": "UPPER" }, { "protocol": "ICMP" }, { "endPort": 7 }, { "port": 443 }],
        }],
        "policyTypes": ["Ingress", "Sideways"],
    }));
    let wanted = [
        "from[0].ipBlock.cidr: \"10.0.0.0/33\" is no address block (CIDR)",
        "from[1].ipBlock.except[0]: 192.168.0.0/16 is no part of 10.0.0.0/8",
        "from[2].podSelector: app In: values are missing",
        "from[3].podSelector: selects nothing: no value of label app meets all requirements",
        "from[4]: names no peer",
        "ports[0]: port 0 is not between 1 and 65535",
        "ports[1]: port 65536 is not between 1 and 65535",
        "ports[2]: the range ends at 79, before it begins at 80",
        "ports[3]: \"UPPER\" is no name of a port",
        "ports[4]: protocol \"ICMP\" is none of TCP, UDP and SCTP",
        "ports[5]: endPort goes with a port number only",
    ];
    let mut wanted: Vec<String> = wanted
        .iter()
        .map(|problem| format!("NetworkPolicy shop/policy: spec.ingress[0].{problem}"))
        .collect();
    wanted.push(
        "NetworkPolicy shop/policy: spec.policyTypes[1]: \"Sideways\" is neither Ingress nor Egress"
            .to_owned(),
    );
    assert_eq!(told(&network), wanted);
    assert_eq!(to_web(&network), [NONE, "TCP 443"]);
    let outside = |address: &str| {
        network
            .from_address(address.parse().unwrap(), &key(&pod("shop", "web")))
            .to_string()
    };
    assert_eq!(
        ["10.0.0.1", "10.1.0.1", "11.0.0.1"].map(outside),
        ["TCP 443", NONE, NONE]
    );
}

#[test]
fn peers_that_are_all_wrong_are_nobody_and_not_everyone() {
    let network = shop(json!({ "ingress": [{ "from": [{ "ipBlock": { "cidr": "nonsense" } }] }] }));
    assert_eq!(to_web(&network), [NONE, NONE]);
    let network = shop(json!({ "ingress": [{ "ports": [{ "port": 70000 }] }] }));
    assert_eq!(to_web(&network), [NONE, NONE]);
}

fn cluster_policy(kind: Kind, name: &str, spec: Value) -> Manifest {
    written(kind, name).set("spec", spec)
}

/// `web` in `shop` that nothing may reach by its own policy, with these policies above and below.
fn governed(policies: &[Manifest], denied: bool) -> Network {
    let mut objects = vec![
        written(Kind::Namespace, "lab").label("team", "lab"),
        pod("shop", "web"),
        pod("shop", "client"),
        pod("lab", "client"),
    ];
    if denied {
        objects.push(policy(
            "shop",
            json!({ "podSelector": { "matchLabels": { "app": "web" } } }),
        ));
    }
    objects.extend(policies.iter().cloned());
    Network::of(&offline(&objects))
}

#[test]
fn admin_policies_are_asked_before_network_policies_and_baseline_ones_after() {
    let rule = |action: &str| json!([{ "action": action, "from": [{ "namespaces": { "matchLabels": { "team": "lab" } } }] }]);
    let admin = |priority: i64, action: &str| {
        cluster_policy(
            Kind::AdminNetworkPolicy,
            &format!("p{priority}"),
            json!({ "priority": priority, "subject": { "namespaces": {} }, "ingress": rule(action) }),
        )
    };
    let cnp = |tier: &str, priority: i64, action: &str| {
        cluster_policy(
            Kind::ClusterNetworkPolicy,
            &format!("{tier}{priority}").to_lowercase(),
            json!({ "tier": tier, "priority": priority, "subject": { "namespaces": {} }, "ingress": rule(action) }),
        )
    };
    assert_eq!(to_web(&governed(&[admin(5, "Allow")], true)), [NONE, ALL]);
    assert_eq!(
        to_web(&governed(&[admin(5, "Allow"), admin(4, "Deny")], false)),
        [ALL, NONE]
    );
    assert_eq!(
        to_web(&governed(&[admin(4, "Pass"), admin(5, "Deny")], false)),
        [ALL, ALL]
    );
    assert_eq!(
        to_web(&governed(&[admin(4, "Pass"), admin(5, "Allow")], true)),
        [NONE, NONE]
    );
    assert_eq!(
        to_web(&governed(&[cnp("Admin", 3, "Accept"), admin(4, "Deny")], true)),
        [NONE, ALL]
    );
    assert_eq!(
        to_web(&governed(&[cnp("Baseline", 3, "Deny")], false)),
        [ALL, NONE]
    );
    assert_eq!(
        to_web(&governed(&[cnp("Baseline", 3, "Accept")], true)),
        [NONE, NONE]
    );
    assert_eq!(
        to_web(&governed(
            &[cnp("Baseline", 3, "Pass"), cnp("Baseline", 4, "Deny")],
            false
        )),
        [ALL, ALL]
    );
}

#[test]
fn a_rule_with_a_peer_of_an_unknown_kind_fails_closed() {
    let rule = |action: &str| json!([{ "action": action, "from": [{ "moons": {} }, { "namespaces": {} }] }]);
    let with = |action: &str| {
        let spec = json!({ "tier": "Admin", "priority": 1, "subject": { "namespaces": {} }, "ingress": rule(action) });
        governed(
            &[cluster_policy(Kind::ClusterNetworkPolicy, "x", spec)],
            action == "Accept",
        )
    };
    assert_eq!(to_web(&with("Accept")), [NONE, NONE]);
    assert_eq!(to_web(&with("Pass")), [NONE, NONE]);
    assert!(
        told(&with("Deny"))[0]
            .ends_with("spec.ingress[0].from[0]: no peer of a kind that is known: the rule fails closed")
    );
}

#[test]
fn what_is_not_supported_is_said() {
    let peers = json!([{ "domainNames": ["a.example"] }, { "nodes": {} }, { "networks": ["0.0.0.0/0"] }]);
    let spec = json!({ "tier": "Admin", "priority": 1, "subject": { "namespaces": {} }, "egress": [{ "action": "Deny", "to": peers }] });
    let network = governed(&[cluster_policy(Kind::ClusterNetworkPolicy, "x", spec)], false);
    let told = told(&network);
    assert!(
        told[0].contains("spec.egress[0].to[0].domainNames: domain names are not supported"),
        "{told:?}"
    );
    assert!(
        told[1].contains("spec.egress[0].to[1].nodes: nodes are not supported"),
        "{told:?}"
    );
    // The addresses of pods are among all addresses.
    assert_eq!(to_web(&network), [NONE, NONE]);
    let early = json!({ "priority": 1, "subject": { "namespaces": { "namespaceSelector": {} } } });
    let network = governed(&[cluster_policy(Kind::AdminNetworkPolicy, "x", early)], false);
    assert!(
        network.problems()[0]
            .message
            .starts_with("spec.subject.namespaces: namespaceSelector")
    );
    let version =
        written(Kind::AdminNetworkPolicy, "y").set("apiVersion", "policy.networking.k8s.io/v1alpha9");
    let network = governed(&[version], false);
    assert_eq!(
        network.problems()[0].message,
        "apiVersion: policy.networking.k8s.io/v1alpha9 is not known; the policy is not evaluated"
    );
}

#[test]
fn equal_priorities_are_noticed_and_decided_by_name() {
    let spec = |action: &str| json!({ "priority": 7, "subject": { "namespaces": {} }, "ingress": [{ "action": action, "from": [{ "namespaces": {} }] }] });
    let network = governed(
        &[
            cluster_policy(Kind::AdminNetworkPolicy, "a", spec("Deny")),
            cluster_policy(Kind::AdminNetworkPolicy, "b", spec("Allow")),
        ],
        false,
    );
    assert_eq!(to_web(&network), [NONE, NONE]);
    assert_eq!(
        told(&network),
        [
            "AdminNetworkPolicy b: spec.priority: is that of AdminNetworkPolicy a too; which of them counts is not defined, here AdminNetworkPolicy a does"
        ]
    );
}

#[test]
fn a_class_that_goes_because_its_port_is_read_no_longer_is_in_no_selection() {
    let listening = live(Kind::Pod, "listening").set(
        "spec.containers",
        json!([{ "name": "main", "image": "x", "ports": [{ "name": "http", "containerPort": 80 }] }]),
    );
    let reads = live(Kind::NetworkPolicy, "reads")
        .namespace("lab")
        .set("spec", json!({ "ingress": [{ "ports": [{ "port": "http" }] }] }));
    let mut inventory = Inventory::live();
    for object in [
        &live(Kind::Namespace, "shop"),
        &live(Kind::Namespace, "lab"),
        &live(Kind::Pod, "web").image("x"),
        &listening,
        &reads,
    ] {
        inventory.apply(object.object());
    }
    inventory.apply(live(Kind::NetworkPolicy, "deny").object());
    let mut network = Network::of(&inventory);
    inventory.take_dirty();
    inventory.delete(&reads.id());
    let dirty = inventory.take_dirty();
    network.update(&inventory, &dirty);
    assert_eq!(network.size(), Network::of(&inventory).size());
}
