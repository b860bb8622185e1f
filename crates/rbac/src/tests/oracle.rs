//! Kubernetes' authorizer once more, as literally as Rust permits: `plugin/pkg/auth/authorizer/rbac/rbac.go`,
//! `pkg/apis/rbac/v1/evaluation_helpers.go`, `pkg/registry/rbac/validation/rule.go` and
//! `pkg/controller/clusterroleaggregation`, over whole lists of objects and with no index of any kind.

use std::collections::BTreeMap;

use plumbline_inventory::lean::{Binding, Object, Role, Rule, Subject};

use crate::{Request, User};

/// All objects, as lists.
#[derive(Default)]
pub(super) struct Objects {
    roles: Vec<Role>,
    cluster_roles: Vec<Role>,
    role_bindings: Vec<Binding>,
    cluster_role_bindings: Vec<Binding>,
}

impl Objects {
    pub(super) fn new(objects: impl IntoIterator<Item = Object>) -> Self {
        let mut all = Self::default();
        for object in objects {
            match object {
                Object::Role(role) => all.roles.push(*role),
                Object::ClusterRole(role) => all.cluster_roles.push(*role),
                Object::RoleBinding(binding) => all.role_bindings.push(*binding),
                Object::ClusterRoleBinding(binding) => all.cluster_role_bindings.push(*binding),
                _ => {}
            }
        }
        all
    }

    /// Lets the aggregation controller run until it changes nothing more. What is written in aggregated roles
    /// goes first, so that circles feed on nothing but what comes into them.
    pub(super) fn aggregated(mut self) -> Self {
        for role in &mut self.cluster_roles {
            if role.aggregation_rule.is_some() {
                role.rules.clear();
            }
        }
        loop {
            let mut changed = false;
            for at in 0..self.cluster_roles.len() {
                let rules = self.sync(at);
                changed |= rules.len() != self.cluster_roles[at].rules.len();
                self.cluster_roles[at].rules = rules;
            }
            if !changed {
                return self;
            }
        }
    }

    /// `syncClusterRole`.
    fn sync(&self, at: usize) -> Vec<Rule> {
        let shared = &self.cluster_roles[at];
        let Some(aggregation) = &shared.aggregation_rule else {
            return shared.rules.clone();
        };
        let mut new: Vec<Rule> = Vec::new();
        for selector in &aggregation.cluster_role_selectors {
            assert!(selector.match_expressions.is_empty(), "not made here");
            for role in &self.cluster_roles {
                let labels: &BTreeMap<String, String> = &role.metadata.labels;
                let selected = selector
                    .match_labels
                    .iter()
                    .all(|(k, v)| labels.get(k) == Some(v));
                if !selected || role.metadata.name == shared.metadata.name {
                    continue;
                }
                for rule in &role.rules {
                    if !new.contains(rule) {
                        new.push(rule.clone());
                    }
                }
            }
        }
        new
    }

    /// `Authorize`, after the authorizer for `system:masters`.
    pub(super) fn allows(&self, user: &User, request: &Request<'_>) -> bool {
        user.groups.iter().any(|group| &**group == "system:masters")
            || self
                .rules_for(user, request.namespace())
                .any(|rule| rule_allows(rule, request))
    }

    /// `VisitRulesFor`.
    fn rules_for<'a>(&'a self, user: &'a User, namespace: &'a str) -> impl Iterator<Item = &'a Rule> {
        let applying = |bindings: &'a [Binding], namespace: &'a str| {
            bindings
                .iter()
                .filter(move |binding| binding.metadata.namespace.as_deref().unwrap_or("") == namespace)
                .filter(move |binding| {
                    binding
                        .subjects
                        .iter()
                        .any(|s| applies_to_user(user, s, namespace))
                })
                .flat_map(move |binding| {
                    self.role_rules(&binding.role_ref.kind, &binding.role_ref.name, namespace)
                })
        };
        let local = if namespace.is_empty() {
            &[]
        } else {
            self.role_bindings.as_slice()
        };
        applying(&self.cluster_role_bindings, "").chain(applying(local, namespace))
    }

    /// `GetRoleReferenceRules`.
    fn role_rules(&self, kind: &str, name: &str, namespace: &str) -> &[Rule] {
        let role = match kind {
            "Role" => self.roles.iter().find(|role| {
                role.metadata.namespace.as_deref() == Some(namespace) && role.metadata.name == name
            }),
            "ClusterRole" => self.cluster_roles.iter().find(|role| role.metadata.name == name),
            _ => None,
        };
        role.map_or(&[], |role| &role.rules)
    }
}

/// `appliesToUser`.
fn applies_to_user(user: &User, subject: &Subject, namespace: &str) -> bool {
    match subject.kind.as_str() {
        "User" => *user.name == subject.name,
        "Group" => user.groups.iter().any(|group| **group == subject.name),
        "ServiceAccount" => {
            let namespace = if subject.namespace.is_empty() {
                namespace
            } else {
                &subject.namespace
            };
            if namespace.is_empty() {
                return false;
            }
            *user.name == format!("system:serviceaccount:{namespace}:{}", subject.name)
        }
        _ => false,
    }
}

/// `RuleAllows`.
pub(super) fn rule_allows(rule: &Rule, request: &Request<'_>) -> bool {
    match request {
        Request::Resource(request) => {
            let combined = if request.subresource.is_empty() {
                request.resource.to_owned()
            } else {
                format!("{}/{}", request.resource, request.subresource)
            };
            verb_matches(rule, request.verb)
                && group_matches(rule, request.group)
                && resource_matches(rule, &combined, request.subresource)
                && name_matches(rule, request.name)
        }
        Request::NonResource { verb, path } => verb_matches(rule, verb) && url_matches(rule, path),
    }
}

/// `VerbMatches`.
fn verb_matches(rule: &Rule, requested: &str) -> bool {
    rule.verbs.iter().any(|verb| verb == "*" || verb == requested)
}

/// `APIGroupMatches`.
fn group_matches(rule: &Rule, requested: &str) -> bool {
    rule.api_groups
        .iter()
        .any(|group| group == "*" || group == requested)
}

/// `ResourceMatches`.
fn resource_matches(rule: &Rule, combined: &str, subresource: &str) -> bool {
    for resource in &rule.resources {
        if resource == "*" || resource == combined {
            return true;
        }
        if subresource.is_empty() {
            continue;
        }
        if resource.len() == subresource.len() + 2
            && resource.starts_with("*/")
            && resource.ends_with(subresource)
        {
            return true;
        }
    }
    false
}

/// `ResourceNameMatches`.
fn name_matches(rule: &Rule, requested: &str) -> bool {
    rule.resource_names.is_empty() || rule.resource_names.iter().any(|name| name == requested)
}

/// `NonResourceURLMatches`.
fn url_matches(rule: &Rule, requested: &str) -> bool {
    for url in &rule.non_resource_urls {
        if url == "*" || url == requested {
            return true;
        }
        if url.ends_with('*') && requested.starts_with(url.trim_end_matches('*')) {
            return true;
        }
    }
    false
}
