//! What the operator may not read.

use plumbline_api::{ItemStatus, ReportStatus, conditions::ConditionType, coverage::InputState};
use plumbline_baseline::{ITEMS, optional_kinds, required_kinds};
use plumbline_inventory::Kind;
use plumbline_tests::{ControlPlane, Operator, Options, condition, eventually, item};
use serde_json::json;

use crate::{SOON, is, set_privileged, shop, without_input};

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_the_rest_goes_on() {
    let plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    let required = required_kinds();
    let granted = required.iter().copied().filter(|kind| *kind != Kind::CronJob);
    let kubeconfig = plane.operator_account(granted).await.unwrap();
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    let reports = plane.reports();

    // Whatever reads CronJobs is unknown, says so, and says what grants it.
    let status = reports.until_complete().await.unwrap();
    let mut blind: Vec<&str> = Vec::new();
    for known in ITEMS.into_iter().filter(|item| item.is_implemented()) {
        let result = item(&status, known.id);
        if known.reads.contains(&Kind::CronJob) {
            blind.push(known.id);
            assert_eq!(
                (result.status, result.reason.as_str()),
                (ItemStatus::Unknown, "InputForbidden")
            );
            assert_eq!(result.missing_evidence[0].source, "cronjobs.batch");
            assert!(
                result.missing_evidence[0]
                    .grant
                    .contains("list and watch on cronjobs.batch")
            );
        } else {
            assert!(!result.reason.starts_with("Input"), "{result:?}");
        }
    }
    assert!(blind.contains(&"WL-04"));
    assert_eq!(without_input(&status), blind);
    assert_eq!(state(&status, Kind::CronJob), Some(InputState::Forbidden));
    assert_eq!(state(&status, Kind::Deployment), Some(InputState::Synced));
    // It is settled: nothing else is to be expected.
    assert_eq!(condition(&status, ConditionType::Fresh), ("True", "InputsSynced"));
    assert_eq!(condition(&status, ConditionType::Ready), ("True", "Evaluated"));
    assert_eq!(
        condition(&status, ConditionType::Compliant),
        ("Unknown", "EvidenceMissing")
    );
    let synced = async |kind| {
        operator
            .metric(&format!(r#"plumbline_input_synced{{kind="{kind}"}}"#))
            .await
    };
    assert_eq!(synced("CronJob.batch").await.unwrap(), Some(0.0));
    assert_eq!(synced("Pod").await.unwrap(), Some(1.0));
    assert!(operator.is_ok("/readyz").await.unwrap());

    // What is known goes on being kept up to date.
    set_privileged(&plane, true).await;
    reports
        .until(None, "the message has what is known", |status| {
            item(status, "WL-04")
                .message
                .contains("of what is known, 1 of 1 workload")
        })
        .await
        .unwrap();

    // A grant needs no restart.
    plane.operator_account(required).await.unwrap();
    let status = reports
        .until(None, "the items recover", |status| {
            without_input(status).is_empty()
        })
        .await
        .unwrap();
    assert!(is(&status, "WL-04", ItemStatus::Fail));
    assert_eq!(state(&status, Kind::CronJob), Some(InputState::Synced));
    eventually("the metric recovers", SOON, || async {
        Ok((synced("CronJob.batch").await? == Some(1.0)).then_some(()))
    })
    .await
    .unwrap();

    // An optional kind is not asked for by force: the item decides without it and says so.
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": "shop" },
        "data": { "DB_PASSWORD": "correct-horse-battery" },
    });
    plane.apply(&map.to_string()).await.unwrap();
    let secrets = item(&status, "SE-02a");
    assert_eq!(secrets.status, ItemStatus::Pass, "{secrets:?}");
    assert!(
        secrets.message.contains("configmaps not read"),
        "{}",
        secrets.message
    );
    assert_eq!(state(&status, Kind::ConfigMap), None);
    assert_eq!(
        optional_kinds().into_iter().collect::<Vec<_>>(),
        [Kind::ConfigMap]
    );

    // It is asked for once a minute; a restart is quicker.
    plane.operator_account(Kind::ALL).await.unwrap();
    operator.terminate().await.unwrap();
    let _operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    for home in [None, Some("shop")] {
        let status = reports
            .until(home, "the ConfigMap is found", |status| {
                is(status, "SE-02a", ItemStatus::Fail)
            })
            .await
            .unwrap();
        let finding = &item(&status, "SE-02a").sample[0];
        assert_eq!(
            (finding.kind.as_str(), finding.name.as_str()),
            ("ConfigMap", "settings")
        );
        let text = serde_json::to_string(&status).unwrap();
        assert!(!text.contains("correct-horse"), "a report shows no secret");
    }
}

fn state(status: &ReportStatus, kind: Kind) -> Option<InputState> {
    let input = status
        .coverage
        .iter()
        .find(|input| input.kind == kind.as_str() && input.group == kind.group());
    input.map(|input| input.state)
}
