//! What a change asks to be evaluated again.

use std::collections::BTreeSet;

use crate::inventory::ObjectId;
use crate::kind::Kind;
use crate::names::Name;
use crate::roots::RootKey;

/// A kind whose facts changed, in a namespace or (for cluster-scoped kinds and inputs) cluster-wide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// The kind.
    pub kind: Kind,
    /// The namespace; `None` is cluster-wide.
    pub namespace: Option<Name>,
}

/// Everything that changed since it was last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dirty {
    /// Root workloads whose templates, pods or metadata changed, or that came or went.
    pub roots: BTreeSet<RootKey>,
    /// Other facts that changed.
    pub topics: BTreeSet<Topic>,
    /// Kinds of which more, or less, is known than before: their input changed its state, or objects of theirs
    /// that do not decode came or went.
    pub coverage: BTreeSet<Topic>,
    /// Objects that changed, came or went, of kinds that are looked at one by one; their topics are noted too.
    pub objects: BTreeSet<ObjectId>,
    /// Nodes on which pods came, went or changed, or count for another workload than before; see
    /// [`Inventory::pods_on`](crate::Inventory::pods_on).
    pub nodes: BTreeSet<Name>,
    /// Digests of images that a workload began or ceased to run, or of which it says something else than before.
    pub images: BTreeSet<Name>,
    /// Whether something changed that is asked of the cluster as a whole and is no object's: what is known of
    /// requests without credentials, of the version of the API server, of the flags of components, and of scanners of
    /// nodes.
    pub evidence: bool,
}

impl Dirty {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
            && self.topics.is_empty()
            && self.coverage.is_empty()
            && self.objects.is_empty()
            && self.nodes.is_empty()
            && self.images.is_empty()
            && !self.evidence
    }

    /// The facts of an object changed, or it came or went.
    pub(crate) fn object(&mut self, id: &ObjectId) {
        self.topic(id.kind, id.namespace.as_ref());
        if id.kind.is_noted_by_object() {
            self.objects.insert(id.clone());
        }
    }

    pub(crate) fn coverage(&mut self, kind: Kind, namespace: Option<&Name>) {
        self.coverage.insert(Topic {
            kind,
            namespace: namespace.cloned(),
        });
    }

    pub(crate) fn topic(&mut self, kind: Kind, namespace: Option<&Name>) {
        self.topics.insert(Topic {
            kind,
            namespace: namespace.cloned(),
        });
    }
}
