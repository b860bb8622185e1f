//! Collectors of logs, what they collect from, and where they send to.

use std::collections::BTreeSet;

use plumbline_inventory::components::Component;
use plumbline_inventory::destinations::{UNKNOWN, collector};
use plumbline_inventory::entries::ServiceType;
use plumbline_inventory::template::Template;
use plumbline_inventory::views::{NamespaceView, WorkloadView};
use plumbline_inventory::{Inventory, Kind, Name, RootKey};

use crate::infrastructure::{is_named_image, is_public};

/// What an item on collectors reads: workloads and nodes.
pub(crate) const READS: &[Kind] = &Kind::with_workloads::<11>(&[Kind::Namespace, Kind::Node]);

/// The same, with the Services that collectors send to.
pub(crate) const READS_SERVICES: &[Kind] =
    &Kind::with_workloads::<12>(&[Kind::Namespace, Kind::Node, Kind::Service]);

/// Agents that send to the service of who makes them, and nowhere else.
const AGENTS: &[(&str, &str)] = &[
    ("datadog/agent", "Datadog"),
    ("datadoghq/agent", "Datadog"),
    ("containerinsights/ciprod", "Azure Monitor"),
    ("newrelic-fluentbit-output", "New Relic"),
];

/// What keeps logs and lets people search them.
const BACKENDS: &[(&str, &str)] = &[
    ("elasticsearch", "Elasticsearch"),
    ("opensearch", "OpenSearch"),
    ("loki", "Loki"),
    ("splunk", "Splunk"),
    ("graylog", "Graylog"),
    ("victoria-logs", "VictoriaLogs"),
    ("wazuh-indexer", "Wazuh"),
];

/// Directories of a node where logs of pods and of the system are, and those that hold them.
const LOGS: [&str; 5] = [
    "/var/log",
    "/var/lib/docker/containers",
    "/run/log/journal",
    "/var",
    "/",
];

/// A collector of logs.
pub(crate) struct Collector<'a> {
    /// The workload.
    pub(crate) workload: WorkloadView<'a>,
    /// What it is called.
    pub(crate) product: &'static str,
    /// Whether it sends to the service of who makes it.
    pub(crate) is_agent: bool,
}

/// Where a collector sends to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Destination {
    /// A host outside of the cluster.
    Outside(String),
    /// Something in this cluster that keeps logs.
    Backend(RootKey, &'static str),
    /// Another collector in this cluster.
    Collector,
    /// Nobody can tell.
    Unknown,
}

/// The active collectors of the cluster, in order.
pub(crate) fn collectors(inventory: &Inventory) -> Vec<Collector<'_>> {
    let workloads = inventory.namespaces().flat_map(NamespaceView::workloads);
    let known = workloads.filter_map(|workload| {
        let (product, is_agent) = product(workload.own_template())?;
        let collector = Collector {
            workload,
            product,
            is_agent,
        };
        workload.is_active().then_some(collector)
    });
    known.collect()
}

fn product(template: &Template) -> Option<(&'static str, bool)> {
    let mut images = template.containers.iter().map(|container| &*container.image);
    images.find_map(|image| {
        let agent = AGENTS.iter().find(|(name, _)| is_named_image(image, name));
        agent
            .map(|(_, product)| (*product, true))
            .or_else(|| collector(image).map(|product| (product, false)))
    })
}

/// What a workload is called if it keeps logs.
pub(crate) fn backend(workload: WorkloadView<'_>) -> Option<&'static str> {
    let images = workload.own_template().containers.iter();
    let mut images = images.map(|container| &*container.image);
    images.find_map(|image| {
        let known = BACKENDS.iter().find(|(name, _)| is_named_image(image, name));
        known.map(|(_, product)| *product)
    })
}

/// Whether some API server that can be seen sends audit events to a webhook; `None` if none can be seen.
pub(crate) fn audit_webhook(inventory: &Inventory) -> Option<bool> {
    let mut servers = inventory.components(Component::ApiServer).peekable();
    servers.peek()?;
    Some(servers.any(|(_, flags)| {
        flags
            .get("audit-webhook-config-file")
            .is_some_and(|file| !file.is_empty())
    }))
}

impl Collector<'_> {
    /// Whether it runs on every node and reads the logs that are there.
    pub(crate) fn reads_logs_of_nodes(&self) -> bool {
        let paths = self.workload.own_template().host_paths.iter();
        let mut paths = paths.map(|volume| volume.path.trim_end_matches('/'));
        let reads = |path: &str| {
            let path = if path.is_empty() { "/" } else { path };
            LOGS.contains(&path) || path.starts_with("/var/log/")
        };
        self.workload.kind() == Kind::DaemonSet && paths.any(reads)
    }

    /// The nodes that it has live pods on.
    pub(crate) fn nodes(&self) -> BTreeSet<&Name> {
        self.workload
            .pods()
            .filter_map(|(_, pod)| pod.node.as_ref())
            .collect()
    }

    /// Where it sends to, by its environment, its arguments and the configurations in its namespace.
    pub(crate) fn destinations(&self) -> BTreeSet<Destination> {
        if self.is_agent {
            return BTreeSet::from([Destination::Outside(format!("the service of {}", self.product))]);
        }
        let namespace = self.workload.namespace();
        let containers = self.workload.own_template().containers.iter();
        let named = containers.flat_map(|container| &container.log_destinations);
        let configured = namespace.log_destinations().flat_map(|(_, hosts)| hosts);
        let found: BTreeSet<Destination> = named
            .chain(configured)
            .map(|host| destination(host, namespace))
            .collect();
        if found.is_empty() {
            BTreeSet::from([Destination::Unknown])
        } else {
            found
        }
    }
}

fn destination(host: &str, from: NamespaceView<'_>) -> Destination {
    if host == UNKNOWN {
        return Destination::Unknown;
    }
    if let Ok(address) = host.parse() {
        // A private address may be a pod's or a Service's, or that of a machine beside the cluster.
        return if is_public(address) {
            Destination::Outside(host.to_owned())
        } else {
            Destination::Unknown
        };
    }
    let mut words = host.split('.');
    let name = words.next().unwrap_or_default();
    let (place, third) = (words.next(), words.next());
    let there = match place {
        None => Some(from),
        Some(place) => from.inventory().namespace(place),
    };
    let service = there.and_then(|there| Some((there, there.service(name)?.1)));
    let is_of_cluster = matches!(third, Some("svc")) || place.is_none();
    match service {
        Some((there, service)) if third.is_none() || is_of_cluster => {
            if service.kind == ServiceType::ExternalName || service.selector.iter().next().is_none() {
                return Destination::Unknown;
            }
            let selected = |workload: &WorkloadView<'_>| {
                let labels = workload.pod_labels();
                service
                    .selector
                    .iter()
                    .all(|(key, value)| labels.get(key) == Some(value))
            };
            let behind = there.workloads().filter(WorkloadView::is_active).filter(selected);
            let mut behind = behind.filter_map(|workload| {
                let kept = backend(workload).map(|product| Destination::Backend(workload.key(), product));
                kept.or_else(|| product(workload.own_template()).map(|_| Destination::Collector))
            });
            behind.next().unwrap_or(Destination::Unknown)
        }
        _ if is_of_cluster => Destination::Unknown,
        _ => Destination::Outside(host.to_owned()),
    }
}
