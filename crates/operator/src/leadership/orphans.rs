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
                self.orphans.insert(id);
            }
        }
        for id in self.orphans.iter().filter(|id| id.baseline == *baseline) {
            self.schedule.at(id, now + COLLECTION);
        }
    }

    /// A baseline comes to the reports without one; tells whether there are any. They are known as such until
    /// they have been read: the baseline may go again before.
    pub(super) fn take_up(&mut self, baseline: &Name) -> bool {
        let mut any = false;
        for id in self.orphans.iter().filter(|id| id.baseline == *baseline) {
            self.schedule.forget(id);
            any = true;
        }
        any
    }

    /// The reports that were left behind have been read.
    pub(crate) fn taken_up(&mut self, baseline: &Name) {
        if let Some(set) = self.sets.get_mut(baseline) {
            set.reading = false;
            self.orphans.retain(|id| id.baseline != *baseline);
        }
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
            if self.orphans.contains(&marked.id) && !self.sets.contains_key(&marked.id.baseline) {
                self.schedule.at(&marked.id, now + AGAIN);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use plumbline_engine::{Home, Memory};
    use plumbline_inventory::Name;

    use super::*;
    use crate::reports::{COUNTS, Entry};
    use crate::writer::Stored;

    fn stored() -> Stored {
        Stored {
            uid: "r".to_owned(),
            resource_version: "7".to_owned(),
            generation: 1,
            owners: vec!["b".to_owned()],
            fingerprint: None,
        }
    }

    /// Reports under a baseline: the cluster's is stored, that of a namespace is not.
    fn leadership(baseline: &Name, now: Instant) -> Leadership {
        let mut leadership = Leadership::new(now);
        assert!(!leadership.adopt(baseline), "nothing was left behind");
        let set = leadership.sets.get_mut(baseline).expect("just put there");
        for home in [Home::Cluster, Home::Namespace("shop".into())] {
            let mut entry = Entry::new(Memory::new(home.clone(), true));
            entry.stored = (home == Home::Cluster).then(stored);
            leadership.schedule.at(&set.id(&home), now);
            set.entries.insert(home, entry);
        }
        leadership
    }

    #[test]
    fn a_report_whose_baseline_is_gone_waits_for_the_collector_before_it_says_so() {
        let (baseline, now) = (Name::from("default"), Instant::now());
        let mut leadership = leadership(&baseline, now);
        leadership.abandon(&baseline, now);
        assert_eq!(leadership.schedule.pop(now), None);
        let due = leadership.schedule.pop(now + COLLECTION).expect("it is due");
        assert_eq!(due.home, Home::Cluster);
        assert_eq!(
            leadership.schedule.pop(now + COLLECTION),
            None,
            "what is not stored says nothing"
        );
    }

    #[test]
    fn a_baseline_that_comes_back_takes_its_reports_up_and_no_others() {
        let (baseline, now) = (Name::from("default"), Instant::now());
        let mut leadership = leadership(&baseline, now);
        leadership.abandon(&baseline, now);
        assert!(!leadership.adopt(&"strict".into()));
        assert!(leadership.adopt(&baseline), "they have to be read first");
        assert_eq!(leadership.schedule.next(), None);
        assert!(leadership.sets[&baseline].reading);
        leadership.abandon(&baseline, now);
        assert_eq!(
            leadership.schedule.next(),
            Some(now + COLLECTION),
            "it has gone before they were read"
        );
        assert!(leadership.adopt(&baseline));
        leadership.taken_up(&baseline);
        assert!(!leadership.sets[&baseline].reading);
        leadership.abandon(&baseline, now);
        assert!(!leadership.adopt(&baseline), "none was there");
    }

    #[test]
    fn a_report_that_could_not_say_so_tries_again_while_it_is_there() {
        let (baseline, now) = (Name::from("default"), Instant::now());
        let mut leadership = leadership(&baseline, now);
        leadership.abandon(&baseline, now);
        let id = leadership.schedule.pop(now + COLLECTION).expect("it is due");
        let refused = |id: &ReportId| Marked {
            id: id.clone(),
            result: Err(WriteError::Timeout),
        };
        leadership.marked_orphan(refused(&id), now);
        assert_eq!(leadership.schedule.next(), Some(now + AGAIN));
        assert!(leadership.adopt(&baseline));
        leadership.marked_orphan(refused(&id), now);
        assert_eq!(leadership.schedule.next(), None, "it has a baseline again");
    }

    #[test]
    fn counts_alone_wait_for_their_time() {
        let (baseline, now) = (Name::from("default"), Instant::now());
        let mut leadership = leadership(&baseline, now);
        while leadership.schedule.pop(now).is_some() {}
        let set = leadership.sets.get_mut(&baseline).expect("it is there");
        let of_cluster = set.entries.get_mut(&Home::Cluster).expect("it is there");
        of_cluster.last_sent = Some(now);
        set.recount(&mut leadership.schedule, now + Duration::from_secs(1));
        assert_eq!(leadership.schedule.next(), Some(now + COUNTS));
        let late = now + 2 * COUNTS;
        assert!(leadership.schedule.pop(late).is_some());
        set.recount(&mut leadership.schedule, late);
        assert_eq!(leadership.schedule.next(), Some(late));
    }
}
