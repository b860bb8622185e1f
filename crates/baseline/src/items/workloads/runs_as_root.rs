//! WL-01.

use plumbline_inventory::Kind;
use plumbline_inventory::template::{Container, Template};

use crate::items::item;
use crate::{Check, Findings, Parameters, Severity};

item! {
    /// ## What it checks
    ///
    /// No container runs as uid 0 or, on Windows, as an administrator, in init, ordinary and ephemeral containers
    /// alike.
    ///
    /// ## Why it matters
    ///
    /// Root in a container is root on the node as soon as it gets out, by a hole in the kernel or the runtime or
    /// by a mounted path. Without root most such holes are out of reach.
    ///
    /// ## How it decides
    ///
    /// The user of a Linux container is the first of these that is known: `runAsUser` of the container,
    /// `runAsUser` of the pod, the uid that the kubelet reports
    /// (`status.containerStatuses[].user.linux.uid`).
    ///
    /// - `Fail`, reason `RunsAsRoot`: the uid is 0.
    /// - A known uid other than 0 passes.
    /// - The uid is unknown and `runAsNonRoot` is true (the container's own value wins over the pod's): passes.
    ///   The kubelet then refuses to start an image whose user is root or has no numeric uid.
    /// - `Fail`, reason `MayRunAsRoot`: the uid is unknown and `runAsNonRoot` is not true, so the image decides.
    ///   `runAsRoot.unknownImageUser: Pass` in the baseline accepts this. Images are not read.
    /// - `Fail`, reason `MitigatedByUserNamespace` (medium): one of the above, and `hostUsers: false` gives the
    ///   pod a user namespace, in which uid 0 is an ordinary user of the node. `runAsRoot.userNamespaces: Pass`
    ///   in the baseline accepts this.
    /// - `Fail`, reason `RunsAsAdministrator`: `windowsOptions.runAsUserName` of a Windows container is
    ///   `ContainerAdministrator` or `SYSTEM`, with or without a domain, in any case of letters.
    /// - Without `runAsUserName` a Windows container is `MayRunAsRoot` even if `runAsNonRoot` is true: for an
    ///   image without a user the kubelet starts it all the same, and in Server Core images that is
    ///   `ContainerAdministrator`.
    ///
    /// What runs decides, not what Pod Security admission (level `restricted`) would demand. That wants
    /// `runAsNonRoot: true` for every container, and refuses `runAsNonRoot: false` beside uid 1000 and
    /// `runAsUser: 0` of a pod all of whose containers say otherwise: both pass here. From v1.35 on it
    /// allows anything in a user namespace. Where a container runs as root, the message says what
    /// `runAsNonRoot` is.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// securityContext:
    ///   runAsNonRoot: true
    /// containers:
    /// - name: web                   # passes: the kubelet refuses a root image
    /// - name: proxy                 # Fail, MayRunAsRoot: the container's value wins
    ///   securityContext:
    ///     runAsNonRoot: false
    /// - name: agent                 # Fail, RunsAsRoot
    ///   securityContext:
    ///     runAsUser: 0
    /// ```
    ///
    /// ## How to fix
    ///
    /// Set `runAsNonRoot: true` and `runAsUser` to a uid other than 0 on the pod, and take contrary values out of
    /// the containers. On Windows set `windowsOptions.runAsUserName: ContainerUser`.
    id: "WL-01",
    slug: "runs-as-root",
    title: "No container runs as UID 0",
    section: Workloads,
    level: Required,
    severity: High,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("runs or may run as root", "run or may run as root"),
    remediation: "Set securityContext.runAsNonRoot to true and runAsUser to a uid other than 0 (Windows: windowsOptions.runAsUserName to ContainerUser).",
    references: [
        "CIS 5.2.7", "Trivy KSV-0012", "Trivy KSV-0105", "Kubescape C-0013", "Polaris runAsRootAllowed",
        "kube-linter run-as-non-root", "kubeaudit nonroot", "Checkov CKV_K8S_6", "Checkov CKV_K8S_23",
        "kubesec runAsNonRoot", "kube-score container-security-context-user-group-id",
        "KICS containers_running_as_root",
    ],
    systems: [],
    checks: [Check::Template(check)],
}

/// Why a container does not pass.
enum Root {
    Runs(&'static str, String),
    MayRun(String),
}

fn check(template: &Template, parameters: &Parameters, findings: &mut Findings) {
    for container in &template.containers {
        let root = if template.is_windows() {
            on_windows(template, container)
        } else {
            on_linux(template, container)
        };
        let (reason, message) = match root {
            None => continue,
            Some(Root::MayRun(_)) if !parameters.unknown_image_user_fails => continue,
            Some(Root::MayRun(message)) => ("MayRunAsRoot", message),
            Some(Root::Runs(reason, message)) => (reason, message),
        };
        if !template.user_namespace || template.is_windows() {
            findings.container(&container.name, reason, message);
        } else if parameters.root_in_user_namespace_fails {
            let message = format!("{message}; in a user namespace, as hostUsers is false");
            findings.container_at(
                Severity::Medium,
                &container.name,
                "MitigatedByUserNamespace",
                message,
            );
        }
    }
}

fn on_linux(template: &Template, container: &Container) -> Option<Root> {
    let non_root = template.run_as_non_root(container);
    let runs = |message| Some(Root::Runs("RunsAsRoot", message));
    match (template.run_as_user(container), container.observed_uid, non_root) {
        (Some(0), _, _) => {
            let field = if container.security.run_as_user.is_some() {
                "securityContext.runAsUser is 0"
            } else {
                "securityContext.runAsUser of the pod is 0"
            };
            runs(match non_root {
                Some(true) => {
                    format!("{field}; runAsNonRoot is true, so that the kubelet refuses to start it")
                }
                _ => field.to_owned(),
            })
        }
        (None, Some(0), _) => runs(format!(
            "runs as uid 0, the user of its image; runAsNonRoot is {}",
            written(non_root)
        )),
        (Some(_), _, _) | (None, Some(_), _) | (None, None, Some(true)) => None,
        (None, None, _) => Some(Root::MayRun(format!(
            "the image decides on the user: runAsUser is unset, runAsNonRoot is {}",
            written(non_root)
        ))),
    }
}

fn on_windows(template: &Template, container: &Container) -> Option<Root> {
    let Some(name) = template.run_as_user_name(container) else {
        let message = "the image decides on the user: windowsOptions.runAsUserName is unset";
        return Some(Root::MayRun(message.to_owned()));
    };
    let account = name.rsplit('\\').next().unwrap_or(name);
    let is_administrator = ["ContainerAdministrator", "SYSTEM"]
        .iter()
        .any(|administrator| account.eq_ignore_ascii_case(administrator));
    is_administrator.then(|| {
        Root::Runs(
            "RunsAsAdministrator",
            format!("windowsOptions.runAsUserName is {name}"),
        )
    })
}

fn written(flag: Option<bool>) -> &'static str {
    match flag {
        None => "unset",
        Some(false) => "false",
        Some(true) => "true",
    }
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::{self, Cases};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a uid other than 0, of the pod or of the container; runAsNonRoot: false does not make it root", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {runAsUser: 1000, runAsNonRoot: false}
  initContainers: [{name: init, image: init:1, securityContext: {}}]
  containers: [{name: web, image: web:1, securityContext: {runAsUser: 1}}]"),
            ("uid 0 of a pod all of whose containers say otherwise; Pod Security admission would refuse it", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {securityContext: {runAsUser: 0}, containers: [{name: web, image: web:1, securityContext: {runAsUser: 1000}}]}"),
            ("runAsNonRoot, of the pod or of the container", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      securityContext: {runAsNonRoot: false}
      containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: true}}]
---
apiVersion: v1
kind: Pod
metadata: {name: db}
spec: {securityContext: {runAsNonRoot: true}, containers: [{name: db, image: db:1}]}"),
            ("the kubelet reports another user", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers: [{name: init, image: init:1}]
  containers: [{name: web, image: web:1}]
status:
  initContainerStatuses: [{name: init, user: {linux: {uid: 101, gid: 0}}}]
  containerStatuses: [{name: web, user: {linux: {uid: 65532, gid: 65532}}}]"),
            ("what the kubelet reports decides before runAsNonRoot does", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {runAsNonRoot: false}}]}
status: {containerStatuses: [{name: web, user: {linux: {uid: 101}}}]}"),
            ("a Windows user", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  os: {name: windows}
  securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}
  containers: [{name: web, image: web:1, securityContext: {windowsOptions: {runAsUserName: ContainerUser}}}]"),
        ],
        fail: &[
            ("uid 0 of the container wins over the pod's", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {runAsUser: 1000}
  containers: [{name: a, image: a:1}, {name: b, image: b:1, securityContext: {runAsUser: 0}}]
  ephemeralContainers: [{name: debugger, image: busybox:1, securityContext: {runAsUser: 0}}]",
            &["Pod web/b: RunsAsRoot", "Pod web/debugger: RunsAsRoot"]),
            ("uid 0 of the pod, in init containers and sidecars too", "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  template:
    spec:
      securityContext: {runAsUser: 0}
      initContainers: [{name: init, image: init:1}, {name: sidecar, image: sidecar:1, restartPolicy: Always}]
      containers: [{name: db, image: db:1, securityContext: {runAsUser: 70}}]",
            &["StatefulSet db/init: RunsAsRoot", "StatefulSet db/sidecar: RunsAsRoot"]),
            ("uid 0 stays a failure beside runAsNonRoot, although the kubelet refuses to start it", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {securityContext: {runAsNonRoot: true, runAsUser: 0}, containers: [{name: web, image: web:1}]}",
            &["Pod web/web: RunsAsRoot"]),
            ("runAsUser decides before what the kubelet reports", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {securityContext: {runAsUser: 0}, containers: [{name: web, image: web:1}]}
status: {containerStatuses: [{name: web, user: {linux: {uid: 5}}}]}",
            &["Pod web/web: RunsAsRoot"]),
            ("the kubelet reports root", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: web:1}, {name: log, image: log:1}]
  ephemeralContainers: [{name: debugger, image: busybox:1}]
status:
  containerStatuses: [{name: log, user: {linux: {uid: 1}}}, {name: web, user: {linux: {uid: 0}}}]
  ephemeralContainerStatuses: [{name: debugger, user: {linux: {uid: 0}}}]",
            &["Pod web/web: RunsAsRoot", "Pod web/debugger: RunsAsRoot"]),
            ("the image decides; the container's runAsNonRoot: false wins over the pod's true", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: {runAsNonRoot: true}
  containers: [{name: a, image: a:1}, {name: b, image: b:1, securityContext: {runAsNonRoot: false}}]
---
apiVersion: v1
kind: Pod
metadata: {name: db}
spec: {securityContext: {}, containers: [{name: db, image: db:1, securityContext: {}}]}",
            &["Pod web/b: MayRunAsRoot", "Pod db/db: MayRunAsRoot"]),
            ("a user namespace mitigates", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  hostUsers: false
  containers:
  - {name: a, image: a:1, securityContext: {runAsUser: 0}}
  - {name: b, image: b:1}
  - {name: c, image: c:1, securityContext: {runAsUser: 1000}}",
            &["Pod web/a: MitigatedByUserNamespace, medium", "Pod web/b: MitigatedByUserNamespace, medium"]),
            ("hostUsers: true is no user namespace", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {hostUsers: true, containers: [{name: a, image: a:1, securityContext: {runAsUser: 0}}]}",
            &["Pod web/a: RunsAsRoot"]),
            ("Windows administrators, however they are written; runAsUser means nothing there", r"
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  os: {name: windows}
  securityContext: {runAsUser: 1000, windowsOptions: {runAsUserName: ContainerAdministrator}}
  containers:
  - {name: a, image: a:1}
  - {name: b, image: b:1, securityContext: {windowsOptions: {runAsUserName: 'user manager\containeradministrator'}}}
  - {name: c, image: c:1, securityContext: {windowsOptions: {runAsUserName: 'NT AUTHORITY\SYSTEM'}}}
  - {name: d, image: d:1, securityContext: {windowsOptions: {runAsUserName: ContainerUser}}}",
            &["Pod web/a: RunsAsAdministrator", "Pod web/b: RunsAsAdministrator", "Pod web/c: RunsAsAdministrator"]),
            ("a Windows pod by its node; runAsNonRoot does not hold for images without a user", "
apiVersion: v1
kind: Node
metadata: {name: win-1}
status: {nodeInfo: {operatingSystem: windows}}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {nodeName: win-1, securityContext: {runAsNonRoot: true, runAsUser: 1000}, containers: [{name: web, image: web:1}]}",
            &["Pod web/web: MayRunAsRoot"]),
        ],
        ..Cases::NONE
    };

    const IMAGE_DECIDES: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1}]}";

    const ROOT: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {runAsUser: 0}}]}";

    const ROOT_IN_USER_NAMESPACE: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {hostUsers: false, containers: [{name: web, image: web:1, securityContext: {runAsUser: 0}}]}";

    fn fails(manifests: &str, parameters: &Parameters) -> bool {
        let outcome = testing::evaluate(&super::ITEM, &testing::inventory(manifests), parameters);
        assert_eq!(outcome.evaluated, 1);
        outcome.failing > 0
    }

    #[test]
    fn a_baseline_can_accept_unknown_users() {
        let accepting = Parameters {
            unknown_image_user_fails: false,
            ..Parameters::default()
        };
        assert!(!fails(IMAGE_DECIDES, &accepting));
        assert!(fails(ROOT, &accepting));
        assert!(fails(ROOT_IN_USER_NAMESPACE, &accepting));
    }

    #[test]
    fn a_baseline_can_accept_root_in_a_user_namespace() {
        let accepting = Parameters {
            root_in_user_namespace_fails: false,
            ..Parameters::default()
        };
        assert!(!fails(ROOT_IN_USER_NAMESPACE, &accepting));
        assert!(fails(ROOT, &accepting));
        assert!(fails(IMAGE_DECIDES, &accepting));
    }
}
