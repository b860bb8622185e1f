//! What gets through while the policies are not what they should be: the reason why the operator looks at them.

use super::*;

const POLICIES: [&str; 3] = [
    "plumbline-approved-by",
    "plumbline-attested-by",
    "plumbline-status-writer",
];

#[tokio::test]
async fn what_is_stored_is_what_is_shipped() -> Result<()> {
    let plane = guarded(server()).await?;
    let shipped = kubectl(&plane, &["kustomize", &config("policies")]).await?;
    let mut compared = 0;
    for document in shipped.split("\n---\n") {
        let shipped: Value = serde_saphyr::from_str(document)?;
        let word = |path: &str| shipped.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (kind, name) = (word("/kind"), word("/metadata/name"));
        assert!(POLICIES.contains(&name), "{name}");
        let stored = kubectl(&plane, &["get", kind, name, "-o", "json"]).await?;
        let stored: Value = serde_json::from_str(&stored)?;
        // No field is filled in, so that a comparison needs no knowledge of defaults.
        assert_eq!(stored["spec"], shipped["spec"], "{kind} {name}");
        compared += 1;
    }
    assert_eq!(compared, 2 * POLICIES.len());
    Ok(())
}

#[tokio::test]
async fn without_the_policies_everybody_approves_for_everybody() -> Result<()> {
    let plane = guarded(server()).await?;
    let bob = plane.user_client("bob").await?;
    for (how, kind, patch) in [
        (
            "warn",
            "validatingadmissionpolicybinding",
            r#"{"spec":{"validationActions":["Warn"]}}"#,
        ),
        (
            "altered",
            "validatingadmissionpolicy",
            r#"{"spec":{"validations":[{"expression":"true"}]}}"#,
        ),
    ] {
        for name in &POLICIES[..2] {
            kubectl(&plane, &["patch", kind, name, "--type=merge", "-p", patch]).await?;
        }
        gets_through(&plane, &bob, how, how == "warn").await?;
        kubectl(&plane, &["apply", "-k", &config("policies")]).await?;
        is_denied(&bob).await?;
    }
    for (how, kind) in [
        ("unbound", "validatingadmissionpolicybinding"),
        ("missing", "validatingadmissionpolicy"),
    ] {
        kubectl(&plane, &["delete", kind, POLICIES[0], POLICIES[1]]).await?;
        gets_through(&plane, &bob, how, false).await?;
        kubectl(&plane, &["apply", "-k", &config("policies")]).await?;
        is_denied(&bob).await?;
    }
    Ok(())
}

/// What `bob` makes in the name of `carol` is accepted, with a warning or without.
async fn gets_through(plane: &ControlPlane, bob: &Client, how: &str, warned: bool) -> Result<()> {
    for (path, mut forged) in forgeries() {
        forged["metadata"]["name"] = json!(how);
        let forged = &forged;
        let answer = eventually(&format!("{how}: {path} is open"), SOON, || async {
            let answer = send(bob, "POST", path, forged).await?;
            Ok((answer.code == 201).then_some(answer))
        })
        .await?;
        assert_eq!(!answer.warnings.is_empty(), warned, "{how}: {answer:?}");
        let stored = get(&plane.admin_client(), &format!("{path}/{how}")).await?;
        let spec = &stored["spec"];
        let by = spec.get("approvedBy").or_else(|| spec.get("attestedBy"));
        assert_eq!(by, Some(&json!("carol")), "{how}");
    }
    Ok(())
}

async fn is_denied(bob: &Client) -> Result<()> {
    for (path, forged) in forgeries() {
        let trial = format!("{path}?dryRun=All");
        let forged = &forged;
        eventually(&format!("{path} is guarded again"), SOON, || async {
            let answer = send(bob, "POST", &trial, forged).await?;
            Ok((answer.code == 403).then_some(()))
        })
        .await?;
    }
    Ok(())
}
