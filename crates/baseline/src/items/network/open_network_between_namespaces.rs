//! NW-01b.

use std::collections::BTreeSet;

use plumbline_inventory::entries::Protocol;
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Kind, RootKey};
use plumbline_network::openness::{ETCD, KUBELET};
use plumbline_network::{Direction, Isolation, Open, OpenRule};

use crate::items::item;
use crate::networks::{READS_ENTRIES, check_certainty, check_enforcement, enforcer, list};
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Pods of a namespace may talk to other namespaces and to the outside only as far as somebody has said: to whom,
    /// and on which ports.
    ///
    /// ## Why it matters
    ///
    /// A policy that lets every namespace in, or lets pods out to anywhere, is there for the auditor and for nobody
    /// else. Through egress that is not narrowed an attacker fetches the node's credentials from the metadata service
    /// of the cloud, talks to kubelets and to etcd, and carries data away.
    ///
    /// ## How it decides
    ///
    /// For each namespace with workloads that policies can isolate, by its policies and by what they make, together
    /// with those of the cluster, of who may talk to whom:
    ///
    /// - `Fail`, reason `NotIsolated`: workloads that no policy isolates in a direction (NW-01a): every namespace may
    ///   talk to them, or they to every namespace.
    /// - `Fail`, reason `EveryNamespace`: a rule lets every pod of every namespace have every port
    ///   (`namespaceSelector: {}` and no ports), or names no peers and no ports at all; or policies of the cluster do.
    /// - `Fail`, reason `EgressAnywhere`: an egress rule without ports is for `0.0.0.0/0` or `::/0` (or most of it)
    ///   and leaves out neither the metadata service (`169.254.169.254`, `fd00:ec2::254`) nor the addresses of nodes
    ///   and pods, as far as the nodes tell those.
    /// - `Fail`, reason `MetadataReachable`: a workload may connect to the metadata service on TCP port 80.
    /// - `Fail`, reason `KubeletReachable`, `EtcdReachable`: a workload may connect to an address of a node on TCP
    ///   port 10250 or 10255, or 2379. What collects metrics of kubelets needs a waiver.
    /// - `Fail`, reason `EveryPort`: a rule names peers in other namespaces or outside, and no ports. One about pods
    ///   of its own namespace may do without: it is not about traffic between namespaces.
    /// - `Fail`, reason `OpenToTheWorld`: addresses outside of the cluster may connect to a workload that no Service,
    ///   Ingress, route or host port leads to.
    /// - `Fail`, reason `NotEnforced`; `Unknown`, reasons `EnforcementUnknown` and `InvalidPolicy`: as with NW-01a.
    /// - `Unknown`, reason `ClusterRangesUnknown`: egress without ports to anywhere leaves the metadata service out
    ///   and some private addresses in, and no node says which are the cluster's own.
    /// - `NotApplicable`: no workloads that policies can isolate.
    ///
    /// The message of a namespace that passes lists with whom its side allows connections. That list has a
    /// fingerprint that drift compares: when it grows, or changes in any other way, the item's drift is `Changed`
    /// though its status is as before. What both ends say of each other is the business of both namespaces, so that
    /// no connection between namespaces comes about without one of the two lists growing.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// ingress:
    /// - from: [{namespaceSelector: {}}]                                    # Fail, EveryNamespace and EveryPort
    /// - from: [{namespaceSelector: {matchLabels: {team: shop}}}]           # Fail, EveryPort
    /// - from: [{namespaceSelector: {matchLabels: {team: shop}}}]
    ///   ports: [{port: 8080}]                                              # Pass
    /// ```
    ///
    /// ## How to fix
    ///
    /// Name the namespaces or pods that have business there, and the ports. For egress to the Internet carve out
    /// what is not the Internet: `except: [169.254.0.0/16, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]`.
    /// `plumbline reach` shows what is allowed.
    id: "NW-01b",
    slug: "open-network-between-namespaces",
    title: "Traffic between namespaces is limited by least privilege",
    section: Network,
    level: Required,
    severity: High,
    class: A,
    scope: Namespace,
    empty: NotApplicable,
    since: "0.1",
    reads: READS_ENTRIES,
    optional: &[
        Kind::AdminNetworkPolicy,
        Kind::BaselineAdminNetworkPolicy,
        Kind::ClusterNetworkPolicy,
        Kind::Gateway,
        Kind::HttpRoute,
        Kind::GrpcRoute,
        Kind::TlsRoute,
        Kind::TcpRoute,
        Kind::UdpRoute,
    ],
    failing: ("is open to more than it needs", "are open to more than they need"),
    remediation: "Name peers and ports in every rule, and except the metadata service and the cluster's own addresses from egress to the Internet.",
    references: ["Kubescape C-0052", "kubeaudit netpols", "Kubescape C-0260", "CIS 5.3.2"],
    systems: [],
    checks: [Check::Namespace(check), Check::Cluster(note)],
}

/// The most entries of the list of who is let in or may be reached that a message shows.
const SHOWN: usize = 5;

fn check(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let isolation = context.network.isolation(namespace);
    if isolation.workloads == 0 {
        findings.not_applicable();
        return;
    }
    check_enforcement(context, findings);
    check_naked(Direction::Ingress, &isolation.ingress, findings);
    check_naked(Direction::Egress, &isolation.egress, findings);
    let open = context.network.open_rules_in(namespace.name());
    for rule in &open {
        check_rule(rule, findings);
    }
    check_reach(namespace, &isolation.egress.naked, context, findings);
    check_world(namespace, &isolation.ingress.naked, context, findings);

    let permits = context.network.permits(namespace.name());
    let sides = [
        (Direction::Egress, &permits.egress, &isolation.egress),
        (Direction::Ingress, &permits.ingress, &isolation.ingress),
    ];
    for (direction, permitted, isolation) in sides {
        let said = open.iter().any(|rule| {
            rule.direction == direction
                && matches!(
                    rule.open,
                    Open::Everyone { every_port: true } | Open::EveryNamespace
                )
        });
        if permitted.everybody.is_all() && isolation.naked.is_empty() && !said {
            let message =
                format!("{direction}: policies of the cluster allow every connection with every namespace");
            findings.object("EveryNamespace", message);
        }
    }
    check_certainty(namespace.name(), context, findings);
    findings.track(permits.fingerprint());
    findings.note(format!(
        "in from {}; out to {}; fingerprint {:016x}; {}",
        permits.ingress.summary(SHOWN),
        permits.egress.summary(SHOWN),
        permits.fingerprint(),
        enforcer(context)
    ));
}

/// Says in the cluster's report who enforces policies.
fn note(context: &Context<'_>, findings: &mut Findings) {
    findings.note(enforcer(context));
}

fn check_naked(direction: Direction, isolation: &Isolation, findings: &mut Findings) {
    if isolation.naked.is_empty() {
        return;
    }
    let naked = list(&isolation.naked);
    let message = match direction {
        Direction::Ingress => format!("every namespace may connect to what no policy isolates: {naked}"),
        Direction::Egress => format!("what no policy isolates may connect to every namespace: {naked}"),
    };
    findings.object("NotIsolated", message);
}

fn check_rule(rule: &OpenRule, findings: &mut Findings) {
    let place = format!("spec.{}[{}]", rule.direction, rule.rule);
    let peers = rule.direction.peers();
    let object = (&rule.policy).into();
    match &rule.open {
        Open::Everyone { every_port: true } => {
            let message = format!("{place} names neither peers nor ports: everybody is meant");
            findings.other(object, "EveryNamespace", message);
        }
        Open::EveryNamespace => {
            let message = format!("{place}.{peers} is every pod of every namespace, on every port");
            findings.other(object, "EveryNamespace", message);
        }
        Open::EveryPort => {
            let message = format!("{place}.{peers} names peers outside of the namespace, and no ports");
            findings.other(object, "EveryPort", message);
        }
        Open::ClusterRanges { known: true } => {
            let message = format!("{place}.{peers} is anywhere, addresses of nodes and pods included");
            findings.other(object, "EgressAnywhere", message);
        }
        Open::ClusterRanges { known: false } => findings.unknown(
            "ClusterRangesUnknown",
            format!(
                "{}: {place}.{peers} is anywhere, private addresses included, and no node says which are the cluster's own",
                rule.policy
            ),
        ),
        // Whether a port of the metadata service is meant is seen by what workloads may do.
        Open::Anywhere(_) | Open::Everyone { every_port: false } => {}
    }
}

/// What workloads may reach that only the cluster itself should.
fn check_reach(
    namespace: NamespaceView<'_>,
    naked: &[RootKey],
    context: &Context<'_>,
    findings: &mut Findings,
) {
    let network = context.network;
    let nodes = &network.cluster_ranges().nodes;
    for key in isolated(namespace, naked) {
        if network.to_metadata(&key).contains(Protocol::Tcp, 80) {
            let message = "may connect to the metadata service (169.254.169.254, fd00:ec2::254)";
            findings.other((&key).into(), "MetadataReachable", message);
        }
        for (ports, reason, what) in [
            (&KUBELET[..], "KubeletReachable", "kubelets"),
            (&ETCD[..], "EtcdReachable", "etcd"),
        ] {
            let open = network.to_nodes(&key, ports, nodes);
            if !open.is_empty() {
                let message = format!("may connect to {what} on addresses of nodes ({open})");
                findings.other((&key).into(), reason, message);
            }
        }
    }
}

/// Who is open to the world though nothing leads there.
fn check_world(
    namespace: NamespaceView<'_>,
    naked: &[RootKey],
    context: &Context<'_>,
    findings: &mut Findings,
) {
    let open: Vec<RootKey> = isolated(namespace, naked)
        .filter(|key| context.network.is_open_to_the_world(key))
        .collect();
    if open.is_empty() {
        return;
    }
    let entries = context.network.entries_into(namespace);
    let led: BTreeSet<&RootKey> = entries.iter().map(|entry| &entry.workload).collect();
    for key in open.iter().filter(|key| !led.contains(key)) {
        let message =
            "addresses outside of the cluster may connect, and nothing is meant to lead there from outside";
        findings.other(key.into(), "OpenToTheWorld", message);
    }
}

/// Workloads that run, but for those that no policy isolates and those on the network of their node: of them all of
/// this holds anyway.
fn isolated<'a>(namespace: NamespaceView<'a>, naked: &'a [RootKey]) -> impl Iterator<Item = RootKey> + 'a {
    namespace
        .workloads()
        .filter(|workload| {
            workload.is_active() && !workload.deciding().iter().any(|d| d.template.host_network)
        })
        .map(|workload| workload.key())
        .filter(|key| !naked.contains(key))
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("peers and ports are named", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{namespaceSelector: {matchLabels: {team: bank}}}], ports: [{port: 8080}]}]
  egress: [{ports: [{port: 53, protocol: UDP}, {port: 53}]}]"),
            ("within the namespace no ports need be named", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}]}], egress: [{to: [{podSelector: {}}]}]}"),
            ("egress to the Internet on one port of its own", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}], ports: [{port: 443}]}]}"),
            ("whom an Ingress leads to, everybody may reach", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop, labels: {app: a}}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {selector: {app: a}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a, namespace: shop}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ports: [{port: 8080}]}]}"),
        ],
        fail: &[
            ("no policy isolates it", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}",
             &["Namespace shop: NotIsolated", "Namespace shop: NotIsolated"]),
            ("every namespace on every port, by a selector and without one", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{namespaceSelector: {}}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: q, namespace: shop}
spec: {podSelector: {}, ingress: [{}]}",
             &["NetworkPolicy p: EveryNamespace", "NetworkPolicy p: EveryPort", "NetworkPolicy q: EveryNamespace", "Pod a: OpenToTheWorld"]),
            ("peers of another namespace and no ports", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{namespaceSelector: {matchLabels: {team: bank}}}]}]}",
             &["NetworkPolicy p: EveryPort"]),
            ("egress to anywhere", "
apiVersion: v1
kind: Node
metadata: {name: worker}
status: {addresses: [{type: InternalIP, address: 10.1.2.3}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}",
             &["NetworkPolicy p: EgressAnywhere", "NetworkPolicy p: EveryPort", "Pod a: EtcdReachable", "Pod a: KubeletReachable", "Pod a: MetadataReachable"]),
            ("the kubelets of nodes, on their port alone", "
apiVersion: v1
kind: Node
metadata: {name: worker}
status: {addresses: [{type: InternalIP, address: 10.1.2.3}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{to: [{ipBlock: {cidr: 10.1.0.0/16}}], ports: [{port: 10250}]}]}",
             &["Pod a: KubeletReachable"]),
            ("anybody outside, though nothing leads there", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ports: [{port: 8080}]}]}",
             &["Pod a: OpenToTheWorld"]),
            ("a policy of the cluster lets everybody in", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: open}
spec: {priority: 1, subject: {namespaces: {}}, ingress: [{action: Allow, from: [{namespaces: {}}]}]}",
             &["Namespace shop: EveryNamespace"]),
        ],
        not_applicable: &[("nothing that policies could isolate", "
apiVersion: v1
kind: Pod
metadata: {name: host, namespace: shop}
spec: {hostNetwork: true, containers: [{name: a, image: 'a:1'}]}")],
        unknown: &[
            ("egress to anywhere but the metadata service, and no node says what is the cluster's own", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}}]}]}", "ClusterRangesUnknown"),
            ("a rule that cannot be what it says", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}], ports: [{port: 70000}]}]}", "InvalidPolicy"),
        ],
        parameters: None,
    };

    #[test]
    fn the_list_of_who_is_let_in_is_tracked() {
        let fingerprint = |namespaces: &str| {
            let manifests = format!("
apiVersion: v1
kind: Pod
metadata: {{name: a, namespace: shop}}
spec: {{containers: [{{name: a, image: 'a:1'}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: b, namespace: bank}}
spec: {{containers: [{{name: a, image: 'a:1'}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p, namespace: shop}}
spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress], ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespaces}}}}}}}], ports: [{{port: 80}}]}}]}}");
            let inventory = crate::testing::inventory(&manifests);
            crate::testing::evaluate(&super::ITEM, &inventory, &crate::Parameters::default()).tracked
        };
        assert_ne!(fingerprint("bank"), fingerprint("nobody"));
        assert_eq!(fingerprint("other"), fingerprint("nobody"));
    }
}
