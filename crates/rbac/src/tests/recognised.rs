//! Defaults are known by what they say.

use std::collections::BTreeSet;

use plumbline_inventory::testing::{Manifest, written};
use plumbline_inventory::{Inventory, Kind};
use serde_json::{Value, json};

use super::{cluster_role, everywhere, filled, in_shop};
use crate::Rbac;
use crate::recognised::{self, Origin, Recognised};

fn recognise(object: &Manifest) -> Recognised {
    let inventory = filled(Inventory::live(), std::slice::from_ref(object));
    let id = object.id();
    match inventory.role(&id) {
        Some(role) => recognised::role(&id, role),
        None => recognised::binding(&id, inventory.binding(&id).unwrap()),
    }
}

const STOCK: Recognised = Recognised::Stock(Origin::Kubernetes);
const DRIFTED: Recognised = Recognised::Drifted(Origin::Kubernetes);

fn everything() -> Value {
    json!([
        { "verbs": ["*"], "nonResourceURLs": ["*"] },
        { "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] },
    ])
}

fn masters() -> Value {
    json!([{ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:masters" }])
}

#[test]
fn the_list_is_complete_and_in_order() {
    let defaults = recognised::defaults();
    let of = |version: &str, origin: Origin| {
        let mine = defaults.iter().filter(|default| default.origin == origin);
        let ids = mine
            .filter(|default| default.versions.contains(&version))
            .map(|default| &default.id);
        ids.collect::<BTreeSet<_>>().len()
    };
    for version in ["1.33", "1.34", "1.35", "1.36", "1.37"] {
        assert!(of(version, Origin::Kubernetes) > 100, "{version}");
        assert_eq!(
            of(version, Origin::Kubeadm),
            if version == "1.37" { 18 } else { 17 }
        );
    }
    let distinct: BTreeSet<_> = defaults
        .iter()
        .map(|default| (&default.id, default.content))
        .collect();
    assert_eq!(distinct.len(), defaults.len());
}

#[test]
fn a_role_is_known_by_its_rules_in_any_order() {
    assert_eq!(recognise(&cluster_role("cluster-admin", everything())), STOCK);
    let rules = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["nodes"] }]);
    assert_eq!(
        recognise(&cluster_role("kubeadm:get-nodes", rules)),
        Recognised::Stock(Origin::Kubeadm)
    );
}

#[test]
fn a_name_proves_nothing() {
    assert_eq!(
        recognise(&cluster_role("system:discovery", everything())),
        DRIFTED
    );
    assert_eq!(
        recognise(&cluster_role("system:harmless", everything())),
        Recognised::No
    );
    let labelled =
        cluster_role("system:harmless", everything()).label("kubernetes.io/bootstrapping", "rbac-defaults");
    assert_eq!(recognise(&labelled), Recognised::No);
    let local = written(Kind::Role, "cluster-admin")
        .namespace("shop")
        .set("rules", everything());
    assert_eq!(recognise(&local), Recognised::No);
}

#[test]
fn a_word_more_is_drift() {
    let mut rules = everything();
    rules[0]["verbs"] = json!(["*", "get"]);
    assert_eq!(recognise(&cluster_role("cluster-admin", rules)), DRIFTED);
    // Words cannot be run together.
    let rules = json!([{ "verbs": ["get\", \"list"], "apiGroups": [""], "resources": ["nodes"] }]);
    assert_eq!(
        recognise(&cluster_role("kubeadm:get-nodes", rules)),
        Recognised::Drifted(Origin::Kubeadm)
    );
}

#[test]
fn becoming_part_of_a_role_is_drift() {
    let role = cluster_role("cluster-admin", everything());
    assert_eq!(recognise(&role.clone().label("team", "x")), STOCK);
    assert_eq!(
        recognise(&role.label("rbac.authorization.k8s.io/aggregate-to-view", "true")),
        DRIFTED
    );
}

#[test]
fn a_binding_is_known_by_its_role_and_subjects() {
    assert_eq!(
        recognise(&everywhere("cluster-admin", "cluster-admin", masters())),
        STOCK
    );
    assert_eq!(
        recognise(&everywhere("mine", "cluster-admin", masters())),
        Recognised::No
    );
    let mut subjects = masters();
    subjects
        .as_array_mut()
        .unwrap()
        .push(json!({ "kind": "User", "name": "alice" }));
    assert_eq!(
        recognise(&everywhere("cluster-admin", "cluster-admin", subjects)),
        DRIFTED
    );
    let kube_proxy = json!([{ "kind": "Group", "name": "system:bootstrappers:kubeadm:default-node-token" }]);
    let binding = in_shop("kube-proxy", "Role", "kube-proxy", kube_proxy).namespace("kube-system");
    assert_eq!(recognise(&binding), Recognised::Stock(Origin::Kubeadm));
}

fn edit() -> Manifest {
    let selectors = json!([{ "matchLabels": { "rbac.authorization.k8s.io/aggregate-to-edit": "true" } }]);
    written(Kind::ClusterRole, "edit")
        .set("aggregationRule.clusterRoleSelectors", selectors)
        .label("rbac.authorization.k8s.io/aggregate-to-admin", "true")
        // The controller's work.
        .set("rules", everything())
}

#[test]
fn an_aggregated_role_is_known_by_what_it_is_aggregated_from() {
    assert_eq!(recognise(&edit()), STOCK);
    let selectors = json!([{ "matchLabels": { "x": "true" } }]);
    assert_eq!(
        recognise(&edit().set("aggregationRule.clusterRoleSelectors", selectors)),
        DRIFTED
    );
    assert_eq!(recognise(&cluster_role("edit", json!([]))), DRIFTED);
}

#[test]
fn what_others_add_to_a_role_is_named() {
    let added =
        cluster_role("crd-edit", everything()).label("rbac.authorization.k8s.io/aggregate-to-edit", "true");
    let admin = json!([{ "matchLabels": { "rbac.authorization.k8s.io/aggregate-to-admin": "true" } }]);
    let admin = written(Kind::ClusterRole, "admin").set("aggregationRule.clusterRoleSelectors", admin);
    let inventory = filled(Inventory::live(), &[edit(), added.clone(), admin.clone()]);
    let rbac = Rbac::of(&inventory);
    assert_eq!(rbac.foreign_parts(&edit().id()), [added.id()]);
    assert_eq!(rbac.foreign_parts(&admin.id()), [added.id()]);
}
