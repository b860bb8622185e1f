//! The result as people read it.

use anyhow::Result;
use plumbline_api::conditions::Reason as _;
use plumbline_api::{Drift, ItemStatus};
use plumbline_engine::ItemState;
use plumbline_engine::report::{summarise, verdict};

use super::evidence::Evidence;
use crate::input::{Place, shown};
use crate::overview::{FindingRow, Overview, Row};
use crate::terminal::{self, Terminal};

/// Findings looked at of each item: more than are shown, since many say the same.
const ENOUGH: usize = 200;

pub(super) fn print(
    evidence: &Evidence,
    states: &[ItemState],
    selected: bool,
    terminal: Terminal,
) -> Result<()> {
    let settings = &evidence.baseline.settings;
    let (reason, message) = verdict(
        states
            .iter()
            .map(|state| (state.item.id, settings.level(state.item), state.status)),
    );
    let mut notes = evidence.notes.clone();
    if evidence.baseline.origin != "built in" {
        notes.push(format!("Baseline: {}.", evidence.baseline.origin));
    }
    let overview = Overview {
        subject: format!("Checked {}.", evidence.subject),
        notes,
        rows: states.iter().map(|state| row(evidence, state)).collect(),
        summary: summarise(states.iter().map(|state| (state.status, Drift::None))),
        verdict: (reason.status(), message),
        substantial: !evidence.is_empty(),
        selected,
        more: "-o json shows all",
    };
    Ok(terminal::print(&overview.render(terminal))?)
}

fn row(evidence: &Evidence, state: &ItemState) -> Row {
    let settings = &evidence.baseline.settings;
    let findings = state.sample.iter().take(ENOUGH).map(|sampled| {
        let finding = &sampled.finding;
        let place = evidence.place(&finding.object);
        FindingRow {
            severity: finding.severity,
            object: match &finding.subject {
                Some(subject) => format!("{subject} by {}", finding.object),
                None => finding.object.to_string(),
            },
            container: finding.container.as_ref().map(ToString::to_string),
            message: finding.message.clone(),
            place: place.map(|Place { file, line, .. }| format!("{}:{line}", shown(file))),
            waived: sampled.waived.clone(),
        }
    });
    Row {
        item: state.item,
        status: state.status,
        reason: state.reason.to_owned(),
        message: state.message.clone(),
        level: settings.level(state.item),
        severity: settings.severity(state.item),
        findings: if state.status == ItemStatus::Fail {
            findings.collect()
        } else {
            Vec::new()
        },
        total: state.findings as usize,
        changes: None,
    }
}
