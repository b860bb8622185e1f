//! The shortest ways of everybody, and how they follow changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plumbline_inventory::{Dirty, Inventory, Kind, Name, ObjectId};

use super::accounts::{ALL_ACCOUNTS, before, groups, is_member, is_used, of_namespace};
use super::moves::{self, Goal, Move};
use super::{Becomes, Path, STEPS, Standing, Step};
use crate::danger::{Danger, DangerSet};
use crate::rbac::{Rbac, Touched};
use crate::subject::{MASTERS, Subject, User};

/// Whom everybody may become, by the shortest ways.
///
/// A subject's ways are made of its own rights and of the ways of those whom these lead to, which are shorter. So
/// they are the same in whatever order they are found, and after a change it is enough to look again at whoever
/// looks at somebody whose ways have changed. What a subject has in each namespace is kept by itself: a group that is
/// bound in thousands of them is looked at where something changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    /// Who is so many steps away from a standing, or from more.
    near: [[BTreeSet<Subject>; STEPS]; Standing::ALL.len()],
    /// Everybody who may become somebody, or who is more than others.
    known: BTreeMap<Subject, Known>,
    /// Whose ways depend on whom is in there, by rights that they have where.
    lookers: BTreeMap<Among, BTreeSet<(Subject, Place)>>,
}

/// A namespace, or everywhere.
type Place = Option<Name>;

/// The shortest way to each standing.
type Shortest = [Option<Arc<Way>>; Standing::ALL.len()];

/// What to look at again of whom. Nowhere is a look at whether something runs as it.
type Work = BTreeMap<Subject, BTreeSet<Place>>;

/// What is known of a subject.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    own: Option<(Standing, DangerSet)>,
    /// As far as others may follow; none for an account that nobody can become.
    ways: Shortest,
    /// Whether something runs as it.
    used: bool,
    /// Ordered. Most subjects have one.
    places: Vec<(Place, Local)>,
}

/// What a subject may become by what it has in a place.
#[derive(Debug, Default, PartialEq, Eq)]
struct Local {
    ways: Shortest,
    /// Where it finds whom it may become.
    among: Box<[Among]>,
    /// The paths that are told of it.
    told: Told,
    /// Rights that may matter to what it has everywhere.
    matters: DangerSet,
}

/// Paths by the binding and the right that they begin with.
type Told = BTreeMap<(ObjectId, Danger), Vec<Path>>;

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
        let mut todo = Work::new();
        for (subject, place) in &touched.places {
            for concerned in rbac.members(subject).into_iter().chain([subject.clone()]) {
                todo.entry(concerned).or_default().insert(place.clone());
            }
        }
        self.find_used(inventory, dirty, &mut todo);
        while !todo.is_empty() {
            let mut next = Work::new();
            for (subject, places) in todo {
                let different = self.look_at(rbac, inventory, &subject, places);
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
    fn find_used(&self, inventory: &Inventory, dirty: &Dirty, todo: &mut Work) {
        let of_workloads = dirty.roots.iter().map(|root| &root.namespace);
        let come_or_gone = dirty.topics.iter().filter(|topic| topic.kind == Kind::Namespace);
        let namespaces: BTreeSet<&Name> = of_workloads
            .chain(come_or_gone.filter_map(|topic| topic.namespace.as_ref()))
            .collect();
        let mut add = |subject: &Subject| {
            let known = self.known.get(subject);
            if known.is_some_and(|known| known.used != is_used(inventory, subject)) {
                todo.entry(subject.clone()).or_default();
            }
        };
        for namespace in &namespaces {
            of_namespace(&self.known, namespace).for_each(|(subject, _)| add(subject));
            add(&Subject::accounts_of(namespace));
        }
        if !namespaces.is_empty() {
            add(&ALL_ACCOUNTS);
        }
    }

    /// Looks again at what a subject may become by what it has in some places. What it has everywhere counts in all.
    fn look_at(
        &mut self,
        rbac: &Rbac,
        inventory: &Inventory,
        subject: &Subject,
        mut places: BTreeSet<Place>,
    ) -> Difference {
        let mut known = self.known.remove(subject).unwrap_or_default();
        let (ways, used) = (known.ways.clone(), known.used);
        known.own = own_standing(rbac, subject);
        if places.contains(&None) {
            places.extend(known.places.iter().map(|(place, _)| place.clone()));
            let bindings = rbac.bindings_naming(subject);
            places.extend(bindings.map(|binding| binding.namespace.clone()));
        }
        let (mut told, mut matter) = (false, false);
        for place in places.iter().filter(|place| place.is_some()) {
            let local = self.find(rbac, subject, &known, place.as_ref());
            let before = known.at(place).map(|local| local.matters);
            matter |= local.matters != before.unwrap_or_default();
            told |= self.put(subject, &mut known, place, local);
        }
        if matter || places.contains(&None) {
            let local = self.find(rbac, subject, &known, None);
            told |= self.put(subject, &mut known, &None, local);
        }
        known.used = is_used(inventory, subject);
        known.ways = if rbac.is_bound_to_something(subject) && !rbac.is_missing(subject) {
            known.shortest()
        } else {
            Shortest::default()
        };
        for (near, (before, now)) in self.near.iter_mut().zip(ways.iter().zip(&known.ways)) {
            let [before, now] = [before, now].map(|way| way.as_ref().map(|way| way.steps.len()));
            if before != now {
                before.map(|steps| near[steps].remove(subject));
                now.map(|steps| near[steps].insert(subject.clone()));
            }
        }
        let is_somebody = known.ways.iter().any(Option::is_some);
        let different = Difference {
            ways: ways != known.ways || (used != known.used && is_somebody),
            told,
        };
        if is_somebody || !known.places.is_empty() {
            self.known.insert(subject.clone(), known);
        }
        different
    }

    /// What a subject may become by what it has in a place.
    fn find(&self, rbac: &Rbac, subject: &Subject, known: &Known, place: Option<&Name>) -> Local {
        let elsewhere = match place {
            Some(_) => DangerSet::default(),
            None => known
                .places
                .iter()
                .map(|(_, local)| local.matters)
                .fold(DangerSet::default(), DangerSet::union),
        };
        let moves = moves::of(rbac, subject, place, elsewhere);
        if moves.is_empty() {
            return Local::default();
        }
        let ways = Standing::ALL.map(|wanted| {
            let ways = moves
                .iter()
                .filter_map(|found| self.goes_on(subject, found, wanted));
            let shortest = ways.min_by_key(|next| next.distance)?;
            (shortest.distance < STEPS).then(|| Arc::new(shortest.way()))
        });
        let among: BTreeSet<Among> = moves.iter().filter_map(|found| Among::of(&found.goal)).collect();
        Local {
            ways,
            among: among.into_iter().collect(),
            told: self.told(rbac, subject, &moves, known.own),
            matters: match place {
                Some(_) => moves::matter_elsewhere(rbac, subject, place),
                None => DangerSet::default(),
            },
        }
    }

    /// Puts what was found in a place where others find it; tells whether other paths are told of it.
    fn put(&mut self, subject: &Subject, known: &mut Known, place: &Place, now: Local) -> bool {
        let at = known.places.binary_search_by(|(known, _)| known.cmp(place));
        let none = Local::default();
        let before = at.map_or(&none, |at| &known.places[at].1);
        let looker = (subject.clone(), place.clone());
        for among in before.among.iter().filter(|among| !now.among.contains(among)) {
            if let Some(lookers) = self.lookers.get_mut(among) {
                lookers.remove(&looker);
                if lookers.is_empty() {
                    self.lookers.remove(among);
                }
            }
        }
        for among in now.among.iter().filter(|among| !before.among.contains(among)) {
            let lookers = self.lookers.entry(among.clone()).or_default();
            lookers.insert(looker.clone());
        }
        let told = before.told != now.told;
        match (at, now == none) {
            (Ok(at), true) => drop(known.places.remove(at)),
            (Ok(at), false) => known.places[at].1 = now,
            (Err(_), true) => {}
            (Err(at), false) => known.places.insert(at, (place.clone(), now)),
        }
        told
    }

    /// Those whose ways depend on `subject`.
    fn add_lookers(&self, subject: &Subject, todo: &mut Work) {
        let mut add = |lookers: &BTreeSet<(Subject, Place)>| {
            for (looker, place) in lookers {
                todo.entry(looker.clone()).or_default().insert(place.clone());
            }
        };
        let among: Vec<Among> = match subject {
            Subject::User(_) => vec![Among::Users],
            Subject::ServiceAccount { namespace, .. } => {
                vec![Among::Accounts, Among::AccountsOf(Name::clone(namespace))]
            }
            Subject::Group(_) if *subject == *ALL_ACCOUNTS => {
                let everybody = self.lookers.range(Among::Accounts..);
                everybody.for_each(|(_, lookers)| add(lookers));
                vec![Among::Groups]
            }
            Subject::Group(_) => {
                let of_namespace = subject.accounts_namespace().into_iter();
                of_namespace
                    .flat_map(|namespace| [Among::Accounts, Among::AccountsOf(namespace)])
                    .chain([Among::Groups])
                    .collect()
            }
        };
        among
            .iter()
            .filter_map(|among| self.lookers.get(among))
            .for_each(add);
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

    /// What is told of a subject: of each of its own rights the shortest way to the most, and what is less and
    /// nearer. Shortest first.
    fn told(
        &self,
        rbac: &Rbac,
        subject: &Subject,
        moves: &[Move<'_>],
        own: Option<(Standing, DangerSet)>,
    ) -> Told {
        let own = own.map(|(standing, _)| standing);
        let mut told = Told::new();
        let wanted = Standing::ALL.into_iter();
        for wanted in wanted.filter(|wanted| own.is_none_or(|own| *wanted < own)) {
            let mut shortest: BTreeMap<(&ObjectId, Danger), Next<'_>> = BTreeMap::new();
            for next in moves
                .iter()
                .filter_map(|found| self.goes_on(subject, found, wanted))
            {
                let right = (next.found.grant.binding, next.found.danger);
                match shortest.get(&right) {
                    Some(known) if known.distance <= next.distance => {}
                    _ if !rbac.names(right.0, subject) => {}
                    _ => drop(shortest.insert(right, next)),
                }
            }
            for ((binding, danger), next) in shortest {
                let paths = told.entry((binding.clone(), danger)).or_default();
                let Way { steps, rights } = next.way();
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
        // What is less is nearer.
        for paths in told.values_mut() {
            paths.reverse();
        }
        told
    }

    /// The paths of a subject that begin with a right by a binding.
    pub(super) fn paths_by(&self, subject: &Subject, binding: &ObjectId, danger: Danger) -> &[Path] {
        let Some(known) = self.known.get(subject) else {
            return &[];
        };
        let right = (binding.clone(), danger);
        let told = match &binding.namespace {
            Some(_) => known
                .at(&binding.namespace)
                .and_then(|local| local.told.get(&right)),
            // What somebody has everywhere may lead somewhere together with a right in a namespace.
            None => known.places.iter().find_map(|(_, local)| local.told.get(&right)),
        };
        told.map_or(&[], Vec::as_slice)
    }

    /// All paths of a subject.
    pub(super) fn paths(&self, subject: &Subject) -> impl Iterator<Item = &Path> {
        let known = self.known.get(subject).into_iter();
        let places = known.flat_map(|known| &known.places);
        places.flat_map(|(_, local)| local.told.values().flatten())
    }
}

impl Known {
    fn at(&self, place: &Place) -> Option<&Local> {
        let at = self.places.binary_search_by(|(known, _)| known.cmp(place)).ok()?;
        Some(&self.places[at].1)
    }

    /// The shortest ways by what it has anywhere.
    fn shortest(&self) -> Shortest {
        let mut last: Option<Arc<Way>> = None;
        Standing::ALL.map(|wanted| {
            let way = match self.own {
                Some((standing, rights)) if standing <= wanted => Some(Arc::new(Way {
                    steps: Vec::new(),
                    rights,
                })),
                _ => {
                    let ways = self
                        .places
                        .iter()
                        .filter_map(|(_, local)| local.ways[wanted as usize].as_ref());
                    ways.min_by_key(|way| way.steps.len()).cloned()
                }
            };
            // What leads further and is no longer is told in its place.
            let is_further = |further: &Arc<Way>| {
                way.as_ref()
                    .is_none_or(|way| further.steps.len() <= way.steps.len())
            };
            if !last.as_ref().is_some_and(is_further) {
                last = way;
            }
            last.clone()
        })
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

impl Next<'_> {
    fn way(&self) -> Way {
        let Next { found, whom, .. } = self;
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
    let everywhere = moves::grants_of(rbac, &User::of(subject), None)
        .into_iter()
        .map(|grant| grant.rules.dangers().everywhere.full)
        .fold(DangerSet::default(), DangerSet::union);
    Standing::of(everywhere)
}
