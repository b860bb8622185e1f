//! The custom resources on a real API server.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::client::Body;
use kube::{Api, Client};
use plumbline_api::baseline::ComplianceBaselineSpec;
use plumbline_api::conditions::{CompliantReason, Reason as _};
use plumbline_api::coverage::{InputCoverage, InputState};
use plumbline_api::history::{MAX_HISTORY_NAMESPACE, Reference, ReferenceItem, ReferenceKind, Transition};
use plumbline_api::item::{MissingEvidence, NamespaceCount};
use plumbline_api::report::{BaselineRef, Summary, WaiverCounts};
use plumbline_api::{
    API_VERSION, Drift, Finding, ItemResult, ItemStatus, Level, ReportStatus, Severity, crds,
};
use plumbline_tests::{Component, ControlPlane, Options, eventually};
use serde_json::{Value, json};

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

/// What the API server says to a request.
#[derive(Debug)]
struct Answer {
    code: u16,
    warnings: Vec<String>,
    body: Value,
}

impl Answer {
    fn is_success(&self) -> bool {
        self.code < 300
    }

    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    fn success(self) -> Result<Value> {
        ensure!(self.is_success(), "{} {}", self.code, self.message());
        Ok(self.body)
    }
}

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Result<Answer> {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(serde_json::to_vec(body)?))?;
    let (head, body) = client.send(request).await?.into_parts();
    let warnings = head
        .headers
        .get_all("warning")
        .iter()
        .map(|warning| warning.to_str().map(str::to_owned));
    Ok(Answer {
        code: head.status.as_u16(),
        warnings: warnings.collect::<Result<_, _>>()?,
        body: serde_json::from_slice(&body.collect_bytes().await?)?,
    })
}

async fn get(client: &Client, path: &str) -> Result<Value> {
    Ok(client.request(http::Request::get(path).body(Vec::new())?).await?)
}

/// A list as `kubectl get` asks for it.
async fn table(client: &Client, path: &str) -> Result<Value> {
    let request = http::Request::get(path)
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())?;
    Ok(client.request(request).await?)
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

/// A spec, and a part of the message if it should be refused.
type Candidate = (Value, Option<&'static str>);

fn baselines() -> Vec<Candidate> {
    let item = |item: Value| json!({ "items": [item] });
    let selector =
        |requirement: Value| json!({ "productionSelector": { "matchExpressions": [requirement] } });
    let selector_rule = Some("In and NotIn need values");
    vec![
        (json!({}), None),
        (json!({ "treshold": {} }), Some("unknown field")),
        (
            json!({ "thresholds": { "maxPorts": -1 } }),
            Some("greater than or equal to 0"),
        ),
        (item(json!({ "id": "XX-99" })), None),
        (
            item(json!({ "id": "WL-04", "enabled": false, "reason": "it is so" })),
            None,
        ),
        (
            item(json!({ "id": "WL-04", "enabled": false })),
            Some("a disabled item needs a reason"),
        ),
        (
            json!({ "items": [{ "id": "WL-04" }, { "id": "WL-04" }] }),
            Some("Duplicate value"),
        ),
        (selector(json!({ "key": "a", "operator": "Exists" })), None),
        (
            selector(json!({ "key": "a", "operator": "In", "values": ["b"] })),
            None,
        ),
        (selector(json!({ "key": "a", "operator": "In" })), selector_rule),
        (
            selector(json!({ "key": "a", "operator": "NotIn", "values": [] })),
            selector_rule,
        ),
        (
            selector(json!({ "key": "a", "operator": "Exists", "values": ["b"] })),
            selector_rule,
        ),
    ]
}

fn waivers() -> Vec<Candidate> {
    vec![
        (waiver(json!({})), None),
        (
            waiver(json!({ "items": [] })),
            Some("should have at least 1 items"),
        ),
        (
            waiver(json!({ "items": ["WL-04", "WL-04"] })),
            Some("Duplicate value"),
        ),
        (
            waiver(json!({ "expires": null })),
            Some("expires: Required value"),
        ),
        (waiver(json!({ "expires": "tomorrow" })), Some("date-time")),
        (
            waiver(json!({ "scope": { "namespaces": ["a"] } })),
            Some("unknown field"),
        ),
        (
            waiver(json!({ "scope": { "labelSelector": {} } })),
            Some("should have at least 1 properties"),
        ),
    ]
}

fn cluster_waivers() -> Vec<Candidate> {
    let selector = json!({ "matchLabels": { "a": "b" } });
    vec![
        (waiver(json!({ "scope": { "namespaces": ["a"] } })), None),
        (
            waiver(json!({ "scope": { "namespaceSelector": selector } })),
            None,
        ),
        (
            waiver(json!({ "scope": { "namespaces": ["a"], "namespaceSelector": selector } })),
            Some("namespaces and namespaceSelector exclude each other"),
        ),
    ]
}

fn approvals() -> Vec<Candidate> {
    vec![
        (approval(), None),
        (
            with(approval(), json!({ "specDigest": "ABC" })),
            Some("specDigest"),
        ),
    ]
}

fn attestations() -> Vec<Candidate> {
    let attestation = |fields: Value| {
        let base = json!({ "items": ["AU-03a"], "attestedBy": "bob", "validUntil": "2027-05-01T00:00:00Z" });
        with(base, fields)
    };
    let evidence = json!([{ "tool": "kube-bench", "time": "2026-11-23T02:00:00Z" }]);
    let rule = Some("an attestation needs a statement or evidence");
    vec![
        (attestation(json!({ "statement": "it is so" })), None),
        (attestation(json!({ "evidence": evidence })), None),
        (attestation(json!({})), rule),
        (attestation(json!({ "evidence": [] })), rule),
    ]
}

fn waiver(fields: Value) -> Value {
    let base = json!({
        "items": ["WL-04"],
        "reason": "it is known",
        "requestedBy": "bob",
        "expires": "2027-05-01T00:00:00Z",
    });
    with(base, fields)
}

fn approval() -> Value {
    json!({
        "waiver": { "name": "tools", "uid": "9a0b2c4d-1111-4222-8333-444455556666" },
        "specDigest": "0123456789abcdef".repeat(4),
        "approvedBy": "carol",
    })
}

/// An object with some fields in place of its own.
fn with(mut base: Value, fields: Value) -> Value {
    if let (Value::Object(base), Value::Object(fields)) = (&mut base, fields) {
        base.extend(fields);
    }
    base
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// A status in which every field has a value, with as many items as the baseline has.
fn status(of_cluster: bool) -> ReportStatus {
    let time = || Time(Timestamp::from_second(1_795_600_000).expect("in range"));
    let ids = (0..79).map(|number| format!("XX-{number:02}"));
    ReportStatus {
        observed_generation: Some(1),
        baseline: Some(BaselineRef {
            name: "default".into(),
            uid: "some-uid".into(),
            generation: 3,
        }),
        cluster_id: of_cluster.then(|| "some-uid".into()),
        last_evaluated: Some(time()),
        conditions: vec![CompliantReason::RequirementsFailed.condition("9 items fail", 1, &time())],
        summary: Some(Summary {
            total: 79,
            pass: 41,
            fail: 9,
            waived: 2,
            attested: 8,
            needs_attestation: 6,
            not_applicable: 5,
            unknown: 8,
            drifted: 1,
            score: Some(68),
        }),
        items: ids.clone().map(|id| item(id, of_cluster, time())).collect(),
        reference: Some(Reference {
            kind: ReferenceKind::Pin,
            time: time(),
            by: Some("carol".into()),
            items: ids
                .map(|id| ReferenceItem {
                    id,
                    status: ItemStatus::Pass,
                    failing: 1,
                    digest: "0123456789abcdef".into(),
                })
                .collect(),
        }),
        history: vec![
            Transition {
                time: time(),
                item: "XX-01".into(),
                from: ItemStatus::Pass,
                to: ItemStatus::Fail,
                cause: "Deployment payments/agent".into(),
            };
            MAX_HISTORY_NAMESPACE
        ],
        coverage: if of_cluster { coverage(&time()) } else { Vec::new() },
        waivers: Some(WaiverCounts {
            active: 2,
            pending: 1,
            expiring_soon: 1,
            expired: 1,
            unused: 0,
            rejected: 0,
        }),
    }
}

fn coverage(time: &Time) -> Vec<InputCoverage> {
    [
        ("", "Pod", InputState::Synced),
        ("apps", "Deployment", InputState::Forbidden),
    ]
    .map(|(group, kind, state)| InputCoverage {
        group: group.into(),
        kind: kind.into(),
        objects: 1403,
        state,
        undecodable: 0,
        last_sync: Some(time.clone()),
    })
    .into()
}

fn item(id: String, of_cluster: bool, since: Time) -> ItemResult {
    ItemResult {
        id,
        title: of_cluster.then(|| "No privileged containers".into()),
        level: of_cluster.then_some(Level::Required),
        severity: of_cluster.then_some(Severity::Critical),
        status: ItemStatus::Fail,
        reason: "PrivilegedContainer".into(),
        message: "3 of 118 workloads run privileged containers, in 2 namespaces".into(),
        evaluated: 118,
        failing: 3,
        waived: 1,
        inactive: 4,
        pods: 12,
        findings: 4,
        since,
        drift: Drift::Regressed,
        failing_change: Some(2),
        namespaces: vec![NamespaceCount {
            name: "payments".into(),
            failing: 3,
        }],
        sample: vec![Finding {
            kind: "Deployment".into(),
            namespace: Some("payments".into()),
            name: "agent".into(),
            container: Some("agent".into()),
            subject: Some("ServiceAccount/payments/agent".into()),
            role: Some("ClusterRole/admin".into()),
            severity: Severity::Critical,
            message: "securityContext.privileged is true".into(),
            waived: Some("SystemNamespace".into()),
        }],
        more: 3,
        missing_evidence: vec![MissingEvidence {
            source: "flags".into(),
            grant: "read /flagz".into(),
        }],
    }
}
