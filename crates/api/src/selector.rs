//! Label selectors with bounds, which those of Kubernetes itself do not have in a CRD's schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A label selector; all its requirements must hold. An empty one selects nothing here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must have exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = crate::schema::labels)]
    pub match_labels: BTreeMap<String, String>,

    /// Further requirements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<LabelRequirement>,
}

vocabulary! {
    /// How a label is compared.
    pub enum Operator {
        /// The label has one of the values.
        In = "In",
        /// The label is absent or has none of the values.
        NotIn = "NotIn",
        /// The label is present.
        Exists = "Exists",
        /// The label is absent.
        DoesNotExist = "DoesNotExist",
    }
}

/// A requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.operator in ['In', 'NotIn'] == (has(self.values) && self.values.size() > 0)",
    "message": "In and NotIn need values, Exists and DoesNotExist allow none",
}]))]
#[serde(rename_all = "camelCase")]
pub struct LabelRequirement {
    /// Key of the label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,

    /// How the label is compared: In, NotIn, Exists or DoesNotExist.
    pub operator: Operator,

    /// Values for In and NotIn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(max = 63)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub values: Vec<String>,
}

impl LabelSelector {
    /// Whether the selector has no requirement.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether labels, given as a look-up by key, meet every requirement. An empty selector matches nothing.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        !self.is_empty()
            && self
                .match_labels
                .iter()
                .all(|(key, value)| label(key) == Some(value))
            && self
                .match_expressions
                .iter()
                .all(|requirement| requirement.holds(label(&requirement.key)))
    }
}

impl LabelRequirement {
    fn holds(&self, value: Option<&str>) -> bool {
        let listed = value.is_some_and(|value| self.values.iter().any(|one| one == value));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: serde_json::Value, labels: &[(&str, &'static str)]) -> bool {
        let selector: LabelSelector = serde_json::from_value(selector).expect("a selector");
        selector.matches(|key| {
            labels
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| *value)
        })
    }

    #[test]
    fn an_empty_selector_matches_nothing() {
        assert!(!matches(serde_json::json!({}), &[("app", "agent")]));
        assert!(!matches(
            serde_json::json!({ "matchLabels": {}, "matchExpressions": [] }),
            &[]
        ));
    }

    #[test]
    fn every_requirement_must_hold() {
        let selector = serde_json::json!({
            "matchLabels": { "app": "agent" },
            "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["back", "data"] }],
        });
        assert!(matches(selector.clone(), &[("app", "agent"), ("tier", "data")]));
        assert!(!matches(selector.clone(), &[("app", "agent"), ("tier", "front")]));
        assert!(!matches(selector.clone(), &[("tier", "data")]));
        assert!(!matches(selector, &[("app", "agent")]));
    }

    #[test]
    fn an_absent_label_is_in_no_set_but_outside_every_one() {
        for (operator, values, absent) in [
            ("In", serde_json::json!([""]), false),
            ("NotIn", serde_json::json!(["a"]), true),
            ("Exists", serde_json::json!([]), false),
            ("DoesNotExist", serde_json::json!([]), true),
        ] {
            let requirement = serde_json::json!({ "key": "app", "operator": operator, "values": values });
            let selector = serde_json::json!({ "matchExpressions": [requirement] });
            assert_eq!(matches(selector, &[]), absent, "{operator}");
        }
    }
}
