//! What a change asks to be looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use plumbline_baseline::{Home, Unit};
use plumbline_inventory::{Dirty, Inventory, Kind, Name, Topic};
use plumbline_rbac::{Subject, Touched};

use super::{ALL, Changed, Evaluation, Slots, UnitResult};
use crate::attestations::Attestations;
use crate::settings::Settings;
use crate::waivers::{self, Waivers};

/// What has to be looked at again in a home: which items for which unit.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) units: BTreeMap<Unit, Slots>,
    pub(super) every_workload: Slots,
}

impl Work {
    pub(super) fn merge(&mut self, other: Self) {
        for (unit, slots) in other.units {
            self.add(unit, slots);
        }
        self.every_workload |= other.every_workload;
    }

    pub(super) fn add(&mut self, unit: Unit, slots: Slots) {
        if slots != 0 {
            *self.units.entry(unit).or_default() |= slots;
        }
    }
}

/// Work by home.
pub(super) type Plan = BTreeMap<Home, Work>;

impl Evaluation {
    /// Looks at waivers and attestations again if they are `decided` anew or old, and plans what follows.
    pub(super) fn decide_anew(
        &mut self,
        decided: bool,
        inventory: &Inventory,
        settings: &Settings,
        plan: &mut Plan,
        changed: &mut Changed,
    ) {
        let is_old = |next: Option<Timestamp>| next.is_some_and(|next| next <= self.now);
        if decided || is_old(self.attestations.next()) {
            let attestations = Attestations::of(inventory, settings, self.now);
            changed.everywhere |= attestations != self.attestations;
            self.attestations = attestations;
        }
        // The cluster's report counts waivers, and says whether it is proven who approves.
        changed.cluster |= decided;
        if !decided && !is_old(self.waivers.next()) {
            return;
        }
        let before = std::mem::replace(&mut self.waivers, Waivers::of(inventory, settings, self.now));
        for (id, items) in self.waivers.changed(&before) {
            let slots = self.slots_where(|slot| items.contains(slot.item.id));
            let one = waivers::place(id).map(|name| Home::Namespace(Name::clone(name)));
            changed.cluster = true;
            if let Some(home) = &one {
                changed.add(home);
            }
            let homes: Vec<&Home> = match &one {
                Some(home) => vec![home],
                None => self.results.keys().collect(),
            };
            for home in homes.into_iter().filter(|_| slots != 0) {
                let Some(results) = self.results.get(home) else {
                    continue;
                };
                for (unit, results) in &results.units {
                    let found = |(at, result): &&(usize, UnitResult)| {
                        slots & (1 << at) != 0 && result.tally.findings > 0
                    };
                    let found = results.iter().filter(found).fold(0, |set, (at, _)| set | 1 << at);
                    if found != 0 {
                        plan.entry(home.clone()).or_default().add(unit.clone(), found);
                    }
                }
            }
        }
    }

    /// What the changes ask for.
    pub(super) fn plan(
        &self,
        dirty: Dirty,
        touched: &Touched,
        inventory: &Inventory,
        settings: &Settings,
    ) -> Plan {
        let mut plan = Plan::new();
        let whole = self.slots_where(|slot| slot.reads_workloads);
        for root in dirty.roots {
            let work = plan.entry(Home::Namespace(root.namespace)).or_default();
            work.every_workload |= self.slots_where(|slot| slot.looks_around);
            work.add(Unit::Whole, whole);
            work.add(Unit::Workload(root.kind, root.name), ALL);
        }
        if !plan.is_empty() {
            plan.entry(Home::Cluster).or_default().add(Unit::Whole, whole);
        }
        if dirty.evidence {
            let asking = self.slots_where(|slot| slot.asks_the_cluster);
            plan.entry(Home::Cluster).or_default().add(Unit::Whole, asking);
        }
        self.plan_nodes(&dirty.nodes, ALL, inventory, &mut plan);
        self.plan_images(dirty.images, &mut plan);
        for Topic { kind, namespace } in dirty.topics {
            let looks_around = self.slots_where(|slot| slot.looks_around && slot.reads(kind));
            let whole = self.slots_where(|slot| slot.reads(kind));
            // What nodes are for follows from all nodes, and from what leads to their pods.
            let on_nodes =
                self.slots_where(|slot| slot.looks_at_nodes && (kind == Kind::Namespace || slot.reads(kind)));
            match &namespace {
                Some(namespace) if on_nodes != 0 => {
                    let nodes = inventory.nodes_of(namespace).cloned().collect();
                    self.plan_nodes(&nodes, on_nodes, inventory, &mut plan);
                }
                None if kind == Kind::Node => {
                    let known = self.results.get(&Home::Cluster).into_iter();
                    let known = known.flat_map(|results| results.units.keys());
                    let known = known.filter_map(|unit| match unit {
                        Unit::Node(name) => Some(name),
                        _ => None,
                    });
                    let nodes = inventory.nodes().map(|(name, _)| name).chain(known);
                    self.plan_nodes(&nodes.cloned().collect(), ALL, inventory, &mut plan);
                }
                _ => {}
            }
            let homes: Vec<Home> = match namespace {
                // Who may do what is looked at by whom it concerns, and what people decide by what it is about.
                _ if kind.is_rights() || kind.is_decision() => continue,
                // What policies of the cluster say as well: by the network of the namespaces that they are about.
                _ if kind.is_cluster_policy() => vec![Home::Cluster],
                Some(namespace) if kind == Kind::Namespace => {
                    self.plan_images(inventory.images_of(&namespace), &mut plan);
                    // What its bindings give counts where it is in scope, and may be the business of others.
                    self.plan_rights(&self.rbac.touched_in(&namespace), inventory, settings, &mut plan);
                    for (home, work) in self.plan_home(Home::Namespace(namespace), inventory, settings) {
                        plan.entry(home).or_default().merge(work);
                    }
                    // What is asked of the cluster leaves out namespaces that are not in scope.
                    plan.entry(Home::Cluster).or_default().add(Unit::Whole, ALL);
                    continue;
                }
                Some(namespace) => vec![Home::Cluster, Home::Namespace(namespace)],
                None if kind.is_namespaced() => vec![Home::Cluster],
                None => self.results.keys().cloned().collect(),
            };
            for home in homes {
                let work = plan.entry(home).or_default();
                work.every_workload |= looks_around;
                work.add(Unit::Whole, whole);
            }
        }
        self.plan_rights(touched, inventory, settings, &mut plan);
        plan
    }

    /// Adds what a network asks for that is not as it was.
    pub(super) fn plan_network(&self, touched: plumbline_network::Touched, plan: &mut Plan) {
        let whole = self.slots_where(|slot| slot.asks_the_network);
        let touched: Vec<Home> = if touched.everywhere {
            self.results.keys().cloned().collect()
        } else {
            touched.namespaces.into_iter().map(Home::Namespace).collect()
        };
        if !touched.is_empty() {
            plan.entry(Home::Cluster).or_default().add(Unit::Whole, whole);
        }
        for home in touched {
            plan.entry(home).or_default().add(Unit::Whole, whole);
        }
    }

    /// Adds nodes on which something runs that did not, or runs no longer, or is not as it was.
    pub(super) fn plan_nodes(
        &self,
        nodes: &BTreeSet<Name>,
        slots: Slots,
        inventory: &Inventory,
        plan: &mut Plan,
    ) {
        let asking = slots & self.slots_where(|slot| slot.looks_at_nodes);
        for node in nodes {
            let known = inventory.node(node).is_some();
            let unit = Unit::Node(Name::clone(node));
            if known
                || self
                    .results
                    .get(&Home::Cluster)
                    .is_some_and(|results| results.units.contains_key(&unit))
            {
                plan.entry(Home::Cluster).or_default().add(unit, asking);
            }
        }
    }

    /// Adds images that workloads began or ceased to run, or that are in scope no longer or again.
    pub(super) fn plan_images(&self, images: BTreeSet<Name>, plan: &mut Plan) {
        let asking = self.slots_where(|slot| slot.looks_at_images);
        if images.is_empty() {
            return;
        }
        let work = plan.entry(Home::Cluster).or_default();
        for image in images {
            work.add(Unit::Image(image), asking);
        }
    }

    /// Adds what changed rights ask for.
    pub(super) fn plan_rights(
        &self,
        touched: &Touched,
        inventory: &Inventory,
        settings: &Settings,
        plan: &mut Plan,
    ) {
        if touched.is_empty() {
            return;
        }
        let whole = self.slots_where(|slot| slot.reads_rights);
        let looks_around = self.slots_where(|slot| slot.reads_rights && slot.looks_around);
        plan.entry(Home::Cluster).or_default().add(Unit::Whole, whole);
        let mut entrants = false;
        for (subject, place) in &touched.places {
            let unit = Unit::Subject(Arc::new(subject.clone()));
            if let Subject::ServiceAccount { namespace, name } = subject {
                // In its namespace's report, or in the cluster's if there is no such namespace.
                plan.entry(Home::Cluster).or_default().add(unit.clone(), ALL);
                let work = plan.entry(Home::Namespace(Name::clone(namespace))).or_default();
                work.add(unit, ALL);
                work.add(Unit::Whole, whole);
                let users = inventory.namespace(namespace).into_iter();
                for user in users.flat_map(|namespace| namespace.users(name)) {
                    work.add(
                        Unit::Workload(user.kind(), Name::clone(user.name())),
                        looks_around,
                    );
                }
                continue;
            }
            entrants |= place.is_none();
            let home = place.clone().map_or(Home::Cluster, Home::Namespace);
            let work = plan.entry(home).or_default();
            work.add(unit, ALL);
            work.add(Unit::Whole, whole);
            if let Some(namespace) = subject.accounts_namespace() {
                plan.entry(Home::Namespace(namespace))
                    .or_default()
                    .add(Unit::Whole, whole);
            }
        }
        let context = self.context(inventory, self.known(), settings);
        for subject in &touched.indirect {
            for home in context.homes_of(subject) {
                let unit = Unit::Subject(Arc::new(subject.clone()));
                plan.entry(home).or_default().add(unit, ALL);
            }
        }
        if entrants {
            let asking = self.slots_where(|slot| slot.asks_for_entrants);
            for home in self.results.keys().filter(|_| asking != 0) {
                plan.entry(home.clone()).or_default().add(Unit::Whole, asking);
            }
        }
        for binding in &touched.bindings {
            if let Some(namespace) = binding.namespace.clone() {
                plan.entry(Home::Namespace(namespace))
                    .or_default()
                    .add(Unit::Whole, whole);
            }
        }
        for role in &touched.roles {
            let home = role.namespace.clone().map_or(Home::Cluster, Home::Namespace);
            plan.entry(home)
                .or_default()
                .add(Unit::UnboundRole(Name::clone(&role.name)), ALL);
        }
    }

    /// What to look at in a home that came, went, or is not the same any more: everything. Service accounts of a
    /// namespace that is not there belong to the cluster's report.
    pub(super) fn plan_home(&self, home: Home, inventory: &Inventory, settings: &Settings) -> Plan {
        let mut plan = Plan::new();
        if let Home::Namespace(namespace) = &home {
            let of_cluster = plan.entry(Home::Cluster).or_default();
            for account in self.rbac.bound_service_accounts(namespace) {
                of_cluster.add(Unit::Subject(Arc::new(account.clone())), ALL);
            }
        }
        let known = self
            .results
            .get(&home)
            .into_iter()
            .flat_map(|results| results.units.keys().cloned());
        let present = self.context(inventory, self.known(), settings).units(&home);
        let units = known.chain(self.due.units(&home).cloned()).chain(present);
        let work = Work {
            units: units.map(|unit| (unit, ALL)).collect(),
            every_workload: 0,
        };
        plan.insert(home, work);
        plan
    }
}
