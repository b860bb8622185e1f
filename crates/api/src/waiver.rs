//! Waivers: accepted deviations that somebody asks for.
//!
//! The two kinds share one spec in Rust; the schema of the namespaced one leaves out what chooses namespaces.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::conditions::WaiverReason;
use crate::schema;
use crate::selector::LabelSelector;

/// Declares a kind of waiver; the columns that `kubectl get` prints are the same for both.
macro_rules! waiver {
    ($(#[$attribute:meta])* pub struct $spec:ident) => {
        #[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[kube(
            group = "compliance.plumbline.dev",
            version = "v1alpha1",
            category = "plumbline",
            status = "WaiverStatus",
            derive = "PartialEq",
            printcolumn(
                name = "Items",
                type_ = "string",
                json_path = ".spec.items",
                description = "Items that the deviation is from"
            ),
            printcolumn(
                name = "State",
                type_ = "string",
                json_path = ".status.state",
                description = "What the waiver is worth now"
            ),
            printcolumn(
                name = "Covered",
                type_ = "integer",
                json_path = ".status.covered",
                description = "Number of objects with findings that it accepts"
            ),
            printcolumn(
                name = "Expires",
                type_ = "string",
                json_path = ".spec.expires",
                description = "When it ceases to count"
            ),
            printcolumn(
                name = "Age",
                type_ = "date",
                json_path = ".metadata.creationTimestamp",
                description = "Time since the waiver was created"
            ),
            printcolumn(
                name = "Why",
                type_ = "string",
                json_path = r#".status.conditions[?(@.type=="Active")].reason"#,
                description = "Why it has this state",
                priority = "1"
            ),
            printcolumn(
                name = "Requested-By",
                type_ = "string",
                json_path = ".spec.requestedBy",
                description = "Who asks for it",
                priority = "1"
            ),
            printcolumn(
                name = "Ticket",
                type_ = "string",
                json_path = ".spec.ticket",
                description = "Where it is discussed",
                priority = "1"
            )
        )]
        #[serde(transparent)]
        $(#[$attribute])*
        pub struct $spec(pub WaiverSpec);
    };
}

waiver! {
    /// The deviation, and the objects of this namespace it is for.
    #[kube(
        kind = "ComplianceWaiver",
        plural = "compliancewaivers",
        shortname = "cwv",
        namespaced,
        doc = "A deviation from the baseline in this namespace that somebody asks to have accepted. It counts once a ComplianceApproval approves it as it reads.",
    )]
    #[schemars(transform = within_a_namespace)]
    pub struct ComplianceWaiverSpec
}

waiver! {
    /// The deviation, and the objects of the cluster it is for.
    #[kube(
        kind = "ClusterComplianceWaiver",
        plural = "clustercompliancewaivers",
        shortname = "ccwv",
        doc = "A deviation from the baseline in the cluster or some of its namespaces that somebody asks to have accepted. It counts once a ClusterComplianceApproval approves it as it reads.",
    )]
    #[schemars(extend("x-kubernetes-validations" = [{
        "rule": "!has(self.scope) || !has(self.scope.namespaces) || !has(self.scope.namespaceSelector)",
        "message": "namespaces and namespaceSelector exclude each other",
        "fieldPath": ".scope",
    }]))]
    pub struct ClusterComplianceWaiverSpec
}

fn within_a_namespace(spec: &mut Schema) {
    for field in ["namespaces", "namespaceSelector"] {
        schema::remove(spec, "/properties/scope", field);
    }
}

/// A deviation, and the objects it is for. Any edit makes an approval void.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaiverSpec {
    /// Identifiers of the items that the deviation is from, such as WL-04.
    #[schemars(
        length(min = 1, max = 128),
        inner(length(min = 1, max = 16)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub items: Vec<String>,

    /// The objects that the deviation is of. Empty: every object, of the namespace or for the cluster kind of
    /// the whole cluster.
    #[serde(default, skip_serializing_if = "WaiverScope::is_empty")]
    pub scope: WaiverScope,

    /// Why the deviation is acceptable.
    #[schemars(length(min = 1, max = 4096))]
    pub reason: String,

    /// Where it is discussed: an issue, a change request, a risk register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub ticket: Option<String>,

    /// Who asks for it, as a user name. An approval by the same user is not honoured.
    #[schemars(length(min = 1, max = 512))]
    pub requested_by: String,

    /// When it ceases to count. The baseline limits how far ahead this may be.
    pub expires: Time,
}

/// The objects that a deviation is of. Fields about different sorts of objects add up; those about the same
/// sort narrow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WaiverScope {
    /// Names of the namespaces whose objects are meant. Neither this nor namespaceSelector: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub namespaces: Vec<String>,

    /// Labels of the namespaces whose objects are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minProperties" = 1))]
    pub namespace_selector: Option<LabelSelector>,

    /// Root owners of the workloads that are meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub workloads: Vec<WorkloadRef>,

    /// Labels of the pods whose workloads are meant; beside workloads, both must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minProperties" = 1))]
    pub label_selector: Option<LabelSelector>,

    /// Subjects whose rights are meant: User/NAME, Group/NAME or ServiceAccount/NAMESPACE/NAME, as findings
    /// name them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 512)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub subjects: Vec<String>,

    /// Images that are meant, as workloads or findings name them: by reference or by digest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 512)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub images: Vec<String>,
}

impl WaiverScope {
    /// Whether the scope leaves nothing out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A workload by its root owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadRef {
    /// Kind of the root owner, such as Deployment or CronJob.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,

    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

vocabulary! {
    /// What a waiver is worth.
    #[derive(Default)]
    pub enum WaiverState {
        /// Nobody has approved it as it reads now.
        #[default]
        Pending = "Pending",
        /// Approved, and it covers something.
        Active = "Active",
        /// Its date has passed.
        Expired = "Expired",
        /// Approved, but nothing needs it.
        Unused = "Unused",
        /// Its approval is not honoured, or it runs for too long.
        Rejected = "Rejected",
    }
}

impl WaiverReason {
    /// The state that goes with the reason.
    pub const fn state(self) -> WaiverState {
        match self {
            Self::Approved => WaiverState::Active,
            Self::Unused => WaiverState::Unused,
            Self::ApprovalMissing | Self::ApprovalOutdated => WaiverState::Pending,
            Self::SelfApproved | Self::ApprovalUnguarded | Self::TooLong => WaiverState::Rejected,
            Self::Expired => WaiverState::Expired,
        }
    }
}

/// What the operator says about a waiver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaiverStatus {
    /// The generation of this waiver that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,

    /// What the waiver is worth: Pending, not approved as it reads now; Active; Expired; Unused, approved but
    /// nothing needs it; Rejected, its approval is not honoured or it runs for too long. The reason of the
    /// condition Active says why.
    pub state: WaiverState,

    /// Number of objects with findings that it accepts.
    #[schemars(range(min = 0))]
    pub covered: i32,

    /// Active: the waiver is in force. Valid: every item it names exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
