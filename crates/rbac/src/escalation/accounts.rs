//! Service accounts among subjects, their groups, and what runs as them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use plumbline_inventory::{Inventory, Name};

use crate::subject::{SERVICE_ACCOUNTS, Subject, User};

/// The group of all service accounts, which stands before those of their namespaces, and what comes after these.
pub(super) static ALL_ACCOUNTS: LazyLock<Subject> = LazyLock::new(|| Subject::Group(SERVICE_ACCOUNTS.into()));
static AFTER_ACCOUNTS: LazyLock<Subject> =
    LazyLock::new(|| Subject::Group(format!("{SERVICE_ACCOUNTS};").into()));

/// Whether whoever is `subject` is always in the group too.
pub(super) fn is_member(subject: &Subject, group: &Subject) -> bool {
    User::of(subject).subjects().any(|other| other == *group)
}

/// The groups of service accounts that are near, of a namespace or all.
pub(super) fn groups<'a>(near: &'a BTreeSet<Subject>, namespace: Option<&Name>) -> Vec<&'a Subject> {
    let groups = near.range(&*ALL_ACCOUNTS..&*AFTER_ACCOUNTS);
    let means = |group: &&Subject| {
        let of = group.accounts_namespace();
        **group == *ALL_ACCOUNTS || of.is_some() && namespace.is_none_or(|wanted| of.as_ref() == Some(wanted))
    };
    groups.filter(means).collect()
}

/// What stands before all service accounts of a namespace.
pub(super) fn before(namespace: &Name) -> Subject {
    Subject::service_account(Name::clone(namespace), "")
}

pub(super) fn of_namespace<'a, V>(
    map: &'a BTreeMap<Subject, V>,
    wanted: &'a Name,
) -> impl Iterator<Item = (&'a Subject, &'a V)> {
    map.range(before(wanted)..).take_while(
        move |(subject, _)| matches!(subject, Subject::ServiceAccount { namespace, .. } if namespace == wanted),
    )
}

/// Whether something runs as a service account, or as one of a group of them.
pub(super) fn is_used(inventory: &Inventory, subject: &Subject) -> bool {
    let runs_something = |namespace: &str| {
        let namespace = inventory.namespace(namespace);
        namespace.is_some_and(|namespace| namespace.workloads().next().is_some())
    };
    match subject {
        Subject::User(_) => false,
        Subject::ServiceAccount { namespace, name } => inventory
            .namespace(namespace)
            .is_some_and(|namespace| namespace.users(name).next().is_some()),
        Subject::Group(_) if *subject == *ALL_ACCOUNTS => inventory
            .namespaces()
            .any(|namespace| namespace.workloads().next().is_some()),
        Subject::Group(_) => subject
            .accounts_namespace()
            .is_some_and(|namespace| runs_something(&namespace)),
    }
}
