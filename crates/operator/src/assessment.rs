//! The baselines in effect, each with what comes of holding the cluster against it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::Timestamp;
use plumbline_engine::{Changed, Evaluation};
use plumbline_inventory::{Dirty, Inventory, Name};

use crate::baselines::Baseline;

/// A baseline in effect, and its results.
#[derive(Debug)]
pub(crate) struct Assessment {
    pub(crate) baseline: Baseline,
    /// The results, once every input is settled.
    pub(crate) evaluation: Option<Evaluation>,
}

/// What a baseline that reads otherwise than before means for its reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revision {
    /// They go by another generation, or another object.
    pub(crate) renewed: bool,
    /// What they are compared with is no reference any more, unless it is pinned.
    pub(crate) rebased: bool,
    /// Somebody has pinned something else, or nothing any more.
    pub(crate) repinned: bool,
}

impl Assessment {
    pub(crate) fn new(baseline: Baseline) -> Self {
        Self {
            baseline,
            evaluation: None,
        }
    }

    /// Goes by the baseline as it reads now. Results under other settings are no results.
    pub(crate) fn revise(&mut self, baseline: Baseline) -> Revision {
        let before = std::mem::replace(&mut self.baseline, baseline);
        let after = &self.baseline;
        if before.settings != after.settings {
            self.evaluation = None;
        }
        Revision {
            renewed: before.reference != after.reference,
            rebased: !before.asks_the_same(after),
            repinned: before.pin != after.pin,
        }
    }

    /// Evaluates what became dirty or old, and everything if there are no results yet; tells which reports that
    /// concerns, and `None` if there was nothing to do.
    pub(crate) fn evaluate(
        &mut self,
        inventory: &Inventory,
        dirty: &Dirty,
        now: Timestamp,
    ) -> Option<Changed> {
        let settings = &self.baseline.settings;
        let Some(evaluation) = &mut self.evaluation else {
            self.evaluation = Some(Evaluation::full(inventory, settings, now));
            return Some(Changed {
                everywhere: true,
                ..Changed::default()
            });
        };
        let is_current = evaluation.next_due().is_none_or(|due| due > now);
        if dirty.is_empty() && is_current {
            return None;
        }
        Some(evaluation.update(inventory, settings, dirty.clone(), now))
    }
}

/// Every baseline in the cluster.
#[derive(Debug)]
pub(crate) struct Assessments {
    pub(crate) in_effect: BTreeMap<Name, Assessment>,
    /// Baselines that are there and cannot be read.
    unreadable: BTreeSet<Name>,
    /// Whether they have been listed once.
    pub(crate) listed: bool,
    /// Those in the list that is coming in.
    listing: BTreeSet<Name>,
    /// When one is to be created, if there is none.
    pub(crate) next_creation: Instant,
}

impl Assessments {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            in_effect: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            listed: false,
            listing: BTreeSet::new(),
            next_creation: now,
        }
    }

    /// A list begins.
    pub(crate) fn begin_listing(&mut self) {
        self.listing.clear();
    }

    /// A list is complete; tells which baselines have gone while nobody watched.
    pub(crate) fn end_listing(&mut self) -> Vec<Name> {
        let there = std::mem::take(&mut self.listing);
        self.listed = true;
        self.unreadable.retain(|name| there.contains(name));
        let gone = self.in_effect.keys().filter(|name| !there.contains(*name));
        gone.cloned().collect()
    }

    /// A baseline is there, and can be read or not.
    pub(crate) fn note(&mut self, name: &Name, is_readable: bool) {
        self.listing.insert(Name::clone(name));
        if is_readable {
            self.unreadable.remove(name);
        } else {
            self.unreadable.insert(Name::clone(name));
        }
    }

    /// A baseline is gone; tells whether it was in effect.
    pub(crate) fn remove(&mut self, name: &Name, now: Instant) -> bool {
        self.unreadable.remove(name);
        self.next_creation = now;
        self.in_effect.remove(name).is_some()
    }

    /// Whether it is known that there is none.
    pub(crate) fn are_missing(&self) -> bool {
        self.listed && self.in_effect.is_empty() && self.unreadable.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn baseline(generation: i64, spec: &Value) -> Baseline {
        let metadata = json!({ "name": "default", "uid": "u", "generation": generation });
        let object = json!({ "metadata": metadata, "spec": spec });
        Baseline::read(&object.to_string()).expect("a baseline")
    }

    fn revision(before: &Value, after: &Value) -> (Revision, bool) {
        let mut assessment = Assessment::new(baseline(1, before));
        assessment.evaluation = Some(Evaluation::default());
        let revision = assessment.revise(baseline(2, after));
        (revision, assessment.evaluation.is_some())
    }

    #[test]
    fn a_pin_alone_keeps_results_and_references() {
        let pinned = json!({ "pin": { "time": "2026-11-24T10:00:00Z", "by": "alice" } });
        let pin_only = Revision {
            renewed: true,
            rebased: false,
            repinned: true,
        };
        assert_eq!(revision(&json!({}), &pinned), (pin_only, true));
        assert_eq!(revision(&pinned, &json!({})), (pin_only, true));
    }

    #[test]
    fn another_rule_is_another_reference_and_another_evaluation() {
        let disabled = json!({ "items": [{ "id": "WL-04", "enabled": false, "reason": "r" }] });
        let (revision, has_results) = revision(&json!({}), &disabled);
        assert!(revision.renewed && revision.rebased && !revision.repinned);
        assert!(!has_results);
    }

    #[test]
    fn another_object_of_the_name_is_another_reference() {
        let mut assessment = Assessment::new(baseline(1, &json!({})));
        let mut other = baseline(1, &json!({}));
        other.reference.uid = "v".to_owned();
        assert!(assessment.revise(other).rebased);
    }

    #[test]
    fn baselines_that_are_not_listed_again_are_gone_and_an_unreadable_one_is_there() {
        let now = Instant::now();
        let mut all = Assessments::new(now);
        assert!(!all.are_missing(), "nobody knows yet");
        let name: Name = "default".into();
        all.begin_listing();
        all.note(&name, true);
        all.in_effect
            .insert(Name::clone(&name), Assessment::new(baseline(1, &json!({}))));
        assert_eq!(all.end_listing(), []);
        all.begin_listing();
        assert!(!all.are_missing(), "it stays in effect while a list comes in");
        assert_eq!(all.end_listing(), [Name::clone(&name)]);
        assert!(all.remove(&name, now));
        assert!(all.are_missing());
        all.note(&name, false);
        assert!(!all.are_missing(), "it is for somebody else to put right");
    }
}
