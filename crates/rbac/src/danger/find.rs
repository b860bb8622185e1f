//! The dangers in a list of rules.

use std::collections::{HashMap, HashSet};

use plumbline_inventory::Name;
use plumbline_inventory::lean::Rule;

use super::targets::{EXTRAS, IMPERSONATE_ON, targets_of};
use super::{Danger, DangerSet, KUBE_SYSTEM, Reach, Target};
use crate::request::ResourceRequest;
use crate::rule::CompiledRule;

/// The dangers of one scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// For objects of all names.
    pub full: DangerSet,
    /// For objects of certain names only.
    pub named: DangerSet,
    /// Second halves that come with the verb `*`: they complete a first half, and alone mean nothing.
    pub implied: DangerSet,
}

impl Found {
    /// All of them, halves that `*` implies left out.
    pub fn all(&self) -> DangerSet {
        self.full.union(self.named)
    }

    /// All that whoever has both has.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let full = self.full.union(other.full);
        Self {
            full,
            named: self.named.union(other.named).without(full),
            implied: self.implied.union(other.implied),
        }
    }

    fn insert(&mut self, danger: Danger, named: bool) {
        if named { &mut self.named } else { &mut self.full }.insert(danger);
    }
}

/// The dangers of a list of rules, by how it is bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dangers {
    /// By a cluster role binding.
    pub everywhere: Found,
    /// By a role binding, in a namespace other than kube-system or in that.
    in_namespace: Found,
}

impl Dangers {
    /// By a role binding in this namespace, or by a cluster role binding.
    pub fn within(&self, namespace: Option<&Name>) -> Found {
        let Some(namespace) = namespace else {
            return self.everywhere;
        };
        let mut found = self.in_namespace;
        if **namespace != *KUBE_SYSTEM {
            found.full.remove(Danger::WriteSystemConfigMaps);
            found.named.remove(Danger::WriteSystemConfigMaps);
        }
        found
    }

    fn insert(&mut self, danger: Danger, reach: Reach, named: bool) {
        self.everywhere.insert(danger, named);
        if reach != Reach::Cluster {
            self.in_namespace.insert(danger, named);
        }
    }

    fn union(self, other: Self) -> Self {
        Self {
            everywhere: self.everywhere.union(other.everywhere),
            in_namespace: self.in_namespace.union(other.in_namespace),
        }
    }
}

/// The dangers of each rule of a role.
pub(crate) fn dangers_of_each(written: &[Rule], compiled: &[CompiledRule]) -> Box<[Dangers]> {
    let mut modifiable = Modifiable {
        rules: compiled,
        by_resource: HashMap::new(),
    };
    let each = written.iter().zip(compiled);
    each.map(|(words, rule)| dangers_of_rule(words, rule, &mut modifiable))
        .collect()
}

/// The objects that a role may update or patch, found out when it is asked, once for all its rules.
struct Modifiable<'a> {
    rules: &'a [CompiledRule],
    by_resource: HashMap<(&'static str, &'static str), Names<'a>>,
}

enum Names<'a> {
    All,
    Only(HashSet<&'a Name>),
}

impl<'a> Modifiable<'a> {
    fn contains(&mut self, target: &Target, name: &Name) -> bool {
        let rules = self.rules;
        let names = self.by_resource.entry((target.group, target.resource));
        match names.or_insert_with(|| Self::names(rules, target)) {
            Names::All => true,
            Names::Only(names) => names.contains(name),
        }
    }

    fn names(rules: &'a [CompiledRule], target: &Target) -> Names<'a> {
        let modifies = |rule: &&CompiledRule| {
            ["update", "patch"]
                .iter()
                .any(|verb| rule.is_about(&asked(target, verb)))
        };
        let mut names = HashSet::new();
        for rule in rules.iter().filter(modifies) {
            if rule.names().is_empty() {
                return Names::All;
            }
            names.extend(rule.names());
        }
        Names::Only(names)
    }
}

/// The dangers of all rules of a role together.
pub(crate) fn together(of_each: &[Dangers]) -> Dangers {
    of_each.iter().copied().fold(Dangers::default(), Dangers::union)
}

/// The dangers of one rule, among all rules of its role.
fn dangers_of_rule(words: &Rule, rule: &CompiledRule, modifiable: &mut Modifiable<'_>) -> Dangers {
    let mut dangers = Dangers::default();
    of_wildcards(words, &mut dangers);
    of_impersonation(words, &mut dangers);
    for target in targets_of(&words.resources) {
        if !is_about_resource(rule, words, target) {
            continue;
        }
        let verbs = || target.verbs.iter().filter(|verb| rule.has_verb(verb));
        if verbs().any(|verb| is_for_all(rule, target, verb)) {
            dangers.insert(target.danger, target.reach, false);
        } else if verbs().any(|verb| is_for_some(rule, modifiable, target, verb)) {
            dangers.insert(target.danger, target.reach, true);
        }
    }
    dangers
}

fn of_wildcards(rule: &Rule, dangers: &mut Dangers) {
    let has = |words: &[String]| words.iter().any(|word| word == "*");
    let (verbs, groups, resources) = (has(&rule.verbs), has(&rule.api_groups), has(&rule.resources));
    let named = !rule.resource_names.is_empty();
    if rule.verbs.is_empty() || rule.api_groups.is_empty() || rule.resources.is_empty() {
        return;
    }
    for (danger, is_so) in [
        (Danger::EveryRight, verbs && groups && resources),
        (Danger::WildcardVerbs, verbs),
        (Danger::WildcardResources, resources),
        (Danger::WildcardGroups, groups),
    ] {
        if is_so {
            dangers.insert(danger, Reach::Namespace, named);
        }
    }
}

/// Extra fields, and second halves of constrained impersonation: their resources and verbs have no end.
fn of_impersonation(rule: &Rule, dangers: &mut Dangers) {
    let every_verb = rule.verbs.iter().any(|verb| verb == "*");
    let group = |group: &String| group == "*" || group == "authentication.k8s.io";
    let extra = |resource: &String| resource == "*" || resource.starts_with("userextras/");
    if rule.api_groups.iter().any(group) && rule.resources.iter().any(extra) {
        for (danger, verb) in EXTRAS {
            if every_verb || rule.verbs.iter().any(|v| v == verb) {
                dangers.insert(*danger, Reach::Cluster, !rule.resource_names.is_empty());
            }
        }
    }
    let is_resource = !rule.api_groups.is_empty() && !rule.resources.is_empty();
    for (danger, prefix) in IMPERSONATE_ON {
        if rule.verbs.iter().any(|verb| verb.starts_with(prefix)) {
            let reach = if is_resource {
                Reach::Namespace
            } else {
                Reach::Cluster
            };
            dangers.insert(*danger, reach, !rule.resource_names.is_empty());
        } else if every_verb {
            dangers.everywhere.implied.insert(*danger);
            if is_resource {
                dangers.in_namespace.implied.insert(*danger);
            }
        }
    }
}

fn is_about_resource(rule: &CompiledRule, words: &Rule, target: &Target) -> bool {
    if target.resource == Target::ANY {
        let every = words.resources.iter().any(|resource| resource == "*");
        let named = words.api_groups.iter().any(|group| group == target.group);
        return if named {
            !words.resources.is_empty()
        } else {
            every && rule.has_group(target.group)
        };
    }
    rule.has_group(target.group) && rule.has_resource(&asked(target, ""))
}

fn asked<'a>(target: &Target, verb: &'a str) -> ResourceRequest<'a> {
    let (resource, subresource) = target.resource.split_once('/').unwrap_or((target.resource, ""));
    ResourceRequest::new(verb, target.group, resource).subresource(subresource)
}

/// Whether the rule, which is about the target, holds for objects of all names.
fn is_for_all(rule: &CompiledRule, target: &Target, verb: &str) -> bool {
    // The API server asks for the name `*`, for its answer is to hold for all nodes.
    let any_node = target.danger == Danger::ImpersonateAssociatedNode && rule.is_for_name("*");
    // What has no name of its own when it is created, listed or deleted together.
    let unnamed = matches!(verb, "create" | "list" | "watch" | "deletecollection")
        && !target.resource.contains('/')
        && rule.is_for_name("");
    rule.names().is_empty() || any_node || unnamed
}

/// Whether the rule, which is for certain names, can be used for objects of such names.
fn is_for_some(rule: &CompiledRule, modifiable: &mut Modifiable<'_>, target: &Target, verb: &str) -> bool {
    if target.danger == Danger::ImpersonateAssociatedNode || verb == "deletecollection" {
        return false;
    }
    let mut names = rule.names().iter().filter(|name| !name.is_empty());
    if verb == "create" && !target.resource.contains('/') {
        // A POST to the collection has no name. PUT and server-side apply do, and take another verb as well.
        return names.any(|name| modifiable.contains(target, name));
    }
    names.next().is_some()
}
