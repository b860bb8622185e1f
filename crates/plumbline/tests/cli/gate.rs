//! `--fail-on` and exit codes.

use crate::{check, file, plumbline, pod};

const UNDECODABLE: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: u}\nspec: []\n";

/// Exit codes without `--fail-on`, with `fail`, and with `unknown`.
fn codes(text: &str, more: &[&str]) -> [i32; 3] {
    let folder = file(text);
    [&[][..], &["--fail-on", "fail"], &["--fail-on", "unknown"]].map(|gate| {
        let arguments: Vec<&str> = gate.iter().chain(more).copied().collect();
        check(&folder, &arguments).code
    })
}

#[test]
fn only_failures_fail_and_unknown_implies_fail() {
    assert_eq!(codes(&pod("a", true), &[]), [0, 1, 1]);
    assert_eq!(codes(&pod("a", false), &[]), [0, 0, 0]);
    assert_eq!(codes("", &[]), [0, 0, 0]);
}

#[test]
fn what_has_no_check_is_unknown() {
    assert_eq!(codes("", &["--items", "IM-18"]), [0, 0, 1]);
}

#[test]
fn unreadable_input_wins() {
    assert_eq!(codes(UNDECODABLE, &[]), [2, 2, 2]);
    assert_eq!(codes(&format!("{}---\na: [\n", pod("a", true)), &[]), [2, 2, 2]);
}

#[test]
fn waived_findings_never_fail() {
    assert_eq!(codes(&pod("a", true), &["-n", "kube-system"]), [0, 0, 0]);
}

#[test]
fn recommended_items_count_if_asked_for() {
    let folder = file(&pod("a", false));
    let code = |more: &[&str]| {
        let mut arguments = vec!["check", "-f", ".", "--items", "WL-05", "--fail-on", "fail"];
        arguments.extend(more);
        plumbline(folder.path(), &arguments).code
    };
    assert_eq!(code(&[]), 0);
    assert_eq!(code(&["--level", "required"]), 0);
    assert_eq!(code(&["--level", "recommended"]), 1);
}

#[test]
fn what_met_the_limit_is_said() {
    let ran = check(&file(&pod("a", true)), &["--fail-on", "fail"]);
    assert!(
        ran.err.contains("--fail-on fail is met; failing: WL-04"),
        "{}",
        ran.err
    );
}

#[test]
fn wrong_usage_is_2() {
    let folder = file(&pod("a", false));
    for arguments in [
        &["check", "-f", ".", "--fail-on", "sometimes"][..],
        &["check", "-f", ".", "-o", "xml"],
        &["check", "-f", ".", "--context", "x"],
        &["check", "-f", ".", "--items", "WL-99"],
        &["check", "-f", ".", "--baseline", "missing.yaml"],
        &["cheque"],
        &[],
    ] {
        assert_eq!(plumbline(folder.path(), arguments).code, 2, "{arguments:?}");
    }
}
