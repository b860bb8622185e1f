//! A status in which every field has a value.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use plumbline_api::conditions::{CompliantReason, Reason as _};
use plumbline_api::coverage::{InputCoverage, InputState};
use plumbline_api::history::{MAX_HISTORY_NAMESPACE, Reference, ReferenceItem, ReferenceKind, Transition};
use plumbline_api::item::{MissingEvidence, NamespaceCount};
use plumbline_api::report::{BaselineRef, Summary, WaiverCounts};
use plumbline_api::{Drift, Finding, ItemResult, ItemStatus, Level, ReportStatus, Severity};

/// A status in which every field has a value, with as many items as the baseline has.
pub(crate) fn status(of_cluster: bool) -> ReportStatus {
    let time = || Time(Timestamp::from_second(1_795_600_000).expect("in range"));
    let ids = (0..79).map(|number| format!("XX-{number:02}"));
    ReportStatus {
        observed_generation: Some(1),
        baseline: Some(BaselineRef {
            name: "default".into(),
            uid: "some-uid".into(),
            generation: 3,
        }),
        cluster_id: of_cluster.then(|| "some-uid".into()),
        last_evaluated: Some(time()),
        conditions: vec![CompliantReason::RequirementsFailed.condition("9 items fail", 1, &time())],
        summary: Some(Summary {
            total: 79,
            pass: 41,
            fail: 9,
            waived: 2,
            attested: 8,
            needs_attestation: 6,
            not_applicable: 5,
            unknown: 8,
            drifted: 1,
            score: Some(68),
        }),
        items: ids.clone().map(|id| item(id, of_cluster, time())).collect(),
        reference: Some(Reference {
            kind: ReferenceKind::Pin,
            time: time(),
            by: Some("carol".into()),
            items: ids
                .map(|id| ReferenceItem {
                    id,
                    status: ItemStatus::Pass,
                    failing: 1,
                    digest: "0123456789abcdef".into(),
                })
                .collect(),
        }),
        history: vec![
            Transition {
                time: time(),
                item: "XX-01".into(),
                from: ItemStatus::Pass,
                to: ItemStatus::Fail,
                cause: "Deployment payments/agent".into(),
            };
            MAX_HISTORY_NAMESPACE
        ],
        coverage: if of_cluster { coverage(&time()) } else { Vec::new() },
        waivers: Some(WaiverCounts {
            active: 2,
            pending: 1,
            expiring_soon: 1,
            expired: 1,
            unused: 0,
            rejected: 0,
        }),
    }
}

pub(crate) fn coverage(time: &Time) -> Vec<InputCoverage> {
    [
        ("", "Pod", InputState::Synced),
        ("apps", "Deployment", InputState::Forbidden),
    ]
    .map(|(group, kind, state)| InputCoverage {
        group: group.into(),
        kind: kind.into(),
        objects: 1403,
        state,
        undecodable: 0,
        last_sync: Some(time.clone()),
    })
    .into()
}

pub(crate) fn item(id: String, of_cluster: bool, since: Time) -> ItemResult {
    ItemResult {
        id,
        title: of_cluster.then(|| "No privileged containers".into()),
        level: of_cluster.then_some(Level::Required),
        severity: of_cluster.then_some(Severity::Critical),
        status: ItemStatus::Fail,
        reason: "PrivilegedContainer".into(),
        message: "3 of 118 workloads run privileged containers, in 2 namespaces".into(),
        evaluated: 118,
        failing: 3,
        waived: 1,
        inactive: 4,
        pods: 12,
        findings: 4,
        since,
        drift: Drift::Regressed,
        failing_change: Some(2),
        namespaces: vec![NamespaceCount {
            name: "payments".into(),
            failing: 3,
        }],
        sample: vec![Finding {
            kind: "Deployment".into(),
            namespace: Some("payments".into()),
            name: "agent".into(),
            container: Some("agent".into()),
            subject: Some("ServiceAccount/payments/agent".into()),
            role: Some("ClusterRole/admin".into()),
            severity: Severity::Critical,
            message: "securityContext.privileged is true".into(),
            waived: Some("SystemNamespace".into()),
        }],
        more: 3,
        missing_evidence: vec![MissingEvidence {
            source: "flags".into(),
            grant: "read /flagz".into(),
        }],
    }
}
