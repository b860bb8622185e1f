//! What a cluster has before anybody has done anything to it.

use plumbline_api::{Finding, ReportStatus};
use plumbline_tests::{ControlPlane, Operator, Options, item};
use serde_json::{Value, json};

/// What `kubeadm init` creates. The defaults that are recognised come from the same file: this is that an API server
/// takes it and that nothing is lost on the way there and back.
const KUBEADM: &str = include_str!("../../../crates/xtask/src/defaults/kubeadm.yaml");

#[tokio::test]
async fn roles_and_bindings_of_a_stock_cluster_are_no_news() {
    let plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&kubeadm().to_string()).await.unwrap();
    let _operator = Operator::start(&plane).await.unwrap();
    let status = plane.reports().until_complete().await.unwrap();

    let (rights, impersonation) = (item(&status, "AZ-02"), item(&status, "AZ-05"));
    // Somebody was looked at: each subject that a default binds.
    assert!(rights.evaluated > 40, "{rights:?}");
    assert!(impersonation.evaluated > 40, "{impersonation:?}");
    assert_eq!(told(&status, "AZ-02"), Vec::<String>::new());
    assert_eq!(told(&status, "AZ-05"), Vec::<String>::new());
}

/// All findings of an item, and why.
fn told(status: &ReportStatus, id: &str) -> Vec<String> {
    let item = item(status, id);
    assert_eq!(item.more, 0, "the sample has all of them");
    let line = |finding: &Finding| {
        let namespace = finding.namespace.as_deref().unwrap_or_default();
        format!(
            "{} {namespace} {}: {}",
            finding.kind, finding.name, finding.message
        )
    };
    item.sample.iter().map(line).collect()
}

/// The objects, with what the file leaves out.
fn kubeadm() -> Value {
    let object = |text: &str| {
        let mut object: Value = serde_saphyr::from_str(text).unwrap();
        object["apiVersion"] = "rbac.authorization.k8s.io/v1".into();
        object
    };
    let objects: Vec<Value> = KUBEADM.split("\n---\n").map(object).collect();
    json!({ "apiVersion": "v1", "kind": "List", "items": objects })
}
