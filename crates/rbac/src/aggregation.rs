//! Aggregated cluster roles.
//!
//! In a cluster a controller fills in their rules. In manifests nobody has, and what is written there is what
//! the controller would replace.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use plumbline_inventory::lean::Rule;
use plumbline_inventory::{Inventory, Kind, Name, ObjectId};

use crate::rbac::{Rbac, Touched};
use crate::role::Role;

/// The cluster roles that each aggregated role selects, in the order in which the controller takes them.
type Parts = BTreeMap<ObjectId, Vec<ObjectId>>;

impl Rbac {
    /// Gives each aggregated role the rules that the controller would have given it in the end.
    ///
    /// Roles may select each other, in circles too. The end is what can be reached: the rules of all roles that
    /// are not aggregated themselves, in the controller's order as far as there is no circle.
    pub(crate) fn aggregate(&mut self, inventory: &Inventory, touched: &mut Touched) {
        let parts: Parts = self
            .aggregated
            .iter()
            .map(|id| (id.clone(), self.parts(id)))
            .collect();
        for id in parts.keys() {
            let rules: Arc<[Rule]> = reachable(id, &parts, inventory).into();
            let role = self.roles[id].clone();
            let role = Role {
                rules: self.rule_lists.compile(&rules),
                ..role
            };
            self.put_role(id, Some(role), touched);
        }
    }

    fn parts(&self, id: &ObjectId) -> Vec<ObjectId> {
        let selectors = self.roles[id].selectors.iter().flatten();
        let selected = selectors.flat_map(|selector| {
            self.cluster_roles()
                .filter(|(_, role)| selector.matches(&role.labels))
        });
        selected
            .map(|(part, _)| part)
            .filter(|part| *part != id)
            .cloned()
            .collect()
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
        self.roles.keys().filter(|role| !self.is_granted(role))
    }

    /// Touches all roles that are aggregated into `role`: whether somebody has them may have changed.
    pub(crate) fn touch_fragments(&self, role: &ObjectId, touched: &mut Touched) {
        touched.roles.extend(self.fragments(role));
    }

    /// All roles that are aggregated into `role`, by way of others too, ordered.
    pub(crate) fn fragments(&self, role: &ObjectId) -> Vec<ObjectId> {
        let mut fragments = BTreeSet::new();
        let mut todo: Vec<&ObjectId> = self.aggregated.get(role).into_iter().collect();
        let mut seen: BTreeSet<&ObjectId> = todo.iter().copied().collect();
        while let Some(into) = todo.pop() {
            let into = &self.roles[into];
            for (id, _) in self.cluster_roles().filter(|(_, part)| into.selects(part)) {
                fragments.insert(id.clone());
                if self.aggregated.contains(id) && seen.insert(id) {
                    todo.push(id);
                }
            }
        }
        fragments.remove(role);
        fragments.into_iter().collect()
    }
}

/// The rules that reach `root`, each once.
fn reachable(root: &ObjectId, parts: &Parts, inventory: &Inventory) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut known: HashSet<&Rule> = HashSet::new();
    let mut seen = BTreeSet::from([root]);
    let mut todo: Vec<&ObjectId> = parts[root].iter().rev().collect();
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        if let Some(parts) = parts.get(id) {
            todo.extend(parts.iter().rev());
            continue;
        }
        let written = inventory.role(id).into_iter().flat_map(|role| role.rules.iter());
        rules.extend(written.filter(|rule| known.insert(rule)).cloned());
    }
    rules
}
