//! The smaller subcommands, and clusters that are not there.

use crate::{folder, plumbline, plumbline_with};

fn here(arguments: &[&str]) -> crate::Ran {
    plumbline(folder(&[]).path(), arguments)
}

#[test]
fn explain_lists_all_items() {
    let ran = here(&["explain"]);
    assert_eq!(ran.code, 0);
    for item in plumbline_baseline::ITEMS {
        let line = ran
            .out
            .lines()
            .find(|line| line.starts_with(item.id))
            .unwrap_or_else(|| panic!("no {}", item.id));
        assert_eq!(line.contains("not yet"), !item.is_implemented(), "{line}");
    }
}

#[test]
fn explain_shows_an_item_by_id_and_by_slug() {
    let by_id = here(&["explain", "wl-04"]).out;
    assert_eq!(by_id, here(&["explain", "Privileged-Container"]).out);
    for wanted in [
        "WL-04 No privileged containers",
        "\nWhat it checks\n",
        "\nHow to fix\n",
        "CIS 5.2.2",
        "critical",
    ] {
        assert!(by_id.contains(wanted), "{wanted}: {by_id}");
    }
}

#[test]
fn explain_fits_the_terminal() {
    for item in plumbline_baseline::ITEMS {
        let ran = plumbline_with(
            folder(&[]).path(),
            &["explain", item.id],
            "",
            &[("COLUMNS", "80")],
        );
        let long = ran
            .out
            .lines()
            .find(|line| line.chars().count() > 80 && !line.starts_with("    "));
        assert_eq!(long, None, "{}", item.id);
    }
}

#[test]
fn an_unknown_item_is_an_error_that_helps() {
    let ran = here(&["explain", "priviledged-container"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.contains("did you mean privileged-container?"),
        "{}",
        ran.err
    );
}

#[test]
fn crds_are_a_stream_of_all_kinds() {
    let out = here(&["crds"]).out;
    let documents: Vec<&str> = out
        .split("---\n")
        .filter(|document| !document.is_empty())
        .collect();
    assert_eq!(documents.len(), plumbline_api::crds().len());
    for document in documents {
        let crd: serde_json::Value = serde_saphyr::from_str(document).unwrap();
        assert_eq!(crd["kind"], "CustomResourceDefinition");
    }
}

#[test]
fn version_and_completions() {
    assert!(
        here(&["version"])
            .out
            .starts_with(concat!("plumbline ", env!("CARGO_PKG_VERSION")))
    );
    for shell in ["bash", "zsh", "fish"] {
        assert!(here(&["completions", shell]).out.contains("plumbline"), "{shell}");
    }
}

#[test]
fn without_a_cluster_there_is_one_line_that_says_so() {
    for arguments in [&["check"][..], &["report"]] {
        let ran = here(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.starts_with("error: no cluster"), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
}

#[test]
fn a_cluster_that_does_not_answer_is_named() {
    let kubeconfig = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "gone",
        "clusters": [{"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "gone", "user": {"token": "x"}}],
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "gone"}}]}"#;
    let folder = folder(&[("kubeconfig", kubeconfig)]);
    let path = folder.path().join("kubeconfig");
    let environment = [("KUBECONFIG", path.to_str().unwrap())];
    for arguments in [
        &["check"][..],
        &["check", "--context", "gone"],
        &["report", "-n", "shop"],
    ] {
        let ran = plumbline_with(folder.path(), arguments, "", &environment);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        let wanted = "error: cluster gone (https://127.0.0.1:1) cannot be reached: Connection refused";
        assert!(ran.err.starts_with(wanted), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    let ran = plumbline_with(folder.path(), &["check", "--context", "other"], "", &environment);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("other"), "{}", ran.err);
}
