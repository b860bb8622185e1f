//! What is looked at: manifests or a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Result;
use plumbline_inventory::{InputState, Inventory, Kind, ObjectId};
use plumbline_network::Problem;

use crate::cluster::{Cluster, block_on};
use crate::input::{self, InputError, Place};

/// What is looked at.
pub(super) struct Subject {
    pub(super) inventory: Inventory,
    /// What could not be evaluated, or not as it is written.
    pub(super) errors: Vec<InputError>,
    /// What to bear in mind.
    pub(super) notes: Vec<String>,
    /// The namespace that is asked about.
    pub(super) only: Option<String>,
    places: BTreeMap<ObjectId, Place>,
}

impl Subject {
    pub(super) fn manifests(paths: &[PathBuf], namespace: Option<&str>) -> Self {
        let manifests = input::read(paths, namespace.unwrap_or("default"), &kinds());
        Self {
            inventory: manifests.inventory,
            errors: manifests.errors,
            notes: Vec::new(),
            only: None,
            places: manifests.places,
        }
    }

    pub(super) fn cluster(context: Option<&str>, namespace: Option<&str>) -> Result<Self> {
        block_on(async {
            let cluster = Cluster::connect(context).await?;
            let survey = cluster.survey(kinds(), namespace).await?;
            let mut errors: Vec<InputError> = survey.errors.into_iter().map(InputError::elsewhere).collect();
            for kind in kinds() {
                if survey.inventory.coverage(kind).state == InputState::Forbidden {
                    let message = format!("{} may not be listed: what they say is left out", kind.plural());
                    errors.push(InputError::elsewhere(message));
                }
            }
            let narrowed: Vec<&str> = survey.narrowed.iter().map(|kind| kind.plural()).collect();
            let note = namespace
                .filter(|_| !narrowed.is_empty())
                .map(|namespace| format!("read in namespace {namespace} only: {}", narrowed.join(", ")));
            Ok(Self {
                inventory: survey.inventory,
                errors,
                notes: note.into_iter().collect(),
                only: namespace.map(str::to_owned),
                places: BTreeMap::new(),
            })
        })
    }

    /// Problems in policies are errors, at the place where the policy stands.
    pub(super) fn note_problems(&mut self, problems: &[Problem]) {
        for problem in problems {
            let message = problem.to_string();
            self.errors.push(match self.places.get(&problem.object) {
                Some(place) => InputError::at(place, message),
                None => InputError::elsewhere(message),
            });
        }
    }
}

/// Kinds that have a part in who may talk to whom.
fn kinds() -> BTreeSet<Kind> {
    let parts = [&[Kind::Namespace], Kind::WORKLOADS, Kind::NETWORK];
    parts.into_iter().flatten().copied().collect()
}
