//! An API server that is away, or that answers badly.

use std::time::Duration;

use kube::api::DeleteParams;
use plumbline_api::{ItemStatus, ReportStatus, conditions::ConditionType};
use plumbline_baseline::ITEMS;
use plumbline_inventory::Kind;
use plumbline_tests::{
    Component, ControlPlane, Fault, Operator, Options, Proxy, condition, eventually, item,
};
use tokio::time::sleep;

use crate::{SOON, history, is, set_privileged, shop, until_made_again, web, with_web, without_input};

const SHOP: Option<&str> = Some("shop");

#[tokio::test]
async fn an_api_server_that_goes_and_comes_leaves_no_trace() {
    let mut plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    // No administrator: an API server that has just started refuses everybody else for a moment.
    let kubeconfig = plane.operator_account(Kind::ALL).await.unwrap();
    let reports = plane.reports();

    // It may be away when the operator starts.
    plane.stop(Component::ApiServer).await.unwrap();
    let mut operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    eventually("the operator has noticed", SOON, || async {
        Ok(operator.log().contains("cannot be read").then_some(()))
    })
    .await
    .unwrap();
    assert!(operator.is_ok("/healthz").await.unwrap());
    assert!(!operator.is_ok("/readyz").await.unwrap());
    operator.check().unwrap();
    plane.start_component(Component::ApiServer).await.unwrap();
    let first = reports
        .until(None, "there is a report", |status| !status.items.is_empty())
        .await
        .unwrap();
    assert_eq!(without_input(&first), [""; 0]);
    assert_eq!(condition(&first, ConditionType::Ready), ("True", "Evaluated"));
    assert!(is(&first, "WL-04", ItemStatus::Pass));

    // It may go away later.
    let etcd = plane.pid(Component::Etcd);
    plane.stop(Component::ApiServer).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    plane.start_component(Component::ApiServer).await.unwrap();
    set_privileged(&plane, true).await;
    let honest = |status: &ReportStatus| {
        assert_eq!(without_input(status), [""; 0]);
        assert_eq!(condition(status, ConditionType::Fresh), ("True", "InputsSynced"));
    };
    for home in [None, SHOP] {
        reports
            .until(home, "a change is reported afterwards", |status| {
                honest(status);
                is(status, "WL-04", ItemStatus::Fail)
            })
            .await
            .unwrap();
        let status = reports
            .until(home, "it is history", |status| {
                honest(status);
                !history(status, "WL-04").is_empty()
            })
            .await
            .unwrap();
        let known = status
            .history
            .iter()
            .all(|transition| transition.to != ItemStatus::Unknown);
        assert!(known, "{:?}", status.history);
        assert!(
            status
                .history
                .iter()
                .all(|transition| transition.from != ItemStatus::Unknown)
        );
    }
    assert_eq!(plane.pid(Component::Etcd), etcd);
    operator.check().unwrap();
}

#[tokio::test]
async fn an_input_that_fails_makes_its_items_unknown_after_a_while() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    plane.operator_account(Kind::ALL).await.unwrap();
    let proxy = Proxy::start(&plane).await.unwrap();
    let kubeconfig = proxy
        .kubeconfig(&plane, "plumbline-system", "plumbline")
        .await
        .unwrap();
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    let reports = plane.reports();
    let of_cluster = reports.until_complete().await.unwrap();
    assert_eq!(without_input(&of_cluster), [""; 0]);
    let there_is_one = |status: &ReportStatus| !status.items.is_empty();
    let of_shop = reports
        .until(SHOP, "so is that of the shop", there_is_one)
        .await
        .unwrap();

    proxy.inject("/limitranges", Fault::Break);
    for (home, before) in [(None, &of_cluster), (SHOP, &of_shop)] {
        let status = reports
            .until(home, "the report says what is not heard of", |status| {
                condition(status, ConditionType::Fresh) == ("False", "InputsFailing")
            })
            .await
            .unwrap();
        assert_eq!(
            condition(&status, ConditionType::Ready),
            ("Unknown", "InputsStale")
        );
        for known in ITEMS.into_iter().filter(|item| item.is_implemented()) {
            let Some(result) = status.items.iter().find(|item| item.id == known.id) else {
                continue;
            };
            if known.reads.contains(&Kind::LimitRange) {
                assert_eq!(
                    (result.status, result.reason.as_str()),
                    (ItemStatus::Unknown, "InputFailing")
                );
            } else {
                assert_eq!(result.status, item(before, known.id).status, "{}", known.id);
            }
        }
    }
    // Everything else goes on.
    proxy.heal();
    for home in [None, SHOP] {
        let status = reports
            .until(home, "everything is as before", |status| {
                condition(status, ConditionType::Fresh).0 == "True"
            })
            .await
            .unwrap();
        assert_eq!(without_input(&status), [""; 0]);
        assert_eq!(condition(&status, ConditionType::Ready), ("True", "Evaluated"));
    }

    // What happens to our own objects meanwhile is noticed afterwards.
    let noticed = async |what: &str| {
        eventually("the operator has noticed", SOON, || async {
            Ok(operator.log().contains(what).then_some(()))
        })
        .await
        .unwrap();
    };
    proxy.inject("/compliancereports", Fault::Break);
    noticed("reports cannot be read").await;
    let of_shop = reports.of_namespace("shop");
    of_shop.delete("default", &DeleteParams::default()).await.unwrap();
    proxy.heal();
    reports
        .until(SHOP, "the deleted report is there again", |status| {
            !status.items.is_empty()
        })
        .await
        .unwrap();
    proxy.inject("/compliancebaselines", Fault::Break);
    noticed("baselines cannot be read").await;
    let baselines = reports.baselines();
    let old = baselines.get("default").await.unwrap().metadata.uid;
    baselines
        .delete("default", &DeleteParams::default())
        .await
        .unwrap();
    proxy.heal();
    until_made_again(&reports, old).await;
}

#[tokio::test]
async fn an_api_server_that_refuses_everybody_at_first_is_not_believed() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    plane.operator_account(Kind::ALL).await.unwrap();
    let proxy = Proxy::start(&plane).await.unwrap();
    let kubeconfig = proxy
        .kubeconfig(&plane, "plumbline-system", "plumbline")
        .await
        .unwrap();

    // First it does not answer, for so long that attempts have become rare.
    proxy.inject("/", Fault::Break);
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    sleep(Duration::from_secs(8)).await;
    // Then it does not know anybody's rights.
    proxy.heal();
    proxy.inject("/api/v1/limitranges", Fault::Forbid);
    eventually("the operator is refused", SOON, || async {
        Ok(operator.log().contains("may not list or watch").then_some(()))
    })
    .await
    .unwrap();
    proxy.heal();
    let first = plane
        .reports()
        .until(None, "there is a report", |status| !status.items.is_empty())
        .await
        .unwrap();
    assert_eq!(without_input(&first), [""; 0]);
}

#[tokio::test]
async fn reports_say_that_a_first_list_is_missing() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    plane.operator_account(Kind::ALL).await.unwrap();
    let proxy = Proxy::start(&plane).await.unwrap();
    let kubeconfig = proxy
        .kubeconfig(&plane, "plumbline-system", "plumbline")
        .await
        .unwrap();
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    let reports = plane.reports();
    reports.until_complete().await.unwrap();
    let before = reports.until(SHOP, "so is that of the shop", |status| !status.items.is_empty());
    let before = before.await.unwrap();
    operator.terminate().await.unwrap();

    // The report on the shop is stored, that on the cluster is not.
    reports
        .of_cluster()
        .delete("default", &DeleteParams::default())
        .await
        .unwrap();
    proxy.inject("/limitranges", Fault::Stall);
    proxy.inject("/configmaps", Fault::Stall);
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    for home in [None, SHOP] {
        let status = reports
            .until(home, "the report says that it is from before", |status| {
                condition(status, ConditionType::Ready) == ("Unknown", "Syncing")
            })
            .await
            .unwrap();
        assert_eq!(condition(&status, ConditionType::Fresh), ("False", "Syncing"));
        if home.is_none() {
            assert_eq!(status.items, []);
            assert_eq!(status.summary, None);
            assert_eq!(condition(&status, ConditionType::Compliant), ("", ""));
        } else {
            assert_eq!(status.items, before.items);
            assert_eq!(status.reference, before.reference);
            assert_eq!(condition(&status, ConditionType::Reconciling).0, "True");
        }
    }
    assert!(!operator.is_ok("/readyz").await.unwrap());

    // An optional kind that may be read is waited for as well: else every start would write two verdicts.
    proxy.heal();
    proxy.inject("/configmaps", Fault::Stall);
    eventually("the missing list is there", SOON, || async {
        let synced = operator
            .metric(r#"plumbline_input_synced{kind="LimitRange"}"#)
            .await?;
        Ok((synced == Some(1.0)).then_some(()))
    })
    .await
    .unwrap();
    assert!(!operator.is_ok("/readyz").await.unwrap());
    proxy.heal();
    reports.until_complete().await.unwrap();
    let after = reports
        .until(SHOP, "the report is complete again", |status| {
            condition(status, ConditionType::Ready) == ("True", "Evaluated")
        })
        .await
        .unwrap();
    assert_eq!(condition(&after, ConditionType::Fresh), ("True", "InputsSynced"));
    assert_eq!(condition(&after, ConditionType::Reconciling), ("", ""));
    assert_eq!(item(&after, "WL-04").since, item(&before, "WL-04").since);
    assert_eq!(after.reference, before.reference);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named_and_never_passes() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    plane.operator_account(Kind::ALL).await.unwrap();
    let proxy = Proxy::start(&plane).await.unwrap();
    let kubeconfig = proxy
        .kubeconfig(&plane, "plumbline-system", "plumbline")
        .await
        .unwrap();
    // No API server stores such an object; a newer one might send what this operator does not expect.
    proxy.inject(
        "/deployments",
        Fault::Garble(r#""privileged":false"#, r#""privileged":12345"#),
    );
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    let reports = plane.reports();
    let undecodable = || async {
        operator
            .metric(r#"plumbline_undecodable_objects{kind="Deployment.apps"}"#)
            .await
            .unwrap()
    };
    reports.until_complete().await.unwrap();
    for home in [None, SHOP] {
        let status = reports
            .until(home, "the report names the object", |status| {
                item(status, "WL-04").reason == "UndecodableObject"
            })
            .await
            .unwrap();
        let result = item(&status, "WL-04");
        assert_eq!(result.status, ItemStatus::Unknown);
        assert!(result.message.contains("shop/web"), "{}", result.message);
    }
    let status = reports.get(None).await.unwrap();
    let input = status.coverage.iter().find(|input| input.kind == "Deployment");
    assert_eq!(input.unwrap().undecodable, 1);
    assert_eq!(undecodable().await, Some(1.0));
    assert!(operator.log().contains("Deployment shop/web"));

    // Beside it, what is known to fail fails.
    plane.apply(&with_web("yard", 1).to_string()).await.unwrap();
    plane.apply(&web("yard", 1, true).to_string()).await.unwrap();
    let status = reports
        .until(None, "a failure outweighs it", |status| {
            is(status, "WL-04", ItemStatus::Fail)
        })
        .await
        .unwrap();
    assert_eq!(item(&status, "WL-04").failing, 1);

    // It is read as soon as it can be.
    proxy.heal();
    plane.apply(&web("shop", 2, false).to_string()).await.unwrap();
    reports
        .until(SHOP, "it passes", |status| is(status, "WL-04", ItemStatus::Pass))
        .await
        .unwrap();
    eventually("it no longer counts", SOON, || async {
        Ok((undecodable().await == Some(0.0)).then_some(()))
    })
    .await
    .unwrap();
}
