//! Random roles, bindings and requests, out of few words, so that they meet.

use plumbline_inventory::Kind;
use plumbline_inventory::testing::{Manifest, written};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};

use crate::{Request, ResourceRequest, User};

const VERBS: &[&str] = &["get", "list", "create", "*", "", "ge*"];
const GROUPS: &[&str] = &["", "apps", "*"];
const RESOURCES: &[&str] = &[
    "pods",
    "pods/exec",
    "pods/*",
    "pods/",
    "*",
    "*/scale",
    "*/exec",
    "*/",
    "scales",
    "scales/scale",
    "",
    "/exec",
    "secrets",
    "serviceaccounts/token",
];
const NAMES: &[&str] = &["web", "db", "", "*"];
const URLS: &[&str] = &[
    "/healthz",
    "/healthz/*",
    "/heal*",
    "/heal**",
    "*",
    "**",
    "/",
    "",
    "/api/*",
];
pub(super) const NAMESPACES: &[&str] = &["shop", "bank"];
pub(super) const OBJECTS: &[&str] = &["a", "b", "c", "d"];
const USERS: &[&str] = &[
    "alice",
    "",
    "system:serviceaccount:shop:a",
    "system:serviceaccount:shop:a:b",
    "system:serviceaccount:shop:",
    "system:serviceaccount::a",
];
const MORE_GROUPS: &[&str] = &[
    "dev",
    "system:authenticated",
    "system:serviceaccounts",
    "system:serviceaccounts:shop",
];

fn few(words: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(words, 0..=most)
}

/// A rule; now and then one that nobody would accept.
pub(super) fn rule() -> impl Strategy<Value = Value> {
    let names = prop_oneof![2 => Just(vec![]), 1 => few(NAMES, 2)];
    let urls = prop_oneof![2 => Just(vec![]), 1 => few(URLS, 2)];
    (few(VERBS, 3), few(GROUPS, 2), few(RESOURCES, 3), names, urls).prop_map(
        |(verbs, groups, resources, names, urls)| {
            json!({
                "verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names,
                "nonResourceURLs": urls,
            })
        },
    )
}

fn subject() -> impl Strategy<Value = Value> {
    let kind = select(&["User", "Group", "ServiceAccount", "Robot"][..]);
    let name = prop_oneof![
        select(USERS),
        select(MORE_GROUPS),
        select(OBJECTS),
        Just("a:b"),
        Just("")
    ];
    let namespace = prop_oneof![Just(""), select(NAMESPACES), Just("shop:a")];
    (kind, name, namespace)
        .prop_map(|(kind, name, namespace)| json!({ "kind": kind, "name": name, "namespace": namespace }))
}

fn role(kind: Kind) -> impl Strategy<Value = Manifest> {
    let part = proptest::option::of(select(OBJECTS));
    let of =
        prop_oneof![2 => Just(None), 1 => vec(proptest::option::of(select(OBJECTS)), 0..3).prop_map(Some)];
    (select(OBJECTS), vec(rule(), 0..3), part, of).prop_map(move |(name, rules, part, of)| {
        let mut role = written(kind, name).set("rules", rules);
        if let Some(part) = part {
            role = role.label("part", part);
        }
        if let Some(of) = of {
            // Without a label it selects everything, itself included.
            let selector = |part: Option<&str>| {
                part.map_or(json!({}), |part| json!({ "matchLabels": { "part": part } }))
            };
            let selectors: Vec<Value> = of.iter().copied().map(selector).collect();
            role = role.set("aggregationRule.clusterRoleSelectors", selectors);
        }
        role
    })
}

fn binding(kind: Kind) -> impl Strategy<Value = Manifest> {
    let role_kind = select(&["ClusterRole", "ClusterRole", "Role", "Roll"][..]);
    (select(OBJECTS), role_kind, select(OBJECTS), vec(subject(), 0..3)).prop_map(
        move |(name, role_kind, role, subjects)| {
            written(kind, name)
                .set("roleRef", json!({ "kind": role_kind, "name": role }))
                .set("subjects", subjects)
        },
    )
}

/// An object of one of the five kinds.
pub(super) fn object() -> impl Strategy<Value = Manifest> {
    let any = prop_oneof![
        1 => select(OBJECTS).prop_map(|name| written(Kind::ServiceAccount, name)).boxed(),
        2 => role(Kind::Role).boxed(),
        4 => role(Kind::ClusterRole).boxed(),
        3 => binding(Kind::RoleBinding).boxed(),
        3 => binding(Kind::ClusterRoleBinding).boxed(),
    ];
    (any, select(NAMESPACES)).prop_map(|(object, namespace)| {
        if object.kind().is_namespaced() {
            object.namespace(namespace)
        } else {
            object
        }
    })
}

/// Who asks and for what; words are picked while asking.
#[derive(Clone, Debug)]
pub(super) struct Question {
    user: Index,
    groups: Vec<&'static str>,
    words: [Index; 7],
}

pub(super) fn question() -> impl Strategy<Value = Question> {
    (any::<Index>(), few(MORE_GROUPS, 2), any::<[Index; 7]>()).prop_map(|(user, groups, words)| Question {
        user,
        groups,
        words,
    })
}

impl Question {
    pub(super) fn user(&self) -> User {
        super::user(self.user.get::<&str>(USERS), &self.groups)
    }

    pub(super) fn request(&self) -> Request<'static> {
        let pick = |at: usize, words: &'static [&'static str]| *self.words[at].get(words);
        if self.words[6].index(4) == 0 {
            let path = pick(1, &["/healthz", "/healthz/etcd", "/", "/api/v1", "", "/heal"]);
            return Request::NonResource {
                verb: pick(0, VERBS),
                path,
            };
        }
        Request::Resource(ResourceRequest {
            verb: pick(0, VERBS),
            group: pick(1, &["", "apps", "batch"]),
            resource: pick(2, &["pods", "scales", "*", "", "pods/exec", "*/exec"]),
            subresource: pick(3, &["", "exec", "scale", "*", "cale"]),
            name: pick(4, &["", "", "web", "db", "*"]),
            namespace: pick(5, &["", "shop", "bank", "shop:a"]),
        })
    }
}
