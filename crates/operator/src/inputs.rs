//! The kinds that are watched, and what became of each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use plumbline_inventory::lean::Object;
use plumbline_inventory::{InputState, Inventory, Kind, ObjectId};
use tokio::sync::mpsc;

use crate::watch::{Failure, WatchEvent, Watched, resource_of, watch};

/// How long an input that was synced may fail before its items become `Unknown`: an API server that restarts is
/// back before that.
pub(crate) const GRACE: Duration = Duration::from_secs(15);

/// How long an input that was never read may be refused before that counts as the answer: an API server that
/// has just started refuses everybody until it has read its roles.
pub(crate) const FIRST_GRACE: Duration = Duration::from_secs(2);

/// How often it is asked whether an optional kind may be read by now.
pub(crate) const ASK_AGAIN: Duration = Duration::from_mins(1);

/// Something that happened to an input.
#[derive(Debug)]
pub(crate) enum InputEvent {
    /// A list begins.
    Begin(Kind),
    /// An object exists.
    Object(Box<Object>),
    /// An object exists and does not decode.
    Undecodable(Kind, Identity, String),
    /// An object is gone.
    Gone(Kind, Identity),
    /// The list is complete.
    End(Kind),
    /// The kind cannot be read.
    Failed(Kind, Failure),
}

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    namespace: Option<String>,
    name: String,
}

impl Identity {
    fn of(object: &Watched) -> Self {
        let meta = kube::Resource::meta(object);
        Self {
            namespace: meta.namespace.clone(),
            name: meta.name.clone().unwrap_or_default(),
        }
    }

    fn id(self, kind: Kind) -> ObjectId {
        ObjectId {
            kind,
            namespace: self.namespace.map(Into::into),
            name: self.name.into(),
        }
    }
}

/// Watches `kind`, decodes what comes, and passes it on until nobody listens.
pub(crate) async fn watch_input(client: Client, kind: Kind, events: mpsc::Sender<InputEvent>) {
    watch(client, &resource_of(kind), |event| {
        let event = decode(kind, event);
        let events = events.clone();
        async move { events.send(event).await.is_ok() }
    })
    .await;
}

fn decode(kind: Kind, event: WatchEvent) -> InputEvent {
    match event {
        WatchEvent::Begin => InputEvent::Begin(kind),
        WatchEvent::End => InputEvent::End(kind),
        WatchEvent::Failed(failure) => InputEvent::Failed(kind, failure),
        WatchEvent::Gone(object) => InputEvent::Gone(kind, Identity::of(&object)),
        WatchEvent::Object(object) => match Object::from_json(kind, object.json()) {
            Ok(object) => InputEvent::Object(Box::new(object)),
            Err(error) => InputEvent::Undecodable(kind, Identity::of(&object), error),
        },
    }
}

/// Asks whether an optional kind may be read, first at once and then from time to time, until it may.
pub(crate) async fn ask_for<F: Future<Output = ()>>(client: Client, kind: Kind, tell: impl Fn(bool) -> F) {
    let mut pause = FIRST_GRACE;
    loop {
        let answer = may_read(&client, kind).await;
        if let Some(granted) = answer {
            tell(granted).await;
            if granted {
                return;
            }
        }
        tokio::time::sleep(pause).await;
        // An API server that has just started refuses everybody; after the second refusal there is no hurry.
        if answer.is_some() {
            pause = ASK_AGAIN;
        }
    }
}

/// Whether the operator may list and watch `kind`, if the API server answers. Asking needs no right of its own,
/// and is never refused.
async fn may_read(client: &Client, kind: Kind) -> Option<bool> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let attributes = ResourceAttributes {
        group: Some(kind.group().to_owned()),
        resource: Some(kind.plural().to_owned()),
        verb: Some("watch".to_owned()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..Default::default()
        },
        ..Default::default()
    };
    let answer = tokio::time::timeout(
        Duration::from_secs(10),
        reviews.create(&PostParams::default(), &review),
    )
    .await;
    Some(answer.ok()?.ok()?.status?.allowed)
}

/// The inputs of the inventory, and since when each of them fails.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    failing: BTreeMap<Kind, Failing>,
    /// When each input was last heard of.
    pub(crate) last_sync: BTreeMap<Kind, Timestamp>,
}

/// An input that cannot be read.
#[derive(Debug)]
struct Failing {
    since: Instant,
    failure: Failure,
    /// Since when it has failed in this way.
    as_now: Instant,
}

impl Inputs {
    /// Lets an event change the inventory.
    pub(crate) fn apply(&mut self, event: InputEvent, inventory: &mut Inventory, now: Instant) {
        let kind = match event {
            InputEvent::Begin(kind) => {
                inventory.begin_relist(kind);
                return;
            }
            InputEvent::Failed(kind, failure) => {
                self.fail(kind, failure, now);
                return;
            }
            InputEvent::Object(object) => {
                let kind = object.kind();
                inventory.apply(*object);
                kind
            }
            InputEvent::Undecodable(kind, identity, error) => {
                let id = identity.id(kind);
                tracing::warn!(object = %id, "cannot be read: {error}");
                inventory.apply_undecodable(id, error);
                kind
            }
            InputEvent::Gone(kind, identity) => {
                inventory.delete(&identity.id(kind));
                kind
            }
            InputEvent::End(kind) => {
                inventory.end_relist(kind);
                if self.failing.remove(&kind).is_some() {
                    tracing::info!(input = %kind, "is read again");
                }
                kind
            }
        };
        self.last_sync.insert(kind, Timestamp::now());
    }

    fn fail(&mut self, kind: Kind, failure: Failure, now: Instant) {
        let known = self.failing.get(&kind);
        if known.is_none_or(|known| known.failure != failure) {
            match &failure {
                Failure::Forbidden => tracing::warn!(input = %kind, "the operator may not list or watch it"),
                Failure::Absent => tracing::warn!(input = %kind, "the API server does not serve it"),
                Failure::Other(error) => tracing::warn!(input = %kind, "cannot be read: {error}"),
            }
        }
        let same_way = |known: &&Failing| known.failure.reason() == failure.reason();
        let failing = Failing {
            since: known.map_or(now, |known| known.since),
            as_now: known.filter(same_way).map_or(now, |known| known.as_now),
            failure,
        };
        self.failing.insert(kind, failing);
    }

    /// Inputs that have failed for long enough are what they fail with; tells when the next one is.
    pub(crate) fn settle(&self, inventory: &mut Inventory, now: Instant) -> Option<Instant> {
        let mut next = None;
        for (kind, failing) in &self.failing {
            let known = inventory.coverage(*kind).state;
            let state = match failing.failure {
                Failure::Forbidden => InputState::Forbidden,
                Failure::Absent => InputState::Absent,
                // Nothing is settled by an API server that cannot be reached.
                Failure::Other(_) if known == InputState::Pending => continue,
                Failure::Other(_) => InputState::Failing,
            };
            let due = match (state, known) {
                (InputState::Failing, InputState::Forbidden | InputState::Absent) => failing.as_now + GRACE,
                (InputState::Failing, _) => failing.since + GRACE,
                (_, InputState::Pending) => failing.as_now + FIRST_GRACE,
                // An API server that comes back refuses everybody at first.
                _ => (failing.since + GRACE).max(failing.as_now + FIRST_GRACE),
            };
            if now >= due {
                inventory.set_input(*kind, state);
            } else {
                next = Some(next.map_or(due, |at: Instant| at.min(due)));
            }
        }
        next
    }
}

/// Whether `kind` has a first list or is settled as forbidden or absent.
pub(crate) fn is_settled(kind: Kind, inventory: &Inventory) -> bool {
    inventory.coverage(kind).state != InputState::Pending
}

/// How an input is named in metrics and logs: `Pod`, `Deployment.apps`.
pub(crate) fn label(kind: Kind) -> String {
    match kind.group() {
        "" => kind.to_string(),
        group => format!("{kind}.{group}"),
    }
}
