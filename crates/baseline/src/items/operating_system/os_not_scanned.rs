//! OS-03.

use plumbline_inventory::Kind;
use plumbline_inventory::host_scanners::{HostScan, HostScanner};

use crate::items::item;
use crate::items::operating_system::host_scans;
use crate::{Check, Context, Findings, NodeView};

item! {
    /// ## What it checks
    ///
    /// Packages and configuration of every node's operating system are scanned regularly.
    ///
    /// ## Why it matters
    ///
    /// A node is a machine with packages that age. What runs in containers is scanned often; the kernel, `runc` and
    /// `sshd` below them are forgotten until somebody uses a hole in them.
    ///
    /// ## How it decides
    ///
    /// Scanners of nodes are told by the images and commands of CronJobs and Jobs: Lynis, OpenSCAP and the Compliance
    /// Operator. What they find, and which nodes they reached, the API does not say: somebody has to attest it.
    ///
    /// - `Fail`, reason `ScanTooOld`: the last success of such a CronJob is at least
    ///   `spec.thresholds.auditMaxAgeDays` days ago (30 unless told). The CronJob counts as an object of its own beside
    ///   the nodes.
    /// - `Fail`, reason `ScanSuspended`: such a CronJob is suspended.
    /// - `NeedsAttestation`, reason `AttestationMissing`: there are nodes, and nothing of this. The message names a scan
    ///   that ended well lately, if there is one. A CronJob that has not succeeded yet says nothing.
    /// - `Attested`: an attestation that is in force speaks for all nodes.
    /// - `NotApplicable`: there is no node, as in manifests.
    ///
    /// A Job on its own supports it while it is fresh, and never contradicts it. Not looked at: `ComplianceCheckResult`
    /// of the Compliance Operator, and reports of Trivy Operator.
    ///
    /// ## Examples
    ///
    /// ```yaml
    /// kind: CronJob
    /// metadata: {name: lynis, namespace: ops}
    /// spec:
    ///   schedule: '0 3 * * *'
    ///   suspend: true          # Fail
    /// ```
    ///
    /// ## How to fix
    ///
    /// Run Lynis or OpenSCAP on every node once a week at least, by a CronJob or from outside of the cluster; see why the
    /// last runs failed. Attest scans that run elsewhere.
    id: "OS-03",
    slug: "os-not-scanned",
    title: "Packages and configuration are scanned regularly",
    section: OperatingSystem,
    level: Recommended,
    severity: Medium,
    class: C,
    scope: Node,
    empty: NotApplicable,
    since: "0.1",
    reads: &[Kind::Node, Kind::Job, Kind::CronJob],
    optional: &[],
    failing: ("is not scanned regularly", "are not scanned regularly"),
    remediation: "Let the scanner of nodes run to its end regularly: resume its CronJob, see why its last runs failed.",
    references: [],
    systems: ["OpenSCAP", "Lynis"],
    checks: [Check::Node(check), Check::ClusterObjects(check_scanners)],
}

/// Nodes are counted; what contradicts it says nothing of a single one.
fn check(_: &NodeView<'_>, _: &Context<'_>, _: &mut Findings) {}

fn check_scanners(context: &Context<'_>, findings: &mut Findings) {
    // Without a node there is nothing that should be scanned.
    if context.inventory.nodes().next().is_none() {
        return;
    }
    let of_os = |scan: &HostScan| scan.scanner != HostScanner::KubeBench;
    let scans = || context.inventory.host_scans().filter(|(_, scan)| of_os(scan));
    for (id, scan) in scans().filter(|(id, _)| id.kind == Kind::CronJob) {
        let name = scan.scanner.as_str();
        let until = host_scans::counts_until(scan, context);
        let is_old = until.is_some_and(|until| until <= context.now);
        if is_old || scan.suspended {
            findings.evaluate(1);
        }
        if let (true, Some(last)) = (is_old, scan.last_success) {
            let message = format!(
                "{name} last ran to its end on {last}, which is {} days or more ago",
                context.parameters.audit_max_age_days
            );
            findings.other(id.into(), "ScanTooOld", message);
        }
        if scan.suspended {
            findings.other(
                id.into(),
                "ScanSuspended",
                format!("spec.suspend is true: {name} does not run"),
            );
        }
    }
    let fresh = host_scans::fresh(scans(), context, findings);
    host_scans::note(
        &fresh,
        findings,
        "no scanner of nodes is recognised among CronJobs and Jobs that succeeded lately",
    );
}

#[cfg(test)]
mod tests {
    use super::ITEM;
    use crate::Parameters;
    use crate::testing::{Cases, evaluate, inventory};

    pub(super) const CASES: Cases = Cases {
        pass: &[
            ("nodes, of which nobody knows whether they are scanned", "
{apiVersion: v1, kind: Node, metadata: {name: n1}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec: {suspend: true, jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'report:1'}]}}}}}
status: {lastSuccessfulTime: '2025-11-24T10:00:00Z'}"),
            ("a fresh scan, one that has not succeeded yet, and an old one that was never meant to be repeated", "
{apiVersion: v1, kind: Node, metadata: {name: n1}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: lynis}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'registry:5000/sec/lynis:3'}]}}}}}
status: {lastSuccessfulTime: '2026-11-23T10:00:00Z'}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: oscap}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'ubuntu', command: [oscap, xccdf, eval]}]}}}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {containers: [{name: a, image: 'lynis'}]}}}
status: {completionTime: '2025-11-23T10:00:00Z'}"),
            ("kube-bench looks at the configuration of Kubernetes", "
{apiVersion: v1, kind: Node, metadata: {name: n1}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: bench}
spec: {suspend: true, jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'aquasec/kube-bench'}]}}}}}"),
        ],
        fail: &[
            ("a scan that last succeeded thirty days ago", "
{apiVersion: v1, kind: Node, metadata: {name: n1}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: lynis}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'lynis'}]}}}}}
status: {lastSuccessfulTime: '2026-10-25T10:00:00Z'}",
            &["CronJob lynis: ScanTooOld"]),
            ("a scan that is suspended, however fresh", "
{apiVersion: v1, kind: Node, metadata: {name: n1}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: scan}
spec: {suspend: true, jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'ubuntu', args: ['-c', 'chroot /host oscap xccdf eval x']}]}}}}}
status: {lastSuccessfulTime: '2026-11-24T09:00:00Z'}",
            &["CronJob scan: ScanSuspended"]),
        ],
        not_applicable: &[
            ("manifests without nodes", "
apiVersion: batch/v1
kind: CronJob
metadata: {name: lynis}
spec: {suspend: true, jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'lynis'}]}}}}}"),
        ],
        ..Cases::NONE
    };

    #[test]
    fn a_fresh_scan_holds_until_it_is_too_old() {
        let outcome = evaluate(&ITEM, &inventory(CASES.pass[1].1), &Parameters::default());
        assert_eq!(outcome.valid_until, Some("2026-12-23T10:00:00Z".parse().unwrap()));
        assert_eq!(outcome.evaluated, 1, "nodes are counted, and what contradicts");
    }
}
