//! The custom resources of group `compliance.plumbline.dev`: kinds, conditions and their reasons.
//!
//! One module per concept. The doc comments of fields and types become the descriptions in the CRDs,
//! that is what `kubectl explain` prints, so they speak to the reader of the API, not of the code.
//! [`crds()`] gives the complete definitions; `cargo xtask crds` writes them to `crds/`.

// Printer columns of the same type are no repetition.
#![allow(clippy::duplicated_attributes)]
// Comments on fields are what `kubectl explain` prints: plain text, without Markdown.
#![allow(clippy::doc_markdown)]

#[macro_use]
mod vocabulary;

pub mod approval;
pub mod attestation;
pub mod baseline;
pub mod conditions;
pub mod coverage;
pub mod crd;
pub mod history;
pub mod item;
pub mod report;
mod schema;
pub mod selector;
pub mod waiver;

pub use approval::{ClusterComplianceApproval, ComplianceApproval};
pub use attestation::ComplianceAttestation;
pub use baseline::{ComplianceBaseline, ComplianceBaselineSpec, ComplianceBaselineStatus};
pub use crd::{crds, manifest};
pub use item::{Drift, Finding, ItemResult, ItemStatus, Level, Severity};
pub use report::{ClusterComplianceReport, ComplianceReport, ReportStatus};
pub use selector::LabelSelector;
pub use vocabulary::UnknownWord;
pub use waiver::{ClusterComplianceWaiver, ComplianceWaiver};

/// The API group of every kind.
pub const GROUP: &str = "compliance.plumbline.dev";

/// The only version there is.
pub const VERSION: &str = "v1alpha1";

/// Group and version, as `apiVersion` writes them.
pub const API_VERSION: &str = "compliance.plumbline.dev/v1alpha1";
