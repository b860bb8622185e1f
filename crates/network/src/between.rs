//! Single answers: what one end may open to another.

use std::net::IpAddr;

use plumbline_inventory::RootKey;

use crate::addresses::Addresses;
use crate::classes::ClassId;
use crate::connections::Connections;
use crate::network::Network;
use crate::policy::Direction;

impl Network {
    /// What some pod of `from` may open to some pod of `to`.
    pub fn between(&self, from: &RootKey, to: &RootKey) -> Connections {
        let (from, to) = (self.classes_of(from), self.classes_of(to));
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
        pairs.fold(Connections::none(), |all, (from, to)| {
            all.union(&self.between_classes(from, to))
        })
    }

    /// What some pod of `from` may open to an address outside the cluster.
    pub fn to_address(&self, from: &RootKey, address: IpAddr) -> Connections {
        self.with_address(from, address, Direction::Egress)
    }

    /// What an address outside the cluster may open to some pod of `to`.
    pub fn from_address(&self, address: IpAddr, to: &RootKey) -> Connections {
        self.with_address(to, address, Direction::Ingress)
    }

    fn with_address(&self, workload: &RootKey, address: IpAddr, direction: Direction) -> Connections {
        let classes = self.classes_of(workload).into_iter();
        classes.fold(Connections::none(), |all, class| {
            all.union(self.profile(class, direction).verdict.of_address(address))
        })
    }

    /// What some pod of `from` may open to some of `addresses` outside the cluster.
    pub fn to_addresses(&self, from: &RootKey, addresses: &Addresses) -> Connections {
        self.with_addresses(from, addresses, Direction::Egress)
    }

    pub(crate) fn with_addresses(
        &self,
        workload: &RootKey,
        addresses: &Addresses,
        direction: Direction,
    ) -> Connections {
        let classes = self.classes_of(workload).into_iter();
        classes.fold(Connections::none(), |all, class| {
            all.union(&self.profile(class, direction).verdict.of_addresses(addresses))
        })
    }

    /// Whether every pod of the workload is isolated in this direction by a `NetworkPolicy`.
    pub fn is_isolated(&self, workload: &RootKey, direction: Direction) -> bool {
        self.classes_of(workload)
            .into_iter()
            .all(|class| self.profile(class, direction).isolated)
    }

    /// Whether the network has pods of this workload.
    pub fn knows(&self, workload: &RootKey) -> bool {
        self.workloads.contains_key(workload)
    }

    /// The workloads that have pods or would make some, ordered.
    pub fn workloads(&self) -> impl Iterator<Item = &RootKey> {
        self.workloads.keys()
    }

    /// A connection takes the consent of both ends.
    pub(crate) fn between_classes(&self, from: ClassId, to: ClassId) -> Connections {
        let egress = self.profile(from, Direction::Egress).verdict.of_class(to);
        let ingress = self.profile(to, Direction::Ingress).verdict.of_class(from);
        egress.intersection(ingress)
    }

    /// The classes of a workload's pods, each once.
    pub(crate) fn classes_of(&self, workload: &RootKey) -> Vec<ClassId> {
        let members = self.workloads.get(workload).into_iter().flatten();
        let mut classes: Vec<ClassId> = members.map(|member| member.class).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

impl Network {
    /// How many classes, selections and profiles there are: what does not grow where the cluster does not.
    pub fn size(&self) -> [usize; 3] {
        [
            self.classes.iter().count(),
            self.selections.len(),
            Direction::BOTH
                .into_iter()
                .map(|direction| self.profiles.of(direction).count())
                .sum(),
        ]
    }
}
