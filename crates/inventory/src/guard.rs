//! The admission policies that prove who approved and who attested, and whether they stand.

use std::fmt;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::Value;

use crate::inventory::{InputState, Inventory};
use crate::kind::Kind;
use crate::lean::{Decision, PolicySpec};

/// What `config/policies` installs.
const SHIPPED: [&str; 3] = [
    include_str!("../../../config/policies/approved-by.yaml"),
    include_str!("../../../config/policies/attested-by.yaml"),
    include_str!("../../../config/policies/status-writer.yaml"),
];

/// Whether the guard stands: every shipped policy and binding is there, as shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It stands, as it was last written at this time.
    Stands(Option<Timestamp>),
    /// This object of it is not there.
    Missing(String),
    /// This binding does not deny; last written at this time.
    NotEnforced(String, Option<Timestamp>),
    /// This object reads otherwise than shipped; last written at this time.
    Altered(String, Option<Timestamp>),
    /// It may not be read.
    Unreadable,
}

/// One object of the guard, as shipped.
struct Shipped {
    kind: Kind,
    name: String,
    spec: PolicySpec,
}

static GUARD: LazyLock<Vec<Shipped>> = LazyLock::new(|| {
    let documents = SHIPPED.iter().flat_map(|text| {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("what is shipped is YAML");
        documents
    });
    documents
        .map(|document| {
            let word = |field: &str| document[field].as_str().unwrap_or_default();
            let kind = Kind::of(word("apiVersion"), word("kind")).expect("a policy or a binding is shipped");
            let policy: Decision<PolicySpec> =
                serde_json::from_value(document.clone()).expect("what is shipped decodes");
            Shipped {
                kind,
                name: policy.metadata.name,
                spec: policy.spec,
            }
        })
        .collect()
});

impl Guard {
    /// The guard as `inventory` has it. The first thing that is the matter with it counts.
    pub(crate) fn of(inventory: &Inventory) -> Self {
        let kinds = [
            Kind::ValidatingAdmissionPolicy,
            Kind::ValidatingAdmissionPolicyBinding,
        ];
        let unreadable = |kind: &Kind| inventory.coverage(*kind).state == InputState::Forbidden;
        if kinds.iter().any(unreadable) {
            return Self::Unreadable;
        }
        let mut since = None;
        for shipped in GUARD.iter() {
            let named = || format!("{} {}", shipped.kind, shipped.name);
            let Some(there) = inventory.decisions.policies.get(shipped.kind, &shipped.name) else {
                return Self::Missing(named());
            };
            let changed = there.written.changed;
            let actions = |spec: &PolicySpec| spec.get("validationActions").cloned();
            if actions(&there.spec) != actions(&shipped.spec) {
                return Self::NotEnforced(named(), changed);
            }
            if !says_the_same(&shipped.spec, &there.spec) {
                return Self::Altered(named(), changed);
            }
            since = since.max(changed);
        }
        Self::Stands(since)
    }

    /// Whether it stands.
    pub fn stands(&self) -> bool {
        matches!(self, Self::Stands(_))
    }

    /// When it was last written, as far as that can be seen.
    pub(crate) fn changed(&self) -> Option<Timestamp> {
        match self {
            Self::Stands(at) | Self::NotEnforced(_, at) | Self::Altered(_, at) => *at,
            Self::Missing(_) | Self::Unreadable => None,
        }
    }

    /// Whether it has stood since before an object was written. Times are in seconds: the same one will not do.
    pub(crate) fn vouches_for(&self, written: Option<Timestamp>) -> bool {
        match (self, written) {
            (Self::Stands(since), Some(written)) => since.is_some_and(|since| written > since),
            _ => false,
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stands(_) => f.write_str("the guarding admission policies stand"),
            Self::Missing(what) => write!(f, "{what} is not there"),
            Self::NotEnforced(what, _) => write!(f, "{what} does not deny"),
            Self::Altered(what, _) => write!(f, "{what} reads otherwise than shipped"),
            Self::Unreadable => f.write_str("admission policies may not be read"),
        }
    }
}

/// Whether a policy reads as shipped, but for the name of the operator, which an install in another namespace has
/// to change.
fn says_the_same(shipped: &PolicySpec, there: &PolicySpec) -> bool {
    let mut there = there.clone();
    if let (Some(expected), Some(variables)) = (shipped.get("variables"), there.get_mut("variables")) {
        for (at, expected) in expected.as_array().into_iter().flatten().enumerate() {
            let names_account = |variable: &Value| {
                let expression = variable["expression"].as_str().unwrap_or_default();
                expression.starts_with("'system:serviceaccount:")
                    && expression.ends_with('\'')
                    && expression.matches('\'').count() == 2
            };
            if let Some(variable) = variables.get_mut(at)
                && names_account(expected)
                && names_account(variable)
            {
                variable["expression"] = expected["expression"].clone();
            }
        }
    }
    *shipped == there
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// The guard as the API server has it, written at `time`.
    pub(crate) fn objects(time: &str) -> Vec<Value> {
        let documents = SHIPPED
            .iter()
            .flat_map(|text| serde_saphyr::from_multiple::<Value>(text).unwrap());
        documents
            .map(|mut document| {
                document["metadata"]["creationTimestamp"] = time.into();
                document["metadata"]["generation"] = 1.into();
                document
            })
            .collect()
    }
}
