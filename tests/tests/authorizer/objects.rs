//! Random roles and bindings, out of few words, so that they meet.

use plumbline_inventory::Kind;
use serde_json::{Value, json};

use crate::Drawn;
use crate::dice::Dice;

pub(crate) const NAMESPACES: &[&str] = &["bank", "kube-system", "post", "shop", "tools"];
pub(crate) const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "juggle",
    "bind",
];
pub(crate) const GROUPS: &[&str] = &["", "apps", "batch", "rbac.authorization.k8s.io", "circus.example"];
pub(crate) const RESOURCES: &[&str] = &[
    "pods",
    "secrets",
    "deployments",
    "jobs",
    "nodes",
    "clusterroles",
    "balls",
    "users",
    "serviceaccounts",
];
pub(crate) const SUBRESOURCES: &[&str] = &["exec", "log", "scale", "status", "token", "proxy", "ecs", "*"];
pub(crate) const NAMES: &[&str] = &["web", "db", "token", "*", "pods", "we"];
pub(crate) const PATHS: &[&str] = &[
    "/healthz",
    "/healthz/etcd",
    "/metrics",
    "/api",
    "/api/v1",
    "/version",
    "/",
    "/apis/apps",
    "/health",
    "*",
];
pub(crate) const USERS: &[&str] = &[
    "alice",
    "bob",
    "carol",
    "system:anonymous",
    "system:serviceaccount:shop:web",
    "system:serviceaccount:a:b:c",
];
pub(crate) const ACCOUNTS: &[&str] = &["web", "db", "default", "ghost"];
pub(crate) const USER_GROUPS: &[&str] = &[
    "dev",
    "ops",
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
    "system:serviceaccounts:shop",
    "alice",
];

const SPECIAL_RESOURCES: &[&str] = &["*", "*/scale", "*/exec", "pods/*", "pods/", "*/*", "/exec", "*/"];
const SPECIAL_URLS: &[&str] = &[
    "*",
    "/healthz/*",
    "/api*",
    "/api/*",
    "/apis/**",
    "/*/etcd",
    "/health*",
    "",
];
const LABELS: &[&str] = &["a", "b", "c", "d", "e"];
const ROLES: usize = 100;
const CLUSTER_ROLES: usize = 120;
const ROLE_BINDINGS: usize = 160;
const CLUSTER_ROLE_BINDINGS: usize = 60;

/// Namespaces, accounts, roles and bindings, in an order in which they can be created.
pub(crate) fn random(dice: &mut Dice) -> Vec<Drawn> {
    let mut objects = Vec::new();
    for namespace in NAMESPACES.iter().filter(|namespace| **namespace != "kube-system") {
        objects.push((Kind::Namespace, json!({ "metadata": { "name": namespace } })));
        let account = json!({ "metadata": { "name": dice.pick(ACCOUNTS), "namespace": namespace } });
        if account["metadata"]["name"] != "default" {
            objects.push((Kind::ServiceAccount, account));
        }
    }
    for at in 0..ROLES {
        let rules: Vec<Value> = (0..dice.below(4)).map(|_| resource_rule(dice)).collect();
        let metadata = json!({ "name": format!("r{at}"), "namespace": dice.pick(NAMESPACES) });
        objects.push((Kind::Role, json!({ "metadata": metadata, "rules": rules })));
    }
    for at in 0..CLUSTER_ROLES {
        objects.push((Kind::ClusterRole, cluster_role(dice, at)));
    }
    for at in 0..ROLE_BINDINGS {
        let namespace = *dice.pick(NAMESPACES);
        let binding = json!({
            "metadata": { "name": format!("b{at}"), "namespace": namespace },
            "roleRef": role_ref(dice, true),
            "subjects": subjects(dice, true),
        });
        objects.push((Kind::RoleBinding, binding));
    }
    for at in 0..CLUSTER_ROLE_BINDINGS {
        let binding = json!({
            "metadata": { "name": format!("b{at}") },
            "roleRef": role_ref(dice, false),
            "subjects": subjects(dice, false),
        });
        objects.push((Kind::ClusterRoleBinding, binding));
    }
    objects
}

/// One in six is aggregated, now and then in circles; what is aggregated begins without rules.
fn cluster_role(dice: &mut Dice, at: usize) -> Value {
    let mut labels = serde_json::Map::new();
    for label in dice.some(LABELS, 0, 2) {
        labels.insert(label.to_owned(), "yes".into());
    }
    let metadata = json!({ "name": format!("c{at}"), "labels": labels });
    if dice.once_in(6) {
        let selectors: Vec<Value> = (0..=dice.below(2)).map(|_| selector(dice)).collect();
        return json!({ "metadata": metadata, "aggregationRule": { "clusterRoleSelectors": selectors }, "rules": [] });
    }
    let rules: Vec<Value> = (0..dice.below(4))
        .map(|_| {
            if dice.once_in(4) {
                url_rule(dice)
            } else {
                resource_rule(dice)
            }
        })
        .collect();
    json!({ "metadata": metadata, "rules": rules })
}

fn selector(dice: &mut Dice) -> Value {
    let label = *dice.pick(LABELS);
    let other = *dice.pick(LABELS);
    match dice.below(3) {
        0 => json!({ "matchLabels": { label: "yes" } }),
        1 => json!({ "matchExpressions": [
            { "key": label, "operator": "Exists" },
            { "key": other, "operator": "NotIn", "values": ["yes"] },
        ] }),
        _ => json!({ "matchExpressions": [{ "key": label, "operator": "In", "values": ["yes", "no"] }] }),
    }
}

fn resource_rule(dice: &mut Dice) -> Value {
    let mut verbs = dice.some(VERBS, 1, 4);
    if dice.once_in(12) {
        verbs.push("*");
    }
    let mut groups = dice.some(GROUPS, 1, 2);
    if dice.once_in(8) {
        groups.push("*");
    }
    let resource = |dice: &mut Dice| {
        if dice.once_in(8) {
            return (*dice.pick(SPECIAL_RESOURCES)).to_owned();
        }
        let resource = dice.pick(RESOURCES);
        if dice.once_in(3) {
            return format!("{resource}/{}", dice.pick(SUBRESOURCES));
        }
        (*resource).to_owned()
    };
    let resources: Vec<String> = (0..=dice.below(4)).map(|_| resource(dice)).collect();
    let mut rule = json!({ "verbs": verbs, "apiGroups": groups, "resources": resources });
    if dice.once_in(3) {
        let mut names = dice.some(NAMES, 1, 2);
        if dice.once_in(8) {
            names.push("");
        }
        rule["resourceNames"] = json!(names);
    }
    rule
}

fn url_rule(dice: &mut Dice) -> Value {
    let mut verbs = dice.some(&["get", "post", "put"], 1, 2);
    if dice.once_in(8) {
        verbs.push("*");
    }
    let mut urls = dice.some(PATHS, 0, 2);
    urls.extend(dice.some(SPECIAL_URLS, 1, 1));
    json!({ "verbs": verbs, "nonResourceURLs": urls })
}

/// Now and then to a role that does not exist, or to one of those that every cluster has.
fn role_ref(dice: &mut Dice, namespaced: bool) -> Value {
    if namespaced && dice.once_in(2) {
        return json!({ "kind": "Role", "name": format!("r{}", dice.below(ROLES)) });
    }
    if dice.once_in(10) {
        return json!({ "kind": "ClusterRole", "name": dice.pick(&["edit", "admin", "view", "system:discovery"]) });
    }
    json!({ "kind": "ClusterRole", "name": format!("c{}", dice.below(CLUSTER_ROLES + 10)) })
}

fn subjects(dice: &mut Dice, namespaced: bool) -> Vec<Value> {
    let count = dice.below(4);
    (0..count).map(|_| subject(dice, namespaced)).collect()
}

fn subject(dice: &mut Dice, namespaced: bool) -> Value {
    match dice.below(3) {
        0 => json!({ "kind": "User", "name": dice.pick(USERS) }),
        1 => json!({ "kind": "Group", "name": dice.pick(USER_GROUPS) }),
        _ if namespaced && dice.once_in(2) => {
            json!({ "kind": "ServiceAccount", "name": dice.pick(ACCOUNTS) })
        }
        _ => {
            let namespace = *dice.pick(&["shop", "bank", "nowhere", "a:b"]);
            json!({ "kind": "ServiceAccount", "namespace": namespace, "name": dice.pick(ACCOUNTS) })
        }
    }
}
