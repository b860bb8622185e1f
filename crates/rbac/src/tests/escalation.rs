//! Paths to more rights.

use std::collections::BTreeMap;

use plumbline_inventory::testing::{Manifest, live as running, written};
use plumbline_inventory::{Inventory, Kind};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::random::object;
use super::{alice, cluster_role, everywhere, filled, in_shop, role};
use crate::{Becomes, Danger, Rbac, Standing, Subject};

fn account(namespace: &str, name: &str) -> Manifest {
    written(Kind::ServiceAccount, name).namespace(namespace)
}

fn to_account(namespace: &str, name: &str) -> Value {
    json!([{ "kind": "ServiceAccount", "namespace": namespace, "name": name }])
}

fn rule(verbs: &[&str], group: &str, resource: &str) -> Value {
    json!({ "verbs": verbs, "apiGroups": [group], "resources": [resource] })
}

/// Every right, for an account of namespace kube-system.
fn administrator() -> Vec<Manifest> {
    vec![
        cluster_role("cluster-admin", json!([rule(&["*"], "*", "*")])),
        everywhere("root", "cluster-admin", to_account("kube-system", "root")),
        account("kube-system", "root"),
    ]
}

/// What alice may become, as `right > whom > right > whom!`, with a mark where that is everything.
fn paths(mut objects: Vec<Manifest>) -> Vec<String> {
    objects.push(written(Kind::Namespace, "shop"));
    objects.push(written(Kind::Namespace, "kube-system"));
    let inventory = filled(Inventory::live(), &objects);
    let rbac = Rbac::of(&inventory);
    let found = rbac.paths(&Subject::User("alice".into()));
    let line = |path: &crate::Path| {
        let steps: Vec<String> = path
            .steps
            .iter()
            .map(|step| match &step.becomes {
                Becomes::Administrator => step.danger.reason().to_owned(),
                Becomes::Subject(subject) => format!("{} > {subject}", step.danger.reason()),
            })
            .collect();
        steps.join(" > ")
            + if path.standing == Standing::Administrator {
                "!"
            } else {
                ""
            }
    };
    found.into_iter().map(line).collect()
}

/// What alice may become by these rules of a role that she has everywhere, in a cluster with an administrator.
fn by(rules: Value) -> Vec<String> {
    let mut objects = administrator();
    objects.extend([cluster_role("r", rules), everywhere("b", "r", alice())]);
    paths(objects)
}

const ROOT: &str = "ServiceAccount kube-system/root!";

#[test]
fn pods_run_as_any_account_of_their_namespace() {
    assert_eq!(
        by(json!([rule(&["create"], "", "pods")])),
        [format!("CreatePods > {ROOT}")]
    );
    assert_eq!(
        by(json!([rule(&["patch"], "apps", "daemonsets")])),
        [format!("CreatePodControllers > {ROOT}")]
    );
    let mut objects = administrator();
    objects.push(cluster_role("r", json!([rule(&["create"], "", "pods")])));
    objects.push(in_shop("b", "ClusterRole", "r", alice()));
    assert_eq!(paths(objects.clone()), Vec::<String>::new());
    objects.push(in_shop("c", "ClusterRole", "r", alice()).namespace("kube-system"));
    assert_eq!(paths(objects), [format!("CreatePods > {ROOT}")]);
}

#[test]
fn tokens_and_impersonation_are_for_accounts_by_name() {
    for (verb, resource, reason) in [
        ("create", "serviceaccounts/token", "CreateTokens"),
        ("impersonate", "serviceaccounts", "ImpersonateServiceAccounts"),
    ] {
        assert_eq!(
            by(json!([rule(&[verb], "", resource)])),
            [format!("{reason} > {ROOT}")]
        );
        let mut named = rule(&[verb], "", resource);
        named["resourceNames"] = json!(["web"]);
        assert_eq!(by(json!([named])), Vec::<String>::new());
        named["resourceNames"] = json!(["root"]);
        assert_eq!(by(json!([named])), [format!("{reason} > {ROOT}")]);
    }
}

#[test]
fn a_path_has_several_steps_and_at_most_four() {
    let chain = |length: usize| {
        let mut objects = administrator();
        objects.push(cluster_role("pods", json!([rule(&["create"], "", "pods")])));
        objects.push(in_shop("start", "ClusterRole", "pods", alice()).namespace("n1"));
        for at in 1..length {
            let next = format!("n{}", at + 1);
            let next = if at + 1 == length { "kube-system" } else { &next };
            objects.push(account(&format!("n{at}"), "hop"));
            let hop = to_account(&format!("n{at}"), "hop");
            objects.push(in_shop(&format!("hop{at}"), "ClusterRole", "pods", hop).namespace(next));
        }
        paths(objects)
    };
    let hops = |count: usize| {
        let hops = (1..count).map(|at| format!("CreatePods > ServiceAccount n{at}/hop > "));
        hops.collect::<Vec<_>>().concat()
    };
    for length in [2, 3, 4] {
        let found = chain(length);
        assert_eq!(
            found.last(),
            Some(&format!("{}CreatePods > {ROOT}", hops(length))),
            "{found:?}"
        );
    }
    assert!(chain(5).iter().all(|path| !path.ends_with('!')));
}

#[test]
fn a_group_is_impersonated_by_somebody() {
    let groups = rule(&["impersonate"], "", "groups");
    assert_eq!(by(json!([groups])), Vec::<String>::new());
    let users = rule(&["impersonate"], "", "users");
    assert_eq!(by(json!([groups, users])), ["ImpersonateGroups!"]);
    let mut dev = groups;
    dev["resourceNames"] = json!(["dev"]);
    assert_eq!(by(json!([dev, users])), Vec::<String>::new());
}

#[test]
fn bind_takes_a_binding_and_escalate_a_role_of_ones_own() {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let bind = rule(&["bind"], GROUP, "clusterroles");
    assert_eq!(by(json!([bind])), Vec::<String>::new());
    let everywhere = rule(&["create"], GROUP, "clusterrolebindings");
    assert_eq!(by(json!([bind, everywhere])), ["BindRoles!"]);
    let locally = rule(&["create"], GROUP, "rolebindings");
    assert_eq!(by(json!([bind, locally])), [format!("BindRoles > {ROOT}")]);
    let escalate = rule(&["escalate"], GROUP, "clusterroles");
    assert_eq!(by(json!([escalate])), Vec::<String>::new());
    assert_eq!(
        by(json!([escalate, rule(&["update"], GROUP, "clusterroles")])),
        ["EscalateRoles!"]
    );
    let mut own = rule(&["escalate", "patch"], GROUP, "clusterroles");
    own["resourceNames"] = json!(["other"]);
    assert_eq!(by(json!([own])), Vec::<String>::new());
    own["resourceNames"] = json!(["r"]);
    assert_eq!(by(json!([own])), ["EscalateRoles!"]);
}

#[test]
fn a_role_of_a_namespace_leads_to_its_accounts() {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let rules = json!([rule(&["escalate", "update"], GROUP, "roles")]);
    let mut objects = administrator();
    objects.push(role("r", rules).namespace("kube-system"));
    objects.push(in_shop("b", "Role", "r", alice()).namespace("kube-system"));
    assert_eq!(paths(objects), [format!("EscalateRoles > {ROOT}")]);
}

#[test]
fn webhooks_and_policies_that_change_objects_are_everything() {
    const GROUP: &str = "admissionregistration.k8s.io";
    assert_eq!(
        by(json!([rule(&["update"], GROUP, "mutatingwebhookconfigurations")])),
        ["WriteMutatingWebhooks!"]
    );
    assert_eq!(
        by(json!([rule(&["patch"], GROUP, "mutatingadmissionpolicies")])),
        ["WriteMutatingPolicies!"]
    );
    assert_eq!(
        by(json!([rule(&["delete"], GROUP, "mutatingwebhookconfigurations")])),
        Vec::<String>::new()
    );
    assert_eq!(
        by(json!([rule(
            &["update"],
            GROUP,
            "validatingwebhookconfigurations"
        )])),
        Vec::<String>::new()
    );
}

#[test]
fn exec_and_nodes_lead_to_accounts_that_something_runs_as() {
    for (resource, reason) in [("pods/exec", "ExecIntoPods"), ("nodes/proxy", "ProxyToNodes")] {
        let mut objects = administrator();
        objects.push(cluster_role("r", json!([rule(&["create"], "", resource)])));
        objects.push(everywhere("b", "r", alice()));
        assert_eq!(paths(objects.clone()), Vec::<String>::new());
        let pod = running(Kind::Pod, "p").namespace("kube-system").image("x");
        objects.push(pod.pod_spec("serviceAccountName", "root"));
        assert_eq!(paths(objects), [format!("{reason} > {ROOT}")]);
    }
}

#[test]
fn a_certificate_is_for_anybody() {
    const GROUP: &str = "certificates.k8s.io";
    let mut signer = rule(&["approve"], GROUP, "signers");
    signer["resourceNames"] = json!(["kubernetes.io/kube-apiserver-client"]);
    let rules = [
        rule(&["create"], GROUP, "certificatesigningrequests"),
        rule(&["update"], GROUP, "certificatesigningrequests/approval"),
        signer,
    ];
    assert_eq!(by(json!(rules)), [format!("CertificateApproval > {ROOT}")]);
    assert_eq!(by(json!(rules[1..])), Vec::<String>::new());
    assert_eq!(by(json!(rules[..2])), Vec::<String>::new());
}

#[test]
fn a_volume_of_a_node_takes_a_pod() {
    let pod = running(Kind::Pod, "p")
        .namespace("kube-system")
        .image("x")
        .pod_spec("serviceAccountName", "root");
    let with = |rules: Value| {
        let mut objects = administrator();
        objects.extend([
            pod.clone(),
            cluster_role("pods", json!([rule(&["create"], "", "pods")])),
        ]);
        objects.extend([cluster_role("r", rules), everywhere("b", "r", alice())]);
        objects.push(in_shop("p", "ClusterRole", "pods", alice()));
        paths(objects)
    };
    let volumes = json!([rule(&["create"], "", "persistentvolumes")]);
    assert_eq!(with(volumes), [format!("CreatePersistentVolumes > {ROOT}")]);
    assert_eq!(with(json!([])), Vec::<String>::new());
}

#[test]
fn a_path_is_told_of_if_it_leads_to_more_than_the_subject_is() {
    let mut objects = vec![
        cluster_role("secrets", json!([rule(&["get"], "", "secrets")])),
        cluster_role("nodes", json!([rule(&["patch"], "", "nodes")])),
        cluster_role("pods", json!([rule(&["create"], "", "pods")])),
        in_shop("pods", "ClusterRole", "pods", alice()),
        account("shop", "a"),
        account("shop", "b"),
        account("shop", "c"),
        // Whoever creates pods in the namespace has its secrets anyhow.
        in_shop("a", "ClusterRole", "secrets", to_account("shop", "a")),
        everywhere("missing", "secrets", to_account("shop", "missing")),
    ];
    assert_eq!(paths(objects.clone()), Vec::<String>::new());
    objects.push(everywhere("c", "nodes", to_account("shop", "c")));
    assert_eq!(paths(objects.clone()), ["CreatePods > ServiceAccount shop/c"]);
    objects.push(everywhere("b", "secrets", to_account("shop", "b")));
    assert_eq!(paths(objects.clone()), ["CreatePods > ServiceAccount shop/b"]);
    objects.push(everywhere("alice", "secrets", alice()));
    assert_eq!(paths(objects), Vec::<String>::new());
}

#[test]
fn what_is_nearer_and_less_is_told_before_what_is_most() {
    let mut objects = administrator();
    objects.extend([
        cluster_role("secrets", json!([rule(&["get"], "", "secrets")])),
        cluster_role("pods", json!([rule(&["create"], "", "pods")])),
        in_shop("pods", "ClusterRole", "pods", alice()),
        account("shop", "a"),
        account("shop", "b"),
        everywhere("a", "secrets", to_account("shop", "a")),
        in_shop("b", "ClusterRole", "pods", to_account("shop", "b")).namespace("kube-system"),
    ]);
    let both = [
        "CreatePods > ServiceAccount shop/a",
        "CreatePods > ServiceAccount shop/b > CreatePods > ServiceAccount kube-system/root!",
    ];
    assert_eq!(paths(objects), both);
}

#[test]
fn an_account_of_a_namespace_is_in_its_group() {
    let group = |name: &str| json!([{ "kind": "Group", "name": name }]);
    let of = |bound: &str, namespace: &str| {
        paths(vec![
            cluster_role("root", json!([rule(&["*"], "*", "*")])),
            cluster_role("pods", json!([rule(&["create"], "", "pods")])),
            in_shop("pods", "ClusterRole", "pods", alice()).namespace(namespace),
            everywhere("root", "root", group(bound)),
        ])
    };
    for everybody in ["system:serviceaccounts", "system:serviceaccounts:shop"] {
        assert_eq!(
            of(everybody, "shop"),
            [format!("CreatePods > Group {everybody}!")]
        );
    }
    assert_eq!(of("system:serviceaccounts:shop", "bank"), Vec::<String>::new());
    assert_eq!(of("system:serviceaccounts:shop-2", "shop"), Vec::<String>::new());
}

#[test]
fn two_who_may_become_each_other_get_nowhere() {
    let pods = || cluster_role("pods", json!([rule(&["create"], "", "pods")]));
    let objects = vec![
        pods(),
        in_shop("alice", "ClusterRole", "pods", alice()),
        account("shop", "a"),
        account("bank", "b"),
        in_shop("a", "ClusterRole", "pods", to_account("shop", "a")).namespace("bank"),
        in_shop("b", "ClusterRole", "pods", to_account("bank", "b")),
    ];
    assert_eq!(paths(objects), Vec::<String>::new());
}

#[test]
fn whoever_has_everything_needs_no_path() {
    let mut objects = administrator();
    objects.push(everywhere("alice", "cluster-admin", alice()));
    assert_eq!(paths(objects), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn steps_follow_from_rights(objects in vec(object(), 0..60)) {
        let objects: BTreeMap<_, _> = objects.into_iter().map(|object| (object.id(), object)).collect();
        let objects: Vec<Manifest> = objects.into_values().collect();
        let inventory = filled(Inventory::live(), &objects);
        let rbac = Rbac::of(&inventory);
        for subject in rbac.subjects() {
            let paths = rbac.paths(subject);
            prop_assert!(paths.is_sorted_by_key(|path| path.steps.len()));
            for path in &paths {
                prop_assert!((1..=4).contains(&path.steps.len()));
                prop_assert!(!path.rights.is_empty());
                let mut who = subject.clone();
                for step in &path.steps {
                    let held = rbac.held(&who).all();
                    prop_assert!(held.contains(step.danger), "{} has no {:?}", who, step.danger);
                    let grant = rbac.grant(&step.binding).unwrap();
                    prop_assert_eq!(grant.role, &step.role);
                    if let Becomes::Subject(next) = &step.becomes {
                        prop_assert!(!rbac.is_missing(next));
                        who = next.clone();
                    }
                }
                let every = rbac.held(&who).full.contains(Danger::EveryRight);
                let last = &path.steps.last().unwrap().becomes;
                let administrator = path.standing == Standing::Administrator;
                prop_assert_eq!(administrator, every || *last == Becomes::Administrator);
            }
        }
    }
}
