//! What a verdict rests on: the inputs that the operator watches, and how they are.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

vocabulary! {
    /// How an input is.
    pub enum InputState {
        /// Listed and watched.
        Synced = "Synced",
        /// The operator may not list it; the items that read it are Unknown.
        Forbidden = "Forbidden",
        /// The API server does not serve the kind.
        Absent = "Absent",
        /// Listing or watching fails, or the watch has gone silent; what is known may be old.
        Failing = "Failing",
    }
}

/// One kind that the evaluation reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct InputCoverage {
    /// API group of the kind; empty for the core group.
    #[schemars(length(max = 253))]
    pub group: String,

    /// Name of the kind.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,

    /// Number of its objects in the inventory.
    #[schemars(range(min = 0))]
    pub objects: i32,

    /// How the input is: Synced; Forbidden, the operator may not read it; Absent, the API server does not
    /// serve it; Failing, the watch is broken or silent.
    pub state: InputState,

    /// Number of its objects that could not be decoded. The items that read them are Unknown, never Pass.
    #[schemars(range(min = 0))]
    pub undecodable: i32,

    /// When the input was last known to be complete: the last list, event or bookmark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<Time>,
}
