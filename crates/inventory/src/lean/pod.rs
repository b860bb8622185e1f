//! Pods and what a pod spec says about security.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Meta, nullable, quantities, strings};

/// `v1.Pod`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)] // here and below: as in Kubernetes
pub struct Pod {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: PodSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PodStatus {
    pub phase: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub container_statuses: Vec<ContainerStatus>,
    #[serde(default, deserialize_with = "nullable")]
    pub init_container_statuses: Vec<ContainerStatus>,
    #[serde(default, deserialize_with = "nullable")]
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ContainerStatus {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// Empty until the image is there.
    #[serde(rename = "imageID", default, deserialize_with = "nullable")]
    pub image_id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub user: ContainerUser,
    /// What is allocated to the container; `None` where the kubelet does not say.
    pub resources: Option<Resources>,
}

/// The user that the first process of a container was started with.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct ContainerUser {
    #[serde(default, deserialize_with = "nullable")]
    pub linux: LinuxUser,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct LinuxUser {
    pub uid: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PodSpec {
    pub node_name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub os: PodOs,
    #[serde(default, deserialize_with = "strings")]
    pub node_selector: BTreeMap<String, String>,
    pub service_account_name: Option<String>,
    /// Deprecated alias of `serviceAccountName`.
    pub service_account: Option<String>,
    pub automount_service_account_token: Option<bool>,
    #[serde(rename = "hostPID")]
    pub host_pid: Option<bool>,
    #[serde(rename = "hostIPC")]
    pub host_ipc: Option<bool>,
    pub host_network: Option<bool>,
    pub host_users: Option<bool>,
    pub runtime_class_name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub security_context: SecurityContext,
    #[serde(default, deserialize_with = "nullable")]
    pub resources: Resources,
    #[serde(default, deserialize_with = "nullable")]
    pub volumes: Vec<Volume>,
    #[serde(default, deserialize_with = "nullable")]
    pub init_containers: Vec<Container>,
    #[serde(default, deserialize_with = "nullable")]
    pub containers: Vec<Container>,
    #[serde(default, deserialize_with = "nullable")]
    pub ephemeral_containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct PodOs {
    pub name: Option<String>,
}

/// The security context of a pod and of a container: each field is read where Kubernetes has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct SecurityContext {
    pub run_as_user: Option<i64>,
    pub run_as_non_root: Option<bool>,
    pub seccomp_profile: Option<Profile>,
    pub app_armor_profile: Option<Profile>,
    pub se_linux_options: Option<SeLinuxOptions>,
    pub windows_options: Option<WindowsOptions>,
    /// Pods only.
    #[serde(default, deserialize_with = "nullable")]
    pub sysctls: Vec<Sysctl>,
    /// Containers only, as all that follows.
    pub privileged: Option<bool>,
    pub allow_privilege_escalation: Option<bool>,
    pub read_only_root_filesystem: Option<bool>,
    pub proc_mount: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub capabilities: Capabilities,
}

/// A seccomp or `AppArmor` profile.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Profile {
    #[serde(rename = "type")]
    pub kind: ProfileType,
}

/// The type of a seccomp or `AppArmor` profile; Kubernetes has no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs)]
pub enum ProfileType {
    RuntimeDefault,
    Localhost,
    Unconfined,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct SeLinuxOptions {
    #[serde(default, deserialize_with = "nullable")]
    pub user: String,
    #[serde(default, deserialize_with = "nullable")]
    pub role: String,
    #[serde(default, deserialize_with = "nullable", rename = "type")]
    pub kind: String,
    #[serde(default, deserialize_with = "nullable")]
    pub level: String,
}

impl SeLinuxOptions {
    /// Whether none of the options is set.
    pub fn is_empty(&self) -> bool {
        [&self.user, &self.role, &self.kind, &self.level]
            .into_iter()
            .all(String::is_empty)
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct WindowsOptions {
    pub host_process: Option<bool>,
    pub run_as_user_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Sysctl {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Capabilities {
    #[serde(default, deserialize_with = "nullable")]
    pub add: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub drop: Vec<String>,
}

/// A quantity as manifests write it: a string or a bare number.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Quantity {
    Text(String),
    Integer(i64),
    Float(f64),
}

/// Resource requirements, by resource name.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Resources {
    #[serde(default, deserialize_with = "quantities")]
    pub limits: BTreeMap<String, Quantity>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Volume {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    pub host_path: Option<HostPathVolume>,
    pub persistent_volume_claim: Option<ClaimVolume>,
    /// A generic ephemeral volume: its claim is named `<pod>-<volume>`.
    pub ephemeral: Option<serde::de::IgnoredAny>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct HostPathVolume {
    #[serde(default, deserialize_with = "nullable")]
    pub path: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ClaimVolume {
    #[serde(default, deserialize_with = "nullable")]
    pub claim_name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Container {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub image: String,
    /// `Always` on an init container makes it a sidecar.
    pub restart_policy: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub command: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub args: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub ports: Vec<ContainerPort>,
    #[serde(default, deserialize_with = "nullable")]
    pub env: Vec<EnvVar>,
    #[serde(default, deserialize_with = "nullable")]
    pub security_context: SecurityContext,
    #[serde(default, deserialize_with = "nullable")]
    pub resources: Resources,
    #[serde(default, deserialize_with = "nullable")]
    pub volume_mounts: Vec<VolumeMount>,
    #[serde(default, deserialize_with = "nullable")]
    pub liveness_probe: Handler,
    #[serde(default, deserialize_with = "nullable")]
    pub readiness_probe: Handler,
    #[serde(default, deserialize_with = "nullable")]
    pub startup_probe: Handler,
    #[serde(default, deserialize_with = "nullable")]
    pub lifecycle: Lifecycle,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ContainerPort {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub container_port: i64,
    pub host_port: Option<i64>,
    pub protocol: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct VolumeMount {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    pub read_only: Option<bool>,
}

/// An environment variable; one with `valueFrom` has no value here.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct EnvVar {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    pub value: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Lifecycle {
    #[serde(default, deserialize_with = "nullable")]
    pub post_start: Handler,
    #[serde(default, deserialize_with = "nullable")]
    pub pre_stop: Handler,
}

/// A probe or lifecycle handler.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Handler {
    #[serde(default, deserialize_with = "nullable")]
    pub exec: Exec,
    #[serde(default, deserialize_with = "nullable")]
    pub http_get: HttpGet,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Exec {
    #[serde(default, deserialize_with = "nullable")]
    pub command: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct HttpGet {
    #[serde(default, deserialize_with = "nullable")]
    pub http_headers: Vec<EnvVar>,
}
