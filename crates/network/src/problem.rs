//! What is wrong with an object, and what became of it.

use std::fmt;

use plumbline_inventory::ObjectId;

/// Something in an object that cannot be what it says. It matches nothing; the rest of the object counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The object.
    pub object: ObjectId,
    /// The field and what is wrong with it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.message)
    }
}
