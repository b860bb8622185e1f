//! Writing reports: the only place that changes anything in the cluster, the lease aside.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use plumbline_api::baseline::ComplianceBaselineStatus;
use plumbline_api::history::Transition;
use plumbline_api::report::BaselineRef;
use plumbline_api::{
    API_VERSION, ClusterComplianceReport, ComplianceBaseline, ComplianceReport, ItemStatus, ReportStatus,
};
use plumbline_engine::{Fingerprint, Home, report};
use plumbline_inventory::ObjectId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::reports::{ReportId, baselines_of};
use crate::watch::{Watched, resource_of};

/// The name under which the operator's fields are known to the API server.
pub(crate) const FIELD_MANAGER: &str = "plumbline";

/// No write takes longer: the client's own retries would go on for minutes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A report as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Its uid.
    pub(crate) uid: String,
    /// Its resource version.
    pub(crate) resource_version: String,
    /// Its generation.
    pub(crate) generation: i64,
    /// The uids of the baselines that it belongs to.
    pub(crate) owners: Vec<String>,
    /// What its status says; `None` if it has none that can be read.
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl Stored {
    /// Whether it belongs to `baseline`, and goes with it.
    pub(crate) fn is_owned_by(&self, baseline: &BaselineRef) -> bool {
        self.owners.contains(&baseline.uid)
    }
}

/// What an Event tells.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// In one CamelCase word.
    pub(crate) reason: String,
    pub(crate) text: String,
    /// Whether somebody has to do something about it.
    pub(crate) warns: bool,
}

/// Why a write failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The API server did not answer in time.
    #[error("no answer within {TIMEOUT:?}")]
    Timeout,
    /// The API server refused, or could not be reached.
    #[error(transparent)]
    Api(#[from] kube::Error),
}

impl WriteError {
    /// A word for metrics.
    pub(crate) const fn result(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Api(kube::Error::Api(_)) => "refused",
            Self::Api(_) => "error",
        }
    }
}

/// Writes reports, and what goes with them.
#[derive(Clone)]
pub(crate) struct Writer {
    client: Client,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// A writer that uses `client`.
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Replaces the status of the report of `home`, which is created if `stored` says that there is none.
    pub(crate) async fn write(
        &self,
        home: &Home,
        baseline: &BaselineRef,
        stored: Option<Stored>,
        status: ReportStatus,
    ) -> Result<Stored, WriteError> {
        let name = &baseline.name;
        let write = async {
            match home {
                Home::Cluster => {
                    let api: Api<ClusterComplianceReport> = Api::all(self.client.clone());
                    put(&api, name, baseline, stored, status).await
                }
                Home::Namespace(namespace) => {
                    let api: Api<ComplianceReport> = Api::namespaced(self.client.clone(), namespace);
                    put(&api, name, baseline, stored, status).await
                }
            }
        };
        tokio::time::timeout(TIMEOUT, write)
            .await
            .map_err(|_| WriteError::Timeout)?
    }

    /// Says on a stored report that its inputs are being listed; creates the cluster's if there is none.
    pub(crate) async fn mark_syncing(
        &self,
        home: &Home,
        baseline: &BaselineRef,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let name = &baseline.name;
        let write = async {
            match home {
                Home::Cluster => {
                    let api: Api<ClusterComplianceReport> = Api::all(self.client.clone());
                    let stored = api.get_opt(name).await?;
                    let (stored, status) = match stored {
                        Some(report) => (
                            Some(stored_of(&report.metadata, None)),
                            report.status.unwrap_or_default(),
                        ),
                        None => (None, ReportStatus::default()),
                    };
                    put(&api, name, baseline, stored, syncing(status, now)).await?;
                }
                Home::Namespace(namespace) => {
                    let api: Api<ComplianceReport> = Api::namespaced(self.client.clone(), namespace);
                    if let Some(report) = api.get_opt(name).await? {
                        let stored = stored_of(&report.metadata, None);
                        let status = syncing(report.status.unwrap_or_default(), now);
                        put(&api, name, baseline, Some(stored), status).await?;
                    }
                }
            }
            Ok(())
        };
        tokio::time::timeout(TIMEOUT, write)
            .await
            .map_err(|_| WriteError::Timeout)?
    }

    /// Says on a report that there is no baseline of its name. It is not made if it is gone, and not written if
    /// it says so.
    pub(crate) async fn mark_orphaned(&self, report: &ReportId, now: Timestamp) -> Result<(), WriteError> {
        let name = &*report.baseline;
        let write = async {
            match &report.home {
                Home::Cluster => {
                    let api: Api<ClusterComplianceReport> = Api::all(self.client.clone());
                    orphan(&api, name, now).await
                }
                Home::Namespace(namespace) => {
                    let api: Api<ComplianceReport> = Api::namespaced(self.client.clone(), namespace);
                    orphan(&api, name, now).await
                }
            }
        };
        tokio::time::timeout(TIMEOUT, write)
            .await
            .map_err(|_| WriteError::Timeout)?
    }

    /// Creates the built-in baseline; `None` if somebody was quicker, and theirs counts.
    pub(crate) async fn create_baseline(&self, name: &str) -> Result<Option<Watched>, WriteError> {
        let baseline = ComplianceBaseline::new(name, plumbline_api::ComplianceBaselineSpec::default());
        let body = serde_json::to_vec(&baseline).map_err(kube::Error::SerdeError)?;
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let request = kube::api::Request::new(ComplianceBaseline::url_path(&(), None))
            .create(&params, body)
            .map_err(kube::Error::BuildRequest)?;
        let create = async {
            match self.client.request(request).await {
                Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
                other => other.map(Some),
            }
        };
        Ok(tokio::time::timeout(TIMEOUT, create)
            .await
            .map_err(|_| WriteError::Timeout)??)
    }

    /// Says on a baseline what is thought of it.
    pub(crate) async fn write_baseline(
        &self,
        name: &str,
        status: &ComplianceBaselineStatus,
    ) -> Result<(), WriteError> {
        let api: Api<ComplianceBaseline> = Api::all(self.client.clone());
        let patch = serde_json::json!({
            "apiVersion": API_VERSION,
            "kind": "ComplianceBaseline",
            "metadata": { "name": name },
            "status": status,
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let patch = async { api.patch_status(name, &params, &Patch::Apply(&patch)).await };
        tokio::time::timeout(TIMEOUT, patch)
            .await
            .map_err(|_| WriteError::Timeout)??;
        Ok(())
    }

    /// Tells of a transition in an Event on the report.
    pub(crate) async fn tell(
        &self,
        home: &Home,
        baseline: &str,
        uid: &str,
        transition: &Transition,
        message: &str,
        instance: &str,
    ) -> Result<(), WriteError> {
        let (kind, namespace) = match home {
            // Events on cluster-scoped objects live in `default`.
            Home::Cluster => ("ClusterComplianceReport", "default"),
            Home::Namespace(namespace) => ("ComplianceReport", &**namespace),
        };
        let note = Note {
            reason: format!("Item{}", transition.to),
            text: message.to_owned(),
            warns: matches!(transition.to, ItemStatus::Fail | ItemStatus::Unknown),
        };
        let regarding = ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some(kind.to_owned()),
            name: Some(baseline.to_owned()),
            namespace: home.namespace().map(ToString::to_string),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        self.create_event(namespace, regarding, &note, instance).await
    }

    /// Tells in an Event of what happened to a waiver.
    pub(crate) async fn tell_of_decision(
        &self,
        id: &ObjectId,
        note: &Note,
        instance: &str,
    ) -> Result<(), WriteError> {
        let regarding = ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some(id.kind.to_string()),
            name: Some(id.name.to_string()),
            namespace: id.namespace.as_ref().map(ToString::to_string),
            ..ObjectReference::default()
        };
        let namespace = id.namespace.as_deref().unwrap_or("default");
        self.create_event(namespace, regarding, note, instance).await
    }

    /// Replaces what we say about a waiver, an approval or an attestation.
    pub(crate) async fn write_decision(&self, id: &ObjectId, status: &Value) -> Result<(), WriteError> {
        let resource = resource_of(id.kind);
        let api: Api<DynamicObject> = match &id.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let patch = Patch::Merge(serde_json::json!({ "status": status }));
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let write = api.patch_status(&id.name, &params, &patch);
        tokio::time::timeout(TIMEOUT, write)
            .await
            .map_err(|_| WriteError::Timeout)??;
        Ok(())
    }

    async fn create_event(
        &self,
        namespace: &str,
        regarding: ObjectReference,
        note: &Note,
        instance: &str,
    ) -> Result<(), WriteError> {
        let name = regarding.name.clone().unwrap_or_default();
        // Kubernetes takes notes of at most 1 kB.
        let text = &note.text[..note.text.floor_char_boundary(1000)];
        let event = Event {
            metadata: ObjectMeta {
                generate_name: Some(format!("{name}-")),
                ..ObjectMeta::default()
            },
            action: Some("Evaluate".to_owned()),
            reason: Some(note.reason.clone()),
            note: Some(text.to_owned()),
            type_: Some(if note.warns { "Warning" } else { "Normal" }.to_owned()),
            event_time: Some(MicroTime(Timestamp::now())),
            reporting_controller: Some("compliance.plumbline.dev/operator".to_owned()),
            reporting_instance: Some(instance.to_owned()),
            regarding: Some(regarding),
            ..Event::default()
        };
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let params = PostParams::default();
        let create = api.create(&params, &event);
        tokio::time::timeout(TIMEOUT, create)
            .await
            .map_err(|_| WriteError::Timeout)??;
        Ok(())
    }
}

/// A report of either kind.
trait ReportKind: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug {
    /// What it says.
    fn into_status(self) -> ReportStatus;
}

impl ReportKind for ClusterComplianceReport {
    fn into_status(self) -> ReportStatus {
        self.status.unwrap_or_default()
    }
}

impl ReportKind for ComplianceReport {
    fn into_status(self) -> ReportStatus {
        self.status.unwrap_or_default()
    }
}

async fn put<K: ReportKind>(
    api: &Api<K>,
    name: &str,
    baseline: &BaselineRef,
    stored: Option<Stored>,
    mut status: ReportStatus,
) -> Result<Stored, WriteError> {
    let fingerprint = Fingerprint::of(&status);
    let mut stored = own(api, name, baseline, stored).await?;
    // Whoever else has written in between is no legitimate writer: what we know replaces theirs, once.
    let mut again = true;
    loop {
        status.observed_generation = Some(stored.generation);
        match replace_status(api, name, &stored, &status).await {
            Ok(report) => return Ok(stored_of(report.meta(), Some(fingerprint))),
            Err(kube::Error::Api(error)) if again && matches!(error.code, 404 | 409) => {
                again = false;
                let found = api.get_opt(name).await?;
                let found = found.map(|report| stored_of(report.meta(), None));
                stored = own(api, name, baseline, found).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sees to it that the report is there and belongs to its baseline.
async fn own<K: ReportKind>(
    api: &Api<K>,
    name: &str,
    baseline: &BaselineRef,
    stored: Option<Stored>,
) -> Result<Stored, WriteError> {
    match stored.filter(|stored| stored.is_owned_by(baseline)) {
        Some(stored) => Ok(stored),
        None => create(api, name, baseline).await,
    }
}

async fn orphan<K: ReportKind>(api: &Api<K>, name: &str, now: Timestamp) -> Result<(), WriteError> {
    let Some(report) = api.get_opt(name).await? else {
        return Ok(());
    };
    let stored = stored_of(report.meta(), None);
    let mut status = report.into_status();
    let conditions = report::orphaned(&status.conditions, name, now);
    if conditions == status.conditions {
        return Ok(());
    }
    status.conditions = conditions;
    match replace_status(api, name, &stored, &status).await {
        // The garbage collector was quicker.
        Err(kube::Error::Api(error)) if error.code == 404 => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

async fn create<K: ReportKind>(
    api: &Api<K>,
    name: &str,
    baseline: &BaselineRef,
) -> Result<Stored, WriteError> {
    let owner = OwnerReference {
        api_version: API_VERSION.to_owned(),
        kind: "ComplianceBaseline".to_owned(),
        name: baseline.name.clone(),
        uid: baseline.uid.clone(),
        ..OwnerReference::default()
    };
    let report = serde_json::json!({
        "apiVersion": API_VERSION,
        "kind": K::kind(&()),
        "metadata": { "name": name, "ownerReferences": [owner] },
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let report = api.patch(name, &params, &Patch::Apply(&report)).await?;
    Ok(stored_of(report.meta(), None))
}

async fn replace_status<K: ReportKind>(
    api: &Api<K>,
    name: &str,
    stored: &Stored,
    status: &ReportStatus,
) -> kube::Result<K> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        api_version: &'static str,
        kind: &'a str,
        metadata: Meta<'a>,
        status: &'a ReportStatus,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta<'a> {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<&'a str>,
        uid: &'a str,
        resource_version: &'a str,
    }
    let kind = K::kind(&());
    let metadata = Meta {
        name,
        namespace: api.namespace(),
        uid: &stored.uid,
        resource_version: &stored.resource_version,
    };
    let body = Body {
        api_version: API_VERSION,
        kind: &kind,
        metadata,
        status,
    };
    let body = serde_json::to_vec(&body).map_err(kube::Error::SerdeError)?;
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let request = kube::api::Request::new(api.resource_url())
        .replace_subresource("status", name, &params, body)
        .map_err(kube::Error::BuildRequest)?;
    api.clone().into_client().request(request).await
}

fn stored_of(meta: &ObjectMeta, fingerprint: Option<Fingerprint>) -> Stored {
    Stored {
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        generation: meta.generation.unwrap_or(1),
        owners: baselines_of(meta.owner_references.as_deref().unwrap_or_default()),
        fingerprint,
    }
}

fn syncing(mut status: ReportStatus, now: Timestamp) -> ReportStatus {
    status.conditions = report::syncing(&status.conditions, now);
    status
}
