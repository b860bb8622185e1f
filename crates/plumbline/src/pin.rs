//! `plumbline pin`: makes the present state the reference for drift.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};
use plumbline_api::ComplianceBaseline;
use plumbline_api::baseline::DEFAULT_BASELINE;
use serde_json::{Value, json};

use crate::caller::{said, user_name};
use crate::cluster::{Cluster, block_on};
use crate::decision::FIELD_MANAGER;
use crate::terminal;

/// Make the present state the reference that drift is measured against.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Sets spec.pin of a ComplianceBaseline; the operator then stores the present
state of every report under that baseline as its reference, and plumbline drift
shows what has changed since. You need the right to patch baselines.

With --clear the pin is taken out: the reference is then the first complete
evaluation of the baseline as it is from then on.

Where the baseline is kept in Git, put spec.pin there, or have your GitOps tool
leave it alone.

Examples:
  plumbline pin
  plumbline pin --baseline production
  plumbline pin --clear")]
pub(crate) struct Arguments {
    /// The baseline whose reports are meant.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_BASELINE)]
    baseline: String,

    /// Take the pin out.
    #[arg(long)]
    clear: bool,

    /// Pin as this user, by the right to impersonate.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,

    /// The cluster of this kubeconfig context instead of the current one.
    #[arg(long)]
    context: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let text = block_on(pin(arguments))?;
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn pin(arguments: &Arguments) -> Result<String> {
    let cluster = Cluster::connect_as(arguments.context.as_deref(), arguments.user.as_deref()).await?;
    let name = &arguments.baseline;
    let (pin, text) = if arguments.clear {
        (
            Value::Null,
            format!("The pin of ComplianceBaseline {name} is taken out.\n"),
        )
    } else {
        let by = user_name(&cluster).await?;
        // Times of the API are in seconds.
        let now = Timestamp::from_second(Timestamp::now().as_second())?;
        let text = format!("ComplianceBaseline {name} is pinned as of {now}, by {by}.\n");
        (json!({ "time": now, "by": by }), text)
    };
    let api: Api<ComplianceBaseline> = Api::all(cluster.client());
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..Default::default()
    };
    let patch = Patch::Merge(json!({ "spec": { "pin": pin } }));
    match api.patch(name, &parameters, &patch).await {
        Ok(_) => Ok(text),
        Err(kube::Error::Api(status)) if status.code == 404 && status.reason == "NotFound" => bail!(
            "there is no ComplianceBaseline {name} in cluster {}",
            cluster.name
        ),
        Err(error) => bail!("ComplianceBaseline {name} cannot be pinned: {}", said(&error)),
    }
}
