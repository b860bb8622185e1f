//! The reports, as they are stored and as they should be.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, OwnerReference};
use kube::api::{ApiResource, ListParams};
use kube::{Api, Client};
use plumbline_api::report::BaselineRef;
use plumbline_api::{ClusterComplianceReport, ComplianceReport, ReportStatus};
use plumbline_engine::{Difference, Fingerprint, Home, Memory, report};
use plumbline_inventory::Name;
use serde::Deserialize;

use crate::baselines::Baseline;
use crate::watch::{PAGE, Watched};
use crate::writer::Stored;

/// The least time between two writes that only change counts.
pub(crate) const COUNTS: Duration = Duration::from_secs(30);

/// The first pause after a refused write; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause after refused writes.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Which report: on what, under which baseline. That of a cluster comes before those of namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReportId {
    pub(crate) home: Home,
    pub(crate) baseline: Name,
}

impl std::fmt::Display for ReportId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.home {
            Home::Cluster => write!(f, "the report {} of the cluster", self.baseline),
            Home::Namespace(namespace) => {
                write!(f, "the report {} of namespace {namespace}", self.baseline)
            }
        }
    }
}

/// One report.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) memory: Memory,
    /// Conditions as last made, to keep the times of their transitions.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) stored: Option<Stored>,
    /// A write is under way: the next one waits for it.
    pub(crate) in_flight: bool,
    /// What is stored went away while a write was under way: whatever comes of it is written once more.
    pub(crate) doubted: bool,
    pub(crate) last_sent: Option<Instant>,
    /// When a write left that showed a change of the cluster.
    pub(crate) change_sent: Option<Instant>,
    /// When the first change arrived that the stored report does not show.
    pub(crate) changed: Option<Instant>,
    /// Refusals in a row, and the last one.
    pub(crate) refused: Option<(u32, String)>,
}

impl Entry {
    pub(crate) fn new(memory: Memory) -> Self {
        Self {
            memory,
            conditions: Vec::new(),
            stored: None,
            in_flight: false,
            doubted: false,
            last_sent: None,
            change_sent: None,
            changed: None,
            refused: None,
        }
    }

    /// What is stored is gone.
    pub(crate) fn lose(&mut self) {
        self.stored = None;
        self.doubted = self.in_flight;
    }

    /// How `wanted` differs from what is stored. A report that does not belong to its `baseline` has to.
    pub(crate) fn difference(&self, wanted: Fingerprint, baseline: &BaselineRef) -> Difference {
        let stored = self
            .stored
            .as_ref()
            .filter(|stored| stored.is_owned_by(baseline))
            .and_then(|stored| stored.fingerprint);
        stored.map_or(Difference::Substance, |stored| stored.difference(wanted))
    }

    /// When a change that arrives `now` goes out: the first one of a quiet time at once, and none waits longer
    /// than `debounce`.
    pub(crate) fn due(&self, now: Instant, debounce: Duration) -> Instant {
        self.change_sent.map_or(now, |sent| now.max(sent + debounce))
    }

    /// How long to wait after a refusal.
    pub(crate) fn pause(&self) -> Duration {
        let refusals = self.refused.as_ref().map_or(0, |(refusals, _)| *refusals);
        FIRST_PAUSE
            .saturating_mul(1 << refusals.saturating_sub(1).min(6))
            .min(LONGEST_PAUSE)
    }

    /// Takes in a report that the watch shows. One that reads otherwise than the one known, if only in its times,
    /// was written by somebody else: it no longer counts as what is wanted.
    pub(crate) fn discover(&mut self, mut stored: Stored) {
        let known = self.stored.as_ref().filter(|known| known.uid == stored.uid);
        if !self.in_flight && known.is_some_and(|known| known.fingerprint != stored.fingerprint) {
            stored.fingerprint = None;
        }
        self.observe(stored);
    }

    /// Takes in what the API server has, unless something newer is known.
    pub(crate) fn observe(&mut self, stored: Stored) {
        let newer = self.stored.as_ref().is_none_or(|known| {
            known.uid != stored.uid || version(&stored.resource_version) > version(&known.resource_version)
        });
        if newer {
            self.stored = Some(stored);
        }
    }
}

/// Resource versions of one resource are numbers that grow (Kubernetes 1.35 made that a promise).
fn version(resource_version: &str) -> u64 {
    resource_version.parse().unwrap_or(0)
}

/// A report as it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: ReportId,
    pub(crate) stored: Stored,
    /// Its status, or why that cannot be read.
    pub(crate) status: Result<ReportStatus, String>,
}

impl Found {
    /// Reads a report of either kind.
    pub(crate) fn read(object: &Watched) -> Self {
        #[derive(Deserialize)]
        struct Report {
            #[serde(default)]
            status: ReportStatus,
        }
        #[derive(Default, Deserialize)]
        struct Owned {
            metadata: Owners,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Owners {
            owner_references: Vec<OwnerReference>,
        }
        let status: Result<Report, _> = serde_json::from_str(object.json());
        let status = status
            .map(|report| report.status)
            .map_err(|error| error.to_string());
        let owned: Owned = serde_json::from_str(object.json()).unwrap_or_default();
        let meta = kube::Resource::meta(object);
        let home = match &meta.namespace {
            Some(namespace) => Home::Namespace(namespace.as_str().into()),
            None => Home::Cluster,
        };
        let stored = Stored {
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            generation: meta.generation.unwrap_or(1),
            owners: baselines_of(&owned.metadata.owner_references),
            fingerprint: status.as_ref().ok().map(Fingerprint::of),
        };
        Self {
            id: ReportId {
                home,
                baseline: meta.name.as_deref().unwrap_or_default().into(),
            },
            stored,
            status,
        }
    }

    /// The memory that it carries, now that `baseline` is in effect.
    pub(crate) fn memory(&self, baseline: &Baseline) -> Memory {
        let home = self.id.home.clone();
        match &self.status {
            Ok(status) if status.items.is_empty() => new_memory(home, baseline),
            Ok(status) => Memory::restore(home, &baseline.reference, baseline.pin.as_ref(), status),
            Err(_) => Memory::lost(home),
        }
    }

    /// Whether it says that there is no baseline of its name, and all that goes with it.
    pub(crate) fn says_orphaned(&self) -> bool {
        self.status.as_ref().is_ok_and(|status| {
            report::orphaned(&status.conditions, &self.id.baseline, Timestamp::now()) == status.conditions
        })
    }
}

/// The memory of a report that there is not yet, on what was there before us.
pub(crate) fn new_memory(home: Home, baseline: &Baseline) -> Memory {
    let mut memory = Memory::new(home, true);
    memory.pin(baseline.pin.as_ref());
    memory
}

/// The uids of the baselines that a report belongs to: there should be one.
pub(crate) fn baselines_of(owners: &[OwnerReference]) -> Vec<String> {
    let baselines = owners.iter().filter(|owner| owner.kind == "ComplianceBaseline");
    baselines.map(|owner| owner.uid.clone()).collect()
}

/// The kind of a report, as metrics name it.
pub(crate) const fn kind_of(home: &Home) -> &'static str {
    match home {
        Home::Cluster => "ClusterComplianceReport",
        Home::Namespace(_) => "ComplianceReport",
    }
}

/// The resources that reports of either kind are stored under.
pub(crate) fn resources() -> [ApiResource; 2] {
    [
        ApiResource::erase::<ClusterComplianceReport>(&()),
        ApiResource::erase::<ComplianceReport>(&()),
    ]
}

/// The place of the kind of a report in [`resources`].
pub(crate) const fn place_of(home: &Home) -> usize {
    match home {
        Home::Cluster => 0,
        Home::Namespace(_) => 1,
    }
}

/// Passes on the stored reports of one kind under the baseline of this name, page by page: all of them may be more
/// than fits in memory.
pub(crate) async fn read<F: Future<Output = ()>>(
    client: &Client,
    resource: &ApiResource,
    baseline: &str,
    found: impl Fn(Watched) -> F,
) -> kube::Result<()> {
    let api: Api<Watched> = Api::all_with(client.clone(), resource);
    let mut params = ListParams::default()
        .fields(&format!("metadata.name={baseline}"))
        .limit(PAGE);
    loop {
        let page = api.list(&params).await?;
        for object in page.items {
            found(object).await;
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}
