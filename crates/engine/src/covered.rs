//! What waivers accept, counted by object.

use std::collections::BTreeMap;

use plumbline_baseline::{Finding, Home, ObjectRef, Outcome, Unit};
use plumbline_inventory::ObjectId;
use plumbline_rbac::Subject;

use crate::waivers::Acceptance;

/// An object that a waiver covers: a subject where findings are about rights, else the object at fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Object {
    Subject(Subject),
    Object(ObjectRef),
}

/// An item, by its slot, and a unit.
type Result = (Home, Unit, usize);

/// The objects that each waiver covers.
#[derive(Debug, Default)]
pub(crate) struct Covered {
    /// Only of results that some waiver accepts something of.
    by_result: BTreeMap<Result, Vec<(ObjectId, Object)>>,
    /// With the number of results that name the object.
    by_waiver: BTreeMap<ObjectId, BTreeMap<Object, u32>>,
    changed: bool,
}

impl Covered {
    /// Notes what of a result is accepted.
    pub(crate) fn set(
        &mut self,
        home: &Home,
        unit: &Unit,
        slot: usize,
        outcome: Option<&Outcome>,
        accepted: &[Acceptance],
    ) {
        let any = accepted.iter().any(|it| matches!(it, Acceptance::Waived(_)));
        if !any && self.by_result.is_empty() {
            return;
        }
        let findings = outcome.into_iter().flat_map(|outcome| &outcome.findings);
        let covered = findings.zip(accepted).flat_map(|(finding, accepted)| {
            let waivers = match accepted {
                Acceptance::Waived(waivers) => waivers.as_slice(),
                Acceptance::Stands | Acceptance::SystemNamespace => &[],
            };
            waivers.iter().map(|waiver| (waiver.clone(), Object::of(finding)))
        });
        let mut after: Vec<(ObjectId, Object)> = covered.collect();
        after.sort();
        after.dedup();
        let result = (home.clone(), unit.clone(), slot);
        let before = self.by_result.get(&result).map_or(&[][..], Vec::as_slice);
        if *before == after {
            return;
        }
        self.changed = true;
        let before = self.by_result.remove(&result).unwrap_or_default();
        for (waiver, object) in before {
            let objects = self.by_waiver.get_mut(&waiver).expect("it was counted");
            let results = objects.get_mut(&object).expect("it was counted");
            *results -= 1;
            if *results == 0 {
                objects.remove(&object);
            }
            if objects.is_empty() {
                self.by_waiver.remove(&waiver);
            }
        }
        for (waiver, object) in &after {
            let objects = self.by_waiver.entry(waiver.clone()).or_default();
            *objects.entry(object.clone()).or_default() += 1;
        }
        if !after.is_empty() {
            self.by_result.insert(result, after);
        }
    }

    /// How many objects `waiver` covers.
    pub(crate) fn count(&self, waiver: &ObjectId) -> u32 {
        self.by_waiver.get(waiver).map_or(0, BTreeMap::len) as u32
    }

    /// Whether `waiver` covers something of what the item of `slot` says of the cluster as a whole.
    pub(crate) fn covers_cluster(&self, waiver: &ObjectId, slot: usize) -> bool {
        let result = (Home::Cluster, Unit::Whole, slot);
        let covered = self.by_result.get(&result).map_or(&[][..], Vec::as_slice);
        covered.iter().any(|(by, _)| by == waiver)
    }

    /// Whether some waiver covers something else than when this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}

impl Object {
    fn of(finding: &Finding) -> Self {
        match &finding.subject {
            Some(subject) => Self::Subject(subject.clone()),
            None => Self::Object(finding.object.clone()),
        }
    }
}
