//! Runs the example cases of items.

use std::fmt::Write as _;

use plumbline_inventory::{Evidence, Inventory, Kind, lean::Object};

use plumbline_network::Network;
use plumbline_rbac::Rbac;

use crate::{ANONYMOUS_ACCESS, Context, Empty, Exception, Home, Item, Outcome, Parameters};

/// What an item must say of example manifests. Each case has a name that says in a sentence what it shows.
#[derive(Debug)]
pub(crate) struct Cases {
    /// Manifests that pass.
    pub(crate) pass: &'static [(&'static str, &'static str)],
    /// Manifests that fail, with each finding as `Kind name[/container]: Reason[, severity]`; the severity is
    /// given where it is not the item's own.
    pub(crate) fail: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// Manifests that the item does not apply to.
    pub(crate) not_applicable: &'static [(&'static str, &'static str)],
    /// Manifests that it cannot decide on, with the reason.
    pub(crate) unknown: &'static [(&'static str, &'static str, &'static str)],
    /// Parameters that the cases assume.
    pub(crate) parameters: Option<fn() -> Parameters>,
}

impl Cases {
    /// No cases.
    pub(crate) const NONE: Self = Self {
        pass: &[],
        fail: &[],
        not_applicable: &[],
        unknown: &[],
        parameters: None,
    };
}

/// The time at which cases are evaluated.
const NOW: &str = "2026-11-24T10:00:00Z";

/// The inventory of YAML documents.
pub(crate) fn inventory(manifests: &str) -> Inventory {
    let mut inventory = Inventory::offline();
    for document in manifests.split("\n---") {
        let value: serde_json::Value = serde_saphyr::from_str(document).expect("a case is valid YAML");
        if value.is_null() {
            continue;
        }
        let field = |name: &str| {
            value[name]
                .as_str()
                .expect("a case has apiVersion and kind")
                .to_owned()
        };
        if field("kind") == "Evidence" {
            // Without the words of every document, as the command line reads it.
            let mut evidence = value.as_object().expect("an object").clone();
            evidence.retain(|key, _| !matches!(key.as_str(), "apiVersion" | "kind"));
            let evidence: Evidence = serde_json::from_value(evidence.into()).expect("evidence decodes");
            evidence.put(&mut inventory);
            continue;
        }
        let kind = Kind::of(&field("apiVersion"), &field("kind")).expect("a case is of a known kind");
        let object = Object::from_json(kind, &value.to_string()).expect("a case decodes");
        inventory.apply(object);
    }
    inventory
}

/// Waivers of AZ-06a as the engine judges them, approvals and need aside: those are the engine's to test.
fn exceptions(inventory: &Inventory) -> Vec<Exception> {
    let now = NOW.parse().expect("a time");
    let named = inventory
        .waivers()
        .filter(|(_, waiver)| waiver.spec.items.iter().any(|item| item == ANONYMOUS_ACCESS));
    let judged = named.map(|(id, waiver)| Exception {
        id: id.clone(),
        fault: (waiver.spec.expires <= now).then(|| ("Expired", "expired".to_owned())),
    });
    judged.collect()
}

/// Everything that `item` says of `manifests`.
pub(crate) fn evaluate(item: &Item, inventory: &Inventory, parameters: &Parameters) -> Outcome {
    let mut total = Outcome::default();
    let mut add = |mut outcome: Outcome| {
        total.evaluated += outcome.evaluated;
        total.failing += outcome.failing;
        total.inactive += outcome.inactive;
        total.findings.append(&mut outcome.findings);
        total.unknown = total.unknown.take().or(outcome.unknown);
        total.tracked = total.tracked.wrapping_add(outcome.tracked);
        total.valid_until = total.valid_until.into_iter().chain(outcome.valid_until).min();
    };
    let context = Context {
        inventory,
        rbac: &Rbac::of(inventory),
        network: &Network::of(inventory),
        parameters,
        exceptions: &exceptions(inventory),
        now: NOW.parse().expect("a time"),
    };
    let namespaces = inventory
        .namespaces()
        .map(|namespace| Home::Namespace(namespace.name().clone()));
    for home in namespaces.chain([Home::Cluster]) {
        for unit in context.units(&home) {
            if item.looks_at(&home, &unit) {
                let outcome = item.check_unit(&home, &unit, &context, |t| item.check_template(t, parameters));
                add(outcome.expect("the unit is there"));
            }
        }
    }
    total.findings.sort();
    total
}

fn findings(item: &Item, outcome: &Outcome) -> Vec<String> {
    let line = |finding: &crate::Finding| {
        let mut line = format!("{} {}", finding.object.kind, finding.object.name);
        if let Some(container) = &finding.container {
            let _ = write!(line, "/{container}");
        }
        let _ = write!(line, ": {}", finding.reason);
        if finding.severity != item.severity {
            let _ = write!(line, ", {}", finding.severity);
        }
        line
    };
    outcome.findings.iter().map(line).collect()
}

/// Runs every case of `item` and panics with all that are wrong.
pub(crate) fn run(item: &Item) {
    let parameters = item
        .cases
        .parameters
        .map_or_else(Parameters::default, |parameters| parameters());
    let mut wrong = String::new();
    let mut expect = |name: &str, manifests: &str, expected: &dyn Fn(&Outcome) -> bool, wanted: &str| {
        let outcome = evaluate(item, &inventory(manifests), &parameters);
        if !expected(&outcome) {
            let found = findings(item, &outcome);
            let _ = writeln!(
                wrong,
                "{}: {name}: wanted {wanted}, got {found:?}\n  {outcome:?}",
                item.id
            );
        }
    };
    for (name, manifests) in item.cases.pass {
        let in_scope = |o: &Outcome| o.evaluated > 0 || item.empty == Empty::Pass;
        let passes = |o: &Outcome| in_scope(o) && o.findings.is_empty() && o.unknown.is_none();
        expect(name, manifests, &passes, "a pass");
    }
    for (name, manifests, wanted) in item.cases.fail {
        let mut sorted = wanted.to_vec();
        sorted.sort_unstable();
        let fails = |o: &Outcome| {
            let mut found = findings(item, o);
            found.sort_unstable();
            !found.is_empty() && found == sorted
        };
        expect(name, manifests, &fails, &format!("{sorted:?}"));
    }
    for (name, manifests) in item.cases.not_applicable {
        expect(
            name,
            manifests,
            &|o: &Outcome| o.evaluated == 0 && o.findings.is_empty(),
            "not applicable",
        );
    }
    for (name, manifests, reason) in item.cases.unknown {
        let unknown = |o: &Outcome| o.unknown.as_ref().is_some_and(|(r, _)| r == reason);
        expect(name, manifests, &unknown, &format!("unknown, {reason}"));
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
