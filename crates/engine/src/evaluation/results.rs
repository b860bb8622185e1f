//! Results, and their sums.

use std::collections::BTreeMap;
use std::hash::Hash;

use plumbline_baseline::{Home, Outcome, Unit};
use xxhash_rust::xxh3::Xxh3;

use crate::tally::{Severities, Tally};
use crate::waivers::Acceptance;

/// The results of one home.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Per unit, the result of each item that has one for it, ordered by slot.
    pub(super) units: BTreeMap<Unit, Vec<(usize, UnitResult)>>,
    /// Per slot, the sum over the units.
    pub(super) totals: Vec<Total>,
}

/// A sum of results, and the unit whose result was the last to change it.
#[derive(Clone, Debug, Default)]
pub(super) struct Total {
    pub(super) tally: Tally,
    pub(super) cause: Option<(Home, Unit)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UnitResult {
    pub(super) tally: Tally,
    /// Severities of findings that stand.
    pub(super) standing: Severities,
    /// Severities of findings that are accepted.
    pub(super) accepted: Severities,
    /// Of everything that was said, words included: two outcomes may count the same and read differently.
    pub(super) fingerprint: u32,
}

impl Results {
    /// Puts the result of a unit in its place, and returns what stood there.
    pub(super) fn set(&mut self, unit: &Unit, slot: usize, result: Option<UnitResult>) -> Option<UnitResult> {
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
    pub(super) fn of(outcome: &Outcome, accepted: &[Acceptance]) -> Self {
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
pub(super) fn fingerprint(outcome: &Outcome, accepted: &[Acceptance]) -> u32 {
    let mut hasher = Xxh3::new();
    accepted.hash(&mut hasher);
    outcome.findings.hash(&mut hasher);
    outcome.unknown.hash(&mut hasher);
    outcome.note.hash(&mut hasher);
    hasher.digest() as u32
}
