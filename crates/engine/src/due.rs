//! Results that time alone makes old.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plumbline_baseline::{Home, Unit};

/// An item, by its slot, and a unit.
type Result = (Home, Unit, usize);

/// Which results have to be looked at again, and when.
#[derive(Debug, Default)]
pub(crate) struct Due {
    at: BTreeMap<Result, Timestamp>,
    queue: BTreeSet<(Timestamp, Result)>,
}

impl Due {
    /// The result holds until `time`, or for as long as nothing changes.
    pub(crate) fn set(&mut self, home: &Home, unit: &Unit, slot: usize, time: Option<Timestamp>) {
        if time.is_none() && self.at.is_empty() {
            return;
        }
        let result = (home.clone(), unit.clone(), slot);
        let before = match time {
            Some(time) => self.at.insert(result.clone(), time),
            None => self.at.remove(&result),
        };
        if let Some(before) = before {
            self.queue.remove(&(before, result.clone()));
        }
        if let Some(time) = time {
            self.queue.insert((time, result));
        }
    }

    /// Takes out the results that are old at `now`.
    pub(crate) fn take(&mut self, now: Timestamp) -> Vec<Result> {
        let mut old = Vec::new();
        while let Some((time, result)) = self.queue.pop_first() {
            if time > now {
                self.queue.insert((time, result));
                break;
            }
            self.at.remove(&result);
            old.push(result);
        }
        old
    }

    /// Units of `home` with results that get old.
    pub(crate) fn units(&self, home: &Home) -> impl Iterator<Item = &Unit> {
        let first = (home.clone(), Unit::Whole, 0);
        let here = self.at.range(first..).take_while(move |((of, ..), _)| of == home);
        here.map(|((_, unit, _), _)| unit)
    }

    /// When the next result gets old.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.queue.first().map(|(time, _)| *time)
    }
}
