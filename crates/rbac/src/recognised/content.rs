//! What a role or binding says, as text: the same for objects that mean the same.

use std::collections::BTreeSet;
use std::fmt::Debug;

use plumbline_inventory::ObjectId;
use plumbline_inventory::facts::{BindingFacts, RoleFacts};
use plumbline_inventory::lean::{LabelSelector, Rule, Subject};

/// Labels by which a role becomes part of another.
const PART_OF: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// What a role says: its rules, or what it is aggregated from, and what it becomes part of. The order of rules and
/// of words within them means nothing.
pub fn of_role(role: &RoleFacts) -> String {
    let labels = role.labels.iter().filter(|(key, _)| key.starts_with(PART_OF));
    let mut lines: Vec<String> = labels
        .map(|(key, value)| format!("label {key:?} {value:?}"))
        .collect();
    match &role.aggregation {
        // The controller fills in the rules.
        Some(aggregation) => lines.extend(aggregation.cluster_role_selectors.iter().map(selector)),
        None => lines.extend(role.rules.iter().map(rule)),
    }
    text(lines)
}

/// What a binding says: its role and its subjects.
pub fn of_binding(id: &ObjectId, binding: &BindingFacts) -> String {
    let role = format!("role {:?} {:?}", binding.role.kind, binding.role.name);
    let subjects = binding.subjects.iter().map(|subject| self::subject(id, subject));
    text(std::iter::once(role).chain(subjects).collect())
}

fn text(mut lines: Vec<String>) -> String {
    lines.sort_unstable();
    lines.dedup();
    lines.join("\n")
}

fn rule(rule: &Rule) -> String {
    let mut line = format!("allow {}", set(&rule.verbs));
    for (what, words) in [
        ("groups", &rule.api_groups),
        ("resources", &rule.resources),
        ("names", &rule.resource_names),
        ("urls", &rule.non_resource_urls),
    ] {
        if !words.is_empty() {
            line.extend([" ", what, " ", &set(words)]);
        }
    }
    line
}

fn selector(selector: &LabelSelector) -> String {
    let expressions = selector.match_expressions.iter().map(|requirement| {
        format!(
            "{:?} {} {}",
            requirement.key,
            requirement.operator,
            set(&requirement.values)
        )
    });
    format!("aggregate {:?} {}", selector.match_labels, set(expressions))
}

fn subject(id: &ObjectId, subject: &Subject) -> String {
    let local = if subject.kind == "ServiceAccount" {
        id.namespace.as_deref().unwrap_or("")
    } else {
        ""
    };
    let namespace = if subject.namespace.is_empty() {
        local
    } else {
        &subject.namespace
    };
    format!("subject {:?} {namespace:?} {:?}", subject.kind, subject.name)
}

/// Words as a set, in quotes, so that no word can pass for two.
fn set<T: Ord + Debug>(words: impl IntoIterator<Item = T>) -> String {
    format!("{:?}", words.into_iter().collect::<BTreeSet<T>>())
}
