//! Audit and logging: what is recorded, and where it goes.

pub mod audit_log_kept_in_cluster;
pub mod events_not_sent_to_siem;
