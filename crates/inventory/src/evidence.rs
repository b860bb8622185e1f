//! What is known of a cluster beside its objects, as a document: what a snapshot has more than a list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::anonymous::{AnonymousRequests, Answer};
use crate::inventory::{InputState, Inventory};
use crate::kind::Kind;
use crate::server::ServerVersion;

/// The user whom the API server takes for who has no credentials.
const ANONYMOUS: &str = "system:anonymous";

/// What is known of a cluster beside its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// What came of requests without credentials, by path; empty if none was made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    anonymous_requests: BTreeMap<String, Request>,
    /// The version of the API server, as `1.36`, if it is known. Without it, the newest is assumed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "version")]
    server_version: Option<ServerVersion>,
    /// Kinds that could not be listed, as `configmaps` or `deployments.apps`, and why. Others count as listed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    inputs: BTreeMap<String, Unlisted>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// The status code of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    /// The user to whom it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Why a kind could not be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Unlisted {
    Forbidden,
    Absent,
    Failing,
}

impl Evidence {
    /// What `inventory` knows.
    pub fn of(inventory: &Inventory) -> Self {
        let anonymous_requests = match inventory.anonymous_requests() {
            AnonymousRequests::NotAsked | AnonymousRequests::Off => BTreeMap::new(),
            AnonymousRequests::Unreachable(why) => crate::anonymous::PATHS
                .into_iter()
                .map(|path| (path.to_owned(), Request::from(&Answer::Missing(why.clone()))))
                .collect(),
            AnonymousRequests::Answered(answers) => answers
                .iter()
                .map(|(path, answer)| (path.to_string(), answer.into()))
                .collect(),
        };
        let unlisted = |kind: Kind| {
            let why = match inventory.coverage(kind).state {
                InputState::Pending | InputState::Synced => return None,
                InputState::Forbidden => Unlisted::Forbidden,
                InputState::Absent => Unlisted::Absent,
                InputState::Failing => Unlisted::Failing,
            };
            Some((kind.resource(), why))
        };
        Self {
            anonymous_requests,
            server_version: inventory.server_version(),
            inputs: Kind::ALL.into_iter().filter_map(unlisted).collect(),
        }
    }

    /// Tells `inventory`.
    pub fn put(self, inventory: &mut Inventory) {
        if !self.anonymous_requests.is_empty() {
            let requests = self.anonymous_requests.into_iter();
            let answers = requests.map(|(path, request)| (path.into(), request.into()));
            inventory.set_anonymous_requests(AnonymousRequests::of(answers.collect()));
        }
        if self.server_version.is_some() {
            inventory.set_server_version(self.server_version);
        }
        for kind in Kind::ALL {
            let state = match self.inputs.get(&kind.resource()) {
                None => continue,
                Some(Unlisted::Forbidden) => InputState::Forbidden,
                Some(Unlisted::Absent) => InputState::Absent,
                Some(Unlisted::Failing) => InputState::Failing,
            };
            inventory.set_input(kind, state);
        }
    }
}

/// A version in words.
mod version {
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    use super::ServerVersion;

    #[allow(clippy::ref_option)] // as serde calls it
    pub(super) fn serialize<S: Serializer>(
        version: &Option<ServerVersion>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match version {
            Some(version) => serializer.collect_str(version),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<ServerVersion>, D::Error> {
        let written = String::deserialize(deserializer)?;
        written.parse().map(Some).map_err(D::Error::custom)
    }
}

impl From<&Answer> for Request {
    fn from(answer: &Answer) -> Self {
        let (code, user, error) = match answer {
            Answer::Status(code) => (Some(*code), None, None),
            Answer::RefusedAsAnonymous => (Some(403), Some(ANONYMOUS.to_owned()), None),
            Answer::Missing(why) => (None, None, Some(why.to_string())),
        };
        Self { code, user, error }
    }
}

impl From<Request> for Answer {
    fn from(request: Request) -> Self {
        match request {
            Request {
                code: Some(403),
                user: Some(user),
                ..
            } if user == ANONYMOUS => Self::RefusedAsAnonymous,
            Request { code: Some(code), .. } => Self::Status(code),
            Request { error, .. } => Self::Missing(error.unwrap_or_default().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::names::Name;

    #[test]
    fn what_is_written_is_what_is_read() {
        let answers: BTreeMap<Name, Answer> = [
            ("/healthz", Answer::Status(200)),
            ("/api", Answer::RefusedAsAnonymous),
            ("/metrics", Answer::Status(403)),
            ("/apis", Answer::Missing("no answer in time".into())),
        ]
        .map(|(path, answer)| (path.into(), answer))
        .into();
        let mut inventory = Inventory::live();
        inventory.set_anonymous_requests(AnonymousRequests::of(answers));
        inventory.set_server_version(Some(ServerVersion::new(1, 35)));
        inventory.set_input(Kind::ConfigMap, InputState::Forbidden);
        inventory.set_input(Kind::Pod, InputState::Synced);
        let written = serde_json::to_value(Evidence::of(&inventory)).unwrap();
        assert_eq!(
            written,
            json!({
                "anonymousRequests": {
                    "/healthz": { "code": 200 },
                    "/api": { "code": 403, "user": "system:anonymous" },
                    "/metrics": { "code": 403 },
                    "/apis": { "error": "no answer in time" },
                },
                "serverVersion": "1.35",
                "inputs": { "configmaps": "Forbidden" },
            })
        );
        let mut offline = Inventory::offline();
        let read: Evidence = serde_json::from_value(written).unwrap();
        read.put(&mut offline);
        assert_eq!(offline.anonymous_requests(), inventory.anonymous_requests());
        assert_eq!(offline.server_version(), Some(ServerVersion::new(1, 35)));
        assert_eq!(offline.coverage(Kind::ConfigMap).state, InputState::Forbidden);
        assert_eq!(offline.coverage(Kind::Pod).state, InputState::Synced);
    }

    #[test]
    fn an_api_server_that_was_not_reached_stays_so() {
        let mut inventory = Inventory::live();
        let unreachable = AnonymousRequests::Unreachable("connection refused".into());
        inventory.set_anonymous_requests(unreachable.clone());
        let mut offline = Inventory::offline();
        Evidence::of(&inventory).put(&mut offline);
        assert_eq!(*offline.anonymous_requests(), unreachable);
    }
}
