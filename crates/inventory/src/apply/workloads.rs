//! Pods and what makes them: their templates, what admission and their nodes add, and their root owners.

use std::sync::Arc;

use crate::components::MIRROR;
use crate::facts::{Controller, Owner, Pod, Uid};
use crate::images;
use crate::inventory::{Inventory, ObjectId};
use crate::kind::Kind;
use crate::labels::Labels;
use crate::lean;
use crate::names::Name;
use crate::roots::{LocalKey, RootKey};
use crate::store::Put;
use crate::template::{Limits, Os, Template};

impl Inventory {
    pub(super) fn is_windows_node(&self, name: &str) -> bool {
        self.nodes
            .get(name)
            .is_some_and(|node| node.os == Some(Os::Windows))
    }

    pub(super) fn apply_replicas(&mut self, id: &ObjectId, meta: &lean::Meta, spec: &lean::ReplicasSpec) {
        self.apply_controller(id, meta, &spec.template, spec.replicas == Some(0), None);
    }

    pub(super) fn apply_controller(
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

    pub(super) fn apply_pod(&mut self, id: &ObjectId, pod: &lean::Pod) {
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
        let images = images::running(&pod.status, &mut self.names);
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
            images: self.image_lists.intern(images),
            template,
            admitted,
        };
        self.put_pod(namespace, &id.name, facts);
        self.note_component(id, Some(pod));
    }

    pub(super) fn put_pod(&mut self, namespace: &Name, name: &Name, pod: Pod) {
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
                self.note_place(namespace, &key.1, None);
            }
            Put::Changed(before) => {
                let touched = ns.pod_changed(&key, &before);
                self.touch(namespace, touched);
                self.note_place(namespace, &key.1, Some(&before));
            }
        }
    }

    /// Changes what follows from other objects for a pod that is there. It is no news of the pod itself: a
    /// listing that is under way has yet to confirm it.
    pub(super) fn derive_pod_again(&mut self, namespace: &Name, name: &Name, pod: Pod) {
        let ns = self.namespaces.get_mut(namespace).expect("the pod is there");
        if let Some(before) = ns.pods.replace(name, pod) {
            let touched = ns.pod_changed(&(Kind::Pod, Name::clone(name)), &before);
            self.touch(namespace, touched);
            self.note_place(namespace, name, Some(&before));
        }
    }

    /// Admits pods of the namespace again: its `LimitRange`s have changed.
    pub(super) fn default_again(&mut self, namespace: Option<&Name>) {
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
    pub(super) fn place_again(&mut self, node: &str) {
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

    pub(super) fn default_limits(&self, namespace: &str) -> Limits {
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

    pub(super) fn admitted(&mut self, namespace: &str, template: &Arc<Template>) -> Arc<Template> {
        let limits = self.default_limits(namespace);
        admit(template, limits, &mut self.templates)
    }

    pub(super) fn touch(&mut self, namespace: &Name, roots: impl IntoIterator<Item = LocalKey>) {
        for root in roots {
            self.note_accounts(namespace, &root);
            self.note_images(namespace, &root);
            let (kind, name) = root;
            if kind == Kind::Pod {
                // It may have come to count for another workload.
                self.note_place_again(namespace, &name);
            }
            self.dirty.roots.insert(RootKey {
                namespace: Name::clone(namespace),
                kind,
                name,
            });
        }
    }
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
