//! Requests without credentials, on API servers that treat them differently.

use plumbline_api::{ItemResult, ItemStatus, ReportStatus};
use plumbline_tests::{Component, ControlPlane, Operator, Options, Reports, item};
use tempfile::TempDir;

const ID: &str = "AZ-06a";

/// Three paths, and nothing else. Certificates and tokens go by their own flags beside it.
const RESTRICTED: &str = "
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous:
  enabled: true
  conditions: [{path: /healthz}, {path: /readyz}, {path: /livez}]
";

/// Gives metrics and secrets to everybody.
const WATCHER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everybody}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: watcher}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'system:anonymous'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: watcher}
rules:
- {verbs: [get], nonResourceURLs: [/metrics]}
- {verbs: [list], apiGroups: [''], resources: [secrets]}
";

/// An API server with these flags, and roles; nothing else runs.
async fn server(flags: &[String]) -> ControlPlane {
    let mut options = Options::default()
        .without(Component::ControllerManager)
        .without(Component::Scheduler)
        .without(Component::Kwok);
    for flag in flags {
        options = options.flag(Component::ApiServer, flag);
    }
    let plane = ControlPlane::start(options).await.unwrap();
    plane.install_crds().await.unwrap();
    plane
}

/// What the report says once AZ-06a is as `wanted`.
async fn until(reports: &Reports, what: &str, wanted: impl Fn(&ItemResult) -> bool) -> ItemResult {
    let says = |status: &ReportStatus| status.items.iter().any(|item| item.id == ID && wanted(item));
    let status = reports.until(None, what, says).await.unwrap();
    item(&status, ID).clone()
}

/// The messages of the findings of a reason: the sample has them all.
fn messages<'a>(item: &'a ItemResult, part: &str) -> Vec<&'a str> {
    assert_eq!(item.more, 0, "{item:?}");
    let messages = item.sample.iter().map(|finding| finding.message.as_str());
    messages.filter(|message| message.contains(part)).collect()
}

/// Somebody binds `system:anonymous`: the report names that, and what is answered because of it, soon after.
async fn a_binding_is_named_and_its_effect_seen(plane: &ControlPlane, reports: &Reports, open: bool) {
    plane.apply(WATCHER).await.unwrap();
    let result = until(reports, "the binding is named", |item| {
        // Watches of bindings and of roles are apart: at first the role may be missing.
        let named = |name: &str| item.sample.iter().any(|it| it.name == name && it.role.is_some());
        let secrets = !messages(item, "/api/v1/secrets without credentials is answered").is_empty();
        item.status == ItemStatus::Fail && named("everybody") && secrets == open
    })
    .await;
    let finding = result
        .sample
        .iter()
        .find(|finding| finding.name == "everybody")
        .unwrap();
    assert_eq!(finding.kind, "ClusterRoleBinding");
    assert_eq!(finding.subject.as_deref(), Some("User/system:anonymous"));
    assert_eq!(finding.role.as_deref(), Some("ClusterRole/watcher"));
    let reason = if open {
        "AnonymousAccess"
    } else {
        "AnonymousBinding"
    };
    assert_eq!(result.reason, reason, "{result:?}");
}

#[tokio::test]
async fn a_stock_api_server_authenticates_anonymous_requests() {
    let plane = server(&[]).await;
    let _operator = Operator::start(&plane).await.unwrap();
    let reports = plane.reports();
    let result = until(&reports, "the version is public", |item| item.failing == 2).await;
    assert_eq!(
        (result.status, result.reason.as_str()),
        (ItemStatus::Fail, "AnonymousAuthentication")
    );
    assert_eq!(
        messages(&result, "GET /version without credentials is answered with 200").len(),
        1
    );
    // Everything but health and version; stock roles do not give sub-checks of health to everybody.
    let refused = messages(&result, "refused to user system:anonymous");
    assert!(
        refused.len() == 1 && refused[0].contains("7 more paths"),
        "{result:?}"
    );
    // All paths, and the binding of public information.
    assert_eq!(result.evaluated, 13, "{result:?}");
    a_binding_is_named_and_its_effect_seen(&plane, &reports, true).await;
}

#[tokio::test]
async fn an_api_server_without_anonymous_authentication_passes() {
    let plane = server(&["--anonymous-auth=false".to_owned()]).await;
    let operator = Operator::start(&plane).await.unwrap();
    let reports = plane.reports();
    until(&reports, "nobody is let in", |item| {
        item.status == ItemStatus::Pass
    })
    .await;
    a_binding_is_named_and_its_effect_seen(&plane, &reports, false).await;
    operator.terminate().await.unwrap();
    plane
        .kubectl(["delete", "clusterrolebinding", "everybody"])
        .await
        .unwrap();

    // Whoever does not ask does not know.
    let arguments = ["--no-anonymous-probe"];
    let kubeconfig = plane.admin_kubeconfig();
    let _operator = Operator::start_with(&plane, &kubeconfig, "plumbline-1", &arguments)
        .await
        .unwrap();
    let result = until(&reports, "nobody asks", |item| item.status == ItemStatus::Unknown).await;
    assert_eq!(result.reason, "ProbeOff");
    assert_eq!(result.missing_evidence[0].source, "requests without credentials");
}

#[tokio::test]
async fn an_authentication_configuration_opens_three_paths() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("authentication.yaml");
    std::fs::write(&file, RESTRICTED).unwrap();
    let plane = server(&[format!("--authentication-config={}", file.display())]).await;
    let _operator = Operator::start(&plane).await.unwrap();
    let reports = plane.reports();
    let result = until(&reports, "three paths are open", |item| {
        item.status == ItemStatus::Pass
    })
    .await;
    assert_eq!(result.evaluated, 13, "{result:?}");
    a_binding_is_named_and_its_effect_seen(&plane, &reports, false).await;
}
