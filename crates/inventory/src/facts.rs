//! Fact records: what the inventory keeps of an object.

use std::sync::Arc;

use crate::images::RunningImage;
use crate::kind::Kind;
use crate::labels::Labels;
use crate::lean::{self, AggregationRule, ClusterPolicySpec, NetworkPolicySpec, RoleRef, Rule, Subject};
use crate::literal_secrets::LiteralSecret;
use crate::names::{Name, Pool};
use crate::template::{Limit, Limits, Os, Template};

/// The uid of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(u128);

impl Uid {
    /// Reads a uid; one that is no UUID is hashed.
    pub fn parse(text: &str) -> Self {
        let hex: String = text.chars().filter(|c| *c != '-').collect();
        match u128::from_str_radix(&hex, 16) {
            Ok(number) if hex.len() == 32 => Self(number),
            _ => Self(xxhash_rust::xxh3::xxh3_128(text.as_bytes())),
        }
    }
}

impl std::fmt::Display for Uid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(
            f,
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }
}

/// The controlling owner of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its uid.
    pub uid: Uid,
    /// Its kind, if it is one of the inventory's.
    pub known: Option<Kind>,
    /// Its kind as written.
    pub kind: Name,
    /// Its name.
    pub name: Name,
}

impl Owner {
    pub(crate) fn of(meta: &lean::Meta, names: &mut Pool<str>) -> Option<Self> {
        let controller = meta.controller()?;
        Some(Self {
            uid: Uid::parse(&controller.uid),
            known: Kind::of(&controller.api_version, &controller.kind),
            kind: names.intern(controller.kind.as_str()),
            name: names.intern(controller.name.as_str()),
        })
    }
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceFacts {
    /// Its uid.
    pub uid: Option<Uid>,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Whether it is being deleted: it has left every scope then.
    pub terminating: bool,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its labels.
    pub labels: Arc<Labels>,
    /// What its kubelet reports, else what its label says.
    pub os: Option<Os>,
    /// The name of its operating system, if that is one made for containers.
    pub container_os: Option<&'static str>,
    /// Version of its kubelet, as reported (`v1.37.2`), empty if unknown.
    pub kubelet_version: Name,
    /// Handlers that its container runtime offers.
    pub runtime_handlers: Box<[Name]>,
    /// Its taints.
    pub taints: Box<[Taint]>,
    /// Its addresses, each with its type (`InternalIP`, `ExternalIP`).
    pub addresses: Box<[(Name, Name)]>,
    /// Ranges that its pods get their addresses from.
    pub pod_ranges: Box<[Name]>,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: Name,
    /// Its value, often empty.
    pub value: Name,
    /// What becomes of pods that do not tolerate it, as written.
    pub effect: Name,
}

impl Taint {
    /// Whether it keeps pods away, and not only by preference.
    pub fn repels(&self) -> bool {
        matches!(&*self.effect, "NoSchedule" | "NoExecute")
    }
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its uid; `None` for a manifest that no API server has seen.
    pub uid: Option<Uid>,
    /// Its controlling owner.
    pub owner: Option<Owner>,
    /// The node that it runs on.
    pub node: Option<Name>,
    /// Whether all its containers have ended for good.
    pub terminated: bool,
    /// Whether the kubelet runs it from a file and the API only mirrors it.
    pub mirror: bool,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its short annotations, if it is owned by nobody.
    pub annotations: Arc<Labels>,
    /// What its containers run. Replicas share it.
    pub images: Arc<[RunningImage]>,
    /// What its spec says about security, before defaulting.
    pub template: Arc<Template>,
    /// The same as it would be admitted: differs for manifests only.
    pub admitted: Arc<Template>,
}

/// An object that makes pods from a template, or is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Its uid; `None` for a manifest that no API server has seen.
    pub uid: Option<Uid>,
    /// Its controlling owner.
    pub owner: Option<Owner>,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its short annotations, if no workload owns it.
    pub annotations: Arc<Labels>,
    /// Secrets found in its annotations.
    pub annotation_secrets: Box<[LiteralSecret]>,
    /// Labels of the pods that it makes.
    pub pod_labels: Arc<Labels>,
    /// Its pod template.
    pub template: Arc<Template>,
    /// The template after the defaulting of the namespace's `LimitRange`s.
    pub admitted: Arc<Template>,
    /// Whether it wants no pods: scaled to zero, or a Job that has finished.
    pub stopped: bool,
    /// What tells pods of the current template, for kinds whose pods say so: the `controller-revision-hash` of
    /// a `StatefulSet`, the `pod-template-generation` of a `DaemonSet`.
    pub revision: Option<Name>,
}

impl Pod {
    /// The uid of its controlling owner.
    pub(crate) fn owner_uid(&self) -> Option<Uid> {
        self.owner.as_ref().map(|owner| owner.uid)
    }
}

impl Controller {
    /// Its uid and its controlling owner: all that the owner walk goes by.
    pub(crate) fn identity(&self) -> (Option<Uid>, Option<Owner>) {
        (self.uid, self.owner.clone())
    }

    /// The uid of its controlling owner.
    pub(crate) fn owner_uid(&self) -> Option<Uid> {
        self.owner.as_ref().map(|owner| owner.uid)
    }
}

/// Which limits the `LimitRange`s of a namespace fill in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitRangeFacts {
    /// Limits that a container gets if it has none.
    pub defaults: Limits,
}

impl LimitRangeFacts {
    /// Kubernetes defaults `default` from `max` (`SetDefaults_LimitRangeItem`), for type Container only.
    pub(crate) fn new(limit_range: &lean::LimitRange) -> Self {
        let mut facts = Self::default();
        for item in limit_range
            .spec
            .limits
            .iter()
            .filter(|item| item.kind == "Container")
        {
            let default =
                |resource| Limit::new(item.default.get(resource).or_else(|| item.max.get(resource)));
            facts.defaults = facts.defaults.union(Limits {
                cpu: default("cpu"),
                memory: default("memory"),
            });
        }
        facts
    }
}

/// A `ConfigMap`: what was found in its data, which is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigMapFacts {
    /// Secrets.
    pub secrets: Box<[LiteralSecret]>,
    /// Hosts that configurations of collectors of logs send to, in order.
    pub log_destinations: Box<[Name]>,
}

/// A `ServiceAccount`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccountFacts {
    /// Its labels.
    pub labels: Arc<Labels>,
    /// `automountServiceAccountToken`.
    pub automount_token: Option<bool>,
    /// Whom its labels or annotations name as its owner: the system or the tool that it is part of, or a team.
    pub owner: Option<Name>,
}

/// A `PersistentVolume` as far as it lies on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistentVolumeFacts {
    /// The path on the node and whether the volume is of type `hostPath` (else `local`); `None` for others.
    pub node_path: Option<NodePath>,
}

/// A path on a node that a volume stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePath {
    /// The path.
    pub path: Name,
    /// `local` volumes are paths that an administrator has set aside.
    pub local: bool,
}

/// A role or cluster role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleFacts {
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its rules.
    pub rules: Arc<[Rule]>,
    /// What it is aggregated from.
    pub aggregation: Option<AggregationRule>,
}

/// A role binding or cluster role binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingFacts {
    /// Who gets the role.
    pub subjects: Box<[Subject]>,
    /// The role.
    pub role: RoleRef,
    /// Annotations that record who approved of it and until when: `access.…/approved-by` and `access.…/expires`.
    pub approval: Arc<Labels>,
}

/// A `NetworkPolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicyFacts {
    /// The version that it is written in, if that is said and not the one that is read.
    pub unknown_version: Option<Name>,
    /// Its spec, as written. Many namespaces have the same.
    pub spec: Arc<NetworkPolicySpec>,
}

/// An `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` or `ClusterNetworkPolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPolicyFacts {
    /// The version that it is written in, if that is said and not the one that is read.
    pub unknown_version: Option<Name>,
    /// Its spec, as written.
    pub spec: Arc<ClusterPolicySpec>,
}
