//! AL-05.

use std::collections::BTreeSet;

use plumbline_inventory::facts::NodeFacts;
use plumbline_inventory::{Kind, Name};

use crate::collectors::{Collector, Destination, audit_webhook, collectors};
use crate::items::item;
use crate::networks::named;
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Something in the cluster takes logs and audit events off the nodes, to send them to a central system (SIEM).
    ///
    /// ## Why it matters
    ///
    /// Logs that stay on a node go with it, and whoever breaks into the node edits them. Nobody sees an attack on
    /// several systems in the logs of one.
    ///
    /// ## How it decides
    ///
    /// A collector is a DaemonSet that runs a shipper of logs (by its image: Fluent Bit, Fluentd, Vector, Filebeat,
    /// Elastic Agent, Promtail, Grafana Alloy, OpenTelemetry Collector, Splunk, Datadog, New Relic, Azure Monitor …)
    /// and mounts logs of the node (`/var/log` or part of it, `/var/lib/docker/containers`, the journal, or what
    /// holds these).
    ///
    /// - `Fail`, reason `NoLogCollector`: there is no collector, and kube-apiserver, whose flags can be seen, has no
    ///   `--audit-webhook-config-file`.
    /// - `NeedsAttestation`: there is one of them, or the API server's flags cannot be seen (managed control planes
    ///   have exports of their own). That events arrive, and that somebody looks, the API does not show. The message
    ///   says which collectors there are, on which nodes none of them has a pod, and where they send to, as far as
    ///   their environment, arguments and (if the operator may read ConfigMaps) configurations name hosts.
    /// - `NotApplicable`: there are no nodes, as with manifests.
    ///
    /// Nodes that run no DaemonSets (virtual kubelets, AWS Fargate) count as covered by nobody.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: DaemonSet
    /// spec:
    ///   template:
    ///     spec:
    ///       tolerations: [{operator: Exists}]           # control plane nodes too
    ///       containers: [{name: fluent-bit, image: cr.fluentbit.io/fluent/fluent-bit:4.1}]
    ///       volumes: [{name: logs, hostPath: {path: /var/log}}]
    /// ```
    ///
    /// ## How to fix
    ///
    /// Run a shipper of logs on every node, those of the control plane among them, have the API server write an audit
    /// log that it picks up (or send it by webhook), and attest the SIEM that takes them.
    id: "AL-05",
    slug: "events-not-sent-to-siem",
    title: "Security events go to a central audit log system (SIEM)",
    section: AuditAndLogging,
    level: Required,
    severity: Medium,
    class: C,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: crate::collectors::READS,
    optional: &[Kind::ConfigMap],
    failing: ("ships no logs", "ship no logs"),
    remediation: "Run a shipper of logs as a DaemonSet on every node, or give kube-apiserver an --audit-webhook-config-file.",
    references: [],
    systems: [],
    checks: [Check::Cluster(check)],
}

/// The most nodes that a message names.
const NAMED: usize = 5;

fn check(context: &Context<'_>, findings: &mut Findings) {
    let inventory = context.inventory;
    let nodes: Vec<(&Name, &NodeFacts)> = inventory.nodes().collect();
    if nodes.is_empty() {
        return;
    }
    findings.evaluate(1);
    let all = collectors(inventory);
    let reading: Vec<&Collector<'_>> = all.iter().filter(|it| it.reads_logs_of_nodes()).collect();
    let webhook = audit_webhook(inventory);
    if reading.is_empty() && webhook == Some(false) {
        let idle = all.first().map_or_else(String::new, |it| {
            let workload = named(&it.workload.key());
            format!("; {workload} runs {}, and reads no logs of nodes", it.product)
        });
        let message = format!(
            "no DaemonSet ships logs of nodes, and kube-apiserver has no --audit-webhook-config-file{idle}"
        );
        findings.object("NoLogCollector", message);
        return;
    }
    findings.note(note(&nodes, &reading, webhook));
}

fn note(nodes: &[(&Name, &NodeFacts)], reading: &[&Collector<'_>], webhook: Option<bool>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for collector in reading {
        parts.push(format!(
            "{} ({})",
            named(&collector.workload.key()),
            collector.product
        ));
    }
    if parts.is_empty() {
        parts.push("no DaemonSet ships logs".to_owned());
    } else {
        let covered: BTreeSet<&Name> = reading.iter().flat_map(|it| it.nodes()).collect();
        let without: Vec<&str> = nodes
            .iter()
            .filter(|(name, _)| !covered.contains(name))
            .map(|(name, _)| &***name)
            .collect();
        let of = nodes.len();
        parts.push(match without.len() {
            0 => format!("pods on all {of} nodes"),
            some => {
                let more = if some > NAMED { ", …" } else { "" };
                let names = without[..some.min(NAMED)].join(", ");
                format!("none on {some} of {of} nodes: {names}{more}")
            }
        });
        let sent = reading.iter().flat_map(|it| it.destinations());
        let outside: BTreeSet<String> = sent
            .filter_map(|to| match to {
                Destination::Outside(host) => Some(host),
                _ => None,
            })
            .collect();
        if !outside.is_empty() {
            let hosts: Vec<String> = outside.into_iter().collect();
            parts.push(format!("sent to {}", hosts.join(", ")));
        }
    }
    parts.push(
        match webhook {
            Some(true) => "kube-apiserver sends audit events to a webhook",
            Some(false) => "kube-apiserver has no audit webhook",
            None => "flags of kube-apiserver cannot be seen",
        }
        .to_owned(),
    );
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::{Cases, evaluate, inventory};

    const SHIPPED: &str = "
apiVersion: v1
kind: Node
metadata: {name: a}
---
apiVersion: v1
kind: Node
metadata: {name: b}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: fluent-bit, namespace: logging, uid: '1'}
spec:
  selector: {matchLabels: {app: fluent-bit}}
  template:
    metadata: {labels: {app: fluent-bit}}
    spec:
      containers: [{name: fluent-bit, image: 'cr.fluentbit.io/fluent/fluent-bit:4.1.0', env: [{name: FLUENT_ELASTICSEARCH_HOST, value: siem.example.com}]}]
      volumes: [{name: varlog, hostPath: {path: /var/log}}]
---
apiVersion: v1
kind: Pod
metadata:
  name: fluent-bit-1
  namespace: logging
  labels: {app: fluent-bit}
  ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: fluent-bit, uid: '1', controller: true}]
spec: {nodeName: a, containers: [{name: fluent-bit, image: 'cr.fluentbit.io/fluent/fluent-bit:4.1.0'}]}";

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a shipper that mounts the logs", SHIPPED),
            ("an audit webhook alone", "
apiVersion: v1
kind: Node
metadata: {name: a}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-a, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, image: 'kube-apiserver:v1', command: [kube-apiserver, --audit-webhook-config-file=/etc/audit.yaml]}]}"),
            ("nothing, with a control plane that cannot be seen", "
apiVersion: v1
kind: Node
metadata: {name: a}"),
        ],
        fail: &[
            ("no shipper, and an API server without a webhook", "
apiVersion: v1
kind: Node
metadata: {name: a}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-a, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, image: 'kube-apiserver:v1', command: [kube-apiserver, --audit-log-path=/var/log/audit.log]}]}",
            &["Namespace kube-system: NoLogCollector"]),
            ("a collector that mounts no logs, and one that is no DaemonSet", "
apiVersion: v1
kind: Node
metadata: {name: a}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-a, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec: {containers: [{name: kube-apiserver, image: 'kube-apiserver:v1', command: [kube-apiserver]}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: otel, namespace: metrics}
spec: {template: {spec: {containers: [{name: otel, image: 'otel/opentelemetry-collector-contrib:0.140.0'}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: fluentd, namespace: logging}
spec:
  template:
    spec:
      containers: [{name: fluentd, image: 'fluent/fluentd:v1.18'}]
      volumes: [{name: varlog, hostPath: {path: /var/log}}]",
            &["Namespace kube-system: NoLogCollector"]),
        ],
        not_applicable: &[("manifests without nodes", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")],
        ..Cases::NONE
    };

    #[test]
    fn the_note_says_which_nodes_are_left_out_and_where_logs_go() {
        let inventory = inventory(SHIPPED);
        let outcome = evaluate(&super::ITEM, &inventory, &Parameters::default());
        assert_eq!((outcome.evaluated, outcome.failing), (1, 0));
        let nodes: Vec<_> = inventory.nodes().collect();
        let all = crate::collectors::collectors(&inventory);
        let reading: Vec<_> = all.iter().collect();
        assert_eq!(
            super::note(&nodes, &reading, None),
            "DaemonSet logging/fluent-bit (Fluent Bit); none on 1 of 2 nodes: b; sent to siem.example.com; flags of \
             kube-apiserver cannot be seen"
        );
    }
}
