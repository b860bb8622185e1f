//! How events change the inventory.

mod network;

mod removal;
mod workloads;

use std::sync::Arc;

use crate::facts::{
    BindingFacts, ConfigMapFacts, LimitRangeFacts, NamespaceFacts, NodeFacts, NodePath,
    PersistentVolumeFacts, RoleFacts, ServiceAccountFacts, Taint, Uid,
};
use crate::inventory::{InputState, Inventory, Namespace, ObjectId, Undecodable};
use crate::kind::Kind;
use crate::labels::Labels;
use crate::lean::{self, Object};
use crate::names::Name;
use crate::store::{Put, Store};
use crate::template::Os;

impl Inventory {
    /// A listing of `kind` begins: what follows are the objects that exist.
    ///
    /// A second beginning before the end starts over, and loses nothing.
    pub fn begin_relist(&mut self, kind: Kind) {
        self.inputs.entry(kind).or_default().epoch += 1;
    }

    /// The listing of `kind` is complete: what it did not contain is gone.
    pub fn end_relist(&mut self, kind: Kind) {
        self.drop_unlisted(kind);
        self.set_input(kind, InputState::Synced);
    }

    /// An object exists, in this form.
    #[allow(clippy::too_many_lines)] // one arm for each kind
    pub fn apply(&mut self, object: Object) {
        let id = self.id_of(object.kind(), object.meta());
        self.forget_undecodable(&id);
        match object {
            Object::Namespace(o) => self.apply_namespace(&id, &o),
            Object::Node(o) => self.apply_node(&id, &o),
            Object::Pod(o) => self.apply_pod(&id, &o),
            Object::PodTemplate(o) => self.apply_controller(&id, &o.metadata, &o.template, false, None),
            Object::ReplicationController(o) => self.apply_replicas(&id, &o.metadata, &o.spec),
            Object::ReplicaSet(o) => self.apply_replicas(&id, &o.metadata, &o.spec),
            Object::Deployment(o) => self.apply_replicas(&id, &o.metadata, &o.spec),
            Object::StatefulSet(o) => {
                let revision = o.status.update_revision.as_deref();
                self.apply_controller(
                    &id,
                    &o.metadata,
                    &o.spec.template,
                    o.spec.replicas == Some(0),
                    revision,
                );
            }
            Object::DaemonSet(o) => {
                let revision = o
                    .metadata
                    .annotations
                    .get("deprecated.daemonset.template.generation");
                self.apply_controller(&id, &o.metadata, &o.spec.template, false, revision);
            }
            Object::Job(o) => {
                let finished = o
                    .status
                    .conditions
                    .iter()
                    .any(|c| matches!(c.kind.as_str(), "Complete" | "Failed") && c.status == "True");
                self.apply_controller(&id, &o.metadata, &o.spec.template, finished, None);
                self.note_job_scan(&id, &o);
            }
            Object::CronJob(o) => {
                self.apply_controller(&id, &o.metadata, &o.spec.job_template.spec.template, false, None);
                self.note_cron_scan(&id, &o);
            }
            Object::ServiceAccount(o) => {
                let facts = ServiceAccountFacts {
                    labels: self.labels(&o.metadata.labels),
                    automount_token: o.automount_service_account_token,
                    owner: self.owner_of(&o.metadata),
                };
                self.put_local(&id, facts, |ns| &mut ns.service_accounts);
            }
            Object::Role(o) => {
                let facts = self.role_facts(&o);
                self.put_local(&id, facts, |ns| &mut ns.roles);
            }
            Object::RoleBinding(o) => {
                let facts = self.binding_facts(*o);
                self.put_local(&id, facts, |ns| &mut ns.role_bindings);
            }
            Object::ClusterRole(o) => {
                let facts = self.role_facts(&o);
                self.put_global(&id, facts, |inventory| &mut inventory.cluster_roles);
            }
            Object::ClusterRoleBinding(o) => {
                let facts = self.binding_facts(*o);
                self.put_global(&id, facts, |inventory| &mut inventory.cluster_role_bindings);
            }
            Object::NetworkPolicy(o) => self.apply_network_policy(&id, *o),
            Object::LimitRange(o) => {
                self.put_local(&id, LimitRangeFacts::new(&o), |ns| &mut ns.limit_ranges);
                self.default_again(id.namespace.as_ref());
            }
            Object::Service(o) => self.apply_service(&id, &o),
            Object::Ingress(o) => self.apply_ingress(&id, &o),
            Object::Gateway(o) => self.apply_gateway(&id, &o),
            Object::HttpRoute(o)
            | Object::GrpcRoute(o)
            | Object::TlsRoute(o)
            | Object::TcpRoute(o)
            | Object::UdpRoute(o) => self.apply_route(&id, &o),
            Object::PersistentVolume(o) => {
                let facts = self.volume_facts(&o);
                self.put_global(&id, facts, |inventory| &mut inventory.persistent_volumes);
            }
            Object::PersistentVolumeClaim(o) => {
                let volume = o.spec.volume_name.as_deref().map(Name::from);
                self.put_local(&id, volume, |ns| &mut ns.claims);
            }
            Object::RuntimeClass(o) => {
                let handler = self.names.intern(o.handler.as_str());
                self.put_global(&id, handler, |inventory| &mut inventory.runtime_classes);
            }
            Object::ConfigMap(o) => {
                let hosts = o.data.log_destinations.into_iter();
                let facts = ConfigMapFacts {
                    secrets: o.data.secrets.into(),
                    log_destinations: hosts.map(|host| self.names.intern(host)).collect(),
                };
                self.put_local(&id, facts, |ns| &mut ns.config_maps);
            }
            Object::AdminNetworkPolicy(o)
            | Object::BaselineAdminNetworkPolicy(o)
            | Object::ClusterNetworkPolicy(o) => self.apply_cluster_policy(&id, *o),
            decision @ (Object::ComplianceWaiver(_)
            | Object::ClusterComplianceWaiver(_)
            | Object::ComplianceApproval(_)
            | Object::ClusterComplianceApproval(_)
            | Object::ComplianceAttestation(_)
            | Object::ValidatingAdmissionPolicy(_)
            | Object::ValidatingAdmissionPolicyBinding(_)) => self.apply_decision(&id, decision),
        }
    }

    /// An object exists, and its lean form does not decode.
    ///
    /// What was known of it before no longer holds; what it says now nobody knows.
    pub fn apply_undecodable(&mut self, id: ObjectId, error: String) {
        self.remove(&id);
        let epoch = self.epoch(id.kind);
        let known = self.undecodable.get_mut(&id);
        if let Some(known) = known.filter(|known| known.error == error) {
            known.epoch = epoch;
            return;
        }
        self.dirty.object(&id);
        self.dirty.coverage(id.kind, id.namespace.as_ref());
        let kind = id.kind;
        if self
            .undecodable
            .insert(id, Undecodable { error, epoch })
            .is_none()
        {
            self.inputs.entry(kind).or_default().undecodable += 1;
        }
    }

    /// An object is gone.
    pub fn delete(&mut self, id: &ObjectId) {
        self.forget_undecodable(id);
        self.remove(id);
    }

    /// The identity of an object of `kind`; without a namespace of its own it is in `default`.
    pub fn id_of(&mut self, kind: Kind, meta: &lean::Meta) -> ObjectId {
        let name = match (meta.name.as_str(), meta.generate_name.as_deref()) {
            ("", Some(prefix)) => Name::from(prefix),
            (name, _) => Name::from(name),
        };
        let namespace = kind.is_namespaced().then(|| {
            self.names.intern(
                meta.namespace
                    .as_deref()
                    .filter(|namespace| !namespace.is_empty())
                    .unwrap_or("default"),
            )
        });
        ObjectId {
            kind,
            namespace,
            name,
        }
    }

    pub(super) fn epoch(&self, kind: Kind) -> u32 {
        self.inputs.get(&kind).map_or(0, |input| input.epoch)
    }

    fn labels(&mut self, map: &std::collections::BTreeMap<String, String>) -> Arc<Labels> {
        let labels = Labels::new(map, &mut self.names);
        self.label_sets.intern(labels)
    }

    fn role_facts(&mut self, role: &lean::Role) -> RoleFacts {
        RoleFacts {
            labels: self.labels(&role.metadata.labels),
            rules: self.rule_lists.intern(role.rules.clone()),
            aggregation: role.aggregation_rule.clone(),
        }
    }

    fn binding_facts(&mut self, binding: lean::Binding) -> BindingFacts {
        let mut annotations = binding.metadata.annotations.short;
        annotations.retain(|key, _| is_of_approval(key));
        BindingFacts {
            subjects: binding.subjects.into(),
            role: binding.role_ref,
            approval: self.labels(&annotations),
        }
    }

    fn owner_of(&mut self, meta: &lean::Meta) -> Option<Name> {
        let mut words = meta.labels.iter().chain(&meta.annotations.short);
        let (_, owner) = words.find(|(key, value)| names_owner(key) && !value.is_empty())?;
        Some(self.names.intern(owner.as_str()))
    }

    fn volume_facts(&mut self, volume: &lean::PersistentVolume) -> PersistentVolumeFacts {
        let (path, local) = match (&volume.spec.host_path, &volume.spec.local) {
            (Some(host_path), _) => (host_path, false),
            (None, Some(local)) => (local, true),
            (None, None) => return PersistentVolumeFacts { node_path: None },
        };
        PersistentVolumeFacts {
            node_path: Some(NodePath {
                path: self.names.intern(path.path.as_str()),
                local,
            }),
        }
    }

    /// Puts a record of a cluster-scoped kind.
    fn put_global<T: PartialEq>(
        &mut self,
        id: &ObjectId,
        value: T,
        store: impl FnOnce(&mut Self) -> &mut Store<T>,
    ) {
        let epoch = self.epoch(id.kind);
        match store(self).put(&id.name, epoch, value) {
            Put::Same => return,
            Put::New => self.inputs.entry(id.kind).or_default().objects += 1,
            Put::Changed(_) => {}
        }
        self.dirty.object(id);
    }

    /// Puts a record of a namespaced kind that has no more to it than its facts.
    fn put_local<T: PartialEq>(
        &mut self,
        id: &ObjectId,
        value: T,
        store: impl FnOnce(&mut Namespace) -> &mut Store<T>,
    ) {
        let epoch = self.epoch(id.kind);
        let namespace = id.namespace.as_ref().expect("a namespaced kind has a namespace");
        match store(self.namespaces.entry(Name::clone(namespace)).or_default()).put(&id.name, epoch, value) {
            Put::Same => return,
            Put::New => self.inputs.entry(id.kind).or_default().objects += 1,
            Put::Changed(_) => {}
        }
        self.dirty.object(id);
    }

    fn apply_namespace(&mut self, id: &ObjectId, namespace: &lean::Namespace) {
        let facts = NamespaceFacts {
            uid: namespace.metadata.uid.as_deref().map(Uid::parse),
            labels: self.labels(&namespace.metadata.labels),
            terminating: namespace.metadata.deletion_timestamp.is_some(),
        };
        let epoch = self.epoch(Kind::Namespace);
        let name = self.names.intern(&*id.name);
        let slot = &mut self.namespaces.entry(Name::clone(&name)).or_default().object;
        let before = slot.replace((epoch, facts));
        let changed = before.as_ref().map(|(_, facts)| facts) != slot.as_ref().map(|(_, facts)| facts);
        if before.is_none() {
            self.inputs.entry(Kind::Namespace).or_default().objects += 1;
        }
        if changed {
            self.dirty.topic(Kind::Namespace, Some(&name));
        }
    }

    fn apply_node(&mut self, id: &ObjectId, node: &lean::Node) {
        let reported = node.status.node_info.operating_system.as_str();
        let label = node
            .metadata
            .labels
            .get("kubernetes.io/os")
            .map_or("", String::as_str);
        let os = match if reported.is_empty() { label } else { reported } {
            "" => None,
            "windows" => Some(Os::Windows),
            _ => Some(Os::Linux),
        };
        let facts = self.node_facts(node, os);
        let was_windows = self.is_windows_node(&id.name);
        self.put_global(id, facts, |inventory| &mut inventory.nodes);
        if was_windows != self.is_windows_node(&id.name) {
            self.place_again(&id.name);
        }
    }
}

impl Inventory {
    fn node_facts(&mut self, node: &lean::Node, os: Option<Os>) -> NodeFacts {
        let labels = self.labels(&node.metadata.labels);
        let names = &mut self.names;
        let (spec, status) = (&node.spec, &node.status);
        let mut pod_ranges: Vec<&str> = spec.pod_cidrs.iter().map(String::as_str).collect();
        if pod_ranges.is_empty() && !spec.pod_cidr.is_empty() {
            pod_ranges.push(&spec.pod_cidr);
        }
        NodeFacts {
            container_os: container_os(node),
            labels,
            os,
            kubelet_version: names.intern(status.node_info.kubelet_version.as_str()),
            runtime_handlers: status
                .runtime_handlers
                .iter()
                .map(|h| names.intern(h.name.as_str()))
                .collect(),
            taints: spec
                .taints
                .iter()
                .map(|taint| Taint {
                    key: names.intern(taint.key.as_str()),
                    value: names.intern(taint.value.as_str()),
                    effect: names.intern(taint.effect.as_str()),
                })
                .collect(),
            addresses: status
                .addresses
                .iter()
                .map(|a| (names.intern(a.kind.as_str()), names.intern(a.address.as_str())))
                .collect(),
            pod_ranges: pod_ranges.into_iter().map(|range| names.intern(range)).collect(),
        }
    }
}

/// Operating systems made for containers, by the beginning of what they call themselves.
const CONTAINER_OS: [(&str, &str); 6] = [
    ("Bottlerocket OS", "Bottlerocket"),
    ("Container-Optimized OS", "Container-Optimized OS"),
    ("Fedora CoreOS", "Fedora CoreOS"),
    ("Flatcar Container Linux", "Flatcar"),
    ("Red Hat Enterprise Linux CoreOS", "Red Hat CoreOS"),
    ("Talos", "Talos"),
];

/// Labels that say the same, of which platforms set one where `osImage` may be worded otherwise.
const CONTAINER_OS_LABELS: [(&str, &str, &str); 3] = [
    (
        "cloud.google.com/gke-os-distribution",
        "cos",
        "Container-Optimized OS",
    ),
    ("node.openshift.io/os_id", "rhcos", "Red Hat CoreOS"),
    ("node.openshift.io/os_id", "rhel-coreos", "Red Hat CoreOS"),
];

/// The operating system of a node, if it is one made for containers.
fn container_os(node: &lean::Node) -> Option<&'static str> {
    let image = node.status.node_info.os_image.as_str();
    let by_image = CONTAINER_OS.iter().find(|(begins, _)| image.starts_with(begins));
    let labels = &node.metadata.labels;
    let by_label = || {
        let mut known = CONTAINER_OS_LABELS.iter();
        known.find(|(key, value, _)| labels.get(*key).is_some_and(|label| label == value))
    };
    by_image
        .map(|(_, name)| *name)
        .or_else(|| by_label().map(|(.., name)| *name))
}

/// Whether an annotation is part of the record of an approval.
fn is_of_approval(key: &str) -> bool {
    let Some((prefix, name)) = key.split_once('/') else {
        return false;
    };
    prefix.starts_with("access.") && matches!(name, "approved-by" | "expires")
}

/// Whether a label or annotation says whose an object is.
fn names_owner(key: &str) -> bool {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    matches!(key, "app.kubernetes.io/part-of" | "app.kubernetes.io/managed-by")
        || matches!(name.rsplit(['-', '_', '.']).next(), Some("owner" | "team"))
}
