//! A network that follows changes is the one that a look at everything would give.

use std::collections::BTreeMap;

use plumbline_inventory::testing::Manifest;
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Dirty, Inventory, Kind, Name, RootKey};
use plumbline_network::Network;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::literal::cases;
use crate::{random, told};

#[derive(Clone, Debug)]
enum Event {
    Applied(Manifest),
    Deleted(Manifest),
    /// Being deleted: its namespace leaves every scope.
    Terminating(&'static str),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => random::object().prop_map(|object| Event::Applied(random::admitted(&object))),
        3 => random::object().prop_map(|object| Event::Deleted(random::admitted(&object))),
        1 => prop_oneof![Just("a"), Just("b")].prop_map(Event::Terminating),
    ]
}

fn follow(inventory: &mut Inventory, event: Event) {
    match event {
        Event::Applied(object) => inventory.apply(object.object()),
        Event::Deleted(object) => inventory.delete(&object.id()),
        Event::Terminating(name) => {
            let namespace = random::namespace_there(name);
            inventory.apply(
                namespace
                    .set("metadata.deletionTimestamp", "2026-11-24T10:00:00Z")
                    .object(),
            );
        }
    }
}

fn workloads() -> Vec<RootKey> {
    let of = |namespace: &'static str| {
        (0..4).map(move |number| RootKey {
            namespace: namespace.into(),
            kind: Kind::Pod,
            name: format!("p{number}").into(),
        })
    };
    ["a", "b", "c"].into_iter().flat_map(of).collect()
}

/// Everything that can be asked of a namespace.
fn answers(network: &Network, inventory: &Inventory) -> BTreeMap<Name, String> {
    let answer = |namespace: NamespaceView<'_>| {
        let name = namespace.name();
        let open: Vec<&RootKey> = network
            .workloads()
            .filter(|key| key.namespace == *name && network.is_open_to_the_world(key))
            .collect();
        let answer = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {open:?}",
            network.isolation(namespace),
            network.permits(name),
            network.open_rules_in(name),
            network.problems_in(name),
            network.cluster_problems(),
            network.entries_by(namespace),
            network.entries_into(namespace),
            network.enforcement(),
        );
        (Name::clone(name), answer)
    };
    inventory.namespaces().map(answer).collect()
}

/// Whether whoever looks at a namespace looks at it again anyway: for its workloads, its objects or itself.
fn is_changed_itself(dirty: &Dirty, namespace: &Name) -> bool {
    dirty.roots.iter().any(|root| root.namespace == *namespace)
        || dirty
            .topics
            .iter()
            .any(|topic| topic.namespace.as_ref() == Some(namespace))
        || dirty.topics.iter().any(|topic| topic.kind == Kind::Node)
}

fn check(mut inventory: Inventory, batches: Vec<Vec<Event>>) -> Result<(), TestCaseError> {
    let mut network = Network::of(&inventory);
    inventory.take_dirty();
    for batch in batches {
        for event in batch {
            follow(&mut inventory, event);
        }
        let dirty = inventory.take_dirty();
        let before = answers(&network, &inventory);
        let touched = network.update(&inventory, &dirty);
        let fresh = Network::of(&inventory);
        let after = answers(&network, &inventory);
        prop_assert_eq!(&after, &answers(&fresh, &inventory));
        for (namespace, answer) in &after {
            let looked_at = touched.everywhere
                || touched.namespaces.contains(namespace)
                || is_changed_itself(&dirty, namespace);
            prop_assert!(
                looked_at || before.get(namespace) == Some(answer),
                "{} is not among {:?}\nbefore: {:?}\n now: {}",
                namespace,
                touched,
                before.get(namespace),
                answer
            );
        }
        prop_assert_eq!(told(&network, &workloads()), told(&fresh, &workloads()));
        prop_assert!(network.workloads().eq(fresh.workloads()));
        prop_assert_eq!(network.size(), fresh.size());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(150)))]

    #[test]
    fn of_a_live_cluster(first in random::cluster(), batches in vec(vec(event(), 1..4), 1..12)) {
        let mut inventory = Inventory::live();
        for name in ["a", "b"] {
            inventory.apply(random::namespace_there(name).object());
        }
        for object in &first {
            inventory.apply(random::admitted(object).object());
        }
        check(inventory, batches)?;
    }

    #[test]
    fn of_manifests(batches in vec(vec(event(), 1..4), 1..12)) {
        check(Inventory::offline(), batches)?;
    }
}
