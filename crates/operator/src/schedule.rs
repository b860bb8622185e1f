//! Which report is due when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::reports::ReportId;

/// Reports that are to be looked at, by time.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    due: BTreeMap<ReportId, Instant>,
    queue: BTreeSet<(Instant, ReportId)>,
}

impl Schedule {
    /// Has `report` looked at when `at` has come, or earlier if that was asked for before.
    pub(crate) fn at(&mut self, report: &ReportId, at: Instant) {
        match self.due.get(report) {
            Some(known) if *known <= at => return,
            Some(known) => {
                self.queue.remove(&(*known, report.clone()));
            }
            None => {}
        }
        self.due.insert(report.clone(), at);
        self.queue.insert((at, report.clone()));
    }

    /// Forgets `report`.
    pub(crate) fn forget(&mut self, report: &ReportId) {
        if let Some(at) = self.due.remove(report) {
            self.queue.remove(&(at, report.clone()));
        }
    }

    /// The next report that is due at `now`; the cluster's before those of namespaces due at the same time.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<ReportId> {
        let (at, _) = self.queue.first()?;
        if *at > now {
            return None;
        }
        let (_, report) = self.queue.pop_first()?;
        self.due.remove(&report);
        Some(report)
    }

    /// When the next report is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }
}

/// Limits how many writes a second leave the operator.
#[derive(Debug)]
pub(crate) struct Pace {
    tokens: f64,
    at: Instant,
}

/// Writes a second in the long run.
const RATE: f64 = 50.0;

/// Writes that may leave at once.
const BURST: f64 = 100.0;

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            tokens: BURST,
            at: now,
        }
    }

    /// Takes leave for one write, or tells how long to wait for it.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * RATE).min(BURST);
        self.at = now;
        if self.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.tokens) / RATE));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use plumbline_engine::Home;

    use super::*;

    fn report(home: Home, baseline: &str) -> ReportId {
        ReportId {
            home,
            baseline: baseline.into(),
        }
    }

    fn home(name: &str) -> ReportId {
        report(Home::Namespace(name.into()), "default")
    }

    #[test]
    fn the_earlier_time_wins_and_each_report_comes_once_those_of_clusters_first() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut schedule = Schedule::default();
        schedule.at(&home("a"), later);
        schedule.at(&home("a"), now);
        schedule.at(&home("a"), later);
        schedule.at(&home("b"), later);
        let [default, strict] = ["default", "strict"].map(|name| report(Home::Cluster, name));
        schedule.at(&strict, now);
        schedule.at(&default, now);
        assert_eq!(schedule.pop(now), Some(default));
        assert_eq!(schedule.pop(now), Some(strict));
        assert_eq!(schedule.pop(now), Some(home("a")));
        assert_eq!(schedule.pop(now), None);
        assert_eq!(schedule.next(), Some(later));
        schedule.forget(&home("b"));
        assert_eq!(schedule.pop(later), None);
    }

    #[test]
    fn a_burst_leaves_at_once_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let burst = (0..1000).take_while(|_| pace.take(start).is_ok()).count();
        assert_eq!(burst, 100);
        let wait = pace.take(start).unwrap_err();
        assert!(pace.take(start + wait).is_ok());
        let second = start + wait + Duration::from_secs(1);
        let more = (0..1000).take_while(|_| pace.take(second).is_ok()).count();
        assert_eq!(more, 50);
    }
}
