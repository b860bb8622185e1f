//! Authorization: who may do what, and where.

pub mod anonymous_access;
pub mod shared_namespace;
pub mod shared_service_account;
