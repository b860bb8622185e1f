//! Decodes the documents of a file.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use plumbline_api::GROUP;
use plumbline_inventory::lean::{Meta, Object};
use plumbline_inventory::{Evidence, Kind};
use serde_json::Value;

use super::Place;
use super::documents::{Document, split};

/// An object as it is written, or what is wrong where one should be.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) place: Place,
    /// Equal for what is written in the same words.
    pub(super) text: u64,
    pub(super) content: Result<Value, String>,
}

/// Something that a document holds.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    /// Equal for what is written in the same words.
    pub(super) text: u64,
    pub(super) content: Content,
}

impl Found {
    /// Whether it is no object, or one of these kinds.
    pub(super) fn is_of(&self, kinds: &BTreeSet<Kind>) -> bool {
        match &self.content {
            Content::Object(object) => kinds.contains(&object.kind()),
            Content::Undecodable { kind, .. } => kinds.contains(kind),
            Content::Baseline(_) | Content::Evidence(_) | Content::Error(_) => true,
        }
    }
}

/// What it is.
#[derive(Debug)]
pub(super) enum Content {
    /// An object of a kind of the inventory.
    Object(Box<Object>),
    /// An object of such a kind, with a field that cannot be what it is.
    Undecodable {
        kind: Kind,
        meta: Box<Meta>,
        error: String,
    },
    /// A baseline.
    Baseline(Value),
    /// What is known of the cluster beside its objects.
    Evidence(Evidence),
    /// Nothing that can be read.
    Error(String),
}

/// Reads the text of a file. Objects of kinds that are not in the inventory, and documents that are no Kubernetes objects
/// at all, are left out.
pub(super) fn read(file: &Arc<str>, text: &str) -> Vec<Found> {
    objects(file, text).into_iter().filter_map(decode).collect()
}

/// The objects in the text of a file as they are written, of whatever kinds. Documents that are no Kubernetes objects at
/// all are left out.
pub(super) fn objects(file: &Arc<str>, text: &str) -> Vec<Written> {
    let mut reader = Reader {
        file,
        found: Vec::new(),
    };
    if text.trim_start().starts_with(['{', '[']) {
        let named_json = file.to_ascii_lowercase().ends_with(".json");
        if reader.json(text, named_json) {
            return reader.found;
        }
        // What looks like JSON may be YAML in flow style.
        reader.found.clear();
    }
    for document in split(text) {
        reader.yaml(&document);
    }
    reader.found
}

struct Reader<'a> {
    file: &'a Arc<str>,
    found: Vec<Written>,
}

impl Reader<'_> {
    /// Reads JSON values one after the other; tells whether that is what the text is.
    fn json(&mut self, text: &str, named_json: bool) -> bool {
        let line = |offset: usize| 1 + text[..offset].matches('\n').count();
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        for document in 1.. {
            let end = values.byte_offset();
            let start = end + (text[end..].len() - text[end..].trim_start().len());
            let Some(value) = values.next() else {
                break;
            };
            let place = Place {
                file: Arc::clone(self.file),
                document,
                line: line(start),
            };
            match value {
                Ok(value) => {
                    let words = &text[start..values.byte_offset()];
                    Unfold {
                        place,
                        text: hash(words),
                        found: &mut self.found,
                    }
                    .value(value);
                }
                // A document of YAML may be JSON; after that one there is a marker.
                Err(_) if !named_json && (document == 1 || text[start..].starts_with("---")) => return false,
                Err(error) => {
                    let place = Place {
                        line: error.line().max(1),
                        ..place
                    };
                    let message = without_position(&error.to_string());
                    self.error(
                        place,
                        format!("is no valid JSON: {message}{}", template_hint(&text[start..])),
                    );
                    break;
                }
            }
        }
        true
    }

    fn yaml(&mut self, document: &Document<'_>) {
        let Some(content) = document.content else {
            return;
        };
        let place = Place {
            file: Arc::clone(self.file),
            document: document.number,
            line: content,
        };
        match serde_saphyr::from_str_with_options::<Value>(document.text, yaml_options()) {
            Ok(value) => Unfold {
                place,
                text: hash(document.text),
                found: &mut self.found,
            }
            .value(value),
            Err(error) => {
                let error = error.without_snippet();
                let line = error
                    .location()
                    .map_or(content, |location| document.line + location.line() as usize - 1);
                let message = without_position(&error.to_string());
                let hint = template_hint(document.text);
                self.error(
                    Place { line, ..place },
                    format!("is no valid YAML: {message}{hint}"),
                );
            }
        }
    }

    fn error(&mut self, place: Place, message: String) {
        self.found.push(Written {
            place,
            text: 0,
            content: Err(message),
        });
    }
}

/// As kubectl reads YAML: 1.1 words for booleans, octal numbers, of a key that is there twice the last one.
fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        emit_comments: false,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            // A dump of a whole cluster is one document.
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            // That of JSON.
            max_depth: 128,
            max_recorded_anchor_events: 200_000,
            // One anchor may well be used in every container; what aliases expand to is limited all the same.
            enforce_alias_anchor_ratio: false,
        },
    }
}

/// Takes a document apart: lists into their elements, objects into what they are.
struct Unfold<'a> {
    place: Place,
    text: u64,
    found: &'a mut Vec<Written>,
}

impl Unfold<'_> {
    fn value(&mut self, value: Value) {
        match value {
            Value::Null => {}
            Value::Array(elements) => {
                for element in elements {
                    self.text = self.text.wrapping_add(1);
                    self.value(element);
                }
            }
            Value::Object(_) => self.object(value),
            Value::String(_) | Value::Number(_) | Value::Bool(_) => {
                self.error("is no Kubernetes object: a single word or line of text, and no fields");
            }
        }
    }

    fn object(&mut self, mut value: Value) {
        let word = |field: &str| {
            value[field]
                .as_str()
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
        };
        let (api_version, kind) = match (word("apiVersion"), word("kind")) {
            (Some(api_version), Some(kind)) => (api_version, kind),
            // What has no metadata is no object, but values, a kustomization, or something else altogether.
            _ if value["metadata"].is_null() => return,
            (None, Some(kind)) => return self.error(format!("{kind} without an apiVersion")),
            (Some(_), None) => return self.error("an object without a kind"),
            (None, None) => return,
        };
        if let Some(of) = kind.strip_suffix("List")
            && let Some(Value::Array(items)) = value.get_mut("items").map(Value::take)
        {
            for mut item in items {
                // Elements of a PodList need not say that they are pods.
                if !of.is_empty() && item["kind"].is_null() && item.is_object() {
                    item["kind"] = of.into();
                    item["apiVersion"] = api_version.as_str().into();
                }
                self.text = self.text.wrapping_add(1);
                self.value(item);
            }
        } else {
            self.push(Ok(value));
        }
    }

    fn error(&mut self, message: impl Into<String>) {
        self.push(Err(message.into()));
    }

    fn push(&mut self, content: Result<Value, String>) {
        self.found.push(Written {
            place: self.place.clone(),
            text: self.text,
            content,
        });
    }
}

/// What an object is; `None` if it is of no kind that is known here.
pub(super) fn decode(written: Written) -> Option<Found> {
    let Written { place, text, content } = written;
    let content = match content {
        Ok(value) => decoded(value)?,
        Err(error) => Content::Error(error),
    };
    Some(Found { place, text, content })
}

fn decoded(value: Value) -> Option<Content> {
    let word = |field: &str| value[field].as_str().unwrap_or_default();
    let (api_version, kind) = (word("apiVersion"), word("kind"));
    if let Some(kind) = Kind::of(api_version, kind) {
        return Some(known(kind, &value));
    }
    if api_version.split('/').next() == Some(GROUP) {
        return match kind {
            "ComplianceBaseline" => Some(Content::Baseline(value)),
            "Evidence" => Some(evidence(value)),
            _ => None,
        };
    }
    let known = misplaced(api_version, kind)?;
    Some(Content::Error(format!(
        "Kubernetes has no {kind} in {api_version}: it is in {}",
        known.api_version()
    )))
}

fn known(kind: Kind, value: &Value) -> Content {
    let metadata = &value["metadata"];
    let text = |field: &str| {
        metadata[field]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let named = text("name").is_some() || text("generateName").is_some();
    let error = match Object::from_value(kind, value) {
        Ok(object) if named => return Content::Object(Box::new(object)),
        Err(error) if named => error,
        Ok(_) | Err(_) => "metadata.name: missing".to_owned(),
    };
    let meta = Meta {
        name: text("name")
            .or_else(|| text("generateName"))
            .unwrap_or_else(|| "(unnamed)".to_owned()),
        namespace: text("namespace"),
        ..Meta::default()
    };
    Content::Undecodable {
        kind,
        meta: Box::new(meta),
        error,
    }
}

fn evidence(mut value: Value) -> Content {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|field, _| !matches!(field.as_str(), "apiVersion" | "kind" | "metadata"));
    }
    match serde_json::from_value(value) {
        Ok(evidence) => Content::Evidence(evidence),
        Err(error) => Content::Error(format!("Evidence cannot be read: {error}")),
    }
}

/// A kind of Kubernetes that stands in a group of Kubernetes, and not its own: old or mistaken, in any case
/// nothing that the API server would take.
fn misplaced(api_version: &str, kind: &str) -> Option<Kind> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let of_kubernetes =
        ["extensions", "policy"].contains(&group) || Kind::ALL.iter().any(|k| k.group() == group);
    Kind::ALL
        .into_iter()
        .find(|known| of_kubernetes && known.as_str() == kind)
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.trim().hash(&mut hasher);
    hasher.finish()
}

/// A parser's message without the position at its end, which is one within the document.
fn without_position(message: &str) -> String {
    if message.starts_with("budget breached") {
        return "it is nested too deeply, or its aliases stand for too much".to_owned();
    }
    let message = message.split(" at line ").next().unwrap_or_default();
    message
        .replace('\n', " ")
        .trim_end_matches([' ', ',', ':'])
        .to_owned()
}

fn template_hint(text: &str) -> &'static str {
    if text.contains("{{") {
        "; it looks like a template, render it first (helm template CHART | plumbline check -f -)"
    } else {
        ""
    }
}
