//! Who may talk to whom: reachability under every kind of network policy. Pure: no I/O, no clock.
//!
//! Pods that no policy can tell apart are one class ([`classes`]). What policies select is a set of classes
//! ([`selections`]); the policies that select a class decide on it together, once for all classes that the same
//! policies select ([`verdict`]). A change of the cluster recomputes what reads what has changed ([`Network::update`]).
//!
//! What is not known decides nothing: the addresses of pods and nodes are not, so that address blocks hold for what
//! is outside the cluster. Pods on the network of their node are outside of every policy, as most network plugins
//! have it: nothing isolates them, and no selector means them.

pub mod addresses;
mod between;
mod classes;
mod compile;
pub mod connections;
pub mod crossing;
pub mod entries;
pub mod explain;
mod intervals;
pub mod isolation;
mod network;
pub mod openness;
mod partition;
pub mod permits;
pub mod plugins;
pub mod policy;
pub mod problem;
mod profiles;
pub mod ranges;
pub mod reach;
mod routes;
mod selections;
mod touched;
mod verdict;

pub use addresses::{AddressRange, Addresses};
pub use connections::Connections;
pub use crossing::{Crossing, NamespaceEdge};
pub use entries::{Entry, Way};
pub use explain::{End, Explanation};
pub use isolation::{Isolation, NamespaceIsolation};
pub use network::Network;
pub use openness::{Open, OpenRule};
pub use permits::{Permits, Permitted};
pub use plugins::{Enforcement, Plugin};
pub use policy::{Action, Direction, Tier};
pub use problem::Problem;
pub use ranges::ClusterRanges;
pub use reach::{Edge, Peer, Workload};
pub use touched::Touched;
