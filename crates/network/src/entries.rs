//! Entries from outside: what leads traffic to which ports of which workloads.

use std::collections::BTreeSet;

use plumbline_inventory::entries::{Backend, PortRef, RouteFacts, ServiceFacts, ServicePort, ServiceType};
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Inventory, Kind, Name, ObjectId, RootKey};

use crate::connections::Connections;
use crate::network::{Member, Network, ports_of};

/// How traffic gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// An Ingress, and whatever controller serves it.
    Ingress,
    /// A route of a Gateway, and whatever controller serves that.
    Route,
    /// The load balancer of a Service.
    LoadBalancer,
    /// A port that a Service opens on every node.
    NodePort,
    /// An address outside that a Service answers to.
    ExternalIp,
    /// A port that a container opens on its node.
    HostPort,
}

impl Way {
    /// Whether the pods see a controller in the cluster as the one who connects.
    pub fn is_led_by_controller(self) -> bool {
        matches!(self, Self::Ingress | Self::Route)
    }
}

/// A way in from outside to a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The workload that it leads to.
    pub workload: RootKey,
    /// How.
    pub way: Way,
    /// The object that opens it: an Ingress, a route, a Service, or (of host ports) the workload itself.
    pub through: ObjectId,
    /// The Service between, if `through` is none.
    pub service: Option<Name>,
    /// The ports of the workload that it leads to.
    pub target: Connections,
    /// What of that the policies let through.
    pub allowed: Connections,
}

impl Network {
    /// Every way in from outside, ordered by workload.
    pub fn entries(&self, inventory: &Inventory) -> Vec<Entry> {
        let mut entries: Vec<Entry> = inventory
            .namespaces()
            .flat_map(|namespace| self.entries_by(namespace))
            .collect();
        entries.sort();
        entries
    }

    /// The ways in from outside that objects of a namespace open, wherever they lead, ordered by workload.
    pub fn entries_by(&self, namespace: NamespaceView<'_>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (name, service) in namespace.services() {
            self.of_service(namespace, name, service, &mut entries);
        }
        for (name, ingress) in namespace.ingresses() {
            let through = local(namespace, Kind::Ingress, name);
            self.of_backends(
                namespace,
                (Way::Ingress, &through),
                &ingress.backends,
                &mut entries,
            );
        }
        for (kind, name, route) in namespace.routes() {
            self.of_route(namespace, (kind, name), route, &mut entries);
        }
        self.of_host_ports(namespace, &mut entries);
        entries.sort();
        entries
    }

    /// The ways in from outside that lead into a namespace, wherever they are opened, ordered by workload.
    pub fn entries_into(&self, namespace: NamespaceView<'_>) -> Vec<Entry> {
        let mut entries = self.entries_by(namespace);
        for id in self.routes.leading_into(namespace.name()) {
            let from = id
                .namespace
                .as_ref()
                .and_then(|from| namespace.inventory().namespace(from));
            let Some(from) = from else { continue };
            if let Some(route) = from.route(id.kind, &id.name) {
                self.of_route(from, (id.kind, &id.name), route, &mut entries);
            }
        }
        entries.retain(|entry| entry.workload.namespace == *namespace.name());
        entries.sort();
        entries
    }

    fn of_route(
        &self,
        namespace: NamespaceView<'_>,
        (kind, name): (Kind, &Name),
        route: &RouteFacts,
        entries: &mut Vec<Entry>,
    ) {
        if !route.gateways.is_empty() {
            let through = local(namespace, kind, name);
            self.of_backends(namespace, (Way::Route, &through), &route.backends, entries);
        }
    }

    fn of_service(
        &self,
        namespace: NamespaceView<'_>,
        name: &Name,
        service: &ServiceFacts,
        entries: &mut Vec<Entry>,
    ) {
        let ways = [
            (Way::LoadBalancer, service.kind == ServiceType::LoadBalancer),
            (
                Way::NodePort,
                // A load balancer opens ports of nodes as well, unless it is told not to.
                service.kind == ServiceType::NodePort
                    || service.ports.iter().any(|port| port.node_port.is_some()),
            ),
            (Way::ExternalIp, !service.external_ips.is_empty()),
        ];
        let open: Vec<Way> = ways
            .into_iter()
            .filter(|(_, open)| *open)
            .map(|(way, _)| way)
            .collect();
        if open.is_empty() {
            return;
        }
        let through = local(namespace, Kind::Service, name);
        for (workload, target) in self.targets(namespace, service, &every_port(service)) {
            let allowed = self.from_outside(&workload).intersection(&target);
            entries.extend(open.iter().map(|way| Entry {
                workload: workload.clone(),
                way: *way,
                through: through.clone(),
                service: None,
                target: target.clone(),
                allowed: allowed.clone(),
            }));
        }
    }

    fn of_backends(
        &self,
        namespace: NamespaceView<'_>,
        (way, through): (Way, &ObjectId),
        backends: &[Backend],
        entries: &mut Vec<Entry>,
    ) {
        for backend in backends {
            // Whether a ReferenceGrant lets a route lead to another namespace is not looked at: it may.
            let there = match &backend.namespace {
                Some(name) => namespace.inventory().namespace(name),
                None => Some(namespace),
            };
            let Some((there, (name, service))) =
                there.and_then(|there| Some((there, there.service(&backend.service)?)))
            else {
                continue;
            };
            for (workload, target) in self.targets(there, service, &ports_meant(service, backend)) {
                let allowed = self.from_unknown_pod(&workload).intersection(&target);
                entries.push(Entry {
                    workload,
                    way,
                    through: through.clone(),
                    service: Some(Name::clone(name)),
                    target,
                    allowed,
                });
            }
        }
    }

    fn of_host_ports(&self, namespace: NamespaceView<'_>, entries: &mut Vec<Entry>) {
        for (key, members) in self.workloads_of(namespace.name()) {
            let containers = members.iter().flat_map(|member| &member.template.containers);
            let ports = containers
                .flat_map(|container| &container.ports)
                .filter(|port| port.host_port.is_some());
            let target = ports.fold(Connections::none(), |all, port| {
                all.union(&Connections::ports(port.protocol, port.port, port.port))
            });
            if !target.is_empty() {
                entries.push(Entry {
                    workload: key.clone(),
                    way: Way::HostPort,
                    through: ObjectId {
                        kind: key.kind,
                        namespace: Some(Name::clone(&key.namespace)),
                        name: Name::clone(&key.name),
                    },
                    service: None,
                    allowed: self.from_outside(key).intersection(&target),
                    target,
                });
            }
        }
    }

    /// The workloads that ports of a Service lead to, each with its own ports that they mean.
    fn targets(
        &self,
        namespace: NamespaceView<'_>,
        service: &ServiceFacts,
        ports: &[&ServicePort],
    ) -> Vec<(RootKey, Connections)> {
        if service.selector.iter().next().is_none() || service.kind == ServiceType::ExternalName {
            return Vec::new();
        }
        let selected = |member: &&Member| {
            service
                .selector
                .iter()
                .all(|(key, value)| member.labels.get(key) == Some(value))
        };
        let mut targets = Vec::new();
        for (key, members) in self.workloads_of(namespace.name()) {
            let selected: Vec<&Member> = members.iter().filter(selected).collect();
            let pairs = selected
                .iter()
                .flat_map(|member| ports.iter().map(move |port| (member, port)));
            let meant = pairs.fold(Connections::none(), |all, (member, port)| {
                all.union(&target_of(member, port))
            });
            if !meant.is_empty() {
                targets.push((key.clone(), meant));
            }
        }
        targets
    }
}

fn every_port(service: &ServiceFacts) -> Vec<&ServicePort> {
    service.ports.iter().collect()
}

/// The ports of a Service that a backend means, by number or by name; all of them if it names none.
fn ports_meant<'a>(service: &'a ServiceFacts, backend: &Backend) -> Vec<&'a ServicePort> {
    let meant = |port: &&ServicePort| match (&backend.port, &backend.port_name) {
        (Some(number), _) => port.port == *number,
        (None, Some(name)) => port.name == *name,
        (None, None) => true,
    };
    service.ports.iter().filter(meant).collect()
}

fn target_of(member: &Member, port: &ServicePort) -> Connections {
    match &port.target {
        PortRef::Number(number) => match u16::try_from(*number) {
            Ok(number) => Connections::ports(port.protocol, number, number),
            Err(_) => Connections::none(),
        },
        PortRef::Name(name) => {
            let named = ports_of(&member.template)
                .filter(|(n, protocol, _)| *n == name && *protocol == port.protocol);
            let numbers: BTreeSet<u16> = named.map(|(_, _, number)| number).collect();
            numbers.into_iter().fold(Connections::none(), |all, number| {
                all.union(&Connections::ports(port.protocol, number, number))
            })
        }
    }
}

fn local(namespace: NamespaceView<'_>, kind: Kind, name: &Name) -> ObjectId {
    ObjectId {
        kind,
        namespace: Some(Name::clone(namespace.name())),
        name: Name::clone(name),
    }
}
