//! The authorizer.

use plumbline_inventory::{Kind, Name, ObjectId};

use crate::rbac::{Bound, Grant, Rbac};
use crate::request::Request;
use crate::subject::{MASTERS, User};

/// Why a request is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason<'a> {
    /// The user is in `system:masters`: the API server does not ask RBAC.
    Superuser,
    /// A rule of a role allows it.
    Rule {
        /// The binding and the role.
        grant: Grant<'a>,
        /// Which of the role's rules.
        rule: usize,
    },
}

impl Rbac {
    /// Whether a user may do it, and why.
    pub fn authorize(&self, user: &User, request: &Request<'_>) -> Option<Reason<'_>> {
        if user.groups.iter().any(|group| **group == *MASTERS) {
            return Some(Reason::Superuser);
        }
        user.subjects()
            .filter_map(|subject| self.subjects.get(&subject))
            .flat_map(|bound| bindings_in(bound, request.namespace()))
            .filter_map(|binding| self.grant(binding))
            .find_map(|grant| {
                let rule = grant.rules.allowing(request)?;
                Some(Reason::Rule { grant, rule })
            })
    }
}

/// Bindings of a subject that count in `namespace`: cluster role bindings and, unless it is empty, its own.
pub(crate) fn bindings_in<'a>(
    bound: &'a Bound,
    namespace: &str,
) -> impl Iterator<Item = &'a ObjectId> + use<'a> {
    let global = bound.bindings.range(first(Kind::ClusterRoleBinding, None)..);
    let namespace = Some(Name::from(namespace)).filter(|namespace| !namespace.is_empty());
    let local = namespace.into_iter().flat_map(|namespace| {
        bound
            .bindings
            .range(first(Kind::RoleBinding, Some(Name::clone(&namespace)))..)
            .take_while(move |id| id.namespace.as_ref() == Some(&namespace))
    });
    global.chain(local)
}

/// What stands before all objects of this kind in this namespace.
pub(crate) fn first(kind: Kind, namespace: Option<Name>) -> ObjectId {
    ObjectId {
        kind,
        namespace,
        name: Name::from(""),
    }
}
