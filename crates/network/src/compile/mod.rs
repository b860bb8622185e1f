//! From objects as written to [`Policy`]: defaults are filled in, and what cannot be is found out.
//!
//! The API server would refuse most of what is found out here; manifests have not met it yet. Whatever is wrong
//! matches nothing, and the rest of the policy counts.

mod cluster_policy;
mod network_policy;

use ipnet::IpNet;
use plumbline_inventory::Name;
use plumbline_inventory::entries::Protocol;
use plumbline_inventory::labels::Selector;
use plumbline_inventory::lean::LabelSelector;

use crate::addresses::Addresses;
use crate::connections::{Connections, LAST_PORT};
use crate::policy::{Policy, Ports};
use crate::selections::{Pods, Scope, SelectionId, Selections};

pub(crate) use cluster_policy::cluster_policy;
pub(crate) use network_policy::network_policy;

/// What one policy is compiled with.
pub(crate) struct Compiler<'a> {
    selections: &'a mut Selections,
    problems: Vec<String>,
    /// Selections that were acquired, whether a rule has use for them or not.
    acquired: Vec<SelectionId>,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(selections: &'a mut Selections) -> Self {
        Self {
            selections,
            problems: Vec::new(),
            acquired: Vec::new(),
        }
    }

    /// The policy with all that it counts on, and what is wrong with it.
    pub(crate) fn finish(self, policy: Option<Policy>) -> (Option<Policy>, Vec<String>) {
        let Some(policy) = policy else {
            for id in self.acquired {
                self.selections.release(id);
            }
            return (None, self.problems);
        };
        let policy = Policy {
            selections: self.acquired.into(),
            ..policy
        };
        (Some(policy), self.problems)
    }

    fn problem(&mut self, at: &str, message: impl std::fmt::Display) {
        self.problems.push(format!("{at}: {message}"));
    }

    fn select(&mut self, scope: Scope, selector: Selector) -> SelectionId {
        let id = self.selections.acquire(Pods { scope, selector });
        self.acquired.push(id);
        id
    }

    fn selector(&mut self, at: &str, selector: &LabelSelector) -> Option<Selector> {
        match Selector::compile(selector) {
            Ok(compiled) => {
                if let Some(contradiction) = compiled.contradiction() {
                    self.problem(at, format!("selects nothing: {contradiction}"));
                }
                Some(compiled)
            }
            Err(error) => {
                self.problem(at, error);
                None
            }
        }
    }

    fn block(&mut self, at: &str, cidr: &str) -> Option<IpNet> {
        let block = cidr.parse().ok();
        if block.is_none() {
            self.problem(at, format!("{cidr:?} is no address block (CIDR)"));
        }
        block
    }

    fn protocol(&mut self, at: &str, protocol: Option<&str>) -> Option<Protocol> {
        let known = Protocol::parse(protocol.filter(|name| !name.is_empty()));
        if known.is_none() {
            let name = protocol.unwrap_or_default();
            self.problem(at, format!("protocol {name:?} is none of TCP, UDP and SCTP"));
        }
        known
    }

    fn number(&mut self, at: &str, port: i64) -> Option<u16> {
        let number = u16::try_from(port).ok().filter(|port| *port != 0);
        if number.is_none() {
            self.problem(at, format!("port {port} is not between 1 and {LAST_PORT}"));
        }
        number
    }

    fn range(&mut self, at: &str, first: i64, last: i64) -> Option<(u16, u16)> {
        let (first, last) = (self.number(at, first)?, self.number(at, last)?);
        if last < first {
            self.problem(
                at,
                format!("the range ends at {last}, before it begins at {first}"),
            );
            return None;
        }
        Some((first, last))
    }

    fn port_name(&mut self, at: &str, name: &str) -> Option<Name> {
        if !is_port_name(name) {
            self.problem(at, format!("{name:?} is no name of a port"));
            return None;
        }
        Some(Name::from(name))
    }
}

/// Ports that are being collected.
#[derive(Default)]
struct PortList {
    numbers: Connections,
    names: Vec<(Option<Protocol>, Name)>,
}

impl PortList {
    fn add(&mut self, connections: &Connections) {
        self.numbers = self.numbers.union(connections);
    }

    fn finish(self) -> Ports {
        Ports {
            numbers: self.numbers,
            names: self.names.into(),
        }
    }
}

fn every_port() -> Ports {
    Ports {
        numbers: Connections::all(),
        names: Box::default(),
    }
}

/// As `IsValidPortName` has it: lower case letters, digits and single hyphens within, a letter among them.
fn is_port_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=15).contains(&name.len())
        && name.chars().all(plain)
        && name.contains(|c: char| c.is_ascii_lowercase())
        && !name.contains("--")
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// The addresses of a block without those of others.
fn carve(block: IpNet, holes: &[IpNet]) -> Addresses {
    holes.iter().fold(Addresses::block(block), |rest, hole| {
        rest.difference(&Addresses::block(*hole))
    })
}
