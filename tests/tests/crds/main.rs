//! The custom resources on a real API server.

mod candidates;
mod full_report;

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};
use plumbline_api::baseline::ComplianceBaselineSpec;
use plumbline_api::{API_VERSION, crds};
use plumbline_tests::requests::{get, send, table};
use plumbline_tests::{Component, ControlPlane, Options, eventually};
use serde_json::{Value, json};

use candidates::{approval, approvals, attestations, baselines, cluster_waivers, object, waivers};
use full_report::status;

const SOON: Duration = Duration::from_secs(30);
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const OURS: &str = "/apis/compliance.plumbline.dev/v1alpha1";

#[tokio::test]
async fn the_definitions_are_accepted_without_a_warning_and_explain_every_field() -> Result<()> {
    let plane = server().await?;
    let client = plane.admin_client();
    install(&client, &crds()).await?;
    let document = eventually("the kinds are published", SOON, async || {
        let document = get(&client, "/openapi/v3/apis/compliance.plumbline.dev/v1alpha1").await?;
        let published = crds()
            .iter()
            .all(|crd| document["components"]["schemas"].get(schema_name(crd)).is_some());
        Ok(published.then_some(document))
    })
    .await?;
    for crd in crds() {
        let schema = &document["components"]["schemas"][schema_name(&crd)];
        let unexplained = unexplained(schema, &crd.spec.names.kind);
        assert!(
            unexplained.is_empty(),
            "kubectl explain has nothing to say about {unexplained:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn rules_refuse_what_a_schema_cannot_say() -> Result<()> {
    let plane = server().await?;
    let client = plane.admin_client();
    install(&client, &crds()).await?;

    for (kind, path, candidates) in [
        ("ComplianceBaseline", "compliancebaselines", baselines()),
        (
            "ComplianceWaiver",
            "namespaces/default/compliancewaivers",
            waivers(),
        ),
        (
            "ClusterComplianceWaiver",
            "clustercompliancewaivers",
            cluster_waivers(),
        ),
        (
            "ComplianceApproval",
            "namespaces/default/complianceapprovals",
            approvals(),
        ),
        (
            "ClusterComplianceApproval",
            "clustercomplianceapprovals",
            approvals(),
        ),
        ("ComplianceAttestation", "complianceattestations", attestations()),
    ] {
        for (spec, refusal) in candidates {
            let path = format!("{OURS}/{path}?dryRun=All&fieldValidation=Strict");
            let answer = send(&client, "POST", &path, &object(kind, "candidate", &spec)).await?;
            let as_expected = match refusal {
                None => answer.is_success(),
                Some(part) => !answer.is_success() && answer.message().contains(part),
            };
            assert!(
                as_expected,
                "{kind} {spec} should give {refusal:?}, gives {answer:?}"
            );
        }
    }

    let path = format!("{OURS}/clustercomplianceapprovals");
    let first = object("ClusterComplianceApproval", "tools", &approval());
    let mut changed = send(&client, "POST", &path, &first).await?.success()?;
    changed["spec"]["approvedBy"] = json!("mallory");
    let answer = send(&client, "PUT", &format!("{path}/tools"), &changed).await?;
    assert!(
        answer.message().contains("an approval cannot be changed"),
        "{answer:?}"
    );

    let spec = json!({ "thresholds": { "patchLag": 5 } });
    let baseline = object("ComplianceBaseline", "default", &spec);
    let made = send(&client, "POST", &format!("{OURS}/compliancebaselines"), &baseline)
        .await?
        .success()?;
    let mut expected = ComplianceBaselineSpec::default();
    expected.thresholds.patch_lag = 5;
    assert_eq!(
        made["spec"],
        serde_json::to_value(expected)?,
        "the server fills in other defaults than we would"
    );
    Ok(())
}

#[tokio::test]
async fn reports_are_stored_whole_and_print_their_columns() -> Result<()> {
    let plane = server().await?;
    let client = plane.admin_client();
    install(&client, &crds()).await?;

    for (kind, namespace, path) in [
        (
            "ClusterComplianceReport",
            None,
            format!("{OURS}/clustercompliancereports"),
        ),
        (
            "ComplianceReport",
            Some("default"),
            format!("{OURS}/namespaces/default/compliancereports"),
        ),
    ] {
        let status = serde_json::to_value(status(namespace.is_none()))?;
        let report = json!({
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": { "name": "default", "namespace": namespace, "labels": { "made-by": "a-test" } },
        });
        let mut report = send(&client, "POST", &path, &report).await?.success()?;
        report["status"] = status.clone();
        let strict = format!("{path}/default/status?fieldValidation=Strict&fieldManager=plumbline");
        let stored = send(&client, "PUT", &strict, &report).await?.success()?;
        assert_eq!(stored["status"], status, "{kind}: something was lost");
        assert_eq!(
            stored["metadata"]["generation"], 1,
            "{kind}: a status is no new generation"
        );

        // An item is one value to field management, however many fields it has.
        let managed = stored["metadata"]["managedFields"].to_string().len();
        assert!(
            managed < 4096,
            "{kind}: {managed} bytes of managedFields beside {}",
            status.to_string().len()
        );

        let table = table(&client, &path).await?;
        let columns = |wide: bool| {
            let columns = table["columnDefinitions"]
                .as_array()
                .into_iter()
                .flatten()
                .zip(table["rows"][0]["cells"].as_array().into_iter().flatten());
            columns
                .filter(|(column, _)| (column["priority"] == 1) == wide && column["type"] != "date")
                .map(|(column, cell)| format!("{} {cell}", column["name"].as_str().unwrap_or_default()))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(
            columns(false),
            r#"Name "default", Compliant "False", Score 68, Fail 9, Pass 41, Waived 2, Unknown 8, Drift 1"#
        );
        assert_eq!(columns(true), "Manual 6, Attested 8, Not-Applicable 5");
    }
    Ok(())
}

/// Trivy Operator has a kind of the same name, and took the obvious short name.
#[tokio::test]
async fn they_live_beside_those_of_trivy_operator() -> Result<()> {
    let plane = server().await?;
    let client = plane.admin_client();
    let theirs: CustomResourceDefinition = serde_json::from_value(json!({
        "metadata": { "name": "clustercompliancereports.aquasecurity.github.io" },
        "spec": {
            "group": "aquasecurity.github.io",
            "names": {
                "kind": "ClusterComplianceReport",
                "listKind": "ClusterComplianceReportList",
                "plural": "clustercompliancereports",
                "shortNames": ["compliance"],
                "singular": "clustercompliancereport",
            },
            "scope": "Cluster",
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": true,
                } },
            }],
        },
    }))?;
    install(&client, &[theirs]).await?;
    install(&client, &crds()).await?;

    for group in ["aquasecurity.github.io", "compliance.plumbline.dev"] {
        let path = format!("/apis/{group}/v1alpha1/clustercompliancereports");
        let report = json!({
            "apiVersion": format!("{group}/v1alpha1"),
            "kind": "ClusterComplianceReport",
            "metadata": { "name": group },
        });
        send(&client, "POST", &path, &report).await?.success()?;
        let stored = get(&client, &path).await?;
        let names = stored["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| &item["metadata"]["name"]);
        assert_eq!(
            names.collect::<Vec<_>>(),
            [group],
            "each group has its own reports"
        );
    }
    let resources = get(&client, OURS).await?;
    let shorts = resources["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["shortNames"][0].as_str());
    let mut shorts = shorts.collect::<Vec<_>>();
    shorts.sort_unstable();
    assert_eq!(
        shorts,
        ["cap", "catt", "cbl", "ccap", "ccwv", "clcr", "cpr", "cwv"]
    );
    Ok(())
}

/// An API server and its store: nothing here needs more.
async fn server() -> Result<ControlPlane> {
    let options = [
        Component::ControllerManager,
        Component::Scheduler,
        Component::Kwok,
    ]
    .into_iter()
    .fold(Options::default(), Options::without);
    ControlPlane::start(options).await
}

/// Creates definitions and waits until their kinds are served under all their names.
async fn install(client: &Client, definitions: &[CustomResourceDefinition]) -> Result<()> {
    for definition in definitions {
        let answer = send(client, "POST", CRDS, &plumbline_api::manifest(definition)).await?;
        assert_eq!(answer.warnings, [""; 0], "{:?}", definition.metadata.name);
        answer.success()?;
    }
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    for definition in definitions {
        let name = definition.metadata.name.as_deref().context("a CRD has a name")?;
        eventually(name, SOON, async || {
            let conditions = api
                .get_status(name)
                .await?
                .status
                .and_then(|status| status.conditions);
            let holds = |type_: &str| {
                conditions
                    .iter()
                    .flatten()
                    .any(|condition| condition.type_ == type_ && condition.status == "True")
            };
            Ok((holds("Established") && holds("NamesAccepted")).then_some(()))
        })
        .await?;
    }
    Ok(())
}

fn schema_name(crd: &CustomResourceDefinition) -> String {
    format!("dev.plumbline.compliance.v1alpha1.{}", crd.spec.names.kind)
}

/// Paths of the fields under a schema that have no description.
fn unexplained(schema: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if field["description"].as_str().is_none_or(str::is_empty) {
            found.push(path.clone());
        }
        found.extend(unexplained(field, &path));
        found.extend(unexplained(&field["items"], &path));
    }
    found
}
