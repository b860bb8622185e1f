//! AZ-09.

use plumbline_inventory::Kind;

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// The rights that roles and bindings give are audited regularly.
    ///
    /// ## Why it matters
    ///
    /// Rights pile up: a binding made for an incident, a role that a chart has widened. Nobody notices without
    /// somebody who looks at all of them again and again.
    ///
    /// ## How it decides
    ///
    /// This operator's own evaluation is such an audit: items AZ-01 to AZ-08b look at every role and binding
    /// whenever one changes, so that it is never older than the last change. It counts only if it is complete.
    ///
    /// - `Pass`: every Role, ClusterRole, RoleBinding and ClusterRoleBinding was read.
    /// - `Unknown`, reason `InputForbidden`, `InputAbsent`, `InputFailing` or `InputPending`: one of these kinds could
    ///   not be listed, so that an audit with gaps never passes.
    /// - `Unknown`, reason `UndecodableObject`: an object of these kinds does not decode.
    /// - `NotApplicable`: there is not one role or binding, as in manifests that bring none.
    ///
    /// Not yet looked at: audits by others (RBAC assessments of Trivy Operator, scans of Kubescape, CronJobs that run
    /// KubiScan or Krane), whose age `spec.thresholds.auditMaxAgeDays` is for. What they could add is a pass where
    /// this operator may not read everything.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// # In the operator's ClusterRole: without any of these the item is Unknown.
    /// apiGroups: [rbac.authorization.k8s.io]
    /// resources: [roles, rolebindings, clusterroles, clusterrolebindings]
    /// verbs: [list, watch]
    /// ```
    ///
    /// ## How to fix
    ///
    /// Give the operator the right to list and watch all four kinds, and mend or delete objects that do not decode.
    id: "AZ-09",
    slug: "rbac-not-audited",
    title: "RBAC rights are audited regularly",
    section: Authorization,
    level: Required,
    severity: Medium,
    class: B,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::RIGHTS,
    optional: &[],
    failing: ("is not audited", "are not audited"),
    remediation: "Let the operator list and watch roles, rolebindings, clusterroles and clusterrolebindings.",
    references: [],
    systems: ["KubiScan", "Krane"],
    checks: [Check::Cluster(check)],
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let (roles, bindings) = (context.rbac.role_count(), context.rbac.binding_count());
    findings.evaluate((roles + bindings) as u32);
    findings.note(format!(
        "this evaluation covered all {roles} roles and {bindings} bindings"
    ));
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[(
            "roles and bindings, also one to a role that does not exist",
            "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules: [{verbs: [get], apiGroups: [''], resources: [pods]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {kind: ClusterRole, name: gone}",
        )],
        not_applicable: &[(
            "manifests without roles and bindings",
            "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}",
        )],
        ..Cases::NONE
    };
}
