//! Attestations: which are in force, and what they speak for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plumbline_api::conditions::AttestationReason;
use plumbline_baseline::{Class, Home, Item, Scope, find};
use plumbline_inventory::decisions::AttestationFacts;
use plumbline_inventory::lean::AttestationScope;
use plumbline_inventory::{Inventory, ObjectId};

use crate::settings::Settings;
use crate::waivers::warns;

/// Every attestation, judged under one baseline at one time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Attestations {
    all: BTreeMap<ObjectId, Attestation>,
    next: Option<Timestamp>,
}

/// An attestation, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// What it is worth, whatever it decides.
    pub reason: AttestationReason,
    /// What goes with that.
    pub message: String,
    /// What in it cannot be honoured; the rest is.
    pub problems: Vec<String>,
    /// When it ceases to count.
    pub expires: Timestamp,
    /// Whether it is in force and expires within the days that the baseline warns.
    pub expires_soon: bool,
    by: String,
    items: BTreeSet<&'static str>,
    scope: AttestationScope,
}

impl Attestations {
    /// The attestations of `inventory` under `settings`, as they are at `now`.
    pub(crate) fn of(inventory: &Inventory, settings: &Settings, now: Timestamp) -> Self {
        let mut attestations = Self::default();
        for (id, facts) in inventory.attestations() {
            let expires = facts.spec.valid_until;
            for time in [expires, warns(expires, settings)] {
                if time > now {
                    attestations.next = Some(attestations.next.map_or(time, |next| next.min(time)));
                }
            }
            let attestation = Attestation::of(facts, inventory, settings, now);
            attestations.all.insert(id.clone(), attestation);
        }
        attestations
    }

    /// When the next one changes though nobody touches it.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// Every attestation, ordered.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Attestation)> {
        self.all.iter()
    }

    /// Those in force that speak of `item` in the report of `home`, or of a part of what it is about.
    pub(crate) fn speaking_of<'a>(
        &'a self,
        item: &'a Item,
        home: &'a Home,
    ) -> impl Iterator<Item = (&'a ObjectId, &'a Attestation)> {
        let speaks = move |attestation: &Attestation| {
            attestation.is_in_force() && attestation.items.contains(item.id) && attestation.is_about(home)
        };
        self.all
            .iter()
            .filter(move |(_, attestation)| speaks(attestation))
    }

    /// Those in force that together speak for all that `item` is about in the report of `home`; none if they leave
    /// something out. `concerned` are the namespaces with something that the item applies to.
    pub(crate) fn deciding<'a>(
        &'a self,
        item: &'a Item,
        home: &'a Home,
        concerned: impl Iterator<Item = &'a Home>,
        inventory: &Inventory,
    ) -> Vec<(&'a ObjectId, &'a Attestation)> {
        let speaking: Vec<_> = self.speaking_of(item, home).collect();
        let whole = |attestation: &Attestation| attestation.scope == AttestationScope::default();
        if let Some(whole) = speaking.iter().find(|(_, attestation)| whole(attestation)) {
            return vec![*whole];
        }
        let named = |of: fn(&AttestationScope) -> &[String]| -> BTreeSet<&str> {
            let names = speaking
                .iter()
                .flat_map(move |(_, attestation)| of(&attestation.scope));
            names.map(String::as_str).collect()
        };
        let namespaces = named(|scope| &scope.namespaces);
        let complete = match (home, item.scope) {
            (Home::Namespace(name), _) => namespaces.contains(&**name),
            (Home::Cluster, Scope::Node) => {
                let nodes = named(|scope| &scope.nodes);
                inventory.nodes().all(|(name, _)| nodes.contains(&**name))
            }
            (Home::Cluster, Scope::Namespace | Scope::Workload | Scope::Subject) => {
                let mut concerned = concerned.peekable();
                concerned.peek().is_some()
                    && concerned.all(|home| home.namespace().is_some_and(|name| namespaces.contains(&**name)))
            }
            (Home::Cluster, Scope::Image) => {
                let images = named(|scope| &scope.images);
                // By digest, or by a reference that ends in one.
                let digests: BTreeSet<&str> = images
                    .into_iter()
                    .map(|image| image.rsplit_once('@').map_or(image, |(_, digest)| digest))
                    .collect();
                inventory.images().all(|running| digests.contains(&**running))
            }
            (Home::Cluster, Scope::Cluster) => false,
        };
        if complete { speaking } else { Vec::new() }
    }
}

impl Attestation {
    fn of(facts: &AttestationFacts, inventory: &Inventory, settings: &Settings, now: Timestamp) -> Self {
        let spec = &facts.spec;
        let mut problems = Vec::new();
        let mut items = BTreeSet::new();
        for name in &spec.items {
            match find(name).filter(|item| item.id == name) {
                None => problems.push(format!("spec.items: there is no item {name:?}")),
                Some(item) if item.class == Class::A => {
                    problems.push(format!(
                        "spec.items: {name} is decided by the API alone (class A)"
                    ));
                }
                Some(item) => drop(items.insert(item.id)),
            }
        }
        let longest = settings.limits.attestation;
        let from = facts.written.created.unwrap_or(spec.valid_until);
        let failed = spec.evidence.iter().find(|evidence| evidence.failed > 0);
        // First, so that it is remembered whatever else is the case.
        let (reason, message) = if !inventory.is_guarded(facts) {
            let message = "made while the guarding admission policies did not stand: make it again";
            (AttestationReason::Unguarded, message.to_owned())
        } else if now >= spec.valid_until {
            (
                AttestationReason::Expired,
                format!("expired on {}", spec.valid_until),
            )
        } else if items.is_empty() {
            (
                AttestationReason::NotAttestable,
                "none of its items can be attested".to_owned(),
            )
        } else if spec.valid_until.duration_since(from) > longest {
            let days = longest.as_hours() / 24;
            let message = format!("valid for more than {days} days; the baseline allows no more");
            (AttestationReason::TooLong, message)
        } else if let Some(evidence) = failed {
            let message = format!(
                "its own evidence says otherwise: {} failed {} checks",
                evidence.tool, evidence.failed
            );
            (AttestationReason::Contradicted, message)
        } else {
            let message = format!("attested by {} until {}", spec.attested_by, spec.valid_until);
            (AttestationReason::Accepted, message)
        };
        Self {
            reason,
            message,
            problems,
            expires: spec.valid_until,
            expires_soon: reason == AttestationReason::Accepted && now >= warns(spec.valid_until, settings),
            by: spec.attested_by.clone(),
            items,
            scope: spec.scope.clone(),
        }
    }

    /// Whether it speaks for what it names.
    pub fn is_in_force(&self) -> bool {
        self.reason == AttestationReason::Accepted
    }

    /// Who attests.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// The items that it is for.
    pub fn items(&self) -> impl Iterator<Item = &'static str> {
        self.items.iter().copied()
    }

    /// The reports that it is about.
    pub(crate) fn homes(&self, inventory: &Inventory) -> Vec<Home> {
        let here = |name: &String| {
            inventory
                .namespace(name)
                .map(|ns| Home::Namespace(ns.name().clone()))
        };
        if self.scope.namespaces.is_empty() {
            vec![Home::Cluster]
        } else {
            self.scope.namespaces.iter().filter_map(here).collect()
        }
    }

    /// Whether it is about something in the report of `home`.
    fn is_about(&self, home: &Home) -> bool {
        let everything = self.scope == AttestationScope::default();
        let here = |name: &str| self.scope.namespaces.iter().any(|namespace| namespace == name);
        home.namespace().is_none_or(|name| everything || here(name))
    }
}
