//! How much bindings give, and what is remarkable about roles and bindings.

use plumbline_inventory::testing::{Manifest, written};
use plumbline_inventory::{Kind, ObjectId};
use serde_json::{Value, json};

use super::{alice, cluster_role, everywhere, in_shop, live, offline, role};
use crate::{Level, Rbac, Subject};

fn level(rbac: &Rbac, binding: &Manifest) -> Level {
    rbac.level(&binding.id())
}

/// What alice has by these rules, everywhere.
fn of(rules: Value) -> Level {
    let binding = everywhere("all", "r", alice());
    level(&live(&[cluster_role("r", rules), binding.clone()]), &binding)
}

fn rule(verbs: &[&str], group: &str, resource: &str) -> Value {
    json!([{ "verbs": verbs, "apiGroups": [group], "resources": [resource] }])
}

#[test]
fn reading_is_view_unless_it_does_harm() {
    assert_eq!(of(rule(&["get", "list", "watch"], "", "pods")), Level::View);
    assert_eq!(of(rule(&["get"], "*", "pods")), Level::View);
    assert_eq!(of(rule(&["get"], "apps", "*")), Level::View);
    assert_eq!(
        of(json!([{ "verbs": ["get"], "nonResourceURLs": ["/metrics"] }])),
        Level::View
    );
    assert_eq!(
        of(rule(&["get"], "", "*")),
        Level::Change,
        "secrets are among them"
    );
    assert_eq!(of(rule(&["list"], "", "secrets")), Level::Change);
    assert_eq!(of(rule(&["get"], "", "pods/exec")), Level::Change);
    assert_eq!(of(rule(&["get"], "", "nodes/proxy")), Level::Change);
    let named = json!([{
        "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["db"],
    }]);
    assert_eq!(of(named), Level::Change);
}

#[test]
fn what_changes_something_is_more_than_view() {
    assert_eq!(of(rule(&["patch"], "", "services")), Level::Change);
    assert_eq!(of(rule(&["get", "use"], "", "pods")), Level::Change);
    assert_eq!(of(rule(&["*"], "", "services")), Level::Change);
    assert_eq!(of(rule(&["create"], "", "pods")), Level::Maintain);
    assert_eq!(of(rule(&["patch"], "apps", "deployments")), Level::Maintain);
    assert_eq!(of(rule(&["*"], "*", "*")), Level::Everything);
}

#[test]
fn what_everybody_may_find_out_is_discovery() {
    let own = rule(&["create"], "authorization.k8s.io", "selfsubjectaccessreviews");
    assert_eq!(of(own), Level::Discovery);
    let bundles = rule(&["get", "list"], "certificates.k8s.io", "clustertrustbundles");
    assert_eq!(of(bundles), Level::Discovery);
    let paths = json!([{ "verbs": ["get"], "nonResourceURLs": ["/api/*", "/version"] }]);
    assert_eq!(of(paths), Level::Discovery);
    let every_path = json!([{ "verbs": ["get"], "nonResourceURLs": ["*"] }]);
    assert_eq!(of(every_path), Level::View);
    let others = rule(&["create"], "authorization.k8s.io", "subjectaccessreviews");
    assert_eq!(of(others), Level::Change);
    let bundle = rule(&["update"], "certificates.k8s.io", "clustertrustbundles");
    assert_eq!(of(bundle), Level::Change);
    assert_eq!(of(json!([])), Level::Nothing);
}

#[test]
fn manifests_imply_the_defaults_unless_they_are_a_whole_cluster() {
    let bindings = ["cluster-admin", "edit", "view", "gone"].map(|role| everywhere(role, role, alice()));
    let implied = offline(&bindings);
    let levels = bindings.each_ref().map(|binding| level(&implied, binding));
    assert_eq!(
        levels,
        [Level::Everything, Level::Maintain, Level::View, Level::Nothing]
    );
    assert_eq!(absent(&implied), ["ClusterRole gone"]);

    let mut whole = vec![cluster_role("cluster-admin", rule(&["*"], "*", "*"))];
    whole.extend(bindings.iter().cloned());
    for rbac in [offline(&whole), live(&whole)] {
        let levels = bindings.each_ref().map(|binding| level(&rbac, binding));
        assert_eq!(
            levels,
            [Level::Everything, Level::Nothing, Level::Nothing, Level::Nothing]
        );
        assert_eq!(
            absent(&rbac),
            ["ClusterRole edit", "ClusterRole gone", "ClusterRole view"]
        );
    }
}

fn absent(rbac: &Rbac) -> Vec<String> {
    rbac.absent_roles().map(ToString::to_string).collect()
}

#[test]
fn roles_with_every_right_are_known_by_their_rules() {
    let named = json!([{
        "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "resourceNames": ["x"],
    }]);
    let rbac = live(&[
        role("all", rule(&["*"], "*", "*")),
        cluster_role("named", named),
        cluster_role("core", rule(&["*"], "", "*")),
    ]);
    let roles: Vec<String> = rbac.roles_with_every_right().map(ToString::to_string).collect();
    assert_eq!(roles, ["Role shop/all"]);
}

#[test]
fn bindings_within_a_namespace_are_those_in_it_and_those_everywhere() {
    let elsewhere = in_shop("elsewhere", "ClusterRole", "r", alice()).namespace("bank");
    let rbac = live(&[
        everywhere("all", "r", alice()),
        in_shop("here", "ClusterRole", "r", alice()),
        elsewhere,
    ]);
    let (alice, shop) = (Subject::User("alice".into()), "shop".into());
    let within = rbac.bindings_within(&alice, &shop);
    let names: Vec<&str> = within.map(|binding| &*binding.name).collect();
    assert_eq!(names, ["all", "here"]);
}

#[test]
fn default_bindings_are_stock_as_they_are_shipped() {
    let masters = json!([{ "kind": "Group", "name": "system:masters" }]);
    let stock = everywhere("cluster-admin", "cluster-admin", masters);
    let drifted = everywhere("system:discovery", "system:discovery", alice());
    let rbac = live(&[stock.clone(), drifted.clone()]);
    assert!(rbac.is_stock(&stock.id()) && !rbac.is_stock(&drifted.id()));
    assert_eq!((rbac.binding_count(), rbac.stock_binding_count()), (2, 1));
    let gone = ObjectId {
        name: "gone".into(),
        ..stock.id()
    };
    assert!(!rbac.is_stock(&gone));
}

#[test]
fn people_are_who_is_no_component() {
    let user = |name: &str| Subject::User(name.into()).is_of_people();
    assert!(user("alice") && user("system:admin") && user("system:anonymous") && user("system:nodes-fan"));
    assert!(!user("system:kube-scheduler") && !user("system:node:worker-1"));
    let group = |name: &str| Subject::Group(name.into()).is_of_people();
    assert!(group("dev") && group("system:authenticated") && group("system:masters"));
    assert!(!group("system:nodes") && !group("system:serviceaccounts:shop"));
    let account = written(Kind::ServiceAccount, "web").namespace("shop").id();
    assert!(!Subject::service_account("shop", account.name).is_of_people());
}
