//! How much a binding gives, in a word.

use plumbline_inventory::lean::Rule;
use plumbline_inventory::{Kind, Name, ObjectId};

use crate::danger::{Danger, DangerSet};
use crate::rbac::Rbac;
use crate::recognised;
use crate::rules::Rules;

/// How much a binding gives to whom it names; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing: there are no rules, or no role.
    Nothing,
    /// To find out what the API server serves, and what oneself may do: what Kubernetes lets everybody.
    Discovery,
    /// To read, and nothing that reading could do harm with: no secrets, and no way into pods.
    View,
    /// More than to read.
    Change,
    /// To write pods or workloads, as `edit` and `admin` may.
    Maintain,
    /// Every verb on every resource of every group, as `cluster-admin` may.
    Everything,
}

impl Rbac {
    /// How much a binding gives.
    ///
    /// In manifests the defaults give what they give in a cluster though nothing describes them.
    pub fn level(&self, binding: &ObjectId) -> Level {
        match (self.grant(binding), self.role_of(binding)) {
            (Some(grant), _) => grant.rules.level(grant.namespace()),
            (None, Some(role)) if self.is_implied(role) => of_default(role),
            _ => Level::Nothing,
        }
    }

    /// Whether a role that is not there is so in manifests only, which do not describe what every cluster has. Those
    /// that describe `cluster-admin` are a whole cluster, and lack what they do not describe.
    pub(crate) fn is_implied(&self, role: &ObjectId) -> bool {
        let is_whole = || {
            self.roles.contains_key(&ObjectId {
                kind: Kind::ClusterRole,
                namespace: None,
                name: "cluster-admin".into(),
            })
        };
        self.offline && recognised::is_default(role) && !is_whole()
    }
}

fn of_default(role: &ObjectId) -> Level {
    match (role.kind, &*role.name) {
        (Kind::ClusterRole, "cluster-admin") => Level::Everything,
        (Kind::ClusterRole, "admin" | "edit") => Level::Maintain,
        (Kind::ClusterRole, "view") => Level::View,
        (
            Kind::ClusterRole,
            "system:basic-user"
            | "system:cluster-trust-bundle-discovery"
            | "system:discovery"
            | "system:public-info-viewer"
            | "system:service-account-issuer-discovery",
        ) => Level::Discovery,
        // Those of the cluster's own components, most of which write.
        _ => Level::Change,
    }
}

impl Rules {
    /// How much they give when they are bound in `namespace`, or everywhere.
    pub fn level(&self, namespace: Option<&Name>) -> Level {
        let found = self.dangers().within(namespace);
        let has = |danger| found.full.contains(danger);
        if has(Danger::EveryRight) {
            Level::Everything
        } else if has(Danger::CreatePods) || has(Danger::CreatePodControllers) {
            Level::Maintain
        } else if self.written().is_empty() {
            Level::Nothing
        } else if self.written().iter().all(is_discovery) {
            Level::Discovery
        } else if found.all().without(harmless()).is_empty() && self.written().iter().all(is_read) {
            Level::View
        } else {
            Level::Change
        }
    }
}

/// Wildcards in rules that only read. What they open that is dangerous to read is a danger of its own.
fn harmless() -> DangerSet {
    [Danger::WildcardGroups, Danger::WildcardResources]
        .into_iter()
        .collect()
}

fn is_read(rule: &Rule) -> bool {
    is_discovery(rule) || all_of(&rule.verbs, &["get", "list", "watch", "head", "options"])
}

/// Paths that Kubernetes opens to everybody it knows.
const PATHS: &[&str] = &[
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/readyz",
    "/openapi",
    "/openapi/*",
    "/version",
    "/version/",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/",
    "/openid/v1/jwks",
    "/openid/v1/jwks/",
];

/// Whether it grants no more than some of the defaults for everybody, and for all service accounts, do.
fn is_discovery(rule: &Rule) -> bool {
    if rule.resources.is_empty() {
        return all_of(&rule.verbs, &["get", "head"]) && all_of(&rule.non_resource_urls, PATHS);
    }
    let grants = |verbs: &[&str], groups: &[&str], resources: &[&str]| {
        all_of(&rule.verbs, verbs) && all_of(&rule.api_groups, groups) && all_of(&rule.resources, resources)
    };
    let own_rights = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
    grants(&["create"], &["authorization.k8s.io"], &own_rights)
        || grants(&["create"], &["authentication.k8s.io"], &["selfsubjectreviews"])
        || grants(
            &["get", "list", "watch"],
            &["certificates.k8s.io"],
            &["clustertrustbundles"],
        )
}

fn all_of(words: &[String], known: &[&str]) -> bool {
    words.iter().all(|word| known.contains(&word.as_str()))
}
