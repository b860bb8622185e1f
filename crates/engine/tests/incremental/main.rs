//! After every event, in every order, what is kept up to date equals what a full evaluation says of the same
//! objects.
//!
//! `PROPTEST_CASES` sets how many streams are tried, 32 unless told.

mod network;
mod probes;
mod stream;
mod twin;

use plumbline_engine::Settings;
use plumbline_inventory::testing::{Manifest, live};
use plumbline_inventory::{Kind, ServerVersion};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::json;

use stream::{Event, event};
use twin::Twin;

fn settings() -> impl Strategy<Value = Settings> {
    let baselines = [
        json!({}),
        json!({
            "sensitiveSelector": { "matchLabels": { "security": "raised" } }, "systemNamespaces": ["a"],
            "productionSelector": { "matchLabels": { "security": "raised" } }, "developerGroups": ["x", "y"],
            "systemLabels": ["security"], "trustedControllers": ["User/x", "ServiceAccount/a/y"],
        }),
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

    fn approved(until: &str) -> [Manifest; 2] {
        let developers = json!({ "kind": "Group", "name": "x" });
        let of_cluster = json!({ "kind": "ClusterRole", "name": "x" });
        let binding = live(Kind::RoleBinding, "x")
            .namespace("a")
            .set("roleRef", of_cluster)
            .push("subjects", developers);
        let pods = json!({ "verbs": ["create"], "apiGroups": [""], "resources": ["pods"] });
        [
            live(Kind::ClusterRole, "x").push("rules", pods),
            binding
                .annotation("access.test/approved-by", "z")
                .annotation("access.test/expires", until),
        ]
    }

    fn with_developers() -> Settings {
        let spec = json!({
            "productionSelector": { "matchLabels": { "security": "raised" } }, "developerGroups": ["x"],
        });
        Settings::compile(&serde_json::from_value(spec).expect("a baseline")).0
    }

    #[test]
    fn an_approval_that_expires_is_noticed_though_nothing_happens() {
        let mut twin = Twin::quiet(with_developers());
        twin.follow([Event::Apply(namespace().label("security", "raised"))]);
        twin.follow(approved("2026-11-24T10:00:30Z").map(Event::Apply));
        assert_eq!(twin.failing("AZ-04"), 0);
        twin.follow([Event::Wait(29)]);
        assert_eq!(twin.failing("AZ-04"), 0);
        twin.follow([Event::Wait(1)]);
        assert_eq!(twin.failing("AZ-04"), 1);
        // A clock that is put back brings no approval back.
        twin.follow([Event::Wait(-20)]);
        assert_eq!(twin.failing("AZ-04"), 1);
        let longer = approved("2026-11-24T11:00:00Z");
        twin.follow(longer.map(Event::Apply));
        assert_eq!(twin.failing("AZ-04"), 0);
    }

    #[test]
    fn nothing_is_due_for_what_is_gone() {
        let mut twin = Twin::quiet(with_developers());
        twin.follow([Event::Apply(namespace().label("security", "raised"))]);
        twin.follow(approved("2026-11-24T10:00:30Z").map(Event::Apply));
        assert!(twin.next_due().is_some());
        twin.follow([Event::Delete(0), Event::Delete(0), Event::Delete(0)]);
        assert_eq!(twin.next_due(), None);
    }

    /// A waiver of AZ-06a with the approval that makes it count.
    fn exception(expires: &str) -> [Manifest; 2] {
        let spec = json!({ "items": ["AZ-06a"], "reason": "r", "requestedBy": "dev", "expires": expires });
        let digest = plumbline_inventory::digest::spec_digest(&spec);
        let waiver = json!({ "name": "x", "uid": "ClusterComplianceWaiver x" });
        let approval = json!({ "waiver": waiver, "specDigest": digest, "approvedBy": "sue" });
        [
            live(Kind::ClusterComplianceWaiver, "x").set("spec", spec),
            live(Kind::ClusterComplianceApproval, "x").set("spec", approval),
        ]
    }

    #[test]
    fn an_exception_to_the_rule_on_anonymous_access_is_approved_and_needed_until_it_expires() {
        let [waiver, approval] = exception("2026-11-24T10:00:30Z");
        let anonymous = json!({ "kind": "User", "name": "system:anonymous" });
        let binding = bound("x", Kind::ClusterRoleBinding, "x", anonymous);
        let mut twin = Twin::quiet(Settings::default());
        twin.follow([Event::Apply(waiver)]);
        assert!(twin.says("AZ-06b", "nobody has approved it"));
        twin.follow([Event::Apply(approval)]);
        assert!(twin.says("AZ-06b", "no finding of AZ-06a needs it"));
        twin.follow([Event::Apply(binding)]);
        assert_eq!(twin.failing("AZ-06b"), 0);
        twin.follow([Event::Wait(30)]);
        assert!(twin.says("AZ-06b", "expired on"));
        twin.follow([Event::Delete(0), Event::Delete(0), Event::Delete(0)]);
        assert_eq!(twin.failing("AZ-06b"), 0);
    }

    fn bound(name: &str, kind: Kind, role: &str, subject: serde_json::Value) -> Manifest {
        let role = json!({ "kind": "ClusterRole", "name": role });
        let binding = live(kind, name).set("roleRef", role).push("subjects", subject);
        if kind == Kind::RoleBinding {
            binding.namespace("a")
        } else {
            binding
        }
    }

    #[test]
    fn a_path_goes_by_what_others_have_and_by_what_runs() {
        let rule = |verb: &str, resource: &str| json!({ "verbs": [verb], "apiGroups": [""], "resources": [resource] });
        let account = json!({ "kind": "ServiceAccount", "name": "y", "namespace": "a" });
        let pod = live(Kind::Pod, "p").namespace("a").image("x");
        let mut twin = Twin::quiet(Settings::default());
        twin.follow(
            [
                namespace(),
                live(Kind::ClusterRole, "exec").push("rules", rule("create", "pods/exec")),
                live(Kind::ClusterRole, "secrets").push("rules", rule("get", "secrets")),
                bound(
                    "x",
                    Kind::RoleBinding,
                    "exec",
                    json!({ "kind": "User", "name": "x" }),
                ),
                live(Kind::ServiceAccount, "y").namespace("a"),
            ]
            .map(Event::Apply),
        );
        let path = "may run commands in pods in a → runs as ServiceAccount a/y → has ReadSecrets everywhere";
        assert!(!twin.says("AZ-02", path));
        twin.follow([Event::Apply(bound(
            "y",
            Kind::ClusterRoleBinding,
            "secrets",
            account,
        ))]);
        assert!(!twin.says("AZ-02", path));
        twin.follow([Event::Apply(pod.clone().pod_spec("serviceAccountName", "y"))]);
        assert!(twin.says("AZ-02", path));
        twin.follow([Event::Apply(pod.pod_spec("serviceAccountName", "z"))]);
        assert!(!twin.says("AZ-02", path));
    }

    #[test]
    fn constrained_impersonation_does_something_once_the_server_is_new_enough() {
        let whole = json!({
            "verbs": ["impersonate:user-info", "impersonate-on:user-info:get"],
            "apiGroups": ["authentication.k8s.io"], "resources": ["users"],
        });
        let mut twin = Twin::quiet(Settings::default());
        let user = json!({ "kind": "User", "name": "x" });
        let binding = bound("x", Kind::ClusterRoleBinding, "x", user);
        let role = live(Kind::ClusterRole, "x").push("rules", whole);
        twin.follow([Event::Version(Some(ServerVersion::new(1, 35)))]);
        twin.follow([role, binding].map(Event::Apply));
        let latent = "does nothing before Kubernetes 1.36";
        assert!(twin.says("AZ-05", latent));
        twin.follow([Event::Version(Some(ServerVersion::new(1, 36)))]);
        assert!(!twin.says("AZ-05", latent));
        assert_eq!(twin.failing("AZ-05"), 1);
        twin.follow([Event::Version(None)]);
        assert!(!twin.says("AZ-05", latent));
    }

    #[test]
    fn half_a_right_is_whole_when_everybody_has_the_other() {
        let group = "certificates.k8s.io";
        let rule = |verb: &str, resource: &str| json!({ "verbs": [verb], "apiGroups": [group], "resources": [resource] });
        let mut twin = Twin::quiet(Settings::default());
        twin.follow(
            [
                live(Kind::ClusterRole, "one")
                    .push("rules", rule("update", "certificatesigningrequests/approval")),
                live(Kind::ClusterRole, "two").push("rules", rule("approve", "signers")),
                bound(
                    "x",
                    Kind::ClusterRoleBinding,
                    "one",
                    json!({ "kind": "User", "name": "x" }),
                ),
            ]
            .map(Event::Apply),
        );
        let latent = "does nothing without SignerApproval";
        assert!(twin.says("AZ-02", latent));
        let everybody = json!({ "kind": "Group", "name": "system:authenticated" });
        twin.follow([Event::Apply(bound(
            "y",
            Kind::ClusterRoleBinding,
            "two",
            everybody,
        ))]);
        assert!(!twin.says("AZ-02", latent));
    }

    #[test]
    fn offline_an_aggregated_role_has_the_rules_of_its_parts_when_it_comes_after_them() {
        let rules = json!({ "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"] });
        let part = live(Kind::ClusterRole, "x")
            .push("rules", rules)
            .label("aggregate", "x");
        let selectors = json!([{ "matchLabels": { "aggregate": "x" } }]);
        let whole = live(Kind::ClusterRole, "z").set("aggregationRule.clusterRoleSelectors", selectors);
        follow(Twin::offline(Settings::default()), [namespace(), part, whole]);
    }

    #[test]
    fn offline_a_namespace_comes_with_its_first_object_and_goes_with_its_last() {
        let [deployment, ..] = web();
        let mut twin = Twin::offline(Settings::default());
        twin.follow([Event::Apply(deployment), Event::Delete(0)]);
    }
}
