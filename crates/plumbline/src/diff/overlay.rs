//! Two clusters: as it is, and as it would be with the manifests applied.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_api::{GROUP, LabelSelector};
use plumbline_inventory::Kind;
use serde_json::{Map, Value};

use crate::input::{DEFAULT_NAMESPACE, Place};

/// The identity of an object as it is written, whatever version it is written in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: Written,
    namespace: String,
    name: String,
}

/// Kinds that a check reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Written {
    Object(Kind),
    Baseline,
    /// What a snapshot has beside objects. Last, since it says of kinds that nothing is known of them.
    Evidence,
}

/// Objects as they are written, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects(BTreeMap<Key, (Place, Value)>);

/// How many objects the manifests touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) created: usize,
    pub(super) applied: usize,
    pub(super) pruned: usize,
}

impl Objects {
    /// Objects of kinds that are read. Those that leave their namespace open get `namespace`; of two with one name
    /// the last counts, as when they are applied.
    pub(super) fn of(objects: Vec<(Place, Value)>, namespace: &str) -> Self {
        let mut all = Self::default();
        for (place, mut object) in objects {
            if let Some(key) = Key::of(&mut object, namespace) {
                all.0.insert(key, (place, object));
            }
        }
        all
    }

    /// The objects, evidence last.
    pub(super) fn into_list(self) -> impl Iterator<Item = (Place, Value)> {
        self.0.into_values()
    }

    /// Where the object of a finding stands.
    pub(super) fn place(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<&Place> {
        let place = |key: &Key| {
            matches!(key.kind, Written::Object(known) if known.as_str() == kind)
                && key.name == name
                && key.namespace == namespace.unwrap_or_default()
        };
        self.0
            .iter()
            .find(|(key, _)| place(key))
            .map(|(_, (place, _))| place)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The cluster before and after `manifests` are applied and what carries the labels of `prune` without being among them
/// is deleted.
///
/// A workload that is applied is compared by its template: what its controllers have made of the old one is left out on
/// both sides, since all of it is replaced when the template changes, and nothing can be said of it that does not
/// follow from the template.
pub(super) fn apply(
    base: &Objects,
    manifests: &Objects,
    prune: Option<&LabelSelector>,
) -> (Objects, Objects, Touched) {
    let made = Made::of(base);
    let (mut before, mut after) = (base.clone(), base.clone());
    let mut touched = Touched::default();
    for (key, (place, manifest)) in &manifests.0 {
        let Some((_, present)) = base.0.get(key) else {
            touched.created += 1;
            after.0.insert(key.clone(), (place.clone(), manifest.clone()));
            continue;
        };
        touched.applied += 1;
        after
            .0
            .insert(key.clone(), (place.clone(), merged(present, manifest)));
        if matches!(key.kind, Written::Object(kind) if kind.is_workload()) {
            for made in made.by(present) {
                before.0.remove(&made);
                after.0.remove(&made);
            }
        }
    }
    if let Some(selector) = prune {
        for (key, (_, object)) in &base.0 {
            if manifests.0.contains_key(key) || !is_prunable(key, object) || !selected(object, selector) {
                continue;
            }
            touched.pruned += 1;
            after.0.remove(key);
            for made in made.by(object) {
                after.0.remove(&made);
            }
            if key.kind == Written::Object(Kind::Namespace) {
                after.0.retain(|other, _| other.namespace != key.name);
            }
        }
    }
    (before, after, touched)
}

impl Key {
    fn of(object: &mut Value, namespace: &str) -> Option<Self> {
        let word = |field: &str| object[field].as_str().unwrap_or_default();
        let (api_version, kind) = (word("apiVersion"), word("kind"));
        let kind = match Kind::of(api_version, kind) {
            Some(kind) => Written::Object(kind),
            None if api_version.split('/').next() == Some(GROUP) => match kind {
                "ComplianceBaseline" => Written::Baseline,
                "Evidence" => Written::Evidence,
                _ => return None,
            },
            None => return None,
        };
        let metadata = &object["metadata"];
        let text = |field: &str| metadata[field].as_str().filter(|text| !text.is_empty());
        let name = text("name")
            .or_else(|| text("generateName"))
            .unwrap_or_default()
            .to_owned();
        let namespaced = matches!(kind, Written::Object(kind) if kind.is_namespaced());
        let namespace = namespaced.then(|| text("namespace").unwrap_or(namespace).to_owned());
        if let (Some(namespace), Some(metadata)) = (&namespace, object["metadata"].as_object_mut()) {
            metadata.insert("namespace".to_owned(), namespace.as_str().into());
        }
        Some(Self {
            kind,
            namespace: namespace.unwrap_or_default(),
            name,
        })
    }
}

/// What controllers have made, by the uid of what they made it for.
struct Made<'a>(BTreeMap<&'a str, Vec<(&'a Key, &'a Value)>>);

impl<'a> Made<'a> {
    fn of(objects: &'a Objects) -> Self {
        let mut made: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, (_, object)) in &objects.0 {
            if let Some(owner) = controller(object) {
                made.entry(owner).or_default().push((key, object));
            }
        }
        Self(made)
    }

    /// Everything that was made for an object, directly or not.
    fn by(&self, object: &'a Value) -> Vec<Key> {
        let mut all = BTreeSet::new();
        let mut open = vec![object];
        while let Some(object) = open.pop() {
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
            for (key, object) in self.0.get(uid).into_iter().flatten() {
                if all.insert((*key).clone()) {
                    open.push(object);
                }
            }
        }
        all.into_iter().collect()
    }
}

/// The uid of the controller that an object belongs to.
fn controller(object: &Value) -> Option<&str> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let controller = owners.iter().find(|owner| owner["controller"] == true)?;
    controller["uid"].as_str().filter(|uid| !uid.is_empty())
}

/// Whether a tool that prunes would delete it: what belongs to a controller has that one's labels and not its own.
fn is_prunable(key: &Key, object: &Value) -> bool {
    matches!(key.kind, Written::Object(_)) && controller(object).is_none()
}

fn selected(object: &Value, selector: &LabelSelector) -> bool {
    let labels = &object["metadata"]["labels"];
    selector.matches(|key| labels[key].as_str())
}

/// What comes of applying a manifest to an object that is there.
///
/// Labels and annotations of others stay, and what the API server and controllers write: identity, status, the number
/// of replicas where the manifest leaves it to an autoscaler, and the rules of an aggregated role.
fn merged(present: &Value, manifest: &Value) -> Value {
    let mut merged = manifest.clone();
    for field in ["labels", "annotations"] {
        let mut all = object(&present["metadata"][field]);
        all.extend(object(&manifest["metadata"][field]));
        if !all.is_empty() {
            merged["metadata"][field] = Value::Object(all);
        }
    }
    for field in [
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "ownerReferences",
    ] {
        keep(&present["metadata"], &mut merged["metadata"], field);
    }
    if !present["status"].is_null() {
        merged["status"] = present["status"].clone();
    }
    if manifest["spec"].is_object() {
        keep(&present["spec"], &mut merged["spec"], "replicas");
    }
    if manifest["aggregationRule"].is_object() {
        merged["rules"] = present["rules"].clone();
    }
    merged
}

/// Keeps a field that is there unless the manifest has it.
fn keep(present: &Value, merged: &mut Value, field: &str) {
    if merged[field].is_null() && !present[field].is_null() {
        merged[field] = present[field].clone();
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The namespace of manifests that name none.
pub(super) fn namespace(given: Option<&str>) -> &str {
    given.unwrap_or(DEFAULT_NAMESPACE)
}
