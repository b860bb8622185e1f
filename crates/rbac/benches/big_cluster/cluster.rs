//! The objects, as an API server sends them.

use plumbline_inventory::Kind;
use serde_json::{Value, json};

/// An object of a kind.
pub(crate) type Json = (Kind, String);

const NAMESPACES: usize = 4_000;
const CLUSTER_ROLES: usize = 2_000;
const RESOURCES: &[&str] = &[
    "pods",
    "configmaps",
    "services",
    "secrets",
    "events",
    "leases",
    "pods/log",
    "pods/exec",
    "endpoints",
    "jobs",
];
const VERBS: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];

/// All of them. Each namespace has a role that a chart has put there, two service accounts, and three bindings; every
/// fourth has one more.
pub(crate) fn objects() -> Vec<Json> {
    let mut objects: Vec<Json> = (0..CLUSTER_ROLES).map(cluster_role).collect();
    for (at, name) in ["view", "edit"].into_iter().enumerate() {
        let selector = json!({ "matchLabels": { format!("aggregate-to-{name}"): "true" } });
        let aggregation = json!({ "clusterRoleSelectors": [selector] });
        objects.push(object(
            Kind::ClusterRole,
            json!({ "name": name }),
            json!({ "rules": rules(at), "aggregationRule": aggregation }),
        ));
    }
    for at in 0..NAMESPACES {
        let namespace = format!("team-{at}");
        objects.push(object(Kind::Namespace, json!({ "name": namespace }), json!({})));
        for account in ["app-0", "app-1"] {
            let metadata = json!({ "name": account, "namespace": namespace });
            objects.push(object(Kind::ServiceAccount, metadata, json!({})));
        }
        let metadata = json!({ "name": "chart", "namespace": namespace });
        objects.push(object(Kind::Role, metadata, json!({ "rules": chart() })));
        objects.push(binding(
            &namespace,
            "chart",
            "Role",
            "chart",
            &account(&namespace, "app-0"),
        ));
        let own = format!("role-{}", at % CLUSTER_ROLES);
        objects.push(binding(
            &namespace,
            "own",
            "ClusterRole",
            &own,
            &account(&namespace, "app-1"),
        ));
        objects.push(binding(
            &namespace,
            "wide",
            "ClusterRole",
            "view",
            &group("everybody"),
        ));
        if at % 4 == 0 {
            objects.push(binding(
                &namespace,
                "team",
                "ClusterRole",
                "edit",
                &group(&format!("group-{at}")),
            ));
        }
    }
    objects.extend(deployer());
    let every = json!([{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }]);
    objects.push(object(
        Kind::ClusterRole,
        json!({ "name": "root" }),
        json!({ "rules": every }),
    ));
    objects
}

/// An account that may create pods everywhere.
fn deployer() -> [Json; 3] {
    let rules = json!([{ "verbs": ["create"], "apiGroups": [""], "resources": ["pods"] }]);
    let role = json!({ "kind": "ClusterRole", "name": "deployer" });
    [
        object(
            Kind::ServiceAccount,
            json!({ "name": "deployer", "namespace": "team-0" }),
            json!({}),
        ),
        object(
            Kind::ClusterRole,
            json!({ "name": "deployer" }),
            json!({ "rules": rules }),
        ),
        object(
            Kind::ClusterRoleBinding,
            json!({ "name": "deployer" }),
            json!({ "roleRef": role, "subjects": [account("team-0", "deployer")] }),
        ),
    ]
}

/// A role binding that is bound to somebody else from time to time.
pub(crate) fn changing_binding(user: &str) -> String {
    binding(
        "team-76",
        "team",
        "ClusterRole",
        "edit",
        &json!({ "kind": "User", "name": user }),
    )
    .1
}

/// One of the bindings of a group that has them everywhere.
pub(crate) fn wide_binding(role: &str) -> String {
    binding("team-77", "wide", "ClusterRole", role, &group("everybody")).1
}

/// The binding of every right to an account.
pub(crate) fn administrator(name: &str) -> String {
    let role = json!({ "kind": "ClusterRole", "name": "root" });
    object(
        Kind::ClusterRoleBinding,
        json!({ "name": "root" }),
        json!({ "roleRef": role, "subjects": [account("team-78", name)] }),
    )
    .1
}

fn account(namespace: &str, name: &str) -> Value {
    json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
}

fn group(name: &str) -> Value {
    json!({ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name })
}

fn cluster_role(at: usize) -> Json {
    let mut labels = json!({ "app": format!("operator-{}", at / 3) });
    if at.is_multiple_of(10) {
        labels["aggregate-to-edit"] = "true".into();
    }
    let metadata = json!({ "name": format!("role-{at}"), "labels": labels });
    object(Kind::ClusterRole, metadata, json!({ "rules": rules(at) }))
}

/// Eight rules; a different list for each number.
fn rules(number: usize) -> Vec<Value> {
    let pick = |words: &[&str], seed: usize, count: usize| -> Vec<String> {
        (0..count)
            .map(|at| words[(seed + at * 3) % words.len()].to_owned())
            .collect()
    };
    let rule = |at: usize| {
        let seed = number * 31 + at * 7;
        let mut resources = pick(RESOURCES, seed, 1 + seed % 3);
        resources.push(format!("widgets-{number}"));
        json!({
            "verbs": pick(VERBS, seed, 1 + seed % 5),
            "apiGroups": ["", format!("group-{}.example.com", number % 200)],
            "resources": resources,
        })
    };
    (0..8).map(rule).collect()
}

fn chart() -> Value {
    json!([
        { "verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["configmaps", "endpoints"] },
        { "verbs": ["create"], "apiGroups": [""], "resources": ["pods"] },
        { "verbs": ["get", "update"], "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
          "resourceNames": ["leader"] },
    ])
}

fn binding(namespace: &str, name: &str, role_kind: &str, role: &str, subject: &Value) -> Json {
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role });
    object(
        Kind::RoleBinding,
        json!({ "name": name, "namespace": namespace }),
        json!({ "roleRef": role, "subjects": [subject] }),
    )
}

fn object(kind: Kind, metadata: Value, rest: Value) -> Json {
    let mut object = rest;
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.as_str().into();
    object["metadata"] = metadata;
    (kind, object.to_string())
}
