use plumbline_api::Severity;
use plumbline_api::history::{Reference, ReferenceItem, ReferenceKind, Transition};
use plumbline_api::item::{Finding, NamespaceCount};
use plumbline_baseline::{ITEMS, find};
use plumbline_inventory::testing::{Manifest, live};
use serde_json::json;

use super::*;
use crate::rollup::SampledFinding;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

/// A baseline of these items only, so that it is they who decide.
fn only(ids: &[&str]) -> Settings {
    only_and(ids, [])
}

/// A baseline of these items only, with more to be said of some.
fn only_and<const N: usize>(ids: &[&str], more: [serde_json::Value; N]) -> Settings {
    let disabled = ITEMS
        .iter()
        .filter(|item| !ids.contains(&item.id))
        .map(|item| json!({ "id": item.id, "enabled": false, "reason": "not asked" }));
    let entries: Vec<_> = disabled.chain(more).collect();
    let spec = serde_json::from_value(json!({ "items": entries })).expect("a baseline");
    Settings::compile(&spec).0
}

/// A cluster all of whose kinds are listed, with these objects.
fn cluster(objects: &[Manifest]) -> Inventory {
    let mut inventory = Inventory::live();
    for name in ["shop", "kube-system"] {
        inventory.apply(live(Kind::Namespace, name).object());
    }
    for object in objects {
        inventory.apply(object.object());
    }
    for kind in Kind::ALL {
        inventory.set_input(kind, InputState::Synced);
    }
    inventory
}

fn deployment(name: &str, privileged: bool) -> Manifest {
    let container =
        json!({ "name": "main", "image": "web:1", "securityContext": { "privileged": privileged } });
    live(Kind::Deployment, name).pod_spec_push("containers", container)
}

/// The report of a home at a time, from a memory.
fn report_of(
    inventory: &Inventory,
    settings: &Settings,
    home: &Home,
    memory: &mut Memory,
    before: &[Condition],
    now: Timestamp,
) -> Report {
    let source = Source {
        inventory,
        evaluation: &Evaluation::full(inventory, settings, Timestamp::UNIX_EPOCH),
        settings,
        baseline: &BaselineRef {
            name: "default".to_owned(),
            uid: "u".to_owned(),
            generation: 1,
        },
        cluster_id: Some("c"),
        inputs: &Kind::ALL,
        refused: None,
        last_sync: &BTreeMap::new(),
    };
    source.report(home, memory, before, now)
}

/// The cluster's first report.
fn first(inventory: &Inventory, settings: &Settings) -> ReportStatus {
    let mut memory = Memory::new(Home::Cluster, true);
    report_of(inventory, settings, &Home::Cluster, &mut memory, &[], at(0)).status
}

fn item<'a>(status: &'a ReportStatus, id: &str) -> &'a ItemResult {
    status
        .items
        .iter()
        .find(|item| item.id == id)
        .expect("it is listed")
}

/// Status and reason of a condition, as `False RequirementsFailed`.
fn condition(status: &ReportStatus, wanted: ConditionType) -> String {
    let condition = conditions::find(&status.conditions, wanted).expect("it is set");
    format!("{} {}", condition.status, condition.reason)
}

#[test]
fn a_cluster_whose_required_items_hold_is_compliant() {
    let inventory = cluster(&[deployment("web", false)]);
    let status = first(&inventory, &only(&["WL-04"]));
    assert_eq!(item(&status, "WL-04").status, ItemStatus::Pass);
    assert_eq!(condition(&status, ConditionType::Ready), "True Evaluated");
    assert_eq!(
        condition(&status, ConditionType::Compliant),
        "True RequirementsMet"
    );
    assert_eq!(
        condition(&status, ConditionType::Drifted),
        "False MatchesReference"
    );
    assert_eq!(condition(&status, ConditionType::Fresh), "True InputsSynced");
    assert_eq!(
        status.summary.as_ref().and_then(|summary| summary.score),
        Some(100)
    );
    assert_eq!(status.items.len(), ITEMS.len());
}

#[test]
fn a_required_item_that_fails_makes_it_not_compliant_and_ready_all_the_same() {
    let inventory = cluster(&[deployment("web", true), deployment("shop", false)]);
    let status = first(&inventory, &only(&["WL-04"]));
    let result = item(&status, "WL-04");
    assert_eq!(
        (result.status, result.reason.as_str()),
        (ItemStatus::Fail, "PrivilegedContainer")
    );
    assert_eq!(
        result.message,
        "1 of 2 workloads runs privileged containers, in 1 namespace"
    );
    assert_eq!(
        (result.evaluated, result.failing, result.findings, result.more),
        (2, 1, 1, 0)
    );
    let worst = NamespaceCount {
        name: "shop".to_owned(),
        failing: 1,
    };
    assert_eq!(result.namespaces, [worst]);
    assert_eq!(condition(&status, ConditionType::Ready), "True Evaluated");
    assert_eq!(
        condition(&status, ConditionType::Compliant),
        "False RequirementsFailed"
    );
}

#[test]
fn a_recommended_item_changes_no_verdict() {
    let recommended = json!({ "id": "WL-04", "level": "recommended" });
    let settings = only_and(&["WL-04"], [recommended]);
    let status = first(&cluster(&[deployment("web", true)]), &settings);
    assert_eq!(item(&status, "WL-04").status, ItemStatus::Fail);
    assert_eq!(
        condition(&status, ConditionType::Compliant),
        "True RequirementsMet"
    );
}

#[test]
fn missing_evidence_leaves_the_verdict_open() {
    let mut inventory = cluster(&[deployment("web", false)]);
    inventory.set_input(Kind::Pod, InputState::Forbidden);
    let status = first(&inventory, &only(&["WL-04"]));
    let result = item(&status, "WL-04");
    assert_eq!(
        (result.status, result.reason.as_str()),
        (ItemStatus::Unknown, "InputForbidden")
    );
    assert_eq!(result.missing_evidence[0].source, "pods");
    assert_eq!(
        condition(&status, ConditionType::Compliant),
        "Unknown EvidenceMissing"
    );
    assert_eq!(condition(&status, ConditionType::Fresh), "True InputsSynced");
}

#[test]
fn missing_evidence_that_is_no_kind_is_named_too() {
    let status = first(&cluster(&[]), &only(&["AZ-06a"]));
    let result = item(&status, "AZ-06a");
    assert_eq!(
        (result.status, result.reason.as_str()),
        (ItemStatus::Unknown, "NotProbed")
    );
    let [missing] = result.missing_evidence.as_slice() else {
        panic!("{result:?}");
    };
    assert_eq!(missing.source, "requests without credentials");
    assert!(missing.grant.contains("plumbline snapshot"), "{missing:?}");
}

#[test]
fn without_namespaces_nothing_passes() {
    let mut inventory = cluster(&[deployment("web", true)]);
    inventory.set_input(Kind::Namespace, InputState::Forbidden);
    let status = first(&inventory, &only(&["WL-04"]));
    assert_eq!(item(&status, "WL-04").status, ItemStatus::Unknown);
    assert_eq!(item(&status, "WL-04").missing_evidence[0].source, "namespaces");
}

#[test]
fn an_input_that_fails_or_is_pending_is_not_fresh() {
    for (state, reason) in [
        (InputState::Failing, "False InputsFailing"),
        (InputState::Pending, "False Syncing"),
    ] {
        let mut inventory = cluster(&[]);
        inventory.set_input(Kind::Job, state);
        let status = first(&inventory, &Settings::default());
        assert_eq!(condition(&status, ConditionType::Fresh), reason);
        let jobs = status
            .coverage
            .iter()
            .find(|input| input.kind == "Job")
            .expect("it is watched");
        assert_eq!(
            (jobs.group.as_str(), jobs.state),
            ("batch", CoverageState::Failing)
        );
    }
}

#[test]
fn an_object_that_does_not_decode_lets_nothing_pass() {
    let mut inventory = cluster(&[deployment("web", false)]);
    inventory.apply_undecodable(deployment("odd", false).id(), "spec.replicas: wrong".to_owned());
    inventory.apply_undecodable(live(Kind::Pod, "odd").id(), "spec: wrong".to_owned());
    let status = first(&inventory, &only(&["WL-04"]));
    let result = item(&status, "WL-04");
    assert_eq!(
        (result.status, result.reason.as_str()),
        (ItemStatus::Unknown, "UndecodableObject")
    );
    assert_eq!(
        result.message,
        "Pod shop/odd cannot be read: spec: wrong; and 1 more"
    );

    let elsewhere = Home::Namespace("kube-system".into());
    let mut memory = Memory::new(elsewhere.clone(), true);
    let report = report_of(&inventory, &only(&["WL-04"]), &elsewhere, &mut memory, &[], at(0));
    assert_eq!(item(&report.status, "WL-04").status, ItemStatus::NotApplicable);

    inventory.apply(deployment("web", true).object());
    let status = first(&inventory, &only(&["WL-04"]));
    assert_eq!(
        item(&status, "WL-04").status,
        ItemStatus::Fail,
        "a failure stands beside it"
    );
}

#[test]
fn findings_in_system_namespaces_are_shown_as_accepted() {
    let inventory = cluster(&[
        deployment("proxy", true).namespace("kube-system"),
        deployment("web", false),
    ]);
    let settings = only(&["WL-04"]);
    let status = first(&inventory, &settings);
    let result = item(&status, "WL-04");
    assert_eq!(
        (result.status, result.reason.as_str()),
        (ItemStatus::Waived, "SystemNamespace")
    );
    assert_eq!(
        (result.evaluated, result.failing, result.waived, result.findings),
        (2, 0, 1, 1)
    );
    assert_eq!(result.sample[0].waived.as_deref(), Some("SystemNamespace"));
    assert_eq!(result.namespaces, []);
    assert_eq!(
        condition(&status, ConditionType::Compliant),
        "True RequirementsMet"
    );
    assert_eq!(status.summary.and_then(|summary| summary.score), None);

    let both = cluster(&[
        deployment("proxy", true).namespace("kube-system"),
        deployment("zoo", true),
    ]);
    let status = first(&both, &settings);
    let marks: Vec<_> = item(&status, "WL-04")
        .sample
        .iter()
        .map(|finding| (finding.name.as_str(), finding.waived.is_some()))
        .collect();
    assert_eq!(
        marks,
        [("zoo", false), ("proxy", true)],
        "what stands comes first"
    );
}

#[test]
fn a_namespace_reports_what_is_its_own() {
    let inventory = cluster(&[
        deployment("web", true),
        deployment("proxy", true).namespace("kube-system"),
    ]);
    let home = Home::Namespace("shop".into());
    let mut memory = Memory::new(home.clone(), true);
    let status = report_of(&inventory, &only(&["WL-04"]), &home, &mut memory, &[], at(0)).status;
    assert!(
        status
            .items
            .iter()
            .all(|item| find(&item.id).is_some_and(|item| item.scope.is_namespaced()))
    );
    let result = item(&status, "WL-04");
    assert_eq!((result.evaluated, result.failing, &result.title), (1, 1, &None));
    assert_eq!(result.message, "1 of 1 workload runs privileged containers");
    assert_eq!((status.cluster_id, status.coverage), (None, Vec::new()));
}

#[test]
fn drift_is_a_condition_when_it_has_held() {
    let settings = only(&["WL-04"]);
    let mut memory = Memory::new(Home::Cluster, true);
    let mut look = |inventory: &Inventory, second: i64| {
        let home = Home::Cluster;
        report_of(inventory, &settings, &home, &mut memory, &[], at(second)).status
    };
    look(&cluster(&[deployment("web", false)]), 0);
    let failing = cluster(&[deployment("web", true)]);
    let status = look(&failing, 100);
    assert_eq!(
        condition(&status, ConditionType::Drifted),
        "False MatchesReference"
    );
    let status = look(&failing, 110);
    assert_eq!(
        condition(&status, ConditionType::Drifted),
        "True DiffersFromReference"
    );
    assert_eq!(status.summary.map(|summary| summary.drifted), Some(1));
    let result = &status
        .items
        .iter()
        .find(|item| item.id == "WL-04")
        .expect("it is listed");
    assert_eq!((result.drift, result.failing_change), (Drift::Regressed, Some(1)));
    assert_eq!(status.history[0].cause, "Deployment shop/web");
}

#[test]
fn without_a_reference_nobody_can_tell() {
    let inventory = cluster(&[]);
    let home = Home::Namespace("shop".into());
    let mut young = Memory::new(home.clone(), false);
    let status = report_of(&inventory, &Settings::default(), &home, &mut young, &[], at(0)).status;
    assert_eq!(condition(&status, ConditionType::Drifted), "Unknown NoReference");
    let mut lost = Memory::lost(home.clone());
    let status = report_of(&inventory, &Settings::default(), &home, &mut lost, &[], at(0)).status;
    assert_eq!(condition(&status, ConditionType::Drifted), "Unknown HistoryLost");
}

#[test]
fn conditions_keep_their_time_and_those_of_others_are_left_out() {
    let inventory = cluster(&[]);
    let settings = only(&[]);
    let mut memory = Memory::new(Home::Cluster, true);
    let mut before = syncing(&[], at(0));
    let foreign = Condition {
        type_: "Verified".to_owned(),
        ..before[0].clone()
    };
    before.push(foreign);
    let first = report_of(&inventory, &settings, &Home::Cluster, &mut memory, &before, at(5)).status;
    let types: Vec<_> = first
        .conditions
        .iter()
        .map(|condition| condition.type_.as_str())
        .collect();
    assert_eq!(types, ["Ready", "Compliant", "Drifted", "Fresh"]);
    let later = report_of(
        &inventory,
        &settings,
        &Home::Cluster,
        &mut memory,
        &first.conditions,
        at(50),
    )
    .status;
    assert_eq!(later.conditions, first.conditions);
    assert_eq!(later.last_evaluated, Some(Time(at(50))));
}

#[test]
fn a_report_without_a_baseline_says_so_once_and_goes_on_with_one() {
    let inventory = cluster(&[deployment("web", false)]);
    let settings = only(&["WL-04"]);
    let mut status = first(&inventory, &settings);
    assert_eq!(
        condition(&status, ConditionType::Compliant),
        "True RequirementsMet"
    );
    status.conditions = orphaned(&syncing(&status.conditions, at(50)), "strict", at(100));
    let said: Vec<_> = ConditionType::ALL
        .iter()
        .filter_map(|type_| conditions::find(&status.conditions, *type_))
        .map(|condition| (condition.type_.as_str(), condition.status.as_str()))
        .collect();
    let wanted = [
        ("Ready", "False"),
        ("Compliant", "Unknown"),
        ("Drifted", "Unknown"),
        ("Fresh", "False"),
        ("Stalled", "True"),
    ];
    assert_eq!(said, wanted);
    assert!(
        status
            .conditions
            .iter()
            .all(|condition| condition.reason == "BaselineNotFound" && condition.message.contains("strict"))
    );
    assert_eq!(
        orphaned(&status.conditions, "strict", at(200)),
        status.conditions,
        "there is nothing more to say"
    );
    let mut memory = Memory::new(Home::Cluster, true);
    let home = Home::Cluster;
    let again = report_of(
        &inventory,
        &settings,
        &home,
        &mut memory,
        &status.conditions,
        at(300),
    )
    .status;
    assert_eq!(condition(&again, ConditionType::Ready), "True Evaluated");
    assert_eq!(again.conditions.len(), 4, "{:?}", again.conditions);
}

#[test]
fn the_score_counts_what_can_be_decided_and_is_rounded_down() {
    use ItemStatus::{Attested, Fail, NeedsAttestation, NotApplicable, Pass, Unknown, Waived};
    let score = |statuses: &[ItemStatus]| {
        let items: Vec<_> = statuses
            .iter()
            .map(|status| ItemResult {
                status: *status,
                ..result(0)
            })
            .collect();
        summarise(items.iter().map(|item| (item.status, item.drift))).score
    };
    assert_eq!(score(&[Pass, Attested, Fail]), Some(66));
    assert_eq!(score(&[Pass, Unknown, NeedsAttestation, Fail]), Some(25));
    assert_eq!(score(&[Pass, Waived, NotApplicable]), Some(100));
    assert_eq!(score(&[Waived, NotApplicable]), None);
    assert_eq!(score(&[Fail]), Some(0));
}

/// The result of an item with this many findings in its sample, each as long as the schema admits.
fn result(sampled: usize) -> ItemResult {
    let finding = Finding {
        kind: "Deployment".to_owned(),
        namespace: Some("n".repeat(63)),
        name: "d".repeat(253),
        container: Some("c".repeat(63)),
        subject: None,
        role: None,
        severity: Severity::High,
        message: "m".repeat(MAX_MESSAGE),
        waived: None,
    };
    let namespaces = (0..50)
        .map(|at| NamespaceCount {
            name: format!("{at:063}"),
            failing: 1,
        })
        .collect();
    ItemResult {
        id: "WL-04".to_owned(),
        title: Some("t".repeat(256)),
        level: None,
        severity: None,
        status: ItemStatus::Fail,
        reason: "r".repeat(64),
        message: "m".repeat(MAX_MESSAGE),
        evaluated: 150_000,
        failing: 90_000,
        waived: 7,
        inactive: 7,
        pods: 150_000,
        findings: 200_000,
        since: Time(at(0)),
        drift: Drift::Regressed,
        failing_change: Some(90_000),
        namespaces,
        sample: vec![finding; sampled],
        more: 200_000 - sampled as i32,
        missing_evidence: Vec::new(),
    }
}

/// The largest status that a home can have: everything at its bound.
fn huge(items: usize, sampled: usize, transitions: usize) -> ReportStatus {
    let told = Transition {
        time: Time(at(0)),
        item: "WL-04".to_owned(),
        from: ItemStatus::NeedsAttestation,
        to: ItemStatus::NotApplicable,
        cause: format!("ReplicationController {}/{}", "n".repeat(63), "d".repeat(253)),
    };
    let referred = ReferenceItem {
        id: "WL-04".to_owned(),
        status: ItemStatus::NotApplicable,
        failing: 90_000,
        digest: "0123456789abcdef".to_owned(),
    };
    ReportStatus {
        items: vec![result(sampled); items],
        history: vec![told; transitions],
        reference: Some(Reference {
            kind: ReferenceKind::Initial,
            time: Time(at(0)),
            by: Some("b".repeat(253)),
            items: vec![referred; items],
        }),
        ..ReportStatus::default()
    }
}

#[test]
fn a_report_is_cut_to_its_budget_in_samples_and_never_in_counts() {
    let namespaced = ITEMS.iter().filter(|item| item.scope.is_namespaced()).count();
    for (items, sampled, transitions, budget) in [
        (79, CLUSTER_SAMPLE, 50, CLUSTER_BUDGET),
        (namespaced, NAMESPACE_SAMPLE, 10, NAMESPACE_BUDGET),
    ] {
        let mut status = huge(items, sampled, transitions);
        assert!(json_size(&status) > budget);
        fit(&mut status, budget);
        assert!(
            json_size(&status) <= budget,
            "{} bytes are left",
            json_size(&status)
        );
        for item in &status.items {
            assert_eq!(
                (item.evaluated, item.failing, item.findings),
                (150_000, 90_000, 200_000)
            );
            assert_eq!(item.more, item.findings - item.sample.len() as i32);
        }
        assert_eq!(status.history.len(), transitions);
    }
}

#[test]
fn a_report_within_its_budget_is_left_as_it_is() {
    let status = huge(5, 10, 50);
    let mut cut = status.clone();
    fit(&mut cut, CLUSTER_BUDGET);
    assert_eq!(cut, status);
}

#[test]
fn a_large_cluster_has_bounded_samples_and_whole_counts() {
    let objects: Vec<_> = (0..600)
        .map(|at| deployment(&format!("d{at}"), true).namespace(&format!("n{}", at % 60)))
        .chain((0..60).map(|at| live(Kind::Namespace, &format!("n{at}"))))
        .collect();
    let status = first(&cluster(&objects), &only(&["WL-04"]));
    let result = item(&status, "WL-04");
    assert_eq!(
        (result.evaluated, result.failing, result.findings),
        (600, 600, 600)
    );
    assert_eq!((result.sample.len(), result.more), (CLUSTER_SAMPLE, 590));
    assert_eq!(result.namespaces.len(), 50);
    assert_eq!(
        result.message,
        "600 of 600 workloads run privileged containers, in 60 namespaces"
    );
    assert!(
        result
            .sample
            .is_sorted_by_key(|finding| finding.namespace.clone())
    );
}

#[test]
fn messages_are_as_long_as_the_schema_admits() {
    assert_eq!(cut("short".to_owned(), MAX_MESSAGE), "short");
    assert_eq!(cut("äöü".repeat(400), 1024).len(), 1023);
    let finding = plumbline_baseline::Finding {
        severity: Severity::High,
        object: plumbline_baseline::ObjectRef {
            namespace: None,
            kind: Kind::Pod,
            name: "web".into(),
        },
        container: None,
        subject: None,
        role: None,
        reason: "HostPath",
        message: format!("mounts {}", "/x".repeat(5000)),
    };
    let written = Finding::from(SampledFinding {
        finding,
        waived: None,
    });
    assert!(written.message.len() <= MAX_MESSAGE && written.message.ends_with('…'));
}

#[test]
fn a_report_differs_in_nothing_in_counts_or_in_substance() {
    let report = |objects: &[Manifest], second: i64| {
        let mut memory = Memory::new(Home::Cluster, true);
        let settings = only(&["WL-04"]);
        let inventory = cluster(objects);
        report_of(&inventory, &settings, &Home::Cluster, &mut memory, &[], at(0));
        report_of(
            &inventory,
            &settings,
            &Home::Cluster,
            &mut memory,
            &[],
            at(second),
        )
        .status
    };
    let one = report(&[deployment("web", false)], 0);
    let counts = report(&[deployment("web", false), deployment("shop", false)], 0);
    let failing = report(&[deployment("web", true)], 0);
    let mut heartbeat = one.clone();
    heartbeat.last_evaluated = Some(Time(at(600)));
    heartbeat.observed_generation = Some(3);
    heartbeat.coverage[0].last_sync = Some(Time(at(600)));
    assert_eq!(
        Fingerprint::of(&one).difference(Fingerprint::of(&one)),
        Difference::None
    );
    assert_eq!(
        Fingerprint::of(&one).difference(Fingerprint::of(&heartbeat)),
        Difference::None
    );
    assert_eq!(
        Fingerprint::of(&one).difference(Fingerprint::of(&counts)),
        Difference::Counts
    );
    assert_eq!(
        Fingerprint::of(&one).difference(Fingerprint::of(&failing)),
        Difference::Substance
    );
    assert!(Difference::None < Difference::Counts && Difference::Counts < Difference::Substance);
}
