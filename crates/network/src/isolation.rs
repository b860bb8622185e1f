//! Which workloads of a namespace are isolated, and which only seem to be: the question of NW-01a.

use std::collections::BTreeSet;

use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Name, ObjectId, RootKey};

use crate::addresses::{AddressRange, cut};
use crate::classes::ClassId;
use crate::entries::Entry;
use crate::explain::Point;
use crate::network::{Network, OUTSIDER};
use crate::policy::{Direction, Peers, Tier};

/// How far the workloads of a namespace are isolated. Those that run nothing and want to run nothing are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceIsolation {
    /// The namespace.
    pub namespace: Name,
    /// Workloads with pods that policies can isolate. If there are none, there is nothing to say.
    pub workloads: usize,
    /// Workloads with pods on the host network, which no policy can isolate.
    pub host_network: Vec<RootKey>,
    /// What holds for egress.
    pub egress: Isolation,
    /// What holds for ingress.
    pub ingress: Isolation,
}

/// How far workloads are isolated in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// Workloads with pods that no `NetworkPolicy` isolates, and no policy of the cluster that denies what nobody
    /// has allowed.
    pub naked: Vec<RootKey>,
    /// Workloads with pods that are isolated by name only, since they may have every connection with everybody.
    pub allow_all: Vec<AllowAll>,
}

/// A workload that is isolated and may do everything, and the policies by which it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowAll {
    /// The workload.
    pub workload: RootKey,
    /// Policies with a rule that allows everything (`ingress: [{}]`).
    pub policies: Vec<ObjectId>,
}

impl Network {
    /// How far the workloads of a namespace are isolated.
    pub fn isolation(&self, namespace: NamespaceView<'_>) -> NamespaceIsolation {
        let mut isolation = NamespaceIsolation {
            namespace: Name::clone(namespace.name()),
            workloads: 0,
            host_network: Vec::new(),
            egress: Isolation::default(),
            ingress: Isolation::default(),
        };
        for (key, _) in self.workloads_of(namespace.name()) {
            let is_active = |key: &RootKey| {
                let workload = namespace.workload(key.kind, &key.name);
                workload.is_some_and(|workload| workload.is_active())
            };
            if is_active(key) {
                self.look_at(key, &mut isolation);
            }
        }
        isolation
    }

    fn look_at(&self, key: &RootKey, isolation: &mut NamespaceIsolation) {
        let (hosts, pods): (Vec<ClassId>, Vec<ClassId>) = self
            .classes_of(key)
            .into_iter()
            .partition(|class| self.classes.expect(*class).host_network);
        if !hosts.is_empty() {
            isolation.host_network.push(key.clone());
        }
        if pods.is_empty() {
            return;
        }
        isolation.workloads += 1;
        for direction in Direction::BOTH {
            let side = match direction {
                Direction::Egress => &mut isolation.egress,
                Direction::Ingress => &mut isolation.ingress,
            };
            if pods.iter().any(|class| self.is_naked(*class, direction)) {
                side.naked.push(key.clone());
            } else if pods
                .iter()
                .any(|class| self.profile(*class, direction).verdict.is_allow_all())
            {
                side.allow_all.push(AllowAll {
                    workload: key.clone(),
                    policies: self.that_allow_all(&pods, direction),
                });
            }
        }
    }

    /// Whether no `NetworkPolicy` isolates a class, and no policy of the cluster does so in its stead. One that does
    /// leaves nothing undecided: of egress to a pod or an address of which nothing is known; of ingress only from
    /// such a pod, since these policies cannot speak of ingress from outside.
    pub(crate) fn is_naked(&self, class: ClassId, direction: Direction) -> bool {
        let profile = self.profile(class, direction);
        if profile.isolated {
            return false;
        }
        if profile.key.rules.is_empty() {
            return true;
        }
        let undecided = |peer: Point| {
            !self
                .side(direction, Point::Class(class), peer)
                .undecided
                .is_empty()
        };
        undecided(Point::Class(OUTSIDER))
            || (direction == Direction::Egress
                && self
                    .ranges_told_apart(class)
                    .iter()
                    .any(|range| undecided(Point::Address(range.first))))
    }

    /// Ranges of addresses outside that the policies of a class tell apart, as far as egress goes: what others say
    /// does not count.
    fn ranges_told_apart(&self, class: ClassId) -> Vec<AddressRange> {
        let deciding = self.deciding(class, Direction::Egress);
        let rules = deciding
            .iter()
            .filter_map(|policy| policy.rules(Direction::Egress));
        let named = rules
            .flat_map(|rules| rules.iter())
            .filter_map(|rule| rule.peers.addresses());
        cut(named)
    }

    fn that_allow_all(&self, classes: &[ClassId], direction: Direction) -> Vec<ObjectId> {
        let deciding = classes.iter().flat_map(|class| self.deciding(*class, direction));
        let allowing = deciding.filter(|policy| {
            policy.tier == Tier::NetworkPolicy
                && policy
                    .rules(direction)
                    .into_iter()
                    .flat_map(|rules| rules.iter())
                    .any(|rule| matches!(rule.peers, Peers::Everyone) && rule.ports.numbers.is_all())
        });
        let mut ids: Vec<ObjectId> = allowing.map(|policy| policy.id.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Workloads that anybody outside of the cluster may connect to though nothing leads there, ordered.
    pub fn open_to_the_world(&self, entries: &[Entry]) -> Vec<RootKey> {
        let led: BTreeSet<&RootKey> = entries.iter().map(|entry| &entry.workload).collect();
        let open = self
            .workloads()
            .filter(|key| !led.contains(key) && self.is_open_to_the_world(key));
        open.cloned().collect()
    }

    /// Whether policies let anybody outside of the cluster connect to some pod of a workload.
    pub fn is_open_to_the_world(&self, workload: &RootKey) -> bool {
        self.classes_of(workload).iter().any(|class| {
            let ingress = self.profile(*class, Direction::Ingress);
            ingress.verdict.open_addresses().is_anywhere()
        })
    }
}
