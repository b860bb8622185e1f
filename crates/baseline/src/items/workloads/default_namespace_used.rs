//! WL-12.

use plumbline_inventory::views::{NamespaceView, WorkloadView};
use plumbline_inventory::{Kind, Name};

use crate::items::item;
use crate::{Check, Context, Findings, ObjectRef};

/// The namespace that nothing should be in.
const DEFAULT: &str = "default";

item! {
    /// ## What it checks
    ///
    /// Namespace `default` holds nothing but what Kubernetes itself puts there.
    ///
    /// ## Why it matters
    ///
    /// What lands in `default` usually got there because somebody left the namespace out. Quotas, network
    /// policies, Pod Security labels and role bindings are made for a system's own namespace: in `default` its
    /// objects do without them, beside those of everybody else who forgot.
    ///
    /// ## How it decides
    ///
    /// Only namespace `default` is looked at. `Fail`, reason `InDefaultNamespace`, for each
    ///
    /// - root workload that is active (terminated pods, finished Jobs and owners of zero replicas are not);
    /// - service account other than `default`;
    /// - Service other than `kubernetes`;
    /// - Ingress;
    /// - PersistentVolumeClaim;
    /// - ConfigMap other than `kube-root-ca.crt`, if the operator may read ConfigMaps.
    ///
    /// Every such object counts as one. Without any, the item passes. Cluster-scoped objects are not in a
    /// namespace and do not count.
    ///
    /// `plumbline check -f` takes a manifest without `metadata.namespace` to be in `default`, as `kubectl apply`
    /// does under a context that names no namespace; with `-n` it is in that namespace.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: web              # Fail: without a namespace it lands in default
    /// ```
    ///
    /// ## How to fix
    ///
    /// Make a namespace for the system, write it into `metadata.namespace` of its manifests, and delete the
    /// objects in `default` once the new ones run.
    id: "WL-12",
    slug: "default-namespace-used",
    title: "The default namespace is not used",
    section: Workloads,
    level: Required,
    severity: Low,
    class: A,
    scope: Namespace,
    empty: Pass,
    since: "0.1",
    reads: &Kind::with_workloads::<13>(&[
        Kind::ServiceAccount,
        Kind::Service,
        Kind::Ingress,
        Kind::PersistentVolumeClaim,
    ]),
    optional: &[Kind::ConfigMap],
    failing: ("lies in namespace default", "lie in namespace default"),
    remediation: "Write the system's own namespace into metadata.namespace: a manifest that leaves it out lands in default.",
    references: [
        "CIS 5.6.4", "Trivy KSV-0110", "Kubescape C-0061", "Kubescape C-0212", "Checkov CKV_K8S_21",
        "kube-linter use-namespace", "KICS Using Default Namespace",
    ],
    systems: [],
    checks: [Check::Objects(check)],
}

fn check(namespace: NamespaceView<'_>, _: &Context<'_>, findings: &mut Findings) {
    if **namespace.name() != *DEFAULT {
        return;
    }
    for workload in namespace.workloads().filter(WorkloadView::is_active) {
        let suffix = match workload.external_owner() {
            Some(owner) => format!(" (owned by {owner})"),
            None => String::new(),
        };
        report(namespace, workload.kind(), workload.name(), &suffix, findings);
    }
    let mut found = |kind, name: &Name, stock: &str| {
        if **name != *stock {
            report(namespace, kind, name, "", findings);
        }
    };
    for (name, _) in namespace.service_accounts() {
        found(Kind::ServiceAccount, name, "default");
    }
    for (name, _) in namespace.services() {
        found(Kind::Service, name, "kubernetes");
    }
    for (name, _) in namespace.ingresses() {
        found(Kind::Ingress, name, "");
    }
    for (name, _) in namespace.claims() {
        found(Kind::PersistentVolumeClaim, name, "");
    }
    for (name, _) in namespace.config_maps() {
        found(Kind::ConfigMap, name, "kube-root-ca.crt");
    }
}

fn report(namespace: NamespaceView<'_>, kind: Kind, name: &Name, suffix: &str, findings: &mut Findings) {
    let object = ObjectRef {
        namespace: Some(Name::clone(namespace.name())),
        kind,
        name: Name::clone(name),
    };
    findings.evaluate(1);
    findings.other(
        object,
        "InDefaultNamespace",
        format!("metadata.namespace is default{suffix}"),
    );
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("stock objects, what is inactive, other namespaces and cluster-scoped kinds", STOCK),
        ],
        fail: &[
            ("every kind that counts", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec: {template: {spec: {containers: [{name: web, image: 'web:1'}]}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: default}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: default}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, namespace: default}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: default}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: default}}",
            &["Deployment web: InDefaultNamespace", "ServiceAccount web: InDefaultNamespace",
              "Service web: InDefaultNamespace", "Ingress web: InDefaultNamespace",
              "PersistentVolumeClaim data: InDefaultNamespace", "ConfigMap settings: InDefaultNamespace"]),
            ("a manifest without a namespace is in default", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: 'web:1'}]}",
            &["Pod web: InDefaultNamespace"]),
            ("a pod of a replica set counts once, as its root", "
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web, uid: 00000000-0000-0000-0000-000000000001}
spec: {template: {spec: {containers: [{name: web, image: 'web:1'}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  uid: 00000000-0000-0000-0000-000000000002
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: 00000000-0000-0000-0000-000000000001, controller: true}]
spec: {containers: [{name: web, image: 'web:1'}]}",
            &["ReplicaSet web: InDefaultNamespace"]),
        ],
        ..Cases::NONE
    };

    const STOCK: &str = "
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: default}}
---
{apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: default}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt, namespace: default}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stopped, namespace: default}
spec: {replicas: 0, template: {spec: {containers: [{name: web, image: 'web:1'}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: done, namespace: default}
spec: {containers: [{name: web, image: 'web:1'}]}
status: {phase: Succeeded}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}}";
}
