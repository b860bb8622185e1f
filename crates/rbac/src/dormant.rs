//! Bindings that grant nothing, or nothing to somebody, until something is created.

use plumbline_inventory::ObjectId;

use crate::rbac::Rbac;
use crate::subject::Subject;

/// Why a binding is dormant. Whoever creates what it lacks wakes it up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// Its role does not exist.
    Role(ObjectId),
    /// A service account that it names does not exist.
    ServiceAccount(Subject),
}

/// A binding that is dormant, wholly or for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dormant<'a> {
    /// The binding.
    pub binding: &'a ObjectId,
    /// What it lacks.
    pub lacks: Vec<Lack>,
}

impl Rbac {
    /// What a binding lacks.
    pub fn lacks(&self, binding: &ObjectId) -> Vec<Lack> {
        let Some(binding) = self.bindings.get(binding) else {
            return Vec::new();
        };
        let role = binding.role.iter().filter(|role| !self.roles.contains_key(*role));
        let missing = binding.subjects.iter().filter(|subject| self.is_missing(subject));
        role.cloned()
            .map(Lack::Role)
            .chain(missing.map(|subject| Lack::ServiceAccount(subject.identity())))
            .collect()
    }

    /// The role that a binding names and that does not exist.
    pub fn missing_role(&self, binding: &ObjectId) -> Option<&ObjectId> {
        let role = self.role_of(binding)?;
        (!self.roles.contains_key(role)).then_some(role)
    }

    /// Bindings that lack something, ordered. Looks at every binding.
    pub fn dormant(&self) -> impl Iterator<Item = Dormant<'_>> {
        self.bindings.keys().filter_map(|binding| {
            let lacks = self.lacks(binding);
            (!lacks.is_empty()).then_some(Dormant { binding, lacks })
        })
    }

    /// Whether a subject is a service account that is bound to something and does not exist.
    pub fn is_missing(&self, subject: &Subject) -> bool {
        self.subjects
            .get(&subject.identity())
            .is_some_and(|bound| bound.missing)
    }
}
