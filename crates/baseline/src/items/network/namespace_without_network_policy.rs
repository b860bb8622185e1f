//! NW-01a.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::RootKey;
use plumbline_inventory::views::NamespaceView;
use plumbline_network::{Direction, Isolation};

use crate::items::item;
use crate::networks::{CLUSTER_POLICIES, READS, check_certainty, check_enforcement, enforcer, list};
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Every pod of a namespace is isolated by network policies, for ingress and for egress, and somebody enforces
    /// these.
    ///
    /// ## Why it matters
    ///
    /// Without a policy that selects it a pod may be reached from every other pod of the cluster, and may reach all
    /// of them, the cloud's metadata service and the Internet. Whoever takes over one of them has the whole network.
    ///
    /// ## How it decides
    ///
    /// For each namespace with workloads that policies can isolate, by what the API server and the plugins make of
    /// the policies. A pod is isolated for a direction if some `NetworkPolicy` selects it for that direction, or if
    /// policies of the cluster (`AdminNetworkPolicy`, `BaselineAdminNetworkPolicy`, `ClusterNetworkPolicy`) leave
    /// nothing undecided. `policyTypes` that are not set are `Ingress`, and `Egress` only if there are egress rules:
    /// `egress: []` alone isolates nothing.
    ///
    /// - `Fail`, reason `NoNetworkPolicy`: no policy isolates any of its pods in any direction.
    /// - `Fail`, reason `NotIsolated`: no policy isolates this workload for ingress, egress or both. Policies that
    ///   select nothing count for nothing.
    /// - `Fail`, reason `AllowsEverything`: this workload is isolated by name only, since a rule as in
    ///   `ingress: [{}]` lets everybody have every connection.
    /// - `Fail`, reason `NotEnforced`: the network plugin of the cluster (Flannel by itself) enforces no policies.
    /// - `Unknown`, reason `EnforcementUnknown`: no plugin is recognised. They are by the images of `DaemonSet`s:
    ///   Calico, Cilium, Antrea, Weave Net, kube-router, Kube-OVN, OVN-Kubernetes, Azure NPM, Romana and
    ///   kube-network-policies enforce. Amazon's VPC CNI does only if told to, which its image does not show. For
    ///   manifests it is assumed that somebody enforces them.
    /// - `Unknown`, reason `InvalidPolicy`: something in a policy of the namespace or of the cluster cannot be what
    ///   it says (an impossible selector, an address block that is none), so that what it isolates is not sure.
    /// - `NotApplicable`: no workloads that run, or only such that use the network of their node. Those are outside
    ///   of every policy and neither pass nor fail here: WL-07 is about them.
    ///
    /// Policies of Calico and Cilium themselves (`GlobalNetworkPolicy`, `CiliumNetworkPolicy`) are not read: what only
    /// they isolate fails, and needs a waiver.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// # Pass, whatever else allows more
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
    /// ```
    ///
    /// ## How to fix
    ///
    /// Give each namespace a policy as above, then allow what is needed, DNS to begin with. `plumbline reach` shows
    /// what is allowed, and `plumbline reach --explain` why.
    id: "NW-01a",
    slug: "namespace-without-network-policy",
    title: "Every namespace has NetworkPolicies that cover its pods in both directions",
    section: Network,
    level: Required,
    severity: High,
    class: A,
    scope: Namespace,
    empty: NotApplicable,
    since: "0.1",
    reads: READS,
    optional: CLUSTER_POLICIES,
    failing: ("is not isolated by network policies", "are not isolated by network policies"),
    remediation: "Add a NetworkPolicy with podSelector {} and policyTypes [Ingress, Egress] to the namespace, then allow what its workloads need.",
    references: [
        "CIS 5.3.1",
        "CIS 5.3.2",
        "Kubescape C-0030",
        "Kubescape C-0049",
        "Kubescape C-0054",
        "Kubescape C-0205",
        "Kubescape C-0206",
        "Kubescape C-0260",
        "Trivy KSV-0038",
        "kube-linter non-isolated-pod",
        "kube-linter dangling-networkpolicy",
        "Polaris missingNetworkPolicy",
        "kubeaudit netpols",
        "kube-score pod-networkpolicy",
    ],
    systems: [],
    checks: [Check::Namespace(check), Check::Cluster(note)],
}

fn check(namespace: NamespaceView<'_>, context: &Context<'_>, findings: &mut Findings) {
    let isolation = context.network.isolation(namespace);
    if isolation.workloads == 0 {
        findings.not_applicable();
        return;
    }
    check_enforcement(context, findings);
    let everybody = |isolation: &Isolation| isolation.naked.len();
    if [&isolation.egress, &isolation.ingress]
        .map(everybody)
        .iter()
        .all(|naked| *naked == isolation.workloads)
    {
        let message = format!(
            "no policy isolates any of its pods in any direction: {}",
            list(&isolation.ingress.naked)
        );
        findings.object("NoNetworkPolicy", message);
        return;
    }
    let sides = [
        (Direction::Ingress, &isolation.ingress),
        (Direction::Egress, &isolation.egress),
    ];
    let mut naked: BTreeMap<&RootKey, Vec<&str>> = BTreeMap::new();
    for (direction, side) in sides {
        for key in &side.naked {
            naked.entry(key).or_default().push(direction.as_str());
        }
        for open in &side.allow_all {
            let policies: BTreeSet<&str> = open.policies.iter().map(|policy| &*policy.name).collect();
            let by = match policies.first() {
                Some(first) => format!("NetworkPolicy {first} allows"),
                None => "policies of the cluster allow".to_owned(),
            };
            let message = format!("{direction} is isolated by name only: {by} everything");
            findings.other((&open.workload).into(), "AllowsEverything", message);
        }
    }
    for (key, directions) in naked {
        let message = format!("no policy isolates it for {}", directions.join(" and "));
        findings.other(key.into(), "NotIsolated", message);
    }
    check_certainty(namespace.name(), context, findings);
    findings.note(enforcer(context));
}

/// Says in the cluster's report who enforces policies.
fn note(context: &Context<'_>, findings: &mut Findings) {
    findings.note(enforcer(context));
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a default deny for both directions, whatever else allows more", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}"),
            ("without any rule for egress or ingress", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [db]}]}, policyTypes: [Ingress, Egress], egress: []}"),
            ("policies of the cluster that deny what nobody has allowed stand for those of the namespace", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: deny}
spec:
  tier: Baseline
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
  egress: [{action: Deny, to: [{namespaces: {}}, {networks: ['0.0.0.0/0', '::/0']}]}]"),
            ("pods on the network of their node do not count", "
apiVersion: v1
kind: Pod
metadata: {name: host, namespace: shop}
spec: {hostNetwork: true, containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop, labels: {app: a}}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: shop}
spec: {podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress, Egress]}"),
        ],
        fail: &[
            ("no policy at all", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}",
             &["Namespace shop: NoNetworkPolicy"]),
            ("a policy that selects nothing, and one of another namespace", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop, labels: {app: a}}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: gone, namespace: shop}
spec: {podSelector: {matchLabels: {app: gone}}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: other}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}",
             &["Namespace shop: NoNetworkPolicy"]),
            ("an empty list of egress rules does not isolate egress", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, egress: []}",
             &["Pod a: NotIsolated"]),
            ("each naked workload is named", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop, labels: {app: a}}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec: {template: {spec: {containers: [{name: a, image: 'a:1'}]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: shop}
spec: {podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress, Egress]}",
             &["StatefulSet db: NotIsolated"]),
            ("a rule that allows everything isolates by name only", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: shop}
spec: {podSelector: {}, ingress: [{}]}",
             &["Pod a: AllowsEverything"]),
        ],
        not_applicable: &[
            ("a namespace without workloads", "
apiVersion: v1
kind: Namespace
metadata: {name: shop}"),
            ("nothing runs that a policy could isolate", "
apiVersion: v1
kind: Pod
metadata: {name: host, namespace: shop}
spec: {hostNetwork: true, containers: [{name: a, image: 'a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: over, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
status: {phase: Succeeded}"),
        ],
        unknown: &[
            ("a policy with a block of addresses that is none", "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/99}}]}]}",
             "InvalidPolicy"),
        ],
        parameters: None,
    };

    use plumbline_inventory::{Inventory, Kind, lean::Object};

    use crate::Outcome;

    /// A cluster with a namespace that is as it should be, and this `DaemonSet`.
    fn live(image: Option<&str>) -> Outcome {
        let mut inventory = Inventory::live();
        let mut apply = |kind: Kind, object: serde_json::Value| {
            inventory.apply(Object::from_value(kind, &object).expect("it decodes"));
        };
        for name in ["shop", "kube-system"] {
            apply(
                Kind::Namespace,
                serde_json::json!({ "metadata": { "name": name } }),
            );
        }
        let containers = |image: &str| serde_json::json!([{ "name": "main", "image": image }]);
        apply(
            Kind::Pod,
            serde_json::json!({ "metadata": { "name": "a", "namespace": "shop" }, "spec": { "containers": containers("a") } }),
        );
        apply(
            Kind::NetworkPolicy,
            serde_json::json!({
                "metadata": { "name": "deny", "namespace": "shop" },
                "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] },
            }),
        );
        if let Some(image) = image {
            apply(
                Kind::DaemonSet,
                serde_json::json!({
                    "metadata": { "name": "net", "namespace": "kube-system" },
                    "spec": { "template": { "spec": { "hostNetwork": true, "containers": containers(image) } } },
                }),
            );
        }
        crate::testing::evaluate(&super::ITEM, &inventory, &crate::Parameters::default())
    }

    #[test]
    fn a_plugin_that_enforces_makes_it_pass() {
        let outcome = live(Some("quay.io/cilium/cilium:v1.18.0"));
        assert_eq!((outcome.evaluated, outcome.failing), (1, 0));
        assert_eq!(outcome.unknown, None);
    }

    #[test]
    fn a_plugin_that_does_not_enforce_makes_it_fail() {
        let outcome = live(Some("ghcr.io/flannel-io/flannel:v0.27.0"));
        let reasons: Vec<_> = outcome.findings.iter().map(|finding| finding.reason).collect();
        assert_eq!(reasons, ["NotEnforced"]);
    }

    #[test]
    fn without_a_plugin_that_is_recognised_it_is_unknown() {
        let outcome = live(Some("registry.example/net:1"));
        assert_eq!(outcome.failing, 0);
        assert_eq!(outcome.unknown.unwrap().0, "EnforcementUnknown");
        assert_eq!(live(None).unknown.unwrap().0, "EnforcementUnknown");
    }
}
