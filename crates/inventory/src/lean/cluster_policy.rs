//! Network policies of the whole cluster, of every version there has been.
//!
//! `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` (v1alpha1) and `ClusterNetworkPolicy` (v1alpha2) say the
//! same things in the same places, but for how ports are written: one type reads all three.

use serde::Deserialize;

use super::{LabelSelector, Meta, nullable};

/// An `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` or `ClusterNetworkPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // here and below: as in sigs.k8s.io/network-policy-api
pub struct ClusterPolicy {
    /// As written.
    pub api_version: Option<String>,
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: ClusterPolicySpec,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs)]
pub struct ClusterPolicySpec {
    /// `Admin` or `Baseline`; `ClusterNetworkPolicy` only.
    pub tier: Option<String>,
    /// Of the lowest number the highest precedence; a `BaselineAdminNetworkPolicy` has none.
    pub priority: Option<i64>,
    #[serde(default, deserialize_with = "nullable")]
    pub subject: ClusterPolicyPeer,
    #[serde(default, deserialize_with = "nullable")]
    pub ingress: Vec<ClusterPolicyRule>,
    #[serde(default, deserialize_with = "nullable")]
    pub egress: Vec<ClusterPolicyRule>,
}

/// An ingress rule (`from`) or an egress rule (`to`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs)]
pub struct ClusterPolicyRule {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub action: String,
    #[serde(default, alias = "from", alias = "to", deserialize_with = "nullable")]
    pub peers: Vec<ClusterPolicyPeer>,
    /// In v1alpha1.
    #[serde(default, deserialize_with = "nullable")]
    pub ports: Vec<ClusterPolicyPort>,
    /// In v1alpha2.
    #[serde(default, deserialize_with = "nullable")]
    pub protocols: Vec<ClusterPolicyProtocol>,
}

/// A peer of a rule, or the subject of a policy: exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ClusterPolicyPeer {
    pub namespaces: Option<Namespaces>,
    pub pods: Option<NamespacedPods>,
    pub nodes: Option<LabelSelector>,
    #[serde(default, deserialize_with = "nullable")]
    pub networks: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub domain_names: Vec<String>,
}

/// A label selector over namespaces, and what an early v1alpha1 had in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Namespaces {
    #[serde(flatten)]
    pub selector: LabelSelector,
    /// No longer in any version: to be told apart from a selector of everything.
    pub namespace_selector: Option<LabelSelector>,
    /// No longer in any version.
    #[serde(default, deserialize_with = "nullable")]
    pub same_labels: Vec<String>,
    /// No longer in any version.
    #[serde(default, deserialize_with = "nullable")]
    pub not_same_labels: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct NamespacedPods {
    pub namespace_selector: Option<LabelSelector>,
    pub pod_selector: Option<LabelSelector>,
}

/// A port in v1alpha1: exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ClusterPolicyPort {
    pub port_number: Option<PortNumber>,
    pub named_port: Option<String>,
    pub port_range: Option<ProtocolPortRange>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs)]
pub struct PortNumber {
    pub protocol: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub port: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs)]
pub struct ProtocolPortRange {
    pub protocol: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub start: i64,
    #[serde(default, deserialize_with = "nullable")]
    pub end: i64,
}

/// A protocol and its ports in v1alpha2: exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ClusterPolicyProtocol {
    pub tcp: Option<DestinationPort>,
    pub udp: Option<DestinationPort>,
    pub sctp: Option<DestinationPort>,
    pub destination_named_port: Option<String>,
}

/// Ports of a protocol; all of them if nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct DestinationPort {
    pub destination_port: Option<PortOrRange>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs)]
pub struct PortOrRange {
    pub number: Option<i64>,
    pub range: Option<PortRange>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs)]
pub struct PortRange {
    #[serde(default, deserialize_with = "nullable")]
    pub start: i64,
    #[serde(default, deserialize_with = "nullable")]
    pub end: i64,
}
