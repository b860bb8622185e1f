//! What `check` and `report` show: what needs attention, the findings behind it, and a verdict.

mod findings;

use std::fmt::Write as _;

use comfy_table::{Attribute, Cell, Color};
use plumbline_api::conditions::ConditionStatus;
use plumbline_api::report::Summary;
use plumbline_api::{Drift, ItemStatus, Level, Severity};
use plumbline_baseline::Item;

use crate::tables;
use crate::terminal::{Terminal, Tone, paragraph, wrap};

/// What is shown.
pub(crate) struct Overview {
    /// What was looked at.
    pub(crate) subject: String,
    /// What to bear in mind.
    pub(crate) notes: Vec<String>,
    /// Every item.
    pub(crate) rows: Vec<Row>,
    /// Numbers of items by status.
    pub(crate) summary: Summary,
    /// Whether it is compliant, and why.
    pub(crate) verdict: (ConditionStatus, String),
    /// Whether there was anything to look at.
    pub(crate) substantial: bool,
    /// Whether only some items were asked for.
    pub(crate) selected: bool,
    /// Where findings are that are not shown.
    pub(crate) more: &'static str,
}

/// An item.
pub(crate) struct Row {
    pub(crate) item: &'static Item,
    pub(crate) status: ItemStatus,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) level: Level,
    pub(crate) severity: Severity,
    /// Findings, those that stand before accepted ones; none for an item that does not fail.
    pub(crate) findings: Vec<FindingRow>,
    /// How many there are in all.
    pub(crate) total: usize,
    /// Since when it has its status, and how that compares with the reference.
    pub(crate) changes: Option<(String, Drift)>,
}

/// A finding.
pub(crate) struct FindingRow {
    pub(crate) severity: Severity,
    pub(crate) object: String,
    pub(crate) container: Option<String>,
    pub(crate) message: String,
    pub(crate) place: Option<String>,
    pub(crate) waived: Option<String>,
}

impl Row {
    fn is_implemented(&self) -> bool {
        self.reason != "NotImplemented"
    }

    /// Whether somebody should look at it.
    fn is_notable(&self) -> bool {
        let settled = matches!(self.status, ItemStatus::Pass | ItemStatus::NotApplicable);
        self.is_implemented()
            && (!settled
                || self
                    .changes
                    .as_ref()
                    .is_some_and(|(_, drift)| *drift != Drift::None))
    }
}

impl Overview {
    /// The text of it all.
    pub(crate) fn render(&self, terminal: Terminal) -> String {
        let mut text = String::new();
        text.push_str(&paragraph(terminal, None, &self.subject));
        for note in &self.notes {
            text.push_str(&paragraph(terminal, Some(Tone::Aside), note));
        }
        let mut notable: Vec<&Row> = self.rows.iter().filter(|row| row.is_notable()).collect();
        notable.sort_by_key(|row| (row.status, row.level, row.severity));
        if !notable.is_empty() {
            let _ = write!(text, "\n{}\n", table(terminal, &notable));
            if notable.iter().any(|row| row.level == Level::Recommended) {
                text.push_str(&paragraph(
                    terminal,
                    Some(Tone::Aside),
                    "* recommended: does not change the verdict",
                ));
            }
        }
        for row in notable.iter().filter(|row| !row.findings.is_empty()) {
            self.findings(&mut text, row, terminal);
        }
        text.push('\n');
        self.conclude(&mut text, terminal, notable.is_empty());
        text
    }

    fn findings(&self, text: &mut String, row: &Row, terminal: Terminal) {
        let heading = format!("{} {}", row.item.id, row.item.title);
        let _ = write!(text, "\n{}", paragraph(terminal, Some(Tone::Heading), &heading));
        let shown = findings::lines(&row.findings, terminal, text);
        if row.total > shown {
            let _ = writeln!(text, "  … and {} more ({})", row.total - shown, self.more);
        }
        for (at, line) in wrap(row.item.remediation, terminal.width - 7).iter().enumerate() {
            let _ = writeln!(text, "  {} {line}", if at == 0 { "Fix:" } else { "    " });
        }
    }

    fn conclude(&self, text: &mut String, terminal: Terminal, clean: bool) {
        let missing = self.rows.iter().filter(|row| !row.is_implemented()).count();
        let summary = &self.summary;
        let decided = summary.unknown as usize - missing.min(summary.unknown as usize);
        let parts = [
            (summary.fail, "failing"),
            (decided as i32, "unknown"),
            (summary.needs_attestation, "to be attested"),
            (summary.waived, "waived"),
            (summary.attested, "attested"),
            (summary.pass, "passing"),
            (summary.not_applicable, "not applicable"),
        ];
        let counts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if clean && self.substantial && summary.pass > 0 {
            text.push_str(&paragraph(
                terminal,
                Some(Tone::Good),
                "Nothing to complain about.",
            ));
        }
        let of = if self.selected {
            "Of the items asked for"
        } else {
            "Items"
        };
        if !counts.is_empty() {
            text.push_str(&paragraph(
                terminal,
                None,
                &format!("{of}: {}.", counts.join(", ")),
            ));
        }
        match missing {
            0 => {}
            1 => text.push_str(&paragraph(
                terminal,
                Some(Tone::Aside),
                "1 item has no check yet, and counts as unknown.",
            )),
            _ => {
                let note = format!("{missing} items have no check yet, and count as unknown.");
                text.push_str(&paragraph(terminal, Some(Tone::Aside), &note));
            }
        }
        let score = summary
            .score
            .map_or_else(String::new, |score| format!("Score {score} of 100. "));
        let (tone, word) = match self.verdict.0 {
            ConditionStatus::True => (Tone::Good, "Compliant"),
            ConditionStatus::False => (Tone::Bad, "Not compliant"),
            ConditionStatus::Unknown => (Tone::Unsure, "Compliance unknown"),
        };
        // What has no check cannot be helped by whoever reads this; a list of all of them would hide the rest.
        let why = if self.verdict.0 == ConditionStatus::Unknown {
            self.open(missing)
        } else {
            self.verdict.1.clone()
        };
        text.push_str(&paragraph(
            terminal,
            Some(tone),
            &format!("{score}{word}: {why}."),
        ));
    }

    /// Why the verdict is open.
    fn open(&self, missing: usize) -> String {
        let open: Vec<&str> = self
            .rows
            .iter()
            .filter(|row| row.is_implemented() && row.level == Level::Required)
            .filter(|row| matches!(row.status, ItemStatus::Unknown | ItemStatus::NeedsAttestation))
            .map(|row| row.item.id)
            .collect();
        match (open.as_slice(), missing) {
            ([], 0) => self.verdict.1.clone(),
            ([], _) => "no required item fails, but not all of them have a check yet".to_owned(),
            (open, _) => format!(
                "no required item fails, but evidence is missing for {}",
                open.join(", ")
            ),
        }
    }
}

fn table(terminal: Terminal, rows: &[&Row]) -> String {
    let with_changes = rows.iter().any(|row| row.changes.is_some());
    let mut table = tables::plain(terminal);
    let mut header = vec!["STATUS", "ITEM", "SEVERITY", "TITLE", "RESULT"];
    if with_changes {
        header.extend(["SINCE", "DRIFT"]);
    }
    table.set_header(
        header
            .into_iter()
            .map(|title| Cell::new(title).add_attribute(Attribute::Bold)),
    );
    for row in rows {
        let mark = if row.level == Level::Recommended { "*" } else { "" };
        let mut cells = vec![
            Cell::new(row.status).fg(colour(row.status)),
            Cell::new(row.item.id),
            Cell::new(format!("{}{mark}", row.severity)),
            Cell::new(row.item.title),
            Cell::new(&row.message),
        ];
        if let Some((since, drift)) = &row.changes {
            cells.push(Cell::new(since));
            cells.push(Cell::new(if *drift == Drift::None { "" } else { drift.as_str() }));
        }
        table.add_row(cells);
    }
    tables::render(&mut table, &[0, 1, 2, 5, 6])
}

fn colour(status: ItemStatus) -> Color {
    match status {
        ItemStatus::Fail => Color::Red,
        ItemStatus::Unknown | ItemStatus::NeedsAttestation => Color::Yellow,
        ItemStatus::Waived | ItemStatus::Attested | ItemStatus::NotApplicable => Color::Reset,
        ItemStatus::Pass => Color::Green,
    }
}
