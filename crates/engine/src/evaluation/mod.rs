//! Results, kept up to date.

mod plan;
mod results;
mod template_memory;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use plumbline_api::conditions::{Reason as _, WaiverReason};
use plumbline_baseline::{ANONYMOUS_ACCESS, Check, Context, Exception, Home, ITEMS, Item, Outcome, Unit};
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Dirty, Inventory, Kind, Name, ObjectId, Topic};
use plumbline_network::Network;
use plumbline_rbac::Rbac;

use self::plan::Work;
use self::results::{Results, Total, UnitResult};
use self::template_memory::TemplateMemory;
use crate::attestations::Attestations;
use crate::covered::Covered;
use crate::due::Due;
use crate::index::Index;
use crate::settings::Settings;
use crate::tally::Tally;
use crate::waivers::{Acceptance, Waivers};

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
