//! Several replicas, of which one writes.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use plumbline_api::{ItemStatus, ReportStatus};
use plumbline_inventory::Kind;
use plumbline_tests::{ControlPlane, Fault, Operator, Options, Proxy, eventually, item};

use crate::{SOON, history, is, set_privileged, shop};

/// A standby has seen the lease for its whole duration, and asks every two seconds.
const TAKEN_OVER: Duration = Duration::from_secs(45);

#[tokio::test]
async fn one_replica_writes_and_another_takes_over() {
    let plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    let kubeconfig = plane.operator_account(Kind::ALL).await.unwrap();
    let reports = plane.reports();
    let replica = async |name| Operator::start_as(&plane, &kubeconfig, name).await.unwrap();

    let first = replica("plumbline-a").await;
    until_leading(&first).await;
    assert!(holder(&plane).await.starts_with("plumbline-a_"));
    reports.until_complete().await.unwrap();
    let second = replica("plumbline-b").await;
    eventually("the standby is ready, too", SOON, || async {
        Ok(second.is_ok("/readyz").await?.then_some(()))
    })
    .await
    .unwrap();

    set_privileged(&plane, true).await;
    let before = reports
        .until(None, "the failure is history", |status| {
            !history(status, "WL-04").is_empty()
        })
        .await
        .unwrap();
    assert!(!leads(&second).await.unwrap());
    for kind in ["ClusterComplianceReport", "ComplianceReport"] {
        let series = format!(r#"plumbline_report_writes_total{{kind="{kind}",result="ok"}}"#);
        assert_eq!(
            second.metric(&series).await.unwrap(),
            None,
            "a standby writes nothing"
        );
        assert!(first.metric(&series).await.unwrap() > Some(0.0));
    }

    // A leader that says goodbye gives the lease back.
    first.terminate().await.unwrap();
    eventually("the standby leads soon", Duration::from_secs(10), || async {
        Ok(leads(&second).await?.then_some(()))
    })
    .await
    .unwrap();
    set_privileged(&plane, false).await;
    let status = reports
        .until(None, "the new leader writes", |status| {
            is(status, "WL-04", ItemStatus::Pass)
        })
        .await
        .unwrap();
    goes_on(&before, &status);

    // One that is killed does not. The next is cut off later: it goes through a faulty network.
    let proxy = Proxy::start(&plane).await.unwrap();
    let faulty = proxy
        .kubeconfig(&plane, "plumbline-system", "plumbline")
        .await
        .unwrap();
    let third = Operator::start_as(&plane, &faulty, "plumbline-c").await.unwrap();
    let before = reports
        .until(None, "the repair is history", |status| {
            history(status, "WL-04").len() == 2
        })
        .await
        .unwrap();
    second.kill();
    set_privileged(&plane, true).await;
    eventually("the lease has run out", TAKEN_OVER, || async {
        Ok(leads(&third).await?.then_some(()))
    })
    .await
    .unwrap();
    let status = reports
        .until(None, "the next leader writes", |status| {
            is(status, "WL-04", ItemStatus::Fail)
        })
        .await
        .unwrap();
    goes_on(&before, &status);

    // One that is cut off counts itself out before anybody else steps in.
    let fourth = replica("plumbline-d").await;
    eventually("the standby is ready", SOON, || async {
        Ok(fourth.is_ok("/readyz").await?.then_some(()))
    })
    .await
    .unwrap();
    proxy.inject("/", Fault::Stall);
    eventually("another leads", TAKEN_OVER, || async {
        // In this order: the later look must not find both.
        if leads(&fourth).await? {
            assert!(!leads(&third).await?, "two replicas lead");
            return Ok(Some(()));
        }
        Ok(None)
    })
    .await
    .unwrap();
    assert!(holder(&plane).await.starts_with("plumbline-d_"));
    assert!(third.is_ok("/healthz").await.unwrap());
    proxy.heal();
    let status = reports
        .until(None, "the failure is history", |status| {
            history(status, "WL-04").len() == 3
        })
        .await
        .unwrap();
    goes_on(&before, &status);
    assert!(!leads(&third).await.unwrap());
}

async fn leads(operator: &Operator) -> anyhow::Result<bool> {
    Ok(operator.metric("plumbline_leader").await? == Some(1.0))
}

async fn until_leading(operator: &Operator) {
    eventually("the replica leads", SOON, || async {
        Ok(leads(operator).await?.then_some(()))
    })
    .await
    .unwrap();
}

async fn holder(plane: &ControlPlane) -> String {
    let leases: Api<Lease> = Api::namespaced(plane.admin_client(), "plumbline-system");
    let lease = leases.get("plumbline").await.unwrap();
    lease.spec.unwrap().holder_identity.unwrap()
}

/// A new leader takes up what the last one knew.
fn goes_on(before: &ReportStatus, after: &ReportStatus) {
    assert_eq!(after.history[..before.history.len()], before.history);
    assert_eq!(after.reference, before.reference);
    assert_eq!(item(after, "WL-05").since, item(before, "WL-05").since);
}
