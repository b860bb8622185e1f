//! Authorization: who may do what, and where.

pub mod excessive_rbac_rights;
pub mod impersonation_allowed;
pub mod shared_namespace;
pub mod shared_service_account;
