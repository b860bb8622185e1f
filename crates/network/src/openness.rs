//! Rules and workloads that are wide open: the questions of NW-01b.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use plumbline_inventory::entries::Protocol;
use plumbline_inventory::{Name, ObjectId, RootKey};

use crate::addresses::Addresses;
use crate::connections::Connections;
use crate::network::Network;
use crate::policy::{Action, Direction, Peers, Policy, Rule};
use crate::ranges::ClusterRanges;
use crate::selections::SelectionId;

/// Where clouds tell a machine who it is, and hand out its credentials.
pub const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Ports of the kubelet: with authentication, and without.
pub const KUBELET: [u16; 2] = [10250, 10255];

/// The port on which etcd serves its clients.
pub const ETCD: [u16; 1] = [2379];

/// A rule of a policy that allows more than anybody is likely to want.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenRule {
    /// The policy.
    pub policy: ObjectId,
    /// In which direction.
    pub direction: Direction,
    /// The rule, by its place in the list.
    pub rule: usize,
    /// In what way it is open.
    pub open: Open,
}

/// In what way a rule is open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Open {
    /// It names no peers: everybody is meant, inside and outside of the cluster.
    Everyone {
        /// Whether every port is.
        every_port: bool,
    },
    /// A peer is every pod of every namespace, on every port.
    EveryNamespace,
    /// Egress to anywhere, these addresses of metadata services included.
    Anywhere(Vec<IpAddr>),
    /// Egress to anywhere on every port, though what belongs to the cluster itself is not carved out.
    ClusterRanges {
        /// Whether it is known that it is not: some address of a node or a pod is meant. Otherwise nothing is known
        /// of those addresses, and some that may be theirs are meant.
        known: bool,
    },
    /// It names peers of which some are in other namespaces or outside, and no ports.
    EveryPort,
}

impl Network {
    /// Rules that are wide open, ordered by policy. One rule may be so in more than one way.
    pub fn open_rules(&self) -> Vec<OpenRule> {
        let mut open: Vec<OpenRule> = self
            .policies()
            .flat_map(|policy| self.open_rules_of(policy))
            .collect();
        open.sort();
        open
    }

    /// Rules of a namespace's policies that are wide open, ordered by policy.
    pub fn open_rules_in(&self, namespace: &Name) -> Vec<OpenRule> {
        let mut open: Vec<OpenRule> = self
            .policies_in(namespace)
            .flat_map(|policy| self.open_rules_of(policy))
            .collect();
        open.sort();
        open
    }

    fn open_rules_of<'a>(&'a self, policy: &'a Policy) -> impl Iterator<Item = OpenRule> + 'a {
        Direction::BOTH.into_iter().flat_map(move |direction| {
            let rules = policy.rules(direction).into_iter().flat_map(|rules| rules.iter());
            rules.flat_map(move |rule| {
                let ways = self.ways_open(direction, rule).into_iter();
                ways.map(move |open| OpenRule {
                    policy: policy.id.clone(),
                    direction,
                    rule: rule.number,
                    open,
                })
            })
        })
    }

    fn ways_open(&self, direction: Direction, rule: &Rule) -> Vec<Open> {
        if rule.action != Action::Allow {
            return Vec::new();
        }
        let every_port = rule.ports.numbers.is_all();
        let mut ways = Vec::new();
        match &rule.peers {
            Peers::Everyone => {
                ways.push(Open::Everyone { every_port });
                if direction == Direction::Egress {
                    ways.push(Open::Anywhere(METADATA.to_vec()));
                }
            }
            Peers::These {
                pods,
                addresses,
                every_pod,
            } => {
                let everywhere = *every_pod || pods.iter().any(|id| self.selections.is_everything(*id));
                if everywhere && every_port {
                    ways.push(Open::EveryNamespace);
                }
                if direction == Direction::Egress && addresses.is_anywhere() {
                    let reached: Vec<IpAddr> = METADATA
                        .into_iter()
                        .filter(|at| addresses.contains(*at))
                        .collect();
                    if !reached.is_empty() {
                        ways.push(Open::Anywhere(reached));
                    }
                    if every_port {
                        ways.extend(self.cluster_ranges_in(addresses));
                    }
                }
                let local = |id: &SelectionId| self.selections.is_local(*id);
                let beyond = *every_pod || !addresses.is_empty() || !pods.iter().all(local);
                if every_port && beyond {
                    ways.push(Open::EveryPort);
                }
            }
        }
        ways
    }

    /// In what way these addresses hold some of the cluster's own.
    fn cluster_ranges_in(&self, addresses: &Addresses) -> Option<Open> {
        let own = self.ranges.nodes.union(&self.ranges.pods);
        let (meant, known) = if self.ranges.is_empty() {
            (ClusterRanges::private(), false)
        } else {
            (own, true)
        };
        let hit = !addresses.intersection(&meant).is_empty();
        hit.then_some(Open::ClusterRanges { known })
    }

    /// Addresses that are the cluster's own, as far as its nodes tell.
    pub fn cluster_ranges(&self) -> &ClusterRanges {
        &self.ranges
    }

    /// What a workload may open to metadata services.
    pub fn to_metadata(&self, from: &RootKey) -> Connections {
        METADATA.iter().fold(Connections::none(), |all, address| {
            all.union(&self.to_address(from, *address))
        })
    }

    /// Which of these TCP ports of nodes a workload may open. The addresses of nodes are an argument, since the
    /// network does not know them; that nothing is allowed there is no proof if some are missing.
    pub fn to_nodes(&self, from: &RootKey, ports: &[u16], nodes: &Addresses) -> Connections {
        let ports = ports.iter().fold(Connections::none(), |all, port| {
            all.union(&Connections::ports(Protocol::Tcp, *port, *port))
        });
        self.to_addresses(from, nodes).intersection(&ports)
    }

    /// Which of these TCP ports a workload may open to pods on the host network of some node, as control planes have
    /// them: the workloads there, and the ports.
    pub fn to_host_pods(&self, from: &RootKey, ports: &[u16]) -> Vec<(RootKey, Connections)> {
        let ports = ports.iter().fold(Connections::none(), |all, port| {
            all.union(&Connections::ports(Protocol::Tcp, *port, *port))
        });
        let on_host = |key: &&RootKey| {
            self.classes_of(key)
                .iter()
                .any(|class| self.classes.expect(*class).host_network)
        };
        let hosts = self.workloads().filter(|key| *key != from).filter(on_host);
        let open = hosts.map(|key| (key.clone(), self.between(from, key).intersection(&ports)));
        open.filter(|(_, connections)| !connections.is_empty()).collect()
    }
}
