//! Authorization: who may do what, and where.

pub mod admin_access_without_pam;
pub mod anonymous_access;
pub mod excessive_rbac_rights;
pub mod impersonation_allowed;
pub mod maintainer_of_many_namespaces;
pub mod no_role_model;
pub mod rbac_not_audited;
pub mod shared_namespace;
pub mod shared_service_account;
pub mod unapproved_anonymous_exceptions;
pub mod unapproved_production_access;
