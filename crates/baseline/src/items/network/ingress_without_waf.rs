//! NW-05.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::entries::IngressFacts;
use plumbline_inventory::firewalls::Firewall;
use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Kind, ObjectId};
use plumbline_network::Entry;

use crate::infrastructure::is_ingress_controller;
use crate::items::item;
use crate::networks::{GATEWAY_API, READS_ENTRIES};
use crate::published::{Published, published};
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Requests of users from outside go through a web application firewall (WAF) before they reach a workload.
    ///
    /// ## Why it matters
    ///
    /// Most attacks on a web application come in by the way that its users take. A firewall that knows HTTP keeps
    /// known ones out while the application is being mended, and records who tries.
    ///
    /// ## How it decides
    ///
    /// Everything published counts: Ingresses, routes of Gateways, Services of type `LoadBalancer` or `NodePort` or
    /// with external addresses, and host ports, as NW-03 tells what is published. A Service that leads to an ingress
    /// controller is left out: its Ingresses and routes count.
    ///
    /// - `Fail`, reason `FirewallOff`: annotations of a published Ingress switch its firewall off, and no other on:
    ///   `enable-modsecurity: "false"` or `SecRuleEngine Off` of ingress-nginx, `wafv2-acl-arn: none` of the AWS load
    ///   balancer controller, `app-protect-enable: "False"` of NGINX App Protect, a `waf` of HAProxy Ingress that is
    ///   not `modsecurity`. `SecRuleEngine DetectionOnly` inspects, and is no finding.
    /// - `NeedsAttestation`: nothing says so. Firewalls before the cluster (a CDN, an appliance) the API does not
    ///   show. The message counts the Ingresses whose annotations switch a firewall on: of ingress-nginx, the AWS
    ///   load balancer controller, the Azure Application Gateway, NGINX App Protect and HAProxy Ingress.
    /// - `NotApplicable`: nothing is published.
    ///
    /// Not read are settings of a whole controller, plugins and policies that other objects attach (Kong, Traefik,
    /// Envoy, Google's BackendConfig), and tunnels.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: Ingress
    /// metadata:
    ///   annotations:
    ///     nginx.ingress.kubernetes.io/enable-modsecurity: "true"
    ///     nginx.ingress.kubernetes.io/enable-owasp-core-rules: "true"
    /// ```
    ///
    /// ## How to fix
    ///
    /// Switch the firewall of the ingress controller on for every Ingress, or put one before the cluster, and attest
    /// it with a link to its configuration.
    id: "NW-05",
    slug: "ingress-without-waf",
    title: "External user traffic is inspected by a web application firewall",
    section: Network,
    level: Required,
    severity: Medium,
    class: C,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: READS_ENTRIES,
    optional: GATEWAY_API,
    failing: ("has its firewall switched off", "have their firewall switched off"),
    remediation: "Switch the web application firewall on for the Ingress, or waive the item for it if one before the cluster inspects its traffic.",
    references: [],
    systems: [],
    checks: [Check::Objects(in_namespace), Check::Cluster(note)],
}

fn in_namespace(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let mut by_object: BTreeMap<ObjectId, Vec<Entry>> = BTreeMap::new();
    for entry in context.network.entries_by(namespace) {
        by_object.entry(entry.through.clone()).or_default().push(entry);
    }
    for (object, entries) in by_object {
        // Whether ports of nodes are published nobody knows without the nodes: they count.
        let is_open = |entry: &Entry| !matches!(published(entry, namespace, context), Published::No);
        if !entries
            .iter()
            .any(|entry| leads_to_users(entry, context) && is_open(entry))
        {
            continue;
        }
        findings.evaluate(1);
        let ingress = namespace.ingresses().find(|(name, _)| **name == object.name);
        if let Some((_, ingress)) = ingress.filter(|_| object.kind == Kind::Ingress)
            && let Some(off) = switched_off(ingress)
        {
            let message = format!(
                "annotation {} switches {} off, and none switches another firewall on",
                off.annotation, off.product
            );
            findings.other((&object).into(), "FirewallOff", message);
        }
    }
}

/// Whether an entry leads to an active workload that does not itself lead on to others.
fn leads_to_users(entry: &Entry, context: &Context<'_>) -> bool {
    let Some(workload) = context.inventory.workload(&entry.workload) else {
        return false;
    };
    let leads_on = entry.way.is_led_by_controller();
    let is_controller = |template| !leads_on && is_ingress_controller(template);
    workload.is_active() && !is_controller(workload.own_template())
}

/// Says how many Ingresses have a firewall, and which.
fn note(context: &Context<'_>, findings: &mut Findings) {
    let (mut all, mut with) = (0, 0);
    let mut products = BTreeSet::new();
    for (_, ingress) in context.inventory.namespaces().flat_map(|n| n.ingresses()) {
        all += 1;
        let on = switched_on(ingress);
        with += u32::from(!on.is_empty());
        products.extend(on);
    }
    let products: Vec<&str> = products.into_iter().collect();
    findings.note(match products.as_slice() {
        [] => format!("annotations of {with} of {all} Ingresses switch a firewall on"),
        _ => format!(
            "annotations of {with} of {all} Ingresses switch a firewall on ({})",
            products.join(", ")
        ),
    });
}

/// The firewalls that are on: of what is said of one, "off" counts.
fn switched_on(ingress: &IngressFacts) -> BTreeSet<&'static str> {
    let said = |on: bool| {
        let said = ingress.firewalls.iter().filter(move |firewall| firewall.on == on);
        said.map(|firewall| firewall.product)
    };
    let off: BTreeSet<&str> = said(false).collect();
    said(true).filter(|product| !off.contains(product)).collect()
}

/// What is said of a firewall that is off, unless another is on.
fn switched_off(ingress: &IngressFacts) -> Option<&Firewall> {
    let off = ingress.firewalls.iter().find(|firewall| !firewall.on)?;
    switched_on(ingress).is_empty().then_some(off)
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a firewall that inspects, one that only reports, and none that is known of", "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: 'web:1', ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a, namespace: shop, annotations: {nginx.ingress.kubernetes.io/enable-modsecurity: 'true'}}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: b
  namespace: shop
  annotations:
    nginx.ingress.kubernetes.io/enable-modsecurity: 'true'
    nginx.ingress.kubernetes.io/modsecurity-snippet: \"SecRuleEngine DetectionOnly\\n\"
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: c, namespace: shop}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}"),
            ("off in the controller, and on in the load balancer before it", "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: 'web:1', ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: a
  namespace: shop
  annotations:
    alb.ingress.kubernetes.io/scheme: internet-facing
    alb.ingress.kubernetes.io/wafv2-acl-arn: 'arn:aws:wafv2:eu-west-1:1:regional/webacl/shop/0'
    nginx.ingress.kubernetes.io/enable-modsecurity: 'false'
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}"),
            ("a load balancer that leads to a workload, of which the API tells no firewall", "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: 'web:1', ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}"),
        ],
        fail: &[
            ("the rules are off in one Ingress, the module in another, and the policy is taken away in a third", "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: 'web:1', ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: a
  namespace: shop
  annotations:
    nginx.ingress.kubernetes.io/enable-modsecurity: 'true'
    nginx.ingress.kubernetes.io/modsecurity-snippet: \"SecRuleEngine Off\\n\"
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: b, namespace: shop, annotations: {nginx.ingress.kubernetes.io/enable-modsecurity: 'false'}}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: c
  namespace: shop
  annotations: {alb.ingress.kubernetes.io/scheme: internet-facing, alb.ingress.kubernetes.io/wafv2-acl-arn: none}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}",
            &["Ingress a: FirewallOff", "Ingress b: FirewallOff", "Ingress c: FirewallOff"]),
        ],
        not_applicable: &[
            ("off where only known addresses get in, and where nothing is behind it", "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, image: 'web:1', ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: a
  namespace: shop
  annotations:
    nginx.ingress.kubernetes.io/enable-modsecurity: 'false'
    nginx.ingress.kubernetes.io/whitelist-source-range: 10.0.0.0/8
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: b, namespace: shop, annotations: {nginx.ingress.kubernetes.io/enable-modsecurity: 'false'}}
spec: {defaultBackend: {service: {name: gone, port: {number: 80}}}}"),
            ("the load balancer of an ingress controller without Ingresses", "
apiVersion: v1
kind: Pod
metadata: {name: nginx, namespace: ingress, labels: {app: nginx}}
spec: {containers: [{name: controller, image: 'registry.k8s.io/ingress-nginx/controller:v1.13.0', ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: nginx, namespace: ingress}
spec: {type: LoadBalancer, selector: {app: nginx}, ports: [{port: 80}]}"),
        ],
        ..Cases::NONE
    };
}
