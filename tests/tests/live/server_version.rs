//! What a right does depends on the version of the API server.

use plumbline_api::ItemResult;
use plumbline_baseline::required_kinds;
use plumbline_tests::{ControlPlane, Fault, Operator, Options, Proxy, eventually, item};
use serde_json::{Value, json};

use crate::{SOON, kubectl};

#[tokio::test]
async fn constrained_impersonation_is_latent_until_the_api_server_is_new_enough() {
    let plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&impersonator().to_string()).await.unwrap();
    plane.operator_account(required_kinds()).await.unwrap();
    let proxy = Proxy::start(&plane).await.unwrap();
    let version = kubectl(&plane, &["get", "--raw", "/version"]).await;
    assert!(version.contains("v1.37."), "{version}");
    proxy.inject("/version", Fault::Garble("v1.37.", "v1.35."));
    let kubeconfig = proxy
        .kubeconfig(&plane, "plumbline-system", "plumbline")
        .await
        .unwrap();
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    let reports = plane.reports();
    let status = reports.until_complete().await.unwrap();
    assert_eq!(
        told(item(&status, "AZ-05")),
        [
            "ClusterRoleBinding impersonator, medium: ImpersonateUserInfo, which does nothing before Kubernetes 1.36"
        ]
    );

    // It is upgraded: watches end, and the next answer is another.
    proxy.heal();
    proxy.inject("/pods", Fault::Break);
    eventually("the operator has noticed", SOON, || async {
        Ok(operator.log().contains("cannot be read").then_some(()))
    })
    .await
    .unwrap();
    proxy.heal();
    let effective = ["ClusterRoleBinding impersonator, high: ImpersonateUserInfo"];
    reports
        .until(None, "the right does something", |status| {
            told(item(status, "AZ-05")) == effective
        })
        .await
        .unwrap();
}

/// Object, severity, and the beginning of the message of each finding.
fn told(item: &ItemResult) -> Vec<String> {
    let lines = item.sample.iter().map(|finding| {
        let what = finding.message.split(", by rule").next().unwrap_or_default();
        format!(
            "{} {}, {}: {what}",
            finding.kind,
            finding.name,
            finding.severity.as_str()
        )
    });
    lines.collect()
}

/// Somebody who may read pods as any user, by constrained impersonation.
fn impersonator() -> Value {
    let group = "rbac.authorization.k8s.io";
    let rules = json!([
        { "verbs": ["impersonate:user-info"], "apiGroups": ["authentication.k8s.io"], "resources": ["users"] },
        { "verbs": ["impersonate-on:user-info:list"], "apiGroups": [""], "resources": ["pods"] },
    ]);
    json!({ "apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": { "name": "impersonator" },
            "rules": rules,
        },
        {
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
            "metadata": { "name": "impersonator" },
            "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": "impersonator" },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": "alice" }],
        },
    ] })
}
