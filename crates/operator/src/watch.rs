//! Watching a kind: from the API server to decoded events.

use std::borrow::Cow;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ApiResource;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use plumbline_inventory::Kind;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// How long the API server keeps a watch open. A connection that has died without a word is noticed that much
/// later; the read timeout of the client is a little longer.
pub(crate) const WATCH_SECONDS: u32 = 60;

/// Objects in a page of a list: small, since a page is in memory as text and as objects at once.
pub(crate) const PAGE: u32 = 250;

/// An object as it came over the wire: who it is, and its text.
///
/// The text is decoded into a lean type by whoever knows the kind, so that there is one watcher for all of
/// them, and so that an object that does not decode spoils no page.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    meta: ObjectMeta,
    json: Box<RawValue>,
}

impl Watched {
    /// The object's JSON.
    pub(crate) fn json(&self) -> &str {
        self.json.get()
    }
}

impl<'de> Deserialize<'de> for Watched {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Identified {
            metadata: Identity,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Identity {
            name: Option<String>,
            namespace: Option<String>,
            uid: Option<String>,
            resource_version: Option<String>,
            generation: Option<i64>,
        }
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let Identified { metadata } = serde_json::from_str(json.get()).map_err(D::Error::custom)?;
        let meta = ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            generation: metadata.generation,
            ..ObjectMeta::default()
        };
        Ok(Self { meta, json })
    }
}

impl Resource for Watched {
    type DynamicType = ApiResource;
    type Scope = kube::core::DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&resource.kind)
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&resource.group)
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&resource.version)
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        Cow::Borrowed(&resource.plural)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

/// The resource that `kind` is listed under.
pub(crate) fn resource_of(kind: Kind) -> ApiResource {
    ApiResource {
        group: kind.group().to_owned(),
        version: kind.versions()[0].to_owned(),
        api_version: kind.api_version(),
        kind: kind.as_str().to_owned(),
        plural: kind.plural().to_owned(),
    }
}

/// Why a list or a watch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The operator may not.
    Forbidden,
    /// The API server does not serve the resource.
    Absent,
    /// Anything else, in one line.
    Other(String),
}

impl Failure {
    /// A word for metrics.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::Absent => "absent",
            Self::Other(_) => "error",
        }
    }

    fn of(error: &watcher::Error) -> Self {
        use watcher::Error as E;
        let response = match error {
            E::InitialListFailed(error) | E::WatchStartFailed(error) | E::WatchFailed(error) => match error {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            E::WatchError(status) => Some(status.code),
            E::NoResourceVersion => None,
        };
        match response {
            Some(403) => Self::Forbidden,
            Some(404) => Self::Absent,
            _ => Self::Other(one_line(error)),
        }
    }
}

/// An error with its causes, in one line.
pub(crate) fn one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line.replace('\n', " ")
}

/// What happens on a watch.
#[derive(Debug)]
pub(crate) enum WatchEvent {
    /// A list begins.
    Begin,
    /// An object exists.
    Object(Watched),
    /// The list is complete: what it did not contain is gone.
    End,
    /// An object is gone.
    Gone(Watched),
    /// The resource cannot be read at present. The next list that succeeds says that it can again.
    Failed(Failure),
}

/// Failures in a row after which a watch is given up and the resource listed anew. A watch alone would not say
/// that it has recovered, and would repeat an expired resource version for ever.
const PATIENCE: u32 = 3;

/// The pause after the first failure; it doubles with each one in a row, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Lists and watches `resource` until `sink` says that nobody listens any more.
pub(crate) async fn watch<S, F>(client: Client, resource: &ApiResource, mut sink: S)
where
    S: FnMut(WatchEvent) -> F,
    F: Future<Output = bool>,
{
    let api: Api<Watched> = Api::all_with(client, resource);
    let config = watcher::Config::default().page_size(PAGE).timeout(WATCH_SECONDS);
    let mut failures = 0;
    let mut reason = "";
    loop {
        let mut events = std::pin::pin!(watcher(api.clone(), config.clone()));
        while let Some(event) = events.next().await {
            let event = match event {
                Ok(event) => {
                    // Only what shows that the API server answers ends a row of failures.
                    if !matches!(event, Event::Init) {
                        failures = 0;
                    }
                    translate(event)
                }
                Err(error) => {
                    let failure = Failure::of(&error);
                    // Another answer than before may be followed by yet another soon.
                    failures = if failure.reason() == reason {
                        failures + 1
                    } else {
                        1
                    };
                    reason = failure.reason();
                    let pause = FIRST_PAUSE
                        .saturating_mul(1 << failures.min(8))
                        .min(LONGEST_PAUSE);
                    tracing::debug!(resource = resource.plural, failures, ?pause, "{failure:?}");
                    let settled = matches!(failure, Failure::Forbidden | Failure::Absent);
                    if (settled || failures >= PATIENCE) && !sink(WatchEvent::Failed(failure)).await {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                    if settled || failures >= PATIENCE {
                        break;
                    }
                    continue;
                }
            };
            if !sink(event).await {
                return;
            }
        }
    }
}

fn translate(event: Event<Watched>) -> WatchEvent {
    match event {
        Event::Init => WatchEvent::Begin,
        Event::InitApply(object) | Event::Apply(object) => WatchEvent::Object(object),
        Event::InitDone => WatchEvent::End,
        Event::Delete(object) => WatchEvent::Gone(object),
    }
}
