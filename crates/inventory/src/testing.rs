//! Objects for tests, made the way the API server would send them: as JSON, decoded by the lean types.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::inventory::ObjectId;
use crate::kind::Kind;
use crate::lean::Object;
use crate::names::Name;

/// The JSON of one object, changed step by step.
#[derive(Clone, PartialEq)]
pub struct Manifest {
    kind: Kind,
    json: Value,
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.json)
    }
}

/// An object of `kind`, as an API server that has just admitted it would send it: with a uid of its own, that
/// follows from its kind and its name, and in namespace `shop` unless it is cluster-scoped.
pub fn live(kind: Kind, name: &str) -> Manifest {
    let manifest = written(kind, name).uid(&format!("{kind} {name}"));
    if kind.is_namespaced() {
        manifest.namespace("shop")
    } else {
        manifest
    }
}

/// An object of `kind` as somebody writes it: without uid, in no namespace.
pub fn written(kind: Kind, name: &str) -> Manifest {
    let json =
        json!({ "apiVersion": kind.api_version(), "kind": kind.as_str(), "metadata": { "name": name } });
    let spec = decided(kind);
    let manifest = Manifest { kind, json };
    if spec.is_null() {
        manifest
    } else {
        manifest.set("spec", spec)
    }
}

/// What a decision says at the least: its kinds have fields that nothing defaults.
fn decided(kind: Kind) -> Value {
    match kind {
        Kind::ComplianceWaiver | Kind::ClusterComplianceWaiver => {
            json!({ "items": ["WL-04"], "reason": "r", "requestedBy": "dev", "expires": "2027-01-01T00:00:00Z" })
        }
        Kind::ComplianceApproval | Kind::ClusterComplianceApproval => {
            json!({ "waiver": { "name": "x", "uid": "x" }, "specDigest": "", "approvedBy": "sue" })
        }
        Kind::ComplianceAttestation => {
            json!({ "items": ["AU-03a"], "attestedBy": "sue", "validUntil": "2027-01-01T00:00:00Z" })
        }
        Kind::ValidatingAdmissionPolicy | Kind::ValidatingAdmissionPolicyBinding => json!({}),
        _ => Value::Null,
    }
}

impl Manifest {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Puts `value` at `path` (`spec.replicas`), whatever was there.
    #[must_use]
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        *at(&mut self.json, path.split('.')) = value.into();
        self
    }

    /// Adds `value` to the list at `path`.
    #[must_use]
    pub fn push(mut self, path: &str, value: impl Into<Value>) -> Self {
        let list = at(&mut self.json, path.split('.'));
        if list.is_null() {
            *list = json!([]);
        }
        list.as_array_mut().expect("a list").push(value.into());
        self
    }

    /// Is in this namespace.
    #[must_use]
    pub fn namespace(self, namespace: &str) -> Self {
        self.set("metadata.namespace", namespace)
    }

    /// Has this uid.
    #[must_use]
    pub fn uid(self, uid: &str) -> Self {
        self.set("metadata.uid", uid)
    }

    /// Has this label.
    #[must_use]
    pub fn label(self, key: &str, value: &str) -> Self {
        self.insert("metadata.labels", key, value)
    }

    /// Has this annotation.
    #[must_use]
    pub fn annotation(self, key: &str, value: &str) -> Self {
        self.insert("metadata.annotations", key, value)
    }

    /// Is controlled by `owner`.
    #[must_use]
    pub fn owned_by(self, owner: &Self) -> Self {
        let reference = json!({
            "apiVersion": owner.json["apiVersion"],
            "kind": owner.json["kind"],
            "name": owner.json["metadata"]["name"],
            "uid": owner.json["metadata"]["uid"],
            "controller": true,
        });
        self.push("metadata.ownerReferences", reference)
    }

    /// Puts `value` at `path` within its pod spec, or that of the pods that it makes.
    #[must_use]
    pub fn pod_spec(self, path: &str, value: impl Into<Value>) -> Self {
        let path = format!("{}.{path}", self.pod_spec_path());
        self.set(&path, value)
    }

    /// Adds `value` to the list at `path` within its pod spec, or that of the pods that it makes.
    #[must_use]
    pub fn pod_spec_push(self, path: &str, value: impl Into<Value>) -> Self {
        let path = format!("{}.{path}", self.pod_spec_path());
        self.push(&path, value)
    }

    /// Runs this image in one more container, of the name `main`.
    #[must_use]
    pub fn image(self, image: &str) -> Self {
        self.pod_spec_push("containers", json!({ "name": "main", "image": image }))
    }

    fn pod_spec_path(&self) -> &'static str {
        match self.kind {
            Kind::Pod => "spec",
            Kind::PodTemplate => "template.spec",
            Kind::CronJob => "spec.jobTemplate.spec.template.spec",
            _ => "spec.template.spec",
        }
    }

    fn insert(mut self, path: &str, key: &str, value: &str) -> Self {
        at(&mut self.json, path.split('.').chain([key])).clone_from(&value.into());
        self
    }

    /// The JSON.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// What becomes of it.
    pub fn decode(&self) -> Result<Object, String> {
        Object::from_json(self.kind, &self.json.to_string())
    }

    /// The object.
    ///
    /// # Panics
    ///
    /// If it does not decode.
    pub fn object(&self) -> Object {
        self.decode().expect("it decodes")
    }

    /// Its identity.
    pub fn id(&self) -> ObjectId {
        let field = |name: &str| self.json["metadata"][name].as_str().map(Name::from);
        ObjectId {
            kind: self.kind,
            namespace: self
                .kind
                .is_namespaced()
                .then(|| field("namespace").unwrap_or_else(|| "default".into())),
            name: field("name").unwrap_or_else(|| "".into()),
        }
    }
}

/// The value at `path`, made if it is not there.
fn at(json: &mut Value, path: impl Iterator<Item = impl AsRef<str>>) -> &mut Value {
    path.fold(json, |value, key| {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        &mut value[key.as_ref()]
    })
}
