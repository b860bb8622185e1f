//! `plumbline approve`.

use kube::api::{ListParams, Patch, PatchParams};
use plumbline_api::{
    ClusterComplianceApproval, ClusterComplianceWaiver, ComplianceApproval, ComplianceWaiver,
};
use plumbline_inventory::digest::spec_digest;

use super::*;

const LEGACY: [&str; 5] = ["approve", "waiver", "legacy", "-n", "payments"];

#[tokio::test]
async fn a_waiver_is_approved_as_it_reads() -> Result<()> {
    let plane = install().await?;
    plane.apply(&waiver("legacy").to_string()).await?;
    let stored = raw::<ComplianceWaiver>(&plane, Some("payments"))
        .get("legacy")
        .await?;
    let digest = spec_digest(&stored.data["spec"]);

    // Nobody is there to confirm.
    let ran = plumbline(&plane, "bob", &LEGACY).await?;
    ran.refused("there is no terminal to ask for confirmation; --yes approves without");
    for part in [
        "ComplianceWaiver payments/legacy asks to accept deviations from",
        "  WL-04   No privileged containers (required, critical)",
        "DaemonSet agent; in namespace payments",
        "The agent reads the kernel's counters until version 3.",
        "SEC-1234",
        "alice",
        "2099-01-01T00:00:00Z, in ",
        &digest,
        "bob",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let approvals = raw::<ComplianceApproval>(&plane, Some("payments"));
    let all = ListParams::default();
    let yes = [&LEGACY[..], &["--yes"]].concat();
    let trial = [&LEGACY[..], &["--dry-run"]].concat();
    let out = plumbline(&plane, "bob", &trial).await?.done();
    assert!(out.contains("would be created"), "{out}");
    assert_eq!(approvals.list(&all).await?.items.len(), 0);

    let out = plumbline(&plane, "bob", &yes).await?.done();
    assert!(out.contains("ComplianceApproval payments/legacy-"), "{out}");
    let made = approvals.list(&all).await?.items;
    assert_eq!(made.len(), 1);
    assert_eq!(
        made[0].data["spec"],
        json!({
            "waiver": { "name": "legacy", "uid": stored.metadata.uid },
            "specDigest": digest,
            "approvedBy": "bob",
        })
    );
    // Nothing by which a tool that owns the waiver would take the approval for its own.
    assert_eq!(
        (
            &made[0].metadata.labels,
            &made[0].metadata.annotations,
            &made[0].metadata.owner_references
        ),
        (&None, &None, &None)
    );

    // Twice by the same is once; by somebody else it is another.
    let out = plumbline(&plane, "bob", &yes).await?.done();
    assert!(out.contains("approves it already"), "{out}");
    plumbline(&plane, "carol", &yes).await?.done();
    assert_eq!(approvals.list(&all).await?.items.len(), 2);

    // An edit asks for a new word.
    let patch = Patch::Merge(json!({ "spec": { "expires": "2099-12-31T00:00:00Z" } }));
    raw::<ComplianceWaiver>(&plane, Some("payments"))
        .patch("legacy", &PatchParams::default(), &patch)
        .await?;
    plumbline(&plane, "bob", &yes).await?.done();
    let made = approvals.list(&all).await?.items;
    let of_old = made
        .iter()
        .filter(|approval| approval.data["spec"]["specDigest"] == json!(digest));
    assert_eq!((of_old.count(), made.len()), (2, 3));
    Ok(())
}

#[tokio::test]
async fn an_approval_can_be_applied_by_other_means_and_for_the_cluster() -> Result<()> {
    let plane = install().await?;
    plane.apply(&cluster_waiver("builds").to_string()).await?;
    let arguments = ["approve", "waiver", "builds", "-o", "yaml"];
    let ran = plumbline(&plane, "bob", &arguments).await?;
    for part in [
        "ClusterComplianceWaiver builds asks",
        "workloads of pods with app in (runner); in namespaces with team=build",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    let approval = ran.done();
    let approvals = raw::<ClusterComplianceApproval>(&plane, None);
    assert_eq!(approvals.list(&ListParams::default()).await?.items.len(), 0);
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &approval)?;
    let (file, bob) = (file.path().display().to_string(), plane.user_kubeconfig("bob")?);
    let bob = bob.display().to_string();
    kubectl(&plane, &["--kubeconfig", &bob, "create", "-f", &file]).await?;
    let made = approvals.list(&ListParams::default()).await?.items;
    let waiver = raw::<ClusterComplianceWaiver>(&plane, None).get("builds").await?;
    assert_eq!(made.len(), 1);
    assert_eq!(
        made[0].data["spec"]["specDigest"],
        json!(spec_digest(&waiver.data["spec"]))
    );
    // By the right to impersonate, as somebody else.
    let arguments = ["approve", "waiver", "builds", "--as", "carol", "--yes"];
    plumbline_as_admin(&plane, &arguments).await?.done();
    let made = approvals.list(&ListParams::default()).await?.items;
    let by: Vec<&Value> = made
        .iter()
        .map(|approval| &approval.data["spec"]["approvedBy"])
        .collect();
    assert!(by.contains(&&json!("carol")) && by.len() == 2, "{by:?}");
    plumbline(&plane, "bob", &arguments)
        .await?
        .refused("cannot impersonate");
    Ok(())
}

#[tokio::test]
async fn what_would_not_count_is_refused() -> Result<()> {
    let plane = install().await?;
    plane.apply(&waiver("legacy").to_string()).await?;
    let yes = [&LEGACY[..], &["--yes"]].concat();
    // Without the right to create approvals, whoever it is.
    let mut by_dave = waiver("of-bob");
    by_dave["spec"]["requestedBy"] = json!("bob");
    plane.apply(&by_dave.to_string()).await?;
    plumbline(
        &plane,
        "alice",
        &["approve", "waiver", "of-bob", "-n", "payments", "--yes"],
    )
    .await?
    .refused("cannot create resource \"complianceapprovals\"");
    // What one has asked for oneself.
    plumbline(
        &plane,
        "bob",
        &["approve", "waiver", "of-bob", "-n", "payments", "--yes"],
    )
    .await?
    .refused("was requested by bob, which is you");
    let mut expired = waiver("expired");
    expired["spec"]["expires"] = json!("2020-01-01T00:00:00Z");
    plane.apply(&expired.to_string()).await?;
    plumbline(
        &plane,
        "bob",
        &["approve", "waiver", "expired", "-n", "payments", "--yes"],
    )
    .await?
    .refused("ComplianceWaiver payments/expired has expired: 2020-01-01T00:00:00Z");

    // What is not there, with a word on where it is.
    plumbline(&plane, "bob", &["approve", "waiver", "legacy", "--yes"])
        .await?
        .refused("there is no ClusterComplianceWaiver legacy in cluster test");
    plumbline(&plane, "bob", &["approve", "waiver", "legacy", "--yes"])
        .await?
        .refused("there is a ComplianceWaiver legacy with -n payments");
    plumbline(
        &plane,
        "bob",
        &["approve", "waiver", "nothing", "-n", "payments", "--yes"],
    )
    .await?
    .refused("there is no ComplianceWaiver nothing in namespace payments");
    plumbline(&plane, "dave", &yes)
        .await?
        .refused("ComplianceWaiver legacy cannot be read");

    // Text that would hide what is approved is spelt out.
    let mut sly = waiver("sly");
    sly["spec"]["reason"] = json!("harmless\u{1b}[2J\u{202e}");
    sly["spec"]["items"] = json!(["WL-04", "XX-99"]);
    plane.apply(&sly.to_string()).await?;
    let ran = plumbline(&plane, "bob", &["approve", "waiver", "sly", "-n", "payments"]).await?;
    assert!(ran.out.contains(r"harmless\u{1b}[2J\u{202e}"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
    assert!(ran.out.contains("XX-99   there is no such item"), "{}", ran.out);

    // One that the operator has refused for good is to be made anew.
    plumbline(&plane, "bob", &yes).await?.done();
    let approvals = raw::<ComplianceApproval>(&plane, Some("payments"));
    let approval = approvals.list(&ListParams::default()).await?.items.remove(0);
    let name = approval.metadata.name.context("it has a name")?;
    let rights = "kubectl create clusterrolebinding all --clusterrole=cluster-admin --serviceaccount=plumbline-system:plumbline";
    let rights: Vec<&str> = rights.split(' ').skip(1).collect();
    kubectl(&plane, &rights).await?;
    let operator = plane
        .service_account_client("plumbline-system", "plumbline")
        .await?;
    let condition = json!({
        "type": "Honoured", "status": "False", "reason": "Unguarded", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let as_operator: Api<ComplianceApproval> = Api::namespaced(operator, "payments");
    let patch = Patch::Merge(json!({ "status": { "conditions": [condition] } }));
    as_operator
        .patch_status(&name, &PatchParams::default(), &patch)
        .await?;
    let ran = plumbline(&plane, "bob", &yes).await?;
    let told = format!("kubectl delete complianceapprovals {name} -n payments");
    ran.refused(&told);
    kubectl(
        &plane,
        &["delete", "complianceapprovals", &name, "-n", "payments"],
    )
    .await?;
    plumbline(&plane, "bob", &yes).await?.done();
    Ok(())
}
