//! Objects, out of bytes.

use plumbline_inventory::Kind;
use serde_json::{Value, json};

use crate::bytes::Bytes;

pub(crate) const KINDS: &[Kind] = &[
    Kind::ClusterRole,
    Kind::ClusterRoleBinding,
    Kind::Role,
    Kind::RoleBinding,
    Kind::ServiceAccount,
    Kind::Namespace,
    Kind::Pod,
];
pub(crate) const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "*",
    "bind",
    "escalate",
    "impersonate",
    "approve",
    "impersonate:user-info",
    "impersonate:associated-node",
    "impersonate-on:user-info:get",
    "impersonate-on:associated-node:list",
    "impersonate-on:",
    "",
];
pub(crate) const GROUPS: &[&str] = &[
    "",
    "*",
    "apps",
    "batch",
    "rbac.authorization.k8s.io",
    "admissionregistration.k8s.io",
    "certificates.k8s.io",
    "authentication.k8s.io",
    "kyverno.io",
    "circus.example",
    "compliance.plumbline.dev",
];
pub(crate) const RESOURCES: &[&str] = &[
    "pods",
    "*",
    "secrets",
    "pods/exec",
    "pods/*",
    "*/scale",
    "*/",
    "/",
    "serviceaccounts",
    "serviceaccounts/token",
    "roles",
    "clusterroles",
    "rolebindings",
    "clusterrolebindings",
    "nodes",
    "nodes/proxy",
    "users",
    "groups",
    "uids",
    "userextras/scopes",
    "userextras",
    "signers",
    "certificatesigningrequests",
    "certificatesigningrequests/approval",
    "mutatingwebhookconfigurations",
    "persistentvolumes",
    "configmaps",
    "deployments",
    "",
];
pub(crate) const NAMES: &[&str] = &[
    "a",
    "b",
    "c",
    "d",
    "*",
    "",
    "cluster-admin",
    "system:masters",
    "view",
    "edit",
    "admin",
    "default",
];
pub(crate) const NAMESPACES: &[&str] = &["shop", "kube-system", "bank", ""];
pub(crate) const SUBJECTS: &[&str] = &[
    "a",
    "b",
    "system:serviceaccount:shop:a",
    "system:masters",
    "system:authenticated",
    "system:unauthenticated",
    "system:anonymous",
    "system:serviceaccounts",
    "system:serviceaccounts:shop",
    "system:serviceaccount:",
    "",
];
pub(crate) const URLS: &[&str] = &["/healthz", "/healthz/*", "*", "/", "/metrics", "", "**", "/api*"];

/// An object of some kind, as JSON.
pub(crate) fn object(bytes: &mut Bytes<'_>) -> (Kind, Value) {
    let kind = bytes.pick(KINDS);
    let mut object = match kind {
        Kind::ClusterRole | Kind::Role => role(bytes),
        Kind::ClusterRoleBinding | Kind::RoleBinding => binding(bytes),
        Kind::Pod => {
            json!({ "spec": { "serviceAccountName": bytes.word(NAMES), "containers": [{ "name": "c" }] } })
        }
        _ => json!({}),
    };
    object["metadata"]["name"] = bytes.word(NAMES).into();
    if kind.is_namespaced() {
        object["metadata"]["namespace"] = bytes.word(NAMESPACES).into();
    }
    // Now and then something is not what it should be.
    if bytes.byte() > 245 {
        let field = bytes.pick(&[
            "rules",
            "subjects",
            "roleRef",
            "aggregationRule",
            "metadata",
            "spec",
        ]);
        object[field] = bytes.nonsense();
    }
    (kind, object)
}

fn role(bytes: &mut Bytes<'_>) -> Value {
    let mut rules: Vec<Value> = (0..bytes.below(4)).map(|_| rule(bytes)).collect();
    if bytes.byte() == 255 && !rules.is_empty() {
        rules = rules.iter().cycle().take(2_000).cloned().collect();
    }
    let mut role = json!({ "rules": rules, "metadata": { "labels": {} } });
    for _ in 0..bytes.below(3) {
        role["metadata"]["labels"][bytes.pick(&["x", "y", "rbac.authorization.k8s.io/aggregate-to-view"])] =
            "true".into();
    }
    if bytes.below(3) == 0 {
        let selectors: Vec<Value> = (0..bytes.below(3)).map(|_| selector(bytes)).collect();
        role["aggregationRule"] = json!({ "clusterRoleSelectors": selectors });
    }
    role
}

fn selector(bytes: &mut Bytes<'_>) -> Value {
    let key = bytes.pick(&["x", "y", "rbac.authorization.k8s.io/aggregate-to-view", ""]);
    let operator = bytes.pick(&["Exists", "In", "NotIn", "DoesNotExist", "Like", ""]);
    let values: Vec<&str> = (0..bytes.below(3)).map(|_| "true").collect();
    match bytes.below(3) {
        0 => json!({ "matchLabels": { key: "true" } }),
        1 => json!({}),
        _ => json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] }),
    }
}

fn rule(bytes: &mut Bytes<'_>) -> Value {
    let mut rule = json!({
        "verbs": bytes.words(VERBS, 3),
        "apiGroups": bytes.words(GROUPS, 2),
        "resources": bytes.words(RESOURCES, 3),
    });
    match bytes.below(6) {
        0 => rule["resourceNames"] = json!(bytes.words(NAMES, 3)),
        1 => rule["nonResourceURLs"] = json!(bytes.words(URLS, 3)),
        _ => {}
    }
    rule
}

fn binding(bytes: &mut Bytes<'_>) -> Value {
    let subjects: Vec<Value> = (0..bytes.below(4)).map(|_| subject(bytes)).collect();
    let kind = bytes.pick(&["ClusterRole", "ClusterRole", "Role", "User", ""]);
    json!({ "roleRef": { "kind": kind, "name": bytes.word(NAMES) }, "subjects": subjects })
}

fn subject(bytes: &mut Bytes<'_>) -> Value {
    let kind = bytes.pick(&["User", "Group", "ServiceAccount", "Robot"]);
    let name = if kind == "ServiceAccount" {
        bytes.word(NAMES)
    } else {
        bytes.word(SUBJECTS)
    };
    json!({ "kind": kind, "name": name, "namespace": bytes.word(NAMESPACES) })
}
