//! Object metadata and label selectors.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{nullable, strings};
use crate::firewalls::{self, Firewall};
use crate::literal_secrets::{self, LiteralSecret};

/// The part of `ObjectMeta` that items read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Name; for a manifest that has only `generateName`, that.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// Namespace, absent for cluster-scoped objects and for manifests that leave it open.
    pub namespace: Option<String>,
    /// Set by the API server: absent in a manifest.
    pub uid: Option<String>,
    /// Prefix of the name of an object that has none yet.
    pub generate_name: Option<String>,
    /// Resource version, for whoever follows a watch.
    pub resource_version: Option<String>,
    /// Set while the object is being deleted.
    pub deletion_timestamp: Option<String>,
    /// Labels.
    #[serde(default, deserialize_with = "strings")]
    pub labels: BTreeMap<String, String>,
    /// Annotations, scanned.
    #[serde(default, deserialize_with = "nullable")]
    pub annotations: Annotations,
    /// Owners; one of them at most is the controller.
    #[serde(default, deserialize_with = "nullable")]
    pub owner_references: Vec<OwnerReference>,
}

impl Meta {
    /// The owner that controls this object.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references
            .iter()
            .find(|owner| owner.controller == Some(true))
    }
}

/// A reference to an owner in the same namespace (or to a node).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // as in Kubernetes
pub struct OwnerReference {
    #[serde(default, deserialize_with = "nullable")]
    pub api_version: String,
    #[serde(default, deserialize_with = "nullable")]
    pub kind: String,
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub uid: String,
    pub controller: Option<bool>,
}

/// Annotations as a check wants them: values short enough to be a label's, and what looks like a secret in
/// any of them. Long values (applied configurations, histories) are looked at and dropped while parsing.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    /// Annotations whose value has at most [`Annotations::SHORT`] bytes.
    pub short: BTreeMap<String, String>,
    /// Secrets found in the values, masked.
    pub secrets: Vec<LiteralSecret>,
    /// What is said of web application firewalls.
    pub firewalls: Vec<Firewall>,
}

impl Annotations {
    /// The longest value that is kept, in bytes: that of a label, and then an `AppArmor` profile reference.
    pub const SHORT: usize = 128;

    /// The value of a short annotation.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.short.get(key).map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scan;
        impl<'de> Visitor<'de> for Scan {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut annotations = Annotations::default();
                while let Some((key, value)) = map.next_entry::<String, Option<String>>()? {
                    let value = value.unwrap_or_default();
                    annotations
                        .secrets
                        .extend(literal_secrets::in_annotation(&key, &value));
                    annotations.firewalls.extend(firewalls::said(&key, &value));
                    if value.len() <= Annotations::SHORT {
                        annotations.short.insert(key, value);
                    }
                }
                Ok(annotations)
            }
        }
        deserializer.deserialize_map(Scan)
    }
}

/// A label selector as in `metav1.LabelSelector`; the empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must have exactly these values.
    #[serde(default, deserialize_with = "strings")]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements; all must hold.
    #[serde(default, deserialize_with = "nullable")]
    pub match_expressions: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Requirement {
    /// Label key.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Values for `In` and `NotIn`.
    #[serde(default, deserialize_with = "nullable")]
    pub values: Vec<String>,
}
