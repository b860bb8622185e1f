//! Subjects, bindings and roles by where they are.

use plumbline_inventory::{Kind, Name, ObjectId};

use crate::authorize::first;
use crate::rbac::Rbac;
use crate::subject::Subject;

impl Rbac {
    /// The bindings that name `subject`, those of missing roles among them, ordered.
    pub fn bindings_naming(&self, subject: &Subject) -> impl Iterator<Item = &ObjectId> {
        let bound = self.subjects.get(&subject.identity());
        bound.into_iter().flat_map(|bound| &bound.bindings)
    }

    /// The service accounts of `namespace` that are bound to something, existing or not, ordered.
    pub fn bound_service_accounts(&self, namespace: &Name) -> impl Iterator<Item = &Subject> {
        let first = Subject::service_account(Name::clone(namespace), "");
        self.subjects
            .range(first..)
            .map(|(subject, _)| subject)
            .take_while(
                move |subject| matches!(subject, Subject::ServiceAccount { namespace: of, .. } if of == namespace),
            )
    }

    /// Users and groups that are bound to something, ordered.
    pub fn users_and_groups(&self) -> impl Iterator<Item = &Subject> {
        self.subjects
            .keys()
            .take_while(|subject| !matches!(subject, Subject::ServiceAccount { .. }))
    }

    /// The role bindings of `namespace`, or all cluster role bindings; ordered.
    pub fn bindings_of_place(&self, namespace: Option<&Name>) -> impl Iterator<Item = &ObjectId> {
        let kind = namespace.map_or(Kind::ClusterRoleBinding, |_| Kind::RoleBinding);
        self.bindings
            .range(first(kind, namespace.cloned())..)
            .map(|(id, _)| id)
            .take_while(move |id| id.kind == kind && id.namespace.as_ref() == namespace)
    }

    /// The roles of `namespace`, or all cluster roles; ordered.
    pub fn roles_of_place(&self, namespace: Option<&Name>) -> impl Iterator<Item = &ObjectId> {
        let kind = namespace.map_or(Kind::ClusterRole, |_| Kind::Role);
        self.roles
            .range(first(kind, namespace.cloned())..)
            .map(|(id, _)| id)
            .take_while(move |id| id.kind == kind && id.namespace.as_ref() == namespace)
    }

    /// How many bindings there are.
    pub fn binding_count(&self) -> usize {
        self.bindings.len()
    }
}
