//! The inventory: everything that is known of the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::accounts::Accounts;
use crate::anonymous::AnonymousRequests;
use crate::components::{Component, Flags};
use crate::decisions::Decisions;
use crate::dirty::Dirty;
use crate::entries::{GatewayFacts, IngressFacts, RouteFacts, ServiceFacts};
use crate::facts::{
    BindingFacts, ClusterPolicyFacts, ConfigMapFacts, Controller, LimitRangeFacts, NamespaceFacts,
    NetworkPolicyFacts, NodeFacts, PersistentVolumeFacts, Pod, RoleFacts, ServiceAccountFacts, Uid,
};
use crate::host_scanners::HostScan;
use crate::images::{Images, RunningImage, Uses};
use crate::kind::Kind;
use crate::labels::Labels;
use crate::lean::{NetworkPolicySpec, Rule};
use crate::names::{Name, Pool};
use crate::roots::{LocalKey, Root};
use crate::server::ServerVersion;
use crate::store::Store;
use crate::template::Template;

/// The identity of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; `None` for cluster-scoped kinds.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// How much the inventory knows of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputState {
    /// No list has arrived yet.
    #[default]
    Pending,
    /// Listed, and watched since.
    Synced,
    /// The API server refuses to list it.
    Forbidden,
    /// The API server does not serve it.
    Absent,
    /// It was or is to be listed, and the API server cannot be reached or answers with errors.
    Failing,
}

/// What is known of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How much is known.
    pub state: InputState,
    /// Objects held, undecodable ones left out.
    pub objects: u32,
    /// Objects that do not decode.
    pub undecodable: u32,
    /// The listing that is current.
    pub(crate) epoch: u32,
}

/// Everything that is known of the cluster.
#[derive(Debug, Default)]
pub struct Inventory {
    pub(crate) names: Pool<str>,
    pub(crate) label_sets: Pool<Labels>,
    pub(crate) templates: Pool<Template>,
    /// Charts install the same roles in thousands of namespaces.
    pub(crate) rule_lists: Pool<[Rule]>,
    pub(crate) policy_specs: Pool<NetworkPolicySpec>,
    pub(crate) image_lists: Pool<[RunningImage]>,
    pub(crate) inputs: BTreeMap<Kind, Coverage>,
    pub(crate) undecodable: BTreeMap<ObjectId, Undecodable>,
    pub(crate) namespaces: BTreeMap<Name, Namespace>,
    pub(crate) nodes: Store<NodeFacts>,
    /// Pods, by namespace and name, that count for what their node is for.
    pub(crate) placed: BTreeMap<Name, BTreeSet<(Name, Name)>>,
    pub(crate) images: Images,
    pub(crate) persistent_volumes: Store<PersistentVolumeFacts>,
    pub(crate) runtime_classes: Store<Name>,
    pub(crate) cluster_roles: Store<RoleFacts>,
    pub(crate) cluster_role_bindings: Store<BindingFacts>,
    /// `AdminNetworkPolicy` and the like, by kind.
    pub(crate) cluster_policies: BTreeMap<Kind, Store<ClusterPolicyFacts>>,
    /// Components of the control plane, by the names of their pods.
    pub(crate) components: BTreeMap<Name, (Component, Flags)>,
    /// Scanners of nodes, by what runs them.
    pub(crate) host_scans: BTreeMap<ObjectId, HostScan>,
    /// What people decided on verdicts.
    pub(crate) decisions: Decisions,
    pub(crate) anonymous: AnonymousRequests,
    pub(crate) server_version: Option<ServerVersion>,
    pub(crate) dirty: Dirty,
    /// Offline, objects imply their namespaces, and kinds count as listed unless somebody says otherwise.
    pub(crate) offline: bool,
}

/// An object that does not decode.
#[derive(Debug)]
pub(crate) struct Undecodable {
    pub(crate) error: String,
    pub(crate) epoch: u32,
}

/// Everything that is known of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Namespace {
    pub(crate) object: Option<(u32, NamespaceFacts)>,
    pub(crate) pods: Store<Pod>,
    pub(crate) controllers: BTreeMap<Kind, Store<Controller>>,
    pub(crate) roots: BTreeMap<LocalKey, Root>,
    pub(crate) accounts: Accounts,
    pub(crate) images: Uses,
    /// Pods and controllers by the uid of their controlling owner, whether that is known or not.
    pub(crate) children: BTreeSet<(Uid, LocalKey)>,
    pub(crate) service_accounts: Store<ServiceAccountFacts>,
    pub(crate) limit_ranges: Store<LimitRangeFacts>,
    pub(crate) claims: Store<Option<Name>>,
    pub(crate) services: Store<ServiceFacts>,
    pub(crate) ingresses: Store<IngressFacts>,
    pub(crate) gateways: Store<GatewayFacts>,
    /// Routes of the Gateway API, by kind.
    pub(crate) routes: BTreeMap<Kind, Store<RouteFacts>>,
    pub(crate) config_maps: Store<ConfigMapFacts>,
    pub(crate) roles: Store<RoleFacts>,
    pub(crate) role_bindings: Store<BindingFacts>,
    pub(crate) network_policies: Store<NetworkPolicyFacts>,
}

impl Inventory {
    /// The inventory of a live cluster: kinds are [`InputState::Pending`] until they are listed.
    pub fn live() -> Self {
        Self::default()
    }

    /// The inventory of manifests: a missing kind means "none", and objects imply their namespaces.
    pub fn offline() -> Self {
        Self {
            offline: true,
            ..Self::default()
        }
    }

    /// Whether this is an inventory of manifests.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// What changed since this was last called.
    pub fn take_dirty(&mut self) -> Dirty {
        std::mem::take(&mut self.dirty)
    }

    /// What is known of `kind`.
    pub fn coverage(&self, kind: Kind) -> Coverage {
        let mut coverage = self.inputs.get(&kind).copied().unwrap_or_default();
        if self.offline && coverage.state == InputState::Pending {
            coverage.state = InputState::Synced;
        }
        coverage
    }

    /// Notes how much is known of `kind`.
    ///
    /// A kind that is forbidden or absent is forgotten: what was known of it can no longer be defended.
    pub fn set_input(&mut self, kind: Kind, state: InputState) {
        let input = self.inputs.entry(kind).or_default();
        if input.state != state {
            input.state = state;
            self.dirty.topic(kind, None);
            self.dirty.coverage(kind, None);
        }
        // Also if it was so before: a listing may have begun in the meantime and been refused half-way.
        if matches!(state, InputState::Forbidden | InputState::Absent) {
            self.begin_relist(kind);
            self.drop_unlisted(kind);
        }
    }

    /// Objects that do not decode, with what is wrong with them.
    pub fn undecodable(&self) -> impl Iterator<Item = (&ObjectId, &str)> {
        self.undecodable
            .iter()
            .map(|(id, undecodable)| (id, undecodable.error.as_str()))
    }

    /// Objects of `kind` that do not decode: those in `namespace`, or all if that is `None`. Ordered.
    pub fn undecodable_of(
        &self,
        kind: Kind,
        namespace: Option<&Name>,
    ) -> impl Iterator<Item = (&ObjectId, &str)> {
        let namespace = namespace.filter(|_| kind.is_namespaced()).cloned();
        let first = ObjectId {
            kind,
            namespace: namespace.clone(),
            name: Name::from(""),
        };
        self.undecodable
            .range(first..)
            .take_while(move |(id, _)| id.kind == kind && (namespace.is_none() || id.namespace == namespace))
            .map(|(id, undecodable)| (id, undecodable.error.as_str()))
    }
}
