//! After any stream of changes the state is that of a full reading, and whatever became different was touched.

use std::collections::BTreeMap;

use plumbline_inventory::testing::{Manifest, live as running, written};
use plumbline_inventory::{Inventory, Kind, ObjectId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::random::{NAMESPACES, OBJECTS, object};
use crate::{Rbac, Subject, Touched};

#[derive(Clone, Debug)]
enum Event {
    Put(Manifest),
    Delete(Index),
    Break(Index),
    /// A listing that contains only some of what is there.
    Relist(Kind, Vec<bool>),
}

/// Something that runs as a service account.
fn pod() -> impl Strategy<Value = Manifest> {
    (select(NAMESPACES), select(OBJECTS), select(OBJECTS)).prop_map(|(namespace, name, account)| {
        let pod = running(Kind::Pod, name).namespace(namespace).image("x");
        pod.pod_spec("serviceAccountName", account)
    })
}

fn event() -> impl Strategy<Value = Event> {
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.is_access()).collect();
    prop_oneof![
        8 => object().prop_map(Event::Put),
        1 => pod().prop_map(Event::Put),
        1 => select(NAMESPACES).prop_map(|name| Event::Put(written(Kind::Namespace, name))),
        2 => any::<Index>().prop_map(Event::Delete),
        1 => any::<Index>().prop_map(Event::Break),
        1 => (select(kinds), vec(any::<bool>(), 1..5)).prop_map(|(kind, kept)| Event::Relist(kind, kept)),
    ]
}

/// What is there, by identity.
type World = BTreeMap<ObjectId, Manifest>;

fn happen(event: Event, world: &mut World, inventory: &mut Inventory) {
    let picked = |index: Index, world: &World| {
        (!world.is_empty()).then(|| world.keys().nth(index.index(world.len())).unwrap().clone())
    };
    match event {
        Event::Put(manifest) => {
            inventory.apply(manifest.object());
            world.insert(manifest.id(), manifest);
        }
        Event::Delete(index) => {
            if let Some(id) = picked(index, world) {
                inventory.delete(&id);
                world.remove(&id);
            }
        }
        Event::Break(index) => {
            if let Some(id) = picked(index, world) {
                inventory.apply_undecodable(id.clone(), "rules: broken".to_owned());
                world.remove(&id);
            }
        }
        Event::Relist(kind, kept) => {
            let mut kept = kept.into_iter().cycle();
            world.retain(|id, _| id.kind != kind || kept.next().unwrap());
            inventory.begin_relist(kind);
            for manifest in world.values().filter(|manifest| manifest.kind() == kind) {
                inventory.apply(manifest.object());
            }
            inventory.end_relist(kind);
        }
    }
}

/// All that a reader can see of a subject, a role, a binding.
fn seen(
    rbac: &Rbac,
) -> (
    BTreeMap<Subject, String>,
    BTreeMap<ObjectId, String>,
    BTreeMap<ObjectId, String>,
) {
    let grants = |subject: &Subject| {
        let grants: Vec<String> = rbac
            .grants(subject)
            .map(|grant| format!("{} {} {:?}", grant.binding, grant.role, grant.rules.written()))
            .collect();
        let risks: Vec<_> = rbac.risks(subject).iter().map(|risk| risk.latent).collect();
        let paths = rbac.paths(subject);
        format!("{} {grants:?} {risks:?} {paths:?}", rbac.is_missing(subject))
    };
    let subjects = rbac
        .subjects()
        .map(|subject| (subject.clone(), grants(subject)))
        .collect();
    let roles = rbac
        .roles()
        .map(|(id, rules)| {
            (
                id.clone(),
                format!("{} {:?}", rbac.is_granted(id), rules.written()),
            )
        })
        .collect();
    let bindings = rbac
        .bindings
        .iter()
        .map(|(id, binding)| {
            (
                id.clone(),
                format!("{binding:?} {:?} {:?}", rbac.lacks(id), rbac.grant(id)),
            )
        })
        .collect();
    (subjects, roles, bindings)
}

fn is_touched(touched: &Touched, subject: &Subject) -> bool {
    touched.subjects().any(|other| other == subject) || touched.indirect.contains(subject)
}

/// Keys whose values differ.
fn differing<'a, K: Ord>(before: &'a BTreeMap<K, String>, after: &'a BTreeMap<K, String>) -> Vec<&'a K> {
    let keys: std::collections::BTreeSet<&K> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter(|key| before.get(key) != after.get(key))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn following_changes_is_reading_everything(
        batches in vec(vec(event(), 1..4), 1..30),
        offline in any::<bool>(),
    ) {
        let mut inventory = if offline { Inventory::offline() } else { Inventory::live() };
        let mut world = World::new();
        let mut rbac = Rbac::of(&inventory);
        for events in batches {
            for event in events {
                happen(event, &mut world, &mut inventory);
            }
            let before = seen(&rbac);
            let dirty = inventory.take_dirty();
            let touched = rbac.update(&inventory, &dirty);
            prop_assert_eq!(&rbac, &Rbac::of(&inventory));
            let after = seen(&rbac);
            for subject in differing(&before.0, &after.0) {
                prop_assert!(is_touched(&touched, subject), "{} is not touched", subject);
            }
            for role in differing(&before.1, &after.1) {
                prop_assert!(touched.roles.contains(role), "{} is not touched", role);
            }
            for binding in differing(&before.2, &after.2) {
                prop_assert!(touched.bindings.contains(binding), "{} is not touched", binding);
            }
        }
    }
}
