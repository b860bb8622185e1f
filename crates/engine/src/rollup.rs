//! From results to the state of an item in one report.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use plumbline_api::item::{MAX_NAMESPACES, MissingEvidence, NamespaceCount};
use plumbline_api::{Finding, ItemStatus};
use plumbline_baseline::{Class, Empty, Home, ITEMS, Item, Scope, Unit};
use plumbline_inventory::{InputState, Inventory, Kind, Name};
use plumbline_rbac::Subject;

use crate::evaluation::Evaluation;
use crate::report::{MAX_MESSAGE, cut};
use crate::settings::Settings;
use crate::waivers::SYSTEM_NAMESPACE;

/// What is to be said of an item now, without what a report remembers.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemState {
    /// The item.
    pub item: &'static Item,
    /// Its status.
    pub status: ItemStatus,
    /// Why, in one CamelCase word.
    pub reason: &'static str,
    /// Why, with numbers.
    pub message: String,
    /// Objects that it applies to.
    pub evaluated: u32,
    /// Objects with findings that nobody accepted.
    pub failing: u32,
    /// Objects all of whose findings are accepted.
    pub waived: u32,
    /// Objects among them that are in system namespaces.
    pub of_system: u32,
    /// Objects that do not run.
    pub inactive: u32,
    /// Live pods behind failing workloads.
    pub pods: u32,
    /// Findings.
    pub findings: u32,
    /// Digest of the set of findings.
    pub digest: u64,
    /// Namespaces with failing objects, worst first; in the cluster report only.
    pub namespaces: Vec<NamespaceCount>,
    /// The first findings.
    pub sample: Vec<SampledFinding>,
    /// What is missing for a verdict.
    pub missing: Vec<MissingEvidence>,
    /// What was the last to change its result: `Deployment shop/web`.
    pub cause: Option<String>,
}

/// A finding, and why it is accepted if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampledFinding {
    /// The finding.
    pub finding: plumbline_baseline::Finding,
    /// Why it is accepted.
    pub waived: Option<String>,
}

/// A kind that an item reads and the inventory does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MissingInput {
    kind: Kind,
    /// What is the matter with it.
    state: InputState,
}

impl Evaluation {
    /// The states of the items that the report of `home` lists, in the order of the checklist.
    pub fn states(
        &self,
        home: &Home,
        inventory: &Inventory,
        settings: &Settings,
        sample: usize,
    ) -> Vec<ItemState> {
        ITEMS
            .into_iter()
            .filter(|item| home.lists(item))
            .map(|item| self.item(item, home, inventory, settings, sample))
            .collect()
    }

    /// The state of `item` in the report of `home`, with at most `sample` findings.
    pub fn item(
        &self,
        item: &'static Item,
        home: &Home,
        inventory: &Inventory,
        settings: &Settings,
        sample: usize,
    ) -> ItemState {
        let mut state = ItemState {
            item,
            status: ItemStatus::Unknown,
            reason: "NotImplemented",
            message: "this item has no check yet".to_owned(),
            evaluated: 0,
            failing: 0,
            waived: 0,
            of_system: 0,
            inactive: 0,
            pods: 0,
            findings: 0,
            digest: 0,
            namespaces: Vec::new(),
            sample: Vec::new(),
            missing: Vec::new(),
            cause: None,
        };
        if let Some(why) = settings.disabled(item) {
            state.status = ItemStatus::NotApplicable;
            state.reason = "Disabled";
            state.message = format!("disabled by the baseline: {why}");
            return state;
        }
        let slot = self.slot(item);
        if let Some(slot) = slot {
            self.count(&mut state, slot, home);
            self.sample(&mut state, slot, home, inventory, settings, sample);
            self.decide(&mut state, slot, home, inventory, settings);
        }
        self.hear(&mut state, slot, home, inventory, settings);
        state
    }

    /// Takes in what is attested: it decides where evidence does not, and never against it.
    fn hear(
        &self,
        state: &mut ItemState,
        slot: Option<usize>,
        home: &Home,
        inventory: &Inventory,
        settings: &Settings,
    ) {
        let item = state.item;
        if state.status == ItemStatus::Fail {
            if let Some((id, _)) = self.attestations().speaking_of(item, home).next() {
                state.reason = "AttestationContradicted";
                let _ = write!(state.message, "; {id} says otherwise");
            }
            return;
        }
        if !is_open(state) {
            return;
        }
        let concerned = slot.into_iter().flat_map(|slot| self.concerned(slot, settings));
        let deciding = self.attestations().deciding(item, home, concerned, inventory);
        let Some((id, first)) = deciding.first() else {
            return;
        };
        state.status = ItemStatus::Attested;
        state.reason = "Attested";
        state.message = format!("{}: {id}", first.message);
        if deciding.len() > 1 {
            let _ = write!(state.message, " and {} more", deciding.len() - 1);
        }
        state.missing.clear();
    }

    fn count(&self, state: &mut ItemState, slot: usize, home: &Home) {
        let (tally, cause) = self.total(slot, home);
        state.evaluated = tally.evaluated;
        state.failing = tally.failing;
        state.waived = tally.waived;
        state.of_system = tally.of_system;
        state.inactive = tally.inactive;
        state.pods = tally.pods;
        state.findings = tally.findings;
        state.digest = tally.digest;
        state.cause = cause.map(|(home, unit)| unit.named(home).to_string());
        if *home == Home::Cluster {
            let count = |(name, failing): (&Name, u32)| NamespaceCount {
                name: name.to_string(),
                failing: failing as i32,
            };
            state.namespaces = self.index(slot).worst().take(MAX_NAMESPACES).map(count).collect();
        }
    }

    /// Takes findings in the order of reports until there are `limit`.
    fn sample(
        &self,
        state: &mut ItemState,
        slot: usize,
        home: &Home,
        inventory: &Inventory,
        settings: &Settings,
        limit: usize,
    ) {
        let mut group = None;
        let mut start = 0;
        for (waived, severity, of, unit) in self.index(slot).units(home) {
            // Objects that count as themselves are one unit, the first of its home; their findings interleave
            // with those of workloads, which come in order. Rights come by whom they concern.
            let is_right = matches!(unit, Unit::Subject(_) | Unit::UnboundRole(_));
            let present = Some((*waived, *severity, of, is_right));
            if group != present {
                sort_objects(&mut state.sample[start..]);
                if state.sample.len() >= limit {
                    break;
                }
                (group, start) = (present, state.sample.len());
            } else if state.sample.len() - start > limit && *unit != Unit::Whole {
                break;
            }
            let (outcome, accepted) = self.judged(slot, of, unit, inventory, settings);
            let findings = outcome.findings.into_iter().zip(accepted);
            state.sample.extend(
                findings
                    .filter(|(finding, accepted)| {
                        finding.severity == *severity && accepted.stands() != *waived
                    })
                    .map(|(finding, accepted)| SampledFinding {
                        finding,
                        waived: accepted.name(),
                    }),
            );
        }
        sort_objects(&mut state.sample[start..]);
        state.sample.truncate(limit);
    }

    fn decide(
        &self,
        state: &mut ItemState,
        slot: usize,
        home: &Home,
        inventory: &Inventory,
        settings: &Settings,
    ) {
        let missing = missing_inputs(state.item, inventory);
        if let Some(first) = missing.first() {
            state.status = ItemStatus::Unknown;
            state.reason = input_reason(first.state);
            state.message = missing_message(&missing, state);
            state.missing = missing.into_iter().map(Into::into).collect();
            return;
        }
        let undecodable = undecodable(state.item, home, inventory);
        let unknown = self.index(slot).first_unknown(home);
        if state.failing > 0 {
            state.status = ItemStatus::Fail;
            state.reason = state
                .sample
                .first()
                .map_or("Failing", |sampled| sampled.finding.reason);
            let namespaces = self.index(slot).worst().len();
            let beside = self.failing_beside_namespaces(slot) > 0;
            state.message = failing_message(state, home, namespaces, beside);
        } else if let Some((count, first)) = undecodable {
            state.status = ItemStatus::Unknown;
            state.reason = "UndecodableObject";
            state.message = match count {
                1 => first,
                _ => format!("{first}; and {} more", count - 1),
            };
        } else if let Some((of, unit)) = unknown {
            let outcome = self
                .outcome(slot, of, unit, inventory, settings)
                .unwrap_or_default();
            let (reason, why) = outcome.unknown.unwrap_or_default();
            state
                .missing
                .extend(outcome.missing.map(|missing| MissingEvidence {
                    source: missing.source.to_owned(),
                    grant: missing.grant.to_owned(),
                }));
            state.status = ItemStatus::Unknown;
            state.reason = reason;
            state.message = format!("{}: {why}", unit.named(of));
        } else if state.waived > 0 {
            let by_waivers = state.waived - state.of_system;
            (state.status, state.reason) = match by_waivers {
                0 => (ItemStatus::Waived, SYSTEM_NAMESPACE),
                _ => (ItemStatus::Waived, "Accepted"),
            };
            let accepted = match (by_waivers, state.of_system) {
                (0, _) => "all in system namespaces".to_owned(),
                (_, 0) => "all accepted by waivers".to_owned(),
                (by_waivers, of_system) => {
                    format!("{by_waivers} accepted by waivers, {of_system} in system namespaces")
                }
            };
            state.message = format!("{}, {accepted}", subject(state.waived, state));
        } else if state.evaluated > 0 && state.item.class == Class::C {
            state.status = ItemStatus::NeedsAttestation;
            state.reason = "AttestationMissing";
            state.message = format!(
                "{}, nothing contradicts it; an attestation has the last word",
                self.looked_at(state, slot, home, inventory, settings)
            );
        } else if state.evaluated > 0 {
            state.status = ItemStatus::Pass;
            state.reason = "Conforms";
            state.message = self.looked_at(state, slot, home, inventory, settings);
        } else {
            state.status = match state.item.empty {
                Empty::Pass => ItemStatus::Pass,
                Empty::NotApplicable => ItemStatus::NotApplicable,
            };
            state.reason = "NothingInScope";
            state.message = match state.inactive {
                0 => "nothing in scope".to_owned(),
                inactive => format!("nothing in scope runs; inactive: {inactive}"),
            };
        }
        if let Some(note) = optional_note(state.item, inventory) {
            state.message.push_str(&note);
        }
    }
}

impl Evaluation {
    /// What an item without findings looked at: `118 workloads checked`, and what it notes itself.
    fn looked_at(
        &self,
        state: &ItemState,
        slot: usize,
        home: &Home,
        inventory: &Inventory,
        settings: &Settings,
    ) -> String {
        let whole = self.outcome(slot, home, &Unit::Whole, inventory, settings);
        let note = whole.and_then(|outcome| outcome.note);
        let checked = || format!("{} checked", quantity(state.evaluated, state.item));
        match note {
            Some(note) if state.item.scope == Scope::Cluster => note,
            Some(note) => format!("{}; {note}", checked()),
            None => checked(),
        }
    }
}

/// Whether an attestation may decide: nothing else can. What cannot be read at present is not that, nor what
/// does not decode.
fn is_open(state: &ItemState) -> bool {
    let lacks_evidence = || {
        let temporary = matches!(
            state.reason,
            "InputPending" | "InputFailing" | "UndecodableObject"
        );
        state.item.class != Class::A
            && !temporary
            && (!state.missing.is_empty() || state.reason == "NotImplemented")
    };
    match state.status {
        ItemStatus::NeedsAttestation => true,
        ItemStatus::Unknown => lacks_evidence(),
        _ => false,
    }
}

/// Puts findings on objects in the order of reports. Those on rights have theirs already.
fn sort_objects(findings: &mut [SampledFinding]) {
    if findings.iter().all(|sampled| sampled.finding.subject.is_none()) {
        findings.sort_by(|a, b| a.finding.cmp(&b.finding));
    }
}

/// Kinds that `item` cannot do without: those that it reads, and namespaces. What it asks about lies in them,
/// and without them nothing would be in scope and all in order.
fn needed(item: &Item) -> impl Iterator<Item = Kind> {
    let namespaces = (!item.reads.contains(&Kind::Namespace)).then_some(Kind::Namespace);
    item.reads.iter().copied().chain(namespaces)
}

/// Kinds that `item` cannot do without and the inventory does not have, the worst first.
fn missing_inputs(item: &Item, inventory: &Inventory) -> Vec<MissingInput> {
    let state = |kind: Kind| MissingInput {
        kind,
        state: inventory.coverage(kind).state,
    };
    let mut missing: Vec<MissingInput> = needed(item)
        .map(state)
        .filter(|input| input.state != InputState::Synced)
        .collect();
    missing.sort_by_key(|input| (input_reason(input.state), input.kind));
    missing
}

fn input_reason(state: InputState) -> &'static str {
    match state {
        InputState::Forbidden => "InputForbidden",
        InputState::Absent => "InputAbsent",
        InputState::Failing => "InputFailing",
        InputState::Pending | InputState::Synced => "InputPending",
    }
}

fn missing_message(missing: &[MissingInput], state: &ItemState) -> String {
    let same = |a: &MissingInput, b: &MissingInput| input_reason(a.state) == input_reason(b.state);
    let groups: Vec<String> = missing
        .chunk_by(same)
        .map(|inputs| {
            let what = match inputs[0].state {
                InputState::Forbidden => "may not be listed",
                InputState::Absent => "are not served",
                InputState::Failing => "cannot be read at present",
                InputState::Pending | InputState::Synced => "are not listed yet",
            };
            let kinds: Vec<&str> = inputs.iter().map(|input| input.kind.plural()).collect();
            format!("{} {what}", kinds.join(", "))
        })
        .collect();
    let mut message = groups.join("; ");
    if state.failing > 0 {
        let _ = write!(message, "; of what is known, {}", subject(state.failing, state));
    }
    message
}

impl From<MissingInput> for MissingEvidence {
    fn from(input: MissingInput) -> Self {
        let resource = input.kind.resource();
        let grant = match input.state {
            InputState::Forbidden => {
                format!("get, list and watch on {resource} for the operator's ServiceAccount")
            }
            InputState::Absent => format!("an API server that serves {resource}"),
            _ => format!("an API server that answers lists of {resource}"),
        };
        Self {
            source: resource,
            grant,
        }
    }
}

/// How many objects that `item` reads do not decode, and what is wrong with the first.
fn undecodable(item: &Item, home: &Home, inventory: &Inventory) -> Option<(usize, String)> {
    let kinds: BTreeSet<Kind> = needed(item).chain(item.optional.iter().copied()).collect();
    let mut objects = kinds
        .into_iter()
        .filter(|kind| inventory.coverage(*kind).undecodable > 0)
        .flat_map(|kind| inventory.undecodable_of(kind, home.namespace()));
    let (id, error) = objects.next()?;
    Some((1 + objects.count(), format!("{id} cannot be read: {error}")))
}

/// `3 of 118 workloads run privileged containers`.
fn subject(count: u32, state: &ItemState) -> String {
    let phrase = if count == 1 {
        state.item.failing.one
    } else {
        state.item.failing.many
    };
    format!("{count} of {} {phrase}", quantity(state.evaluated, state.item))
}

fn quantity(count: u32, item: &Item) -> String {
    let plural = item.scope.plural();
    match count {
        1 => format!("1 {}", plural.strip_suffix('s').unwrap_or(plural)),
        _ => format!("{count} {plural}"),
    }
}

/// What fails, and in the cluster's report where: in how many namespaces, and whether `beside` them.
fn failing_message(state: &ItemState, home: &Home, namespaces: usize, beside: bool) -> String {
    let subject = subject(state.failing, state);
    let places = match (home, namespaces) {
        (Home::Namespace(_), _) | (_, 0) => return subject,
        (Home::Cluster, 1) => "1 namespace".to_owned(),
        (Home::Cluster, _) => format!("{namespaces} namespaces"),
    };
    let beside = if beside { " and cluster-wide" } else { "" };
    format!("{subject}, in {places}{beside}")
}

/// Says which optional sources the verdict goes without.
fn optional_note(item: &Item, inventory: &Inventory) -> Option<String> {
    let absent: Vec<&str> = item
        .optional
        .iter()
        // Of what the API server does not serve there is none.
        .filter(|kind| {
            let state = inventory.coverage(**kind).state;
            !matches!(state, InputState::Synced | InputState::Absent)
        })
        .map(|kind| kind.plural())
        .collect();
    (!absent.is_empty()).then(|| format!("; {} not read", absent.join(", ")))
}

/// As reports write it: `User/NAME`, `Group/NAME`, `ServiceAccount/NAMESPACE/NAME`.
pub fn subject_path(subject: &Subject) -> String {
    match subject {
        Subject::User(name) => format!("User/{name}"),
        Subject::Group(name) => format!("Group/{name}"),
        Subject::ServiceAccount { namespace, name } => format!("ServiceAccount/{namespace}/{name}"),
    }
}

impl From<SampledFinding> for Finding {
    fn from(sampled: SampledFinding) -> Self {
        let finding = sampled.finding;
        Self {
            kind: finding.object.kind.to_string(),
            namespace: finding.object.namespace.map(|namespace| namespace.to_string()),
            name: finding.object.name.to_string(),
            container: finding.container.map(|container| container.to_string()),
            subject: finding.subject.as_ref().map(subject_path),
            role: finding.role.map(|role| format!("{}/{}", role.kind, role.name)),
            severity: finding.severity,
            message: cut(finding.message, MAX_MESSAGE),
            waived: sampled.waived,
        }
    }
}
