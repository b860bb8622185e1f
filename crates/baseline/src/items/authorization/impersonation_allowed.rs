//! AZ-05.

use std::collections::BTreeMap;

use plumbline_inventory::{Kind, ObjectId};
use plumbline_rbac::{Danger, Latent, Risk};

use crate::items::item;
use crate::paths::leads;
use crate::rights::{grounds, lower, severity_of, unbound};
use crate::{Check, Context, Findings, RoleView, SubjectView};

item! {
    /// ## What it checks
    ///
    /// Nobody may act as a user, a group or a service account that they are not.
    ///
    /// ## Why it matters
    ///
    /// Whoever may impersonate has the rights of everybody whom it may be, `system:masters` among them, and the
    /// audit log has to be read twice to see who it was.
    ///
    /// ## How it decides
    ///
    /// For each subject that a binding names (as AZ-02 counts them), by what the binding gives; one finding for
    /// each binding, with the worst as its reason:
    ///
    /// - `ImpersonateUsers`, `ImpersonateGroups`, `ImpersonateServiceAccounts`, `ImpersonateUids`,
    ///   `ImpersonateExtras`: verb `impersonate` (or `*`) on `users`, `groups` and `serviceaccounts` of the core
    ///   group, on `uids` and `userextras/KEY` of `authentication.k8s.io`. Users, groups, uids and extras are in no
    ///   namespace: a role binding does not give them.
    /// - `ImpersonateUserInfo`, `ImpersonateServiceAccount`, `ImpersonateArbitraryNode`,
    ///   `ImpersonateAssociatedNode`: constrained impersonation (on by default from Kubernetes 1.36), which takes
    ///   `impersonate:MODE` and `impersonate-on:MODE:VERB`. One half without the other is `LatentGrant`, and so are
    ///   both where the API server is older than 1.36; a version that is not known counts as the newest.
    /// - `ImpersonationViaEdit`: a binding to `edit` or `admin` gives the right to impersonate the service
    ///   accounts of the namespace, and nothing else of the above. That comes with Kubernetes' own
    ///   `system:aggregate-to-edit`, so that it is a class of its own, to be accepted in one place.
    ///
    /// Narrowed to a namespace or to certain names it is one step less severe; to `system:masters` it is not.
    /// Kubernetes' own roles by their own bindings are left out, recognised by what they say. A role that nobody
    /// is bound to is `LatentGrant`; an account that does not exist, `DormantGrant`. Where impersonation leads further
    /// than the subject is, the path is told as in AZ-02.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// rules: [{apiGroups: [""], resources: [users, groups], verbs: [impersonate]}]     # Fail by a ClusterRoleBinding
    /// ```
    ///
    /// ## How to fix
    ///
    /// Take the verb out of the role; an authenticating proxy that needs it gets `resourceNames` and a waiver. In
    /// place of `edit`, bind a role without `impersonate` on service accounts.
    id: "AZ-05",
    slug: "impersonation-allowed",
    title: "No subject may impersonate users, groups or service accounts",
    section: Authorization,
    level: Required,
    severity: Critical,
    class: A,
    scope: Subject,
    empty: Pass,
    since: "0.1",
    reads: &[Kind::Role, Kind::RoleBinding, Kind::ClusterRole, Kind::ClusterRoleBinding, Kind::ServiceAccount],
    optional: &[],
    failing: ("may impersonate others", "may impersonate others"),
    remediation: "Take impersonate out of the role, or narrow it by resourceNames; in place of edit and admin bind a role without it.",
    references: [
        "CIS 5.1.8", "Trivy KSV-0043", "Trivy KSV-0050", "Kubescape C-0065", "Kubescape C-0191",
        "KubiScan risky-impersonate-groups", "KubiScan risky-any-resource-impersonate",
        "Krane risky-impersonate-privileged-groups", "rbac-police impersonate",
        "KICS RBAC Roles with Impersonate Permission",
    ],
    systems: [],
    checks: [Check::Subject(check), Check::UnboundRole(check_unbound)],
}

fn check(subject: &SubjectView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let mut by_binding: BTreeMap<&ObjectId, Vec<Risk<'_>>> = BTreeMap::new();
    let risks = context
        .rbac
        .risks_by(subject.subject, &subject.grants)
        .into_iter();
    for risk in risks.filter(|risk| risk.danger.is_impersonation()) {
        by_binding.entry(risk.grant.binding).or_default().push(risk);
    }
    for risks in by_binding.into_values() {
        if !context.is_stock(&risks[0].grant) {
            tell(&risks, subject, context, findings);
        }
    }
}

/// Tells of a binding what it lets the subject impersonate.
fn tell(risks: &[Risk<'_>], subject: &SubjectView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let effective = risks.iter().any(Risk::is_effective);
    let mut worst = risks.iter().filter(|risk| risk.is_effective() == effective);
    let first = worst.next().expect("there is one of them");
    let worst = worst.fold(first, |worst, risk| {
        if severity_of(risk, subject.subject) < severity_of(worst, subject.subject) {
            risk
        } else {
            worst
        }
    });
    let mut severity = severity_of(worst, subject.subject);
    let reason = if !effective {
        "LatentGrant"
    } else if context.rbac.is_missing(subject.subject) {
        severity = lower(severity);
        "DormantGrant"
    } else if is_via_edit(risks, context) {
        "ImpersonationViaEdit"
    } else {
        worst.danger.reason()
    };
    let all: Vec<&str> = risks.iter().map(|risk| risk.danger.reason()).collect();
    let latent = match worst.latent {
        None => "",
        Some(Latent::Half) => ", one half without the other",
        Some(Latent::OldServer) => ", which does nothing before Kubernetes 1.36",
    };
    let via = if reason == "ImpersonationViaEdit" {
        "; via: edit"
    } else {
        ""
    };
    let about = context.about_role(worst.grant.role);
    let path: String = risks
        .iter()
        .map(|risk| leads(risk, subject.subject, context))
        .collect();
    let message = format!(
        "{}{latent}, by {}{via}{about}: {}{path}",
        all.join(", "),
        grounds(worst),
        worst.danger.why()
    );
    findings.grant_at(
        severity,
        worst.grant.binding,
        subject.subject,
        Some(worst.grant.role),
        reason,
        message,
    );
}

/// Whether this is what `edit` and `admin` give as Kubernetes ships them.
fn is_via_edit(risks: &[Risk<'_>], context: &Context<'_>) -> bool {
    let role = risks[0].grant.role;
    let only = risks
        .iter()
        .all(|risk| risk.danger == Danger::ImpersonateServiceAccounts);
    let named = role.kind == Kind::ClusterRole && matches!(&*role.name, "edit" | "admin");
    only && named && context.is_default_role(role)
}

fn check_unbound(role: &RoleView<'_>, context: &Context<'_>, findings: &mut Findings) {
    unbound(role, context, Danger::is_impersonation, findings);
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("impersonation of users by a role binding does nothing", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: sudo}
rules: [{apiGroups: [''], resources: [users, groups], verbs: [impersonate]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: sudo, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sudo}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]"),
            ("nobody is bound to anything", "
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}"),
        ],
        fail: &[
            ("users and groups by a cluster role binding, service accounts by a role binding too", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: sudo}
rules: [{apiGroups: [''], resources: [users, groups, serviceaccounts], verbs: [impersonate]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: sudo}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sudo}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: here, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sudo}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: bob}]",
            &["ClusterRoleBinding sudo: ImpersonateUsers",
              "RoleBinding here: ImpersonateServiceAccounts, high"]),
            ("a group by name, and system:masters by name, which narrows nothing", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: one}
rules: [{apiGroups: [''], resources: [groups], verbs: [impersonate], resourceNames: [support]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: one}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: one}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: masters}
rules: [{apiGroups: [''], resources: [groups], verbs: [impersonate], resourceNames: ['system:masters']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: masters}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: masters}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]",
            &["ClusterRoleBinding one: ImpersonateGroups, high", "ClusterRoleBinding masters: ImpersonateGroups"]),
            ("the edit role as Kubernetes ships it is a class of its own", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: edit, labels: {kubernetes.io/bootstrapping: rbac-defaults, rbac.authorization.k8s.io/aggregate-to-admin: 'true'}}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {rbac.authorization.k8s.io/aggregate-to-edit: 'true'}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: some-part, labels: {rbac.authorization.k8s.io/aggregate-to-edit: 'true'}}
rules: [{apiGroups: [''], resources: [serviceaccounts], verbs: [impersonate]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: team, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: team}]",
            &["RoleBinding team: ImpersonationViaEdit, high"]),
            ("constrained impersonation, whole and one half of it", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: half}
rules: [{apiGroups: [authentication.k8s.io], resources: [users], verbs: ['impersonate:user-info']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: other}
rules: [{apiGroups: [''], resources: [pods], verbs: ['impersonate-on:user-info:list']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: half}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: half}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}, {kind: User, apiGroup: rbac.authorization.k8s.io, name: bob}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: other}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: other}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: bob}]",
            &["ClusterRoleBinding half: ImpersonateUserInfo, high", "ClusterRoleBinding half: LatentGrant, medium"]),
            ("constrained impersonation, whole, on a server that is too old for it", "
apiVersion: compliance.plumbline.dev/v1alpha1
kind: Evidence
serverVersion: '1.35'
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: whole}
rules:
- {apiGroups: [authentication.k8s.io], resources: [users], verbs: ['impersonate:user-info']}
- {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:user-info:list']}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: whole}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: whole}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]",
            &["ClusterRoleBinding whole: LatentGrant, medium"]),
            ("extra fields, by a role that nobody is bound to", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: scopes}
rules: [{apiGroups: [authentication.k8s.io], resources: [userextras/scopes], verbs: [impersonate]}]",
            &["ClusterRole scopes: LatentGrant, low"]),
        ],
        ..Cases::NONE
    };
}
