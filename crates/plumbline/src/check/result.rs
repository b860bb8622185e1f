//! The result as programs read it: the shape is a contract (`CheckResult`).

use plumbline_api::report::Summary;
use plumbline_api::{API_VERSION, Drift, Finding, ItemStatus};
use plumbline_engine::{ItemState, report::summarise};
use serde::Serialize;

use super::evidence::Evidence;
use crate::input::InputError;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckResult<'a> {
    api_version: &'static str,
    kind: &'static str,
    summary: Summary,
    items: Vec<CheckItem<'a>>,
    errors: &'a [InputError],
}

#[derive(Serialize)]
struct CheckItem<'a> {
    id: &'a str,
    status: ItemStatus,
    reason: &'a str,
    message: &'a str,
    evaluated: u32,
    failing: u32,
    waived: u32,
    inactive: u32,
    findings: Vec<CheckFinding>,
}

#[derive(Serialize)]
struct CheckFinding {
    object: Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    severity: plumbline_api::Severity,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Why the finding is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    waived: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
}

pub(super) fn of<'a>(evidence: &'a Evidence, states: &'a [ItemState]) -> CheckResult<'a> {
    CheckResult {
        api_version: API_VERSION,
        kind: "CheckResult",
        summary: summarise(states.iter().map(|state| (state.status, Drift::None))),
        items: states.iter().map(|state| item(evidence, state)).collect(),
        errors: &evidence.errors,
    }
}

fn item<'a>(evidence: &Evidence, state: &'a ItemState) -> CheckItem<'a> {
    let findings = state.sample.iter().map(|sampled| {
        let place = evidence.place(&sampled.finding.object);
        let api_version = sampled.finding.object.kind.api_version();
        // As a report has it, so that what stands there and what stands here cannot differ.
        let finding = Finding::from(sampled.clone());
        CheckFinding {
            object: Object {
                api_version,
                kind: finding.kind,
                namespace: finding.namespace,
                name: finding.name,
            },
            container: finding.container,
            subject: finding.subject,
            role: finding.role,
            severity: finding.severity,
            message: finding.message,
            file: place.map(|place| place.file.to_string()),
            line: place.map(|place| place.line),
            waived: finding.waived,
        }
    });
    CheckItem {
        id: state.item.id,
        status: state.status,
        reason: state.reason,
        message: &state.message,
        evaluated: state.evaluated,
        failing: state.failing,
        waived: state.waived,
        inactive: state.inactive,
        findings: findings.collect(),
    }
}
