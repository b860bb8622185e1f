//! How a subject becomes more than it is.

mod moves;

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::{Inventory, Name, ObjectId};

use crate::danger::{Danger, DangerSet};
use crate::rbac::{Grant, Rbac};
use crate::subject::{MASTERS, Subject, User};

use moves::{Goal, Move};

/// The longest path that is followed.
const STEPS: usize = 4;

/// What somebody may become.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Becomes {
    /// Whoever may do everything everywhere.
    Administrator,
    /// Another subject, with its rights.
    Subject(Subject),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The right that makes it possible; of rights that work together, the one that is beyond others.
    pub danger: Danger,
    /// The binding by which whoever takes the step has the right.
    pub binding: ObjectId,
    /// Its role.
    pub role: ObjectId,
    /// What it makes of whoever takes it.
    pub becomes: Becomes,
}

/// A way to more rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Its steps, at least one and at most four.
    pub steps: Vec<Step>,
    /// Whether the last step leads to every right everywhere.
    pub administrator: bool,
    /// The dangers at its end that the subject does not have itself, and that no shorter path leads to.
    pub gains: DangerSet,
}

/// Finds paths. Keeps what several subjects have in common: make one for many questions, and another after a
/// change.
#[derive(Debug)]
pub struct Escalation<'a> {
    rbac: &'a Rbac,
    inventory: &'a Inventory,
    /// Service accounts that workloads run as, by namespace.
    used: BTreeMap<&'a Name, BTreeSet<Name>>,
}

/// Somebody that can be reached.
struct Reached {
    subject: Subject,
    /// Whence and how; nothing for the beginning.
    by: Option<(usize, Step)>,
}

/// What a subject has, as far as it matters whether another has more.
#[derive(Default)]
struct Held {
    everywhere: DangerSet,
    within: BTreeMap<Name, DangerSet>,
}

impl<'a> Escalation<'a> {
    /// Looks once at every workload.
    pub fn new(rbac: &'a Rbac, inventory: &'a Inventory) -> Self {
        let mut used = BTreeMap::<&Name, BTreeSet<Name>>::new();
        for namespace in inventory.namespaces() {
            for workload in namespace.workloads() {
                let accounts = workload
                    .deciding()
                    .into_iter()
                    .map(|it| Name::clone(&it.template.service_account));
                used.entry(namespace.name()).or_default().extend(accounts);
            }
        }
        Self {
            rbac,
            inventory,
            used,
        }
    }

    /// Shortest paths to more rights than the subject has: to every right if there is one, and to each danger that
    /// it lacks. Shortest first; the same for the same cluster.
    ///
    /// It is a search in breadth that goes through each way of becoming somebody (any account of a namespace, any
    /// account at all) once, and ends where every right is reached. Each subject is looked at once, however many ways lead
    /// there.
    pub fn paths(&self, subject: &Subject) -> Vec<Path> {
        let start = subject.identity();
        let own = self.held(&start);
        if own.everywhere.contains(Danger::EveryRight) || start == Subject::Group(MASTERS.into()) {
            return Vec::new();
        }
        let mut search = Search {
            reached: vec![Reached {
                subject: start.clone(),
                by: None,
            }],
            seen: BTreeSet::from([start]),
            gone: BTreeSet::new(),
            told: BTreeSet::new(),
            paths: Vec::new(),
        };
        let mut level = 0..1;
        for _ in 0..STEPS {
            let next = search.reached.len();
            for at in level {
                self.go_on(at, &own, &mut search);
            }
            search.tell_level(next, self, &own);
            level = next..search.reached.len();
            if search.paths.iter().any(|path| path.administrator) {
                break;
            }
        }
        search.paths
    }

    /// Takes every step from one that is reached.
    fn go_on(&self, at: usize, own: &Held, search: &mut Search) {
        let from = search.reached[at].subject.clone();
        for Move { danger, grant, goal } in moves::of(self.rbac, &from) {
            let step = |becomes| Step {
                danger,
                binding: grant.binding.clone(),
                role: grant.role.clone(),
                becomes,
            };
            if goal == Goal::Administrator {
                search.tell_administrator(at, step(Becomes::Administrator), own);
                continue;
            }
            if !search.gone.insert(goal.clone()) {
                continue;
            }
            for subject in self.subjects_of(&goal) {
                if search.seen.insert(subject.clone()) {
                    let by = Some((at, step(Becomes::Subject(subject.clone()))));
                    search.reached.push(Reached { subject, by });
                }
            }
        }
    }

    /// Those whom a move leads to, as far as they have anything.
    fn subjects_of(&self, goal: &Goal) -> Vec<Subject> {
        let all = self.rbac.subjects();
        let named = |names: &[Name], name: &Name| names.is_empty() || names.contains(name);
        let wanted = |subject: &&Subject| match (goal, subject) {
            (
                Goal::Accounts {
                    namespace,
                    names,
                    used,
                },
                Subject::ServiceAccount { namespace: ns, name },
            ) => {
                namespace.as_ref().is_none_or(|namespace| namespace == ns)
                    && named(names, name)
                    && (!used || self.used.get(ns).is_some_and(|used| used.contains(name)))
                    && !self.rbac.is_missing(subject)
            }
            (Goal::Users { names }, Subject::User(name)) | (Goal::Groups { names }, Subject::Group(name)) => {
                named(names, name)
            }
            _ => false,
        };
        match goal {
            Goal::Accounts {
                namespace: Some(namespace),
                ..
            } => {
                let there = self.rbac.bound_service_accounts(namespace);
                there.filter(wanted).cloned().collect()
            }
            _ => all.filter(wanted).cloned().collect(),
        }
    }

    fn grants(&self, subject: &Subject) -> Vec<Grant<'a>> {
        grants(self.rbac, subject)
    }

    fn held(&self, subject: &Subject) -> Held {
        let mut held = Held::default();
        for grant in self.grants(subject) {
            let found = grant.rules.dangers().within(grant.namespace());
            match grant.namespace() {
                None => held.everywhere = held.everywhere.union(without_named_admin(&found)),
                Some(namespace) => {
                    let here = held.within.entry(Name::clone(namespace)).or_default();
                    *here = here.union(without_named_admin(&found));
                }
            }
        }
        held
    }

    /// The inventory that workloads were read from.
    pub fn inventory(&self) -> &'a Inventory {
        self.inventory
    }
}

/// Everything by bindings to a subject, and to the groups that it is always in.
fn grants<'a>(rbac: &'a Rbac, subject: &Subject) -> Vec<Grant<'a>> {
    let user = User::of(subject);
    let subjects = user
        .subjects()
        .filter(|subject| !matches!(subject, Subject::User(name) if name.is_empty()));
    subjects
        .flat_map(|subject| rbac.grants(&subject).collect::<Vec<_>>())
        .collect()
}

/// Every right to objects of certain names is not every right.
fn without_named_admin(found: &crate::danger::Found) -> DangerSet {
    let mut all = found.all();
    if !found.full.contains(Danger::EveryRight) {
        all.remove(Danger::EveryRight);
    }
    all
}

/// A search under way.
struct Search {
    /// In the order in which they were reached, level by level.
    reached: Vec<Reached>,
    seen: BTreeSet<Subject>,
    /// Moves that have been made.
    gone: BTreeSet<Goal>,
    /// Dangers, everywhere or within namespaces, to which a path has been told.
    told: BTreeSet<(Danger, bool)>,
    paths: Vec<Path>,
}

impl Search {
    /// Tells of the first way to every right.
    fn tell_administrator(&mut self, from: usize, step: Step, own: &Held) {
        if self.paths.iter().any(|path| path.administrator) {
            return;
        }
        let mut steps = self.steps(from);
        steps.push(step);
        let gains = Danger::ALL
            .iter()
            .copied()
            .collect::<DangerSet>()
            .without(own.everywhere);
        self.paths.push(Path {
            steps,
            administrator: true,
            gains,
        });
    }

    /// Tells of those who were reached since `first`, as far as they have what nobody before has.
    fn tell_level(&mut self, first: usize, escalation: &Escalation<'_>, own: &Held) {
        let mut paths = Vec::new();
        for at in first..self.reached.len() {
            let held = escalation.held(&self.reached[at].subject);
            let administrator = held.everywhere.contains(Danger::EveryRight);
            let gains = self.news(&held, own);
            if !gains.is_empty() {
                paths.push(Path {
                    steps: self.steps(at),
                    administrator,
                    gains,
                });
            }
        }
        self.paths.extend(paths);
        // By length, and what leads furthest first.
        self.paths
            .sort_by_key(|path| (path.steps.len(), !path.administrator));
    }

    /// The dangers in `held` that are new, which are not any more.
    fn news(&mut self, held: &Held, own: &Held) -> DangerSet {
        let mut news = DangerSet::default();
        let more = held.everywhere.without(own.everywhere).iter();
        news.extend(more.filter(|danger| self.told.insert((*danger, true))));
        for (namespace, dangers) in &held.within {
            let own = own
                .within
                .get(namespace)
                .copied()
                .unwrap_or_default()
                .union(own.everywhere);
            let more = dangers.without(own).iter();
            news.extend(more.filter(|danger| self.told.insert((*danger, false))));
        }
        news
    }

    fn steps(&self, mut at: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some((from, step)) = &self.reached[at].by {
            steps.push(step.clone());
            at = *from;
        }
        steps.reverse();
        steps
    }
}
