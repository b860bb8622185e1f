//! Roles, with the rules that are in force.

use std::sync::Arc;

use plumbline_inventory::facts::RoleFacts;
use plumbline_inventory::labels::{Labels, Selector};

use crate::recognised::Recognised;
use crate::rules::Rules;

/// A role or cluster role.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) labels: Arc<Labels>,
    /// What it is aggregated from; `None` also if a selector is invalid, for then nothing aggregates it.
    pub(crate) selectors: Option<Box<[Selector]>>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) recognised: Recognised,
}

impl Role {
    pub(crate) fn selects(&self, other: &Self) -> bool {
        self.selectors
            .iter()
            .flatten()
            .any(|selector| selector.matches(&other.labels))
    }
}

impl PartialEq for Role {
    fn eq(&self, other: &Self) -> bool {
        self.labels == other.labels
            && self.selectors == other.selectors
            && self.rules == other.rules
            && self.recognised == other.recognised
    }
}

/// The selectors of an aggregated role.
pub(crate) fn selectors(facts: &RoleFacts) -> Option<Box<[Selector]>> {
    let written = &facts.aggregation.as_ref()?.cluster_role_selectors;
    written
        .iter()
        .map(|selector| Selector::compile(selector).ok())
        .collect()
}
