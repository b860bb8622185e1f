//! Nodes played by KWOK.

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Node;
use kube::{Api, Client, api::PostParams};
use serde_json::json;
use tokio::task::JoinSet;

use crate::controlplane::ControlPlane;

impl ControlPlane {
    /// Creates `count` more nodes, waits until they are ready and gives their names: `node-0`, `node-1` …
    ///
    /// The scheduler places pods on them, and KWOK makes those pods run. Each node has room for 10,000 pods.
    pub async fn add_nodes(&mut self, count: u32) -> anyhow::Result<Vec<String>> {
        let numbers = self.nodes..self.nodes + count;
        self.nodes += count;
        if count == 0 {
            return Ok(Vec::new());
        }
        let client = self.admin_client();
        let version = client.apiserver_version().await?.git_version;
        let names = numbers.clone().map(name).collect();
        create(
            &client,
            numbers
                .map(|number| node(number, &version))
                .collect::<Result<_, _>>()?,
        )
        .await?;
        self.until_nodes_ready(&names).await?;
        Ok(names)
    }

    async fn until_nodes_ready(&mut self, names: &Vec<String>) -> anyhow::Result<()> {
        let nodes: Api<Node> = Api::all(self.admin_client());
        self.until("the nodes are ready", async || {
            let ready = nodes.list(&kube::api::ListParams::default()).await?;
            let count = ready.iter().filter(|node| is_ready(node)).count();
            Ok((count >= names.len()).then_some(()))
        })
        .await
    }
}

async fn create(client: &Client, nodes: Vec<Node>) -> anyhow::Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let mut requests = JoinSet::new();
    for node in nodes {
        let api = api.clone();
        requests.spawn(async move {
            let name = node.metadata.name.clone().unwrap_or_default();
            api.create(&PostParams::default(), &node)
                .await
                .with_context(|| format!("node {name}"))
        });
    }
    while let Some(created) = requests.join_next().await {
        created??;
    }
    Ok(())
}

fn is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn name(number: u32) -> String {
    format!("node-{number}")
}

fn node(number: u32, version: &str) -> serde_json::Result<Node> {
    let name = name(number);
    let room = json!({ "cpu": "1k", "memory": "4Ti", "ephemeral-storage": "4Ti", "pods": "10k" });
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
