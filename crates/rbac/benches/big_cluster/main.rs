//! The RBAC of a big cluster: 13,000 role bindings, 4,000 namespaces, 2,000 cluster roles.
//!
//! `cargo bench -p plumbline-rbac`, or `make bench-instructions` for numbers that do not depend on how busy the machine
//! is. The budgets: load and evaluate in under 1 s of CPU and 60 MiB; one changed
//! binding in under 1 ms. The peak of memory is the line `max alloc` of `load_and_evaluate`.

mod cluster;

use std::collections::BTreeSet;

use divan::{AllocProfiler, Bencher, black_box};
use plumbline_inventory::lean::Object;
use plumbline_inventory::{Inventory, Kind, Name};
use plumbline_rbac::{Grant, Rbac, ResourceRequest, Subject, User};

use cluster::Json;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// What `make bench-instructions` counts the instructions of.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// From JSON to an inventory.
fn load(objects: &[Json]) -> Inventory {
    let mut inventory = Inventory::live();
    for (kind, json) in objects {
        inventory.apply(Object::from_json(*kind, json).expect("it decodes"));
    }
    inventory
}

/// Looks at every subject, as each report sees it, and at every role.
fn evaluate(rbac: &Rbac) -> usize {
    let subjects: usize = rbac
        .subjects()
        .map(|subject| evaluate_subject(rbac, subject))
        .sum();
    let latent: usize = rbac.latent_roles().map(|role| rbac.role_risks(role).len()).sum();
    subjects + latent + rbac.dormant().count()
}

/// A service account is in the report of its namespace, others in those of their bindings.
fn evaluate_subject(rbac: &Rbac, subject: &Subject) -> usize {
    let told = |grants: &[Grant<'_>]| -> usize {
        let risks = rbac.risks_by(subject, grants).into_iter();
        let paths = risks.map(|risk| 1 + rbac.paths_by(subject, risk.grant.binding, risk.danger).len());
        paths.sum()
    };
    if matches!(subject, Subject::ServiceAccount { .. }) {
        return told(&rbac.grants(subject).collect::<Vec<_>>());
    }
    let places: BTreeSet<_> = rbac
        .bindings_naming(subject)
        .map(|binding| &binding.namespace)
        .collect();
    let at = |place: &Option<Name>| {
        let bindings = rbac.bindings_naming_at(subject, place.as_ref());
        bindings
            .filter_map(|binding| rbac.grant(binding))
            .collect::<Vec<_>>()
    };
    places.into_iter().map(|place| told(&at(place))).sum()
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn load_and_evaluate(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(cluster::objects).bench_refs(|objects| {
        counted(|| {
            let mut inventory = load(objects);
            inventory.take_dirty();
            let rbac = Rbac::of(&inventory);
            black_box(evaluate(&rbac));
            (inventory, rbac)
        })
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn load_only(bencher: Bencher<'_, '_>) {
    bencher
        .with_inputs(cluster::objects)
        .bench_refs(|objects| load(objects));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn read(bencher: Bencher<'_, '_>) {
    let inventory = load(&cluster::objects());
    bencher.bench_local(|| Rbac::of(&inventory));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn evaluate_all(bencher: Bencher<'_, '_>) {
    let rbac = Rbac::of(&load(&cluster::objects()));
    bencher.bench_local(|| evaluate(&rbac));
}

/// What follows from a role binding that gets another subject: the facts, the grants, the subjects it touches.
#[divan::bench]
fn one_binding_changes(bencher: Bencher<'_, '_>) {
    let mut inventory = load(&cluster::objects());
    inventory.take_dirty();
    let mut rbac = Rbac::of(&inventory);
    let forms = [
        cluster::changing_binding("alice"),
        cluster::changing_binding("bob"),
    ];
    let mut turn = 0;
    bencher.bench_local(|| {
        counted(|| {
            turn += 1;
            inventory.apply(Object::from_json(Kind::RoleBinding, &forms[turn % 2]).expect("it decodes"));
            let dirty = inventory.take_dirty();
            let touched = rbac.update(&inventory, &dirty);
            assert_eq!(touched.subjects().count(), 2);
            touched
                .subjects()
                .map(|subject| rbac.risks(subject).len())
                .sum::<usize>()
        })
    });
}

/// The same of the binding of a group that has one in every namespace.
#[divan::bench]
fn one_binding_of_a_wide_group_changes(bencher: Bencher<'_, '_>) {
    let mut inventory = load(&cluster::objects());
    inventory.take_dirty();
    let mut rbac = Rbac::of(&inventory);
    let forms = [cluster::wide_binding("view"), cluster::wide_binding("edit")];
    let mut turn = 0;
    bencher.bench_local(|| {
        counted(|| {
            turn += 1;
            inventory.apply(Object::from_json(Kind::RoleBinding, &forms[turn % 2]).expect("it decodes"));
            let dirty = inventory.take_dirty();
            rbac.update(&inventory, &dirty).subjects().count()
        })
    });
}

/// An account that others may become becomes an administrator and ceases to be one: in a namespace where two may
/// create pods, and where one may create them everywhere.
#[divan::bench]
fn one_account_becomes_administrator(bencher: Bencher<'_, '_>) {
    let mut inventory = load(&cluster::objects());
    inventory.take_dirty();
    let mut rbac = Rbac::of(&inventory);
    let forms = [cluster::administrator("app-1"), cluster::administrator("nobody")];
    let mut turn = 0;
    bencher.bench_local(|| {
        counted(|| {
            turn += 1;
            inventory
                .apply(Object::from_json(Kind::ClusterRoleBinding, &forms[turn % 2]).expect("it decodes"));
            let dirty = inventory.take_dirty();
            let touched = rbac.update(&inventory, &dirty);
            let indirect = touched
                .indirect
                .iter()
                .filter(|subject| !rbac.paths(subject).is_empty());
            indirect.count()
        })
    });
}

#[divan::bench]
fn authorize(bencher: Bencher<'_, '_>) {
    let rbac = Rbac::of(&load(&cluster::objects()));
    let user = User::of(&Subject::service_account("team-1234", "app-1"));
    let request = ResourceRequest::new("get", "", "secrets")
        .namespace("team-1234")
        .into();
    bencher.bench_local(|| rbac.authorize(black_box(&user), black_box(&request)).is_some());
}

#[divan::bench]
fn who_can(bencher: Bencher<'_, '_>) {
    let rbac = Rbac::of(&load(&cluster::objects()));
    let request = ResourceRequest::new("get", "", "secrets")
        .namespace("team-1234")
        .into();
    bencher.bench_local(|| rbac.who_can(black_box(&request)));
}

/// Paths of an account that may create pods in its namespace, and of one that may create them everywhere.
#[divan::bench(args = ["app-0", "deployer"])]
fn paths(bencher: Bencher<'_, '_>, account: &str) {
    let rbac = Rbac::of(&load(&cluster::objects()));
    let subject = Subject::service_account("team-0", account);
    bencher.bench_local(|| rbac.paths(black_box(&subject)));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn paths_of_everybody(bencher: Bencher<'_, '_>) {
    let rbac = Rbac::of(&load(&cluster::objects()));
    bencher.bench_local(|| {
        rbac.subjects()
            .map(|subject| rbac.paths(subject).len())
            .sum::<usize>()
    });
}
