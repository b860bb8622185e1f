//! Label sets and compiled label selectors.

use std::collections::BTreeMap;

use crate::lean::LabelSelector;
use crate::names::{Name, Pool};

/// A set of labels (or short annotations), ordered by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels(Box<[(Name, Name)]>);

impl Labels {
    /// The labels in `map`, with their strings interned.
    pub fn new(map: &BTreeMap<String, String>, names: &mut Pool<str>) -> Self {
        Self(
            map.iter()
                .map(|(k, v)| (names.intern(k.as_str()), names.intern(v.as_str())))
                .collect(),
        )
    }

    /// The value of the label `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(k, _)| (**k).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// The labels among these whose key `keep` wants.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(k, _)| keep(k)).cloned().collect())
    }

    /// These labels, with `key` set to `value`.
    #[must_use]
    pub fn with(&self, key: &str, value: &Name) -> Self {
        let mut labels: Vec<_> = self.0.iter().filter(|(k, _)| **k != *key).cloned().collect();
        let at = labels.partition_point(|(k, _)| **k < *key);
        labels.insert(at, (Name::from(key), Name::clone(value)));
        Self(labels.into())
    }

    /// Keys and values, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (&**k, &**v))
    }
}

/// A compiled label selector; the empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selector(Box<[Requirement]>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Requirement {
    In(Box<str>, Box<[Box<str>]>),
    NotIn(Box<str>, Box<[Box<str>]>),
    Exists(Box<str>),
    DoesNotExist(Box<str>),
}

impl Requirement {
    fn key(&self) -> &str {
        match self {
            Self::In(key, _) | Self::NotIn(key, _) | Self::Exists(key) | Self::DoesNotExist(key) => key,
        }
    }

    /// Whether the label may have this value.
    fn allows(&self, value: &str) -> bool {
        match self {
            Self::In(_, values) => values.iter().any(|v| **v == *value),
            Self::NotIn(_, values) => values.iter().all(|v| **v != *value),
            Self::Exists(_) => true,
            Self::DoesNotExist(_) => false,
        }
    }
}

impl Selector {
    /// Compiles `selector`; the error names the requirement that Kubernetes would refuse.
    pub fn compile(selector: &LabelSelector) -> Result<Self, String> {
        let mut requirements: Vec<_> = selector
            .match_labels
            .iter()
            .map(|(key, value)| Requirement::In(key.as_str().into(), [value.as_str().into()].into()))
            .collect();
        for expression in &selector.match_expressions {
            let key = expression.key.as_str().into();
            let values: Box<[Box<str>]> = expression.values.iter().map(|v| v.as_str().into()).collect();
            requirements.push(match (expression.operator.as_str(), values.is_empty()) {
                ("In", false) => Requirement::In(key, values),
                ("NotIn", false) => Requirement::NotIn(key, values),
                ("Exists", true) => Requirement::Exists(key),
                ("DoesNotExist", true) => Requirement::DoesNotExist(key),
                ("In" | "NotIn", true) => {
                    return Err(format!(
                        "{} {}: values are missing",
                        expression.key, expression.operator
                    ));
                }
                ("Exists" | "DoesNotExist", false) => {
                    return Err(format!(
                        "{} {}: values are not allowed",
                        expression.key, expression.operator
                    ));
                }
                (other, _) => return Err(format!("{}: unknown operator {other:?}", expression.key)),
            });
        }
        Ok(Self(requirements.into()))
    }

    /// Whether the selector has no requirement and so selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys of the labels that it reads.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Requirement::key)
    }

    /// What makes it impossible for any labels to be selected, if something does.
    pub fn contradiction(&self) -> Option<String> {
        self.0.iter().find_map(|requirement| {
            let key = requirement.key();
            let of_key = || self.0.iter().filter(|other| other.key() == key);
            let possible = match requirement {
                Requirement::In(_, values) => values.iter().any(|value| of_key().all(|r| r.allows(value))),
                Requirement::Exists(_) => of_key().all(|r| !matches!(r, Requirement::DoesNotExist(_))),
                Requirement::NotIn(..) | Requirement::DoesNotExist(_) => true,
            };
            (!possible).then(|| format!("no value of label {key} meets all requirements"))
        })
    }

    /// Whether all requirements hold. As in Kubernetes, `NotIn` holds for a missing label.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => labels.get(key).is_some_and(|v| values.iter().any(|w| **w == *v)),
            Requirement::NotIn(key, values) => {
                labels.get(key).is_none_or(|v| values.iter().all(|w| **w != *v))
            }
            Requirement::Exists(key) => labels.get(key).is_some(),
            Requirement::DoesNotExist(key) => labels.get(key).is_none(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let map = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Labels::new(&map, &mut Pool::default())
    }

    fn selector(json: &str) -> Selector {
        Selector::compile(&serde_json::from_str(json).unwrap()).unwrap()
    }

    #[test]
    fn missing_labels_are_not_in() {
        let web = labels(&[("app", "web")]);
        let not_in = selector(r#"{"matchExpressions":[{"key":"tier","operator":"NotIn","values":["db"]}]}"#);
        assert!(not_in.matches(&web));
        let absent = selector(r#"{"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]}"#);
        assert!(!absent.matches(&web));
        assert!(selector("{}").matches(&web));
        assert!(!selector(r#"{"matchLabels":{"app":"db"}}"#).matches(&web));
    }

    #[test]
    fn what_kubernetes_refuses_is_refused() {
        for wrong in [
            r#"{"key":"a","operator":"In"}"#,
            r#"{"key":"a","operator":"Exists","values":["x"]}"#,
            r#"{"key":"a","operator":"Like"}"#,
        ] {
            let json = format!(r#"{{"matchExpressions":[{wrong}]}}"#);
            assert!(
                Selector::compile(&serde_json::from_str(&json).unwrap()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn requirements_that_exclude_each_other_are_noticed() {
        let contradicts = |expressions: &str| {
            let selector = selector(&format!(
                r#"{{"matchLabels":{{"app":"web"}},"matchExpressions":{expressions}}}"#
            ));
            selector.contradiction().is_some()
        };
        assert!(!contradicts("[]"));
        assert!(!contradicts(
            r#"[{"key":"app","operator":"NotIn","values":["db"]},{"key":"tier","operator":"DoesNotExist"}]"#
        ));
        assert!(contradicts(
            r#"[{"key":"app","operator":"NotIn","values":["web"]}]"#
        ));
        assert!(contradicts(r#"[{"key":"app","operator":"DoesNotExist"}]"#));
        assert!(contradicts(
            r#"[{"key":"app","operator":"In","values":["db","api"]}]"#
        ));
        assert!(contradicts(
            r#"[{"key":"x","operator":"Exists"},{"key":"x","operator":"DoesNotExist"}]"#
        ));
    }
}
