//! The kinds that the inventory holds.

use std::fmt;

/// A kind of Kubernetes object that some item reads.
///
/// The order is the order in which kinds are listed in reports and samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the names are those of Kubernetes
pub enum Kind {
    Namespace,
    Node,
    Pod,
    PodTemplate,
    ReplicationController,
    ReplicaSet,
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    ServiceAccount,
    Role,
    RoleBinding,
    ClusterRole,
    ClusterRoleBinding,
    NetworkPolicy,
    LimitRange,
    Service,
    Ingress,
    PersistentVolume,
    PersistentVolumeClaim,
    RuntimeClass,
    ConfigMap,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 24] = [
        Self::Namespace,
        Self::Node,
        Self::Pod,
        Self::PodTemplate,
        Self::ReplicationController,
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
        Self::ServiceAccount,
        Self::Role,
        Self::RoleBinding,
        Self::ClusterRole,
        Self::ClusterRoleBinding,
        Self::NetworkPolicy,
        Self::LimitRange,
        Self::Service,
        Self::Ingress,
        Self::PersistentVolume,
        Self::PersistentVolumeClaim,
        Self::RuntimeClass,
        Self::ConfigMap,
    ];

    /// The kinds that carry a pod template or are pods: what a workload check reads.
    pub const WORKLOADS: &'static [Self] = &[
        Self::Pod,
        Self::PodTemplate,
        Self::ReplicationController,
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
    ];

    /// The workload kinds, then `more`: what a check reads that looks beside workloads.
    pub const fn with_workloads<const N: usize>(more: &[Self]) -> [Self; N] {
        assert!(N == Self::WORKLOADS.len() + more.len());
        let mut kinds = [Self::Pod; N];
        let (workloads, others) = kinds.split_at_mut(Self::WORKLOADS.len());
        workloads.copy_from_slice(Self::WORKLOADS);
        others.copy_from_slice(more);
        kinds
    }

    /// Whether objects of this kind carry a pod template or are pods.
    pub fn is_workload(self) -> bool {
        Self::WORKLOADS.contains(&self)
    }

    /// Whether objects of this kind say who may do what, or are a service account.
    pub const fn is_access(self) -> bool {
        matches!(
            self,
            Self::ServiceAccount
                | Self::Role
                | Self::RoleBinding
                | Self::ClusterRole
                | Self::ClusterRoleBinding
        )
    }

    /// Whether objects of this kind say who may do what.
    pub const fn is_rights(self) -> bool {
        self.is_access() && !matches!(self, Self::ServiceAccount)
    }

    /// The API group, `""` for the core group.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Namespace
            | Self::Node
            | Self::Pod
            | Self::PodTemplate
            | Self::ReplicationController
            | Self::ServiceAccount
            | Self::LimitRange
            | Self::Service
            | Self::PersistentVolume
            | Self::PersistentVolumeClaim
            | Self::ConfigMap => "",
            Self::ReplicaSet | Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Job | Self::CronJob => "batch",
            Self::Role | Self::RoleBinding | Self::ClusterRole | Self::ClusterRoleBinding => {
                "rbac.authorization.k8s.io"
            }
            Self::NetworkPolicy | Self::Ingress => "networking.k8s.io",
            Self::RuntimeClass => "node.k8s.io",
        }
    }

    /// `v1` or `group/v1`: every kind here is read in version `v1`.
    pub fn api_version(self) -> String {
        match self.group() {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    /// The name as in `kind:`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::PodTemplate => "PodTemplate",
            Self::ReplicationController => "ReplicationController",
            Self::ReplicaSet => "ReplicaSet",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::ServiceAccount => "ServiceAccount",
            Self::Role => "Role",
            Self::RoleBinding => "RoleBinding",
            Self::ClusterRole => "ClusterRole",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::LimitRange => "LimitRange",
            Self::Service => "Service",
            Self::Ingress => "Ingress",
            Self::PersistentVolume => "PersistentVolume",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::RuntimeClass => "RuntimeClass",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// The resource name in URLs and RBAC rules.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Node => "nodes",
            Self::Pod => "pods",
            Self::PodTemplate => "podtemplates",
            Self::ReplicationController => "replicationcontrollers",
            Self::ReplicaSet => "replicasets",
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Job => "jobs",
            Self::CronJob => "cronjobs",
            Self::ServiceAccount => "serviceaccounts",
            Self::Role => "roles",
            Self::RoleBinding => "rolebindings",
            Self::ClusterRole => "clusterroles",
            Self::ClusterRoleBinding => "clusterrolebindings",
            Self::NetworkPolicy => "networkpolicies",
            Self::LimitRange => "limitranges",
            Self::Service => "services",
            Self::Ingress => "ingresses",
            Self::PersistentVolume => "persistentvolumes",
            Self::PersistentVolumeClaim => "persistentvolumeclaims",
            Self::RuntimeClass => "runtimeclasses",
            Self::ConfigMap => "configmaps",
        }
    }

    /// The resource name with its group, as in `kubectl get`: `pods`, `deployments.apps`.
    pub fn resource(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    /// Whether objects of this kind live in a namespace.
    pub const fn is_namespaced(self) -> bool {
        !matches!(
            self,
            Self::Namespace
                | Self::Node
                | Self::ClusterRole
                | Self::ClusterRoleBinding
                | Self::PersistentVolume
                | Self::RuntimeClass
        )
    }

    /// The kind that `apiVersion` and `kind` name, whatever the version within the group.
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self::ALL
            .into_iter()
            .find(|k| k.as_str() == kind && k.group() == group)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_in_order_and_complete() {
        assert!(Kind::ALL.is_sorted());
        assert_eq!(Kind::ALL.last(), Some(&Kind::ConfigMap));
        for kind in Kind::ALL {
            assert_eq!(Kind::of(&kind.api_version(), kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn a_kind_of_another_group_is_not_ours() {
        assert_eq!(Kind::of("serving.knative.dev/v1", "Service"), None);
        assert_eq!(Kind::of("apps/v1beta1", "Deployment"), Some(Kind::Deployment));
    }
}
