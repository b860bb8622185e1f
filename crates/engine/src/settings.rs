//! A baseline, compiled.

use std::collections::{BTreeMap, BTreeSet};

use plumbline_api::baseline::{ComplianceBaselineSpec, Reading};
use plumbline_api::{Level, Severity};
use plumbline_baseline::{Item, Parameters, find};
use plumbline_inventory::labels::Selector;
use plumbline_inventory::lean;

/// What a baseline says, in the form that evaluation needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What checks read.
    pub parameters: Parameters,
    overrides: BTreeMap<&'static str, Override>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Override {
    disabled: Option<String>,
    level: Option<Level>,
}

/// Something in a baseline that cannot be honoured; the rest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No item has this id.
    UnknownItem(String),
    /// This selector selects nothing that Kubernetes would accept.
    Selector {
        /// The field that holds it.
        field: &'static str,
        /// What is wrong with it.
        error: String,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownItem(id) => write!(f, "spec.items: there is no item {id:?}"),
            Self::Selector { field, error } => write!(f, "spec.{field}: {error}"),
        }
    }
}

impl Settings {
    /// Compiles the spec of a baseline, and tells what in it cannot be honoured.
    pub fn compile(spec: &ComplianceBaselineSpec) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut overrides = BTreeMap::new();
        let mut severities = BTreeMap::new();
        for entry in &spec.items {
            let Some(item) = find(&entry.id).filter(|item| item.id == entry.id) else {
                problems.push(Problem::UnknownItem(entry.id.clone()));
                continue;
            };
            let disabled = (!entry.enabled).then(|| entry.reason.clone().unwrap_or_default());
            overrides.insert(
                item.id,
                Override {
                    disabled,
                    level: entry.level,
                },
            );
            if let Some(severity) = entry.severity {
                severities.insert(item.id.to_owned(), severity);
            }
        }
        let sensitive = match selector(&spec.sensitive_selector) {
            Ok(selector) => (!selector.is_empty()).then_some(selector),
            Err(error) => {
                problems.push(Problem::Selector {
                    field: "sensitiveSelector",
                    error,
                });
                None
            }
        };
        let parameters = Parameters {
            severities,
            system_namespaces: spec.system_namespaces.iter().cloned().collect(),
            infrastructure_namespaces: spec.infrastructure_namespaces.iter().cloned().collect(),
            sensitive,
            system_labels: spec.system_labels.clone(),
            keyless_workload_percent: spec.thresholds.keyless_workload_percent.max(0) as u32,
            floating_tags: BTreeSet::new(),
            unknown_image_user_fails: spec.run_as_root.unknown_image_user == Reading::Fail,
            root_in_user_namespace_fails: spec.run_as_root.user_namespaces == Reading::Fail,
        };
        (
            Self {
                parameters,
                overrides,
            },
            problems,
        )
    }

    /// Why `item` is switched off, if it is.
    pub fn disabled(&self, item: &Item) -> Option<&str> {
        self.overrides.get(item.id)?.disabled.as_deref()
    }

    /// How binding `item` is under this baseline.
    pub fn level(&self, item: &Item) -> Level {
        self.overrides
            .get(item.id)
            .and_then(|o| o.level)
            .unwrap_or(item.level)
    }

    /// How bad findings of `item` are under this baseline, unless they say otherwise.
    pub fn severity(&self, item: &Item) -> Severity {
        self.parameters.severity(item)
    }
}

fn selector(selector: &plumbline_api::LabelSelector) -> Result<Selector, String> {
    let json = serde_json::to_value(selector).map_err(|error| error.to_string())?;
    let lean: lean::LabelSelector = serde_json::from_value(json).map_err(|error| error.to_string())?;
    Selector::compile(&lean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_baseline_gives_the_default_parameters() {
        let (settings, problems) = Settings::compile(&ComplianceBaselineSpec::default());
        assert_eq!(settings.parameters, Parameters::default());
        assert_eq!(problems, []);
    }

    #[test]
    fn what_cannot_be_honoured_is_told_and_the_rest_honoured() {
        let spec = serde_json::json!({
            "items": [
                {"id": "WL-99"},
                {"id": "WL-04", "enabled": false, "reason": "a build cluster"},
                {"id": "WL-05", "level": "required", "severity": "high"},
            ],
            "sensitiveSelector": {"matchExpressions": [{"key": "tier", "operator": "In"}]},
        });
        let (settings, problems) = Settings::compile(&serde_json::from_value(spec).unwrap());
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert_eq!(problems[0].to_string(), "spec.items: there is no item \"WL-99\"");
        assert_eq!(settings.disabled(find("WL-04").unwrap()), Some("a build cluster"));
        let wl05 = find("WL-05").unwrap();
        assert_eq!(
            (settings.level(wl05), settings.severity(wl05)),
            (Level::Required, Severity::High)
        );
        assert_eq!(settings.parameters.sensitive, None);
    }
}
