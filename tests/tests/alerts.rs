//! The alerts, run by Prometheus' own tool on what the operator's own encoder exposes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use plumbline_api::ItemStatus;
use plumbline_api::report::WaiverCounts;
use plumbline_operator::metrics::{Input, Metrics, Snapshot, Verdict};
use serde_json::{Value, json};

const RULE: &str = include_str!("../../config/components/alerts/prometheusrule.yaml");
const HANDBOOK: &str = include_str!("../../docs/alerts.md");

/// Ample for every `for` and for the thirty minutes of a stale report.
const MINUTES: u32 = 90;

#[test]
fn prometheus_takes_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "rules.json", &spec());
    promtool(folder.path(), &["check", "rules", "rules.json"]);
}

#[test]
fn each_alert_fires_when_it_should_and_no_other_does() {
    let cases: [(&str, Vec<Replica>); 13] = [
        ("", vec![leader(), standby()]),
        // A former leader still has its last verdict, which no longer is the cluster's.
        ("", vec![leader(), led_once()]),
        ("", vec![leader().writes(Kind::Cluster, "ok")]),
        ("PlumblineNoOperator", vec![]),
        ("PlumblineNoOperator", vec![standby(), standby()]),
        (
            "PlumblineNoVerdict",
            vec![leader().knows(|known| known.verdicts.clear()), standby()],
        ),
        ("PlumblineReportStale", vec![leader().stopped(), standby()]),
        (
            "PlumblineInputNotSynced",
            vec![leader().knows(|known| known.inputs[0].synced = false)],
        ),
        (
            "PlumblineUndecodableObjects",
            vec![leader().knows(|known| known.inputs[1].undecodable = 1)],
        ),
        (
            "PlumblineWritesRefused",
            vec![leader().writes(Kind::Namespace, "refused")],
        ),
        (
            "PlumblineNotCompliant",
            vec![
                leader().says(|verdict| verdict.compliant = Some(false)),
                standby(),
            ],
        ),
        (
            "PlumblineDrifted",
            vec![leader().says(|verdict| verdict.drifted = Some(true)), standby()],
        ),
        (
            "PlumblineWaiversExpireSoon",
            vec![leader().says(|verdict| verdict.waivers.expiring_soon = 1)],
        ),
    ];
    let tested: BTreeSet<&str> = cases
        .iter()
        .map(|(alert, _)| *alert)
        .filter(|alert| !alert.is_empty())
        .collect();
    let alerts: Vec<String> = rules().map(|rule| text(&rule["alert"])).collect();
    assert_eq!(
        tested,
        alerts.iter().map(String::as_str).collect(),
        "an alert without a case, or the reverse"
    );

    let groups: Vec<Value> = cases
        .iter()
        .map(|(alert, replicas)| group(alert, replicas))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "rules.json", &spec());
    let test = json!({ "rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": groups });
    write(folder.path(), "test.json", &test);
    promtool(folder.path(), &["test", "rules", "test.json"]);
}

/// A series that does not exist is no error to Prometheus: an alert on a misspelt one is quiet for ever.
#[test]
fn expressions_name_what_the_operator_exposes() {
    let exposed = leader().writes(Kind::Cluster, "refused").samples();
    let exposed: BTreeSet<&str> = exposed.iter().map(|(series, _)| name(series)).collect();
    for rule in rules() {
        let expression = text(&rule["expr"]);
        let named: Vec<&str> = expression
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| word.starts_with("plumbline_"))
            .collect();
        assert!(!named.is_empty(), "{expression}");
        for metric in named {
            assert!(
                exposed.contains(metric),
                "{} asks for {metric}, of {exposed:?}",
                rule["alert"]
            );
        }
    }
}

#[test]
fn each_alert_says_what_to_do() {
    for rule in rules() {
        let alert = text(&rule["alert"]);
        let severity = text(&rule["labels"]["severity"]);
        assert!(
            ["critical", "warning", "info"].contains(&severity.as_str()),
            "{alert}: {severity}"
        );
        let annotations = &rule["annotations"];
        for annotation in ["summary", "description"] {
            assert!(
                text(&annotations[annotation]).ends_with('.'),
                "{alert}: {annotation}"
            );
        }
        let pointer = text(&annotations["runbook_url"]);
        assert!(
            pointer.ends_with(&format!("docs/alerts.md#{}", alert.to_lowercase())),
            "{pointer}"
        );
        assert!(
            HANDBOOK.contains(&format!("\n### {alert}\n")),
            "docs/alerts.md has nothing on {alert}"
        );
    }
}

/// A replica as Prometheus sees it.
struct Replica {
    snapshot: Snapshot,
    writes: Option<(Kind, &'static str)>,
    /// Its clocks stand still: it answers, but does no more.
    stopped: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Cluster,
    Namespace,
}

/// All is well, and everything that can be exposed is.
fn leader() -> Replica {
    let input = |kind: &str| Input {
        kind: kind.to_owned(),
        synced: true,
        objects: 7,
        undecodable: 0,
        last_event: Some(1),
    };
    let verdict = Verdict {
        items: vec![("WL-04".to_owned(), ItemStatus::Pass, 0)],
        score: Some(100),
        compliant: Some(true),
        drifted: Some(false),
        waivers: WaiverCounts::default(),
        evaluated: 1,
    };
    let snapshot = Snapshot {
        attestations: std::collections::BTreeMap::new(),
        leader: true,
        verdicts: [("default".to_owned(), verdict)].into(),
        inputs: vec![input("Pod"), input("Deployment.apps")],
    };
    Replica {
        snapshot,
        writes: None,
        stopped: false,
    }
}

fn standby() -> Replica {
    leader().knows(|known| {
        known.leader = false;
        known.verdicts.clear();
    })
}

fn led_once() -> Replica {
    let worse = |verdict: &mut Verdict| {
        verdict.compliant = Some(false);
        verdict.drifted = Some(true);
        verdict.waivers.expiring_soon = 1;
    };
    leader().says(worse).knows(|known| known.leader = false).stopped()
}

impl Replica {
    fn knows(mut self, change: impl FnOnce(&mut Snapshot)) -> Self {
        change(&mut self.snapshot);
        self
    }

    fn says(self, change: impl FnMut(&mut Verdict)) -> Self {
        self.knows(|known| known.verdicts.values_mut().for_each(change))
    }

    fn writes(mut self, kind: Kind, result: &'static str) -> Self {
        self.writes = Some((kind, result));
        self
    }

    fn stopped(mut self) -> Self {
        self.stopped = true;
        self
    }

    /// What it exposes: series and value.
    fn samples(&self) -> Vec<(String, String)> {
        let metrics = Metrics::default();
        metrics.show(|snapshot| *snapshot = self.snapshot.clone());
        metrics.evaluated(0.001);
        metrics.reported(0.01);
        metrics.restarted("Pod", "error");
        if let Some((kind, result)) = self.writes {
            let kind = match kind {
                Kind::Cluster => "ClusterComplianceReport",
                Kind::Namespace => "ComplianceReport",
            };
            metrics.wrote(kind, result);
        }
        let text = metrics.render();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.rsplit_once(' ').expect("a sample is a series and a value"))
            .map(|(series, value)| (series.to_owned(), value.to_owned()))
            .collect()
    }

    /// Its series over time, as promtool takes them.
    fn series(&self, instance: usize) -> Vec<Value> {
        let scraped_as = format!(r#"job="plumbline",instance="{instance}""#);
        let series = |(series, value): (String, String)| {
            let values = match name(&series) {
                // Promtool's clock starts at zero.
                clock if clock.ends_with("_timestamp_seconds") && !self.stopped => format!("0+60x{MINUTES}"),
                clock if clock.ends_with("_timestamp_seconds") => format!("0x{MINUTES}"),
                counter if counter.ends_with("_total") => format!("0+{value}x{MINUTES}"),
                _ => format!("{value}x{MINUTES}"),
            };
            let labels = series
                .split_once('{')
                .map_or("", |(_, labels)| labels.trim_end_matches('}'));
            let comma = if labels.is_empty() { "" } else { "," };
            json!({
                "series": format!("{}{{{scraped_as}{comma}{labels}}}", name(&series)),
                "values": values,
            })
        };
        self.samples().into_iter().map(series).collect()
    }
}

/// A test of promtool: with these replicas `alert` is all that fires, or nothing if it is empty.
fn group(alert: &str, replicas: &[Replica]) -> Value {
    let firing: Vec<Value> = if alert.is_empty() {
        Vec::new()
    } else {
        vec![json!({ "labels": format!(r#"{{alertname="{alert}"}}"#), "value": 1 })]
    };
    let series: Vec<Value> = replicas
        .iter()
        .enumerate()
        .flat_map(|(at, replica)| replica.series(at))
        .collect();
    json!({
        "name": alert,
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{
            "expr": r#"group by (alertname) (ALERTS{alertstate="firing"})"#,
            "eval_time": format!("{MINUTES}m"),
            "exp_samples": firing,
        }],
    })
}

fn name(series: &str) -> &str {
    series.split('{').next().unwrap_or(series)
}

/// What Prometheus itself reads of a `PrometheusRule`.
fn spec() -> Value {
    let rule: Value = serde_saphyr::from_str(RULE).unwrap();
    rule["spec"].clone()
}

fn rules() -> impl Iterator<Item = Value> {
    let groups = spec()["groups"].as_array().expect("groups").clone();
    groups
        .into_iter()
        .flat_map(|group| group["rules"].as_array().expect("rules").clone())
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// JSON is YAML.
fn write(folder: &Path, file: &str, content: &Value) {
    std::fs::write(folder.join(file), serde_json::to_vec_pretty(content).unwrap()).unwrap();
}

fn promtool(folder: &Path, arguments: &[&str]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/controlplane/build.sh");
    let built = Command::new(script)
        .arg("promtool")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(built.status.success(), "promtool is not built");
    let program = String::from_utf8(built.stdout).unwrap();
    let output = Command::new(program.trim())
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr]
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .concat();
    assert!(output.status.success(), "promtool {arguments:?}\n{said}");
}
