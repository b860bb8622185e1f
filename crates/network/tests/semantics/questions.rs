//! What the items about networks ask.

use plumbline_inventory::testing::{Manifest, live, written};
use plumbline_inventory::{Kind, RootKey};
use plumbline_network::Direction::{Egress, Ingress};
use plumbline_network::openness::{ETCD, KUBELET};
use plumbline_network::{Addresses, Direction, NamespaceIsolation, Network, Open};
use serde_json::{Value, json};

use crate::{key, offline};

fn pod(namespace: &str, name: &str) -> Manifest {
    written(Kind::Pod, name)
        .namespace(namespace)
        .label("app", name)
        .image("x")
}

fn policy(name: &str, spec: Value) -> Manifest {
    written(Kind::NetworkPolicy, name)
        .namespace("shop")
        .set("spec", spec)
}

fn isolation(objects: &[Manifest]) -> NamespaceIsolation {
    let inventory = offline(objects);
    Network::of(&inventory).isolation(inventory.namespace("shop").unwrap())
}

fn names(workloads: &[RootKey]) -> Vec<&str> {
    workloads.iter().map(|key| &*key.name).collect()
}

fn naked(objects: &[Manifest]) -> (Vec<String>, Vec<String>) {
    let isolation = isolation(objects);
    let owned = |workloads: &[RootKey]| names(workloads).into_iter().map(str::to_owned).collect();
    (owned(&isolation.egress.naked), owned(&isolation.ingress.naked))
}

#[test]
fn the_naked_are_named_for_each_direction() {
    let (a, b) = (pod("shop", "a"), pod("shop", "b"));
    let both = |names: [&[&str]; 2]| {
        let [egress, ingress] =
            names.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        (egress, ingress)
    };
    assert_eq!(naked(&[a.clone(), b.clone()]), both([&["a", "b"], &["a", "b"]]));
    let deny = policy(
        "deny",
        json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }),
    );
    assert_eq!(naked(&[a.clone(), b.clone(), deny]), both([&[], &[]]));
    // Without policyTypes an empty list of egress rules says nothing of egress.
    let half = policy(
        "half",
        json!({ "podSelector": { "matchLabels": { "app": "a" } }, "egress": [] }),
    );
    assert_eq!(naked(&[a.clone(), b.clone(), half]), both([&["a", "b"], &["b"]]));
    // A policy that selects nothing isolates nothing.
    let nothing = policy(
        "nothing",
        json!({ "podSelector": { "matchLabels": { "app": "gone" } }, "policyTypes": ["Ingress", "Egress"] }),
    );
    assert_eq!(naked(&[a, b, nothing]), both([&["a", "b"], &["a", "b"]]));
}

#[test]
fn a_rule_that_allows_everything_isolates_by_name_only() {
    let open = policy("open", json!({ "podSelector": {}, "ingress": [{}] }));
    let isolation = isolation(&[
        pod("shop", "a"),
        policy("deny", json!({ "podSelector": {} })),
        open.clone(),
    ]);
    assert!(isolation.ingress.naked.is_empty());
    assert_eq!(isolation.ingress.allow_all.len(), 1);
    assert_eq!(isolation.ingress.allow_all[0].policies, [open.id()]);
    let ports = policy(
        "ports",
        json!({ "podSelector": {}, "ingress": [{ "ports": [{ "port": 80 }] }] }),
    );
    assert!(
        self::isolation(&[pod("shop", "a"), ports])
            .ingress
            .allow_all
            .is_empty()
    );
}

#[test]
fn host_pods_are_told_apart_and_the_idle_do_not_count() {
    let host = pod("shop", "host").set("spec.hostNetwork", true);
    let over = pod("shop", "over").set("status.phase", "Succeeded");
    let zero = written(Kind::Deployment, "zero")
        .namespace("shop")
        .set("spec.replicas", 0)
        .image("x");
    let isolation = isolation(&[host, over, zero]);
    assert_eq!(names(&isolation.host_network), ["host"]);
    assert_eq!(isolation.workloads, 0);
    assert!(isolation.ingress.naked.is_empty());
}

#[test]
fn a_default_deny_of_the_cluster_covers_pods_that_nobody_selects() {
    let deny = |direction: &str, peers: &str, more: Value| {
        let mut peer = vec![json!({ "namespaces": {} })];
        peer.extend(more.as_array().unwrap().clone());
        written(Kind::ClusterNetworkPolicy, direction).set(
            "spec",
            json!({ "tier": "Baseline", "priority": if peers == "to" { 1 } else { 2 }, "subject": { "namespaces": {} }, (direction): [{ "action": "Deny", (peers): peer }] }),
        )
    };
    let pod = pod("shop", "a");
    let all = json!([{ "networks": ["0.0.0.0/0", "::/0"] }]);
    assert_eq!(
        naked(&[
            pod.clone(),
            deny("ingress", "from", json!([])),
            deny("egress", "to", all)
        ]),
        (vec![], vec![])
    );
    let egress = deny("egress", "to", json!([]));
    assert_eq!(
        naked(&[pod.clone(), deny("ingress", "from", json!([])), egress]).0,
        ["a"],
        "addresses outside are left open"
    );
    // One that speaks of some peers only is no default.
    let some = written(Kind::AdminNetworkPolicy, "some").set(
        "spec",
        json!({ "priority": 1, "subject": { "namespaces": {} }, "ingress": [{ "action": "Deny", "from": [{ "namespaces": { "matchLabels": { "team": "x" } } }] }] }),
    );
    assert_eq!(naked(&[pod, some]).1, ["a"]);
}

#[test]
fn egress_to_anywhere_leaves_out_what_is_the_clusters_own() {
    let ways = |objects: &[Manifest], except: Value| -> Vec<Open> {
        let egress = json!([{ "to": [{ "ipBlock": { "cidr": "0.0.0.0/0", "except": except } }] }]);
        let policy = policy("p", json!({ "policyTypes": ["Egress"], "egress": egress }));
        let network = Network::of(&offline(&[objects, &[pod("shop", "a"), policy]].concat()));
        let rules = network.open_rules_in(&"shop".into()).into_iter();
        let ways = rules.map(|rule| rule.open);
        ways.filter(|open| matches!(open, Open::ClusterRanges { .. }))
            .collect()
    };
    let node = written(Kind::Node, "n")
        .set("spec.podCIDRs", json!(["10.244.1.0/24"]))
        .push(
            "status.addresses",
            json!({ "type": "InternalIP", "address": "192.168.7.4" }),
        );
    let known = [Open::ClusterRanges { known: true }];
    let private = json!(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]);
    assert_eq!(
        ways(&[], json!(["10.0.0.0/8"])),
        [Open::ClusterRanges { known: false }]
    );
    assert_eq!(ways(&[], private), []);
    let nodes = std::slice::from_ref(&node);
    assert_eq!(ways(nodes, json!(["10.0.0.0/8"])), known);
    assert_eq!(ways(nodes, json!(["192.168.7.0/24"])), known);
    assert_eq!(ways(nodes, json!(["10.244.0.0/16", "192.168.7.0/24"])), []);
}

#[test]
fn rules_that_are_wide_open_are_named() {
    let rules = |spec: Value| -> Vec<(Direction, usize, Open)> {
        let network = Network::of(&offline(&[pod("shop", "a"), policy("p", spec)]));
        network
            .open_rules()
            .into_iter()
            .map(|open| (open.direction, open.rule, open.open))
            .collect()
    };
    let metadata = plumbline_network::openness::METADATA;
    assert_eq!(
        rules(
            json!({ "ingress": [{ "from": [{ "podSelector": {} }] }, { "from": [{ "namespaceSelector": {} }] }, {}] })
        ),
        [
            (Ingress, 1, Open::EveryNamespace),
            (Ingress, 1, Open::EveryPort),
            (Ingress, 2, Open::Everyone { every_port: true })
        ],
        "what stays in the namespace is not open"
    );
    assert_eq!(
        rules(json!({ "ingress": [{ "ports": [{ "port": 80 }] }] })),
        [(Ingress, 0, Open::Everyone { every_port: false })]
    );
    let guarded = json!([{ "from": [{ "namespaceSelector": {}, "podSelector": { "matchLabels": { "app": "x" } } }], "ports": [{ "port": 80 }] }, { "from": [{ "namespaceSelector": {} }], "ports": [{ "port": 80 }] }]);
    assert_eq!(rules(json!({ "ingress": guarded })), []);
    let to = |cidr: &str, except: Value| {
        rules(
            json!({ "policyTypes": ["Egress"], "egress": [{ "to": [{ "ipBlock": { "cidr": cidr, "except": except } }], "ports": [{ "port": 443 }] }] }),
        )
    };
    assert_eq!(
        to("0.0.0.0/0", json!([])),
        [(Egress, 0, Open::Anywhere(vec![metadata[0]]))]
    );
    assert_eq!(
        to("0.0.0.0/0", json!(["10.0.0.0/8"])),
        [(Egress, 0, Open::Anywhere(vec![metadata[0]]))]
    );
    assert_eq!(to("0.0.0.0/0", json!(["169.254.169.254/32"])), []);
    assert_eq!(
        to("::/0", json!([])),
        [(Egress, 0, Open::Anywhere(vec![metadata[1]]))]
    );
    assert_eq!(to("::/0", json!(["fd00:ec2::254/128"])), []);
    assert_eq!(to("169.254.0.0/16", json!([])), []);
}

#[test]
fn reach_to_metadata_kubelets_and_etcd_is_what_the_policies_leave() {
    let egress = |to: Value| {
        policy(
            "p",
            json!({ "podSelector": {}, "policyTypes": ["Egress"], "egress": to }),
        )
    };
    let nodes = Addresses::block("10.0.0.0/24".parse().unwrap());
    let etcd = pod("kube-system", "etcd").set("spec.hostNetwork", true);
    let reached = |policy: Option<Manifest>| {
        let mut objects = vec![pod("shop", "a"), etcd.clone()];
        objects.extend(policy);
        let network = Network::of(&offline(&objects));
        let a = key(&pod("shop", "a"));
        let hosts = network
            .to_host_pods(&a, &ETCD)
            .into_iter()
            .map(|(key, open)| format!("{} {open}", key.name));
        (
            network.to_metadata(&a).to_string(),
            network.to_nodes(&a, &KUBELET, &nodes).to_string(),
            hosts.collect::<Vec<_>>(),
        )
    };
    let open = (
        "All Connections".to_owned(),
        "TCP 10250,10255".to_owned(),
        vec!["etcd TCP 2379".to_owned()],
    );
    assert_eq!(reached(None), open);
    let none = || "No Connections".to_owned();
    assert_eq!(reached(Some(egress(json!([])))), (none(), none(), vec![]));
    let some =
        egress(json!([{ "to": [{ "ipBlock": { "cidr": "10.0.0.0/16" } }], "ports": [{ "port": 10250 }] }]));
    assert_eq!(reached(Some(some)), (none(), "TCP 10250".to_owned(), vec![]));
}

#[test]
fn what_the_world_may_open_though_nothing_leads_there() {
    let service = written(Kind::Service, "web").namespace("shop").set(
        "spec",
        json!({ "type": "LoadBalancer", "selector": { "app": "web" }, "ports": [{ "port": 80 }] }),
    );
    let inside = policy(
        "inside",
        json!({ "podSelector": { "matchLabels": { "app": "db" } }, "ingress": [{ "from": [{ "podSelector": {} }] }] }),
    );
    let inventory = offline(&[
        pod("shop", "web"),
        pod("shop", "db"),
        pod("shop", "open"),
        service,
        inside,
    ]);
    let network = Network::of(&inventory);
    assert_eq!(
        names(&network.open_to_the_world(&network.entries(&inventory))),
        ["open"]
    );
}

#[test]
fn the_fingerprint_of_edges_changes_with_them_and_with_nothing_else() {
    let fingerprint = |objects: &[Manifest]| {
        Network::of(&offline(objects))
            .crossing()
            .fingerprint(|from, _| from != "kube-system")
    };
    let (a, b) = (pod("shop", "a"), pod("lab", "b"));
    let before = fingerprint(&[a.clone(), b.clone()]);
    assert_eq!(before.0, 2);
    assert_eq!(fingerprint(&[b.clone(), a.clone()]), before);
    assert_eq!(
        fingerprint(&[a.clone(), b.clone(), pod("lab", "c")]),
        before,
        "another pod, the same edges"
    );
    assert_ne!(fingerprint(&[a.clone(), b.clone(), pod("ops", "d")]).1, before.1);
    let deny = policy(
        "deny",
        json!({ "podSelector": {}, "ingress": [{ "ports": [{ "port": 80 }] }] }),
    );
    let after = fingerprint(&[a.clone(), b.clone(), deny]);
    assert_eq!(after.0, 2);
    assert_ne!(after.1, before.1, "other connections, the same namespaces");
    assert_eq!(fingerprint(&[a, b, live(Kind::Namespace, "empty")]), before);
    // It is stored: another way to compute it would look like drift.
    assert_eq!(before.1, 3_678_267_311_373_866_809);
}
