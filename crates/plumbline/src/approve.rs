//! `plumbline approve`: the security team's word on what somebody asks for.

// Comments on arguments are what --help prints: plain text, without Markdown.
#![allow(clippy::doc_markdown)]

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use kube::Api;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject};
use plumbline_api::baseline::DEFAULT_BASELINE;
use plumbline_api::selector::Operator;
use plumbline_api::waiver::{WaiverSpec, WaiverStatus};
use plumbline_api::{
    API_VERSION, ClusterComplianceApproval, ClusterComplianceWaiver, ComplianceApproval, ComplianceWaiver,
    LabelSelector, ReportStatus,
};
use plumbline_inventory::digest::{sha256, spec_digest};
use serde_json::{Value, json};

use crate::caller::{said, user_name};
use crate::cluster::{Cluster, block_on};
use crate::decision::{Created, Output, create};
use crate::report;
use crate::terminal::{self, Terminal, harmless, wrap};

/// Approve what somebody asks for.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Waiver(Waiver),
}

/// Approve a waiver as it reads now.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Shows what the waiver asks for and creates the approval: a ComplianceApproval
beside a ComplianceWaiver with -n, a ClusterComplianceApproval for a
ClusterComplianceWaiver without. It is bound to the waiver's uid and to the
digest of its spec: any edit of the waiver, a later expiry too, makes it void.

The approval is in your own user name; the API server takes no other. You need
the right to create approvals. Nobody approves what they requested themselves.

Exit codes:
  0  the approval is there (or, with --dry-run and -o, could be made)
  2  there is no such waiver, it cannot be approved by you, or not at all

Examples:
  plumbline approve waiver legacy-agent -n payments
  plumbline approve waiver legacy-agent -n payments --yes
  plumbline approve waiver build-nodes -o yaml > approval.yaml")]
struct Waiver {
    /// Name of the waiver.
    name: String,

    /// Its namespace; without it, a ClusterComplianceWaiver is meant.
    #[arg(short, long)]
    namespace: Option<String>,

    /// Approve as this user, by the right to impersonate.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,

    /// The cluster of this kubeconfig context instead of the current one.
    #[arg(long)]
    context: Option<String>,

    /// Do not ask for confirmation.
    #[arg(short, long)]
    yes: bool,

    /// Let the API server check the approval without creating it.
    #[arg(long, conflicts_with = "output")]
    dry_run: bool,

    /// Print the approval instead of creating it; the user it names has to apply it.
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

/// A waiver that was read, and who reads it.
struct Request {
    kind: &'static str,
    namespace: Option<String>,
    name: String,
    uid: String,
    /// As the API server returned it: the digest is over this.
    raw: Value,
    spec: WaiverSpec,
    status: Option<WaiverStatus>,
    approver: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let What::Waiver(waiver) = &arguments.what;
    block_on(approve(waiver))
}

async fn approve(arguments: &Waiver) -> Result<ExitCode> {
    let cluster = Cluster::connect_as(arguments.context.as_deref(), arguments.user.as_deref()).await?;
    let request = Request::read(&cluster, arguments).await?;
    let now = Timestamp::now();
    let reports = report::fetch(&cluster, arguments.namespace.as_deref()).await;
    let reports = reports.unwrap_or_default();
    let report = reports.iter().find(|(name, _)| name == DEFAULT_BASELINE);
    let told = request.told(report.map(|(_, status)| status), now, Terminal::stdout());
    if arguments.output.is_some() {
        terminal::complain(told.trim_end());
    } else {
        terminal::print(&told)?;
    }
    request.check(now)?;
    let approval = request.approval();
    if let Some(output) = arguments.output {
        output.print(&approval)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.yes && !arguments.dry_run {
        match terminal::confirm(&format!("\nApprove as {}?", request.approver))? {
            Some(true) => {}
            Some(false) => bail!("not approved"),
            None => {
                bail!("not approved: there is no terminal to ask for confirmation; --yes approves without")
            }
        }
    }
    let name = request.approval_name();
    let api = request.approvals(&cluster);
    match create(&api, approval, arguments.dry_run).await? {
        Created::New if arguments.dry_run => {
            terminal::print(&format!("\n{} would be created.\n", request.approval_path()))?;
        }
        Created::New => terminal::print(&format!("\n{} created.\n", request.approval_path()))?,
        Created::Before(before) if is_void(&before) => bail!(
            "{0} is there and is not honoured: it was made while the admission policy that proves who approves was \
             not in force. Delete it and approve again: kubectl delete {1} {name}{2}",
            request.approval_path(),
            api_resource(request.namespace.as_deref()).plural,
            request
                .namespace
                .as_ref()
                .map_or_else(String::new, |namespace| format!(" -n {namespace}"))
        ),
        Created::Before(_) => {
            terminal::print(&format!("\n{} approves it already.\n", request.approval_path()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the operator has said that an approval counts for nothing, and will not in future.
fn is_void(approval: &DynamicObject) -> bool {
    let conditions = approval.data["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Honoured" && condition["reason"] == "Unguarded")
}

/// The kind of approval that goes with a waiver of a namespace or of the cluster.
fn api_resource(namespace: Option<&str>) -> ApiResource {
    match namespace {
        Some(_) => ApiResource::erase::<ComplianceApproval>(&()),
        None => ApiResource::erase::<ClusterComplianceApproval>(&()),
    }
}

impl Request {
    async fn read(cluster: &Cluster, arguments: &Waiver) -> Result<Self> {
        let (name, namespace) = (&arguments.name, arguments.namespace.as_deref());
        let (kind, api) = if let Some(namespace) = namespace {
            let resource = ApiResource::erase::<ComplianceWaiver>(&());
            let api = Api::<DynamicObject>::namespaced_with(cluster.client(), namespace, &resource);
            ("ComplianceWaiver", api)
        } else {
            let resource = ApiResource::erase::<ClusterComplianceWaiver>(&());
            (
                "ClusterComplianceWaiver",
                Api::all_with(cluster.client(), &resource),
            )
        };
        let object = match api.get(name).await {
            Ok(object) => object,
            Err(kube::Error::Api(status)) if status.code == 404 && status.reason == "NotFound" => {
                let place =
                    namespace.map_or_else(String::new, |namespace| format!(" in namespace {namespace}"));
                let hint = elsewhere(cluster, name, namespace).await;
                bail!(
                    "there is no {kind} {name}{place} in cluster {}{hint}",
                    cluster.name
                )
            }
            Err(error) => bail!("{kind} {name} cannot be read: {}", said(&error)),
        };
        let raw = object.data["spec"].clone();
        let path = path(kind, namespace, name);
        let spec = serde_json::from_value(raw.clone()).with_context(|| format!("{path} cannot be read"))?;
        if object.metadata.deletion_timestamp.is_some() {
            bail!("{path} is being deleted");
        }
        Ok(Self {
            kind,
            namespace: namespace.map(str::to_owned),
            name: name.clone(),
            uid: object.metadata.uid.unwrap_or_default(),
            spec,
            raw,
            status: serde_json::from_value::<WaiverStatus>(object.data["status"].clone())
                .ok()
                .filter(|status| status.observed_generation == object.metadata.generation),
            approver: user_name(cluster).await?,
        })
    }

    /// Whether an approval by this user would count.
    fn check(&self, now: Timestamp) -> Result<()> {
        let path = path(self.kind, self.namespace.as_deref(), &self.name);
        if self.spec.expires.0 <= now {
            bail!("{path} has expired: {}", self.spec.expires.0);
        }
        if self.spec.requested_by == self.approver {
            bail!(
                "{path} was requested by {}, which is you: somebody else has to approve it",
                self.approver
            );
        }
        Ok(())
    }

    fn digest(&self) -> String {
        spec_digest(&self.raw)
    }

    /// The same for the same waiver, content and approver: whoever approves twice does so once.
    fn approval_name(&self) -> String {
        let identity = sha256(format!("{} {} {}", self.uid, self.digest(), self.approver).as_bytes());
        let name: String = self.name.chars().take(244).collect();
        format!("{}-{}", name.trim_end_matches(['.', '-']), &identity[..8])
    }

    /// What goes into the cluster. It has no labels and no owner: tools that prune what belongs to a waiver's
    /// repository do not take it for theirs.
    fn approval(&self) -> Value {
        let mut metadata = json!({ "name": self.approval_name() });
        if let Some(namespace) = &self.namespace {
            metadata["namespace"] = json!(namespace);
        }
        json!({
            "apiVersion": API_VERSION,
            "kind": api_resource(self.namespace.as_deref()).kind,
            "metadata": metadata,
            "spec": {
                "waiver": { "name": self.name, "uid": self.uid },
                "specDigest": self.digest(),
                "approvedBy": self.approver,
            },
        })
    }

    fn approvals(&self, cluster: &Cluster) -> Api<DynamicObject> {
        let resource = api_resource(self.namespace.as_deref());
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(cluster.client(), namespace, &resource),
            None => Api::all_with(cluster.client(), &resource),
        }
    }

    fn approval_path(&self) -> String {
        let kind = api_resource(self.namespace.as_deref()).kind;
        path(&kind, self.namespace.as_deref(), &self.approval_name())
    }

    /// What is approved, in words.
    fn told(&self, report: Option<&ReportStatus>, now: Timestamp, terminal: Terminal) -> String {
        let path = path(self.kind, self.namespace.as_deref(), &self.name);
        let mut text = format!("{path} asks to accept deviations from\n\n");
        for id in &self.spec.items {
            let line = item_line(id, report);
            for (at, line) in wrap(&line, terminal.width - 10).iter().enumerate() {
                let id = if at == 0 { harmless(id) } else { String::new() };
                let _ = writeln!(text, "  {id:6}  {line}");
            }
        }
        text.push('\n');
        for (name, value) in self.facts(now) {
            for (at, line) in wrap(&harmless(&value), terminal.width - 16).iter().enumerate() {
                let name = if at == 0 { name } else { "" };
                let _ = writeln!(text, "  {name:12}  {line}");
            }
        }
        text
    }

    fn facts(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let mut facts = vec![("Objects", objects(&self.spec, self.namespace.as_deref()))];
        if let Some(status) = &self.status {
            let covered = match status.covered {
                1 => "1 object with findings, as the operator counts".to_owned(),
                covered => format!("{covered} objects with findings, as the operator counts"),
            };
            facts.push(("Covers", covered));
        }
        facts.push(("Reason", self.spec.reason.clone()));
        facts.extend(self.spec.ticket.clone().map(|ticket| ("Ticket", ticket)));
        facts.push(("Requested by", self.spec.requested_by.clone()));
        let expires = self.spec.expires.0;
        let days = expires.duration_since(now).as_secs() / 86_400;
        let when = if expires <= now {
            "has expired".to_owned()
        } else {
            format!("in {days} {}", if days == 1 { "day" } else { "days" })
        };
        facts.push(("Expires", format!("{expires}, {when}")));
        facts.push(("Digest", self.digest()));
        facts.push(("Approver", self.approver.clone()));
        facts
    }
}

/// Where else there is a waiver of this name, as a hint.
async fn elsewhere(cluster: &Cluster, name: &str, namespace: Option<&str>) -> String {
    let named = ListParams::default().fields(&format!("metadata.name={name}"));
    let resource = ApiResource::erase::<ComplianceWaiver>(&());
    let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
    let found = api
        .list_metadata(&named)
        .await
        .map(|list| list.items)
        .unwrap_or_default();
    let places: Vec<String> = found
        .into_iter()
        .filter_map(|waiver| waiver.metadata.namespace)
        .collect();
    match (places.as_slice(), namespace) {
        ([], None) => "; one of a namespace is named with -n NAMESPACE".to_owned(),
        ([], Some(_)) => "; a ClusterComplianceWaiver is named without -n".to_owned(),
        (places, _) => format!(
            "; there is a ComplianceWaiver {name} with -n {}",
            places.join(" or -n ")
        ),
    }
}

/// An item and how it stands at present, if a report says so.
fn item_line(id: &str, report: Option<&ReportStatus>) -> String {
    let Some(item) = plumbline_baseline::find(id).filter(|item| item.id == id) else {
        return "there is no such item: nothing is accepted by this".to_owned();
    };
    let line = format!("{} ({}, {})", item.title, item.level, item.severity);
    let result = report.and_then(|report| report.items.iter().find(|result| result.id == id));
    match result {
        Some(result) if !result.message.is_empty() => {
            format!("{line}; now {}: {}", result.status, harmless(&result.message))
        }
        Some(result) => format!("{line}; now {}", result.status),
        None => line,
    }
}

/// The scope of a waiver, in words.
fn objects(spec: &WaiverSpec, namespace: Option<&str>) -> String {
    let scope = &spec.scope;
    let place = match (namespace, scope.namespaces.as_slice(), &scope.namespace_selector) {
        (Some(namespace), _, _) => format!("namespace {namespace}"),
        (None, [], Some(selector)) => format!("namespaces with {}", selector_words(selector)),
        (None, [], None) => "the whole cluster".to_owned(),
        (None, [only], _) => format!("namespace {only}"),
        (None, several, _) => format!("namespaces {}", several.join(", ")),
    };
    let mut parts = Vec::new();
    let workloads: Vec<String> = scope
        .workloads
        .iter()
        .map(|workload| format!("{} {}", workload.kind, workload.name))
        .collect();
    let labels = scope.label_selector.as_ref().map(selector_words);
    match (workloads.as_slice(), labels) {
        ([], None) => {}
        ([], Some(labels)) => parts.push(format!("workloads of pods with {labels}")),
        (workloads, None) => parts.push(workloads.join(", ")),
        (workloads, Some(labels)) => {
            parts.push(format!("{}, if their pods have {labels}", workloads.join(", ")));
        }
    }
    if !scope.subjects.is_empty() {
        parts.push(format!("rights of {}", scope.subjects.join(", ")));
    }
    if !scope.images.is_empty() {
        parts.push(format!("images {}", scope.images.join(", ")));
    }
    if parts.is_empty() {
        return format!("every object of {place}");
    }
    format!("{}; in {place}", parts.join("; "))
}

/// A selector as kubectl writes it.
fn selector_words(selector: &LabelSelector) -> String {
    let labels = selector
        .match_labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().map(|requirement| {
        let values = requirement.values.join(", ");
        match requirement.operator {
            Operator::Exists => requirement.key.clone(),
            Operator::DoesNotExist => format!("no {}", requirement.key),
            Operator::In => format!("{} in ({values})", requirement.key),
            Operator::NotIn => format!("{} not in ({values})", requirement.key),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(" and ")
}

/// `ComplianceWaiver payments/legacy`.
fn path(kind: &str, namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
