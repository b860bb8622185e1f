//! AZ-08b.

use std::collections::BTreeSet;

use plumbline_inventory::{Kind, Name, ObjectId};
use plumbline_rbac::subject::SERVICE_ACCOUNTS;
use plumbline_rbac::{Level, Subject};

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// No group maintains namespaces of several information systems.
    ///
    /// ## Why it matters
    ///
    /// A namespace of its own separates a system from others as long as different people hold it. Where one team
    /// holds several, whoever takes over one of its accounts has them all.
    ///
    /// ## How it decides
    ///
    /// A group maintains a namespace if a role binding there gives it a role that writes pods or workloads, as
    /// `edit`, `admin` and `cluster-admin` do. The system of a namespace is the first of `spec.systemLabels` among
    /// its own labels.
    ///
    /// - `Fail`, reason `SeveralSystems`: one group maintains namespaces that name different systems. Each of the
    ///   role bindings is a finding.
    /// - `NeedsAttestation`: no group does. Which groups are one team the identity provider knows, and namespaces
    ///   that name no system contradict nothing.
    ///
    /// Left out are the groups in `spec.administratorGroups` (a platform team holds everything by design), groups of
    /// service accounts, `spec.systemNamespaces` and `spec.infrastructureNamespaces`, and rights in all namespaces,
    /// which are the business of AZ-02. The numbers count role bindings by which groups maintain namespaces, and the
    /// cluster as one.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// # in namespace shop, labelled app.kubernetes.io/part-of: shop
    /// kind: RoleBinding
    /// roleRef: {kind: ClusterRole, name: edit}
    /// subjects: [{kind: Group, name: dev}]     # Fail if dev has the like in a namespace of another system
    /// ```
    ///
    /// ## How to fix
    ///
    /// Give each system a group of its own, even if the same people are in several. List the platform team in
    /// `spec.administratorGroups`, and shared namespaces in `spec.infrastructureNamespaces`.
    id: "AZ-08b",
    slug: "maintainer-of-many-namespaces",
    title: "One maintainer team does not hold several systems' namespaces",
    section: Authorization,
    level: Recommended,
    severity: Low,
    class: C,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: &[Kind::Namespace, Kind::Role, Kind::RoleBinding, Kind::ClusterRole],
    optional: &[],
    failing: ("is for a group that maintains several systems", "are for groups that maintain several systems"),
    remediation: "Bind a group of its own for each system; list platform teams in spec.administratorGroups.",
    references: ["Krane namespaces-with-many-subjects"],
    systems: [],
    checks: [Check::Cluster(check)],
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut looked_at = BTreeSet::new();
    for group in context
        .rbac
        .users_and_groups()
        .filter(|group| is_team(group, context))
    {
        let bindings = maintaining(group, context);
        looked_at.extend(bindings.iter().copied());
        check_group(group, &bindings, context, findings);
    }
    findings.evaluate(1 + looked_at.len() as u32);
    findings.note(format!(
        "{} role bindings by which groups maintain namespaces looked at",
        looked_at.len()
    ));
}

fn is_team(subject: &Subject, context: &Context<'_>) -> bool {
    let Subject::Group(group) = subject else {
        return false;
    };
    !group.starts_with(SERVICE_ACCOUNTS) && !context.parameters.administrator_groups.contains(&**group)
}

/// The role bindings by which a group maintains namespaces.
fn maintaining<'a>(group: &Subject, context: &Context<'a>) -> Vec<&'a ObjectId> {
    let is_shared = |namespace: &Name| {
        let parameters = context.parameters;
        let lists = [
            &parameters.system_namespaces,
            &parameters.infrastructure_namespaces,
        ];
        lists.into_iter().any(|list| list.contains(&**namespace))
    };
    let bindings = context.rbac.bindings_naming(group);
    bindings
        .filter(|binding| binding.namespace.as_ref().is_some_and(|name| !is_shared(name)))
        .filter(|binding| context.is_in_scope(binding) && context.rbac.level(binding) >= Level::Maintain)
        .collect()
}

fn check_group(group: &Subject, bindings: &[&ObjectId], context: &Context<'_>, findings: &mut Findings) {
    let system = |binding: &ObjectId| {
        let namespace = binding.namespace.as_ref()?;
        context.parameters.system_of(namespace, context.inventory)
    };
    let systems: BTreeSet<&str> = bindings.iter().filter_map(|binding| system(binding)).collect();
    if systems.len() < 2 {
        return;
    }
    for binding in bindings {
        if let Some(own) = system(binding) {
            let other = systems.iter().find(|other| **other != own);
            let message = format!(
                "{group} maintains system {own} here, and {} elsewhere",
                other.expect("there are two at least")
            );
            let role = context.rbac.role_of(binding);
            findings.grant(binding, group, role, "SeveralSystems", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("two namespaces of one system, one that names none, and one of the platform's", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {app.kubernetes.io/part-of: shop}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop-db, labels: {argocd.argoproj.io/instance: shop}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: ingress, labels: {app.kubernetes.io/part-of: ingress}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: shop}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: Group, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: shop-db}, roleRef: {kind: ClusterRole, name: admin}, subjects: [{kind: Group, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: sandbox}, roleRef: {kind: ClusterRole, name: admin}, subjects: [{kind: Group, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: ingress}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: Group, name: dev}]}"),
            ("a second system that the group may only look at, and a platform team", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {app.kubernetes.io/part-of: shop}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: bank, labels: {app.kubernetes.io/part-of: bank}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: shop}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: Group, name: dev}, {kind: Group, name: platform}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: bank}, roleRef: {kind: ClusterRole, name: view}, subjects: [{kind: Group, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: c, namespace: bank}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: Group, name: platform}, {kind: User, name: dev}, {kind: Group, name: 'system:serviceaccounts:ci'}]}"),
            ("nobody maintains anything", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"),
        ],
        fail: &[
            ("one group in two systems, by a role of the namespace too", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {app.kubernetes.io/part-of: shop}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: bank, labels: {app.kubernetes.io/part-of: bank}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: deployer, namespace: bank}, rules: [{verbs: [patch], apiGroups: [apps], resources: [deployments]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: shop}, roleRef: {kind: ClusterRole, name: admin}, subjects: [{kind: Group, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: bank}, roleRef: {kind: Role, name: deployer}, subjects: [{kind: Group, name: dev}]}",
            &["RoleBinding a: SeveralSystems", "RoleBinding b: SeveralSystems"]),
        ],
        parameters: Some(|| Parameters {
            administrator_groups: ["platform".to_owned()].into(),
            infrastructure_namespaces: ["ingress".to_owned()].into(),
            ..Parameters::default()
        }),
        ..Cases::NONE
    };
}
