//! The baseline that a check goes by.

use std::path::Path;

use anyhow::{Context, Result, bail};
use plumbline_api::{ComplianceBaseline, ComplianceBaselineSpec};
use plumbline_engine::Settings;
use serde_json::Value;

use crate::input::{self, InputError, Place, shown};

/// A baseline, compiled.
#[derive(Debug)]
pub(crate) struct Baseline {
    /// What evaluation goes by.
    pub(crate) settings: Settings,
    /// Where it came from.
    pub(crate) origin: String,
    /// What in it could not be honoured; the rest was.
    pub(crate) problems: Vec<InputError>,
}

impl Baseline {
    /// The values that hold where nobody has said anything.
    pub(crate) fn built_in() -> Self {
        let (settings, _) = Settings::compile(&ComplianceBaselineSpec::default());
        Self {
            settings,
            origin: "built in".to_owned(),
            problems: Vec::new(),
        }
    }

    /// The one baseline in a file.
    pub(crate) fn from_file(path: &Path) -> Result<Self> {
        let (mut baselines, errors) = input::baselines(path);
        if let Some(error) = errors.first() {
            bail!("{error}");
        }
        let (place, value) = match (baselines.pop(), baselines.len()) {
            (Some(only), 0) => only,
            (Some(_), others) => bail!(
                "{} holds {} ComplianceBaselines, not one",
                path.display(),
                others + 1
            ),
            (None, _) => bail!("{} holds no ComplianceBaseline", path.display()),
        };
        Self::from_manifest(&place, value)
    }

    /// The baseline that stands at a place in a file.
    pub(crate) fn from_manifest(place: &Place, value: Value) -> Result<Self> {
        let origin = format!("{}:{}", shown(&place.file), place.line);
        Self::compile(value, origin, |message| InputError::at(place, message))
    }

    /// The baseline that a cluster has.
    pub(crate) fn from_cluster(value: Value) -> Result<Self> {
        let origin = "ComplianceBaseline default of the cluster".to_owned();
        Self::compile(value, origin, |message| {
            InputError::elsewhere(format!("ComplianceBaseline default: {message}"))
        })
    }

    fn compile(value: Value, origin: String, problem: impl Fn(String) -> InputError) -> Result<Self> {
        // serde would take a list for a struct.
        if !(value["spec"].is_null() || value["spec"].is_object()) {
            bail!("{origin}: the baseline cannot be read: spec is no mapping");
        }
        let mut unknown = Vec::new();
        unknown_fields(
            &value["spec"],
            &schema()["properties"]["spec"],
            "spec",
            &mut unknown,
        );
        let baseline: ComplianceBaseline = serde_json::from_value(value)
            .with_context(|| format!("{origin}: the baseline cannot be read"))?;
        let silent = baseline
            .spec
            .items
            .iter()
            .find(|item| !item.enabled && item.reason.is_none());
        if let Some(item) = silent {
            bail!("{origin}: the baseline disables {} without a reason", item.id);
        }
        let (settings, problems) = Settings::compile(&baseline.spec);
        let problems = unknown
            .into_iter()
            .chain(problems.iter().map(ToString::to_string))
            .map(problem)
            .collect();
        Ok(Self {
            settings,
            origin,
            problems,
        })
    }
}

/// The schema of a baseline, as the API server has it.
fn schema() -> Value {
    let crd = plumbline_api::crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == "ComplianceBaseline")
        .expect("the baseline is one of our kinds");
    plumbline_api::manifest(&crd)["spec"]["versions"][0]["schema"]["openAPIV3Schema"].take()
}

/// Fields that the schema does not know. The API server would say so; here nobody else does.
fn unknown_fields(value: &Value, schema: &Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let Some(properties) = schema["properties"].as_object() else {
                return;
            };
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                match properties.get(name) {
                    Some(schema) => unknown_fields(value, schema, &path, unknown),
                    None => unknown.push(format!("{path}: there is no such field")),
                }
            }
        }
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                unknown_fields(element, &schema["items"], &format!("{path}[{at}]"), unknown);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
