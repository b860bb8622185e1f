//! WL-05.

use plumbline_inventory::Kind;
use plumbline_inventory::template::Template;

use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// Every Linux container sets `securityContext.readOnlyRootFilesystem: true`, in init, ordinary and
    /// ephemeral containers alike.
    ///
    /// ## Why it matters
    ///
    /// On a writable root filesystem an attacker can replace binaries, drop tools and change configuration, and
    /// the container goes on with them until it is replaced.
    ///
    /// ## How it decides
    ///
    /// - `Fail`, reason `WritableRootFilesystem`: the field is unset or false; unset means false.
    /// - The field exists on containers only. In the security context of a pod it has no effect.
    /// - Writable volumes (`emptyDir` and others) are what a container should write to: they do not count.
    /// - A privileged container passes if it sets the field, although it can mount the filesystem writable again:
    ///   it fails WL-04.
    /// - Ephemeral containers fail like others; the message says that they go with the pod.
    /// - Windows pods are not applicable: they cannot have the field.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// containers:
    /// - name: web
    ///   securityContext:
    ///     readOnlyRootFilesystem: true
    ///   volumeMounts:
    ///   - {name: tmp, mountPath: /tmp}      # passes: an emptyDir may be written to
    /// - name: proxy                         # Fail, WritableRootFilesystem
    /// volumes:
    /// - {name: tmp, emptyDir: {}}
    /// ```
    ///
    /// ## How to fix
    ///
    /// Set `readOnlyRootFilesystem: true` and mount an `emptyDir` on each path that the program writes to, such
    /// as `/tmp`, caches and sockets.
    id: "WL-05",
    slug: "writable-root-filesystem",
    title: "readOnlyRootFilesystem is true",
    section: Workloads,
    level: Recommended,
    severity: Medium,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("has a writable root filesystem", "have a writable root filesystem"),
    remediation: "Set securityContext.readOnlyRootFilesystem to true; mount an emptyDir where the container has to write.",
    references: [
        "Trivy KSV-0014", "Kubescape C-0017", "Polaris notReadOnlyRootFilesystem",
        "kube-linter no-read-only-root-fs", "kubeaudit rootfs", "Checkov CKV_K8S_22",
        "kube-score container-security-context-readonlyrootfilesystem",
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
        if !container.read_only_root_filesystem {
            findings.container(
                &container.name,
                "WritableRootFilesystem",
                "securityContext.readOnlyRootFilesystem is not true",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::{self, Cases};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a writable emptyDir is fine", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: web, image: web:1, securityContext: {readOnlyRootFilesystem: true}, volumeMounts: [{name: tmp, mountPath: /tmp}]}
  volumes: [{name: tmp, emptyDir: {}}]"),
            ("a privileged container that sets the field", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {readOnlyRootFilesystem: true, privileged: true}}]}"),
        ],
        fail: &[
            ("unset is false, and a pod has no such field", "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  template:
    spec:
      securityContext: {readOnlyRootFilesystem: true}
      initContainers: [{name: init, image: init:1, restartPolicy: Always, securityContext: {readOnlyRootFilesystem: false}}]
      containers: [{name: a, image: a:1}, {name: b, image: b:1, securityContext: {readOnlyRootFilesystem: true}}]",
            &["StatefulSet db/init: WritableRootFilesystem", "StatefulSet db/a: WritableRootFilesystem"]),
            ("an ephemeral container", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: web:1, securityContext: {readOnlyRootFilesystem: true}}]
  ephemeralContainers: [{name: debugger, image: busybox:1}]",
            &["Pod web/debugger: WritableRootFilesystem"]),
        ],
        not_applicable: &[("Windows has no such field, told by the node selector", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {nodeSelector: {kubernetes.io/os: windows}, containers: [{name: web, image: web:1}]}")],
        ..Cases::NONE
    };

    #[test]
    fn findings_say_that_ephemeral_containers_go_with_the_pod() {
        let (_, manifests, _) = CASES.fail[1];
        let outcome = testing::evaluate(
            &super::ITEM,
            &testing::inventory(manifests),
            &Parameters::default(),
        );
        assert_eq!(
            outcome.findings[0].message,
            "securityContext.readOnlyRootFilesystem is not true (ephemeral container, goes with the pod)"
        );
    }
}
