//! Aggregated cluster roles.
//!
//! In a cluster a controller fills in their rules. In manifests nobody has, and what is written there is what
//! the controller would replace.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use plumbline_inventory::labels::Selector;
use plumbline_inventory::lean::Rule;
use plumbline_inventory::{Inventory, Kind, Name, ObjectId};

use crate::rbac::{Changes, Rbac, Touched};
use crate::role::Role;
use crate::rules::Rules;

impl Rbac {
    /// Gives each aggregated role the rules that the controller would have given it in the end.
    ///
    /// Roles may select each other, in circles too. The end is what can be reached: the rules of all roles that
    /// are not aggregated themselves, here in the order of their names.
    pub(crate) fn aggregate(&mut self, inventory: &Inventory, changes: &mut Changes) {
        let plain: Vec<ObjectId> = self
            .cluster_roles()
            .map(|(id, _)| id)
            .filter(|id| !self.aggregated.contains(*id))
            .cloned()
            .collect();
        let whole: Vec<ObjectId> = self.aggregated.iter().cloned().collect();
        let mut known: HashMap<Reach, Arc<Rules>> = HashMap::new();
        for (id, reach) in whole.iter().zip(self.reach(&whole, &plain)) {
            let rule_lists = &mut self.rule_lists;
            let rules = known.entry(reach).or_insert_with_key(|reach| {
                let parts = reach.iter().map(|at| &plain[at]);
                rule_lists.compile(&rules_of(parts, inventory))
            });
            // What was taken from a cluster has been filled in, in an order of its own.
            let written = inventory.role(id).map(|facts| &facts.rules);
            let rules = match written.filter(|written| are_equal_sets(written, rules.written())) {
                Some(written) => rule_lists.compile(written),
                None => Arc::clone(rules),
            };
            let role = Role {
                rules,
                ..self.roles[id].clone()
            };
            self.put_role(id, Some(role), changes);
        }
    }

    /// For each of the aggregated roles, which of the plain ones it is put together from. As many operations as
    /// there are pairs of aggregated roles, on sets of roles, however they select each other.
    fn reach(&self, whole: &[ObjectId], plain: &[ObjectId]) -> Vec<Reach> {
        let selected = |into: &ObjectId, of: &[ObjectId]| {
            let into = &self.roles[into];
            let mut reach = Reach::new(of.len());
            for (at, part) in of.iter().enumerate() {
                if into.selects(&self.roles[part]) {
                    reach.insert(at);
                }
            }
            reach
        };
        let mut parts: Vec<Reach> = whole.iter().map(|into| selected(into, plain)).collect();
        let mut others: Vec<Reach> = whole.iter().map(|into| selected(into, whole)).collect();
        // Whoever selects the role `by` selects what it selects.
        for by in 0..whole.len() {
            let (its_parts, its_others) = (parts[by].clone(), others[by].clone());
            for into in 0..whole.len() {
                if others[into].contains(by) {
                    parts[into].extend(&its_parts);
                    others[into].extend(&its_others);
                }
            }
        }
        parts
    }

    fn cluster_roles(&self) -> impl Iterator<Item = (&ObjectId, &Role)> {
        let first = ObjectId {
            kind: Kind::ClusterRole,
            namespace: None,
            name: Name::from(""),
        };
        self.roles.range(first..)
    }

    /// Whether any subject is bound to this very role.
    pub(crate) fn is_bound(&self, role: &ObjectId) -> bool {
        self.bindings_of(role)
            .any(|binding| !self.bindings[binding].subjects.is_empty())
    }

    /// Whether somebody has the rules of this role: by a binding to it, or to a role that it is aggregated into.
    pub fn is_granted(&self, role: &ObjectId) -> bool {
        let mut seen = BTreeSet::from([role]);
        let mut todo = vec![role];
        while let Some(role) = todo.pop() {
            if self.is_bound(role) {
                return true;
            }
            for into in self.aggregated_into(role) {
                if seen.insert(into) {
                    todo.push(into);
                }
            }
        }
        false
    }

    /// The roles that this one is aggregated into.
    pub fn aggregated_into(&self, role: &ObjectId) -> impl Iterator<Item = &ObjectId> {
        let part = self.roles.get(role).filter(|_| role.kind == Kind::ClusterRole);
        self.aggregated
            .iter()
            .filter(move |into| *into != role && part.is_some_and(|part| self.roles[*into].selects(part)))
    }

    /// Roles that nobody has in any way, ordered.
    pub fn latent_roles(&self) -> impl Iterator<Item = &ObjectId> {
        let bound = self.aggregated.iter().filter(|role| self.is_bound(role));
        let granted = self.parts(bound.filter_map(|role| self.roles[role].selectors.as_deref()));
        let roles = self.roles.keys();
        roles.filter(move |role| !granted.contains(*role) && !self.is_bound(role))
    }

    /// All roles that are aggregated into `role`, by way of others too, ordered.
    pub(crate) fn parts_of(&self, role: &ObjectId) -> Vec<ObjectId> {
        let role = self.roles.get_key_value(role);
        let selectors = role.and_then(|(_, role)| role.selectors.as_deref());
        let mut parts = self.parts(selectors);
        if let Some((id, _)) = role {
            parts.remove(id);
        }
        parts.into_iter().cloned().collect()
    }

    /// Touches all roles that are aggregated into one that has changed: whether somebody has them may have changed
    /// as well.
    pub(crate) fn touch_parts(&self, changes: Changes) -> Touched {
        let Changes {
            mut touched,
            selectors,
        } = changes;
        let parts = self.parts(selectors.iter().map(|selectors| &**selectors));
        touched.roles.extend(parts.into_iter().cloned());
        touched
    }

    /// All roles that these selectors select, and those that are selected by these in turn.
    fn parts<'a>(&'a self, selectors: impl IntoIterator<Item = &'a [Selector]>) -> BTreeSet<&'a ObjectId> {
        let mut parts = BTreeSet::new();
        let mut todo: Vec<&[Selector]> = selectors.into_iter().collect();
        while let Some(selectors) = todo.pop() {
            let selected = |role: &Role| selectors.iter().any(|selector| selector.matches(&role.labels));
            for (id, role) in self.cluster_roles().filter(|(_, role)| selected(role)) {
                if parts.insert(id) {
                    todo.extend(role.selectors.as_deref());
                }
            }
        }
        parts
    }
}

/// The rules of these roles, each once.
fn rules_of<'a>(roles: impl Iterator<Item = &'a ObjectId>, inventory: &Inventory) -> Arc<[Rule]> {
    let mut known: HashSet<&Rule> = HashSet::new();
    let written = roles.flat_map(|id| inventory.role(id).into_iter().flat_map(|role| role.rules.iter()));
    written.filter(|rule| known.insert(rule)).cloned().collect()
}

fn are_equal_sets(one: &[Rule], other: &[Rule]) -> bool {
    let set = |rules: &[Rule]| -> HashSet<Rule> { rules.iter().cloned().collect() };
    set(one) == set(other)
}

/// A set of roles, by number.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Reach(Box<[u64]>);

impl Reach {
    fn new(roles: usize) -> Self {
        Self(vec![0; roles.div_ceil(64)].into())
    }

    fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn contains(&self, at: usize) -> bool {
        self.0[at / 64] & 1 << (at % 64) != 0
    }

    fn extend(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.0.len() * 64).filter(|at| self.contains(*at))
    }
}
