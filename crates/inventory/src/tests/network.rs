//! Facts that say who may talk to whom, and who leads traffic in.

use serde_json::json;

use crate::entries::{PortRef, Protocol, ServiceType};
use crate::kind::Kind;
use crate::testing::{live, written};
use crate::{Inventory, Name};

use super::cluster;

#[test]
fn a_service_port_leads_to_the_port_of_its_own_number_unless_told_otherwise() {
    let ports = json!([
        { "port": 80 },
        { "port": 81, "targetPort": "http" },
        { "port": 82, "targetPort": 8082, "protocol": "UDP", "nodePort": 30082 },
        { "port": 83, "targetPort": 0 },
        { "port": 84, "protocol": "ICMP" },
    ]);
    let service = live(Kind::Service, "web").set("spec", json!({ "type": "NodePort", "ports": ports }));
    let inventory = cluster(&[&service]);
    let (_, facts) = inventory.namespace("shop").unwrap().service("web").unwrap();
    assert_eq!(facts.kind, ServiceType::NodePort);
    let targets: Vec<_> = facts
        .ports
        .iter()
        .map(|port| (port.protocol, port.target.clone()))
        .collect();
    assert_eq!(
        targets,
        [
            (Protocol::Tcp, PortRef::Number(80)),
            (Protocol::Tcp, PortRef::Name("http".into())),
            (Protocol::Udp, PortRef::Number(8082)),
            (Protocol::Tcp, PortRef::Number(83)),
        ]
    );
}

#[test]
fn only_annotations_that_say_who_gets_in_are_kept() {
    let internal = "service.beta.kubernetes.io/aws-load-balancer-internal";
    let service = live(Kind::Service, "web")
        .annotation(internal, "true")
        .annotation("team", "shop");
    let inventory = cluster(&[&service]);
    let (_, facts) = inventory.namespace("shop").unwrap().service("web").unwrap();
    assert_eq!(facts.annotations.iter().collect::<Vec<_>>(), [(internal, "true")]);
}

#[test]
fn a_route_hangs_on_gateways_and_leads_to_services() {
    let route = live(Kind::HttpRoute, "web")
        .set("spec.parentRefs", json!([{ "name": "public", "namespace": "edge" }, { "name": "web", "kind": "Service", "group": "" }]))
        .set("spec.rules", json!([{
            "backendRefs": [{ "name": "web", "port": 80 }, { "name": "bucket", "kind": "Bucket", "group": "x" }],
            "filters": [{ "requestMirror": { "backendRef": { "name": "copy", "port": 81 } } }],
        }]));
    let inventory = cluster(&[&route]);
    let (kind, _, facts) = inventory.namespace("shop").unwrap().routes().next().unwrap();
    assert_eq!(kind, Kind::HttpRoute);
    assert_eq!(
        facts.gateways.as_ref(),
        [(Some(Name::from("edge")), Name::from("public"))]
    );
    let backends: Vec<_> = facts.backends.iter().map(|b| (&*b.service, b.port)).collect();
    assert_eq!(backends, [("copy", Some(81)), ("web", Some(80))]);
}

#[test]
fn a_policy_of_another_version_is_known_to_be_one() {
    let mut inventory = Inventory::offline();
    inventory.apply(written(Kind::ClusterNetworkPolicy, "a").object());
    inventory.apply(
        written(Kind::ClusterNetworkPolicy, "b")
            .set("apiVersion", "policy.networking.k8s.io/v1beta9")
            .object(),
    );
    let unknown: Vec<_> = inventory
        .cluster_policies()
        .map(|(_, name, facts)| (&**name, facts.unknown_version.as_deref()))
        .collect();
    assert_eq!(
        unknown,
        [("a", None), ("b", Some("policy.networking.k8s.io/v1beta9"))]
    );
}

#[test]
fn a_change_of_a_policy_is_noted_with_its_name_and_a_repetition_is_not() {
    let policy = live(Kind::NetworkPolicy, "deny");
    let admin = live(Kind::AdminNetworkPolicy, "deny");
    let mut inventory = Inventory::live();
    for object in [&policy, &admin] {
        inventory.apply(object.object());
    }
    let noted = inventory.take_dirty().objects;
    assert_eq!(noted.into_iter().collect::<Vec<_>>(), [policy.id(), admin.id()]);
    inventory.apply(policy.object());
    assert!(inventory.take_dirty().is_empty());
    inventory.delete(&policy.id());
    assert!(inventory.take_dirty().objects.contains(&policy.id()));
    inventory.apply_undecodable(admin.id(), "wrong".to_owned());
    assert!(inventory.take_dirty().objects.contains(&admin.id()));
}
