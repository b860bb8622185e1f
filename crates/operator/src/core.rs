//! The main loop: one task that owns the inventory and everything that follows from it.
//!
//! Every turn takes in what has arrived, evaluates what became dirty, and sends the reports that are due to
//! the writer. A standby does the same and sends nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use plumbline_api::conditions::{self, ConditionType};
use plumbline_api::history::Transition;
use plumbline_api::{ComplianceBaseline, ReportStatus};
use plumbline_baseline::{optional_kinds, required_kinds};
use plumbline_engine::report::Source;
use plumbline_engine::{Changed, Difference, Evaluation, Fingerprint, Home, Memory};
use plumbline_inventory::{InputState, Inventory, Kind};
use tokio::sync::{mpsc, watch as latest};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::Options;
use crate::baselines::{self, Baseline};
use crate::inputs::{self, ASK_AGAIN, InputEvent, Inputs};
use crate::metrics::{Input, Metrics, Verdict};
use crate::reports::{self, COUNTS, Entries, Entry, Found};
use crate::schedule::{Pace, Schedule};
use crate::server::Health;
use crate::watch::{Failure, WatchEvent, Watched, one_line, watch};
use crate::writer::{Stored, WriteError, Writer};

/// How often the cluster report is written though nothing has changed, so that a reader can tell a quiet
/// cluster from a dead operator.
const HEARTBEAT: Duration = Duration::from_secs(600);

/// How long stored reports stand as they are while inputs are listed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Events taken in before the next evaluation: a turn stays short under any load.
const TURN: usize = 512;

/// Writes under way at once.
const WRITES: usize = 8;

/// The longest time without a sign of life on `/healthz`.
const BEAT: Duration = Duration::from_secs(10);

/// What the main loop takes in.
#[derive(Debug)]
pub(crate) enum Event {
    Input(InputEvent),
    /// An optional kind may be read: it is watched from now on.
    Granted(Kind),
    Baseline(WatchEvent),
    /// Of the reports of the kind with this place in [`reports::resources`].
    Report(usize, WatchEvent),
}

/// The state of the main loop.
pub(crate) struct Core {
    client: Client,
    options: Options,
    metrics: Metrics,
    health: Arc<Health>,
    events: mpsc::Sender<Event>,
    writer: Writer,
    inventory: Inventory,
    inputs: Inputs,
    watched: BTreeSet<Kind>,
    /// The results, once every input is settled.
    evaluation: Option<Evaluation>,
    /// The baseline, and whether the first list of baselines is complete.
    baseline: Option<Baseline>,
    baselines_listed: bool,
    /// Set while this replica holds the lease.
    leadership: Option<Leadership>,
    started: Instant,
    next_heartbeat: Instant,
    /// When an input that fails will have failed for long enough.
    next_settling: Option<Instant>,
}

/// What only the holder of the lease has.
struct Leadership {
    /// Watches on our own reports.
    watches: Vec<JoinHandle<()>>,
    /// Which of the two kinds of reports have been listed.
    listed: [bool; 2],
    entries: Entries,
    schedule: Schedule,
    pace: Pace,
    writes: JoinSet<Written>,
    /// Writes beside the reports: Events, the baseline.
    others: JoinSet<()>,
    /// Whether stored reports have been marked as syncing.
    marked: bool,
    /// Whether the reports of everything that was there at the start are under way.
    published: bool,
}

/// What became of a write.
struct Written {
    home: Home,
    result: Result<Stored, WriteError>,
    /// When the first change that it shows arrived.
    changed: Option<Instant>,
}

impl Core {
    pub(crate) fn new(
        client: Client,
        options: Options,
        metrics: Metrics,
        health: Arc<Health>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let now = Instant::now();
        Self {
            writer: Writer::new(client.clone()),
            client,
            options,
            metrics,
            health,
            events,
            inventory: Inventory::live(),
            inputs: Inputs::default(),
            watched: BTreeSet::new(),
            evaluation: None,
            baseline: None,
            baselines_listed: false,
            leadership: None,
            started: now,
            next_heartbeat: now + HEARTBEAT,
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
        if let Some(mut leadership) = self.leadership.take() {
            leadership.watches.iter().for_each(JoinHandle::abort);
            // What is under way ends: a half-sent write helps nobody.
            while leadership.writes.join_next().await.is_some() {}
            while leadership.others.join_next().await.is_some() {}
        }
    }

    fn next_turn(&self) -> Instant {
        let now = Instant::now();
        let mut wake = self.next_settling.map_or(now + BEAT, |at| at.min(now + BEAT));
        if let Some(leadership) = &self.leadership {
            wake = wake
                .min(leadership.schedule.next().unwrap_or(wake))
                .min(self.next_heartbeat);
            if self.evaluation.is_none() && !leadership.marked {
                wake = wake.min(self.started + PATIENCE);
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
            tokio::spawn(async move {
                while !inputs::may_read(client.clone(), kind).await {
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                let _ = events.send(Event::Granted(kind)).await;
            });
        }
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
                }
                self.inputs.apply(event, &mut self.inventory, now);
            }
            Event::Granted(kind) => self.watch_input(kind),
            Event::Baseline(event) => self.take_baseline(event),
            Event::Report(kind, event) => self.take_report(kind, event),
        }
    }

    fn take_baseline(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Begin => {}
            WatchEvent::Object(object) if is_default(&object) => self.read_baseline(&object),
            WatchEvent::Gone(object) if is_default(&object) => {
                tracing::warn!("the baseline is gone; its settings stay in effect until there is another");
                self.create_baseline();
            }
            WatchEvent::Object(_) | WatchEvent::Gone(_) => {}
            WatchEvent::End => {
                self.baselines_listed = true;
                if self.baseline.is_none() {
                    self.create_baseline();
                }
            }
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
        let generation = baseline.reference.generation;
        if changed && self.evaluation.is_some() {
            self.inventory.take_dirty();
            self.evaluation = Some(Evaluation::full(&self.inventory, &baseline.settings));
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
                    entry.memory.rebase(generation);
                    leadership.schedule.at(home, now);
                }
            }
        }
        self.watch_reports();
    }

    fn create_baseline(&mut self) {
        let Some(leadership) = &mut self.leadership else {
            return;
        };
        let writer = self.writer.clone();
        leadership.others.spawn(async move {
            if let Err(error) = writer.create_baseline(baselines::DEFAULT).await {
                tracing::error!("the baseline cannot be created: {}", one_line(&error));
            }
        });
    }

    /// This replica has gained or lost the lease.
    fn lead(&mut self, leader: bool) {
        self.metrics.show(|snapshot| snapshot.leader = leader);
        if !leader {
            if let Some(leadership) = self.leadership.take() {
                tracing::warn!("the lease is lost: standing by");
                leadership.watches.iter().for_each(JoinHandle::abort);
            }
            return;
        }
        tracing::info!("holding the lease: writing");
        self.leadership = Some(Leadership {
            watches: Vec::new(),
            listed: [false; 2],
            entries: Entries::new(),
            schedule: Schedule::default(),
            pace: Pace::new(Instant::now()),
            writes: JoinSet::new(),
            others: JoinSet::new(),
            marked: false,
            published: false,
        });
        if self.baselines_listed && self.baseline.is_none() {
            self.create_baseline();
        }
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
        let now = Instant::now();
        match event {
            WatchEvent::Begin => {}
            WatchEvent::End => leadership.listed[kind] = true,
            WatchEvent::Failed(failure) => tracing::warn!("reports cannot be read: {failure:?}"),
            WatchEvent::Object(object) => {
                let found = Found::read(&object);
                if found.name != baseline.reference.name {
                    return;
                }
                if !leadership.listed[kind] && !leadership.entries.contains_key(&found.home) {
                    if let Err(error) = &found.status {
                        tracing::error!(
                            "the report of {:?} cannot be read; its history is lost: {error}",
                            found.home
                        );
                    }
                    let mut entry = Entry::new(found.memory(baseline.reference.generation));
                    entry.conditions = found.status.map(|status| status.conditions).unwrap_or_default();
                    entry.stored = Some(found.stored);
                    leadership.entries.insert(found.home, entry);
                } else if let Some(entry) = leadership.entries.get_mut(&found.home) {
                    entry.observe(found.stored);
                    leadership.schedule.at(&found.home, now);
                }
            }
            WatchEvent::Gone(object) => {
                let found = Found::read(&object);
                if found.name == baseline.reference.name
                    && let Some(entry) = leadership.entries.get_mut(&found.home)
                    && entry
                        .stored
                        .as_ref()
                        .is_some_and(|stored| stored.uid == found.stored.uid)
                {
                    entry.stored = None;
                    leadership.schedule.at(&found.home, now);
                }
            }
        }
    }

    /// Evaluates what became dirty and sends what is due.
    fn turn(&mut self) {
        let now = Instant::now();
        self.next_settling = self.inputs.settle(&mut self.inventory, now);
        let settled = inputs::settled(&self.inventory) && self.baseline.is_some();
        self.health.beat(settled);
        if settled {
            self.evaluate(now);
            self.publish(now);
        } else if now >= self.started + PATIENCE {
            self.mark_syncing();
        }
        self.show();
    }

    fn evaluate(&mut self, now: Instant) {
        let Some(baseline) = &self.baseline else { return };
        let dirty = self.inventory.take_dirty();
        if self.evaluation.is_some() && dirty.is_empty() {
            return;
        }
        let settings = &baseline.settings;
        let changed = match &mut self.evaluation {
            Some(evaluation) => evaluation.update(&self.inventory, settings, dirty),
            first => {
                *first = Some(Evaluation::full(&self.inventory, settings));
                tracing::info!(after = ?self.started.elapsed(), "every input is settled: first evaluation");
                Changed {
                    everywhere: true,
                    ..Changed::default()
                }
            }
        };
        self.metrics.evaluated(now.elapsed().as_secs_f64());
        if !changed.is_empty()
            && let Some(leadership) = &mut self.leadership
            && leadership.published
        {
            leadership.plan(&changed, &self.inventory, baseline, self.options.debounce, now);
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
            leadership.begin(&self.inventory, baseline, now);
        }
        if now >= self.next_heartbeat {
            self.next_heartbeat = now + HEARTBEAT;
            if let Some(entry) = leadership.entries.get_mut(&Home::Cluster) {
                // What is stored no longer counts as what is wanted: the next look writes.
                if let Some(stored) = &mut entry.stored {
                    stored.fingerprint = None;
                }
            }
            leadership.schedule.at(&Home::Cluster, now);
        }
        let cluster_id = self
            .inventory
            .namespace("kube-system")
            .and_then(|namespace| namespace.facts()?.uid)
            .map(|uid| uid.to_string());
        let inputs: Vec<Kind> = self.watched.iter().copied().collect();
        while leadership.writes.len() < WRITES {
            let Some(home) = leadership.schedule.pop(now) else {
                break;
            };
            let refused = reports::refusals(&leadership.entries);
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
        let Written {
            home,
            result,
            changed,
        } = written;
        let Some(leadership) = &mut self.leadership else {
            return;
        };
        let kind = reports::kind_of(&home);
        self.metrics
            .wrote(kind, result.as_ref().map_or_else(WriteError::result, |_| "ok"));
        let now = Instant::now();
        let Some(entry) = leadership.entries.get_mut(&home) else {
            return;
        };
        entry.in_flight = false;
        match result {
            Ok(stored) => {
                entry.observe(stored);
                if let Some(changed) = changed {
                    self.metrics.reported(changed.elapsed().as_secs_f64());
                }
                if entry.refused.take().is_some() {
                    leadership.schedule.at(&Home::Cluster, now);
                }
                // Something may have changed meanwhile; a look costs little and writes only if so.
                leadership.schedule.at(&home, now + self.options.debounce);
            }
            Err(error) => {
                let error = one_line(&error);
                tracing::warn!("the report of {home:?} is refused: {error}");
                let refusals = entry.refused.as_ref().map_or(0, |(refusals, _)| *refusals);
                entry.refused = Some((refusals.saturating_add(1), error));
                entry.changed = entry.changed.or(changed);
                let pause = entry.pause();
                leadership.schedule.at(&home, now + pause);
                leadership.schedule.at(&Home::Cluster, now);
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

impl Leadership {
    /// Takes up every report that there should be, and forgets those that there should not.
    fn begin(&mut self, inventory: &Inventory, baseline: &Baseline, now: Instant) {
        let generation = baseline.reference.generation;
        let mut homes = vec![Home::Cluster];
        homes.extend(
            inventory
                .namespaces()
                .map(|namespace| Home::Namespace(namespace.name().clone())),
        );
        let wanted: BTreeSet<&Home> = homes.iter().collect();
        self.entries.retain(|home, _| wanted.contains(home));
        for home in homes {
            self.entries
                .entry(home.clone())
                .or_insert_with(|| Entry::new(Memory::new(home.clone(), generation, true)));
            self.schedule.at(&home, now);
        }
    }

    /// Notes which reports may read differently.
    fn plan(
        &mut self,
        changed: &Changed,
        inventory: &Inventory,
        baseline: &Baseline,
        debounce: Duration,
        now: Instant,
    ) {
        let generation = baseline.reference.generation;
        for name in &changed.namespaces {
            let home = Home::Namespace(name.clone());
            if inventory.namespace(name).is_none() {
                // The namespace takes its report along.
                self.entries.remove(&home);
                self.schedule.forget(&home);
            } else {
                self.entries
                    .entry(home.clone())
                    .or_insert_with(|| Entry::new(Memory::new(home.clone(), generation, false)));
            }
        }
        let named = changed
            .namespaces
            .iter()
            .map(|name| Home::Namespace(name.clone()))
            .chain([Home::Cluster]);
        let all: Vec<Home> = if changed.everywhere {
            self.entries.keys().cloned().collect()
        } else {
            named.collect()
        };
        for home in all {
            let Some(entry) = self.entries.get_mut(&home) else {
                continue;
            };
            entry.changed.get_or_insert(now);
            // The first change of a quiet time goes out at once, and no change waits longer than `debounce`.
            let due = entry.last_sent.map_or(now, |sent| now.max(sent + debounce));
            self.schedule.at(&home, due);
        }
    }

    /// Makes the report of `home` and sends it if it differs from what is stored.
    fn send(
        &mut self,
        home: &Home,
        source: &Source<'_>,
        writer: &Writer,
        now: Instant,
    ) -> Option<(ReportStatus, Vec<Transition>)> {
        let entry = self.entries.get_mut(home)?;
        if entry.in_flight {
            // Looked at again when the write under way has ended.
            return None;
        }
        let report = source.report(home, &mut entry.memory, &entry.conditions, Timestamp::now());
        if let Some(at) = report.settling.next {
            let wait = at.duration_since(Timestamp::now());
            self.schedule.at(
                home,
                now + Duration::try_from(wait).unwrap_or_default() + Duration::from_millis(50),
            );
        }
        let transitions = report.settling.transitions;
        let status = report.status;
        let wait = match entry.difference(Fingerprint::of(&status)) {
            Difference::None => {
                entry.changed = None;
                return Some((status, transitions));
            }
            Difference::Counts => {
                // Counts may wait: how long they do says nothing about how quick reports are.
                entry.changed = None;
                entry.last_sent.map(|sent| sent + COUNTS)
            }
            Difference::Substance => None,
        };
        if let Some(due) = wait.filter(|due| *due > now) {
            self.schedule.at(home, due);
            return Some((status, transitions));
        }
        if let Err(wait) = self.pace.take(now) {
            self.schedule.at(home, now + wait);
            return Some((status, transitions));
        }
        entry.in_flight = true;
        entry.last_sent = Some(now);
        entry.conditions.clone_from(&status.conditions);
        let changed = entry.changed.take();
        let (writer, baseline) = (writer.clone(), source.baseline.clone());
        let (home, stored, sent) = (home.clone(), entry.stored.clone(), status.clone());
        self.writes.spawn(async move {
            let result = writer.write(&home, &baseline, stored, sent).await;
            Written {
                home,
                result,
                changed,
            }
        });
        Some((status, transitions))
    }

    /// Tells of transitions in Events.
    fn tell(
        &mut self,
        home: &Home,
        transitions: &[Transition],
        status: &ReportStatus,
        baseline: &Baseline,
        writer: &Writer,
        instance: &str,
    ) {
        let uid = self
            .entries
            .get(home)
            .and_then(|entry| entry.stored.as_ref())
            .map(|stored| stored.uid.clone());
        for transition in transitions {
            let message = status
                .items
                .iter()
                .find(|item| item.id == transition.item)
                .map(|item| &item.message);
            let mut note = format!("{}: {} → {}", transition.item, transition.from, transition.to);
            if let Some(message) = message {
                note = format!("{note}: {message}");
            }
            if !transition.cause.is_empty() {
                note = format!("{note} (cause: {})", transition.cause);
            }
            // Kubernetes takes notes of at most 1 kB.
            note.truncate(note.floor_char_boundary(1000));
            let (writer, home, name) = (writer.clone(), home.clone(), baseline.reference.name.clone());
            let (uid, transition, instance) = (
                uid.clone().unwrap_or_default(),
                transition.clone(),
                instance.to_owned(),
            );
            self.others.spawn(async move {
                if let Err(error) = writer
                    .tell(&home, &name, &uid, &transition, &note, &instance)
                    .await
                {
                    tracing::warn!("an Event is refused: {}", one_line(&error));
                }
            });
        }
    }
}

/// The next write that ends; never, for a standby.
async fn next_write(leadership: &mut Option<Leadership>) -> Option<Written> {
    let Some(leadership) = leadership else {
        return std::future::pending().await;
    };
    while leadership.others.try_join_next().is_some() {}
    match leadership.writes.join_next().await {
        Some(Ok(written)) => Some(written),
        Some(Err(_)) => None,
        None => std::future::pending().await,
    }
}

fn is_default(object: &Watched) -> bool {
    kube::Resource::meta(object).name.as_deref() == Some(baselines::DEFAULT)
}

fn verdict(baseline: &str, status: &ReportStatus) -> Verdict {
    let is_true = |type_: ConditionType| {
        conditions::find(&status.conditions, type_).is_some_and(|condition| condition.status == "True")
    };
    Verdict {
        baseline: baseline.to_owned(),
        items: status
            .items
            .iter()
            .map(|item| (item.id.clone(), item.status, item.failing))
            .collect(),
        score: status.summary.as_ref().and_then(|summary| summary.score),
        compliant: is_true(ConditionType::Compliant),
        drifted: is_true(ConditionType::Drifted),
        waivers: status.waivers.clone().unwrap_or_default(),
        evaluated: status.last_evaluated.as_ref().map_or(0, |at| at.0.as_second()),
    }
}
