//! The findings of an item: what is the case, and below it where.

use std::fmt::Write as _;

use plumbline_api::Severity;

use super::FindingRow;
use crate::terminal::{Terminal, Tone, wrap};

/// Lines with objects that are shown of one item.
const LINES: usize = 12;

/// Where the text begins: behind the margin and the longest severity.
const INDENT: usize = 2 + "critical".len() + 2;

/// Findings that say the same.
struct Group<'a> {
    first: &'a FindingRow,
    objects: Vec<Object<'a>>,
}

/// An object, with the containers of it that the findings are about.
struct Object<'a> {
    first: &'a FindingRow,
    containers: Vec<&'a str>,
    findings: usize,
}

/// Writes as many findings as are sensible, and tells how many that were.
pub(super) fn lines(findings: &[FindingRow], terminal: Terminal, text: &mut String) -> usize {
    let (mut lines, mut shown) = (0, 0);
    for group in groups(findings) {
        if lines == LINES {
            break;
        }
        group.heading(terminal, text);
        for object in group.objects.iter().take(LINES - lines) {
            object.line(terminal, text);
            lines += 1;
            shown += object.findings;
        }
    }
    shown
}

/// Groups in the order of their first findings; objects within them likewise.
fn groups(findings: &[FindingRow]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in findings {
        let known = groups.iter().position(|group| says(group.first) == says(finding));
        let at = known.unwrap_or(groups.len());
        if known.is_none() {
            groups.push(Group {
                first: finding,
                objects: Vec::new(),
            });
        }
        let group = &mut groups[at];
        match group
            .objects
            .last_mut()
            .filter(|object| object.first.object == finding.object)
        {
            Some(object) => {
                object.containers.extend(finding.container.as_deref());
                object.findings += 1;
            }
            None => group.objects.push(Object {
                first: finding,
                containers: finding.container.as_deref().into_iter().collect(),
                findings: 1,
            }),
        }
    }
    groups
}

/// What makes findings alike.
fn says(finding: &FindingRow) -> (&str, Severity, Option<&str>) {
    (&finding.message, finding.severity, finding.waived.as_deref())
}

impl Group<'_> {
    fn heading(&self, terminal: Terminal, text: &mut String) {
        let FindingRow {
            severity,
            message,
            waived,
            ..
        } = self.first;
        let (word, tone) = match (waived, severity) {
            (Some(_), _) => ("waived", Tone::Aside),
            (None, Severity::Critical | Severity::High) => (severity.as_str(), Tone::Bad),
            (None, Severity::Medium | Severity::Low) => (severity.as_str(), Tone::Unsure),
        };
        let what = waived
            .as_ref()
            .map_or_else(|| message.clone(), |why| format!("{message} ({why})"));
        for (at, line) in wrap(&what, terminal.width - INDENT).iter().enumerate() {
            let mark = format!("  {:8}  ", if at == 0 { word } else { "" });
            let _ = writeln!(text, "{}{line}", terminal.paint(tone, &mark));
        }
    }
}

impl Object<'_> {
    fn line(&self, terminal: Terminal, text: &mut String) {
        let mut who = self.first.object.clone();
        if !self.containers.is_empty() {
            let _ = write!(who, " [{}]", self.containers.join(", "));
        }
        let place = self.first.place.as_deref().unwrap_or_default();
        let together = INDENT + 2 + who.chars().count() + 2 + place.chars().count() <= terminal.width;
        let gap = if place.is_empty() {
            String::new()
        } else if together {
            "  ".to_owned()
        } else {
            format!("\n{:width$}", "", width = INDENT + 4)
        };
        let _ = writeln!(
            text,
            "{:INDENT$}- {who}{gap}{}",
            "",
            terminal.paint(Tone::Aside, place)
        );
    }
}
