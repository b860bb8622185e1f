//! Reports without a baseline. The garbage collector takes along those of a baseline that is deleted; if it was
//! deleted with `--cascade=orphan` they stay, and say once that nobody looks after them.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use plumbline_inventory::Name;

use super::{Done, Leadership};
use crate::reports::{Found, ReportId};
use crate::watch::one_line;
use crate::writer::{WriteError, Writer};

/// How long the garbage collector has for what it takes along.
const COLLECTION: Duration = Duration::from_secs(2);

/// The pause after a refused write.
const AGAIN: Duration = Duration::from_secs(10);

/// What became of an attempt to say on a report that it has no baseline.
pub(crate) struct Marked {
    pub(crate) id: ReportId,
    pub(crate) result: Result<(), WriteError>,
}

impl Leadership {
    /// A baseline is gone: so is all that is known of its reports, but that they are stored.
    pub(crate) fn abandon(&mut self, baseline: &Name, now: Instant) {
        let Some(set) = self.sets.remove(baseline) else {
            return;
        };
        for (home, entry) in &set.entries {
            let id = set.id(home);
            self.schedule.forget(&id);
            if entry.stored.is_some() {
                self.schedule.at(&id, now + COLLECTION);
                self.orphans.insert(id);
            }
        }
    }

    /// Forgets the reports without a baseline that one of this name now takes up; tells whether there are any.
    pub(super) fn take_up(&mut self, baseline: &Name) -> bool {
        let taken: Vec<ReportId> = self
            .orphans
            .iter()
            .filter(|id| id.baseline == *baseline)
            .cloned()
            .collect();
        for id in &taken {
            self.orphans.remove(id);
            self.schedule.forget(id);
        }
        !taken.is_empty()
    }

    /// A report is stored, and there is no baseline of its name.
    pub(super) fn found_orphan(&mut self, found: &Found, now: Instant) {
        if found.says_orphaned() {
            self.schedule.forget(&found.id);
        } else {
            self.schedule.at(&found.id, now + COLLECTION);
        }
        self.orphans.insert(found.id.clone());
    }

    /// Says on a report that it has no baseline, if it is still there.
    pub(crate) fn mark_orphan(&mut self, id: ReportId, writer: &Writer, now: Instant) {
        if !self.orphans.contains(&id) {
            return;
        }
        if let Err(wait) = self.pace.take(now) {
            return self.schedule.at(&id, now + wait);
        }
        let writer = writer.clone();
        self.writes.spawn(async move {
            let result = writer.mark_orphaned(&id, Timestamp::now()).await;
            Done::Marked(Marked { id, result })
        });
    }

    /// Takes in what became of saying so.
    pub(crate) fn marked_orphan(&mut self, marked: Marked, now: Instant) {
        if let Err(error) = marked.result {
            tracing::warn!(
                "{} cannot say that it has no baseline: {}",
                marked.id,
                one_line(&error)
            );
            if self.orphans.contains(&marked.id) {
                self.schedule.at(&marked.id, now + AGAIN);
            }
        }
    }
}
