//! WL-06.

use plumbline_inventory::Kind;
use plumbline_inventory::template::Template;

use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// No pod runs in the process namespace (`hostPID: true`) or the IPC namespace (`hostIPC: true`) of its node.
    ///
    /// ## Why it matters
    ///
    /// With `hostPID` a container sees every process of the node with its command line and environment, can
    /// signal processes of the same user, and reaches other containers' files through `/proc/<pid>/root`. With
    /// `hostIPC` it reads and writes shared memory and message queues of the node's processes.
    ///
    /// ## How it decides
    ///
    /// - `Fail`, reason `HostPid`: `spec.hostPID` is true.
    /// - `Fail`, reason `HostIpc`: `spec.hostIPC` is true.
    /// - Both are fields of the pod: a finding names no container. An absent field is false.
    /// - `shareProcessNamespace` shares processes among the containers of one pod only: it does not count.
    /// - Windows pods are not applicable: the API server refuses both fields for them.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// spec:
    ///   hostPID: true                  # Fail, HostPid
    ///   shareProcessNamespace: true    # passes
    /// ```
    ///
    /// ## How to fix
    ///
    /// Remove `hostPID` and `hostIPC`. Containers of one pod that have to see each other's processes can use
    /// `shareProcessNamespace`. Node agents that need the host's processes belong into a waiver.
    id: "WL-06",
    slug: "host-pid-or-ipc",
    title: "No hostPID, no hostIPC",
    section: Workloads,
    level: Required,
    severity: Critical,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("shares processes or IPC of the node", "share processes or IPC of the node"),
    remediation: "Remove hostPID and hostIPC from the pod spec; use shareProcessNamespace within a pod.",
    references: [
        "CIS 5.2.3", "CIS 5.2.4", "Trivy KSV-0010", "Trivy KSV-0008", "Kubescape C-0038", "Kubescape C-0275",
        "Kubescape C-0276", "Polaris hostPIDSet", "Polaris hostIPCSet", "kube-linter host-pid",
        "kube-linter host-ipc", "kubeaudit hostns", "Checkov CKV_K8S_1", "Checkov CKV_K8S_3",
        "Checkov CKV_K8S_17", "Checkov CKV_K8S_18",
    ],
    systems: [],
    checks: [Check::Template(check)],
}

fn check(template: &Template, _: &Parameters, findings: &mut Findings) {
    if template.is_windows() {
        findings.not_applicable();
        return;
    }
    if template.host_pid {
        findings.object("HostPid", "spec.hostPID is true");
    }
    if template.host_ipc {
        findings.object("HostIpc", "spec.hostIPC is true");
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            (
                "an absent field is false",
                "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {hostPID: false, containers: [{name: web, image: web:1}]}",
            ),
            (
                "shareProcessNamespace is something else",
                "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {shareProcessNamespace: true, containers: [{name: web, image: web:1}, {name: log, image: log:1}]}",
            ),
        ],
        fail: &[
            (
                "each namespace is a finding, of the pod and not of its containers",
                "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  template:
    spec: {hostPID: true, hostIPC: true, containers: [{name: a, image: a:1}, {name: b, image: b:1}]}",
                &["DaemonSet agent: HostPid", "DaemonSet agent: HostIpc"],
            ),
            (
                "hostIPC alone",
                "
apiVersion: batch/v1
kind: Job
metadata: {name: load}
spec: {template: {spec: {hostIPC: true, containers: [{name: a, image: a:1}]}}}",
                &["Job load: HostIpc"],
            ),
        ],
        not_applicable: &[(
            "the fields cannot be set for Windows",
            "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {os: {name: windows}, containers: [{name: web, image: web:1}]}",
        )],
        ..Cases::NONE
    };
}
