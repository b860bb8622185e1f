//! What verdicts are about, and in whose report.

use std::fmt;
use std::sync::Arc;

use plumbline_inventory::{Kind, Name};
use plumbline_rbac::Subject;

use crate::item::{Check, Item};

/// Whose report it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    /// The cluster's.
    Cluster,
    /// That of the namespace of this name.
    Namespace(Name),
}

impl Home {
    /// The namespace, unless it is the cluster.
    pub fn namespace(&self) -> Option<&Name> {
        match self {
            Self::Cluster => None,
            Self::Namespace(name) => Some(name),
        }
    }

    /// Whether the report lists `item`.
    pub fn lists(&self, item: &Item) -> bool {
        *self == Self::Cluster || item.scope.is_namespaced()
    }
}

/// What is evaluated by itself within a home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// The namespace or the cluster as a whole, and what in it counts as itself without being one of the others.
    Whole,
    /// A root workload.
    Workload(Kind, Name),
    /// A node.
    Node(Name),
    /// An image that runs, by its digest.
    Image(Name),
    /// A subject of RBAC.
    Subject(Arc<Subject>),
    /// A role, or a cluster role, that nobody is bound to.
    UnboundRole(Name),
}

impl Unit {
    /// How people call it: `Deployment shop/web`, `Namespace shop`, `Group dev`.
    pub fn named<'a>(&'a self, home: &'a Home) -> impl fmt::Display + 'a {
        Named { unit: self, home }
    }
}

struct Named<'a> {
    unit: &'a Unit,
    home: &'a Home,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.unit, self.home) {
            (Unit::Whole, Home::Cluster) => f.write_str("the cluster"),
            (Unit::Whole, Home::Namespace(name)) => write!(f, "Namespace {name}"),
            (Unit::Workload(kind, name), Home::Namespace(namespace)) => {
                write!(f, "{kind} {namespace}/{name}")
            }
            (Unit::Workload(kind, name), Home::Cluster) => write!(f, "{kind} {name}"),
            (Unit::Node(name), _) => write!(f, "Node {name}"),
            (Unit::Image(digest), _) => write!(f, "image {digest}"),
            (Unit::Subject(subject), _) => write!(f, "{subject}"),
            (Unit::UnboundRole(name), Home::Cluster) => write!(f, "ClusterRole {name}"),
            (Unit::UnboundRole(name), Home::Namespace(namespace)) => write!(f, "Role {namespace}/{name}"),
        }
    }
}

impl Check {
    /// Whether it looks at units like `unit` of `home`.
    pub const fn looks_at(&self, home: &Home, unit: &Unit) -> bool {
        matches!(
            (self, unit, home),
            (Self::Template(_) | Self::Workload(_), Unit::Workload(..), _)
                | (
                    Self::Namespace(_) | Self::Entrants(_) | Self::Objects(_),
                    Unit::Whole,
                    Home::Namespace(_)
                )
                | (
                    Self::Cluster(_) | Self::ClusterObjects(_),
                    Unit::Whole,
                    Home::Cluster
                )
                | (Self::Node(_), Unit::Node(_), Home::Cluster)
                | (Self::Image(_), Unit::Image(_), Home::Cluster)
                | (Self::Subject(_), Unit::Subject(_), _)
                | (Self::UnboundRole(_), Unit::UnboundRole(_), _)
        )
    }
}
