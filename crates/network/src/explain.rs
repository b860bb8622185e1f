//! Why a connection is allowed or not: the policies that decide, in the order in which they are asked.

use std::net::IpAddr;

use plumbline_inventory::{ObjectId, RootKey};

use crate::classes::ClassId;
use crate::connections::Connections;
use crate::network::{Network, OUTSIDER};
use crate::policy::{Action, Direction, Peers, Policy, Rule, Tier};

/// An end of a connection to be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<'a> {
    /// Pods of a workload.
    Workload(&'a RootKey),
    /// An address outside of the cluster.
    Address(IpAddr),
    /// A pod of which nothing is known, as that of an ingress controller.
    UnknownPod,
}

/// What decides between pods that are alike and pods that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What is allowed in the end: what both sides allow.
    pub connections: Connections,
    /// What the source's side says.
    pub egress: Side,
    /// What the destination's side says.
    pub ingress: Side,
}

/// What one end of a connection says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// What it allows.
    pub connections: Connections,
    /// Why no policy is asked, if none is.
    pub unasked: Option<Unasked>,
    /// What the policies say that select it.
    pub reasons: Vec<Reason>,
    /// What no policy has decided, and is allowed for that reason.
    pub undecided: Connections,
}

/// Why no policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// The end is not in the cluster.
    Outside,
    /// The pods are on the network of their node.
    HostNetwork,
    /// It is not known which pods these are.
    Unknown,
    /// No policy selects the pods in this direction.
    NotSelected,
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The policy.
    pub policy: ObjectId,
    /// When it is asked.
    pub tier: Tier,
    /// The rule that matches, by its place in the list; `None` if none does.
    pub rule: Option<usize>,
    /// What that rule does.
    pub action: Option<Action>,
    /// What it decides of that which was still open.
    pub decides: Connections,
}

/// One end, as one class.
#[derive(Clone, Copy)]
pub(crate) enum Point {
    Class(ClassId),
    Address(IpAddr),
}

impl Network {
    /// Explains what `from` may open to `to`, once for each way in which pods of them are told apart.
    pub fn explain(&self, from: End<'_>, to: End<'_>) -> Vec<Explanation> {
        let mut explanations: Vec<Explanation> = Vec::new();
        for source in self.points(from) {
            for destination in self.points(to) {
                let egress = self.side(Direction::Egress, source, destination);
                let ingress = self.side(Direction::Ingress, destination, source);
                let explanation = Explanation {
                    connections: egress.connections.intersection(&ingress.connections),
                    egress,
                    ingress,
                };
                if !explanations.contains(&explanation) {
                    explanations.push(explanation);
                }
            }
        }
        explanations
    }

    fn points(&self, end: End<'_>) -> Vec<Point> {
        match end {
            End::Workload(key) => self.classes_of(key).into_iter().map(Point::Class).collect(),
            End::Address(address) => vec![Point::Address(address)],
            End::UnknownPod => vec![Point::Class(OUTSIDER)],
        }
    }

    pub(crate) fn side(&self, direction: Direction, subject: Point, peer: Point) -> Side {
        let unasked = |why| Side {
            connections: Connections::all(),
            unasked: Some(why),
            reasons: Vec::new(),
            undecided: Connections::all(),
        };
        let class = match subject {
            Point::Address(_) => return unasked(Unasked::Outside),
            Point::Class(OUTSIDER) => return unasked(Unasked::Unknown),
            Point::Class(class) if self.classes.expect(class).host_network => {
                return unasked(Unasked::HostNetwork);
            }
            Point::Class(class) => class,
        };
        let policies = self.deciding(class, direction);
        if policies.is_empty() {
            return unasked(Unasked::NotSelected);
        }
        let destination = if direction == Direction::Egress {
            peer
        } else {
            subject
        };
        Trace {
            network: self,
            direction,
            peer,
            destination,
            open: Connections::all(),
            asked: Connections::all(),
            passed: Connections::none(),
            allowed: Connections::none(),
            reasons: Vec::new(),
        }
        .follow(&policies)
    }
}

/// The way of all connections with one peer through the policies.
struct Trace<'a> {
    network: &'a Network,
    direction: Direction,
    peer: Point,
    destination: Point,
    open: Connections,
    /// What was open when the tier began.
    asked: Connections,
    passed: Connections,
    allowed: Connections,
    reasons: Vec<Reason>,
}

impl Trace<'_> {
    fn follow(mut self, policies: &[&Policy]) -> Side {
        let isolated = policies.iter().any(|policy| policy.tier == Tier::NetworkPolicy);
        let mut before = None;
        for policy in policies {
            let later = matches!(policy.tier, Tier::Baseline(_));
            if later && isolated {
                break;
            }
            if matches!(before, Some(Tier::Admin(_))) && !matches!(policy.tier, Tier::Admin(_)) {
                self.next_tier();
            }
            before = Some(policy.tier);
            self.ask(policy);
        }
        self.next_tier();
        let undecided = if isolated { Connections::none() } else { self.open };
        Side {
            connections: self.allowed.union(&undecided),
            unasked: None,
            reasons: self.reasons,
            undecided,
        }
    }

    fn next_tier(&mut self) {
        self.open = self.open.union(&self.passed);
        self.passed = Connections::none();
        self.asked = self.open.clone();
    }

    fn ask(&mut self, policy: &Policy) {
        let known = self.reasons.len();
        let reason = |rule: Option<&Rule>, decides| Reason {
            policy: policy.id.clone(),
            tier: policy.tier,
            rule: rule.map(|rule| rule.number),
            action: rule.map(|rule| rule.action),
            decides,
        };
        for rule in policy
            .rules(self.direction)
            .into_iter()
            .flat_map(|rules| rules.iter())
        {
            if !self.matches(&rule.peers) {
                continue;
            }
            let meant = self.meant(rule);
            let hit = match policy.tier {
                // Policies are additive: what one allows, another may allow as well.
                Tier::NetworkPolicy => self.asked.intersection(&meant),
                _ => self.open.intersection(&meant),
            };
            self.open = self.open.difference(&hit);
            match rule.action {
                Action::Allow => self.allowed = self.allowed.union(&hit),
                Action::Deny => {}
                Action::Pass => self.passed = self.passed.union(&hit),
            }
            self.reasons.push(reason(Some(rule), hit));
        }
        if self.reasons.len() == known {
            self.reasons.push(reason(None, Connections::none()));
        }
    }

    fn matches(&self, peers: &Peers) -> bool {
        match self.peer {
            Point::Class(class) => {
                peers.is_every_class()
                    || peers
                        .pods()
                        .iter()
                        .any(|id| self.network.selections.members(*id).contains(class))
            }
            Point::Address(address) => peers
                .addresses()
                .is_none_or(|addresses| addresses.contains(address)),
        }
    }

    fn meant(&self, rule: &Rule) -> Connections {
        let Point::Class(destination) = self.destination else {
            return rule.ports.numbers.clone();
        };
        let class = self.network.classes.expect(destination);
        rule.ports
            .names
            .iter()
            .fold(rule.ports.numbers.clone(), |all, (protocol, name)| {
                all.union(&class.port(*protocol, name))
            })
    }
}
