//! What follows from the inventory and the baseline: results kept up to date event by event, rolled up to
//! namespaces and the cluster, with what a report remembers. Pure: time is an argument.

pub mod attestations;
mod covered;
pub mod decided;
mod due;
mod evaluation;
mod index;
pub mod memory;
pub mod report;
mod rollup;
mod settings;
mod tally;
pub mod waivers;

pub use evaluation::{Changed, Evaluation};
pub use memory::{Memory, Settling};
pub use report::{Difference, Fingerprint, Report, Source};

pub use plumbline_baseline::Home;
pub use rollup::{ItemState, SampledFinding, subject_path};
pub use settings::{Problem, Settings};
