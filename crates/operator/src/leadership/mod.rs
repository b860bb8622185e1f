//! What only the holder of the lease does: keeping the stored reports as they should be.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use plumbline_api::ReportStatus;
use plumbline_api::history::Transition;
use plumbline_api::report::BaselineRef;
use plumbline_engine::report::Source;
use plumbline_engine::{Changed, Difference, Fingerprint, Home, Memory};
use plumbline_inventory::Inventory;
use tokio::task::{JoinHandle, JoinSet};

use crate::baselines::Baseline;
use crate::reports::{self, COUNTS, Entries, Entry, Found};
use crate::schedule::{Pace, Schedule};
use crate::watch::one_line;
use crate::writer::{Stored, WriteError, Writer};

/// Writes under way at once.
const WRITES: usize = 8;

/// What only the holder of the lease has.
pub(crate) struct Leadership {
    /// Watches on our own reports.
    pub(crate) watches: Vec<JoinHandle<()>>,
    /// Which of the two kinds of reports have been listed.
    pub(crate) listed: [bool; 2],
    /// The reports in the list that is coming in, of either kind.
    listing: [BTreeSet<Home>; 2],
    pub(crate) entries: Entries,
    pub(crate) schedule: Schedule,
    pace: Pace,
    writes: JoinSet<Written>,
    /// Writes beside the reports: Events, the baseline.
    pub(crate) others: JoinSet<()>,
    /// Whether stored reports have been marked as syncing.
    pub(crate) marked: bool,
    /// Whether the reports of everything that was there at the start are under way.
    pub(crate) published: bool,
}

/// What became of a write.
pub(crate) struct Written {
    pub(crate) home: Home,
    pub(crate) result: Result<Stored, WriteError>,
    /// When the first change that it shows arrived.
    pub(crate) changed: Option<Instant>,
}

impl Leadership {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            watches: Vec::new(),
            listed: [false; 2],
            listing: [BTreeSet::new(), BTreeSet::new()],
            entries: Entries::new(),
            schedule: Schedule::default(),
            pace: Pace::new(now),
            writes: JoinSet::new(),
            others: JoinSet::new(),
            marked: false,
            published: false,
        }
    }

    /// Whether another write may be under way.
    pub(crate) fn has_room(&self) -> bool {
        self.writes.len() < WRITES
    }

    /// Lets what is under way end: a half-sent write helps nobody.
    pub(crate) async fn finish(mut self) {
        self.watches.iter().for_each(JoinHandle::abort);
        while self.writes.join_next().await.is_some() {}
        while self.others.join_next().await.is_some() {}
    }

    /// A list of one kind of reports comes in.
    pub(crate) fn begin_listing(&mut self, kind: usize) {
        self.listing[kind].clear();
    }

    /// The list is complete: a report that is not in it has gone while nobody watched.
    pub(crate) fn end_listing(&mut self, kind: usize) {
        let there = std::mem::take(&mut self.listing[kind]);
        let of_kind = |home: &Home| reports::place_of(home) == kind;
        let gone = |(home, entry): &(&Home, &mut Entry)| {
            of_kind(home) && entry.stored.is_some() && !there.contains(*home)
        };
        for (home, entry) in self.entries.iter_mut().filter(gone) {
            entry.lose();
            self.schedule.at(home, Instant::now());
        }
        self.listed[kind] = true;
    }

    /// A report is stored: its memory is taken up before the kind is listed, later it is checked.
    pub(crate) fn found(&mut self, found: Found, kind: usize, baseline: &BaselineRef) {
        self.listing[kind].insert(found.home.clone());
        if let Some(entry) = self.entries.get_mut(&found.home) {
            entry.discover(found.stored);
            self.schedule.at(&found.home, Instant::now());
        } else if !self.listed[kind] {
            if let Err(error) = &found.status {
                tracing::error!(
                    "the report of {:?} cannot be read; its history is lost: {error}",
                    found.home
                );
            }
            let mut entry = Entry::new(found.memory(baseline));
            entry.conditions = found.status.map(|status| status.conditions).unwrap_or_default();
            entry.stored = Some(found.stored);
            self.entries.insert(found.home, entry);
        }
    }

    /// A stored report is gone: it is made again, if its namespace is still there.
    pub(crate) fn gone(&mut self, found: &Found) {
        if let Some(entry) = self.entries.get_mut(&found.home)
            && entry
                .stored
                .as_ref()
                .is_some_and(|stored| stored.uid == found.stored.uid)
        {
            entry.lose();
            self.schedule.at(&found.home, Instant::now());
        }
    }

    /// Has the cluster report written though nothing has changed.
    pub(crate) fn heartbeat(&mut self, now: Instant) {
        let stored = self
            .entries
            .get_mut(&Home::Cluster)
            .and_then(|entry| entry.stored.as_mut());
        if let Some(stored) = stored {
            // What is stored no longer counts as what is wanted: the next look writes.
            stored.fingerprint = None;
        }
        self.schedule.at(&Home::Cluster, now);
    }

    /// Takes in what became of a write.
    pub(crate) fn written(&mut self, written: Written, debounce: Duration) {
        let Written {
            home,
            result,
            changed,
        } = written;
        let now = Instant::now();
        let Some(entry) = self.entries.get_mut(&home) else {
            return;
        };
        entry.in_flight = false;
        let doubted = std::mem::take(&mut entry.doubted);
        match result {
            Ok(mut stored) => {
                if doubted {
                    stored.fingerprint = None;
                }
                entry.observe(stored);
                if entry.refused.take().is_some() {
                    self.schedule.at(&Home::Cluster, now);
                }
                // Something may have changed meanwhile; a look costs little and writes only if so.
                let due = match entry.changed {
                    Some(_) => entry.due(now, debounce),
                    None => now + debounce,
                };
                self.schedule.at(&home, due);
            }
            Err(error) => {
                let error = one_line(&error);
                tracing::warn!("the report of {home:?} is refused: {error}");
                let refusals = entry.refused.as_ref().map_or(0, |(refusals, _)| *refusals);
                entry.refused = Some((refusals.saturating_add(1), error));
                entry.changed = entry.changed.or(changed);
                let pause = entry.pause();
                self.schedule.at(&home, now + pause);
                self.schedule.at(&Home::Cluster, now);
            }
        }
    }

    /// Takes up every report that there should be, and forgets those that there should not.
    pub(crate) fn begin(&mut self, inventory: &Inventory, now: Instant) {
        let mut homes = vec![Home::Cluster];
        homes.extend(
            inventory
                .namespaces()
                .map(|namespace| Home::Namespace(namespace.name().clone())),
        );
        let wanted: BTreeSet<&Home> = homes.iter().collect();
        self.entries.retain(|home, _| wanted.contains(home));
        for home in homes {
            self.entries
                .entry(home.clone())
                .or_insert_with(|| Entry::new(Memory::new(home.clone(), true)));
            self.schedule.at(&home, now);
        }
    }

    /// Notes which reports may read differently.
    pub(crate) fn plan(
        &mut self,
        changed: &Changed,
        inventory: &Inventory,
        debounce: Duration,
        now: Instant,
    ) {
        for name in &changed.namespaces {
            let home = Home::Namespace(name.clone());
            if inventory.namespace(name).is_none() {
                // The namespace takes its report along.
                self.entries.remove(&home);
                self.schedule.forget(&home);
            } else {
                self.entries
                    .entry(home.clone())
                    .or_insert_with(|| Entry::new(Memory::new(home.clone(), false)));
            }
        }
        let named = changed
            .namespaces
            .iter()
            .map(|name| Home::Namespace(name.clone()))
            .chain([Home::Cluster]);
        let all: Vec<Home> = if changed.everywhere {
            self.entries.keys().cloned().collect()
        } else {
            named.collect()
        };
        for home in all {
            let Some(entry) = self.entries.get_mut(&home) else {
                continue;
            };
            entry.changed.get_or_insert(now);
            let due = entry.due(now, debounce);
            self.schedule.at(&home, due);
        }
    }

    /// Makes the report of `home` and sends it if it differs from what is stored.
    pub(crate) fn send(
        &mut self,
        home: &Home,
        source: &Source<'_>,
        writer: &Writer,
        now: Instant,
    ) -> Option<(ReportStatus, Vec<Transition>)> {
        let entry = self.entries.get_mut(home)?;
        if entry.in_flight {
            // Looked at again when the write under way has ended.
            return None;
        }
        let report = source.report(home, &mut entry.memory, &entry.conditions, Timestamp::now());
        if let Some(at) = report.settling.next {
            let wait = at.duration_since(Timestamp::now());
            self.schedule.at(
                home,
                now + Duration::try_from(wait).unwrap_or_default() + Duration::from_millis(50),
            );
        }
        let transitions = report.settling.transitions;
        let status = report.status;
        let wait = match entry.difference(Fingerprint::of(&status)) {
            Difference::None => {
                entry.changed = None;
                return Some((status, transitions));
            }
            Difference::Counts => {
                // Counts may wait: how long they do says nothing about how quick reports are.
                entry.changed = None;
                entry.last_sent.map(|sent| sent + COUNTS)
            }
            Difference::Substance => None,
        };
        if let Some(due) = wait.filter(|due| *due > now) {
            self.schedule.at(home, due);
            return Some((status, transitions));
        }
        if let Err(wait) = self.pace.take(now) {
            self.schedule.at(home, now + wait);
            return Some((status, transitions));
        }
        entry.in_flight = true;
        entry.conditions.clone_from(&status.conditions);
        let changed = entry.changed.take();
        entry.last_sent = Some(now);
        // What time alone settles (history, drift) begins no burst: the next change need not wait for it.
        if changed.is_some() {
            entry.change_sent = Some(now);
        }
        let (writer, baseline) = (writer.clone(), source.baseline.clone());
        let (home, stored, sent) = (home.clone(), entry.stored.clone(), status.clone());
        self.writes.spawn(async move {
            let result = writer.write(&home, &baseline, stored, sent).await;
            Written {
                home,
                result,
                changed,
            }
        });
        Some((status, transitions))
    }

    /// Tells of transitions in Events.
    pub(crate) fn tell(
        &mut self,
        home: &Home,
        transitions: &[Transition],
        status: &ReportStatus,
        baseline: &Baseline,
        writer: &Writer,
        instance: &str,
    ) {
        let uid = self
            .entries
            .get(home)
            .and_then(|entry| entry.stored.as_ref())
            .map(|stored| stored.uid.clone());
        for transition in transitions {
            let message = status
                .items
                .iter()
                .find(|item| item.id == transition.item)
                .map(|item| &item.message);
            let mut note = format!("{}: {} → {}", transition.item, transition.from, transition.to);
            if let Some(message) = message {
                note = format!("{note}: {message}");
            }
            if !transition.cause.is_empty() {
                note = format!("{note} (cause: {})", transition.cause);
            }
            // Kubernetes takes notes of at most 1 kB.
            note.truncate(note.floor_char_boundary(1000));
            let (writer, home, name) = (writer.clone(), home.clone(), baseline.reference.name.clone());
            let (uid, transition, instance) = (
                uid.clone().unwrap_or_default(),
                transition.clone(),
                instance.to_owned(),
            );
            self.others.spawn(async move {
                if let Err(error) = writer
                    .tell(&home, &name, &uid, &transition, &note, &instance)
                    .await
                {
                    tracing::warn!("an Event is refused: {}", one_line(&error));
                }
            });
        }
    }
}

/// The next write that ends; never, for a standby.
pub(crate) async fn next_write(leadership: &mut Option<Leadership>) -> Option<Written> {
    let Some(leadership) = leadership else {
        return std::future::pending().await;
    };
    while leadership.others.try_join_next().is_some() {}
    match leadership.writes.join_next().await {
        Some(Ok(written)) => Some(written),
        Some(Err(_)) => None,
        None => std::future::pending().await,
    }
}
