//! What a cluster begins with is recognised, all of it.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::{Inventory, ObjectId};
use plumbline_rbac::recognised::{self, Origin, Recognised};
use plumbline_rbac::{Rbac, Risk, Severity};
use plumbline_tests::{Component, ControlPlane, Options};

use crate::cluster::{Lists, settle};

/// The version that the control plane is built from.
const VERSION: &str = "1.37";

#[tokio::test]
async fn what_a_cluster_begins_with_is_recognised() {
    let options = Options::default()
        .without(Component::Scheduler)
        .without(Component::Kwok);
    let plane = ControlPlane::start(options).await.unwrap();
    let lists: Lists = settle(&plane.admin_client()).await;
    let inventory = lists.inventory(Inventory::live());
    let found: BTreeMap<ObjectId, Recognised> = inventory
        .access_objects()
        .filter(|id| id.name.as_ref() != "last")
        .filter_map(|id| {
            let role = inventory.role(&id).map(|role| recognised::role(&id, role));
            let binding = || {
                inventory
                    .binding(&id)
                    .map(|binding| recognised::binding(&id, binding))
            };
            let recognised = role.or_else(binding)?;
            Some((id, recognised))
        })
        .collect();
    for (id, recognised) in &found {
        assert_eq!(*recognised, Recognised::Stock(Origin::Kubernetes), "{id}");
    }
    // Nothing is missing but what comes with features that are off.
    let defaults = recognised::defaults().iter();
    let ours: BTreeSet<&ObjectId> = defaults
        .filter(|default| default.origin == Origin::Kubernetes && default.versions.contains(&VERSION))
        .map(|default| &default.id)
        .collect();
    let missing: Vec<String> = ours
        .iter()
        .filter(|id| !found.contains_key(**id))
        .map(ToString::to_string)
        .collect();
    assert_eq!(missing, Vec::<String>::new());
    assert_eq!(found.len(), ours.len());
    for name in ["admin", "edit", "view"] {
        let rbac = Rbac::of(&inventory);
        let id = crate::cluster::cluster_role(name);
        assert_eq!(rbac.foreign_parts(&id), [], "{name}");
    }
    show_risks(&Rbac::of(&inventory));
}

/// What is dangerous about a cluster that nobody has touched, for whoever wants to see (`--nocapture`).
fn show_risks(rbac: &Rbac) {
    for subject in rbac.subjects() {
        let risks = rbac.risks(subject);
        let line = |risk: &Risk<'_>| {
            format!(
                "{}{}",
                risk.danger.reason(),
                if risk.is_effective() { "" } else { "?" }
            )
        };
        let lines: Vec<String> = risks
            .iter()
            .filter(|risk| risk.severity() >= Severity::High)
            .map(line)
            .collect();
        if !lines.is_empty() {
            println!("{subject}: {}", lines.join(" "));
        }
    }
}
