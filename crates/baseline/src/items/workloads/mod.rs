//! Workloads: what containers and pods may do.

pub mod default_namespace_used;
pub mod excessive_capabilities;
pub mod host_network;
pub mod host_path_volume;
pub mod host_pid_or_ipc;
pub mod missing_resource_limits;
pub mod no_kernel_confinement_profile;
pub mod privilege_escalation_allowed;
pub mod privileged_container;
pub mod run_as_user_unset;
pub mod runs_as_root;
pub mod unsafe_sysctls;
pub mod writable_root_filesystem;
