//! AZ-04.

use jiff::Timestamp;
use plumbline_inventory::labels::Labels;
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Kind, ObjectId};
use plumbline_rbac::subject::AUTHENTICATED;
use plumbline_rbac::{Level, Subject};

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Developers have more than read access to a production namespace only with an approval that has not expired.
    ///
    /// ## Why it matters
    ///
    /// What developers may change in production, they change past review and tests, and what they may read there
    /// includes the data of customers. An approval makes such access an exception with somebody's name on it.
    ///
    /// ## How it decides
    ///
    /// The namespaces that `spec.productionSelector` selects are production, and the groups in `spec.developerGroups`
    /// are developers; everybody is in `system:authenticated`. Looked at are role bindings in the namespace and
    /// cluster role bindings that name such a group, but those that Kubernetes and kubeadm bring, recognised by
    /// content. A right is more than to read if it changes something, reads secrets, or opens a way into pods
    /// (`exec`, `attach`, port forwarding, proxies), by `get` too. So `view` is no finding, and `edit` is.
    ///
    /// The record of an approval is a pair of annotations on the binding, with a prefix that begins with `access.`:
    /// `access.example.com/approved-by`, which is not empty, and `access.example.com/expires`, a time as in
    /// RFC 3339. Of several records one that has not expired is enough.
    ///
    /// - `Fail`, reason `NotApproved`: such a binding has no record, or only half of one.
    /// - `Fail`, reason `ApprovalExpired`: every record on it has expired, or has no time that can be read.
    /// - `NeedsAttestation`: all bindings of developers have an approval, or there are none. Whether the security
    ///   team gave it, and which other groups developers are in, the API does not show.
    /// - `NotApplicable`: the namespace is not production. Without `spec.productionSelector` none is.
    ///
    /// Not looked at are users and groups that the baseline does not name, and access requests of other tools
    /// (Teleport and the like), whose sessions come as a group that is none of developers.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: RoleBinding
    /// metadata:
    ///   namespace: shop-production
    ///   annotations:
    ///     access.example.com/approved-by: security@example.com
    ///     access.example.com/expires: "2026-12-01T18:00:00Z"
    /// roleRef: {kind: ClusterRole, name: edit}
    /// subjects: [{kind: Group, name: developers}]     # approved until then, Fail from then on
    /// ```
    ///
    /// ## How to fix
    ///
    /// Bind developers to `view` in production. Where they need more, have the security team annotate the binding,
    /// and delete it when it has expired.
    id: "AZ-04",
    slug: "unapproved-production-access",
    title: "Developers reach production only with the security team's approval",
    section: Authorization,
    level: Required,
    severity: High,
    class: C,
    scope: Namespace,
    empty: NotApplicable,
    since: "0.1",
    reads: &[Kind::Namespace, Kind::Role, Kind::RoleBinding, Kind::ClusterRole, Kind::ClusterRoleBinding],
    optional: &[],
    failing: ("lets developers in without approval", "let developers in without approval"),
    remediation: "Bind developers to view in production, or record the security team's approval and its end on the binding in annotations access.<domain>/approved-by and access.<domain>/expires.",
    references: [],
    systems: [],
    checks: [Check::Entrants(check)],
}

fn check(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    if !context.parameters.is_production(namespace) {
        findings.not_applicable();
        return;
    }
    let developers = context.parameters.developer_groups.iter().map(String::as_str);
    for group in developers.chain([AUTHENTICATED]) {
        let group = Subject::Group(group.into());
        for binding in context.rbac.bindings_within(&group, namespace.name()) {
            if !context.rbac.is_stock(binding) && context.rbac.level(binding) > Level::View {
                check_binding(binding, &group, context, findings);
            }
        }
    }
}

fn check_binding(binding: &ObjectId, group: &Subject, context: &Context<'_>, findings: &mut Findings) {
    let Some(facts) = context.inventory.binding(binding) else {
        return;
    };
    let role = context.rbac.role_of(binding);
    match approval(&facts.approval, context.now) {
        Approval::Until(time) => findings.valid_until(time),
        Approval::Missing => {
            let message = format!("{group} may do more than read, and nobody approved of it");
            findings.grant(binding, group, role, "NotApproved", message);
        }
        Approval::Expired { by, time } => {
            let message = format!("{group} may do more than read, and {by} approved of it until {time}");
            findings.grant(binding, group, role, "ApprovalExpired", message);
        }
    }
}

/// What the annotations of a binding say.
enum Approval<'a> {
    Missing,
    /// Somebody approved of it until this time, or until something that is none.
    Expired {
        by: &'a str,
        time: &'a str,
    },
    Until(Timestamp),
}

fn approval(annotations: &Labels, now: Timestamp) -> Approval<'_> {
    let records = || {
        annotations.iter().filter_map(|(key, by)| {
            let prefix = key.strip_suffix("/approved-by")?;
            let time = annotations.get(&format!("{prefix}/expires"))?;
            (!by.trim().is_empty()).then_some((by, time))
        })
    };
    let times = records().filter_map(|(_, time)| time.parse().ok());
    if let Some(last) = times.max().filter(|last| *last > now) {
        return Approval::Until(last);
    }
    match records().last() {
        Some((by, time)) => Approval::Expired { by, time },
        None => Approval::Missing,
    }
}

#[cfg(test)]
mod tests {
    use plumbline_inventory::labels::Selector;
    use plumbline_inventory::lean::LabelSelector;

    use super::*;
    use crate::Parameters;
    use crate::testing::Cases;

    fn parameters() -> Parameters {
        let production = LabelSelector {
            match_labels: [("env".to_owned(), "prod".to_owned())].into(),
            ..LabelSelector::default()
        };
        Parameters {
            production: Some(Selector::compile(&production).expect("a selector")),
            developer_groups: ["dev".to_owned()].into(),
            ..Parameters::default()
        }
    }

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("developers may look, and others do what they do", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: shop}, roleRef: {kind: ClusterRole, name: view}, subjects: [{kind: Group, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b, namespace: shop}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: Group, name: ops}, {kind: User, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: c, namespace: test}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: Group, name: dev}]}"),
            ("an approval that has not expired, beside one that has", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: a
  namespace: shop
  annotations:
    access.example.com/approved-by: security
    access.example.com/expires: '2026-11-24T11:30:00+01:00'
    access.old.example.com/approved-by: security
    access.old.example.com/expires: '2026-11-24T10:00:00Z'
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: dev}]"),
            ("what everybody may by default, and a role that does not exist", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: 'system:basic-user'}, roleRef: {kind: ClusterRole, name: 'system:basic-user'}, subjects: [{kind: Group, name: 'system:authenticated'}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: who-am-i}, roleRef: {kind: ClusterRole, name: 'system:basic-user'}, subjects: [{kind: Group, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: shop}, roleRef: {kind: Role, name: gone}, subjects: [{kind: Group, name: dev}]}"),
        ],
        fail: &[
            ("edit here, and something to change everywhere", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: restarter}, rules: [{verbs: [delete], apiGroups: [''], resources: [pods]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: shop}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: Group, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b}, roleRef: {kind: ClusterRole, name: restarter}, subjects: [{kind: Group, name: dev}]}",
            &["RoleBinding a: NotApproved", "ClusterRoleBinding b: NotApproved"]),
            ("what everybody has developers have; a shell is opened by get", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: shell, namespace: shop}, rules: [{verbs: [get], apiGroups: [''], resources: [pods, pods/exec]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: shop}, roleRef: {kind: Role, name: shell}, subjects: [{kind: Group, name: 'system:authenticated'}]}",
            &["RoleBinding a: NotApproved"]),
            ("half a record is none, nor is one of another prefix", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: a, namespace: shop, annotations: {access.example.com/approved-by: security, access.other.example.com/expires: '2027-01-01T00:00:00Z'}}
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: dev}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: shop, annotations: {example.com/approved-by: security, example.com/expires: '2027-01-01T00:00:00Z'}}
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: dev}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: c, namespace: shop, annotations: {access.example.com/approved-by: ' ', access.example.com/expires: '2027-01-01T00:00:00Z'}}
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: dev}]",
            &["RoleBinding a: NotApproved", "RoleBinding b: NotApproved", "RoleBinding c: NotApproved"]),
            ("an approval that expires now, and one whose end is no time", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: a, namespace: shop, annotations: {access.example.com/approved-by: security, access.example.com/expires: '2026-11-24T10:00:00Z'}}
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: dev}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: shop, annotations: {access.example.com/approved-by: security, access.example.com/expires: never}}
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: dev}]",
            &["RoleBinding a: ApprovalExpired", "RoleBinding b: ApprovalExpired"]),
        ],
        not_applicable: &[
            ("a namespace that is not production, or that no manifest describes", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: test}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: shop}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: Group, name: dev}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: bank}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: Group, name: dev}]}"),
        ],
        parameters: Some(parameters),
        ..Cases::NONE
    };

    #[test]
    fn the_verdict_holds_until_the_last_approval_expires() {
        let manifests = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: prod}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: a
  namespace: shop
  annotations:
    access.a.example.com/approved-by: security
    access.a.example.com/expires: '2026-11-25T10:00:00Z'
    access.b.example.com/approved-by: security
    access.b.example.com/expires: '2026-11-26T10:00:00Z'
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: dev}]";
        let outcome = crate::testing::evaluate(&ITEM, &crate::testing::inventory(manifests), &parameters());
        assert_eq!(outcome.valid_until, Some("2026-11-26T10:00:00Z".parse().unwrap()));
    }
}
