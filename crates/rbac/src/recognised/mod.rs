//! Roles and bindings that every cluster has, recognised by what they say.
//!
//! A name proves nothing: whoever may write roles may call one `system:anything`. What the defaults of Kubernetes
//! and of kubeadm say is in `defaults.txt`, written by `cargo xtask defaults` from the sources of each version.

mod content;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use plumbline_inventory::facts::{BindingFacts, RoleFacts};
use plumbline_inventory::{Kind, ObjectId};

use crate::rbac::{Changes, Rbac};

pub use content::{of_binding, of_role};

static TEXT: &str = include_str!("defaults.txt");
static DEFAULTS: LazyLock<Vec<Default>> = LazyLock::new(|| TEXT.split_terminator("\n\n").map(read).collect());
static BY_ID: LazyLock<BTreeMap<ObjectId, Vec<&'static Default>>> = LazyLock::new(|| {
    let mut by_id = BTreeMap::<_, Vec<_>>::new();
    for default in DEFAULTS.iter() {
        by_id.entry(default.id.clone()).or_default().push(default);
    }
    by_id
});

/// Who makes a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Origin {
    Kubernetes,
    Kubeadm,
}

/// A role or binding as some versions of Kubernetes or kubeadm make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Default {
    /// Which it is.
    pub id: ObjectId,
    /// Who makes it.
    pub origin: Origin,
    /// The versions that make it so, as `1.37`.
    pub versions: Vec<&'static str>,
    /// What it says, as [`of_role`] and [`of_binding`] put it.
    pub content: &'static str,
}

/// Whether a role or binding is a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// It says what the default of this name says, in some version.
    Stock(Origin),
    /// It has the name of a default, and says something else.
    Drifted(Origin),
    /// It is no default.
    No,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kubernetes => "Kubernetes",
            Self::Kubeadm => "kubeadm",
        })
    }
}

/// All defaults.
pub fn defaults() -> &'static [Default] {
    &DEFAULTS
}

/// Whether a role is a default. Of an aggregated one what it is aggregated from decides; ask
/// [`Rbac::foreign_parts`] for what others have added.
pub fn role(id: &ObjectId, facts: &RoleFacts) -> Recognised {
    recognise(id, || of_role(facts))
}

/// Whether a binding is a default.
pub fn binding(id: &ObjectId, facts: &BindingFacts) -> Recognised {
    recognise(id, || of_binding(id, facts))
}

/// Whether a default has this identity, whatever the object says.
pub fn is_default(id: &ObjectId) -> bool {
    BY_ID.contains_key(id)
}

fn recognise(id: &ObjectId, content: impl FnOnce() -> String) -> Recognised {
    let Some(defaults) = BY_ID.get(id) else {
        return Recognised::No;
    };
    let content = content();
    match defaults.iter().find(|default| default.content == content) {
        Some(default) => Recognised::Stock(default.origin),
        None => Recognised::Drifted(defaults[0].origin),
    }
}

impl Rbac {
    /// Whether a role is a default; of an aggregated one, what it is aggregated from decides.
    pub fn recognised_role(&self, role: &ObjectId) -> Recognised {
        self.roles
            .get(role)
            .map_or(Recognised::No, |role| role.recognised)
    }

    /// The cluster roles that are aggregated into a default `role`, by way of others too, and are no defaults: what
    /// somebody has added to `admin`, `edit` and `view`. Ordered.
    pub fn foreign_parts(&self, role: &ObjectId) -> &[ObjectId] {
        self.additions.get(role).map_or(&[], Vec::as_slice)
    }

    /// Looks again at what others have added to default roles.
    pub(crate) fn find_additions(&mut self, changes: &mut Changes) {
        let is_stock = |role: &ObjectId| matches!(self.recognised_role(role), Recognised::Stock(_));
        let defaults = self.aggregated.iter().filter(|role| is_stock(role));
        let additions: BTreeMap<ObjectId, Vec<ObjectId>> = defaults
            .map(|role| (role.clone(), self.parts_of(role)))
            .map(|(role, parts)| (role, parts.into_iter().filter(|part| !is_stock(part)).collect()))
            .collect();
        let before = std::mem::replace(&mut self.additions, additions);
        let roles: BTreeSet<&ObjectId> = before.keys().chain(self.additions.keys()).collect();
        for role in roles {
            if before.get(role) != self.additions.get(role) {
                changes.touched.roles.insert(role.clone());
                self.touch_bound(role, changes);
            }
        }
    }
}

/// Reads a paragraph: `Kind namespace/name by Origin in versions`, then the content.
fn read(paragraph: &'static str) -> Default {
    let (head, content) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
    let fields: Vec<&'static str> = head.split(' ').collect();
    let &[kind, name, "by", origin, "in", ref versions @ ..] = fields.as_slice() else {
        panic!("defaults.txt: {head}");
    };
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace.into()), name),
        None => (None, name),
    };
    Default {
        id: ObjectId {
            kind: Kind::of("rbac.authorization.k8s.io/v1", kind).expect("a kind of this group"),
            namespace,
            name: name.into(),
        },
        origin: if origin == "kubeadm" {
            Origin::Kubeadm
        } else {
            Origin::Kubernetes
        },
        versions: versions.to_vec(),
        content: content.trim_end(),
    }
}
