//! SARIF 2.1: static analysis results as scanners exchange them.

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::result::Found;

#[derive(Deserialize)]
struct Log {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    tool: Tool,
    // `null` is SARIF's word for a run that did not come to results.
    results: Option<Vec<Outcome>>,
    #[serde(default)]
    invocations: Vec<Invocation>,
}

#[derive(Deserialize)]
struct Tool {
    driver: Driver,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: String,
    semantic_version: Option<String>,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    kind: Option<String>,
    baseline_state: Option<String>,
    #[serde(default)]
    suppressions: Vec<Suppression>,
}

#[derive(Deserialize)]
struct Suppression {
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    start_time_utc: Option<Timestamp>,
    end_time_utc: Option<Timestamp>,
}

pub(super) fn read(value: Value) -> Result<Found> {
    let log: Log =
        serde_json::from_value(value).map_err(|error| anyhow!("is no SARIF that can be read: {error}"))?;
    let Some(first) = log.runs.first() else {
        bail!("is SARIF without a run");
    };
    let driver = &first.tool.driver;
    let mut found = Found {
        tool: Some(driver.name.clone()),
        version: driver.semantic_version.clone().or_else(|| driver.version.clone()),
        ..Found::default()
    };
    for run in &log.runs {
        if run.tool.driver.name != driver.name {
            bail!(
                "has runs of {} and of {}: evidence is about one tool, so cut the file",
                driver.name,
                run.tool.driver.name
            );
        }
        if run
            .invocations
            .iter()
            .any(|invocation| !invocation.execution_successful)
        {
            bail!("says that {} did not run successfully", driver.name);
        }
        let Some(results) = &run.results else {
            bail!("says that {} did not come to results", driver.name);
        };
        let times = run
            .invocations
            .iter()
            .filter_map(|invocation| invocation.end_time_utc.or(invocation.start_time_utc));
        found.time = found.time.into_iter().chain(times).max();
        for outcome in results {
            outcome.count(&mut found);
        }
    }
    Ok(found)
}

impl Outcome {
    fn count(&self, found: &mut Found) {
        // A suppression counts unless it is still being asked for, or was refused.
        let suppressed = self
            .suppressions
            .iter()
            .any(|suppression| matches!(suppression.status.as_deref(), None | Some("accepted")));
        if suppressed || self.baseline_state.as_deref() == Some("absent") {
            return;
        }
        // What says nothing of its kind is a failure.
        *match self.kind.as_deref() {
            None | Some("fail") => &mut found.failed,
            Some("pass") => &mut found.passed,
            Some("open" | "review") => &mut found.open,
            Some(_) => return,
        } += 1;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn log(run: Value) -> Value {
        let mut run = run;
        run["tool"] =
            json!({ "driver": { "name": "kubescape", "semanticVersion": "3.0.8", "version": "v3" } });
        json!({ "version": "2.1.0", "runs": [run] })
    }

    #[test]
    fn results_count_by_their_kind() {
        let found = read(log(json!({
            "invocations": [{ "executionSuccessful": true, "endTimeUtc": "2026-11-24T10:00:00.25Z" }],
            "results": [
                { "ruleId": "C-0001", "message": { "text": "no kind: a failure" } },
                { "kind": "fail", "level": "note" },
                { "kind": "pass" }, { "kind": "pass" }, { "kind": "pass" },
                { "kind": "review" }, { "kind": "open" },
                { "kind": "notApplicable" }, { "kind": "informational" },
                { "suppressions": [{ "kind": "external" }] },
                { "suppressions": [{ "kind": "external", "status": "accepted" }] },
                { "suppressions": [{ "kind": "external", "status": "underReview" }] },
                { "suppressions": [{ "kind": "external", "status": "rejected" }] },
                { "baselineState": "absent" },
                { "baselineState": "new" },
            ],
        })))
        .unwrap();
        assert_eq!(
            found,
            Found {
                tool: Some("kubescape".to_owned()),
                version: Some("3.0.8".to_owned()),
                time: Some("2026-11-24T10:00:00.25Z".parse().unwrap()),
                passed: 3,
                failed: 5,
                open: 2,
            }
        );
    }

    #[test]
    fn a_run_that_came_to_nothing_is_no_evidence() {
        let error = |value: Value| read(value).unwrap_err().to_string();
        assert_eq!(error(json!({ "runs": [] })), "is SARIF without a run");
        assert!(error(json!({ "runs": [{}] })).starts_with("is no SARIF that can be read"));
        let failed = json!({ "invocations": [{ "executionSuccessful": false }], "results": [] });
        assert!(error(log(failed)).contains("did not run successfully"));
        assert!(error(log(json!({ "results": null }))).contains("did not come to results"));
        let mut two = log(json!({ "results": [] }));
        let mut other = two["runs"][0].clone();
        other["tool"]["driver"]["name"] = json!("trivy");
        two["runs"].as_array_mut().unwrap().push(other);
        assert!(error(two).contains("runs of kubescape and of trivy"));
        assert_eq!(read(log(json!({ "results": [] }))).unwrap().failed, 0);
    }
}
