//! How events change the inventory.

mod network;

use std::sync::Arc;

use crate::components::MIRROR;
use crate::facts::{
    BindingFacts, Controller, LimitRangeFacts, NamespaceFacts, NodeFacts, NodePath, Owner,
    PersistentVolumeFacts, Pod, RoleFacts, ServiceAccountFacts, Uid,
};
use crate::inventory::{InputState, Inventory, Namespace, ObjectId, Undecodable};
use crate::kind::Kind;
use crate::labels::Labels;
use crate::lean::{self, Object};
use crate::names::Name;
use crate::roots::{LocalKey, RootKey};
use crate::store::{Put, Store};
use crate::template::{Limits, Os, Template};

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
            }
            Object::CronJob(o) => {
                self.apply_controller(&id, &o.metadata, &o.spec.job_template.spec.template, false, None);
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
                self.put_local(&id, o.data.0.into(), |ns| &mut ns.config_maps);
            }
            Object::AdminNetworkPolicy(o)
            | Object::BaselineAdminNetworkPolicy(o)
            | Object::ClusterNetworkPolicy(o) => self.apply_cluster_policy(&id, *o),
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

    pub(crate) fn drop_unlisted(&mut self, kind: Kind) {
        let epoch = self.epoch(kind);
        let mut stale = Vec::new();
        let global = |name: &Name| ObjectId {
            kind,
            namespace: None,
            name: Name::clone(name),
        };
        match kind {
            Kind::Namespace => {
                let unlisted = |(_, ns): &(&Name, &Namespace)| {
                    ns.object.as_ref().is_some_and(|(seen, _)| *seen != epoch)
                };
                stale.extend(
                    self.namespaces
                        .iter()
                        .filter(unlisted)
                        .map(|(name, _)| global(name)),
                );
            }
            Kind::Node => stale.extend(self.nodes.stale(epoch).map(global)),
            Kind::PersistentVolume => stale.extend(self.persistent_volumes.stale(epoch).map(global)),
            Kind::RuntimeClass => stale.extend(self.runtime_classes.stale(epoch).map(global)),
            Kind::ClusterRole => stale.extend(self.cluster_roles.stale(epoch).map(global)),
            Kind::ClusterRoleBinding => stale.extend(self.cluster_role_bindings.stale(epoch).map(global)),
            kind if kind.is_cluster_policy() => {
                let store = self.cluster_policies.get(&kind);
                stale.extend(store.into_iter().flat_map(|store| store.stale(epoch)).map(global));
            }
            _ => {
                for (namespace, ns) in &self.namespaces {
                    stale.extend(ns.stale(kind, epoch).into_iter().map(|name| ObjectId {
                        kind,
                        namespace: Some(Name::clone(namespace)),
                        name,
                    }));
                }
            }
        }
        let undecodable = self
            .undecodable
            .iter()
            .filter(|(id, u)| id.kind == kind && u.epoch != epoch);
        stale.extend(undecodable.map(|(id, _)| id.clone()));
        for id in stale {
            self.delete(&id);
        }
    }

    fn epoch(&self, kind: Kind) -> u32 {
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
        let facts = NodeFacts {
            labels: self.labels(&node.metadata.labels),
            os,
            kubelet_version: self.names.intern(node.status.node_info.kubelet_version.as_str()),
            runtime_handlers: node
                .status
                .runtime_handlers
                .iter()
                .map(|h| self.names.intern(h.name.as_str()))
                .collect(),
        };
        let was_windows = self.is_windows_node(&id.name);
        self.put_global(id, facts, |inventory| &mut inventory.nodes);
        if was_windows != self.is_windows_node(&id.name) {
            self.place_again(&id.name);
        }
    }

    fn is_windows_node(&self, name: &str) -> bool {
        self.nodes
            .get(name)
            .is_some_and(|node| node.os == Some(Os::Windows))
    }

    fn apply_replicas(&mut self, id: &ObjectId, meta: &lean::Meta, spec: &lean::ReplicasSpec) {
        self.apply_controller(id, meta, &spec.template, spec.replicas == Some(0), None);
    }

    fn apply_controller(
        &mut self,
        id: &ObjectId,
        meta: &lean::Meta,
        template: &lean::PodTemplateSpec,
        stopped: bool,
        revision: Option<&str>,
    ) {
        let namespace = id.namespace.as_ref().expect("a namespaced kind has a namespace");
        let facts = Template::new(
            &template.spec,
            &template.metadata.annotations,
            None,
            &mut self.names,
        );
        let template_facts = self.templates.intern(facts);
        let owner = Owner::of(meta, &mut self.names);
        let annotations = match &owner {
            // Its owner's controller keeps notes here (`deployment.kubernetes.io/desired-replicas`).
            Some(owner) if owner.known.is_some_and(Kind::is_workload) => {
                self.label_sets.intern(Labels::default())
            }
            _ => self.labels(&meta.annotations.short),
        };
        let controller = Controller {
            uid: meta.uid.as_deref().map(Uid::parse),
            owner,
            labels: self.labels(&meta.labels),
            annotations,
            annotation_secrets: meta.annotations.secrets.clone().into(),
            pod_labels: self.labels(&template.metadata.labels),
            admitted: self.admitted(namespace, &template_facts),
            template: template_facts,
            stopped,
            revision: revision.map(|r| self.names.intern(r)),
        };
        let epoch = self.epoch(id.kind);
        let ns = self.namespaces.entry(Name::clone(namespace)).or_default();
        let store = ns.controllers.entry(id.kind).or_default();
        let key = (id.kind, Name::clone(store.key(&id.name).unwrap_or(&id.name)));
        let before = store.get(&key.1).map(Controller::identity);
        if before.as_ref() == Some(&controller.identity()) {
            // What changes nothing but the workload itself keeps every pod where it is.
            if store.put(&key.1, epoch, controller) != Put::Same {
                let root = ns.root_of(&key);
                self.touch(namespace, [root]);
            }
            return;
        }
        let is_new = before.is_none();
        let (uid, owner) = before.unwrap_or_default();
        let new_owner = controller.owner_uid();
        let uids = [uid, controller.uid];
        let touched = ns.rearrange(&key, uids, |ns| {
            ns.unlink(&key, owner.map(|owner| owner.uid));
            ns.controllers
                .entry(key.0)
                .or_default()
                .put(&key.1, epoch, controller);
            ns.link(&key, new_owner);
        });
        if is_new {
            self.inputs.entry(id.kind).or_default().objects += 1;
        }
        self.touch(namespace, touched);
    }

    fn apply_pod(&mut self, id: &ObjectId, pod: &lean::Pod) {
        let namespace = id.namespace.as_ref().expect("a namespaced kind has a namespace");
        let meta = &pod.metadata;
        let mut template = Template::new(&pod.spec, &meta.annotations, Some(pod), &mut self.names);
        let node = pod.spec.node_name.as_deref().filter(|node| !node.is_empty());
        template.on_windows_node = node.is_some_and(|node| self.is_windows_node(node));
        let template = self.templates.intern(template);
        let owner = Owner::of(meta, &mut self.names);
        // The API server has defaulted a pod that it has admitted; a manifest is yet to be.
        let admitted = if meta.uid.is_some() {
            Arc::clone(&template)
        } else {
            self.admitted(namespace, &template)
        };
        let facts = Pod {
            uid: meta.uid.as_deref().map(Uid::parse),
            node: node.map(|node| self.names.intern(node)),
            terminated: matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed")),
            mirror: meta.annotations.get(MIRROR).is_some(),
            labels: self.labels(&meta.labels),
            annotations: match &owner {
                Some(_) => self.label_sets.intern(Labels::default()),
                None => self.labels(&meta.annotations.short),
            },
            owner,
            template,
            admitted,
        };
        self.put_pod(namespace, &id.name, facts);
        self.note_component(id, Some(pod));
    }

    fn put_pod(&mut self, namespace: &Name, name: &Name, pod: Pod) {
        let epoch = self.epoch(Kind::Pod);
        let ns = self.namespaces.entry(Name::clone(namespace)).or_default();
        let key = (Kind::Pod, Name::clone(ns.pods.key(name).unwrap_or(name)));
        let owner = pod.owner_uid();
        match ns.pods.put(&key.1, epoch, pod) {
            Put::Same => {}
            Put::New => {
                self.inputs.entry(Kind::Pod).or_default().objects += 1;
                ns.link(&key, owner);
                let root = ns.attach(&key.1);
                self.touch(namespace, [root]);
            }
            Put::Changed(before) => {
                let touched = ns.pod_changed(&key, &before);
                self.touch(namespace, touched);
            }
        }
    }

    /// Changes what follows from other objects for a pod that is there. It is no news of the pod itself: a
    /// listing that is under way has yet to confirm it.
    fn derive_pod_again(&mut self, namespace: &Name, name: &Name, pod: Pod) {
        let ns = self.namespaces.get_mut(namespace).expect("the pod is there");
        if let Some(before) = ns.pods.replace(name, pod) {
            let touched = ns.pod_changed(&(Kind::Pod, Name::clone(name)), &before);
            self.touch(namespace, touched);
        }
    }

    /// Admits pods of the namespace again: its `LimitRange`s have changed.
    fn default_again(&mut self, namespace: Option<&Name>) {
        let Some((namespace, ns)) = namespace.and_then(|name| self.namespaces.get_key_value(name)) else {
            return;
        };
        let namespace = Name::clone(namespace);
        let manifests: Vec<(Name, Pod)> = ns
            .pods
            .iter()
            .filter(|(_, pod)| pod.uid.is_none())
            .map(|(name, pod)| (Name::clone(name), pod.clone()))
            .collect();
        for (name, mut pod) in manifests {
            pod.admitted = self.admitted(&namespace, &pod.template);
            self.derive_pod_again(&namespace, &name, pod);
        }
        let limits = self.default_limits(&namespace);
        let ns = self.namespaces.get_mut(&namespace).expect("looked up above");
        let mut touched = Vec::new();
        for (kind, store) in &mut ns.controllers {
            for (name, controller) in store.values_mut() {
                let admitted = admit(&controller.template, limits, &mut self.templates);
                if admitted != controller.admitted {
                    controller.admitted = admitted;
                    touched.push((*kind, Name::clone(name)));
                }
            }
        }
        let roots: Vec<_> = touched.iter().map(|key| ns.root_of(key)).collect();
        self.touch(&namespace, roots);
    }

    /// Looks at the pods of a node again: it has turned out to be Windows, or not to be.
    fn place_again(&mut self, node: &str) {
        let windows = self.is_windows_node(node);
        let mut placed = Vec::new();
        for (namespace, ns) in &self.namespaces {
            let on_node = ns
                .pods
                .iter()
                .filter(|(_, pod)| pod.node.as_deref() == Some(node));
            placed
                .extend(on_node.map(|(name, pod)| (Name::clone(namespace), Name::clone(name), pod.clone())));
        }
        for (namespace, name, mut pod) in placed {
            let template = Template {
                on_windows_node: windows,
                ..(*pod.template).clone()
            };
            pod.template = self.templates.intern(template);
            pod.admitted = match pod.uid {
                Some(_) => Arc::clone(&pod.template),
                None => self.admitted(&namespace, &pod.template),
            };
            self.derive_pod_again(&namespace, &name, pod);
        }
    }

    fn default_limits(&self, namespace: &str) -> Limits {
        let mut limits = Limits::default();
        for (_, limit_range) in self
            .namespaces
            .get(namespace)
            .into_iter()
            .flat_map(|ns| ns.limit_ranges.iter())
        {
            limits = limits.union(limit_range.defaults);
        }
        limits
    }

    fn admitted(&mut self, namespace: &str, template: &Arc<Template>) -> Arc<Template> {
        let limits = self.default_limits(namespace);
        admit(template, limits, &mut self.templates)
    }

    fn touch(&mut self, namespace: &Name, roots: impl IntoIterator<Item = LocalKey>) {
        for root in roots {
            self.note_accounts(namespace, &root);
            let (kind, name) = root;
            self.dirty.roots.insert(RootKey {
                namespace: Name::clone(namespace),
                kind,
                name,
            });
        }
    }

    fn forget_undecodable(&mut self, id: &ObjectId) {
        if self.undecodable.remove(id).is_some() {
            self.inputs.entry(id.kind).or_default().undecodable -= 1;
            self.dirty.object(id);
            self.dirty.coverage(id.kind, id.namespace.as_ref());
        }
    }

    /// Removes what is known of an object.
    fn remove(&mut self, id: &ObjectId) {
        let removed = match (&id.namespace, id.kind) {
            (_, Kind::Namespace) => self.remove_namespace(&id.name),
            (_, Kind::Node) => self.remove_node(&id.name),
            (_, Kind::PersistentVolume) => self.persistent_volumes.remove(&id.name).is_some(),
            (_, Kind::RuntimeClass) => self.runtime_classes.remove(&id.name).is_some(),
            (_, Kind::ClusterRole) => self.cluster_roles.remove(&id.name).is_some(),
            (_, Kind::ClusterRoleBinding) => self.cluster_role_bindings.remove(&id.name).is_some(),
            (_, kind) if kind.is_cluster_policy() => {
                let store = self.cluster_policies.get_mut(&kind);
                store.is_some_and(|store| store.remove(&id.name).is_some())
            }
            (Some(namespace), kind) => self.remove_local(namespace, kind, &id.name),
            (None, _) => false,
        };
        if removed {
            self.inputs.entry(id.kind).or_default().objects -= 1;
            match id.kind {
                Kind::Namespace => self.dirty.topic(id.kind, Some(&id.name)),
                kind if kind.is_workload() => {}
                _ => self.dirty.object(id),
            }
            if id.kind == Kind::LimitRange {
                self.default_again(id.namespace.as_ref());
            }
            if id.kind == Kind::Pod {
                self.note_component(id, None);
            }
        }
        if let Some(namespace) = &id.namespace
            && self.namespaces.get(namespace).is_some_and(Namespace::is_empty)
        {
            self.namespaces.remove(namespace);
        }
    }

    fn remove_namespace(&mut self, name: &Name) -> bool {
        let Some(ns) = self.namespaces.get_mut(name) else {
            return false;
        };
        let removed = ns.object.take().is_some();
        if ns.is_empty() {
            self.namespaces.remove(name);
        }
        removed
    }

    fn remove_node(&mut self, name: &Name) -> bool {
        let was_windows = self.is_windows_node(name);
        let removed = self.nodes.remove(name).is_some();
        if was_windows {
            self.place_again(name);
        }
        removed
    }

    fn remove_local(&mut self, namespace: &Name, kind: Kind, name: &Name) -> bool {
        let Some(ns) = self.namespaces.get_mut(namespace) else {
            return false;
        };
        match kind {
            Kind::Pod => {
                let Some(pod) = ns.pods.remove(name) else {
                    return false;
                };
                let root = ns.root_of_pod(name, &pod);
                ns.detach(&root, &pod);
                ns.unlink(&(Kind::Pod, Name::clone(name)), pod.owner_uid());
                self.touch(namespace, [root]);
                true
            }
            Kind::ServiceAccount => ns.service_accounts.remove(name).is_some(),
            Kind::LimitRange => ns.limit_ranges.remove(name).is_some(),
            Kind::PersistentVolumeClaim => ns.claims.remove(name).is_some(),
            Kind::Service => ns.services.remove(name).is_some(),
            Kind::Ingress => ns.ingresses.remove(name).is_some(),
            Kind::Gateway => ns.gateways.remove(name).is_some(),
            kind if kind.is_route() => {
                let store = ns.routes.get_mut(&kind);
                store.is_some_and(|store| store.remove(name).is_some())
            }
            Kind::ConfigMap => ns.config_maps.remove(name).is_some(),
            Kind::Role => ns.roles.remove(name).is_some(),
            Kind::RoleBinding => ns.role_bindings.remove(name).is_some(),
            Kind::NetworkPolicy => ns.network_policies.remove(name).is_some(),
            _ => self.remove_controller(namespace, kind, name),
        }
    }

    fn remove_controller(&mut self, namespace: &Name, kind: Kind, name: &Name) -> bool {
        let Some(ns) = self.namespaces.get_mut(namespace) else {
            return false;
        };
        let Some((uid, owner)) = ns
            .controllers
            .get(&kind)
            .and_then(|store| store.get(name))
            .map(|controller| (controller.uid, controller.owner_uid()))
        else {
            return false;
        };
        let key = (kind, Name::clone(name));
        let touched = ns.rearrange(&key, [uid, None], |ns| {
            ns.unlink(&key, owner);
            ns.controllers.entry(kind).or_default().remove(name);
        });
        self.touch(namespace, touched);
        true
    }
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

fn admit(
    template: &Arc<Template>,
    limits: Limits,
    templates: &mut crate::names::Pool<Template>,
) -> Arc<Template> {
    if limits == Limits::default() {
        return Arc::clone(template);
    }
    templates.intern(template.with_default_limits(limits))
}
