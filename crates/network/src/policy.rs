//! Policies of all kinds in one form.

use std::fmt;
use std::sync::Arc;

use plumbline_inventory::entries::Protocol;
use plumbline_inventory::{Name, ObjectId};

use crate::addresses::Addresses;
use crate::connections::Connections;
use crate::selections::SelectionId;

/// Which end of a connection a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the names are those of Kubernetes
pub enum Direction {
    Egress,
    Ingress,
}

impl Direction {
    /// Both, in the order in which a connection meets them.
    pub const BOTH: [Self; 2] = [Self::Egress, Self::Ingress];

    /// The name of the field that holds its rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        }
    }

    /// The name of the field that holds the peers of its rules.
    pub const fn peers(self) -> &'static str {
        match self {
            Self::Egress => "to",
            Self::Ingress => "from",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Allows it, whatever comes later (`Allow`, and `Accept` in v1alpha2).
    Allow,
    /// Refuses it, whatever comes later.
    Deny,
    /// Leaves it to the next tier.
    Pass,
}

/// When a policy is asked. The order is that of evaluation: of lower priority numbers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Before every `NetworkPolicy`.
    Admin(i64),
    /// A `NetworkPolicy`: together they have the last word on the pods that they select.
    NetworkPolicy,
    /// For pods that no `NetworkPolicy` selects.
    Baseline(i64),
}

/// What policies are asked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    Admin,
    NetworkPolicy,
    Baseline,
}

impl Tier {
    pub(crate) fn stage(self) -> Stage {
        match self {
            Self::Admin(_) => Stage::Admin,
            Self::NetworkPolicy => Stage::NetworkPolicy,
            Self::Baseline(_) => Stage::Baseline,
        }
    }
}

/// A policy.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) id: ObjectId,
    pub(crate) tier: Tier,
    /// The pods that it is about.
    pub(crate) subject: SelectionId,
    /// Selections that it counts on, each as often as it does.
    pub(crate) selections: Box<[SelectionId]>,
    /// What it says of egress; `None` if it says nothing.
    pub(crate) egress: Option<Arc<[Rule]>>,
    /// What it says of ingress; `None` if it says nothing.
    pub(crate) ingress: Option<Arc<[Rule]>>,
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rule {
    /// Its place in the list of the policy.
    pub(crate) number: usize,
    pub(crate) action: Action,
    pub(crate) peers: Peers,
    pub(crate) ports: Ports,
}

/// The other ends that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peers {
    /// Everything there is, inside and outside of the cluster.
    Everyone,
    /// Pods of these selections and these addresses.
    These {
        pods: Box<[SelectionId]>,
        addresses: Addresses,
        /// Whether the addresses are those of every pod as well, whatever network it is on.
        every_pod: bool,
    },
}

/// The ports of the destination that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ports {
    /// By number.
    pub(crate) numbers: Connections,
    /// By name, of one protocol or of any: what they mean is for the destination to say.
    pub(crate) names: Box<[(Option<Protocol>, Name)]>,
}

impl Policy {
    /// What it says of a direction; `None` if it says nothing.
    pub(crate) fn rules(&self, direction: Direction) -> Option<&Arc<[Rule]>> {
        match direction {
            Direction::Egress => self.egress.as_ref(),
            Direction::Ingress => self.ingress.as_ref(),
        }
    }

    pub(crate) fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        Direction::BOTH
            .into_iter()
            .filter_map(|direction| self.rules(direction))
            .flat_map(|rules| rules.iter())
    }

    /// Names of ports that it reads.
    pub(crate) fn port_names(&self) -> impl Iterator<Item = &Name> {
        self.all_rules()
            .flat_map(|rule| &rule.ports.names)
            .map(|(_, name)| name)
    }
}

impl Peers {
    /// The selections that it reads.
    pub(crate) fn pods(&self) -> &[SelectionId] {
        match self {
            Self::Everyone => &[],
            Self::These { pods, .. } => pods,
        }
    }

    /// Whether every class of pods is among them.
    pub(crate) fn is_every_class(&self) -> bool {
        matches!(self, Self::Everyone | Self::These { every_pod: true, .. })
    }

    /// The addresses outside that it names one by one.
    pub(crate) fn addresses(&self) -> Option<&Addresses> {
        match self {
            Self::Everyone => None,
            Self::These { addresses, .. } => Some(addresses),
        }
    }
}
