//! `plumbline attest` as far as it needs no cluster.

use super::*;

const JUNIT: &str = r#"<testsuites name="kube-bench"><testsuite timestamp="2026-01-02T03:04:05">
<testcase name="a"/><testcase name="b"><failure/></testcase></testsuite></testsuites>"#;

const SARIF: &str = r#"{"version": "2.1.0", "runs": [{
  "tool": {"driver": {"name": "kubescape", "version": "3.0.8"}},
  "invocations": [{"executionSuccessful": true, "endTimeUtc": "2026-01-02T03:04:05.678Z"}],
  "results": [{"kind": "pass"}, {"kind": "pass"}, {"kind": "review"}]
}]}"#;

fn attest(files: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let folder = folder(files);
    let all = [&["attest"], arguments, &["--as", "carol", "-o", "json"]].concat();
    plumbline(folder.path(), &all)
}

#[test]
fn a_tools_output_becomes_evidence() {
    let ran = attest(
        &[("result.sarif", SARIF), ("junit.xml", JUNIT)],
        &[
            "AU-03a",
            "az-01",
            "--from",
            "result.sarif",
            "--from",
            "junit.xml",
            "--statement",
            "The masters are checked every night.",
            "--valid-until",
            "2099-01-01",
            "--nodes",
            "master-1,master-2",
            "--namespaces",
            "shop",
        ],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let digest = |text: &str| format!("sha256:{}", plumbline_inventory::digest::sha256(text.as_bytes()));
    assert_eq!(
        ran.json()["spec"],
        serde_json::json!({
            "items": ["AU-03a", "AZ-01"],
            "statement": "The masters are checked every night.",
            "attestedBy": "carol",
            "validUntil": "2099-01-01T00:00:00Z",
            "scope": { "nodes": ["master-1", "master-2"], "namespaces": ["shop"] },
            "evidence": [
                {
                    "tool": "kubescape", "version": "3.0.8", "time": "2026-01-02T03:04:05Z",
                    "digest": digest(SARIF), "passed": 2, "failed": 0,
                },
                {
                    "tool": "kube-bench", "time": "2026-01-02T03:04:05Z",
                    "digest": digest(JUNIT), "passed": 1, "failed": 1,
                },
            ],
        })
    );
    assert_eq!(
        ran.err.lines().collect::<Vec<_>>(),
        [
            "kubescape 3.0.8 of 2026-01-02T03:04:05Z: 2 passed, 0 failed, 1 neither",
            "kube-bench of 2026-01-02T03:04:05Z: 1 passed, 1 failed",
        ]
    );
    let name = ran.json()["metadata"]["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("au-03a-kubescape-"), "{name}");
}

#[test]
fn the_same_attestation_has_the_same_name_and_another_has_another() {
    let name = |arguments: &[&str]| {
        let ran = attest(&[("junit.xml", JUNIT)], arguments);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.json()["metadata"]["name"].as_str().unwrap().to_owned()
    };
    let once = name(&["AZ-01", "--from", "junit.xml"]);
    assert_eq!(
        once,
        name(&["AZ-01", "--from", "junit.xml", "--valid-until", "30d"])
    );
    assert_ne!(once, name(&["AZ-01", "--from", "junit.xml", "--nodes", "a"]));
    assert_eq!(name(&["AZ-01", "--from", "junit.xml", "--name", "mine"]), "mine");
    let stated = name(&["AZ-01", "--statement", "It is so."]);
    assert!(stated.starts_with("az-01-statement-"), "{stated}");
}

#[test]
fn the_command_line_says_what_a_file_does_not() {
    let counts = r#"{"passed": 3, "failed": 0}"#;
    let files = [("counts.json", counts)];
    let ran = attest(&files, &["AZ-01", "--from", "counts.json"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("counts.json does not name the tool"),
        "{}",
        ran.err
    );
    let ran = attest(
        &files,
        &[
            "AZ-01",
            "--from",
            "counts.json",
            "--tool",
            "in-house",
            "--tool-version",
            "7",
            "--uri",
            "https://ci.example/1",
        ],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let evidence = &ran.json()["spec"]["evidence"][0];
    assert_eq!(
        (&evidence["tool"], &evidence["version"], &evidence["uri"]),
        (
            &Value::from("in-house"),
            &Value::from("7"),
            &Value::from("https://ci.example/1")
        )
    );
    // The file says nothing of the time: it is as old as it is.
    let time: jiff::Timestamp = evidence["time"].as_str().unwrap().parse().unwrap();
    let age = jiff::Timestamp::now().duration_since(time).as_secs();
    assert!((0..600).contains(&age), "{time}");
}

#[test]
fn what_cannot_be_attested_is_said() {
    let files = [
        ("junit.xml", JUNIT),
        ("empty", ""),
        ("page.html", "<html></html>"),
    ];
    for (arguments, said) in [
        (&["WL-04", "--from", "junit.xml"][..], "it is of class A"),
        (&["AU-99", "--from", "junit.xml"], "there is no item \"AU-99\""),
        (&["AZ-01", "--from", "none.xml"], "none.xml: No such file"),
        (&["AZ-01", "--from", "empty"], "empty: is empty"),
        (
            &["AZ-01", "--from", "page.html"],
            "page.html: is XML, but not JUnit's",
        ),
        (&["AZ-01", "--from", "."], ".: Is a directory"),
        (&["AZ-01"], "--from"),
        (
            &["AZ-01", "--statement", "x", "--valid-until", "2020-01-01"],
            "is past",
        ),
        (
            &["AZ-01", "--from", "junit.xml", "--from", "empty", "--tool", "x"],
            "are about one file",
        ),
    ] {
        let ran = attest(&files, arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
}
