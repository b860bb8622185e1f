//! The whole picture: who may open which connections to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use plumbline_inventory::{Inventory, Name, RootKey};

use crate::addresses::{AddressRange, Addresses, cut};
use crate::classes::ClassId;
use crate::connections::Connections;
use crate::network::{Network, OUTSIDER};
use crate::policy::{Direction, Policy};

/// A workload as people know it: its root owner, also where that is of a kind that is not in the inventory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Its kind.
    pub kind: Name,
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}[{}]", self.namespace, self.name, self.kind)
    }
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// Pods of a workload.
    Workload(Workload),
    /// Addresses outside of the cluster.
    Addresses(AddressRange),
    /// Whatever leads in what Ingresses and routes of Gateways expose: a pod of which nothing else is known.
    IngressController,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(workload) => workload.fmt(f),
            Self::Addresses(range) => range.fmt(f),
            Self::IngressController => f.write_str("ingress-controller"),
        }
    }
}

/// Connections that one end may open to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who opens them.
    pub from: Peer,
    /// Who listens.
    pub to: Peer,
    /// Which.
    pub connections: Connections,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} => {} : {}", self.from, self.to, self.connections)
    }
}

/// Workloads that consist of the same classes: they are in the same position.
type Position = (Vec<ClassId>, Vec<Workload>);

impl Network {
    /// Every pair of ends between which some connection is allowed, ordered as they are printed. What a workload
    /// may open to itself is left out.
    pub fn edges(&self, inventory: &Inventory) -> Vec<Edge> {
        let positions = self.positions(inventory);
        let mut edges = self.edges_inside(&positions);
        edges.extend(self.edges_outside(&positions));
        edges.extend(self.edges_of_controllers(inventory));
        edges.sort_by_cached_key(ToString::to_string);
        edges
    }

    /// Ranges of addresses outside that some policy tells apart.
    pub fn address_ranges(&self) -> Vec<AddressRange> {
        let rules = self.policies().flat_map(Policy::all_rules);
        let named: Vec<&Addresses> = rules.filter_map(|rule| rule.peers.addresses()).collect();
        cut(named)
    }

    /// What somebody outside the cluster may open to a workload.
    pub fn from_outside(&self, to: &RootKey) -> Connections {
        self.with_addresses(to, &Addresses::all(), Direction::Ingress)
    }

    /// What a pod of which nothing is known may open to a workload.
    pub fn from_unknown_pod(&self, to: &RootKey) -> Connections {
        let classes = self.classes_of(to).into_iter();
        classes.fold(Connections::none(), |all, class| {
            all.union(self.profile(class, Direction::Ingress).verdict.of_class(OUTSIDER))
        })
    }

    /// The workloads that there are, each with the roots that count for it.
    pub fn named_workloads(&self, inventory: &Inventory) -> BTreeMap<Workload, Vec<RootKey>> {
        let mut named: BTreeMap<Workload, Vec<RootKey>> = BTreeMap::new();
        for key in self.workloads() {
            named
                .entry(name_of(inventory, key))
                .or_default()
                .push(key.clone());
        }
        named
    }

    fn positions(&self, inventory: &Inventory) -> Vec<Position> {
        let mut positions: BTreeMap<Vec<ClassId>, Vec<Workload>> = BTreeMap::new();
        for (workload, roots) in self.named_workloads(inventory) {
            let classes: BTreeSet<ClassId> = roots.iter().flat_map(|root| self.classes_of(root)).collect();
            positions
                .entry(classes.into_iter().collect())
                .or_default()
                .push(workload);
        }
        positions.into_iter().collect()
    }

    fn edges_inside(&self, positions: &[Position]) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (from, sources) in positions {
            for (to, destinations) in positions {
                let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
                let connections = pairs.fold(Connections::none(), |all, (from, to)| {
                    all.union(&self.between_classes(from, to))
                });
                if connections.is_empty() {
                    continue;
                }
                for source in sources {
                    let others = destinations.iter().filter(|destination| *destination != source);
                    edges.extend(others.map(|destination| Edge {
                        from: Peer::Workload(source.clone()),
                        to: Peer::Workload(destination.clone()),
                        connections: connections.clone(),
                    }));
                }
            }
        }
        edges
    }

    fn edges_outside(&self, positions: &[Position]) -> Vec<Edge> {
        let mut edges = Vec::new();
        for range in self.address_ranges() {
            for (classes, workloads) in positions {
                for direction in Direction::BOTH {
                    let connections = self.with_outside(classes, direction, range.first);
                    if connections.is_empty() {
                        continue;
                    }
                    for workload in workloads {
                        let (pod, outside) = (Peer::Workload(workload.clone()), Peer::Addresses(range));
                        let (from, to) = match direction {
                            Direction::Egress => (pod, outside),
                            Direction::Ingress => (outside, pod),
                        };
                        edges.push(Edge {
                            from,
                            to,
                            connections: connections.clone(),
                        });
                    }
                }
            }
        }
        edges
    }

    fn with_outside(&self, classes: &[ClassId], direction: Direction, address: IpAddr) -> Connections {
        classes.iter().fold(Connections::none(), |all, class| {
            all.union(self.profile(*class, direction).verdict.of_address(address))
        })
    }

    fn edges_of_controllers(&self, inventory: &Inventory) -> Vec<Edge> {
        let mut by_workload: BTreeMap<Workload, Connections> = BTreeMap::new();
        for entry in self.entries(inventory) {
            if entry.way.is_led_by_controller() && !entry.allowed.is_empty() {
                let known = by_workload
                    .entry(name_of(inventory, &entry.workload))
                    .or_default();
                *known = known.union(&entry.allowed);
            }
        }
        by_workload
            .into_iter()
            .map(|(workload, connections)| Edge {
                from: Peer::IngressController,
                to: Peer::Workload(workload),
                connections,
            })
            .collect()
    }
}

/// What a root is called. One that is controlled by something that is not in the inventory is called as that.
pub(crate) fn name_of(inventory: &Inventory, key: &RootKey) -> Workload {
    let owner = inventory
        .workload(key)
        .and_then(|workload| workload.unknown_owner().cloned());
    match owner {
        Some(owner) => Workload {
            namespace: Name::clone(&key.namespace),
            name: owner.name,
            kind: owner.kind,
        },
        None => Workload {
            namespace: Name::clone(&key.namespace),
            name: Name::clone(&key.name),
            kind: key.kind.as_str().into(),
        },
    }
}
