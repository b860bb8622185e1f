//! OS-02.

use std::collections::BTreeMap;

use plumbline_inventory::Kind;
use plumbline_inventory::host_scanners::HostScanner;

use crate::items::item;
use crate::items::operating_system::host_scans;
use crate::{Check, Context, Findings, NodeView};

item! {
    /// ## What it checks
    ///
    /// The operating system of every node, and the software on it, follow a hardening baseline (CIS, NIST).
    ///
    /// ## Why it matters
    ///
    /// Who breaks out of a container is on the node. What is there then, services that nobody needs, accounts, writable
    /// programs, decides how far it goes.
    ///
    /// ## How it decides
    ///
    /// How a node is configured the API does not say: somebody has to attest it. What it does say supports it, and stands
    /// in the message:
    ///
    /// - how many nodes run a system that is made for containers and nothing else (Bottlerocket, Container-Optimized OS,
    ///   Flatcar, Fedora CoreOS, Red Hat CoreOS, Talos), by `status.nodeInfo.osImage` or by labels of the node;
    /// - a run of kube-bench, OpenSCAP or the Compliance Operator by a CronJob or Job that ended without an error less than
    ///   `spec.thresholds.auditMaxAgeDays` days ago (30 unless told).
    ///
    /// - `NeedsAttestation`, reason `AttestationMissing`: there are nodes, and nobody attests.
    /// - `Attested`: an attestation that is in force speaks for all nodes.
    /// - `NotApplicable`: there is no node, as in manifests.
    ///
    /// What scanners found would contradict it. It stands in their logs, which are not read, and in
    /// `ComplianceCheckResult` of the Compliance Operator, which is not read yet: so nothing contradicts it so far.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: Node
    /// status:
    ///   nodeInfo:
    ///     osImage: Bottlerocket OS 1.46.0     # supports it
    /// ```
    ///
    /// ## How to fix
    ///
    /// Use an operating system made for containers, or harden the one you have by a benchmark of CIS or a guide of NIST
    /// while its image is built. Check the result with OpenSCAP or kube-bench and attest it.
    id: "OS-02",
    slug: "unhardened-os",
    title: "OS and software follow a hardening baseline (CIS, NIST)",
    section: OperatingSystem,
    level: Recommended,
    severity: Medium,
    class: C,
    scope: Node,
    empty: NotApplicable,
    since: "0.1",
    reads: &[Kind::Node],
    optional: &[Kind::Job, Kind::CronJob],
    failing: ("is not hardened", "are not hardened"),
    remediation: "Harden the image of the nodes by a benchmark of CIS or a guide of NIST, and attest it.",
    references: ["Kubescape C-0226"],
    systems: [],
    checks: [Check::Node(check), Check::ClusterObjects(note_evidence)],
}

/// Nodes are counted; nothing that is read contradicts it.
fn check(_: &NodeView<'_>, _: &Context<'_>, _: &mut Findings) {}

fn note_evidence(context: &Context<'_>, findings: &mut Findings) {
    let mut systems: BTreeMap<&str, u32> = BTreeMap::new();
    for system in context
        .inventory
        .nodes()
        .filter_map(|(_, node)| node.container_os)
    {
        *systems.entry(system).or_default() += 1;
    }
    let systems: Vec<String> = systems
        .iter()
        .map(|(system, nodes)| format!("{system} on {nodes}"))
        .collect();
    let scans = context.inventory.host_scans();
    let of_configuration = scans.filter(|(_, scan)| scan.scanner != HostScanner::Lynis);
    let fresh = host_scans::fresh(of_configuration, context, findings);
    if systems.is_empty() {
        host_scans::note(&fresh, findings, "nothing that is read supports it");
        return;
    }
    let systems = format!("made for containers: {}", systems.join(", "));
    findings.note(match fresh.first() {
        None => systems,
        Some(first) => format!("{systems}; a recent scan supports it: {first}"),
    });
}

#[cfg(test)]
mod tests {
    use super::ITEM;
    use crate::testing::{Cases, evaluate, inventory};
    use crate::{Outcome, Parameters};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("a node of which nothing is known", "{apiVersion: v1, kind: Node, metadata: {name: n1}}"),
            ("systems made for containers, and a fresh run of kube-bench", "
{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {nodeInfo: {osImage: 'Bottlerocket OS 1.46.0 (aws-k8s-1.33)'}}}
---
{apiVersion: v1, kind: Node, metadata: {name: n2, labels: {cloud.google.com/gke-os-distribution: cos}}}
---
{apiVersion: v1, kind: Node, metadata: {name: n3}, status: {nodeInfo: {osImage: 'Ubuntu 24.04.3 LTS'}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: bench}
spec: {template: {spec: {containers: [{name: a, image: 'aquasec/kube-bench:v0.10'}]}}}
status: {completionTime: '2026-11-23T10:00:00Z'}"),
        ],
        not_applicable: &[("manifests without nodes", "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")],
        ..Cases::NONE
    };

    fn outcome(manifests: &str) -> Outcome {
        evaluate(&ITEM, &inventory(manifests), &Parameters::default())
    }

    #[test]
    fn a_fresh_run_holds_until_it_is_too_old() {
        let outcome = outcome(CASES.pass[1].1);
        assert_eq!((outcome.evaluated, outcome.failing), (3, 0));
        assert_eq!(outcome.valid_until, Some("2026-12-23T10:00:00Z".parse().unwrap()));
    }

    #[test]
    fn the_note_names_what_supports_it() {
        let note = |manifests: &str| {
            let inventory = inventory(manifests);
            let context = crate::Context {
                exceptions: &[],
                inventory: &inventory,
                rbac: &plumbline_rbac::Rbac::of(&inventory),
                network: &plumbline_network::Network::of(&inventory),
                parameters: &Parameters::default(),
                now: "2026-11-24T10:00:00Z".parse().unwrap(),
            };
            let whole = ITEM.check_unit(&crate::Home::Cluster, &crate::Unit::Whole, &context, |t| {
                ITEM.check_template(t, &Parameters::default())
            });
            whole.unwrap().note.unwrap()
        };
        assert_eq!(note(CASES.pass[0].1), "nothing that is read supports it");
        let wanted = "made for containers: Bottlerocket on 1, Container-Optimized OS on 1; a recent scan supports it: \
                      kube-bench (Job default/bench)";
        assert_eq!(note(CASES.pass[1].1), wanted);
    }
}
