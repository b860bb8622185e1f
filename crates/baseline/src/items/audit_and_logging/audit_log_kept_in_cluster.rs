//! AL-06.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_inventory::views::NamespaceView;
use plumbline_inventory::{Kind, RootKey};

use crate::collectors::{Destination, audit_webhook, backend, collectors};
use crate::items::item;
use crate::networks::{list_with_namespaces, named};
use crate::{Check, Context, Findings};

item! {
    /// ## What it checks
    ///
    /// Logs are kept outside of the cluster that writes them.
    ///
    /// ## Why it matters
    ///
    /// Who takes over a cluster takes over everything in it: logs that are kept there are deleted first, and are not
    /// there when the cluster is down and somebody has to know why.
    ///
    /// ## How it decides
    ///
    /// Hosts that collectors of logs (those of AL-05, and Deployments and StatefulSets with the same images) send to
    /// are those in their environment and arguments, and, if the operator may read ConfigMaps, in the configurations
    /// in their namespace. A host is inside if it names a Service (`loki`, `loki.logging`, `loki.logging.svc…`), and
    /// what keeps logs there is told by the images behind the Service: Elasticsearch, OpenSearch, Loki, Splunk,
    /// Graylog, VictoriaLogs, Wazuh.
    ///
    /// - `Fail`, reason `OnlySinkInCluster`: collectors send to such a workload in this cluster, and all that is known
    ///   of where they send is known and inside: no collector whose destinations cannot be told, no host outside, no
    ///   agent of a service (Datadog, New Relic, Azure Monitor), no audit webhook. Collectors that send to each other
    ///   are looked at in turn.
    /// - `NeedsAttestation`: nothing says so. References (`${HOST}`), services of clouds that are named without a host
    ///   (CloudWatch, S3 …), private addresses, Services without a selector or of type `ExternalName` are not known.
    ///   The message names what keeps logs in the cluster.
    /// - `NotApplicable`: there are no nodes, as with manifests.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// # Fail, if nothing else is sent anywhere and the Service leads to Loki
    /// kind: DaemonSet
    /// spec:
    ///   template:
    ///     spec:
    ///       containers:
    ///       - image: grafana/promtail:3.5.0
    ///         args: [-client.url=http://loki.logging.svc:3100/loki/api/v1/push]
    /// ```
    ///
    /// ## How to fix
    ///
    /// Send logs to a system outside of the cluster as well, and attest that system.
    id: "AL-06",
    slug: "audit-log-kept-in-cluster",
    title: "The audit log system lives outside the cluster",
    section: AuditAndLogging,
    level: Required,
    severity: Medium,
    class: C,
    scope: Cluster,
    empty: NotApplicable,
    since: "0.1",
    reads: crate::collectors::READS_SERVICES,
    optional: &[Kind::ConfigMap],
    failing: ("keeps the only logs inside of the cluster", "keep the only logs inside of the cluster"),
    remediation: "Give the collectors of logs an output outside of the cluster.",
    references: [],
    systems: [],
    checks: [Check::Cluster(check)],
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let inventory = context.inventory;
    if inventory.nodes().next().is_none() {
        return;
    }
    findings.evaluate(1);
    let mut inside: BTreeMap<RootKey, (&str, String)> = BTreeMap::new();
    let mut elsewhere = audit_webhook(inventory) == Some(true);
    let mut outside = BTreeSet::new();
    for collector in collectors(inventory) {
        for destination in collector.destinations() {
            match destination {
                Destination::Backend(key, product) => {
                    let from = named(&collector.workload.key());
                    inside.entry(key).or_insert((product, from));
                }
                Destination::Outside(host) => drop(outside.insert(host)),
                Destination::Unknown => elsewhere = true,
                Destination::Collector => {}
            }
        }
    }
    if !inside.is_empty() && outside.is_empty() && !elsewhere {
        for (key, (product, from)) in &inside {
            let message =
                format!("{product} is where {from} sends logs to, and nothing sends them out of the cluster");
            findings.other(key.into(), "OnlySinkInCluster", message);
        }
        return;
    }
    let workloads = inventory.namespaces().flat_map(NamespaceView::workloads);
    let kept = workloads.filter(|workload| workload.is_active() && backend(*workload).is_some());
    let kept: Vec<RootKey> = kept.map(|workload| workload.key()).collect();
    let kept = match kept.as_slice() {
        [] => "nothing that keeps logs is recognised in the cluster".to_owned(),
        some => format!(
            "what may keep logs in the cluster: {}",
            list_with_namespaces(some)
        ),
    };
    let outside: Vec<String> = outside.into_iter().collect();
    let sent = match outside.as_slice() {
        [] => "no host outside is known that logs are sent to".to_owned(),
        some => format!("logs are sent to {}", some.join(", ")),
    };
    findings.note(format!("{kept}; {sent}"));
}

#[cfg(test)]
mod tests {
    use crate::Parameters;
    use crate::testing::{Cases, evaluate, inventory};

    const LOKI: &str = "
apiVersion: v1
kind: Node
metadata: {name: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: loki, namespace: logging}
spec:
  template:
    metadata: {labels: {app: loki}}
    spec: {containers: [{name: loki, image: 'docker.io/grafana/loki:3.5.0'}]}
---
apiVersion: v1
kind: Service
metadata: {name: loki, namespace: logging}
spec: {selector: {app: loki}, ports: [{port: 3100}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: promtail, namespace: agents}
spec:
  template:
    spec:
      containers: [{name: promtail, image: 'docker.io/grafana/promtail:3.5.0', args: [ARGS]}]
      volumes: [{name: logs, hostPath: {path: /var/log/pods}}]
";

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("logs go out as well", "
apiVersion: v1
kind: Node
metadata: {name: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: elasticsearch, namespace: logging}
spec:
  template:
    metadata: {labels: {app: es}}
    spec: {containers: [{name: es, image: 'docker.elastic.co/elasticsearch/elasticsearch:9.2.0'}]}
---
apiVersion: v1
kind: Service
metadata: {name: es, namespace: logging}
spec: {selector: {app: es}, ports: [{port: 9200}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: fluentd, namespace: logging}
spec: {template: {spec: {containers: [{name: fluentd, image: 'fluent/fluentd-kubernetes-daemonset:v1', env: [{name: FLUENT_ELASTICSEARCH_HOST, value: es}]}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fluentd, namespace: logging}
data: {fluent.conf: \"<match audit>\\n  host siem.example.com\\n</match>\"}"),
            ("a collector whose destination nobody can tell", "
apiVersion: v1
kind: Node
metadata: {name: a}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: vector, namespace: logging}
spec: {template: {spec: {containers: [{name: vector, image: 'timberio/vector:0.50.0'}]}}}"),
        ],
        fail: &[
            ("a store of logs in the cluster, by way of a collector that adds them up", "
apiVersion: v1
kind: Node
metadata: {name: a}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: elasticsearch, namespace: logging}
spec:
  template:
    metadata: {labels: {app: es}}
    spec: {containers: [{name: es, image: 'docker.elastic.co/elasticsearch/elasticsearch:9.2.0'}]}
---
apiVersion: v1
kind: Service
metadata: {name: es, namespace: logging}
spec: {selector: {app: es}, ports: [{port: 9200}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: aggregator, namespace: logging}
spec:
  template:
    metadata: {labels: {app: fluentd}}
    spec: {containers: [{name: fluentd, image: 'fluent/fluentd:v1.18', env: [{name: ES_HOST, value: es.logging.svc.cluster.local}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: fluentd, namespace: logging}
spec: {selector: {app: fluentd}, ports: [{port: 24224}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: fluent-bit, namespace: agents}
spec: {template: {spec: {containers: [{name: a, image: 'fluent/fluent-bit:4.1'}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fluent-bit, namespace: agents}
data: {fluent-bit.conf: \"[OUTPUT]\\n  Name forward\\n  Host fluentd.logging\\n\"}",
            &["StatefulSet elasticsearch: OnlySinkInCluster"]),
        ],
        not_applicable: &[("manifests without nodes", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")],
        ..Cases::NONE
    };

    #[test]
    fn only_what_is_all_known_and_all_inside_fails() {
        for (args, fails) in [
            (
                "'-client.url=http://loki.logging.svc:3100/loki/api/v1/push'",
                true,
            ),
            ("'-client.url=http://loki.logging/push'", true),
            (
                "'-client.url=http://loki.logging/push', '-client.url=https://logs.example.com/push'",
                false,
            ),
            (
                "'-client.url=http://loki.logging/push', '-client.url=https://$(HOST)/push'",
                false,
            ),
            (
                "'-client.url=http://loki.logging/push', '-client.url=https://10.1.2.3/push'",
                false,
            ),
            ("'-client.url=http://loki.elsewhere.svc/push'", false),
            ("'-config.file=/etc/promtail.yaml'", false),
        ] {
            let inventory = inventory(&LOKI.replace("ARGS", args));
            let outcome = evaluate(&super::ITEM, &inventory, &Parameters::default());
            assert_eq!(outcome.failing > 0, fails, "{args}: {outcome:?}");
        }
    }
}
