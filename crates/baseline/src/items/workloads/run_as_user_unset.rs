//! WL-02.

use plumbline_inventory::Kind;
use plumbline_inventory::template::Template;

use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// `runAsUser` is set for every Linux container, in its own security context or in that of its pod.
    ///
    /// ## Why it matters
    ///
    /// Without it the image decides on the user, and a new build of the image can change it unnoticed. A set uid
    /// also makes file ownership on volumes predictable.
    ///
    /// ## How it decides
    ///
    /// - `Fail`, reason `RunAsUserUnset`: neither the container nor the pod sets `runAsUser`.
    /// - Any value passes, 0 too: that a container runs as root is what WL-01 says.
    /// - `runAsNonRoot` sets no user, and the uid that the kubelet reports comes from the image: neither passes.
    /// - Live pods decide: a uid that admission gives them (the security context constraints of OpenShift) counts.
    /// - Pod Security admission has no such rule.
    /// - Windows pods are not applicable: they have `runAsUserName` instead.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// securityContext:
    ///   runAsNonRoot: true     # sets no user
    /// containers:
    /// - name: web              # Fail, RunAsUserUnset
    /// - name: proxy
    ///   securityContext:
    ///     runAsUser: 1337      # passes
    /// ```
    ///
    /// ## How to fix
    ///
    /// Set `securityContext.runAsUser` of the pod to a uid other than 0, best above 10000 and one for each
    /// application.
    id: "WL-02",
    slug: "run-as-user-unset",
    title: "runAsUser is set for every application",
    section: Workloads,
    level: Required,
    severity: Medium,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("leaves the user to the image", "leave the user to the image"),
    remediation: "Set securityContext.runAsUser to a uid other than 0, on the pod or on each container.",
    references: [
        "Trivy KSV-0020", "Kubescape C-0013", "Checkov CKV_K8S_40",
        "kube-score container-security-context-user-group-id", "Kyverno require-unique-uid",
    ],
    systems: [],
    checks: [Check::Template(check)],
}

fn check(template: &Template, _: &Parameters, findings: &mut Findings) {
    if template.is_windows() {
        findings.not_applicable();
        return;
    }
    for container in &template.containers {
        if template.run_as_user(container).is_none() {
            findings.container(
                &container.name,
                "RunAsUserUnset",
                "securityContext.runAsUser is unset",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a container inherits from its pod", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {runAsUser: 1000}
  initContainers: [{name: init, image: init:1, securityContext: {}}]
  containers: [{name: web, image: web:1, securityContext: {runAsUser: 2000}}]"),
            ("0 is a user", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {runAsUser: 0}}]}"),
            ("a uid that OpenShift gave the live pod counts", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, uid: d1}
spec: {template: {spec: {containers: [{name: web, image: web:1}]}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, uid: r1, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: d1, controller: true}]}
spec: {template: {spec: {containers: [{name: web, image: web:1}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-x, uid: p1, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: r1, controller: true}]}
spec: {containers: [{name: web, image: web:1, securityContext: {runAsUser: 1000650000}}]}
status: {phase: Running}"),
        ],
        fail: &[
            ("neither runAsNonRoot nor an observed uid sets it", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {runAsNonRoot: true}
  initContainers: [{name: init, image: init:1, securityContext: {runAsUser: 1000}}]
  containers: [{name: web, image: web:1}]
  ephemeralContainers: [{name: debugger, image: busybox:1}]
status: {containerStatuses: [{name: web, user: {linux: {uid: 1000, gid: 1000}}}]}",
            &["Pod web/web: RunAsUserUnset", "Pod web/debugger: RunAsUserUnset"]),
        ],
        not_applicable: &[("Windows users have names", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {os: {name: windows}, containers: [{name: web, image: web:1}]}")],
        ..Cases::NONE
    };
}
