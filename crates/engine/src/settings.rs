//! A baseline, compiled.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use plumbline_api::baseline::{ComplianceBaselineSpec, Reading};
use plumbline_api::{Level, Severity};
use plumbline_baseline::{Infrastructure, Item, Parameters, find};
use plumbline_inventory::labels::Selector;
use plumbline_inventory::lean;
use plumbline_rbac::Subject;

/// What a baseline says, in the form that evaluation needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What checks read.
    pub parameters: Parameters,
    /// What the baseline allows waivers and attestations.
    pub limits: Limits,
    overrides: BTreeMap<&'static str, Override>,
}

/// What a baseline allows those who decide, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From its approval until a waiver must have expired.
    pub waiver: SignedDuration,
    /// Before the expiry of a waiver or an attestation, when reports begin to warn.
    pub warning: SignedDuration,
    /// From its creation until an attestation must have expired.
    pub attestation: SignedDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(&ComplianceBaselineSpec::default())
    }
}

impl Limits {
    fn of(spec: &ComplianceBaselineSpec) -> Self {
        // A hundred years are enough for everybody, and for every calculation.
        let days = |days: i32| SignedDuration::from_hours(24) * days.clamp(0, 36_500);
        Self {
            waiver: days(spec.waivers.max_days),
            warning: days(spec.waivers.warn_days),
            attestation: days(spec.attestations.max_days),
        }
    }
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
    /// This names no subject.
    Subject {
        /// The field that holds it.
        field: &'static str,
        /// What it says.
        value: String,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownItem(id) => write!(f, "spec.items: there is no item {id:?}"),
            Self::Selector { field, error } => write!(f, "spec.{field}: {error}"),
            Self::Subject { field, value } => write!(
                f,
                "spec.{field}: {value:?} is not User/NAME, Group/NAME or ServiceAccount/NAMESPACE/NAME"
            ),
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
        let production = some_selector("productionSelector", &spec.production_selector, &mut problems);
        let sensitive = some_selector("sensitiveSelector", &spec.sensitive_selector, &mut problems);
        let trusted_controllers = subjects("trustedControllers", &spec.trusted_controllers, &mut problems);
        let infrastructure = Infrastructure {
            images: spec.infrastructure.images.iter().cloned().collect(),
            labels: some_selector(
                "infrastructure.selector",
                &spec.infrastructure.selector,
                &mut problems,
            ),
            ports: spec
                .infrastructure
                .ports
                .iter()
                .filter_map(|port| u16::try_from(*port).ok())
                .collect(),
        };
        let parameters = Parameters {
            infrastructure,
            severities,
            system_namespaces: spec.system_namespaces.iter().cloned().collect(),
            infrastructure_namespaces: spec.infrastructure_namespaces.iter().cloned().collect(),
            production,
            sensitive,
            system_labels: spec.system_labels.clone(),
            developer_groups: spec.developer_groups.iter().cloned().collect(),
            administrator_groups: spec.administrator_groups.iter().cloned().collect(),
            privileged_access_groups: spec.privileged_access_groups.iter().cloned().collect(),
            trusted_controllers,
            wildcard_binding_percent: count(spec.thresholds.wildcard_binding_percent),
            audit_max_age_days: count(spec.thresholds.audit_max_age_days),
            keyless_workload_percent: count(spec.thresholds.keyless_workload_percent),
            floating_tags: BTreeSet::new(),
            unknown_image_user_fails: spec.run_as_root.unknown_image_user == Reading::Fail,
            root_in_user_namespace_fails: spec.run_as_root.user_namespaces == Reading::Fail,
        };
        (
            Self {
                parameters,
                limits: Limits::of(spec),
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

/// No schema stands between a file and `plumbline check`.
fn count(written: i32) -> u32 {
    written.max(0).unsigned_abs()
}

/// The selector of a field in which the empty one selects nothing.
fn some_selector(
    field: &'static str,
    written: &plumbline_api::LabelSelector,
    problems: &mut Vec<Problem>,
) -> Option<Selector> {
    match selector(written) {
        Ok(selector) => (!selector.is_empty()).then_some(selector),
        Err(error) => {
            problems.push(Problem::Selector { field, error });
            None
        }
    }
}

/// The subjects of a field that names them as findings do.
fn subjects(field: &'static str, written: &[String], problems: &mut Vec<Problem>) -> BTreeSet<Subject> {
    let mut subjects = BTreeSet::new();
    for value in written {
        match subject(value) {
            Some(subject) => drop(subjects.insert(subject.identity())),
            None => problems.push(Problem::Subject {
                field,
                value: value.clone(),
            }),
        }
    }
    subjects
}

fn subject(path: &str) -> Option<Subject> {
    let (kind, name) = path.split_once('/').filter(|(_, name)| !name.is_empty())?;
    match kind {
        "User" => Some(Subject::User(name.into())),
        "Group" => Some(Subject::Group(name.into())),
        "ServiceAccount" => match name.split_once('/')? {
            ("", _) | (_, "") => None,
            (namespace, name) => Some(Subject::service_account(namespace, name)),
        },
        _ => None,
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
            "productionSelector": {"matchLabels": {"env": "prod"}},
            "trustedControllers": ["ServiceAccount/flux-system", "ServiceAccount/argocd/controller", "flux"],
        });
        let (settings, problems) = Settings::compile(&serde_json::from_value(spec).unwrap());
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert_eq!(problems[0].to_string(), "spec.items: there is no item \"WL-99\"");
        assert_eq!(
            problems[3].to_string(),
            "spec.trustedControllers: \"flux\" is not User/NAME, Group/NAME or ServiceAccount/NAMESPACE/NAME"
        );
        assert_eq!(settings.disabled(find("WL-04").unwrap()), Some("a build cluster"));
        let wl05 = find("WL-05").unwrap();
        assert_eq!(
            (settings.level(wl05), settings.severity(wl05)),
            (Level::Required, Severity::High)
        );
        assert_eq!(settings.parameters.sensitive, None);
        assert!(settings.parameters.production.is_some());
        let controller = Subject::User("system:serviceaccount:argocd:controller".into());
        assert!(settings.parameters.trusts(&controller));
        assert!(!settings.parameters.trusts(&Subject::User("flux".into())));
    }
}
