//! The report as it is to be written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use plumbline_api::conditions::{
    self, CompliantReason, ConditionType, DriftedReason, FreshReason, ReadyReason, Reason, ReconcilingReason,
    StalledReason,
};
use plumbline_api::coverage::{InputCoverage, InputState as CoverageState};
use plumbline_api::report::{BaselineRef, Summary};
use plumbline_api::{Drift, ItemResult, ItemStatus, Level, ReportStatus};
use plumbline_inventory::{InputState, Inventory, Kind};
use xxhash_rust::xxh3::Xxh3;

use crate::decided;
use crate::evaluation::Evaluation;
use crate::memory::{Aged, Memory, Settling, to_seconds};
use crate::rollup::ItemState;
use crate::settings::Settings;
use plumbline_baseline::Home;

/// Findings that a cluster report shows of each item, before its size is looked at.
pub const CLUSTER_SAMPLE: usize = 10;

/// Findings that the report of a namespace shows of each item, before its size is looked at.
pub const NAMESPACE_SAMPLE: usize = 5;

/// The largest status that a cluster report may have, in bytes of JSON. The API server stores the names of all
/// fields a second time in `managedFields`: together they stay below 256 KiB.
pub const CLUSTER_BUDGET: usize = 200 * 1024;

/// The largest status that the report of a namespace may have: with `managedFields` below 48 KiB.
pub const NAMESPACE_BUDGET: usize = 36 * 1024;

/// The longest message that the schema admits. Names of images and paths in messages have no bound of their own.
pub(crate) const MAX_MESSAGE: usize = 1024;

/// The longest message of an item in a report that is over its budget, in bytes.
const SHORT_MESSAGE: usize = 256;

/// What a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The cluster.
    pub inventory: &'a Inventory,
    /// The results.
    pub evaluation: &'a Evaluation,
    /// The baseline, compiled.
    pub settings: &'a Settings,
    /// The baseline, by name.
    pub baseline: &'a BaselineRef,
    /// Identity of the cluster, if it is known.
    pub cluster_id: Option<&'a str>,
    /// Kinds that are watched.
    pub inputs: &'a [Kind],
    /// Which reports the API server refuses, if any: the cluster's report says so.
    pub refused: Option<&'a str>,
    /// When each input was last heard of.
    pub last_sync: &'a BTreeMap<Kind, Timestamp>,
}

/// A report and what came of making it.
#[derive(Clone, Debug)]
pub struct Report {
    /// What is to be written.
    pub status: ReportStatus,
    /// What has held and is to be told, and when to look again.
    pub settling: Settling,
}

impl Source<'_> {
    /// The states of the items that the report of `home` lists, in the order of the checklist.
    pub fn states(&self, home: &Home, sample: usize) -> Vec<ItemState> {
        self.evaluation
            .states(home, self.inventory, self.settings, sample)
    }

    /// The report of `home` at `now`.
    pub fn report(&self, home: &Home, memory: &mut Memory, before: &[Condition], now: Timestamp) -> Report {
        let (sample, budget) = match home {
            Home::Cluster => (CLUSTER_SAMPLE, CLUSTER_BUDGET),
            Home::Namespace(_) => (NAMESPACE_SAMPLE, NAMESPACE_BUDGET),
        };
        let states = self.states(home, sample);
        let settling = memory.observe(&states, now);
        let time = Time(to_seconds(now));
        let items: Vec<ItemResult> = states
            .into_iter()
            .zip(&settling.items)
            .map(|(state, aged)| self.result(state, aged, home))
            .collect();
        let summary = summarise(items.iter().map(|item| (item.status, item.drift)));
        let mut report = ReportStatus {
            observed_generation: None,
            baseline: Some(self.baseline.clone()),
            cluster_id: (*home == Home::Cluster)
                .then(|| self.cluster_id.map(str::to_owned))
                .flatten(),
            last_evaluated: Some(time.clone()),
            conditions: self.conditions(&items, home, memory, before, &summary, &time),
            summary: Some(summary),
            items,
            reference: memory.reference.clone(),
            history: memory.history.clone(),
            coverage: if *home == Home::Cluster {
                self.coverage()
            } else {
                Vec::new()
            },
            waivers: Some(self.evaluation.waiver_counts(home)),
        };
        fit(&mut report, budget);
        Report {
            status: report,
            settling,
        }
    }

    fn result(&self, state: ItemState, aged: &Aged, home: &Home) -> ItemResult {
        let of_cluster = *home == Home::Cluster;
        let more = state.findings.saturating_sub(state.sample.len() as u32);
        ItemResult {
            id: state.item.id.to_owned(),
            title: of_cluster.then(|| state.item.title.to_owned()),
            level: of_cluster.then(|| self.settings.level(state.item)),
            severity: of_cluster.then(|| self.settings.severity(state.item)),
            status: state.status,
            reason: state.reason.to_owned(),
            message: cut(state.message, MAX_MESSAGE),
            evaluated: state.evaluated as i32,
            failing: state.failing as i32,
            waived: state.waived as i32,
            inactive: state.inactive as i32,
            pods: state.pods as i32,
            findings: state.findings as i32,
            since: Time(aged.since),
            drift: aged.drift,
            failing_change: aged.failing_change,
            namespaces: state.namespaces,
            sample: state.sample.into_iter().map(Into::into).collect(),
            more: more as i32,
            missing_evidence: state.missing.into_iter().take(16).collect(),
        }
    }

    fn conditions(
        &self,
        items: &[ItemResult],
        home: &Home,
        memory: &Memory,
        before: &[Condition],
        summary: &Summary,
        now: &Time,
    ) -> Vec<Condition> {
        // Conditions of types that are none of ours are somebody else's, and no part of a report.
        let ours =
            |condition: &&Condition| ConditionType::ALL.iter().any(|it| it.as_str() == condition.type_);
        let mut list: Vec<Condition> = before.iter().filter(ours).cloned().collect();
        let mut set = |condition| conditions::set(&mut list, condition);
        let total = summary.total;
        set(self.ready(total, now));
        set(self.compliant(items, now));
        set(drifted(items, memory, now));
        set(self.fresh(now));
        conditions::remove(&mut list, ConditionType::Reconciling);
        for (type_, condition) in [
            (ConditionType::Expiring, self.evaluation.expiring(home, now)),
            (
                ConditionType::Unguarded,
                decided::unguarded(self.inventory, home, now),
            ),
        ] {
            match condition {
                Some(condition) => conditions::set(&mut list, condition),
                None => conditions::remove(&mut list, type_),
            }
        }
        match self.refused.filter(|_| *home == Home::Cluster) {
            Some(error) => {
                conditions::set(&mut list, StalledReason::WriteRefused.condition(error, None, now));
            }
            None => conditions::remove(&mut list, ConditionType::Stalled),
        }
        list
    }

    fn ready(&self, total: i32, now: &Time) -> Condition {
        match self.in_state(InputState::Failing).as_slice() {
            [] => ReadyReason::Evaluated.condition(format!("{total} items evaluated"), None, now),
            failing => {
                let message = format!("what is known of these may be old: {}", failing.join(", "));
                ReadyReason::InputsStale.condition(message, None, now)
            }
        }
    }

    fn in_state(&self, wanted: InputState) -> Vec<&'static str> {
        let inputs = self
            .inputs
            .iter()
            .filter(|kind| self.inventory.coverage(**kind).state == wanted);
        inputs.map(|kind| kind.plural()).collect()
    }

    fn compliant(&self, items: &[ItemResult], now: &Time) -> Condition {
        let levels = items.iter().filter_map(|item| {
            let known = plumbline_baseline::find(&item.id)?;
            Some((known.id, self.settings.level(known), item.status))
        });
        let (reason, message) = verdict(levels);
        reason.condition(message, None, now)
    }

    fn fresh(&self, now: &Time) -> Condition {
        let in_state = |wanted: InputState| -> Vec<&str> {
            let inputs = self
                .inputs
                .iter()
                .filter(|kind| self.inventory.coverage(**kind).state == wanted);
            inputs.map(|kind| kind.plural()).collect()
        };
        let (failing, pending) = (in_state(InputState::Failing), in_state(InputState::Pending));
        if !failing.is_empty() {
            let message = format!("not heard of: {}", failing.join(", "));
            FreshReason::InputsFailing.condition(message, None, now)
        } else if !pending.is_empty() {
            let message = format!("not listed yet: {}", pending.join(", "));
            FreshReason::Syncing.condition(message, None, now)
        } else {
            FreshReason::InputsSynced.condition(format!("{} kinds watched", self.inputs.len()), None, now)
        }
    }

    fn coverage(&self) -> Vec<InputCoverage> {
        let input = |kind: &Kind| {
            let coverage = self.inventory.coverage(*kind);
            InputCoverage {
                group: kind.group().to_owned(),
                kind: kind.to_string(),
                objects: coverage.objects as i32,
                state: match coverage.state {
                    InputState::Synced => CoverageState::Synced,
                    InputState::Forbidden => CoverageState::Forbidden,
                    InputState::Absent => CoverageState::Absent,
                    InputState::Failing | InputState::Pending => CoverageState::Failing,
                },
                undecodable: coverage.undecodable as i32,
                last_sync: self.last_sync.get(kind).map(|at| Time(to_seconds(*at))),
            }
        };
        self.inputs.iter().map(input).collect()
    }
}

fn drifted(items: &[ItemResult], memory: &Memory, now: &Time) -> Condition {
    let ids: Vec<&str> = items
        .iter()
        .filter(|item| item.drift != Drift::None)
        .map(|item| item.id.as_str())
        .collect();
    if !ids.is_empty() {
        let message = format!("differ from the reference: {}", ids.join(", "));
        DriftedReason::DiffersFromReference.condition(message, None, now)
    } else if memory.history_lost {
        let message = "the stored report could not be read; history and reference start anew";
        DriftedReason::HistoryLost.condition(message, None, now)
    } else if memory.reference.is_none() {
        DriftedReason::NoReference.condition("no evaluation has held yet", None, now)
    } else {
        DriftedReason::MatchesReference.condition("every item equals the reference", None, now)
    }
}

/// The verdict on items of these ids, levels and statuses, and what to say of it.
pub fn verdict<'a>(
    items: impl IntoIterator<Item = (&'a str, Level, ItemStatus)>,
) -> (CompliantReason, String) {
    let (mut failing, mut open) = (Vec::new(), Vec::new());
    for (id, _, status) in items
        .into_iter()
        .filter(|(_, level, _)| *level == Level::Required)
    {
        match status {
            ItemStatus::Fail => failing.push(id),
            ItemStatus::Unknown | ItemStatus::NeedsAttestation => open.push(id),
            ItemStatus::Waived | ItemStatus::Attested | ItemStatus::Pass | ItemStatus::NotApplicable => {}
        }
    }
    if !failing.is_empty() {
        let message = format!("required items fail: {}", failing.join(", "));
        (CompliantReason::RequirementsFailed, message)
    } else if !open.is_empty() {
        let open = open.join(", ");
        let message = format!("no required item fails, but evidence is missing for {open}");
        (CompliantReason::EvidenceMissing, message)
    } else {
        (
            CompliantReason::RequirementsMet,
            "every required item holds".to_owned(),
        )
    }
}

/// Counts items by status, and the score.
pub fn summarise(items: impl IntoIterator<Item = (ItemStatus, Drift)>) -> Summary {
    let mut summary = Summary::default();
    for (status, drift) in items {
        summary.total += 1;
        summary.drifted += i32::from(drift != Drift::None);
        *match status {
            ItemStatus::Fail => &mut summary.fail,
            ItemStatus::Unknown => &mut summary.unknown,
            ItemStatus::NeedsAttestation => &mut summary.needs_attestation,
            ItemStatus::Waived => &mut summary.waived,
            ItemStatus::Attested => &mut summary.attested,
            ItemStatus::Pass => &mut summary.pass,
            ItemStatus::NotApplicable => &mut summary.not_applicable,
        } += 1;
    }
    let held = summary.pass + summary.attested;
    let decidable = held + summary.fail + summary.unknown + summary.needs_attestation;
    summary.score = (decidable > 0).then(|| 100 * held / decidable);
    summary
}

/// The first thing that is said of a report that cannot be evaluated yet.
pub fn syncing(before: &[Condition], now: Timestamp) -> Vec<Condition> {
    let now = Time(to_seconds(now));
    let mut list = before.to_vec();
    let message = "waiting for the first list of every input";
    conditions::set(&mut list, ReadyReason::Syncing.condition(message, None, &now));
    conditions::set(&mut list, FreshReason::Syncing.condition(message, None, &now));
    conditions::set(
        &mut list,
        ReconcilingReason::Syncing.condition(message, None, &now),
    );
    list
}

/// What is said of a report without a baseline: it stays as it was, so that nobody loses a history by a slip, and
/// must not look as if somebody kept watch.
pub fn orphaned(before: &[Condition], name: &str, now: Timestamp) -> Vec<Condition> {
    let now = Time(to_seconds(now));
    let mut list = before.to_vec();
    let message = format!("there is no ComplianceBaseline {name}; what this report says is from before");
    for condition in [
        ReadyReason::BaselineNotFound.condition(&message, None, &now),
        CompliantReason::BaselineNotFound.condition(&message, None, &now),
        DriftedReason::BaselineNotFound.condition(&message, None, &now),
        FreshReason::BaselineNotFound.condition(&message, None, &now),
        StalledReason::BaselineNotFound.condition(&message, None, &now),
    ] {
        conditions::set(&mut list, condition);
    }
    // What is there only when true, and nobody looks after any more.
    for stale in [
        ConditionType::Expiring,
        ConditionType::Unguarded,
        ConditionType::Reconciling,
    ] {
        conditions::remove(&mut list, stale);
    }
    list
}

/// Cuts samples, never counts, until the status is within `budget` bytes of JSON.
fn fit(status: &mut ReportStatus, budget: usize) {
    let mut size = json_size(status);
    let mut keep = status
        .items
        .iter()
        .map(|item| item.sample.len())
        .max()
        .unwrap_or(0);
    while size > budget && keep > 0 {
        keep -= 1;
        for item in &mut status.items {
            item.sample.truncate(keep);
            item.more = item.findings - item.sample.len() as i32;
        }
        size = json_size(status);
    }
    // Names of namespaces are a convenience as well.
    let mut keep = status
        .items
        .iter()
        .map(|item| item.namespaces.len())
        .max()
        .unwrap_or(0);
    while size > budget && keep > 0 {
        keep /= 2;
        for item in &mut status.items {
            item.namespaces.truncate(keep);
        }
        size = json_size(status);
    }
    // What is left is bounded by the schema, and near the budget only if messages are unusually long.
    if size > budget {
        for item in &mut status.items {
            item.message = cut(std::mem::take(&mut item.message), SHORT_MESSAGE);
        }
    }
}

fn json_size(status: &ReportStatus) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, status).expect("a status is JSON");
    count.0
}

/// Cuts `text` to at most `limit` bytes, at a character.
pub(crate) fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit - 3)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What a status says, in three numbers: equal statuses have equal fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    substance: u64,
    /// With the numbers that go out only from time to time.
    counts: u64,
    /// With the times, too.
    letter: u64,
}

/// How a report differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Not at all, times aside.
    None,
    /// In numbers that follow from no other finding: goes out at most every 30 s.
    Counts,
    /// In a status, a finding, a condition or what is remembered: goes out at once.
    Substance,
}

impl Fingerprint {
    /// The fingerprint of `status`.
    pub fn of(status: &ReportStatus) -> Self {
        let letter = digest(status);
        let mut status = status.clone();
        status.last_evaluated = None;
        status.observed_generation = None;
        for input in &mut status.coverage {
            input.last_sync = None;
        }
        let counts = digest(&status);
        for input in &mut status.coverage {
            input.objects = 0;
        }
        for item in &mut status.items {
            item.message.clear();
            item.evaluated = 0;
            item.inactive = 0;
            item.pods = 0;
        }
        Self {
            substance: digest(&status),
            counts,
            letter,
        }
    }

    /// How what this is the fingerprint of differs from `other`. When it was evaluated and when inputs were
    /// heard of makes no difference.
    pub fn difference(self, other: Self) -> Difference {
        if self.counts == other.counts {
            Difference::None
        } else if self.substance == other.substance {
            Difference::Counts
        } else {
            Difference::Substance
        }
    }
}

fn digest(status: &ReportStatus) -> u64 {
    struct Hash(Xxh3);
    impl std::io::Write for Hash {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut hash = Hash(Xxh3::new());
    serde_json::to_writer(&mut hash, status).expect("a status is JSON");
    hash.0.digest()
}

#[cfg(test)]
mod tests;
