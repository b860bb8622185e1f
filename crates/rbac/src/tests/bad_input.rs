//! What nobody should write, and somebody will.

use plumbline_inventory::testing::{Manifest, written};
use plumbline_inventory::{Inventory, Kind};
use serde_json::{Value, json};

use super::{alice, ask, cluster_role, everywhere, filled, in_shop, may, offline};
use crate::{Danger, Rbac, Subject};

/// Asks everything there is to ask.
fn look_at_everything(rbac: &Rbac) {
    for subject in rbac.subjects() {
        let _ = (rbac.risks(subject), rbac.paths(subject));
    }
    for role in rbac.latent_roles() {
        let _ = rbac.role_risks(role);
    }
    let _ = (rbac.dormant().count(), rbac.problems().count());
    let _ = rbac.who_can(&ask("get", "", "secrets").into());
}

#[test]
fn a_role_has_thousands_of_rules() {
    let rule =
        |at: usize| json!({ "verbs": ["get"], "apiGroups": [""], "resources": [format!("things-{at}")] });
    let mut rules: Vec<Value> = (0..19_000).map(rule).collect();
    // To create something of a certain name takes a look at all other rules: at 19,000 of them, a thousand times.
    rules.extend((0..1_000).map(|at| {
        let names = [format!("pod-{at}")];
        json!({ "verbs": ["create"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": names })
    }));
    rules.push(json!({ "verbs": ["create"], "apiGroups": [""], "resources": ["pods"] }));
    let objects = [cluster_role("r", json!(rules)), everywhere("b", "r", alice())];
    let inventory = filled(Inventory::offline(), &objects);
    let rbac = Rbac::of(&inventory);
    assert!(may(&rbac, ask("create", "", "pods")));
    let risks = rbac.risks(&Subject::User("alice".into()));
    let pods = risks
        .iter()
        .find(|risk| risk.danger == Danger::CreatePods)
        .unwrap();
    assert_eq!(pods.rules, [20_000]);
    look_at_everything(&rbac);
}

#[test]
fn hundreds_of_roles_select_each_other() {
    let selectors = |at: usize| {
        let key = format!("no-{at}");
        json!([{ "matchExpressions": [{ "key": key, "operator": "DoesNotExist" }] }])
    };
    let whole = |at: usize| {
        written(Kind::ClusterRole, &format!("whole-{at}"))
            .set("aggregationRule.clusterRoleSelectors", selectors(at))
    };
    let part = |at: usize| {
        let resource = format!("things-{at}");
        cluster_role(
            &format!("part-{at}"),
            json!([{ "verbs": ["get"], "apiGroups": [""], "resources": [resource] }]),
        )
    };
    let mut objects: Vec<Manifest> = (0..300).flat_map(|at| [whole(at), part(at)]).collect();
    objects.push(everywhere("b", "whole-7", alice()));
    let inventory = filled(Inventory::offline(), &objects);
    let rbac = Rbac::of(&inventory);
    assert!(may(&rbac, ask("get", "", "things-299")));
    assert!(rbac.rule_lists() <= 302, "each part, none, and all together");
    assert_eq!(rbac.latent_roles().count(), 0);
    look_at_everything(&rbac);
}

#[test]
fn names_are_empty_or_strange() {
    let strange = [
        "",
        ":",
        "system:serviceaccount:",
        "system:serviceaccount::",
        "a\u{0}b",
        "/",
        "*",
        "日本",
    ];
    let mut objects = Vec::new();
    for (at, name) in strange.iter().enumerate() {
        for kind in ["User", "Group", "ServiceAccount", "", "*"] {
            let subjects =
                json!([{ "kind": kind, "name": name, "namespace": strange[(at + 3) % strange.len()] }]);
            let id = format!("{kind}-{at}");
            objects.push(everywhere(&id, name, subjects.clone()));
            objects.push(in_shop(&id, "Role", name, subjects));
        }
        objects.push(cluster_role(
            name,
            json!([{ "verbs": [name], "apiGroups": [name], "resources": [name] }]),
        ));
    }
    let inventory = filled(Inventory::offline(), &objects);
    look_at_everything(&Rbac::of(&inventory));
}

#[test]
fn an_api_group_that_nobody_serves_is_like_any_other() {
    let rules = json!([{ "verbs": ["juggle"], "apiGroups": ["circus.example"], "resources": ["balls"] }]);
    let rbac = offline(&[cluster_role("r", rules), everywhere("b", "r", alice())]);
    assert!(may(&rbac, ask("juggle", "circus.example", "balls")));
    assert_eq!(rbac.problems().count(), 0);
}
