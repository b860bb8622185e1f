//! Random streams of what a watch may bring.

use plumbline_inventory::digest::spec_digest;
use plumbline_inventory::testing::{Manifest, live, written};
use plumbline_inventory::{AnonymousRequests, Answer, InputState, Kind, ServerVersion};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Few names, so that objects meet.
pub(crate) const NAMESPACES: [&str; 3] = ["a", "b", "kube-system"];
pub(crate) const NAMES: [&str; 3] = ["x", "y", "z"];
pub(crate) const NODES: [&str; 2] = ["n1", "n2"];

/// What kubelets report: nothing while an image is pulled.
const IMAGES: [&str; 3] = [
    "",
    "docker.io/library/x@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "docker://sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
];

/// Something that happens to the inventory.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// An object is made or changed.
    Apply(Manifest),
    /// One of the objects that exist is sent again as it is: a heartbeat, or an entry of a listing.
    Again(usize),
    /// An object is made or changed, and does not decode.
    Undecodable(Manifest, &'static str),
    /// One of the objects that exist is deleted.
    Delete(usize),
    /// An input gets this state.
    Input(Kind, InputState),
    /// So many seconds pass, or the clock is put back.
    Wait(i8),
    /// Somebody has sent requests without credentials.
    Anonymous(AnonymousRequests),
    /// The API server has this version, as far as anybody knows.
    Version(Option<ServerVersion>),
    /// A listing of the kind begins.
    Begin(Kind),
    /// The listing of the kind ends.
    End(Kind),
    /// The kind is listed from beginning to end, once cut short and begun again. Bits tell for each object
    /// whether the part contains it.
    Relist {
        /// The kind.
        kind: Kind,
        /// What the listing that is cut short has brought.
        cut_short: u16,
        /// What the listing that comes to its end contains.
        whole: u16,
    },
}

/// An event of any kind.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => manifest().prop_map(Event::Apply),
        4 => any::<usize>().prop_map(Event::Again),
        2 => (manifest(), select(vec!["spec: wrong", "status: wrong"]))
            .prop_map(|(manifest, error)| Event::Undecodable(manifest, error)),
        7 => any::<usize>().prop_map(Event::Delete),
        2 => (kind(), input_state()).prop_map(|(kind, state)| Event::Input(kind, state)),
        5 => (-5..40_i8).prop_map(Event::Wait),
        1 => anonymous_requests().prop_map(Event::Anonymous),
        1 => select(vec![None, Some(35), Some(36)])
            .prop_map(|minor| Event::Version(minor.map(|minor| ServerVersion::new(1, minor)))),
        3 => listed_kind().prop_map(Event::Begin),
        3 => listed_kind().prop_map(Event::End),
        2 => (kind(), any::<u16>(), any::<u16>(), any::<u16>())
            .prop_map(|(kind, cut_short, some, more)| Event::Relist { kind, cut_short, whole: some | more }),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        2 => select(&Kind::ALL[..]),
        3 => select(&[Kind::Pod, Kind::ReplicaSet, Kind::Deployment, Kind::Namespace, Kind::Node, Kind::LimitRange][..]),
    ]
}

/// A kind whose listing is interrupted by events of others: pods most of all, whose facts follow from others.
fn listed_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![1 => Just(Kind::Pod), 1 => kind()]
}

fn input_state() -> impl Strategy<Value = InputState> {
    use InputState::{Absent, Failing, Forbidden, Pending, Synced};
    prop_oneof![4 => Just(Synced), 1 => select(vec![Forbidden, Absent, Failing, Pending])]
}

fn anonymous_requests() -> impl Strategy<Value = AnonymousRequests> {
    let answer = || {
        select(vec![
            Answer::Status(200),
            Answer::Status(401),
            Answer::RefusedAsAnonymous,
            Answer::Missing("no answer in time".into()),
        ])
    };
    (answer(), answer()).prop_map(|(api, version)| {
        AnonymousRequests::of([("/api".into(), api), ("/version".into(), version)].into())
    })
}

/// An object of any kind.
fn manifest() -> impl Strategy<Value = Manifest> {
    prop_oneof![
        6 => rights(),
        4 => namespace(),
        3 => node(),
        12 => pod(),
        12 => controller(),
        6 => beside(),
        6 => decision(),
        8 => crate::network::object(),
    ]
}

/// What the waiver of this number says, whatever its name.
fn deviation(number: usize) -> Value {
    let items = [
        json!(["WL-04", "AZ-06a", "AZ-06b"]),
        json!(["AZ-02", "AZ-03", "WL-02"]),
        json!(["SE-02a", "WL-99"]),
    ];
    let scopes = [
        json!({}),
        json!({ "workloads": [{ "kind": "Deployment", "name": "x" }, { "kind": "Pod", "name": "y" }] }),
        json!({ "labelSelector": { "matchLabels": { "security": "raised" } } }),
        json!({ "subjects": ["User/x", "ServiceAccount/a/x"], "images": ["i"] }),
    ];
    let expires = [
        "2026-11-24T10:00:30Z",
        "2026-11-24T10:02:00Z",
        "2026-12-08T10:01:00Z",
        "2027-06-01T00:00:00Z",
    ];
    json!({
        "items": items[number % 3], "scope": scopes[number % 4], "reason": "r", "requestedBy": "dev",
        "expires": expires[number / 2 % 4],
    })
}

/// A waiver, an approval of one, or an attestation.
fn decision() -> impl Strategy<Value = Manifest> {
    let kinds = [
        Kind::ComplianceWaiver,
        Kind::ClusterComplianceWaiver,
        Kind::ComplianceApproval,
        Kind::ClusterComplianceApproval,
        Kind::ComplianceAttestation,
    ];
    let place = (select(&NAMESPACES[..]), select(&NAMES[..]), select(&NAMES[..]));
    (select(kinds.to_vec()), place, 0..8_usize, 0..6_usize).prop_map(
        |(kind, (namespace, name, other), number, odd)| {
            let object = live(kind, name);
            let object = if kind.is_namespaced() {
                object.namespace(namespace)
            } else {
                object
            };
            match kind {
                Kind::ClusterComplianceWaiver if odd == 0 => object
                    .set("spec", deviation(number))
                    .set("spec.scope.namespaces", json!(["a"])),
                Kind::ClusterComplianceWaiver if odd == 1 => object.set("spec", deviation(number)).set(
                    "spec.scope.namespaceSelector",
                    json!({ "matchLabels": { "security": "raised" } }),
                ),
                Kind::ComplianceWaiver | Kind::ClusterComplianceWaiver => {
                    object.set("spec", deviation(number))
                }
                Kind::ComplianceAttestation => {
                    let scope = if odd == 0 {
                        json!({ "namespaces": ["a", "b"] })
                    } else {
                        json!({})
                    };
                    let items = [
                        json!(["AU-03a", "AZ-01"]),
                        json!(["AZ-04", "SE-01"]),
                        json!(["WL-04"]),
                    ];
                    object
                        .set("spec.items", items[number % 3].clone())
                        .set("spec.scope", scope)
                        .set("spec.validUntil", deviation(number)["expires"].clone())
                }
                _ => {
                    let waiver = if kind.is_namespaced() {
                        Kind::ComplianceWaiver
                    } else {
                        Kind::ClusterComplianceWaiver
                    };
                    let approver = if odd == 0 { "dev" } else { "sue" };
                    object.set(
                        "spec",
                        json!({
                            "waiver": { "name": other, "uid": format!("{waiver} {other}") },
                            "specDigest": spec_digest(&deviation(number)), "approvedBy": approver,
                        }),
                    )
                }
            }
        },
    )
}

fn namespace() -> impl Strategy<Value = Manifest> {
    (select(&NAMESPACES[..]), labels(), prop::bool::weighted(0.2)).prop_map(|(name, labels, terminating)| {
        let namespace = labels.put(live(Kind::Namespace, name));
        if terminating {
            namespace.set("metadata.deletionTimestamp", "2026-11-24T10:00:00Z")
        } else {
            namespace
        }
    })
}

fn node() -> impl Strategy<Value = Manifest> {
    let os = select(&["linux", "windows", ""][..]);
    (
        select(&NODES[..]),
        os,
        select(&["v1.36.4", "v1.37.2"][..]),
        any::<bool>(),
    )
        .prop_map(|(name, os, kubelet, sandbox)| {
            let node = live(Kind::Node, name)
                .set("status.nodeInfo.operatingSystem", os)
                .set("status.nodeInfo.kubeletVersion", kubelet);
            let node = if os == "linux" {
                let taint = json!({ "key": "node-role.kubernetes.io/infra", "effect": "NoSchedule" });
                node.push("spec.taints", taint)
                    .label("node-role.kubernetes.io/infra", "")
                    .push(
                        "status.addresses",
                        json!({ "type": "InternalIP", "address": "10.0.0.1" }),
                    )
                    .push(
                        "status.addresses",
                        json!({ "type": "ExternalIP", "address": "192.0.2.1" }),
                    )
            } else {
                node
            };
            if sandbox {
                node.push("status.runtimeHandlers", json!({ "name": "runsc" }))
            } else {
                node.label("kubernetes.io/os", "windows")
            }
        })
}

/// What a pod spec says, mostly nothing.
#[derive(Clone, Debug)]
struct PodSpec(Vec<(&'static str, Value)>);

fn pod_spec() -> impl Strategy<Value = PodSpec> {
    // Often one of two, so that templates equal one another and change into one another.
    let plain = |privileged| {
        let container = json!({ "name": "main", "securityContext": { "privileged": privileged } });
        PodSpec(vec![("containers", json!([container]))])
    };
    prop_oneof![1 => any::<bool>().prop_map(plain), 1 => odd_pod_spec()]
}

fn odd_pod_spec() -> impl Strategy<Value = PodSpec> {
    let container = |name: &'static str| {
        (
            weighted(0.3, any::<bool>()),
            weighted(0.3, select(vec!["0", "1"])),
        )
            .prop_map(move |(privileged, limit)| {
                let limits = limit.map(|limit| json!({ "cpu": limit, "memory": limit }));
                json!({
                    "name": name, "image": if privileged == Some(true) { "calico/node:v3" } else { "postgres:17" }, "securityContext": { "privileged": privileged },
                    "resources": { "limits": limits },
                })
            })
    };
    let mut some: Vec<BoxedStrategy<Option<(&'static str, Value)>>> = Vec::new();
    let mut field = |odds: f64, path: &'static str, values: Vec<Value>| {
        let value = weighted(odds, select(values)).prop_map(move |value| value.map(|value| (path, value)));
        some.push(value.boxed());
    };
    for flag in ["hostPID", "hostIPC", "hostNetwork"] {
        field(0.15, flag, vec![json!(true)]);
    }
    field(0.15, "hostUsers", vec![json!(false)]);
    field(0.15, "os.name", vec![json!("linux"), json!("windows")]);
    field(0.3, "serviceAccountName", vec![json!("x"), json!("y")]);
    field(
        0.2,
        "automountServiceAccountToken",
        vec![json!(true), json!(false)],
    );
    field(0.3, "runtimeClassName", vec![json!("x"), json!("y")]);
    field(0.2, "securityContext.runAsUser", vec![json!(0), json!(1000)]);
    let volumes = [
        json!([{ "name": "v", "hostPath": { "path": "/var/log" } }]),
        json!([{ "name": "v", "persistentVolumeClaim": { "claimName": "x" } }]),
        json!([{ "name": "v", "persistentVolumeClaim": { "claimName": "data-x" } }]),
    ];
    field(0.3, "volumes", volumes.to_vec());
    let list = |path, odds, name| {
        weighted(odds, container(name))
            .prop_map(move |it| it.map(|it| (path, json!([it]))))
            .boxed()
    };
    some.push(list("containers", 0.95, "main"));
    some.push(list("initContainers", 0.2, "init"));
    some.prop_map(|fields| PodSpec(fields.into_iter().flatten().collect()))
}

impl PodSpec {
    fn put(self, manifest: Manifest) -> Manifest {
        self.0
            .into_iter()
            .fold(manifest, |manifest, (path, value)| manifest.pod_spec(path, value))
    }
}

fn pod() -> impl Strategy<Value = Manifest> {
    let phase = select(&["Running", "Running", "Running", "Pending", "Succeeded", "Failed"][..]);
    let status = (phase, weighted(0.2, select(&[0, 1000][..])), 0..3_u32);
    let revision = (select(&["r1", "r2"][..]), select(&["1", "2"][..]));
    let extra = (
        (weighted(0.6, select(&NODES[..])), select(&IMAGES[..])),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
    );
    (identity(Kind::Pod), pod_spec(), labels(), status, revision, extra).prop_map(
        |(identity, spec, labels, (phase, uid, restarts), (hash, generation), ((node, image), mirror, ephemeral))| {
            let mut pod = labels
                .put(spec.put(identity))
                .label("controller-revision-hash", hash)
                .label("pod-template-generation", generation)
                .set("status.phase", phase)
                .set("spec.nodeName", node)
                .push(
                    "status.containerStatuses",
                    json!({
                        "name": "main", "imageID": image, "restartCount": restarts, "user": { "linux": { "uid": uid } },
                    }),
                );
            if mirror {
                let flag = format!("--anonymous-auth={}", restarts == 0);
                let server = json!({ "name": "server", "command": ["kube-apiserver", flag] });
                pod = pod
                    .annotation("kubernetes.io/config.mirror", "hash")
                    .push("spec.containers", server);
            }
            if ephemeral {
                let debugger = json!({ "name": "debugger", "securityContext": { "privileged": true } });
                pod = pod.push("spec.ephemeralContainers", debugger);
            }
            pod
        },
    )
}

const CONTROLLERS: [Kind; 8] = [
    Kind::ReplicaSet,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Job,
    Kind::CronJob,
    Kind::ReplicationController,
    Kind::PodTemplate,
];

fn controller() -> impl Strategy<Value = Manifest> {
    let kind = prop_oneof![1 => select(&CONTROLLERS[..]), 1 => select(&CONTROLLERS[..2])];
    (
        kind.prop_flat_map(identity),
        pod_spec(),
        labels(),
        select(&["r1", "r2"][..]),
        (0..3_u8, weighted(0.3, select(&["passed", "failed"][..]))),
    )
        .prop_map(|(identity, spec, labels, revision, (n, scan))| {
            let controller = labels.put(spec.put(identity));
            let controller = match scan {
                Some(word) => controller.annotation("dockerfile-scan.test/main", word),
                None => controller,
            };
            let generation = if revision == "r1" { "1" } else { "2" };
            match controller.kind() {
                Kind::StatefulSet => controller
                    .set("spec.replicas", n)
                    .set("status.updateRevision", revision),
                Kind::DaemonSet => {
                    controller.annotation("deprecated.daemonset.template.generation", generation)
                }
                Kind::Job if n == 0 => controller.push(
                    "status.conditions",
                    json!({ "type": "Complete", "status": "True" }),
                ),
                Kind::Job | Kind::CronJob | Kind::PodTemplate => controller,
                _ => controller.set("spec.replicas", n),
            }
        })
}

fn beside() -> impl Strategy<Value = Manifest> {
    let kinds = [
        Kind::ServiceAccount,
        Kind::LimitRange,
        Kind::LimitRange,
        Kind::PersistentVolumeClaim,
        Kind::PersistentVolume,
        Kind::RuntimeClass,
        Kind::ConfigMap,
        Kind::Service,
        Kind::Ingress,
        Kind::NetworkPolicy,
    ];
    (
        select(kinds.to_vec()),
        select(&NAMESPACES[..]),
        select(&NAMES[..]),
        any::<bool>(),
    )
        .prop_map(|(kind, namespace, name, one)| {
            let name = if kind == Kind::PersistentVolumeClaim && one {
                "data-x"
            } else {
                name
            };
            let object = live(kind, name);
            let object = if kind.is_namespaced() {
                object.namespace(namespace)
            } else {
                object
            };
            let other = if one { "x" } else { "y" };
            match kind {
                Kind::ServiceAccount if one => object.label("example.com/team", "x"),
                Kind::LimitRange => {
                    let default = if one {
                        json!({ "cpu": 1 })
                    } else {
                        json!({ "memory": "1Gi" })
                    };
                    object.push("spec.limits", json!({ "type": "Container", "default": default }))
                }
                Kind::PersistentVolumeClaim => object.set("spec.volumeName", other),
                Kind::PersistentVolume => object.set("spec.hostPath.path", format!("/{other}")),
                Kind::RuntimeClass => object.set("handler", if one { "runsc" } else { "runc" }),
                Kind::ConfigMap => object.set("data", json!({ "password": "hunter2-Zx81kq" })),
                Kind::NetworkPolicy => {
                    object.push("spec.policyTypes", if one { "Ingress" } else { "Egress" })
                }
                _ => object,
            }
        })
}

/// Roles of either kind, some aggregated, and bindings to them, whether they exist or not.
fn rights() -> impl Strategy<Value = Manifest> {
    let kinds = [
        Kind::Role,
        Kind::RoleBinding,
        Kind::ClusterRole,
        Kind::ClusterRoleBinding,
    ];
    let whom = prop::collection::vec((0..8_usize, select(&NAMES[..]), select(&NAMESPACES[..])), 0..3);
    (
        select(kinds.to_vec()),
        select(&NAMESPACES[..]),
        select(&NAMES[..]),
        any::<[bool; 2]>(),
        whom,
        approval(),
        leading(),
    )
        .prop_map(|(kind, namespace, name, [one, two], whom, approval, leading)| {
            let object = live(kind, name);
            let object = if kind.is_namespaced() {
                object.namespace(namespace)
            } else {
                object
            };
            let (verb, of_cluster) = (
                if one { "get" } else { "*" },
                if two { "ClusterRole" } else { "Role" },
            );
            match kind {
                Kind::Role => object.push("rules", leading.unwrap_or_else(|| rule(verb, two))),
                Kind::ClusterRole if one => object
                    .push(
                        "rules",
                        leading.unwrap_or_else(|| rule(if two { "get" } else { "*" }, !two)),
                    )
                    .label("aggregate", name),
                Kind::ClusterRole if two => object.set(
                    "aggregationRule.clusterRoleSelectors",
                    json!([{ "matchLabels": { "aggregate": "x" } }]),
                ),
                Kind::ClusterRole => object,
                _ => {
                    let role_kind = if kind == Kind::RoleBinding {
                        of_cluster
                    } else {
                        "ClusterRole"
                    };
                    let group = "rbac.authorization.k8s.io";
                    let role =
                        json!({ "apiGroup": group, "kind": role_kind, "name": if one { "x" } else { "y" } });
                    let subjects: Vec<Value> = whom.into_iter().map(subject).collect();
                    let object = object.set("roleRef", role).set("subjects", Value::from(subjects));
                    approval.into_iter().fold(object, |object, until| {
                        object
                            .annotation("access.test/approved-by", "z")
                            .annotation("access.test/expires", until)
                    })
                }
            }
        })
}

/// A right that leads to somebody else, or half of one.
fn leading() -> impl Strategy<Value = Option<Value>> {
    let rules = [
        (["create", "get"], "", "pods"),
        (["create", "get"], "", "pods/exec"),
        (["impersonate", "create"], "", "serviceaccounts"),
        (["impersonate", "get"], "", "groups"),
        (
            ["update", "create"],
            "certificates.k8s.io",
            "certificatesigningrequests/approval",
        ),
        (["approve", "get"], "certificates.k8s.io", "signers"),
        (
            ["impersonate:serviceaccount", "impersonate-on:serviceaccount:get"],
            "authentication.k8s.io",
            "serviceaccounts",
        ),
    ];
    let rules = rules.map(
        |(verbs, group, resource)| json!({ "verbs": verbs, "apiGroups": [group], "resources": [resource] }),
    );
    weighted(0.5, select(rules.to_vec()))
}

/// Until when somebody has approved of a binding.
fn approval() -> impl Strategy<Value = Option<&'static str>> {
    let times = [
        "2026-11-24T10:01:00Z",
        "2026-11-24T10:03:00Z",
        "2026-11-24T10:09:00Z",
    ];
    weighted(0.5, select(times.to_vec()))
}

fn rule(verb: &str, everything: bool) -> Value {
    let (group, resource) = if everything { ("*", "*") } else { ("", "secrets") };
    json!({ "verbs": [verb], "apiGroups": [group], "resources": [resource] })
}

fn subject((which, name, namespace): (usize, &str, &str)) -> Value {
    let group = "rbac.authorization.k8s.io";
    match which {
        0 => json!({ "kind": "User", "name": name, "apiGroup": group }),
        1 => json!({ "kind": "Group", "name": name, "apiGroup": group }),
        2 => {
            json!({ "kind": "Group", "name": format!("system:serviceaccounts:{namespace}"), "apiGroup": group })
        }
        3 => {
            json!({ "kind": "User", "name": format!("system:serviceaccount:{namespace}:{name}"), "apiGroup": group })
        }
        4 => json!({ "kind": "Group", "name": "system:authenticated", "apiGroup": group }),
        5 => json!({ "kind": "Group", "name": "system:serviceaccounts", "apiGroup": group }),
        6 => json!({ "kind": "User", "name": "system:anonymous", "apiGroup": group }),
        _ => json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace }),
    }
}

/// The uid of the first or second object of a name.
fn uid(kind: &str, namespace: &str, name: &str, second: bool) -> String {
    format!("{kind} {namespace} {name} {second}")
}

/// An object with its uid, and with the owner that it says it has.
fn identity(kind: Kind) -> impl Strategy<Value = Manifest> {
    let origin = prop_oneof![12 => Just(Some(false)), 2 => Just(Some(true)), 2 => Just(None)];
    let owner_kind = match kind {
        Kind::Pod => prop_oneof![
            6 => select(vec![Kind::ReplicaSet, Kind::StatefulSet, Kind::DaemonSet, Kind::Job]).prop_map(Some),
            1 => select(&CONTROLLERS[..]).prop_map(Some),
            1 => Just(None)
        ]
        .boxed(),
        Kind::ReplicaSet => prop_oneof![
            6 => Just(Some(Kind::Deployment)), 2 => Just(Some(Kind::ReplicaSet)), 1 => Just(None)
        ]
        .boxed(),
        Kind::Job => Just(Some(Kind::CronJob)).boxed(),
        _ => prop_oneof![
            1 => select(&CONTROLLERS[..]).prop_map(Some),
            3 => select(&CONTROLLERS[..2]).prop_map(Some),
        ]
        .boxed(),
    };
    let odds = match kind {
        Kind::Pod => 0.8,
        Kind::ReplicaSet | Kind::Job => 0.7,
        _ => 0.15,
    };
    let owner = weighted(odds, (owner_kind, select(&NAMES[..]), wrong()));
    (select(&NAMESPACES[..]), select(&NAMES[..]), origin, owner).prop_map(
        move |(namespace, name, origin, owner)| {
            let object = written(kind, name).namespace(namespace);
            let object = match origin {
                Some(second) => object.uid(&uid(kind.as_str(), namespace, name, second)),
                None => object,
            };
            let Some((owner, name, wrong)) = owner else {
                return object;
            };
            let (version, owner) = match owner {
                Some(owner) => (owner.api_version(), owner.as_str()),
                None => ("argoproj.io/v1alpha1".to_owned(), "Rollout"),
            };
            let mut reference = json!({
                "apiVersion": version, "kind": owner, "name": name, "controller": true,
                "uid": uid(owner, namespace, name, wrong == Wrong::Predecessor),
            });
            match wrong {
                Wrong::Nothing | Wrong::Predecessor => {}
                Wrong::Name => reference["name"] = json!("other"),
                Wrong::NotController => reference["controller"] = Value::Null,
                Wrong::Node => reference["kind"] = json!("Node"),
            }
            object.push("metadata.ownerReferences", reference)
        },
    )
}

/// What is wrong with an owner reference.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Nothing,
    Predecessor,
    Name,
    NotController,
    Node,
}

fn wrong() -> impl Strategy<Value = Wrong> {
    prop_oneof![
        5 => Just(Wrong::Nothing),
        1 => select(vec![Wrong::Predecessor, Wrong::Name, Wrong::NotController, Wrong::Node]),
    ]
}

/// Some labels.
#[derive(Clone, Debug)]
struct SomeLabels(Option<&'static str>);

fn labels() -> impl Strategy<Value = SomeLabels> {
    weighted(0.4, select(vec!["raised", "normal"])).prop_map(SomeLabels)
}

impl SomeLabels {
    fn put(self, manifest: Manifest) -> Manifest {
        match self.0 {
            Some(value) => manifest.label("security", value),
            None => manifest,
        }
    }
}
