//! `plumbline explain`: what an item demands, why, and how it decides.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use plumbline_baseline::{Class, Empty, ITEMS, Item, Section};

use crate::terminal::{self, Terminal, Tone, wrap};
use crate::{items, markdown};

/// Show the documentation of an item, or list all items.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The item, by id (WL-04) or slug (privileged-container). Without it, all items are listed.
    item: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let terminal = Terminal::stdout();
    let text = match &arguments.item {
        Some(name) => page(items::named(name)?, terminal),
        None => list(terminal),
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn list(terminal: Terminal) -> String {
    let columns = |id, level, severity, check| format!("{id:6}  {level:11}  {severity:8}  {check:7}  ");
    let header = columns("ITEM", "LEVEL", "SEVERITY", "CHECK") + "TITLE";
    let indent = header.len() - "TITLE".len();
    let mut text = terminal.paint(Tone::Heading, &header) + "\n";
    let mut section: Option<Section> = None;
    for item in ITEMS {
        if section.replace(item.section) != Some(item.section) {
            let _ = writeln!(text, "\n{}", terminal.paint(Tone::Heading, item.section.as_str()));
        }
        let check = if item.is_implemented() { "yes" } else { "not yet" };
        let mut start = columns(item.id, item.level.as_str(), item.severity.as_str(), check);
        for line in wrap(item.title, terminal.width - indent) {
            let _ = writeln!(text, "{start}{line}");
            start = format!("{:indent$}", "");
        }
    }
    let checked = ITEMS.iter().filter(|item| item.is_implemented()).count();
    let note = format!(
        "{} items, {checked} of them with a check. plumbline explain ITEM tells more about one.",
        ITEMS.len()
    );
    text + "\n" + &terminal::paragraph(terminal, None, &note)
}

fn page(item: &Item, terminal: Terminal) -> String {
    let title = format!("{} {}", item.id, item.title);
    let mut text = terminal::paragraph(terminal, Some(Tone::Heading), &title) + "\n";
    for (name, value) in metadata(item) {
        for (at, line) in wrap(&value, terminal.width - 14).iter().enumerate() {
            let name = terminal.paint(Tone::Aside, &format!("{:12}", if at == 0 { name } else { "" }));
            let _ = writeln!(text, "{name}  {line}");
        }
    }
    let _ = write!(text, "\n{}", markdown::render(item.docs, terminal));
    text
}

fn metadata(item: &Item) -> Vec<(&'static str, String)> {
    let kinds = |kinds: &[plumbline_inventory::Kind]| {
        kinds
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let class = match item.class {
        Class::A => "A: decided from the Kubernetes API alone",
        Class::B => "B: needs one further source, else it is Unknown",
        Class::C => "C: an attestation has the last word",
    };
    let scope = match item.empty {
        Empty::NotApplicable => format!("{}; NotApplicable if there is nothing in scope", item.scope),
        Empty::Pass => format!("{}; Pass if there is nothing in scope", item.scope),
    };
    let mut metadata = vec![
        ("Slug", item.slug.to_owned()),
        ("Section", item.section.to_string()),
        ("Level", item.level.to_string()),
        ("Severity", item.severity.to_string()),
        ("Class", class.to_owned()),
        ("Scope", scope),
        ("Reads", kinds(item.reads)),
        ("If allowed", kinds(item.optional)),
        ("Products", item.systems.join(", ")),
        ("References", item.references.join(", ")),
        ("Remedy", item.remediation.to_owned()),
        ("Since", item.since.to_owned()),
    ];
    metadata.retain(|(_, value)| !value.is_empty());
    metadata
}
