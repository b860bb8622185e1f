//! Condition types and their reasons.
//!
//! A reason belongs to one type and says one status, so a condition is made from its reason alone:
//! `CompliantReason::EvidenceMissing.condition(message, generation, now)` is `Compliant=Unknown`. Each reason's
//! comment begins with the status it goes with.
//!
//! Ready follows kstatus: what waits for it (Flux, Helm, `kubectl wait`) waits for the operator to have done
//! its work. Findings are a result of that work: they set Compliant, never Ready.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

vocabulary! {
    /// The types of the conditions that the operator sets, in the order in which an object lists them.
    pub enum ConditionType {
        /// On every report and baseline: the operator's work on the object is complete and current. Reasons:
        /// [`ReadyReason`], on a baseline [`BaselineReadyReason`].
        Ready = "Ready",
        /// On reports: the verdict. Reasons: [`CompliantReason`].
        Compliant = "Compliant",
        /// On reports: whether anything differs from the reference. Reasons: [`DriftedReason`].
        Drifted = "Drifted",
        /// On reports: whether every input is synced and alive. Reasons: [`FreshReason`].
        Fresh = "Fresh",
        /// On baselines, waivers and attestations: whether every item they name exists. Reasons:
        /// [`ValidReason`].
        Valid = "Valid",
        /// On waivers and attestations: whether it is in force. Reasons: [`WaiverReason`],
        /// [`AttestationReason`].
        Active = "Active",
        /// On approvals: whether it counts. Reasons: [`HonouredReason`].
        Honoured = "Honoured",
        /// On reports, only when true: a waiver or an attestation is about to expire. Reasons:
        /// [`ExpiringReason`].
        Expiring = "Expiring",
        /// On reports, only when true: the admission policy that proves who approves and attests is not in
        /// force. Reasons: [`UnguardedReason`].
        Unguarded = "Unguarded",
        /// Only when true: work on the object is under way. Reasons: [`ReconcilingReason`].
        Reconciling = "Reconciling",
        /// Only when true: the operator cannot go on without help. Reasons: [`StalledReason`].
        Stalled = "Stalled",
    }
}

vocabulary! {
    /// The status of a condition.
    pub enum ConditionStatus {
        /// It holds.
        True = "True",
        /// It does not hold.
        False = "False",
        /// It cannot be said.
        Unknown = "Unknown",
    }
}

/// A reason: one of the words that may stand in a condition of one type, always with the same status.
pub trait Reason: Copy + 'static {
    /// The type of the conditions that may give this reason.
    const TYPE: ConditionType;

    /// Every reason of this type.
    const ALL: &'static [Self];

    /// The status it goes with.
    fn status(self) -> ConditionStatus;

    /// The word as the API writes it.
    fn as_str(self) -> &'static str;

    /// The condition that gives this reason, as if it had come about `now`; [`set`] keeps the time of an older
    /// one with the same status.
    fn condition(
        self,
        message: impl Into<String>,
        observed_generation: impl Into<Option<i64>>,
        now: &Time,
    ) -> Condition {
        Condition {
            type_: Self::TYPE.as_str().to_owned(),
            status: self.status().as_str().to_owned(),
            reason: self.as_str().to_owned(),
            message: message.into(),
            observed_generation: observed_generation.into(),
            last_transition_time: now.clone(),
        }
    }
}

macro_rules! reasons {
    ($(
        $(#[$meta:meta])*
        pub enum $name:ident: $type:ident {
            $( $(#[$reason_meta:meta])* $reason:ident => $status:ident, )+
        }
    )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[$reason_meta])* $reason, )+
        }

        impl Reason for $name {
            const TYPE: ConditionType = ConditionType::$type;
            const ALL: &'static [Self] = &[$(Self::$reason),+];

            fn status(self) -> ConditionStatus {
                match self {
                    $(Self::$reason => ConditionStatus::$status),+
                }
            }

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason)),+
                }
            }
        }
    )+};
}

reasons! {
    /// Reasons of [`ConditionType::Ready`] on a report.
    pub enum ReadyReason: Ready {
        /// `True`: every input has passed through the evaluation, and the report says what came out.
        Evaluated => True,
        /// `Unknown`: not every input has its first list yet; what the report says is from before.
        Syncing => Unknown,
        /// `Unknown`: an input has been failing for too long; what the report says may be old.
        InputsStale => Unknown,
        /// `False`: the API server refuses the report as it should be now; what it says is from before.
        WriteRefused => False,
        /// `False`: there is no baseline of the report's name any more. What it says is from before, and nobody
        /// brings it up to date; with a baseline of that name it goes on.
        BaselineNotFound => False,
    }

    /// Reasons of [`ConditionType::Ready`] on a baseline.
    pub enum BaselineReadyReason: Ready {
        /// `True`: the reports go by this generation.
        InEffect => True,
        /// `Unknown`: the first evaluation under this generation is under way.
        Evaluating => Unknown,
    }

    /// Reasons of [`ConditionType::Compliant`].
    pub enum CompliantReason: Compliant {
        /// `True`: every required item is `Pass`, `Attested`, `Waived` or `NotApplicable`.
        RequirementsMet => True,
        /// `False`: at least one required item is `Fail`.
        RequirementsFailed => False,
        /// `Unknown`: no required item is `Fail`, but at least one is `Unknown` or `NeedsAttestation`.
        EvidenceMissing => Unknown,
        /// `Unknown`: there is no baseline of the report's name any more to comply with.
        BaselineNotFound => Unknown,
    }

    /// Reasons of [`ConditionType::Drifted`].
    pub enum DriftedReason: Drifted {
        /// `True`: at least one item differs from the reference.
        DiffersFromReference => True,
        /// `False`: every item equals the reference.
        MatchesReference => False,
        /// `Unknown`: there is no reference until an evaluation is complete and has held.
        NoReference => Unknown,
        /// `Unknown`: the stored report could not be read, so history and reference start anew and what
        /// changed before cannot be said. Ends with the next difference, pin or change of the baseline.
        HistoryLost => Unknown,
        /// `Unknown`: there is no baseline of the report's name any more, so nobody compares.
        BaselineNotFound => Unknown,
    }

    /// Reasons of [`ConditionType::Fresh`].
    pub enum FreshReason: Fresh {
        /// `True`: every input is synced and alive; those that are forbidden or absent are settled as such.
        InputsSynced => True,
        /// `False`: not every input has its first list yet.
        Syncing => False,
        /// `False`: a watch fails or has gone silent; `coverage` of the cluster report says which.
        InputsFailing => False,
        /// `False`: there is no baseline of the report's name any more, so nobody evaluates.
        BaselineNotFound => False,
    }

    /// Reasons of [`ConditionType::Valid`].
    pub enum ValidReason: Valid {
        /// `True`: every item that is named exists.
        Accepted => True,
        /// `False`: an item that is named does not exist. The rest is honoured.
        UnknownItem => False,
    }

    /// Reasons of [`ConditionType::Active`] on a waiver.
    pub enum WaiverReason: Active {
        /// `True`: approved as it reads now, and it covers at least one object.
        Approved => True,
        /// `True`: approved as it reads now, but nothing needs it.
        Unused => True,
        /// `False`: nobody has approved it.
        ApprovalMissing => False,
        /// `False`: it was edited after its approval, which is void by that.
        ApprovalOutdated => False,
        /// `False`: it was approved by the one who requested it.
        SelfApproved => False,
        /// `False`: its approval was made while the guarding admission policy was not in force; it has to be
        /// made again.
        ApprovalUnguarded => False,
        /// `False`: it expires later than the baseline's `waivers.maxDays` allows.
        TooLong => False,
        /// `False`: its date has passed.
        Expired => False,
    }

    /// Reasons of [`ConditionType::Active`] on an attestation.
    pub enum AttestationReason: Active {
        /// `True`: it decides at least one item.
        Accepted => True,
        /// `True`: it is valid, but no item in its scope asks for it.
        Unused => True,
        /// `False`: evidence from the API says otherwise; the item is `Fail`, `AttestationContradicted`.
        Contradicted => False,
        /// `False`: it was made while the guarding admission policy was not in force; it has to be made again.
        Unguarded => False,
        /// `False`: none of its items can be attested: the API alone decides on them (class A), or there are none.
        NotAttestable => False,
        /// `False`: it is valid for longer than the baseline's `attestations.maxDays` allows.
        TooLong => False,
        /// `False`: its date has passed.
        Expired => False,
    }

    /// Reasons of [`ConditionType::Honoured`].
    pub enum HonouredReason: Honoured {
        /// `True`: the waiver reads as it did when it was approved.
        Approved => True,
        /// `False`: there is no waiver of this name and uid.
        WaiverNotFound => False,
        /// `False`: the waiver has been edited since.
        WaiverChanged => False,
        /// `False`: the approver is the one who requested the waiver.
        SelfApproved => False,
        /// `False`: first seen while the guarding admission policy was not in force; it has to be made again.
        Unguarded => False,
    }

    /// Reasons of [`ConditionType::Expiring`].
    pub enum ExpiringReason: Expiring {
        /// `True`: a waiver expires within the baseline's `waivers.warnDays`.
        WaiverExpiresSoon => True,
        /// `True`: an attestation expires within the baseline's `waivers.warnDays`.
        AttestationExpiresSoon => True,
    }

    /// Reasons of [`ConditionType::Unguarded`].
    pub enum UnguardedReason: Unguarded {
        /// `True`: the ValidatingAdmissionPolicy or its binding is not there.
        PolicyMissing => True,
        /// `True`: its binding does not deny.
        PolicyNotEnforced => True,
        /// `True`: the policy or its binding does not say what it should.
        PolicyAltered => True,
        /// `True`: the operator may not read admission policies, so it cannot know.
        PolicyUnreadable => True,
    }

    /// Reasons of [`ConditionType::Reconciling`].
    pub enum ReconcilingReason: Reconciling {
        /// `True`: the inputs are being listed.
        Syncing => True,
        /// `True`: an evaluation under a new baseline is under way.
        Evaluating => True,
    }

    /// Reasons of [`ConditionType::Stalled`].
    pub enum StalledReason: Stalled {
        /// `True`: the API server keeps refusing a report.
        WriteRefused => True,
        /// `True`: there is no baseline of the report's name any more: somebody has to delete the report, or make
        /// the baseline again.
        BaselineNotFound => True,
    }
}

/// The condition of one type, if it is there.
pub fn find(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions
        .iter()
        .find(|condition| condition.type_ == type_.as_str())
}

/// Puts a condition in its place: the list keeps the order of [`ConditionType`], and the time of the last
/// transition stays while the status does.
pub fn set(conditions: &mut Vec<Condition>, mut condition: Condition) {
    let older = conditions.iter().position(|older| older.type_ == condition.type_);
    if let Some(older) = older.map(|at| conditions.remove(at))
        && older.status == condition.status
    {
        condition.last_transition_time = older.last_transition_time;
    }
    let rank = rank(&condition);
    let at = conditions.partition_point(|other| self::rank(other) < rank);
    conditions.insert(at, condition);
}

/// Takes out the condition of one type: those that are there only when true go this way.
pub fn remove(conditions: &mut Vec<Condition>, type_: ConditionType) {
    conditions.retain(|condition| condition.type_ != type_.as_str());
}

/// The place of a condition in its list; those of others come last.
fn rank(condition: &Condition) -> usize {
    ConditionType::ALL
        .iter()
        .position(|type_| type_.as_str() == condition.type_)
        .unwrap_or(ConditionType::ALL.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(second: i64) -> Time {
        Time(k8s_openapi::jiff::Timestamp::from_second(second).expect("in range"))
    }

    fn types(conditions: &[Condition]) -> Vec<&str> {
        conditions
            .iter()
            .map(|condition| condition.type_.as_str())
            .collect()
    }

    #[test]
    fn a_condition_says_what_its_reason_says() {
        let condition = CompliantReason::EvidenceMissing.condition("AU-01", 3, &time(7));
        assert_eq!(condition.type_, "Compliant");
        assert_eq!(condition.status, "Unknown");
        assert_eq!(condition.reason, "EvidenceMissing");
        assert_eq!(condition.observed_generation, Some(3));
        assert_eq!(condition.last_transition_time, time(7));
    }

    #[test]
    fn the_order_is_fixed_whatever_the_order_of_setting() {
        let mut conditions = Vec::new();
        set(
            &mut conditions,
            StalledReason::WriteRefused.condition("", None, &time(1)),
        );
        set(
            &mut conditions,
            FreshReason::InputsSynced.condition("", None, &time(1)),
        );
        set(
            &mut conditions,
            ReadyReason::Evaluated.condition("", None, &time(1)),
        );
        set(
            &mut conditions,
            FreshReason::Syncing.condition("", None, &time(2)),
        );
        assert_eq!(types(&conditions), ["Ready", "Fresh", "Stalled"]);
        remove(&mut conditions, ConditionType::Stalled);
        assert_eq!(types(&conditions), ["Ready", "Fresh"]);
    }

    #[test]
    fn the_time_of_transition_stays_while_the_status_does() {
        let mut conditions = Vec::new();
        set(
            &mut conditions,
            FreshReason::Syncing.condition("", None, &time(1)),
        );
        set(
            &mut conditions,
            FreshReason::InputsFailing.condition("", None, &time(2)),
        );
        let fresh = find(&conditions, ConditionType::Fresh).expect("was set");
        assert_eq!(
            (fresh.reason.as_str(), &fresh.last_transition_time),
            ("InputsFailing", &time(1))
        );
        set(
            &mut conditions,
            FreshReason::InputsSynced.condition("", None, &time(3)),
        );
        let fresh = find(&conditions, ConditionType::Fresh).expect("was set");
        assert_eq!(fresh.last_transition_time, time(3));
    }
}
