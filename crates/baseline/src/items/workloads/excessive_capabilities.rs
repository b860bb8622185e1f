//! WL-11.

use plumbline_inventory::template::{Container, Template};
use plumbline_inventory::{Kind, Name};

use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// Every Linux container drops all capabilities, and none is left with a prohibited one: `CHOWN`, `FSETID`,
    /// `NET_ADMIN`, `NET_BIND_SERVICE`, `NET_RAW`, `SETGID`, `SETUID`, `SYS_ADMIN`, `SYS_CHROOT` or `SYS_PTRACE`.
    ///
    /// ## Why it matters
    ///
    /// Capabilities are root's rights in pieces. A container that asks for nothing gets the runtime's default
    /// set, seven of the prohibited ones among it; `SYS_ADMIN` is little less than root on the node, `NET_RAW` lets
    /// a pod spoof its neighbours' addresses.
    ///
    /// ## How it decides
    ///
    /// The set that a container ends up with is computed as containerd does: it starts with the default set;
    /// `add: [ALL]` makes it the full one, then `drop: [ALL]` the empty one; then the single capabilities of
    /// `add` come in and those of `drop` go out.
    ///
    /// - `Fail`, reason `PrivilegedContainer`: `privileged` is true. The container has every capability, whatever
    ///   it drops.
    /// - `Fail`, reason `CapabilitiesNotDropped`: `capabilities.drop` lacks `ALL`. The message names the prohibited
    ///   capabilities that remain from the default set of containerd; that of CRI-O is smaller.
    /// - `Fail`, reason `ProhibitedCapability`: `capabilities.add` brings in a prohibited one.
    /// - Both `add: [ALL]` and `drop: [ALL]` leave nothing: passes.
    /// - `NET_BIND_SERVICE` fails here, although Pod Security admission (level `restricted`) allows it.
    /// - `ALL` and the names of capabilities are read in any case of letters, as runtimes do. Pod Security
    ///   admission reads `ALL` only: it refuses a pod with `drop: [all]`, which passes here.
    /// - A prefix `CAP_` counts in `add`, because CRI-O grants such a capability. It does not count in `drop`,
    ///   because containerd takes `CAP_X` for a capability of that name and drops nothing.
    /// - Capabilities exist on containers only. In the security context of a pod they have no effect.
    /// - Windows pods are not applicable: they cannot have capabilities.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// containers:
    /// - name: web
    ///   securityContext:
    ///     capabilities: {drop: [ALL]}                         # passes
    /// - name: proxy
    ///   securityContext:
    ///     capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}  # Fail, ProhibitedCapability
    /// - name: log
    ///   securityContext:
    ///     capabilities: {drop: [NET_RAW]}                     # Fail, CapabilitiesNotDropped
    /// ```
    ///
    /// ## How to fix
    ///
    /// Set `capabilities.drop: [ALL]` on every container and add back what the program needs, if that is not
    /// prohibited. A program that binds a low port can listen on a high one behind a `Service`, or use the safe
    /// sysctl `net.ipv4.ip_unprivileged_port_start`.
    id: "WL-11",
    slug: "excessive-capabilities",
    title: "All capabilities are dropped, only needed ones added back",
    section: Workloads,
    level: Required,
    severity: High,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: Kind::WORKLOADS,
    optional: &[],
    failing: ("keeps needless capabilities", "keep needless capabilities"),
    remediation: "Set securityContext.capabilities.drop to [ALL] on every container and add back only what is needed and not prohibited.",
    references: [
        "CIS 5.2.8", "CIS 5.2.9", "Trivy KSV-0003", "Trivy KSV-0004", "Trivy KSV-0005", "Trivy KSV-0022",
        "Trivy KSV-0106", "Trivy KSV-0119", "Trivy KSV-0120", "Kubescape C-0046", "Kubescape C-0055",
        "Kubescape C-0199", "Kubescape C-0200", "Kubescape C-0201", "Polaris dangerousCapabilities",
        "Polaris insecureCapabilities", "kube-linter drop-net-raw-capability", "kubeaudit capabilities",
        "Checkov CKV_K8S_7", "Checkov CKV_K8S_24", "Checkov CKV_K8S_25", "Checkov CKV_K8S_28",
        "Checkov CKV_K8S_36", "Checkov CKV_K8S_37", "Checkov CKV_K8S_39",
    ],
    systems: [],
    checks: [Check::Template(check)],
}

/// The prohibited capabilities, and whether containerd's default set has them.
const PROHIBITED: [(&str, bool); 10] = [
    ("CHOWN", true),
    ("FSETID", true),
    ("NET_ADMIN", false),
    ("NET_BIND_SERVICE", true),
    ("NET_RAW", true),
    ("SETGID", true),
    ("SETUID", true),
    ("SYS_ADMIN", false),
    ("SYS_CHROOT", true),
    ("SYS_PTRACE", false),
];

fn check(template: &Template, _: &Parameters, findings: &mut Findings) {
    if template.is_windows() {
        findings.not_applicable();
        return;
    }
    for container in &template.containers {
        if container.privileged {
            let message = "securityContext.privileged is true, which gives every capability";
            findings.container(&container.name, "PrivilegedContainer", message);
            continue;
        }
        let drops_all = has(&container.capabilities_drop, "ALL");
        if !drops_all {
            let message = match remaining_defaults(container).join(", ") {
                none if none.is_empty() => "capabilities.drop lacks ALL".to_owned(),
                some => format!("capabilities.drop lacks ALL; {some} remain from the runtime's default"),
            };
            findings.container(&container.name, "CapabilitiesNotDropped", message);
        }
        let added = added(container, drops_all);
        if !added.is_empty() {
            let message = format!("capabilities.add has {}", added.join(", "));
            findings.container(&container.name, "ProhibitedCapability", message);
        }
    }
}

/// Prohibited capabilities that a container has without asking, given that it does not drop all.
fn remaining_defaults(container: &Container) -> Vec<&'static str> {
    PROHIBITED
        .iter()
        .filter(|(_, default)| *default)
        .map(|(capability, _)| *capability)
        .filter(|capability| !adds(container, capability) && !has(&container.capabilities_drop, capability))
        .collect()
}

/// Entries of `capabilities.add`, as written, that leave the container with a prohibited capability.
fn added(container: &Container, drops_all: bool) -> Vec<&str> {
    let drop = &container.capabilities_drop;
    let prohibited = |entry: &str| {
        PROHIBITED
            .iter()
            .any(|(capability, _)| is(entry, capability) && !has(drop, capability))
    };
    let leaves_prohibited = |entry: &str| {
        if entry.eq_ignore_ascii_case("ALL") {
            !drops_all && PROHIBITED.iter().any(|(capability, _)| !has(drop, capability))
        } else {
            prohibited(entry)
        }
    };
    let entries = container.capabilities_add.iter().map(|entry| &**entry);
    entries.filter(|entry| leaves_prohibited(entry)).collect()
}

/// Whether `capabilities.add` gives `capability`, by itself or with all others.
fn adds(container: &Container, capability: &str) -> bool {
    let add = &container.capabilities_add;
    has(add, "ALL") || add.iter().any(|entry| is(entry, capability))
}

/// Whether an entry of `capabilities.add` means `capability` to containerd or to CRI-O.
fn is(entry: &str, capability: &str) -> bool {
    let bare = match entry.split_at_checked(4) {
        Some((prefix, bare)) if prefix.eq_ignore_ascii_case("CAP_") => bare,
        _ => entry,
    };
    bare.eq_ignore_ascii_case(capability)
}

fn has(entries: &[Name], capability: &str) -> bool {
    entries.iter().any(|entry| entry.eq_ignore_ascii_case(capability))
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::{self, Cases};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("all are dropped, and one that is not prohibited comes back", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers: [{name: init, image: init:1, securityContext: {capabilities: {drop: [ALL]}}}]
  containers: [{name: web, image: web:1, securityContext: {capabilities: {drop: [NET_RAW, ALL], add: [KILL, SYS_TIME]}}}]"),
            ("ALL in lower case, which runtimes accept and Pod Security admission refuses", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {capabilities: {drop: [all]}}}]}"),
            ("all added and all dropped is none", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {capabilities: {add: [ALL], drop: [ALL]}}}]}"),
            ("what is added and dropped by name is dropped", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {capabilities: {add: [NET_ADMIN], drop: [ALL, net_admin]}}}]}"),
        ],
        fail: &[
            ("the default set stays, with and without a list", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      securityContext: {capabilities: {drop: [ALL]}}
      initContainers: [{name: init, image: init:1}]
      containers:
      - {name: a, image: a:1, securityContext: {}}
      - {name: b, image: b:1, securityContext: {capabilities: {drop: [NET_RAW, SYS_ADMIN]}}}
      - {name: c, image: c:1, securityContext: {capabilities: {drop: [ALL]}}}",
            &["Deployment web/init: CapabilitiesNotDropped", "Deployment web/a: CapabilitiesNotDropped",
              "Deployment web/b: CapabilitiesNotDropped"]),
            ("dropping each prohibited one is not dropping all, nor is CAP_ALL", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: a
    image: a:1
    securityContext:
      capabilities: {drop: [CHOWN, FSETID, NET_ADMIN, NET_BIND_SERVICE, NET_RAW, SETGID, SETUID, SYS_ADMIN, SYS_CHROOT, SYS_PTRACE]}
  - {name: b, image: b:1, securityContext: {capabilities: {drop: [CAP_ALL]}}}",
            &["Pod web/a: CapabilitiesNotDropped", "Pod web/b: CapabilitiesNotDropped"]),
            ("NET_BIND_SERVICE is prohibited, other than in Pod Security admission", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}}]}",
            &["Pod web/web: ProhibitedCapability"]),
            ("spellings: case, CAP_ in add; CAP_ in drop drops nothing", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: a, image: a:1, securityContext: {capabilities: {drop: [ALL], add: [sys_admin]}}}
  - {name: b, image: b:1, securityContext: {capabilities: {drop: [ALL], add: [CAP_SYS_PTRACE]}}}
  - {name: c, image: c:1, securityContext: {capabilities: {drop: [ALL, CAP_NET_ADMIN], add: [NET_ADMIN]}}}",
            &["Pod web/a: ProhibitedCapability", "Pod web/b: ProhibitedCapability", "Pod web/c: ProhibitedCapability"]),
            ("all added, and not or only partly dropped", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: a, image: a:1, securityContext: {capabilities: {add: [all]}}}
  - {name: b, image: b:1, securityContext: {capabilities: {add: [ALL, CHOWN], drop: [ALL]}}}",
            &["Pod web/a: CapabilitiesNotDropped", "Pod web/a: ProhibitedCapability", "Pod web/b: ProhibitedCapability"]),
            ("privileged has all, whatever it drops", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {privileged: true, capabilities: {drop: [ALL]}}}]}",
            &["Pod web/web: PrivilegedContainer"]),
            ("an ephemeral container", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: web:1, securityContext: {capabilities: {drop: [ALL]}}}]
  ephemeralContainers: [{name: debugger, image: busybox:1, securityContext: {capabilities: {drop: [ALL], add: [SYS_PTRACE]}}}]",
            &["Pod web/debugger: ProhibitedCapability"]),
        ],
        not_applicable: &[("Windows has no capabilities", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {os: {name: windows}, containers: [{name: web, image: web:1}]}")],
        ..Cases::NONE
    };

    #[test]
    fn messages_name_what_a_container_is_left_with() {
        let manifest = |capabilities: &str| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{containers: [{{name: web, \
                 image: 'web:1', securityContext: {{capabilities: {capabilities}}}}}]}}}}"
            )
        };
        let messages = |capabilities: &str| {
            let inventory = testing::inventory(&manifest(capabilities));
            let outcome = testing::evaluate(&super::ITEM, &inventory, &Parameters::default());
            let messages = outcome.findings.into_iter().map(|finding| finding.message);
            messages.collect::<Vec<_>>()
        };
        assert_eq!(
            messages("{drop: [NET_RAW, CHOWN]}"),
            [
                "capabilities.drop lacks ALL; FSETID, NET_BIND_SERVICE, SETGID, SETUID, SYS_CHROOT remain from \
                 the runtime's default"
            ]
        );
        assert_eq!(
            messages("{add: [ALL]}"),
            ["capabilities.drop lacks ALL", "capabilities.add has ALL"]
        );
        assert_eq!(
            messages("{drop: [ALL], add: [KILL, CAP_SYS_ADMIN, NET_RAW]}"),
            ["capabilities.add has CAP_SYS_ADMIN, NET_RAW"]
        );
    }
}
