//! Views: how checks see the inventory.

use std::sync::Arc;

use crate::entries::{GatewayFacts, IngressFacts, RouteFacts, ServiceFacts};
use crate::facts::{
    ClusterPolicyFacts, Controller, NamespaceFacts, NetworkPolicyFacts, NodeFacts, Owner,
    PersistentVolumeFacts, Pod, ServiceAccountFacts,
};
use crate::images::RunningImage;
use crate::inventory::{Inventory, Namespace};
use crate::kind::Kind;
use crate::labels::Labels;
use crate::literal_secrets::LiteralSecret;
use crate::names::Name;
use crate::roots::{LiveGroup, LocalKey, Root, RootKey};
use crate::template::Template;

/// A namespace and what is in it.
#[derive(Clone, Copy, Debug)]
pub struct NamespaceView<'a> {
    inventory: &'a Inventory,
    name: &'a Name,
    pub(crate) content: &'a Namespace,
}

/// A root workload: a controller that nothing controls, or a pod on its own.
#[derive(Clone, Copy, Debug)]
pub struct WorkloadView<'a> {
    namespace: NamespaceView<'a>,
    kind: Kind,
    name: &'a Name,
    object: RootObject<'a>,
    pods: Option<&'a Root>,
}

#[derive(Clone, Copy, Debug)]
enum RootObject<'a> {
    Pod(&'a Pod),
    Controller(&'a Controller),
}

/// A template that decides on a workload, and where it was seen.
#[derive(Clone, Copy, Debug)]
pub struct Deciding<'a> {
    /// The template.
    pub template: &'a Arc<Template>,
    /// How many live pods have it; 0 for the workload's own template when no live pod was made from it.
    pub pods: u32,
}

impl Inventory {
    /// Namespaces in scope, ordered by name: those being deleted have left.
    ///
    /// In a live cluster a namespace is one whose object is known; offline, objects imply theirs.
    pub fn namespaces(&self) -> impl Iterator<Item = NamespaceView<'_>> {
        self.namespaces.keys().filter_map(|name| self.namespace(name))
    }

    /// The namespace of this name, if it is in scope.
    pub fn namespace(&self, name: &str) -> Option<NamespaceView<'_>> {
        let namespace = self.namespace_in_any_state(name)?;
        let in_scope = match namespace.facts() {
            Some(facts) => !facts.terminating,
            None => self.offline,
        };
        in_scope.then_some(namespace)
    }

    /// The namespace of this name, in scope or not.
    pub(crate) fn namespace_in_any_state(&self, name: &str) -> Option<NamespaceView<'_>> {
        let (name, content) = self.namespaces.get_key_value(name)?;
        Some(NamespaceView {
            inventory: self,
            name,
            content,
        })
    }

    /// The workload of this key, if it exists in scope and is a root.
    pub fn workload(&self, key: &RootKey) -> Option<WorkloadView<'_>> {
        self.namespace(&key.namespace)?.workload(key.kind, &key.name)
    }

    /// Nodes, ordered by name.
    pub fn nodes(&self) -> impl Iterator<Item = (&Name, &NodeFacts)> {
        self.nodes.iter()
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodeFacts> {
        self.nodes.get(name)
    }

    /// The persistent volume of this name.
    pub fn persistent_volume(&self, name: &str) -> Option<&PersistentVolumeFacts> {
        self.persistent_volumes.get(name)
    }

    /// The handler of the runtime class of this name.
    pub fn runtime_handler(&self, class: &str) -> Option<&str> {
        self.runtime_classes.get(class).map(|handler| &**handler)
    }

    /// Network policies of the whole cluster, ordered by kind and name.
    pub fn cluster_policies(&self) -> impl Iterator<Item = (Kind, &Name, &ClusterPolicyFacts)> {
        self.cluster_policies
            .iter()
            .flat_map(|(kind, store)| store.iter().map(|(name, facts)| (*kind, name, facts)))
    }

    /// The network policy of the whole cluster of this kind and name.
    pub fn cluster_policy(&self, kind: Kind, name: &str) -> Option<&ClusterPolicyFacts> {
        self.cluster_policies.get(&kind)?.get(name)
    }
}

impl<'a> NamespaceView<'a> {
    /// The inventory that it is in.
    pub fn inventory(&self) -> &'a Inventory {
        self.inventory
    }

    /// Its name.
    pub fn name(&self) -> &'a Name {
        self.name
    }

    /// Its own facts; `None` offline, when no manifest describes it.
    pub fn facts(&self) -> Option<&'a NamespaceFacts> {
        self.content.object.as_ref().map(|(_, facts)| facts)
    }

    /// Root workloads, active or not, ordered by kind and name.
    pub fn workloads(self) -> impl Iterator<Item = WorkloadView<'a>> {
        let controllers = self.content.controllers.iter().flat_map(move |(kind, store)| {
            store
                .iter()
                .filter_map(move |(name, _)| self.workload(*kind, name))
        });
        // Pods that are roots have an entry of their own; the replicas of a controller are not looked at.
        let pods = self
            .content
            .roots
            .keys()
            .take_while(|(kind, _)| *kind == Kind::Pod)
            .filter_map(move |(_, name)| self.workload(Kind::Pod, name));
        pods.chain(controllers)
    }

    /// The root workload of this kind and name.
    pub fn workload(self, kind: Kind, name: &str) -> Option<WorkloadView<'a>> {
        let content = self.content;
        let (name, object) = if kind == Kind::Pod {
            let (name, pod) = content.pods.entry(name)?;
            (name, RootObject::Pod(pod))
        } else {
            let (name, controller) = content.controllers.get(&kind)?.entry(name)?;
            (name, RootObject::Controller(controller))
        };
        let key: LocalKey = (kind, Name::clone(name));
        let is_root = content.root_of(&key) == key;
        is_root.then(|| WorkloadView {
            namespace: self,
            kind,
            name,
            object,
            pods: content.roots.get(&key),
        })
    }

    /// Service accounts, ordered by name.
    pub fn service_accounts(&self) -> impl Iterator<Item = (&'a Name, &'a ServiceAccountFacts)> + use<'a> {
        self.content.service_accounts.iter()
    }

    /// Services, ordered by name.
    pub fn services(&self) -> impl Iterator<Item = (&'a Name, &'a ServiceFacts)> + use<'a> {
        self.content.services.iter()
    }

    /// The service of this name.
    pub fn service(&self, name: &str) -> Option<(&'a Name, &'a ServiceFacts)> {
        self.content.services.entry(name)
    }

    /// Ingresses, ordered by name.
    pub fn ingresses(&self) -> impl Iterator<Item = (&'a Name, &'a IngressFacts)> + use<'a> {
        self.content.ingresses.iter()
    }

    /// Gateways, ordered by name.
    pub fn gateways(&self) -> impl Iterator<Item = (&'a Name, &'a GatewayFacts)> + use<'a> {
        self.content.gateways.iter()
    }

    /// Routes of the Gateway API, ordered by kind and name.
    pub fn routes(&self) -> impl Iterator<Item = (Kind, &'a Name, &'a RouteFacts)> + use<'a> {
        self.content
            .routes
            .iter()
            .flat_map(|(kind, store)| store.iter().map(|(name, facts)| (*kind, name, facts)))
    }

    /// The route of this kind and name.
    pub fn route(&self, kind: Kind, name: &str) -> Option<&'a RouteFacts> {
        self.content.routes.get(&kind)?.get(name)
    }

    /// The gateway of this name.
    pub fn gateway(&self, name: &str) -> Option<&'a GatewayFacts> {
        self.content.gateways.get(name)
    }

    /// Persistent volume claims with the volume that each is bound to, ordered by name.
    pub fn claims(&self) -> impl Iterator<Item = (&'a Name, Option<&'a str>)> + use<'a> {
        self.content
            .claims
            .iter()
            .map(|(name, volume)| (name, volume.as_deref()))
    }

    /// Config maps with the secrets found in their data, ordered by name.
    pub fn config_maps(&self) -> impl Iterator<Item = (&'a Name, &'a [LiteralSecret])> + use<'a> {
        self.content
            .config_maps
            .iter()
            .map(|(name, facts)| (name, &*facts.secrets))
    }

    /// Config maps that configure collectors of logs, with the hosts that these send to, ordered by name.
    pub fn log_destinations(&self) -> impl Iterator<Item = (&'a Name, &'a [Name])> + use<'a> {
        self.content
            .config_maps
            .iter()
            .map(|(name, facts)| (name, &*facts.log_destinations))
            .filter(|(_, hosts)| !hosts.is_empty())
    }

    /// The network policy of this name.
    pub fn network_policy(&self, name: &str) -> Option<&'a NetworkPolicyFacts> {
        self.content.network_policies.get(name)
    }

    /// Network policies, ordered by name.
    pub fn network_policies(&self) -> impl Iterator<Item = (&'a Name, &'a NetworkPolicyFacts)> + use<'a> {
        self.content.network_policies.iter()
    }
}

impl<'a> WorkloadView<'a> {
    /// The namespace that it is in.
    pub fn namespace(&self) -> NamespaceView<'a> {
        self.namespace
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its name.
    pub fn name(&self) -> &'a Name {
        self.name
    }

    /// Its key.
    pub fn key(&self) -> RootKey {
        RootKey {
            namespace: Name::clone(self.namespace.name),
            kind: self.kind,
            name: Name::clone(self.name),
        }
    }

    /// Its own labels.
    pub fn labels(&self) -> &'a Labels {
        match self.object {
            RootObject::Pod(pod) => &pod.labels,
            RootObject::Controller(controller) => &controller.labels,
        }
    }

    /// Its own short annotations.
    pub fn annotations(&self) -> &'a Labels {
        match self.object {
            RootObject::Pod(pod) => &pod.annotations,
            RootObject::Controller(controller) => &controller.annotations,
        }
    }

    /// Secrets found in its own annotations; those of its pods are in their templates.
    pub fn annotation_secrets(&self) -> &'a [LiteralSecret] {
        match self.object {
            // A pod on its own is its own template.
            RootObject::Pod(_) => &[],
            RootObject::Controller(controller) => &controller.annotation_secrets,
        }
    }

    /// Labels of the pods that it makes; for a pod its own.
    pub fn pod_labels(&self) -> &'a Arc<Labels> {
        match self.object {
            RootObject::Pod(pod) => &pod.labels,
            RootObject::Controller(controller) => &controller.pod_labels,
        }
    }

    /// An owner that is no workload of the inventory, as `Kind name`: `Rollout checkout`, `Node worker-1`.
    pub fn external_owner(&self) -> Option<String> {
        let owner = match self.object {
            RootObject::Pod(pod) => pod.owner.as_ref(),
            RootObject::Controller(controller) => controller.owner.as_ref(),
        };
        owner
            .filter(|owner| !owner.known.is_some_and(Kind::is_workload))
            .map(|owner| format!("{} {}", owner.kind, owner.name))
    }

    /// Whether the kubelet runs it from a file on the node and the API only mirrors it.
    pub fn is_mirror_pod(&self) -> bool {
        matches!(self.object, RootObject::Pod(pod) if pod.mirror)
    }

    /// How many of its pods are live.
    pub fn live_pods(&self) -> u32 {
        self.pods.map_or(0, Root::live_pods)
    }

    /// Whether it runs or wants to run anything: not a terminated pod, a finished Job or an owner of zero replicas.
    pub fn is_active(&self) -> bool {
        self.live_pods() > 0
            || match self.object {
                RootObject::Pod(_) => false,
                RootObject::Controller(controller) => !controller.stopped,
            }
    }

    /// What containers of its live pods run. It comes in no particular order, and more than once where pods differ.
    pub fn running_images(&self) -> impl Iterator<Item = &'a RunningImage> + use<'a> {
        let groups = self.pods.into_iter().flat_map(|root| &root.live);
        groups.flat_map(|group| group.images.iter())
    }

    /// The template that the workload declares, as it would be admitted; for a pod its own.
    pub fn own_template(&self) -> &'a Arc<Template> {
        match self.object {
            RootObject::Pod(pod) => &pod.admitted,
            RootObject::Controller(controller) => &controller.admitted,
        }
    }

    /// The templates that decide on the workload: those of its live pods, of older revisions too, and its own
    /// if no live pod was made from it. They come in no particular order: what is said must not depend on it.
    pub fn deciding(&self) -> Vec<Deciding<'a>> {
        let mut deciding: Vec<Deciding<'a>> = Vec::new();
        let mut current = false;
        for group in self.pods.iter().flat_map(|root| &root.live) {
            current |= self.is_current(group);
            match deciding
                .iter_mut()
                .find(|d| Arc::ptr_eq(d.template, &group.template))
            {
                Some(known) => known.pods += group.pods,
                None => deciding.push(Deciding {
                    template: &group.template,
                    pods: group.pods,
                }),
            }
        }
        if !current
            && !deciding
                .iter()
                .any(|d| Arc::ptr_eq(d.template, self.own_template()))
        {
            deciding.push(Deciding {
                template: self.own_template(),
                pods: 0,
            });
        }
        deciding
    }

    /// Live pods of this workload, ordered by name. Looks at what it owns, and not at every pod of the namespace.
    pub fn pods(self) -> impl Iterator<Item = (&'a Name, &'a Pod)> {
        let content = self.namespace.content;
        let (itself, owned) = match self.object {
            RootObject::Pod(pod) => (Some((self.name, pod)), Vec::new()),
            RootObject::Controller(controller) => (None, content.owned_pods(controller.uid)),
        };
        // Who is named by a uid need not be the owner: kind and name must be right as well.
        let is_ours = move |(name, pod): &(&'a Name, &'a Pod)| {
            let (kind, root) = content.root_of_pod(name, pod);
            !pod.terminated && kind == self.kind && root == *self.name
        };
        itself.into_iter().chain(owned).filter(is_ours)
    }

    /// Who controls it, if that is no workload of the inventory.
    pub fn unknown_owner(&self) -> Option<&'a Owner> {
        let owner = match self.object {
            RootObject::Pod(pod) => pod.owner.as_ref(),
            RootObject::Controller(controller) => controller.owner.as_ref(),
        };
        owner.filter(|owner| owner.known != Some(Kind::Node))
    }

    /// Whether live pods of this group were made from the workload's present template.
    fn is_current(&self, group: &LiveGroup) -> bool {
        let RootObject::Controller(controller) = self.object else {
            return true;
        };
        match self.kind {
            // A middle owner with the same template facts stands for the same template: what else may differ
            // decides on nothing here. Kubernetes compares the templates as well (`FindNewReplicaSet`).
            Kind::Deployment | Kind::CronJob => self
                .namespace
                .content
                .parent_of(group)
                .is_some_and(|parent| Arc::ptr_eq(&parent.template, &controller.template)),
            // Without a revision to compare with (a controller that has not reported yet) none can be told.
            Kind::StatefulSet | Kind::DaemonSet => {
                controller.revision.is_some() && controller.revision == group.revision
            }
            // Pods of these are not replaced when the template changes: what runs decides.
            _ => true,
        }
    }
}
