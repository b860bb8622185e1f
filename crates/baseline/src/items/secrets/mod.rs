//! Secrets: how they are kept and how they reach containers.

pub mod literal_secrets_in_manifests;
pub mod secrets_in_source;
