//! The main loop: one task that owns the inventory and everything that follows from it.
//!
//! Every turn takes in what has arrived, evaluates what became dirty, and sends the reports that are due to
//! the writer. A standby does the same and sends nothing.

mod baselines;
mod reporting;
mod watches;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::{Client, Config};
use plumbline_baseline::{optional_kinds, required_kinds};
use plumbline_engine::Evaluation;
use plumbline_inventory::{AnonymousRequests, InputState, Inventory, Kind, Name, ServerVersion};
use tokio::sync::{Notify, mpsc, watch as latest};
use tokio_util::sync::CancellationToken;

use crate::Options;
use crate::anonymous::{self, Deciding};
use crate::assessment::Assessments;
use crate::decisions::Decisions;
use crate::inputs::{self, InputEvent, Inputs};
use crate::leadership::{Leadership, next_write};
use crate::metrics::{Input, Metrics};
use crate::server::Health;
use crate::watch::WatchEvent;
use crate::writer::Writer;

/// How long stored reports stand as they are while inputs are listed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Events taken in before the next evaluation: a turn stays short under any load.
const TURN: usize = 512;

/// The longest time without a sign of life on `/healthz`.
const BEAT: Duration = Duration::from_secs(10);

/// What the main loop takes in.
#[derive(Debug)]
pub(crate) enum Event {
    Input(InputEvent),
    /// Whether an optional kind may be read: if so, it is watched from now on.
    Optional(Kind, bool),
    /// What requests without credentials are answered.
    Anonymous(AnonymousRequests),
    /// The version of the API server, if it tells.
    Version(Option<ServerVersion>),
    Baseline(WatchEvent),
    /// Of the reports of the kind with this place in [`crate::reports::resources`].
    Report(usize, WatchEvent),
    /// The reports that were left behind by an earlier baseline of this name have been read for the one of this
    /// uid.
    LeftBehind(Name, String),
}

/// The state of the main loop.
pub(crate) struct Core {
    client: Client,
    config: Config,
    options: Options,
    metrics: Metrics,
    health: Arc<Health>,
    events: mpsc::Sender<Event>,
    writer: Writer,
    inventory: Inventory,
    inputs: Inputs,
    watched: BTreeSet<Kind>,
    /// Optional kinds of which nobody knows yet whether they may be read.
    unasked: BTreeSet<Kind>,
    /// What objects say of requests without credentials, and whom to tell when that changes.
    deciding: Option<Deciding>,
    /// When all lists were there, and only answers to requests without credentials were not.
    listed_since: Option<Instant>,
    ask_again: Arc<Notify>,
    /// Whether it has been asked for its version, and whom to tell that it may have got another.
    version_asked: bool,
    restarted: Arc<Notify>,
    /// Whether every input has been settled once: then there are results, and there always will be.
    settled: bool,
    /// The baselines, each with its results.
    assessments: Assessments,
    /// What is said about waivers, approvals and attestations.
    decisions: Decisions,
    /// Objects of each watched kind when they were last counted.
    counts: Vec<u32>,
    /// Set while this replica holds the lease.
    leadership: Option<Leadership>,
    started: Instant,
    next_heartbeat: Instant,
    /// When an input that fails will have failed for long enough.
    next_settling: Option<Instant>,
}

impl Core {
    pub(crate) fn new(
        client: Client,
        config: Config,
        options: Options,
        metrics: Metrics,
        health: Arc<Health>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let now = Instant::now();
        let heartbeat = options.heartbeat;
        Self {
            writer: Writer::new(client.clone()),
            client,
            config,
            options,
            metrics,
            health,
            events,
            inventory: Inventory::live(),
            inputs: Inputs::default(),
            watched: BTreeSet::new(),
            unasked: optional_kinds(),
            listed_since: None,
            deciding: None,
            ask_again: Arc::default(),
            version_asked: false,
            restarted: Arc::default(),
            settled: false,
            assessments: Assessments::new(now),
            decisions: Decisions::new(now),
            counts: Vec::new(),
            leadership: None,
            started: now,
            next_heartbeat: now + heartbeat,
            next_settling: None,
        }
    }

    /// Runs until `stop`.
    pub(crate) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Event>,
        mut leads: latest::Receiver<bool>,
        stop: CancellationToken,
    ) {
        for kind in required_kinds() {
            self.watch_input(kind);
        }
        self.watch_optional();
        self.ask_anonymously();
        self.ask_version();
        self.watch_baselines();
        loop {
            let wake = self.next_turn();
            tokio::select! {
                () = stop.cancelled() => break,
                Ok(()) = leads.changed() => {
                    let leader = *leads.borrow_and_update();
                    self.lead(leader);
                }
                event = inbox.recv() => {
                    // The sender in `self` keeps the channel open.
                    let Some(event) = event else { break };
                    self.take(event);
                    for _ in 1..TURN {
                        let Ok(event) = inbox.try_recv() else { break };
                        self.take(event);
                    }
                }
                Some(done) = next_write(&mut self.leadership) => self.done(done),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            self.turn();
        }
        if let Some(leadership) = self.leadership.take() {
            leadership.finish().await;
        }
    }

    fn next_turn(&self) -> Instant {
        let now = Instant::now();
        let mut wake = self.next_settling.map_or(now + BEAT, |at| at.min(now + BEAT));
        let evaluations = self.assessments.in_effect.values();
        let evaluations = evaluations.filter_map(|assessment| assessment.evaluation.as_ref());
        if let Some(due) = evaluations.filter_map(Evaluation::next_due).min() {
            let wait = due.duration_since(Timestamp::now());
            wake = wake.min(now + Duration::try_from(wait).unwrap_or_default().min(BEAT));
        }
        if let Some(leadership) = &self.leadership {
            wake = wake
                .min(leadership.schedule.next().unwrap_or(wake))
                .min(self.next_heartbeat);
            if !self.settled && leadership.may_mark() {
                wake = wake.min(self.started + PATIENCE);
            }
            if self.settled {
                wake = self.decisions.due().map_or(wake, |due| wake.min(due));
            }
            if self.assessments.are_missing() {
                wake = wake.min(self.assessments.next_creation);
            }
        }
        // Never a busy loop: a report that is due and waits for a slot is looked at when a write ends.
        wake.max(now + Duration::from_millis(1))
    }

    fn take(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Input(event) => {
                if let InputEvent::Failed(kind, failure) = &event {
                    self.metrics.restarted(&inputs::label(*kind), failure.reason());
                    self.restarted.notify_one();
                }
                self.inputs.apply(event, &mut self.inventory, now);
            }
            Event::Optional(kind, granted) => {
                self.unasked.remove(&kind);
                if granted {
                    self.watch_input(kind);
                }
            }
            Event::Anonymous(known) => self.inventory.set_anonymous_requests(known),
            Event::Version(version) => {
                self.version_asked = true;
                self.inventory.set_server_version(version);
            }
            Event::Baseline(event) => self.take_baseline(event),
            Event::Report(kind, event) => self.take_report(kind, event),
            Event::LeftBehind(name, uid) => self.take_left_behind(&name, &uid),
        }
    }

    /// Evaluates what became dirty or old, and sends what is due.
    fn turn(&mut self) {
        let now = Instant::now();
        self.next_settling = self.inputs.settle(&mut self.inventory, now);
        self.create_baseline(now);
        let settled = self.is_settled(now);
        self.health.beat(settled);
        if settled {
            self.evaluate(now);
            self.count(now);
            self.publish(now);
            self.say_of_decisions(now);
        } else if now >= self.started + PATIENCE {
            self.mark_syncing();
        }
        self.show();
    }

    /// Whether everything has been there once that a first evaluation needs.
    fn is_settled(&mut self, now: Instant) -> bool {
        self.settled = self.settled || self.settles(now);
        self.settled
    }

    fn settles(&mut self, now: Instant) -> bool {
        let settled = |kind: &Kind| inputs::is_settled(*kind, &self.inventory);
        let has_baseline = self.assessments.listed && !self.assessments.in_effect.is_empty();
        if !has_baseline || !self.unasked.is_empty() || !self.version_asked {
            return false;
        }
        if !self.watched.iter().all(settled) {
            return false;
        }
        let known = self.inventory.anonymous_requests();
        if anonymous::is_settled(known) {
            return true;
        }
        // An API server that was away when it was asked is back now, as the lists show.
        let asked = *known != AnonymousRequests::NotAsked;
        let since = *self.listed_since.get_or_insert_with(|| {
            self.ask_again.notify_one();
            now
        });
        asked && now >= since + anonymous::GRACE
    }

    /// Has every baseline look at what became dirty or old, and at everything if it is new.
    fn evaluate(&mut self, now: Instant) {
        let wall = Timestamp::now();
        self.inventory.judge(wall);
        let dirty = self.inventory.take_dirty();
        let is_first = self.deciding.is_none();
        let may_decide = is_first || dirty.evidence || !dirty.objects.is_empty();
        for (name, assessment) in &mut self.assessments.in_effect {
            let began = Instant::now();
            let Some(changed) = assessment.evaluate(&self.inventory, &dirty, wall) else {
                continue;
            };
            self.metrics.evaluated(began.elapsed().as_secs_f64());
            self.decisions.evaluated(now);
            let leadership = self.leadership.as_mut().filter(|_| !changed.is_empty());
            if let Some(leadership) = leadership
                && let Some(set) = leadership.sets.get_mut(name).filter(|set| set.published)
            {
                let debounce = self.options.debounce;
                set.plan(&changed, &self.inventory, debounce, &mut leadership.schedule, now);
            }
        }
        let mut evaluations = self.assessments.in_effect.values();
        let evaluation = evaluations.find_map(|assessment| assessment.evaluation.as_ref());
        if let Some(evaluation) = evaluation.filter(|_| may_decide) {
            if is_first {
                tracing::info!(after = ?self.started.elapsed(), "every input is settled: first evaluation");
            }
            let deciding = Some(Deciding::of(evaluation.rbac(), &self.inventory));
            if self.deciding != deciding {
                self.deciding = deciding;
                self.ask_again.notify_one();
            }
        }
    }

    /// Has objects counted that came or went without any item thinking anything of it.
    fn count(&mut self, now: Instant) {
        let counts = self
            .watched
            .iter()
            .map(|kind| self.inventory.coverage(*kind).objects);
        if counts.clone().eq(self.counts.iter().copied()) {
            return;
        }
        self.counts = counts.collect();
        if let Some(leadership) = &mut self.leadership {
            for set in leadership.sets.values().filter(|set| set.published) {
                set.recount(&mut leadership.schedule, now);
            }
        }
    }

    /// Shows the state of the inputs in the metrics.
    fn show(&self) {
        let input = |kind: &Kind| {
            let coverage = self.inventory.coverage(*kind);
            Input {
                kind: inputs::label(*kind),
                synced: coverage.state == InputState::Synced,
                objects: coverage.objects,
                undecodable: coverage.undecodable,
                last_event: self.inputs.last_sync.get(kind).map(|at| at.as_second()),
            }
        };
        self.metrics.show(|snapshot| {
            snapshot.inputs.clear();
            snapshot.inputs.extend(self.watched.iter().map(input));
        });
    }
}
