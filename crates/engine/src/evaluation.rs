//! Results, kept up to date.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Weak};

use jiff::Timestamp;
use plumbline_api::conditions::{Reason as _, WaiverReason};
use plumbline_baseline::evaluate::TemplateVerdict;
use plumbline_baseline::{ANONYMOUS_ACCESS, Check, Context, Exception, Home, ITEMS, Item, Outcome, Unit};
use plumbline_inventory::template::Template;
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Dirty, Inventory, Kind, Name, ObjectId, Topic};
use plumbline_network::Network;
use plumbline_rbac::{Rbac, Subject, Touched};
use xxhash_rust::xxh3::Xxh3;

use crate::attestations::Attestations;
use crate::covered::Covered;
use crate::due::Due;
use crate::index::Index;
use crate::settings::Settings;
use crate::tally::{Severities, Tally};
use crate::waivers::{self, Acceptance, Waivers};

/// The results of every item that has checks, for every unit, namespace and the cluster.
///
/// [`Evaluation::update`] looks again at what became dirty and nothing else; [`Evaluation::full`] looks at
/// everything and is its oracle.
#[derive(Debug)]
pub struct Evaluation {
    slots: Vec<Slot>,
    rbac: Rbac,
    network: Network,
    results: BTreeMap<Home, Results>,
    /// Per slot, the sum over all homes.
    totals: Vec<Total>,
    indexes: Vec<Index>,
    memory: TemplateMemory,
    due: Due,
    waivers: Waivers,
    covered: Covered,
    attestations: Attestations,
    /// Waivers of anonymous access, judged by what they are needed for.
    exceptions: Vec<Exception>,
    /// The time of the last evaluation.
    now: Timestamp,
}

/// An item with checks, and what its checks look at. Results refer to it by its place.
#[derive(Clone, Copy, Debug)]
struct Slot {
    item: &'static Item,
    /// Looks at more than the workload itself: asks for all workloads of a namespace again.
    looks_around: bool,
    /// Asks who may act in a namespace.
    asks_for_entrants: bool,
    /// Reads workloads of some kind. Pods are part of the workloads that own them, and all are looked at.
    reads_workloads: bool,
    /// Reads roles and bindings.
    reads_rights: bool,
    /// Asks who may talk to whom.
    asks_the_network: bool,
    /// Looks at nodes.
    looks_at_nodes: bool,
    /// Looks at images.
    looks_at_images: bool,
    /// Asks something of the cluster as a whole.
    asks_the_cluster: bool,
}

/// What is known beside the inventory.
type Known<'a> = (&'a Rbac, &'a Network, &'a [Exception]);

/// A set of slots.
type Slots = u128;

const ALL: Slots = Slots::MAX;

/// The results of one home.
#[derive(Debug, Default)]
struct Results {
    /// Per unit, the result of each item that has one for it, ordered by slot.
    units: BTreeMap<Unit, Vec<(usize, UnitResult)>>,
    /// Per slot, the sum over the units.
    totals: Vec<Total>,
}

/// A sum of results, and the unit whose result was the last to change it.
#[derive(Clone, Debug, Default)]
struct Total {
    tally: Tally,
    cause: Option<(Home, Unit)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct UnitResult {
    tally: Tally,
    /// Severities of findings that stand.
    standing: Severities,
    /// Severities of findings that are accepted.
    accepted: Severities,
    /// Of everything that was said, words included: two outcomes may count the same and read differently.
    fingerprint: u32,
}

/// Which reports may read differently now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Namespaces whose results changed, that came, or that went.
    pub namespaces: BTreeSet<Name>,
    /// Whether results changed that belong to no namespace.
    pub cluster: bool,
    /// Whether something changed for every report: what is known of a kind.
    pub everywhere: bool,
}

impl Changed {
    /// Whether every report reads as before.
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty() && !self.cluster && !self.everywhere
    }

    /// Adds another change.
    pub fn merge(&mut self, mut other: Self) {
        self.namespaces.append(&mut other.namespaces);
        self.cluster |= other.cluster;
        self.everywhere |= other.everywhere;
    }

    fn add(&mut self, home: &Home) {
        match home {
            Home::Cluster => self.cluster = true,
            Home::Namespace(name) => {
                self.namespaces.insert(Name::clone(name));
            }
        }
    }
}

/// What has to be looked at again in a home: which items for which unit.
#[derive(Debug, Default)]
struct Work {
    units: BTreeMap<Unit, Slots>,
    every_workload: Slots,
}

impl Work {
    fn merge(&mut self, other: Self) {
        for (unit, slots) in other.units {
            self.add(unit, slots);
        }
        self.every_workload |= other.every_workload;
    }

    fn add(&mut self, unit: Unit, slots: Slots) {
        if slots != 0 {
            *self.units.entry(unit).or_default() |= slots;
        }
    }
}

/// Work by home.
type Plan = BTreeMap<Home, Work>;

impl Default for Evaluation {
    fn default() -> Self {
        Self::of(ITEMS)
    }
}

impl Slot {
    fn new(item: &'static Item) -> Self {
        let has = |wanted: fn(&Check) -> bool| item.checks.iter().any(wanted);
        let reads =
            |wanted: fn(Kind) -> bool| item.reads.iter().chain(item.optional).any(|kind| wanted(*kind));
        Self {
            item,
            looks_around: has(|check| matches!(check, Check::Workload(_))),
            asks_for_entrants: has(|check| matches!(check, Check::Entrants(_))),
            reads_workloads: reads(Kind::is_workload),
            reads_rights: reads(Kind::is_rights),
            asks_the_network: reads(|kind| Kind::NETWORK.contains(&kind)),
            looks_at_nodes: has(|check| matches!(check, Check::Node(_))),
            looks_at_images: has(|check| matches!(check, Check::Image(_))),
            asks_the_cluster: has(|check| matches!(check, Check::Cluster(_) | Check::ClusterObjects(_))),
        }
    }

    fn reads(&self, kind: Kind) -> bool {
        self.item.reads.contains(&kind) || self.item.optional.contains(&kind)
    }
}

impl Evaluation {
    /// Evaluates everything, as it is at `now`.
    pub fn full(inventory: &Inventory, settings: &Settings, now: Timestamp) -> Self {
        Self::default().evaluated(inventory, settings, now)
    }

    /// An evaluation of `items` only that has looked at nothing yet.
    pub fn of(items: impl IntoIterator<Item = &'static Item>) -> Self {
        let slots: Vec<Slot> = items
            .into_iter()
            .filter(|item| item.is_implemented())
            .map(Slot::new)
            .collect();
        Self {
            rbac: Rbac::default(),
            network: Network::default(),
            results: BTreeMap::new(),
            totals: vec![Total::default(); slots.len()],
            indexes: slots.iter().map(|_| Index::default()).collect(),
            memory: TemplateMemory::default(),
            due: Due::default(),
            waivers: Waivers::default(),
            covered: Covered::default(),
            attestations: Attestations::default(),
            exceptions: Vec::new(),
            now: Timestamp::MIN,
            slots,
        }
    }

    /// Looks at everything in `inventory`, as it is at `now`, having looked at nothing yet.
    #[must_use]
    pub fn evaluated(mut self, inventory: &Inventory, settings: &Settings, now: Timestamp) -> Self {
        self.now = now;
        self.rbac = Rbac::of(inventory);
        self.network = Network::of(inventory);
        self.waivers = Waivers::of(inventory, settings, now);
        self.attestations = Attestations::of(inventory, settings, now);
        let namespaces = inventory
            .namespaces()
            .map(|namespace| Home::Namespace(namespace.name().clone()));
        for home in namespaces.chain([Home::Cluster]) {
            let plan = self.plan_home(home.clone(), inventory, settings);
            self.results.entry(home.clone()).or_default();
            self.work(&home, &plan[&home], inventory, settings);
        }
        self.renew_exceptions(inventory, settings);
        self
    }

    /// Who may do what, as evaluated.
    pub fn rbac(&self) -> &Rbac {
        &self.rbac
    }

    /// Who may talk to whom, as evaluated.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// When something has to be looked at again though nothing changes: with [`Evaluation::update`], then or
    /// later.
    pub fn next_due(&self) -> Option<Timestamp> {
        let next = [self.due.next(), self.waivers.next(), self.attestations.next()];
        next.into_iter().flatten().min()
    }

    /// The waivers, as evaluated.
    pub fn waivers(&self) -> &Waivers {
        &self.waivers
    }

    /// How many objects with findings a waiver accepts.
    pub fn covered(&self, waiver: &ObjectId) -> u32 {
        self.covered.count(waiver)
    }

    /// The attestations, as evaluated.
    pub fn attestations(&self) -> &Attestations {
        &self.attestations
    }

    /// Evaluates again what became dirty, and what is due at `now`. A clock that is put back stands still.
    ///
    /// `settings` are those of the results so far: under others start anew, with [`Evaluation::full`].
    pub fn update(
        &mut self,
        inventory: &Inventory,
        settings: &Settings,
        dirty: Dirty,
        now: Timestamp,
    ) -> Changed {
        self.now = self.now.max(now);
        let mut changed = Changed::default();
        for Topic { namespace, .. } in &dirty.coverage {
            match namespace {
                Some(namespace) => changed.add(&Home::Namespace(Name::clone(namespace))),
                None => changed.everywhere = true,
            }
        }
        let touched = self.rbac.update(inventory, &dirty);
        let network = self.network.update(inventory, &dirty);
        let decided = dirty.topics.iter().any(|topic| topic.kind.is_decision());
        let mut plan = self.plan(dirty, &touched, inventory, settings);
        self.plan_network(network, &mut plan);
        self.decide_anew(decided, inventory, settings, &mut plan, &mut changed);
        for (home, unit, slot) in self.due.take(self.now) {
            plan.entry(home).or_default().add(unit, 1 << slot);
        }
        for (home, work) in plan {
            // Offline a namespace comes and goes with what is in it.
            let exists = exists(&home, inventory);
            if exists == self.results.contains_key(&home) {
                if self.work(&home, &work, inventory, settings) {
                    changed.add(&home);
                }
                continue;
            }
            changed.add(&home);
            for (home, work) in self.plan_home(home, inventory, settings) {
                if self.work(&home, &work, inventory, settings) {
                    changed.add(&home);
                }
            }
        }
        if self.renew_exceptions(inventory, settings) {
            changed.add(&Home::Cluster);
        }
        self.memory.sweep();
        if self.covered.take_changed() {
            // A waiver that covers nothing any more, or something at last, is counted elsewhere.
            changed.cluster = true;
            let namespaces = self.waivers.iter().filter_map(|(id, _)| id.namespace.clone());
            changed.namespaces.extend(namespaces);
        }
        changed
    }

    /// Looks at waivers and attestations again if they are `decided` anew or old, and plans what follows.
    fn decide_anew(
        &mut self,
        decided: bool,
        inventory: &Inventory,
        settings: &Settings,
        plan: &mut Plan,
        changed: &mut Changed,
    ) {
        let is_old = |next: Option<Timestamp>| next.is_some_and(|next| next <= self.now);
        if decided || is_old(self.attestations.next()) {
            let attestations = Attestations::of(inventory, settings, self.now);
            changed.everywhere |= attestations != self.attestations;
            self.attestations = attestations;
        }
        // The cluster's report counts waivers, and says whether it is proven who approves.
        changed.cluster |= decided;
        if !decided && !is_old(self.waivers.next()) {
            return;
        }
        let before = std::mem::replace(&mut self.waivers, Waivers::of(inventory, settings, self.now));
        for (id, items) in self.waivers.changed(&before) {
            let slots = self.slots_where(|slot| items.contains(slot.item.id));
            let one = waivers::place(id).map(|name| Home::Namespace(Name::clone(name)));
            changed.cluster = true;
            if let Some(home) = &one {
                changed.add(home);
            }
            let homes: Vec<&Home> = match &one {
                Some(home) => vec![home],
                None => self.results.keys().collect(),
            };
            for home in homes.into_iter().filter(|_| slots != 0) {
                let Some(results) = self.results.get(home) else {
                    continue;
                };
                for (unit, results) in &results.units {
                    let found = |(at, result): &&(usize, UnitResult)| {
                        slots & (1 << at) != 0 && result.tally.findings > 0
                    };
                    let found = results.iter().filter(found).fold(0, |set, (at, _)| set | 1 << at);
                    if found != 0 {
                        plan.entry(home.clone()).or_default().add(unit.clone(), found);
                    }
                }
            }
        }
    }

    /// Judges the waivers of anonymous access by what they are needed for now, and looks again at what is said of
    /// them if that changed. Whether a waiver is needed for other items does not matter: it could be needed for
    /// what is said of itself, and would come and go with that.
    fn renew_exceptions(&mut self, inventory: &Inventory, settings: &Settings) -> bool {
        let access = self
            .slots
            .iter()
            .position(|slot| slot.item.id == ANONYMOUS_ACCESS);
        let named = self
            .waivers
            .iter()
            .filter(|(_, waiver)| waiver.items().any(|item| item == ANONYMOUS_ACCESS));
        let judged = named.map(|(id, waiver)| {
            let is_needed = access.is_none_or(|slot| self.covered.covers_cluster(id, slot));
            let fault = match waiver.reason {
                WaiverReason::Approved if is_needed => None,
                WaiverReason::Approved => Some((
                    WaiverReason::Unused.as_str(),
                    format!("{}; no finding of {ANONYMOUS_ACCESS} needs it", waiver.message),
                )),
                reason => Some((reason.as_str(), waiver.message.clone())),
            };
            let id = id.clone();
            Exception { id, fault }
        });
        let judged: Vec<Exception> = judged.collect();
        if judged == self.exceptions {
            return false;
        }
        self.exceptions = judged;
        let mut work = Work::default();
        let asking = |slot: &Slot| slot.item.reads.contains(&Kind::ClusterComplianceWaiver);
        work.add(Unit::Whole, self.slots_where(asking));
        self.work(&Home::Cluster, &work, inventory, settings)
    }

    fn known(&self) -> Known<'_> {
        (&self.rbac, &self.network, &self.exceptions)
    }

    fn context<'a>(
        &self,
        inventory: &'a Inventory,
        (rbac, network, exceptions): Known<'a>,
        settings: &'a Settings,
    ) -> Context<'a> {
        Context {
            inventory,
            rbac,
            network,
            parameters: &settings.parameters,
            exceptions,
            now: self.now,
        }
    }

    fn slots_where(&self, wanted: impl Fn(&Slot) -> bool) -> Slots {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| wanted(slot))
            .fold(0, |set, (at, _)| set | 1 << at)
    }

    /// What the changes ask for.
    fn plan(&self, dirty: Dirty, touched: &Touched, inventory: &Inventory, settings: &Settings) -> Plan {
        let mut plan = Plan::new();
        let whole = self.slots_where(|slot| slot.reads_workloads);
        for root in dirty.roots {
            let work = plan.entry(Home::Namespace(root.namespace)).or_default();
            work.every_workload |= self.slots_where(|slot| slot.looks_around);
            work.add(Unit::Whole, whole);
            work.add(Unit::Workload(root.kind, root.name), ALL);
        }
        if !plan.is_empty() {
            plan.entry(Home::Cluster).or_default().add(Unit::Whole, whole);
        }
        if dirty.evidence {
            let asking = self.slots_where(|slot| slot.asks_the_cluster);
            plan.entry(Home::Cluster).or_default().add(Unit::Whole, asking);
        }
        self.plan_nodes(&dirty.nodes, ALL, inventory, &mut plan);
        self.plan_images(dirty.images, &mut plan);
        for Topic { kind, namespace } in dirty.topics {
            let looks_around = self.slots_where(|slot| slot.looks_around && slot.reads(kind));
            let whole = self.slots_where(|slot| slot.reads(kind));
            // What nodes are for follows from all nodes, and from what leads to their pods.
            let on_nodes =
                self.slots_where(|slot| slot.looks_at_nodes && (kind == Kind::Namespace || slot.reads(kind)));
            match &namespace {
                Some(namespace) if on_nodes != 0 => {
                    let nodes = inventory.nodes_of(namespace).cloned().collect();
                    self.plan_nodes(&nodes, on_nodes, inventory, &mut plan);
                }
                None if kind == Kind::Node => {
                    let known = self.results.get(&Home::Cluster).into_iter();
                    let known = known.flat_map(|results| results.units.keys());
                    let known = known.filter_map(|unit| match unit {
                        Unit::Node(name) => Some(name),
                        _ => None,
                    });
                    let nodes = inventory.nodes().map(|(name, _)| name).chain(known);
                    self.plan_nodes(&nodes.cloned().collect(), ALL, inventory, &mut plan);
                }
                _ => {}
            }
            let homes: Vec<Home> = match namespace {
                // Who may do what is looked at by whom it concerns, and what people decide by what it is about.
                _ if kind.is_rights() || kind.is_decision() => continue,
                // What policies of the cluster say as well: by the network of the namespaces that they are about.
                _ if kind.is_cluster_policy() => vec![Home::Cluster],
                Some(namespace) if kind == Kind::Namespace => {
                    self.plan_images(inventory.images_of(&namespace), &mut plan);
                    // What its bindings give counts where it is in scope, and may be the business of others.
                    self.plan_rights(&self.rbac.touched_in(&namespace), inventory, settings, &mut plan);
                    for (home, work) in self.plan_home(Home::Namespace(namespace), inventory, settings) {
                        plan.entry(home).or_default().merge(work);
                    }
                    // What is asked of the cluster leaves out namespaces that are not in scope.
                    plan.entry(Home::Cluster).or_default().add(Unit::Whole, ALL);
                    continue;
                }
                Some(namespace) => vec![Home::Cluster, Home::Namespace(namespace)],
                None if kind.is_namespaced() => vec![Home::Cluster],
                None => self.results.keys().cloned().collect(),
            };
            for home in homes {
                let work = plan.entry(home).or_default();
                work.every_workload |= looks_around;
                work.add(Unit::Whole, whole);
            }
        }
        self.plan_rights(touched, inventory, settings, &mut plan);
        plan
    }

    /// Adds what a network asks for that is not as it was.
    fn plan_network(&self, touched: plumbline_network::Touched, plan: &mut Plan) {
        let whole = self.slots_where(|slot| slot.asks_the_network);
        let touched: Vec<Home> = if touched.everywhere {
            self.results.keys().cloned().collect()
        } else {
            touched.namespaces.into_iter().map(Home::Namespace).collect()
        };
        if !touched.is_empty() {
            plan.entry(Home::Cluster).or_default().add(Unit::Whole, whole);
        }
        for home in touched {
            plan.entry(home).or_default().add(Unit::Whole, whole);
        }
    }

    /// Adds nodes on which something runs that did not, or runs no longer, or is not as it was.
    fn plan_nodes(&self, nodes: &BTreeSet<Name>, slots: Slots, inventory: &Inventory, plan: &mut Plan) {
        let asking = slots & self.slots_where(|slot| slot.looks_at_nodes);
        for node in nodes {
            let known = inventory.node(node).is_some();
            let unit = Unit::Node(Name::clone(node));
            if known
                || self
                    .results
                    .get(&Home::Cluster)
                    .is_some_and(|results| results.units.contains_key(&unit))
            {
                plan.entry(Home::Cluster).or_default().add(unit, asking);
            }
        }
    }

    /// Adds images that workloads began or ceased to run, or that are in scope no longer or again.
    fn plan_images(&self, images: BTreeSet<Name>, plan: &mut Plan) {
        let asking = self.slots_where(|slot| slot.looks_at_images);
        if images.is_empty() {
            return;
        }
        let work = plan.entry(Home::Cluster).or_default();
        for image in images {
            work.add(Unit::Image(image), asking);
        }
    }

    /// Adds what changed rights ask for.
    fn plan_rights(&self, touched: &Touched, inventory: &Inventory, settings: &Settings, plan: &mut Plan) {
        if touched.is_empty() {
            return;
        }
        let whole = self.slots_where(|slot| slot.reads_rights);
        let looks_around = self.slots_where(|slot| slot.reads_rights && slot.looks_around);
        plan.entry(Home::Cluster).or_default().add(Unit::Whole, whole);
        let mut entrants = false;
        for (subject, place) in &touched.places {
            let unit = Unit::Subject(Arc::new(subject.clone()));
            if let Subject::ServiceAccount { namespace, name } = subject {
                // In its namespace's report, or in the cluster's if there is no such namespace.
                plan.entry(Home::Cluster).or_default().add(unit.clone(), ALL);
                let work = plan.entry(Home::Namespace(Name::clone(namespace))).or_default();
                work.add(unit, ALL);
                work.add(Unit::Whole, whole);
                let users = inventory.namespace(namespace).into_iter();
                for user in users.flat_map(|namespace| namespace.users(name)) {
                    work.add(
                        Unit::Workload(user.kind(), Name::clone(user.name())),
                        looks_around,
                    );
                }
                continue;
            }
            entrants |= place.is_none();
            let home = place.clone().map_or(Home::Cluster, Home::Namespace);
            let work = plan.entry(home).or_default();
            work.add(unit, ALL);
            work.add(Unit::Whole, whole);
            if let Some(namespace) = subject.accounts_namespace() {
                plan.entry(Home::Namespace(namespace))
                    .or_default()
                    .add(Unit::Whole, whole);
            }
        }
        let context = self.context(inventory, self.known(), settings);
        for subject in &touched.indirect {
            for home in context.homes_of(subject) {
                let unit = Unit::Subject(Arc::new(subject.clone()));
                plan.entry(home).or_default().add(unit, ALL);
            }
        }
        if entrants {
            let asking = self.slots_where(|slot| slot.asks_for_entrants);
            for home in self.results.keys().filter(|_| asking != 0) {
                plan.entry(home.clone()).or_default().add(Unit::Whole, asking);
            }
        }
        for binding in &touched.bindings {
            if let Some(namespace) = binding.namespace.clone() {
                plan.entry(Home::Namespace(namespace))
                    .or_default()
                    .add(Unit::Whole, whole);
            }
        }
        for role in &touched.roles {
            let home = role.namespace.clone().map_or(Home::Cluster, Home::Namespace);
            plan.entry(home)
                .or_default()
                .add(Unit::UnboundRole(Name::clone(&role.name)), ALL);
        }
    }

    /// What to look at in a home that came, went, or is not the same any more: everything. Service accounts of a
    /// namespace that is not there belong to the cluster's report.
    fn plan_home(&self, home: Home, inventory: &Inventory, settings: &Settings) -> Plan {
        let mut plan = Plan::new();
        if let Home::Namespace(namespace) = &home {
            let of_cluster = plan.entry(Home::Cluster).or_default();
            for account in self.rbac.bound_service_accounts(namespace) {
                of_cluster.add(Unit::Subject(Arc::new(account.clone())), ALL);
            }
        }
        let known = self
            .results
            .get(&home)
            .into_iter()
            .flat_map(|results| results.units.keys().cloned());
        let present = self.context(inventory, self.known(), settings).units(&home);
        let units = known.chain(self.due.units(&home).cloned()).chain(present);
        let work = Work {
            units: units.map(|unit| (unit, ALL)).collect(),
            every_workload: 0,
        };
        plan.insert(home, work);
        plan
    }

    fn work(&mut self, home: &Home, work: &Work, inventory: &Inventory, settings: &Settings) -> bool {
        let exists = exists(home, inventory);
        if !exists && !self.results.contains_key(home) {
            return false;
        }
        let rbac = std::mem::take(&mut self.rbac);
        let network = std::mem::take(&mut self.network);
        let exceptions = std::mem::take(&mut self.exceptions);
        let context = self.context(inventory, (&rbac, &network, &exceptions), settings);
        let mut changed = false;
        for (unit, slots) in &work.units {
            changed |= self.replace(home, unit, *slots, &context, settings);
        }
        if work.every_workload != 0 {
            let namespace = home.namespace().and_then(|name| inventory.namespace(name));
            for workload in namespace.into_iter().flat_map(NamespaceView::workloads) {
                let unit = Unit::Workload(workload.kind(), Name::clone(workload.name()));
                let done = work.units.get(&unit).copied().unwrap_or_default();
                let slots = work.every_workload & !done;
                changed |= self.replace(home, &unit, slots, &context, settings);
            }
        }
        (self.rbac, self.network, self.exceptions) = (rbac, network, exceptions);
        if !exists {
            self.results.remove(home);
        }
        changed
    }

    /// Replaces the results of a unit for the items in `slots`; tells whether one of them changed.
    fn replace(
        &mut self,
        home: &Home,
        unit: &Unit,
        slots: Slots,
        context: &Context<'_>,
        settings: &Settings,
    ) -> bool {
        let results = self.results.entry(home.clone()).or_default();
        results.totals.resize(self.slots.len(), Total::default());
        let mut changed = false;
        for (at, slot) in self
            .slots
            .iter()
            .enumerate()
            .filter(|(at, _)| slots & (1 << at) != 0)
        {
            let item = slot.item;
            if !item.looks_at(home, unit) {
                continue;
            }
            let memory = &mut self.memory;
            let outcome = item.check_unit(home, unit, context, |template| {
                memory.verdict(item, template, settings)
            });
            let valid_until = outcome.as_ref().and_then(|outcome| outcome.valid_until);
            self.due.set(home, unit, at, valid_until);
            let accepted = outcome.as_ref().map_or_else(Vec::new, |outcome| {
                self.waivers
                    .accept(item, home, unit, outcome, context.inventory, settings)
            });
            self.covered.set(home, unit, at, outcome.as_ref(), &accepted);
            let after = outcome.map(|outcome| UnitResult::of(&outcome, &accepted));
            // What says nothing is not there, so that a role without harm costs nothing.
            let after = after.filter(|after| {
                matches!(unit, Unit::Workload(..) | Unit::Whole) || after.tally != Tally::default()
            });
            let before = results.set(unit, at, after);
            if before == after {
                continue;
            }
            changed = true;
            let index = &mut self.indexes[at];
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            index.replace(
                home,
                unit,
                [before.standing, after.standing],
                [before.accepted, after.accepted],
            );
            index.set_unknown(home, unit, after.tally.unknown > 0);
            let total = &mut results.totals[at];
            let failing = total.tally.failing;
            for total in [&mut *total, &mut self.totals[at]] {
                total.tally.subtract(&before.tally);
                total.tally.add(&after.tally);
                total.cause = Some((home.clone(), unit.clone()));
            }
            if let Home::Namespace(namespace) = home {
                index.set_failing(namespace, failing, results.totals[at].tally.failing);
            }
        }
        changed
    }

    /// The place of `item` among those with checks.
    pub(crate) fn slot(&self, item: &Item) -> Option<usize> {
        self.slots.iter().position(|slot| slot.item.id == item.id)
    }

    /// The sum of results that the report of `home` shows, and the unit that was the last to change it.
    pub(crate) fn total(&self, slot: usize, home: &Home) -> (Tally, Option<&(Home, Unit)>) {
        let total = match home {
            Home::Cluster => self.totals.get(slot),
            Home::Namespace(_) => self.own(slot, home),
        };
        total
            .map(|total| (total.tally, total.cause.as_ref()))
            .unwrap_or_default()
    }

    /// Failing objects that belong to no namespace.
    pub(crate) fn failing_beside_namespaces(&self, slot: usize) -> u32 {
        self.own(slot, &Home::Cluster)
            .map_or(0, |total| total.tally.failing)
    }

    fn own(&self, slot: usize, home: &Home) -> Option<&Total> {
        self.results.get(home)?.totals.get(slot)
    }

    /// Namespaces in which the item of `slot` applies to something, system namespaces aside.
    pub(crate) fn concerned<'a>(
        &'a self,
        slot: usize,
        settings: &'a Settings,
    ) -> impl Iterator<Item = &'a Home> {
        let system = &settings.parameters.system_namespaces;
        let concerned = move |(home, results): &(&Home, &Results)| {
            let evaluated = results.totals.get(slot).map_or(0, |total| total.tally.evaluated);
            evaluated > 0 && home.namespace().is_none_or(|name| !system.contains(&**name))
        };
        self.results.iter().filter(concerned).map(|(home, _)| home)
    }

    /// Where findings of `slot` are.
    pub(crate) fn index(&self, slot: usize) -> &Index {
        &self.indexes[slot]
    }

    /// What the item of `slot` says of a unit, findings and all: evaluated again, with templates remembered; and
    /// for each finding why it is accepted, if it is.
    pub(crate) fn judged(
        &self,
        slot: usize,
        home: &Home,
        unit: &Unit,
        inventory: &Inventory,
        settings: &Settings,
    ) -> (Outcome, Vec<Acceptance>) {
        let outcome = self
            .outcome(slot, home, unit, inventory, settings)
            .unwrap_or_default();
        let item = self.slots[slot].item;
        let accepted = self
            .waivers
            .accept(item, home, unit, &outcome, inventory, settings);
        (outcome, accepted)
    }

    /// What the item of `slot` says of a unit, findings and all: evaluated again, with templates remembered.
    pub(crate) fn outcome(
        &self,
        slot: usize,
        home: &Home,
        unit: &Unit,
        inventory: &Inventory,
        settings: &Settings,
    ) -> Option<Outcome> {
        let item = self.slots[slot].item;
        let context = self.context(inventory, self.known(), settings);
        item.check_unit(home, unit, &context, |template| {
            self.memory
                .known(item, template)
                .unwrap_or_else(|| Arc::new(item.check_template(template, &settings.parameters)))
        })
    }
}

/// Whether a home has a report.
fn exists(home: &Home, inventory: &Inventory) -> bool {
    home.namespace()
        .is_none_or(|name| inventory.namespace(name).is_some())
}

impl Results {
    /// Puts the result of a unit in its place, and returns what stood there.
    fn set(&mut self, unit: &Unit, slot: usize, result: Option<UnitResult>) -> Option<UnitResult> {
        let Some(result) = result else {
            let results = self.units.get_mut(unit)?;
            let at = results.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
            let (_, before) = results.remove(at);
            if results.is_empty() {
                self.units.remove(unit);
            }
            return Some(before);
        };
        let results = self.units.entry(unit.clone()).or_default();
        match results.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(at) => Some(std::mem::replace(&mut results[at].1, result)),
            Err(at) => {
                results.insert(at, (slot, result));
                None
            }
        }
    }
}

impl UnitResult {
    fn of(outcome: &Outcome, accepted: &[Acceptance]) -> Self {
        let severities = |standing: bool| {
            let findings = outcome.findings.iter().zip(accepted);
            let findings = findings.filter(|(_, accepted)| accepted.stands() == standing);
            Severities::of(findings.map(|(finding, _)| finding))
        };
        Self {
            tally: Tally::of(outcome, accepted),
            standing: severities(true),
            accepted: severities(false),
            fingerprint: fingerprint(outcome, accepted),
        }
    }
}

/// Of everything that was said.
fn fingerprint(outcome: &Outcome, accepted: &[Acceptance]) -> u32 {
    let mut hasher = Xxh3::new();
    accepted.hash(&mut hasher);
    outcome.findings.hash(&mut hasher);
    outcome.unknown.hash(&mut hasher);
    outcome.note.hash(&mut hasher);
    hasher.digest() as u32
}

/// What each template says to each item, kept as long as somebody has the template.
#[derive(Debug, Default)]
struct TemplateMemory {
    /// By address: as long as it is in here nothing else has it. Other baselines remember the same template, so
    /// nobody holds it.
    remembered: HashMap<usize, Remembered>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Remembered {
    template: Weak<Template>,
    verdicts: BTreeMap<&'static str, Arc<TemplateVerdict>>,
}

impl TemplateMemory {
    fn verdict(
        &mut self,
        item: &'static Item,
        template: &Arc<Template>,
        settings: &Settings,
    ) -> Arc<TemplateVerdict> {
        let remembered = self
            .remembered
            .entry(Arc::as_ptr(template) as usize)
            .or_insert_with(|| Remembered {
                template: Arc::downgrade(template),
                verdicts: BTreeMap::new(),
            });
        let verdict = remembered
            .verdicts
            .entry(item.id)
            .or_insert_with(|| Arc::new(item.check_template(template, &settings.parameters)));
        Arc::clone(verdict)
    }

    fn known(&self, item: &Item, template: &Arc<Template>) -> Option<Arc<TemplateVerdict>> {
        let remembered = self.remembered.get(&(Arc::as_ptr(template) as usize))?;
        remembered.verdicts.get(item.id).cloned()
    }

    /// Forgets templates that nobody but the inventory's pool still holds.
    fn sweep(&mut self) {
        if self.remembered.len() >= self.sweep_at {
            self.remembered
                .retain(|_, remembered| remembered.template.strong_count() > 1);
            self.sweep_at = (self.remembered.len() * 2).max(1024);
        }
    }
}
