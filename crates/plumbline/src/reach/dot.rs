//! Who may talk to whom, as a graph for Graphviz.
//!
//! A picture is for people: a namespace is a box, workloads in the same position are one node, what goes both ways
//! is one arrow, and colours tell what comes from outside or crosses namespaces.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use plumbline_inventory::RootKey;
use plumbline_network::{Connections, Edge, Peer, Workload};

/// Connections by their two ends.
type Matrix<'a> = BTreeMap<(&'a Peer, &'a Peer), &'a Connections>;

const HEAD: &str = r##"digraph reach {
  rankdir=LR
  ranksep=1.2
  fontname="Helvetica"
  node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#5b6b7b", fontname="Helvetica", fontsize=11]
  edge [color="#9aa5b1", fontname="Helvetica", fontsize=9, fontcolor="#3b4652"]
"##;

const WITHIN: &str = "#9aa5b1";
const ACROSS: &str = "#d9822b";
const OUTSIDE: &str = "#c23030";

/// The graph of `edges`, with workloads that have none; of one namespace only those that have a part in it.
pub(super) fn graph(
    edges: &[Edge],
    workloads: &BTreeMap<Workload, Vec<RootKey>>,
    only: Option<&str>,
) -> String {
    let matrix: Matrix<'_> = edges
        .iter()
        .map(|edge| ((&edge.from, &edge.to), &edge.connections))
        .collect();
    let mut peers: BTreeSet<Peer> = edges
        .iter()
        .flat_map(|edge| [edge.from.clone(), edge.to.clone()])
        .collect();
    let shown = workloads
        .keys()
        .filter(|workload| only.is_none_or(|only| *workload.namespace == *only));
    peers.extend(shown.cloned().map(Peer::Workload));
    let nodes = nodes(&peers, &matrix);
    let mut text = HEAD.to_owned();
    let mut namespace: Option<&str> = None;
    for (at, node) in nodes.iter().enumerate() {
        let Peer::Workload(workload) = &node[0] else {
            continue;
        };
        if namespace != Some(&*workload.namespace) {
            if namespace.is_some() {
                text.push_str("  }\n");
            }
            namespace = Some(&workload.namespace);
            let name = quoted(&workload.namespace);
            let _ = writeln!(
                text,
                "  subgraph {} {{\n    label={name}\n    style=\"rounded,filled\"\n    color=\"#ced6de\"\n    fillcolor=\"#f4f6f8\"",
                quoted(&format!("cluster {}", workload.namespace))
            );
        }
        let _ = writeln!(text, "    n{at} [label={}]", quoted(&workload_label(node)));
    }
    if namespace.is_some() {
        text.push_str("  }\n");
    }
    for (at, node) in nodes.iter().enumerate() {
        if !matches!(node[0], Peer::Workload(_)) {
            let shape = if node[0] == Peer::IngressController {
                "cds"
            } else {
                "ellipse"
            };
            let label = quoted(&node[0].to_string());
            let _ = writeln!(
                text,
                "  n{at} [label={label}, shape={shape}, style=filled, fillcolor=\"#fbeaea\", color=\"{OUTSIDE}\"]"
            );
        }
    }
    arrows(&nodes, &matrix, &mut text);
    text + "}\n"
}

/// Peers, those in the same position together, ordered.
fn nodes(peers: &BTreeSet<Peer>, matrix: &Matrix<'_>) -> Vec<Vec<Peer>> {
    let mut nodes: Vec<Vec<Peer>> = Vec::new();
    for peer in peers {
        let twin = nodes
            .iter_mut()
            .find(|node| are_twins(&node[0], peer, peers, matrix));
        match twin {
            Some(node) => node.push(peer.clone()),
            None => nodes.push(vec![peer.clone()]),
        }
    }
    nodes
}

/// Whether two workloads of a namespace may be swapped without anything changing.
fn are_twins(a: &Peer, b: &Peer, peers: &BTreeSet<Peer>, matrix: &Matrix<'_>) -> bool {
    let (Peer::Workload(one), Peer::Workload(other)) = (a, b) else {
        return false;
    };
    let get = |from, to| matrix.get(&(from, to));
    one.namespace == other.namespace
        && get(a, b) == get(b, a)
        && peers
            .iter()
            .filter(|third| *third != a && *third != b)
            .all(|third| get(a, third) == get(b, third) && get(third, a) == get(third, b))
}

fn arrows(nodes: &[Vec<Peer>], matrix: &Matrix<'_>, text: &mut String) {
    for (at, node) in nodes.iter().enumerate() {
        if let [first, second, ..] = node.as_slice() {
            arrow(text, [at, at], matrix.get(&(first, second)), WITHIN, "");
        }
        for (beyond, other) in nodes.iter().enumerate().skip(at + 1) {
            let there = matrix.get(&(&node[0], &other[0]));
            let back = matrix.get(&(&other[0], &node[0]));
            let colour = colour(&node[0], &other[0]);
            if there == back {
                arrow(text, [at, beyond], there, colour, ", dir=both");
            } else {
                arrow(text, [at, beyond], there, colour, "");
                arrow(text, [beyond, at], back, colour, "");
            }
        }
    }
}

fn arrow(
    text: &mut String,
    [from, to]: [usize; 2],
    connections: Option<&&Connections>,
    colour: &str,
    more: &str,
) {
    let Some(connections) = connections else {
        return;
    };
    let label = if connections.is_all() {
        "all".to_owned()
    } else {
        connections.to_string()
    };
    let _ = writeln!(
        text,
        "  n{from} -> n{to} [label={}, color=\"{colour}\"{more}]",
        quoted(&label)
    );
}

fn colour(a: &Peer, b: &Peer) -> &'static str {
    match (a, b) {
        (Peer::Workload(a), Peer::Workload(b)) if a.namespace == b.namespace => WITHIN,
        (Peer::Workload(_), Peer::Workload(_)) => ACROSS,
        _ => OUTSIDE,
    }
}

fn workload_label(node: &[Peer]) -> String {
    let names: Vec<String> = node
        .iter()
        .filter_map(|peer| match peer {
            Peer::Workload(workload) => Some(format!("{} [{}]", workload.name, workload.kind)),
            _ => None,
        })
        .collect();
    names.join("\n")
}

/// A string of the DOT language.
fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}
