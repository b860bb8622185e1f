//! WL-03.

use plumbline_inventory::Kind;
use plumbline_inventory::template::Template;

use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// Every Linux container sets `securityContext.allowPrivilegeEscalation: false`, in init, ordinary and
    /// ephemeral containers alike.
    ///
    /// ## Why it matters
    ///
    /// The field sets the `no_new_privs` flag of the process. Without it a set-uid or set-gid binary, or one
    /// with file capabilities, gives a process in the container more rights than it was started with.
    ///
    /// ## How it decides
    ///
    /// - `Fail`, reason `PrivilegeEscalationUnset`: the field is unset, which means true.
    /// - `Fail`, reason `PrivilegeEscalationAllowed`: the field is true.
    /// - The field exists on containers only. In the security context of a pod it has no effect.
    /// - A literal `false` passes whatever stands beside it. The API server refuses it beside
    ///   `privileged: true` and beside the added capability `CAP_SYS_ADMIN`, but accepts it beside the spelling
    ///   `SYS_ADMIN`; such containers fail WL-04 and WL-11.
    /// - Windows pods are not applicable: they cannot have the field.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// securityContext:                        # of the pod: no effect
    ///   allowPrivilegeEscalation: false
    /// containers:
    /// - name: web                             # Fail, PrivilegeEscalationUnset
    /// - name: proxy
    ///   securityContext:
    ///     allowPrivilegeEscalation: false     # passes
    /// ```
    ///
    /// ## How to fix
    ///
    /// Set `securityContext.allowPrivilegeEscalation: false` on every container, the init containers included.
    /// A program that needs a set-uid helper has to be given the right itself or be built without the helper.
    id: "WL-03",
    slug: "privilege-escalation-allowed",
    title: "allowPrivilegeEscalation is false",
    section: Workloads,
    level: Required,
    severity: High,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("allows privilege escalation", "allow privilege escalation"),
    remediation: "Set securityContext.allowPrivilegeEscalation to false on every container; the pod has no such field.",
    references: [
        "CIS 5.2.6", "Trivy KSV-0001", "Kubescape C-0016", "Polaris privilegeEscalationAllowed",
        "kube-linter privilege-escalation-container", "kubeaudit privesc", "Checkov CKV_K8S_5",
        "Checkov CKV_K8S_20", "KICS privilege_escalation_allowed",
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
        match container.allow_privilege_escalation {
            Some(false) => {}
            Some(true) => findings.container(
                &container.name,
                "PrivilegeEscalationAllowed",
                "securityContext.allowPrivilegeEscalation is true",
            ),
            None => findings.container(
                &container.name,
                "PrivilegeEscalationUnset",
                "securityContext.allowPrivilegeEscalation is unset, which means true",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("every container says false", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      initContainers: [{name: init, image: init:1, securityContext: {allowPrivilegeEscalation: false}}]
      containers: [{name: web, image: web:1, securityContext: {allowPrivilegeEscalation: false}}]"),
            ("a literal false stays a pass beside SYS_ADMIN, which the API server accepts", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: web, image: web:1, securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [SYS_ADMIN]}}}"),
            ("a literal false stays a pass beside privileged, which the API server refuses", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: web:1, securityContext: {allowPrivilegeEscalation: false, privileged: true}}]"),
        ],
        fail: &[
            ("unset means true, with and without a security context", "
apiVersion: batch/v1
kind: CronJob
metadata: {name: backup}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers: [{name: init, image: init:1, securityContext: {allowPrivilegeEscalation: true}}]
          containers: [{name: a, image: a:1}, {name: b, image: b:1, securityContext: {}}]",
            &["CronJob backup/init: PrivilegeEscalationAllowed", "CronJob backup/a: PrivilegeEscalationUnset",
              "CronJob backup/b: PrivilegeEscalationUnset"]),
            ("a pod has no such field", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {securityContext: {allowPrivilegeEscalation: false}, containers: [{name: web, image: web:1}]}",
            &["Pod web/web: PrivilegeEscalationUnset"]),
            ("an ephemeral container counts", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: web:1, securityContext: {allowPrivilegeEscalation: false}}]
  ephemeralContainers: [{name: debugger, image: busybox:1}]",
            &["Pod web/debugger: PrivilegeEscalationUnset"]),
        ],
        not_applicable: &[("Windows has no such flag", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {os: {name: windows}, containers: [{name: web, image: web:1}]}")],
        ..Cases::NONE
    };
}
