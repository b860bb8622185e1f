//! What a check looks at: manifests or a cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use plumbline_baseline::ObjectRef;
use plumbline_engine::Home;
use plumbline_inventory::{Inventory, Name, ObjectId};

use crate::baseline::Baseline;
use crate::cluster::{Cluster, block_on};
use crate::input::{self, InputError, Place};
use crate::items;

/// What a check looks at.
pub(super) struct Evidence {
    /// The cluster, as far as it is known.
    pub(super) inventory: Inventory,
    /// Whose report is asked for.
    pub(super) home: Home,
    /// What to go by.
    pub(super) baseline: Baseline,
    /// What could not be evaluated.
    pub(super) errors: Vec<InputError>,
    /// What it is, for people.
    pub(super) subject: String,
    /// What to bear in mind with the result.
    pub(super) notes: Vec<String>,
    places: BTreeMap<ObjectId, Place>,
    from_files: bool,
}

impl Evidence {
    /// Manifests. The report is that of the cluster they make, in whichever namespaces they are.
    pub(super) fn manifests(
        paths: &[PathBuf],
        namespace: Option<&str>,
        given: Option<Baseline>,
    ) -> Result<Self> {
        let manifests = input::read(paths, namespace.unwrap_or("default"), &items::kinds());
        let baseline = match (given, manifests.baseline) {
            (Some(given), _) => given,
            (None, Some((place, value))) => Baseline::from_manifest(&place, value)?,
            (None, None) => Baseline::built_in(),
        };
        let subject = match (manifests.objects, manifests.files) {
            (0, _) => "no objects of kinds that items read".to_owned(),
            (objects, files) => format!("{} in {}", count(objects, "object"), count(files, "file")),
        };
        let assumed =
            "Workloads stand for their pods, and a network plugin that enforces NetworkPolicies is assumed.";
        Ok(Self {
            inventory: manifests.inventory,
            home: Home::Cluster,
            baseline,
            errors: manifests.errors,
            subject,
            notes: vec![assumed.to_owned()],
            places: manifests.places,
            from_files: true,
        })
    }

    /// A cluster as a whole, or one of its namespaces.
    pub(super) fn cluster(
        context: Option<&str>,
        namespace: Option<&str>,
        given: Option<Baseline>,
    ) -> Result<Self> {
        block_on(async {
            let cluster = Cluster::connect(context).await?;
            let mut notes = Vec::new();
            let baseline = match given {
                Some(given) => given,
                None => match cluster.baseline().await {
                    Ok(Some(value)) => Baseline::from_cluster(value)?,
                    Ok(None) => Baseline::built_in(),
                    Err(error) => {
                        notes.push(format!("{error}: the built-in baseline is used."));
                        Baseline::built_in()
                    }
                },
            };
            let mut survey = cluster.survey(items::kinds(), namespace).await?;
            // The report of a namespace says nothing of the cluster.
            if namespace.is_none() {
                cluster.ask_anonymously(&mut survey.inventory).await;
            }
            if let Some(namespace) = namespace.filter(|_| !survey.narrowed.is_empty()) {
                let kinds: Vec<&str> = survey.narrowed.iter().map(|kind| kind.plural()).collect();
                notes.push(format!(
                    "Read in namespace {namespace} only: {}.",
                    kinds.join(", ")
                ));
            }
            let (home, subject) = match namespace {
                Some(namespace) => (
                    Home::Namespace(Name::from(namespace)),
                    format!("namespace {namespace} of cluster {}", cluster.name),
                ),
                None => (Home::Cluster, format!("cluster {}", cluster.name)),
            };
            Ok(Self {
                inventory: survey.inventory,
                home,
                baseline,
                errors: survey.errors.into_iter().map(InputError::elsewhere).collect(),
                subject,
                notes,
                places: BTreeMap::new(),
                from_files: false,
            })
        })
    }

    /// Whether files were given, and nothing in them concerns any item.
    pub(super) fn is_empty(&self) -> bool {
        self.from_files && self.places.is_empty() && self.errors.is_empty()
    }

    /// Whether files were given, and none of their objects could be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.from_files && self.places.is_empty() && !self.errors.is_empty()
    }

    /// Where `object` stands, if it is in a file.
    pub(super) fn place(&self, object: &ObjectRef) -> Option<&Place> {
        self.places.get(&ObjectId {
            kind: object.kind,
            namespace: object.namespace.clone(),
            name: Name::clone(&object.name),
        })
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
