//! How objects leave the inventory: deleted, or no longer listed.

use crate::inventory::{Inventory, Namespace, ObjectId};
use crate::kind::Kind;
use crate::names::Name;

impl Inventory {
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
            kind if kind.is_decision() => stale.extend(self.decisions.stale(kind, epoch)),
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

    pub(super) fn forget_undecodable(&mut self, id: &ObjectId) {
        if self.undecodable.remove(id).is_some() {
            self.inputs.entry(id.kind).or_default().undecodable -= 1;
            self.dirty.object(id);
            self.dirty.coverage(id.kind, id.namespace.as_ref());
        }
    }

    /// Removes what is known of an object.
    pub(super) fn remove(&mut self, id: &ObjectId) {
        let removed = match (&id.namespace, id.kind) {
            (_, Kind::Namespace) => self.remove_namespace(&id.name),
            (_, Kind::Node) => self.remove_node(&id.name),
            (_, Kind::PersistentVolume) => self.persistent_volumes.remove(&id.name).is_some(),
            (_, Kind::RuntimeClass) => self.runtime_classes.remove(&id.name).is_some(),
            (_, Kind::ClusterRole) => self.cluster_roles.remove(&id.name).is_some(),
            (_, Kind::ClusterRoleBinding) => self.cluster_role_bindings.remove(&id.name).is_some(),
            (_, kind) if kind.is_decision() => self.decisions.remove(id),
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
            if matches!(id.kind, Kind::Job | Kind::CronJob) {
                self.set_host_scan(id, None);
            }
        }
        if let Some(namespace) = &id.namespace
            && self.namespaces.get(namespace).is_some_and(Namespace::is_empty)
        {
            self.namespaces.remove(namespace);
        }
    }

    pub(super) fn remove_namespace(&mut self, name: &Name) -> bool {
        let Some(ns) = self.namespaces.get_mut(name) else {
            return false;
        };
        let removed = ns.object.take().is_some();
        if ns.is_empty() {
            self.namespaces.remove(name);
        }
        removed
    }

    pub(super) fn remove_node(&mut self, name: &Name) -> bool {
        let was_windows = self.is_windows_node(name);
        let removed = self.nodes.remove(name).is_some();
        if was_windows {
            self.place_again(name);
        }
        removed
    }

    pub(super) fn remove_local(&mut self, namespace: &Name, kind: Kind, name: &Name) -> bool {
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
                self.note_place(namespace, name, Some(&pod));
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

    pub(super) fn remove_controller(&mut self, namespace: &Name, kind: Kind, name: &Name) -> bool {
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
