//! Paths to more rights.

use std::collections::BTreeMap;

use plumbline_inventory::testing::{Manifest, live as running, written};
use plumbline_inventory::{Inventory, Kind};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::random::object;
use super::{alice, cluster_role, everywhere, filled, in_shop, role};
use crate::{Becomes, Danger, Escalation, Rbac, Subject};

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
    let found = Escalation::new(&rbac, &inventory).paths(&Subject::User("alice".into()));
    let line = |path: &crate::Path| {
        let steps: Vec<String> = path
            .steps
            .iter()
            .map(|step| match &step.becomes {
                Becomes::Administrator => step.danger.reason().to_owned(),
                Becomes::Subject(subject) => format!("{} > {subject}", step.danger.reason()),
            })
            .collect();
        steps.join(" > ") + if path.administrator { "!" } else { "" }
    };
    found.iter().map(line).collect()
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
fn a_path_is_told_of_if_it_leads_to_something_new() {
    let secrets = cluster_role("secrets", json!([rule(&["get"], "", "secrets")]));
    let pods = cluster_role("pods", json!([rule(&["create"], "", "pods")]));
    let mut objects = vec![
        secrets,
        pods,
        in_shop("pods", "ClusterRole", "pods", alice()),
        account("shop", "a"),
        account("shop", "b"),
        in_shop("a", "ClusterRole", "secrets", to_account("shop", "a")),
        in_shop("b", "ClusterRole", "secrets", to_account("shop", "b")),
        in_shop("c", "ClusterRole", "secrets", to_account("shop", "missing")),
    ];
    assert_eq!(paths(objects.clone()), ["CreatePods > ServiceAccount shop/a"]);
    // Everywhere is more than in a namespace.
    objects.push(everywhere("b", "secrets", to_account("shop", "b")));
    let both = [
        "CreatePods > ServiceAccount shop/a",
        "CreatePods > ServiceAccount shop/b",
    ];
    assert_eq!(paths(objects.clone()), both);
    objects.push(everywhere("alice", "secrets", alice()));
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
        let escalation = Escalation::new(&rbac, &inventory);
        for subject in rbac.subjects() {
            let paths = escalation.paths(subject);
            prop_assert!(paths.is_sorted_by_key(|path| path.steps.len()));
            prop_assert!(paths.iter().filter(|path| path.administrator).count() <= 1 || paths[0].administrator);
            for path in &paths {
                prop_assert!((1..=4).contains(&path.steps.len()));
                prop_assert!(!path.gains.is_empty());
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
                prop_assert!(!path.administrator || every || *last == Becomes::Administrator);
            }
            prop_assert_eq!(&paths, &Escalation::new(&rbac, &inventory).paths(subject));
        }
    }
}
