//! AZ-06b.

use plumbline_inventory::Kind;

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Every exception to the rule on anonymous access (AZ-06a) is a waiver that somebody has approved, that has not
    /// expired, and that is needed.
    ///
    /// ## Why it matters
    ///
    /// What takes no credentials is open to whoever reaches the API server. Exceptions that nobody has agreed to, or
    /// that nobody needs any more, stay until they are found from outside.
    ///
    /// ## How it decides
    ///
    /// Looked at are `ClusterComplianceWaiver`s and `ComplianceWaiver`s that name AZ-06a; each counts as one object,
    /// and one that fails has the reason that its condition `Active` has:
    ///
    /// - `Fail`, reason `Expired`: its date has passed.
    /// - `Fail`, reason `Unused`: it is approved, and no finding of AZ-06a needs it, whatever else it is for. What a
    ///   `ComplianceWaiver` says of AZ-06a is never needed: anonymous access is not the business of a namespace.
    /// - `Fail`, reasons `ApprovalMissing`, `ApprovalOutdated`, `SelfApproved`, `ApprovalUnguarded`, `TooLong`: it is
    ///   not approved as it reads now, or its approval does not count.
    /// - `Pass`: all of them are approved, in force and needed.
    /// - `NotApplicable`: there are none. Findings of AZ-06a that no waiver accepts are that item's.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: ClusterComplianceWaiver
    /// metadata: {name: public-info}
    /// spec:
    ///   items: [AZ-06a]
    ///   reason: load balancers ask for /version
    ///   requestedBy: platform@example.com
    ///   expires: "2027-03-31T00:00:00Z"
    /// ```
    ///
    /// ## How to fix
    ///
    /// Have the waiver approved (`plumbline approve`) or renew it, or delete it if nothing needs it.
    id: "AZ-06b",
    slug: "unapproved-anonymous-exceptions",
    title: "Exceptions to the anonymous-access rule are agreed with the security team",
    section: Authorization,
    level: Required,
    severity: High,
    class: B,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: &[Kind::ComplianceWaiver, Kind::ClusterComplianceWaiver],
    optional: &[],
    failing: ("is an exception that does not stand", "are exceptions that do not stand"),
    remediation: "Have the waiver for AZ-06a approved or renewed, or delete it if no finding needs it.",
    references: [],
    systems: [],
    checks: [Check::ClusterObjects(check)],
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    for exception in context.exceptions {
        findings.evaluate(1);
        if let Some((reason, why)) = &exception.fault {
            findings.other((&exception.id).into(), reason, why.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[(
            "a waiver that has not expired",
            "
apiVersion: compliance.plumbline.dev/v1alpha1
kind: ClusterComplianceWaiver
metadata: {name: public-info}
spec: {items: [AZ-02, AZ-06a], requestedBy: dev, reason: r, expires: '2027-03-31T00:00:00Z'}",
        )],
        fail: &[(
            "one that has, beside one that has not",
            "
apiVersion: compliance.plumbline.dev/v1alpha1
kind: ClusterComplianceWaiver
metadata: {name: public-info}
spec: {items: [AZ-06a], requestedBy: dev, reason: r, expires: '2027-03-31T00:00:00Z'}
---
apiVersion: compliance.plumbline.dev/v1alpha1
kind: ClusterComplianceWaiver
metadata: {name: old}
spec: {items: [AZ-06a], requestedBy: dev, reason: r, expires: '2026-03-31T00:00:00Z'}",
            &["ClusterComplianceWaiver old: Expired"],
        )],
        not_applicable: &[(
            "a waiver of another item",
            "
apiVersion: compliance.plumbline.dev/v1alpha1
kind: ClusterComplianceWaiver
metadata: {name: old}
spec: {items: [AZ-06b], requestedBy: dev, reason: r, expires: '2026-03-31T00:00:00Z'}",
        )],
        ..Cases::NONE
    };
}
