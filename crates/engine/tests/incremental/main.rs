//! After every event, in every order, what is kept up to date equals what a full evaluation says of the same
//! objects.
//!
//! `PROPTEST_CASES` sets how many streams are tried, 32 unless told.

mod probes;
mod stream;
mod twin;

use plumbline_engine::Settings;
use plumbline_inventory::Kind;
use plumbline_inventory::testing::{Manifest, live};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::json;

use stream::{Event, event};
use twin::Twin;

fn settings() -> impl Strategy<Value = Settings> {
    let baselines = [
        json!({}),
        json!({ "sensitiveSelector": { "matchLabels": { "security": "raised" } }, "systemNamespaces": ["a"] }),
        json!({
            "items": [{ "id": "WL-04", "enabled": false, "reason": "a build cluster" }],
            "systemNamespaces": ["a", "kube-system"], "runAsRoot": { "unknownImageUser": "Pass" },
        }),
    ];
    let compiled = baselines.map(|spec| {
        let (settings, problems) = Settings::compile(&serde_json::from_value(spec).expect("a baseline"));
        assert_eq!(problems, []);
        settings
    });
    prop::sample::select(compiled.to_vec())
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(32),
        max_shrink_iters: 400,
        // What was found is a plain test of its own.
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    }
}

const BEGINNINGS: [fn(Settings) -> Twin; 5] =
    [Twin::live, Twin::live, Twin::live, Twin::quiet, Twin::offline];

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_followed_equals_a_full_evaluation(
        settings in settings(),
        begin in prop::sample::select(&BEGINNINGS[..]),
        events in prop::collection::vec(event(), 40..120),
    ) {
        begin(settings).follow(events);
    }
}

/// What was found once, as plain events.
mod found {
    use super::*;

    fn namespace() -> Manifest {
        live(Kind::Namespace, "a")
    }

    /// A Deployment in `a` with its `ReplicaSet` and a pod of that, all privileged.
    fn web() -> [Manifest; 3] {
        let privileged = json!({ "name": "main", "securityContext": { "privileged": true } });
        let object = |kind, name| {
            let object = live(kind, name).namespace("a");
            object.pod_spec_push("containers", privileged.clone())
        };
        let deployment = object(Kind::Deployment, "web");
        let replicas = object(Kind::ReplicaSet, "web-1").owned_by(&deployment);
        let pod = object(Kind::Pod, "web-1-a").owned_by(&replicas);
        [deployment, replicas, pod]
    }

    fn follow(mut twin: Twin, objects: impl IntoIterator<Item = Manifest>) {
        twin.follow(objects.into_iter().map(Event::Apply));
    }

    #[test]
    fn a_report_whose_words_change_and_not_its_counts_is_named() {
        let [deployment, replicas, pod] = web();
        let mended = deployment
            .clone()
            .pod_spec("containers", json!([{ "name": "main" }]));
        follow(
            Twin::quiet(Settings::default()),
            [namespace(), deployment, replicas, pod, mended],
        );
    }

    #[test]
    fn what_reads_pods_only_hears_of_the_pods_of_a_deployment() {
        let [deployment, replicas, pod] = web();
        let labelled = pod.clone().label("security", "raised");
        follow(
            Twin::live(Settings::default()),
            [namespace(), deployment, replicas, pod, labelled],
        );
    }

    #[test]
    fn a_limit_range_changes_the_template_of_a_deployment() {
        let [deployment, ..] = web();
        let default = json!({ "type": "Container", "default": { "cpu": 1 } });
        let limits = live(Kind::LimitRange, "defaults")
            .namespace("a")
            .push("spec.limits", default);
        follow(Twin::live(Settings::default()), [namespace(), deployment, limits]);
    }

    #[test]
    fn offline_a_namespace_comes_with_its_first_object_and_goes_with_its_last() {
        let [deployment, ..] = web();
        let mut twin = Twin::offline(Settings::default());
        twin.follow([Event::Apply(deployment), Event::Delete(0)]);
    }
}
