//! Approvals: the security team's word on one waiver as it reads now.
//!
//! A kind of its own, so that plain RBAC `create` is the right to approve and waivers can live in Git.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema;

/// Declares a kind of approval; the columns that `kubectl get` prints are the same for both.
macro_rules! approval {
    ($(#[$attribute:meta])* pub struct $spec:ident) => {
        #[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[kube(
            group = "compliance.plumbline.dev",
            version = "v1alpha1",
            category = "plumbline",
            status = "ApprovalStatus",
            derive = "PartialEq",
            printcolumn(
                name = "Waiver",
                type_ = "string",
                json_path = ".spec.waiver.name",
                description = "Name of the waiver that is approved"
            ),
            printcolumn(
                name = "Approved-By",
                type_ = "string",
                json_path = ".spec.approvedBy",
                description = "Who approves it"
            ),
            printcolumn(
                name = "Honoured",
                type_ = "string",
                json_path = r#".status.conditions[?(@.type=="Honoured")].status"#,
                description = "Whether the approval counts"
            ),
            printcolumn(
                name = "Why",
                type_ = "string",
                json_path = r#".status.conditions[?(@.type=="Honoured")].reason"#,
                description = "Why it does or does not"
            ),
            printcolumn(
                name = "Age",
                type_ = "date",
                json_path = ".metadata.creationTimestamp",
                description = "Time since the approval was given"
            )
        )]
        #[serde(transparent)]
        #[schemars(extend("x-kubernetes-validations" = [{
            "rule": "self == oldSelf",
            "message": "an approval cannot be changed; delete it and approve anew",
        }]))]
        $(#[$attribute])*
        pub struct $spec(pub ApprovalSpec);
    };
}

approval! {
    /// What is approved, and by whom. Immutable.
    #[kube(
        kind = "ComplianceApproval",
        plural = "complianceapprovals",
        shortname = "cap",
        namespaced,
        doc = "The approval of one ComplianceWaiver of this namespace as it reads now. Whoever may create this kind may approve.",
    )]
    pub struct ComplianceApprovalSpec
}

approval! {
    /// What is approved, and by whom. Immutable.
    #[kube(
        kind = "ClusterComplianceApproval",
        plural = "clustercomplianceapprovals",
        shortname = "ccap",
        doc = "The approval of one ClusterComplianceWaiver as it reads now. Whoever may create this kind may approve.",
    )]
    pub struct ClusterComplianceApprovalSpec
}

/// What is approved, and by whom. Immutable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalSpec {
    /// The waiver that is approved.
    pub waiver: WaiverRef,

    /// SHA-256, as 64 hexadecimal digits, over the canonical JSON (RFC 8785) of the waiver's whole spec as the
    /// API server returns it. Any edit of the waiver makes the approval void. Written by plumbline approve.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub spec_digest: String,

    /// User name of the approver. An admission policy lets everybody write only their own.
    #[schemars(length(min = 1, max = 512))]
    pub approved_by: String,
}

/// A waiver by its identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct WaiverRef {
    /// Name of the waiver, of the same scope and namespace as the approval.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Its uid: a waiver made anew under the same name is another one.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
}

/// What the operator says about an approval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalStatus {
    /// The generation of this approval that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,

    /// Honoured: the approval counts. An approval first seen while the guarding admission policy was not in
    /// force stays without effect until it is made again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
