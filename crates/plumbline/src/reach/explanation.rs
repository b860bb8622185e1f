//! Why a connection is allowed or not.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use plumbline_network::explain::{Reason, Side, Unasked};
use plumbline_network::{Action, Direction, Explanation, Network, Peer, Tier};

use super::ends::Named;
use super::{Output, json};
use crate::reach::subject::Subject;

/// What decides between the ends that `names` mean.
pub(super) fn text(subject: &Subject, network: &Network, names: [&str; 2], output: Output) -> Result<String> {
    let [from, to] = names.map(|name| Named::find(name, network, &subject.inventory));
    let (from, to) = (from?, to?);
    let mut explanations: Vec<Explanation> = Vec::new();
    for source in from.ends() {
        for destination in to.ends() {
            for explanation in network.explain(source, destination) {
                if !explanations.contains(&explanation) {
                    explanations.push(explanation);
                }
            }
        }
    }
    match output {
        Output::Txt => Ok(prose(&from.name, &to.name, &explanations)),
        Output::Json => json::explanation(subject, &from.name, &to.name, &explanations),
        Output::Dot => bail!("an explanation is no graph: use -o txt or -o json with --explain"),
    }
}

fn prose(from: &Peer, to: &Peer, explanations: &[Explanation]) -> String {
    let mut text = String::new();
    for (at, explanation) in explanations.iter().enumerate() {
        if explanations.len() > 1 {
            let _ = writeln!(
                text,
                "{}Pods of one kind, {} of {}:",
                if at > 0 { "\n" } else { "" },
                at + 1,
                explanations.len()
            );
        }
        let _ = writeln!(text, "{from} => {to} : {}", explanation.connections);
        for (direction, peer, side) in [
            (Direction::Egress, from, &explanation.egress),
            (Direction::Ingress, to, &explanation.ingress),
        ] {
            let _ = writeln!(text, "\n{direction} of {peer}: {}", side.connections);
            for line in side_lines(direction, side) {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    text
}

fn side_lines(direction: Direction, side: &Side) -> Vec<String> {
    if let Some(unasked) = side.unasked {
        return vec![unasked_words(unasked, direction)];
    }
    let mut lines = Vec::new();
    let mut before = None;
    for reason in &side.reasons {
        if before.replace(&reason.policy) != Some(&reason.policy) {
            lines.push(format!("{}{} selects it", reason.policy, tier_words(reason.tier)));
        }
        lines.push(format!("  {}", reason_words(direction, reason)));
    }
    let isolated = side
        .reasons
        .iter()
        .any(|reason| reason.tier == Tier::NetworkPolicy);
    if isolated {
        lines.push("a NetworkPolicy isolates it: what none allows is denied".to_owned());
    } else if !side.undecided.is_empty() {
        lines.push(format!("no policy decides on {}: it is allowed", side.undecided));
    }
    lines
}

pub(super) fn unasked_words(unasked: Unasked, direction: Direction) -> String {
    match unasked {
        Unasked::Outside => "it is outside of the cluster, where no policy holds".to_owned(),
        Unasked::HostNetwork => "its pods are on the host network, outside of every policy".to_owned(),
        Unasked::Unknown => "it may be any pod: that its own policies let it is assumed".to_owned(),
        Unasked::NotSelected => format!("no policy selects it for {direction}: everything is allowed"),
    }
}

fn tier_words(tier: Tier) -> String {
    match tier {
        Tier::Admin(priority) => format!(" (admin, priority {priority})"),
        Tier::NetworkPolicy => String::new(),
        Tier::Baseline(i64::MAX) => " (baseline)".to_owned(),
        Tier::Baseline(priority) => format!(" (baseline, priority {priority})"),
    }
}

fn reason_words(direction: Direction, reason: &Reason) -> String {
    let (Some(rule), Some(action)) = (reason.rule, reason.action) else {
        return "no rule matches the other end".to_owned();
    };
    let rule = format!("{direction}[{rule}]");
    if reason.decides.is_empty() {
        return format!("{rule} matches the other end and decides on nothing that was open");
    }
    let verb = match action {
        Action::Allow => "allows",
        Action::Deny => "denies",
        Action::Pass => "passes on",
    };
    format!("{rule} {verb} {}", reason.decides)
}
