//! What is to be said of decisions: on the report, and on the objects themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use plumbline_api::ItemStatus;
use plumbline_api::approval::ApprovalStatus;
use plumbline_api::attestation::{AttestationState, AttestationStatus};
use plumbline_api::conditions::{
    self, AttestationReason, ExpiringReason, HonouredReason, Reason, UnguardedReason, ValidReason,
    WaiverReason,
};
use plumbline_api::report::WaiverCounts;
use plumbline_api::waiver::{WaiverState, WaiverStatus};
use plumbline_baseline::{Home, find};
use plumbline_inventory::decisions::Facts;
use plumbline_inventory::guard::Guard;
use plumbline_inventory::{Inventory, Name, ObjectId};
use serde::Serialize;
use serde_json::Value;

use crate::attestations::Attestation;
use crate::evaluation::Evaluation;
use crate::memory::to_seconds;
use crate::settings::Settings;
use crate::waivers::{self, Waiver, honoured};

/// Names in the message of a condition.
const NAMED: usize = 10;

/// One baseline's view of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The baseline, compiled.
    pub settings: &'a Settings,
    /// The results.
    pub evaluation: &'a Evaluation,
}

impl Evaluation {
    /// What a waiver is worth, with what it covers.
    pub fn waiver_reason(&self, id: &ObjectId, waiver: &Waiver) -> WaiverReason {
        match waiver.reason {
            WaiverReason::Approved if self.covered(id) == 0 => WaiverReason::Unused,
            reason => reason,
        }
    }

    /// The waivers that the report of `home` counts: those of its namespace, or all.
    fn counted<'a>(&'a self, home: &'a Home) -> impl Iterator<Item = (&'a ObjectId, &'a Waiver)> {
        let counts = move |id: &ObjectId| match home {
            Home::Cluster => true,
            Home::Namespace(name) => waivers::place(id) == Some(name),
        };
        self.waivers().iter().filter(move |(id, _)| counts(id))
    }

    /// The waivers that the report of `home` counts, by what they are worth.
    pub fn waiver_counts(&self, home: &Home) -> WaiverCounts {
        let mut counts = WaiverCounts::default();
        for (id, waiver) in self.counted(home) {
            let reason = self.waiver_reason(id, waiver);
            *match reason.state() {
                WaiverState::Active => &mut counts.active,
                WaiverState::Pending => &mut counts.pending,
                WaiverState::Expired => &mut counts.expired,
                WaiverState::Unused => &mut counts.unused,
                WaiverState::Rejected => &mut counts.rejected,
            } += 1;
            counts.expiring_soon += i32::from(waiver.expires_soon && reason == WaiverReason::Approved);
        }
        counts
    }

    /// The condition that warns of waivers and attestations about to expire, if there are any.
    pub(crate) fn expiring(&self, home: &Home, now: &Time) -> Option<Condition> {
        let named = |id: &ObjectId, expires: Timestamp| format!("{id} on {expires}");
        let waivers = self.counted(home).filter(|(_, waiver)| waiver.expires_soon);
        let waivers: Vec<String> = waivers.map(|(id, waiver)| named(id, waiver.expires)).collect();
        let attestations = self
            .attestations()
            .iter()
            .filter(|(_, it)| it.expires_soon && *home == Home::Cluster);
        let attestations: Vec<String> = attestations.map(|(id, it)| named(id, it.expires)).collect();
        let reason = if waivers.is_empty() {
            ExpiringReason::AttestationExpiresSoon
        } else {
            ExpiringReason::WaiverExpiresSoon
        };
        let all: Vec<String> = waivers.into_iter().chain(attestations).collect();
        let rest = all.len().saturating_sub(NAMED);
        let mut message = all[..all.len() - rest].join(", ");
        if rest > 0 {
            message = format!("{message}; and {rest} more");
        }
        (!all.is_empty()).then(|| reason.condition(message, None, now))
    }

    /// What each attestation is worth in the end.
    pub fn attestation_reason(
        &self,
        attestation: &Attestation,
        inventory: &Inventory,
        settings: &Settings,
    ) -> AttestationReason {
        if !attestation.is_in_force() {
            return attestation.reason;
        }
        let homes = attestation.homes(inventory);
        let items: Vec<_> = attestation.items().filter_map(find).collect();
        let states = homes.iter().flat_map(|home| {
            let listed = items.iter().filter(|item| home.lists(item));
            listed.map(|item| self.item(item, home, inventory, settings, 0).status)
        });
        let mut reason = AttestationReason::Unused;
        for status in states {
            match status {
                ItemStatus::Fail => return AttestationReason::Contradicted,
                ItemStatus::Attested => reason = AttestationReason::Accepted,
                _ => {}
            }
        }
        reason
    }
}

/// The condition that says that nothing proves who approves and attests, if so.
pub(crate) fn unguarded(inventory: &Inventory, home: &Home, now: &Time) -> Option<Condition> {
    let guard = inventory.guard().filter(|_| *home == Home::Cluster)?;
    let reason = match guard {
        Guard::Stands(_) => return None,
        Guard::Missing(_) => UnguardedReason::PolicyMissing,
        Guard::NotEnforced(..) => UnguardedReason::PolicyNotEnforced,
        Guard::Altered(..) => UnguardedReason::PolicyAltered,
        Guard::Unreadable => UnguardedReason::PolicyUnreadable,
    };
    let message = format!("{guard}: approvals and attestations that are made now do not count");
    Some(reason.condition(message, None, now))
}

/// What is to be said of decisions.
#[derive(Debug, Default)]
pub struct Said {
    /// The statuses that waivers, approvals and attestations should have and have not.
    pub statuses: Vec<(ObjectId, Value)>,
    /// How many attestations there are of each state.
    pub attestations: BTreeMap<&'static str, u32>,
}

/// What is to be said of waivers, approvals and attestations at `now`.
///
/// Under several baselines a decision is worth what it is worth under the one that makes the most of it.
pub fn say(views: &[View<'_>], inventory: &Inventory, now: Timestamp) -> Said {
    let now = Time(to_seconds(now));
    let mut statuses = Vec::new();
    let mut attestations: BTreeMap<&'static str, u32> = AttestationState::ALL
        .iter()
        .map(|state| (state.as_str(), 0))
        .collect();
    let by_name: BTreeMap<(Option<&Name>, &str), _> = inventory
        .waivers()
        .map(|(id, facts)| ((id.namespace.as_ref(), &*id.name), facts))
        .collect();
    for (id, facts) in inventory.waivers() {
        let status = views
            .iter()
            .filter_map(|view| waiver_status(id, facts, view, inventory, &now));
        // In the order of the states: Active is the best.
        if let Some(status) = status.min_by_key(|status| rank(status.state)) {
            note(&mut statuses, id, &status, inventory);
        }
    }
    for (id, facts) in inventory.approvals() {
        let waiver = by_name.get(&(id.namespace.as_ref(), facts.spec.waiver.name.as_str()));
        let reason = honoured(waiver.copied(), facts, inventory);
        let told = stored(id, inventory);
        let message = told_of_approval(reason, &facts.spec.waiver.name);
        let conditions = vec![reason.condition(message, facts.written.generation, &now)];
        let status = ApprovalStatus {
            observed_generation: Some(facts.written.generation),
            conditions: kept(told, conditions),
        };
        note(&mut statuses, id, &status, inventory);
    }
    for (id, facts) in inventory.attestations() {
        let status = views.iter().filter_map(|view| {
            let (_, attestation) = view
                .evaluation
                .attestations()
                .iter()
                .find(|(known, _)| *known == id)?;
            let reason = view
                .evaluation
                .attestation_reason(attestation, inventory, view.settings);
            let message = match reason {
                AttestationReason::Unused => "no item in its scope asks for it".to_owned(),
                AttestationReason::Contradicted if attestation.is_in_force() => {
                    "evidence from the API says otherwise".to_owned()
                }
                _ => attestation.message.clone(),
            };
            let generation = facts.written.generation;
            let conditions = vec![
                valid(&attestation.problems, generation, &now),
                reason.condition(message, generation, &now),
            ];
            Some(AttestationStatus {
                observed_generation: Some(generation),
                state: reason.state(),
                conditions: kept(stored(id, inventory), conditions),
            })
        });
        if let Some(status) = status.min_by_key(|status| attestation_rank(status.state)) {
            *attestations.entry(status.state.as_str()).or_default() += 1;
            note(&mut statuses, id, &status, inventory);
        }
    }
    Said {
        statuses,
        attestations,
    }
}

fn waiver_status<S>(
    id: &ObjectId,
    facts: &Facts<S>,
    view: &View<'_>,
    inventory: &Inventory,
    now: &Time,
) -> Option<WaiverStatus> {
    let (_, waiver) = view.evaluation.waivers().iter().find(|(known, _)| *known == id)?;
    let reason = view.evaluation.waiver_reason(id, waiver);
    let message = match reason {
        WaiverReason::Unused => format!("{}; nothing needs it", waiver.message),
        _ => waiver.message.clone(),
    };
    let generation = facts.written.generation;
    let conditions = vec![
        valid(&waiver.problems, generation, now),
        reason.condition(message, generation, now),
    ];
    Some(WaiverStatus {
        observed_generation: Some(generation),
        state: reason.state(),
        covered: view.evaluation.covered(id) as i32,
        conditions: kept(stored(id, inventory), conditions),
    })
}

fn told_of_approval(reason: HonouredReason, waiver: &str) -> String {
    match reason {
        HonouredReason::Approved => format!("waiver {waiver} reads as it was approved"),
        HonouredReason::WaiverNotFound => format!("there is no waiver {waiver} of this uid"),
        HonouredReason::WaiverChanged => format!("waiver {waiver} has been edited since"),
        HonouredReason::SelfApproved => format!("waiver {waiver} is asked for by the approver"),
        HonouredReason::Unguarded => {
            "made while the guarding admission policies did not stand: make it again".to_owned()
        }
    }
}

fn valid(problems: &[String], generation: i64, now: &Time) -> Condition {
    if problems.is_empty() {
        ValidReason::Accepted.condition("everything that it names exists", generation, now)
    } else {
        let message = format!("{}; the rest is honoured", problems.join("; "));
        ValidReason::UnknownItem.condition(
            crate::report::cut(message, crate::report::MAX_MESSAGE),
            generation,
            now,
        )
    }
}

/// The conditions stored on a decision.
fn stored(id: &ObjectId, inventory: &Inventory) -> Vec<Condition> {
    serde_json::from_value(inventory.stored_status(id)["conditions"].clone()).unwrap_or_default()
}

/// `conditions` with the times of those `stored` that say the same.
fn kept(mut stored: Vec<Condition>, conditions: Vec<Condition>) -> Vec<Condition> {
    stored.retain(|old| conditions.iter().any(|new| new.type_ == old.type_));
    for condition in conditions {
        conditions::set(&mut stored, condition);
    }
    stored
}

fn note<S: Serialize>(
    statuses: &mut Vec<(ObjectId, Value)>,
    id: &ObjectId,
    status: &S,
    inventory: &Inventory,
) {
    let status = serde_json::to_value(status).expect("a status is JSON");
    if *inventory.stored_status(id) != status {
        statuses.push((id.clone(), status));
    }
}

/// Which of several states of a waiver counts: the one that makes the most of it.
fn rank(state: WaiverState) -> u8 {
    match state {
        WaiverState::Active => 0,
        WaiverState::Unused => 1,
        WaiverState::Pending => 2,
        WaiverState::Expired => 3,
        WaiverState::Rejected => 4,
    }
}

/// Which of several states of an attestation counts. That evidence says otherwise counts most.
fn attestation_rank(state: AttestationState) -> u8 {
    match state {
        AttestationState::Contradicted => 0,
        AttestationState::Active => 1,
        AttestationState::Unused => 2,
        AttestationState::Expired => 3,
        AttestationState::Rejected => 4,
    }
}
