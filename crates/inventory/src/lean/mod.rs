//! Lean types: of each kind, the fields that some item reads, and nothing else.
//!
//! serde skips the rest while parsing, so that managed fields, status noise and annotations nobody reads
//! are never allocated. As with the API server, `null` equals absence everywhere.

mod access;
mod cluster;
mod cluster_policy;
mod decisions;
mod entries;
mod meta;
mod network;
mod pod;
mod workloads;

pub use access::{AggregationRule, Binding, Role, RoleRef, Rule, ServiceAccount, Subject};
pub use cluster::{
    ConfigMap, LimitRange, LimitRangeItem, Namespace, Node, PersistentVolume, PersistentVolumeClaim,
    RuntimeClass,
};
pub use cluster_policy::{
    ClusterPolicy, ClusterPolicyPeer, ClusterPolicyPort, ClusterPolicyProtocol, ClusterPolicyRule,
    ClusterPolicySpec, DestinationPort, NamespacedPods, Namespaces, PortNumber, PortOrRange, PortRange,
    ProtocolPortRange,
};
pub use decisions::{
    ApprovalSpec, AttestationScope, AttestationSpec, AttestedEvidence, Decision, PolicySpec, WaiverRef,
    WaiverScope, WaiverSpec, WorkloadRef, Written,
};
pub use entries::{
    Gateway, Ingress, IngressBackend, IngressService, Route, RouteRef, RouteRule, Service, ServicePort,
};
pub use meta::{Annotations, LabelSelector, Meta, OwnerReference, Requirement};
pub use network::{
    IntOrString, IpBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule,
    NetworkPolicySpec,
};
pub use pod::{
    Capabilities, Container, ContainerPort, ContainerStatus, EnvVar, Handler, Pod, PodSpec, PodStatus,
    Profile, ProfileType, Quantity, Resources, SeLinuxOptions, SecurityContext, Volume, WindowsOptions,
};
pub use workloads::{
    CronJob, DaemonSet, Deployment, Job, PodTemplate, PodTemplateSpec, ReplicaSet, ReplicasSpec,
    ReplicationController, StatefulSet,
};

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::Kind;

macro_rules! objects {
    ($($kind:ident($lean:ty)),* $(,)?) => {
        /// An object of any kind that the inventory holds.
        #[derive(Clone, Debug)]
        #[allow(missing_docs)] // the names are those of Kubernetes
        pub enum Object {
            $($kind(Box<$lean>),)*
        }

        impl Object {
            /// Reads the JSON of one object of `kind`.
            ///
            /// The error is one line: the path of the field and what is wrong with it.
            pub fn from_json(kind: Kind, json: &str) -> Result<Self, String> {
                match kind {
                    $(Kind::$kind => from_json::<$lean>(json).map(|o| Self::$kind(Box::new(o))),)*
                }
            }

            /// Reads one object of `kind` that has been parsed already, from YAML for instance.
            ///
            /// The error is as that of [`Object::from_json`].
            pub fn from_value(kind: Kind, value: &serde_json::Value) -> Result<Self, String> {
                match kind {
                    $(Kind::$kind => from_value::<$lean>(value).map(|o| Self::$kind(Box::new(o))),)*
                }
            }

            /// The object's kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }

            /// The object's metadata.
            pub fn meta(&self) -> &Meta {
                match self {
                    $(Self::$kind(object) => &object.metadata,)*
                }
            }

            /// The object's metadata, to be completed by a reader that knows more (a default namespace).
            pub fn meta_mut(&mut self) -> &mut Meta {
                match self {
                    $(Self::$kind(object) => &mut object.metadata,)*
                }
            }
        }
    };
}

objects! {
    Namespace(Namespace),
    Node(Node),
    Pod(Pod),
    PodTemplate(PodTemplate),
    ReplicationController(ReplicationController),
    ReplicaSet(ReplicaSet),
    Deployment(Deployment),
    StatefulSet(StatefulSet),
    DaemonSet(DaemonSet),
    Job(Job),
    CronJob(CronJob),
    ServiceAccount(ServiceAccount),
    Role(Role),
    RoleBinding(Binding),
    ClusterRole(Role),
    ClusterRoleBinding(Binding),
    NetworkPolicy(NetworkPolicy),
    LimitRange(LimitRange),
    Service(Service),
    Ingress(Ingress),
    PersistentVolume(PersistentVolume),
    PersistentVolumeClaim(PersistentVolumeClaim),
    RuntimeClass(RuntimeClass),
    ConfigMap(ConfigMap),
    AdminNetworkPolicy(ClusterPolicy),
    BaselineAdminNetworkPolicy(ClusterPolicy),
    ClusterNetworkPolicy(ClusterPolicy),
    Gateway(Gateway),
    HttpRoute(Route),
    GrpcRoute(Route),
    TlsRoute(Route),
    TcpRoute(Route),
    UdpRoute(Route),
    ComplianceWaiver(Decision<WaiverSpec>),
    ClusterComplianceWaiver(Decision<WaiverSpec>),
    ComplianceApproval(Decision<ApprovalSpec>),
    ClusterComplianceApproval(Decision<ApprovalSpec>),
    ComplianceAttestation(Decision<AttestationSpec>),
    ValidatingAdmissionPolicy(Decision<PolicySpec>),
    ValidatingAdmissionPolicyBinding(Decision<PolicySpec>),
}

fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    // The plain parser first: following the path costs, and is wanted for what fails only.
    serde_json::from_str(json).or_else(|_| {
        let mut parser = serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize(&mut parser).map_err(|error| {
            let cause = error.inner().to_string();
            // The position is one within a re-serialised object: of no use to a reader.
            let cause = cause.split(" at line ").next().unwrap_or_default();
            format!("{}: {}", error.path(), without_value(cause))
        })
    })
}

fn from_value<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, String> {
    T::deserialize(value).or_else(|_| {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let cause = error.inner().to_string();
            format!("{}: {}", error.path(), without_value(&cause))
        })
    })
}

/// What serde says of a value that does not fit, without the value: it may be a password that looks like a
/// number, and what is said here is read by many.
fn without_value(cause: &str) -> String {
    let value = cause.find(['`', '"']);
    match (value, cause.rfind(", expected ")) {
        (Some(value), Some(expected)) if cause.starts_with("invalid ") && value < expected => {
            format!("{}{}", cause[..value].trim_end(), &cause[expected..])
        }
        _ => cause.to_owned(),
    }
}

/// `null` and absence give the default, as the API server has it.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A map of strings. A value of `null` is the empty string, as in the maps of Go.
fn strings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    deserializer.deserialize_option(Entries(Option::unwrap_or_default, PhantomData))
}

/// A map of quantities. A value of `null` is zero to the API server, which to limits is absence.
fn quantities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Quantity>, D::Error> {
    let zero = |quantity: Option<Quantity>| quantity.unwrap_or(Quantity::Integer(0));
    deserializer.deserialize_option(Entries(zero, PhantomData))
}

/// Reads a map whose values may be `null`, and which may be `null` itself.
struct Entries<V, F>(F, PhantomData<V>);

impl<'de, V: Deserialize<'de>, F: Fn(Option<V>) -> V> Visitor<'de> for Entries<V, F> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            entries.insert(key, (self.0)(value));
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_the_field_and_never_its_value() {
        let pod = r#"{"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "env": [{"name": "PIN", "value": 4711}]}]}}"#;
        let wanted = "spec.containers[0].env[0].value: invalid type: integer, expected a string";
        assert_eq!(Object::from_json(Kind::Pod, pod).unwrap_err(), wanted);
        let value = serde_json::from_str(pod).unwrap();
        assert_eq!(Object::from_value(Kind::Pod, &value).unwrap_err(), wanted);
        let pod =
            r#"{"metadata": {"name": "a"}, "spec": {"containers": "a \"secret\", expected to be kept"}}"#;
        let wanted = "spec.containers: invalid type: string, expected a sequence";
        assert_eq!(Object::from_json(Kind::Pod, pod).unwrap_err(), wanted);
    }
}
