//! Namespaces, nodes, configuration and storage.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::pod::Quantity;
use super::{Meta, nullable, quantities};
use crate::destinations;
use crate::literal_secrets::{self, LiteralSecret};

/// `v1.Namespace`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)] // here and below: as in Kubernetes
pub struct Namespace {
    pub metadata: Meta,
}

/// `v1.Node`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Node {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: NodeSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct NodeSpec {
    #[serde(default, deserialize_with = "nullable")]
    pub taints: Vec<Taint>,
    /// The first of the pod CIDRs: a manifest may have this one alone.
    #[serde(rename = "podCIDR", default, deserialize_with = "nullable")]
    pub pod_cidr: String,
    #[serde(rename = "podCIDRs", default, deserialize_with = "nullable")]
    pub pod_cidrs: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Taint {
    #[serde(default, deserialize_with = "nullable")]
    pub key: String,
    #[serde(default, deserialize_with = "nullable")]
    pub value: String,
    #[serde(default, deserialize_with = "nullable")]
    pub effect: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct NodeAddress {
    #[serde(rename = "type", default, deserialize_with = "nullable")]
    pub kind: String,
    #[serde(default, deserialize_with = "nullable")]
    pub address: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct NodeStatus {
    #[serde(default, deserialize_with = "nullable")]
    pub addresses: Vec<NodeAddress>,
    #[serde(default, deserialize_with = "nullable")]
    pub node_info: NodeInfo,
    #[serde(default, deserialize_with = "nullable")]
    pub runtime_handlers: Vec<RuntimeHandler>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct NodeInfo {
    #[serde(default, deserialize_with = "nullable")]
    pub kubelet_version: String,
    #[serde(default, deserialize_with = "nullable")]
    pub os_image: String,
    #[serde(default, deserialize_with = "nullable")]
    pub operating_system: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct RuntimeHandler {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
}

/// `node.k8s.io/v1.RuntimeClass`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct RuntimeClass {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub handler: String,
}

/// `v1.LimitRange`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct LimitRange {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: LimitRangeSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct LimitRangeSpec {
    #[serde(default, deserialize_with = "nullable")]
    pub limits: Vec<LimitRangeItem>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct LimitRangeItem {
    #[serde(rename = "type", default, deserialize_with = "nullable")]
    pub kind: String,
    #[serde(default, deserialize_with = "quantities")]
    pub default: BTreeMap<String, Quantity>,
    #[serde(default, deserialize_with = "quantities")]
    pub max: BTreeMap<String, Quantity>,
}

/// `v1.PersistentVolume`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct PersistentVolume {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: PersistentVolumeSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PersistentVolumeSpec {
    pub host_path: Option<NodePath>,
    pub local: Option<NodePath>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct NodePath {
    #[serde(default, deserialize_with = "nullable")]
    pub path: String,
}

/// `v1.PersistentVolumeClaim`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct PersistentVolumeClaim {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: PersistentVolumeClaimSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PersistentVolumeClaimSpec {
    pub volume_name: Option<String>,
}

/// `v1.ConfigMap`: its data is scanned while it is parsed and never kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct ConfigMap {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub data: ScannedData,
}

/// What is found in the data of a `ConfigMap`.
#[derive(Clone, Debug, Default)]
pub struct ScannedData {
    /// Secrets, masked.
    pub secrets: Vec<LiteralSecret>,
    /// Hosts that configurations of collectors of logs send to.
    pub log_destinations: BTreeSet<String>,
}

impl<'de> Deserialize<'de> for ScannedData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scan;
        impl<'de> Visitor<'de> for Scan {
            type Value = ScannedData;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ScannedData, A::Error> {
                let mut found = ScannedData::default();
                while let Some((key, value)) = map.next_entry::<String, Option<String>>()? {
                    let value = value.unwrap_or_default();
                    found.secrets.extend(literal_secrets::in_data(&key, &value));
                    found.log_destinations.extend(destinations::in_data(&key, &value));
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Scan)
    }
}
