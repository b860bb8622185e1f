//! Subjects, bindings and roles by where they are.

use plumbline_inventory::{Kind, Name, ObjectId};

use crate::authorize::{bindings_in, first};
use crate::rbac::{Grant, Rbac, Touched};
use crate::recognised::Recognised;
use crate::subject::{ANONYMOUS, AUTHENTICATED, SERVICE_ACCOUNTS, Subject, UNAUTHENTICATED};

impl Rbac {
    /// The bindings that name `subject`, those of missing roles among them, ordered.
    pub fn bindings_naming(&self, subject: &Subject) -> impl Iterator<Item = &ObjectId> {
        let bound = self.subjects.get(&subject.identity());
        bound.into_iter().flat_map(|bound| &bound.bindings)
    }

    /// The bindings that name `subject` in a namespace, or those everywhere; ordered.
    pub fn bindings_naming_at(
        &self,
        subject: &Subject,
        namespace: Option<&Name>,
    ) -> impl Iterator<Item = &ObjectId> {
        let bound = self.subjects.get(&subject.identity());
        let kind = namespace.map_or(Kind::ClusterRoleBinding, |_| Kind::RoleBinding);
        bound
            .into_iter()
            .flat_map(move |bound| bound.bindings.range(first(kind, namespace.cloned())..))
            .take_while(move |id| id.kind == kind && id.namespace.as_ref() == namespace)
    }

    /// What a subject has by these bindings. Missing roles grant nothing.
    pub(crate) fn grants_at(
        &self,
        subject: &Subject,
        namespace: Option<&Name>,
    ) -> impl Iterator<Item = Grant<'_>> {
        self.bindings_naming_at(subject, namespace)
            .filter_map(|binding| self.grant(binding))
    }

    /// Whether a binding names `subject`, which is an identity.
    pub(crate) fn names(&self, binding: &ObjectId, subject: &Subject) -> bool {
        let bound = self.subjects.get(subject);
        bound.is_some_and(|bound| bound.bindings.contains(binding))
    }

    /// Whether some binding names `subject`, which is an identity.
    pub(crate) fn is_bound_to_something(&self, subject: &Subject) -> bool {
        self.subjects.contains_key(subject)
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

    /// Those who are bound to something and who are always in `group`; none for a group that people are put into.
    pub(crate) fn members(&self, group: &Subject) -> Vec<Subject> {
        let Subject::Group(name) = group else {
            return Vec::new();
        };
        let is_account = |subject: &&Subject| matches!(subject, Subject::ServiceAccount { .. });
        match &**name {
            AUTHENTICATED => self.subjects().cloned().collect(),
            UNAUTHENTICATED => vec![Subject::User(ANONYMOUS.into())],
            SERVICE_ACCOUNTS => self.subjects().filter(is_account).cloned().collect(),
            _ => group.accounts_namespace().map_or_else(Vec::new, |namespace| {
                self.bound_service_accounts(&namespace).cloned().collect()
            }),
        }
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

    /// The bindings that name `subject` and count in `namespace`: those everywhere, and those in it.
    pub fn bindings_within(&self, subject: &Subject, namespace: &Name) -> impl Iterator<Item = &ObjectId> {
        let bound = self.subjects.get(&subject.identity());
        bound
            .into_iter()
            .flat_map(move |bound| bindings_in(bound, namespace))
    }

    /// Whether a binding is a default of Kubernetes or kubeadm, as shipped.
    pub fn is_stock(&self, binding: &ObjectId) -> bool {
        matches!(self.recognised_binding(binding), Recognised::Stock(_))
    }

    /// Whether a binding is a default.
    pub fn recognised_binding(&self, binding: &ObjectId) -> Recognised {
        let binding = self.bindings.get(binding);
        binding.map_or(Recognised::No, |binding| binding.recognised)
    }

    /// The role that a binding names, whether it exists or not.
    pub fn role_of(&self, binding: &ObjectId) -> Option<&ObjectId> {
        self.bindings.get(binding)?.role.as_ref()
    }

    /// Roles that grant every verb on every resource of every group, ordered.
    pub fn roles_with_every_right(&self) -> impl Iterator<Item = &ObjectId> {
        self.boundless.iter()
    }

    /// Roles that bindings name and that do not exist, ordered. In manifests the defaults exist though nothing
    /// describes them.
    pub fn absent_roles(&self) -> impl Iterator<Item = &ObjectId> {
        self.absent.iter().filter(|role| !self.is_implied(role))
    }

    /// What to look at again when a namespace comes into scope, or leaves it: whom its bindings name.
    pub fn touched_in(&self, namespace: &Name) -> Touched {
        let mut touched = Touched::default();
        for binding in self.bindings_of_place(Some(namespace)) {
            for subject in self.bound_subjects(binding) {
                touched.subject(subject.identity(), binding);
            }
            touched.bindings.insert(binding.clone());
        }
        touched
    }

    /// How many bindings there are.
    pub fn binding_count(&self) -> usize {
        self.bindings.len()
    }

    /// How many of the bindings are defaults, as shipped.
    pub fn stock_binding_count(&self) -> usize {
        self.stock_bindings
    }

    /// How many roles and cluster roles there are.
    pub fn role_count(&self) -> usize {
        self.roles.len()
    }
}
