//! What a report remembers from one evaluation to the next: since when, compared with what, and what happened.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use plumbline_api::baseline::Pin;
use plumbline_api::conditions::{self, ConditionType, DriftedReason, Reason};
use plumbline_api::history::{
    MAX_HISTORY_CLUSTER, MAX_HISTORY_NAMESPACE, Reference, ReferenceItem, ReferenceKind, Transition,
};
use plumbline_api::report::BaselineRef;
use plumbline_api::{Drift, ItemResult, ItemStatus, ReportStatus};

use crate::rollup::ItemState;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use plumbline_baseline::Home;

/// How long a change has to hold before it is history, drift or an Event: a namespace being torn down or an
/// apply half done is none of these.
pub const HOLD: SignedDuration = SignedDuration::from_secs(10);

/// The memory of one report.
#[derive(Clone, Debug)]
pub struct Memory {
    home: Home,
    items: BTreeMap<&'static str, ItemMemory>,
    /// The state that drift is measured against.
    pub reference: Option<Reference>,
    /// The last transitions, oldest first.
    pub history: Vec<Transition>,
    /// A report was stored and could not be read: what it remembered is lost.
    pub history_lost: bool,
    /// When the report is first evaluated; the reference is taken once that has held, or at once if what is
    /// there was there before the operator.
    born: Option<Timestamp>,
    settled_at_birth: bool,
    /// Somebody asked for the present state as the reference, and it has not been taken yet.
    pending_pin: Option<Pin>,
}

/// What is remembered of an item.
#[derive(Clone, Debug)]
struct ItemMemory {
    /// The status shown, and since when.
    status: ItemStatus,
    since: Timestamp,
    /// The status that has held, and since when.
    held: ItemStatus,
    held_since: Timestamp,
    /// No status has held yet.
    fresh: bool,
    /// Since when the item differs from the reference.
    differs_since: Option<Timestamp>,
    cause: String,
}

/// What the time of a report has to say about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aged {
    /// When the item got its status.
    pub since: Timestamp,
    /// How it compares with the reference.
    pub drift: Drift,
    /// Failing objects now minus those in the reference.
    pub failing_change: Option<i32>,
}

/// What came of looking at the clock.
#[derive(Clone, Debug, Default)]
pub struct Settling {
    /// For each state, in order.
    pub items: Vec<Aged>,
    /// Transitions that have now held.
    pub transitions: Vec<Transition>,
    /// When something will have held that has not yet.
    pub next: Option<Timestamp>,
}

impl Memory {
    /// The memory of a report that is new. `settled` says that what it reports on was there before: its first
    /// evaluation is the reference at once, and not after it has held.
    pub fn new(home: Home, settled: bool) -> Self {
        Self {
            home,
            items: BTreeMap::new(),
            reference: None,
            history: Vec::new(),
            history_lost: false,
            born: None,
            settled_at_birth: settled,
            pending_pin: None,
        }
    }

    /// The memory that a stored report carries, now that `baseline` is in effect and `pin` is its pin.
    ///
    /// A reference of another baseline, or of another generation of this one, is no reference any more, unless
    /// it is what was pinned. A pin that the report does not know yet was made while nobody ran: it is taken.
    pub fn restore(home: Home, baseline: &BaselineRef, pin: Option<&Pin>, stored: &ReportStatus) -> Self {
        let mut memory = Self::new(home, true);
        memory.history.clone_from(&stored.history);
        let same_baseline = stored.baseline.as_ref() == Some(baseline);
        let stands = |reference: &Reference| match reference.kind {
            ReferenceKind::Pin => pin.is_some_and(|pin| is_of(reference, pin)),
            // Under a pin: of a report that there was not yet when it was made.
            ReferenceKind::Initial => same_baseline,
        };
        memory.reference = stored.reference.clone().filter(stands);
        memory.pending_pin = pin.filter(|_| memory.reference.is_none()).cloned();
        memory.history_lost = same_baseline && is_history_lost(stored);
        for result in &stored.items {
            let Some(item) = plumbline_baseline::find(&result.id) else {
                continue;
            };
            let since = result.since.0;
            let (held, held_since) = held(result, stored).unwrap_or((result.status, since));
            memory.items.insert(
                item.id,
                ItemMemory {
                    fresh: false,
                    status: result.status,
                    since,
                    held,
                    held_since,
                    // Drift that was shown has held.
                    differs_since: (result.drift != Drift::None).then_some(Timestamp::UNIX_EPOCH),
                    cause: String::new(),
                },
            );
        }
        memory
    }

    /// The memory of a report whose stored form cannot be read.
    pub fn lost(home: Home) -> Self {
        Self {
            history_lost: true,
            ..Self::new(home, true)
        }
    }

    /// Somebody has pinned the present state, or let go of what was pinned. The states at the next look are the
    /// reference; nothing else is forgotten.
    pub fn pin(&mut self, pin: Option<&Pin>) {
        self.pending_pin = pin.cloned();
        if pin.is_none() {
            self.reference = self
                .reference
                .take()
                .filter(|reference| reference.kind == ReferenceKind::Initial);
        }
    }

    /// Takes `states` as the reference, if somebody asked for them and they have not been taken.
    pub fn take_pin(&mut self, states: &[ItemState]) {
        if let Some(pin) = self.pending_pin.take() {
            self.history_lost = false;
            self.reference = Some(Reference {
                kind: ReferenceKind::Pin,
                time: Time(to_seconds(pin.time.0)),
                by: Some(pin.by),
                items: states.iter().map(reference_item).collect(),
            });
        }
    }

    /// Another baseline, or another generation of it, is in effect: the next evaluation is the reference, unless
    /// one is pinned.
    pub fn rebase(&mut self) {
        self.reference = self
            .reference
            .take()
            .filter(|reference| reference.kind == ReferenceKind::Pin);
        self.settled_at_birth = true;
        self.born = None;
        self.history_lost = false;
    }

    /// Takes in the states of the items at `now`.
    pub fn observe(&mut self, states: &[ItemState], now: Timestamp) -> Settling {
        let now = to_seconds(now);
        let mut settling = Settling::default();
        for state in states {
            self.settle(state, now, &mut settling);
        }
        self.take_reference(states, now, &mut settling);
        settling.items = states
            .iter()
            .map(|state| self.age(state, now, &mut settling.next))
            .collect();
        self.history_lost &= settling.items.iter().all(|aged| aged.drift == Drift::None);
        let keep = if self.home == Home::Cluster {
            MAX_HISTORY_CLUSTER
        } else {
            MAX_HISTORY_NAMESPACE
        };
        self.history.extend(settling.transitions.iter().cloned());
        self.history.drain(..self.history.len().saturating_sub(keep));
        settling
    }

    fn settle(&mut self, state: &ItemState, now: Timestamp, settling: &mut Settling) {
        let fresh = !self.settled_at_birth;
        let memory = self.items.entry(state.item.id).or_insert_with(|| ItemMemory {
            fresh,
            status: state.status,
            since: now,
            held: state.status,
            held_since: now,
            differs_since: None,
            cause: String::new(),
        });
        memory.fresh &= now < memory.held_since + HOLD;
        if memory.fresh && memory.status != state.status {
            // Of a namespace that is being filled the first status is the first that holds.
            memory.held = state.status;
            memory.held_since = now;
        }
        if memory.status != state.status {
            memory.status = state.status;
            // What has come back within the hold has never been away.
            memory.since = if state.status == memory.held {
                memory.held_since
            } else {
                now
            };
            memory.cause = state.cause.as_ref().map(ToString::to_string).unwrap_or_default();
        }
        if memory.status == memory.held {
            return;
        }
        let due = memory.since + HOLD;
        if now < due {
            soonest(&mut settling.next, due);
            return;
        }
        settling.transitions.push(Transition {
            time: Time(memory.since),
            item: state.item.id.to_owned(),
            from: memory.held,
            to: memory.status,
            cause: std::mem::take(&mut memory.cause),
        });
        memory.held = memory.status;
        memory.held_since = memory.since;
    }

    fn take_reference(&mut self, states: &[ItemState], now: Timestamp, settling: &mut Settling) {
        self.take_pin(states);
        if self.reference.is_some() {
            return;
        }
        let born = *self.born.get_or_insert(now);
        if !self.settled_at_birth && now < born + HOLD {
            soonest(&mut settling.next, born + HOLD);
            return;
        }
        self.reference = Some(Reference {
            kind: ReferenceKind::Initial,
            time: Time(now),
            by: None,
            items: states.iter().map(reference_item).collect(),
        });
    }

    fn age(&mut self, state: &ItemState, now: Timestamp, next: &mut Option<Timestamp>) -> Aged {
        let memory = self.items.get_mut(state.item.id).expect("settled above");
        let reference = self
            .reference
            .as_ref()
            .and_then(|reference| reference.items.iter().find(|item| item.id == state.item.id));
        let Some(reference) = reference else {
            return Aged {
                since: memory.since,
                drift: Drift::None,
                failing_change: None,
            };
        };
        let failing_change = Some(state.failing as i32 - reference.failing);
        let equal = reference.status == state.status
            && reference.failing == state.failing as i32
            && reference.digest == format!("{:016x}", state.digest);
        if equal {
            memory.differs_since = None;
            return Aged {
                since: memory.since,
                drift: Drift::None,
                failing_change,
            };
        }
        let differs_since = *memory.differs_since.get_or_insert(now);
        let held = now >= differs_since + HOLD;
        let drift = if held {
            // What has held once has held, also by a clock that is put back.
            memory.differs_since = Some(Timestamp::UNIX_EPOCH);
            drift(reference.status, memory.held)
        } else {
            soonest(next, differs_since + HOLD);
            Drift::None
        };
        Aged {
            since: memory.since,
            drift,
            failing_change,
        }
    }
}

fn reference_item(state: &ItemState) -> ReferenceItem {
    ReferenceItem {
        id: state.item.id.to_owned(),
        status: state.status,
        failing: state.failing as i32,
        digest: format!("{:016x}", state.digest),
    }
}

/// Whether `reference` is what `pin` asked for.
fn is_of(reference: &Reference, pin: &Pin) -> bool {
    reference.time.0 == to_seconds(pin.time.0) && reference.by.as_ref() == Some(&pin.by)
}

/// Whether the stored report says that what came before it is lost.
fn is_history_lost(stored: &ReportStatus) -> bool {
    conditions::find(&stored.conditions, ConditionType::Drifted)
        .is_some_and(|condition| condition.reason == DriftedReason::HistoryLost.as_str())
}

/// The status that had held, and since when, if the report was stored before that of `result` could hold: the last
/// one that history tells of, else that of the reference.
fn held(result: &ItemResult, stored: &ReportStatus) -> Option<(ItemStatus, Timestamp)> {
    let since = result.since.0;
    // By a clock that was put back, it may have held in the time that is yet to come.
    let is_told =
        |told: &Transition| told.item == result.id && told.time.0 == since && told.to == result.status;
    let has_held = stored.last_evaluated.as_ref()?.0.duration_since(since) >= HOLD;
    if has_held || stored.history.iter().any(is_told) {
        return None;
    }
    let told = stored
        .history
        .iter()
        .rfind(|told| told.item == result.id && told.time.0 < since)
        .map(|told| (told.to, told.time.0));
    let referred = || {
        let reference = stored.reference.as_ref()?;
        let item = reference.items.iter().find(|item| item.id == result.id)?;
        // A pin has the time of whoever made it; when the item got its status, it does not say.
        let at = match reference.kind {
            ReferenceKind::Initial => reference.time.0,
            ReferenceKind::Pin => since,
        };
        (reference.kind == ReferenceKind::Pin || at < since).then_some((item.status, at))
    };
    told.or_else(referred)
}

fn drift(from: ItemStatus, to: ItemStatus) -> Drift {
    // Nothing in scope is as good as everything in order.
    let rank = |status| {
        if status == ItemStatus::NotApplicable {
            ItemStatus::Pass
        } else {
            status
        }
    };
    match rank(to).cmp(&rank(from)) {
        std::cmp::Ordering::Less => Drift::Regressed,
        std::cmp::Ordering::Greater => Drift::Improved,
        std::cmp::Ordering::Equal => Drift::Changed,
    }
}

fn soonest(next: &mut Option<Timestamp>, at: Timestamp) {
    *next = Some(next.map_or(at, |known| known.min(at)));
}

/// Reports give times in seconds.
pub fn to_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).expect("a time without its fraction is in range")
}

#[cfg(test)]
mod tests;
