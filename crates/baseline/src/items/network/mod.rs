//! NW: the network.

pub mod infrastructure_on_shared_nodes;
pub mod ingress_without_waf;
pub mod namespace_without_network_policy;
pub mod no_dmz_nodes;
pub mod open_network_between_namespaces;
pub mod published_infrastructure_interface;
