//! `plumbline attest`: a statement, or a tool's result, for items that the API cannot decide.

// Comments on arguments are what --help prints: plain text, without Markdown.
#![allow(clippy::doc_markdown)]

mod counts;
mod junit;
mod result;
mod sarif;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kube::Api;
use kube::core::{ApiResource, DynamicObject};
use plumbline_api::{API_VERSION, ComplianceAttestation};
use plumbline_baseline::{Class, Item};
use plumbline_inventory::digest::sha256;
use serde_json::{Value, json};

use crate::caller::user_name;
use crate::cluster::{Cluster, block_on};
use crate::decision::{Created, Output, create};
use crate::{items, terminal};
use result::{Given, ToolResult};

/// Attest items that the API cannot decide, by a statement or by the result of a tool.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Makes a ComplianceAttestation in your own user name; the API server takes no
other. You need the right to create attestations. Of each file it keeps the
tool, its version, when it ran, how many checks passed and failed, and the
SHA-256 of the file; the file itself you keep.

Files:
  SARIF 2.1     results of kind fail and of kind pass count, suppressed ones and
                those that are absent since a baseline do not
  JUnit XML     test cases with a failure or an error count as failed, skipped
                ones do not count
  JSON          {\"tool\": …, \"version\": …, \"time\": …, \"passed\": 12, \"failed\": 0},
                of which the two counts are needed
A file that does not say when the tool ran is taken to be as old as it is.

Items of class A are decided by the API alone and cannot be attested; those of
class B can while their evidence is missing. plumbline explain ITEM tells the
class.

Exit codes:
  0  the attestation is there (or, with --dry-run and -o, could be made)
  2  it cannot be made: unknown items, unreadable files, no right, …

Examples:
  plumbline attest AU-03a --from kube-bench.sarif --valid-until 90d
  plumbline attest AZ-01 --statement 'Roles are reviewed every quarter.'
  plumbline attest AU-03a --from junit.xml --tool kube-bench --as ci -o yaml")]
pub(crate) struct Arguments {
    /// Items, by id or slug.
    #[arg(value_name = "ITEM", required = true)]
    items: Vec<String>,

    /// What a tool has found: a file of SARIF, JUnit XML or plain JSON, or - for standard input; may be repeated.
    #[arg(long, value_name = "FILE", required_unless_present = "statement")]
    from: Vec<PathBuf>,

    /// What you state, in words that an auditor can hold you to.
    #[arg(long, value_name = "TEXT")]
    statement: Option<String>,

    /// When it ceases to count: a date, a time, or a number of days such as 90d.
    #[arg(long, value_name = "WHEN", default_value = "90d")]
    valid_until: String,

    /// Only for these namespaces.
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    namespaces: Vec<String>,

    /// Only for these nodes.
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    nodes: Vec<String>,

    /// Only for these images.
    #[arg(long, value_name = "IMAGE", value_delimiter = ',')]
    images: Vec<String>,

    /// Name of the tool, where the file does not say it or says it otherwise.
    #[arg(long, requires = "from")]
    tool: Option<String>,

    /// Its version, likewise.
    #[arg(long, value_name = "VERSION", requires = "from")]
    tool_version: Option<String>,

    /// Where the full result is kept.
    #[arg(long, requires = "from")]
    uri: Option<String>,

    /// Name of the attestation; by default one made of the first item and of what is attested.
    #[arg(long)]
    name: Option<String>,

    /// Attest as this user, by the right to impersonate; with -o, no cluster is asked who you are.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,

    /// The cluster of this kubeconfig context instead of the current one.
    #[arg(long)]
    context: Option<String>,

    /// Let the API server check the attestation without creating it.
    #[arg(long, conflicts_with = "output")]
    dry_run: bool,

    /// Print the attestation instead of creating it; the user it names has to apply it.
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let now = Timestamp::now();
    let items = attestable(&arguments.items)?;
    let valid_until = valid_until(&arguments.valid_until, now)?;
    let results = results(arguments, now)?;
    for result in &results {
        terminal::complain(&result.told());
    }
    if let (Some(output), Some(user)) = (arguments.output, &arguments.user) {
        output.print(&attestation(arguments, &items, &results, valid_until, user))?;
        return Ok(ExitCode::SUCCESS);
    }
    block_on(async {
        let cluster = Cluster::connect_as(arguments.context.as_deref(), arguments.user.as_deref()).await?;
        let user = user_name(&cluster).await?;
        let attestation = attestation(arguments, &items, &results, valid_until, &user);
        if let Some(output) = arguments.output {
            output.print(&attestation)?;
            return Ok(ExitCode::SUCCESS);
        }
        let name = attestation["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let resource = ApiResource::erase::<ComplianceAttestation>(&());
        let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
        let done = match create(&api, attestation.clone(), arguments.dry_run).await? {
            Created::New if arguments.dry_run => "would be created",
            Created::New => "created",
            Created::Before(before) if before.data["spec"] == attestation["spec"] => "is there already",
            Created::Before(_) => bail!(
                "there is another ComplianceAttestation {name}; --name gives this one another name, and \
                 kubectl delete complianceattestation {name} takes the old one out"
            ),
        };
        terminal::print(&format!(
            "ComplianceAttestation {name} {done}; by {user}, valid until {valid_until}.\n"
        ))?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The items of these names, if all of them can be attested.
fn attestable(names: &[String]) -> Result<Vec<&'static Item>> {
    let mut items: Vec<&'static Item> = Vec::new();
    for name in names.iter().flat_map(|names| names.split(',')) {
        let item = items::named(name)?;
        if item.class == Class::A {
            bail!(
                "{} ({}) cannot be attested: it is of class A, which the API alone decides; \
                 to accept a deviation, make a ComplianceWaiver",
                item.id,
                item.title
            );
        }
        if !items.contains(&item) {
            items.push(item);
        }
    }
    Ok(items)
}

/// A date means the beginning of that day, in UTC.
fn valid_until(text: &str, now: Timestamp) -> Result<Timestamp> {
    let wrong = || {
        anyhow!(
            "--valid-until {text:?} is no date (2027-03-31), time (2027-03-31T12:00:00Z) or number of days (90d)"
        )
    };
    let time = if let Some(days) = text.strip_suffix('d') {
        let days: u32 = days.parse().map_err(|_| wrong())?;
        now.checked_add(SignedDuration::from_hours(24 * i64::from(days)))?
    } else if let Ok(time) = text.parse::<Timestamp>() {
        time
    } else {
        let date: Date = text.parse().map_err(|_| wrong())?;
        date.to_zoned(TimeZone::UTC)?.timestamp()
    };
    if time <= now {
        bail!("--valid-until {text} is past");
    }
    // Times of the API are in seconds.
    Ok(Timestamp::from_second(time.as_second())?)
}

fn results(arguments: &Arguments, now: Timestamp) -> Result<Vec<ToolResult>> {
    let given = Given {
        tool: arguments.tool.clone(),
        version: arguments.tool_version.clone(),
        uri: arguments.uri.clone(),
    };
    if arguments.from.len() > 1 && given != Given::default() {
        bail!(
            "--tool, --tool-version and --uri are about one file, and there are {}",
            arguments.from.len()
        );
    }
    arguments
        .from
        .iter()
        .map(|path| ToolResult::read(path, &given, now))
        .collect()
}

fn attestation(
    arguments: &Arguments,
    items: &[&'static Item],
    results: &[ToolResult],
    valid_until: Timestamp,
    user: &str,
) -> Value {
    let ids: Vec<&str> = items.iter().map(|item| item.id).collect();
    let mut spec = json!({ "items": ids, "attestedBy": user, "validUntil": valid_until });
    if let Some(statement) = &arguments.statement {
        spec["statement"] = json!(statement);
    }
    for (sort, names) in [
        ("namespaces", &arguments.namespaces),
        ("nodes", &arguments.nodes),
        ("images", &arguments.images),
    ] {
        if !names.is_empty() {
            spec["scope"][sort] = json!(names);
        }
    }
    if !results.is_empty() {
        spec["evidence"] = results.iter().map(ToolResult::evidence).collect();
    }
    let name = arguments
        .name
        .clone()
        .unwrap_or_else(|| name(&ids, results, &spec));
    json!({
        "apiVersion": API_VERSION,
        "kind": "ComplianceAttestation",
        "metadata": { "name": name },
        "spec": spec,
    })
}

/// The same name for the same attestation, whenever it is made.
fn name(ids: &[&str], results: &[ToolResult], spec: &Value) -> String {
    let mut told = spec.clone();
    // By default this is as many days ahead as ever.
    told["validUntil"] = Value::Null;
    let tool = results.first().map_or("statement", |result| &result.tool);
    let words = format!("{} {tool}", ids[0]).to_ascii_lowercase();
    let words: Vec<&str> = words
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let words: String = words.join("-").chars().take(200).collect();
    let digest = sha256(told.to_string().as_bytes());
    format!("{}-{}", words.trim_end_matches('-'), &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_end_is_a_date_a_time_or_a_number_of_days() {
        let now = at("2026-11-24T10:00:00.5Z");
        let until = |text: &str| valid_until(text, now).unwrap();
        assert_eq!(until("90d"), at("2027-02-22T10:00:00Z"));
        assert_eq!(until("2027-03-31"), at("2027-03-31T00:00:00Z"));
        assert_eq!(until("2027-03-31T12:00:00+02:00"), at("2027-03-31T10:00:00Z"));
        for wrong in ["", "d", "soon", "-1d", "2027-02-30"] {
            let error = valid_until(wrong, now).unwrap_err().to_string();
            assert!(error.contains("number of days"), "{wrong}: {error}");
        }
        for past in ["0d", "2026-11-24"] {
            assert!(
                valid_until(past, now)
                    .unwrap_err()
                    .to_string()
                    .contains("is past"),
                "{past}"
            );
        }
    }

    #[test]
    fn what_the_api_decides_is_not_attested() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            attestable(&names).map(|items| items.iter().map(|item| item.id).collect::<Vec<_>>())
        };
        let error = of(&["WL-04"]).unwrap_err().to_string();
        assert!(error.contains("WL-04") && error.contains("class A"), "{error}");
        for item in plumbline_baseline::ITEMS {
            assert_eq!(of(&[item.id]).is_ok(), item.class != Class::A, "{}", item.id);
        }
        let some: Vec<&str> = plumbline_baseline::ITEMS
            .iter()
            .filter(|item| item.class == Class::C)
            .map(|item| item.id)
            .take(2)
            .collect();
        assert_eq!(of(&[some[0], some[1], some[0]]).unwrap(), some);
    }
}
