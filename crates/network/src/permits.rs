//! What a namespace's own side of connections with other namespaces allows: the list that must not grow unseen.
//!
//! A connection takes the consent of both ends. The list of what each end allows grows whenever that of the
//! connections between namespaces does, and follows from what a namespace's own pods are under.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use plumbline_inventory::Name;
use xxhash_rust::xxh3::Xxh3;

use crate::connections::Connections;
use crate::network::{Network, OUTSIDER};
use crate::policy::Direction;

/// What the pods of a namespace may have with other namespaces, as far as the policies say that select them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    /// Where they may connect to.
    pub egress: Permitted,
    /// Who may connect to them.
    pub ingress: Permitted,
}

/// The same in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// With pods that no policy means by name: with everybody.
    pub everybody: Connections,
    /// With pods of these namespaces of which something else is said; none of it may be left.
    pub namespaces: BTreeMap<Name, Connections>,
}

impl Network {
    /// What the policies that select the pods of a namespace say of other namespaces.
    pub fn permits(&self, namespace: &Name) -> Permits {
        let [egress, ingress] = Direction::BOTH.map(|direction| self.permitted(namespace, direction));
        Permits { egress, ingress }
    }

    fn permitted(&self, namespace: &Name, direction: Direction) -> Permitted {
        let mut permitted = Permitted::default();
        for class in self.classes.of_namespace(namespace).into_iter().flatten() {
            if self.classes.expect(class).host_network {
                continue;
            }
            let says = &self.profile(class, direction).verdict.classes;
            // A pod that nobody knows stands for what selectors without labels mean, the rest for what none means.
            let everybody = says.get(|classes| classes.contains(OUTSIDER));
            permitted.everybody = permitted.everybody.union(everybody).union(says.rest());
            for (others, connections) in says.parts() {
                if connections == everybody {
                    continue;
                }
                for other in others.iter().filter(|other| *other != OUTSIDER) {
                    let other = &self.classes.expect(other).namespace;
                    if other != namespace {
                        let known = permitted.namespaces.entry(Name::clone(other)).or_default();
                        *known = known.union(connections);
                    }
                }
            }
        }
        permitted
    }
}

impl Permits {
    /// A number that tells lists apart, the same on every machine and in every version.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = Xxh3::new();
        for permitted in [&self.egress, &self.ingress] {
            hasher.update(permitted.everybody.to_string().as_bytes());
            hasher.update(&[0]);
            for (namespace, connections) in &permitted.namespaces {
                hasher.update(format!("{namespace} {connections}").as_bytes());
                hasher.update(&[0]);
            }
            hasher.update(&[1]);
        }
        hasher.digest()
    }
}

impl Permitted {
    /// The first few of the list, and how many more there are: `shop (TCP 80), web (All Connections) and 3 more`.
    pub fn summary(&self, most: usize) -> String {
        let mut entries: Vec<(&str, &Connections)> = self
            .namespaces
            .iter()
            .filter(|(_, connections)| !connections.is_empty())
            .map(|(name, connections)| (&**name, connections))
            .collect();
        if !self.everybody.is_empty() {
            entries.insert(0, ("every namespace", &self.everybody));
        }
        if entries.is_empty() {
            return "nobody".to_owned();
        }
        let mut text = String::new();
        for (name, connections) in entries.iter().take(most) {
            let separator = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{separator}{name} ({connections})");
        }
        if let Some(more) = entries.len().checked_sub(most).filter(|more| *more > 0) {
            let _ = write!(text, " and {more} more");
        }
        text
    }
}
