//! The reports under one baseline.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plumbline_engine::{Changed, Evaluation, Home, Memory};
use plumbline_inventory::{Inventory, Name};

use crate::assessment::Revision;
use crate::baselines::Baseline;
use crate::reports::{COUNTS, Entry, ReportId, new_memory};
use crate::schedule::Schedule;

/// The reports under one baseline: those that there are, and those that there should be.
#[derive(Debug)]
pub(crate) struct ReportSet {
    /// Name of the baseline.
    name: Name,
    pub(crate) entries: BTreeMap<Home, Entry>,
    /// Reports that an earlier baseline of the name has left behind are being read.
    pub(crate) reading: bool,
    /// Whether the reports of everything that was there at the start are under way.
    pub(crate) published: bool,
    /// Somebody has pinned the present state: it is to be taken before anything else changes.
    pinning: bool,
}

impl ReportSet {
    pub(crate) fn new(name: Name, reading: bool) -> Self {
        Self {
            name,
            entries: BTreeMap::new(),
            reading,
            published: false,
            pinning: false,
        }
    }

    pub(crate) fn id(&self, home: &Home) -> ReportId {
        ReportId {
            home: home.clone(),
            baseline: Name::clone(&self.name),
        }
    }

    /// Takes up every report that there should be, and forgets those that there should not.
    pub(crate) fn begin(
        &mut self,
        inventory: &Inventory,
        baseline: &Baseline,
        schedule: &mut Schedule,
        now: Instant,
    ) {
        self.published = true;
        self.pinning |= baseline.pin.is_some();
        let mut homes = vec![Home::Cluster];
        homes.extend(
            inventory
                .namespaces()
                .map(|namespace| Home::Namespace(namespace.name().clone())),
        );
        let wanted: BTreeSet<&Home> = homes.iter().collect();
        self.entries.retain(|home, _| wanted.contains(home));
        for home in homes {
            schedule.at(&self.id(&home), now);
            self.entries
                .entry(home.clone())
                .or_insert_with(|| Entry::new(new_memory(home, baseline)));
        }
    }

    /// The baseline reads otherwise than before.
    pub(crate) fn revise(
        &mut self,
        revision: Revision,
        baseline: &Baseline,
        schedule: &mut Schedule,
        now: Instant,
    ) {
        for (home, entry) in &mut self.entries {
            if revision.rebased {
                entry.memory.rebase();
            }
            if revision.repinned {
                entry.memory.pin(baseline.pin.as_ref());
            }
            if revision.renewed && self.published {
                let id = ReportId {
                    home: home.clone(),
                    baseline: Name::clone(&self.name),
                };
                schedule.at(&id, now);
            }
        }
        self.pinning |= revision.repinned && baseline.pin.is_some();
    }

    /// Takes the state that somebody has pinned, of every report at once: written one after the other, the last
    /// would show what has changed since.
    pub(crate) fn take_pins(&mut self, evaluation: &Evaluation, inventory: &Inventory, baseline: &Baseline) {
        if !std::mem::take(&mut self.pinning) {
            return;
        }
        for (home, entry) in &mut self.entries {
            let states = evaluation.states(home, inventory, &baseline.settings, 0);
            entry.memory.take_pin(&states);
        }
    }

    /// Notes which reports may read differently.
    pub(crate) fn plan(
        &mut self,
        changed: &Changed,
        inventory: &Inventory,
        debounce: Duration,
        schedule: &mut Schedule,
        now: Instant,
    ) {
        for name in &changed.namespaces {
            let home = Home::Namespace(Name::clone(name));
            if inventory.namespace(name).is_none() {
                // The namespace takes its report along.
                self.entries.remove(&home);
                schedule.forget(&self.id(&home));
            } else {
                self.entries
                    .entry(home.clone())
                    .or_insert_with(|| Entry::new(Memory::new(home, false)));
            }
        }
        let named = changed
            .namespaces
            .iter()
            .map(|name| Home::Namespace(Name::clone(name)))
            .chain([Home::Cluster]);
        let all: Vec<Home> = if changed.everywhere {
            self.entries.keys().cloned().collect()
        } else {
            named.collect()
        };
        for home in all {
            let id = self.id(&home);
            if let Some(entry) = self.entries.get_mut(&home) {
                entry.changed.get_or_insert(now);
                schedule.at(&id, entry.due(now, debounce));
            }
        }
    }

    /// Has the cluster report written though nothing has changed.
    pub(crate) fn heartbeat(&mut self, schedule: &mut Schedule, now: Instant) {
        let entry = self.entries.get_mut(&Home::Cluster);
        if let Some(stored) = entry.and_then(|entry| entry.stored.as_mut()) {
            // What is stored no longer counts as what is wanted: the next look writes.
            stored.fingerprint = None;
        }
        schedule.at(&self.id(&Home::Cluster), now);
    }

    /// Objects came or went, of which no item may think anything: they are counted all the same, in a while.
    pub(crate) fn recount(&self, schedule: &mut Schedule, now: Instant) {
        if let Some(entry) = self.entries.get(&Home::Cluster) {
            let due = entry.last_sent.map_or(now, |sent| now.max(sent + COUNTS));
            schedule.at(&self.id(&Home::Cluster), due);
        }
    }

    /// Which of the reports the API server refuses, in one line.
    pub(crate) fn refusals(&self) -> Option<String> {
        let mut refused = self
            .entries
            .iter()
            .filter_map(|(home, entry)| Some((home, &entry.refused.as_ref()?.1)));
        let (home, error) = refused.next()?;
        let name = home.namespace().map_or("the cluster".to_owned(), |namespace| {
            format!("namespace {namespace}")
        });
        let first = format!("the report of {name} is refused: {error}");
        Some(match refused.count() {
            0 => first,
            more => format!("{first}; and {more} more"),
        })
    }
}
