//! The engine against a literal reading of the API documentation, on random clusters.

// JSON is written where it is used, and used once.
#![allow(clippy::needless_pass_by_value)]

mod entries;
mod incremental;
mod invariance;
mod literal;
mod questions;
mod random;
mod stated;

use std::net::IpAddr;

use plumbline_inventory::entries::Protocol;
use plumbline_inventory::testing::Manifest;
use plumbline_inventory::{Inventory, Kind, RootKey};
use plumbline_network::Network;

/// Connections that tell apart what the random policies speak of.
const PROBES: [(Protocol, u16); 8] = [
    (Protocol::Tcp, 79),
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 81),
    (Protocol::Tcp, 8080),
    (Protocol::Udp, 80),
    (Protocol::Udp, 53),
    (Protocol::Tcp, 53),
    (Protocol::Sctp, 80),
];

/// Addresses that tell apart the blocks that the random policies speak of.
const ADDRESSES: [&str; 5] = ["10.0.0.1", "10.1.0.1", "192.0.2.1", "fd00::1", "2001:db8::1"];

fn addresses() -> impl Iterator<Item = IpAddr> {
    ADDRESSES.iter().map(|address| address.parse().unwrap())
}

fn offline(objects: &[Manifest]) -> Inventory {
    let mut inventory = Inventory::offline();
    for object in objects {
        inventory.apply(object.object());
    }
    inventory
}

fn key(pod: &Manifest) -> RootKey {
    let id = pod.id();
    RootKey {
        namespace: id.namespace.unwrap(),
        kind: Kind::Pod,
        name: id.name,
    }
}

/// Everything that a network says of these workloads, in words.
fn told(network: &Network, workloads: &[RootKey]) -> Vec<String> {
    let mut told = Vec::new();
    for from in workloads {
        for to in workloads {
            told.push(format!("{from:?} {to:?} {}", network.between(from, to)));
        }
        for address in addresses() {
            told.push(format!(
                "{from:?} {address} {}",
                network.to_address(from, address)
            ));
            told.push(format!(
                "{address} {from:?} {}",
                network.from_address(address, from)
            ));
        }
        for direction in plumbline_network::Direction::BOTH {
            told.push(format!(
                "{from:?} {direction} {}",
                network.is_isolated(from, direction)
            ));
        }
    }
    told.extend(network.problems().iter().map(ToString::to_string));
    told
}
