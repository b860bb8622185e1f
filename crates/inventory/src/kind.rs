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
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterNetworkPolicy,
    Gateway,
    HttpRoute,
    GrpcRoute,
    TlsRoute,
    TcpRoute,
    UdpRoute,
    ComplianceWaiver,
    ClusterComplianceWaiver,
    ComplianceApproval,
    ClusterComplianceApproval,
    ComplianceAttestation,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 40] = [
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
        Self::AdminNetworkPolicy,
        Self::BaselineAdminNetworkPolicy,
        Self::ClusterNetworkPolicy,
        Self::Gateway,
        Self::HttpRoute,
        Self::GrpcRoute,
        Self::TlsRoute,
        Self::TcpRoute,
        Self::UdpRoute,
        Self::ComplianceWaiver,
        Self::ClusterComplianceWaiver,
        Self::ComplianceApproval,
        Self::ClusterComplianceApproval,
        Self::ComplianceAttestation,
        Self::ValidatingAdmissionPolicy,
        Self::ValidatingAdmissionPolicyBinding,
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

    /// The kinds that say who may talk to whom, and who leads traffic in from outside.
    pub const NETWORK: &'static [Self] = &[
        Self::NetworkPolicy,
        Self::Service,
        Self::Ingress,
        Self::AdminNetworkPolicy,
        Self::BaselineAdminNetworkPolicy,
        Self::ClusterNetworkPolicy,
        Self::Gateway,
        Self::HttpRoute,
        Self::GrpcRoute,
        Self::TlsRoute,
        Self::TcpRoute,
        Self::UdpRoute,
    ];

    /// The kinds by which people decide on verdicts, and those that guard who does. Without them nothing is
    /// accepted.
    pub const DECISIONS: &'static [Self] = &[
        Self::ComplianceWaiver,
        Self::ClusterComplianceWaiver,
        Self::ComplianceApproval,
        Self::ClusterComplianceApproval,
        Self::ComplianceAttestation,
        Self::ValidatingAdmissionPolicy,
        Self::ValidatingAdmissionPolicyBinding,
    ];

    /// The kinds that say who may do what.
    pub const RIGHTS: &'static [Self] = &[
        Self::Role,
        Self::RoleBinding,
        Self::ClusterRole,
        Self::ClusterRoleBinding,
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
            Self::AdminNetworkPolicy | Self::BaselineAdminNetworkPolicy | Self::ClusterNetworkPolicy => {
                "policy.networking.k8s.io"
            }
            Self::Gateway
            | Self::HttpRoute
            | Self::GrpcRoute
            | Self::TlsRoute
            | Self::TcpRoute
            | Self::UdpRoute => "gateway.networking.k8s.io",
            Self::ComplianceWaiver
            | Self::ClusterComplianceWaiver
            | Self::ComplianceApproval
            | Self::ClusterComplianceApproval
            | Self::ComplianceAttestation => "compliance.plumbline.dev",
            Self::ValidatingAdmissionPolicy | Self::ValidatingAdmissionPolicyBinding => {
                "admissionregistration.k8s.io"
            }
        }
    }

    /// The versions of the group that it is read in, the one to ask for first in front.
    pub const fn versions(self) -> &'static [&'static str] {
        match self {
            Self::AdminNetworkPolicy
            | Self::BaselineAdminNetworkPolicy
            | Self::ComplianceWaiver
            | Self::ClusterComplianceWaiver
            | Self::ComplianceApproval
            | Self::ClusterComplianceApproval
            | Self::ComplianceAttestation => &["v1alpha1"],
            Self::ClusterNetworkPolicy => &["v1alpha2"],
            Self::Gateway | Self::HttpRoute => &["v1", "v1beta1"],
            Self::GrpcRoute | Self::TcpRoute | Self::UdpRoute => &["v1", "v1alpha2"],
            Self::TlsRoute => &["v1", "v1alpha3", "v1alpha2"],
            _ => &["v1"],
        }
    }

    /// `version` or `group/version`, in the version to ask for first.
    pub fn api_version(self) -> String {
        self.api_version_in(self.versions()[0])
    }

    /// `version` or `group/version`.
    pub fn api_version_in(self, version: &str) -> String {
        match self.group() {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
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
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
            Self::Gateway => "Gateway",
            Self::HttpRoute => "HTTPRoute",
            Self::GrpcRoute => "GRPCRoute",
            Self::TlsRoute => "TLSRoute",
            Self::TcpRoute => "TCPRoute",
            Self::UdpRoute => "UDPRoute",
            Self::ComplianceWaiver => "ComplianceWaiver",
            Self::ClusterComplianceWaiver => "ClusterComplianceWaiver",
            Self::ComplianceApproval => "ComplianceApproval",
            Self::ClusterComplianceApproval => "ClusterComplianceApproval",
            Self::ComplianceAttestation => "ComplianceAttestation",
            Self::ValidatingAdmissionPolicy => "ValidatingAdmissionPolicy",
            Self::ValidatingAdmissionPolicyBinding => "ValidatingAdmissionPolicyBinding",
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
            Self::AdminNetworkPolicy => "adminnetworkpolicies",
            Self::BaselineAdminNetworkPolicy => "baselineadminnetworkpolicies",
            Self::ClusterNetworkPolicy => "clusternetworkpolicies",
            Self::Gateway => "gateways",
            Self::HttpRoute => "httproutes",
            Self::GrpcRoute => "grpcroutes",
            Self::TlsRoute => "tlsroutes",
            Self::TcpRoute => "tcproutes",
            Self::UdpRoute => "udproutes",
            Self::ComplianceWaiver => "compliancewaivers",
            Self::ClusterComplianceWaiver => "clustercompliancewaivers",
            Self::ComplianceApproval => "complianceapprovals",
            Self::ClusterComplianceApproval => "clustercomplianceapprovals",
            Self::ComplianceAttestation => "complianceattestations",
            Self::ValidatingAdmissionPolicy => "validatingadmissionpolicies",
            Self::ValidatingAdmissionPolicyBinding => "validatingadmissionpolicybindings",
        }
    }

    /// Whether every API server serves it: the others come with definitions that somebody has to install.
    pub fn is_built_in(self) -> bool {
        !matches!(
            self.group(),
            "policy.networking.k8s.io" | "gateway.networking.k8s.io" | "compliance.plumbline.dev"
        )
    }

    /// Whether it is a route of the Gateway API.
    pub fn is_route(self) -> bool {
        matches!(
            self,
            Self::HttpRoute | Self::GrpcRoute | Self::TlsRoute | Self::TcpRoute | Self::UdpRoute
        )
    }

    /// Whether people decide on verdicts by it, or it guards who does.
    pub fn is_decision(self) -> bool {
        Self::DECISIONS.contains(&self)
    }

    /// Whether it is a network policy of the whole cluster.
    pub fn is_cluster_policy(self) -> bool {
        matches!(
            self,
            Self::AdminNetworkPolicy | Self::BaselineAdminNetworkPolicy | Self::ClusterNetworkPolicy
        )
    }

    /// Whether a change is noted object by object, since whoever reads it looks at one at a time.
    pub fn is_noted_by_object(self) -> bool {
        self.is_access() || Self::NETWORK.contains(&self)
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
                | Self::AdminNetworkPolicy
                | Self::BaselineAdminNetworkPolicy
                | Self::ClusterNetworkPolicy
                | Self::ClusterComplianceWaiver
                | Self::ClusterComplianceApproval
                | Self::ComplianceAttestation
                | Self::ValidatingAdmissionPolicy
                | Self::ValidatingAdmissionPolicyBinding
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
        assert_eq!(Kind::ALL.last(), Some(&Kind::ValidatingAdmissionPolicyBinding));
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
