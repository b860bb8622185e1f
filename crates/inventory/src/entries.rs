//! Facts about what leads traffic to pods: Services, Ingresses, and Gateways with their routes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::firewalls::Firewall;
use crate::labels::Labels;
use crate::lean::{self, IntOrString};
use crate::names::{Name, Pool};

/// A transport protocol that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the names are those of Kubernetes
pub enum Protocol {
    Sctp,
    Tcp,
    Udp,
}

impl Protocol {
    /// Every protocol, in order.
    pub const ALL: [Self; 3] = [Self::Sctp, Self::Tcp, Self::Udp];

    /// The protocol of this name; without one it is TCP.
    pub fn parse(name: Option<&str>) -> Option<Self> {
        match name.unwrap_or("TCP") {
            "TCP" => Some(Self::Tcp),
            "UDP" => Some(Self::Udp),
            "SCTP" => Some(Self::Sctp),
            _ => None,
        }
    }

    /// The name as in `protocol:`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sctp => "SCTP",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerPort {
    /// Its name, by which policies and Services may refer to it.
    pub name: Option<Name>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub port: u16,
    /// The port of the node that leads to it.
    pub host_port: Option<u16>,
}

impl ContainerPort {
    /// The declared ports that the API server would accept; a port alone, without a protocol of ours, is none.
    pub(crate) fn of(container: &lean::Container, names: &mut Pool<str>) -> Box<[Self]> {
        let port = |port: &lean::ContainerPort| {
            Some(Self {
                name: port
                    .name
                    .as_deref()
                    .filter(|name| !name.is_empty())
                    .map(|name| names.intern(name)),
                protocol: Protocol::parse(port.protocol.as_deref())?,
                port: number(port.container_port)?,
                host_port: port.host_port.and_then(number),
            })
        };
        container.ports.iter().filter_map(port).collect()
    }
}

/// A port of a node, container or Service: 1 to 65535.
fn number(port: i64) -> Option<u16> {
    u16::try_from(port).ok().filter(|port| *port != 0)
}

/// How far a Service reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the names are those of Kubernetes
pub enum ServiceType {
    #[default]
    ClusterIp,
    NodePort,
    LoadBalancer,
    ExternalName,
}

/// A `Service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFacts {
    /// Its type.
    pub kind: ServiceType,
    /// Labels of the pods that it leads to; without any it leads to none that are known here.
    pub selector: Arc<Labels>,
    /// Its ports.
    pub ports: Box<[ServicePort]>,
    /// Addresses outside the cluster that lead to it.
    pub external_ips: Box<[Name]>,
    /// Who may use its load balancer; everybody if there is none.
    pub source_ranges: Box<[Name]>,
    /// Addresses and host names of its load balancer.
    pub addresses: Box<[Name]>,
    /// Annotations by which clouds and controllers say who gets in.
    pub annotations: Arc<Labels>,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name, empty if it has none.
    pub name: Name,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number, as written.
    pub port: i32,
    /// The port of the pods that it leads to.
    pub target: PortRef,
    /// The port of every node that leads to it.
    pub node_port: Option<u16>,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortRef {
    /// As written: it need not be a possible one.
    Number(i32),
    /// The name of a port.
    Name(Name),
}

/// An `Ingress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressFacts {
    /// Its class, by field or annotation.
    pub class: Option<Name>,
    /// Hosts that it has rules for; the empty one stands for all.
    pub hosts: Box<[Name]>,
    /// Services that it leads to.
    pub backends: Box<[Backend]>,
    /// Addresses and host names at which its controller serves it.
    pub addresses: Box<[Name]>,
    /// Annotations by which controllers say who gets in.
    pub annotations: Arc<Labels>,
    /// What its annotations say of web application firewalls, in order.
    pub firewalls: Box<[Firewall]>,
}

/// A Service and a port of it that something leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backend {
    /// Its namespace, if that is said.
    pub namespace: Option<Name>,
    /// Its name.
    pub service: Name,
    /// A port of it, as written; of a backend without one all of them are meant.
    pub port: Option<i32>,
    /// A port of it by name.
    pub port_name: Option<Name>,
}

/// A `Gateway`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayFacts {
    /// Its class.
    pub class: Name,
    /// Ports that it listens on, with the protocol as written.
    pub listeners: Box<[(i32, Name)]>,
    /// Its addresses.
    pub addresses: Box<[Name]>,
}

/// A route of the Gateway API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteFacts {
    /// Gateways that it hangs on, with their namespaces if those are said.
    pub gateways: Box<[(Option<Name>, Name)]>,
    /// Hosts that it is for.
    pub hosts: Box<[Name]>,
    /// Services that it leads to.
    pub backends: Box<[Backend]>,
}

/// Domains of annotations that say who gets in; others (who installed it, what was applied last) are not kept.
const WHO_GETS_IN: [&str; 6] = [
    "service.beta.kubernetes.io/",
    "service.kubernetes.io/",
    "networking.gke.io/",
    "cloud.google.com/",
    "nginx.ingress.kubernetes.io/",
    "alb.ingress.kubernetes.io/",
];

/// Builds the facts, with their strings pooled.
pub(crate) struct Facts<'a> {
    pub(crate) names: &'a mut Pool<str>,
    pub(crate) label_sets: &'a mut Pool<Labels>,
}

impl Facts<'_> {
    pub(crate) fn service(&mut self, service: &lean::Service) -> ServiceFacts {
        let spec = &service.spec;
        let balancer = &service.status.load_balancer;
        let addresses = balancer
            .ingress
            .iter()
            .flat_map(|i| i.ip.iter().chain(&i.hostname));
        ServiceFacts {
            kind: match spec.kind.as_deref() {
                Some("NodePort") => ServiceType::NodePort,
                Some("LoadBalancer") => ServiceType::LoadBalancer,
                Some("ExternalName") => ServiceType::ExternalName,
                _ => ServiceType::ClusterIp,
            },
            selector: self.labels(&spec.selector),
            ports: spec
                .ports
                .iter()
                .filter_map(|port| self.service_port(port))
                .collect(),
            external_ips: self.all(&spec.external_ips),
            source_ranges: self.all(&spec.load_balancer_source_ranges),
            addresses: addresses
                .map(|address| self.names.intern(address.as_str()))
                .collect(),
            annotations: self.annotations(&service.metadata),
        }
    }

    fn service_port(&mut self, port: &lean::ServicePort) -> Option<ServicePort> {
        Some(ServicePort {
            name: self.names.intern(port.name.as_str()),
            protocol: Protocol::parse(port.protocol.as_deref())?,
            port: as_written(port.port),
            target: match &port.target_port {
                Some(IntOrString::String(name)) => PortRef::Name(self.names.intern(name.as_str())),
                Some(IntOrString::Int(target)) if *target != 0 => PortRef::Number(as_written(*target)),
                // The API server fills in the port itself.
                _ => PortRef::Number(as_written(port.port)),
            },
            node_port: port.node_port.and_then(number),
        })
    }

    pub(crate) fn ingress(&mut self, ingress: &lean::Ingress) -> IngressFacts {
        let spec = &ingress.spec;
        let annotated = ingress.metadata.annotations.get("kubernetes.io/ingress.class");
        let class = spec.ingress_class_name.as_deref().or(annotated);
        let paths = spec
            .rules
            .iter()
            .flat_map(|rule| &rule.http.paths)
            .map(|path| &path.backend);
        let services = spec
            .default_backend
            .iter()
            .chain(paths)
            .filter_map(|b| b.service.as_ref());
        let backend = |service: &lean::IngressService| Backend {
            namespace: None,
            service: self.names.intern(service.name.as_str()),
            port: service.port.number.map(as_written),
            port_name: service.port.name.as_deref().map(|name| self.names.intern(name)),
        };
        let backends = distinct(services.map(backend));
        let addresses = ingress.status.load_balancer.ingress.iter();
        let addresses = addresses
            .flat_map(|i| i.ip.iter().chain(&i.hostname))
            .map(|address| self.names.intern(address.as_str()))
            .collect();
        IngressFacts {
            class: class.map(|class| self.names.intern(class)),
            hosts: distinct(
                spec.rules
                    .iter()
                    .map(|rule| self.names.intern(rule.host.as_str())),
            ),
            backends,
            addresses,
            annotations: self.annotations(&ingress.metadata),
            firewalls: distinct(ingress.metadata.annotations.firewalls.iter().copied()),
        }
    }

    pub(crate) fn gateway(&mut self, gateway: &lean::Gateway) -> GatewayFacts {
        let listeners = gateway.spec.listeners.iter();
        GatewayFacts {
            class: self.names.intern(gateway.spec.gateway_class_name.as_str()),
            listeners: listeners
                .map(|l| (as_written(l.port), self.names.intern(l.protocol.as_str())))
                .collect(),
            addresses: gateway
                .status
                .addresses
                .iter()
                .map(|a| self.names.intern(a.value.as_str()))
                .collect(),
        }
    }

    pub(crate) fn route(&mut self, route: &lean::Route) -> RouteFacts {
        let spec = &route.spec;
        // A Service as a parent is for a mesh: nothing comes in from outside there.
        let gateways = spec.parent_refs.iter().filter(|parent| {
            matches!(parent.kind.as_deref(), None | Some("Gateway"))
                && matches!(parent.group.as_deref(), None | Some("gateway.networking.k8s.io"))
        });
        let mirrors = |rule: &lean::RouteRule| {
            let mirrors = rule
                .filters
                .iter()
                .filter_map(|filter| filter.request_mirror.as_ref());
            mirrors
                .map(|mirror| mirror.backend_ref.clone())
                .collect::<Vec<_>>()
        };
        let backends = spec.rules.iter().flat_map(|rule| {
            let mut refs = rule.backend_refs.clone();
            refs.extend(mirrors(rule));
            refs
        });
        let services = backends.filter(|backend| {
            matches!(backend.kind.as_deref(), None | Some("Service"))
                && matches!(backend.group.as_deref(), None | Some(""))
        });
        let backend = |backend: lean::RouteRef| Backend {
            namespace: backend.namespace.as_deref().map(|name| self.names.intern(name)),
            service: self.names.intern(backend.name.as_str()),
            port: backend.port.map(as_written),
            port_name: None,
        };
        let backends = distinct(services.map(backend));
        RouteFacts {
            gateways: distinct(gateways.map(|parent| {
                let namespace = parent.namespace.as_deref().map(|name| self.names.intern(name));
                (namespace, self.names.intern(parent.name.as_str()))
            })),
            hosts: self.all(&spec.hostnames),
            backends,
        }
    }

    fn all(&mut self, texts: &[String]) -> Box<[Name]> {
        texts
            .iter()
            .map(|text| self.names.intern(text.as_str()))
            .collect()
    }

    fn labels(&mut self, map: &BTreeMap<String, String>) -> Arc<Labels> {
        let labels = Labels::new(map, self.names);
        self.label_sets.intern(labels)
    }

    fn annotations(&mut self, meta: &lean::Meta) -> Arc<Labels> {
        let kept = meta
            .annotations
            .short
            .iter()
            .filter(|(key, _)| WHO_GETS_IN.iter().any(|domain| key.starts_with(domain)));
        let kept = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.labels(&kept)
    }
}

/// What is written may be no port at all; that is for a reader to say.
fn as_written(port: i64) -> i32 {
    i32::try_from(port).unwrap_or(i32::MAX)
}

fn distinct<T: Ord>(all: impl Iterator<Item = T>) -> Box<[T]> {
    let all: std::collections::BTreeSet<T> = all.collect();
    all.into_iter().collect()
}
