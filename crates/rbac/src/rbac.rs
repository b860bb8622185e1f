//! Roles and bindings by whom they concern, and how they follow the inventory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plumbline_inventory::labels::Selector;
use plumbline_inventory::names::Pool;
use plumbline_inventory::{Dirty, Inventory, Kind, Name, ObjectId};

use crate::binding::Binding;
use crate::danger::Danger;
use crate::escalation::Ways;
use crate::problem::{self, Problem};
use crate::recognised::{self, Recognised};
use crate::role::{self, Role};
use crate::rules::{RuleLists, Rules};
use crate::subject::Subject;

/// Who may do what.
#[derive(Debug, Default)]
pub struct Rbac {
    /// In manifests nobody has filled in the rules of aggregated roles.
    pub(crate) offline: bool,
    /// The API server is too old for constrained impersonation.
    pub(crate) before_constrained_impersonation: bool,
    pub(crate) names: Pool<str>,
    pub(crate) rule_lists: RuleLists,
    pub(crate) roles: BTreeMap<ObjectId, Role>,
    pub(crate) bindings: BTreeMap<ObjectId, Binding>,
    /// The bindings of each role, whether it exists or not.
    pub(crate) bound: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// The bindings of each subject, by its [`Subject::identity`].
    pub(crate) subjects: BTreeMap<Subject, Bound>,
    /// Aggregated roles with valid selectors.
    pub(crate) aggregated: BTreeSet<ObjectId>,
    /// What others have added to the default roles that are aggregated.
    pub(crate) additions: BTreeMap<ObjectId, Vec<ObjectId>>,
    pub(crate) problems: BTreeMap<ObjectId, Box<[Problem]>>,
    /// Roles that grant every verb on every resource of every group.
    pub(crate) boundless: BTreeSet<ObjectId>,
    /// Roles that somebody is bound to and that do not exist.
    pub(crate) absent: BTreeSet<ObjectId>,
    /// How many bindings are defaults, as shipped.
    pub(crate) stock_bindings: usize,
    /// How subjects become others.
    pub(crate) ways: Ways,
}

/// The bindings of a subject.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) bindings: BTreeSet<ObjectId>,
    /// It is a service account that does not exist.
    pub(crate) missing: bool,
}

/// A role that a subject has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Grant<'a> {
    /// A role binding grants in its own namespace, a cluster role binding everywhere.
    pub binding: &'a ObjectId,
    pub role: &'a ObjectId,
    pub rules: &'a Arc<Rules>,
}

impl<'a> Grant<'a> {
    /// The namespace to which the binding narrows the role; `None` is everywhere.
    pub fn namespace(&self) -> Option<&'a Name> {
        self.binding.namespace.as_ref()
    }
}

/// What has to be looked at again after a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Subjects, by their [`Subject::identity`], whose grants changed, or that began or ceased to exist, with the
    /// namespaces where they did; `None` is everywhere.
    pub places: BTreeSet<(Subject, Option<Name>)>,
    /// Subjects that there is something else to say of for what others have: their [`Rbac::paths`] changed, or a
    /// group that they are always in got or lost what makes half a right of theirs whole.
    pub indirect: BTreeSet<Subject>,
    /// Roles that changed, or that somebody is bound to now, or nobody any more.
    pub roles: BTreeSet<ObjectId>,
    /// Bindings that changed, or whose role or subjects did.
    pub bindings: BTreeSet<ObjectId>,
}

/// What came up during an update.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) touched: Touched,
    /// Selectors of roles whose parts somebody may have now, or nobody any more.
    pub(crate) selectors: Vec<Box<[Selector]>>,
}

impl Touched {
    pub(crate) fn subject(&mut self, subject: Subject, binding: &ObjectId) {
        self.places.insert((subject, binding.namespace.clone()));
    }

    /// Subjects whose grants changed, or that began or ceased to exist, ordered.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        let subjects = self.places.iter().map(|(subject, _)| subject);
        let mut last = None;
        subjects.filter(move |subject| last.replace(*subject) != Some(*subject))
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
            && self.indirect.is_empty()
            && self.roles.is_empty()
            && self.bindings.is_empty()
    }
}

impl Rbac {
    /// Reads all roles and bindings.
    pub fn of(inventory: &Inventory) -> Self {
        let mut rbac = Self::default();
        let everything = Dirty {
            objects: inventory.access_objects().collect(),
            ..Dirty::default()
        };
        rbac.update(inventory, &everything);
        rbac
    }

    /// Follows what became dirty. The state is that of [`Rbac::of`] afterwards.
    ///
    /// A binding costs its subjects; a role the bindings and subjects that it has; and a subject whose rights lead
    /// further, or less far, than before, costs those who may become it. Offline a cluster role costs all aggregated
    /// ones besides.
    pub fn update(&mut self, inventory: &Inventory, dirty: &Dirty) -> Touched {
        self.offline = inventory.is_offline();
        let mut changes = Changes::default();
        self.server_changed(inventory, &mut changes);
        for id in &dirty.objects {
            match id.kind {
                Kind::Role | Kind::ClusterRole => self.role_changed(id, inventory, &mut changes),
                Kind::RoleBinding | Kind::ClusterRoleBinding => {
                    self.binding_changed(id, inventory, &mut changes);
                }
                Kind::ServiceAccount => self.service_account_changed(id, inventory, &mut changes),
                _ => {}
            }
        }
        if dirty.objects.iter().any(|id| id.kind == Kind::ClusterRole) {
            if self.offline {
                self.aggregate(inventory, &mut changes);
            }
            self.find_additions(&mut changes);
        }
        let mut touched = self.touch_parts(changes);
        let mut ways = std::mem::take(&mut self.ways);
        ways.update(self, inventory, dirty, &mut touched);
        self.ways = ways;
        self.touch_halves(&mut touched);
        touched
    }

    fn role_changed(&mut self, id: &ObjectId, inventory: &Inventory, changes: &mut Changes) {
        let facts = inventory.role(id);
        let role = facts.map(|facts| {
            let selectors = role::selectors(facts).filter(|_| id.kind == Kind::ClusterRole);
            let rules = match self.roles.get(id) {
                // What it is aggregated from comes to light when all roles are known.
                Some(before) if self.offline && selectors.is_some() => Arc::clone(&before.rules),
                None if self.offline && selectors.is_some() => self.rule_lists.compile(&Arc::default()),
                _ => self.rule_lists.compile(&facts.rules),
            };
            Role {
                labels: Arc::clone(&facts.labels),
                selectors,
                rules,
                recognised: recognised::role(id, facts),
            }
        });
        self.note(
            id,
            facts.map_or(Vec::new(), |facts| problem::of_role(id.kind, facts)),
        );
        self.put_role(id, role, changes);
    }

    /// Puts a role, or takes it away.
    pub(crate) fn put_role(&mut self, id: &ObjectId, role: Option<Role>, changes: &mut Changes) {
        let before = self.roles.get(id);
        if before == role.as_ref() {
            return;
        }
        changes.touched.roles.insert(id.clone());
        // What is aggregated into a role depends on its selectors, and who has that also on its labels.
        let group = |role: Option<&Role>| {
            role.and_then(|role| Some((role.selectors.clone()?, Arc::clone(&role.labels))))
        };
        let regrouped = group(before) != group(role.as_ref());
        self.touch_bound(id, changes);
        if regrouped {
            let both = [before, role.as_ref()].into_iter().flatten();
            changes
                .selectors
                .extend(both.filter_map(|role| role.selectors.clone()));
        }
        if role.as_ref().is_some_and(|role| role.selectors.is_some()) {
            self.aggregated.insert(id.clone());
        } else {
            self.aggregated.remove(id);
        }
        match role {
            Some(role) => self.roles.insert(id.clone(), role),
            None => self.roles.remove(id),
        };
        self.note_role(id);
    }

    /// Looks again at what is remarkable about a role.
    fn note_role(&mut self, id: &ObjectId) {
        let role = self.roles.get(id);
        let rules = role.map(|role| role.rules.dangers().everywhere.full);
        let is_boundless = rules.is_some_and(|full| full.contains(Danger::EveryRight));
        let is_absent = role.is_none() && self.bound.contains_key(id);
        for (set, is_in) in [(&mut self.boundless, is_boundless), (&mut self.absent, is_absent)] {
            if is_in {
                set.insert(id.clone());
            } else {
                set.remove(id);
            }
        }
    }

    pub(crate) fn touch_bound(&self, role: &ObjectId, changes: &mut Changes) {
        for binding in self.bound.get(role).into_iter().flatten() {
            changes.touched.bindings.insert(binding.clone());
            for subject in &self.bindings[binding].subjects {
                changes.touched.subject(subject.identity(), binding);
            }
        }
    }

    fn binding_changed(&mut self, id: &ObjectId, inventory: &Inventory, changes: &mut Changes) {
        let facts = inventory.binding(id);
        let binding = facts.map(|facts| Binding::read(id, facts, &mut self.names));
        self.note(
            id,
            facts.map_or(Vec::new(), |facts| problem::of_binding(id.kind, facts)),
        );
        if self.bindings.get(id) == binding.as_ref() {
            return;
        }
        changes.touched.bindings.insert(id.clone());
        let roles: BTreeSet<ObjectId> = [self.bindings.get(id), binding.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|binding| binding.role.clone())
            .collect();
        let was: Vec<bool> = roles.iter().map(|role| self.is_bound(role)).collect();
        self.unlink(id, changes);
        if let Some(binding) = binding {
            self.link(id, binding, inventory, changes);
        }
        for (role, was) in roles.iter().zip(was) {
            self.note_role(role);
            if self.is_bound(role) != was {
                changes.touched.roles.insert(role.clone());
                let selectors = self.roles.get(role).and_then(|role| role.selectors.clone());
                changes.selectors.extend(selectors);
            }
        }
    }

    fn unlink(&mut self, id: &ObjectId, changes: &mut Changes) {
        let Some(binding) = self.bindings.remove(id) else {
            return;
        };
        for subject in binding.subjects.iter().map(Subject::identity) {
            if let Some(bound) = self.subjects.get_mut(&subject) {
                bound.bindings.remove(id);
                if bound.bindings.is_empty() {
                    self.subjects.remove(&subject);
                }
            }
            changes.touched.subject(subject, id);
        }
        self.stock_bindings -= usize::from(matches!(binding.recognised, Recognised::Stock(_)));
        if let Some(role) = binding.role
            && let Some(bindings) = self.bound.get_mut(&role)
        {
            bindings.remove(id);
            if bindings.is_empty() {
                self.bound.remove(&role);
            }
        }
    }

    fn link(&mut self, id: &ObjectId, binding: Binding, inventory: &Inventory, changes: &mut Changes) {
        for subject in binding.subjects.iter().map(Subject::identity) {
            changes.touched.subject(subject.clone(), id);
            let bound = self.subjects.entry(subject).or_insert_with_key(|subject| Bound {
                bindings: BTreeSet::new(),
                missing: is_missing(subject, inventory),
            });
            bound.bindings.insert(id.clone());
        }
        if let Some(role) = &binding.role {
            self.bound.entry(role.clone()).or_default().insert(id.clone());
        }
        self.stock_bindings += usize::from(matches!(binding.recognised, Recognised::Stock(_)));
        self.bindings.insert(id.clone(), binding);
    }

    fn service_account_changed(&mut self, id: &ObjectId, inventory: &Inventory, changes: &mut Changes) {
        let Some(namespace) = &id.namespace else { return };
        let subject = Subject::service_account(Name::clone(namespace), Name::clone(&id.name));
        let Some(bound) = self.subjects.get_mut(&subject) else {
            return;
        };
        let missing = is_missing(&subject, inventory);
        if bound.missing != missing {
            bound.missing = missing;
            let bindings = bound.bindings.clone();
            for binding in &bindings {
                changes.touched.subject(subject.clone(), binding);
            }
            changes.touched.bindings.extend(bindings);
        }
    }

    fn note(&mut self, id: &ObjectId, problems: Vec<Problem>) {
        if problems.is_empty() {
            self.problems.remove(id);
        } else {
            self.problems.insert(id.clone(), problems.into());
        }
    }

    /// Everybody who is bound to something, existing or not, ordered; each by its [`Subject::identity`].
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.subjects.keys()
    }

    /// What a subject has by bindings that name it itself. Missing roles grant nothing.
    pub fn grants(&self, subject: &Subject) -> impl Iterator<Item = Grant<'_>> {
        let bound = self.subjects.get(&subject.identity());
        bound
            .into_iter()
            .flat_map(|bound| &bound.bindings)
            .filter_map(|binding| self.grant(binding))
    }

    /// What a binding grants; nothing if its role is missing.
    pub fn grant(&self, binding: &ObjectId) -> Option<Grant<'_>> {
        let (id, binding) = self.bindings.get_key_value(binding)?;
        let role = binding.role.as_ref()?;
        Some(Grant {
            binding: id,
            role,
            rules: &self.roles.get(role)?.rules,
        })
    }

    /// Whom a binding names, as it is written; those left out whom it cannot mean.
    pub fn bound_subjects(&self, binding: &ObjectId) -> &[Subject] {
        self.bindings
            .get(binding)
            .map_or(&[], |binding| &binding.subjects)
    }

    /// Roles and cluster roles, ordered.
    pub fn roles(&self) -> impl Iterator<Item = (&ObjectId, &Arc<Rules>)> {
        self.roles.iter().map(|(id, role)| (id, &role.rules))
    }

    /// The rules of a role: those in force, which for an aggregated role are those of its parts.
    pub fn rules(&self, role: &ObjectId) -> Option<&Arc<Rules>> {
        self.roles.get(role).map(|role| &role.rules)
    }

    /// The bindings of a role, whether it exists or not.
    pub fn bindings_of(&self, role: &ObjectId) -> impl Iterator<Item = &ObjectId> {
        self.bound.get(role).into_iter().flatten()
    }

    /// Objects with something that the API server would refuse, ordered.
    pub fn problems(&self) -> impl Iterator<Item = (&ObjectId, &[Problem])> {
        self.problems.iter().map(|(id, problems)| (id, &**problems))
    }

    /// How many different lists of rules are kept.
    pub fn rule_lists(&self) -> usize {
        self.rule_lists.len()
    }
}

fn is_missing(subject: &Subject, inventory: &Inventory) -> bool {
    match subject {
        Subject::ServiceAccount { namespace, name } => inventory.service_account(namespace, name).is_none(),
        Subject::User(_) | Subject::Group(_) => false,
    }
}

/// The same grants to the same subjects, and the same problems.
impl PartialEq for Rbac {
    fn eq(&self, other: &Self) -> bool {
        self.offline == other.offline
            && self.before_constrained_impersonation == other.before_constrained_impersonation
            && self.roles == other.roles
            && self.bindings == other.bindings
            && self.bound == other.bound
            && self.subjects == other.subjects
            && self.aggregated == other.aggregated
            && self.additions == other.additions
            && self.problems == other.problems
            && self.boundless == other.boundless
            && self.absent == other.absent
            && self.stock_bindings == other.stock_bindings
            && self.ways == other.ways
    }
}
