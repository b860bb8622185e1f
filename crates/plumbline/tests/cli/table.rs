//! The result as people read it.

use crate::{file, plumbline, plumbline_with, pod, shop};

#[test]
fn failing_items_come_first_and_the_verdict_last() {
    let out = plumbline(&shop(), &["check", "-f", "shop"]).out;
    let line = out
        .lines()
        .find(|line| line.starts_with("Fail") && line.contains("WL-04"));
    let first = out.find(line.expect("an overview")).expect("it is in there");
    let second = out.find("WL-04 No privileged containers\n").expect("findings");
    assert!(first < second, "{out}");
    assert!(
        out.contains("- DaemonSet shop/node-agent [agent]  shop/agent.yml:2"),
        "{out}"
    );
    assert!(out.contains("Fix: Remove securityContext.privileged"), "{out}");
    assert!(out.lines().last().unwrap_or_default().contains("WL-"), "{out}");
    assert!(out.contains("Not compliant: required items fail: "), "{out}");
    assert_eq!(out.matches("Workloads stand for their pods").count(), 1, "{out}");
}

#[test]
fn lines_fit_the_terminal() {
    for columns in ["80", "100", "120"] {
        let ran = plumbline_with(&shop(), &["check", "-f", "shop"], "", &[("COLUMNS", columns)]);
        let width: usize = columns.parse().unwrap();
        for line in ran.out.lines() {
            assert!(line.chars().count() <= width, "{columns}: {line}");
        }
        assert!(!ran.out.contains('\x1b'), "colours without a terminal");
    }
}

#[test]
fn a_clean_result_says_so() {
    let folder = file(&pod("a", false));
    let out = plumbline(folder.path(), &["check", "-f", ".", "--items", "WL-04,WL-07"]).out;
    assert!(out.contains("Nothing to complain about."), "{out}");
    assert!(
        out.contains("Score 100 of 100. Compliant: every required item holds."),
        "{out}"
    );
    assert!(!out.contains("STATUS"), "{out}");
}

#[test]
fn what_has_no_check_is_one_line() {
    let folder = file(&pod("a", false));
    let out = plumbline(folder.path(), &["check", "-f", "."]).out;
    assert!(out.contains("items have no check yet"), "{out}");
    assert!(!out.contains("IM-18"), "{out}");
}

#[test]
fn long_lists_are_cut() {
    let pods: Vec<String> = (10..50).map(|number| pod(&format!("p{number}"), true)).collect();
    let folder = file(&pods.join("---\n"));
    let out = plumbline(folder.path(), &["check", "-f", ".", "--items", "WL-04"]).out;
    assert!(out.contains("… and 28 more (-o json shows all)"), "{out}");
    assert_eq!(out.matches("- Pod default/").count(), 12, "{out}");
}

#[test]
fn where_nothing_could_be_read_there_are_errors_only() {
    let folder = file("a: [\n");
    let ran = plumbline(folder.path(), &["check", "-f", "."]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.starts_with("error: ./a.yaml:1 (document 1): "),
        "{}",
        ran.err
    );
}
