//! What the API server would refuse to store.

use std::fmt;

use plumbline_inventory::Kind;
use plumbline_inventory::facts::{BindingFacts, RoleFacts};
use plumbline_inventory::labels::Selector;
use plumbline_inventory::lean::{RoleRef, Rule, Subject};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Something that the API server would refuse (`pkg/apis/rbac/validation`), so that it is found in manifests
/// only. Numbers count from 0, as in Kubernetes' own messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // `Display` says it
pub enum Problem {
    RuleWithoutVerbs { rule: usize },
    RuleWithoutGroups { rule: usize },
    RuleWithoutResources { rule: usize },
    NamespacedNonResourceUrls { rule: usize },
    MixedRule { rule: usize },
    NoSelectors,
    InvalidSelector { selector: usize, error: String },
    UnknownRoleKind { kind: String },
    WrongRoleGroup { group: String },
    RoleWithoutName,
    UnknownSubjectKind { subject: usize, kind: String },
    WrongSubjectGroup { subject: usize, group: String },
    SubjectWithoutName { subject: usize },
    SubjectWithoutNamespace { subject: usize },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuleWithoutVerbs { rule } => write!(f, "rules[{rule}]: verbs are missing"),
            Self::RuleWithoutGroups { rule } => write!(f, "rules[{rule}]: apiGroups are missing"),
            Self::RuleWithoutResources { rule } => write!(f, "rules[{rule}]: resources are missing"),
            Self::NamespacedNonResourceUrls { rule } => {
                write!(f, "rules[{rule}]: nonResourceURLs in a Role")
            }
            Self::MixedRule { rule } => write!(f, "rules[{rule}]: resources beside nonResourceURLs"),
            Self::NoSelectors => write!(f, "aggregationRule: clusterRoleSelectors are missing"),
            Self::InvalidSelector { selector, error } => {
                write!(f, "aggregationRule.clusterRoleSelectors[{selector}]: {error}")
            }
            Self::UnknownRoleKind { kind } => write!(f, "roleRef: a role of kind {kind:?}"),
            Self::WrongRoleGroup { group } => write!(f, "roleRef: a role of group {group:?}"),
            Self::RoleWithoutName => write!(f, "roleRef: the name is missing"),
            Self::UnknownSubjectKind { subject, kind } => {
                write!(f, "subjects[{subject}]: a subject of kind {kind:?}")
            }
            Self::WrongSubjectGroup { subject, group } => {
                write!(f, "subjects[{subject}]: a subject of group {group:?}")
            }
            Self::SubjectWithoutName { subject } => write!(f, "subjects[{subject}]: the name is missing"),
            Self::SubjectWithoutNamespace { subject } => {
                write!(f, "subjects[{subject}]: the namespace is missing")
            }
        }
    }
}

/// What is wrong with a role of this kind.
pub(crate) fn of_role(kind: Kind, role: &RoleFacts) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, rule) in role.rules.iter().enumerate() {
        of_rule(kind, at, rule, &mut problems);
    }
    let Some(aggregation) = role.aggregation.as_ref().filter(|_| kind == Kind::ClusterRole) else {
        return problems;
    };
    if aggregation.cluster_role_selectors.is_empty() {
        problems.push(Problem::NoSelectors);
    }
    for (selector, written) in aggregation.cluster_role_selectors.iter().enumerate() {
        if let Err(error) = Selector::compile(written) {
            problems.push(Problem::InvalidSelector { selector, error });
        }
    }
    problems
}

fn of_rule(kind: Kind, at: usize, rule: &Rule, problems: &mut Vec<Problem>) {
    if rule.verbs.is_empty() {
        problems.push(Problem::RuleWithoutVerbs { rule: at });
    }
    if !rule.non_resource_urls.is_empty() {
        if kind == Kind::Role {
            problems.push(Problem::NamespacedNonResourceUrls { rule: at });
        }
        if !(rule.api_groups.is_empty() && rule.resources.is_empty() && rule.resource_names.is_empty()) {
            problems.push(Problem::MixedRule { rule: at });
        }
        return;
    }
    if rule.api_groups.is_empty() {
        problems.push(Problem::RuleWithoutGroups { rule: at });
    }
    if rule.resources.is_empty() {
        problems.push(Problem::RuleWithoutResources { rule: at });
    }
}

/// What is wrong with a binding of this kind.
pub(crate) fn of_binding(kind: Kind, binding: &BindingFacts) -> Vec<Problem> {
    let mut problems = Vec::new();
    of_role_ref(kind, &binding.role, &mut problems);
    for (at, subject) in binding.subjects.iter().enumerate() {
        of_subject(kind, at, subject, &mut problems);
    }
    problems
}

fn of_role_ref(kind: Kind, role: &RoleRef, problems: &mut Vec<Problem>) {
    // An empty group is defaulted.
    if !role.api_group.is_empty() && role.api_group != GROUP {
        problems.push(Problem::WrongRoleGroup {
            group: role.api_group.clone(),
        });
    }
    match role.kind.as_str() {
        "ClusterRole" => {}
        "Role" if kind == Kind::RoleBinding => {}
        kind => problems.push(Problem::UnknownRoleKind {
            kind: kind.to_owned(),
        }),
    }
    if role.name.is_empty() {
        problems.push(Problem::RoleWithoutName);
    }
}

fn of_subject(kind: Kind, at: usize, subject: &Subject, problems: &mut Vec<Problem>) {
    if subject.name.is_empty() {
        problems.push(Problem::SubjectWithoutName { subject: at });
    }
    let right_group = match subject.kind.as_str() {
        "ServiceAccount" => subject.api_group.is_empty(),
        "User" | "Group" => subject.api_group.is_empty() || subject.api_group == GROUP,
        _ => {
            problems.push(Problem::UnknownSubjectKind {
                subject: at,
                kind: subject.kind.clone(),
            });
            return;
        }
    };
    if !right_group {
        problems.push(Problem::WrongSubjectGroup {
            subject: at,
            group: subject.api_group.clone(),
        });
    }
    let is_account = subject.kind == "ServiceAccount";
    if is_account && kind == Kind::ClusterRoleBinding && subject.namespace.is_empty() {
        problems.push(Problem::SubjectWithoutNamespace { subject: at });
    }
}
