//! Reports against everybody else, and the API server against needless writes.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{
    api::core::v1::{Node, Pod},
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use plumbline_api::{ItemStatus, ReportStatus, conditions::ConditionType};
use plumbline_tests::{ControlPlane, Operator, Options, Reports, eventually, item};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{SOON, drifted, history, is, kubectl, set_privileged, shop, web, with_web};

const SHOP: Option<&str> = Some("shop");

/// How long nothing must happen to count as quiet: longer than anything has to hold.
const QUIET: Duration = Duration::from_secs(15);

/// How long nothing must happen after a first look at everything, which writes at once what it writes.
const CALM: Duration = Duration::from_secs(5);

#[tokio::test]
async fn reports_are_put_right_and_written_only_when_something_changed() {
    let plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    plane.apply(&with_web("yard", 2).to_string()).await.unwrap();
    for namespace in ["shop", "yard"] {
        kubectl(&plane, &["-n", namespace, "rollout", "status", "deployment/web"]).await;
    }
    let operator = Operator::start(&plane).await.unwrap();
    let reports = plane.reports();
    reports.until_complete().await.unwrap();
    set_privileged(&plane, true).await;
    for home in [None, SHOP] {
        reports
            .until(home, "there is a history and a drift", |status| {
                !history(status, "WL-04").is_empty() && drifted(status).contains(&"WL-04")
            })
            .await
            .unwrap();
    }

    whatever_others_write_is_put_right(&plane, &reports).await;
    counts_alone_wait(&plane, &reports).await;
    what_no_item_reads_writes_nothing(&plane, &reports).await;
    let operator = a_restart_writes_nothing_and_forgets_nothing(&plane, &reports, operator).await;
    a_change_shown_just_before_a_restart_is_history_after_it(&plane, &reports, operator).await;
}

/// What people read in a report, without the time of its making.
fn content(status: &ReportStatus) -> Value {
    let mut status = status.clone();
    status.last_evaluated = None;
    for input in &mut status.coverage {
        input.last_sync = None;
    }
    serde_json::to_value(status).unwrap()
}

async fn whatever_others_write_is_put_right(plane: &ControlPlane, reports: &Reports) {
    // Pods of the rollout are counted by now or in half a minute.
    let settled = reports
        .until(None, "the pod is counted", |status| {
            item(status, "WL-04").pods == 1
        })
        .await
        .unwrap();
    let of_shop = reports
        .until(SHOP, "the pod is counted", |status| {
            item(status, "WL-04").pods == 1
        })
        .await
        .unwrap();
    let put_right = async |what: &str| {
        for (home, wanted) in [(None, &settled), (SHOP, &of_shop)] {
            reports
                .until(home, what, |status| content(status) == content(wanted))
                .await
                .unwrap();
        }
    };

    // By PUT: an item more, another status, no history, a lie about the verdict.
    let mut report = reports.of_namespace("shop").get("default").await.unwrap();
    falsify(report.status.as_mut().unwrap());
    let api = reports.of_namespace("shop");
    api.replace_status("default", &PostParams::default(), &report)
        .await
        .unwrap();
    let mut report = reports.of_cluster().get("default").await.unwrap();
    falsify(report.status.as_mut().unwrap());
    let api = reports.of_cluster();
    api.replace_status("default", &PostParams::default(), &report)
        .await
        .unwrap();
    put_right("a forged report is put right").await;

    // By server-side apply, which leaves its entries to their manager.
    let mut forged = of_shop.items[0].clone();
    "XX-01".clone_into(&mut forged.id);
    let mut taken = item(&of_shop, "WL-04").clone();
    taken.status = ItemStatus::Pass;
    let params = PatchParams::apply("somebody").force();
    let patch = |kind: &str| {
        Patch::Apply(json!({
            "apiVersion": plumbline_api::API_VERSION, "kind": kind,
            "status": { "items": [forged, taken] },
        }))
    };
    let api = reports.of_namespace("shop");
    api.patch_status("default", &params, &patch("ComplianceReport"))
        .await
        .unwrap();
    let api = reports.of_cluster();
    api.patch_status("default", &params, &patch("ClusterComplianceReport"))
        .await
        .unwrap();
    put_right("what somebody applied is taken out").await;

    a_forged_time_is_put_right(reports).await;

    // No status at all.
    let nothing = json!([{ "op": "remove", "path": "/status" }]);
    for namespace in [None, SHOP] {
        let mut arguments = vec!["patch", "--subresource=status", "--type=json", "-p"];
        let patch = nothing.to_string();
        arguments.push(&patch);
        match namespace {
            None => arguments.extend(["clcr", "default"]),
            Some(namespace) => arguments.extend(["cpr", "default", "-n", namespace]),
        }
        kubectl(plane, &arguments).await;
    }
    put_right("a status that was taken away is there again").await;

    // No report at all.
    let uid = reports
        .of_namespace("shop")
        .get("default")
        .await
        .unwrap()
        .metadata
        .uid;
    reports
        .of_namespace("shop")
        .delete("default", &DeleteParams::default())
        .await
        .unwrap();
    reports
        .of_cluster()
        .delete("default", &DeleteParams::default())
        .await
        .unwrap();
    put_right("a deleted report is there again").await;
    let report = reports.of_namespace("shop").get("default").await.unwrap();
    assert_ne!(report.metadata.uid, uid);
    assert_eq!(report.metadata.owner_references.unwrap().len(), 1);
    assert_eq!(history(&report.status.unwrap(), "WL-04").len(), 1);
}

/// A time alone is no difference between two evaluations.
async fn a_forged_time_is_put_right(reports: &Reports) {
    let long_ago: Timestamp = "2001-01-01T00:00:00Z".parse().unwrap();
    let forged = json!({ "status": { "lastEvaluated": long_ago.to_string() } });
    let (params, patch) = (PatchParams::default(), Patch::Merge(&forged));
    for namespace in ["shop", "yard"] {
        let api = reports.of_namespace(namespace);
        api.patch_status("default", &params, &patch).await.unwrap();
    }
    let api = reports.of_cluster();
    api.patch_status("default", &params, &patch).await.unwrap();
    for home in [None, SHOP, Some("yard")] {
        reports
            .until(home, "a forged time is put right", |status| {
                status.last_evaluated.as_ref().is_some_and(|at| at.0 > long_ago)
            })
            .await
            .unwrap();
    }
}

fn falsify(status: &mut ReportStatus) {
    let mut more = status.items[0].clone();
    "XX-01".clone_into(&mut more.id);
    status.items.push(more);
    let privileged = status.items.iter_mut().find(|item| item.id == "WL-04").unwrap();
    privileged.status = ItemStatus::Pass;
    privileged.sample.clear();
    status.history.clear();
    status.reference = None;
    for condition in &mut status.conditions {
        if condition.type_ == ConditionType::Compliant.as_str() {
            "True".clone_into(&mut condition.status);
        }
    }
}

async fn counts_alone_wait(plane: &ControlPlane, reports: &Reports) {
    // Once more, so that both reports have just been written.
    a_forged_time_is_put_right(reports).await;
    let pods = |status: &ReportStatus| {
        let pods = status.coverage.iter().find(|input| input.kind == "Pod").unwrap();
        pods.objects
    };
    let before = reports.get(None).await.unwrap();
    let versions = reports.versions().await.unwrap();
    let mut more = web("yard", 1, false);
    more["metadata"]["name"] = json!("api");
    more["spec"]["selector"]["matchLabels"]["app"] = json!("api");
    more["spec"]["template"]["metadata"]["labels"]["app"] = json!("api");
    plane.apply(&more.to_string()).await.unwrap();
    kubectl(plane, &["-n", "yard", "scale", "deployment/web", "--replicas=3"]).await;
    for deployment in ["deployment/api", "deployment/web"] {
        kubectl(plane, &["-n", "yard", "rollout", "status", deployment]).await;
    }
    sleep(Duration::from_secs(5)).await;
    assert_eq!(reports.versions().await.unwrap(), versions);
    let after = reports
        .until(None, "what is new is counted in the end", |status| {
            pods(status) == pods(&before) + 2
        })
        .await
        .unwrap();
    let evaluated = |status: &ReportStatus| item(status, "WL-04").evaluated;
    assert_eq!(evaluated(&after), evaluated(&before) + 1);
    reports
        .until(Some("yard"), "so it is in its namespace", |status| {
            evaluated(status) == 2
        })
        .await
        .unwrap();

    // A pod more of what is there is no news to any item, and counted all the same.
    let of_yard = |versions: &BTreeMap<String, String>| versions["yard"].clone();
    let unchanged = of_yard(&reports.versions().await.unwrap());
    kubectl(plane, &["-n", "yard", "scale", "deployment/web", "--replicas=4"]).await;
    reports
        .until(None, "the pod is counted", |status| {
            pods(status) == pods(&after) + 1
        })
        .await
        .unwrap();
    assert_eq!(of_yard(&reports.versions().await.unwrap()), unchanged);
}

async fn what_no_item_reads_writes_nothing(plane: &ControlPlane, reports: &Reports) {
    let versions = reports.versions().await.unwrap();
    let client = plane.admin_client();
    let pods: Api<Pod> = Api::all(client.clone());
    for pod in pods.list(&ListParams::default()).await.unwrap() {
        let (name, namespace) = (pod.metadata.name.unwrap(), pod.metadata.namespace.unwrap());
        let mut status = pod.status.unwrap();
        for container in status.container_statuses.iter_mut().flatten() {
            container.restart_count += 1;
        }
        let restarted = json!({ "status": { "containerStatuses": status.container_statuses } });
        let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        pods.patch_status(&name, &PatchParams::default(), &Patch::Strategic(&restarted))
            .await
            .unwrap();
    }
    let nodes: Api<Node> = Api::all(client.clone());
    let heartbeat = json!({ "status": { "conditions": [
        { "type": "Ready", "lastHeartbeatTime": Timestamp::now(), "status": "True" },
    ]}});
    nodes
        .patch_status("node-0", &PatchParams::default(), &Patch::Strategic(&heartbeat))
        .await
        .unwrap();
    for object in ["deployment/web", "serviceaccount/default"] {
        kubectl(
            plane,
            &["-n", "shop", "annotate", object, "example.com/note=nothing"],
        )
        .await;
    }
    kubectl(plane, &["annotate", "namespace/shop", "example.com/note=nothing"]).await;
    stays_quiet(reports, &versions, QUIET).await;
}

/// Watches for a while that no report is written.
async fn stays_quiet(reports: &Reports, versions: &BTreeMap<String, String>, long: Duration) {
    let end = Instant::now() + long;
    while Instant::now() < end {
        let now = reports.versions().await.unwrap();
        assert_eq!(
            &now,
            versions,
            "{}",
            serde_json::to_string(&reports.get(None).await.unwrap()).unwrap()
        );
        sleep(Duration::from_millis(500)).await;
    }
}

async fn a_restart_writes_nothing_and_forgets_nothing(
    plane: &ControlPlane,
    reports: &Reports,
    operator: Operator,
) -> Operator {
    let versions = reports.versions().await.unwrap();
    operator.terminate().await.unwrap();
    let operator = Operator::start(plane).await.unwrap();
    evaluated(&operator).await;
    stays_quiet(reports, &versions, CALM).await;
    // It is not quiet for having nothing to say.
    plane.apply(&web("yard", 4, true).to_string()).await.unwrap();
    let status = reports
        .until(None, "the new one writes", |status| {
            item(status, "WL-04").failing == 2
        })
        .await
        .unwrap();
    assert_eq!(history(&status, "WL-04").len(), 1);
    assert_eq!(status.history[0].time, item(&status, "WL-04").since);
    assert_eq!(status.reference.as_ref().unwrap().items.len(), status.items.len());
    operator
}

async fn evaluated(operator: &Operator) {
    eventually("the operator has looked at everything", SOON, || async {
        let series = r#"plumbline_last_evaluated_timestamp_seconds{baseline="default"}"#;
        operator.metric(series).await
    })
    .await
    .unwrap();
}

async fn a_change_shown_just_before_a_restart_is_history_after_it(
    plane: &ControlPlane,
    reports: &Reports,
    operator: Operator,
) {
    plane.apply(&web("yard", 4, false).to_string()).await.unwrap();
    set_privileged(plane, false).await;
    let status = reports
        .until(None, "the repair is reported", |status| {
            is(status, "WL-04", ItemStatus::Pass)
        })
        .await
        .unwrap();
    let since = item(&status, "WL-04").since.clone();
    operator.terminate().await.unwrap();
    assert_eq!(history(&reports.get(None).await.unwrap(), "WL-04").len(), 1);
    let _operator = Operator::start(plane).await.unwrap();
    for home in [None, SHOP] {
        let status = reports
            .until(home, "the repair is history", |status| {
                history(status, "WL-04").len() == 2
            })
            .await
            .unwrap();
        let (from, to, _) = history(&status, "WL-04")[1];
        assert_eq!((from, to), (ItemStatus::Fail, ItemStatus::Pass));
    }
    let status = reports.get(None).await.unwrap();
    assert_eq!(item(&status, "WL-04").since, since);
    assert_eq!(status.history.last().unwrap().time, since);
}

#[tokio::test]
async fn a_quiet_cluster_shows_that_somebody_looks() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    let _operator = Operator::start_with(
        &plane,
        &plane.admin_kubeconfig(),
        "plumbline-0",
        &["--heartbeat", "3"],
    )
    .await
    .unwrap();
    let reports = plane.reports();
    let first = reports.until_complete().await.unwrap();
    sleep(CALM).await;
    let before = reports.versions().await.unwrap();
    let mut last = first.last_evaluated;
    for _ in 0..2 {
        let status = reports
            .until(None, "the report is evaluated again", |status| {
                status.last_evaluated > last
            })
            .await
            .unwrap();
        last = status.last_evaluated;
    }
    let after = reports.versions().await.unwrap();
    let touched = before.iter().filter(|(home, version)| after[*home] != **version);
    assert_eq!(touched.map(|(home, _)| home.as_str()).collect::<Vec<_>>(), [""]);
}
