//! Attestations: what the API cannot decide, a person or a tool states.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conditions::AttestationReason;
use crate::schema;

/// What is stated, by whom and for how long.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "compliance.plumbline.dev",
    version = "v1alpha1",
    kind = "ComplianceAttestation",
    plural = "complianceattestations",
    shortname = "catt",
    category = "plumbline",
    status = "AttestationStatus",
    derive = "PartialEq",
    doc = "A statement, or the result of a tool, for items that the API cannot decide. Evidence from the API that contradicts it wins.",
    printcolumn(
        name = "Items",
        type_ = "string",
        json_path = ".spec.items",
        description = "Items that are attested"
    ),
    printcolumn(
        name = "State",
        type_ = "string",
        json_path = ".status.state",
        description = "What the attestation is worth now"
    ),
    printcolumn(
        name = "Attested-By",
        type_ = "string",
        json_path = ".spec.attestedBy",
        description = "Who attests"
    ),
    printcolumn(
        name = "Valid-Until",
        type_ = "string",
        json_path = ".spec.validUntil",
        description = "When it ceases to count"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the attestation was made"
    ),
    printcolumn(
        name = "Why",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Active")].reason"#,
        description = "Why it has this state",
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.statement) || (has(self.evidence) && self.evidence.size() > 0)",
    "message": "an attestation needs a statement or evidence",
}]))]
pub struct ComplianceAttestationSpec {
    /// Identifiers of the items that are attested, such as AU-03a.
    #[schemars(
        length(min = 1, max = 128),
        inner(length(min = 1, max = 16)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub items: Vec<String>,

    /// What is stated, in words that an auditor can hold somebody to. Needed unless there is evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub statement: Option<String>,

    /// User name of the one who attests. An admission policy lets everybody write only their own.
    #[schemars(length(min = 1, max = 512))]
    pub attested_by: String,

    /// When it ceases to count. The baseline limits how far ahead this may be.
    pub valid_until: Time,

    /// The objects that it is about. Empty: the whole cluster.
    #[serde(default, skip_serializing_if = "AttestationScope::is_empty")]
    pub scope: AttestationScope,

    /// Results of tools that back it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub evidence: Vec<Evidence>,
}

/// The objects that an attestation is about. Fields about different sorts of objects add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AttestationScope {
    /// Names of namespaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub namespaces: Vec<String>,

    /// Names of nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1024),
        inner(length(min = 1, max = 253)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub nodes: Vec<String>,

    /// Images, as workloads or findings name them: by reference or by digest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 512)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub images: Vec<String>,
}

impl AttestationScope {
    /// Whether the scope leaves nothing out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a tool found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Name of the tool, such as kube-bench.
    #[schemars(length(min = 1, max = 128))]
    pub tool: String,

    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub version: Option<String>,

    /// Where the full result is kept. Plumbline does not fetch it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub uri: Option<String>,

    /// Digest of the full result, as ALGORITHM:HEX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub digest: Option<String>,

    /// When the tool ran.
    pub time: Time,

    /// Number of its checks that passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub passed: Option<i32>,

    /// Number of its checks that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub failed: Option<i32>,
}

vocabulary! {
    /// What an attestation is worth.
    pub enum AttestationState {
        /// It decides at least one item.
        Active = "Active",
        /// Its date has passed.
        Expired = "Expired",
        /// It is valid, but no item in its scope asks for it.
        Unused = "Unused",
        /// Evidence from the API says otherwise.
        Contradicted = "Contradicted",
        /// It was made while nothing proved who made it, or it runs for too long.
        Rejected = "Rejected",
    }
}

impl AttestationReason {
    /// The state that goes with the reason.
    pub const fn state(self) -> AttestationState {
        match self {
            Self::Accepted => AttestationState::Active,
            Self::Unused => AttestationState::Unused,
            Self::Contradicted => AttestationState::Contradicted,
            Self::Unguarded | Self::NotAttestable | Self::TooLong => AttestationState::Rejected,
            Self::Expired => AttestationState::Expired,
        }
    }
}

/// What the operator says about an attestation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttestationStatus {
    /// The generation of this attestation that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,

    /// What the attestation is worth: Active; Expired; Unused, no item in its scope asks for it; Contradicted,
    /// evidence from the API says otherwise; Rejected, made while the guarding admission policy was not in
    /// force, or running for too long. The reason of the condition Active says why.
    pub state: AttestationState,

    /// Active: the attestation is in force. Valid: every item it names exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
