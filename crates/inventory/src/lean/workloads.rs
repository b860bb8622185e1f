//! Objects that make pods from a template.

use serde::Deserialize;

use super::{Meta, PodSpec, nullable};

/// `v1.PodTemplateSpec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)] // here and below: as in Kubernetes
pub struct PodTemplateSpec {
    #[serde(default, deserialize_with = "nullable")]
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: PodSpec,
}

/// `v1.PodTemplate`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct PodTemplate {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub template: PodTemplateSpec,
}

/// The spec of an object that keeps a number of pods.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ReplicasSpec {
    pub replicas: Option<i64>,
    #[serde(default, deserialize_with = "nullable")]
    pub template: PodTemplateSpec,
}

macro_rules! replicated {
    ($($(#[$doc:meta])* $kind:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[allow(missing_docs)]
        pub struct $kind {
            pub metadata: Meta,
            #[serde(default, deserialize_with = "nullable")]
            pub spec: ReplicasSpec,
        }
    )*};
}

replicated! {
    /// `v1.ReplicationController`.
    ReplicationController,
    /// `apps/v1.ReplicaSet`.
    ReplicaSet,
    /// `apps/v1.Deployment`.
    Deployment
}

/// `apps/v1.StatefulSet`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct StatefulSet {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: StatefulSetSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: StatefulSetStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct StatefulSetSpec {
    pub replicas: Option<i64>,
    #[serde(default, deserialize_with = "nullable")]
    pub template: PodTemplateSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct StatefulSetStatus {
    /// The value of `controller-revision-hash` on pods of the current template.
    pub update_revision: Option<String>,
}

/// `apps/v1.DaemonSet`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct DaemonSet {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: DaemonSetSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct DaemonSetSpec {
    #[serde(default, deserialize_with = "nullable")]
    pub template: PodTemplateSpec,
}

/// `batch/v1.Job`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Job {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: JobSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: JobStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct JobSpec {
    #[serde(default, deserialize_with = "nullable")]
    pub template: PodTemplateSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct JobStatus {
    /// When it was done, without an error.
    pub completion_time: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub conditions: Vec<JobCondition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct JobCondition {
    #[serde(rename = "type", default, deserialize_with = "nullable")]
    pub kind: String,
    #[serde(default, deserialize_with = "nullable")]
    pub status: String,
}

/// `batch/v1.CronJob`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct CronJob {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: CronJobSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: CronJobStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct CronJobSpec {
    pub suspend: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    pub job_template: JobTemplate,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct CronJobStatus {
    pub last_successful_time: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct JobTemplate {
    #[serde(default, deserialize_with = "nullable")]
    pub spec: JobSpec,
}
