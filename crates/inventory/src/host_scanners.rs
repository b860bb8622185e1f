//! Scanners of nodes that run as a `CronJob` or a `Job`, told by their images and commands.

use jiff::Timestamp;

use crate::inventory::{Inventory, ObjectId};
use crate::lean;
use crate::programs;

/// A program that looks at what is installed on a node, or at how it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum HostScanner {
    ComplianceOperator,
    KubeBench,
    Lynis,
    OpenScap,
}

/// When and whether a scanner runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostScan {
    /// The scanner.
    pub scanner: HostScanner,
    /// When it was last done without an error, if it ever was.
    pub last_success: Option<Timestamp>,
    /// Whether somebody has put it off until further notice.
    pub suspended: bool,
}

impl HostScanner {
    const ALL: [Self; 4] = [
        Self::ComplianceOperator,
        Self::KubeBench,
        Self::Lynis,
        Self::OpenScap,
    ];

    /// The name of the product.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ComplianceOperator => "Compliance Operator",
            Self::KubeBench => "kube-bench",
            Self::Lynis => "Lynis",
            Self::OpenScap => "OpenSCAP",
        }
    }

    /// What its images are called, and its program.
    const fn known_by(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::ComplianceOperator => (&["compliance-operator"], &["compliance-operator"]),
            Self::KubeBench => (&["kube-bench"], &["kube-bench"]),
            Self::Lynis => (&["lynis"], &["lynis"]),
            Self::OpenScap => (&["openscap", "oscap"], &["oscap"]),
        }
    }

    fn of(spec: &lean::PodSpec) -> Option<Self> {
        let containers = || spec.init_containers.iter().chain(&spec.containers);
        Self::ALL.into_iter().find(|scanner| {
            let (images, commands) = scanner.known_by();
            containers().any(|container| {
                programs::is_image_of(&container.image, images) || programs::runs(container, commands)
            })
        })
    }
}

impl Inventory {
    /// Scanners of nodes in namespaces in scope, ordered by the kind and name of what runs them.
    pub fn host_scans(&self) -> impl Iterator<Item = (&ObjectId, &HostScan)> {
        let in_scope = |id: &ObjectId| {
            let namespace = id.namespace.as_deref();
            namespace.is_some_and(|namespace| self.namespace(namespace).is_some())
        };
        self.host_scans.iter().filter(move |(id, _)| in_scope(id))
    }

    pub(crate) fn note_cron_scan(&mut self, id: &ObjectId, cron_job: &lean::CronJob) {
        let spec = &cron_job.spec;
        let scanner = HostScanner::of(&spec.job_template.spec.template.spec);
        let scan = scanner.map(|scanner| HostScan {
            scanner,
            last_success: time(cron_job.status.last_successful_time.as_deref()),
            suspended: spec.suspend == Some(true),
        });
        self.set_host_scan(id, scan);
    }

    /// Notes a `Job` that scans; one of a `CronJob` counts there.
    pub(crate) fn note_job_scan(&mut self, id: &ObjectId, job: &lean::Job) {
        let on_its_own = job.metadata.controller().is_none();
        let scanner = HostScanner::of(&job.spec.template.spec).filter(|_| on_its_own);
        let scan = scanner.map(|scanner| HostScan {
            scanner,
            last_success: time(job.status.completion_time.as_deref()),
            suspended: false,
        });
        self.set_host_scan(id, scan);
    }

    pub(crate) fn set_host_scan(&mut self, id: &ObjectId, scan: Option<HostScan>) {
        if self.host_scans.get(id) == scan.as_ref() {
            return;
        }
        match scan {
            Some(scan) => self.host_scans.insert(id.clone(), scan),
            None => self.host_scans.remove(id),
        };
        self.dirty.evidence = true;
    }
}

fn time(written: Option<&str>) -> Option<Timestamp> {
    written?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::Kind;
    use crate::testing::{Manifest, live};

    fn scans(inventory: &Inventory) -> Vec<String> {
        let scans = inventory.host_scans();
        scans.map(|(id, scan)| format!("{id} {scan:?}")).collect()
    }

    fn cron(container: serde_json::Value) -> Manifest {
        live(Kind::CronJob, "scan").pod_spec_push("containers", container)
    }

    #[test]
    fn scanners_are_told_by_image_and_command() {
        for (container, wanted) in [
            (
                json!({ "image": "docker.io/aquasec/kube-bench:v0.10" }),
                Some(HostScanner::KubeBench),
            ),
            (
                json!({ "image": "ubuntu", "command": ["sh", "-c", "chroot /host lynis audit system"] }),
                Some(HostScanner::Lynis),
            ),
            (
                json!({ "image": "ubuntu", "command": ["/usr/bin/oscap"], "args": ["xccdf", "eval"] }),
                Some(HostScanner::OpenScap),
            ),
            (json!({ "image": "lynis.example.com:5000/web:1" }), None),
            (json!({ "image": "ubuntu", "args": ["--kube-bench=off"] }), None),
        ] {
            let mut inventory = Inventory::live();
            inventory.apply(live(Kind::Namespace, "shop").object());
            inventory.apply(cron(container.clone()).object());
            let found = inventory.host_scans().next().map(|(_, scan)| scan.scanner);
            assert_eq!(found, wanted, "{container}");
        }
    }

    #[test]
    fn a_run_is_news_and_nothing_remains_of_what_is_gone() {
        let mut inventory = Inventory::live();
        inventory.apply(live(Kind::Namespace, "shop").object());
        inventory.take_dirty();
        let scan = cron(json!({ "image": "lynis" }));
        inventory.apply(scan.object());
        assert!(inventory.take_dirty().evidence);
        inventory.apply(scan.clone().set("status.active", 1).object());
        assert!(!inventory.take_dirty().evidence);
        let done = scan
            .clone()
            .set("status.lastSuccessfulTime", "2026-11-24T03:00:00Z")
            .set("spec.suspend", true);
        inventory.apply(done.object());
        assert!(inventory.take_dirty().evidence);
        let (_, known) = inventory.host_scans().next().unwrap();
        assert_eq!(known.last_success, Some("2026-11-24T03:00:00Z".parse().unwrap()));
        assert!(known.suspended);
        inventory.delete(&scan.id());
        assert!(inventory.take_dirty().evidence);
        assert_eq!(scans(&inventory), Vec::<String>::new());
    }

    #[test]
    fn a_job_of_a_cron_job_counts_there() {
        let mut inventory = Inventory::live();
        inventory.apply(live(Kind::Namespace, "shop").object());
        let job = live(Kind::Job, "scan-1").pod_spec_push("containers", json!({ "image": "lynis" }));
        inventory.apply(job.clone().owned_by(&cron(json!({ "image": "lynis" }))).object());
        assert_eq!(scans(&inventory), Vec::<String>::new());
        inventory.apply(job.object());
        assert_eq!(inventory.host_scans().count(), 1);
    }
}
