//! WL-13.

use plumbline_inventory::Kind;
use plumbline_inventory::lean::ProfileType;
use plumbline_inventory::template::{Container, Template};

use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// A seccomp profile, an AppArmor profile or an SELinux type confines every Linux container, and none of them
    /// is switched off.
    ///
    /// ## Why it matters
    ///
    /// The kernel is what containers of a node share. A seccomp profile closes system calls that no ordinary
    /// program needs, AppArmor and SELinux keep a process from files and devices that are not its own: each stops
    /// a part of the known ways out of a container.
    ///
    /// ## How it decides
    ///
    /// What holds for a container is
    ///
    /// - for seccomp: `seccompProfile` of the container, then of the pod. The former seccomp annotations have no
    ///   effect since v1.27;
    /// - for AppArmor: `appArmorProfile` of the container, then the annotation
    ///   `container.apparmor.security.beta.kubernetes.io/<container>` of the pod, then `appArmorProfile` of the pod;
    /// - for SELinux: `seLinuxOptions` of the container as a whole, then of the pod. The container's options
    ///   without a `type` have the runtime's type, not the pod's.
    ///
    /// Of these:
    ///
    /// - `Fail`, reason `Unconfined`: seccomp or AppArmor is `Unconfined`, or the SELinux type is `spc_t`,
    ///   `unconfined_t`, `unconfined_service_t`, `init_t` or `kernel_t`, whatever the others are.
    /// - `Fail`, reason `PrivilegedContainer`: `privileged` is true, which switches off seccomp, SELinux and the
    ///   runtime's AppArmor profile. An AppArmor profile of type `Localhost` stays in force: passes.
    /// - `Fail`, reason `NoProfile`: none is set. On a node with AppArmor or SELinux the runtime confines such a
    ///   container all the same; the API does not tell whether a node has them. Nor does it tell whether
    ///   the kubelet runs with `seccompDefault`.
    /// - Else one of seccomp `RuntimeDefault` or `Localhost`, AppArmor `RuntimeDefault` or `Localhost`, or another
    ///   SELinux type passes.
    /// - Dropped capabilities do not count: they are WL-11.
    /// - Windows pods are not applicable.
    ///
    /// Pod Security admission (level `restricted`) always wants a seccomp profile.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// securityContext:
    ///   seccompProfile: {type: RuntimeDefault}
    /// containers:
    /// - name: web                                    # passes
    /// - name: debug
    ///   securityContext:
    ///     seccompProfile: {type: Unconfined}         # Fail, Unconfined: the container's value wins
    /// ```
    ///
    /// ## How to fix
    ///
    /// Set `securityContext.seccompProfile.type: RuntimeDefault` on the pod and take contrary values out of the
    /// containers. Better still is a profile made for the program, of type `Localhost`: the Security Profiles
    /// Operator and oci-seccomp-bpf-hook record them, Udica writes SELinux policies.
    id: "WL-13",
    slug: "no-kernel-confinement-profile",
    title: "A seccomp, AppArmor or SELinux profile confines the application",
    section: Workloads,
    level: Required,
    severity: Medium,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("runs without a confinement profile", "run without a confinement profile"),
    remediation: "Set securityContext.seccompProfile.type to RuntimeDefault on the pod, or give the containers a profile of their own.",
    references: [
        "CIS 4.2.14", "CIS 5.6.2", "Trivy KSV-0002", "Trivy KSV-0025", "Trivy KSV-0030", "Trivy KSV-0104",
        "Kubescape C-0055", "Kubescape C-0210", "Polaris linuxHardening", "kubeaudit apparmor",
        "kubeaudit seccomp", "Checkov CKV_K8S_31", "kubesec seccomp",
    ],
    systems: ["Udica", "oci-seccomp-bpf-hook"],
    checks: [Check::Template(check)],
}

/// `SELinux` types that confine next to nothing.
const UNCONFINED_TYPES: [&str; 5] = [
    "spc_t",
    "unconfined_t",
    "unconfined_service_t",
    "init_t",
    "kernel_t",
];

fn check(template: &Template, _: &Parameters, findings: &mut Findings) {
    if template.is_windows() {
        findings.not_applicable();
        return;
    }
    for container in &template.containers {
        let unconfined = unconfined(template, container);
        let apparmor = template.apparmor(container);
        if !unconfined.is_empty() {
            findings.container(&container.name, "Unconfined", unconfined.join(", "));
        } else if container.privileged {
            if apparmor != Some(ProfileType::Localhost) {
                let message = "securityContext.privileged is true, which switches off profiles";
                findings.container(&container.name, "PrivilegedContainer", message);
            }
        } else if template.seccomp(container).is_none()
            && apparmor.is_none()
            && template.selinux_type(container).is_none()
        {
            let message = "no seccompProfile, appArmorProfile or seLinuxOptions.type is set";
            findings.container(&container.name, "NoProfile", message);
        }
    }
}

/// What switches confinement off, each as it is written.
fn unconfined(template: &Template, container: &Container) -> Vec<String> {
    let mut found = Vec::new();
    if template.seccomp(container) == Some(ProfileType::Unconfined) {
        found.push("seccompProfile.type is Unconfined".to_owned());
    }
    if template.apparmor(container) == Some(ProfileType::Unconfined) {
        found.push("the AppArmor profile is unconfined".to_owned());
    }
    if let Some(kind) = template.selinux_type(container)
        && UNCONFINED_TYPES.contains(&kind)
    {
        found.push(format!("seLinuxOptions.type is {kind}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("seccomp of the pod or of the container, the runtime's or one's own", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {seccompProfile: {type: RuntimeDefault}}
  initContainers: [{name: init, image: init:1, securityContext: {}}]
  containers: [{name: web, image: web:1, securityContext: {seccompProfile: {type: Localhost, localhostProfile: web.json}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: db}
spec:
  securityContext: {seccompProfile: {type: Unconfined}}
  containers: [{name: db, image: db:1, securityContext: {seccompProfile: {type: RuntimeDefault}}}]"),
            ("AppArmor by field", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {appArmorProfile: {type: Unconfined}}
  containers:
  - {name: a, image: a:1, securityContext: {appArmorProfile: {type: RuntimeDefault}}}
  - {name: b, image: b:1, securityContext: {appArmorProfile: {type: Localhost, localhostProfile: b}}}"),
            ("AppArmor by annotation, which wins over the pod's field; the container's field wins over it", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata:
      annotations:
        container.apparmor.security.beta.kubernetes.io/a: runtime/default
        container.apparmor.security.beta.kubernetes.io/b: localhost/web
        container.apparmor.security.beta.kubernetes.io/c: unconfined
    spec:
      securityContext: {appArmorProfile: {type: Unconfined}}
      containers:
      - {name: a, image: a:1}
      - {name: b, image: b:1}
      - {name: c, image: c:1, securityContext: {appArmorProfile: {type: RuntimeDefault}}}"),
            ("an SELinux type", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {securityContext: {seLinuxOptions: {type: container_t}}, containers: [{name: web, image: web:1}]}"),
            ("options without a type replace the pod's, and do not stand in the way of seccomp", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {seLinuxOptions: {type: spc_t}, seccompProfile: {type: RuntimeDefault}}
  containers: [{name: web, image: web:1, securityContext: {seLinuxOptions: {level: 's0:c1,c2'}}}]"),
            ("an AppArmor profile of one's own stays in force for a privileged container", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: web, image: web:1, securityContext: {privileged: true, appArmorProfile: {type: Localhost, localhostProfile: web}}}"),
        ],
        fail: &[
            ("nothing is set; dropped capabilities and seccomp annotations are no profile", "
apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {seccomp.security.alpha.kubernetes.io/pod: runtime/default}}
spec:
  securityContext: {}
  initContainers: [{name: init, image: init:1}]
  containers: [{name: web, image: web:1, securityContext: {capabilities: {drop: [ALL]}}}]
  ephemeralContainers: [{name: debugger, image: busybox:1}]",
            &["Pod web/init: NoProfile", "Pod web/web: NoProfile", "Pod web/debugger: NoProfile"]),
            ("Unconfined of the container wins over the pod's profile, and over other profiles", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {seccompProfile: {type: RuntimeDefault}}
  containers:
  - {name: a, image: a:1, securityContext: {seccompProfile: {type: Unconfined}}}
  - {name: b, image: b:1, securityContext: {appArmorProfile: {type: Unconfined}}}
  - {name: c, image: c:1, securityContext: {seLinuxOptions: {type: spc_t}}}
  - {name: d, image: d:1, securityContext: {seccompProfile: {type: Unconfined}, appArmorProfile: {type: RuntimeDefault}}}",
            &["Pod web/a: Unconfined", "Pod web/b: Unconfined", "Pod web/c: Unconfined", "Pod web/d: Unconfined"]),
            ("an annotation counts for its container only, and wins over the pod's field", "
apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {container.apparmor.security.beta.kubernetes.io/a: unconfined}}
spec:
  securityContext: {appArmorProfile: {type: RuntimeDefault}}
  containers: [{name: a, image: a:1}, {name: b, image: b:1}]",
            &["Pod web/a: Unconfined"]),
            ("an annotation of another container is none", "
apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {container.apparmor.security.beta.kubernetes.io/a: runtime/default}}
spec: {containers: [{name: a, image: a:1}, {name: b, image: b:1}]}",
            &["Pod web/b: NoProfile"]),
            ("SELinux types that confine nothing", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {seLinuxOptions: {type: unconfined_t}}
  containers:
  - {name: a, image: a:1, securityContext: {seLinuxOptions: {}}}
  - {name: b, image: b:1, securityContext: {seLinuxOptions: {type: unconfined_service_t}}}
  - {name: c, image: c:1, securityContext: {seLinuxOptions: {type: init_t}}}
  - {name: d, image: d:1, securityContext: {seLinuxOptions: {type: kernel_t}}}
  - {name: e, image: e:1, securityContext: {seLinuxOptions: {type: container_t}}}",
            &["Pod web/a: Unconfined", "Pod web/b: Unconfined", "Pod web/c: Unconfined", "Pod web/d: Unconfined"]),
            ("options without a type are no profile", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {seLinuxOptions: {type: container_t}}
  containers: [{name: web, image: web:1, securityContext: {seLinuxOptions: {level: 's0:c1,c2'}}}]",
            &["Pod web/web: NoProfile"]),
            ("privileged switches off all but an AppArmor profile of one's own", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}, seLinuxOptions: {type: container_t}}
  containers:
  - {name: a, image: a:1, securityContext: {privileged: true}}
  - {name: b, image: b:1, securityContext: {privileged: true, appArmorProfile: {type: RuntimeDefault}}}
  - name: c
    image: c:1
    securityContext:
      privileged: true
      seccompProfile: {type: Unconfined}
      appArmorProfile: {type: Localhost, localhostProfile: c}",
            &["Pod web/a: PrivilegedContainer", "Pod web/b: PrivilegedContainer", "Pod web/c: Unconfined"]),
        ],
        not_applicable: &[("Windows has none of these", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {os: {name: windows}, containers: [{name: web, image: web:1}]}")],
        ..Cases::NONE
    };
}
