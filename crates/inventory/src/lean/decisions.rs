//! What people decide: waivers, their approvals, attestations, and the admission policies that guard who says so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{LabelSelector, Meta, from_value, nullable};
use crate::digest::spec_digest;

/// A decision of people, or a policy that guards one: its spec is read, and looked at as a whole.
#[derive(Clone, Debug)]
pub struct Decision<S> {
    /// Its metadata.
    pub metadata: Meta,
    /// When it was made, and what of it was written last.
    pub written: Written,
    /// What it says.
    pub spec: S,
    /// The digest of its whole spec, fields that nobody reads included.
    pub digest: String,
    /// What we said about it, as it is stored.
    pub status: Value,
}

/// When an object was made and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The generation of its spec; 0 for a manifest that no API server has seen.
    pub generation: i64,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When something of it was last written, its status aside.
    pub changed: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Times {
    #[serde(default, deserialize_with = "nullable")]
    generation: i64,
    creation_timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "nullable")]
    managed_fields: Vec<ManagedFields>,
}

#[derive(Deserialize)]
struct ManagedFields {
    time: Option<Timestamp>,
    #[serde(default, deserialize_with = "nullable")]
    subresource: String,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

impl<'de, S: DeserializeOwned> Deserialize<'de> for Decision<S> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        let part = |name: &str, error: String| serde::de::Error::custom(format!("{name}.{error}"));
        let times: Times = from_value(&raw.metadata).map_err(|error| part("metadata", error))?;
        let writes = times.managed_fields.iter();
        let changed = writes
            .filter(|write| write.subresource.is_empty())
            .filter_map(|write| write.time);
        Ok(Self {
            metadata: from_value(&raw.metadata).map_err(|error| part("metadata", error))?,
            written: Written {
                generation: times.generation,
                created: times.creation_timestamp,
                changed: changed.chain(times.creation_timestamp).max(),
            },
            spec: from_value(&raw.spec).map_err(|error| part("spec", error))?,
            digest: spec_digest(&raw.spec),
            status: raw.status,
        })
    }
}

/// `spec` of `ComplianceWaiver` and `ClusterComplianceWaiver`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // here and below: as in the CRDs
pub struct WaiverSpec {
    pub items: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub scope: WaiverScope,
    pub requested_by: String,
    pub expires: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct WaiverScope {
    #[serde(deserialize_with = "nullable")]
    pub namespaces: Vec<String>,
    pub namespace_selector: Option<LabelSelector>,
    #[serde(deserialize_with = "nullable")]
    pub workloads: Vec<WorkloadRef>,
    pub label_selector: Option<LabelSelector>,
    #[serde(deserialize_with = "nullable")]
    pub subjects: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub images: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct WorkloadRef {
    pub kind: String,
    pub name: String,
}

/// `spec` of `ComplianceApproval` and `ClusterComplianceApproval`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ApprovalSpec {
    pub waiver: WaiverRef,
    pub spec_digest: String,
    pub approved_by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct WaiverRef {
    pub name: String,
    pub uid: String,
}

/// `spec` of `ComplianceAttestation`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct AttestationSpec {
    pub items: Vec<String>,
    pub attested_by: String,
    pub valid_until: Timestamp,
    #[serde(default, deserialize_with = "nullable")]
    pub scope: AttestationScope,
    #[serde(default, deserialize_with = "nullable")]
    pub evidence: Vec<AttestedEvidence>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct AttestationScope {
    #[serde(deserialize_with = "nullable")]
    pub namespaces: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub nodes: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub images: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct AttestedEvidence {
    pub tool: String,
    #[serde(default, deserialize_with = "nullable")]
    pub failed: i32,
}

/// `spec` of `ValidatingAdmissionPolicy` and of its binding: as written, to be compared with what was shipped.
pub type PolicySpec = BTreeMap<String, Value>;
