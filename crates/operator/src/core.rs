//! The main loop: one task that owns the inventory and everything that follows from it.
//!
//! Every turn takes in what has arrived, evaluates what became dirty, and sends the reports that are due to
//! the writer. A standby does the same and sends nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::{Client, Config};
use plumbline_api::conditions::{self, ConditionType};
use plumbline_api::{ComplianceBaseline, ReportStatus};
use plumbline_baseline::{optional_kinds, required_kinds};
use plumbline_engine::report::Source;
use plumbline_engine::{Changed, Evaluation, Home};
use plumbline_inventory::{AnonymousRequests, InputState, Inventory, Kind, ServerVersion};
use tokio::sync::{Notify, mpsc, watch as latest};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Options;
use crate::anonymous::{self, Deciding};
use crate::baselines::{self, Baseline};
use crate::inputs::{self, InputEvent, Inputs};
use crate::leadership::{Leadership, Written, next_write};
use crate::metrics::{Input, Metrics, Verdict};
use crate::reports::{self, Found};
use crate::server::Health;
use crate::version;
use crate::watch::{Failure, WatchEvent, Watched, one_line, watch};
use crate::writer::{WriteError, Writer};

/// How long stored reports stand as they are while inputs are listed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause after an attempt to create the baseline.
const CREATE_AGAIN: Duration = Duration::from_secs(5);

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
    /// Of the reports of the kind with this place in [`reports::resources`].
    Report(usize, WatchEvent),
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
    /// The results, once every input is settled.
    evaluation: Option<Evaluation>,
    /// The baseline in effect, which stays so when it is deleted.
    baseline: Option<Baseline>,
    /// Whether baselines are listed, and the one we go by is among them.
    baselines_listed: bool,
    baseline_exists: bool,
    /// When the baseline is to be created, if it does not exist.
    next_creation: Instant,
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
            evaluation: None,
            baseline: None,
            baselines_listed: false,
            baseline_exists: false,
            next_creation: now,
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
                Some(written) = next_write(&mut self.leadership) => self.written(written),
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
        if let Some(due) = self.evaluation.as_ref().and_then(Evaluation::next_due) {
            let wait = due.duration_since(Timestamp::now());
            wake = wake.min(now + Duration::try_from(wait).unwrap_or_default().min(BEAT));
        }
        if let Some(leadership) = &self.leadership {
            wake = wake
                .min(leadership.schedule.next().unwrap_or(wake))
                .min(self.next_heartbeat);
            if self.evaluation.is_none() && !leadership.marked {
                wake = wake.min(self.started + PATIENCE);
            }
            if self.lacks_baseline() {
                wake = wake.min(self.next_creation);
            }
        }
        // Never a busy loop: a report that is due and waits for a slot is looked at when a write ends.
        wake.max(now + Duration::from_millis(1))
    }

    fn watch_input(&mut self, kind: Kind) {
        if self.watched.insert(kind) {
            let (inputs, mut decoded) = mpsc::channel(64);
            let events = self.events.clone();
            tokio::spawn(inputs::watch_input(self.client.clone(), kind, inputs));
            tokio::spawn(async move {
                while let Some(event) = decoded.recv().await {
                    if events.send(Event::Input(event)).await.is_err() {
                        return;
                    }
                }
            });
        }
    }

    /// Asks from time to time whether optional kinds may be read, without ever being refused.
    fn watch_optional(&self) {
        for kind in optional_kinds() {
            let (client, events) = (self.client.clone(), self.events.clone());
            tokio::spawn(inputs::ask_for(client, kind, move |granted| {
                let events = events.clone();
                async move { drop(events.send(Event::Optional(kind, granted)).await) }
            }));
        }
    }

    /// Sends requests without credentials from time to time, unless nobody wants that.
    fn ask_anonymously(&mut self) {
        if !self.options.anonymous_probe {
            return self.inventory.set_anonymous_requests(AnonymousRequests::Off);
        }
        let (config, changed, events) = (
            self.config.clone(),
            Arc::clone(&self.ask_again),
            self.events.clone(),
        );
        tokio::spawn(anonymous::keep_asking(config, changed, move |known| {
            let events = events.clone();
            async move { drop(events.send(Event::Anonymous(known)).await) }
        }));
    }

    /// Asks for the version of the API server from time to time, and when it has been away.
    fn ask_version(&self) {
        let (client, changed, events) = (
            self.client.clone(),
            Arc::clone(&self.restarted),
            self.events.clone(),
        );
        tokio::spawn(version::keep_asking(client, changed, move |version| {
            let events = events.clone();
            async move { drop(events.send(Event::Version(version)).await) }
        }));
    }

    fn watch_baselines(&self) {
        let resource = kube::api::ApiResource::erase::<ComplianceBaseline>(&());
        let (client, events) = (self.client.clone(), self.events.clone());
        tokio::spawn(async move {
            watch(client, &resource, |event| {
                let events = events.clone();
                async move { events.send(Event::Baseline(event)).await.is_ok() }
            })
            .await;
        });
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
        }
    }

    fn take_baseline(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Begin => {
                self.baselines_listed = false;
                self.baseline_exists = false;
            }
            WatchEvent::Object(object) if is_default(&object) => {
                self.baseline_exists = true;
                self.read_baseline(&object);
            }
            WatchEvent::Gone(object) if is_default(&object) => {
                tracing::warn!("the baseline is gone; its settings stay in effect until there is another");
                self.baseline_exists = false;
            }
            WatchEvent::Object(_) | WatchEvent::Gone(_) => {}
            WatchEvent::End => self.baselines_listed = true,
            WatchEvent::Failed(Failure::Absent) => {
                tracing::error!(
                    "the CRDs are not installed: kubectl apply -k config/default (or: plumbline crds | kubectl apply -f -)"
                );
            }
            WatchEvent::Failed(failure) => tracing::warn!("baselines cannot be read: {failure:?}"),
        }
    }

    fn read_baseline(&mut self, object: &Watched) {
        let baseline = match Baseline::read(object.json()) {
            Ok(baseline) => baseline,
            Err(error) => {
                tracing::error!(
                    "baseline {} cannot be read and is not honoured: {error}",
                    baselines::DEFAULT
                );
                return;
            }
        };
        let before = self.baseline.replace(baseline);
        let baseline = self.baseline.as_ref().expect("just put there");
        let changed = before
            .as_ref()
            .is_none_or(|before| before.settings != baseline.settings);
        if changed && self.evaluation.is_some() {
            self.inventory.take_dirty();
            self.evaluation = Some(Evaluation::full(
                &self.inventory,
                &baseline.settings,
                Timestamp::now(),
            ));
        }
        let now = Instant::now();
        if let Some(leadership) = &mut self.leadership {
            if let Some(status) = baseline.status(Timestamp::now()) {
                let (writer, name) = (self.writer.clone(), baseline.reference.name.clone());
                leadership.others.spawn(async move {
                    if let Err(error) = writer.write_baseline(&name, &status).await {
                        tracing::warn!("the status of baseline {name} is refused: {}", one_line(&error));
                    }
                });
            }
            if before.is_some_and(|before| before.reference != baseline.reference) {
                for (home, entry) in &mut leadership.entries {
                    entry.memory.rebase();
                    leadership.schedule.at(home, now);
                }
            }
        }
        self.watch_reports();
    }

    fn lacks_baseline(&self) -> bool {
        self.leadership.is_some() && self.baselines_listed && !self.baseline_exists
    }

    /// Creates the baseline if there is none, and tries again after a while if that fails.
    fn create_baseline(&mut self, now: Instant) {
        if !self.lacks_baseline() || now < self.next_creation {
            return;
        }
        self.next_creation = now + CREATE_AGAIN;
        let Some(leadership) = &mut self.leadership else {
            return;
        };
        let (writer, events) = (self.writer.clone(), self.events.clone());
        leadership.others.spawn(async move {
            match writer.create_baseline(baselines::DEFAULT).await {
                // The watch on a kind that is served for the first time may be seconds behind.
                Ok(Some(baseline)) => drop(events.send(Event::Baseline(WatchEvent::Object(baseline))).await),
                Ok(None) => {}
                Err(error) => tracing::error!("the baseline cannot be created: {}", one_line(&error)),
            }
        });
    }

    /// This replica has gained or lost the lease.
    fn lead(&mut self, leader: bool) {
        self.metrics.show(|snapshot| {
            snapshot.leader = leader;
            if !leader {
                // What a former holder thought is nobody's verdict.
                snapshot.verdict = None;
            }
        });
        if !leader {
            if let Some(leadership) = self.leadership.take() {
                tracing::warn!("the lease is lost: standing by");
                leadership.watches.iter().for_each(JoinHandle::abort);
            }
            return;
        }
        tracing::info!("holding the lease: writing");
        self.leadership = Some(Leadership::new(Instant::now()));
        self.watch_reports();
    }

    /// Reads the stored reports, once it is known which baseline they go by, and watches over them.
    fn watch_reports(&mut self) {
        let (Some(_), Some(leadership)) = (&self.baseline, &mut self.leadership) else {
            return;
        };
        if !leadership.watches.is_empty() {
            return;
        }
        for (at, resource) in reports::resources().into_iter().enumerate() {
            let (client, events) = (self.client.clone(), self.events.clone());
            leadership.watches.push(tokio::spawn(async move {
                watch(client, &resource, |event| {
                    let events = events.clone();
                    async move { events.send(Event::Report(at, event)).await.is_ok() }
                })
                .await;
            }));
        }
    }

    fn take_report(&mut self, kind: usize, event: WatchEvent) {
        let (Some(baseline), Some(leadership)) = (&self.baseline, &mut self.leadership) else {
            return;
        };
        let is_ours = |found: &Found| found.name == baseline.reference.name;
        match event {
            WatchEvent::Begin => leadership.begin_listing(kind),
            WatchEvent::End => leadership.end_listing(kind),
            WatchEvent::Failed(failure) => tracing::warn!("reports cannot be read: {failure:?}"),
            WatchEvent::Object(object) => {
                let found = Found::read(&object);
                if is_ours(&found) {
                    leadership.found(found, kind, &baseline.reference);
                }
            }
            WatchEvent::Gone(object) => {
                let found = Found::read(&object);
                if is_ours(&found) {
                    leadership.gone(&found);
                }
            }
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
            self.publish(now);
        } else if now >= self.started + PATIENCE {
            self.mark_syncing();
        }
        self.show();
    }

    /// Whether everything has been there once that a first evaluation needs.
    fn is_settled(&mut self, now: Instant) -> bool {
        let settled = |kind: &Kind| inputs::is_settled(*kind, &self.inventory);
        if self.evaluation.is_some() {
            return true;
        }
        if self.baseline.is_none() || !self.unasked.is_empty() || !self.version_asked {
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

    fn evaluate(&mut self, now: Instant) {
        let Some(baseline) = &self.baseline else { return };
        let (dirty, wall) = (self.inventory.take_dirty(), Timestamp::now());
        let is_current = |evaluation: &Evaluation| evaluation.next_due().is_none_or(|due| due > wall);
        if dirty.is_empty() && self.evaluation.as_ref().is_some_and(is_current) {
            return;
        }
        let settings = &baseline.settings;
        let may_decide = self.deciding.is_none() || dirty.evidence || !dirty.objects.is_empty();
        let changed = match &mut self.evaluation {
            Some(evaluation) => evaluation.update(&self.inventory, settings, dirty, wall),
            first => {
                *first = Some(Evaluation::full(&self.inventory, settings, wall));
                tracing::info!(after = ?self.started.elapsed(), "every input is settled: first evaluation");
                Changed {
                    everywhere: true,
                    ..Changed::default()
                }
            }
        };
        self.metrics.evaluated(now.elapsed().as_secs_f64());
        if let Some(evaluation) = self.evaluation.as_ref().filter(|_| may_decide) {
            let deciding = Some(Deciding::of(evaluation.rbac(), &self.inventory));
            if self.deciding != deciding {
                self.deciding = deciding;
                self.ask_again.notify_one();
            }
        }
        if !changed.is_empty()
            && let Some(leadership) = &mut self.leadership
            && leadership.published
        {
            leadership.plan(&changed, &self.inventory, self.options.debounce, now);
        }
    }

    fn publish(&mut self, now: Instant) {
        let (Some(baseline), Some(evaluation), Some(leadership)) =
            (&self.baseline, &self.evaluation, &mut self.leadership)
        else {
            return;
        };
        if leadership.listed != [true; 2] {
            return;
        }
        if !leadership.published {
            leadership.published = true;
            leadership.begin(&self.inventory, now);
        }
        if now >= self.next_heartbeat {
            self.next_heartbeat = now + self.options.heartbeat;
            leadership.heartbeat(now);
        }
        let cluster_id = self
            .inventory
            .namespace("kube-system")
            .and_then(|namespace| namespace.facts()?.uid)
            .map(|uid| uid.to_string());
        // An optional kind that has only just been granted is not counted on yet.
        let settled = |kind: &&Kind| inputs::is_settled(**kind, &self.inventory);
        let inputs: Vec<Kind> = self.watched.iter().filter(settled).copied().collect();
        // Writes report back between turns: within one, nothing is refused.
        let refused = reports::refusals(&leadership.entries);
        while leadership.has_room() {
            let Some(home) = leadership.schedule.pop(now) else {
                break;
            };
            let source = Source {
                inventory: &self.inventory,
                evaluation,
                settings: &baseline.settings,
                baseline: &baseline.reference,
                cluster_id: cluster_id.as_deref(),
                inputs: &inputs,
                refused: refused.as_deref(),
                last_sync: &self.inputs.last_sync,
            };
            if let Some((status, transitions)) = leadership.send(&home, &source, &self.writer, now) {
                if home == Home::Cluster {
                    let verdict = verdict(&baseline.reference.name, &status);
                    self.metrics.show(|snapshot| snapshot.verdict = Some(verdict));
                }
                leadership.tell(
                    &home,
                    &transitions,
                    &status,
                    baseline,
                    &self.writer,
                    &self.options.identity,
                );
            }
        }
    }

    /// Says on stored reports that what they say is from before.
    fn mark_syncing(&mut self) {
        let (Some(baseline), Some(leadership)) = (&self.baseline, &mut self.leadership) else {
            return;
        };
        if leadership.marked || leadership.listed != [true; 2] {
            return;
        }
        leadership.marked = true;
        let homes: BTreeSet<Home> = leadership
            .entries
            .keys()
            .cloned()
            .chain([Home::Cluster])
            .collect();
        let (writer, reference) = (self.writer.clone(), baseline.reference.clone());
        tracing::warn!("inputs are still being listed after {PATIENCE:?}: reports say so");
        leadership.others.spawn(async move {
            for home in homes {
                if let Err(error) = writer.mark_syncing(&home, &reference, Timestamp::now()).await {
                    tracing::warn!(
                        "the report of {home:?} cannot say that it is being evaluated: {}",
                        one_line(&error)
                    );
                }
            }
        });
    }

    fn written(&mut self, written: Written) {
        let Some(leadership) = &mut self.leadership else {
            return;
        };
        let result = written.result.as_ref();
        self.metrics.wrote(
            reports::kind_of(&written.home),
            result.map_or_else(WriteError::result, |_| "ok"),
        );
        if let (Ok(_), Some(changed)) = (result, written.changed) {
            self.metrics.reported(changed.elapsed().as_secs_f64());
        }
        leadership.written(written, self.options.debounce);
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

fn is_default(object: &Watched) -> bool {
    kube::Resource::meta(object).name.as_deref() == Some(baselines::DEFAULT)
}

fn verdict(baseline: &str, status: &ReportStatus) -> Verdict {
    let says = |type_: ConditionType| match conditions::find(&status.conditions, type_)?.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    };
    Verdict {
        baseline: baseline.to_owned(),
        items: status
            .items
            .iter()
            .map(|item| (item.id.clone(), item.status, item.failing))
            .collect(),
        score: status.summary.as_ref().and_then(|summary| summary.score),
        compliant: says(ConditionType::Compliant),
        drifted: says(ConditionType::Drifted),
        waivers: status.waivers.clone().unwrap_or_default(),
        evaluated: status.last_evaluated.as_ref().map_or(0, |at| at.0.as_second()),
    }
}
