//! Who may talk to whom, as programs read it: the shape is a contract.

use anyhow::Result;
use plumbline_api::API_VERSION;
use plumbline_inventory::ObjectId;
use plumbline_network::explain::Side;
use plumbline_network::{Action, Connections, Direction, Edge, Entry, Explanation, Network, Peer, Way};
use serde::Serialize;

use super::explanation::unasked_words;
use super::is_in;
use super::subject::Subject;
use crate::input::InputError;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReachResult<'a> {
    api_version: &'static str,
    kind: &'static str,
    connections: Vec<Line>,
    entries: Vec<Opening>,
    notes: &'a [String],
    errors: &'a [InputError],
}

#[derive(Serialize)]
struct Line {
    from: String,
    to: String,
    connections: String,
    ports: Vec<Ports>,
}

#[derive(Serialize)]
struct Ports {
    protocol: &'static str,
    first: u16,
    last: u16,
}

/// A way in from outside.
#[derive(Serialize)]
struct Opening {
    workload: String,
    way: &'static str,
    through: Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    target: String,
    allowed: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReachExplanation<'a> {
    api_version: &'static str,
    kind: &'static str,
    from: String,
    to: String,
    explanations: Vec<Explained>,
    errors: &'a [InputError],
}

#[derive(Serialize)]
struct Explained {
    connections: String,
    egress: ExplainedSide,
    ingress: ExplainedSide,
}

#[derive(Serialize)]
struct ExplainedSide {
    connections: String,
    /// Why no policy is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    unasked: Option<String>,
    policies: Vec<ExplainedReason>,
    /// What is allowed because no policy decides on it.
    undecided: String,
}

#[derive(Serialize)]
struct ExplainedReason {
    policy: Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    decides: String,
}

pub(super) fn all(subject: &Subject, network: &Network, edges: &[Edge]) -> Result<String> {
    let entries = network.entries(&subject.inventory).into_iter();
    let names = network.named_workloads(&subject.inventory);
    let entry = |entry: Entry| {
        let (workload, _) = names.iter().find(|(_, roots)| roots.contains(&entry.workload))?;
        let wanted = subject
            .only
            .as_deref()
            .is_none_or(|only| is_in(&Peer::Workload(workload.clone()), only));
        wanted.then(|| Opening {
            workload: workload.to_string(),
            way: way(entry.way),
            through: object(&entry.through),
            service: entry.service.map(|name| name.to_string()),
            target: entry.target.to_string(),
            allowed: entry.allowed.to_string(),
        })
    };
    pretty(&ReachResult {
        api_version: API_VERSION,
        kind: "ReachResult",
        connections: edges.iter().map(line).collect(),
        entries: entries.filter_map(entry).collect(),
        notes: &subject.notes,
        errors: &subject.errors,
    })
}

pub(super) fn explanation(
    subject: &Subject,
    from: &Peer,
    to: &Peer,
    explanations: &[Explanation],
) -> Result<String> {
    let explained = |explanation: &Explanation| Explained {
        connections: explanation.connections.to_string(),
        egress: side(Direction::Egress, &explanation.egress),
        ingress: side(Direction::Ingress, &explanation.ingress),
    };
    pretty(&ReachExplanation {
        api_version: API_VERSION,
        kind: "ReachExplanation",
        from: from.to_string(),
        to: to.to_string(),
        explanations: explanations.iter().map(explained).collect(),
        errors: &subject.errors,
    })
}

fn side(direction: Direction, side: &Side) -> ExplainedSide {
    let reasons = side.reasons.iter();
    ExplainedSide {
        connections: side.connections.to_string(),
        unasked: side.unasked.map(|unasked| unasked_words(unasked, direction)),
        policies: reasons
            .map(|reason| ExplainedReason {
                policy: object(&reason.policy),
                rule: reason.rule,
                action: reason.action.map(|action| match action {
                    Action::Allow => "Allow",
                    Action::Deny => "Deny",
                    Action::Pass => "Pass",
                }),
                decides: reason.decides.to_string(),
            })
            .collect(),
        undecided: side.undecided.to_string(),
    }
}

fn line(edge: &Edge) -> Line {
    Line {
        from: edge.from.to_string(),
        to: edge.to.to_string(),
        connections: edge.connections.to_string(),
        ports: ports(&edge.connections),
    }
}

fn ports(connections: &Connections) -> Vec<Ports> {
    let range = |(protocol, first, last): (plumbline_inventory::entries::Protocol, u16, u16)| Ports {
        protocol: protocol.as_str(),
        first,
        last,
    };
    connections.ranges().map(range).collect()
}

fn way(way: Way) -> &'static str {
    match way {
        Way::Ingress => "Ingress",
        Way::Route => "Route",
        Way::LoadBalancer => "LoadBalancer",
        Way::NodePort => "NodePort",
        Way::ExternalIp => "ExternalIP",
        Way::HostPort => "HostPort",
    }
}

fn object(id: &ObjectId) -> Object {
    Object {
        api_version: id.kind.api_version(),
        kind: id.kind.as_str(),
        namespace: id.namespace.as_ref().map(ToString::to_string),
        name: id.name.to_string(),
    }
}

fn pretty(result: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(result)? + "\n")
}
