//! Approvals and attestations in one's own name, and in somebody else's.

use super::*;
use plumbline_tests::requests::{apply, send_as};

const APPROVER: &str = "plumbline-approved-by";
const ATTESTER: &str = "plumbline-attested-by";

#[tokio::test]
async fn nobody_approves_in_somebody_elses_name() -> Result<()> {
    let plane = guarded(server()).await?;
    let (alice, bob) = (plane.user_client("alice").await?, plane.user_client("bob").await?);
    for (path, forged, own) in [
        (APPROVALS, approval("legacy", "alice"), approval("legacy", "bob")),
        (
            CLUSTER_APPROVALS,
            cluster_approval("legacy", "alice"),
            cluster_approval("legacy", "bob"),
        ),
    ] {
        let said = "spec.approvedBy must be your own user name, bob, and is alice";
        assert_denied(&send(&bob, "POST", path, &forged).await?, APPROVER, said);
        let one = format!("{path}/legacy");
        assert_denied(&apply(&bob, &one, "kubectl", &forged).await?, APPROVER, said);
        let made = send(&bob, "POST", path, &own).await?.success()?;

        // Somebody else takes it over: by a whole object, by patches, by server-side apply with force.
        let mut other = made.clone();
        other["spec"]["approvedBy"] = json!("alice");
        let patch = json!({ "spec": { "approvedBy": "alice" } });
        let steps = json!([{ "op": "replace", "path": "/spec/approvedBy", "value": "alice" }]);
        for client in [&alice, &bob] {
            for answer in [
                send(client, "PUT", &one, &other).await?,
                send(client, "PATCH", &one, &patch).await?,
                send_as(client, "PATCH", &one, "application/json-patch+json", &steps).await?,
                apply(client, &one, "argocd-controller", &forged).await?,
            ] {
                assert_eq!(answer.code, 422, "{answer:?}");
                let said = "an approval cannot be changed; delete it and approve anew";
                assert!(answer.message().contains(said), "{answer:?}");
            }
        }
        // Nor does whoever approved it make it an approval of something else.
        let patch = json!({ "spec": { "specDigest": "cd".repeat(32) } });
        assert_eq!(send(&bob, "PATCH", &one, &patch).await?.code, 422);
        // Another manager that applies the same keeps the name.
        apply(&alice, &one, "argocd-controller", &own).await?.success()?;
        let now = get(&alice, &one).await?;
        assert_eq!(now["spec"], made["spec"]);
        assert_eq!(now["metadata"]["generation"], 1);
    }
    Ok(())
}

#[tokio::test]
async fn nobody_attests_in_somebody_elses_name() -> Result<()> {
    let plane = guarded(server()).await?;
    let (alice, bob) = (plane.user_client("alice").await?, plane.user_client("bob").await?);
    let one = format!("{ATTESTATIONS}/audit");
    let said = "spec.attestedBy must be your own user name, bob, and is alice";
    let forged = attestation("audit", "alice");
    assert_denied(&send(&bob, "POST", ATTESTATIONS, &forged).await?, ATTESTER, said);
    assert_denied(&apply(&bob, &one, "ci", &forged).await?, ATTESTER, said);
    send(&alice, "POST", ATTESTATIONS, &forged).await?.success()?;

    // Whoever edits it is the one who attests.
    for edit in [
        json!({ "statement": "checked twice" }),
        json!({ "validUntil": "2099-12-31T00:00:00Z" }),
        json!({ "scope": { "nodes": ["node-1"] } }),
        json!({ "evidence": [{ "tool": "kube-bench", "time": "2026-01-01T00:00:00Z", "failed": 0 }] }),
    ] {
        let patch = json!({ "spec": edit });
        let answer = send(&bob, "PATCH", &one, &patch).await?;
        assert_denied(&answer, ATTESTER, said);
    }
    let mut other = attestation("audit", "alice");
    other["spec"]["statement"] = json!("something else");
    assert_denied(&apply(&bob, &one, "ci", &other).await?, ATTESTER, said);
    assert_eq!(get(&alice, &one).await?["spec"]["statement"], "checked");
    other["spec"]["attestedBy"] = json!("bob");
    let now = apply(&bob, &one, "ci", &other).await?.success()?;
    assert_eq!(
        (&now["spec"]["attestedBy"], &now["spec"]["statement"]),
        (&json!("bob"), &json!("something else"))
    );
    Ok(())
}

#[tokio::test]
async fn the_right_to_approve_is_the_right_to_create() -> Result<()> {
    let plane = guarded(server()).await?;
    // A tenant may ask, and no more.
    let mallory = plane.user_client("mallory").await?;
    let waivers = format!("{OURS}/namespaces/default/compliancewaivers");
    let waiver = waiver_of("ComplianceWaiver", "legacy");
    send(&mallory, "POST", &waivers, &waiver).await?.success()?;
    assert_no_right(&send(&mallory, "POST", APPROVALS, &approval("own", "mallory")).await?);
    let (kind, own) = (CLUSTER_APPROVALS, cluster_approval("own", "mallory"));
    assert_no_right(&send(&mallory, "POST", kind, &own).await?);
    let own = attestation("own", "mallory");
    assert_no_right(&send(&mallory, "POST", ATTESTATIONS, &own).await?);
    let status = json!({ "status": { "state": "Active", "covered": 1 } });
    let path = format!("{waivers}/legacy/status");
    assert_no_right(&send(&mallory, "PATCH", &path, &status).await?);

    // A pipeline approves as what it is.
    let pipeline = plane.service_account_client("default", "pipeline").await?;
    let account = "system:serviceaccount:default:pipeline";
    let answer = send(&pipeline, "POST", APPROVALS, &approval("ci", "alice")).await?;
    assert_denied(&answer, APPROVER, account);
    let made = send(&pipeline, "POST", APPROVALS, &approval("ci", account)).await?;
    assert_eq!(made.success()?["spec"]["approvedBy"], account);

    // Nobody puts on somebody else's name without the right to impersonate. Either of them may get approvals as
    // themselves.
    let answer = plane
        .kubectl([
            "--kubeconfig",
            &plane.user_kubeconfig("bob")?.display().to_string(),
            "--as",
            "alice",
            "get",
            "complianceapprovals",
        ])
        .await?;
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(!answer.status.success() && said.contains("Forbidden"), "{said}");

    // Not even who may do everything is an exception: it is about names, not about rights.
    let admin = plane.admin_client();
    let answer = send(&admin, "POST", APPROVALS, &approval("any", "alice")).await?;
    assert_denied(&answer, APPROVER, "plumbline-tests");
    Ok(())
}

#[tokio::test]
async fn what_was_approved_can_be_taken_away_by_those_whose_work_it_is() -> Result<()> {
    let plane = guarded(
        Options::default()
            .without(Component::Scheduler)
            .without(Component::Kwok),
    )
    .await?;
    let bob = plane.user_client("bob").await?;
    kubectl(&plane, &["create", "namespace", "shop"]).await?;
    let of_shop = format!("{OURS}/namespaces/shop/complianceapprovals");
    for name in ["foreground", "orphan", "left"] {
        send(&bob, "POST", &of_shop, &approval(name, "bob"))
            .await?
            .success()?;
    }
    send(&bob, "POST", ATTESTATIONS, &attestation("done", "bob"))
        .await?
        .success()?;

    // The garbage collector takes out the finalizers of these in its own name.
    let alice = plane.user_client("alice").await?;
    for (path, policy) in [
        (format!("{of_shop}/foreground"), "Foreground"),
        (format!("{of_shop}/orphan"), "Orphan"),
        (format!("{ATTESTATIONS}/done"), "Foreground"),
    ] {
        let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy });
        send(&alice, "DELETE", &path, &options).await?.success()?;
        eventually(&format!("{path} is gone"), SOON, || async {
            let answer = send(&alice, "GET", &path, &Value::Null).await?;
            Ok((answer.code == 404).then_some(()))
        })
        .await?;
    }
    // And a namespace goes with the approvals in it.
    kubectl(&plane, &["delete", "namespace", "shop", "--timeout=60s"]).await?;
    Ok(())
}
