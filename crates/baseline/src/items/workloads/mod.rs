//! Workloads: what containers and pods may do.

pub mod privileged_container;
