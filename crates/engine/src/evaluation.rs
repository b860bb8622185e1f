//! Results, kept up to date.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use plumbline_baseline::findings::TemplateVerdict;
use plumbline_baseline::{Check, ITEMS, Item, ObjectRef, Outcome};
use plumbline_inventory::template::Template;
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Dirty, Inventory, Kind, Name, Topic};
use xxhash_rust::xxh3::Xxh3;

use crate::index::{Index, UnitKey};
use crate::settings::Settings;
use crate::tally::{Severities, Tally};

/// The results of every item that has checks, for every unit, namespace and the cluster.
///
/// [`Evaluation::update`] looks again at what became dirty and nothing else; [`Evaluation::full`] looks at
/// everything and is its oracle.
#[derive(Debug)]
pub struct Evaluation {
    slots: Vec<Slot>,
    namespaces: BTreeMap<Name, NamespaceResults>,
    cluster: Vec<Total>,
    indexes: Vec<Index>,
    memory: TemplateMemory,
}

/// An item with checks, and what its checks look at. Results refer to it by its place.
#[derive(Clone, Copy, Debug)]
struct Slot {
    item: &'static Item,
    /// Has a result for each root workload.
    per_workload: bool,
    /// Looks at more than the workload itself: asks for all workloads of a namespace again.
    looks_around: bool,
    /// Has a result for each namespace.
    per_namespace: bool,
    /// Reads workloads of some kind. Pods are part of the workloads that own them, and all are looked at.
    reads_workloads: bool,
}

/// A set of slots.
type Slots = u128;

/// The results of one namespace.
#[derive(Debug, Default)]
struct NamespaceResults {
    /// Per unit, the result of each item that has one for it, ordered by slot.
    units: BTreeMap<UnitKey, Vec<(usize, UnitResult)>>,
    /// Per slot, the sum over the units.
    totals: Vec<Total>,
}

/// A sum of results, and the unit whose result was the last to change it.
#[derive(Clone, Debug, Default)]
struct Total {
    tally: Tally,
    cause: Option<ObjectRef>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct UnitResult {
    tally: Tally,
    severities: Severities,
    waived: bool,
    /// Of everything that was said, words included: two outcomes may count the same and read differently.
    fingerprint: u32,
}

/// Which reports may read differently now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Namespaces whose results changed, that came, or that went.
    pub namespaces: BTreeSet<Name>,
    /// Whether something changed for every report: what is known of a kind.
    pub everywhere: bool,
}

impl Changed {
    /// Whether every report reads as before.
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty() && !self.everywhere
    }

    /// Adds another change.
    pub fn merge(&mut self, mut other: Self) {
        self.namespaces.append(&mut other.namespaces);
        self.everywhere |= other.everywhere;
    }
}

/// What has to be looked at again in a namespace.
#[derive(Default)]
struct Work {
    roots: BTreeSet<UnitKey>,
    /// Items to evaluate again for every workload.
    every_root: Slots,
    /// Items to evaluate again for the namespace.
    whole: Slots,
}

impl Default for Evaluation {
    fn default() -> Self {
        Self::of(ITEMS)
    }
}

impl Slot {
    fn new(item: &'static Item) -> Self {
        let has = |wanted: fn(&Check) -> bool| item.checks.iter().any(wanted);
        Self {
            item,
            per_workload: has(|check| matches!(check, Check::Template(_) | Check::Workload(_))),
            looks_around: has(|check| matches!(check, Check::Workload(_))),
            per_namespace: has(|check| matches!(check, Check::Namespace(_) | Check::Objects(_))),
            reads_workloads: item
                .reads
                .iter()
                .chain(item.optional)
                .any(|kind| kind.is_workload()),
        }
    }

    fn reads(&self, kind: Kind) -> bool {
        self.item.reads.contains(&kind) || self.item.optional.contains(&kind)
    }
}

impl Evaluation {
    /// Evaluates everything.
    pub fn full(inventory: &Inventory, settings: &Settings) -> Self {
        Self::default().evaluated(inventory, settings)
    }

    /// An evaluation of `items` only that has looked at nothing yet.
    pub fn of(items: impl IntoIterator<Item = &'static Item>) -> Self {
        let slots: Vec<Slot> = items
            .into_iter()
            .filter(|item| item.is_implemented())
            .map(Slot::new)
            .collect();
        Self {
            namespaces: BTreeMap::new(),
            cluster: vec![Total::default(); slots.len()],
            indexes: slots.iter().map(|_| Index::default()).collect(),
            memory: TemplateMemory::default(),
            slots,
        }
    }

    /// Looks at everything in `inventory`, having looked at nothing yet.
    #[must_use]
    pub fn evaluated(mut self, inventory: &Inventory, settings: &Settings) -> Self {
        for namespace in inventory.namespaces() {
            self.namespace_again(namespace.name(), inventory, settings);
        }
        self
    }

    /// Evaluates again what became dirty.
    ///
    /// `settings` are those of the results so far: under others start anew, with [`Evaluation::full`].
    pub fn update(&mut self, inventory: &Inventory, settings: &Settings, dirty: Dirty) -> Changed {
        let mut changed = Changed::default();
        let mut work: BTreeMap<Name, Work> = BTreeMap::new();
        let around = self.slots_where(|slot| slot.looks_around);
        let whole = self.slots_where(|slot| slot.per_namespace && slot.reads_workloads);
        for root in dirty.roots {
            let work = work.entry(root.namespace).or_default();
            work.every_root |= around;
            work.whole |= whole;
            work.roots.insert((root.kind, root.name));
        }
        for Topic { kind, namespace } in dirty.topics {
            match namespace {
                Some(namespace) if kind == Kind::Namespace => {
                    self.namespace_again(&namespace, inventory, settings);
                    changed.namespaces.insert(namespace);
                }
                Some(namespace) => {
                    self.plan(kind, work.entry(Name::clone(&namespace)).or_default());
                    // Undecodable objects change a report without changing a result.
                    changed.namespaces.insert(namespace);
                }
                None => {
                    changed.everywhere = true;
                    if !kind.is_namespaced() {
                        for namespace in self.namespaces.keys() {
                            self.plan(kind, work.entry(Name::clone(namespace)).or_default());
                        }
                    }
                }
            }
        }
        for (namespace, work) in work {
            // Offline a namespace comes and goes with what is in it.
            if self.namespaces.contains_key(&namespace) != inventory.namespace(&namespace).is_some() {
                self.namespace_again(&namespace, inventory, settings);
                changed.namespaces.insert(namespace);
            } else if self.work(&namespace, &work, inventory, settings) {
                changed.namespaces.insert(namespace);
            }
        }
        self.memory.sweep();
        changed
    }

    fn slots_where(&self, wanted: impl Fn(&Slot) -> bool) -> Slots {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| wanted(slot))
            .fold(0, |set, (at, _)| set | 1 << at)
    }

    /// Adds to `work` what a change of `kind` asks for.
    fn plan(&self, kind: Kind, work: &mut Work) {
        work.every_root |= self.slots_where(|slot| slot.looks_around && slot.reads(kind));
        work.whole |= self.slots_where(|slot| slot.per_namespace && slot.reads(kind));
    }

    /// Evaluates a namespace that came, went, or changed its labels.
    fn namespace_again(&mut self, name: &Name, inventory: &Inventory, settings: &Settings) {
        let known: Vec<UnitKey> = self
            .namespaces
            .get(name)
            .into_iter()
            .flat_map(|results| results.units.keys().cloned())
            .collect();
        let mut work = Work {
            whole: self.slots_where(|slot| slot.per_namespace),
            ..Work::default()
        };
        work.roots
            .extend(known.into_iter().filter(|(kind, _)| *kind != Kind::Namespace));
        if let Some(namespace) = inventory.namespace(name) {
            self.namespaces.entry(Name::clone(name)).or_default();
            work.roots.extend(
                namespace
                    .workloads()
                    .map(|workload| (workload.kind(), Name::clone(workload.name()))),
            );
        }
        self.work(name, &work, inventory, settings);
        if inventory.namespace(name).is_none() {
            self.namespaces.remove(name);
        }
    }

    fn work(&mut self, name: &Name, work: &Work, inventory: &Inventory, settings: &Settings) -> bool {
        let namespace = inventory.namespace(name);
        if namespace.is_none() && !self.namespaces.contains_key(name) {
            return false;
        }
        let waived = settings.parameters.system_namespaces.contains(&**name);
        let per_workload = self.slots_where(|slot| slot.per_workload);
        let mut changed = false;
        for unit in &work.roots {
            let workload = namespace.and_then(|namespace| namespace.workload(unit.0, &unit.1));
            changed |= self.replace(name, unit, per_workload, waived, |item, memory| {
                workload.map(|workload| {
                    item.check_workload(workload, &settings.parameters, |t| {
                        memory.verdict(item, t, settings)
                    })
                })
            });
        }
        if work.every_root != 0 {
            for workload in namespace.into_iter().flat_map(NamespaceView::workloads) {
                let unit = (workload.kind(), Name::clone(workload.name()));
                if !work.roots.contains(&unit) {
                    changed |= self.replace(name, &unit, work.every_root, waived, |item, memory| {
                        let verdict = |t: &Arc<Template>| memory.verdict(item, t, settings);
                        Some(item.check_workload(workload, &settings.parameters, verdict))
                    });
                }
            }
        }
        if work.whole != 0 {
            let unit = (Kind::Namespace, Name::clone(name));
            changed |= self.replace(name, &unit, work.whole, waived, |item, _| {
                namespace.map(|namespace| item.check_namespace(namespace, &settings.parameters))
            });
        }
        changed
    }

    /// Replaces the results of a unit for the items in `slots`; tells whether one of them changed.
    fn replace(
        &mut self,
        namespace: &Name,
        unit: &UnitKey,
        slots: Slots,
        waived: bool,
        mut check: impl FnMut(&'static Item, &mut TemplateMemory) -> Option<Outcome>,
    ) -> bool {
        let results = self.namespaces.entry(Name::clone(namespace)).or_default();
        results.totals.resize(self.slots.len(), Total::default());
        let mut changed = false;
        for at in (0..self.slots.len()).filter(|at| slots & (1 << at) != 0) {
            let outcome = check(self.slots[at].item, &mut self.memory);
            let after = outcome.map(|outcome| UnitResult {
                tally: Tally::of(&outcome, waived),
                severities: Severities::of(&outcome.findings),
                waived,
                fingerprint: fingerprint(&outcome),
            });
            let before = results.set(unit, at, after);
            if before == after {
                continue;
            }
            changed = true;
            let index = &mut self.indexes[at];
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            index.remove(namespace, unit, before.waived, before.severities);
            index.insert(namespace, unit, after.waived, after.severities);
            index.set_unknown(namespace, unit, after.tally.unknown > 0);
            let total = &mut results.totals[at];
            let failing = total.tally.failing;
            for total in [&mut *total, &mut self.cluster[at]] {
                total.tally.subtract(&before.tally);
                total.tally.add(&after.tally);
                total.cause = Some(object_of(namespace, unit));
            }
            index.set_failing(namespace, failing, results.totals[at].tally.failing);
        }
        changed
    }

    /// The place of `item` among those with checks.
    pub(crate) fn slot(&self, item: &Item) -> Option<usize> {
        self.slots.iter().position(|slot| slot.item.id == item.id)
    }

    /// The sum of results, and the object that was the last to change it.
    pub(crate) fn total(&self, slot: usize, namespace: Option<&Name>) -> (Tally, Option<&ObjectRef>) {
        let total = match namespace {
            None => self.cluster.get(slot),
            Some(namespace) => self
                .namespaces
                .get(namespace)
                .and_then(|results| results.totals.get(slot)),
        };
        total
            .map(|total| (total.tally, total.cause.as_ref()))
            .unwrap_or_default()
    }

    /// Where findings of `slot` are.
    pub(crate) fn index(&self, slot: usize) -> &Index {
        &self.indexes[slot]
    }

    /// What the item of `slot` says of a unit, findings and all: evaluated again, with templates remembered.
    pub(crate) fn outcome(
        &self,
        slot: usize,
        namespace: &Name,
        (kind, name): &UnitKey,
        inventory: &Inventory,
        settings: &Settings,
    ) -> Option<Outcome> {
        let item = self.slots[slot].item;
        let namespace = inventory.namespace(namespace)?;
        if *kind == Kind::Namespace {
            return Some(item.check_namespace(namespace, &settings.parameters));
        }
        let workload = namespace.workload(*kind, name)?;
        Some(item.check_workload(workload, &settings.parameters, |template| {
            self.memory
                .known(item, template)
                .unwrap_or_else(|| Arc::new(item.check_template(template, &settings.parameters)))
        }))
    }
}

impl NamespaceResults {
    /// Puts the result of a unit in its place, and returns what stood there.
    fn set(&mut self, unit: &UnitKey, slot: usize, result: Option<UnitResult>) -> Option<UnitResult> {
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

/// Of everything that was said.
fn fingerprint(outcome: &Outcome) -> u32 {
    let mut hasher = Xxh3::new();
    outcome.findings.hash(&mut hasher);
    outcome.unknown.hash(&mut hasher);
    hasher.digest() as u32
}

/// The object that a unit is.
pub(crate) fn object_of(namespace: &Name, (kind, name): &UnitKey) -> ObjectRef {
    let namespace = (*kind != Kind::Namespace).then(|| Name::clone(namespace));
    ObjectRef {
        namespace,
        kind: *kind,
        name: Name::clone(name),
    }
}

/// What each template says to each item, kept as long as somebody has the template.
#[derive(Debug, Default)]
struct TemplateMemory {
    /// By address: whoever is in here is held, so that its address names nothing else.
    remembered: HashMap<usize, Remembered>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Remembered {
    template: Arc<Template>,
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
                template: Arc::clone(template),
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

    /// Forgets templates that only this memory and the inventory's pool still hold.
    fn sweep(&mut self) {
        if self.remembered.len() >= self.sweep_at {
            self.remembered
                .retain(|_, remembered| Arc::strong_count(&remembered.template) > 2);
            self.sweep_at = (self.remembered.len() * 2).max(1024);
        }
    }
}
