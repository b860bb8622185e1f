//! Who may do what: Kubernetes' RBAC authorizer over the inventory. Pure.
//!
//! [`Rbac::of`] reads the roles and bindings of an [`Inventory`](plumbline_inventory::Inventory),
//! [`Rbac::update`] follows its changes, and both lead to the same state. [`Rbac::authorize`] answers what the
//! API server's authorizer would answer for these very objects: what the API server would refuse to store is
//! evaluated all the same, as the authorizer would, and named as a [`Problem`] beside.

mod aggregation;
mod authorize;
mod binding;
pub mod danger;
mod dormant;
mod escalation;
mod level;
mod places;
mod problem;
mod rbac;
pub mod recognised;
mod request;
mod risk;
mod role;
mod rule;
mod rules;
pub mod subject;
mod who_can;

pub use authorize::Reason;
pub use danger::{Danger, DangerSet, Severity};
pub use dormant::{Dormant, Lack};
pub use escalation::{Becomes, Path, Standing, Step};
pub use level::Level;
pub use problem::Problem;
pub use rbac::{Grant, Rbac, Touched};
pub use recognised::Recognised;
pub use request::{Request, ResourceRequest};
pub use risk::{Latent, Risk};
pub use rule::CompiledRule;
pub use rules::Rules;
pub use subject::{Subject, User};
pub use who_can::{Holder, Via, WhoCan};

#[cfg(test)]
mod tests;
