//! Where the findings of an item are, in the order in which reports show them.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Bound;

use plumbline_api::Severity;
use plumbline_inventory::{Kind, Name};

use crate::tally::Severities;

/// A unit of evaluation within a namespace: a root workload, or the namespace itself.
pub(crate) type UnitKey = (Kind, Name);

/// Units with findings. Findings that stand come before accepted ones, then by severity and namespace.
#[derive(Debug, Default)]
pub(crate) struct Index {
    units: BTreeSet<(bool, Severity, Name, UnitKey)>,
    unknown: BTreeSet<(Name, UnitKey)>,
    worst: BTreeSet<(Reverse<u32>, Name)>,
}

impl Index {
    pub(crate) fn insert(&mut self, namespace: &Name, unit: &UnitKey, waived: bool, severities: Severities) {
        for severity in severities.iter() {
            self.units
                .insert((waived, severity, Name::clone(namespace), unit.clone()));
        }
    }

    pub(crate) fn remove(&mut self, namespace: &Name, unit: &UnitKey, waived: bool, severities: Severities) {
        for severity in severities.iter() {
            self.units
                .remove(&(waived, severity, Name::clone(namespace), unit.clone()));
        }
    }

    pub(crate) fn set_unknown(&mut self, namespace: &Name, unit: &UnitKey, unknown: bool) {
        let key = (Name::clone(namespace), unit.clone());
        if unknown {
            self.unknown.insert(key);
        } else {
            self.unknown.remove(&key);
        }
    }

    /// Notes that a namespace has `after` failing objects where it had `before`.
    pub(crate) fn set_failing(&mut self, namespace: &Name, before: u32, after: u32) {
        if before != after {
            self.worst.remove(&(Reverse(before), Name::clone(namespace)));
            if after > 0 {
                self.worst.insert((Reverse(after), Name::clone(namespace)));
            }
        }
    }

    /// Namespaces with failing objects, worst first.
    pub(crate) fn worst(&self) -> impl ExactSizeIterator<Item = (&Name, u32)> {
        self.worst.iter().map(|(Reverse(failing), name)| (name, *failing))
    }

    /// Units with findings, all of them or those of one namespace.
    pub(crate) fn units<'a>(
        &'a self,
        namespace: Option<&'a Name>,
    ) -> Box<dyn Iterator<Item = (bool, Severity, &'a Name, &'a UnitKey)> + 'a> {
        let Some(namespace) = namespace else {
            return Box::new(
                self.units
                    .iter()
                    .map(|(waived, severity, name, unit)| (*waived, *severity, name, unit)),
            );
        };
        let groups = [false, true]
            .into_iter()
            .flat_map(|waived| Severity::ALL.iter().map(move |s| (waived, *s)));
        Box::new(groups.flat_map(move |(waived, severity)| {
            let first = (
                waived,
                severity,
                Name::clone(namespace),
                (Kind::Namespace, Name::from("")),
            );
            self.units
                .range((Bound::Included(first), Bound::Unbounded))
                .take_while(move |(w, s, name, _)| (*w, *s, name) == (waived, severity, namespace))
                .map(|(waived, severity, name, unit)| (*waived, *severity, name, unit))
        }))
    }

    /// The first unit that cannot be decided on, of all or of one namespace.
    pub(crate) fn first_unknown(&self, namespace: Option<&Name>) -> Option<&(Name, UnitKey)> {
        match namespace {
            None => self.unknown.first(),
            Some(namespace) => {
                let first = (Name::clone(namespace), (Kind::Namespace, Name::from("")));
                self.unknown
                    .range(first..)
                    .next()
                    .filter(|(name, _)| name == namespace)
            }
        }
    }
}
