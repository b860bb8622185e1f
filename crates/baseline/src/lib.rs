//! What is asked: the catalogue of 79 items and their checks. Pure: checks see the cluster only through
//! the views of `plumbline-inventory`.

mod collectors;
pub mod context;
pub mod evaluate;
pub mod findings;
pub mod image_reference;
mod infrastructure;
pub mod item;
pub mod items;
mod networks;
pub mod parameters;
mod paths;
mod published;
mod rights;
pub mod units;

#[cfg(test)]
mod testing;

pub use context::{ANONYMOUS_ACCESS, Context, Exception, ImageView, NodeView, RoleView, SubjectView};
pub use findings::{Finding, Findings, MissingSource, ObjectRef, Outcome};
pub use item::{Check, Class, Empty, Item, Level, Phrase, Scope, Section, Severity};
pub use items::{ITEMS, find, optional_kinds, required_kinds};
pub use parameters::{Infrastructure, Parameters};
pub use units::{Home, Unit};
