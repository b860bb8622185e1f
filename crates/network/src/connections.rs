//! Sets of connections: protocols and ports.

use std::fmt;

use plumbline_inventory::entries::Protocol;

use crate::intervals::Intervals;

/// The highest port there is; the lowest is 1.
pub const LAST_PORT: u16 = u16::MAX;

/// What one end may open to another: for each protocol, ports of the destination.
///
/// Network policies speak of TCP, UDP and SCTP. Whether other protocols (ICMP) pass where these do is for the
/// network plugin to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connections(Intervals<u32>);

impl Connections {
    /// No connection at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every port of every protocol.
    pub fn all() -> Self {
        Self(Intervals::of(
            Protocol::ALL.map(|protocol| span(protocol, 1, LAST_PORT)).into(),
        ))
    }

    /// The ports `first` to `last` of a protocol.
    pub fn ports(protocol: Protocol, first: u16, last: u16) -> Self {
        if first.max(1) > last {
            return Self::none();
        }
        Self(Intervals::of(vec![span(protocol, first.max(1), last)]))
    }

    /// Every port of a protocol.
    pub fn protocol(protocol: Protocol) -> Self {
        Self::ports(protocol, 1, LAST_PORT)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether these are all connections.
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// Whether this port of this protocol is among them.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.0.contains(number(protocol, port))
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0))
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0))
    }

    /// The ranges of ports, ordered by protocol and port.
    pub fn ranges(&self) -> impl Iterator<Item = (Protocol, u16, u16)> {
        self.0.iter().map(|(first, last)| {
            let protocol = Protocol::ALL[(first >> 16) as usize];
            (protocol, first as u16, last as u16)
        })
    }
}

/// Ports of all protocols on one line; there is no port 0, so that the protocols do not touch.
fn number(protocol: Protocol, port: u16) -> u32 {
    (protocol as u32) << 16 | u32::from(port)
}

fn span(protocol: Protocol, first: u16, last: u16) -> (u32, u32) {
    (number(protocol, first), number(protocol, last))
}

impl fmt::Display for Connections {
    /// `All Connections`, `No Connections`, or `TCP 80,8080-8090,UDP 53`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("No Connections");
        }
        if self.is_all() {
            return f.write_str("All Connections");
        }
        let mut before = None;
        for (protocol, first, last) in self.ranges() {
            if before.is_some() {
                f.write_str(",")?;
            }
            if before.replace(protocol) != Some(protocol) {
                write!(f, "{protocol} ")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_merged_and_protocols_named_once() {
        let web = Connections::ports(Protocol::Tcp, 80, 80);
        let more = Connections::ports(Protocol::Tcp, 81, 90);
        let dns = Connections::ports(Protocol::Udp, 53, 53);
        let far = Connections::ports(Protocol::Tcp, 443, 443);
        let all = web.union(&dns).union(&far).union(&more);
        assert_eq!(all.to_string(), "TCP 80-90,443,UDP 53");
        assert_eq!(
            Connections::all().difference(&all).union(&all).to_string(),
            "All Connections"
        );
        assert_eq!(Connections::none().to_string(), "No Connections");
        assert_eq!(Connections::protocol(Protocol::Sctp).to_string(), "SCTP 1-65535");
    }

    #[test]
    fn there_is_no_port_0() {
        assert!(Connections::ports(Protocol::Tcp, 0, 0).is_empty());
        assert_eq!(
            Connections::ports(Protocol::Tcp, 0, 7),
            Connections::ports(Protocol::Tcp, 1, 7)
        );
        assert!(Connections::ports(Protocol::Tcp, 9, 7).is_empty());
    }
}
