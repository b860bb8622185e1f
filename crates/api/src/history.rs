//! What a report remembers: the reference it measures drift against, and the last transitions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::item::ItemStatus;

/// How many transitions a cluster report keeps.
pub const MAX_HISTORY_CLUSTER: usize = 50;

/// How many transitions a namespaced report keeps.
pub const MAX_HISTORY_NAMESPACE: usize = 10;

vocabulary! {
    /// Where a reference comes from.
    pub enum ReferenceKind {
        /// The first complete evaluation under the current generation of the baseline.
        Initial = "Initial",
        /// The state at the moment when somebody pinned it.
        Pin = "Pin",
    }
}

/// The state that drift is measured against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// Where the reference comes from: Initial, the first complete evaluation under the current generation of
    /// the baseline, or Pin, the state when somebody pinned it.
    pub kind: ReferenceKind,

    /// When the state was taken.
    pub time: Time,

    /// Who pinned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub by: Option<String>,

    /// The value of every item at that time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub items: Vec<ReferenceItem>,
}

/// The value of one item in the reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferenceItem {
    /// Identifier of the item.
    #[schemars(length(min = 1, max = 16))]
    pub id: String,

    /// Status of the item.
    pub status: ItemStatus,

    /// Number of its failing objects.
    #[schemars(range(min = 0))]
    pub failing: i32,

    /// Digest of its set of findings: 64 bits as 16 hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-f]{16}$"), length(max = 16))]
    pub digest: String,
}

/// A change of status that held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// When the item got the new status; the time it was noticed, if nobody watched.
    pub time: Time,

    /// Identifier of the item.
    #[schemars(length(min = 1, max = 16))]
    pub item: String,

    /// Status before.
    pub from: ItemStatus,

    /// Status after.
    pub to: ItemStatus,

    /// The object whose change brought it about, as KIND NAMESPACE/NAME, where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub cause: String,
}
