//! What the items on nodes have in common: how old the last run of a scanner is.

use jiff::{SignedDuration, Timestamp};
use plumbline_inventory::ObjectId;
use plumbline_inventory::host_scanners::HostScan;

use crate::context::Context;
use crate::findings::Findings;

/// When the last run of a scanner ceases to count; none if it never ran to its end.
pub(crate) fn counts_until(scan: &HostScan, context: &Context<'_>) -> Option<Timestamp> {
    let age = SignedDuration::from_hours(24 * i64::from(context.parameters.audit_max_age_days));
    scan.last_success?.checked_add(age).ok()
}

/// Scanners that ran to their end lately enough, as `Lynis (CronJob ops/lynis)`; what is said holds until the first of
/// them is too old.
pub(crate) fn fresh<'a>(
    scans: impl Iterator<Item = (&'a ObjectId, &'a HostScan)>,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Vec<String> {
    let mut fresh = Vec::new();
    for (id, scan) in scans {
        if let Some(until) = counts_until(scan, context).filter(|until| *until > context.now) {
            findings.valid_until(until);
            fresh.push(format!("{} ({id})", scan.scanner.as_str()));
        }
    }
    fresh
}

/// `scans ran to their end: Lynis (CronJob ops/lynis) and 2 more`.
pub(crate) fn note(fresh: &[String], findings: &mut Findings, none: &str) {
    findings.note(match fresh {
        [] => none.to_owned(),
        [one] => format!("a recent scan supports it: {one}"),
        [first, more @ ..] => format!("recent scans support it: {first} and {} more", more.len()),
    });
}
