//! Addresses that are the cluster's own, as far as its nodes tell.

use std::net::IpAddr;

use ipnet::IpNet;
use plumbline_inventory::Inventory;

use crate::addresses::Addresses;

/// Addresses of nodes and pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterRanges {
    /// Addresses of nodes, those of the kubelets among them.
    pub nodes: Addresses,
    /// Ranges that nodes take the addresses of their pods from.
    pub pods: Addresses,
}

impl ClusterRanges {
    pub(crate) fn of(inventory: &Inventory) -> Self {
        let nodes = || inventory.nodes().map(|(_, node)| node);
        let addresses = nodes().flat_map(|node| &node.addresses);
        let addresses = addresses.filter_map(|(_, address)| address.parse::<IpAddr>().ok());
        let ranges = nodes().flat_map(|node| &node.pod_ranges);
        Self {
            nodes: Addresses::blocks(
                addresses
                    .filter(|address| !address.is_loopback())
                    .map(IpNet::from),
            ),
            pods: Addresses::blocks(ranges.filter_map(|range| range.parse().ok())),
        }
    }

    /// Whether nothing is known of them.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.pods.is_empty()
    }

    /// Every address that may be one of the cluster's where nothing is known of it: those that are not given out on
    /// the Internet (RFC 1918, RFC 6598, RFC 4193).
    pub fn private() -> Addresses {
        let blocks = [
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "fc00::/7",
        ];
        Addresses::blocks(blocks.map(|block| block.parse().expect("a block")))
    }
}
