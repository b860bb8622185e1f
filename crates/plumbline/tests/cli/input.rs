//! What is read, and what is said of what cannot be.

use crate::{check, file, folder, plumbline, plumbline_with, pod};

/// The findings of WL-04 in `text`, as `namespace/name line`.
fn found(text: &str) -> Vec<String> {
    let ran = check(&file(text), &[]);
    assert_eq!((ran.code, ran.errors()), (0, vec![]), "{text}");
    let item = ran.item("WL-04");
    let findings = item["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| {
            let object = &finding["object"];
            let (namespace, name) = (
                object["namespace"].as_str().unwrap(),
                object["name"].as_str().unwrap(),
            );
            format!("{namespace}/{name} {}", finding["line"])
        })
        .collect()
}

#[test]
fn a_malformed_document_is_named_and_the_rest_is_evaluated() {
    let text = format!("{}---\nkind: [\n---\n{}", pod("a", true), pod("b", true));
    let ran = check(&file(&text), &[]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.item("WL-04")["failing"], 2);
    let errors = ran.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with("./a.yaml 2 6: is no valid YAML: "),
        "{errors:?}"
    );
    assert!(ran.err.contains("./a.yaml:6 (document 2)"), "{}", ran.err);
}

#[test]
fn an_error_has_the_line_of_the_file() {
    let text = format!("# licence\n---\n{}---\na: 1\nb:\n\t- c\n", pod("a", false));
    let errors = check(&file(&text), &[]).errors();
    assert!(errors[0].starts_with("./a.yaml 2 10: "), "{errors:?}");
    let ran = check(&folder(&[("a.json", "{\n\"kind\": }\n")]), &[]);
    assert!(
        ran.errors()[0].starts_with("./a.json 1 2: is no valid JSON"),
        "{:?}",
        ran.errors()
    );
}

#[test]
fn a_wrong_typed_field_makes_an_object_undecodable() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: none}\n";
    let ran = check(&file(&format!("---\n{text}---\n{}", pod("ok", false))), &[]);
    assert_eq!(ran.code, 2);
    let errors = ran.errors();
    assert!(
        errors[0].starts_with("./a.yaml 1 2: Pod default/web cannot be read: spec.containers: "),
        "{errors:?}"
    );
    let item = ran.item("WL-04");
    assert_eq!(
        (item["status"].as_str(), item["reason"].as_str()),
        (Some("Unknown"), Some("UndecodableObject"))
    );
    assert_eq!(item["evaluated"], 1);
}

#[test]
fn an_object_without_a_name_or_version_is_an_error() {
    let unnamed = check(&file("apiVersion: v1\nkind: Pod\nspec: {containers: []}\n"), &[]);
    assert!(
        unnamed.errors()[0].contains("metadata.name: missing"),
        "{:?}",
        unnamed.errors()
    );
    let versionless = check(&file("kind: Pod\nmetadata: {name: a}\n"), &[]);
    assert!(
        versionless.errors()[0].contains("Pod without an apiVersion"),
        "{:?}",
        versionless.errors()
    );
    let misplaced = check(
        &file("apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: a}\n"),
        &[],
    );
    assert!(
        misplaced.errors()[0].contains("it is in apps/v1"),
        "{:?}",
        misplaced.errors()
    );
}

#[test]
fn lists_are_unfolded() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: \
                {containers: [{name: x, securityContext: {privileged: true}}]}}\n";
    assert_eq!(found(list), ["default/a 1"]);
    let typed = "apiVersion: v1\nkind: PodList\nitems:\n- {metadata: {name: a}, spec: \
                 {containers: [{name: x, securityContext: {privileged: true}}]}}\n";
    assert_eq!(found(typed), ["default/a 1"]);
}

#[test]
fn what_no_item_reads_is_ignored() {
    let text = "apiVersion: example.com/v1\nkind: CronTab\nmetadata: {name: a}\n---\nreplicas: 3\n---\n\
                apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n---\n";
    let ran = check(&file(text), &[]);
    assert_eq!((ran.code, ran.errors()), (0, vec![]));
    assert!(ran.err.contains("warning: no object"), "{}", ran.err);
}

#[test]
fn empty_files_are_no_errors() {
    for text in ["", "\n", "# only a comment\n", "---\n---\n", "null\n"] {
        let ran = check(&file(text), &[]);
        assert_eq!((ran.code, ran.errors()), (0, vec![]), "{text:?}");
    }
    assert!(check(&file("only words\n"), &[]).errors()[0].contains("is no Kubernetes object"));
}

#[test]
fn yaml_is_read_as_kubectl_reads_it() {
    for word in ["yes", "Yes", "on", "true", "True", "y"] {
        assert_eq!(
            found(&pod("a", true).replace("true", word)),
            ["default/a 1"],
            "{word}"
        );
    }
    let number = check(&file(&pod("a", true).replace("image: app:1", "image: 8080")), &[]);
    assert_eq!(number.code, 2, "{:?}", number.errors());
    let anchors = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  x: &x {privileged: true}\n  containers:\n  \
                   - {name: a, securityContext: *x}\n  - {name: b, securityContext: {<<: *x}}\n";
    assert_eq!(found(anchors), ["default/a 1", "default/a 1"]);
    let twice = pod("a", false).replace("privileged: false", "privileged: false, privileged: true");
    assert_eq!(found(&twice), ["default/a 1"]);
}

#[test]
fn texts_of_other_systems_are_read() {
    assert_eq!(found(&format!("\u{feff}{}", pod("a", true))), ["default/a 1"]);
    let text = format!("{}---\n{}", pod("a", true), pod("b", true)).replace('\n', "\r\n");
    assert_eq!(found(&text), ["default/a 1", "default/b 6"]);
    let marker =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: |\n    x\n    ---\n    kind: [\n";
    assert_eq!(
        found(&format!("{marker}---\n{}", pod("a", true))),
        ["default/a 10"]
    );
    assert!(found("%YAML 1.1\n---\na: 1\n...\n").is_empty());
}

#[test]
fn a_template_is_recognised() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n";
    let errors = check(&file(text), &[]).errors();
    assert!(errors[0].contains("render it first (helm template"), "{errors:?}");
}

#[test]
fn several_json_values_are_several_documents() {
    let value = |name: &str| {
        format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"{name}\"}},\n\
             \"spec\":{{\"containers\":[{{\"name\":\"x\",\"securityContext\":{{\"privileged\":true}}}}]}}}}\n"
        )
    };
    assert_eq!(
        found(&format!("{}\n{}", value("a"), value("b"))),
        ["default/a 1", "default/b 4"]
    );
    assert_eq!(
        found(&format!("{}---\n{}", value("a"), value("b"))),
        ["default/a 1", "default/b 4"]
    );
}

#[test]
fn standard_input_is_a_file_named_dash() {
    let folder = folder(&[]);
    let arguments = ["check", "-f", "-", "-f", "-", "-o", "json", "--items", "WL-04"];
    let ran = plumbline_with(folder.path(), &arguments, &pod("a", true), &[]);
    assert_eq!(ran.code, 0);
    let finding = &ran.item("WL-04")["findings"][0];
    assert_eq!(
        (finding["file"].as_str(), finding["line"].as_u64()),
        (Some("-"), Some(1))
    );
    let ran = plumbline_with(folder.path(), &["check", "-f", "-"], "a: [", &[]);
    assert!(ran.err.contains("error: stdin:1 (document 1)"), "{}", ran.err);
}

#[test]
fn folders_are_searched_in_order_and_files_read_once() {
    let pods = |name: &str| pod(name, true);
    let (a, b, c, d) = (pods("a"), pods("b"), pods("c"), pods("d"));
    let folder = folder(&[
        ("b.yml", &b),
        ("sub/a.yaml", &a),
        ("c.json.yaml", &c),
        ("d.txt", &d),
        ("e.YAML", &d),
    ]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("sub/loop")).unwrap();
    std::os::unix::fs::symlink("../b.yml", folder.path().join("sub/link.yaml")).unwrap();
    let ran = check(&folder, &["-f", "b.yml"]);
    assert_eq!((ran.code, ran.errors()), (0, vec![]));
    assert_eq!(ran.item("WL-04")["failing"], 4);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = folder(&[("a.yaml", &pod("a", true))]);
    std::fs::write(folder.path().join("b.yaml"), b"a: 1\nb: \xff\n").unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("c.yaml")).unwrap();
    let ran = check(
        &folder,
        &["-f", "missing.yaml", "-f", "https://example.com/a.yaml"],
    );
    assert_eq!(ran.code, 2);
    assert_eq!(ran.item("WL-04")["failing"], 1);
    let errors = ran.errors().join("\n");
    for wanted in [
        "./b.yaml null null: is no UTF-8 text (line 2)",
        "./c.yaml null null: no such file or directory",
        "missing.yaml null null: no such file or directory",
        "https://example.com/a.yaml null null: is an address",
    ] {
        assert!(errors.contains(wanted), "{wanted}\n{errors}");
    }
}

#[test]
fn a_missing_namespace_is_default_or_the_one_given() {
    let kept = pod("b", true).replace("name: b", "name: b, namespace: own");
    let folder = file(&format!("{}---\n{kept}", pod("a", true)));
    let names = |more: &[&str]| -> Vec<String> {
        let item = check(&folder, more).item("WL-04");
        let findings = item["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| finding["object"]["namespace"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&[]), ["default", "own"]);
    assert_eq!(names(&["-n", "given"]), ["given", "own"]);
}

#[test]
fn of_an_object_that_is_there_twice_the_last_counts_and_that_is_said() {
    let folder = folder(&[("a.yaml", &pod("a", true)), ("b.yaml", &pod("a", false))]);
    let ran = check(&folder, &[]);
    assert_eq!(
        (ran.code, ran.item("WL-04")["status"].as_str()),
        (2, Some("Pass"))
    );
    assert!(
        ran.errors()[0].contains("Pod default/a is defined again in ./b.yaml:1"),
        "{:?}",
        ran.errors()
    );
    let same = crate::folder(&[("a.yaml", &pod("a", true)), ("b.yaml", &pod("a", true))]);
    assert_eq!(check(&same, &[]).code, 0);
}

#[test]
fn objects_that_are_yet_to_be_named_are_kept_apart() {
    let job = pod("a-", true).replace("name: a-", "generateName: a-");
    assert_eq!(
        found(&format!("{job}---\n{job}")),
        ["default/a- 1", "default/a-2 6"]
    );
}

#[test]
fn limit_ranges_in_the_input_give_their_defaults() {
    let limits = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: l}\n\
                  spec: {limits: [{type: Container, default: {cpu: 1, memory: 1Gi}}]}\n";
    let status = |text: &str| {
        let folder = file(text);
        let ran = plumbline(
            folder.path(),
            &["check", "-f", ".", "-o", "json", "--items", "WL-10a"],
        );
        ran.item("WL-10a")["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(&pod("a", false)), "Fail");
    assert_eq!(status(&format!("{}---\n{limits}", pod("a", false))), "Pass");
}

#[test]
fn what_would_exhaust_the_machine_is_refused() {
    let levels: Vec<String> = ('b'..='i')
        .zip('a'..)
        .map(|(name, of)| format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 9].join(",")))
        .collect();
    let bomb = format!("a: &a [x,x,x,x,x,x,x,x,x]\n{}", levels.concat());
    let flow = |depth| format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
    let block: Vec<String> = (0..5000).map(|depth| format!("{:depth$}a:\n", "")).collect();
    for text in [bomb, flow(5000), flow(150), block.concat()] {
        let ran = check(&file(&format!("{text}---\n{}", pod("a", true))), &[]);
        assert_eq!((ran.code, ran.errors().len()), (2, 1), "{:?}", ran.errors());
        assert_eq!(ran.item("WL-04")["failing"], 1);
    }
}

#[test]
fn a_snapshot_says_what_manifests_cannot() {
    const ID: &str = "AZ-06a";
    let evidence = |requests: &str| {
        format!(
            "{{apiVersion: v1, kind: List, items: [{{apiVersion: v1, kind: Namespace, metadata: {{name: shop}}}}, \
             {{apiVersion: compliance.plumbline.dev/v1alpha1, kind: Evidence, anonymousRequests: {requests}}}]}}"
        )
    };
    let check = |requests: &str| check(&file(&evidence(requests)), &["--items", ID]);
    let anonymous = check("{/api: {code: 401}}").item(ID);
    assert_eq!(anonymous["status"], "Pass", "{anonymous}");
    let anonymous = check("{/api: {code: 200}}").item(ID);
    assert_eq!(anonymous["reason"], "AnonymousAccess", "{anonymous}");
    let wrong = check("{/api: yes}");
    assert_eq!(wrong.item(ID)["reason"], "NotProbed");
    assert!(
        wrong.errors()[0].contains("Evidence cannot be read"),
        "{:?}",
        wrong.errors()
    );
}
