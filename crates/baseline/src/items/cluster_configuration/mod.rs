//! Cluster configuration: what the cluster as a whole is set up to do.

pub mod sensitive_workloads_unsandboxed;
