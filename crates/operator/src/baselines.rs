//! A baseline, as it is read.

use plumbline_api::baseline::{ComplianceBaselineSpec, ComplianceBaselineStatus, Pin};
use plumbline_api::conditions::{self, BaselineReadyReason, Reason, ValidReason};
use plumbline_api::report::BaselineRef;
use plumbline_engine::{Problem, Settings};
use serde::Deserialize;
use serde::de::IgnoredAny;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// A baseline, read and compiled. Its name is that of its reports.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    pub(crate) reference: BaselineRef,
    pub(crate) settings: Settings,
    /// What the reference of its reports should be, if somebody has decided that.
    pub(crate) pin: Option<Pin>,
    /// It is being deleted, and waits for its finalizers: it is in effect no more.
    pub(crate) is_leaving: bool,
    /// As it is written, the pin aside.
    rules: ComplianceBaselineSpec,
    problems: Vec<Problem>,
    conditions: Vec<Condition>,
}

impl Baseline {
    /// Reads a baseline as the API server has it; the error says what is wrong with it.
    pub(crate) fn read(json: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Object {
            metadata: Meta,
            #[serde(default)]
            spec: ComplianceBaselineSpec,
            status: Option<ComplianceBaselineStatus>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Meta {
            name: String,
            uid: String,
            generation: i64,
            deletion_timestamp: Option<IgnoredAny>,
        }
        let mut object: Object = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let (settings, problems) = Settings::compile(&object.spec);
        let Meta {
            name,
            uid,
            generation,
            deletion_timestamp,
        } = object.metadata;
        let conditions = object.status.map(|status| status.conditions).unwrap_or_default();
        Ok(Self {
            reference: BaselineRef {
                name,
                uid,
                generation,
            },
            settings,
            pin: object.spec.pin.take(),
            is_leaving: deletion_timestamp.is_some(),
            rules: object.spec,
            problems,
            conditions,
        })
    }

    /// Whether it is the same object as `other` and asks the same, whatever is pinned.
    pub(crate) fn asks_the_same(&self, other: &Self) -> bool {
        self.reference.uid == other.reference.uid && self.rules == other.rules
    }

    /// The status that the baseline should have; `None` if it has it.
    pub(crate) fn status(&self, now: Timestamp) -> Option<ComplianceBaselineStatus> {
        let now = Time(plumbline_engine::memory::to_seconds(now));
        let generation = Some(self.reference.generation);
        let valid = if self.problems.is_empty() {
            ValidReason::Accepted.condition("every item that is named exists", generation, &now)
        } else {
            let problems: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
            let message = format!("{}; the rest is honoured", problems.join("; "));
            ValidReason::UnknownItem.condition(message, generation, &now)
        };
        let ready =
            BaselineReadyReason::InEffect.condition("reports go by this generation", generation, &now);
        let mut list = self.conditions.clone();
        conditions::set(&mut list, ready);
        conditions::set(&mut list, valid);
        (list != self.conditions).then_some(ComplianceBaselineStatus {
            observed_generation: generation,
            conditions: list,
        })
    }
}
