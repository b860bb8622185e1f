//! The loop.
#![allow(missing_docs)]
pub mod watch;
pub mod lease;
mod schedule; pub mod writer; pub mod metrics; pub mod server; pub mod inputs;
