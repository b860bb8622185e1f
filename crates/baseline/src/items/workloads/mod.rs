//! Workloads: what containers and pods may do.

pub mod default_namespace_used;
pub mod host_path_volume;
pub mod privileged_container;
