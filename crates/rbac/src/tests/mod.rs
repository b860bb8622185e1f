//! Semantics case by case, against the rules as they are written, and incremental against full.

mod bad_input;
mod dangers;
mod escalation;
mod incremental;
mod levels;
mod literal;
mod oracle;
mod random;
mod recognised;
mod semantics;
mod updates;

use plumbline_inventory::testing::{Manifest, written};
use plumbline_inventory::{Inventory, Kind};
use serde_json::{Value, json};

use crate::{Rbac, Reason, Request, ResourceRequest, User};

/// What these manifests say in a live cluster.
fn live(objects: &[Manifest]) -> Rbac {
    Rbac::of(&filled(Inventory::live(), objects))
}

/// What these manifests say before anybody has applied them.
fn offline(objects: &[Manifest]) -> Rbac {
    Rbac::of(&filled(Inventory::offline(), objects))
}

fn filled(mut inventory: Inventory, objects: &[Manifest]) -> Inventory {
    for object in objects {
        inventory.apply(object.object());
    }
    inventory
}

fn cluster_role(name: &str, rules: Value) -> Manifest {
    written(Kind::ClusterRole, name).set("rules", rules)
}

fn role(name: &str, rules: Value) -> Manifest {
    written(Kind::Role, name).namespace("shop").set("rules", rules)
}

/// Binds a cluster role everywhere.
fn everywhere(name: &str, role: &str, subjects: Value) -> Manifest {
    written(Kind::ClusterRoleBinding, name)
        .set("roleRef", json!({ "kind": "ClusterRole", "name": role }))
        .set("subjects", subjects)
}

/// Binds a role of either kind in namespace `shop`.
fn in_shop(name: &str, kind: &str, role: &str, subjects: Value) -> Manifest {
    written(Kind::RoleBinding, name)
        .namespace("shop")
        .set("roleRef", json!({ "kind": kind, "name": role }))
        .set("subjects", subjects)
}

fn alice() -> Value {
    json!([{ "kind": "User", "name": "alice" }])
}

fn user(name: &str, groups: &[&str]) -> User {
    User {
        name: name.into(),
        groups: groups.iter().map(|group| (*group).into()).collect(),
    }
}

/// Whether alice may.
fn may<'a>(rbac: &Rbac, request: impl Into<Request<'a>>) -> bool {
    rbac.authorize(&user("alice", &[]), &request.into()).is_some()
}

/// Asks in namespace `shop`.
fn ask<'a>(verb: &'a str, group: &'a str, resource: &'a str) -> ResourceRequest<'a> {
    ResourceRequest::new(verb, group, resource).namespace("shop")
}

/// Binding and role that a user has a right by, as `binding > role`.
fn by(rbac: &Rbac, user: &User, request: ResourceRequest<'_>) -> Option<String> {
    rbac.authorize(user, &request.into()).map(|reason| match reason {
        Reason::Superuser => "superuser".to_owned(),
        Reason::Rule { grant, rule } => format!("{} > {} [{rule}]", grant.binding, grant.role),
    })
}
