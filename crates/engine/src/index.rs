//! Where the findings of an item are, in the order in which reports show them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use plumbline_api::Severity;
use plumbline_baseline::{Home, Unit};
use plumbline_inventory::Name;

use crate::tally::Severities;

/// Units with findings. Findings that stand come before accepted ones, then by severity and home.
#[derive(Debug, Default)]
pub(crate) struct Index {
    units: BTreeSet<(bool, Severity, Home, Unit)>,
    unknown: BTreeSet<(Home, Unit)>,
    worst: BTreeSet<(Reverse<u32>, Name)>,
}

impl Index {
    /// Notes the severities that the findings of a unit have where they had others: those that stand, and those
    /// that are accepted; each before and after.
    pub(crate) fn replace(
        &mut self,
        home: &Home,
        unit: &Unit,
        standing: [Severities; 2],
        accepted: [Severities; 2],
    ) {
        for (waived, [before, after]) in [(false, standing), (true, accepted)] {
            let key = |severity| (waived, severity, home.clone(), unit.clone());
            for severity in before.iter() {
                self.units.remove(&key(severity));
            }
            self.units.extend(after.iter().map(key));
        }
    }

    pub(crate) fn set_unknown(&mut self, home: &Home, unit: &Unit, unknown: bool) {
        let key = (home.clone(), unit.clone());
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

    /// Units with findings, all of them or those of one home; with a flag that says whether they are accepted.
    pub(crate) fn units<'a>(
        &'a self,
        home: &'a Home,
    ) -> Box<dyn Iterator<Item = &'a (bool, Severity, Home, Unit)> + 'a> {
        if *home == Home::Cluster {
            return Box::new(self.units.iter());
        }
        let groups = [false, true]
            .into_iter()
            .flat_map(|waived| Severity::ALL.iter().map(move |s| (waived, *s)));
        Box::new(groups.flat_map(move |(waived, severity)| {
            let first = (waived, severity, home.clone(), Unit::Whole);
            self.units
                .range(first..)
                .take_while(move |(w, s, of, _)| (*w, *s, of) == (waived, severity, home))
        }))
    }

    /// The first unit that cannot be decided on, of all or of one home.
    pub(crate) fn first_unknown(&self, home: &Home) -> Option<&(Home, Unit)> {
        if *home == Home::Cluster {
            return self.unknown.first();
        }
        let first = (home.clone(), Unit::Whole);
        self.unknown.range(first..).next().filter(|(of, _)| of == home)
    }
}
