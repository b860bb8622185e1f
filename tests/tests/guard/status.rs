//! What waivers, approvals and attestations are worth is the operator's to say.

use super::*;
use plumbline_tests::requests::apply;

const WRITER: &str = "plumbline-status-writer";

/// The kinds whose status is guarded: path, an object in the name of `forger`, a status.
fn guarded_kinds() -> [(String, Value, Value); 5] {
    let honoured = json!({ "conditions": [condition("Honoured", "Approved")] });
    let active = json!({ "state": "Active", "covered": 1, "conditions": [condition("Active", "Approved")] });
    let attested = json!({ "state": "Active", "conditions": [condition("Active", "Accepted")] });
    let in_default = |plural: &str| format!("{OURS}/namespaces/default/{plural}");
    [
        (
            in_default("compliancewaivers"),
            waiver_of("ComplianceWaiver", "one"),
            active.clone(),
        ),
        (
            format!("{OURS}/clustercompliancewaivers"),
            cluster_waiver("one"),
            active,
        ),
        (APPROVALS.to_owned(), approval("one", "forger"), honoured.clone()),
        (
            CLUSTER_APPROVALS.to_owned(),
            cluster_approval("one", "forger"),
            honoured,
        ),
        (ATTESTATIONS.to_owned(), attestation("one", "forger"), attested),
    ]
}

fn condition(type_: &str, reason: &str) -> Value {
    json!({
        "type": type_, "status": "True", "reason": reason, "message": "so it is said",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

#[tokio::test]
async fn a_status_is_written_by_the_operator_alone() -> Result<()> {
    let plane = guarded(server()).await?;
    let forger = plane.user_client("forger").await?;
    let operator = plane
        .service_account_client("plumbline-system", "plumbline")
        .await?;
    for (path, mut new, status) in guarded_kinds() {
        // What is said when an object is made is dropped.
        new["status"] = status.clone();
        let made = send(&forger, "POST", &path, &new).await?.success()?;
        assert_eq!(made["status"], Value::Null, "{path}");

        let one = format!("{path}/one");
        let of_status = format!("{one}/status");
        let mut whole = made.clone();
        whole["status"] = status.clone();
        let patch = json!({ "status": status });
        let mut applied = new.clone();
        applied.as_object_mut().context("it is an object")?.remove("spec");
        let said = "only Plumbline's operator, system:serviceaccount:plumbline-system:plumbline, writes this status, \
                    and not forger";
        for answer in [
            send(&forger, "PUT", &of_status, &whole).await?,
            send(&forger, "PATCH", &of_status, &patch).await?,
            apply(&forger, &of_status, "plumbline", &applied).await?,
        ] {
            assert_denied(&answer, WRITER, said);
        }
        // By the object itself it does not arrive either.
        send(&forger, "PUT", &one, &whole).await?.success()?;
        assert_eq!(get(&forger, &one).await?["status"], Value::Null, "{path}");

        let written = send(&operator, "PATCH", &of_status, &patch).await?.success()?;
        assert_eq!(written["status"], status, "{path}");
        let mut whole = written.clone();
        whole["status"]["observedGeneration"] = json!(1);
        send(&operator, "PUT", &of_status, &whole).await?.success()?;

        // Nor does anybody take out what stands there.
        let nothing = json!({ "status": null });
        let answer = send(&forger, "PATCH", &of_status, &nothing).await?;
        assert_denied(&answer, WRITER, "forger");
        assert_eq!(get(&forger, &one).await?["status"]["observedGeneration"], 1);
    }
    Ok(())
}

#[tokio::test]
async fn an_install_elsewhere_patches_the_account_in_one_place() -> Result<()> {
    let plane = guarded(server()).await?;
    let text = std::fs::read_to_string(config("policies/status-writer.yaml"))?;
    let field = text
        .lines()
        .find_map(|line| line.strip_prefix("#         path: "))
        .context("the comment says what to patch")?;
    let steps = json!([{ "op": "replace", "path": field, "value": "'forger'" }]).to_string();
    kubectl(
        &plane,
        &[
            "patch",
            "validatingadmissionpolicy",
            WRITER,
            "--type=json",
            "-p",
            &steps,
        ],
    )
    .await?;
    let forger = plane.user_client("forger").await?;
    let (path, new, status) = guarded_kinds().into_iter().next().context("there are kinds")?;
    send(&forger, "POST", &path, &new).await?.success()?;
    eventually("the other account writes", SOON, || async {
        let path = format!("{path}/one/status");
        let answer = send(&forger, "PATCH", &path, &json!({ "status": status })).await?;
        Ok((answer.code == 200).then_some(()))
    })
    .await?;
    let operator = plane
        .service_account_client("plumbline-system", "plumbline")
        .await?;
    let answer = send(
        &operator,
        "PATCH",
        &format!("{path}/one/status"),
        &json!({ "status": { "covered": 7 } }),
    )
    .await?;
    assert_denied(&answer, WRITER, "only Plumbline's operator, forger");
    Ok(())
}
