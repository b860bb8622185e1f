//! The verdicts: one report on the cluster, one on each namespace.
//!
//! Both kinds share one status in Rust, so that the engine fills both from one place. A namespaced report
//! leaves out what is the cluster's (`clusterID`, `coverage`) and what its reader finds in the cluster report
//! or in `plumbline explain` (`title`, `level`, `severity` of an item); its schema does not know them.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::coverage::InputCoverage;
use crate::history::{MAX_HISTORY_CLUSTER, MAX_HISTORY_NAMESPACE, Reference, Transition};
use crate::item::ItemResult;
use crate::schema;

/// Declares a kind of report; the columns that `kubectl get` prints are the same for both.
macro_rules! report {
    ($(#[$attribute:meta])* pub struct $spec:ident) => {
        /// Nothing: nobody asks for a report, so it has no spec.
        #[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[kube(
            group = "compliance.plumbline.dev",
            version = "v1alpha1",
            category = "plumbline",
            no_spec,
            status = "ReportStatus",
            derive = "PartialEq",
            derive = "Default",
            printcolumn(
                name = "Compliant",
                type_ = "string",
                json_path = r#".status.conditions[?(@.type=="Compliant")].status"#,
                description = "Whether every required item holds"
            ),
            printcolumn(
                name = "Score",
                type_ = "integer",
                json_path = ".status.summary.score",
                description = "Share of the decidable items that hold, in percent"
            ),
            printcolumn(
                name = "Fail",
                type_ = "integer",
                json_path = ".status.summary.fail",
                description = "Number of items that fail"
            ),
            printcolumn(
                name = "Pass",
                type_ = "integer",
                json_path = ".status.summary.pass",
                description = "Number of items that hold"
            ),
            printcolumn(
                name = "Waived",
                type_ = "integer",
                json_path = ".status.summary.waived",
                description = "Number of items all of whose findings are accepted"
            ),
            printcolumn(
                name = "Unknown",
                type_ = "integer",
                json_path = ".status.summary.unknown",
                description = "Number of items whose evidence is missing"
            ),
            printcolumn(
                name = "Drift",
                type_ = "integer",
                json_path = ".status.summary.drifted",
                description = "Number of items that differ from the reference"
            ),
            printcolumn(
                name = "Evaluated",
                type_ = "date",
                json_path = ".status.lastEvaluated",
                description = "Time since the last evaluation"
            ),
            printcolumn(
                name = "Age",
                type_ = "date",
                json_path = ".metadata.creationTimestamp",
                description = "Time since the report was created"
            ),
            printcolumn(
                name = "Manual",
                type_ = "integer",
                json_path = ".status.summary.needsAttestation",
                description = "Number of items that a person has to decide",
                priority = "1"
            ),
            printcolumn(
                name = "Attested",
                type_ = "integer",
                json_path = ".status.summary.attested",
                description = "Number of items that a person vouches for",
                priority = "1"
            ),
            printcolumn(
                name = "Not-Applicable",
                type_ = "integer",
                json_path = ".status.summary.notApplicable",
                description = "Number of items with nothing in scope, and of disabled ones",
                priority = "1"
            )
        )]
        $(#[$attribute])*
        pub struct $spec {}
    };
}

report! {
    #[kube(
        kind = "ClusterComplianceReport",
        plural = "clustercompliancereports",
        shortname = "clcr",
        doc = "The verdict on the cluster under one baseline, by whose name it goes. Written by the operator.",
    )]
    #[derive(JsonSchema)]
    pub struct ClusterComplianceReportSpec
}

report! {
    #[kube(
        kind = "ComplianceReport",
        plural = "compliancereports",
        shortname = "cpr",
        namespaced,
        schema = "manual",
    )]
    pub struct ComplianceReportSpec
}

impl JsonSchema for ComplianceReport {
    fn schema_name() -> Cow<'static, str> {
        "ComplianceReport".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut status = ReportStatus::json_schema(generator);
        for field in ["clusterID", "coverage"] {
            schema::remove(&mut status, "", field);
        }
        for field in ["title", "level", "severity"] {
            schema::remove(&mut status, "/properties/items/items", field);
        }
        schema::limit(&mut status, "/properties/history", MAX_HISTORY_NAMESPACE);
        json_schema!({
            "type": "object",
            "description": "The verdict on a namespace under one baseline, by whose name it goes. Written by the operator.",
            "properties": { "status": status },
        })
    }
}

/// The verdict and what it rests on. The operator replaces it as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportStatus {
    /// The generation of this report that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,

    /// The baseline that the evaluation went by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineRef>,

    /// Identity of the cluster: the uid of namespace kube-system.
    #[serde(default, rename = "clusterID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub cluster_id: Option<String>,

    /// When the result was last found to be as it stands here. In a quiet cluster the operator refreshes it in
    /// the cluster report every ten minutes; if it is older, nobody is watching.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_evaluated: Option<Time>,

    /// Ready: the evaluation is complete and current. Compliant: the verdict. Drifted: something differs from
    /// the reference. Fresh: every input is synced and alive. Reconciling, Stalled, Expiring and Unguarded are
    /// there only when true. Findings never make Ready false.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// Numbers of items by status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,

    /// The result of every item. A namespaced report has those of scope Workload, Namespace and Subject, and
    /// of scope Image once a registry source is on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub items: Vec<ItemResult>,

    /// The state that drift is measured against; absent until the first complete evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,

    /// The last changes of status, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_HISTORY_CLUSTER))]
    pub history: Vec<Transition>,

    /// The kinds that the evaluation reads, and how each of these inputs is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["group", "kind"])
    )]
    pub coverage: Vec<InputCoverage>,

    /// Numbers of waivers that concern this report, by what they are worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waivers: Option<WaiverCounts>,
}

/// A baseline as it was when it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct BaselineRef {
    /// Name of the ComplianceBaseline.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Its uid.
    #[schemars(length(max = 64))]
    pub uid: String,

    /// Its generation.
    #[schemars(range(min = 0))]
    pub generation: i64,
}

/// Numbers of items by status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Number of items in this report.
    #[schemars(range(min = 0))]
    pub total: i32,

    /// Number of items that hold.
    #[schemars(range(min = 0))]
    pub pass: i32,

    /// Number of items that fail.
    #[schemars(range(min = 0))]
    pub fail: i32,

    /// Number of items whose findings are all accepted.
    #[schemars(range(min = 0))]
    pub waived: i32,

    /// Number of items that a person vouches for.
    #[schemars(range(min = 0))]
    pub attested: i32,

    /// Number of items that a person has to decide.
    #[schemars(range(min = 0))]
    pub needs_attestation: i32,

    /// Number of items with nothing in scope, and of disabled ones.
    #[schemars(range(min = 0))]
    pub not_applicable: i32,

    /// Number of items whose evidence is missing.
    #[schemars(range(min = 0))]
    pub unknown: i32,

    /// Number of items that differ from the reference, whatever their status.
    #[schemars(range(min = 0))]
    pub drifted: i32,

    /// 100 × (pass + attested) ÷ (pass + attested + fail + unknown + needsAttestation), rounded down; absent
    /// if there is no such item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub score: Option<i32>,
}

/// Numbers of waivers by what they are worth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct WaiverCounts {
    /// Number of approved waivers that cover something.
    #[schemars(range(min = 0))]
    pub active: i32,

    /// Number of waivers without a valid approval.
    #[schemars(range(min = 0))]
    pub pending: i32,

    /// Number of the active ones that expire within the baseline's waivers.warnDays.
    #[schemars(range(min = 0))]
    pub expiring_soon: i32,

    /// Number of waivers past their date.
    #[schemars(range(min = 0))]
    pub expired: i32,

    /// Number of approved waivers that cover nothing.
    #[schemars(range(min = 0))]
    pub unused: i32,

    /// Number of waivers whose approval is not honoured.
    #[schemars(range(min = 0))]
    pub rejected: i32,
}
