//! Waivers in Git, approvals outside: what Argo CD and Flux do to them, with their own field managers, on a real API
//! server.

use kube::api::{ListParams, Patch, PatchParams};
use plumbline_api::{ComplianceApproval, ComplianceWaiver};
use plumbline_inventory::digest::spec_digest;

use super::*;

const MANAGERS: [&str; 3] = ["argocd-controller", "kustomize-controller", "kubectl"];

#[tokio::test]
async fn syncing_again_changes_neither_generation_nor_digest() -> Result<()> {
    let plane = install().await?;
    let waivers = raw::<ComplianceWaiver>(&plane, Some("payments"));
    let mut in_git = waiver("legacy");
    // As people write it: fields in any order, a scope that says nothing.
    in_git["spec"]["scope"] = json!({});
    let written = spec_digest(&in_git["spec"]);
    let mut seen = Vec::new();
    for manager in MANAGERS.into_iter().cycle().take(6) {
        let parameters = PatchParams::apply(manager).force();
        let applied = waivers
            .patch("legacy", &parameters, &Patch::Apply(&in_git))
            .await?;
        seen.push((applied.metadata.generation, spec_digest(&applied.data["spec"])));
    }
    // Nothing is filled in, so what was reviewed in Git is what is approved.
    assert_eq!(seen, vec![(Some(1), written.clone()); 6]);

    // The operator's status makes no difference to a tool that compares, nor does the approval.
    plumbline(
        &plane,
        "bob",
        &["approve", "waiver", "legacy", "-n", "payments", "--yes"],
    )
    .await?
    .done();
    let after = waivers.get("legacy").await?;
    assert_eq!(
        (after.metadata.generation, spec_digest(&after.data["spec"])),
        (Some(1), written)
    );
    let managers: Vec<_> = after.metadata.managed_fields.into_iter().flatten().collect();
    assert!(
        managers
            .iter()
            .all(|entry| MANAGERS.contains(&entry.manager.as_deref().unwrap_or_default())),
        "nobody else has written to it: {managers:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_operator_may_not_write_what_git_holds() -> Result<()> {
    let plane = install().await?;
    let account = "system:serviceaccount:plumbline-system:plumbline";
    for kind in [
        "compliancewaivers",
        "clustercompliancewaivers",
        "complianceapprovals",
        "clustercomplianceapprovals",
        "complianceattestations",
    ] {
        for verb in ["create", "update", "patch", "delete"] {
            let resource = format!("{kind}.compliance.plumbline.dev");
            let answer = plane
                .kubectl(["auth", "can-i", verb, &resource, "-A", "--as", account])
                .await?;
            assert!(answer.stdout.starts_with(b"no"), "{verb} {kind}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn pruning_takes_the_waiver_and_leaves_the_approval() -> Result<()> {
    let plane = install().await?;
    let folder = tempfile::tempdir()?;
    let repository = folder.path().display().to_string();
    let write = |name: &str| -> Result<()> {
        let mut waiver = waiver(name);
        waiver["metadata"]["labels"] = json!({ "app.kubernetes.io/instance": "payments" });
        Ok(std::fs::write(
            folder.path().join(format!("{name}.json")),
            waiver.to_string(),
        )?)
    };
    write("legacy")?;
    write("other")?;
    let sync = async || {
        let allow = |kind: &str| format!("--prune-allowlist=compliance.plumbline.dev/v1alpha1/{kind}");
        let (waivers, approvals) = (allow("ComplianceWaiver"), allow("ComplianceApproval"));
        let arguments = [
            "apply",
            "-n",
            "payments",
            "-f",
            &repository,
            "--prune",
            "-l",
            "app.kubernetes.io/instance=payments",
            &waivers,
            &approvals,
        ];
        kubectl(&plane, &arguments).await
    };
    sync().await?;
    for name in ["legacy", "other"] {
        let arguments = ["approve", "waiver", name, "-n", "payments", "--yes"];
        plumbline(&plane, "bob", &arguments).await?.done();
    }
    let out = sync().await?;
    assert!(out.lines().all(|line| line.ends_with("unchanged")), "{out}");

    std::fs::remove_file(folder.path().join("legacy.json"))?;
    sync().await?;
    let names = async |api: Api<DynamicObject>| {
        let list = api.list(&ListParams::default()).await?.items;
        Ok::<Vec<String>, anyhow::Error>(
            list.into_iter()
                .filter_map(|object| object.metadata.name)
                .collect(),
        )
    };
    let waivers = raw::<ComplianceWaiver>(&plane, Some("payments"));
    assert_eq!(names(waivers.clone()).await?, ["other"]);
    let approvals = names(raw::<ComplianceApproval>(&plane, Some("payments"))).await?;
    assert_eq!(approvals.len(), 2, "{approvals:?}");

    // The same waiver put back is another one: its old approval is for a uid that is gone.
    write("legacy")?;
    sync().await?;
    let uid = waivers.get("legacy").await?.metadata.uid;
    let approvals = raw::<ComplianceApproval>(&plane, Some("payments"));
    let approved = approvals.list(&ListParams::default()).await?.items;
    assert!(
        approved
            .iter()
            .all(|approval| approval.data["spec"]["waiver"]["uid"] != json!(uid)),
        "{approved:?}"
    );
    Ok(())
}
