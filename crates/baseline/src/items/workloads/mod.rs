//! Workloads: what containers and pods may do.

pub mod default_namespace_used;
pub mod privileged_container;
