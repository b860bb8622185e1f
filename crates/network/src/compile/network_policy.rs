//! `NetworkPolicy`.

use ipnet::IpNet;
use plumbline_inventory::lean::{
    IntOrString, IpBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec,
};
use plumbline_inventory::{Name, ObjectId};

use super::{Compiler, PortList, carve, every_port};
use crate::addresses::Addresses;
use crate::connections::{Connections, LAST_PORT};
use crate::policy::{Action, Direction, Peers, Policy, Ports, Rule, Tier};
use crate::selections::{Scope, SelectionId};

/// Compiles a `NetworkPolicy`; `None` if it selects no pods that could be told.
pub(crate) fn network_policy(
    compiler: &mut Compiler<'_>,
    id: &ObjectId,
    spec: &NetworkPolicySpec,
) -> Option<Policy> {
    let namespace = id.namespace.as_ref().expect("a NetworkPolicy has a namespace");
    let selector = compiler.selector("spec.podSelector", &spec.pod_selector)?;
    let subject = compiler.select(Scope::Namespace(Name::clone(namespace)), selector);
    let mut rules = |direction| {
        concerns(spec, direction).then(|| {
            let list = match direction {
                Direction::Egress => &spec.egress,
                Direction::Ingress => &spec.ingress,
            };
            let numbered = list.iter().enumerate();
            numbered
                .map(|(number, rule)| compiler.rule(namespace, direction, number, rule))
                .collect()
        })
    };
    let (egress, ingress) = (rules(Direction::Egress), rules(Direction::Ingress));
    for (number, kind) in spec.policy_types.iter().enumerate() {
        if !["Ingress", "Egress"].contains(&kind.as_str()) {
            let at = format!("spec.policyTypes[{number}]");
            compiler.problem(&at, format!("{kind:?} is neither Ingress nor Egress"));
        }
    }
    Some(Policy {
        id: id.clone(),
        tier: Tier::NetworkPolicy,
        subject,
        selections: Box::default(),
        egress,
        ingress,
    })
}

/// Without `policyTypes` the API server fills in Ingress, and Egress only if there is a rule for it.
fn concerns(spec: &NetworkPolicySpec, direction: Direction) -> bool {
    if spec.policy_types.is_empty() {
        return direction == Direction::Ingress || !spec.egress.is_empty();
    }
    let named = match direction {
        Direction::Egress => "Egress",
        Direction::Ingress => "Ingress",
    };
    spec.policy_types.iter().any(|kind| kind == named)
}

impl Compiler<'_> {
    fn rule(
        &mut self,
        namespace: &Name,
        direction: Direction,
        number: usize,
        rule: &NetworkPolicyRule,
    ) -> Rule {
        let at = format!("spec.{direction}[{number}]");
        let peers = if rule.peers.is_empty() {
            Peers::Everyone
        } else {
            let (mut pods, mut addresses) = (Vec::new(), Addresses::default());
            for (place, peer) in rule.peers.iter().enumerate() {
                let at = format!("{at}.{}[{place}]", direction.peers());
                match &peer.ip_block {
                    Some(block) => addresses = addresses.union(&self.ip_block(&at, block, peer)),
                    None => pods.extend(self.peer(&at, namespace, peer)),
                }
            }
            Peers::These {
                pods: pods.into(),
                addresses,
                every_pod: false,
            }
        };
        Rule {
            number,
            action: Action::Allow,
            peers,
            ports: self.ports(&at, &rule.ports),
        }
    }

    /// A pod selector alone means pods of the policy's own namespace.
    fn peer(&mut self, at: &str, namespace: &Name, peer: &NetworkPolicyPeer) -> Option<SelectionId> {
        if peer.pod_selector.is_none() && peer.namespace_selector.is_none() {
            self.problem(at, "names no peer");
            return None;
        }
        let scope = match &peer.namespace_selector {
            Some(selector) => Scope::Labelled(self.selector(&format!("{at}.namespaceSelector"), selector)?),
            None => Scope::Namespace(Name::clone(namespace)),
        };
        let everything = plumbline_inventory::lean::LabelSelector::default();
        let selector = peer.pod_selector.as_ref().unwrap_or(&everything);
        let selector = self.selector(&format!("{at}.podSelector"), selector)?;
        Some(self.select(scope, selector))
    }

    fn ip_block(&mut self, at: &str, block: &IpBlock, peer: &NetworkPolicyPeer) -> Addresses {
        if peer.pod_selector.is_some() || peer.namespace_selector.is_some() {
            self.problem(at, "names an ipBlock and a selector; one peer is one of them");
            return Addresses::default();
        }
        let Some(whole) = self.block(&format!("{at}.ipBlock.cidr"), &block.cidr) else {
            return Addresses::default();
        };
        let mut holes: Vec<IpNet> = Vec::new();
        for (place, except) in block.except.iter().enumerate() {
            let at = format!("{at}.ipBlock.except[{place}]");
            let Some(hole) = self.block(&at, except) else {
                continue;
            };
            if whole.contains(&hole) && whole.trunc() != hole.trunc() {
                holes.push(hole);
            } else {
                self.problem(&at, format!("{except} is no part of {}", block.cidr));
            }
        }
        carve(whole, &holes)
    }

    fn ports(&mut self, at: &str, ports: &[NetworkPolicyPort]) -> Ports {
        if ports.is_empty() {
            return every_port();
        }
        let mut list = PortList::default();
        for (place, port) in ports.iter().enumerate() {
            // What is wrong with a port is said, and the port is none.
            let _ = self.port(&format!("{at}.ports[{place}]"), port, &mut list);
        }
        list.finish()
    }

    fn port(&mut self, at: &str, port: &NetworkPolicyPort, list: &mut PortList) -> Option<()> {
        let protocol = self.protocol(at, port.protocol.as_deref())?;
        let (start, end) = match (&port.port, port.end_port) {
            (None, None) => (1, LAST_PORT),
            (Some(IntOrString::Int(number)), None) => {
                let number = self.number(at, *number)?;
                (number, number)
            }
            (Some(IntOrString::Int(start)), Some(end)) => self.range(at, *start, end)?,
            (Some(IntOrString::String(name)), None) => {
                let name = self.port_name(at, name)?;
                list.names.push((Some(protocol), name));
                return Some(());
            }
            (None | Some(IntOrString::String(_)), Some(_)) => {
                self.problem(at, "endPort goes with a port number only");
                return None;
            }
        };
        list.add(&Connections::ports(protocol, start, end));
        Some(())
    }
}
