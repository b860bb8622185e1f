//! What the operator reads and writes: its custom resources, its rights, its reports.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams},
};
use plumbline_api::{
    ClusterComplianceReport, ComplianceBaseline, ComplianceReport, ItemResult, ReportStatus,
    conditions::{self, ConditionType},
};
use plumbline_inventory::Kind;
use serde_json::{Value, json};

use crate::{access::KUBECTL_CACHE, controlplane::ControlPlane, operator::NAMESPACE, wait::eventually};

/// Ample: what is awaited takes a second, but the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

impl ControlPlane {
    /// Installs the custom resources and makes the operator's namespace.
    pub async fn install_crds(&self) -> anyhow::Result<()> {
        self.apply(
            &json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE },
            })
            .to_string(),
        )
        .await?;
        let definitions: Api<CustomResourceDefinition> = Api::all(self.admin_client());
        let params = PatchParams::apply("plumbline-tests").force();
        for definition in plumbline_api::crds() {
            let name = definition.metadata.name.clone().context("a CRD has a name")?;
            definitions
                .patch(&name, &params, &Patch::Apply(&definition))
                .await?;
        }
        for definition in plumbline_api::crds() {
            let name = definition.metadata.name.context("a CRD has a name")?;
            eventually(&format!("{name} is established"), PATIENCE, || async {
                let status = definitions.get(&name).await?.status;
                let conditions = status.and_then(|status| status.conditions).unwrap_or_default();
                let established = conditions
                    .iter()
                    .any(|condition| condition.type_ == "Established" && condition.status == "True");
                Ok(established.then_some(()))
            })
            .await?;
        }
        // kubectl looks for categories in what it remembers of the server, and nowhere else.
        let remembered = self.work.file(KUBECTL_CACHE);
        if remembered.exists() {
            std::fs::remove_dir_all(remembered)?;
        }
        Ok(())
    }

    /// Gives the operator a `ServiceAccount` of its own that may read `kinds` and do what else an operator does.
    /// Given again, it takes away what is no longer among `kinds`.
    pub async fn operator_account(&self, kinds: impl IntoIterator<Item = Kind>) -> anyhow::Result<PathBuf> {
        let mut rules: Vec<Value> = kinds
            .into_iter()
            .map(|kind| rule(kind.group(), &[kind.plural()], &["get", "list", "watch"]))
            .collect();
        let ours = [
            "compliancebaselines",
            "clustercompliancereports",
            "compliancereports",
        ];
        let statuses = ours.map(|plural| format!("{plural}/status"));
        // As the shipped role has it: no baseline is ever changed.
        let [baselines, reports @ ..] = ours;
        rules.push(rule(
            plumbline_api::GROUP,
            &[baselines],
            &["list", "watch", "create"],
        ));
        rules.push(rule(
            plumbline_api::GROUP,
            &reports,
            &["get", "list", "watch", "create", "patch"],
        ));
        rules.push(rule(
            plumbline_api::GROUP,
            &statuses.each_ref().map(String::as_str),
            &["update", "patch"],
        ));
        rules.push(rule("events.k8s.io", &["events"], &["create"]));
        rules.push(rule(
            "coordination.k8s.io",
            &["leases"],
            &["get", "create", "update"],
        ));
        let name = json!({ "name": "plumbline" });
        self.apply(
            &json!({ "apiVersion": "v1", "kind": "List", "items": [
                {
                    "apiVersion": "v1", "kind": "ServiceAccount",
                    "metadata": { "name": "plumbline", "namespace": NAMESPACE },
                },
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                    "metadata": name, "rules": rules,
                },
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": name,
                    "roleRef": {
                        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "plumbline",
                    },
                    "subjects": [{ "kind": "ServiceAccount", "name": "plumbline", "namespace": NAMESPACE }],
                },
            ]})
            .to_string(),
        )
        .await?;
        self.service_account_kubeconfig(NAMESPACE, "plumbline").await
    }

    /// The reports under the baseline `default`.
    pub fn reports(&self) -> Reports {
        self.reports_under("default")
    }

    /// The reports under another baseline.
    pub fn reports_under(&self, baseline: &str) -> Reports {
        Reports {
            client: self.admin_client(),
            baseline: baseline.to_owned(),
        }
    }
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": resources, "verbs": verbs })
}

/// The reports in a cluster under one baseline.
#[derive(Clone)]
pub struct Reports {
    client: Client,
    /// Its name, and theirs.
    baseline: String,
}

impl Reports {
    /// Baselines, the one that they go by among them.
    pub fn baselines(&self) -> Api<ComplianceBaseline> {
        Api::all(self.client.clone())
    }

    /// Reports on the cluster.
    pub fn of_cluster(&self) -> Api<ClusterComplianceReport> {
        Api::all(self.client.clone())
    }

    /// Reports on a namespace.
    pub fn of_namespace(&self, namespace: &str) -> Api<ComplianceReport> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// What the report on the cluster says; on a namespace, if there is one given.
    ///
    /// # Errors
    /// There is no report, or it says nothing.
    pub async fn get(&self, namespace: Option<&str>) -> anyhow::Result<ReportStatus> {
        let status = match namespace {
            None => self.of_cluster().get(&self.baseline).await?.status,
            Some(namespace) => self.of_namespace(namespace).get(&self.baseline).await?.status,
        };
        status.context("the report has no status")
    }

    /// Waits until a report is as `wanted`, and gives what it says.
    ///
    /// # Errors
    /// It is not within a minute; the error says what it was instead.
    pub async fn until(
        &self,
        namespace: Option<&str>,
        what: &str,
        wanted: impl Fn(&ReportStatus) -> bool,
    ) -> anyhow::Result<ReportStatus> {
        eventually(what, PATIENCE, || async {
            let status = self.get(namespace).await?;
            ensure!(
                wanted(&status),
                "the report says {}",
                serde_json::to_string(&status)?
            );
            Ok(Some(status))
        })
        .await
    }

    /// Waits until the report on the cluster is complete.
    ///
    /// # Errors
    /// It is not within a minute.
    pub async fn until_complete(&self) -> anyhow::Result<ReportStatus> {
        self.until(None, "the report on the cluster is complete", |status| {
            !status.items.is_empty() && is_true(status, ConditionType::Ready)
        })
        .await
    }

    /// The resource version of every report, by namespace; the cluster's is under the empty name.
    pub async fn versions(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let of_cluster = self.of_cluster().list(&ListParams::default()).await?;
        let all: Api<ComplianceReport> = Api::all(self.client.clone());
        let of_namespaces = all.list(&ListParams::default()).await?;
        let metas = of_cluster.items.into_iter().map(|report| report.metadata);
        let metas = metas.chain(of_namespaces.items.into_iter().map(|report| report.metadata));
        let metas = metas.filter(|meta| meta.name.as_ref() == Some(&self.baseline));
        let version = |meta: kube::api::ObjectMeta| {
            (
                meta.namespace.unwrap_or_default(),
                meta.resource_version.unwrap_or_default(),
            )
        };
        Ok(metas.map(version).collect())
    }
}

/// What a report says of an item.
///
/// # Panics
/// It says nothing.
pub fn item<'a>(status: &'a ReportStatus, id: &str) -> &'a ItemResult {
    let item = status.items.iter().find(|item| item.id == id);
    item.unwrap_or_else(|| panic!("the report says nothing of {id}"))
}

/// Status and reason of a condition; both empty if the report does not have it.
pub fn condition(status: &ReportStatus, type_: ConditionType) -> (&str, &str) {
    conditions::find(&status.conditions, type_)
        .map(|Condition { status, reason, .. }| (status.as_str(), reason.as_str()))
        .unwrap_or_default()
}

fn is_true(status: &ReportStatus, type_: ConditionType) -> bool {
    condition(status, type_).0 == "True"
}
