//! Counts that can be added and taken away.

use std::collections::BTreeSet;

use plumbline_baseline::{Finding, Outcome};
use xxhash_rust::xxh3::Xxh3;

use plumbline_api::Severity;

use crate::waivers::Acceptance;

/// What an item says of one unit, without the findings themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Objects that the item applies to.
    pub evaluated: u32,
    /// Objects with findings that nobody accepted.
    pub failing: u32,
    /// Objects all of whose findings are accepted.
    pub waived: u32,
    /// Objects among them that are accepted because they are in a system namespace.
    pub of_system: u32,
    /// Objects that do not run.
    pub inactive: u32,
    /// Live pods behind the failing workloads.
    pub pods: u32,
    /// Findings, accepted ones included.
    pub findings: u32,
    /// Objects that cannot be decided on.
    pub unknown: u32,
    /// Sum of the hashes of all findings, and of what else drift compares: the digest of their set, whatever the
    /// order.
    pub digest: u64,
}

impl Tally {
    /// The counts of `outcome`, whose findings are accepted or not as `accepted` says of each.
    pub(crate) fn of(outcome: &Outcome, accepted: &[Acceptance]) -> Self {
        let standing = outcome.about.iter().zip(accepted).filter(|(_, it)| it.stands());
        let failing: BTreeSet<u32> = standing.map(|(object, _)| *object).collect();
        let failing = failing.len() as u32;
        let of_system = accepted.first() == Some(&Acceptance::SystemNamespace);
        Self {
            evaluated: outcome.evaluated,
            failing,
            waived: outcome.failing - failing,
            of_system: if of_system { outcome.failing } else { 0 },
            inactive: outcome.inactive,
            pods: if failing == 0 { 0 } else { outcome.pods },
            findings: outcome.findings.len() as u32,
            unknown: u32::from(outcome.unknown.is_some()),
            digest: outcome
                .findings
                .iter()
                .zip(accepted)
                .map(|(finding, accepted)| hash(finding, !accepted.stands()))
                .fold(outcome.tracked, u64::wrapping_add),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.evaluated += other.evaluated;
        self.failing += other.failing;
        self.waived += other.waived;
        self.of_system += other.of_system;
        self.inactive += other.inactive;
        self.pods += other.pods;
        self.findings += other.findings;
        self.unknown += other.unknown;
        self.digest = self.digest.wrapping_add(other.digest);
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.evaluated -= other.evaluated;
        self.failing -= other.failing;
        self.waived -= other.waived;
        self.of_system -= other.of_system;
        self.inactive -= other.inactive;
        self.pods -= other.pods;
        self.findings -= other.findings;
        self.unknown -= other.unknown;
        self.digest = self.digest.wrapping_sub(other.digest);
    }
}

/// The severities that the findings of a unit have, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Severities(u8);

impl Severities {
    pub(crate) fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        Self(findings.fold(0, |bits, finding| bits | 1 << finding.severity as u8))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Severity> {
        Severity::ALL
            .iter()
            .copied()
            .filter(move |severity| self.0 & (1 << *severity as u8) != 0)
    }
}

/// The hash of a finding: stable over releases and machines, as it is stored in reports.
fn hash(finding: &Finding, waived: bool) -> u64 {
    let mut hasher = Xxh3::new();
    let mut field = |text: &str| {
        hasher.update(text.as_bytes());
        hasher.update(&[0]);
    };
    field(finding.object.kind.as_str());
    field(finding.object.namespace.as_deref().unwrap_or_default());
    field(&finding.object.name);
    field(finding.container.as_deref().unwrap_or_default());
    field(finding.reason);
    field(finding.severity.as_str());
    field(if waived { "waived" } else { "" });
    hasher.digest()
}
