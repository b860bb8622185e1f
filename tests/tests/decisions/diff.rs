//! `plumbline diff` against a cluster.

use super::*;

fn deployment(name: &str, privileged: bool) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name, "namespace": "payments", "labels": { "team": "payments" } },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name, "team": "payments" } },
                "spec": { "containers": [{
                    "name": "app", "image": "registry.example/app:1.0", "securityContext": { "privileged": privileged },
                }] },
            },
        },
    })
}

#[tokio::test]
async fn a_cluster_and_its_snapshot_are_compared_alike() -> Result<()> {
    // With everything that makes pods.
    let plane = ControlPlane::start(Options::default().nodes(1)).await?;
    kubectl(&plane, &["create", "namespace", "payments"]).await?;
    for (name, privileged) in [("web", false), ("agent", true)] {
        plane.apply(&deployment(name, privileged).to_string()).await?;
    }
    eventually("the pods run", SOON, || async {
        let pods = kubectl(
            &plane,
            &[
                "get",
                "pods",
                "-n",
                "payments",
                "--field-selector=status.phase=Running",
                "-o",
                "name",
            ],
        )
        .await?;
        Ok((pods.lines().count() == 2).then_some(()))
    })
    .await?;

    // What is there already, as the API server has completed it, and as it was written.
    let kubeconfig = plane.admin_kubeconfig();
    let both = json!({ "apiVersion": "v1", "kind": "List", "items": [deployment("web", false), deployment("agent", true)] });
    let same = run(&kubeconfig, &["diff", "-f", "-", "-o", "json"], &both.to_string()).await?;
    let result: Value = serde_json::from_str(&same.out)?;
    assert_eq!(
        (same.code, &result["items"], &result["errors"]),
        (0, &json!([]), &json!([])),
        "{}",
        same.err
    );

    // One gets worse, the other is pruned with its pods.
    let change = deployment("web", true).to_string();
    let arguments = ["diff", "-f", "-", "--prune", "team=payments", "-o", "json"];
    let live = run(&kubeconfig, &arguments, &change).await?;
    assert_eq!(live.code, 1, "{}", live.err);
    let live: Value = serde_json::from_str(&live.out)?;
    assert_eq!(
        live["objects"],
        json!({ "created": 0, "applied": 1, "pruned": 1 })
    );
    let items = live["items"].as_array().context("there are items")?;
    let privileged = items
        .iter()
        .find(|item| item["id"] == "WL-04")
        .context("WL-04 differs")?;
    assert_eq!(privileged["appear"][0]["name"], "web");
    assert_eq!(privileged["go"][0]["name"], "agent");

    let folder = tempfile::tempdir()?;
    let base = folder.path().join("base.json");
    std::fs::write(&base, run(&kubeconfig, &["snapshot"], "").await?.done())?;
    let base = base.display().to_string();
    let nowhere = PathBuf::from("/nowhere/kubeconfig");
    let stored = run(&nowhere, &[&arguments[..], &["--base", &base]].concat(), &change).await?;
    assert_eq!(stored.code, 1, "{}", stored.err);
    let stored: Value = serde_json::from_str(&stored.out)?;
    assert_eq!(stored["items"], live["items"]);

    // Nothing has happened to the cluster.
    let images = kubectl(
        &plane,
        &[
            "get",
            "deployments",
            "-n",
            "payments",
            "-o",
            "jsonpath={.items[*].metadata.generation}",
        ],
    )
    .await?;
    assert_eq!(images, "1 1");
    Ok(())
}
