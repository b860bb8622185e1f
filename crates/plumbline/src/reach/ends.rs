//! The two ends that `--explain` is asked about.

use std::net::IpAddr;

use anyhow::{Result, bail};
use plumbline_inventory::{Inventory, RootKey};
use plumbline_network::{AddressRange, End, Network, Peer, Workload};

/// An end as it is called, and what it consists of.
pub(super) struct Named {
    pub(super) name: Peer,
    parts: Parts,
}

enum Parts {
    Roots(Vec<RootKey>),
    Address(IpAddr),
    UnknownPod,
}

impl Named {
    /// The end that `text` means: `namespace/name[Kind]` or less of it, an address, a range, or ingress-controller.
    pub(super) fn find(text: &str, network: &Network, inventory: &Inventory) -> Result<Self> {
        if text == "ingress-controller" {
            return Ok(Self {
                name: Peer::IngressController,
                parts: Parts::UnknownPod,
            });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
            return Self::addresses(AddressRange { first, last }, network);
        }
        Self::workload(text, network, inventory)
    }

    fn addresses(range: AddressRange, network: &Network) -> Result<Self> {
        let ranges = network.address_ranges();
        let known = ranges
            .iter()
            .find(|known| known.first <= range.first && range.last <= known.last);
        // Of a family that no policy names, one address is as good as another.
        if known.is_none()
            && ranges
                .iter()
                .any(|known| known.first <= range.last && range.first <= known.last)
        {
            bail!("policies tell addresses of {range} apart; ask about one of them");
        }
        Ok(Self {
            name: Peer::Addresses(range),
            parts: Parts::Address(range.first),
        })
    }

    fn workload(text: &str, network: &Network, inventory: &Inventory) -> Result<Self> {
        let workloads = network.named_workloads(inventory);
        let mut meant: Vec<(&Workload, &Vec<RootKey>)> = workloads
            .iter()
            .filter(|(workload, _)| is_called(workload, text))
            .collect();
        let Some((workload, roots)) = meant.pop() else {
            bail!("there is no workload {text}; plumbline reach lists those that there are");
        };
        if !meant.is_empty() {
            let names: Vec<String> = meant.iter().map(|(workload, _)| workload.to_string()).collect();
            bail!(
                "{text} is more than one workload: {workload}, {}",
                names.join(", ")
            );
        }
        Ok(Self {
            name: Peer::Workload(workload.clone()),
            parts: Parts::Roots(roots.clone()),
        })
    }

    pub(super) fn ends(&self) -> Vec<End<'_>> {
        match &self.parts {
            Parts::Roots(roots) => roots.iter().map(End::Workload).collect(),
            Parts::Address(address) => vec![End::Address(*address)],
            Parts::UnknownPod => vec![End::UnknownPod],
        }
    }
}

fn is_called(workload: &Workload, text: &str) -> bool {
    let Workload { namespace, name, .. } = workload;
    text == workload.to_string() || text == format!("{namespace}/{name}") || *text == **name
}
