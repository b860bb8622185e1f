//! What a report says about one item of the baseline.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most entries of [`ItemResult::sample`] a report may hold. The writer keeps fewer where a report would
/// grow too large.
pub const MAX_SAMPLE: usize = 50;

/// The most entries of [`ItemResult::namespaces`] a report may hold.
pub const MAX_NAMESPACES: usize = 50;

vocabulary! {
    /// The status of an item.
    ///
    /// In the order of precedence: an item has the first status in this order that any object in its scope
    /// has, which is the minimum by `Ord`.
    #[derive(Default)]
    pub enum ItemStatus {
        /// An object in scope breaks the rule, and nobody accepted it.
        Fail = "Fail",
        /// Evidence is absent or forbidden; the reason names the source.
        Unknown = "Unknown",
        /// The API cannot decide; a person has to state that the item holds.
        NeedsAttestation = "NeedsAttestation",
        /// Objects in scope break the rule, and every such finding is accepted.
        Waived = "Waived",
        /// A valid attestation says that the item holds, and no evidence contradicts it.
        Attested = "Attested",
        /// Every object in scope keeps the rule.
        Pass = "Pass",
        /// No object is in scope, or the item is disabled.
        #[default]
        NotApplicable = "NotApplicable",
    }
}

vocabulary! {
    /// How binding an item is.
    pub enum Level {
        /// The checklist demands it; decides the verdict.
        Required = "required",
        /// The checklist recommends it; never changes the verdict.
        Recommended = "recommended",
    }
}

vocabulary! {
    /// How much harm a finding can do, worst first.
    pub enum Severity {
        /// Control over the cluster, or close to it.
        Critical = "critical",
        /// Control over a workload or its data.
        High = "high",
        /// Makes an attack easier or harder to notice.
        Medium = "medium",
        /// Hygiene.
        Low = "low",
    }
}

vocabulary! {
    /// How an item's present value compares with the reference.
    #[derive(Default)]
    pub enum Drift {
        /// The status is worse than in the reference.
        Regressed = "Regressed",
        /// The status is better than in the reference.
        Improved = "Improved",
        /// The status is that of the reference, the findings are not.
        Changed = "Changed",
        /// The value equals the reference, or there is no reference yet.
        #[default]
        None = "None",
    }
}

/// The result of one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct ItemResult {
    /// Identifier of the item, such as WL-04. Ids never change and are never reused.
    #[schemars(length(min = 1, max = 16))]
    pub id: String,

    /// What the item demands, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub title: Option<String>,

    /// How binding the item is, after the overrides of the baseline. Recommended items never change the
    /// verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,

    /// Severity of the item, after the overrides of the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,

    /// Status of the item: the first of Fail, Unknown, NeedsAttestation, Waived, Attested, Pass,
    /// NotApplicable that any object in scope has.
    pub status: ItemStatus,

    /// Why the item has this status: one CamelCase word of the set that the item documents.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub reason: String,

    /// The same for people, with the numbers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub message: String,

    /// Number of objects the verdict is about: root workloads, namespaces, subjects, image digests or nodes;
    /// for an item of scope Cluster, sub-checks.
    #[schemars(range(min = 0))]
    pub evaluated: i32,

    /// Number of objects with at least one finding that nobody accepted.
    #[schemars(range(min = 0))]
    pub failing: i32,

    /// Number of objects all of whose findings are accepted, by a waiver or because they lie in a system
    /// namespace.
    #[schemars(range(min = 0))]
    pub waived: i32,

    /// Number of objects left out because nothing of them runs: terminated pods, finished Jobs, owners scaled
    /// to zero.
    #[schemars(range(min = 0))]
    pub inactive: i32,

    /// Number of live pods behind the failing workloads.
    #[schemars(range(min = 0))]
    pub pods: i32,

    /// Number of findings, the accepted ones included. One object may have several.
    #[schemars(range(min = 0))]
    pub findings: i32,

    /// When the item got its present status; the time it was noticed, if nobody watched.
    pub since: Time,

    /// How the present value compares with the reference.
    pub drift: Drift,

    /// Number of failing objects now minus that in the reference; absent without a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_change: Option<i32>,

    /// Namespaces with failing objects, worst first; cut to a bounded number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_NAMESPACES))]
    pub namespaces: Vec<NamespaceCount>,

    /// A bounded part of the findings, ordered by severity, namespace, kind, name and container. The same
    /// findings always give the same sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_SAMPLE))]
    pub sample: Vec<Finding>,

    /// Number of findings that the sample leaves out.
    #[schemars(range(min = 0))]
    pub more: i32,

    /// What an item that is Unknown lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub missing_evidence: Vec<MissingEvidence>,
}

/// A finding: one way in which one object breaks the rule of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Kind of the object: the root owner of a workload, such as Deployment; the binding of a grant; the role
    /// of a grant that nobody is bound to.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,

    /// Namespace of the object; absent for an object of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,

    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Container of the workload, where the finding is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub container: Option<String>,

    /// Who holds the grant: User/NAME, Group/NAME or ServiceAccount/NAMESPACE/NAME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub subject: Option<String>,

    /// The role that grants it: ClusterRole/NAME or Role/NAME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub role: Option<String>,

    /// Severity of this finding.
    pub severity: Severity,

    /// What is wrong, naming the field and its value.
    #[schemars(length(max = 1024))]
    pub message: String,

    /// Why the finding is accepted: SystemNamespace, or the name of the waiver. Absent for a finding that
    /// stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub waived: Option<String>,
}

/// How many objects of a namespace fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceCount {
    /// Name of the namespace.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,

    /// Number of its failing objects.
    #[schemars(range(min = 0))]
    pub failing: i32,
}

/// A source of evidence that an item needs and the operator does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MissingEvidence {
    /// Name of the source.
    #[schemars(length(min = 1, max = 128))]
    pub source: String,

    /// What grants it: the component to install, the permission to give or the attestation to make.
    #[schemars(length(max = 512))]
    pub grant: String,
}
