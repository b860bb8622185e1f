//! Objects by which people decide: how they are printed, and how they get into a cluster.

use anyhow::{Result, bail};
use clap::ValueEnum;
use kube::Api;
use kube::api::PostParams;
use kube::core::DynamicObject;
use serde_json::Value;

use crate::caller::said;
use crate::terminal;

/// How to print an object instead of creating it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Json,
    Yaml,
}

impl Output {
    /// Prints an object, to be applied by other means.
    pub(crate) fn print(self, object: &Value) -> Result<()> {
        let text = match self {
            Self::Json => serde_json::to_string_pretty(object)? + "\n",
            Self::Yaml => serde_saphyr::to_string(object)?,
        };
        Ok(terminal::print(&text)?)
    }
}

/// What came of creating an object.
pub(crate) enum Created {
    /// It is there now; or would be, if this was a trial.
    New,
    /// One of this name was there before.
    Before(Box<DynamicObject>),
}

/// Creates an object, or asks the API server whether it would.
pub(crate) async fn create(api: &Api<DynamicObject>, object: Value, trial: bool) -> Result<Created> {
    let object: DynamicObject = serde_json::from_value(object)?;
    let parameters = PostParams {
        dry_run: trial,
        field_manager: Some(FIELD_MANAGER.to_owned()),
    };
    match api.create(&parameters, &object).await {
        Ok(_) => Ok(Created::New),
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            match api.get(name).await {
                Ok(before) => Ok(Created::Before(Box::new(before))),
                Err(_) => bail!("{}", status.message),
            }
        }
        Err(error) => bail!("{}", said(&error)),
    }
}

/// Under this name managed fields tell what came from here.
pub(crate) const FIELD_MANAGER: &str = "plumbline-cli";
