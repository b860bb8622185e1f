//! AZ-08a.

use std::collections::BTreeSet;

use plumbline_inventory::Kind;
use plumbline_inventory::views::{NamespaceView, WorkloadView};

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// A namespace holds the workloads of one information system, and no system's workloads lie in `default` or
    /// among those of the cluster itself.
    ///
    /// ## Why it matters
    ///
    /// The namespace is what role bindings, quotas, network policies and Pod Security labels are tied to. Systems
    /// that share one share their rights as well: whoever may create a pod there reads the secrets of both.
    ///
    /// ## How it decides
    ///
    /// A workload belongs to the system that its labels or annotations, or the labels of its pods, name. Which do
    /// is `spec.systemLabels` of the baseline: `app.kubernetes.io/part-of`, `meta.helm.sh/release-name`,
    /// `argocd.argoproj.io/instance`, `kustomize.toolkit.fluxcd.io/name`. The first that is there counts. A
    /// workload that lacks the first ones belongs to the system of a workload that has them if a later one agrees:
    /// so the part of a Helm release that is not labelled is one with the part that is. Equal values are one
    /// system, whichever label says it.
    ///
    /// - `Fail`, reason `SeveralSystems`: active root workloads of two or more systems. An umbrella chart whose
    ///   parts name different systems fails too; put `meta.helm.sh/release-name` first in `spec.systemLabels`
    ///   where a release is a system.
    /// - `Fail`, reason `SystemNamespaceUsed`: a workload that names a system lies in `default` or in one of
    ///   `spec.systemNamespaces`. What names none there is the cluster's own (DNS, kube-proxy, CNI).
    /// - `Unknown`, reason `SystemLabelsMissing`: more than `spec.thresholds.keylessWorkloadPercent` of the
    ///   workloads (50) name no system.
    /// - `NotApplicable`: no active workloads, or one of `spec.infrastructureNamespaces`: those are shared by design.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// # both in namespace prod: Fail
    /// metadata: {name: cart, labels: {app.kubernetes.io/part-of: shop}}
    /// metadata: {name: ledger, labels: {app.kubernetes.io/part-of: accounting}}
    /// ```
    ///
    /// ## How to fix
    ///
    /// Give each system namespaces of its own, and label its workloads `app.kubernetes.io/part-of: <system>`. List
    /// namespaces of shared platform services in `spec.infrastructureNamespaces`.
    id: "AZ-08a",
    slug: "shared-namespace",
    title: "Each information system has namespaces of its own",
    section: Authorization,
    level: Required,
    severity: Medium,
    class: A,
    scope: Namespace,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("is shared by systems", "are shared by systems"),
    remediation: "Move each system into namespaces of its own; label workloads app.kubernetes.io/part-of and list platform namespaces in spec.infrastructureNamespaces.",
    references: ["CIS 5.6.1", "Kubescape C-0209", "Trivy KSV-0037", "kube-linter use-namespace"],
    systems: [],
    checks: [Check::Namespace(check)],
}

fn check(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let name = &**namespace.name();
    let workloads: Vec<_> = namespace
        .workloads()
        .filter(WorkloadView::is_active)
        .map(|workload| keys(workload, &context.parameters.system_labels))
        .collect();
    if workloads.is_empty() || context.parameters.infrastructure_namespaces.contains(name) {
        findings.not_applicable();
        return;
    }
    let systems = systems(&workloads);
    let of_the_cluster = context.parameters.system_namespaces.contains(name);
    if of_the_cluster || name == "default" {
        if !systems.is_empty() {
            let message = format!("namespace {name} holds workloads of {}", list(&systems));
            findings.object("SystemNamespaceUsed", message);
        }
    } else if systems.len() > 1 {
        findings.object("SeveralSystems", format!("holds workloads of {}", list(&systems)));
    }
    let keyless = workloads.iter().filter(|keys| first(keys).is_none()).count();
    let limit = context.parameters.keyless_workload_percent as usize;
    if !of_the_cluster && keyless * 100 > limit * workloads.len() {
        let message = format!("more than {limit} % of the workloads name no system: see spec.systemLabels");
        findings.unknown("SystemLabelsMissing", message);
    }
}

/// What a workload says under each of the labels, in their order.
type Keys<'a> = Vec<Option<&'a str>>;

fn keys<'a>(workload: WorkloadView<'a>, labels: &[String]) -> Keys<'a> {
    let sources = [workload.labels(), workload.annotations(), workload.pod_labels()];
    let value = |label: &String| sources.iter().find_map(|source| source.get(label));
    labels
        .iter()
        .map(|label| value(label).filter(|value| !value.is_empty()))
        .collect()
}

/// The first label that is there, with its rank.
fn first<'a>(keys: &Keys<'a>) -> Option<(usize, &'a str)> {
    keys.iter()
        .enumerate()
        .find_map(|(rank, value)| Some((rank, (*value)?)))
}

/// The systems that workloads with these keys make up.
fn systems<'a>(workloads: &[Keys<'a>]) -> BTreeSet<&'a str> {
    let agrees = |(rank, system): (usize, &str)| {
        workloads
            .iter()
            .any(|other| first(other).is_some_and(|(better, _)| better < rank) && other[rank] == Some(system))
    };
    workloads
        .iter()
        .filter_map(first)
        .filter(|key| !agrees(*key))
        .map(|(_, system)| system)
        .collect()
}

/// At most three of the systems by name.
fn list(systems: &BTreeSet<&str>) -> String {
    let named: Vec<&str> = systems.iter().take(3).copied().collect();
    match named.as_slice() {
        [one] => format!("system {one}"),
        [first, second] => format!("systems {first} and {second}"),
        named if systems.len() > 3 => format!("systems {} and others", named.join(", ")),
        named => format!("systems {}", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("one system, said in different places", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: prod, labels: {app.kubernetes.io/part-of: shop}}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b, namespace: prod}
spec: {template: {metadata: {labels: {app.kubernetes.io/part-of: shop}}, spec: {containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: c, namespace: prod, annotations: {meta.helm.sh/release-name: shop}}
spec: {template: {spec: {containers: [{name: a, image: 'a:1'}]}}}"),
            ("the unlabelled part of a release is one with the labelled part", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: prometheus, namespace: prod, labels: {app.kubernetes.io/part-of: kube-prometheus-stack}, annotations: {meta.helm.sh/release-name: monitoring}}
spec: {template: {spec: {containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: grafana, namespace: prod, annotations: {meta.helm.sh/release-name: monitoring}}
spec: {template: {spec: {containers: [{name: a, image: 'a:1'}]}}}"),
            ("half of the workloads may name no system; one that is stopped does not count", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: prod, labels: {app.kubernetes.io/part-of: shop}}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: prod}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: c, namespace: prod, labels: {app.kubernetes.io/part-of: other}}
spec: {replicas: 0, template: {spec: {containers: [{name: a, image: 'a:1'}]}}}"),
            ("what names no system in kube-system is the cluster's own", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec: {template: {spec: {containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-cp, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: a, image: 'a:1'}]}"),
        ],
        fail: &[
            ("two systems", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: prod, labels: {app.kubernetes.io/part-of: shop}}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: prod, labels: {argocd.argoproj.io/instance: accounting}}
spec: {containers: [{name: a, image: 'a:1'}]}",
            &["Namespace prod: SeveralSystems"]),
            ("one Flux kustomization that brings two systems", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: prod, labels: {app.kubernetes.io/part-of: shop, kustomize.toolkit.fluxcd.io/name: apps}}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: prod, labels: {app.kubernetes.io/part-of: accounting, kustomize.toolkit.fluxcd.io/name: apps}}
spec: {containers: [{name: a, image: 'a:1'}]}",
            &["Namespace prod: SeveralSystems"]),
            ("a system in a namespace of the cluster", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: kube-system, labels: {app.kubernetes.io/part-of: shop}}
spec: {containers: [{name: a, image: 'a:1'}]}",
            &["Namespace kube-system: SystemNamespaceUsed"]),
            ("a system in default", "
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app.kubernetes.io/part-of: shop}}
spec: {containers: [{name: a, image: 'a:1'}]}",
            &["Namespace default: SystemNamespaceUsed"]),
        ],
        not_applicable: &[
            ("a namespace of platform services", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: platform, labels: {app.kubernetes.io/part-of: ingress}}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: platform, labels: {app.kubernetes.io/part-of: monitoring}}
spec: {containers: [{name: a, image: 'a:1'}]}"),
            ("no workloads", "{apiVersion: v1, kind: Namespace, metadata: {name: empty}}"),
        ],
        unknown: &[
            ("most workloads name no system", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: prod, labels: {app.kubernetes.io/part-of: ''}}
spec: {containers: [{name: a, image: 'a:1'}]}",
            "SystemLabelsMissing"),
        ],
        parameters: Some(|| Parameters {
            infrastructure_namespaces: ["platform".to_owned()].into(),
            ..Parameters::default()
        }),
    };
}
