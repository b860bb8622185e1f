//! `plumbline pin`.

use plumbline_api::ComplianceBaseline;

use super::*;

#[tokio::test]
async fn a_pin_is_set_and_taken_out_and_nothing_else_changes() -> Result<()> {
    let plane = install().await?;
    plumbline(&plane, "bob", &["pin"])
        .await?
        .refused("there is no ComplianceBaseline default in cluster test");
    let baseline = json!({
        "apiVersion": "compliance.plumbline.dev/v1alpha1", "kind": "ComplianceBaseline",
        "metadata": { "name": "default" }, "spec": { "infrastructureNamespaces": ["ingress"] },
    });
    plane.apply(&baseline.to_string()).await?;
    let baselines = raw::<ComplianceBaseline>(&plane, None);
    let spec = async || Ok::<_, anyhow::Error>(baselines.get("default").await?.data["spec"].clone());
    let before = spec().await?;

    let out = plumbline(&plane, "bob", &["pin"]).await?.done();
    let pinned = spec().await?;
    assert_eq!(pinned["pin"]["by"], "bob");
    let time = pinned["pin"]["time"].as_str().context("there is a time")?;
    assert_eq!(
        out,
        format!("ComplianceBaseline default is pinned as of {time}, by bob.\n")
    );
    let mut rest = pinned.clone();
    rest.as_object_mut().context("it is an object")?.remove("pin");
    assert_eq!(rest, before);

    plumbline_as_admin(&plane, &["pin", "--as", "carol"])
        .await?
        .done();
    assert_eq!(spec().await?["pin"]["by"], "carol");
    plumbline(&plane, "bob", &["pin", "--clear"]).await?.done();
    assert_eq!(spec().await?, before);

    plumbline(&plane, "alice", &["pin"])
        .await?
        .refused("cannot patch resource \"compliancebaselines\"");
    plumbline(&plane, "bob", &["pin", "--baseline", "other"])
        .await?
        .refused("there is no ComplianceBaseline other");
    Ok(())
}
