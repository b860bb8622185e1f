//! OS-01.

use std::net::IpAddr;

use plumbline_inventory::Kind;
use plumbline_inventory::entries::{PortRef, Protocol, ServiceFacts, ServicePort, ServiceType};
use plumbline_inventory::template::{Container, Template};
use plumbline_inventory::views::{NamespaceView, WorkloadView};

use crate::findings::ObjectRef;
use crate::items::item;
use crate::{Check, Context, Findings, NodeView, Parameters, Severity};

item! {
    /// ## What it checks
    ///
    /// Administrators of nodes reach them through privileged access management or a bastion, and nothing leads around it.
    ///
    /// ## Why it matters
    ///
    /// Who is on a node has every pod on it, their secrets, and the kubelet's credentials. A way in that bypasses the
    /// bastion is recorded nowhere, and is open to whoever finds it.
    ///
    /// ## How it decides
    ///
    /// That there is a bastion, and that it is used, the API does not say: somebody has to attest it. What leads around one
    /// the API does show, and an attestation does not outweigh it:
    ///
    /// - `Fail`, reason `ExternalAddress`: a node has an address of type `ExternalIP` that is not of a private range.
    /// - `Fail`, reason `HostPortSsh`: a container opens TCP port 22 of its node, by `hostPort` or, on the network of the
    ///   host, by `containerPort`.
    /// - `Fail`, reason `SshServer`: a container runs an SSH server (`sshd`, `dropbear`; told by its image or command) and
    ///   its pod is on the node's network, sees its processes, mounts a path of it, or is privileged: mostly a DaemonSet.
    /// - `Fail`, reason `NodeDebugger`: a pod as `kubectl debug node/…` makes it still runs: a container `debugger` with the
    ///   node's root directory, or in all namespaces of the node.
    /// - `Fail`, reason `NodeSshPublished`: a Service of type `NodePort` or `LoadBalancer`, or with `externalIPs`, opens TCP
    ///   port 22, by `port`, `targetPort` or `nodePort`, and leads to pods on the network of the host or, having no
    ///   selector, to addresses that are not known here.
    /// - `Fail`, reason `SshPublished`, severity `low`: such a Service leads to other pods, a Git server's for instance. It
    ///   opens no node by itself; accept it with a waiver.
    /// - `NeedsAttestation`, reason `AttestationMissing`: there are nodes, and nothing of this.
    /// - `Attested`: an attestation that is in force speaks for all nodes.
    /// - `NotApplicable`: there is no node and nothing of this, as in most manifests.
    ///
    /// Nodes are counted, and workloads and Services with findings as objects of their own.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: DaemonSet
    /// spec:
    ///   template:
    ///     spec:
    ///       hostNetwork: true
    ///       containers:
    ///       - name: sshd
    ///         image: linuxserver/openssh-server   # Fail: SshServer
    /// ```
    ///
    /// ## How to fix
    ///
    /// Give nodes no public addresses. Delete what runs SSH servers on nodes and what publishes port 22, delete pods of
    /// `kubectl debug node/…` when done, and let administrators in through a bastion that records what they do.
    id: "OS-01",
    slug: "direct-node-access",
    title: "Host administrators reach nodes through privileged access management or a bastion",
    section: OperatingSystem,
    level: Required,
    severity: High,
    class: C,
    scope: Node,
    empty: NotApplicable,
    since: "0.1",
    reads: &Kind::with_workloads::<12>(&[Kind::Namespace, Kind::Node, Kind::Service]),
    optional: &[],
    failing: ("opens a way around a bastion", "open a way around a bastion"),
    remediation: "Give nodes no public addresses, publish no port 22, and delete SSH servers and debugging pods on nodes.",
    references: ["Kubescape C-0229", "Kubescape C-0248"],
    systems: [],
    checks: [Check::Node(check), Check::Template(check_template), Check::Objects(check_services)],
}

/// The port of SSH.
const SSH: u16 = 22;

fn check(node: &NodeView<'_>, _: &Context<'_>, findings: &mut Findings) {
    for (kind, address) in &node.facts.addresses {
        if &**kind == "ExternalIP" && !is_private(address) {
            findings.object(
                "ExternalAddress",
                format!("status.addresses has ExternalIP {address}"),
            );
        }
    }
}

/// Whether an address is of a range that nobody outside can reach; what is no address is none.
fn is_private(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(v4)) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        Ok(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        Err(_) => false,
    }
}

fn check_template(template: &Template, _: &Parameters, findings: &mut Findings) {
    for container in &template.containers {
        check_container(template, container, findings);
    }
    // Only what opens a way counts beside nodes.
    if findings.is_empty() {
        findings.not_applicable();
    }
}

fn check_container(template: &Template, container: &Container, findings: &mut Findings) {
    let name = &container.name;
    let opens = |port: &&plumbline_inventory::entries::ContainerPort| {
        let on_host = template.host_network && port.port == SSH;
        port.protocol == Protocol::Tcp && (on_host || port.host_port == Some(SSH))
    };
    if container.ports.iter().any(|port| opens(&port)) {
        let message = format!("container {name} opens TCP port {SSH} of its node");
        findings.container(name, "HostPortSsh", message);
    }
    if container.ssh_server
        && let Some(how) = on_node(template, container)
    {
        findings.container(
            name,
            "SshServer",
            format!("container {name} runs an SSH server, and {how}"),
        );
    }
    if is_node_debugger(template, container) {
        let message = format!(
            "container {name} is one of kubectl debug node/…, with the node's file system or namespaces"
        );
        findings.container(name, "NodeDebugger", message);
    }
}

/// How far a container is on its node; `None` if it has nothing of it.
fn on_node(template: &Template, container: &Container) -> Option<&'static str> {
    if template.host_network {
        Some("hostNetwork is true")
    } else if template.host_pid {
        Some("hostPID is true")
    } else if container.privileged {
        Some("securityContext.privileged is true")
    } else if !template.host_paths.is_empty() {
        Some("its pod has a hostPath volume")
    } else {
        None
    }
}

/// As `kubectl debug node/…` makes it under each of its profiles that get at the node.
fn is_node_debugger(template: &Template, container: &Container) -> bool {
    let has_root = template
        .host_paths
        .iter()
        .any(|path| &*path.volume == "host-root" && &*path.path == "/");
    let in_every_namespace = template.host_network && template.host_pid && template.host_ipc;
    &*container.name == "debugger" && (has_root || in_every_namespace)
}

fn check_services(namespace: NamespaceView<'_>, _: &Context<'_>, findings: &mut Findings) {
    for (name, service) in namespace
        .services()
        .filter(|(_, service)| is_open_outside(service))
    {
        let selected = || {
            let selector = &service.selector;
            let all = namespace.workloads().filter(WorkloadView::is_active);
            all.filter(|workload| {
                selector
                    .iter()
                    .all(|(key, value)| workload.pod_labels().get(key) == Some(value))
            })
        };
        let has_selector = service.selector.iter().next().is_some();
        let is_ssh =
            |port: &&ServicePort| opens_ssh(port) || has_selector && selected().any(|w| is_named(port, w));
        let Some(port) = service.ports.iter().find(is_ssh) else {
            continue;
        };
        findings.evaluate(1);
        let object = ObjectRef {
            namespace: Some(namespace.name().clone()),
            kind: Kind::Service,
            name: name.clone(),
        };
        let on_host = selected().any(|workload| workload.own_template().host_network);
        if has_selector && !on_host {
            let message = format!(
                "port {} publishes SSH of pods: it opens no node by itself",
                port.port
            );
            findings.other_at(Severity::Low, object, "SshPublished", message);
            continue;
        }
        let to = if has_selector {
            "pods on the network of their nodes"
        } else {
            "addresses that no selector names"
        };
        findings.other(
            object,
            "NodeSshPublished",
            format!("port {} publishes SSH and leads to {to}", port.port),
        );
    }
}

fn is_open_outside(service: &ServiceFacts) -> bool {
    match service.kind {
        ServiceType::NodePort | ServiceType::LoadBalancer => true,
        ServiceType::ClusterIp => !service.external_ips.is_empty(),
        ServiceType::ExternalName => false,
    }
}

fn opens_ssh(port: &ServicePort) -> bool {
    let ssh = i32::from(SSH);
    port.protocol == Protocol::Tcp
        && (port.port == ssh || port.node_port == Some(SSH) || port.target == PortRef::Number(ssh))
}

/// Whether the port leads to one of a workload that has its name and is that of SSH.
fn is_named(port: &ServicePort, workload: WorkloadView<'_>) -> bool {
    let PortRef::Name(target) = &port.target else {
        return false;
    };
    let containers = workload.own_template().containers.iter();
    port.protocol == Protocol::Tcp
        && containers
            .flat_map(|container| &container.ports)
            .any(|port| port.port == SSH && port.name.as_ref() == Some(target))
}

#[cfg(test)]
mod tests {
    use super::ITEM;
    use crate::Parameters;
    use crate::testing::{Cases, evaluate, inventory};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a node with private addresses only, also as external ones", "
apiVersion: v1
kind: Node
metadata: {name: n1}
status:
  addresses:
  - {type: InternalIP, address: 203.0.113.7}
  - {type: ExternalIP, address: 10.0.0.7}
  - {type: ExternalIP, address: 100.64.1.7}
  - {type: ExternalIP, address: 'fd00::7'}
  - {type: Hostname, address: n1}"),
            ("SSH within the cluster, and another protocol on its port", "
{apiVersion: v1, kind: Node, metadata: {name: n1}}
---
{apiVersion: v1, kind: Service, metadata: {name: git}, spec: {selector: {app: git}, ports: [{port: 22}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: udp}, spec: {type: NodePort, ports: [{port: 22, protocol: UDP}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: git}
spec: {template: {spec: {containers: [{name: git, image: 'linuxserver/openssh-server', ports: [{containerPort: 22}]}, {name: dns, image: dns, ports: [{containerPort: 53, hostPort: 22, protocol: UDP}]}]}}}"),
            ("what debugs a pod, and what has ended", "
{apiVersion: v1, kind: Node, metadata: {name: n1}}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web}], ephemeralContainers: [{name: debugger, image: busybox}]}
---
apiVersion: v1
kind: Pod
metadata: {name: node-debugger-n1-x2b7q}
spec: {hostPID: true, containers: [{name: debugger, image: busybox}], volumes: [{name: host-root, hostPath: {path: /}}]}
status: {phase: Succeeded}"),
        ],
        fail: &[
            ("a public address, and one that cannot be read", "
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: ExternalIP, address: 203.0.113.7}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {addresses: [{type: ExternalIP, address: '2001:db8::7'}]}",
            &["Node n1: ExternalAddress", "Node n2: ExternalAddress"]),
            ("port 22 of nodes, by host port and on the network of the host", "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: a}
spec: {template: {spec: {containers: [{name: jump, image: jump, ports: [{containerPort: 2222, hostPort: 22}]}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: b}
spec: {hostNetwork: true, containers: [{name: jump, image: jump, ports: [{containerPort: 22}]}]}",
            &["DaemonSet a/jump: HostPortSsh", "Pod b/jump: HostPortSsh"]),
            ("SSH servers that are on their nodes", "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: a}
spec: {template: {spec: {hostPID: true, containers: [{name: sshd, image: alpine, command: [sh, -c, 'apk add openssh; exec /usr/sbin/sshd -D']}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: b}
spec: {template: {spec: {containers: [{name: sshd, image: 'r:5000/openssh-server:9', securityContext: {privileged: true}}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: c}
spec: {template: {spec: {containers: [{name: sshd, image: dropbear}], volumes: [{name: v, hostPath: {path: /etc}}]}}}",
            &["DaemonSet a/sshd: SshServer", "DaemonSet b/sshd: SshServer", "DaemonSet c/sshd: SshServer"]),
            ("kubectl debug node, under two profiles", "
apiVersion: v1
kind: Pod
metadata: {name: node-debugger-n1-x2b7q}
spec: {containers: [{name: debugger, image: busybox, securityContext: {privileged: true}}], volumes: [{name: host-root, hostPath: {path: /}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: node-debugger-n1-z9k2m}
spec: {hostPID: true, hostIPC: true, hostNetwork: true, containers: [{name: debugger, image: busybox}]}",
            &["Pod node-debugger-n1-x2b7q/debugger: NodeDebugger", "Pod node-debugger-n1-z9k2m/debugger: NodeDebugger"]),
            ("Services that publish port 22: of pods, of nodes, of nobody knows what", "
{apiVersion: v1, kind: Service, metadata: {name: git}, spec: {type: LoadBalancer, selector: {app: git}, ports: [{port: 2222, targetPort: ssh}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: node}, spec: {type: NodePort, selector: {app: jump}, ports: [{port: 80}, {port: 2022, targetPort: 22, nodePort: 30022}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: elsewhere}, spec: {externalIPs: [203.0.113.7], ports: [{port: 22}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: git}
spec: {template: {metadata: {labels: {app: git}}, spec: {containers: [{name: git, image: gitea, ports: [{name: ssh, containerPort: 22}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: jump}
spec: {template: {metadata: {labels: {app: jump}}, spec: {hostNetwork: true, containers: [{name: jump, image: jump}]}}}",
            &["Service git: SshPublished, low", "Service node: NodeSshPublished", "Service elsewhere: NodeSshPublished"]),
        ],
        not_applicable: &[
            ("manifests without nodes that open nothing", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: web}]}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, ports: [{port: 443}]}}"),
        ],
        ..Cases::NONE
    };

    #[test]
    fn nodes_are_counted_and_beside_them_what_opens_a_way() {
        let count = |case: usize| {
            let outcome = evaluate(&ITEM, &inventory(CASES.pass[case].1), &Parameters::default());
            (outcome.evaluated, outcome.failing)
        };
        assert_eq!([count(0), count(1), count(2)], [(1, 0); 3]);
        let of = |case: usize| {
            let outcome = evaluate(&ITEM, &inventory(CASES.fail[case].1), &Parameters::default());
            (outcome.evaluated, outcome.failing)
        };
        assert_eq!([of(0), of(4)], [(2, 2), (3, 3)]);
    }
}
