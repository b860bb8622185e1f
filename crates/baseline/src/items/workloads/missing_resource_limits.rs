//! WL-10a.

use plumbline_inventory::Kind;
use plumbline_inventory::template::{Limit, Role, Template};

use crate::items::item;
use crate::{Check, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// Every container has a CPU limit and a memory limit above zero, init containers and sidecars included.
    ///
    /// ## Why it matters
    ///
    /// A container without limits takes what the node has: a leak, a loop or an attacker in it starves the other
    /// pods of the node.
    ///
    /// ## How it decides
    ///
    /// For each container and each of the two resources the first limit that is there counts: that of the
    /// container, then that of the pod (`spec.resources.limits`), then what a `LimitRange` of the namespace
    /// fills in.
    ///
    /// - `Fail`, reason `NoCpuLimit` or `NoMemoryLimit`: there is none.
    /// - `Fail`, reason `ZeroCpuLimit` or `ZeroMemoryLimit`: the container's limit is 0, which is no limit to the
    ///   kubelet and which no `LimitRange` replaces, and the pod has none either.
    /// - Live pods decide, as they were admitted. A template without pods is taken as it would be admitted:
    ///   `default` of a `LimitRange` of type `Container` is its limit, and `max` is where there is no `default`.
    ///   Of several `LimitRange`s it only matters that one has a limit.
    /// - Requests do not count.
    /// - Where the kubelet reports what it has allocated to a container (`status.containerStatuses[].resources`),
    ///   that counts, not the spec: a limit that a pending in-place resize asks for is not in force yet.
    /// - Ephemeral containers cannot have limits: they are left out.
    /// - Windows pods count like others.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// containers:
    /// - name: web
    ///   resources:
    ///     limits: {cpu: 500m, memory: 256Mi}     # passes
    /// - name: log
    ///   resources:
    ///     requests: {cpu: 10m, memory: 16Mi}     # Fail, NoCpuLimit and NoMemoryLimit
    /// ```
    ///
    /// ## How to fix
    ///
    /// Set `resources.limits` on each container or on the pod. A `LimitRange` in the namespace gives limits to
    /// pods that come without; running pods have to be replaced to get them.
    id: "WL-10a",
    slug: "missing-resource-limits",
    title: "CPU and memory limits are set",
    section: Workloads,
    level: Required,
    severity: Medium,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: &Kind::with_workloads::<10>(&[Kind::LimitRange]),
    optional: &[],
    failing: ("lacks CPU or memory limits", "lack CPU or memory limits"),
    remediation: "Set resources.limits.cpu and resources.limits.memory on every container or on the pod, or give the namespace a LimitRange.",
    references: [
        "Trivy KSV-0011", "Trivy KSV-0018", "Kubescape C-0004", "Kubescape C-0009", "Kubescape C-0050",
        "Kubescape C-0268", "Kubescape C-0269", "Kubescape C-0270", "Kubescape C-0271",
        "Polaris cpuLimitsMissing", "Polaris memoryLimitsMissing", "kube-linter unset-cpu-requirements",
        "kube-linter unset-memory-requirements", "kubeaudit limits", "Checkov CKV_K8S_11", "Checkov CKV_K8S_13",
        "kube-score container-resources",
    ],
    systems: [],
    checks: [Check::Template(check)],
}

fn check(template: &Template, _: &Parameters, findings: &mut Findings) {
    for container in &template.containers {
        if container.role == Role::Ephemeral {
            continue;
        }
        let (own, pod) = (container.limits, template.limits);
        let mut report = |own, pod, unset: (&'static str, &str), zero: (&'static str, &str)| {
            let (reason, message) = match (own, pod) {
                (Limit::Set, _) | (_, Limit::Set) => return,
                (Limit::Unset, _) => unset,
                (Limit::Zero, _) => zero,
            };
            findings.container(&container.name, reason, message);
        };
        report(
            own.cpu,
            pod.cpu,
            ("NoCpuLimit", "resources.limits.cpu is unset"),
            ("ZeroCpuLimit", "resources.limits.cpu is 0, which is no limit"),
        );
        report(
            own.memory,
            pod.memory,
            ("NoMemoryLimit", "resources.limits.memory is unset"),
            (
                "ZeroMemoryLimit",
                "resources.limits.memory is 0, which is no limit",
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Cases;

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("every container has both", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      initContainers:
      - {name: init, image: init:1, resources: {limits: {cpu: 1, memory: 64Mi}}}
      - {name: sidecar, image: sidecar:1, restartPolicy: Always, resources: {limits: {cpu: 0.1, memory: 64Mi}}}
      containers: [{name: web, image: web:1, resources: {limits: {cpu: 500m, memory: 134217728}}}]"),
            ("limits of the pod cover all its containers, a limit of 0 too", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  resources: {limits: {cpu: '1', memory: 256Mi}}
  initContainers: [{name: init, image: init:1}]
  containers: [{name: web, image: web:1}, {name: log, image: log:1, resources: {limits: {cpu: 0}}}]"),
            ("per resource: the container's memory, the pod's cpu", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  resources: {limits: {cpu: '1'}}
  containers: [{name: web, image: web:1, resources: {limits: {memory: 64Mi}}}]"),
            ("a LimitRange in the same namespace, wherever it stands in the input", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {spec: {initContainers: [{name: init, image: init:1}], containers: [{name: web, image: web:1}]}}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: defaults, namespace: shop}
spec: {limits: [{type: Container, default: {cpu: 500m, memory: 256Mi}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: job, namespace: shop}
spec: {containers: [{name: job, image: job:1, resources: {limits: {cpu: 100m}}}]}"),
            ("a max without a default is the default; two LimitRanges add up", "
apiVersion: v1
kind: LimitRange
metadata: {name: cpu}
spec: {limits: [{type: Container, max: {cpu: '2'}}]}
---
apiVersion: v1
kind: LimitRange
metadata: {name: memory}
spec: {limits: [{type: Container, default: {memory: 1Gi}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1}]}"),
            ("ephemeral containers cannot have limits", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: web:1, resources: {limits: {cpu: 1, memory: 1Gi}}}]
  ephemeralContainers: [{name: debugger, image: busybox:1}]"),
            ("the live pod decides, not the template", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, uid: d1}
spec: {template: {spec: {containers: [{name: web, image: web:1}]}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, uid: r1, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: d1, controller: true}]}
spec: {template: {spec: {containers: [{name: web, image: web:1}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-x, uid: p1, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, uid: r1, controller: true}]}
spec: {containers: [{name: web, image: web:1, resources: {limits: {cpu: 1, memory: 1Gi}}}]}
status: {phase: Running}"),
        ],
        fail: &[
            ("each resource is a finding; requests do not count", "
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - {name: a, image: a:1, resources: {requests: {cpu: 1, memory: 1Gi}}}
  - {name: b, image: b:1, resources: {limits: {cpu: 1}}}
  - {name: c, image: c:1, resources: {limits: {memory: 1Gi}}}",
            &["Pod web/a: NoCpuLimit", "Pod web/a: NoMemoryLimit", "Pod web/b: NoMemoryLimit", "Pod web/c: NoCpuLimit"]),
            ("init containers, sidecars and Windows count", "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  template:
    spec:
      os: {name: windows}
      initContainers: [{name: init, image: init:1}, {name: sidecar, image: sidecar:1, restartPolicy: Always, resources: {limits: {cpu: 1}}}]
      containers: [{name: agent, image: agent:1, resources: {limits: {cpu: 1, memory: 1Gi}}}]",
            &["DaemonSet agent/init: NoCpuLimit", "DaemonSet agent/init: NoMemoryLimit",
              "DaemonSet agent/sidecar: NoMemoryLimit"]),
            ("0 is no limit, and a LimitRange leaves it alone", "
apiVersion: v1
kind: LimitRange
metadata: {name: defaults}
spec: {limits: [{type: Container, default: {cpu: 500m, memory: 256Mi}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1, resources: {limits: {cpu: 0, memory: '0'}}}]}",
            &["Pod web/web: ZeroCpuLimit", "Pod web/web: ZeroMemoryLimit"]),
            ("a LimitRange of another namespace or of type Pod gives no limit", "
apiVersion: v1
kind: LimitRange
metadata: {name: defaults, namespace: other}
spec: {limits: [{type: Container, default: {cpu: 500m, memory: 256Mi}}]}
---
apiVersion: v1
kind: LimitRange
metadata: {name: pods}
spec: {limits: [{type: Pod, max: {cpu: 500m, memory: 256Mi}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: web:1}]}",
            &["Pod web/web: NoCpuLimit", "Pod web/web: NoMemoryLimit"]),
            ("a LimitRange that came after the live pod", "
apiVersion: v1
kind: Pod
metadata: {name: web, uid: p1}
spec: {containers: [{name: web, image: web:1, resources: {limits: {cpu: 1}}}]}
status: {phase: Running}
---
apiVersion: v1
kind: LimitRange
metadata: {name: defaults}
spec: {limits: [{type: Container, default: {memory: 256Mi}}]}",
            &["Pod web/web: NoMemoryLimit"]),
            ("a limit that a pending resize asks for is not in force", "
apiVersion: v1
kind: Pod
metadata: {name: web, uid: p1}
spec:
  containers:
  - {name: web, image: web:1, resources: {limits: {cpu: 1, memory: 1Gi}}}
  - {name: log, image: log:1, resources: {limits: {cpu: 1, memory: 1Gi}}}
status:
  phase: Running
  conditions: [{type: PodResizePending, status: 'True', reason: Deferred}]
  containerStatuses:
  - {name: web, resources: {limits: {cpu: 1}, requests: {cpu: 1}}}
  - {name: log, resources: {limits: {cpu: 1, memory: 1Gi}}}",
            &["Pod web/web: NoMemoryLimit"]),
        ],
        ..Cases::NONE
    };
}
