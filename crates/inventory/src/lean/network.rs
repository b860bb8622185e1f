//! Network policies of a namespace.

use serde::Deserialize;

use super::{LabelSelector, Meta, nullable};

/// `networking.k8s.io/v1.NetworkPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // here and below: as in Kubernetes
pub struct NetworkPolicy {
    /// As written; an API server leaves it out in lists.
    pub api_version: Option<String>,
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: NetworkPolicySpec,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct NetworkPolicySpec {
    #[serde(default, deserialize_with = "nullable")]
    pub pod_selector: LabelSelector,
    #[serde(default, deserialize_with = "nullable")]
    pub policy_types: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub ingress: Vec<NetworkPolicyRule>,
    #[serde(default, deserialize_with = "nullable")]
    pub egress: Vec<NetworkPolicyRule>,
}

/// An ingress rule (`from`) or an egress rule (`to`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs)]
pub struct NetworkPolicyRule {
    #[serde(default, alias = "from", alias = "to", deserialize_with = "nullable")]
    pub peers: Vec<NetworkPolicyPeer>,
    #[serde(default, deserialize_with = "nullable")]
    pub ports: Vec<NetworkPolicyPort>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct NetworkPolicyPeer {
    pub pod_selector: Option<LabelSelector>,
    pub namespace_selector: Option<LabelSelector>,
    pub ip_block: Option<IpBlock>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[allow(missing_docs)]
pub struct IpBlock {
    #[serde(default, deserialize_with = "nullable")]
    pub cidr: String,
    #[serde(default, deserialize_with = "nullable")]
    pub except: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct NetworkPolicyPort {
    pub protocol: Option<String>,
    pub port: Option<IntOrString>,
    pub end_port: Option<i64>,
}

/// A port number or the name of a container port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum IntOrString {
    Int(i64),
    String(String),
}
