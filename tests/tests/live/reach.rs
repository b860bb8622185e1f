//! `plumbline reach` says of a cluster what it says of its objects in a file.

use std::process::Stdio;

use plumbline_tests::{ControlPlane, Operator, Options};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{kubectl, with_web};

const POLICIES: &str = r"
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{ports: [{protocol: UDP, port: 53}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: bank}}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
    ports: [{port: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: bank}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: bank}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: bank}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
";

#[tokio::test]
async fn reach_says_of_a_cluster_what_it_says_of_its_objects() {
    let plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    for name in ["shop", "bank"] {
        plane.apply(&with_web(name, 2).to_string()).await.unwrap();
        kubectl(
            &plane,
            &["-n", name, "rollout", "status", "deployment/web", "--timeout=60s"],
        )
        .await;
    }
    plane.apply(POLICIES).await.unwrap();
    let kinds = "namespaces,pods,replicasets,deployments,services,ingresses,networkpolicies";
    let dump = kubectl(&plane, &["get", kinds, "-A", "-o", "json"]).await;

    for output in ["txt", "json", "dot"] {
        let of_cluster = reach(&plane, output, None).await;
        assert_eq!(of_cluster, reach(&plane, output, Some(&dump)).await, "{output}");
        assert!(of_cluster.contains("shop"), "{of_cluster}");
    }
    let lines = reach(&plane, "txt", None).await;
    for wanted in [
        "bank/web[Deployment] => shop/web[Deployment] : TCP 8080",
        "shop/web[Deployment] => bank/web[Deployment] : UDP 53",
        "10.2.0.0-10.255.255.255 => shop/web[Deployment] : TCP 8080",
        "ingress-controller => bank/web[Deployment] : TCP 8080",
    ] {
        assert!(
            lines.lines().any(|line| line == wanted),
            "{wanted} is not in\n{lines}"
        );
    }
    assert!(!lines.contains("10.1.0.0-10.1.255.255 => shop/web"), "{lines}");
}

/// What `plumbline reach` prints of the cluster, or of objects.
async fn reach(plane: &ControlPlane, output: &str, objects: Option<&str>) -> String {
    let source: &[&str] = if objects.is_some() { &["-f", "-"] } else { &[] };
    let mut child = Command::new(Operator::binary().unwrap())
        .args(["reach", "-o", output])
        .args(source)
        .env("KUBECONFIG", plane.admin_kubeconfig())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().expect("it is piped");
    let (written, output) = tokio::join!(
        async move { input.write_all(objects.unwrap_or_default().as_bytes()).await },
        child.wait_with_output(),
    );
    written.unwrap();
    let output = output.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}
