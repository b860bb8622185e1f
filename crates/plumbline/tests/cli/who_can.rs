//! `plumbline who-can`.

use super::*;

const RIGHTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: [''], resources: [secrets], verbs: [get, list]}
- {nonResourceURLs: [/metrics], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: audit}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: auditors}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: web}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: one, namespace: shop}
rules: [{apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [tls]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: one, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: one}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: alice}]
";

fn ask(arguments: &[&str]) -> Value {
    let folder = TempDir::new().unwrap();
    let mut all = vec!["who-can"];
    all.extend(arguments);
    all.extend(["-f", "-", "-o", "json"]);
    let ran = plumbline_with(folder.path(), &all, RIGHTS, &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    serde_json::from_str(&ran.out).unwrap()
}

fn names(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["name"].as_str().unwrap()).collect()
}

#[test]
fn who_may_everywhere_who_may_here_and_who_may_for_some_names() {
    let everywhere = ask(&["get", "secrets"]);
    assert_eq!(names(&everywhere["subjects"]), ["auditors"]);
    assert_eq!(names(&everywhere["limited"]), Vec::<&str>::new());
    let here = ask(&["get", "secrets", "-n", "shop"]);
    assert_eq!(
        here["subjects"],
        serde_json::json!([
            {
                "kind": "Group", "name": "auditors",
                "via": [{ "binding": "ClusterRoleBinding/audit", "role": "ClusterRole/reader" }],
            },
            {
                "kind": "ServiceAccount", "namespace": "shop", "name": "web",
                "via": [{ "binding": "RoleBinding/shop/web", "role": "ClusterRole/reader" }],
            },
        ])
    );
    assert_eq!(names(&here["limited"]), ["alice"]);
    assert_eq!(
        here["limited"][0]["via"][0]["resourceNames"],
        serde_json::json!(["tls"])
    );
    let named = ask(&["get", "secrets", "tls", "-n", "shop"]);
    assert_eq!(names(&named["subjects"]), ["alice", "auditors", "web"]);
    assert_eq!(names(&named["limited"]), Vec::<&str>::new());
    let other = ask(&["get", "secrets", "other", "-n", "shop"]);
    assert_eq!(names(&other["subjects"]), ["auditors", "web"]);
}

#[test]
fn groups_subresources_and_paths_are_told_apart() {
    assert_eq!(names(&ask(&["get", "/metrics"])["subjects"]), ["auditors"]);
    assert_eq!(
        names(&ask(&["get", "/metrics/slis"])["subjects"]),
        Vec::<&str>::new()
    );
    assert_eq!(
        names(&ask(&["get", "secrets.example.com"])["subjects"]),
        Vec::<&str>::new()
    );
    assert_eq!(
        names(&ask(&["get", "secrets/status"])["subjects"]),
        Vec::<&str>::new()
    );
}

#[test]
fn the_table_says_what_was_asked_and_by_what_it_is_so() {
    let folder = TempDir::new().unwrap();
    let ask = |arguments: &[&str]| plumbline_with(folder.path(), arguments, RIGHTS, &[]);
    let ran = ask(&["who-can", "get", "secrets", "-n", "shop", "-f", "-"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in [
        "May get secrets in namespace shop:",
        "ServiceAccount shop/web",
        "RoleBinding/shop/web",
        "For objects of certain names only:",
        "Role/one (tls)",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let ran = ask(&["who-can", "delete", "deployments/scale", "-f", "-"]);
    assert_eq!(
        ran.out,
        "Nobody may delete deployments.apps/scale in every namespace, but group system:masters.\n"
    );
}

#[test]
fn what_cannot_be_asked_or_read_is_an_error() {
    let folder = TempDir::new().unwrap();
    let ran = plumbline_with(
        folder.path(),
        &["who-can", "get", ".apps", "-f", "-"],
        RIGHTS,
        &[],
    );
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("names no resource"), "{}", ran.err);
    let wrong = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: a}, rules: wrong}";
    let ran = plumbline_with(folder.path(), &["who-can", "get", "pods", "-f", "-"], wrong, &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("Role"), "{}", ran.err);
    let ran = plumbline(folder.path(), &["who-can", "get", "pods"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
}
