//! Nodes played by KWOK.

use std::time::Duration;

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::{api::core::v1::Node, jiff::Timestamp};
use kube::{Api, api::PostParams};
use serde_json::json;

use crate::{component::Component, controlplane::ControlPlane, wait::eventually};

/// Nodes created at the same time: as many as the API server handles quickly.
const AT_ONCE: usize = 32;
/// The controller manager's share: it takes away the taint with which every node is created.
const UNTAINTED_WITHIN: Duration = Duration::from_mins(1);

impl ControlPlane {
    /// Creates `count` more nodes, waits until they can take pods, and gives their names: `node-0`, `node-1` …
    ///
    /// The scheduler places pods on them and KWOK makes those pods run. Each node has room for 10,000 pods.
    /// Without a controller manager the nodes keep the taint `node.kubernetes.io/not-ready`.
    pub async fn add_nodes(&mut self, count: u32) -> anyhow::Result<Vec<String>> {
        let numbers = self.nodes..self.nodes + count;
        self.nodes += count;
        let client = self.admin_client();
        let version = client.apiserver_version().await?.git_version;
        let api: Api<Node> = Api::all(client);
        let names: Vec<String> = stream::iter(numbers)
            .map(|number| create(&api, number, &version))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        if self.runs(Component::ControllerManager) {
            // One after the other: when the first is through, most of the others are, too.
            for name in &names {
                until_untainted(&api, name).await?;
            }
        }
        Ok(names)
    }
}

async fn create(api: &Api<Node>, number: u32, version: &str) -> anyhow::Result<String> {
    let name = format!("node-{number}");
    let node = node(number, &name, version)?;
    api.create(&PostParams::default(), &node)
        .await
        .with_context(|| format!("node {name} is refused"))?;
    Ok(name)
}

async fn until_untainted(api: &Api<Node>, name: &str) -> anyhow::Result<()> {
    eventually(&format!("node {name} takes pods"), UNTAINTED_WITHIN, || async {
        let spec = api.get(name).await?.spec.unwrap_or_default();
        Ok(spec.taints.unwrap_or_default().is_empty().then_some(()))
    })
    .await
}

/// A node as a kubelet registers it, ready from the start.
fn node(number: u32, name: &str, version: &str) -> serde_json::Result<Node> {
    let now = Timestamp::now().to_string();
    let room = json!({ "cpu": "1k", "memory": "4Ti", "ephemeral-storage": "4Ti", "pods": "10k" });
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": "played by KWOK",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "annotations": { "kwok.x-k8s.io/node": "fake" },
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
            },
        },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": format!("172.16.{}.{}", number / 250, number % 250 + 1) },
                { "type": "Hostname", "address": name },
            ],
            "allocatable": room,
            "capacity": room,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID"),
                condition("Ready", "True", "KubeletReady"),
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "containerd://2.2.0",
                "kernelVersion": "6.12.0",
                "kubeProxyVersion": "",
                "kubeletVersion": version,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "KWOK",
                "systemUUID": "",
            },
        },
    }))
}
