//! WL-09.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::Kind;
use plumbline_inventory::facts::NodePath;
use plumbline_inventory::template::{Claim, HostPath, Template};
use plumbline_inventory::views::{NamespaceView, WorkloadView};

use crate::items::item;
use crate::{Check, Context, Findings, Parameters, Severity};

item! {
    /// ## What it checks
    ///
    /// No pod has a volume that is a path on its node: neither a `hostPath` volume, mounted or not, nor a claim
    /// that is bound to a PersistentVolume of type `hostPath` or `local`.
    ///
    /// ## Why it matters
    ///
    /// Through a path on the node a container reads what belongs to the node and to other pods, and what it
    /// writes there outlives it. Some paths are the node: `/`, the socket of the container runtime, `/proc`, the
    /// kubelet's directory with the tokens of every pod.
    ///
    /// ## How it decides
    ///
    /// A volume of the pod fails, whichever containers mount it and whatever the `subPath` (a symbolic link in
    /// the volume leads out of it). A read-only one fails as well, less severely. It counts as read-only if every
    /// mount of it is, init containers' included; one that is not mounted counts as read-only. `/var/run` is `/run`.
    ///
    /// - `Fail`, reason `RuntimeSocket` (critical): the socket of docker, containerd, CRI-O or another runtime,
    ///   or a directory that holds one. Read-only makes no difference: a socket is written to all the same.
    /// - `Fail`, reason `SensitiveHostPath` (critical, read-only high): `/etc`, `/root`, `/home`, `/boot`, `/dev`,
    ///   `/sys`, programs and libraries (`/bin`, `/sbin`, `/usr`, `/lib*`, `/opt/cni`), the state of the kubelet, etcd
    ///   and the container runtime below `/var/lib`, cloud credentials, and directories that hold one of them. `/`
    ///   and `/proc` are critical read-only too: the way out through `/proc/1/root` is not read-only.
    /// - `Fail`, reason `HostPathVolume`: any other path: high; read-only medium; `/var/log` read-only low.
    /// - `Fail`, reason `HostPathClaim`: a claim of a live pod, or one that the template names, is bound to a
    ///   PersistentVolume of type `hostPath`. Severity as above for a writable path.
    /// - `Fail`, reason `LocalClaim` (medium): the same for type `local`, a path that an administrator set aside.
    /// - Windows: `C:\` is `/`; named pipes of a runtime count as its socket.
    ///
    /// CSI volumes are no paths on the node, inline ones included: what they are is up to their driver. Claims
    /// that a StatefulSet makes are known from its live pods only.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// volumes:
    /// - name: docker
    ///   hostPath: {path: /var/run/docker.sock}     # Fail, critical
    /// - name: logs
    ///   hostPath: {path: /var/log}                 # Fail; low if every mount is readOnly
    /// - name: scratch
    ///   emptyDir: {}                               # Pass
    /// ```
    ///
    /// ## How to fix
    ///
    /// Use `emptyDir` for scratch space, a PersistentVolumeClaim with a network or CSI storage class for data,
    /// `configMap`, `secret` and `projected` for configuration. Agents that are about the node itself (log
    /// collectors, CNI, CSI) need the path: give them exactly that path, read-only, in a namespace of their own,
    /// and a waiver.
    id: "WL-09",
    slug: "host-path-volume",
    title: "No hostPath volumes",
    section: Workloads,
    level: Required,
    severity: High,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: &Kind::with_workloads::<11>(&[Kind::PersistentVolume, Kind::PersistentVolumeClaim]),
    optional: &[],
    failing: ("has paths of its node as volumes", "have paths of their nodes as volumes"),
    remediation: "Replace the hostPath volume by emptyDir or by a claim on network storage; a node agent keeps only the path it needs, read-only.",
    references: [
        "CIS 5.2.11", "Trivy KSV-0023", "Trivy KSV-0006", "Trivy KSV-0121", "Kubescape C-0045",
        "Kubescape C-0048", "Kubescape C-0074", "Kubescape C-0020", "Polaris hostPathSet",
        "kube-linter sensitive-host-mounts", "kube-linter writable-host-mount", "kube-linter docker-sock",
        "kubeaudit mounts", "Checkov CKV_K8S_27", "Kyverno limit-hostpath-type-pv",
    ],
    systems: [],
    checks: [Check::Template(check_volumes), Check::Workload(check_claims)],
}

fn check_volumes(template: &Template, _: &Parameters, findings: &mut Findings) {
    for HostPath {
        volume,
        path,
        read_only,
    } in &template.host_paths
    {
        let (reason, severity) = judge(path, *read_only);
        let access = if *read_only { ", read-only" } else { "" };
        findings.object_at(
            severity,
            reason,
            format!("volume {volume} is hostPath {path}{access}"),
        );
    }
}

/// Paths whose content hands over the node, without `/`. A path below or above one of these is as bad.
const SENSITIVE: [&str; 22] = [
    "/etc",
    "/root",
    "/home",
    "/boot",
    "/dev",
    "/sys",
    "/bin",
    "/sbin",
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt/cni",
    "/var/lib/kubelet",
    "/var/lib/etcd",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/rancher",
    "/var/lib/cloud",
    "/var/lib/waagent",
    "/var/snap",
];

/// The same on Windows, lower-case and without the drive.
const SENSITIVE_WINDOWS: [&str; 7] = [
    "/windows",
    "/users",
    "/programdata",
    "/program files",
    "/k",
    "/var/lib/kubelet",
    "/etc",
];

/// Sockets of container runtimes, and the directories that hold nothing else.
const SOCKETS: [&str; 9] = [
    "/run/docker.sock",
    "/run/docker",
    "/run/containerd",
    "/run/k3s/containerd",
    "/run/crio",
    "/run/podman",
    "/run/cri-dockerd.sock",
    "/run/dockershim.sock",
    "/run/buildkit",
];

/// Reason and severity of a path on the node.
fn judge(path: &str, read_only: bool) -> (&'static str, Severity) {
    let (path, windows) = normalise(path);
    let either_holds = |other: &&str| holds(&path, other) || holds(other, &path);
    let pipe = path.starts_with("//./pipe");
    if pipe
        && ["docker", "containerd", "crio"]
            .iter()
            .any(|runtime| path.contains(runtime))
    {
        return ("RuntimeSocket", Severity::Critical);
    }
    if path == "/" || holds("/proc", &path) {
        return ("SensitiveHostPath", Severity::Critical);
    }
    if !windows && SOCKETS.iter().any(either_holds) {
        return ("RuntimeSocket", Severity::Critical);
    }
    let sensitive: &[&str] = if windows { &SENSITIVE_WINDOWS } else { &SENSITIVE };
    let logs = holds("/var/log", &path);
    match (sensitive.iter().any(either_holds), read_only) {
        (true, false) => ("SensitiveHostPath", Severity::Critical),
        (true, true) => ("SensitiveHostPath", Severity::High),
        (false, false) => ("HostPathVolume", Severity::High),
        (false, true) if logs => ("HostPathVolume", Severity::Low),
        (false, true) => ("HostPathVolume", Severity::Medium),
    }
}

/// Whether `path` is `directory` or in it.
fn holds(directory: &str, path: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || directory == "/")
}

/// The path in one spelling, and whether it is one of Windows.
fn normalise(path: &str) -> (String, bool) {
    let bytes = path.as_bytes();
    let drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    let windows = drive || path.contains('\\');
    let path = if windows {
        path.to_ascii_lowercase().replace('\\', "/")
    } else {
        path.to_owned()
    };
    if path.starts_with("//./") {
        return (path, windows);
    }
    let path = if drive { &path[2..] } else { &path };
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let parts = match parts.as_slice() {
        ["var", "run", rest @ ..] => &[&["run"], rest].concat(),
        parts => parts,
    };
    (format!("/{}", parts.join("/")), windows)
}

fn check_claims(workload: WorkloadView<'_>, _: &Context<'_>, findings: &mut Findings) {
    // Few namespaces have such claims: nothing else is looked at in the others.
    let bound = bound_to_nodes(workload.namespace());
    if bound.is_empty() {
        return;
    }
    for claim in claims(workload) {
        for name in names(workload, &claim) {
            if let Some((volume, node_path)) = bound.get(name.as_str()) {
                report(&claim, volume, node_path, findings);
            }
        }
    }
}

/// Claims of the namespace whose volume is a path on a node, with name and path of the volume.
fn bound_to_nodes(namespace: NamespaceView<'_>) -> BTreeMap<&str, (&str, &NodePath)> {
    let on_node = |volume| {
        namespace
            .inventory()
            .persistent_volume(volume)?
            .node_path
            .as_ref()
    };
    namespace
        .claims()
        .filter_map(|(claim, volume)| Some((&**claim, (volume?, on_node(volume?)?))))
        .collect()
}

/// Claims that the templates deciding on the workload refer to.
fn claims(workload: WorkloadView<'_>) -> BTreeSet<Claim> {
    let deciding = workload.deciding();
    deciding
        .iter()
        .flat_map(|deciding| &deciding.template.claims)
        .cloned()
        .collect()
}

/// The names that a claim has for the pods of the workload.
fn names(workload: WorkloadView<'_>, claim: &Claim) -> BTreeSet<String> {
    match claim {
        Claim::Named(name) => [name.to_string()].into(),
        Claim::PrefixedPod(_) | Claim::PodSuffixed(_) => workload
            .pods()
            .filter(|(_, pod)| pod.admitted.claims.contains(claim))
            .map(|(pod, _)| claim.name_for(pod))
            .collect(),
    }
}

/// Claims that differ by pod are reported once, by their pattern: hundreds of replicas say the same.
fn report(claim: &Claim, volume: &str, node_path: &NodePath, findings: &mut Findings) {
    let NodePath { path, local } = node_path;
    let kind = if *local { "local" } else { "hostPath" };
    let (reason, severity) = if *local {
        ("LocalClaim", Severity::Medium)
    } else {
        ("HostPathClaim", judge(path, false).1)
    };
    let message = match claim {
        Claim::Named(name) => format!("claim {name} is bound to PersistentVolume {volume}: {kind} {path}"),
        pattern => format!(
            "claims {} are bound to PersistentVolumes of type {kind}",
            pattern.name_for("<pod>")
        ),
    };
    findings.object_at(severity, reason, message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("volumes that are not the node's, an inline CSI volume among them", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: 'web:1', volumeMounts: [{name: scratch, mountPath: /scratch}]}]
  volumes:
  - {name: scratch, emptyDir: {}}
  - {name: keys, csi: {driver: secrets-store.csi.k8s.io, readOnly: true}}
  - {name: data, persistentVolumeClaim: {claimName: data}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {volumeName: pv}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {csi: {driver: ebs.csi.aws.com, volumeHandle: vol-1}}}"),
            ("claims of others, unbound ones, and volumes that are gone", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: 'web:1'}]
  volumes:
  - {name: a, persistentVolumeClaim: {claimName: unbound}}
  - {name: b, persistentVolumeClaim: {claimName: lost}}
  - {name: c, persistentVolumeClaim: {claimName: missing}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: unbound}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: lost}, spec: {volumeName: gone}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: other}, spec: {volumeName: pv}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {hostPath: {path: /data}}}"),
        ],
        fail: &[
            ("an unmounted volume fails", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: 'web:1'}]
  volumes: [{name: data, hostPath: {path: /data}}]",
            &["Pod web: HostPathVolume, medium"]),
            ("one writable mount, in an init container and below a subPath, makes a volume writable", "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  template:
    spec:
      initContainers: [{name: init, image: 'init:1', volumeMounts: [{name: logs, mountPath: /logs, subPath: agent}]}]
      containers: [{name: agent, image: 'agent:1', volumeMounts: [{name: logs, mountPath: /logs, readOnly: true}]}]
      volumes: [{name: logs, hostPath: {path: /var/log}}]",
            &["DaemonSet agent: HostPathVolume"]),
            ("read-only logs are the least of it, a read-only socket is no better", "
apiVersion: v1
kind: Pod
metadata: {name: agent}
spec:
  containers:
  - name: agent
    image: agent:1
    volumeMounts:
    - {name: logs, mountPath: /logs, readOnly: true}
    - {name: docker, mountPath: /docker.sock, readOnly: true}
    - {name: etc, mountPath: /host/etc, readOnly: true}
    - {name: root, mountPath: /host, readOnly: true}
  volumes:
  - {name: logs, hostPath: {path: /var/log/pods/}}
  - {name: docker, hostPath: {path: /var/run/docker.sock, type: Socket}}
  - {name: etc, hostPath: {path: /etc/kubernetes}}
  - {name: root, hostPath: {path: /}}",
            &["Pod agent: HostPathVolume, low", "Pod agent: RuntimeSocket, critical",
              "Pod agent: SensitiveHostPath", "Pod agent: SensitiveHostPath, critical"]),
            ("a claim that is bound to a path of the node", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: db}
spec:
  template:
    spec:
      containers: [{name: db, image: 'db:1'}]
      volumes:
      - {name: data, persistentVolumeClaim: {claimName: data}}
      - {name: disk, persistentVolumeClaim: {claimName: disk}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {volumeName: pv}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {hostPath: {path: /opt/local-path-provisioner/pv}}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: disk}, spec: {volumeName: ssd}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: ssd}, spec: {local: {path: /mnt/disks/ssd1}}}",
            &["Deployment db: HostPathClaim", "Deployment db: LocalClaim, medium"]),
            ("claims of a stateful set and of generic ephemeral volumes, known by the names of the pods", "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, uid: 00000000-0000-0000-0000-000000000001}
spec: {template: {spec: {containers: [{name: db, image: 'db:1'}], volumes: [{name: cache, ephemeral: {}}]}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: db-0
  uid: 00000000-0000-0000-0000-000000000002
  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: 00000000-0000-0000-0000-000000000001, controller: true}]
spec:
  containers: [{name: db, image: 'db:1'}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data-db-0}}, {name: cache, ephemeral: {}}]
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data-db-0}, spec: {volumeName: pv}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {hostPath: {path: /etc/db}}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: db-0-cache}, spec: {volumeName: ssd}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: ssd}, spec: {local: {path: /mnt/disks/ssd1}}}",
            &["StatefulSet db: HostPathClaim, critical", "StatefulSet db: LocalClaim, medium"]),
        ],
        ..Cases::NONE
    };

    #[test]
    fn severity_follows_the_path() {
        use Severity::{Critical, High, Low, Medium};
        for (path, writable, read_only) in [
            ("/", Critical, Critical),
            ("//", Critical, Critical),
            ("/.", Critical, Critical),
            ("/proc", Critical, Critical),
            ("/proc/sys/kernel", Critical, Critical),
            ("/var/run", Critical, Critical),
            ("/run", Critical, Critical),
            ("/var", Critical, High),
            ("/var/lib", Critical, High),
            ("/var/run/docker.sock", Critical, Critical),
            ("/run/containerd/containerd.sock", Critical, Critical),
            ("/var/run/crio/crio.sock", Critical, Critical),
            ("/run/k3s/containerd/containerd.sock", Critical, Critical),
            ("/run/xtables.lock", High, Medium),
            ("/etc", Critical, High),
            ("/etc/", Critical, High),
            ("/etcd-backup", High, Medium),
            ("/root/.aws/credentials", Critical, High),
            ("/var/lib/kubelet/pods", Critical, High),
            ("/lib/modules", Critical, High),
            ("/var/log", High, Low),
            ("/var/log/audit", High, Low),
            ("/var/logs", High, Medium),
            ("/data", High, Medium),
            (r"C:\", Critical, Critical),
            (r"c:\Windows\System32", Critical, High),
            (r"\\.\pipe\docker_engine", Critical, Critical),
            (r"\\.\pipe\containerd-containerd", Critical, Critical),
            (r"\\.\pipe\csi-proxy-disk-v1", High, Medium),
            (r"D:\data", High, Medium),
        ] {
            assert_eq!(judge(path, false).1, writable, "{path}");
            assert_eq!(judge(path, true).1, read_only, "{path}, read-only");
        }
    }
}
