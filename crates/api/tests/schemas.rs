//! What holds for the schema of every kind, checked by a lint over the generated definitions.

#[path = "schemas/lint.rs"]
mod lint;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition;
use plumbline_api::{crds, manifest};
use serde_json::{Value, json};

use lint::lint;

#[test]
fn every_schema_keeps_the_rules() {
    let complaints = crds()
        .iter()
        .flat_map(|crd| {
            let kind = &crd.spec.names.kind;
            lint(&schema(&manifest(crd)))
                .into_iter()
                .map(move |complaint| format!("{kind}{complaint}"))
        })
        .collect::<Vec<_>>();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[derive(serde::Deserialize)]
struct Bad {
    complaint: String,
    schema: Value,
}

#[test]
fn a_bad_schema_is_noticed() {
    let cases: Vec<Bad> = serde_saphyr::from_str(include_str!("schemas/bad.yaml")).expect("the file is YAML");
    for Bad { complaint, schema } in cases {
        let kind = json!({ "type": "object", "description": "A kind.", "properties": { "spec": schema } });
        let complaints = lint(&kind);
        assert!(
            complaints.len() == 1 && complaints[0].ends_with(&format!(": {complaint}")),
            "expected {complaint:?}, got {complaints:?} for {schema:#}",
        );
    }
}

#[test]
fn the_list_maps_are_those_of_the_contract() {
    let lists = crds()
        .iter()
        .flat_map(|crd| list_maps(&schema(&manifest(crd)), ""))
        .collect::<Vec<_>>();
    for (path, keys) in lists {
        let expected = match path.rsplit('.').next() {
            Some("conditions") => json!(["type"]),
            Some("items") => json!(["id"]),
            Some("coverage") => json!(["group", "kind"]),
            _ => panic!("{path} is a list map"),
        };
        assert_eq!(keys, expected, "{path}");
    }
}

#[test]
fn a_namespaced_report_knows_nothing_of_the_cluster() {
    let report = |kind: &str| {
        let crd = crds()
            .into_iter()
            .find(|crd| crd.spec.names.kind == kind)
            .expect("there is such a kind");
        schema(&manifest(&crd))["properties"]["status"]["properties"].take()
    };
    let (mut cluster, mut namespaced) = (report("ClusterComplianceReport"), report("ComplianceReport"));
    assert_eq!(namespaced["history"]["maxItems"].take(), json!(10));
    assert_eq!(cluster["history"]["maxItems"].take(), json!(50));
    for field in ["clusterID", "coverage"] {
        cluster
            .as_object_mut()
            .and_then(|fields| fields.remove(field))
            .expect("the cluster's own");
    }
    for field in ["title", "level", "severity"] {
        cluster["items"]["items"]["properties"]
            .as_object_mut()
            .and_then(|fields| fields.remove(field))
            .expect("the cluster's own");
    }
    assert_eq!(namespaced, cluster);
}

#[test]
fn a_namespaced_waiver_chooses_no_namespaces() {
    for (kind, chooses) in [("ComplianceWaiver", false), ("ClusterComplianceWaiver", true)] {
        let crd = crds()
            .into_iter()
            .find(|crd| crd.spec.names.kind == kind)
            .expect("there is such a kind");
        let scope = schema(&manifest(&crd))["properties"]["spec"]["properties"]["scope"]["properties"].take();
        for field in ["namespaces", "namespaceSelector"] {
            assert_eq!(scope.get(field).is_some(), chooses, "{kind} {field}");
        }
    }
}

#[test]
fn the_names_are_those_of_the_contract() {
    let names = crds()
        .into_iter()
        .map(|crd| {
            assert_eq!(crd.spec.group, plumbline_api::GROUP);
            assert_eq!(
                crd.spec.names.categories.as_deref(),
                Some(["plumbline".to_owned()].as_slice())
            );
            let [version] = crd.spec.versions.as_slice() else {
                panic!("one version")
            };
            assert_eq!(version.name, plumbline_api::VERSION);
            assert!(
                version
                    .subresources
                    .as_ref()
                    .is_some_and(|subresources| subresources.status.is_some())
            );
            let names = crd.spec.names;
            let short = names.short_names.unwrap_or_default().join(",");
            format!("{} {} {} {short}", crd.spec.scope, names.kind, names.plural)
        })
        .collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "Cluster ComplianceBaseline compliancebaselines cbl",
            "Cluster ClusterComplianceReport clustercompliancereports clcr",
            "Namespaced ComplianceReport compliancereports cpr",
            "Namespaced ComplianceWaiver compliancewaivers cwv",
            "Cluster ClusterComplianceWaiver clustercompliancewaivers ccwv",
            "Namespaced ComplianceApproval complianceapprovals cap",
            "Cluster ClusterComplianceApproval clustercomplianceapprovals ccap",
            "Cluster ComplianceAttestation complianceattestations catt",
        ]
    );
}

#[test]
fn reports_print_the_columns_of_the_contract() {
    for kind in ["ClusterComplianceReport", "ComplianceReport"] {
        let crd = crds()
            .into_iter()
            .find(|crd| crd.spec.names.kind == kind)
            .expect("there is such a kind");
        let columns = crd.spec.versions[0]
            .additional_printer_columns
            .as_deref()
            .unwrap_or_default();
        let (wide, always): (Vec<_>, Vec<_>) = columns.iter().partition(|column| column.priority == Some(1));
        let names = |columns: Vec<&CustomResourceColumnDefinition>| {
            columns
                .iter()
                .map(|column| column.name.to_uppercase())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            names(always),
            "COMPLIANT SCORE FAIL PASS WAIVED UNKNOWN DRIFT EVALUATED AGE"
        );
        assert_eq!(names(wide), "MANUAL ATTESTED NOT-APPLICABLE");
    }
}

fn schema(manifest: &Value) -> Value {
    manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Path and keys of every list map under a schema.
fn list_maps(schema: &Value, path: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    if schema["x-kubernetes-list-type"] == "map" {
        found.push((path.to_owned(), schema["x-kubernetes-list-map-keys"].clone()));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.extend(list_maps(property, &format!("{path}.{name}")));
    }
    if schema["items"].is_object() {
        found.extend(list_maps(&schema["items"], path));
    }
    found
}
