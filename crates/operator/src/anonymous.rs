//! Requests without credentials: what the API server answers to whoever asks.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use kube::config::AuthInfo;
use kube::{Client, Config};
use plumbline_inventory::anonymous::PATHS;
use plumbline_inventory::components::Flags;
use plumbline_inventory::lean::Rule;
use plumbline_inventory::{AnonymousRequests, Answer, Component, Inventory, Name, ObjectId};
use plumbline_rbac::subject::{ANONYMOUS, UNAUTHENTICATED};
use plumbline_rbac::{Rbac, Subject};
use tokio::sync::Notify;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is read of a refusal. The API server's own is shorter.
const REFUSAL: usize = 16 << 10;

/// How often it is asked. What changes the answers is seen earlier where objects show it.
const AGAIN: Duration = Duration::from_mins(5);

/// The pause after an attempt that did not get all answers, and after many of them.
const RETRY: Duration = Duration::from_secs(5);
const RETRY_LATER: Duration = Duration::from_mins(1);

/// How long answers may be missing before what was known no longer holds: an API server that restarts is back
/// before that.
pub(crate) const GRACE: Duration = Duration::from_secs(15);

/// How long the API server may take until it goes by a binding that we have seen.
const CATCH_UP: Duration = Duration::from_secs(2);

/// Sends one GET request for each of [`PATHS`] to the API server of `config`, without any of its credentials.
///
/// Bodies are not read, but for the beginning of a refusal, and nothing of them is kept.
pub async fn ask(config: &Config) -> AnonymousRequests {
    let client = match Client::try_from(without_credentials(config)) {
        Ok(client) => client,
        Err(error) => return AnonymousRequests::Unreachable(root_cause(&error)),
    };
    let answers = PATHS.map(|path| {
        let client = &client;
        async move {
            let answer = tokio::time::timeout(PATIENCE, get(client, path)).await;
            let missing = |why: &str| Answer::Missing(why.into());
            let answer = answer.unwrap_or_else(|_| missing("no answer in time"));
            (Name::from(path), answer)
        }
    });
    AnonymousRequests::of(join_all(answers).await.into_iter().collect())
}

fn without_credentials(config: &Config) -> Config {
    let mut config = config.clone();
    // Tokens, certificates, passwords, plugins, and whom to impersonate.
    config.auth_info = AuthInfo::default();
    config.headers.clear();
    config.connect_timeout = Some(PATIENCE);
    config
}

async fn get(client: &Client, path: &str) -> Answer {
    let request = Request::get(path).body(Body::empty()).expect("a path is a URI");
    let response = match client.send(request).await {
        Ok(response) => response,
        Err(error) => return Answer::Missing(root_cause(&error)),
    };
    let status = response.status();
    if status == StatusCode::FORBIDDEN {
        let refusal = Limited::new(response.into_body(), REFUSAL).collect().await;
        let refusal = refusal
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        if String::from_utf8_lossy(&refusal).contains(ANONYMOUS) {
            return Answer::RefusedAsAnonymous;
        }
    }
    Answer::Status(status.as_u16())
}

/// What the operating system or the TLS library said.
fn root_cause(error: &dyn Error) -> Name {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let line = cause.to_string().replace('\n', " ");
    line.split(" (os error").next().unwrap_or_default().into()
}

/// Asks at once, every few minutes, and when `changed` says that the answers may be others; tells what is new.
pub(crate) async fn keep_asking<F: Future<Output = ()>>(
    config: Config,
    changed: Arc<Notify>,
    tell: impl Fn(AnonymousRequests) -> F,
) {
    let mut first = true;
    let mut incomplete_since = None;
    loop {
        let known = ask(&config).await;
        let incomplete = if is_complete(&known) {
            incomplete_since = None;
            None
        } else {
            Some(incomplete_since.get_or_insert_with(Instant::now).elapsed())
        };
        if first || incomplete.is_none_or(|since| since >= GRACE) {
            tell(known).await;
        }
        first = false;
        let pause = match incomplete {
            None => AGAIN,
            Some(since) if since < GRACE => RETRY,
            Some(_) => RETRY_LATER,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = changed.notified() => tokio::time::sleep(CATCH_UP).await,
        }
    }
}

/// Whether nothing more is to be waited for.
pub(crate) fn is_settled(known: &AnonymousRequests) -> bool {
    *known == AnonymousRequests::Off || is_complete(known)
}

/// Whether every answer says something of who may ask, and nothing of how the API server is.
fn is_complete(known: &AnonymousRequests) -> bool {
    let says_something = |answer: &Answer| match answer {
        Answer::RefusedAsAnonymous => true,
        Answer::Status(code) => *code < 500 && *code != StatusCode::TOO_MANY_REQUESTS.as_u16(),
        Answer::Missing(_) => false,
    };
    matches!(known, AnonymousRequests::Answered(answers) if answers.values().all(says_something))
}

/// What objects say of the answers to requests without credentials: if it changes, so may the answers.
#[derive(Debug, PartialEq)]
pub(crate) struct Deciding {
    grants: Vec<(ObjectId, Option<Vec<Rule>>)>,
    servers: Vec<(Name, Flags)>,
}

impl Deciding {
    pub(crate) fn of(rbac: &Rbac, inventory: &Inventory) -> Self {
        let subjects = [
            Subject::User(ANONYMOUS.into()),
            Subject::Group(UNAUTHENTICATED.into()),
        ];
        let bindings = subjects.iter().flat_map(|subject| rbac.bindings_naming(subject));
        let grant = |binding: &ObjectId| {
            let rules = rbac.grant(binding).map(|grant| grant.rules.written().to_vec());
            (binding.clone(), rules)
        };
        let servers = inventory.components(Component::ApiServer);
        Self {
            grants: bindings.map(grant).collect(),
            servers: servers
                .map(|(pod, flags)| (Name::clone(pod), flags.clone()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use plumbline_inventory::Kind;
    use plumbline_inventory::testing::live;
    use serde_json::json;

    use super::*;

    #[test]
    fn no_credential_is_taken_along() {
        let mut config = Config::new("https://127.0.0.1:6443".parse().unwrap());
        config.root_cert = Some(vec![vec![1]]);
        config.auth_info.token = Some("secret".to_owned().into());
        config.auth_info.token_file = Some("/var/run/token".to_owned());
        config.auth_info.client_certificate_data = Some("secret".to_owned());
        config.auth_info.impersonate = Some("admin".to_owned());
        let header = (
            http::header::AUTHORIZATION,
            http::HeaderValue::from_static("secret"),
        );
        config.headers.push(header);
        let config = without_credentials(&config);
        assert_eq!(
            format!("{:?}", config.auth_info),
            format!("{:?}", AuthInfo::default())
        );
        assert_eq!(config.headers, []);
        assert_eq!(config.root_cert, Some(vec![vec![1]]));
    }

    #[test]
    fn answers_about_the_server_are_no_answers() {
        let known = |answer: Answer| {
            let answers = [("/livez".into(), Answer::Status(200)), ("/api".into(), answer)];
            is_complete(&AnonymousRequests::of(answers.into()))
        };
        assert!(
            known(Answer::Status(401)) && known(Answer::RefusedAsAnonymous) && known(Answer::Status(302))
        );
        assert!(!known(Answer::Status(503)) && !known(Answer::Status(429)));
        assert!(!known(Answer::Missing("no answer in time".into())));
        assert!(!is_complete(&AnonymousRequests::Unreachable("no route".into())));
    }

    #[test]
    fn a_binding_of_an_anonymous_subject_and_its_role_decide_and_no_other_does() {
        let mut inventory = Inventory::live();
        let deciding = |inventory: &Inventory| Deciding::of(&Rbac::of(inventory), inventory);
        let binding = |name: &str, user: &str| {
            live(Kind::ClusterRoleBinding, name)
                .set("roleRef", json!({ "kind": "ClusterRole", "name": "reader" }))
                .set("subjects", json!([{ "kind": "User", "name": user }]))
        };
        let before = deciding(&inventory);
        inventory.apply(binding("alice", "alice").object());
        assert_eq!(deciding(&inventory), before);
        inventory.apply(binding("everybody", ANONYMOUS).object());
        let bound = deciding(&inventory);
        assert_ne!(bound, before);
        let rule = json!({ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] });
        inventory.apply(live(Kind::ClusterRole, "reader").push("rules", rule).object());
        assert_ne!(deciding(&inventory), bound);
    }
}
