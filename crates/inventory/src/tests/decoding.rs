//! How objects are read.

use serde_json::{Value, json};

use crate::kind::Kind;
use crate::lean::Object;
use crate::testing::{Manifest, live};

/// An object of each kind with every field that the lean types know.
fn full(kind: Kind) -> Manifest {
    let object = live(kind, "x")
        .label("app", "web")
        .annotation("team", "shop")
        .set("metadata.generateName", "x-")
        .set("metadata.resourceVersion", "7")
        .set("metadata.deletionTimestamp", "2026-11-24T10:00:00Z")
        .owned_by(&live(Kind::Deployment, "web"));
    match kind {
        Kind::Node => object
            .set("status.nodeInfo", json!({ "kubeletVersion": "v1.37.2", "operatingSystem": "linux" }))
            .set("status.runtimeHandlers", json!([{ "name": "runsc" }])),
        Kind::ServiceAccount => object.set("automountServiceAccountToken", true),
        Kind::Role | Kind::ClusterRole => object
            .set("rules", json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["x"], "nonResourceURLs": ["/"] }]))
            .set("aggregationRule", json!({ "clusterRoleSelectors": [selector()] })),
        Kind::RoleBinding | Kind::ClusterRoleBinding => object
            .set("subjects", json!([{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "eve", "namespace": "shop" }]))
            .set("roleRef", json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x" })),
        Kind::NetworkPolicy => {
            let peer = json!({ "podSelector": selector(), "namespaceSelector": selector(), "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] } });
            let ports = json!([{ "protocol": "TCP", "port": "http", "endPort": 90 }]);
            object
                .set("spec", json!({ "podSelector": selector(), "policyTypes": ["Ingress"] }))
                .set("spec.ingress", json!([{ "from": [peer], "ports": ports }]))
                .set("spec.egress", json!([{ "to": [peer], "ports": ports }]))
        }
        Kind::Service => object
            .set("spec", json!({ "type": "LoadBalancer", "selector": { "app": "web" }, "externalIPs": ["192.0.2.1"], "loadBalancerSourceRanges": ["192.0.2.0/24"] }))
            .set("spec.ports", json!([{ "name": "http", "protocol": "TCP", "port": 80, "targetPort": "http", "nodePort": 30080 }]))
            .set("status.loadBalancer.ingress", json!([{ "ip": "192.0.2.1", "hostname": "lb.example" }])),
        Kind::Ingress => {
            let backend = json!({ "service": { "name": "web", "port": { "name": "http", "number": 80 } } });
            object
                .set("spec", json!({ "ingressClassName": "nginx", "defaultBackend": backend }))
                .set("spec.rules", json!([{ "host": "shop.example", "http": { "paths": [{ "backend": backend }] } }]))
        }
        Kind::Gateway => object
            .set("spec", json!({ "gatewayClassName": "x", "listeners": [{ "port": 80, "protocol": "HTTP" }] }))
            .set("status.addresses", json!([{ "value": "192.0.2.1" }])),
        kind if kind.is_route() => {
            let reference = json!({ "group": "", "kind": "Service", "namespace": "shop", "name": "web", "port": 80 });
            let filters = json!([{ "requestMirror": { "backendRef": reference } }]);
            object
                .set("spec", json!({ "parentRefs": [reference], "hostnames": ["shop.example"] }))
                .set("spec.rules", json!([{ "backendRefs": [reference], "filters": filters }]))
        }
        kind if kind.is_cluster_policy() => cluster_policy(object),
        Kind::LimitRange => object
            .set("spec.limits", json!([{ "type": "Container", "default": { "cpu": 1 }, "max": { "memory": "1Gi" } }])),
        Kind::PersistentVolume => {
            object.set("spec", json!({ "hostPath": { "path": "/data" }, "local": { "path": "/data" } }))
        }
        Kind::PersistentVolumeClaim => object.set("spec.volumeName", "x"),
        Kind::RuntimeClass => object.set("handler", "runsc"),
        Kind::ConfigMap => object.set("data", json!({ "key": "value" })),
        kind if kind.is_workload() => workload(object),
        _ => object,
    }
}

fn cluster_policy(object: Manifest) -> Manifest {
    let namespaces = json!({
        "matchLabels": { "app": "web" }, "matchExpressions": [{ "key": "app", "operator": "Exists" }],
        "namespaceSelector": selector(), "sameLabels": ["app"], "notSameLabels": ["app"],
    });
    let peer = json!({
        "namespaces": namespaces, "nodes": selector(), "networks": ["10.0.0.0/8"], "domainNames": ["a.example"],
        "pods": { "namespaceSelector": selector(), "podSelector": selector() },
    });
    let port = json!({ "destinationPort": { "number": 80, "range": { "start": 80, "end": 90 } } });
    let rule = |direction: &str| {
        json!({
            "name": "x", "action": "Pass", (direction): [peer],
            "ports": [{
                "portNumber": { "protocol": "TCP", "port": 80 }, "namedPort": "http",
                "portRange": { "protocol": "TCP", "start": 80, "end": 90 },
            }],
            "protocols": [{ "tcp": port, "udp": port, "sctp": port, "destinationNamedPort": "http" }],
        })
    };
    object
        .set("spec", json!({ "tier": "Admin", "priority": 7, "subject": peer }))
        .set("spec.ingress", json!([rule("from")]))
        .set("spec.egress", json!([rule("to")]))
}

fn selector() -> Value {
    json!({ "matchLabels": { "app": "web" }, "matchExpressions": [{ "key": "app", "operator": "In", "values": ["web"] }] })
}

fn workload(object: Manifest) -> Manifest {
    let profile = json!({ "type": "RuntimeDefault" });
    let context = json!({
        "runAsUser": 0, "runAsNonRoot": true, "seccompProfile": profile, "appArmorProfile": profile,
        "seLinuxOptions": { "type": "spc_t" }, "windowsOptions": { "hostProcess": true, "runAsUserName": "x" },
        "sysctls": [{ "name": "kernel.msgmax" }], "privileged": true, "allowPrivilegeEscalation": true,
        "readOnlyRootFilesystem": true, "procMount": "Unmasked", "capabilities": { "add": ["ALL"], "drop": ["ALL"] },
    });
    let resources = json!({ "limits": { "cpu": 1, "memory": 1.5 } });
    let handler = json!({ "exec": { "command": ["x"] }, "httpGet": { "httpHeaders": [{ "name": "x", "value": "y" }] } });
    let container = json!({
        "name": "main", "image": "web:1", "restartPolicy": "Always", "command": ["x"], "args": ["x"],
        "env": [{ "name": "x", "value": "y" }], "securityContext": context, "resources": resources,
        "volumeMounts": [{ "name": "v", "readOnly": true }], "livenessProbe": handler, "readinessProbe": handler,
        "ports": [{ "name": "http", "containerPort": 80, "hostPort": 80, "protocol": "TCP" }],
        "startupProbe": handler, "lifecycle": { "postStart": handler, "preStop": handler },
    });
    let status = json!([{ "name": "main", "user": { "linux": { "uid": 0 } } }]);
    let volumes = json!([
        { "name": "v", "hostPath": { "path": "/" } },
        { "name": "w", "persistentVolumeClaim": { "claimName": "x" } },
        { "name": "e", "ephemeral": {} },
    ]);
    let object = object
        .set("spec.replicas", 1)
        .set("status.phase", "Running")
        .set("status.containerStatuses", status.clone())
        .set("status.initContainerStatuses", status.clone())
        .set("status.ephemeralContainerStatuses", status)
        .set("status.updateRevision", "x")
        .set(
            "status.conditions",
            json!([{ "type": "Complete", "status": "True" }]),
        );
    if object.kind() != Kind::Pod {
        // The rest is the same type wherever it stands.
        return object.pod_spec("containers", json!([{ "name": "main", "image": "web:1" }]));
    }
    object
        .pod_spec("nodeName", "n")
        .pod_spec("os.name", "linux")
        .pod_spec("nodeSelector", json!({ "disk": "ssd" }))
        .pod_spec("serviceAccountName", "x")
        .pod_spec("serviceAccount", "x")
        .pod_spec("automountServiceAccountToken", true)
        .pod_spec("hostPID", true)
        .pod_spec("hostIPC", true)
        .pod_spec("hostNetwork", true)
        .pod_spec("hostUsers", false)
        .pod_spec("runtimeClassName", "x")
        .pod_spec("securityContext", context)
        .pod_spec("resources", resources)
        .pod_spec("volumes", volumes)
        .pod_spec("initContainers", json!([container]))
        .pod_spec("containers", json!([container]))
        .pod_spec("ephemeralContainers", json!([container]))
}

/// Fields that the API server insists on where their parent is there: it would have refused the `null`.
const DEMANDED: [&str; 5] = [
    "/metadata",
    "/seccompProfile/type",
    "/appArmorProfile/type",
    "/key",
    "/operator",
];

/// Every place in `value`, as JSON pointers, entries of lists left out: the API server has none that are null.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut go = |key: &str, child: &Value| {
        let place = format!("{at}/{key}");
        places(child, &place, found);
        if !value.is_array() && !DEMANDED.iter().any(|end| place.ends_with(end)) {
            found.push(place);
        }
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, child)| go(key, child)),
        Value::Array(entries) => (0..)
            .zip(entries)
            .for_each(|(at, child)| go(&at.to_string(), child)),
        _ => {}
    }
}

fn decode(kind: Kind, json: &Value) -> Result<String, String> {
    let [text, value] = [
        Object::from_json(kind, &json.to_string()),
        Object::from_value(kind, json),
    ]
    .map(|object| object.map(|object| format!("{object:?}")));
    assert_eq!(text, value, "text and value are read alike");
    text
}

#[test]
fn null_is_absence_wherever_it_stands() {
    // Decisions are looked at as a whole, as they are stored.
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_decision()) {
        let full = full(kind).json().clone();
        assert_eq!(decode(kind, &full).err(), None, "{kind}");
        let mut found = Vec::new();
        places(&full, "", &mut found);
        for place in found {
            let (parent, key) = place.rsplit_once('/').expect("a pointer");
            let mut absent = full.clone();
            absent
                .pointer_mut(parent)
                .and_then(Value::as_object_mut)
                .expect("it was there")
                .remove(key);
            let mut null = full.clone();
            *null.pointer_mut(&place).expect("it was there") = Value::Null;
            // A key of a map stays, with the value that is nothing, as in the maps of Go.
            let is_in = |maps: &[&str]| maps.iter().any(|map| parent.ends_with(map));
            if is_in(&[
                "/labels",
                "/annotations",
                "/nodeSelector",
                "/matchLabels",
                "/spec/selector",
                "/data",
            ]) {
                absent.pointer_mut(parent).expect("it was there")[key] = json!("");
            } else if is_in(&["/resources/limits", "/default", "/max"]) {
                absent.pointer_mut(parent).expect("it was there")[key] = json!(0);
            }
            assert_eq!(decode(kind, &null), decode(kind, &absent), "{kind} {place}");
        }
    }
}

#[test]
fn unknown_fields_are_passed_over() {
    let pod = live(Kind::Pod, "web").image("web:1");
    let plain = format!("{:?}", pod.object());
    let more = pod
        .set("metadata.managedFields", json!([{ "manager": "kubectl" }]))
        .set("spec.novelty", json!({ "a": [1] }));
    assert_eq!(format!("{:?}", more.object()), plain);
}

#[test]
fn the_error_names_the_place() {
    let wrong = |kind: Kind, path: &str, value: Value| {
        live(kind, "x").image("x").set(path, value).decode().unwrap_err()
    };
    let container = json!([{ "name": "main", "securityContext": { "privileged": "yes" } }]);
    assert_eq!(
        wrong(Kind::Pod, "spec.containers", container.clone()),
        "spec.containers[0].securityContext.privileged: invalid type: string, expected a boolean"
    );
    assert_eq!(
        wrong(
            Kind::CronJob,
            "spec.jobTemplate.spec.template.spec.containers",
            container
        ),
        "spec.jobTemplate.spec.template.spec.containers[0].securityContext.privileged: \
         invalid type: string, expected a boolean"
    );
    assert_eq!(
        wrong(Kind::Deployment, "spec.replicas", json!("3")),
        "spec.replicas: invalid type: string, expected i64"
    );
    assert_eq!(
        wrong(Kind::Pod, "metadata.labels", json!({ "app": 1 })),
        "metadata.labels.app: invalid type: integer, expected a string"
    );
    assert_eq!(
        wrong(Kind::Pod, "spec.resources", json!({ "limits": { "cpu": [] } })),
        "spec.resources.limits.cpu: data did not match any variant of untagged enum Quantity"
    );
    assert_eq!(
        wrong(
            Kind::Pod,
            "spec.securityContext",
            json!({ "seccompProfile": { "type": "Default" } })
        ),
        "spec.securityContext.seccompProfile.type: unknown variant `Default`, \
         expected one of `RuntimeDefault`, `Localhost`, `Unconfined`"
    );
    assert_eq!(
        wrong(Kind::ConfigMap, "data", json!("text")),
        "data: invalid type: string, expected a map of strings"
    );
}

#[test]
fn what_is_no_object_at_all_is_an_error_and_no_panic() {
    for kind in Kind::ALL {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            "7",
            "{\"metadata\": 7}",
            "{\"metadata\": {\"name\": 7}}",
            "{",
        ] {
            let error = Object::from_json(kind, text).expect_err(text);
            assert!(!error.is_empty() && !error.contains('\n'), "{error:?}");
        }
    }
}

#[test]
fn quantities_may_be_numbers() {
    let limits = |cpu: Value, memory: Value| {
        let limits = json!({ "limits": { "cpu": cpu, "memory": memory } });
        let pod =
            live(Kind::Pod, "web").push("spec.containers", json!({ "name": "main", "resources": limits }));
        let Object::Pod(pod) = pod.object() else {
            panic!("a pod")
        };
        format!("{:?}", pod.spec.containers[0].resources.limits)
    };
    assert_eq!(
        limits(json!(2), json!(0.5)),
        r#"{"cpu": Integer(2), "memory": Float(0.5)}"#
    );
    assert_eq!(
        limits(json!("250m"), json!("1Gi")),
        r#"{"cpu": Text("250m"), "memory": Text("1Gi")}"#
    );
}
