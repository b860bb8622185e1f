//! What a change of the cluster has touched.

use std::collections::BTreeSet;

use plumbline_inventory::Name;

/// Where questions about the network may have other answers than before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Namespaces: what their pods may have with whom, what their policies say, and what leads into them.
    pub namespaces: BTreeSet<Name>,
    /// Whether it is every namespace: who enforces policies has changed, or what is wrong with those of the cluster.
    pub everywhere: bool,
}
