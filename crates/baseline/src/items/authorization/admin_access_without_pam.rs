//! AZ-07.

use std::collections::BTreeSet;

use plumbline_inventory::{Kind, ObjectId};
use plumbline_rbac::Subject;
use plumbline_rbac::subject::MASTERS;

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// People have every right in the cluster only by way of privileged access management (PAM).
    ///
    /// ## Why it matters
    ///
    /// PAM grants administration for a time, on request, and records the session. A binding that gives it to a
    /// person or to an ordinary group for good goes around that.
    ///
    /// ## How it decides
    ///
    /// Looked at are the cluster role bindings to `cluster-admin` and to roles with every verb on every resource of
    /// every group; those that Kubernetes and kubeadm bring, recognised by content, are left out, and a default
    /// binding that somebody has changed is not.
    ///
    /// - `Fail`, reason `AdministratorWithoutPam`: such a binding names a user or a group that is not in
    ///   `spec.privilegedAccessGroups`. Service accounts and the components of the control plane are no people, nor
    ///   is what `spec.trustedControllers` lists. `system:authenticated` and `system:unauthenticated` are everybody.
    ///   `system:masters` is left out: it has every right whatever bindings say. A group in
    ///   `spec.administratorGroups` fails as well unless it is in `spec.privilegedAccessGroups`: that its members
    ///   are administrators does not say how they get in.
    /// - `NeedsAttestation`: none does. That people come through PAM, to the infrastructure services too, the API
    ///   does not show.
    ///
    /// The numbers count these bindings as far as they name people, and the cluster as one. Rights in one namespace
    /// are left to AZ-02 and AZ-08b, ways to become an administrator to AZ-02 and AZ-05.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: ClusterRoleBinding
    /// roleRef: {kind: ClusterRole, name: cluster-admin}
    /// subjects:
    /// - {kind: User, name: alice}              # Fail
    /// - {kind: Group, name: teleport-admins}   # fine if spec.privilegedAccessGroups lists it
    /// ```
    ///
    /// ## How to fix
    ///
    /// Bind `cluster-admin` to the group that the PAM gives its sessions, list that group in
    /// `spec.privilegedAccessGroups`, and delete the other bindings of people.
    id: "AZ-07",
    slug: "admin-access-without-pam",
    title: "Administrators reach the API and infrastructure services through privileged access management",
    section: Authorization,
    level: Required,
    severity: High,
    class: C,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::RIGHTS,
    optional: &[],
    failing: ("makes people administrators without PAM", "make people administrators without PAM"),
    remediation: "Bind cluster-admin to the group of the privileged access management only, and list it in spec.privilegedAccessGroups.",
    references: [],
    systems: [],
    checks: [Check::Cluster(check)],
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut looked_at = BTreeSet::new();
    let administrator = ObjectId {
        kind: Kind::ClusterRole,
        namespace: None,
        name: "cluster-admin".into(),
    };
    let roles = BTreeSet::from([&administrator]);
    let roles: BTreeSet<&ObjectId> = roles
        .into_iter()
        .chain(context.rbac.roles_with_every_right())
        .collect();
    for role in roles {
        let bindings = context.rbac.bindings_of(role);
        for binding in bindings.filter(|binding| binding.namespace.is_none()) {
            if check_binding(binding, role, context, findings) {
                looked_at.insert(binding);
            }
        }
    }
    findings.evaluate(1 + looked_at.len() as u32);
    findings.note(format!(
        "{} bindings that give people every right looked at",
        looked_at.len()
    ));
}

/// Looks at a binding that gives every right, and tells whether it gives them to people.
fn check_binding(
    binding: &ObjectId,
    role: &ObjectId,
    context: &Context<'_>,
    findings: &mut Findings,
) -> bool {
    if !context.is_made(binding) {
        return false;
    }
    let subjects = context.rbac.bound_subjects(binding).iter().map(Subject::identity);
    let mut people = subjects
        .filter(|subject| is_of_people(subject, context))
        .peekable();
    let names_people = people.peek().is_some();
    for subject in people.filter(|subject| !comes_through_pam(subject, context)) {
        let message =
            format!("{subject} has every right in the cluster, and is not in spec.privilegedAccessGroups");
        findings.grant(binding, &subject, Some(role), "AdministratorWithoutPam", message);
    }
    names_people
}

fn is_of_people(subject: &Subject, context: &Context<'_>) -> bool {
    let is_masters = matches!(subject, Subject::Group(group) if **group == *MASTERS);
    subject.is_of_people() && !is_masters && !context.parameters.trusts(subject)
}

fn comes_through_pam(subject: &Subject, context: &Context<'_>) -> bool {
    matches!(subject, Subject::Group(group) if context.parameters.privileged_access_groups.contains(&**group))
}

#[cfg(test)]
mod tests {
    use plumbline_rbac::Subject;

    use crate::Parameters;
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("the group of the PAM, a controller, service accounts, and what kubeadm brings", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: 'kubeadm:cluster-admins'}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, name: 'kubeadm:cluster-admins'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: more}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: Group, name: teleport}
- {kind: User, name: flux}
- {kind: ServiceAccount, name: helm, namespace: shop}
- {kind: Group, name: 'system:serviceaccounts:shop'}
- {kind: User, name: 'system:serviceaccount:shop:helm'}"),
            ("every right in one namespace, and few everywhere", "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: a, namespace: shop}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: alice}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {kind: ClusterRole, name: admin}
subjects: [{kind: User, name: alice}]"),
            ("nobody is bound to anything", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"),
        ],
        fail: &[
            ("people, everybody, and a user whose name only looks like a component's", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admins}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: alice}, {kind: Group, name: 'system:authenticated'}, {kind: User, name: 'system:admin'}]",
            &["ClusterRoleBinding admins: AdministratorWithoutPam", "ClusterRoleBinding admins: AdministratorWithoutPam",
              "ClusterRoleBinding admins: AdministratorWithoutPam"]),
            ("a group of administrators that the PAM does not know, by a role of another name", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: platform}
rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: platform}
roleRef: {kind: ClusterRole, name: platform}
subjects: [{kind: Group, name: admins}]",
            &["ClusterRoleBinding platform: AdministratorWithoutPam"]),
            ("a default binding that names somebody besides: system:masters is left out", "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cluster-admin}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, name: 'system:masters'}, {kind: User, name: teleport}]",
            &["ClusterRoleBinding cluster-admin: AdministratorWithoutPam"]),
        ],
        parameters: Some(|| Parameters {
            administrator_groups: ["admins".to_owned()].into(),
            privileged_access_groups: ["teleport".to_owned()].into(),
            trusted_controllers: [Subject::User("flux".into())].into(),
            ..Parameters::default()
        }),
        ..Cases::NONE
    };
}
