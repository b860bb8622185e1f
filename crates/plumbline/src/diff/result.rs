//! The comparison as people and as programs read it.

use std::fmt::Write as _;

use plumbline_api::{API_VERSION, Finding, ItemStatus, Level};
use serde::Serialize;

use super::comparison::Change;
use super::overlay::{Objects, Touched};
use crate::input::{InputError, Place, shown};
use crate::terminal::{Terminal, Tone, paragraph, wrap};

/// Findings that are shown of each item; JSON has them all.
const ENOUGH: usize = 20;

/// A comparison, and what it is of.
pub(super) struct Comparison<'a> {
    pub(super) subject: &'a str,
    pub(super) touched: Touched,
    /// The items that count.
    pub(super) level: Level,
    pub(super) changes: &'a [Change],
    pub(super) manifests: &'a Objects,
    pub(super) errors: &'a [InputError],
}

/// The shape that programs read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    regression: bool,
    objects: Counts,
    items: Vec<Item<'a>>,
    errors: &'a [InputError],
}

#[derive(Serialize)]
struct Counts {
    created: usize,
    applied: usize,
    pruned: usize,
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    title: &'a str,
    level: Level,
    from: ItemStatus,
    to: ItemStatus,
    regression: bool,
    message: &'a str,
    appear: Vec<Placed<'a>>,
    go: Vec<Placed<'a>>,
    differ: Vec<Differing<'a>>,
}

/// A finding in other words.
#[derive(Serialize)]
struct Differing<'a> {
    #[serde(flatten)]
    placed: Placed<'a>,
    /// What it says now.
    before: &'a str,
}

#[derive(Serialize)]
struct Placed<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

impl<'a> Comparison<'a> {
    /// Whether anything that counts would be worse.
    pub(super) fn regression(&self) -> bool {
        self.changes.iter().any(|change| change.is_regression(self.level))
    }

    /// For programs.
    pub(super) fn document(&self) -> Document<'a> {
        let Touched {
            created,
            applied,
            pruned,
        } = self.touched;
        Document {
            api_version: API_VERSION,
            kind: "DiffResult",
            regression: self.regression(),
            objects: Counts {
                created,
                applied,
                pruned,
            },
            items: self.changes.iter().map(|change| self.item(change)).collect(),
            errors: self.errors,
        }
    }

    fn item(&self, change: &'a Change) -> Item<'a> {
        let placed = |finding: &'a Finding| {
            let place = self.place(finding);
            Placed {
                finding,
                file: place.map(|place| &*place.file),
                line: place.map(|place| place.line),
            }
        };
        Item {
            id: change.item.id,
            title: change.item.title,
            level: change.level,
            from: change.from,
            to: change.to,
            regression: change.is_regression(self.level),
            message: &change.message,
            appear: change.appear.iter().map(placed).collect(),
            go: change.go.iter().map(placed).collect(),
            differ: change
                .differ
                .iter()
                .map(|(before, after)| Differing {
                    placed: placed(after),
                    before: &before.message,
                })
                .collect(),
        }
    }

    /// Where a manifest has the object of a finding.
    fn place(&self, finding: &Finding) -> Option<&'a Place> {
        self.manifests
            .place(&finding.kind, finding.namespace.as_deref(), &finding.name)
    }

    /// For people.
    pub(super) fn text(&self, terminal: Terminal) -> String {
        let Touched {
            created,
            applied,
            pruned,
        } = self.touched;
        let objects = format!("{created} new, {applied} applied to what is there, {pruned} pruned");
        let mut text = paragraph(
            terminal,
            None,
            &format!("Compared with {}: {objects}.", self.subject),
        );
        for change in self.changes {
            text.push('\n');
            text.push_str(&self.change(change, terminal));
        }
        let verdict = self.verdict();
        let tone = if self.regression() { Tone::Bad } else { Tone::Good };
        text + "\n" + &paragraph(terminal, Some(tone), &verdict)
    }

    fn change(&self, change: &Change, terminal: Terminal) -> String {
        let status = if change.from == change.to {
            format!("{} as before", change.to)
        } else {
            format!("{} → {}", change.from, change.to)
        };
        let title = format!(
            "{} {} ({}): {status}",
            change.item.id, change.item.title, change.level
        );
        let mut text = paragraph(terminal, Some(Tone::Heading), &title);
        let silent = change.appear.is_empty() && change.go.is_empty() && change.differ.is_empty();
        if silent && !change.message.is_empty() {
            indented(&mut text, "  ", &change.message, terminal, None);
        }
        for (sign, tone, findings) in [
            ("  + ", Tone::Bad, &change.appear),
            ("  - ", Tone::Good, &change.go),
        ] {
            for finding in findings.iter().take(ENOUGH) {
                let accepted = finding.waived.is_some().then_some(Tone::Aside);
                indented(
                    &mut text,
                    sign,
                    &self.finding(finding),
                    terminal,
                    accepted.or(Some(tone)),
                );
            }
            if findings.len() > ENOUGH {
                let _ = writeln!(text, "{sign}{}", more(findings.len()));
            }
        }
        for (before, after) in change.differ.iter().take(ENOUGH) {
            let words = format!("{}; before: {}", self.finding(after), before.message);
            indented(&mut text, "  ~ ", &words, terminal, None);
        }
        if change.differ.len() > ENOUGH {
            let _ = writeln!(text, "  ~ {}", more(change.differ.len()));
        }
        text
    }

    fn finding(&self, finding: &Finding) -> String {
        let mut text = match &finding.subject {
            Some(subject) => format!("{subject} by {}", finding.kind),
            None => finding.kind.clone(),
        };
        let _ = match &finding.namespace {
            Some(namespace) => write!(text, " {namespace}/{}", finding.name),
            None => write!(text, " {}", finding.name),
        };
        if let Some(container) = &finding.container {
            let _ = write!(text, " [{container}]");
        }
        let _ = write!(text, ": {}", finding.message);
        if let Some(waived) = &finding.waived {
            let _ = write!(text, " (accepted: {waived})");
        }
        if let Some(place) = self.place(finding) {
            let _ = write!(text, " ({}:{})", shown(&place.file), place.line);
        }
        text
    }

    fn verdict(&self) -> String {
        let counted = || {
            self.changes
                .iter()
                .filter(|change| change.is_regression(self.level))
        };
        if counted().next().is_none() {
            return if self.changes.is_empty() {
                "Nothing would change.".to_owned()
            } else {
                "No regression.".to_owned()
            };
        }
        let worse: Vec<&str> = counted()
            .filter(|change| change.gets_worse())
            .map(|change| change.item.id)
            .collect();
        let new: usize = counted().map(Change::new_unwaived).sum();
        let mut parts = Vec::new();
        if !worse.is_empty() {
            parts.push(format!("{} would get worse", worse.join(", ")));
        }
        match new {
            0 => {}
            1 => parts.push("1 finding would be new".to_owned()),
            new => parts.push(format!("{new} findings would be new")),
        }
        format!("Regression: {}.", parts.join("; "))
    }
}

fn more(findings: usize) -> String {
    format!("… {} more; -o json shows all", findings - ENOUGH)
}

fn indented(text: &mut String, sign: &str, content: &str, terminal: Terminal, tone: Option<Tone>) {
    for (at, line) in wrap(content, terminal.width - sign.len()).iter().enumerate() {
        let start = if at == 0 {
            sign.to_owned()
        } else {
            " ".repeat(sign.len())
        };
        let line = format!("{start}{line}");
        text.push_str(&tone.map_or_else(|| line.clone(), |tone| terminal.paint(tone, &line)));
        text.push('\n');
    }
}
