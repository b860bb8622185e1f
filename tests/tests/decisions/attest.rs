//! `plumbline attest`, as far as it takes a cluster.

use plumbline_api::ComplianceAttestation;
use plumbline_inventory::digest::sha256;

use super::*;

#[tokio::test]
async fn a_tools_result_is_attested_in_ones_own_name() -> Result<()> {
    let plane = install().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("junit.xml");
    let junit =
        r#"<testsuite name="kube-bench" timestamp="2026-01-02T03:04:05"><testcase name="a"/></testsuite>"#;
    std::fs::write(&file, junit)?;
    let file = file.display().to_string();
    let arguments = [
        "attest",
        "AU-03a",
        "--from",
        &file,
        "--name",
        "audit",
        "--valid-until",
        "2099-01-01",
    ];
    let trial = [&arguments[..], &["--dry-run"]].concat();
    let out = plumbline(&plane, "bob", &trial).await?.done();
    assert!(
        out.contains("ComplianceAttestation audit would be created"),
        "{out}"
    );
    let attestations = raw::<ComplianceAttestation>(&plane, None);
    assert!(attestations.get_opt("audit").await?.is_none());

    let out = plumbline(&plane, "bob", &arguments).await?.done();
    let told = "ComplianceAttestation audit created; by bob, valid until 2099-01-01T00:00:00Z.\n";
    assert_eq!(out, told);
    assert_eq!(
        attestations.get("audit").await?.data["spec"],
        json!({
            "items": ["AU-03a"],
            "attestedBy": "bob",
            "validUntil": "2099-01-01T00:00:00Z",
            "evidence": [{
                "tool": "kube-bench", "time": "2026-01-02T03:04:05Z", "passed": 1, "failed": 0,
                "digest": format!("sha256:{}", sha256(junit.as_bytes())),
            }],
        })
    );
    let out = plumbline(&plane, "bob", &arguments).await?.done();
    assert!(out.contains("is there already"), "{out}");
    plumbline(&plane, "carol", &arguments)
        .await?
        .refused("there is another ComplianceAttestation audit");
    plumbline(&plane, "alice", &arguments)
        .await?
        .refused("cannot create resource \"complianceattestations\"");

    // Made in one name and applied in another.
    let forged = [&arguments[..6], &["--as", "carol", "-o", "yaml"]].concat();
    let forged: Vec<&str> = forged
        .iter()
        .map(|word| if *word == "audit" { "forged" } else { word })
        .collect();
    let text = plumbline(&plane, "bob", &forged).await?.done();
    let error = plane.apply(&text).await.unwrap_err().to_string();
    assert!(error.contains("plumbline-attested-by"), "{error}");
    Ok(())
}
