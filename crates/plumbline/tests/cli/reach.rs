//! Who may talk to whom, as its users see it.

use serde_json::Value;
use tempfile::TempDir;

use crate::{Ran, folder, plumbline};

const SHOP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: x, ports: [{name: http, containerPort: 8080}]}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: x}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
";

const POLICIES: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{namespaceSelector: {}}], ports: [{port: http}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}, {port: 5433}, {port: 9000}]}]
";

fn shop() -> TempDir {
    folder(&[("shop.yaml", SHOP), ("policies/all.yml", POLICIES)])
}

fn reach(folder: &TempDir, more: &[&str]) -> Ran {
    let mut arguments = vec!["reach", "-f", "."];
    arguments.extend(more);
    plumbline(folder.path(), &arguments)
}

#[test]
fn every_allowed_connection_is_a_line_and_lines_are_in_order() {
    let ran = reach(&shop(), &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(
        ran.out,
        "ingress-controller => shop/web[Deployment] : TCP 8080\n\
         shop/web[Deployment] => shop/db[StatefulSet] : TCP 5432-5433,9000\n"
    );
}

#[test]
fn without_policies_everybody_may_do_everything() {
    let ran = reach(&folder(&[("shop.yaml", SHOP)]), &[]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines,
        [
            "0.0.0.0-255.255.255.255 => shop/db[StatefulSet] : All Connections",
            "0.0.0.0-255.255.255.255 => shop/web[Deployment] : All Connections",
            "ingress-controller => shop/web[Deployment] : TCP 8080",
            "shop/db[StatefulSet] => 0.0.0.0-255.255.255.255 : All Connections",
            "shop/db[StatefulSet] => shop/web[Deployment] : All Connections",
            "shop/web[Deployment] => 0.0.0.0-255.255.255.255 : All Connections",
            "shop/web[Deployment] => shop/db[StatefulSet] : All Connections",
        ]
    );
    assert!(lines.is_sorted());
}

#[test]
fn the_result_is_the_same_for_programs() {
    let result: Value = serde_json::from_str(&reach(&shop(), &["-o", "json"]).out).unwrap();
    assert_eq!(result["kind"], "ReachResult");
    let connection = &result["connections"][1];
    assert_eq!(
        (&connection["from"], &connection["to"]),
        (&"shop/web[Deployment]".into(), &"shop/db[StatefulSet]".into())
    );
    assert_eq!(connection["connections"], "TCP 5432-5433,9000");
    assert_eq!(
        connection["ports"],
        serde_json::json!([
            { "protocol": "TCP", "first": 5432, "last": 5433 },
            { "protocol": "TCP", "first": 9000, "last": 9000 },
        ])
    );
    let entry = &result["entries"][0];
    assert_eq!(
        (&entry["way"], &entry["through"]["name"]),
        (&"Ingress".into(), &"web".into())
    );
    assert_eq!(
        (&entry["target"], &entry["allowed"]),
        (&"TCP 8080".into(), &"TCP 8080".into())
    );
    assert_eq!(result["errors"], serde_json::json!([]));
}

#[test]
fn what_a_policy_cannot_mean_is_told_with_its_place_and_the_rest_is_evaluated() {
    let wrong = POLICIES.replace("{port: 9000}", "{port: 90000}");
    let folder = folder(&[("shop.yaml", SHOP), ("policies.yaml", &wrong)]);
    let ran = reach(&folder, &[]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.out
            .contains("shop/web[Deployment] => shop/db[StatefulSet] : TCP 5432-5433\n"),
        "{}",
        ran.out
    );
    assert_eq!(
        ran.err,
        "error: ./policies.yaml:15 (document 3): NetworkPolicy shop/db: spec.ingress[0].ports[2]: \
         port 90000 is not between 1 and 65535\n"
    );
    let errors = reach(&folder, &["-o", "json"]).errors();
    assert!(
        errors[0].starts_with("./policies.yaml 3 15: NetworkPolicy shop/db: "),
        "{errors:?}"
    );
}

#[test]
fn an_explanation_names_the_policies_that_decide() {
    let ran = reach(&shop(), &["--explain", "web", "shop/db[StatefulSet]"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(
        ran.out,
        "\
shop/web[Deployment] => shop/db[StatefulSet] : TCP 5432-5433,9000

egress of shop/web[Deployment]: All Connections
  NetworkPolicy shop/default-deny selects it
    no rule matches the other end
  NetworkPolicy shop/web selects it
    egress[0] allows All Connections
  a NetworkPolicy isolates it: what none allows is denied

ingress of shop/db[StatefulSet]: TCP 5432-5433,9000
  NetworkPolicy shop/db selects it
    ingress[0] allows TCP 5432-5433,9000
  NetworkPolicy shop/default-deny selects it
    no rule matches the other end
  a NetworkPolicy isolates it: what none allows is denied
"
    );
}

#[test]
fn addresses_and_controllers_can_be_explained_and_unknown_ends_are_errors() {
    let folder = folder(&[("shop.yaml", SHOP)]);
    let ran = reach(&folder, &["--explain", "192.0.2.1", "shop/web"]);
    assert!(
        ran.out
            .starts_with("192.0.2.1-192.0.2.1 => shop/web[Deployment] : All Connections\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("no policy selects it for ingress: everything is allowed"),
        "{}",
        ran.out
    );
    let ran = reach(&folder, &["--explain", "ingress-controller", "web", "-o", "json"]);
    assert_eq!(ran.json()["explanations"][0]["connections"], "All Connections");
    let ran = reach(&folder, &["--explain", "nobody", "web"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there is no workload nobody"), "{}", ran.err);
}

#[test]
fn a_graph_has_a_box_for_each_namespace() {
    let lab = "apiVersion: v1\nkind: Pod\nmetadata: {name: probe, namespace: lab}\nspec: {containers: [{name: a, image: x}]}\n";
    let ran = reach(
        &folder(&[
            ("shop.yaml", SHOP),
            ("policies.yaml", POLICIES),
            ("lab.yaml", lab),
        ]),
        &["-o", "dot"],
    );
    assert_eq!(ran.code, 0);
    for wanted in [
        "subgraph \"cluster lab\" {",
        "subgraph \"cluster shop\" {",
        "label=\"web [Deployment]\"",
        "label=\"ingress-controller\"",
        "[label=\"TCP 5432-5433,9000\"",
    ] {
        assert!(ran.out.contains(wanted), "{wanted}: {}", ran.out);
    }
    assert_eq!(ran.out.matches('{').count(), ran.out.matches('}').count());
}

#[test]
fn workloads_in_the_same_position_are_one_node_of_a_graph() {
    let pods: Vec<String> = ["a", "b", "c"]
        .iter()
        .map(|name| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: x, image: x}}]}}\n"))
        .collect();
    let ran = reach(&folder(&[("pods.yaml", &pods.join("---\n"))]), &["-o", "dot"]);
    assert!(
        ran.out.contains(r#"label="a [Pod]\nb [Pod]\nc [Pod]""#),
        "{}",
        ran.out
    );
}

#[test]
fn every_kind_of_policy_counts_and_an_unknown_version_is_told() {
    let admin = "\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: no-db}
spec:
  tier: Admin
  priority: 1
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
---
apiVersion: policy.networking.k8s.io/v1
kind: AdminNetworkPolicy
metadata: {name: later}
";
    let folder = folder(&[
        ("shop.yaml", SHOP),
        ("policies.yaml", POLICIES),
        ("admin.yaml", admin),
    ]);
    let ran = reach(&folder, &[]);
    assert_eq!(ran.out, "ingress-controller => shop/web[Deployment] : TCP 8080\n");
    assert!(ran.err.contains("admin.yaml:10 (document 2): AdminNetworkPolicy later: apiVersion: policy.networking.k8s.io/v1 is not known"), "{}", ran.err);
    let ran = reach(&folder, &["--explain", "web", "db"]);
    assert!(
        ran.out.contains(
            "ClusterNetworkPolicy no-db (admin, priority 1) selects it\n    ingress[0] denies All Connections"
        ),
        "{}",
        ran.out
    );
}

#[test]
fn nothing_to_look_at_is_a_warning() {
    let ran = reach(&folder(&[("a.yaml", "")]), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert!(ran.err.contains("there are no workloads"), "{}", ran.err);
}
