//! CC-05.

use plumbline_inventory::facts::NodeFacts;
use plumbline_inventory::template::Template;
use plumbline_inventory::views::WorkloadView;
use plumbline_inventory::{Inventory, Kind};

use crate::items::item;
use crate::{Check, Context, Findings, Parameters};

item! {
    /// ## What it checks
    ///
    /// Workloads with raised security needs run in a runtime that puts a kernel of its own between them and the
    /// node: gVisor, Kata Containers, Firecracker, or Hyper-V isolation on Windows.
    ///
    /// ## Why it matters
    ///
    /// An ordinary container shares the node's kernel. A flaw in that kernel is a way out of every container on
    /// it; in a sandbox it is a way into another, smaller kernel.
    ///
    /// ## How it decides
    ///
    /// Which workloads need it is for the baseline to say: `spec.sensitiveSelector` selects namespaces or pods by
    /// their labels, and a workload is in scope if either matches. Without a selector nothing is, and the item is
    /// `NotApplicable`. A user namespace (`hostUsers: false`) is no sandbox: the kernel is still shared.
    ///
    /// - `Fail`, reason `NoRuntimeClass`: `runtimeClassName` is not set.
    /// - `Fail`, reason `RuntimeClassMissing`: there is no RuntimeClass of that name.
    /// - `Fail`, reason `NotSandboxed`: the handler of the RuntimeClass is no sandbox. The name of the class means
    ///   nothing; the handler decides, and is taken for a sandbox if it is
    ///     - `gvisor`, `runsc`, or begins with `gvisor-` or `runsc-`;
    ///     - `kata`, or anything that begins with it (`kata-qemu`, `kata-clh`, `kata-fc`, `kata-cc`; on AKS the
    ///       class `kata-vm-isolation` has the handler `kata`);
    ///     - `firecracker`, `aws.firecracker`, or begins with `firecracker-`;
    ///     - `runhcs-wcow-hypervisor` or begins with it (Windows).
    /// - `Fail`, reason `HandlerMissing`: every node reports the handlers of its runtime, and none has this one.
    ///   Where a node does not report them (older runtimes), the handler is given the benefit of the doubt.
    ///
    /// Pods on AWS Fargate or Azure Container Instances run in a virtual machine each without any RuntimeClass.
    /// The API does not prove that: they fail, and a waiver says why that is accepted.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// # baseline: sensitiveSelector: {matchLabels: {security: high}}
    /// metadata:
    ///   labels: {security: high}
    /// spec:
    ///   runtimeClassName: gvisor     # Pass if RuntimeClass gvisor has the handler runsc, and nodes offer it
    /// ```
    ///
    /// ## How to fix
    ///
    /// Install a sandboxing runtime on the nodes, make a RuntimeClass with its handler, and name that in
    /// `runtimeClassName` of the pods.
    id: "CC-05",
    slug: "sensitive-workloads-unsandboxed",
    title: "Services with raised security needs run in an isolating runtime",
    section: ClusterConfiguration,
    level: Recommended,
    severity: Medium,
    class: A,
    scope: Workload,
    empty: NotApplicable,
    since: "0.1",
    reads: &Kind::with_workloads::<12>(&[Kind::Namespace, Kind::Node, Kind::RuntimeClass]),
    optional: &[],
    failing: ("is sensitive and shares the node's kernel", "are sensitive and share the node's kernel"),
    remediation: "Set runtimeClassName to a RuntimeClass whose handler is a sandbox (runsc, kata …) that the nodes offer.",
    references: ["Kubescape C-0297", "Kubescape C-0242", "Kyverno restrict-runtimeClassName"],
    systems: ["gVisor", "Kata Containers"],
    checks: [Check::Workload(check)],
}

fn check(workload: WorkloadView<'_>, context: &Context<'_>, findings: &mut Findings) {
    if !is_sensitive(workload, context.parameters) {
        findings.not_applicable();
        return;
    }
    let inventory = workload.namespace().inventory();
    for deciding in workload.deciding() {
        check_template(deciding.template, inventory, findings);
    }
}

fn is_sensitive(workload: WorkloadView<'_>, parameters: &Parameters) -> bool {
    parameters.sensitive.as_ref().is_some_and(|selector| {
        let namespace = workload.namespace().facts();
        namespace.is_some_and(|facts| selector.matches(&facts.labels))
            || selector.matches(workload.pod_labels())
    })
}

fn check_template(template: &Template, inventory: &Inventory, findings: &mut Findings) {
    let Some(class) = template
        .runtime_class
        .as_deref()
        .filter(|class| !class.is_empty())
    else {
        findings.object("NoRuntimeClass", "runtimeClassName is not set");
        return;
    };
    let Some(handler) = inventory.runtime_handler(class) else {
        let message = format!("runtimeClassName is {class}, and there is no such RuntimeClass");
        findings.object("RuntimeClassMissing", message);
        return;
    };
    if !is_sandbox(handler) {
        let message = format!("runtimeClassName is {class}, whose handler {handler} is no sandbox");
        findings.object("NotSandboxed", message);
    } else if is_offered_nowhere(handler, inventory) {
        let message = format!("runtimeClassName is {class}, whose handler {handler} no node offers");
        findings.object("HandlerMissing", message);
    }
}

fn is_sandbox(handler: &str) -> bool {
    const NAMES: [&str; 4] = ["gvisor", "runsc", "firecracker", "aws.firecracker"];
    const PREFIXES: [&str; 5] = [
        "gvisor-",
        "runsc-",
        "kata",
        "firecracker-",
        "runhcs-wcow-hypervisor",
    ];
    NAMES.contains(&handler) || PREFIXES.iter().any(|prefix| handler.starts_with(prefix))
}

/// Whether every node says what it offers, and none offers `handler`.
fn is_offered_nowhere(handler: &str, inventory: &Inventory) -> bool {
    let is_without = |node: &NodeFacts| {
        let offered = &node.runtime_handlers;
        !offered.is_empty() && offered.iter().all(|name| **name != *handler)
    };
    let mut nodes = inventory.nodes().peekable();
    nodes.peek().is_some() && nodes.all(|(_, node)| is_without(node))
}

#[cfg(test)]
mod tests {
    use plumbline_inventory::labels::Selector;

    use super::*;
    use crate::testing::Cases;

    fn sensitive() -> Parameters {
        let selector = serde_json::from_str(r#"{"matchLabels": {"security": "high"}}"#).unwrap();
        Parameters {
            sensitive: Some(Selector::compile(&selector).unwrap()),
            ..Parameters::default()
        }
    }

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a sandbox whose handler a node offers, selected by the pod's labels", "
apiVersion: apps/v1
kind: Deployment
metadata: {name: vault, namespace: shop}
spec: {template: {metadata: {labels: {security: high}}, spec: {runtimeClassName: sandboxed, containers: [{name: a, image: 'a:1'}]}}}
---
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: sandboxed}, handler: runsc}
---
{apiVersion: v1, kind: Node, metadata: {name: plain}, status: {runtimeHandlers: [{name: ''}, {name: runc}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: sandbox}, status: {runtimeHandlers: [{name: runc}, {name: runsc}]}}"),
            ("a node that reports no handlers may have it", "
apiVersion: v1
kind: Pod
metadata: {name: vault, labels: {security: high}}
spec: {runtimeClassName: kata-vm-isolation, containers: [{name: a, image: 'a:1'}]}
---
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: kata-vm-isolation}, handler: kata}
---
{apiVersion: v1, kind: Node, metadata: {name: new}, status: {runtimeHandlers: [{name: runc}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: old}}"),
        ],
        fail: &[
            ("selected by the namespace's labels; a user namespace is no sandbox", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {security: high}}}
---
apiVersion: v1
kind: Pod
metadata: {name: vault, namespace: shop}
spec: {hostUsers: false, containers: [{name: a, image: 'a:1'}]}",
            &["Pod vault: NoRuntimeClass"]),
            ("the name of a class is not its handler", "
apiVersion: v1
kind: Pod
metadata: {name: vault, labels: {security: high}}
spec: {runtimeClassName: gvisor, containers: [{name: a, image: 'a:1'}]}
---
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: gvisor}, handler: runc}",
            &["Pod vault: NotSandboxed"]),
            ("a class that does not exist", "
apiVersion: v1
kind: Pod
metadata: {name: vault, labels: {security: high}}
spec: {runtimeClassName: gvisor, containers: [{name: a, image: 'a:1'}]}",
            &["Pod vault: RuntimeClassMissing"]),
            ("a handler that no node offers", "
apiVersion: v1
kind: Pod
metadata: {name: vault, labels: {security: high}}
spec: {runtimeClassName: gvisor, containers: [{name: a, image: 'a:1'}]}
---
{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: gvisor}, handler: runsc}
---
{apiVersion: v1, kind: Node, metadata: {name: plain}, status: {runtimeHandlers: [{name: ''}, {name: runc}]}}",
            &["Pod vault: HandlerMissing"]),
        ],
        not_applicable: &[
            ("nothing is labelled", "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {security: low}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: a, image: 'a:1'}]}"),
        ],
        parameters: Some(sensitive),
        ..Cases::NONE
    };

    #[test]
    fn handlers_that_share_the_kernel_are_no_sandboxes() {
        for handler in [
            "runsc",
            "gvisor",
            "runsc-kvm",
            "kata",
            "kata-qemu",
            "kata-cc",
            "kata-fc",
            "firecracker",
        ] {
            assert!(is_sandbox(handler), "{handler}");
        }
        for handler in [
            "",
            "runc",
            "crun",
            "youki",
            "sysbox-runc",
            "nvidia",
            "my-kata",
            "runhcs-wcow-process",
        ] {
            assert!(!is_sandbox(handler), "{handler}");
        }
    }
}
