//! NW: the network.

pub mod namespace_without_network_policy;
pub mod open_network_between_namespaces;
