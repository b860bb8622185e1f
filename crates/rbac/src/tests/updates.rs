//! What a change touches, and what it leaves alone.

use std::collections::BTreeSet;

use plumbline_inventory::testing::{Manifest, live as running, written};
use plumbline_inventory::{Inventory, Kind};
use serde_json::{Value, json};

use super::{alice, cluster_role, everywhere, filled, in_shop, role};
use crate::{Rbac, Subject, Touched};

/// A cluster and what is known of it.
struct Cluster {
    inventory: Inventory,
    rbac: Rbac,
}

impl Cluster {
    fn new(objects: &[Manifest]) -> Self {
        let mut inventory = filled(Inventory::live(), objects);
        inventory.take_dirty();
        Self {
            rbac: Rbac::of(&inventory),
            inventory,
        }
    }

    fn put(&mut self, object: &Manifest) -> Vec<String> {
        self.inventory.apply(object.object());
        self.touched()
    }

    fn delete(&mut self, object: &Manifest) -> Vec<String> {
        self.inventory.delete(&object.id());
        self.touched()
    }

    fn touched(&mut self) -> Vec<String> {
        let dirty = self.inventory.take_dirty();
        let touched = self.rbac.update(&self.inventory, &dirty);
        let subjects = touched.subjects().chain(&touched.indirect);
        let subjects: BTreeSet<&Subject> = subjects.collect();
        let Touched { roles, bindings, .. } = &touched;
        let others = roles.iter().chain(bindings).map(ToString::to_string);
        subjects
            .into_iter()
            .map(ToString::to_string)
            .chain(others)
            .collect()
    }
}

fn pods() -> Value {
    json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }])
}

#[test]
fn a_binding_touches_its_subjects_and_nobody_else() {
    let bob = json!([{ "kind": "User", "name": "bob" }]);
    let mut cluster = Cluster::new(&[cluster_role("r", pods()), everywhere("a", "r", alice())]);
    let binding = in_shop("b", "ClusterRole", "r", bob);
    assert_eq!(cluster.put(&binding), ["User bob", "RoleBinding shop/b"]);
    assert_eq!(
        cluster.put(&binding.clone().label("team", "x")),
        Vec::<String>::new()
    );
    let approved = binding.annotation("access.example.com/approved-by", "carol");
    assert_eq!(cluster.put(&approved), ["User bob", "RoleBinding shop/b"]);
    assert_eq!(cluster.delete(&approved), ["User bob", "RoleBinding shop/b"]);
}

#[test]
fn the_first_binding_and_the_last_touch_the_role() {
    let mut cluster = Cluster::new(&[role("r", pods())]);
    let binding = in_shop("b", "Role", "r", alice());
    let touched = ["User alice", "Role shop/r", "RoleBinding shop/b"];
    assert_eq!(cluster.put(&binding), touched);
    assert_eq!(cluster.delete(&binding), touched);
}

#[test]
fn rules_touch_those_who_have_them_and_so_do_labels_which_may_say_who_keeps_the_role() {
    let mut cluster = Cluster::new(&[cluster_role("r", pods()), everywhere("a", "r", alice())]);
    let labelled = cluster_role("r", pods()).label("team", "x");
    let touched = ["User alice", "ClusterRole r", "ClusterRoleBinding a"];
    assert_eq!(cluster.put(&labelled), touched);
    assert_eq!(
        cluster.put(&cluster_role("r", json!([])).label("team", "x")),
        touched
    );
}

#[test]
fn a_service_account_wakes_up_its_bindings_when_it_is_created() {
    let subjects = json!([{ "kind": "ServiceAccount", "name": "web" }]);
    let mut cluster = Cluster::new(&[in_shop("b", "ClusterRole", "r", subjects)]);
    let account = written(Kind::ServiceAccount, "web").namespace("shop");
    let touched = ["ServiceAccount shop/web", "RoleBinding shop/b"];
    assert_eq!(cluster.put(&account), touched);
    assert_eq!(
        cluster.put(&account.clone().label("app", "web")),
        Vec::<String>::new()
    );
    assert_eq!(cluster.delete(&account), touched);
    let nobody = written(Kind::ServiceAccount, "idle").namespace("shop");
    assert_eq!(cluster.put(&nobody), Vec::<String>::new());
}

fn rule(verb: &str, resource: &str) -> Value {
    json!([{ "verbs": [verb], "apiGroups": [""], "resources": [resource] }])
}

fn to_account(name: &str) -> Value {
    json!([{ "kind": "ServiceAccount", "namespace": "shop", "name": name }])
}

#[test]
fn rights_of_an_account_touch_whoever_may_become_it() {
    let mut cluster = Cluster::new(&[
        written(Kind::Namespace, "shop"),
        cluster_role("pods", rule("create", "pods")),
        cluster_role("exec", rule("create", "pods/exec")),
        cluster_role("secrets", rule("get", "secrets")),
        written(Kind::ServiceAccount, "web").namespace("shop"),
        in_shop("pods", "ClusterRole", "pods", alice()),
        in_shop(
            "exec",
            "ClusterRole",
            "exec",
            json!([{ "kind": "User", "name": "bob" }]),
        ),
        in_shop(
            "elsewhere",
            "ClusterRole",
            "pods",
            json!([{ "kind": "User", "name": "carol" }]),
        )
        .namespace("bank"),
    ]);
    let binding = everywhere("web", "secrets", to_account("web"));
    let touched = cluster.put(&binding);
    assert_eq!(
        touched,
        [
            "User alice",
            "ServiceAccount shop/web",
            "ClusterRole secrets",
            "ClusterRoleBinding web"
        ]
    );
    // A shell leads to it once something runs as it, and as long as that does.
    let pod = running(Kind::Pod, "p").namespace("shop").image("x");
    assert_eq!(cluster.put(&pod), Vec::<String>::new());
    let web = pod.pod_spec("serviceAccountName", "web");
    assert_eq!(cluster.put(&web), ["User bob"]);
    assert_eq!(
        cluster.put(&web.clone().label("app", "web")),
        Vec::<String>::new()
    );
    assert_eq!(cluster.delete(&web), ["User bob"]);
    assert_eq!(cluster.delete(&binding), touched);
}

#[test]
fn the_other_half_of_a_right_touches_whoever_is_always_in_the_group_that_has_it() {
    let rule = |verb: &str, resource: &str| json!([{ "verbs": [verb], "apiGroups": ["certificates.k8s.io"], "resources": [resource] }]);
    let mut cluster = Cluster::new(&[
        cluster_role("half", rule("update", "certificatesigningrequests/approval")),
        cluster_role("other", rule("approve", "signers")),
        everywhere("half", "half", alice()),
        everywhere("bob", "none", json!([{ "kind": "User", "name": "bob" }])),
    ]);
    let everybody = json!([{ "kind": "Group", "name": "system:authenticated" }]);
    let touched = cluster.put(&everywhere("other", "other", everybody));
    assert_eq!(
        touched,
        [
            "User alice",
            "Group system:authenticated",
            "ClusterRole other",
            "ClusterRoleBinding other"
        ]
    );
}

#[test]
fn nothing_is_kept_of_what_is_gone() {
    let binding = everywhere("a", "r", alice());
    let mut cluster = Cluster::new(&[]);
    for round in 0..1000 {
        let rules =
            json!([{ "verbs": ["get"], "apiGroups": [""], "resources": [format!("things-{round}")] }]);
        cluster.put(&cluster_role("r", rules));
    }
    cluster.put(&binding);
    cluster.delete(&binding);
    cluster.delete(&cluster_role("r", json!([])));
    assert!(
        cluster.rbac.rule_lists() <= 65,
        "{} lists kept",
        cluster.rbac.rule_lists()
    );
    assert_eq!(cluster.rbac, Rbac::of(&Inventory::live()));
}
