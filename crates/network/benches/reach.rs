//! What the network costs: 10,000 pods in 1,000 namespaces under 3,000 policies.
//!
//! Budgets: everything at once in 500 ms of CPU and 50 MiB beyond the inventory, one changed policy in 5 ms.
//! Run with `cargo bench -p plumbline-network`, or `make bench-instructions` for numbers that do not depend on how busy
//! the machine is.

use divan::{AllocProfiler, Bencher, black_box};
use plumbline_inventory::testing::{Manifest, live};
use plumbline_inventory::{Inventory, Kind};
use plumbline_network::Network;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const NAMESPACES: usize = 1000;

const APPS: [&str; 3] = ["web", "api", "db"];

/// Clusters of the same size that differ in what their policies say.
#[derive(Clone, Copy, Debug)]
enum Habit {
    /// Everything is denied, and what is needed allowed: within the namespace, from the edge, to DNS.
    Strict,
    /// Policies are there, and every namespace may talk to every other.
    Open,
    /// There are no policies at all.
    None,
}

const HABITS: [Habit; 3] = [Habit::Strict, Habit::Open, Habit::None];

fn main() {
    divan::main();
}

/// What `make bench-instructions` counts the instructions of.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    work()
}

fn cluster(habit: Habit) -> Inventory {
    let mut inventory = Inventory::live();
    for number in 0..NAMESPACES {
        let namespace = format!("team-{number}");
        let object = live(Kind::Namespace, &namespace)
            .label("kubernetes.io/metadata.name", &namespace)
            .label("tier", if number % 50 == 0 { "edge" } else { "inner" });
        inventory.apply(object.object());
        for pod in 0..10 {
            inventory.apply(pod_of(&namespace, pod).object());
        }
        for (name, spec) in policies(habit, number) {
            inventory.apply(policy(&namespace, name, spec).object());
        }
    }
    inventory.take_dirty();
    inventory
}

fn pod_of(namespace: &str, number: usize) -> Manifest {
    let app = APPS[number % APPS.len()];
    let name = format!("{app}-{number}");
    live(Kind::Pod, &name)
        .namespace(namespace)
        .uid(&format!("{namespace} {name}"))
        .label("app", app)
        .label("pod-template-hash", &format!("{number:x}"))
        .push(
            "spec.containers",
            json!({ "name": "main", "image": "x", "ports": [{ "name": "http", "containerPort": 8080 }] }),
        )
}

fn policy(namespace: &str, name: &str, spec: Value) -> Manifest {
    live(Kind::NetworkPolicy, name)
        .namespace(namespace)
        .uid(&format!("{namespace} {name}"))
        .set("spec", spec)
}

fn policies(habit: Habit, number: usize) -> Vec<(&'static str, Value)> {
    let edge = json!({ "namespaceSelector": { "matchLabels": { "tier": "edge" } } });
    let friend = json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": format!("team-{}", number / 2) } } });
    let dns = json!({ "ports": [{ "protocol": "UDP", "port": 53 }, { "port": 53 }] });
    match habit {
        Habit::Strict => vec![
            (
                "deny",
                json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [dns] }),
            ),
            (
                "web",
                json!({
                    "podSelector": { "matchLabels": { "app": "web" } },
                    "ingress": [{ "from": [edge, friend], "ports": [{ "port": "http" }] }],
                }),
            ),
            (
                "within",
                json!({
                    "podSelector": { "matchExpressions": [{ "key": "app", "operator": "In", "values": ["api", "db"] }] },
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "app": "web" } } }], "ports": [{ "port": 8080 }] }],
                    "egress": [{ "to": [{ "podSelector": {} }, { "ipBlock": { "cidr": "10.0.0.0/8", "except": [format!("10.{}.0.0/16", number % 250)] } }] }],
                }),
            ),
        ],
        Habit::Open => vec![
            (
                "all",
                json!({
                    "podSelector": {},
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": [{ "from": [{ "namespaceSelector": {} }] }],
                    "egress": [{ "to": [{ "namespaceSelector": {} }] }],
                }),
            ),
            (
                "web",
                json!({ "podSelector": { "matchLabels": { "app": "web" } }, "ingress": [{ "from": [edge] }] }),
            ),
            (
                "db",
                json!({ "podSelector": { "matchLabels": { "app": "db" } }, "ingress": [{ "ports": [{ "port": 5432 }] }] }),
            ),
        ],
        Habit::None => Vec::new(),
    }
}

/// Everything that the items ask for, of a network that is there.
fn ask(network: &Network, inventory: &Inventory) -> (u64, u64, usize) {
    let naked: usize = inventory
        .namespaces()
        .map(|namespace| network.isolation(namespace))
        .map(|isolation| isolation.ingress.naked.len() + isolation.egress.naked.len())
        .sum();
    let open = network.open_rules().len();
    let (edges, hash) = network.crossing().fingerprint(|_, _| true);
    (edges, hash, naked + open)
}

#[divan::bench(args = HABITS, sample_count = 5)]
fn build(bencher: Bencher, habit: Habit) {
    let inventory = cluster(habit);
    bencher.bench_local(|| Network::of(black_box(&inventory)));
}

#[divan::bench(args = HABITS, sample_count = 5)]
fn build_and_ask(bencher: Bencher, habit: Habit) {
    let inventory = cluster(habit);
    bencher.bench_local(|| {
        counted(|| {
            let network = Network::of(black_box(&inventory));
            ask(&network, &inventory)
        })
    });
}

#[divan::bench(args = HABITS, sample_count = 5)]
fn crossing(bencher: Bencher, habit: Habit) {
    let inventory = cluster(habit);
    let network = Network::of(&inventory);
    bencher.bench_local(|| network.crossing().fingerprint(|_, _| true));
}

#[divan::bench(args = HABITS, sample_count = 30)]
fn change_a_policy(bencher: Bencher, habit: Habit) {
    change(bencher, habit, |turn| {
        let port = if turn { 80 } else { 81 };
        json!({ "podSelector": { "matchLabels": { "app": "web" } }, "ingress": [{ "from": [{ "namespaceSelector": {} }], "ports": [{ "port": port }] }] })
    });
}

/// The worst change: a label comes to be read that nobody has read, on every pod.
#[divan::bench(args = HABITS, sample_count = 30)]
fn change_a_policy_that_reads_another_label(bencher: Bencher, habit: Habit) {
    change(bencher, habit, |turn| {
        let key = if turn { "pod-template-hash" } else { "app" };
        json!({ "podSelector": { "matchLabels": { (key): "1" } } })
    });
}

fn change(bencher: Bencher, habit: Habit, spec: impl Fn(bool) -> Value) {
    let mut inventory = cluster(habit);
    let mut network = Network::of(&inventory);
    let objects = [true, false].map(|turn| policy("team-7", "changing", spec(turn)));
    let mut turn = 0;
    bencher.bench_local(|| {
        counted(|| {
            turn += 1;
            inventory.apply(objects[turn % 2].object());
            let dirty = inventory.take_dirty();
            network.update(&inventory, &dirty);
        });
    });
}

#[divan::bench(args = HABITS, sample_count = 30)]
fn restart_a_pod(bencher: Bencher, habit: Habit) {
    let mut inventory = cluster(habit);
    let mut network = Network::of(&inventory);
    let pod = pod_of("team-7", 3);
    let mut there = true;
    bencher.bench_local(|| {
        counted(|| {
            there = !there;
            if there {
                inventory.apply(pod.object());
            } else {
                inventory.delete(&pod.id());
            }
            let dirty = inventory.take_dirty();
            network.update(&inventory, &dirty);
        });
    });
}
