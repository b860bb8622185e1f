//! What people decided on verdicts, and whether it is proven who did.
//!
//! Who may approve is who may create the approval kind; that nobody approves in somebody else's name is the
//! work of admission policies (`config/policies`). An approval or attestation that is first seen while these do not
//! stand proves nothing, and stays so until it is made again: [`Inventory::judge`].

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::facts::Uid;
use crate::guard::Guard;
use crate::inventory::{InputState, Inventory, ObjectId};
use crate::kind::Kind;
use crate::lean::{ApprovalSpec, AttestationSpec, Decision, Object, PolicySpec, WaiverSpec, Written};

/// How far apart the events of two kinds may arrive, clocks included: what was made this long before the guard was
/// seen to change may have been made without it.
const APART: SignedDuration = SignedDuration::from_secs(60);

/// A decision of people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts<S> {
    /// Its uid; `None` for a manifest that no API server has seen.
    pub uid: Option<Uid>,
    /// When it was made and last written.
    pub written: Written,
    /// What it says.
    pub spec: S,
    /// The digest of its whole spec.
    pub digest: String,
}

/// A waiver.
pub type WaiverFacts = Facts<WaiverSpec>;
/// An approval.
pub type ApprovalFacts = Facts<ApprovalSpec>;
/// An attestation.
pub type AttestationFacts = Facts<AttestationSpec>;
/// An admission policy or its binding.
pub type PolicyFacts = Facts<PolicySpec>;

/// One edition of an object: what an edit makes is to be looked at anew.
type Edition = (Uid, i64);

/// Everything that people decided.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    waivers: Stored<WaiverSpec>,
    approvals: Stored<ApprovalSpec>,
    attestations: Stored<AttestationSpec>,
    pub(crate) policies: Stored<PolicySpec>,
    /// Whether an approval or attestation was made under guard, once that is known.
    guarded: BTreeMap<Edition, bool>,
    /// The guard as it was last looked at.
    guard: Option<Guard>,
}

/// Decisions of one sort.
#[derive(Debug)]
pub(crate) struct Stored<S>(BTreeMap<ObjectId, Entry<S>>);

#[derive(Debug)]
struct Entry<S> {
    epoch: u32,
    facts: Facts<S>,
    /// What we said of it, as it is stored: no fact, so that saying something changes nothing.
    status: Value,
}

/// What putting an object did.
enum Put {
    New,
    Changed,
    Same,
}

impl<S> Default for Stored<S> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<S: PartialEq> Stored<S> {
    fn put(&mut self, id: ObjectId, epoch: u32, decision: Decision<S>) -> Put {
        let entry = Entry {
            epoch,
            facts: Facts {
                uid: decision.metadata.uid.as_deref().map(Uid::parse),
                written: decision.written,
                spec: decision.spec,
                digest: decision.digest,
            },
            status: decision.status,
        };
        match self.0.get_mut(&id) {
            None => {
                self.0.insert(id, entry);
                Put::New
            }
            Some(known) if known.facts == entry.facts => {
                *known = entry;
                Put::Same
            }
            Some(known) => {
                *known = entry;
                Put::Changed
            }
        }
    }
}

impl<S> Stored<S> {
    fn stale(&self, kind: Kind, epoch: u32) -> impl Iterator<Item = &ObjectId> {
        let stale = move |(id, entry): &(&ObjectId, &Entry<S>)| id.kind == kind && entry.epoch != epoch;
        self.0.iter().filter(stale).map(|(id, _)| id)
    }

    fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Facts<S>)> {
        self.0.iter().map(|(id, entry)| (id, &entry.facts))
    }

    pub(crate) fn get(&self, kind: Kind, name: &str) -> Option<&Facts<S>> {
        let id = ObjectId {
            kind,
            namespace: None,
            name: name.into(),
        };
        self.0.get(&id).map(|entry| &entry.facts)
    }

    fn status(&self, id: &ObjectId) -> Option<&Value> {
        self.0.get(id).map(|entry| &entry.status)
    }
}

impl Decisions {
    pub(crate) fn stale(&self, kind: Kind, epoch: u32) -> Vec<ObjectId> {
        let mut stale: Vec<&ObjectId> = self.waivers.stale(kind, epoch).collect();
        stale.extend(self.approvals.stale(kind, epoch));
        stale.extend(self.attestations.stale(kind, epoch));
        stale.extend(self.policies.stale(kind, epoch));
        stale.into_iter().cloned().collect()
    }

    pub(crate) fn remove(&mut self, id: &ObjectId) -> bool {
        self.waivers.0.remove(id).is_some()
            || self.approvals.0.remove(id).is_some()
            || self.attestations.0.remove(id).is_some()
            || self.policies.0.remove(id).is_some()
    }

    /// Everything that has to be made by whom it names, with whether we have called that proven before.
    fn claims(&self) -> impl Iterator<Item = (&ObjectId, Option<Edition>, Written, Option<bool>)> {
        fn claims<S>(
            stored: &Stored<S>,
            said: fn(&Value) -> Option<bool>,
        ) -> impl Iterator<Item = (&ObjectId, Option<Edition>, Written, Option<bool>)> {
            stored.0.iter().map(move |(id, entry)| {
                let Facts { uid, written, .. } = entry.facts;
                let edition = uid.map(|uid| (uid, written.generation));
                let about = &entry.status["observedGeneration"];
                let said = said(&entry.status).filter(|_| *about == written.generation);
                (id, edition, written, said)
            })
        }
        let approvals = claims(&self.approvals, |status| guarded_before(status, "Honoured"));
        approvals.chain(claims(&self.attestations, |status| {
            guarded_before(status, "Active")
        }))
    }
}

/// Whether a stored status says that the object was made under guard. Whatever else is the matter with it is no
/// doubt about that.
fn guarded_before(status: &Value, condition: &str) -> Option<bool> {
    let conditions = status["conditions"].as_array()?;
    let condition = conditions.iter().find(|known| known["type"] == condition)?;
    Some(condition["reason"] != "Unguarded")
}

impl Inventory {
    pub(crate) fn apply_decision(&mut self, id: &ObjectId, object: Object) {
        let epoch = self.epoch(id.kind);
        let decisions = &mut self.decisions;
        let put = match object {
            Object::ComplianceWaiver(o) | Object::ClusterComplianceWaiver(o) => {
                decisions.waivers.put(id.clone(), epoch, *o)
            }
            Object::ComplianceApproval(o) | Object::ClusterComplianceApproval(o) => {
                decisions.approvals.put(id.clone(), epoch, *o)
            }
            Object::ComplianceAttestation(o) => decisions.attestations.put(id.clone(), epoch, *o),
            Object::ValidatingAdmissionPolicy(o) | Object::ValidatingAdmissionPolicyBinding(o) => {
                decisions.policies.put(id.clone(), epoch, *o)
            }
            _ => return,
        };
        match put {
            Put::Same => return,
            Put::New => self.inputs.entry(id.kind).or_default().objects += 1,
            Put::Changed => {}
        }
        self.dirty.object(id);
    }

    /// Waivers of both kinds, ordered.
    pub fn waivers(&self) -> impl Iterator<Item = (&ObjectId, &WaiverFacts)> {
        self.decisions.waivers.iter()
    }

    /// Approvals of both kinds, ordered.
    pub fn approvals(&self) -> impl Iterator<Item = (&ObjectId, &ApprovalFacts)> {
        self.decisions.approvals.iter()
    }

    /// Attestations, ordered.
    pub fn attestations(&self) -> impl Iterator<Item = (&ObjectId, &AttestationFacts)> {
        self.decisions.attestations.iter()
    }

    /// What we said of a waiver, an approval or an attestation, as the API server has it; `null` if nothing.
    pub fn stored_status(&self, id: &ObjectId) -> &Value {
        let decisions = &self.decisions;
        let status = decisions.waivers.status(id);
        let status = status.or_else(|| decisions.approvals.status(id));
        status
            .or_else(|| decisions.attestations.status(id))
            .unwrap_or(&Value::Null)
    }

    /// Whether an approval or attestation was made while the guard stood, so that it is by whom it names. What has
    /// not been judged is not.
    pub fn is_guarded<S>(&self, claim: &Facts<S>) -> bool {
        let edition = claim.uid.map(|uid| (uid, claim.written.generation));
        edition.is_some_and(|edition| self.decisions.guarded.get(&edition) == Some(&true))
    }

    /// Judges at `now` of the approvals and attestations that have not been judged whether they were made under
    /// guard. To be called when events have been applied, before what is dirty is taken.
    ///
    /// The first time what we said before is taken over. Later only what is seen now counts: a status may be
    /// forged. A judgement stays, unless the guard turns out to have changed about when the object was made.
    pub fn judge(&mut self, now: Timestamp) {
        let known = |kind: Kind| {
            !matches!(
                self.coverage(kind).state,
                InputState::Pending | InputState::Failing
            )
        };
        if !Kind::DECISIONS.iter().all(|kind| known(*kind)) {
            return;
        }
        let guard = Guard::of(self);
        let first = self.decisions.guard.is_none();
        let doubtful = self.decisions.guard.as_ref().filter(|before| **before != guard);
        let doubtful = doubtful.map(|_| guard.changed().unwrap_or(now).min(now) - APART);
        let mut guarded = BTreeMap::new();
        let mut changed = Vec::new();
        for (id, edition, written, said) in self.decisions.claims() {
            let Some(edition) = edition else { continue };
            let before = self.decisions.guarded.get(&edition).copied();
            let in_doubt = doubtful.is_some_and(|since| written.changed.is_none_or(|at| at >= since));
            let judged = before.filter(|guarded| !(*guarded && in_doubt));
            let judged = judged
                .or(said.filter(|_| first))
                .unwrap_or_else(|| guard.vouches_for(written.changed));
            guarded.insert(edition, judged);
            if judged != before.unwrap_or(false) {
                changed.push(id.clone());
            }
        }
        if self.decisions.guard.as_ref() != Some(&guard) {
            self.dirty.topic(Kind::ValidatingAdmissionPolicy, None);
        }
        for id in changed {
            self.dirty.object(&id);
        }
        self.decisions.guarded = guarded;
        self.decisions.guard = Some(guard);
    }

    /// Has it proven of exactly those approvals and attestations that are `trusted` who made them, for tests of
    /// what follows from that.
    #[cfg(any(test, feature = "testing"))]
    pub fn trust(&mut self, trusted: impl Fn(&ObjectId) -> bool) {
        let claims = self.decisions.claims();
        let guarded: BTreeMap<ObjectId, (Edition, bool)> = claims
            .filter_map(|(id, edition, ..)| Some((id.clone(), (edition?, trusted(id)))))
            .collect();
        for (id, (edition, trusted)) in guarded {
            if self.decisions.guarded.insert(edition, trusted) != Some(trusted) {
                self.dirty.object(&id);
            }
        }
    }

    /// The guard as it was last judged by; `None` before.
    pub fn guard(&self) -> Option<&Guard> {
        self.decisions.guard.as_ref()
    }
}
