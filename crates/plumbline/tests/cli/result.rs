//! The result as programs read it.

use serde_json::{Value, json};

use crate::{check, folder, plumbline, pod, shop};

#[test]
fn the_shape_is_the_contract() {
    let system = pod("b", true).replace("name: b", "name: b, namespace: kube-system");
    let folder = folder(&[(
        "a.yaml",
        &format!("---\n{}---\n{system}---\na: [\n", pod("a", true)),
    )]);
    let ran = check(&folder, &[]);
    let wanted = json!({
        "apiVersion": "compliance.plumbline.dev/v1alpha1",
        "kind": "CheckResult",
        "summary": {
            "total": 1, "pass": 0, "fail": 1, "waived": 0, "attested": 0, "needsAttestation": 0,
            "notApplicable": 0, "unknown": 0, "drifted": 0, "score": 0,
        },
        "items": [{
            "id": "WL-04",
            "status": "Fail",
            "reason": "PrivilegedContainer",
            "message": "1 of 2 workloads runs privileged containers, in 1 namespace",
            "evaluated": 2,
            "failing": 1,
            "waived": 1,
            "inactive": 0,
            "findings": [
                {
                    "object": {"apiVersion": "v1", "kind": "Pod", "namespace": "default", "name": "a"},
                    "container": "app",
                    "severity": "critical",
                    "message": "securityContext.privileged is true",
                    "file": "./a.yaml",
                    "line": 2,
                },
                {
                    "object": {"apiVersion": "v1", "kind": "Pod", "namespace": "kube-system", "name": "b"},
                    "container": "app",
                    "severity": "critical",
                    "message": "securityContext.privileged is true",
                    "file": "./a.yaml",
                    "line": 7,
                    "waived": "SystemNamespace",
                },
            ],
        }],
        "errors": [{
            "file": "./a.yaml",
            "document": 3,
            "line": 12,
            "message": "is no valid YAML: unclosed bracket '['",
        }],
    });
    assert_eq!(ran.json(), wanted);
}

#[test]
fn yaml_says_what_json_says() {
    let shop = shop();
    let run = |output| plumbline(&shop, &["check", "-f", "shop", "-o", output]);
    let yaml: Value = serde_saphyr::from_str(&run("yaml").out).unwrap();
    assert_eq!(yaml, run("json").json());
}

#[test]
fn every_item_is_listed_in_the_order_of_the_checklist() {
    let result = plumbline(&shop(), &["check", "-f", "shop", "-o", "json"]).json();
    let ids: Vec<&str> = result["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    let known: Vec<&str> = plumbline_baseline::ITEMS.iter().map(|item| item.id).collect();
    assert_eq!(ids, known);
    assert_eq!(result["summary"]["total"], known.len());
}

#[test]
fn every_finding_is_there() {
    let pods: Vec<String> = (0..300).map(|number| pod(&format!("p{number}"), true)).collect();
    let item = check(&crate::file(&pods.join("---\n")), &[]).item("WL-04");
    assert_eq!(item["findings"].as_array().unwrap().len(), 300);
}

#[test]
fn the_same_input_gives_the_same_bytes_and_the_order_of_files_does_not_matter() {
    let shop = shop();
    let run = |files: &[&str]| {
        let mut arguments = vec!["check", "-o", "json"];
        arguments.extend(files.iter().flat_map(|file| ["-f", file]));
        plumbline(&shop, &arguments).out
    };
    let files = [
        "shop/agent.yml",
        "shop/frontend.yaml",
        "shop/namespaces.yaml",
        "shop/payments/ledger.yaml",
        "shop/payments/rbac.json",
    ];
    let reversed: Vec<&str> = files.iter().rev().copied().collect();
    assert_eq!(run(&files), run(&files));
    assert_eq!(run(&files), run(&reversed));
    assert_eq!(run(&files), run(&["shop"]));
}

#[test]
fn realistic_manifests_get_the_verdicts_that_they_deserve() {
    let ran = plumbline(&shop(), &["check", "-f", "shop", "-o", "json"]);
    assert_eq!((ran.code, ran.errors()), (0, vec![]));
    let names = |id: &str| -> Vec<String> {
        let item = ran.item(id);
        let findings = item["findings"].as_array().unwrap().iter();
        let mut names: Vec<String> = findings
            .map(|finding| finding["object"]["name"].as_str().unwrap().to_owned())
            .collect();
        names.dedup();
        names
    };
    assert_eq!(names("WL-04"), ["node-agent"]);
    assert_eq!(names("WL-07"), ["node-agent"]);
    assert_eq!(names("WL-05"), ["ledger", "nightly-export", "node-agent"]);
    assert_eq!(ran.item("WL-08")["status"], "Pass");
}
