//! `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` and `ClusterNetworkPolicy`.

use plumbline_inventory::labels::Selector;
use plumbline_inventory::lean::{
    ClusterPolicyPeer, ClusterPolicyPort, ClusterPolicyProtocol, ClusterPolicyRule, ClusterPolicySpec,
    DestinationPort, NamespacedPods, Namespaces,
};
use plumbline_inventory::{Kind, ObjectId};

use super::{Compiler, PortList, every_port};
use crate::addresses::Addresses;
use crate::connections::Connections;
use crate::policy::{Action, Direction, Peers, Policy, Ports, Rule, Tier};
use crate::selections::{Scope, SelectionId};
use plumbline_inventory::entries::Protocol;

/// The priority of what has none: after everything that has one.
const LAST: i64 = i64::MAX;

/// Compiles a policy of the whole cluster; `None` if it cannot be told when or to what it applies.
pub(crate) fn cluster_policy(
    compiler: &mut Compiler<'_>,
    id: &ObjectId,
    spec: &ClusterPolicySpec,
) -> Option<Policy> {
    let tier = compiler.tier(id, spec)?;
    let subject = match compiler.cluster_peer("spec.subject", &spec.subject, Direction::Ingress) {
        Matched::Pods(subject) => subject,
        Matched::Unknown => {
            compiler.problem(
                "spec.subject",
                "neither namespaces nor pods: the policy applies to nothing",
            );
            return None;
        }
        Matched::Addresses(_) | Matched::Nothing => return None,
    };
    let mut rules = |direction, list: &[ClusterPolicyRule]| {
        let numbered = list.iter().enumerate();
        let rules: std::sync::Arc<[Rule]> = numbered
            .filter_map(|(number, rule)| compiler.cluster_rule(id.kind, direction, number, rule))
            .collect();
        // Without rules for a direction it does not affect it.
        (!rules.is_empty()).then_some(rules)
    };
    let (egress, ingress) = (
        rules(Direction::Egress, &spec.egress),
        rules(Direction::Ingress, &spec.ingress),
    );
    Some(Policy {
        id: id.clone(),
        tier,
        subject,
        selections: Box::default(),
        egress,
        ingress,
    })
}

/// What a peer matches.
enum Matched {
    Pods(SelectionId),
    /// Addresses outside of the cluster.
    Addresses(Addresses),
    /// Nothing, since it is wrong or beyond what can be told here.
    Nothing,
    /// No field that is known: that of a version to come.
    Unknown,
}

impl Compiler<'_> {
    fn tier(&mut self, id: &ObjectId, spec: &ClusterPolicySpec) -> Option<Tier> {
        if id.kind == Kind::BaselineAdminNetworkPolicy {
            if &*id.name != "default" {
                self.problem(
                    "metadata.name",
                    "a BaselineAdminNetworkPolicy is named default; this one is not evaluated",
                );
                return None;
            }
            return Some(Tier::Baseline(LAST));
        }
        let priority = spec.priority.unwrap_or(LAST);
        if priority == LAST {
            self.problem("spec.priority", "is missing; the policy comes last");
        } else if !(0..=1000).contains(&priority) {
            self.problem("spec.priority", format!("{priority} is not between 0 and 1000"));
        }
        match (id.kind, spec.tier.as_deref()) {
            (Kind::AdminNetworkPolicy, _) | (_, Some("Admin")) => Some(Tier::Admin(priority)),
            (_, Some("Baseline")) => Some(Tier::Baseline(priority)),
            (_, tier) => {
                let tier = tier.unwrap_or_default();
                self.problem(
                    "spec.tier",
                    format!("{tier:?} is neither Admin nor Baseline; the policy is not evaluated"),
                );
                None
            }
        }
    }

    fn action(&mut self, kind: Kind, at: &str, action: &str) -> Option<Action> {
        let allow = if kind == Kind::ClusterNetworkPolicy {
            "Accept"
        } else {
            "Allow"
        };
        match action {
            "Deny" => Some(Action::Deny),
            "Pass" if kind != Kind::BaselineAdminNetworkPolicy => Some(Action::Pass),
            _ if action == allow => Some(Action::Allow),
            _ => {
                self.problem(
                    &format!("{at}.action"),
                    format!("{action:?} is no action of a {kind}"),
                );
                None
            }
        }
    }

    fn cluster_rule(
        &mut self,
        kind: Kind,
        direction: Direction,
        number: usize,
        rule: &ClusterPolicyRule,
    ) -> Option<Rule> {
        let at = format!("spec.{direction}[{number}]");
        let action = self.action(kind, &at, &rule.action)?;
        let peers_at = format!("{at}.{}", direction.peers());
        if rule.peers.is_empty() {
            self.problem(&peers_at, "names no peer");
        }
        let (mut pods, mut addresses) = (Vec::new(), Addresses::default());
        let mut unknown = false;
        for (place, peer) in rule.peers.iter().enumerate() {
            let at = format!("{peers_at}[{place}]");
            match self.cluster_peer(&at, peer, direction) {
                Matched::Pods(selection) => pods.push(selection),
                Matched::Addresses(block) => addresses = addresses.union(&block),
                Matched::Nothing => {}
                Matched::Unknown => {
                    self.problem(&at, "no peer of a kind that is known: the rule fails closed");
                    unknown = true;
                }
            }
        }
        let ports = self.cluster_ports(kind, &at, rule);
        if unknown {
            return Some(fail_closed(number, action));
        }
        let peers = Peers::These {
            pods: pods.into(),
            // "If you Accept or Deny traffic to 0.0.0.0/0, that will allow or deny all IPv4 pod-to-pod traffic as well."
            every_pod: addresses.is_every_v4(),
            addresses,
        };
        Some(Rule {
            number,
            action,
            peers,
            ports,
        })
    }

    fn cluster_peer(&mut self, at: &str, peer: &ClusterPolicyPeer, direction: Direction) -> Matched {
        let outgoing = direction == Direction::Egress;
        let matched = if let Some(namespaces) = &peer.namespaces {
            self.namespaces(&format!("{at}.namespaces"), namespaces)
        } else if let Some(pods) = &peer.pods {
            self.namespaced_pods(&format!("{at}.pods"), pods)
        } else if outgoing && !peer.networks.is_empty() {
            return Matched::Addresses(self.networks(&format!("{at}.networks"), &peer.networks));
        } else if outgoing && peer.nodes.is_some() {
            self.problem(
                &format!("{at}.nodes"),
                "nodes are not supported as peers: they match nothing here",
            );
            None
        } else if outgoing && !peer.domain_names.is_empty() {
            self.problem(
                &format!("{at}.domainNames"),
                "domain names are not supported as peers, their addresses are not known: they match nothing here",
            );
            None
        } else {
            return Matched::Unknown;
        };
        matched.map_or(Matched::Nothing, Matched::Pods)
    }

    fn namespaces(&mut self, at: &str, namespaces: &Namespaces) -> Option<SelectionId> {
        let early = !(namespaces.namespace_selector.is_none()
            && namespaces.same_labels.is_empty()
            && namespaces.not_same_labels.is_empty());
        if early {
            self.problem(
                at,
                "namespaceSelector, sameLabels and notSameLabels are of a version before v0.1.2 and match nothing here",
            );
            return None;
        }
        let selector = self.selector(at, &namespaces.selector)?;
        Some(self.select(Scope::Labelled(selector), Selector::default()))
    }

    fn namespaced_pods(&mut self, at: &str, pods: &NamespacedPods) -> Option<SelectionId> {
        let (Some(namespaces), Some(selector)) = (&pods.namespace_selector, &pods.pod_selector) else {
            self.problem(at, "wants a namespaceSelector and a podSelector");
            return None;
        };
        let namespaces = self.selector(&format!("{at}.namespaceSelector"), namespaces)?;
        let selector = self.selector(&format!("{at}.podSelector"), selector)?;
        Some(self.select(Scope::Labelled(namespaces), selector))
    }

    fn networks(&mut self, at: &str, networks: &[String]) -> Addresses {
        let blocks = networks.iter().enumerate();
        blocks.fold(Addresses::default(), |all, (place, cidr)| {
            match self.block(&format!("{at}[{place}]"), cidr) {
                Some(block) => all.union(&Addresses::block(block)),
                None => all,
            }
        })
    }

    fn cluster_ports(&mut self, kind: Kind, at: &str, rule: &ClusterPolicyRule) -> Ports {
        let mut list = PortList::default();
        if kind == Kind::ClusterNetworkPolicy {
            if rule.protocols.is_empty() {
                return every_port();
            }
            for (place, protocol) in rule.protocols.iter().enumerate() {
                let _ = self.protocol_ports(&format!("{at}.protocols[{place}]"), protocol, &mut list);
            }
        } else {
            if rule.ports.is_empty() {
                return every_port();
            }
            for (place, port) in rule.ports.iter().enumerate() {
                let _ = self.admin_port(&format!("{at}.ports[{place}]"), port, &mut list);
            }
        }
        list.finish()
    }

    fn admin_port(&mut self, at: &str, port: &ClusterPolicyPort, list: &mut PortList) -> Option<()> {
        if let Some(number) = &port.port_number {
            let protocol = self.protocol(at, number.protocol.as_deref())?;
            let number = self.number(at, number.port)?;
            list.add(&Connections::ports(protocol, number, number));
        } else if let Some(range) = &port.port_range {
            let protocol = self.protocol(at, range.protocol.as_deref())?;
            let (start, end) = self.range(at, range.start, range.end)?;
            list.add(&Connections::ports(protocol, start, end));
        } else if let Some(name) = &port.named_port {
            let name = self.port_name(at, name)?;
            list.names.push((None, name));
        } else {
            self.problem(at, "names no port");
        }
        Some(())
    }

    fn protocol_ports(
        &mut self,
        at: &str,
        protocol: &ClusterPolicyProtocol,
        list: &mut PortList,
    ) -> Option<()> {
        let by_protocol = [
            (Protocol::Tcp, &protocol.tcp),
            (Protocol::Udp, &protocol.udp),
            (Protocol::Sctp, &protocol.sctp),
        ];
        let named = by_protocol
            .into_iter()
            .find_map(|(protocol, ports)| Some((protocol, ports.as_ref()?)));
        if let Some((protocol, ports)) = named {
            let (start, end) = self.destination(at, ports)?;
            list.add(&Connections::ports(protocol, start, end));
        } else if let Some(name) = &protocol.destination_named_port {
            let name = self.port_name(at, name)?;
            list.names.push((None, name));
        } else {
            self.problem(at, "names no protocol that is known");
        }
        Some(())
    }

    fn destination(&mut self, at: &str, ports: &DestinationPort) -> Option<(u16, u16)> {
        let Some(port) = &ports.destination_port else {
            return Some((1, crate::connections::LAST_PORT));
        };
        match (port.number, &port.range) {
            (Some(number), _) => {
                let number = self.number(at, number)?;
                Some((number, number))
            }
            (None, Some(range)) => self.range(at, range.start, range.end),
            (None, None) => {
                self.problem(at, "names neither a port number nor a range");
                None
            }
        }
    }
}

/// As the API has it for peers of a kind that an implementation does not know: a rule that allows matches nothing,
/// any other denies everything.
fn fail_closed(number: usize, action: Action) -> Rule {
    let nobody = || Peers::These {
        pods: Box::default(),
        addresses: Addresses::default(),
        every_pod: false,
    };
    Rule {
        number,
        action: if action == Action::Allow {
            action
        } else {
            Action::Deny
        },
        peers: if action == Action::Allow {
            nobody()
        } else {
            Peers::Everyone
        },
        ports: every_port(),
    }
}
