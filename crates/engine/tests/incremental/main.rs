//! After every event, in every order, what is kept up to date equals what a full evaluation says of the same
//! objects.
//!
//! `PROPTEST_CASES` sets how many streams are tried, 48 unless told.

mod probes;
mod stream;
mod twin;

use plumbline_engine::Settings;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::json;

use stream::event;
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
        cases: cases.unwrap_or(48),
        max_shrink_iters: 400,
        // What was found is a plain test of its own.
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_followed_equals_a_full_evaluation(
        settings in settings(),
        offline in prop::bool::weighted(0.15),
        events in prop::collection::vec(event(), 40..120),
    ) {
        let mut twin = if offline { Twin::offline(settings) } else { Twin::live(settings) };
        twin.follow(events);
    }
}
