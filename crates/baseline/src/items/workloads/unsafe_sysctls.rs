//! WL-08.

use std::borrow::Cow;

use plumbline_inventory::views::WorkloadView;
use plumbline_inventory::{Inventory, Kind};

use crate::items::item;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Pods set only sysctls that Kubernetes calls safe: those that are namespaced and do not affect other pods
    /// of the node.
    ///
    /// ## Why it matters
    ///
    /// An unsafe sysctl can take memory from other pods (`kernel.shm*`, `kernel.msg*`, `kernel.sem`,
    /// `fs.mqueue.*`), switch off protections of the network stack, or change the node itself. The kubelet runs
    /// such a pod only where `allowedUnsafeSysctls` permits it.
    ///
    /// ## How it decides
    ///
    /// - Names are read as the kubelet reads them: if the first separator is `/`, then `/` and `.` change places.
    /// - `Fail`, reason `UnsafeSysctl`: the sysctl is not one of the safe ones, which are
    ///   `kernel.shm_rmid_forced`, `net.ipv4.ip_local_port_range`, `net.ipv4.ip_unprivileged_port_start`,
    ///   `net.ipv4.ping_group_range` and `net.ipv4.tcp_syncookies`;
    ///   from 1.27 `net.ipv4.ip_local_reserved_ports`;
    ///   from 1.29 `net.ipv4.tcp_fin_timeout`, `net.ipv4.tcp_keepalive_intvl`, `net.ipv4.tcp_keepalive_probes`
    ///   and `net.ipv4.tcp_keepalive_time`;
    ///   from 1.32 `net.ipv4.tcp_rmem` and `net.ipv4.tcp_wmem`;
    ///   from 1.37 `net.ipv4.tcp_notsent_lowat` and `net.ipv4.tcp_slow_start_after_idle`.
    /// - `Fail`, reason `SysctlNotYetSafe`: the sysctl is safe in a version newer than the highest kubelet among
    ///   the nodes. Without nodes (manifests alone) the newest version known here counts: 1.37.
    /// - The checklist names `kernel.shm*`, which would hit `kernel.shm_rmid_forced` too: that one is safe.
    /// - The kubelet also leaves out what the node's kernel is too old for. That is not looked at.
    /// - Pod Security admission does not read names with `/`: it refuses the safe ones as well.
    /// - Sysctls belong to the pod: a finding names no container.
    /// - Windows pods are not applicable: they cannot have sysctls.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// securityContext:
    ///   sysctls:
    ///   - {name: net.ipv4.tcp_syncookies, value: "1"}    # passes
    ///   - {name: kernel.msgmax, value: "65536"}          # Fail, UnsafeSysctl
    ///   - {name: net.core.somaxconn, value: "1024"}      # Fail, UnsafeSysctl
    /// ```
    ///
    /// ## How to fix
    ///
    /// Remove the sysctl, or set it for the whole node by the node's own configuration if all its pods may have it.
    id: "WL-08",
    slug: "unsafe-sysctls",
    title: "No unsafe sysctls",
    section: Workloads,
    level: Required,
    severity: High,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: &Kind::with_workloads::<10>(&[Kind::Node]),
    optional: &[],
    failing: ("sets unsafe sysctls", "set unsafe sysctls"),
    remediation: "Remove the sysctl from securityContext.sysctls of the pod, or set it by the configuration of the node.",
    references: ["Trivy KSV-0026", "kube-linter unsafe-sysctls", "KICS cluster_allows_unsafe_sysctls"],
    systems: [],
    checks: [Check::Workload(check)],
}

/// The sysctls that the kubelet allows by default, each with the minor version of Kubernetes 1 that made it safe
/// (`pkg/kubelet/sysctl/safe_sysctls.go`, versions as in the `sysctls` check of Pod Security admission).
const SAFE: [(&str, u32); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_notsent_lowat", 37),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
];

fn check(workload: WorkloadView<'_>, _: &Context<'_>, findings: &mut Findings) {
    let deciding = workload.deciding();
    if deciding.iter().all(|deciding| deciding.template.is_windows()) {
        findings.not_applicable();
        return;
    }
    let version = highest_kubelet(workload.namespace().inventory());
    for deciding in deciding {
        if deciding.template.is_windows() {
            continue;
        }
        for written in &deciding.template.sysctls {
            let name = normalized(written);
            match SAFE.iter().find(|(safe, _)| *safe == name) {
                Some((_, since)) if *since <= version => {}
                Some((_, since)) => findings.object(
                    "SysctlNotYetSafe",
                    format!("securityContext.sysctls has {written}, which is safe only from 1.{since} on"),
                ),
                None => findings.object(
                    "UnsafeSysctl",
                    format!("securityContext.sysctls has {written}, which is not safe"),
                ),
            }
        }
    }
}

/// The minor version of the newest kubelet; without one everything that is safe in any version is.
fn highest_kubelet(inventory: &Inventory) -> u32 {
    inventory
        .nodes()
        .filter_map(|(_, node)| minor(&node.kubelet_version))
        .max()
        .unwrap_or(u32::MAX)
}

/// 37 of `v1.37.2-gke.100`.
fn minor(version: &str) -> Option<u32> {
    let minor = version.trim_start_matches('v').strip_prefix("1.")?;
    let end = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    minor[..end].parse().ok()
}

/// The name as the kubelet reads it (`NormalizeName` in `k8s.io/component-helpers`).
fn normalized(name: &str) -> Cow<'_, str> {
    let slash_comes_first = name
        .find(['.', '/'])
        .is_some_and(|at| name[at..].starts_with('/'));
    if !slash_comes_first {
        return name.into();
    }
    name.chars()
        .map(|c| match c {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("no sysctls, and no effect of those that a container would have", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}}]}"),
            ("kernel.shm_rmid_forced is safe, although the checklist's kernel.shm* would hit it", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {securityContext: {sysctls: [{name: kernel.shm_rmid_forced, value: '1'}]}, containers: [{name: web, image: web:1}]}"),
            ("slashes are read as the kubelet reads them", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {securityContext: {sysctls: [{name: net/ipv4/tcp_syncookies, value: '1'}]}, containers: [{name: web, image: web:1}]}"),
            ("without nodes the newest version counts", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      securityContext:
        sysctls:
        - {name: net.ipv4.ip_local_port_range, value: 1024 65535}
        - {name: net.ipv4.ip_unprivileged_port_start, value: '0'}
        - {name: net.ipv4.ping_group_range, value: 0 0}
        - {name: net.ipv4.ip_local_reserved_ports, value: '8080'}
        - {name: net.ipv4.tcp_keepalive_time, value: '60'}
        - {name: net.ipv4.tcp_keepalive_intvl, value: '60'}
        - {name: net.ipv4.tcp_keepalive_probes, value: '3'}
        - {name: net.ipv4.tcp_fin_timeout, value: '30'}
        - {name: net.ipv4.tcp_rmem, value: 4096 131072 6291456}
        - {name: net.ipv4.tcp_wmem, value: 4096 131072 6291456}
        - {name: net.ipv4.tcp_slow_start_after_idle, value: '0'}
        - {name: net.ipv4.tcp_notsent_lowat, value: '16384'}
      containers: [{name: web, image: web:1}]"),
            ("the highest kubelet decides, whatever its vendor appends", "
apiVersion: v1
kind: Node
metadata: {name: a}
status: {nodeInfo: {kubeletVersion: v1.36.9-gke.1400}}
---
apiVersion: v1
kind: Node
metadata: {name: b}
status: {nodeInfo: {kubeletVersion: v1.37.0+k3s1}}
---
apiVersion: v1
kind: Node
metadata: {name: c}
status: {nodeInfo: {}}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {securityContext: {sysctls: [{name: net.ipv4.tcp_notsent_lowat, value: '1'}]}, containers: [{name: web, image: web:1}]}"),
        ],
        fail: &[
            ("the checklist's four groups, and what is not in the safe set", "
apiVersion: v1
kind: Pod
metadata: {name: db}
spec:
  securityContext:
    sysctls:
    - {name: kernel.shmmax, value: '1'}
    - {name: kernel.msgmax, value: '1'}
    - {name: kernel.sem, value: '1'}
    - {name: fs.mqueue.msg_max, value: '1'}
    - {name: net.core.somaxconn, value: '1024'}
  containers: [{name: db, image: db:1}]",
            &["Pod db: UnsafeSysctl", "Pod db: UnsafeSysctl", "Pod db: UnsafeSysctl", "Pod db: UnsafeSysctl",
              "Pod db: UnsafeSysctl"]),
            ("names with slashes, or with a slash after the first dot", "
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {securityContext: {sysctls: [{name: kernel/msgmax, value: '1'}]}, containers: [{name: a, image: a:1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b}
spec: {securityContext: {sysctls: [{name: net.ipv4/tcp_syncookies, value: '1'}]}, containers: [{name: b, image: b:1}]}",
            &["Pod a: UnsafeSysctl", "Pod b: UnsafeSysctl"]),
            ("all kubelets are older than the sysctl is safe", "
apiVersion: v1
kind: Node
metadata: {name: a}
status: {nodeInfo: {kubeletVersion: v1.36.4}}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext:
    sysctls: [{name: net.ipv4.tcp_rmem, value: '1'}, {name: net.ipv4.tcp_slow_start_after_idle, value: '0'}]
  containers: [{name: web, image: web:1}]",
            &["Pod web: SysctlNotYetSafe"]),
            ("once however many revisions of a workload have it", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, uid: d1}
spec: {template: {spec: {hostPID: true, securityContext: {sysctls: [{name: kernel.sem, value: '1'}]}, containers: [{name: web, image: web:2}]}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, uid: r1, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: d1, controller: true}]}
spec: {template: {spec: {securityContext: {sysctls: [{name: kernel.sem, value: '1'}]}, containers: [{name: web, image: web:1}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-x, uid: p1, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: r1, controller: true}]}
spec: {securityContext: {sysctls: [{name: kernel.sem, value: '1'}]}, containers: [{name: web, image: web:1}]}
status: {phase: Running}",
            &["Deployment web: UnsafeSysctl"]),
        ],
        not_applicable: &[("Windows has no sysctls", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {os: {name: windows}, containers: [{name: web, image: web:1}]}")],
        ..Cases::NONE
    };

    #[test]
    fn versions_and_names_are_read_as_they_are_written() {
        for (version, minor) in [
            ("v1.37.2", Some(37)),
            ("1.9", Some(9)),
            ("v1.33+", Some(33)),
            ("v2.1.0", None),
            ("", None),
        ] {
            assert_eq!(super::minor(version), minor, "{version}");
        }
        for (written, name) in [
            (
                "net/ipv4/conf/eno2.100/rp_filter",
                "net.ipv4.conf.eno2/100.rp_filter",
            ),
            (
                "net.ipv4.conf.eno2/100.rp_filter",
                "net.ipv4.conf.eno2/100.rp_filter",
            ),
            ("kernel", "kernel"),
            ("", ""),
        ] {
            assert_eq!(super::normalized(written), name);
        }
    }
}
