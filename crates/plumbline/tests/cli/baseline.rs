//! The baseline that a check goes by.

use crate::{Ran, folder, plumbline, pod};

/// Checks a privileged pod and one in `kube-system`, with this spec of a baseline in a file.
fn checked(spec: &str) -> Ran {
    let baseline = format!(
        "apiVersion: compliance.plumbline.dev/v1alpha1\nkind: ComplianceBaseline\nmetadata: {{name: ours}}\nspec: {spec}\n"
    );
    let system = pod("b", true).replace("name: b", "name: b, namespace: kube-system");
    let folder = folder(&[
        ("pods/a.yaml", &pod("a", true)),
        ("pods/b.yaml", &system),
        ("baseline.yaml", &baseline),
    ]);
    let arguments = [
        "check",
        "-f",
        "pods",
        "-o",
        "json",
        "--baseline",
        "baseline.yaml",
        "--fail-on",
        "fail",
        "--items",
        "WL-04",
    ];
    plumbline(folder.path(), &arguments)
}

#[test]
fn overrides_and_parameters_hold() {
    let ran =
        checked("{items: [{id: WL-04, severity: low, level: recommended}], systemNamespaces: [default]}");
    assert_eq!(ran.code, 0, "a recommended item fails: {}", ran.err);
    let item = ran.item("WL-04");
    let findings = item["findings"].as_array().unwrap();
    assert_eq!(findings[0]["severity"], "low");
    assert_eq!(findings[0]["object"]["namespace"], "kube-system");
    assert_eq!(findings[1]["waived"], "SystemNamespace");
}

#[test]
fn a_disabled_item_says_why() {
    let item = checked("{items: [{id: WL-04, enabled: false, reason: a build cluster}]}").item("WL-04");
    assert_eq!(
        (item["status"].as_str(), item["reason"].as_str()),
        (Some("NotApplicable"), Some("Disabled"))
    );
    assert!(item["message"].as_str().unwrap().contains("a build cluster"));
}

#[test]
fn what_the_api_server_would_refuse_is_refused() {
    for (spec, wanted) in [
        (
            "{items: [{id: WL-04, enabled: false}]}",
            "disables WL-04 without a reason",
        ),
        ("{items: [{id: WL-04, level: must}]}", "must"),
        ("[]", "cannot be read"),
    ] {
        let ran = checked(spec);
        assert_eq!(ran.code, 2, "{spec}");
        assert!(
            ran.err.contains(wanted) && ran.err.contains("baseline.yaml:1"),
            "{spec}: {}",
            ran.err
        );
    }
}

#[test]
fn unknown_items_and_fields_are_told_and_the_rest_honoured() {
    let ran = checked("{items: [{id: WL-99}], systemNamespace: [default], systemNamespaces: []}");
    assert_eq!(ran.code, 1);
    assert_eq!(ran.item("WL-04")["failing"], 2);
    let errors = ran.errors().join("\n");
    assert!(
        errors.contains("baseline.yaml 1 1: spec.items: there is no item \"WL-99\""),
        "{errors}"
    );
    assert!(
        errors.contains("spec.systemNamespace: there is no such field"),
        "{errors}"
    );
}

#[test]
fn a_baseline_among_the_manifests_is_used() {
    let baseline = "apiVersion: compliance.plumbline.dev/v1alpha1\nkind: ComplianceBaseline\nmetadata: {name: default}\n\
                    spec: {systemNamespaces: [default]}\n";
    let folder = folder(&[("a.yaml", &pod("a", true)), ("b.yaml", baseline)]);
    let ran = plumbline(folder.path(), &["check", "-f", ".", "--items", "WL-04"]);
    assert!(ran.out.contains("Baseline: ./b.yaml:1."), "{}", ran.out);
    assert!(ran.out.contains("Waived"), "{}", ran.out);
}

#[test]
fn a_file_without_one_baseline_is_refused() {
    let folder = folder(&[("a.yaml", &pod("a", true))]);
    let ran = plumbline(folder.path(), &["check", "-f", ".", "--baseline", "a.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("a.yaml holds no ComplianceBaseline"),
        "{}",
        ran.err
    );
}
