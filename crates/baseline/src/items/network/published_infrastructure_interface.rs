//! NW-03.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::components::Component;
use plumbline_inventory::labels::Labels;
use plumbline_inventory::views::{NamespaceView, WorkloadView};
use plumbline_inventory::{Name, ObjectId};
use plumbline_network::Entry;

use crate::infrastructure::{infrastructure, is_ingress_controller, is_public};
use crate::items::item;
use crate::networks::{GATEWAY_API, READS_ENTRIES, named};
use crate::published::{Published, published};
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Nothing leads from the Internet to consoles, monitoring, registries, stores and the like that run the platform,
    /// to workloads of the cluster itself, or to the API server.
    ///
    /// ## Why it matters
    ///
    /// A published dashboard, Jenkins or etcd is found within hours by those who scan for it, and most of them hand
    /// out the cluster to whoever knows a bug or a default password.
    ///
    /// ## How it decides
    ///
    /// Every Service, Ingress, route of a Gateway and host port that leads to pods counts. It is published if
    ///
    /// - it is a `LoadBalancer` that no annotation makes internal, whose `loadBalancerSourceRanges` leave somebody
    ///   out by nothing, and whose addresses, if it has any, are not all private;
    /// - it is a port of nodes (`NodePort`, `hostPort`) and some node has a public `ExternalIP`;
    /// - it has public `externalIPs`;
    /// - it is an Ingress whose annotations let everybody in, or a route of a Gateway, and neither's addresses are all
    ///   private. An Ingress of the AWS load balancer controller is internal unless its scheme says `internet-facing`.
    ///
    /// What network policies let through is not asked here: who publishes something means it to be reached.
    ///
    /// - `Fail`, reason `PublishedInfrastructure`: something published leads to infrastructure. That is what images
    ///   (Grafana, Prometheus, Jenkins, Argo CD, Vault, etcd …), labels (`app.kubernetes.io/name`, `k8s-app`, `app`)
    ///   or ports tell, what `spec.infrastructure` of the baseline adds, and whatever runs in one of
    ///   `spec.infrastructureNamespaces`. Ingress controllers are there to be published, and are none.
    /// - `Fail`, reason `PublishedSystemWorkload`: it leads to a workload in one of `spec.systemNamespaces`. These
    ///   findings are about the cluster and are not accepted with those of the namespaces.
    /// - `Fail`, reason `PublicApiServer`: `--advertise-address` of kube-apiserver is public, where its flags can be
    ///   seen.
    /// - `Unknown`, reason `NodesUnknown`: infrastructure is on a port of nodes, and there are none in the manifests.
    /// - `Pass`: nothing of this, or nothing leads in at all.
    ///
    /// Istio's `VirtualService` is not read. The address of an API server whose flags cannot be seen (managed control
    /// planes) is not known.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// # Fail, if its pods run grafana/grafana
    /// kind: Service
    /// metadata: {name: grafana}
    /// spec: {type: LoadBalancer, selector: {app: grafana}, ports: [{port: 80, targetPort: 3000}]}
    /// ```
    ///
    /// ## How to fix
    ///
    /// Make the Service `ClusterIP` and reach it through a VPN, `kubectl port-forward` or an internal load balancer;
    /// limit it with `loadBalancerSourceRanges` otherwise.
    id: "NW-03",
    slug: "published-infrastructure-interface",
    title: "Cluster component and infrastructure interfaces are not published on the Internet",
    section: Network,
    level: Required,
    severity: Critical,
    class: A,
    scope: Cluster,
    empty: Pass,
    since: "0.1",
    reads: READS_ENTRIES,
    optional: GATEWAY_API,
    failing: ("publishes infrastructure", "publish infrastructure"),
    remediation: "Take the interface off the Internet: a ClusterIP Service, an internal load balancer, or loadBalancerSourceRanges that name who may come.",
    references: [
        "Kubescape C-0021",
        "Kubescape C-0256",
        "Kubescape C-0266",
        "Kubescape C-0014",
        "kube-linter exposed-services",
        "Trivy KSV-0108",
        "Checkov CKV_K8S_33",
    ],
    systems: [],
    checks: [Check::Objects(in_namespace), Check::Cluster(in_cluster)],
}

fn in_namespace(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    // What is waived there is not waived here.
    if !is_system(namespace.name(), context) {
        check_entries(namespace, context, findings);
    }
}

fn in_cluster(context: &Context<'_>, findings: &mut Findings) {
    for name in &context.parameters.system_namespaces {
        if let Some(namespace) = context.inventory.namespace(name) {
            check_entries(namespace, context, findings);
        }
    }
    for (pod, flags) in context.inventory.components(Component::ApiServer) {
        findings.evaluate(1);
        let address = flags
            .get("advertise-address")
            .and_then(|address| address.parse().ok());
        if let Some(address) = address.filter(|address| is_public(*address)) {
            let message =
                format!("kube-apiserver in Pod kube-system/{pod}: --advertise-address is {address}");
            findings.sub_check_at(findings.severity(), "PublicApiServer", message);
        }
    }
}

fn is_system(namespace: &Name, context: &Context<'_>) -> bool {
    context.parameters.system_namespaces.contains(&**namespace)
}

fn check_entries(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let mut by_object: BTreeMap<ObjectId, Vec<Entry>> = BTreeMap::new();
    for entry in context.network.entries_by(namespace) {
        by_object.entry(entry.through.clone()).or_default().push(entry);
    }
    for (object, entries) in by_object {
        findings.evaluate(1);
        let mut told = BTreeSet::new();
        for entry in &entries {
            let Some((reason, what)) = recognised(entry, context) else {
                continue;
            };
            match published(entry, namespace, context) {
                Published::No => {}
                Published::Yes(how) => {
                    // A load balancer opens ports of nodes too: once is enough.
                    if told.insert(&entry.workload) {
                        let message = format!("{how} leads to {}: {what}", named(&entry.workload));
                        findings.other((&object).into(), reason, message);
                    }
                }
                Published::IfNodesAre => findings.unknown(
                    "NodesUnknown",
                    format!("{object} is a port of nodes and leads to {what}: whether those have public addresses is not known"),
                ),
            }
        }
    }
}

/// The infrastructure that an entry leads to, if it is some.
fn recognised(entry: &Entry, context: &Context<'_>) -> Option<(&'static str, String)> {
    let workload = context.inventory.workload(&entry.workload)?;
    if !workload.is_active() {
        return None;
    }
    let decides = |wanted: &dyn Fn(&plumbline_inventory::template::Template) -> Option<String>| {
        let mut found: Vec<String> = workload
            .deciding()
            .iter()
            .filter_map(|deciding| wanted(deciding.template))
            .collect();
        found.sort();
        found.into_iter().next()
    };
    if decides(&|template| is_ingress_controller(template).then(String::new)).is_some() {
        return None;
    }
    let namespace = &entry.workload.namespace;
    if is_system(namespace, context) {
        return Some((
            "PublishedSystemWorkload",
            format!("a workload of namespace {namespace}"),
        ));
    }
    let labels = pod_labels(&workload);
    let what = decides(&|template| {
        labels
            .iter()
            .find_map(|labels| infrastructure(template, labels, context.parameters))
    });
    let of_namespace = context
        .parameters
        .infrastructure_namespaces
        .contains(&**namespace);
    let what = what
        .or_else(|| of_namespace.then(|| "spec.infrastructureNamespaces names its namespace".to_owned()))?;
    Some(("PublishedInfrastructure", what))
}

/// Labels of the pods of a workload, in order; those that it would make if there are none.
fn pod_labels<'a>(workload: &WorkloadView<'a>) -> Vec<&'a Labels> {
    let mut labels: Vec<&Labels> = workload.pods().map(|(_, pod)| &*pod.labels).collect();
    labels.dedup();
    if labels.is_empty() {
        labels.push(workload.pod_labels());
    }
    labels
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("nothing leads in", "
apiVersion: v1
kind: Pod
metadata: {name: grafana, namespace: monitoring}
spec: {containers: [{name: a, image: 'grafana/grafana:12'}]}"),
            ("an internal load balancer, one that names who may come, and one with a private address", "
apiVersion: v1
kind: Pod
metadata: {name: grafana, namespace: monitoring, labels: {x: z}}
spec: {containers: [{name: a, image: 'grafana/grafana:12'}]}
---
apiVersion: v1
kind: Node
metadata: {name: worker}
status: {addresses: [{type: InternalIP, address: 10.1.2.3}]}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: monitoring, annotations: {networking.gke.io/load-balancer-type: Internal}}
spec: {type: LoadBalancer, selector: {x: z}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: monitoring}
spec: {type: LoadBalancer, selector: {x: z}, ports: [{port: 80}], loadBalancerSourceRanges: [192.0.2.0/24]}
---
apiVersion: v1
kind: Service
metadata: {name: c, namespace: monitoring}
spec: {type: LoadBalancer, selector: {x: z}, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 10.0.0.7}]}}"),
            ("an application may be published, and an ingress controller has to be", "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: a, image: 'shop/web:12'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: in, namespace: kube-system, labels: {app: web}}
spec: {containers: [{name: a, image: 'registry.k8s.io/ingress-nginx/controller:v1.13'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: kube-system}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}"),
        ],
        fail: &[
            ("by image, label and port", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {x: a}}
spec: {containers: [{name: a, image: 'grafana/grafana:12'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: x, labels: {x: b, app.kubernetes.io/name: jenkins}}
spec: {containers: [{name: a, image: 'mirror/ci:12'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: c, namespace: x, labels: {x: c}}
spec: {containers: [{name: a, image: 'mirror/kv:12', ports: [{containerPort: 2379}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: x}
spec: {type: LoadBalancer, selector: {x: a}, ports: [{port: 80}], loadBalancerSourceRanges: [0.0.0.0/0]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: x}
spec: {selector: {x: b}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: b, namespace: x}
spec: {defaultBackend: {service: {name: b, port: {number: 80}}}}
---
apiVersion: v1
kind: Service
metadata: {name: c, namespace: x}
spec: {selector: {x: c}, externalIPs: [192.0.2.1], ports: [{port: 2379}]}",
             &["Ingress b: PublishedInfrastructure", "Service a: PublishedInfrastructure", "Service c: PublishedInfrastructure"]),
            ("on ports of nodes that have public addresses", "
apiVersion: v1
kind: Node
metadata: {name: worker}
status: {addresses: [{type: ExternalIP, address: 192.0.2.3}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {x: a}}
spec: {containers: [{name: a, image: 'hashicorp/vault:1', ports: [{containerPort: 8200, hostPort: 8200}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: x}
spec: {type: NodePort, selector: {x: a}, ports: [{port: 80, nodePort: 30080}]}",
             &["Pod a: PublishedInfrastructure", "Service a: PublishedInfrastructure"]),
            ("by a route from another namespace", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {x: a}}
spec: {containers: [{name: a, image: 'prom/prometheus:v3'}]}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: x}
spec: {selector: {x: a}, ports: [{port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: edge}
spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: a, namespace: x, port: 80}]}]}",
             &["HTTPRoute r: PublishedInfrastructure"]),
            ("a workload of the cluster itself, and what the baseline names", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: kube-system, labels: {x: a}}
spec: {containers: [{name: a, image: 'x/dns:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: kube-system}
spec: {type: LoadBalancer, selector: {x: a}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: x, labels: {x: a}}
spec: {containers: [{name: a, image: 'our/console:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: x}
spec: {type: LoadBalancer, selector: {x: a}, ports: [{port: 80}]}",
             &["Service a: PublishedSystemWorkload", "Service b: PublishedInfrastructure"]),
            ("an API server with a public address", "
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-cp, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {hostNetwork: true, containers: [{name: a, image: 'x:1', command: [kube-apiserver, --advertise-address=192.0.2.8]}]}",
             &["Namespace kube-system: PublicApiServer"]),
        ],
        not_applicable: &[],
        unknown: &[("on ports of nodes that nobody knows", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {x: a}}
spec: {containers: [{name: a, image: 'hashicorp/vault:1', ports: [{containerPort: 8200, hostPort: 8200}]}]}", "NodesUnknown")],
        parameters: Some(|| {
            let mut parameters = crate::Parameters::default();
            parameters.infrastructure.images.insert("our/console".to_owned());
            parameters
        }),
    };
}
