//! `plumbline diff` against a snapshot; against a cluster it reads the same.

use super::*;

fn deployment(name: &str, privileged: bool, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\n\
         metadata: {{name: {name}, namespace: shop, labels: {{app: {name}, team: shop}}{more}}}\n\
         spec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}, team: shop}}}}\n    \
         spec: {{containers: [{{name: app, image: 'registry.example/app:1', securityContext: {{privileged: {privileged}}}}}]}}\n---\n"
    )
}

/// What a cluster has of a Deployment: itself, a `ReplicaSet` and a pod.
fn running(name: &str, privileged: bool) -> String {
    let owner = |kind: &str, uid: &str| {
        format!(
            "ownerReferences: [{{apiVersion: apps/v1, kind: {kind}, name: {name}, uid: {uid}, controller: true}}]"
        )
    };
    let container = format!(
        "containers: [{{name: app, image: 'registry.example/app:1', securityContext: {{privileged: {privileged}}}}}]"
    );
    let (set, pod) = (
        owner("Deployment", &format!("{name}-d")),
        owner("ReplicaSet", &format!("{name}-r")),
    );
    deployment(name, privileged, &format!(", uid: {name}-d"))
        + &format!(
            "apiVersion: apps/v1\nkind: ReplicaSet\n\
             metadata: {{name: {name}, namespace: shop, uid: {name}-r, labels: {{app: {name}, team: shop, pod-template-hash: x}}, {set}}}\n\
             spec:\n  replicas: 1\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
             template: {{metadata: {{labels: {{app: {name}, pod-template-hash: x}}}}, spec: {{{container}}}}}\n---\n\
             apiVersion: v1\nkind: Pod\n\
             metadata: {{name: {name}-1, namespace: shop, uid: {name}-p, labels: {{app: {name}, team: shop, pod-template-hash: x}}, {pod}}}\n\
             spec: {{nodeName: worker, {container}}}\nstatus: {{phase: Running}}\n---\n"
        )
}

struct Diff {
    folder: TempDir,
}

impl Diff {
    fn new(base: &str, manifests: &str) -> Self {
        Self {
            folder: folder(&[("base.yaml", base), ("deploy/all.yaml", manifests)]),
        }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let usual = ["diff", "-f", "deploy", "--base", "base.yaml"];
        plumbline(self.folder.path(), &[&usual, arguments].concat())
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let ran = self.run(&[arguments, &["-o", "json"]].concat());
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        ran.json()
    }
}

/// One item of a difference.
fn item<'a>(result: &'a Value, id: &str) -> Option<&'a Value> {
    let items = result["items"].as_array().unwrap();
    items.iter().find(|item| item["id"] == id)
}

fn names(findings: &Value) -> Vec<&str> {
    let findings = findings.as_array().unwrap().iter();
    findings
        .map(|finding| finding["name"].as_str().unwrap())
        .collect()
}

#[test]
fn what_gets_worse_is_a_regression_with_its_place() {
    let diff = Diff::new(&running("web", false), &deployment("web", true, ""));
    let result = diff.json(&[], 1);
    assert_eq!(result["regression"], true);
    assert_eq!(
        result["objects"],
        serde_json::json!({ "created": 0, "applied": 1, "pruned": 0 })
    );
    let item = item(&result, "WL-04").unwrap();
    assert_eq!(
        (&item["from"], &item["to"], &item["regression"]),
        (&Value::from("Pass"), &Value::from("Fail"), &Value::from(true))
    );
    assert_eq!(names(&item["appear"]), ["web"]);
    assert_eq!(
        (&item["appear"][0]["file"], &item["appear"][0]["line"]),
        (&Value::from("deploy/all.yaml"), &Value::from(1))
    );
    let text = diff.run(&[]);
    assert_eq!(text.code, 1);
    for part in [
        "Compared with base.yaml: 0 new, 1 applied to what is there, 0 pruned.",
        "WL-04 No privileged containers (required): Pass → Fail",
        "  + Deployment shop/web [app]: ",
        "Regression: WL-04 would get worse",
    ] {
        assert!(text.out.contains(part), "{part}: {}", text.out);
    }
}

#[test]
fn what_is_mended_goes_with_its_pods() {
    // The old pod is still privileged; it goes with the old template.
    let diff = Diff::new(&running("web", true), &deployment("web", false, ""));
    let result = diff.json(&[], 0);
    let item = item(&result, "WL-04").unwrap();
    assert_eq!(
        (&item["from"], &item["to"]),
        (&Value::from("Fail"), &Value::from("Pass"))
    );
    assert_eq!(names(&item["go"]), ["web"]);
    assert_eq!(names(&item["appear"]), Vec::<&str>::new());
    // Privileged, it had every capability; now those of the runtime's default are left. That is no new finding.
    let left = self::item(&result, "WL-11").unwrap();
    assert_eq!(
        (&left["from"], &left["to"]),
        (&Value::from("Fail"), &Value::from("Fail"))
    );
    assert_eq!(
        (names(&left["appear"]), names(&left["differ"])),
        (vec![], vec!["web"])
    );
    let before = left["differ"][0]["before"].as_str().unwrap();
    assert!(before.contains("privileged is true"), "{before}");
    assert!(
        diff.run(&[])
            .out
            .contains("  ~ Deployment shop/web [app]: capabilities.drop lacks ALL")
    );
    assert!(diff.run(&[]).out.ends_with("No regression.\n"));
}

#[test]
fn what_is_there_already_changes_nothing() {
    let base = running("web", true) + &running("api", false);
    let diff = Diff::new(
        &base,
        &(deployment("web", true, "") + &deployment("api", false, "")),
    );
    let result = diff.json(&[], 0);
    assert_eq!(result["items"], serde_json::json!([]));
    assert_eq!(result["objects"]["applied"], 2);
    assert!(diff.run(&[]).out.ends_with("Nothing would change.\n"));
}

#[test]
fn one_more_finding_is_a_regression_though_the_item_fails_already() {
    let diff = Diff::new(&running("web", true), &deployment("api", true, ""));
    let result = diff.json(&[], 1);
    let found = item(&result, "WL-04").unwrap();
    assert_eq!(
        (&found["from"], &found["to"]),
        (&Value::from("Fail"), &Value::from("Fail"))
    );
    assert_eq!(names(&found["appear"]), ["api"]);
    // In a system namespace it is accepted.
    let manifest = deployment("api", true, "").replace("namespace: shop", "namespace: kube-system");
    let result = Diff::new(&running("web", true), &manifest).json(&[], 0);
    let found = item(&result, "WL-04").unwrap();
    assert_eq!(found["appear"][0]["waived"], "SystemNamespace");
}

#[test]
fn recommended_items_count_when_asked_to() {
    let plain = deployment("web", false, "");
    let pinned = plain.replace("app:1'", &format!("app@sha256:{}'", "ab".repeat(32)));
    let latest = plain.replace("app:1'", "app:latest'");
    let recommended: Vec<&str> = plumbline_baseline::ITEMS
        .iter()
        .filter(|item| item.is_implemented() && item.level == plumbline_api::Level::Recommended)
        .map(|item| item.id)
        .collect();
    let diff = Diff::new(&pinned, &latest);
    let ran = diff.run(&["-o", "json", "--level", "recommended"]);
    let result = ran.json();
    let regressed = |result: &Value| -> Vec<String> {
        let items = result["items"].as_array().unwrap().iter();
        items
            .filter(|item| item["regression"] == true)
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = regressed(&result);
    let required = regressed(&diff.run(&["-o", "json"]).json());
    let only_recommended: Vec<&String> = all.iter().filter(|id| !required.contains(id)).collect();
    assert!(!all.is_empty() && ran.code == 1, "{result:#}");
    assert!(
        only_recommended
            .iter()
            .all(|id| recommended.contains(&id.as_str())),
        "{only_recommended:?}"
    );
    assert!(
        required.iter().all(|id| !recommended.contains(&id.as_str())),
        "{required:?}"
    );
}

#[test]
fn what_is_pruned_goes_with_what_was_made_of_it() {
    let base = running("web", true) + &running("api", true).replace("team: shop", "team: other");
    let diff = Diff::new(&base, &deployment("new", false, ""));
    // The new one is no better than it has to be: its findings are new.
    let without = diff.json(&[], 1);
    assert_eq!(
        without["objects"],
        serde_json::json!({ "created": 1, "applied": 0, "pruned": 0 })
    );
    // The labels are on the pod and the ReplicaSet as well; those are not counted, but gone.
    let result = diff.json(&["--prune", "team=shop"], 1);
    assert_eq!(result["objects"]["pruned"], 1);
    let found = item(&result, "WL-04").unwrap();
    assert_eq!(names(&found["go"]), ["web"]);
    assert_eq!(
        (&found["from"], &found["to"]),
        (&Value::from("Fail"), &Value::from("Fail"))
    );
    // What gave every container its limits is missed.
    let limits = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: usual, namespace: shop, labels: {team: shop}}\n\
                  spec: {limits: [{type: Container, default: {cpu: '1', memory: 64Mi}}]}\n---\n";
    let diff = Diff::new(
        &(deployment("web", false, "") + limits),
        &deployment("web", false, ""),
    );
    assert_eq!(diff.run(&[]).code, 0);
    let result = diff.json(&["--prune", "team in (shop)"], 1);
    assert_eq!(result["objects"]["pruned"], 1);
    let regressed = result["items"].as_array().unwrap().iter();
    let regressed: Vec<&Value> = regressed.map(|item| &item["id"]).collect();
    assert_eq!(regressed, ["WL-10a"], "{result:#}");
}

#[test]
fn labels_of_others_replicas_and_identity_stay() {
    // A namespace's labels are what Pod Security goes by; the manifest of another tool adds one.
    let namespace = |labels: &str| {
        format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {{{labels}}}}}}}\n---\n")
    };
    let base = namespace("pod-security.kubernetes.io/enforce: restricted") + &running("web", false);
    let diff = Diff::new(&base, &namespace("team: shop"));
    assert_eq!(diff.json(&[], 0)["items"], serde_json::json!([]));
    // Scaled to zero by hand: a manifest that leaves the number open does not start it again.
    let idle = deployment("web", true, "").replace("spec:\n  selector", "spec:\n  replicas: 0\n  selector");
    let diff = Diff::new(&idle, &deployment("web", true, ""));
    assert_eq!(diff.json(&[], 0)["items"], serde_json::json!([]));
}

#[test]
fn a_baseline_among_the_manifests_goes_for_the_result() {
    let baseline = "{apiVersion: compliance.plumbline.dev/v1alpha1, kind: ComplianceBaseline, metadata: {name: default}, \
                    spec: {items: [{id: WL-04, enabled: false, reason: tried out}]}}";
    let diff = Diff::new(&running("web", true), baseline);
    let result = diff.json(&[], 0);
    let found = item(&result, "WL-04").unwrap();
    assert_eq!(
        (&found["from"], &found["to"]),
        (&Value::from("Fail"), &Value::from("NotApplicable"))
    );
    let back = Diff::new(
        &format!("{}{baseline}", running("web", true)),
        &baseline.replace("enabled: false, reason: tried out", "enabled: true"),
    );
    assert_eq!(back.json(&[], 1)["regression"], true);
}

#[test]
fn wrong_usage_and_unreadable_input_are_told_apart_from_regressions() {
    let diff = Diff::new(
        &running("web", false),
        "kind: Deployment\nmetadata: {name: web}\n",
    );
    let ran = diff.run(&["-o", "json"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("without an apiVersion"), "{}", ran.err);

    let broken =
        deployment("web", true, "") + "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: wrong\n";
    let diff = Diff::new(&running("web", false), &broken);
    let ran = diff.run(&["-o", "json"]);
    assert_eq!(ran.code, 2);
    let result = ran.json();
    assert_eq!(result["regression"], true, "what can be read is compared");
    let errors = result["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");

    let folder = folder(&[("deploy/notes.yaml", "hello: world\n")]);
    let here = |arguments: &[&str]| plumbline(folder.path(), arguments);
    let ran = here(&["diff", "-f", "deploy", "--base", "deploy"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("nothing would change"), "{}", ran.err);
    let ran = here(&["diff", "-f", "deploy", "--base", "deploy", "--prune", "a b"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("is no label selector"), "{}", ran.err);
    assert_eq!(here(&["diff"]).code, 2);
    // Neither a cluster nor a base.
    let ran = here(&["diff", "-f", "deploy", "--prune", "a=b"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no cluster to read"), "{}", ran.err);
    assert_eq!(here(&["diff", "-f", "deploy", "--f-base", "none.json"]).code, 2);
}
