//! What the operator says about waivers, approvals and attestations, on the objects themselves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use plumbline_api::conditions::WaiverReason;
use plumbline_engine::decided::{View, say};
use plumbline_inventory::{Inventory, ObjectId};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::reports::COUNTS;
use crate::watch::one_line;
use crate::writer::{Note, Writer};

/// The least time between two looks: what a change leads to often comes in several turns.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a status that was sent may take to be seen, before it is sent again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The statuses of decisions, kept up to date.
#[derive(Debug)]
pub(crate) struct Decisions {
    /// When to look next, if there is a reason to.
    next: Option<Instant>,
    looked: Option<Instant>,
    sent: BTreeMap<ObjectId, (Value, Instant)>,
    /// What was last seen of each waiver: in force and not about to expire, about to, or expired.
    ages: Option<BTreeMap<ObjectId, Age>>,
    /// How many attestations there are of each state.
    pub(crate) attestations: BTreeMap<&'static str, u32>,
}

/// How near its end a waiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Young,
    ExpiresSoon,
    Expired,
}

impl Decisions {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            next: Some(now),
            looked: None,
            sent: BTreeMap::new(),
            ages: None,
            attestations: BTreeMap::new(),
        }
    }

    /// Something has been evaluated: decisions may be worth something else.
    pub(crate) fn evaluated(&mut self, now: Instant) {
        let due = self.looked.map_or(now, |looked| now.max(looked + PAUSE));
        self.look_at(due);
    }

    /// When to look next.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.next
    }

    fn look_at(&mut self, due: Instant) {
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
    }

    /// Sends the statuses that are not as they should be, and tells of waivers that come to their end.
    pub(crate) fn send(
        &mut self,
        views: &[View<'_>],
        inventory: &Inventory,
        writer: &Writer,
        instance: &str,
        tasks: &mut JoinSet<()>,
        now: Instant,
    ) {
        if self.next.is_none_or(|next| next > now) {
            return;
        }
        (self.next, self.looked) = (None, Some(now));
        let said = say(views, inventory, Timestamp::now());
        let due = said.statuses;
        self.attestations = said.attestations;
        self.sent.retain(|id, _| due.iter().any(|(known, _)| known == id));
        for (id, status) in due {
            if let Some((before, at)) = self.sent.get(&id) {
                let wait = if *before == status {
                    PATIENCE
                } else {
                    Duration::ZERO
                };
                if now < *at + wait {
                    let again = *at + wait;
                    self.look_at(again);
                    continue;
                }
            }
            let stored = inventory.stored_status(&id);
            if only_counts(stored, &status)
                && let Some(again) = self.looked_at_counts(&id, now)
            {
                self.look_at(again);
                continue;
            }
            self.sent.insert(id.clone(), (status.clone(), now));
            self.look_at(now + PATIENCE);
            let writer = writer.clone();
            tasks.spawn(async move {
                if let Err(error) = writer.write_decision(&id, &status).await {
                    tracing::warn!("the status of {id} is refused: {}", one_line(&error));
                }
            });
        }
        self.tell(views, writer, instance, tasks);
    }

    /// When a status of which only the count differs may go out, if not now.
    fn looked_at_counts(&self, id: &ObjectId, now: Instant) -> Option<Instant> {
        let (_, at) = self.sent.get(id)?;
        Some(*at + COUNTS).filter(|due| *due > now)
    }

    /// Tells of waivers that have come near their end, or to it, since this was last called.
    fn tell(&mut self, views: &[View<'_>], writer: &Writer, instance: &str, tasks: &mut JoinSet<()>) {
        let mut ages = BTreeMap::new();
        for (id, waiver) in views.iter().flat_map(|view| view.evaluation.waivers().iter()) {
            let age = match waiver.reason {
                WaiverReason::Expired => Age::Expired,
                WaiverReason::Approved if waiver.expires_soon => Age::ExpiresSoon,
                _ => Age::Young,
            };
            ages.insert(id.clone(), age);
            let before = self.ages.as_ref().and_then(|ages| ages.get(id));
            if before.is_none_or(|before| age <= *before) {
                continue;
            }
            let reason = match age {
                Age::Expired => "WaiverExpired",
                _ => "WaiverExpiresSoon",
            };
            let note = Note {
                reason: reason.to_owned(),
                text: format!("{id}: {}", waiver.message),
                warns: true,
            };
            let (writer, id, instance) = (writer.clone(), id.clone(), instance.to_owned());
            tasks.spawn(async move {
                if let Err(error) = writer.tell_of_decision(&id, &note, &instance).await {
                    tracing::warn!("an Event is refused: {}", one_line(&error));
                }
            });
        }
        self.ages = Some(ages);
    }
}

/// Whether two statuses differ in the number of covered objects only.
fn only_counts(stored: &Value, status: &Value) -> bool {
    let mut stored = stored.clone();
    if let Some(covered) = stored.get_mut("covered") {
        *covered = status["covered"].clone();
    }
    stored == *status
}
