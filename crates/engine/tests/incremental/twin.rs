//! A cluster that is followed event by event, beside the list of what exists in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use plumbline_api::report::WaiverCounts;
use plumbline_baseline::{Check, Item, Scope};
use plumbline_engine::{Changed, Evaluation, Home, ItemState, Settings};
use plumbline_inventory::lean::Object;
use plumbline_inventory::views::WorkloadView;
use plumbline_inventory::{InputState, Inventory, Kind, Name, ObjectId};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::probes::{items, quiet_items};
use crate::stream::{Event, NAMESPACES};

/// An object that exists: decoded, or what is wrong with it.
type Held = Result<Object, &'static str>;

/// The states of all items in the report of each home, with an unbounded and with a small sample.
type States = BTreeMap<Home, Vec<[ItemState; 2]>>;

/// The inventory and the results that follow the events, and what ought to come of them.
pub(crate) struct Twin {
    settings: Settings,
    items: &'static [&'static Item],
    empty: fn() -> Inventory,
    inventory: Inventory,
    evaluation: Evaluation,
    objects: BTreeMap<ObjectId, Held>,
    inputs: BTreeMap<Kind, InputState>,
    /// Kinds that are being listed, with what the listing has brought.
    listings: BTreeMap<Kind, BTreeSet<ObjectId>>,
    before: States,
    /// How many waivers there were of which state in each home.
    counts: [WaiverCounts; 4],
    steps: u64,
    clock: Timestamp,
    /// The latest time that the clock has shown.
    latest: Timestamp,
}

impl Twin {
    /// An empty cluster, all of whose kinds are listed.
    pub(crate) fn live(settings: Settings) -> Self {
        Self::new(items(), settings, Inventory::live)
    }

    /// The same, without the probes that put every word into their results: what is left is words alone.
    pub(crate) fn quiet(settings: Settings) -> Self {
        Self::new(quiet_items(), settings, Inventory::live)
    }

    /// No manifests yet.
    pub(crate) fn offline(settings: Settings) -> Self {
        Self::new(items(), settings, Inventory::offline)
    }

    fn new(items: &'static [&'static Item], settings: Settings, empty: fn() -> Inventory) -> Self {
        let mut twin = Self {
            items,
            settings,
            empty,
            inventory: empty(),
            evaluation: Evaluation::of(items.iter().copied()),
            objects: BTreeMap::new(),
            inputs: BTreeMap::new(),
            listings: BTreeMap::new(),
            before: States::new(),
            counts: Default::default(),
            steps: 0,
            clock: start(),
            latest: start(),
        };
        for kind in Kind::ALL {
            twin.happen(Event::Begin(kind));
            twin.happen(Event::End(kind));
        }
        twin.before = twin.states(&twin.evaluation, &twin.inventory);
        twin
    }

    /// Lets the events happen, and looks after each at whether everything is as it ought to be.
    pub(crate) fn follow(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.happen(event);
            self.verify();
        }
    }

    /// How many objects fail this item.
    pub(crate) fn failing(&self, id: &str) -> u32 {
        let mut states = self.before[&Home::Cluster].iter().flatten();
        let state = states.find(|state| state.item.id == id);
        state.expect("the cluster's report lists it").failing
    }

    /// Whether a finding of this item has these words.
    pub(crate) fn says(&self, id: &str, words: &str) -> bool {
        let states = self.before[&Home::Cluster].iter();
        let mut samples = states
            .filter(|[state, _]| state.item.id == id)
            .flat_map(|[state, _]| &state.sample);
        samples.any(|sample| sample.finding.message.contains(words))
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.evaluation.next_due()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wait(seconds) => {
                self.clock += SignedDuration::from_secs(seconds.into());
                self.latest = self.latest.max(self.clock);
            }
            Event::Apply(manifest) => self.apply(manifest.id(), Ok(manifest.object())),
            Event::Undecodable(manifest, error) => self.apply(manifest.id(), Err(error)),
            Event::Again(pick) => {
                if let Some((id, held)) = self.pick(pick) {
                    self.apply(id, held);
                }
            }
            Event::Delete(pick) => {
                if let Some((id, _)) = self.pick(pick) {
                    self.inventory.delete(&id);
                    self.objects.remove(&id);
                }
            }
            Event::Input(kind, state) => {
                self.inventory.set_input(kind, state);
                self.inputs.insert(kind, state);
                if matches!(state, InputState::Forbidden | InputState::Absent) {
                    self.objects.retain(|id, _| id.kind != kind);
                    self.listings.remove(&kind);
                }
            }
            Event::Anonymous(requests) => self.inventory.set_anonymous_requests(requests),
            Event::Version(version) => self.inventory.set_server_version(version),
            Event::Begin(kind) => {
                self.inventory.begin_relist(kind);
                self.listings.insert(kind, BTreeSet::new());
            }
            Event::End(kind) => {
                if let Some(listed) = self.listings.remove(&kind) {
                    self.inventory.end_relist(kind);
                    self.inputs.insert(kind, InputState::Synced);
                    self.objects
                        .retain(|id, _| id.kind != kind || listed.contains(id));
                }
            }
            Event::Relist {
                kind,
                cut_short,
                whole,
            } => {
                let of_kind = |(id, _): &(&ObjectId, &Held)| id.kind == kind;
                let known: Vec<_> = self
                    .objects
                    .iter()
                    .filter(of_kind)
                    .map(|(id, held)| (id.clone(), held.clone()))
                    .collect();
                for part in [cut_short, whole] {
                    self.happen(Event::Begin(kind));
                    for (at, (id, held)) in known.iter().enumerate() {
                        if part & (1 << (at % 16)) != 0 {
                            self.apply(id.clone(), held.clone());
                        }
                    }
                }
                self.happen(Event::End(kind));
            }
        }
    }

    fn apply(&mut self, id: ObjectId, held: Held) {
        match held.clone() {
            Ok(object) => self.inventory.apply(object),
            Err(error) => self.inventory.apply_undecodable(id.clone(), error.to_owned()),
        }
        if let Some(listed) = self.listings.get_mut(&id.kind) {
            listed.insert(id.clone());
        }
        self.objects.insert(id, held);
    }

    fn pick(&self, pick: usize) -> Option<(ObjectId, Held)> {
        let at = pick.checked_rem(self.objects.len())?;
        self.objects
            .iter()
            .nth(at)
            .map(|(id, held)| (id.clone(), held.clone()))
    }

    fn verify(&mut self) {
        self.steps += 1;
        self.inventory.trust(trusted);
        let dirty = self.inventory.take_dirty();
        let changed = self
            .evaluation
            .update(&self.inventory, &self.settings, dirty, self.clock);
        let now = self.states(&self.evaluation, &self.inventory);

        let fresh = self.rebuilt();
        let full = Evaluation::of(self.items.iter().copied());
        let full = full.evaluated(&fresh, &self.settings, self.latest);
        assert_eq!(self.evaluation.next_due(), full.next_due());
        assert!(self.evaluation.next_due().is_none_or(|due| due > self.latest));
        assert_equal(&now, &self.states(&full, &fresh));
        let counts = homes().map(|home| self.evaluation.waiver_counts(&home));
        assert_eq!(counts, homes().map(|home| full.waiver_counts(&home)));
        for (waiver, _) in full.waivers().iter() {
            assert_eq!(self.evaluation.covered(waiver), full.covered(waiver), "{waiver}");
        }
        for kind in Kind::ALL {
            let (followed, counted) = (self.inventory.coverage(kind), fresh.coverage(kind));
            let counts = |coverage: plumbline_inventory::Coverage| {
                (coverage.state, coverage.objects, coverage.undecodable)
            };
            assert_eq!(counts(followed), counts(counted), "coverage of {kind}");
        }
        assert_named(&changed, &self.before, &now);
        for (home, (before, now)) in homes().into_iter().zip(self.counts.iter().zip(&counts)) {
            assert!(
                before == now || names(&changed, &home),
                "waivers of {home:?}: {before:?}, {now:?}"
            );
        }
        self.counts = counts;
        self.assert_pods_counted();
        assert_cluster_is_sum(&now);
        self.before = now;
    }

    fn states(&self, evaluation: &Evaluation, inventory: &Inventory) -> States {
        let state = |home: &Home, item, sample| {
            let mut state = evaluation.item(item, home, inventory, &self.settings, sample);
            // The last to change depends on the order of events; all else does not.
            state.cause = None;
            state
        };
        homes()
            .into_iter()
            .map(|home| {
                let of_home = self
                    .items
                    .iter()
                    .filter(|item| home.lists(item))
                    .map(|item| [usize::MAX, 2].map(|sample| state(&home, item, sample)))
                    .collect();
                (home, of_home)
            })
            .collect()
    }

    /// A new inventory of what exists, in an order that has nothing to do with that of the events.
    fn rebuilt(&self) -> Inventory {
        let shuffled = |id: &ObjectId| xxh3_64_with_seed(id.to_string().as_bytes(), self.steps);
        let mut objects: Vec<_> = self.objects.iter().collect();
        objects.sort_by_key(|(id, _)| shuffled(id));
        let mut fresh = (self.empty)();
        fresh.set_anonymous_requests(self.inventory.anonymous_requests().clone());
        fresh.set_server_version(self.inventory.server_version());
        for (kind, state) in &self.inputs {
            fresh.set_input(*kind, *state);
        }
        for (id, held) in objects {
            match held.clone() {
                Ok(object) => fresh.apply(object),
                Err(error) => fresh.apply_undecodable(id.clone(), error.to_owned()),
            }
        }
        fresh.trust(trusted);
        fresh
    }

    /// Every live pod of a namespace in scope counts for exactly one root.
    fn assert_pods_counted(&self) {
        for namespace in self.inventory.namespaces() {
            let live = |(id, held): &(&ObjectId, &Held)| {
                let Ok(Object::Pod(pod)) = held else { return false };
                let phase = pod.status.phase.as_deref();
                id.namespace.as_ref() == Some(namespace.name())
                    && !matches!(phase, Some("Succeeded" | "Failed"))
            };
            let expected = self.objects.iter().filter(live).count();
            let counted: u32 = namespace.workloads().map(|workload| workload.live_pods()).sum();
            assert_eq!(counted as usize, expected, "live pods of {}", namespace.name());
            let listed = namespace.workloads().flat_map(WorkloadView::pods).count();
            assert_eq!(listed, expected, "pods of the workloads of {}", namespace.name());
        }
    }
}

fn start() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().expect("a time")
}

fn assert_equal(followed: &States, full: &States) {
    for ((home, followed), full) in followed.iter().zip(full.values()) {
        for (followed, full) in followed.iter().flatten().zip(full.iter().flatten()) {
            let id = full.item.id;
            assert!(
                followed == full,
                "{id} in {home:?}\nfollowed: {}\n    full: {}",
                told(followed),
                told(full)
            );
        }
    }
}

/// A state without what the item says of itself.
fn told(state: &ItemState) -> String {
    let state = format!("{state:?}");
    state[state.rfind(", status: ").unwrap_or_default()..].to_owned()
}

/// The homes that reports are of.
fn homes() -> [Home; 4] {
    let [a, b, system] = NAMESPACES.map(|name| Home::Namespace(Name::from(name)));
    [a, b, system, Home::Cluster]
}

/// Whether it is proven who made a decision.
fn trusted(id: &ObjectId) -> bool {
    *id.name != *"z"
}

fn names(changed: &Changed, home: &Home) -> bool {
    changed.everywhere
        || match home {
            Home::Cluster => changed.cluster || !changed.namespaces.is_empty(),
            Home::Namespace(name) => changed.namespaces.contains(name),
        }
}

/// A report that reads differently is one that `changed` names.
fn assert_named(changed: &Changed, before: &States, now: &States) {
    for (home, now) in now {
        let differs = before.get(home) != Some(now);
        assert!(
            names(changed, home) || !differs,
            "{home:?} reads differently, and is not named in {changed:?}"
        );
    }
}

/// What the cluster's report counts is what those of its namespaces count, unless it has objects of its own.
fn assert_cluster_is_sum(states: &States) {
    for [of_cluster, _] in &states[&Home::Cluster] {
        let mut checks = of_cluster.item.checks.iter();
        if !matches!(of_cluster.item.scope, Scope::Workload | Scope::Namespace)
            || checks.any(|check| matches!(check, Check::ClusterObjects(_)))
        {
            continue;
        }
        let counts = |state: &ItemState| {
            [
                state.evaluated,
                state.failing,
                state.waived,
                state.inactive,
                state.pods,
                state.findings,
            ]
        };
        let mut sum = [0; 6];
        for (home, of_home) in states {
            let here = of_home.iter().filter(|_| *home != Home::Cluster);
            for [state, _] in here.filter(|[state, _]| state.item == of_cluster.item) {
                for (sum, count) in sum.iter_mut().zip(counts(state)) {
                    *sum += count;
                }
            }
        }
        assert_eq!(counts(of_cluster), sum, "{}", of_cluster.item.id);
        let sampled = of_cluster.sample.len();
        assert_eq!(sampled, of_cluster.findings as usize, "{}", of_cluster.item.id);
    }
}
