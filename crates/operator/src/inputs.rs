//! The kinds that are watched, and what became of each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use plumbline_baseline::required_kinds;
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
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(60);

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

/// Whether the operator may list and watch `kind`. Asking needs no right of its own, and is never refused.
pub(crate) async fn may_read(client: Client, kind: Kind) -> bool {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client);
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
    answer.is_ok_and(|review| review.is_ok_and(|review| review.status.is_some_and(|status| status.allowed)))
}

/// The inputs of the inventory, and since when each of them fails.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    failing: BTreeMap<Kind, (Instant, Failure)>,
    /// When each input was last heard of.
    pub(crate) last_sync: BTreeMap<Kind, Timestamp>,
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
        let known = self
            .failing
            .get(&kind)
            .is_some_and(|(_, known)| *known == failure);
        if !known {
            match &failure {
                Failure::Forbidden => tracing::warn!(input = %kind, "the operator may not list or watch it"),
                Failure::Absent => tracing::warn!(input = %kind, "the API server does not serve it"),
                Failure::Other(error) => tracing::warn!(input = %kind, "cannot be read: {error}"),
            }
        }
        let since = self.failing.get(&kind).map_or(now, |(since, _)| *since);
        self.failing.insert(kind, (since, failure));
    }

    /// Inputs that have failed for long enough are what they fail with; tells when the next one is.
    pub(crate) fn settle(&self, inventory: &mut Inventory, now: Instant) -> Option<Instant> {
        let mut next = None;
        for (kind, (since, failure)) in &self.failing {
            let (state, grace) = match (failure, inventory.coverage(*kind).state) {
                // Nothing is settled by an API server that cannot be reached.
                (Failure::Other(_), InputState::Pending) => continue,
                (Failure::Other(_), _) => (InputState::Failing, GRACE),
                (Failure::Forbidden, InputState::Pending) => (InputState::Forbidden, FIRST_GRACE),
                (Failure::Forbidden, _) => (InputState::Forbidden, GRACE),
                (Failure::Absent, InputState::Pending) => (InputState::Absent, FIRST_GRACE),
                (Failure::Absent, _) => (InputState::Absent, GRACE),
            };
            let due = *since + grace;
            if now >= due {
                inventory.set_input(*kind, state);
            } else {
                next = Some(next.map_or(due, |at: Instant| at.min(due)));
            }
        }
        next
    }
}

/// Whether every kind that items cannot do without has a first list or is settled as forbidden or absent.
pub(crate) fn settled(inventory: &Inventory) -> bool {
    required_kinds()
        .into_iter()
        .all(|kind| inventory.coverage(kind).state != InputState::Pending)
}

/// How an input is named in metrics and logs: `Pod`, `Deployment.apps`.
pub(crate) fn label(kind: Kind) -> String {
    match kind.group() {
        "" => kind.to_string(),
        group => format!("{kind}.{group}"),
    }
}
