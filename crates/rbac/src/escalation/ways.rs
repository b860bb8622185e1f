//! The shortest ways of everybody, and how they follow changes.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use plumbline_inventory::{Dirty, Inventory, Kind, Name, ObjectId};

use super::moves::{self, Goal, Move};
use super::{Becomes, Path, STEPS, Standing, Step};
use crate::danger::{Danger, DangerSet};
use crate::rbac::{Rbac, Touched};
use crate::subject::{MASTERS, SERVICE_ACCOUNTS, Subject, User};

/// Whom everybody may become, by the shortest ways.
///
/// A subject's ways are made of its own rights and of the ways of those whom these lead to, which are shorter. So
/// they are the same in whatever order they are found, and after a change it is enough to look again at whoever
/// looks at somebody whose ways have changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    /// Who is so many steps away from a standing, or from more.
    near: [[BTreeSet<Subject>; STEPS]; Standing::ALL.len()],
    /// Everybody who may become somebody, or who is more than others.
    known: BTreeMap<Subject, Known>,
    /// Whose ways depend on whom is in there.
    lookers: BTreeMap<Among, BTreeSet<Subject>>,
}

/// What is known of a subject.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    /// To each standing, as far as others may follow; none for an account that nobody can become.
    ways: [Option<Arc<Way>>; Standing::ALL.len()],
    /// Whether something runs as it.
    used: bool,
    /// Where it finds whom it may become.
    among: BTreeSet<Among>,
    /// Of the paths that are told of it; none if there are none.
    told: Option<u64>,
}

/// A way from somebody to a standing; no steps if it has that itself.
#[derive(Debug, PartialEq, Eq)]
struct Way {
    steps: Vec<Step>,
    rights: DangerSet,
}

/// Where those are found whom a right leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Among {
    Users,
    Groups,
    Accounts,
    AccountsOf(Name),
}

/// What became of a subject.
struct Difference {
    /// Its ways, which others may follow.
    ways: bool,
    /// The paths that are told of it.
    told: bool,
}

impl Ways {
    /// Follows a change of rights, and of what runs as whom. Adds those of whom other paths are told now.
    pub(crate) fn update(
        &mut self,
        rbac: &Rbac,
        inventory: &Inventory,
        dirty: &Dirty,
        touched: &mut Touched,
    ) {
        let mut todo: BTreeSet<Subject> = BTreeSet::new();
        for subject in touched.subjects() {
            todo.extend(rbac.members(subject));
            todo.insert(subject.clone());
        }
        self.find_used(inventory, dirty, &mut todo);
        while !todo.is_empty() {
            let mut next = BTreeSet::new();
            for subject in todo {
                let different = self.look_at(rbac, inventory, &subject);
                if different.ways {
                    self.add_lookers(&subject, &mut next);
                }
                if different.told {
                    touched.indirect.insert(subject);
                }
            }
            todo = next;
        }
    }

    /// Finds subjects that something runs as now, or nothing any more, where workloads have changed.
    fn find_used(&self, inventory: &Inventory, dirty: &Dirty, todo: &mut BTreeSet<Subject>) {
        let of_workloads = dirty.roots.iter().map(|root| &root.namespace);
        let come_or_gone = dirty.topics.iter().filter(|topic| topic.kind == Kind::Namespace);
        let namespaces: BTreeSet<&Name> = of_workloads
            .chain(come_or_gone.filter_map(|topic| topic.namespace.as_ref()))
            .collect();
        for namespace in &namespaces {
            let accounts = of_namespace(&self.known, namespace).map(|(subject, _)| subject.clone());
            todo.extend(
                accounts
                    .chain([Subject::accounts_of(namespace)])
                    .filter(|subject| {
                        let known = self.known.get(subject);
                        known.is_some_and(|known| known.used != is_used(inventory, subject))
                    }),
            );
        }
        let all = Subject::Group(SERVICE_ACCOUNTS.into());
        if !namespaces.is_empty() && self.known.contains_key(&all) {
            todo.insert(all);
        }
    }

    /// Looks again at what a subject may become.
    fn look_at(&mut self, rbac: &Rbac, inventory: &Inventory, subject: &Subject) -> Difference {
        let before = self.known.remove(subject).unwrap_or_default();
        let known = self.find(rbac, inventory, subject);
        let different = Difference {
            ways: before.ways != known.ways
                || (before.used != known.used && known.ways.iter().any(Option::is_some)),
            told: before.told != known.told,
        };
        self.place(subject, &before, &known);
        let leads_nowhere = known.among.is_empty() && known.told.is_none();
        if !(leads_nowhere && known.ways.iter().all(Option::is_none)) {
            self.known.insert(subject.clone(), known);
        }
        different
    }

    /// What there is to know of a subject: nothing if no binding names it.
    fn find(&self, rbac: &Rbac, inventory: &Inventory, subject: &Subject) -> Known {
        if !rbac.is_bound_to_something(subject) {
            return Known::default();
        }
        let moves = moves::of(rbac, subject);
        let own = own_standing(rbac, subject);
        Known {
            ways: self.ways(rbac, subject, &moves, own),
            used: is_used(inventory, subject),
            among: moves.iter().filter_map(|found| Among::of(&found.goal)).collect(),
            told: fingerprint(&self.told(rbac, subject, &moves, own)),
        }
    }

    /// Puts a subject where others find it, and where it is found by whom it depends on.
    fn place(&mut self, subject: &Subject, before: &Known, now: &Known) {
        for (near, (before, now)) in self.near.iter_mut().zip(before.ways.iter().zip(&now.ways)) {
            let [before, now] = [before, now].map(|way| way.as_ref().map(|way| way.steps.len()));
            if before != now {
                before.map(|steps| near[steps].remove(subject));
                now.map(|steps| near[steps].insert(subject.clone()));
            }
        }
        for among in before.among.difference(&now.among) {
            if let Some(lookers) = self.lookers.get_mut(among) {
                lookers.remove(subject);
                if lookers.is_empty() {
                    self.lookers.remove(among);
                }
            }
        }
        for among in now.among.difference(&before.among) {
            let lookers = self.lookers.entry(among.clone()).or_default();
            lookers.insert(subject.clone());
        }
    }

    /// Those whose ways depend on `subject`.
    fn add_lookers(&self, subject: &Subject, todo: &mut BTreeSet<Subject>) {
        let mut add = |among: &Among| todo.extend(self.lookers.get(among).into_iter().flatten().cloned());
        match subject {
            Subject::User(_) => add(&Among::Users),
            Subject::ServiceAccount { namespace, .. } => {
                add(&Among::Accounts);
                add(&Among::AccountsOf(Name::clone(namespace)));
            }
            Subject::Group(group) => {
                add(&Among::Groups);
                if **group == *SERVICE_ACCOUNTS {
                    let everybody = self.lookers.range(Among::Accounts..);
                    todo.extend(everybody.flat_map(|(_, lookers)| lookers).cloned());
                } else if let Some(namespace) = subject.accounts_namespace() {
                    add(&Among::Accounts);
                    add(&Among::AccountsOf(namespace));
                }
            }
        }
    }

    /// The shortest way to each standing, as far as others may follow.
    fn ways(
        &self,
        rbac: &Rbac,
        subject: &Subject,
        moves: &[Move<'_>],
        own: Option<(Standing, DangerSet)>,
    ) -> [Option<Arc<Way>>; Standing::ALL.len()] {
        if rbac.is_missing(subject) {
            return Default::default();
        }
        let mut last: Option<Arc<Way>> = None;
        Standing::ALL.map(|wanted| {
            let way = match own {
                Some((standing, rights)) if standing <= wanted => {
                    let steps = Vec::new();
                    Some(Way { steps, rights })
                }
                _ => {
                    let ways = moves
                        .iter()
                        .filter_map(|found| self.goes_on(subject, found, wanted));
                    let shortest = ways.min_by_key(|next| next.distance);
                    shortest
                        .filter(|next| next.distance < STEPS)
                        .map(|next| self.way(&next))
                }
            };
            // What leads further is no longer, and is told in its place.
            let way = way.map(|way| match &last {
                Some(further) if further.steps.len() <= way.steps.len() => Arc::clone(further),
                _ => Arc::new(way),
            });
            last.clone_from(&way);
            way
        })
    }

    /// The shortest way that begins with a move.
    fn goes_on<'a>(&'a self, subject: &Subject, found: &'a Move<'a>, standing: Standing) -> Option<Next<'a>> {
        let next = |distance, whom| Next {
            found,
            whom,
            distance,
        };
        if found.goal == Goal::Administrator {
            return Some(next(1, None));
        }
        (0..STEPS).find_map(|steps| {
            let whom = self.first(&self.near[standing as usize][steps], &found.goal, subject)?;
            let way = self.known[whom].ways[standing as usize].as_deref();
            let way = way.expect("it is near by this way");
            // Who comes back to the beginning has gone nowhere.
            let returns = |step: &Step| step.becomes == Becomes::Subject(subject.clone());
            let returns = way.steps.iter().any(returns);
            (!returns).then(|| next(steps + 1, Some((whom, way))))
        })
    }

    /// The first among those who are near whom a goal means, and who is somebody else.
    fn first<'a>(&'a self, near: &'a BTreeSet<Subject>, goal: &Goal, from: &Subject) -> Option<&'a Subject> {
        if near.is_empty() {
            return None;
        }
        let is_named = |names: &[Name], name: &Name| names.is_empty() || names.contains(name);
        match goal {
            Goal::Administrator => None,
            Goal::Users { names } => near.iter().find(|subject| {
                matches!(subject, Subject::User(name) if is_named(names, name)) && *subject != from
            }),
            Goal::Groups { names } => near.iter().find(|subject| {
                matches!(subject, Subject::Group(name) if is_named(names, name)) && *subject != from
            }),
            Goal::Accounts {
                namespace,
                names,
                used,
            } => {
                let fits = |subject: &&Subject| {
                    let named = match subject {
                        Subject::ServiceAccount { name, .. } => is_named(names, name),
                        // An account of any name is a member; whether one of a certain name exists is not known.
                        Subject::Group(_) => names.is_empty() && !is_member(from, subject),
                        Subject::User(_) => false,
                    };
                    named && *subject != from && (!used || self.known[*subject].used)
                };
                let accounts = match namespace {
                    Some(namespace) => near.range(before(namespace)..),
                    None => near.range(before(&"".into())..),
                };
                let here = |subject: &&Subject| {
                    namespace.as_ref().is_none_or(|wanted| {
                        matches!(subject, Subject::ServiceAccount { namespace, .. } if namespace == wanted)
                    })
                };
                accounts
                    .take_while(here)
                    .find(fits)
                    .or_else(|| groups(near, namespace.as_ref()).into_iter().find(fits))
            }
        }
    }

    fn way(&self, next: &Next<'_>) -> Way {
        let Next { found, whom, .. } = next;
        let becomes = whom.map_or(Becomes::Administrator, |(subject, _)| {
            Becomes::Subject(subject.clone())
        });
        let mut steps = vec![Step {
            danger: found.danger,
            binding: found.grant.binding.clone(),
            role: found.grant.role.clone(),
            becomes,
        }];
        let rest = whom.map(|(_, way)| way);
        steps.extend(rest.into_iter().flat_map(|way| way.steps.iter().cloned()));
        Way {
            steps,
            rights: rest.map_or_else(|| DangerSet::from_iter([Danger::EveryRight]), |way| way.rights),
        }
    }

    /// What is told of a subject: of each of its own rights the shortest way to the most, and what is less and
    /// nearer.
    fn told(
        &self,
        rbac: &Rbac,
        subject: &Subject,
        moves: &[Move<'_>],
        own: Option<(Standing, DangerSet)>,
    ) -> Vec<Path> {
        let own = own.map(|(standing, _)| standing);
        let mut by_right: BTreeMap<(&ObjectId, Danger), Vec<Path>> = BTreeMap::new();
        for wanted in Standing::ALL
            .into_iter()
            .filter(|wanted| own.is_none_or(|own| *wanted < own))
        {
            let mut shortest: BTreeMap<(&ObjectId, Danger), Next<'_>> = BTreeMap::new();
            for found in moves
                .iter()
                .filter(|found| rbac.names(found.grant.binding, subject))
            {
                let Some(next) = self.goes_on(subject, found, wanted) else {
                    continue;
                };
                let right = (found.grant.binding, found.danger);
                match shortest.get(&right) {
                    Some(known) if known.distance <= next.distance => {}
                    _ => drop(shortest.insert(right, next)),
                }
            }
            for (right, next) in shortest {
                let paths = by_right.entry(right).or_default();
                let Way { steps, rights } = self.way(&next);
                // What is only the beginning of a path is told with it.
                let adds = |more: &Path| steps.len() < more.steps.len() && !more.steps.starts_with(&steps);
                if paths.iter().all(adds) {
                    paths.push(Path {
                        steps,
                        standing: wanted,
                        rights,
                    });
                }
            }
        }
        let mut paths: Vec<Path> = by_right.into_values().flatten().collect();
        paths.sort_by_key(|path| (path.steps.len(), path.standing));
        paths
    }

    pub(super) fn paths(&self, rbac: &Rbac, subject: &Subject) -> Vec<Path> {
        if self.known.get(subject).is_none_or(|known| known.told.is_none()) {
            return Vec::new();
        }
        let moves = moves::of(rbac, subject);
        self.told(rbac, subject, &moves, own_standing(rbac, subject))
    }
}

/// How a way goes on after a move.
struct Next<'a> {
    found: &'a Move<'a>,
    /// Whom it leads to, and its way; nobody if the move itself is everything.
    whom: Option<(&'a Subject, &'a Way)>,
    /// With this move.
    distance: usize,
}

impl Among {
    fn of(goal: &Goal) -> Option<Self> {
        match goal {
            Goal::Administrator => None,
            Goal::Users { .. } => Some(Self::Users),
            Goal::Groups { .. } => Some(Self::Groups),
            Goal::Accounts { namespace: None, .. } => Some(Self::Accounts),
            Goal::Accounts {
                namespace: Some(namespace),
                ..
            } => Some(Self::AccountsOf(Name::clone(namespace))),
        }
    }
}

/// What a subject is everywhere, by bindings to it and to the groups that it is always in.
fn own_standing(rbac: &Rbac, subject: &Subject) -> Option<(Standing, DangerSet)> {
    if *subject == Subject::Group(MASTERS.into()) {
        return Some((
            Standing::Administrator,
            DangerSet::from_iter([Danger::EveryRight]),
        ));
    }
    let grants = moves::grants(rbac, subject).into_iter();
    let everywhere = grants
        .filter(|grant| grant.namespace().is_none())
        .map(|grant| grant.rules.dangers().everywhere.full)
        .fold(DangerSet::default(), DangerSet::union);
    Standing::of(everywhere)
}

fn is_member(subject: &Subject, group: &Subject) -> bool {
    User::of(subject).subjects().any(|other| other == *group)
}

/// The groups of service accounts that are near, of a namespace or all.
fn groups<'a>(near: &'a BTreeSet<Subject>, namespace: Option<&Name>) -> Vec<&'a Subject> {
    let all = Subject::Group(SERVICE_ACCOUNTS.into());
    match namespace {
        Some(namespace) => [Subject::accounts_of(namespace), all]
            .iter()
            .filter_map(|group| near.get(group))
            .collect(),
        None => {
            let end = Subject::Group(format!("{SERVICE_ACCOUNTS};").into());
            let groups = near.range(all.clone()..end);
            groups
                .filter(|group| **group == all || group.accounts_namespace().is_some())
                .collect()
        }
    }
}

/// What stands before all service accounts of a namespace.
fn before(namespace: &Name) -> Subject {
    Subject::service_account(Name::clone(namespace), "")
}

fn of_namespace<'a, V>(
    map: &'a BTreeMap<Subject, V>,
    wanted: &'a Name,
) -> impl Iterator<Item = (&'a Subject, &'a V)> {
    map.range(before(wanted)..).take_while(
        move |(subject, _)| matches!(subject, Subject::ServiceAccount { namespace, .. } if namespace == wanted),
    )
}

/// Whether something runs as a service account, or as one of a group of them.
fn is_used(inventory: &Inventory, subject: &Subject) -> bool {
    let runs_something = |namespace: &str| {
        let namespace = inventory.namespace(namespace);
        namespace.is_some_and(|namespace| namespace.workloads().next().is_some())
    };
    match subject {
        Subject::User(_) => false,
        Subject::ServiceAccount { namespace, name } => inventory
            .namespace(namespace)
            .is_some_and(|namespace| namespace.users(name).next().is_some()),
        Subject::Group(group) if **group == *SERVICE_ACCOUNTS => inventory
            .namespaces()
            .any(|namespace| namespace.workloads().next().is_some()),
        Subject::Group(_) => subject
            .accounts_namespace()
            .is_some_and(|namespace| runs_something(&namespace)),
    }
}

fn fingerprint(paths: &[Path]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    paths.hash(&mut hasher);
    (!paths.is_empty()).then(|| hasher.finish())
}
