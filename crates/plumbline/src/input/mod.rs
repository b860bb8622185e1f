//! Manifests: from files to an inventory.
//!
//! Files are found ([`files`]), cut into documents ([`documents`]) and decoded ([`manifest`]). What cannot be
//! read is noted with its file, document and line, and the rest goes on.

mod documents;
mod files;
mod manifest;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plumbline_api::baseline::DEFAULT_BASELINE;
use plumbline_inventory::lean::{Meta, Object};
use plumbline_inventory::{Inventory, Kind, ObjectId};
use serde::Serialize;
use serde_json::Value;

use files::Source;
use manifest::{Content, Found, Written};

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file as the user named it; `-` is standard input.
    pub(crate) file: Arc<str>,
    /// The number of the document in the file, from 1.
    pub(crate) document: usize,
    /// The line in the file, from 1: where the document's content begins, or where something is wrong.
    pub(crate) line: usize,
}

impl Place {
    /// Somewhere in a cluster.
    pub(crate) fn of_cluster(name: &str) -> Self {
        Self {
            file: format!("cluster {name}").into(),
            document: 1,
            line: 1,
        }
    }
}

/// Something that could not be read, or of which not everything could be honoured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct InputError {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    message: String,
}

impl InputError {
    /// Trouble with a file as a whole.
    pub(crate) fn file(file: &Arc<str>, message: impl Into<String>) -> Self {
        Self {
            file: Some(Arc::clone(file)),
            document: None,
            line: None,
            message: message.into(),
        }
    }

    /// Trouble at a place in a file.
    pub(crate) fn at(place: &Place, message: impl Into<String>) -> Self {
        Self {
            file: Some(Arc::clone(&place.file)),
            document: Some(place.document),
            line: Some(place.line),
            message: message.into(),
        }
    }

    /// Trouble with something that is in no file.
    pub(crate) fn elsewhere(message: impl Into<String>) -> Self {
        Self {
            file: None,
            document: None,
            line: None,
            message: message.into(),
        }
    }
}

impl std::fmt::Display for InputError {
    /// `deploy.yaml:12 (document 2): message`, which editors and CI systems turn into a link.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = &self.file {
            f.write_str(shown(file))?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            if let Some(document) = self.document {
                write!(f, " (document {document})")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

/// A file's name for people.
pub(crate) fn shown(file: &str) -> &str {
    if file == "-" { "stdin" } else { file }
}

/// What manifests say.
#[derive(Debug)]
pub(crate) struct Manifests {
    /// The cluster that they describe.
    pub(crate) inventory: Inventory,
    /// Where each object stands.
    pub(crate) places: BTreeMap<ObjectId, Place>,
    /// Documents and objects that were not evaluated.
    pub(crate) errors: Vec<InputError>,
    /// A `ComplianceBaseline` named `default` that is among them.
    pub(crate) baseline: Option<(Place, Value)>,
    /// Objects of kinds that are read.
    pub(crate) objects: usize,
    /// Files that were read.
    pub(crate) files: usize,
}

/// Reads objects of `kinds` from files and folders; those that leave their namespace open get `namespace`.
pub(crate) fn read(paths: &[PathBuf], namespace: &str, kinds: &BTreeSet<Kind>) -> Manifests {
    let mut manifests = Manifests::none();
    let sources = files::expand(paths, &mut manifests.errors);
    let mut texts = BTreeMap::new();
    let contents = read_all(&sources, manifest::read);
    for (source, content) in sources.iter().zip(contents) {
        match content {
            Ok(content) => {
                manifests.files += 1;
                for found in content.into_iter().filter(|found| found.is_of(kinds)) {
                    manifests.take(found, namespace, &mut texts);
                }
            }
            Err(message) => manifests.errors.push(InputError::file(&source.name, message)),
        }
    }
    manifests
}

/// The objects in files and folders as they are written, of whatever kinds, and what cannot be read.
pub(crate) fn objects(paths: &[PathBuf]) -> (Vec<(Place, Value)>, Vec<InputError>) {
    let (mut objects, mut errors) = (Vec::new(), Vec::new());
    let sources = files::expand(paths, &mut errors);
    let contents = read_all(&sources, manifest::objects);
    for (source, content) in sources.iter().zip(contents) {
        match content {
            Ok(written) => {
                for Written { place, content, .. } in written {
                    match content {
                        Ok(object) => objects.push((place, object)),
                        Err(message) => errors.push(InputError::at(&place, message)),
                    }
                }
            }
            Err(message) => errors.push(InputError::file(&source.name, message)),
        }
    }
    (objects, errors)
}

/// The cluster that objects of `kinds` make, wherever they come from.
pub(crate) fn cluster_of(
    objects: impl IntoIterator<Item = (Place, Value)>,
    kinds: &BTreeSet<Kind>,
) -> Manifests {
    let (mut manifests, mut texts) = (Manifests::none(), BTreeMap::new());
    let written = objects.into_iter().map(|(place, object)| Written {
        place,
        text: 0,
        content: Ok(object),
    });
    for found in written
        .filter_map(manifest::decode)
        .filter(|found| found.is_of(kinds))
    {
        manifests.take(found, DEFAULT_NAMESPACE, &mut texts);
    }
    manifests
}

/// What `read` makes of each of `sources`, in their order.
///
/// Decoding YAML is most of the work of a check, and no file needs another for it.
fn read_all<T: Send>(
    sources: &[Source],
    read: impl Fn(&Arc<str>, &str) -> Vec<T> + Sync,
) -> Vec<Result<Vec<T>, String>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = sources.len().div_ceil(threads).max(SHARE);
    let decode = |source: &Source| Ok(read(&source.name, &source.read()?));
    std::thread::scope(|scope| {
        let decode = &decode;
        let workers: Vec<_> = sources
            .chunks(share)
            .map(|share| {
                std::thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, move || share.iter().map(decode).collect::<Vec<_>>())
                    .expect("the system has room for a thread")
            })
            .collect();
        let results = workers.into_iter().flat_map(|worker| {
            // A panic in there is a panic out here.
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        results.collect()
    })
}

/// The namespace of objects that name none, where nothing else is said.
pub(crate) const DEFAULT_NAMESPACE: &str = "default";

/// Room for documents that are nested as deeply as they may be.
const STACK: usize = 16 << 20;

/// Files that are worth a thread.
const SHARE: usize = 16;

/// The baselines in a file, and what in it cannot be read.
pub(crate) fn baselines(path: &Path) -> (Vec<(Place, Value)>, Vec<InputError>) {
    let mut errors = Vec::new();
    let mut baselines = Vec::new();
    for source in files::expand(&[path.to_owned()], &mut errors) {
        match source.read() {
            Ok(text) => {
                for Found { place, content, .. } in manifest::read(&source.name, &text) {
                    match content {
                        Content::Baseline(value) => baselines.push((place, value)),
                        Content::Error(message) => errors.push(InputError::at(&place, message)),
                        Content::Object(_) | Content::Undecodable { .. } | Content::Evidence(_) => {}
                    }
                }
            }
            Err(message) => errors.push(InputError::file(&source.name, message)),
        }
    }
    (baselines, errors)
}

impl Manifests {
    fn none() -> Self {
        Self {
            inventory: Inventory::offline(),
            places: BTreeMap::new(),
            errors: Vec::new(),
            baseline: None,
            objects: 0,
            files: 0,
        }
    }

    fn take(&mut self, found: Found, namespace: &str, texts: &mut BTreeMap<ObjectId, u64>) {
        let Found { place, text, content } = found;
        match content {
            Content::Error(message) => self.errors.push(InputError::at(&place, message)),
            Content::Baseline(value) => {
                if value["metadata"]["name"] == DEFAULT_BASELINE {
                    self.baseline = Some((place, value));
                }
            }
            Content::Evidence(evidence) => evidence.put(&mut self.inventory),
            Content::Object(mut object) => {
                self.objects += 1;
                self.complete(object.as_mut(), namespace);
                let id = self.inventory.id_of(object.kind(), object.meta());
                self.note(&id, &place, text, texts);
                self.inventory.apply(*object);
            }
            Content::Undecodable { kind, meta, error } => {
                self.objects += 1;
                let mut meta = *meta;
                default_namespace(&mut meta, namespace);
                let id = self.inventory.id_of(kind, &meta);
                self.errors
                    .push(InputError::at(&place, format!("{id} cannot be read: {error}")));
                self.note(&id, &place, text, texts);
                self.inventory.apply_undecodable(id, error);
            }
        }
    }

    /// Gives an object what the API server would give it: a namespace, and a name that is its own.
    fn complete(&mut self, object: &mut Object, namespace: &str) {
        let kind = object.kind();
        default_namespace(object.meta_mut(), namespace);
        let Some(prefix) = object
            .meta()
            .generate_name
            .clone()
            .filter(|_| object.meta().name.is_empty())
        else {
            return;
        };
        let mut number = 1;
        while self
            .places
            .contains_key(&self.inventory.id_of(kind, object.meta()))
        {
            number += 1;
            object.meta_mut().name = format!("{prefix}{number}");
        }
    }

    /// Remembers where an object stands. One that is there twice is read as `kubectl apply` would have it, the
    /// last one counts; that the other was not evaluated is said, unless both read the same.
    fn note(&mut self, id: &ObjectId, place: &Place, text: u64, texts: &mut BTreeMap<ObjectId, u64>) {
        let before = texts.insert(id.clone(), text);
        let Some(earlier) = self.places.insert(id.clone(), place.clone()) else {
            return;
        };
        if before != Some(text) {
            let message = format!(
                "{id} is defined again in {}:{}, and only that is evaluated; check overlays and environments \
                 one at a time, as they are applied (kustomize build … | plumbline check -f -)",
                shown(&place.file),
                place.line
            );
            self.errors.push(InputError::at(&earlier, message));
        }
    }
}

fn default_namespace(meta: &mut Meta, namespace: &str) {
    if meta.namespace.as_deref().unwrap_or_default().is_empty() {
        meta.namespace = Some(namespace.to_owned());
    }
}
