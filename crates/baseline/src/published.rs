//! What is published: whether a way into the cluster begins at the Internet.

use std::net::IpAddr;

use plumbline_inventory::entries::ServiceFacts;
use plumbline_inventory::facts::NodeFacts;
use plumbline_inventory::labels::Labels;
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Inventory, Name};
use plumbline_network::{Entry, Way};

use crate::context::Context;
use crate::infrastructure::{is_public, narrows};

/// Whether something is published.
pub(crate) enum Published {
    No,
    /// In this way.
    Yes(String),
    /// There are no nodes that would tell.
    IfNodesAre,
}

/// Whether what is behind an entry, which an object of `namespace` opens, can be reached from the Internet.
pub(crate) fn published(entry: &Entry, namespace: NamespaceView<'_>, context: &Context<'_>) -> Published {
    let service = || namespace.service(&entry.through.name).map(|(_, facts)| facts);
    match entry.way {
        Way::LoadBalancer => match service() {
            Some(service) if is_open_balancer(service) => Published::Yes("a load balancer".to_owned()),
            _ => Published::No,
        },
        Way::ExternalIp => {
            let addresses = service()
                .map(|service| &*service.external_ips)
                .unwrap_or_default();
            match addresses.iter().find(|address| is_public_name(address)) {
                Some(address) => Published::Yes(format!("external address {address}")),
                None => Published::No,
            }
        }
        Way::NodePort | Way::HostPort => on_nodes(entry.way, context.inventory),
        Way::Ingress => {
            let ingress = namespace
                .ingresses()
                .find(|(name, _)| **name == entry.through.name)
                .map(|(_, facts)| facts);
            match ingress {
                Some(ingress) if !is_internal(&ingress.annotations) && may_be_public(&ingress.addresses) => {
                    Published::Yes("an Ingress".to_owned())
                }
                _ => Published::No,
            }
        }
        Way::Route => {
            let route = namespace.route(entry.through.kind, &entry.through.name);
            let gateways = route.map(|route| &*route.gateways).unwrap_or_default();
            let open = gateways.iter().find(|(place, name)| {
                let place = place.as_ref().unwrap_or(namespace.name());
                let there = context.inventory.namespace(place);
                let gateway = there.and_then(|there| there.gateway(name));
                gateway.is_none_or(|gateway| may_be_public(&gateway.addresses))
            });
            open.map_or(Published::No, |(_, name)| {
                Published::Yes(format!("a route of Gateway {name}"))
            })
        }
    }
}

fn on_nodes(way: Way, inventory: &Inventory) -> Published {
    let mut nodes = inventory.nodes().peekable();
    if nodes.peek().is_none() {
        return Published::IfNodesAre;
    }
    let public = |(name, node): (&Name, &NodeFacts)| {
        let external = node.addresses.iter().filter(|(kind, _)| **kind == *"ExternalIP");
        let mut public = external.filter(|(_, address)| is_public_name(address));
        public.next().map(|(_, address)| format!("{name} ({address})"))
    };
    let what = if way == Way::HostPort {
        "a host port"
    } else {
        "a port of nodes"
    };
    nodes.find_map(public).map_or(Published::No, |node| {
        Published::Yes(format!("{what}, as of Node {node},"))
    })
}

/// Annotations that make a load balancer internal, with the values that do.
const INTERNAL: &[(&str, &[&str])] = &[
    (
        "service.beta.kubernetes.io/aws-load-balancer-internal",
        &["true", "0.0.0.0/0"],
    ),
    (
        "service.beta.kubernetes.io/aws-load-balancer-scheme",
        &["internal"],
    ),
    (
        "service.beta.kubernetes.io/azure-load-balancer-internal",
        &["true"],
    ),
    ("networking.gke.io/load-balancer-type", &["Internal"]),
    ("cloud.google.com/load-balancer-type", &["Internal"]),
    (
        "service.beta.kubernetes.io/openstack-internal-load-balancer",
        &["true"],
    ),
    ("service.beta.kubernetes.io/oci-load-balancer-internal", &["true"]),
    (
        "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type",
        &["intranet"],
    ),
];

fn is_open_balancer(service: &ServiceFacts) -> bool {
    let internal = INTERNAL.iter().any(|(key, values)| {
        service
            .annotations
            .get(key)
            .is_some_and(|value| values.contains(&value))
    });
    let annotated = service
        .annotations
        .get("service.beta.kubernetes.io/load-balancer-source-ranges");
    let ranges = service
        .source_ranges
        .iter()
        .map(|range| &**range)
        .chain(annotated);
    !internal && !narrows(ranges) && may_be_public(&service.addresses)
}

/// Whether annotations keep an Ingress from everybody.
fn is_internal(annotations: &Labels) -> bool {
    let ranges = [
        "nginx.ingress.kubernetes.io/whitelist-source-range",
        "nginx.ingress.kubernetes.io/allowlist-source-range",
        "alb.ingress.kubernetes.io/inbound-cidrs",
    ];
    let alb = annotations
        .iter()
        .any(|(key, _)| key.starts_with("alb.ingress.kubernetes.io/"));
    let facing = annotations.get("alb.ingress.kubernetes.io/scheme") == Some("internet-facing");
    ranges
        .iter()
        .any(|key| annotations.get(key).is_some_and(|value| narrows([value])))
        || alb && !facing
}

/// Whether some address may be public: unless all are private. Those that are not there yet may become anything.
fn may_be_public(addresses: &[Name]) -> bool {
    addresses.is_empty() || addresses.iter().any(|address| is_public_name(address))
}

/// A host name may stand for any address.
fn is_public_name(address: &str) -> bool {
    address.parse::<IpAddr>().map_or(true, is_public)
}
