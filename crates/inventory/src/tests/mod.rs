//! The inventory as a whole: objects go in, and what it shows is looked at.

mod access;
mod decisions;
mod decoding;
mod events;
mod network;
mod owners;
mod templates;

use crate::inventory::Inventory;
use crate::kind::Kind;
use crate::testing::{Manifest, live};
use crate::views::{NamespaceView, WorkloadView};

/// A live cluster with the namespace `shop`, these objects in it, and nothing dirty.
fn cluster(objects: &[&Manifest]) -> Inventory {
    let mut inventory = Inventory::live();
    inventory.apply(live(Kind::Namespace, "shop").object());
    for object in objects {
        inventory.apply(object.object());
    }
    inventory.take_dirty();
    inventory
}

fn shop(inventory: &Inventory) -> NamespaceView<'_> {
    inventory.namespace("shop").expect("it is in scope")
}

/// The workload of this name in `shop`, whatever its kind.
fn workload<'a>(inventory: &'a Inventory, name: &str) -> WorkloadView<'a> {
    shop(inventory)
        .workloads()
        .find(|workload| **workload.name() == *name)
        .unwrap_or_else(|| panic!("{name} is no root in {:?}", roots(inventory)))
}

/// Roots and their live pods, as `Kind name: pods`.
fn roots(inventory: &Inventory) -> Vec<String> {
    let line = |workload: WorkloadView<'_>| {
        format!(
            "{} {}: {}",
            workload.kind(),
            workload.name(),
            workload.live_pods()
        )
    };
    shop(inventory).workloads().map(line).collect()
}

/// What became dirty, as `Kind name` for workloads and as `Kind` for others.
fn dirtied(inventory: &mut Inventory) -> Vec<String> {
    let dirty = inventory.take_dirty();
    let roots = dirty
        .roots
        .iter()
        .map(|root| format!("{} {}", root.kind, root.name));
    let topics = dirty.topics.iter().map(|topic| topic.kind.to_string());
    roots.chain(topics).collect()
}

/// The images that decide on a workload and the number of live pods behind each, ordered.
fn deciding(workload: WorkloadView<'_>) -> Vec<String> {
    let mut lines: Vec<String> = workload
        .deciding()
        .iter()
        .map(|it| format!("{}: {}", it.template.containers[0].image, it.pods))
        .collect();
    lines.sort();
    lines
}
