//! Ways in from outside, and lines for everything.

use plumbline_inventory::Kind;
use plumbline_inventory::testing::{Manifest, live, written};
use plumbline_network::{Network, Way};
use serde_json::{Value, json};

use crate::offline;

fn workload(name: &str) -> Manifest {
    let container = json!({ "name": "main", "image": "x", "ports": [{ "name": "http", "containerPort": 8080 }, { "containerPort": 9090 }] });
    written(Kind::Deployment, name)
        .namespace("shop")
        .set("spec.template.metadata.labels", json!({ "app": name }))
        .pod_spec_push("containers", container)
}

fn service(name: &str, kind: &str, ports: Value) -> Manifest {
    written(Kind::Service, name).namespace("shop").set(
        "spec",
        json!({ "type": kind, "selector": { "app": name }, "ports": ports }),
    )
}

fn ingress(backends: &[Value]) -> Manifest {
    let paths: Vec<Value> = backends
        .iter()
        .map(|service| json!({ "backend": { "service": service } }))
        .collect();
    written(Kind::Ingress, "shop")
        .namespace("shop")
        .set("spec.rules", json!([{ "http": { "paths": paths } }]))
}

fn lines(objects: &[Manifest]) -> Vec<String> {
    let inventory = offline(objects);
    Network::of(&inventory)
        .edges(&inventory)
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn of_controllers(objects: &[Manifest]) -> Vec<String> {
    lines(objects)
        .into_iter()
        .filter(|line| line.starts_with("ingress-controller"))
        .collect()
}

fn entries(objects: &[Manifest]) -> Vec<String> {
    let inventory = offline(objects);
    let entries = Network::of(&inventory).entries(&inventory);
    let shown = entries.iter().map(|e| {
        format!(
            "{:?} {} {} {} / {}",
            e.way, e.through, e.workload.name, e.target, e.allowed
        )
    });
    shown.collect()
}

#[test]
fn an_ingress_leads_to_the_target_port_of_its_service() {
    let ports = json!([{ "name": "web", "port": 80, "targetPort": "http" }, { "name": "metrics", "port": 90, "targetPort": 9090 }]);
    let service = service("web", "ClusterIP", ports);
    let by_name = ingress(&[json!({ "name": "web", "port": { "name": "web" } })]);
    let by_number = ingress(&[
        json!({ "name": "web", "port": { "number": 90 } }),
        json!({ "name": "missing", "port": { "number": 90 } }),
    ]);
    let with = |ingress: &Manifest| {
        of_controllers(&[workload("web"), workload("db"), service.clone(), ingress.clone()])
    };
    assert_eq!(
        with(&by_name),
        ["ingress-controller => shop/web[Deployment] : TCP 8080"]
    );
    assert_eq!(
        with(&by_number),
        ["ingress-controller => shop/web[Deployment] : TCP 9090"]
    );
}

#[test]
fn a_controller_gets_as_far_as_the_policies_let_a_pod_that_nobody_knows() {
    let service = service("web", "ClusterIP", json!([{ "port": 80, "targetPort": 8080 }]));
    let ingress = ingress(&[json!({ "name": "web", "port": { "number": 80 } })]);
    let with = |rule: Value| {
        let policy = written(Kind::NetworkPolicy, "p")
            .namespace("shop")
            .set("spec.ingress", json!([rule]));
        of_controllers(&[workload("web"), service.clone(), ingress.clone(), policy])
    };
    let line = "ingress-controller => shop/web[Deployment] : TCP 8080";
    assert_eq!(with(json!({ "from": [{ "namespaceSelector": {} }] })), [line]);
    assert_eq!(with(json!({ "ports": [{ "port": 8080 }] })), [line]);
    assert!(with(json!({ "ports": [{ "port": 80 }] })).is_empty());
    assert!(with(json!({ "from": [{ "podSelector": {} }] })).is_empty());
    assert!(with(json!({ "from": [{ "namespaceSelector": { "matchLabels": { "a": "b" } } }] })).is_empty());
}

#[test]
fn routes_of_gateways_lead_in_and_those_of_a_mesh_do_not() {
    let service = service("web", "ClusterIP", json!([{ "port": 80, "targetPort": 8080 }]));
    let route = |kind: Kind, parent: Value| {
        written(kind, "r").namespace("edge").set(
            "spec",
            json!({ "parentRefs": [parent], "rules": [{ "backendRefs": [{ "name": "web", "namespace": "shop", "port": 80 }] }] }),
        )
    };
    let with = |route: Manifest| of_controllers(&[workload("web"), service.clone(), route]);
    for kind in [
        Kind::HttpRoute,
        Kind::GrpcRoute,
        Kind::TlsRoute,
        Kind::TcpRoute,
        Kind::UdpRoute,
    ] {
        assert_eq!(
            with(route(kind, json!({ "name": "public" }))),
            ["ingress-controller => shop/web[Deployment] : TCP 8080"]
        );
    }
    assert!(
        with(route(
            Kind::HttpRoute,
            json!({ "name": "web", "kind": "Service", "group": "" })
        ))
        .is_empty()
    );
}

#[test]
fn services_and_host_ports_lead_in_as_far_as_addresses_outside_may() {
    let balancer = service(
        "web",
        "LoadBalancer",
        json!([{ "port": 80, "targetPort": "http", "nodePort": 30080 }, { "port": 90, "targetPort": 9090 }]),
    );
    let inside = service("db", "ClusterIP", json!([{ "port": 80 }]));
    let by_address = inside.clone().set("spec.externalIPs", json!(["192.0.2.1"]));
    let host = workload("host").set(
        "spec.template.spec.containers",
        json!([{ "name": "main", "image": "x", "ports": [{ "containerPort": 53, "hostPort": 5353, "protocol": "UDP" }] }]),
    );
    let policy = written(Kind::NetworkPolicy, "p").namespace("shop").set(
        "spec.ingress",
        json!([{ "from": [{ "ipBlock": { "cidr": "192.0.2.0/24" } }], "ports": [{ "port": 8080 }] }]),
    );
    assert!(entries(&[workload("db"), inside]).is_empty());
    assert_eq!(
        entries(&[
            workload("web"),
            workload("db"),
            host,
            balancer,
            by_address,
            policy
        ]),
        [
            "ExternalIp Service shop/db db TCP 80 / No Connections",
            "HostPort Deployment shop/host host UDP 53 / No Connections",
            "LoadBalancer Service shop/web web TCP 8080,9090 / TCP 8080",
            "NodePort Service shop/web web TCP 8080,9090 / TCP 8080",
        ]
    );
    assert!(!Way::HostPort.is_led_by_controller());
}

#[test]
fn every_pair_of_ends_has_a_line() {
    let policy = written(Kind::NetworkPolicy, "p").namespace("shop").set(
        "spec",
        json!({
            "podSelector": { "matchLabels": { "app": "db" } },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{ "from": [{ "podSelector": {} }], "ports": [{ "port": 5432 }] }],
            "egress": [{ "to": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }] }],
        }),
    );
    assert_eq!(
        lines(&[workload("web"), workload("db"), policy]),
        [
            "0.0.0.0-9.255.255.255 => shop/web[Deployment] : All Connections",
            "10.0.0.0-10.255.255.255 => shop/web[Deployment] : All Connections",
            "11.0.0.0-255.255.255.255 => shop/web[Deployment] : All Connections",
            "shop/db[Deployment] => 10.0.0.0-10.255.255.255 : All Connections",
            "shop/web[Deployment] => 0.0.0.0-9.255.255.255 : All Connections",
            "shop/web[Deployment] => 10.0.0.0-10.255.255.255 : All Connections",
            "shop/web[Deployment] => 11.0.0.0-255.255.255.255 : All Connections",
            "shop/web[Deployment] => shop/db[Deployment] : TCP 5432",
        ]
    );
}

#[test]
fn pods_of_an_owner_that_is_not_there_count_for_it() {
    let set = live(Kind::ReplicaSet, "web-1");
    let owned = |name: &str| {
        written(Kind::Pod, name)
            .namespace("shop")
            .image("x")
            .owned_by(&set)
    };
    let mirrored = written(Kind::Pod, "proxy-n1")
        .namespace("shop")
        .image("x")
        .owned_by(&live(Kind::Node, "n1"));
    assert_eq!(
        lines(&[owned("web-1-a"), owned("web-1-b"), mirrored]),
        [
            "0.0.0.0-255.255.255.255 => shop/proxy-n1[Pod] : All Connections",
            "0.0.0.0-255.255.255.255 => shop/web-1[ReplicaSet] : All Connections",
            "shop/proxy-n1[Pod] => 0.0.0.0-255.255.255.255 : All Connections",
            "shop/proxy-n1[Pod] => shop/web-1[ReplicaSet] : All Connections",
            "shop/web-1[ReplicaSet] => 0.0.0.0-255.255.255.255 : All Connections",
            "shop/web-1[ReplicaSet] => shop/proxy-n1[Pod] : All Connections",
        ]
    );
}
