//! AZ-03.

use std::collections::BTreeSet;

use plumbline_inventory::views::{NamespaceView, WorkloadView};
use plumbline_inventory::{Kind, Name, ObjectId};
use plumbline_rbac::subject::SERVICE_ACCOUNTS;
use plumbline_rbac::{Level, Subject};

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Every workload runs as a service account that it shares with no other application, and none as `default`.
    ///
    /// ## Why it matters
    ///
    /// Rights are granted to service accounts. Applications that share one have the sum of what each needs, and
    /// the audit log cannot tell them apart. `default` is shared by everything that names no account: a right
    /// granted to it is a right of every pod to come.
    ///
    /// ## How it decides
    ///
    /// For each root workload, by the account of its live pods (`serviceAccountName`, else its deprecated alias
    /// `serviceAccount`, else `default`):
    ///
    /// - `Fail`, reason `DefaultServiceAccount`: the account is `default`, named or by omission, and whether its
    ///   token is mounted or not.
    /// - `Fail`, reason `SharedServiceAccount`: an active workload of another application in the namespace runs
    ///   as the same account. The application is `app.kubernetes.io/name`, else `app.kubernetes.io/part-of`, of
    ///   the workload, else of its pods; without these the owner that made it (a Rollout, a Workflow), else the
    ///   workload itself. ReplicaSets of one Deployment are one workload. A Job or CronJob may share with
    ///   whatever is part of the same system.
    /// - Mirror pods of static pods have no service account and are left out.
    ///
    /// For each binding that every pod to come has a part in; those that Kubernetes and kubeadm bring, recognised by
    /// content, are left out:
    ///
    /// - `Fail`, reason `DefaultServiceAccountBound`: it names the account `default` of the namespace, whatever its
    ///   role grants, and whether that exists or not.
    /// - `Fail`, reason `AllServiceAccountsBound`: it gives the group `system:serviceaccounts:<namespace>`, or
    ///   `system:serviceaccounts`, more than to find out what the API server serves and what oneself may do
    ///   (`system:discovery`, `system:basic-user`, `system:public-info-viewer`, the discovery of token issuers and
    ///   of trust bundles, and roles that grant no more).
    ///
    /// The binding of an account or a group of a namespace is in that namespace's report. A binding of
    /// `system:serviceaccounts` is in the report of its own, a cluster role binding in the cluster's.
    ///
    /// Left out is whether a token is mounted for an account that has no binding at all: such an account is what
    /// the item asks for, and the token of one without rights fails nothing that is required.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// spec:
    ///   serviceAccountName: checkout      # Pass, as long as no other application names it
    /// ```
    ///
    /// ## How to fix
    ///
    /// Make a service account per application, bind the role it needs, and name it in `serviceAccountName`. An
    /// application that never calls the API still gets its own, with `automountServiceAccountToken: false`.
    id: "AZ-03",
    slug: "shared-service-account",
    title: "Every service has its own service account with RBAC rights",
    section: Authorization,
    level: Required,
    severity: High,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: &Kind::with_workloads::<13>(Kind::RIGHTS),
    optional: &[],
    failing: ("has no service account of its own", "have no service account of their own"),
    remediation: "Create a service account for the application, bind its role to it, and name it in serviceAccountName.",
    references: [
        "CIS 5.1.5", "CIS 5.1.6", "Trivy KSV-0036", "Kubescape C-0034", "Kubescape C-0189", "Kubescape C-0190",
        "Kubescape C-0225", "Kubescape C-0261", "Kubescape C-0307", "kube-linter default-service-account",
        "kube-linter non-existent-service-account", "kube-linter deprecated-service-account-field",
        "kubeaudit asat", "Checkov CKV_K8S_38", "Checkov CKV_K8S_41", "Checkov CKV_K8S_42",
        "KICS Using Default Service Account",
    ],
    systems: [],
    checks: [Check::Workload(check), Check::Objects(check_bindings), Check::ClusterObjects(check_cluster)],
}

fn check(workload: WorkloadView<'_>, _: &Context<'_>, findings: &mut Findings) {
    if workload.is_mirror_pod() {
        findings.not_applicable();
        return;
    }
    for account in workload.service_accounts() {
        if **account == *"default" {
            findings.object("DefaultServiceAccount", "serviceAccountName is unset or default");
        } else if let Some(other) = sharer(workload, account) {
            let message = format!(
                "serviceAccountName {account} is also that of {} {}",
                other.kind(),
                other.name()
            );
            findings.object("SharedServiceAccount", message);
        }
    }
}

/// Looks at what everything in a namespace has a part in.
fn check_bindings(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let name = namespace.name();
    let mut looked_at = BTreeSet::new();
    let account = Subject::service_account(Name::clone(name), "default");
    for binding in made(&account, context) {
        looked_at.insert(binding);
        let role = context.rbac.role_of(binding);
        let message = format!("{account}, which every pod runs as that names no other, is bound");
        findings.grant(binding, &account, role, "DefaultServiceAccountBound", message);
    }
    let own = Subject::Group(format!("{SERVICE_ACCOUNTS}:{name}").into());
    for binding in made(&own, context) {
        looked_at.insert(binding);
        check_group(binding, &own, context, findings);
    }
    let all = Subject::Group(SERVICE_ACCOUNTS.into());
    for binding in made(&all, context).filter(|binding| binding.namespace.as_ref() == Some(name)) {
        looked_at.insert(binding);
        check_group(binding, &all, context, findings);
    }
    findings.evaluate(looked_at.len() as u32);
}

/// Looks at what every service account has everywhere.
fn check_cluster(context: &Context<'_>, findings: &mut Findings) {
    let all = Subject::Group(SERVICE_ACCOUNTS.into());
    for binding in made(&all, context).filter(|binding| binding.namespace.is_none()) {
        findings.evaluate(1);
        check_group(binding, &all, context, findings);
    }
}

/// The bindings of a subject that somebody has made.
fn made<'a>(subject: &Subject, context: &Context<'a>) -> impl Iterator<Item = &'a ObjectId> + use<'a> {
    let context = *context;
    let bindings: Vec<&ObjectId> = context.rbac.bindings_naming(subject).collect();
    bindings
        .into_iter()
        .filter(move |binding| !context.rbac.is_stock(binding) && context.is_in_scope(binding))
}

fn check_group(binding: &ObjectId, group: &Subject, context: &Context<'_>, findings: &mut Findings) {
    if context.rbac.level(binding) > Level::Discovery {
        let role = context.rbac.role_of(binding);
        let message = format!("{group}, in which every service account is, has more than discovery");
        findings.grant(binding, group, role, "AllServiceAccountsBound", message);
    }
}

/// The first workload of another application that runs as `account`.
fn sharer<'a>(workload: WorkloadView<'a>, account: &str) -> Option<WorkloadView<'a>> {
    let application = Application::of(workload);
    workload.namespace().users(account).find(|other| {
        other.is_active() && !application.is_one_with(&Application::of(*other)) && !other.is_mirror_pod()
    })
}

/// What a workload says about the application that it belongs to.
struct Application<'a> {
    name: Option<&'a str>,
    part_of: Option<&'a str>,
    /// What stands for the application where no label does.
    owner: Option<String>,
    kind: Kind,
    workload: &'a Name,
}

impl<'a> Application<'a> {
    fn of(workload: WorkloadView<'a>) -> Self {
        let label = |key| {
            workload
                .labels()
                .get(key)
                .or_else(|| workload.pod_labels().get(key))
        };
        Self {
            name: label("app.kubernetes.io/name").filter(|name| !name.is_empty()),
            part_of: label("app.kubernetes.io/part-of").filter(|name| !name.is_empty()),
            owner: workload.external_owner(),
            kind: workload.kind(),
            workload: workload.name(),
        }
    }

    fn is_one_with(&self, other: &Self) -> bool {
        let label = |application: &Self| application.name.or(application.part_of).map(str::to_owned);
        let of_jobs = [self.kind, other.kind]
            .iter()
            .any(|kind| matches!(kind, Kind::Job | Kind::CronJob));
        if of_jobs && self.part_of.is_some() && self.part_of == other.part_of {
            return true;
        }
        match (label(self), label(other)) {
            (Some(own), Some(others)) => own == others,
            (None, None) => match (&self.owner, &other.owner) {
                (Some(own), Some(others)) => own == others,
                _ => self.kind == other.kind && self.workload == other.workload,
            },
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("accounts of their own, by the deprecated alias too", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: db}
spec: {serviceAccount: db, containers: [{name: a, image: 'a:1'}]}"),
            ("parts of one application share, by the labels of the workload or of its pods", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-blue, labels: {app.kubernetes.io/name: web}}
spec: {template: {spec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-green}
spec: {template: {metadata: {labels: {app.kubernetes.io/name: web}}, spec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}}}"),
            ("a job shares with what it is part of, whatever its own name", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {app.kubernetes.io/name: shop, app.kubernetes.io/part-of: shop}}
spec: {template: {spec: {serviceAccountName: shop, containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cleanup, labels: {app.kubernetes.io/name: cleanup, app.kubernetes.io/part-of: shop}}
spec: {jobTemplate: {spec: {template: {spec: {serviceAccountName: shop, containers: [{name: a, image: 'a:1'}]}}}}}"),
            ("pods that one owner of a foreign kind made", "
apiVersion: v1
kind: Pod
metadata:
  name: build-1
  ownerReferences: [{apiVersion: argoproj.io/v1alpha1, kind: Workflow, name: build, uid: 00000000-0000-0000-0000-000000000009, controller: true}]
spec: {serviceAccountName: build, containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: build-2
  ownerReferences: [{apiVersion: argoproj.io/v1alpha1, kind: Workflow, name: build, uid: 00000000-0000-0000-0000-000000000009, controller: true}]
spec: {serviceAccountName: build, containers: [{name: a, image: 'a:1'}]}"),
            ("groups of service accounts that may discover, and defaults as Kubernetes makes them", "
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: 'system:cluster-trust-bundle-discovery'}, roleRef: {kind: ClusterRole, name: 'system:cluster-trust-bundle-discovery'}, subjects: [{kind: Group, name: 'system:serviceaccounts'}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: issuer}, rules: [{verbs: [get], nonResourceURLs: [/openid/v1/jwks]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: issuer}, roleRef: {kind: ClusterRole, name: issuer}, subjects: [{kind: Group, name: 'system:serviceaccounts'}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: gone, namespace: shop}, roleRef: {kind: Role, name: gone}, subjects: [{kind: Group, name: 'system:serviceaccounts:shop'}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: own, namespace: shop}, roleRef: {kind: ClusterRole, name: edit}, subjects: [{kind: ServiceAccount, name: web}]}"),
            ("accounts of the same name in two namespaces, and one whose other user is stopped", "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a}
spec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: b}
spec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: old, namespace: b}
spec: {replicas: 0, template: {spec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}}}"),
        ],
        fail: &[
            ("default, by omission and by name, its token mounted or not", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api}
spec: {serviceAccountName: default, automountServiceAccountToken: false, containers: [{name: a, image: 'a:1'}]}",
            &["Pod web: DefaultServiceAccount", "Pod api: DefaultServiceAccount"]),
            ("two applications share, labelled or not", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app.kubernetes.io/name: web, app.kubernetes.io/part-of: shop}}
spec: {template: {spec: {serviceAccountName: shop, containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, labels: {app.kubernetes.io/name: cart, app.kubernetes.io/part-of: shop}}
spec: {template: {spec: {serviceAccountName: shop, containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: debug}
spec: {serviceAccountName: shop, containers: [{name: a, image: 'a:1'}]}",
            &["Deployment web: SharedServiceAccount", "Deployment cart: SharedServiceAccount",
              "Pod debug: SharedServiceAccount"]),
            ("default is bound, as itself and by its user name, to a role that is gone too", "
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: shop}, roleRef: {kind: ClusterRole, name: view}, subjects: [{kind: ServiceAccount, name: default}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b}, roleRef: {kind: ClusterRole, name: gone}, subjects: [{kind: User, name: 'system:serviceaccount:shop:default'}]}",
            &["RoleBinding a: DefaultServiceAccountBound", "ClusterRoleBinding b: DefaultServiceAccountBound"]),
            ("every service account, of the namespace and of all, here and everywhere", "
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: shop}, roleRef: {kind: ClusterRole, name: view}, subjects: [{kind: Group, name: 'system:serviceaccounts:shop'}, {kind: Group, name: 'system:serviceaccounts'}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: metrics}, rules: [{verbs: [get], nonResourceURLs: [/metrics]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b}, roleRef: {kind: ClusterRole, name: metrics}, subjects: [{kind: Group, name: 'system:serviceaccounts'}]}",
            &["RoleBinding a: AllServiceAccountsBound", "RoleBinding a: AllServiceAccountsBound",
              "ClusterRoleBinding b: AllServiceAccountsBound"]),
            ("a job of no known application", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app.kubernetes.io/name: web}}
spec: {template: {spec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec: {template: {spec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}}}",
            &["Deployment web: SharedServiceAccount", "Job migrate: SharedServiceAccount"]),
        ],
        not_applicable: &[
            ("a mirror pod has no service account", "
apiVersion: v1
kind: Pod
metadata: {name: kube-proxy-node, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: a, image: 'a:1'}]}"),
        ],
        ..Cases::NONE
    };
}
