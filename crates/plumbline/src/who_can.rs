//! `plumbline who-can`: who may do something, by the cluster's roles and bindings.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use plumbline_inventory::{InputState, Inventory, Kind};
use plumbline_rbac::{Holder, Rbac, Request, ResourceRequest, Subject, Via, WhoCan};
use serde::Serialize;

use crate::cluster::{Cluster, block_on};
use crate::terminal::{self, Terminal};
use crate::{TROUBLE, input, tables};

/// Show who may do something.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Subjects are listed as they are bound: groups are not expanded, and whoever is
in group system:masters may do everything and is not listed. Without -n only
those who may in every namespace count. Without NAME, those who may for objects
of certain names only are listed apart.

A resource without a group is the built-in one of this name (deployments is
deployments.apps); a path such as /metrics is asked as a non-resource URL.

Examples:
  plumbline who-can list secrets -n shop
  plumbline who-can create pods/exec
  plumbline who-can update deployments.apps/scale -n shop
  plumbline who-can get configmaps checkout -n shop -o json
  plumbline who-can delete pods -f rbac/
  plumbline who-can get /metrics")]
pub(crate) struct Arguments {
    /// What is to be done: get, list, create, impersonate, …
    verb: String,

    /// To what: RESOURCE[.GROUP][/SUBRESOURCE], or a path that begins with /.
    resource: String,

    /// To the object of this name.
    name: Option<String>,

    /// In this namespace; without it, in every one.
    #[arg(short, long)]
    namespace: Option<String>,

    /// Roles and bindings in manifests instead of a cluster's: a file, a folder, or -; may be repeated.
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-")]
    files: Vec<PathBuf>,

    /// The cluster of this kubeconfig context instead of the current one.
    #[arg(long, conflicts_with = "files")]
    context: Option<String>,

    /// How to print the answer.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// What answers depend on.
const RIGHTS: [Kind; 4] = [
    Kind::Role,
    Kind::RoleBinding,
    Kind::ClusterRole,
    Kind::ClusterRoleBinding,
];

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (inventory, errors) = read(arguments)?;
    let asked = Asked::parse(&arguments.resource)?;
    let request = asked.request(arguments);
    let answer = Rbac::of(&inventory).who_can(&request);
    match arguments.output {
        Output::Json => terminal::print(&format!(
            "{}\n",
            serde_json::to_string_pretty(&Answer::of(&answer))?
        ))?,
        Output::Table => terminal::print(&table(&answer, &asked.told(arguments), Terminal::stdout()))?,
    }
    for error in &errors {
        terminal::complain(error);
    }
    Ok(if errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(TROUBLE)
    })
}

/// The roles and bindings that are asked about, and what of them could not be read.
fn read(arguments: &Arguments) -> Result<(Inventory, Vec<String>)> {
    let namespace = arguments.namespace.as_deref();
    if !arguments.files.is_empty() {
        let manifests = input::read(&arguments.files, namespace.unwrap_or("default"), &RIGHTS.into());
        let errors = manifests.errors.iter().map(ToString::to_string).collect();
        return Ok((manifests.inventory, errors));
    }
    block_on(async {
        let cluster = Cluster::connect(arguments.context.as_deref()).await?;
        // Namespaces tell whether the one asked about exists.
        let kinds = RIGHTS.into_iter().chain(namespace.map(|_| Kind::Namespace));
        let survey = cluster.survey(kinds, namespace).await?;
        let unread: Vec<&str> = RIGHTS
            .into_iter()
            .filter(|kind| survey.inventory.coverage(*kind).state != InputState::Synced)
            .map(Kind::plural)
            .collect();
        if !unread.is_empty() {
            bail!(
                "cluster {} does not let you list {}: an answer would leave somebody out",
                cluster.name,
                unread.join(", ")
            );
        }
        Ok((survey.inventory, survey.errors))
    })
}

/// What is asked about.
enum Asked {
    Path(String),
    Resource {
        group: String,
        resource: String,
        subresource: String,
    },
}

impl Asked {
    fn parse(text: &str) -> Result<Self> {
        if text.starts_with('/') {
            return Ok(Self::Path(text.to_owned()));
        }
        let (resource, subresource) = text.split_once('/').unwrap_or((text, ""));
        let (resource, group) = match resource.split_once('.') {
            Some((resource, group)) => (resource, group),
            None => (resource, built_in_group(resource)),
        };
        if resource.is_empty() {
            bail!("{text:?} names no resource: RESOURCE[.GROUP][/SUBRESOURCE], or a path such as /metrics");
        }
        Ok(Self::Resource {
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
        })
    }

    fn request<'a>(&'a self, arguments: &'a Arguments) -> Request<'a> {
        match self {
            Self::Path(path) => Request::NonResource {
                verb: &arguments.verb,
                path,
            },
            Self::Resource {
                group,
                resource,
                subresource,
            } => ResourceRequest::new(&arguments.verb, group, resource)
                .subresource(subresource)
                .name(arguments.name.as_deref().unwrap_or_default())
                .namespace(arguments.namespace.as_deref().unwrap_or_default())
                .into(),
        }
    }

    /// The question, in words.
    fn told(&self, arguments: &Arguments) -> String {
        let what = match self {
            Self::Path(path) => return format!("{} {path}", arguments.verb),
            Self::Resource {
                group,
                resource,
                subresource,
            } => {
                let group = if group.is_empty() {
                    String::new()
                } else {
                    format!(".{group}")
                };
                let part = if subresource.is_empty() {
                    String::new()
                } else {
                    format!("/{subresource}")
                };
                format!("{resource}{group}{part}")
            }
        };
        let name = arguments
            .name
            .as_ref()
            .map_or_else(String::new, |name| format!(" {name}"));
        let place = match &arguments.namespace {
            Some(namespace) => format!("in namespace {namespace}"),
            None => "in every namespace".to_owned(),
        };
        format!("{} {what}{name} {place}", arguments.verb)
    }
}

/// The group of a resource that people write without one.
fn built_in_group(resource: &str) -> &'static str {
    const OTHERS: [(&str, &str); 8] = [
        ("certificatesigningrequests", "certificates.k8s.io"),
        ("customresourcedefinitions", "apiextensions.k8s.io"),
        ("apiservices", "apiregistration.k8s.io"),
        ("mutatingwebhookconfigurations", "admissionregistration.k8s.io"),
        ("validatingwebhookconfigurations", "admissionregistration.k8s.io"),
        ("validatingadmissionpolicies", "admissionregistration.k8s.io"),
        ("endpointslices", "discovery.k8s.io"),
        ("leases", "coordination.k8s.io"),
    ];
    let watched = Kind::ALL.into_iter().map(|kind| (kind.plural(), kind.group()));
    watched
        .chain(OTHERS)
        .find_map(|(plural, group)| (plural == resource).then_some(group))
        .unwrap_or_default()
}

/// The answer as JSON has it.
#[derive(Serialize)]
struct Answer<'a> {
    subjects: Vec<Row<'a>>,
    limited: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    name: &'a str,
    via: Vec<Way<'a>>,
}

#[derive(Serialize)]
struct Way<'a> {
    binding: String,
    role: String,
    #[serde(rename = "resourceNames", skip_serializing_if = "Vec::is_empty")]
    names: Vec<&'a str>,
}

impl<'a> Answer<'a> {
    fn of(answer: &'a WhoCan) -> Self {
        let rows = |holders: &'a [Holder]| holders.iter().map(Row::of).collect();
        Self {
            subjects: rows(&answer.subjects),
            limited: rows(&answer.limited),
        }
    }
}

impl<'a> Row<'a> {
    fn of(holder: &'a Holder) -> Self {
        let (kind, namespace, name) = parts(&holder.subject);
        Self {
            kind,
            namespace,
            name,
            via: holder.via.iter().map(Way::of).collect(),
        }
    }
}

impl<'a> Way<'a> {
    fn of(via: &'a Via) -> Self {
        Self {
            binding: path(&via.binding),
            role: role(&via.role),
            names: via.names.iter().map(|name| &**name).collect(),
        }
    }
}

fn parts(subject: &Subject) -> (&'static str, Option<&str>, &str) {
    match subject {
        Subject::User(name) => ("User", None, name),
        Subject::Group(name) => ("Group", None, name),
        Subject::ServiceAccount { namespace, name } => ("ServiceAccount", Some(namespace), name),
    }
}

/// `ClusterRoleBinding/NAME`, `RoleBinding/NAMESPACE/NAME`.
fn path(id: &plumbline_inventory::ObjectId) -> String {
    match &id.namespace {
        Some(namespace) => format!("{}/{namespace}/{}", id.kind, id.name),
        None => format!("{}/{}", id.kind, id.name),
    }
}

/// `ClusterRole/NAME`, `Role/NAME`: a role is in the namespace of its binding.
fn role(id: &plumbline_inventory::ObjectId) -> String {
    format!("{}/{}", id.kind, id.name)
}

fn table(answer: &WhoCan, question: &str, terminal: Terminal) -> String {
    let mut text = if answer.subjects.is_empty() {
        format!("Nobody may {question}, but group system:masters.\n")
    } else {
        format!("May {question}:\n\n{}\n", rows(&answer.subjects, terminal))
    };
    if !answer.limited.is_empty() {
        let limited = rows(&answer.limited, terminal);
        let _ = write!(text, "\nFor objects of certain names only:\n\n{limited}\n");
    }
    text
}

fn rows(holders: &[Holder], terminal: Terminal) -> String {
    let mut table = tables::plain(terminal);
    table.set_header(["SUBJECT", "BINDING", "ROLE"]);
    for Holder { subject, via } in holders {
        for (at, way) in via.iter().enumerate() {
            let subject = if at == 0 {
                subject.to_string()
            } else {
                String::new()
            };
            let names: Vec<&str> = way.names.iter().map(|name| &**name).collect();
            let mut role = role(&way.role);
            if !names.is_empty() {
                let _ = write!(role, " ({})", names.join(", "));
            }
            table.add_row([subject, path(&way.binding), role]);
        }
    }
    tables::render(&mut table, &[])
}
