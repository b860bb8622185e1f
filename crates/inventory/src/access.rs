//! Roles, bindings and service accounts, wherever they are.
//!
//! Namespaces do not matter here: the authorizer reads bindings in a namespace that is being deleted, or that
//! nobody has told us of yet, like any others.

use crate::facts::{BindingFacts, RoleFacts, ServiceAccountFacts};
use crate::inventory::{Inventory, ObjectId};
use crate::kind::Kind;
use crate::names::Name;
use crate::store::Store;

impl Inventory {
    /// The role or cluster role of this identity.
    pub fn role(&self, id: &ObjectId) -> Option<&RoleFacts> {
        match (id.kind, &id.namespace) {
            (Kind::ClusterRole, _) => self.cluster_roles.get(&id.name),
            (Kind::Role, Some(namespace)) => self.namespaces.get(namespace)?.roles.get(&id.name),
            _ => None,
        }
    }

    /// The role binding or cluster role binding of this identity.
    pub fn binding(&self, id: &ObjectId) -> Option<&BindingFacts> {
        match (id.kind, &id.namespace) {
            (Kind::ClusterRoleBinding, _) => self.cluster_role_bindings.get(&id.name),
            (Kind::RoleBinding, Some(namespace)) => {
                self.namespaces.get(namespace)?.role_bindings.get(&id.name)
            }
            _ => None,
        }
    }

    /// The service account of this name.
    pub fn service_account(&self, namespace: &str, name: &str) -> Option<&ServiceAccountFacts> {
        self.namespaces.get(namespace)?.service_accounts.get(name)
    }

    /// Every object of the kinds of [`Kind::is_access`].
    pub fn access_objects(&self) -> impl Iterator<Item = ObjectId> {
        let global = ids(Kind::ClusterRole, None, &self.cluster_roles).chain(ids(
            Kind::ClusterRoleBinding,
            None,
            &self.cluster_role_bindings,
        ));
        let local = self.namespaces.iter().flat_map(|(namespace, content)| {
            ids(Kind::ServiceAccount, Some(namespace), &content.service_accounts)
                .chain(ids(Kind::Role, Some(namespace), &content.roles))
                .chain(ids(Kind::RoleBinding, Some(namespace), &content.role_bindings))
        });
        global.chain(local)
    }
}

fn ids<'a, T>(
    kind: Kind,
    namespace: Option<&'a Name>,
    store: &'a Store<T>,
) -> impl Iterator<Item = ObjectId> + use<'a, T> {
    store.iter().map(move |(name, _)| ObjectId {
        kind,
        namespace: namespace.cloned(),
        name: Name::clone(name),
    })
}
