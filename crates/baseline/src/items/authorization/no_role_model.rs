//! AZ-01.

use std::collections::BTreeSet;

use plumbline_inventory::{Kind, ObjectId};

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Nothing in the cluster contradicts that rights are given by a model of roles: few bindings hand out
    /// everything, and every binding names a role that exists.
    ///
    /// ## Why it matters
    ///
    /// A role model says which role needs which rights, and who has the role. Where `cluster-admin` and `admin` are
    /// what people usually get, there is none. A binding to a role that is gone is a grant in waiting: whoever
    /// creates a role of that name decides what its subjects may.
    ///
    /// ## How it decides
    ///
    /// Looked at are all bindings but those that Kubernetes and kubeadm bring, recognised by content; a default
    /// binding that somebody has changed counts.
    ///
    /// - `Fail`, reason `WildcardBindings`: more than `spec.thresholds.wildcardBindingPercent` (10) of the bindings
    ///   bind the cluster role `cluster-admin` or `admin`, or a role with every verb on every resource of every
    ///   group. Each of these is a finding.
    /// - `Fail`, reason `RoleMissing`: a binding names a role that does not exist. In manifests the default roles
    ///   exist though none of them describes one.
    /// - `NeedsAttestation`: neither. That there is a role model, and where it is written down, somebody has to
    ///   state.
    ///
    /// Bindings in namespaces that are being deleted give no findings. The numbers count bindings, and the cluster
    /// as one.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: RoleBinding
    /// roleRef: {kind: ClusterRole, name: admin}     # one in ten at most
    /// ---
    /// kind: RoleBinding
    /// roleRef: {kind: Role, name: reader}           # Fail if the namespace has no role of this name
    /// ```
    ///
    /// ## How to fix
    ///
    /// Write down the roles that people and programs have, make a Role or ClusterRole for each with the rights that
    /// it needs, and bind these. Delete bindings to roles that are gone. Attest the model with a link to it.
    id: "AZ-01",
    slug: "no-role-model",
    title: "A role-based access model exists for the cluster",
    section: Authorization,
    level: Required,
    severity: Medium,
    class: C,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::RIGHTS,
    optional: &[],
    failing: ("contradicts that there is a role model", "contradict that there is a role model"),
    remediation: "Bind roles with the rights that each task needs instead of cluster-admin and admin, and delete bindings to roles that do not exist.",
    references: ["Krane subjects-with-non-existing-roles", "Krane subjects-with-many-roles"],
    systems: [],
    checks: [Check::Cluster(check)],
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let rbac = context.rbac;
    let bindings = rbac.binding_count() - rbac.stock_binding_count();
    findings.evaluate(1 + bindings as u32);
    findings.note(format!(
        "{bindings} bindings besides the defaults of Kubernetes looked at"
    ));
    let wide: BTreeSet<&ObjectId> = [of_kubernetes("cluster-admin"), of_kubernetes("admin")]
        .iter()
        .chain(rbac.roles_with_every_right())
        .flat_map(|role| made(role, context))
        .collect();
    let limit = context.parameters.wildcard_binding_percent;
    if wide.len() as u64 * 100 > u64::from(limit) * bindings as u64 {
        for binding in wide {
            let message = format!(
                "binds {}, as more than {limit} % of the bindings do",
                role(binding, context)
            );
            findings.other(binding.into(), "WildcardBindings", message);
        }
    }
    for binding in rbac.absent_roles().flat_map(|role| made(role, context)) {
        let message = format!("names {}, which does not exist", role(binding, context));
        findings.other(binding.into(), "RoleMissing", message);
    }
}

fn of_kubernetes(name: &str) -> ObjectId {
    ObjectId {
        kind: Kind::ClusterRole,
        namespace: None,
        name: name.into(),
    }
}

/// The bindings of a role that somebody has made.
fn made<'a>(role: &ObjectId, context: &Context<'a>) -> Vec<&'a ObjectId> {
    let bindings = context.rbac.bindings_of(role);
    bindings.filter(|binding| context.is_made(binding)).collect()
}

fn role(binding: &ObjectId, context: &Context<'_>) -> String {
    let role = context.rbac.role_of(binding);
    role.map(|role| format!("{} {}", role.kind, role.name))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            (
                "as many wide bindings as there may be, a default one aside",
                "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cluster-admin}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, name: 'system:masters'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: a, namespace: shop}
roleRef: {kind: ClusterRole, name: admin}
subjects: [{kind: Group, name: shop}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: shop}
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: shop}]",
            ),
            (
                "a cluster whose bindings are all of Kubernetes' own",
                "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cluster-admin}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, name: 'system:masters'}]",
            ),
            (
                "no bindings at all",
                "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}",
            ),
        ],
        fail: &[
            (
                "most bindings hand out everything, by any name",
                "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: all, namespace: shop}
rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: a, namespace: shop}
roleRef: {kind: Role, name: all}
subjects: [{kind: Group, name: shop}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, name: platform}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: c, namespace: shop}
roleRef: {kind: ClusterRole, name: view}
subjects: [{kind: Group, name: shop}]",
                &[
                    "RoleBinding a: WildcardBindings",
                    "ClusterRoleBinding b: WildcardBindings",
                ],
            ),
            (
                "roles that do not exist, one of the name of a cluster role",
                "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: a, namespace: shop}
roleRef: {kind: Role, name: view}
subjects: [{kind: Group, name: shop}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {kind: ClusterRole, name: reader}
subjects: [{kind: Group, name: shop}]",
                &["RoleBinding a: RoleMissing", "ClusterRoleBinding b: RoleMissing"],
            ),
            (
                "a default binding that names somebody else besides",
                "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cluster-admin}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: Group, name: 'system:masters'}, {kind: Group, name: dev}]",
                &["ClusterRoleBinding cluster-admin: WildcardBindings"],
            ),
        ],
        parameters: Some(|| Parameters {
            wildcard_binding_percent: 50,
            ..Parameters::default()
        }),
        ..Cases::NONE
    };
}
