//! Items made to notice: together they tell everything that the inventory shows, each by one kind of check and
//! with no more declared reads than it uses. What is not looked at again in time makes one of them differ.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use jiff::Timestamp;
use plumbline_baseline::{
    Check, Context, Empty, Findings, ITEMS, Item, ObjectRef, Parameters, RoleView, Scope, Severity,
    SubjectView, find,
};
use plumbline_inventory::template::Template;
use plumbline_inventory::views::{NamespaceView, WorkloadView};
use plumbline_inventory::{Kind, Name, ObjectId};
use plumbline_rbac::{Rbac, Subject};
use xxhash_rust::xxh3::xxh3_64;

/// The items of the baseline, and the probes.
pub(crate) fn items() -> &'static [&'static Item] {
    static ALL: OnceLock<Vec<&'static Item>> = OnceLock::new();
    ALL.get_or_init(|| {
        ITEMS
            .into_iter()
            .chain(probes())
            .chain(crate::network::probes())
            .chain([clock()])
            .collect()
    })
}

/// The items of the baseline, and the one probe that tells more than it counts.
pub(crate) fn quiet_items() -> &'static [&'static Item] {
    &items()[..=ITEMS.len()]
}

const BESIDE_WORKLOADS: &[Kind] = &[
    Kind::Namespace,
    Kind::Pod,
    Kind::PodTemplate,
    Kind::ReplicationController,
    Kind::ReplicaSet,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Job,
    Kind::CronJob,
    Kind::ServiceAccount,
    Kind::PersistentVolumeClaim,
    Kind::PersistentVolume,
    Kind::RuntimeClass,
];

const OBJECTS: &[Kind] = &[Kind::Service, Kind::Ingress, Kind::NetworkPolicy];

const NODES: &[Kind] = &[Kind::Node];

const RIGHTS: &[Kind] = &[
    Kind::Role,
    Kind::RoleBinding,
    Kind::ClusterRole,
    Kind::ClusterRoleBinding,
    Kind::ServiceAccount,
];

/// An item without a word of documentation.
pub(crate) fn probe(
    id: &'static str,
    scope: Scope,
    reads: &'static [Kind],
    optional: &'static [Kind],
    checks: &'static [Check],
) -> &'static Item {
    let model = find("WL-04").expect("it is in the baseline");
    Box::leak(Box::new(Item {
        id,
        slug: id,
        scope,
        reads,
        optional,
        checks,
        empty: Empty::NotApplicable,
        ..*model
    }))
}

fn probes() -> [&'static Item; 11] {
    [
        probe(
            "P-01",
            Scope::Workload,
            Kind::WORKLOADS,
            &[Kind::Node],
            &[Check::Template(some_templates)],
        ),
        probe(
            "P-02",
            Scope::Workload,
            Kind::WORKLOADS,
            &[],
            &[Check::Template(every_template)],
        ),
        probe(
            "P-03",
            Scope::Workload,
            BESIDE_WORKLOADS,
            &[],
            &[Check::Workload(whole_workload)],
        ),
        probe(
            "P-04",
            Scope::Namespace,
            &[Kind::Pod],
            &[],
            &[Check::Namespace(only_pods)],
        ),
        probe(
            "P-05",
            Scope::Namespace,
            OBJECTS,
            &[Kind::ConfigMap],
            &[Check::Objects(every_object)],
        ),
        probe(
            "P-06",
            Scope::Namespace,
            NODES,
            &[],
            &[Check::Namespace(the_cluster), Check::Template(every_template)],
        ),
        probe(
            "P-07",
            Scope::Subject,
            RIGHTS,
            &[],
            &[
                Check::Subject(every_subject),
                Check::UnboundRole(every_unbound_role),
            ],
        ),
        probe(
            "P-08",
            Scope::Namespace,
            RIGHTS,
            &[Kind::Namespace],
            &[Check::Namespace(rights_of_accounts)],
        ),
        probe(
            "P-09",
            Scope::Namespace,
            RIGHTS,
            &[],
            &[Check::Entrants(rights_of_entrants)],
        ),
        probe(
            "P-10",
            Scope::Workload,
            RIGHTS,
            Kind::WORKLOADS,
            &[Check::Workload(rights_of_workload)],
        ),
        probe(
            "P-11",
            Scope::Cluster,
            RIGHTS,
            NODES,
            &[Check::Cluster(everything), Check::ClusterObjects(every_node)],
        ),
    ]
}

fn clock() -> &'static Item {
    probe(
        "P-12",
        Scope::Subject,
        RIGHTS,
        Kind::WORKLOADS,
        &[
            Check::Workload(time_of_workload),
            Check::Objects(time_of_namespace),
            Check::Subject(time_of_subject),
            Check::UnboundRole(time_of_role),
            Check::Cluster(time_of_cluster),
        ],
    )
}

fn some_templates(template: &Template, _: &Parameters, findings: &mut Findings) {
    if template.user_namespace {
        return findings.not_applicable();
    }
    if template.host_ipc {
        findings.unknown("HostIpc", format!("{:?}", template.service_account));
    }
    for container in template
        .containers
        .iter()
        .filter(|container| container.privileged)
    {
        findings.container_at(
            Severity::Critical,
            &container.name,
            "Privileged",
            format!("{container:?}"),
        );
    }
    if template.host_pid {
        findings.object_at(Severity::Low, "HostPid", "hostPID is true");
    }
}

fn every_template(template: &Template, _: &Parameters, findings: &mut Findings) {
    let severity = if template.is_windows() {
        Severity::High
    } else {
        Severity::Medium
    };
    let message = format!("{template:?}");
    findings.container_at(severity, &digest(&message), "Seen", message);
}

pub(crate) fn tell(findings: &mut Findings, reason: &'static str, message: String) {
    findings.container(&digest(&message), reason, message);
}

fn digest(message: &str) -> Name {
    format!("{:x}", xxh3_64(message.as_bytes())).into()
}

fn whole_workload(workload: WorkloadView<'_>, _: &Context<'_>, findings: &mut Findings) {
    let namespace = workload.namespace();
    let inventory = namespace.inventory();
    tell(
        findings,
        "Itself",
        format!("{:?} {:?}", workload.labels(), workload.annotations()),
    );
    tell(
        findings,
        "Pods",
        format!("makes {:?}, live {}", workload.pod_labels(), workload.live_pods()),
    );
    tell(
        findings,
        "Mirror",
        format!("{} {:?}", workload.is_mirror_pod(), workload.external_owner()),
    );
    for deciding in workload.deciding() {
        tell(
            findings,
            "Decides",
            format!("{} pods: {:?}", deciding.pods, deciding.template),
        );
        for claim in &deciding.template.claims {
            let bound: Vec<_> = workload
                .pods()
                .map(|(pod, _)| claim.name_for(pod))
                .filter_map(|wanted| namespace.claims().find(|(name, _)| ***name == wanted))
                .map(|(name, volume)| (name, volume.map(|volume| inventory.persistent_volume(volume))))
                .collect();
            tell(findings, "Claims", format!("{bound:?}"));
        }
        let class = deciding.template.runtime_class.as_deref();
        tell(
            findings,
            "Runs",
            format!("{:?}", class.and_then(|class| inventory.runtime_handler(class))),
        );
        let account = namespace
            .service_accounts()
            .find(|(name, _)| **name == deciding.template.service_account);
        tell(findings, "Account", format!("{account:?}"));
    }
    for (name, pod) in workload.pods() {
        tell(
            findings,
            "Pod",
            format!("{name} on {:?}, {:?}, {:?}", pod.node, pod.labels, pod.owner),
        );
    }
    let others: BTreeSet<(Kind, &Name, bool)> = namespace
        .workloads()
        .map(|other| (other.kind(), other.name(), other.is_active()))
        .collect();
    tell(findings, "Beside", format!("{others:?}"));
    tell(findings, "Within", format!("{:?}", namespace.facts()));
}

fn only_pods(namespace: NamespaceView<'_>, _: &Context<'_>, findings: &mut Findings) {
    for workload in namespace.workloads() {
        for (name, pod) in workload.pods() {
            let message = format!("{name}: {:?}, {:?}", pod.labels, pod.template.host_network);
            tell(findings, "Runs", message);
        }
    }
}

fn every_object(namespace: NamespaceView<'_>, _: &Context<'_>, findings: &mut Findings) {
    let mut tell_of = |kind: Kind, name: &Name, message: String| {
        // Counts what it tells, so that it is part of the result.
        findings.evaluate(1 + xxh3_64(message.as_bytes()) as u32 % 1000);
        let object = ObjectRef {
            namespace: Some(Name::clone(namespace.name())),
            kind,
            name: Name::clone(name),
        };
        findings.other(object, "IsThere", message);
    };
    namespace
        .services()
        .for_each(|(name, facts)| tell_of(Kind::Service, name, format!("{facts:?}")));
    namespace
        .ingresses()
        .for_each(|(name, facts)| tell_of(Kind::Ingress, name, format!("{facts:?}")));
    namespace
        .config_maps()
        .for_each(|(name, secrets)| tell_of(Kind::ConfigMap, name, format!("{secrets:?}")));
    namespace
        .network_policies()
        .for_each(|(name, facts)| tell_of(Kind::NetworkPolicy, name, format!("{facts:?}")));
}

fn the_cluster(namespace: NamespaceView<'_>, _: &Context<'_>, findings: &mut Findings) {
    let inventory = namespace.inventory();
    let nodes: Vec<_> = inventory.nodes().collect();
    if nodes.is_empty() {
        findings.unknown("NoNodes", format!("{} has nowhere to run", namespace.name()));
    }
    tell(findings, "Nodes", format!("{nodes:?}"));
}

/// What a binding gives to each whom it names.
fn gift(rbac: &Rbac, binding: &ObjectId) -> String {
    let rules = rbac.grant(binding).map(|grant| grant.rules.written());
    format!("{binding}: {rules:?}")
}

/// The same with whom it names, and whether they exist.
fn describe(rbac: &Rbac, binding: &ObjectId) -> String {
    let (gift, subjects, lacks) = (
        gift(rbac, binding),
        rbac.bound_subjects(binding),
        rbac.lacks(binding),
    );
    format!("{gift} to {subjects:?}, lacks {lacks:?}")
}

fn every_subject(subject: &SubjectView<'_>, context: &Context<'_>, findings: &mut Findings) {
    for binding in &subject.bindings {
        let role = context.rbac.grant(binding).map(|grant| grant.role);
        let severity = if binding.namespace.is_none() {
            Severity::High
        } else {
            Severity::Low
        };
        let granted: Vec<_> = subject
            .grants
            .iter()
            .map(|grant| (grant.binding, grant.rules.written()))
            .collect();
        let missing = context.rbac.is_missing(subject.subject);
        let message = format!("{missing} {granted:?}");
        findings.grant_at(severity, binding, subject.subject, role, "Has", message);
    }
}

fn every_unbound_role(role: &RoleView<'_>, _: &Context<'_>, findings: &mut Findings) {
    if !role.rules.written().is_empty() {
        findings.object("Unbound", format!("{:?}", role.rules.written()));
    }
}

fn rights_of_accounts(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let rbac = context.rbac;
    for binding in rbac.bindings_of_place(Some(namespace.name())) {
        tell(findings, "Binds", describe(rbac, binding));
    }
    for account in rbac.bound_service_accounts(namespace.name()) {
        for binding in rbac.bindings_naming(account) {
            tell(
                findings,
                "Account",
                format!(
                    "{account}, missing: {}, by {}",
                    rbac.is_missing(account),
                    gift(rbac, binding)
                ),
            );
            let place = binding.namespace.as_ref();
            let labels = place.and_then(|place| Some(&context.inventory.namespace(place)?.facts()?.labels));
            tell(findings, "Where", format!("{binding} in {labels:?}"));
        }
    }
}

fn rights_of_entrants(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let rbac = context.rbac;
    let global = rbac
        .users_and_groups()
        .flat_map(|subject| rbac.bindings_naming(subject));
    for binding in global.filter(|binding| binding.namespace.is_none()) {
        tell(findings, "Global", gift(rbac, binding));
    }
    for binding in rbac.bindings_of_place(Some(namespace.name())) {
        tell(findings, "Local", describe(rbac, binding));
    }
}

fn rights_of_workload(workload: WorkloadView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let namespace = workload.namespace().name();
    for account in workload.service_accounts() {
        let account = Subject::service_account(Name::clone(namespace), Name::clone(account));
        for binding in context.rbac.bindings_naming(&account) {
            tell(findings, "RunsWith", gift(context.rbac, binding));
        }
    }
}

fn everything(context: &Context<'_>, findings: &mut Findings) {
    findings.evaluate(1);
    for (role, rules) in context.rbac.roles() {
        tell(findings, "Role", format!("{role}: {:?}", rules.written()));
    }
    let places = context
        .inventory
        .namespaces()
        .map(|namespace| Some(namespace.name()));
    for place in places.chain([None]) {
        for binding in context.rbac.bindings_of_place(place) {
            tell(findings, "Binding", describe(context.rbac, binding));
        }
    }
}

/// Tells how often the time of `name` has passed, every other time: nothing in between, but how long that holds.
fn tell_time(name: &str, context: &Context<'_>, findings: &mut Findings) {
    let period = 10 + (xxh3_64(name.as_bytes()) % 50) as i64;
    let count = context.now.as_second() / period;
    let next = Timestamp::from_second((count + 1) * period).expect("it is not late yet");
    findings.valid_until(next);
    findings.evaluate(0);
    if count % 2 == 0 {
        tell(findings, "Time", format!("{name}: {count}"));
    }
}

fn time_of_workload(workload: WorkloadView<'_>, context: &Context<'_>, findings: &mut Findings) {
    tell_time(workload.name(), context, findings);
}

fn time_of_namespace(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    tell_time(namespace.name(), context, findings);
}

fn time_of_subject(subject: &SubjectView<'_>, context: &Context<'_>, findings: &mut Findings) {
    tell_time(&subject.subject.to_string(), context, findings);
}

fn time_of_role(role: &RoleView<'_>, context: &Context<'_>, findings: &mut Findings) {
    tell_time(&role.id.name, context, findings);
}

fn time_of_cluster(context: &Context<'_>, findings: &mut Findings) {
    tell_time("cluster", context, findings);
}

fn every_node(context: &Context<'_>, findings: &mut Findings) {
    for (name, node) in context.inventory.nodes() {
        findings.evaluate(1);
        let object = ObjectRef {
            namespace: None,
            kind: Kind::Node,
            name: Name::clone(name),
        };
        findings.other(object, "IsThere", format!("{node:?}"));
    }
}
