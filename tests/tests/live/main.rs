//! The operator, live: the binary against a real control plane.
//!
//! One binary for all of these tests, and one control plane for each story: most of the time goes by while
//! something has to hold for ten seconds, and that time is shared.

mod bad_input;
mod baselines;
mod defence;
mod equality;
mod faults;
mod inputs;
mod lease;
mod main_job;
mod pin;
mod reach;
mod server_version;
mod stock;

use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::{Api, Client, api::ListParams};
use plumbline_api::{Drift, ItemStatus, ReportStatus};
use plumbline_tests::{ControlPlane, Reports, eventually, item};
use serde_json::{Value, json};

/// Ample: what is awaited takes seconds, but the machine may be busy.
const SOON: Duration = Duration::from_mins(1);

/// A namespace and in it a Deployment `web` of one replica that no item about containers objects to.
fn shop() -> Value {
    with_web("shop", 1)
}

/// A namespace, an account, a policy that isolates everything, and the Deployment `web`.
fn with_web(name: &str, replicas: u32) -> Value {
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "checkout", "namespace": name },
    });
    let deny = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "default-deny", "namespace": name },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] },
    });
    let items = [namespace(name), account, deny, web(name, replicas, false)];
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

/// The Deployment `web`, privileged or not.
fn web(namespace: &str, replicas: u32, privileged: bool) -> Value {
    let labels = json!({ "app": "web", "app.kubernetes.io/part-of": "shop" });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web", "namespace": namespace },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "serviceAccountName": "checkout",
                    "automountServiceAccountToken": false,
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [{
                        "name": "web",
                        "image": "registry.example/shop/web:1.0",
                        "resources": { "limits": { "cpu": "1", "memory": "64Mi" } },
                        "securityContext": {
                            "privileged": privileged,
                            "allowPrivilegeEscalation": privileged,
                            "readOnlyRootFilesystem": true,
                            "capabilities": { "drop": ["ALL"] },
                        },
                    }],
                },
            },
        },
    })
}

/// Makes the Deployment `web` of namespace `shop` privileged, or not.
async fn set_privileged(plane: &ControlPlane, privileged: bool) {
    plane
        .apply(&web("shop", 1, privileged).to_string())
        .await
        .unwrap();
}

/// Runs kubectl, which has to succeed, and gives its output.
async fn kubectl(plane: &ControlPlane, arguments: &[&str]) -> String {
    let output = plane.kubectl(arguments).await.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn is(status: &ReportStatus, id: &str, wanted: ItemStatus) -> bool {
    item(status, id).status == wanted
}

/// The transitions of an item: from, to, cause.
fn history<'a>(status: &'a ReportStatus, id: &str) -> Vec<(ItemStatus, ItemStatus, &'a str)> {
    let transitions = status.history.iter().filter(|transition| transition.item == id);
    transitions
        .map(|transition| (transition.from, transition.to, transition.cause.as_str()))
        .collect()
}

/// The ids of items that differ from the reference.
fn drifted(status: &ReportStatus) -> Vec<&str> {
    let differ = status.items.iter().filter(|item| item.drift != Drift::None);
    differ.map(|item| item.id.as_str()).collect()
}

/// The ids of items that are unknown because of an input.
fn without_input(status: &ReportStatus) -> Vec<&str> {
    let without = status
        .items
        .iter()
        .filter(|item| item.reason.starts_with("Input"));
    without.map(|item| item.id.as_str()).collect()
}

/// The Events that the operator made in a namespace: reason and note.
async fn events(client: Client, namespace: &str) -> Vec<(String, String)> {
    let events: Api<Event> = Api::namespaced(client, namespace);
    let ours = ListParams::default().fields("reportingController=compliance.plumbline.dev/operator");
    let events = events.list(&ours).await.unwrap();
    let event = |event: Event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default());
    events.items.into_iter().map(event).collect()
}

/// Waits until there is another baseline than `old`, and reports that belong to it.
async fn until_made_again(reports: &Reports, old: Option<String>) {
    let baselines = reports.baselines();
    let new = eventually("there is a baseline again", SOON, || async {
        let baseline = baselines.get_opt("default").await?;
        let uid = baseline.and_then(|baseline| baseline.metadata.uid);
        Ok(uid.filter(|uid| Some(uid) != old.as_ref()))
    })
    .await
    .unwrap();
    eventually("reports belong to it", SOON, || async {
        let of_cluster = reports.of_cluster().get("default").await?;
        let of_shop = reports.of_namespace("shop").get("default").await?;
        let follows = |meta: &kube::api::ObjectMeta, status: Option<&ReportStatus>| {
            let owners = meta.owner_references.iter().flatten();
            let goes_by = status.and_then(|status| status.baseline.as_ref());
            owners.map(|owner| &owner.uid).eq([&new]) && goes_by.is_some_and(|baseline| baseline.uid == new)
        };
        Ok((follows(&of_cluster.metadata, of_cluster.status.as_ref())
            && follows(&of_shop.metadata, of_shop.status.as_ref()))
        .then_some(()))
    })
    .await
    .unwrap();
}
