//! What the API server answers to requests without credentials. Whoever has asked tells the inventory.

use std::collections::BTreeMap;

use crate::inventory::Inventory;
use crate::names::Name;

/// The paths that are asked for.
pub const PATHS: [&str; 12] = [
    "/healthz",
    "/readyz",
    "/livez",
    // A sub-check: conditions of an AuthenticationConfiguration match whole paths.
    "/livez/ping",
    "/version",
    "/api",
    "/apis",
    "/openapi/v2",
    "/metrics",
    "/api/v1/namespaces/kube-public/configmaps/cluster-info",
    "/.well-known/openid-configuration",
    "/api/v1/secrets",
];

/// What is known of requests without credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AnonymousRequests {
    /// Nobody has asked yet. So it stays with manifests.
    #[default]
    NotAsked,
    /// Nobody is to ask.
    Off,
    /// None of them was answered, and why.
    Unreachable(Name),
    /// What came of each of them, by path.
    Answered(BTreeMap<Name, Answer>),
}

/// What came of one request without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An answer with this status code.
    Status(u16),
    /// 403 with a message that refuses user `system:anonymous`: authentication has let the request through.
    RefusedAsAnonymous,
    /// No answer, and why.
    Missing(Name),
}

impl AnonymousRequests {
    /// What came of these requests: nothing is known if none of them was answered.
    pub fn of(answers: BTreeMap<Name, Answer>) -> Self {
        let mut reasons = answers.values().map(|answer| match answer {
            Answer::Missing(why) => Some(why),
            _ => None,
        });
        match reasons.next() {
            Some(Some(why)) if reasons.all(|reason| reason.is_some()) => Self::Unreachable(Name::clone(why)),
            _ => Self::Answered(answers),
        }
    }
}

impl Inventory {
    /// What is known of requests without credentials.
    pub fn anonymous_requests(&self) -> &AnonymousRequests {
        &self.anonymous
    }

    /// Notes what is known of requests without credentials.
    pub fn set_anonymous_requests(&mut self, known: AnonymousRequests) {
        if self.anonymous != known {
            self.anonymous = known;
            self.dirty.evidence = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(answers: &[Answer]) -> AnonymousRequests {
        AnonymousRequests::of(
            PATHS
                .map(Name::from)
                .into_iter()
                .zip(answers.iter().cloned())
                .collect(),
        )
    }

    #[test]
    fn nothing_is_known_only_if_nothing_was_answered() {
        let missing = || Answer::Missing("no answer in time".into());
        assert_eq!(
            answers(&[missing(), missing()]),
            AnonymousRequests::Unreachable("no answer in time".into())
        );
        assert!(matches!(
            answers(&[missing(), Answer::Status(401)]),
            AnonymousRequests::Answered(known) if known.len() == 2
        ));
    }

    #[test]
    fn only_news_is_something_to_look_at() {
        let mut inventory = Inventory::live();
        inventory.set_anonymous_requests(AnonymousRequests::NotAsked);
        assert!(inventory.take_dirty().is_empty());
        inventory.set_anonymous_requests(answers(&[Answer::Status(401)]));
        assert!(inventory.take_dirty().evidence);
        inventory.set_anonymous_requests(answers(&[Answer::Status(401)]));
        assert!(inventory.take_dirty().is_empty());
    }
}
