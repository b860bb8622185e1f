//! WL-04.

use plumbline_inventory::Kind;
use plumbline_inventory::template::Template;

use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// No container of a workload runs privileged: neither `securityContext.privileged: true` on Linux nor
    /// `windowsOptions.hostProcess: true` on Windows, in init, ordinary and ephemeral containers alike.
    ///
    /// ## Why it matters
    ///
    /// A privileged container has every capability and every device of the node, and no seccomp or AppArmor
    /// profile. Whoever controls it controls the node, and with it every pod and credential there.
    ///
    /// ## How it decides
    ///
    /// - `Fail`, reason `PrivilegedContainer`: a Linux container sets `privileged: true`.
    /// - `Fail`, reason `HostProcessContainer`: `hostProcess: true` holds for a Windows container; the
    ///   container's own value wins over the pod's.
    /// - `Fail`, reason `UnmaskedProc` (high): a container sets `procMount: Unmasked`, which opens the parts of
    ///   `/proc` that the runtime hides.
    /// - An absent `privileged` is `false`.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// containers:
    /// - name: agent
    ///   securityContext:
    ///     privileged: true      # Fail
    /// ```
    ///
    /// ## How to fix
    ///
    /// Remove `privileged`. Where a container needs one device or one kernel feature, give it that capability
    /// or a device plugin instead.
    id: "WL-04",
    slug: "privileged-container",
    title: "No privileged containers",
    section: Workloads,
    level: Required,
    severity: Critical,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("runs privileged containers", "run privileged containers"),
    remediation: "Remove securityContext.privileged (Windows: hostProcess); grant the single capability or device that is needed.",
    references: [
        "CIS 5.2.2", "CIS 5.2.10", "Trivy KSV-0017", "Trivy KSV-0103", "Kubescape C-0057", "Kubescape C-0193",
        "Kubescape C-0202", "Polaris runAsPrivileged", "Polaris hostProcess", "kube-linter privileged-container",
        "kubeaudit privileged", "Checkov CKV_K8S_2", "Checkov CKV_K8S_16",
    ],
    systems: [],
    checks: [Check::Template(check)],
}

fn check(template: &Template, _: &Parameters, findings: &mut Findings) {
    for container in &template.containers {
        if template.is_windows() {
            if template.host_process(container) {
                findings.container(
                    &container.name,
                    "HostProcessContainer",
                    "windowsOptions.hostProcess is true",
                );
            }
            continue;
        }
        if container.privileged {
            findings.container(
                &container.name,
                "PrivilegedContainer",
                "securityContext.privileged is true",
            );
        }
        if container.proc_mount_unmasked {
            let message = "securityContext.procMount is Unmasked";
            findings.container_at(crate::Severity::High, &container.name, "UnmaskedProc", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("an absent field is false", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {}}]}"),
            ("Windows does not know `privileged`", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {os: {name: windows}, containers: [{name: web, image: web:1, securityContext: {privileged: true}}]}"),
        ],
        fail: &[
            ("containers of every role count", "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  template:
    spec:
      initContainers: [{name: init, image: init:1, securityContext: {privileged: true}}]
      containers: [{name: agent, image: agent:1}, {name: dind, image: docker:27-dind, securityContext: {privileged: true}}]",
            &["DaemonSet agent/dind: PrivilegedContainer", "DaemonSet agent/init: PrivilegedContainer"]),
            ("an ephemeral container of a live pod", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: web:1}]
  ephemeralContainers: [{name: debugger, image: busybox:1, securityContext: {privileged: true}}]",
            &["Pod web/debugger: PrivilegedContainer"]),
            ("hostProcess of the pod holds where the container says nothing", "
apiVersion: v1
kind: Pod
metadata: {name: node-agent}
spec:
  nodeSelector: {kubernetes.io/os: windows}
  securityContext: {windowsOptions: {hostProcess: true}}
  containers: [{name: a, image: a:1}, {name: b, image: b:1, securityContext: {windowsOptions: {hostProcess: false}}}]",
            &["Pod node-agent/a: HostProcessContainer"]),
            ("procMount", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {hostUsers: false, containers: [{name: web, image: web:1, securityContext: {procMount: Unmasked}}]}",
            &["Pod web/web: UnmaskedProc, high"]),
        ],
        ..Cases::NONE
    };
}
