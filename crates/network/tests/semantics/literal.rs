//! Pod by pod, port by port, as the API documentation says: slow, and too plain to be wrong in a clever way.

use std::net::IpAddr;

use plumbline_inventory::Kind;
use plumbline_inventory::entries::Protocol;
use plumbline_inventory::testing::Manifest;
use plumbline_network::Direction;
use proptest::prelude::*;
use serde_json::Value;

use crate::{PROBES, addresses, key, offline, random};

/// One end of a connection.
#[derive(Clone, Copy)]
enum End<'a> {
    Pod(&'a Value),
    Address(IpAddr),
}

struct Cluster<'a>(&'a [Manifest]);

impl Cluster<'_> {
    fn of(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        self.0
            .iter()
            .filter(move |object| object.kind() == kind)
            .map(Manifest::json)
    }

    fn allowed(&self, from: End<'_>, to: End<'_>, probe: (Protocol, u16)) -> bool {
        self.side(Direction::Egress, from, to, to, probe)
            && self.side(Direction::Ingress, to, from, to, probe)
    }

    fn side(
        &self,
        direction: Direction,
        subject: End<'_>,
        peer: End<'_>,
        to: End<'_>,
        probe: (Protocol, u16),
    ) -> bool {
        let End::Pod(pod) = subject else { return true };
        if pod["spec"]["hostNetwork"] == true {
            return true;
        }
        if let Some(verdict) = self.tier("Admin", direction, pod, peer, to, probe) {
            return verdict;
        }
        let mut isolated = false;
        for policy in self.of(Kind::NetworkPolicy) {
            let spec = &policy["spec"];
            if policy["metadata"]["namespace"] != pod["metadata"]["namespace"]
                || !selects(&spec["podSelector"], &pod["metadata"]["labels"])
                || !types(spec).contains(&direction)
            {
                continue;
            }
            isolated = true;
            for rule in list(&spec[direction.as_str()]) {
                let peers = list(&rule[direction.peers()]);
                let ports = list(&rule["ports"]);
                let peer_matches = peers.is_empty()
                    || peers
                        .iter()
                        .any(|p| self.np_peer(p, &policy["metadata"]["namespace"], peer));
                let port_matches = ports.is_empty() || ports.iter().any(|p| np_port(p, to, probe));
                if peer_matches && port_matches {
                    return true;
                }
            }
        }
        if isolated {
            return false;
        }
        self.tier("Baseline", direction, pod, peer, to, probe)
            .unwrap_or(true)
    }

    /// `None`: no decision, or passed on.
    fn tier(
        &self,
        tier: &str,
        direction: Direction,
        pod: &Value,
        peer: End<'_>,
        to: End<'_>,
        probe: (Protocol, u16),
    ) -> Option<bool> {
        let alone = match tier {
            "Admin" => Kind::AdminNetworkPolicy,
            _ => Kind::BaselineAdminNetworkPolicy,
        };
        let cluster = self
            .of(Kind::ClusterNetworkPolicy)
            .filter(|p| p["spec"]["tier"] == tier);
        let mut policies: Vec<(i64, bool, String, &Value)> = self
            .of(alone)
            .map(|p| (false, p))
            .chain(cluster.map(|p| (true, p)))
            .map(|(later, p)| {
                let priority = p["spec"]["priority"].as_i64().unwrap_or(i64::MAX);
                (priority, later, p["metadata"]["name"].to_string(), &p["spec"])
            })
            .collect();
        policies.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
        for (.., spec) in policies {
            if !self.cluster_peer(&spec["subject"], End::Pod(pod)) {
                continue;
            }
            for rule in list(&spec[direction.as_str()]) {
                let peers = list(&rule[direction.peers()]);
                let ports = [list(&rule["ports"]), list(&rule["protocols"])].concat();
                let peer_matches = peers.iter().any(|p| self.cluster_peer(p, peer));
                let port_matches = ports.is_empty() || ports.iter().any(|p| cluster_port(p, to, probe));
                if peer_matches && port_matches {
                    return match rule["action"].as_str().unwrap() {
                        "Allow" | "Accept" => Some(true),
                        "Deny" => Some(false),
                        _ => None,
                    };
                }
            }
        }
        None
    }

    fn namespace_labels(&self, name: &Value) -> Value {
        let mut labels = self
            .of(Kind::Namespace)
            .find(|namespace| namespace["metadata"]["name"] == *name)
            .map_or(Value::Null, |namespace| namespace["metadata"]["labels"].clone());
        if labels.is_null() {
            labels = serde_json::json!({});
        }
        labels["kubernetes.io/metadata.name"] = name.clone();
        labels
    }

    fn np_peer(&self, peer: &Value, namespace: &Value, end: End<'_>) -> bool {
        match end {
            End::Address(address) => {
                let block = &peer["ipBlock"];
                !block.is_null()
                    && within(&block["cidr"], address)
                    && !list(&block["except"])
                        .iter()
                        .any(|except| within(except, address))
            }
            End::Pod(pod) => {
                let meta = &pod["metadata"];
                let in_namespace = match &peer["namespaceSelector"] {
                    Value::Null => meta["namespace"] == *namespace,
                    selector => selects(selector, &self.namespace_labels(&meta["namespace"])),
                };
                peer["ipBlock"].is_null()
                    && pod["spec"]["hostNetwork"] != true
                    && in_namespace
                    && selects(&peer["podSelector"], &meta["labels"])
            }
        }
    }

    fn cluster_peer(&self, peer: &Value, end: End<'_>) -> bool {
        let networks = list(&peer["networks"]);
        match end {
            End::Address(address) => networks.iter().any(|block| within(block, address)),
            End::Pod(_) if networks.iter().any(|block| *block == "0.0.0.0/0") => true,
            End::Pod(pod) => {
                let meta = &pod["metadata"];
                let labels = self.namespace_labels(&meta["namespace"]);
                let (namespaces, pods) = (&peer["namespaces"], &peer["pods"]);
                pod["spec"]["hostNetwork"] != true
                    && ((!namespaces.is_null() && selects(namespaces, &labels))
                        || (!pods.is_null()
                            && selects(&pods["namespaceSelector"], &labels)
                            && selects(&pods["podSelector"], &meta["labels"])))
            }
        }
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn types(spec: &Value) -> Vec<Direction> {
    let written = list(&spec["policyTypes"]);
    if written.is_empty() {
        let egress = (!list(&spec["egress"]).is_empty()).then_some(Direction::Egress);
        return [Direction::Ingress].into_iter().chain(egress).collect();
    }
    let direction = |name: &Value| {
        if name == "Ingress" {
            Direction::Ingress
        } else {
            Direction::Egress
        }
    };
    written.iter().map(direction).collect()
}

fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"]
        .as_object()
        .is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value));
    equal
        && list(&selector["matchExpressions"]).iter().all(|requirement| {
            let value = &labels[requirement["key"].as_str().unwrap()];
            let among = list(&requirement["values"]).contains(value);
            match requirement["operator"].as_str().unwrap() {
                "In" => !value.is_null() && among,
                "NotIn" => value.is_null() || !among,
                "Exists" => !value.is_null(),
                _ => value.is_null(),
            }
        })
}

fn within(block: &Value, address: IpAddr) -> bool {
    let block = block.as_str().unwrap();
    let (network, length) = block.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    match (network.parse::<IpAddr>().unwrap(), address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            length == 0 || network.to_bits() >> (32 - length) == address.to_bits() >> (32 - length)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            length == 0 || network.to_bits() >> (128 - length) == address.to_bits() >> (128 - length)
        }
        _ => false,
    }
}

fn named(name: &str, protocol: Option<&str>, to: End<'_>, probe: (Protocol, u16)) -> bool {
    let End::Pod(pod) = to else { return false };
    if pod["spec"]["hostNetwork"] == true {
        return false;
    }
    list(&pod["spec"]["containers"])
        .iter()
        .flat_map(|container| list(&container["ports"]))
        .any(|port| {
            let declared = port["protocol"].as_str().unwrap_or("TCP");
            port["name"] == name
                && protocol.is_none_or(|protocol| protocol == declared)
                && declared == probe.0.as_str()
                && port["containerPort"] == probe.1
        })
}

fn np_port(port: &Value, to: End<'_>, probe: (Protocol, u16)) -> bool {
    let protocol = port["protocol"].as_str().unwrap_or("TCP");
    match &port["port"] {
        Value::Null => protocol == probe.0.as_str(),
        Value::String(name) => named(name, Some(protocol), to, probe),
        first => {
            let last = port["endPort"].as_u64().or(first.as_u64()).unwrap();
            protocol == probe.0.as_str() && (first.as_u64().unwrap()..=last).contains(&u64::from(probe.1))
        }
    }
}

fn cluster_port(port: &Value, to: End<'_>, probe: (Protocol, u16)) -> bool {
    let number = u64::from(probe.1);
    let is = |protocol: &Value| protocol.as_str().unwrap_or("TCP") == probe.0.as_str();
    let between =
        |range: &Value| (range["start"].as_u64().unwrap()..=range["end"].as_u64().unwrap()).contains(&number);
    if let Some(name) = port["namedPort"]
        .as_str()
        .or(port["destinationNamedPort"].as_str())
    {
        return named(name, None, to, probe);
    }
    if let one @ Value::Object(_) = &port["portNumber"] {
        return is(&one["protocol"]) && one["port"] == number;
    }
    if let range @ Value::Object(_) = &port["portRange"] {
        return is(&range["protocol"]) && between(range);
    }
    let protocol = &port[probe.0.as_str().to_ascii_lowercase()];
    let to_port = &protocol["destinationPort"];
    !protocol.is_null()
        && (to_port.is_null()
            || to_port["number"] == number
            || (!to_port["range"].is_null() && between(&to_port["range"])))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(400)))]

    #[test]
    fn classes_say_what_every_pod_would(objects in random::cluster()) {
        let network = plumbline_network::Network::of(&offline(&objects));
        let cluster = Cluster(&objects);
        let pods: Vec<&Manifest> = objects.iter().filter(|o| o.kind() == Kind::Pod && o.json()["status"]["phase"] != "Succeeded").collect();
        for from in &pods {
            for to in &pods {
                let connections = network.between(&key(from), &key(to));
                let explained = network.explain(plumbline_network::End::Workload(&key(from)), plumbline_network::End::Workload(&key(to)));
                prop_assert_eq!(&explained[0].connections, &connections, "{:?}", explained);
                for probe in PROBES {
                    let wanted = cluster.allowed(End::Pod(from.json()), End::Pod(to.json()), probe);
                    prop_assert_eq!(connections.contains(probe.0, probe.1), wanted, "{:?} => {:?} {:?}", from, to, probe);
                }
            }
            for address in addresses() {
                let (out, back) = (network.to_address(&key(from), address), network.from_address(address, &key(from)));
                for probe in PROBES {
                    let (pod, outside) = (End::Pod(from.json()), End::Address(address));
                    prop_assert_eq!(out.contains(probe.0, probe.1), cluster.allowed(pod, outside, probe), "{:?} => {} {:?}", from, address, probe);
                    prop_assert_eq!(back.contains(probe.0, probe.1), cluster.allowed(outside, pod, probe), "{} => {:?} {:?}", address, from, probe);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(200)))]

    #[test]
    fn edges_between_namespaces_are_those_of_their_pods(objects in random::cluster()) {
        let network = plumbline_network::Network::of(&offline(&objects));
        let mut wanted = std::collections::BTreeMap::new();
        for from in network.workloads() {
            for to in network.workloads().filter(|to| to.namespace != from.namespace) {
                let connections = network.between(from, to);
                let known = wanted.entry((from.namespace.clone(), to.namespace.clone())).or_insert_with(plumbline_network::Connections::none);
                *known = known.union(&connections);
            }
        }
        wanted.retain(|_, connections| !connections.is_empty());
        let wanted: Vec<String> = wanted.iter().map(|((from, to), connections)| format!("{from} => {to} : {connections}")).collect();
        let crossing = network.crossing();
        let told: Vec<String> = crossing.edges().iter().map(ToString::to_string).collect();
        prop_assert_eq!(&told, &wanted);
        prop_assert_eq!(crossing.fingerprint(|_, _| true).0, wanted.len() as u64);
    }
}

/// Fewer cases than `PROPTEST_CASES` asks for are no use to whoever sets it.
pub(crate) fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(usual)
}
