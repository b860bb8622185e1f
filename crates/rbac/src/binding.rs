//! Bindings, as the authorizer reads them.

use std::sync::Arc;

use plumbline_inventory::facts::BindingFacts;
use plumbline_inventory::labels::Labels;
use plumbline_inventory::lean::{RoleRef, Subject as Written};
use plumbline_inventory::names::Pool;
use plumbline_inventory::{Kind, Name, ObjectId};

use crate::recognised::{self, Recognised};
use crate::subject::Subject;

/// What the authorizer takes from a binding, and what else has its subjects looked at again. The authorizer looks
/// at the kinds of the role and of the subjects, and at nobody's API group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The role, whether it exists or not; `None` if no role can be meant.
    pub(crate) role: Option<ObjectId>,
    /// Those who can be meant, as they are written, in that order.
    pub(crate) subjects: Box<[Subject]>,
    /// Whether it is a default.
    pub(crate) recognised: Recognised,
    /// Who approved of it and until when, as its annotations say.
    approval: Arc<Labels>,
}

impl Binding {
    pub(crate) fn read(id: &ObjectId, facts: &BindingFacts, names: &mut Pool<str>) -> Self {
        let namespace = id.namespace.as_ref();
        Self {
            role: role(namespace, &facts.role, names),
            subjects: facts
                .subjects
                .iter()
                .filter_map(|written| subject(namespace, written, names))
                .collect(),
            recognised: recognised::binding(id, facts),
            approval: Arc::clone(&facts.approval),
        }
    }
}

/// `GetRoleReferenceRules`.
fn role(namespace: Option<&Name>, role: &RoleRef, names: &mut Pool<str>) -> Option<ObjectId> {
    let (kind, namespace) = match role.kind.as_str() {
        "ClusterRole" => (Kind::ClusterRole, None),
        "Role" => (Kind::Role, Some(Name::clone(namespace?))),
        _ => return None,
    };
    Some(ObjectId {
        kind,
        namespace,
        name: names.intern(role.name.as_str()),
    })
}

/// `appliesToUser`: a service account without a namespace is one of the binding's namespace, and in a cluster
/// role binding nobody.
fn subject(namespace: Option<&Name>, written: &Written, names: &mut Pool<str>) -> Option<Subject> {
    let name = names.intern(written.name.as_str());
    match written.kind.as_str() {
        "User" => Some(Subject::User(name)),
        "Group" => Some(Subject::Group(name)),
        "ServiceAccount" if written.namespace.is_empty() => Some(Subject::ServiceAccount {
            namespace: Name::clone(namespace?),
            name,
        }),
        "ServiceAccount" => Some(Subject::ServiceAccount {
            namespace: names.intern(written.namespace.as_str()),
            name,
        }),
        _ => None,
    }
}
