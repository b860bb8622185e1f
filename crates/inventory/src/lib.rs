//! What the cluster is: lean facts, applied event by event. Pure: no I/O, no clock, no Kubernetes client.
//!
//! An object comes in as a [`lean`] type that declares only what some item reads, is reduced to a fact
//! record, and is dropped. [`Inventory::apply`], [`Inventory::delete`] and the three steps of a relist
//! change the facts and note in [`Dirty`] what a reader has to look at again.

pub mod access;
mod accounts;
pub mod anonymous;
pub mod apply;
pub mod components;
pub mod decisions;
pub mod destinations;
pub mod digest;
mod dirty;
pub mod entries;
pub mod evidence;
pub mod facts;
pub mod firewalls;
pub mod guard;
pub mod host_scanners;
pub mod images;
pub mod inventory;
pub mod kind;
pub mod labels;
pub mod lean;
pub mod literal_secrets;
pub mod names;
mod placement;
mod programs;
pub mod quantity;
pub mod roots;
pub mod server;
pub mod store;
pub mod template;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod views;

pub use anonymous::{AnonymousRequests, Answer};
pub use components::Component;
pub use dirty::{Dirty, Topic};
pub use evidence::Evidence;
pub use inventory::{Coverage, InputState, Inventory, ObjectId};
pub use kind::Kind;
pub use names::Name;
pub use roots::RootKey;
pub use server::ServerVersion;

#[cfg(test)]
mod tests;
