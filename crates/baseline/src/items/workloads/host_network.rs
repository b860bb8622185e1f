//! WL-07.

use plumbline_inventory::Kind;
use plumbline_inventory::template::Template;

use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// No pod runs in the network namespace of its node (`hostNetwork: true`).
    ///
    /// ## Why it matters
    ///
    /// Such a pod reaches what listens on the node's loopback interface and the cloud's metadata service under
    /// the node's address, can listen on any port of the node, and can watch its traffic if it has `NET_RAW`.
    /// Most network plugins apply no `NetworkPolicy` to it.
    ///
    /// ## How it decides
    ///
    /// - `Fail`, reason `HostNetwork`: `spec.hostNetwork` is true. An absent field is false.
    /// - It is a field of the pod: a finding names no container.
    /// - Every `containerPort` of such a pod is a `hostPort` too: the API server sets it by default.
    /// - There is no list of exempt workloads. The control plane's mirror pods and network plugins run in the
    ///   namespaces of `spec.systemNamespaces`, where findings count as waived; elsewhere a waiver is needed.
    /// - Windows pods count: the field is valid for them, host-process containers even need it, and Pod Security
    ///   admission knows no exception either.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// spec:
    ///   hostNetwork: true        # Fail
    ///   containers:
    ///   - name: web
    ///     ports:
    ///     - containerPort: 8080  # hostPort 8080 as well
    /// ```
    ///
    /// ## How to fix
    ///
    /// Remove `hostNetwork` and publish the ports by a `Service`. An agent that has to see the node's interfaces
    /// belongs into a waiver.
    id: "WL-07",
    slug: "host-network",
    title: "No hostNetwork",
    section: Workloads,
    level: Required,
    severity: High,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("uses the network of the node", "use the network of the node"),
    remediation: "Remove hostNetwork from the pod spec and publish ports by a Service.",
    references: [
        "CIS 5.2.5", "Trivy KSV-0009", "Kubescape C-0041", "Polaris hostNetworkSet", "kube-linter host-network",
        "kubeaudit hostns", "Checkov CKV_K8S_4", "Checkov CKV_K8S_19",
    ],
    systems: [],
    checks: [Check::Template(check)],
}

fn check(template: &Template, _: &Parameters, findings: &mut Findings) {
    if template.host_network {
        findings.object("HostNetwork", "spec.hostNetwork is true");
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            (
                "an absent field is false, and a hostPort alone is another matter",
                "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, ports: [{containerPort: 80, hostPort: 80}]}]}",
            ),
            (
                "a Windows pod",
                "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {os: {name: windows}, containers: [{name: web, image: web:1}]}",
            ),
        ],
        fail: &[
            (
                "once for the pod",
                "
apiVersion: apps/v1
kind: Deployment
metadata: {name: proxy}
spec: {template: {spec: {hostNetwork: true, containers: [{name: a, image: a:1}, {name: b, image: b:1}]}}}",
                &["Deployment proxy: HostNetwork"],
            ),
            (
                "system namespaces are the engine's business: a mirror pod fails here",
                "
apiVersion: v1
kind: Pod
metadata: {name: kube-proxy, namespace: kube-system, annotations: {kubernetes.io/config.mirror: abc}}
spec: {hostNetwork: true, containers: [{name: kube-proxy, image: kube-proxy:1}]}",
                &["Pod kube-proxy: HostNetwork"],
            ),
            (
                "Windows pods can have it",
                "
apiVersion: v1
kind: Pod
metadata: {name: agent}
spec:
  os: {name: windows}
  hostNetwork: true
  securityContext: {windowsOptions: {hostProcess: true}}
  containers: [{name: agent, image: agent:1}]",
                &["Pod agent: HostNetwork"],
            ),
        ],
        ..Cases::NONE
    };
}
