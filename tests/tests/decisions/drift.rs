//! `plumbline drift`, on reports as the operator writes them.

use kube::api::{Patch, PatchParams, PostParams};
use plumbline_api::ClusterComplianceReport;

use super::*;

fn item(id: &str, status: &str, drift: &str, failing: i32, change: i32) -> Value {
    json!({
        "id": id, "status": status, "drift": drift, "failing": failing, "failingChange": change,
        "evaluated": 7, "waived": 0, "inactive": 0, "pods": 0, "findings": failing, "more": 0,
        "since": "2026-11-20T09:12:00Z",
    })
}

fn status() -> Value {
    let then = |id: &str, status: &str, failing: i32| json!({ "id": id, "status": status, "failing": failing, "digest": "0".repeat(16) });
    let transition = |item: &str, from: &str, to: &str, cause: &str| json!({ "time": "2026-11-20T09:12:00Z", "item": item, "from": from, "to": to, "cause": cause });
    json!({
        "reference": {
            "kind": "Pin", "time": "2026-11-01T00:00:00Z", "by": "bob",
            "items": [then("WL-04", "Pass", 0), then("WL-10a", "Fail", 2), then("WL-11", "Fail", 3), then("WL-13", "Pass", 0)],
        },
        "history": [
            transition("WL-04", "Pass", "Fail", "Deployment shop/old"),
            transition("WL-04", "Fail", "Pass", "Deployment shop/old"),
            transition("WL-04", "Pass", "Fail", "Deployment shop/web"),
        ],
        "items": [
            item("WL-04", "Fail", "Regressed", 1, 1),
            item("WL-10a", "Fail", "Changed", 2, 0),
            item("WL-11", "Pass", "Improved", 0, -3),
            item("WL-13", "Pass", "None", 0, 0),
        ],
    })
}

#[tokio::test]
async fn what_differs_is_shown_with_what_brought_it_about() -> Result<()> {
    let plane = install().await?;
    plumbline_as_admin(&plane, &["drift"])
        .await?
        .refused("there is no report default on cluster test");
    let reports: Api<ClusterComplianceReport> = Api::all(plane.admin_client());
    let report = serde_json::from_value(json!({ "metadata": { "name": "default" }, "spec": {} }))?;
    reports.create(&PostParams::default(), &report).await?;
    let set = async |status: Value| {
        let patch = Patch::Merge(json!({ "status": status }));
        reports
            .patch_status("default", &PatchParams::default(), &patch)
            .await
    };
    set(json!({ "items": [item("WL-04", "Fail", "None", 1, 0)] })).await?;
    plumbline_as_admin(&plane, &["drift"])
        .await?
        .refused("has no reference yet");
    plumbline_as_admin(&plane, &["drift", "--baseline", "strict"])
        .await?
        .refused("there is --baseline default");

    set(status()).await?;
    let out = plumbline_as_admin(&plane, &["drift"]).await?.done();
    let lines: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(
        out.starts_with("3 items differ on cluster test (https://")
            && out.contains("from what was pinned by bob "),
        "{out}"
    );
    let row = |id: &str| {
        lines
            .iter()
            .find(|line| line.first() == Some(&id))
            .map(|line| line.join(" "))
    };
    let regressed = row("WL-04").context("WL-04 has a row")?;
    assert!(
        regressed.contains("Regressed Pass Fail 0 → 1") && regressed.ends_with("Deployment shop/web"),
        "{regressed}"
    );
    assert!(
        row("WL-10a").is_some_and(|row| row.contains("Changed Fail Fail 2")),
        "{out}"
    );
    assert!(
        row("WL-11").is_some_and(|row| row.contains("Improved Fail Pass 3 → 0")),
        "{out}"
    );
    assert_eq!(row("WL-13"), None);

    let out = plumbline_as_admin(&plane, &["drift", "-o", "json"]).await?.done();
    let result: Value = serde_json::from_str(&out)?;
    assert_eq!(
        result["reference"],
        json!({ "kind": "Pin", "time": "2026-11-01T00:00:00Z", "by": "bob" })
    );
    assert_eq!(
        result["items"][0],
        json!({
            "id": "WL-04", "title": "No privileged containers", "drift": "Regressed", "then": "Pass", "now": "Fail",
            "failingThen": 0, "failing": 1, "failingChange": 1, "since": "2026-11-20T09:12:00Z",
            "cause": "Deployment shop/web",
        })
    );
    assert_eq!(result["items"].as_array().map(Vec::len), Some(3));

    let mut healed = status();
    for item in healed["items"].as_array_mut().context("there are items")? {
        item["drift"] = json!("None");
    }
    set(healed).await?;
    let out = plumbline_as_admin(&plane, &["drift"]).await?.done();
    assert!(out.starts_with("Nothing differs on cluster test"), "{out}");
    Ok(())
}
