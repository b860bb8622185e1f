//! What only the holder of the lease does: keeping the stored reports as they should be.

mod orphans;
mod send;
mod set;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plumbline_engine::Home;
use plumbline_inventory::Name;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) use self::orphans::Marked;
pub(crate) use self::set::ReportSet;
use crate::baselines::Baseline;
use crate::reports::{self, Entry, Found, ReportId};
use crate::schedule::{Pace, Schedule};
use crate::watch::one_line;
use crate::writer::{Stored, WriteError};

/// Writes under way at once.
const WRITES: usize = 8;

/// What only the holder of the lease has.
pub(crate) struct Leadership {
    /// What reads our own reports, and watches over them.
    pub(crate) tasks: Vec<JoinHandle<()>>,
    /// Whether somebody watches over them.
    pub(crate) watching: bool,
    /// Which of the two kinds of reports have been listed.
    pub(crate) listed: [bool; 2],
    /// The reports in the list that is coming in, of either kind.
    listing: [BTreeSet<ReportId>; 2],
    /// Those under each baseline.
    pub(crate) sets: BTreeMap<Name, ReportSet>,
    /// Those without one.
    orphans: BTreeSet<ReportId>,
    pub(crate) schedule: Schedule,
    pace: Pace,
    writes: JoinSet<Done>,
    /// Writes beside the reports: Events, the baseline.
    pub(crate) others: JoinSet<()>,
    /// Whether stored reports have been marked as syncing.
    pub(crate) marked: bool,
}

/// What has been done.
pub(crate) enum Done {
    /// A report was brought up to date.
    Written(Written),
    /// A report was told that nobody brings it up to date.
    Marked(Marked),
}

/// What became of a write.
pub(crate) struct Written {
    pub(crate) id: ReportId,
    pub(crate) result: Result<Stored, WriteError>,
    /// When the first change that it shows arrived.
    pub(crate) changed: Option<Instant>,
}

impl Leadership {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            tasks: Vec::new(),
            watching: false,
            listed: [false; 2],
            listing: [BTreeSet::new(), BTreeSet::new()],
            sets: BTreeMap::new(),
            orphans: BTreeSet::new(),
            schedule: Schedule::default(),
            pace: Pace::new(now),
            writes: JoinSet::new(),
            others: JoinSet::new(),
            marked: false,
        }
    }

    /// Whether another write may be under way.
    pub(crate) fn has_room(&self) -> bool {
        self.writes.len() < WRITES
    }

    /// Whether it is known which reports can say that inputs are being listed, and none has said so.
    pub(crate) fn may_mark(&self) -> bool {
        !self.marked && self.listed == [true; 2] && !self.sets.is_empty()
    }

    /// Lets what is under way end: a half-sent write helps nobody.
    pub(crate) async fn finish(mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
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
        for set in self.sets.values_mut() {
            let missing: Vec<Home> = set
                .entries
                .iter()
                .filter(|(home, entry)| reports::place_of(home) == kind && entry.stored.is_some())
                .map(|(home, _)| home.clone())
                .filter(|home| !there.contains(&set.id(home)))
                .collect();
            for home in missing {
                self.schedule.at(&set.id(&home), Instant::now());
                if let Some(entry) = set.entries.get_mut(&home) {
                    entry.lose();
                }
            }
        }
        self.orphans
            .retain(|id| reports::place_of(&id.home) != kind || there.contains(id));
        self.listed[kind] = true;
    }

    /// A baseline is in effect: it has reports from now on. Tells whether there are some that have to be read
    /// first, since an earlier baseline of the name has left them behind.
    pub(crate) fn adopt(&mut self, baseline: &Name) -> bool {
        let reading = self.take_up(baseline);
        let set = ReportSet::new(Name::clone(baseline), reading);
        self.sets.insert(Name::clone(baseline), set);
        reading
    }

    /// A report is stored: its memory is taken up before its kind is listed, later it is checked.
    pub(crate) fn found(&mut self, found: Found, kind: usize, baseline: Option<&Baseline>) {
        self.listing[kind].insert(found.id.clone());
        let set = self.sets.get_mut(&found.id.baseline);
        let (Some(set), Some(baseline)) = (set, baseline) else {
            return self.found_orphan(&found, Instant::now());
        };
        if let Some(entry) = set.entries.get_mut(&found.id.home) {
            entry.discover(found.stored);
            self.schedule.at(&found.id, Instant::now());
        } else if !self.listed[kind] || set.reading {
            if let Err(error) = &found.status {
                tracing::error!("{} cannot be read; its history is lost: {error}", found.id);
            }
            let mut entry = Entry::new(found.memory(baseline));
            entry.conditions = found.status.map(|status| status.conditions).unwrap_or_default();
            entry.stored = Some(found.stored);
            set.entries.insert(found.id.home, entry);
        }
    }

    /// A stored report is gone: it is made again, if its namespace and its baseline are still there.
    pub(crate) fn gone(&mut self, found: &Found) {
        self.orphans.remove(&found.id);
        let Some(set) = self.sets.get_mut(&found.id.baseline) else {
            return self.schedule.forget(&found.id);
        };
        if let Some(entry) = set.entries.get_mut(&found.id.home)
            && entry
                .stored
                .as_ref()
                .is_some_and(|stored| stored.uid == found.stored.uid)
        {
            entry.lose();
            self.schedule.at(&found.id, Instant::now());
        }
    }

    /// Takes in what became of a write.
    pub(crate) fn written(&mut self, written: Written, debounce: Duration) {
        let Written { id, result, changed } = written;
        let now = Instant::now();
        // Its baseline or its namespace may have gone meanwhile.
        let set = self.sets.get_mut(&id.baseline);
        let Some(entry) = set.and_then(|set| set.entries.get_mut(&id.home)) else {
            return;
        };
        let of_cluster = ReportId {
            home: Home::Cluster,
            baseline: Name::clone(&id.baseline),
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
                    self.schedule.at(&of_cluster, now);
                }
                // Something may have changed meanwhile; a look costs little and writes only if so.
                let due = match entry.changed {
                    Some(_) => entry.due(now, debounce),
                    None => now + debounce,
                };
                self.schedule.at(&id, due);
            }
            Err(error) => {
                let error = one_line(&error);
                tracing::warn!("{id} is refused: {error}");
                let refusals = entry.refused.as_ref().map_or(0, |(refusals, _)| *refusals);
                entry.refused = Some((refusals.saturating_add(1), error));
                entry.changed = entry.changed.or(changed);
                let pause = entry.pause();
                self.schedule.at(&id, now + pause);
                self.schedule.at(&of_cluster, now);
            }
        }
    }
}

/// The next write that ends; never, for a standby.
pub(crate) async fn next_write(leadership: &mut Option<Leadership>) -> Option<Done> {
    let Some(leadership) = leadership else {
        return std::future::pending().await;
    };
    while leadership.others.try_join_next().is_some() {}
    match leadership.writes.join_next().await {
        Some(Ok(done)) => Some(done),
        Some(Err(_)) => None,
        None => std::future::pending().await,
    }
}
