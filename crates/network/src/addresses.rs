//! Sets of addresses outside the cluster.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::intervals::Intervals;

/// A set of IPv4 and IPv6 addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addresses {
    v4: Intervals<u32>,
    v6: Intervals<u128>,
}

impl Addresses {
    /// The addresses of a block.
    pub fn block(block: IpNet) -> Self {
        let mut addresses = Self::default();
        match block {
            IpNet::V4(net) => {
                let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
                addresses.v4 = Intervals::of(vec![(first, last)]);
            }
            IpNet::V6(net) => {
                let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
                addresses.v6 = Intervals::of(vec![(first, last)]);
            }
        }
        addresses
    }

    /// The addresses of all these blocks.
    pub fn blocks(blocks: impl IntoIterator<Item = IpNet>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for block in blocks {
            match block {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Self {
            v4: Intervals::of(v4),
            v6: Intervals::of(v6),
        }
    }

    /// Every address.
    pub fn all() -> Self {
        Self {
            v4: Intervals::of(vec![(0, u32::MAX)]),
            v6: Intervals::of(vec![(0, u128::MAX)]),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether every IPv4 address is among them.
    pub fn is_every_v4(&self) -> bool {
        self.v4.iter().eq([(0, u32::MAX)])
    }

    /// Whether every IPv6 address is among them.
    pub fn is_every_v6(&self) -> bool {
        self.v6.iter().eq([(0, u128::MAX)])
    }

    /// Whether they are more than half of all IPv4 or of all IPv6 addresses: anywhere, whatever is carved out.
    pub fn is_anywhere(&self) -> bool {
        let v4: u64 = self
            .v4
            .iter()
            .map(|(first, last)| u64::from(last - first) + 1)
            .sum();
        // The number of all IPv6 addresses is one more than fits.
        let v6 = self.v6.iter().fold(0_u128, |sum, (first, last)| {
            sum.saturating_add((last - first) / 2)
        });
        v4 > u64::from(u32::MAX) / 2 || v6 > u128::MAX / 4
    }

    /// Whether this address is among them.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.union(&other.v4),
            v6: self.v6.union(&other.v6),
        }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.intersection(&other.v4),
            v6: self.v6.intersection(&other.v6),
        }
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.difference(&other.v4),
            v6: self.v6.difference(&other.v6),
        }
    }

    /// The ranges of addresses, in order, IPv4 first.
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> {
        let v4 = self.v4.iter().map(|(first, last)| AddressRange {
            first: Ipv4Addr::from_bits(first).into(),
            last: Ipv4Addr::from_bits(last).into(),
        });
        let v6 = self.v6.iter().map(|(first, last)| AddressRange {
            first: Ipv6Addr::from_bits(first).into(),
            last: Ipv6Addr::from_bits(last).into(),
        });
        v4.chain(v6)
    }
}

/// Addresses from a first one to a last one, of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    /// The first.
    pub first: IpAddr,
    /// The last.
    pub last: IpAddr,
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Cuts all addresses into ranges so that none of `sets` tells two addresses of a range apart. IPv6 is left out
/// when no set names an address of it: whoever does not speak of it does not want to read of it.
pub(crate) fn cut<'a>(sets: impl IntoIterator<Item = &'a Addresses>) -> Vec<AddressRange> {
    let (mut v4, mut v6) = (
        std::collections::BTreeSet::from([0]),
        std::collections::BTreeSet::new(),
    );
    for set in sets {
        for (first, last) in set.v4.iter() {
            v4.insert(first);
            v4.extend(last.checked_add(1));
        }
        for (first, last) in set.v6.iter() {
            v6.extend([0, first]);
            v6.extend(last.checked_add(1));
        }
    }
    let mut ranges = Vec::new();
    let starts: Vec<u32> = v4.into_iter().collect();
    for (at, first) in starts.iter().enumerate() {
        let last = starts.get(at + 1).map_or(u32::MAX, |next| next - 1);
        ranges.push(AddressRange {
            first: Ipv4Addr::from_bits(*first).into(),
            last: Ipv4Addr::from_bits(last).into(),
        });
    }
    let starts: Vec<u128> = v6.into_iter().collect();
    for (at, first) in starts.iter().enumerate() {
        let last = starts.get(at + 1).map_or(u128::MAX, |next| next - 1);
        ranges.push(AddressRange {
            first: Ipv6Addr::from_bits(*first).into(),
            last: Ipv6Addr::from_bits(last).into(),
        });
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Addresses {
        Addresses::block(text.parse().unwrap())
    }

    fn shown(ranges: &[AddressRange]) -> Vec<String> {
        ranges.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_are_cut_where_a_set_begins_or_ends() {
        assert_eq!(shown(&cut([])), ["0.0.0.0-255.255.255.255"]);
        let private = block("10.0.0.0/8").difference(&block("10.1.0.0/16"));
        assert_eq!(
            shown(&cut([&private])),
            [
                "0.0.0.0-9.255.255.255",
                "10.0.0.0-10.0.255.255",
                "10.1.0.0-10.1.255.255",
                "10.2.0.0-10.255.255.255",
                "11.0.0.0-255.255.255.255"
            ]
        );
    }

    #[test]
    fn v6_is_shown_once_somebody_speaks_of_it() {
        let ranges = cut([&block("fd00::/8"), &block("0.0.0.0/0")]);
        assert_eq!(ranges[0].to_string(), "0.0.0.0-255.255.255.255");
        assert_eq!(ranges.len(), 4);
        assert_eq!(ranges[2].first.to_string(), "fd00::");
    }

    #[test]
    fn host_bits_do_not_matter() {
        assert_eq!(block("10.1.2.3/8"), block("10.0.0.0/8"));
        assert!(block("::/0").is_every_v6() && !block("::/0").is_every_v4());
    }
}
