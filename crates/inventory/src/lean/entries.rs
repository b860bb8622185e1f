//! What leads traffic to pods: Services, Ingresses, and Gateways with their routes.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{IntOrString, Meta, nullable, strings};

/// `v1.Service`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)] // here and below: as in Kubernetes
pub struct Service {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: ServiceSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: ServiceStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ServiceSpec {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(default, deserialize_with = "strings")]
    pub selector: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    pub ports: Vec<ServicePort>,
    #[serde(default, deserialize_with = "nullable", rename = "externalIPs")]
    pub external_ips: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub load_balancer_source_ranges: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ServicePort {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    pub protocol: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub port: i64,
    pub target_port: Option<IntOrString>,
    pub node_port: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ServiceStatus {
    #[serde(default, deserialize_with = "nullable")]
    pub load_balancer: LoadBalancerStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct LoadBalancerStatus {
    #[serde(default, deserialize_with = "nullable")]
    pub ingress: Vec<LoadBalancerIngress>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct LoadBalancerIngress {
    pub ip: Option<String>,
    pub hostname: Option<String>,
}

/// `networking.k8s.io/v1.Ingress`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Ingress {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: IngressSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: ServiceStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct IngressSpec {
    pub ingress_class_name: Option<String>,
    pub default_backend: Option<IngressBackend>,
    #[serde(default, deserialize_with = "nullable")]
    pub rules: Vec<IngressRule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct IngressRule {
    #[serde(default, deserialize_with = "nullable")]
    pub host: String,
    #[serde(default, deserialize_with = "nullable")]
    pub http: IngressHttp,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct IngressHttp {
    #[serde(default, deserialize_with = "nullable")]
    pub paths: Vec<IngressPath>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct IngressPath {
    #[serde(default, deserialize_with = "nullable")]
    pub backend: IngressBackend,
}

/// A Service and a port of it; one that is another resource has no Service.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct IngressBackend {
    pub service: Option<IngressService>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct IngressService {
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub port: IngressServicePort,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct IngressServicePort {
    pub name: Option<String>,
    pub number: Option<i64>,
}

/// `gateway.networking.k8s.io.Gateway`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Gateway {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: GatewaySpec,
    #[serde(default, deserialize_with = "nullable")]
    pub status: GatewayStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct GatewaySpec {
    #[serde(default, deserialize_with = "nullable")]
    pub gateway_class_name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub listeners: Vec<Listener>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Listener {
    #[serde(default, deserialize_with = "nullable")]
    pub port: i64,
    #[serde(default, deserialize_with = "nullable")]
    pub protocol: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct GatewayStatus {
    #[serde(default, deserialize_with = "nullable")]
    pub addresses: Vec<GatewayAddress>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct GatewayAddress {
    #[serde(default, deserialize_with = "nullable")]
    pub value: String,
}

/// A route of the Gateway API, of any of its kinds.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Route {
    pub metadata: Meta,
    #[serde(default, deserialize_with = "nullable")]
    pub spec: RouteSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct RouteSpec {
    #[serde(default, deserialize_with = "nullable")]
    pub parent_refs: Vec<RouteRef>,
    #[serde(default, deserialize_with = "nullable")]
    pub hostnames: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub rules: Vec<RouteRule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct RouteRule {
    #[serde(default, deserialize_with = "nullable")]
    pub backend_refs: Vec<RouteRef>,
    #[serde(default, deserialize_with = "nullable")]
    pub filters: Vec<RouteFilter>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct RouteFilter {
    pub request_mirror: Option<RequestMirror>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct RequestMirror {
    #[serde(default, deserialize_with = "nullable")]
    pub backend_ref: RouteRef,
}

/// A parent or a backend of a route. What is not set is a `Gateway` as a parent, a `Service` as a backend.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct RouteRef {
    pub group: Option<String>,
    pub kind: Option<String>,
    pub namespace: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    pub port: Option<i64>,
}
