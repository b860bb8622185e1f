//! What Prometheus may know. Items, inputs and verdicts are read from the last evaluation when they are asked
//! for, so that no counter has to be kept in step; what happened is counted. No label carries an object's name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use plumbline_api::ItemStatus;
use plumbline_api::report::WaiverCounts;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The state that metrics are read from.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Whether this replica writes.
    pub leader: bool,
    /// The verdicts by the name of their baseline, once there are any.
    pub verdicts: BTreeMap<String, Verdict>,
    /// Attestations by state, while this replica writes.
    pub attestations: BTreeMap<&'static str, u32>,
    /// Every input.
    pub inputs: Vec<Input>,
}

/// What a cluster report says.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Id, status and failing objects of every item.
    pub items: Vec<(String, ItemStatus, i32)>,
    /// The score, if there is one.
    pub score: Option<i32>,
    /// Whether `Compliant` is true; `None` if that cannot be said, and then there is no sample.
    pub compliant: Option<bool>,
    /// Whether `Drifted` is true, in the same way.
    pub drifted: Option<bool>,
    /// Waivers by state.
    pub waivers: WaiverCounts,
    /// When it was evaluated, in seconds since the epoch.
    pub evaluated: i64,
}

/// What is known of an input.
#[derive(Clone, Debug)]
pub struct Input {
    /// The kind, with its group if it has one: `Pod`, `Deployment.apps`.
    pub kind: String,
    /// Whether it is listed and watched.
    pub synced: bool,
    /// Objects.
    pub objects: u32,
    /// Objects that do not decode.
    pub undecodable: u32,
    /// When it was last heard of, in seconds since the epoch.
    pub last_event: Option<i64>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WriteLabels {
    kind: String,
    result: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RestartLabels {
    kind: String,
    reason: String,
}

/// The metrics of one operator.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    snapshot: Arc<Mutex<Snapshot>>,
    writes: Family<WriteLabels, Counter>,
    restarts: Family<RestartLabels, Counter>,
    evaluation: Histogram,
    change_to_report: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let snapshot = Arc::new(Mutex::new(Snapshot::default()));
        let writes = Family::default();
        let restarts = Family::default();
        let evaluation = Histogram::new(exponential_buckets(0.000_1, 4.0, 9));
        let change_to_report = Histogram::new(exponential_buckets(0.005, 2.0, 12));
        let mut registry = Registry::with_prefix("plumbline");
        registry.register("report_writes", "Writes of reports, by result", writes.clone());
        registry.register(
            "watch_restarts",
            "Watches that were given up and begun anew",
            restarts.clone(),
        );
        registry.register(
            "evaluation_seconds",
            "Time that an evaluation took",
            evaluation.clone(),
        );
        let help = "Time from a change's arrival to the report that shows it";
        registry.register("change_to_report_seconds", help, change_to_report.clone());
        registry.register_collector(Box::new(State(Arc::clone(&snapshot))));
        Self {
            registry: Arc::new(registry),
            snapshot,
            writes,
            restarts,
            evaluation,
            change_to_report,
        }
    }
}

impl Metrics {
    /// Changes the state that is shown.
    pub fn show(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.snapshot.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts a write of a report of this kind.
    pub fn wrote(&self, kind: &str, result: &str) {
        let labels = WriteLabels {
            kind: kind.to_owned(),
            result: result.to_owned(),
        };
        self.writes.get_or_create(&labels).inc();
    }

    /// Counts a watch that was begun anew.
    pub fn restarted(&self, kind: &str, reason: &str) {
        let labels = RestartLabels {
            kind: kind.to_owned(),
            reason: reason.to_owned(),
        };
        self.restarts.get_or_create(&labels).inc();
    }

    /// Notes how long an evaluation took, in seconds.
    pub fn evaluated(&self, seconds: f64) {
        self.evaluation.observe(seconds);
    }

    /// Notes how long it took from a change to its report, in seconds.
    pub fn reported(&self, seconds: f64) {
        self.change_to_report.observe(seconds);
    }

    /// Everything in the text format of `OpenMetrics`.
    pub fn render(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}

/// Reads the snapshot when metrics are asked for.
#[derive(Debug)]
struct State(Arc<Mutex<Snapshot>>);

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let snapshot = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut gauges = Gauges(&mut encoder);
        gauges.write(
            "leader",
            "Whether this replica holds the lease and writes",
            &[(vec![], i64::from(snapshot.leader))],
        )?;
        encode_verdicts(&mut gauges, &snapshot.verdicts)?;
        let attestations = snapshot.attestations.iter();
        let attestations: Vec<Sample> = attestations
            .map(|(state, count)| (vec![("state", state.to_lowercase())], i64::from(*count)))
            .collect();
        gauges.write("attestations", "Attestations by state", &attestations)?;
        let per_input = |value: &dyn Fn(&Input) -> Option<i64>| -> Vec<Sample> {
            let sample = |input: &Input| Some((vec![("kind", input.kind.clone())], value(input)?));
            snapshot.inputs.iter().filter_map(sample).collect()
        };
        gauges.write(
            "input_synced",
            "Whether a kind is listed and watched",
            &per_input(&|i| Some(i64::from(i.synced))),
        )?;
        gauges.write(
            "input_objects",
            "Objects of a kind",
            &per_input(&|i| Some(i.objects.into())),
        )?;
        let help = "Objects of a kind that cannot be read";
        gauges.write(
            "undecodable_objects",
            help,
            &per_input(&|i| Some(i.undecodable.into())),
        )?;
        let help = "When a kind was last heard of";
        gauges.write(
            "input_last_event_timestamp_seconds",
            help,
            &per_input(&|i| i.last_event),
        )?;
        Ok(())
    }
}

fn encode_verdicts(gauges: &mut Gauges<'_, '_>, verdicts: &BTreeMap<String, Verdict>) -> std::fmt::Result {
    let mut statuses = Vec::new();
    let mut failing = Vec::new();
    for (name, verdict) in verdicts {
        let baseline = || ("baseline", name.clone());
        for (id, status, count) in &verdict.items {
            for known in ItemStatus::ALL {
                let labels = vec![baseline(), ("item", id.clone()), ("status", known.to_string())];
                statuses.push((labels, i64::from(known == status)));
            }
            failing.push((vec![baseline(), ("item", id.clone())], i64::from(*count)));
        }
    }
    gauges.write("item_status", "Whether an item has a status", &statuses)?;
    gauges.write("item_failing", "Failing objects of an item", &failing)?;
    let per_baseline = |value: &dyn Fn(&Verdict) -> Option<i64>| -> Vec<Sample> {
        let sample = |(name, verdict): (&String, &Verdict)| {
            let labels = vec![("baseline", name.clone())];
            Some((labels, value(verdict)?))
        };
        verdicts.iter().filter_map(sample).collect()
    };
    gauges.write(
        "score",
        "Score of the cluster in percent",
        &per_baseline(&|verdict| verdict.score.map(i64::from)),
    )?;
    let help = "Whether every required item holds; no sample while that cannot be said";
    gauges.write(
        "compliant",
        help,
        &per_baseline(&|verdict| verdict.compliant.map(i64::from)),
    )?;
    gauges.write(
        "drifted",
        "Whether an item differs from the reference",
        &per_baseline(&|verdict| verdict.drifted.map(i64::from)),
    )?;
    gauges.write("waivers", "Waivers by state", &waivers(verdicts))?;
    let help = "When the cluster was last evaluated";
    gauges.write(
        "last_evaluated_timestamp_seconds",
        help,
        &per_baseline(&|verdict| Some(verdict.evaluated)),
    )
}

/// Waivers by state: of several baselines that each judge them, the largest number.
fn waivers(verdicts: &BTreeMap<String, Verdict>) -> Vec<Sample> {
    type State = (&'static str, fn(&WaiverCounts) -> i32);
    let states: [State; 6] = [
        ("active", |counts| counts.active),
        ("pending", |counts| counts.pending),
        ("expiringSoon", |counts| counts.expiring_soon),
        ("expired", |counts| counts.expired),
        ("unused", |counts| counts.unused),
        ("rejected", |counts| counts.rejected),
    ];
    let sample = |(state, count): State| {
        let most = verdicts.values().map(|verdict| count(&verdict.waivers)).max()?;
        Some((vec![("state", state.to_owned())], i64::from(most)))
    };
    states.into_iter().filter_map(sample).collect()
}

/// The labels of a sample, and its value.
type Sample = (Vec<(&'static str, String)>, i64);

/// Writes gauges.
struct Gauges<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Gauges<'_, '_> {
    fn write(&mut self, name: &str, help: &str, samples: &[Sample]) -> std::fmt::Result {
        if samples.is_empty() {
            return Ok(());
        }
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in samples {
            let gauge = ConstGauge::new(*value);
            if labels.is_empty() {
                return gauge.encode(metric);
            }
            gauge.encode(metric.encode_family(labels)?)?;
        }
        Ok(())
    }
}
