//! What the policies that select a class say together: with whom it may have which connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::addresses::Addresses;
use crate::classes::{ClassId, Classes, NamedPorts, named};
use crate::connections::Connections;
use crate::partition::{Partition, Set};
use crate::policy::{Action, Direction, Peers, Rule, Stage};
use crate::selections::Selections;

/// What one end of a connection says of the other: of each class of pods, and of each address outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) classes: Partition<RoaringBitmap, Connections>,
    pub(crate) addresses: Partition<Addresses, Connections>,
}

impl Verdict {
    /// What no policy says anything about is allowed.
    pub(crate) fn allow_all() -> Self {
        Self {
            classes: Partition::of(Connections::all()),
            addresses: Partition::of(Connections::all()),
        }
    }

    pub(crate) fn of_class(&self, class: ClassId) -> &Connections {
        self.classes.get(|classes| classes.contains(class))
    }

    pub(crate) fn of_address(&self, address: std::net::IpAddr) -> &Connections {
        self.addresses.get(|addresses| addresses.contains(address))
    }
}

impl Verdict {
    /// Whether everything is allowed with everybody.
    pub(crate) fn is_allow_all(&self) -> bool {
        let all = Connections::all();
        self.classes.is_everywhere(&all) && self.addresses.is_everywhere(&all)
    }

    /// Addresses with which something is allowed.
    pub(crate) fn open_addresses(&self) -> Addresses {
        let parts = self.addresses.parts();
        let mut open = Addresses::default();
        if !self.addresses.rest().is_empty() {
            open = parts
                .iter()
                .fold(Addresses::all(), |rest, (part, _)| rest.difference(part));
        }
        let open_parts = parts.iter().filter(|(_, connections)| !connections.is_empty());
        open_parts.fold(open, |open, (part, _)| open.union(part))
    }

    /// What is allowed with some address of `addresses`.
    pub(crate) fn of_addresses(&self, addresses: &Addresses) -> Connections {
        let mut rest = addresses.clone();
        let mut allowed = Connections::none();
        for (part, connections) in self.addresses.parts() {
            if !part.common(addresses).is_empty() {
                allowed = allowed.union(connections);
                rest = rest.without(part);
            }
        }
        if rest.is_empty() {
            return allowed;
        }
        allowed.union(self.addresses.rest())
    }
}

/// How far the connections with one peer are decided.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    allowed: Connections,
    /// Not decided yet.
    open: Connections,
    /// Left to the next tier.
    passed: Connections,
}

impl State {
    fn apply(&self, action: Action, connections: &Connections) -> Self {
        let hit = self.open.intersection(connections);
        if hit.is_empty() {
            return self.clone();
        }
        let mut state = self.clone();
        state.open = self.open.difference(&hit);
        match action {
            Action::Allow => state.allowed = self.allowed.union(&hit),
            Action::Deny => {}
            Action::Pass => state.passed = self.passed.union(&hit),
        }
        state
    }

    /// The next tier is asked for everything that is not decided.
    fn next_tier(&self) -> Self {
        Self {
            allowed: self.allowed.clone(),
            open: self.open.union(&self.passed),
            passed: Connections::none(),
        }
    }

    /// Nothing more is allowed.
    fn close(&self) -> Self {
        Self {
            allowed: self.allowed.clone(),
            open: Connections::none(),
            passed: Connections::none(),
        }
    }

    fn result(self) -> Connections {
        self.allowed.union(&self.open).union(&self.passed)
    }
}

/// Computes verdicts.
pub(crate) struct Judge<'a> {
    pub(crate) classes: &'a Classes,
    pub(crate) selections: &'a Selections,
}

/// A verdict that is being made.
struct Draft<'a> {
    judge: &'a Judge<'a>,
    direction: Direction,
    /// Named ports of the pods in question.
    own_ports: &'a NamedPorts,
    classes: Partition<RoaringBitmap, State>,
    addresses: Partition<Addresses, State>,
}

impl Judge<'_> {
    /// What these rules, in the order of their stages, say in this direction of pods that have these named ports.
    pub(crate) fn verdict(
        &self,
        direction: Direction,
        rules: &[(Stage, Arc<[Rule]>)],
        own_ports: &NamedPorts,
    ) -> Verdict {
        let start = State {
            allowed: Connections::none(),
            open: Connections::all(),
            passed: Connections::none(),
        };
        let mut draft = Draft {
            judge: self,
            direction,
            own_ports,
            classes: Partition::of(start.clone()),
            addresses: Partition::of(start),
        };
        let admin = rules.partition_point(|(stage, _)| *stage == Stage::Admin);
        let baseline = rules.partition_point(|(stage, _)| *stage <= Stage::NetworkPolicy);
        draft.ask(&rules[..admin]);
        draft.change_all(State::next_tier);
        draft.ask(&rules[admin..baseline]);
        if admin < baseline {
            // NetworkPolicies have the last word on what they select.
            draft.change_all(State::close);
        } else {
            draft.ask(&rules[baseline..]);
        }
        Verdict {
            classes: draft.classes.map(State::result),
            addresses: draft.addresses.map(State::result),
        }
    }

    /// Whose ports are meant by what name: connections to each part of the classes in `peers`, all of them if
    /// `peers` is `None`.
    fn to_named_ports(
        &self,
        peers: Option<&RoaringBitmap>,
        rule: &Rule,
    ) -> BTreeMap<Connections, RoaringBitmap> {
        let mut by_connections: BTreeMap<Connections, RoaringBitmap> = BTreeMap::new();
        let mut add = |id: ClassId| {
            let class = self.classes.expect(id);
            let ports = rule
                .ports
                .names
                .iter()
                .fold(Connections::none(), |all, (protocol, name)| {
                    all.union(&class.port(*protocol, name))
                });
            if !ports.is_empty() {
                by_connections.entry(ports).or_default().insert(id);
            }
        };
        match peers {
            Some(peers) => peers.iter().for_each(&mut add),
            None => self.classes.iter().for_each(|(id, _)| add(id)),
        }
        by_connections
    }
}

impl Draft<'_> {
    fn ask(&mut self, rules: &[(Stage, Arc<[Rule]>)]) {
        for rule in rules.iter().flat_map(|(_, rules)| rules.iter()) {
            self.apply(rule);
        }
    }

    fn apply(&mut self, rule: &Rule) {
        match self.direction {
            Direction::Ingress => {
                let own = rule
                    .ports
                    .names
                    .iter()
                    .fold(rule.ports.numbers.clone(), |all, (protocol, name)| {
                        all.union(&named(self.own_ports, *protocol, name))
                    });
                self.decide(rule.action, &rule.peers, &own);
            }
            Direction::Egress if rule.ports.names.is_empty() => {
                self.decide(rule.action, &rule.peers, &rule.ports.numbers);
            }
            Direction::Egress => self.decide_by_name(rule),
        }
    }

    /// Egress to named ports is to whatever each destination calls so. Numbers and names are decided in one step:
    /// they are one rule.
    fn decide_by_name(&mut self, rule: &Rule) {
        let peers = (!rule.peers.is_every_class()).then(|| self.members(&rule.peers));
        for (ports, classes) in self.judge.to_named_ports(peers.as_ref(), rule) {
            self.classes
                .change(&classes, |state| state.apply(rule.action, &ports));
        }
        self.decide(rule.action, &rule.peers, &rule.ports.numbers);
    }

    fn decide(&mut self, action: Action, peers: &Peers, connections: &Connections) {
        if connections.is_empty() {
            return;
        }
        match peers {
            Peers::Everyone => self.change_all(|state| state.apply(action, connections)),
            Peers::These { addresses, .. } => {
                let members = self.members(peers);
                if peers.is_every_class() {
                    self.classes.change_all(|state| state.apply(action, connections));
                } else if !members.is_empty() {
                    self.classes
                        .change(&members, |state| state.apply(action, connections));
                }
                if !addresses.is_empty() {
                    self.addresses
                        .change(addresses, |state| state.apply(action, connections));
                }
            }
        }
    }

    fn change_all(&mut self, change: impl Fn(&State) -> State) {
        self.classes.change_all(&change);
        self.addresses.change_all(&change);
    }

    fn members(&self, peers: &Peers) -> RoaringBitmap {
        peers
            .pods()
            .iter()
            .fold(RoaringBitmap::new(), |mut all, selection| {
                all.add(self.judge.selections.members(*selection));
                all
            })
    }
}
