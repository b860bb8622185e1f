//! Workloads: what containers and pods may do.

pub mod privileged_container;
pub mod runs_as_root;
