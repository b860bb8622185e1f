//! The parameters of the baseline.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::item::{Level, Severity};
use crate::schema;
use crate::selector::LabelSelector;

/// The name of the baseline that the operator creates if there is none.
pub const DEFAULT_BASELINE: &str = "default";

/// Parameters of the evaluation. A field left out has its default.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "compliance.plumbline.dev",
    version = "v1alpha1",
    kind = "ComplianceBaseline",
    plural = "compliancebaselines",
    shortname = "cbl",
    category = "plumbline",
    status = "ComplianceBaselineStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "What the cluster is held against: which items apply, and their parameters. The operator creates one named default if there is none.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether the reports go by this generation"
    ),
    printcolumn(
        name = "Valid",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Valid")].status"#,
        description = "Whether every item it names exists"
    ),
    printcolumn(
        name = "Pinned",
        type_ = "date",
        json_path = ".spec.pin.time",
        description = "Time since somebody pinned the reference"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the baseline was created"
    ),
    printcolumn(
        name = "Pinned-By",
        type_ = "string",
        json_path = ".spec.pin.by",
        description = "Who pinned it",
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase", default)]
pub struct ComplianceBaselineSpec {
    /// Changes to single items: to disable one, or to give it another level or severity. Items that are not
    /// listed apply as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub items: Vec<ItemOverride>,

    /// Namespaces whose findings count as accepted, with reason SystemNamespace. They have reports like any
    /// other.
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 63)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub system_namespaces: Vec<String>,

    /// Namespaces of platform services, such as ingress, monitoring and CI.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub infrastructure_namespaces: Vec<String>,

    /// What counts as infrastructure, beside what is recognised by well-known images, labels and ports.
    #[serde(skip_serializing_if = "Infrastructure::is_empty")]
    pub infrastructure: Infrastructure,

    /// Labels of the namespaces that are production. Empty: none is.
    #[serde(skip_serializing_if = "LabelSelector::is_empty")]
    pub production_selector: LabelSelector,

    /// Labels of the namespaces or pods with raised security needs. Empty: none has.
    #[serde(skip_serializing_if = "LabelSelector::is_empty")]
    pub sensitive_selector: LabelSelector,

    /// Labels and annotations whose values tell one information system from another.
    #[schemars(
        length(max = 16),
        inner(length(min = 1, max = 317)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub system_labels: Vec<String>,

    /// Groups of developers, as bindings name them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        inner(length(min = 1, max = 253)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub developer_groups: Vec<String>,

    /// Groups of cluster administrators, as bindings name them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        inner(length(min = 1, max = 253)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub administrator_groups: Vec<String>,

    /// Controllers that may hold rights which would be findings with anybody else: User/NAME, Group/NAME or
    /// ServiceAccount/NAMESPACE/NAME, as findings name a subject.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        inner(length(min = 1, max = 512)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub trusted_controllers: Vec<String>,

    /// Groups whose members come through privileged access management.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        inner(length(min = 1, max = 253)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub privileged_access_groups: Vec<String>,

    /// Numbers at which items change their verdict.
    pub thresholds: Thresholds,

    /// How strictly item WL-01, containers that run as root, is read.
    pub run_as_root: RunAsRoot,

    /// Whether namespaces that enforce a Pod Security Standard make up for a missing policy engine.
    pub pod_security_counts_as_policy_engine: bool,

    /// Limits for waivers.
    pub waivers: WaiverLimits,

    /// Limits for attestations.
    pub attestations: AttestationLimits,

    /// Makes the present state the reference for drift. Set by plumbline pin; each new time pins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
}

impl Default for ComplianceBaselineSpec {
    fn default() -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            items: Vec::new(),
            system_namespaces: owned(&["kube-system", "kube-public", "kube-node-lease"]),
            infrastructure_namespaces: Vec::new(),
            infrastructure: Infrastructure::default(),
            production_selector: LabelSelector::default(),
            sensitive_selector: LabelSelector::default(),
            system_labels: owned(&[
                "app.kubernetes.io/part-of",
                "meta.helm.sh/release-name",
                "argocd.argoproj.io/instance",
                "kustomize.toolkit.fluxcd.io/name",
            ]),
            developer_groups: Vec::new(),
            administrator_groups: Vec::new(),
            trusted_controllers: Vec::new(),
            privileged_access_groups: Vec::new(),
            thresholds: Thresholds::default(),
            run_as_root: RunAsRoot::default(),
            pod_security_counts_as_policy_engine: false,
            waivers: WaiverLimits::default(),
            attestations: AttestationLimits::default(),
            pin: None,
        }
    }
}

/// What counts as infrastructure: consoles, monitoring, CI, registries and stores that run the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Infrastructure {
    /// Repositories of images, by their last words: tool, or team/tool.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        inner(length(min = 1, max = 255)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub images: Vec<String>,

    /// Labels of pods. Empty: labels do not tell.
    #[serde(skip_serializing_if = "LabelSelector::is_empty")]
    pub selector: LabelSelector,

    /// Ports that containers declare.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(range(min = 1, max = 65535)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub ports: Vec<i32>,
}

impl Infrastructure {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A change to one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = [
    { "rule": "self.enabled || has(self.reason)", "message": "a disabled item needs a reason" },
]))]
#[serde(rename_all = "camelCase")]
pub struct ItemOverride {
    /// Identifier of the item. One that does not exist sets the condition Valid to False; the rest of the
    /// baseline is honoured.
    #[schemars(length(min = 1, max = 16))]
    pub id: String,

    /// Whether the item is evaluated. A disabled item is NotApplicable, reason Disabled.
    #[serde(default = "enabled")]
    pub enabled: bool,

    /// Why the item differs from the baseline as shipped. Mandatory for a disabled item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub reason: Option<String>,

    /// How binding the item is, instead of what the catalogue says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,

    /// Severity of the item, instead of what the catalogue says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

fn enabled() -> bool {
    true
}

/// Numbers at which items change their verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Thresholds {
    /// Share of bindings, in percent, that may grant wildcard roles before they contradict that there is a
    /// role model.
    #[schemars(range(min = 0, max = 100))]
    pub wildcard_binding_percent: i32,

    /// Share of a namespace's workloads, in percent, that may lack every system label before the item says
    /// Unknown.
    #[schemars(range(min = 0, max = 100))]
    pub keyless_workload_percent: i32,

    /// Days for which an audit or a scan counts as recent.
    #[schemars(range(min = 1, max = 3650))]
    pub audit_max_age_days: i32,

    /// Days for which data that a tool brings, such as a vulnerability database or a benchmark, counts as
    /// recent.
    #[schemars(range(min = 1, max = 3650))]
    pub data_max_age_days: i32,

    /// Days that a certificate must still be valid.
    #[schemars(range(min = 0, max = 3650))]
    pub certificate_min_days: i32,

    /// How many times its usage a limit may be.
    #[schemars(range(min = 1, max = 1000))]
    pub limit_to_usage_ratio: i32,

    /// Days over which usage is looked at.
    #[schemars(range(min = 1, max = 365))]
    pub usage_window_days: i32,

    /// Layers that an image may have above its base.
    #[schemars(range(min = 1, max = 127))]
    pub max_image_layers: i32,

    /// Ports that an image or a container may open.
    #[schemars(range(min = 0, max = 65535))]
    pub max_ports: i32,

    /// Patch releases that a component may lag behind.
    #[schemars(range(min = 0, max = 1000))]
    pub patch_lag: i32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            wildcard_binding_percent: 10,
            keyless_workload_percent: 50,
            audit_max_age_days: 30,
            data_max_age_days: 180,
            certificate_min_days: 14,
            limit_to_usage_ratio: 4,
            usage_window_days: 7,
            max_image_layers: 10,
            max_ports: 5,
            patch_lag: 2,
        }
    }
}

vocabulary! {
    /// What a case that could be read either way counts as.
    #[derive(Default)]
    pub enum Reading {
        /// The strict reading.
        #[default]
        Fail = "Fail",
        /// The lenient reading.
        Pass = "Pass",
    }
}

/// How strictly item WL-01, containers that run as root, is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunAsRoot {
    /// What a container is counted as if only its image says which user it runs as.
    pub unknown_image_user: Reading,

    /// What a container is counted as if it runs as root, but inside a user namespace.
    pub user_namespaces: Reading,
}

/// Limits for waivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WaiverLimits {
    /// Days from its approval by which a waiver must have expired.
    #[schemars(range(min = 1, max = 3650))]
    pub max_days: i32,

    /// Days before the expiry at which the report begins to warn.
    #[schemars(range(min = 0, max = 3650))]
    pub warn_days: i32,
}

impl Default for WaiverLimits {
    fn default() -> Self {
        Self {
            max_days: 365,
            warn_days: 14,
        }
    }
}

/// Limits for attestations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AttestationLimits {
    /// Days from its creation by which an attestation must have expired.
    #[schemars(range(min = 1, max = 3650))]
    pub max_days: i32,
}

impl Default for AttestationLimits {
    fn default() -> Self {
        Self { max_days: 365 }
    }
}

/// A decision to make the present state the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// When it was made. A later time pins the state anew.
    pub time: Time,

    /// Who made it.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
}

/// What the operator says about a baseline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComplianceBaselineStatus {
    /// The generation of this baseline that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,

    /// Ready: the reports go by this generation. Valid: every item it names exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
