//! What only the holder of the lease does.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use plumbline_api::ReportStatus;
use plumbline_api::conditions::{self, ConditionType};
use plumbline_engine::Home;
use plumbline_engine::decided::View;
use plumbline_engine::report::Source;
use plumbline_inventory::{Kind, Name};
use tokio::task::JoinHandle;

use super::{Core, Event, PATIENCE};
use crate::inputs;
use crate::leadership::{Done, Leadership};
use crate::metrics::Verdict;
use crate::reports::{self, Found, ReportId};
use crate::watch::{WatchEvent, one_line, watch};
use crate::writer::WriteError;

/// The pause after reports could not be listed.
const LIST_AGAIN: Duration = Duration::from_secs(1);

impl Core {
    /// This replica has gained or lost the lease.
    pub(super) fn lead(&mut self, leader: bool) {
        self.metrics.show(|snapshot| {
            snapshot.leader = leader;
            if !leader {
                // What a former holder thought is nobody's verdict.
                snapshot.verdicts.clear();
                snapshot.attestations.clear();
            }
        });
        if !leader {
            if let Some(leadership) = self.leadership.take() {
                tracing::warn!("the lease is lost: standing by");
                leadership.tasks.iter().for_each(JoinHandle::abort);
            }
            return;
        }
        tracing::info!("holding the lease: writing");
        self.leadership = Some(Leadership::new(Instant::now()));
        let names: Vec<Name> = self.assessments.in_effect.keys().cloned().collect();
        for name in names {
            self.adopt_reports(&name);
            self.write_baseline(&name);
        }
        self.watch_reports();
    }

    /// Reads the stored reports, once it is known which baselines there are, and watches over them.
    pub(super) fn watch_reports(&mut self) {
        let Some(leadership) = &mut self.leadership else {
            return;
        };
        if !self.assessments.listed || std::mem::replace(&mut leadership.watching, true) {
            return;
        }
        for (at, resource) in reports::resources().into_iter().enumerate() {
            let (client, events) = (self.client.clone(), self.events.clone());
            leadership.tasks.push(tokio::spawn(async move {
                watch(client, &resource, |event| {
                    let events = events.clone();
                    async move { events.send(Event::Report(at, event)).await.is_ok() }
                })
                .await;
            }));
        }
    }

    pub(super) fn take_report(&mut self, kind: usize, event: WatchEvent) {
        let Some(leadership) = &mut self.leadership else {
            return;
        };
        match event {
            WatchEvent::Begin => leadership.begin_listing(kind),
            WatchEvent::End => leadership.end_listing(kind),
            WatchEvent::Failed(failure) => tracing::warn!("reports cannot be read: {failure:?}"),
            WatchEvent::Object(object) => {
                let found = Found::read(&object);
                let assessment = self.assessments.in_effect.get(&found.id.baseline);
                leadership.found(found, kind, assessment.map(|assessment| &assessment.baseline));
            }
            WatchEvent::Gone(object) => leadership.gone(&Found::read(&object)),
        }
    }

    /// A baseline has reports from now on. What an earlier one of the name has left behind is read first, since a
    /// watch does not show it again.
    pub(super) fn adopt_reports(&mut self, name: &Name) {
        let (Some(leadership), Some(assessment)) =
            (&mut self.leadership, self.assessments.in_effect.get(name))
        else {
            return;
        };
        if !leadership.adopt(name) {
            return;
        }
        tracing::info!("baseline {name} takes up reports that were left behind");
        let (client, events) = (self.client.clone(), self.events.clone());
        let (name, uid) = (Name::clone(name), assessment.baseline.reference.uid.clone());
        leadership.tasks.push(tokio::spawn(async move {
            for (kind, resource) in reports::resources().iter().enumerate() {
                let found = |object| {
                    let events = events.clone();
                    async move { drop(events.send(Event::Report(kind, WatchEvent::Object(object))).await) }
                };
                // Whatever has been read before is read once more, and checked.
                while let Err(error) = reports::read(&client, resource, &name, &found).await {
                    tracing::warn!("reports cannot be listed: {}", one_line(&error));
                    tokio::time::sleep(LIST_AGAIN).await;
                }
            }
            drop(events.send(Event::LeftBehind(name, uid)).await);
        }));
    }

    /// The reports that were left behind have been read.
    pub(super) fn take_left_behind(&mut self, name: &Name, uid: &str) {
        let assessment = self.assessments.in_effect.get(name);
        // Another baseline of the name may have come meanwhile: it waits for its own.
        if assessment.is_some_and(|assessment| assessment.baseline.reference.uid == uid)
            && let Some(leadership) = &mut self.leadership
        {
            leadership.taken_up(name);
        }
    }

    /// Sends what is due.
    pub(super) fn publish(&mut self, now: Instant) {
        let Some(leadership) = self.leadership.as_mut().filter(|it| it.listed == [true; 2]) else {
            return;
        };
        let beats = now >= self.next_heartbeat;
        if beats {
            self.next_heartbeat = now + self.options.heartbeat;
        }
        for (name, assessment) in &self.assessments.in_effect {
            let set = leadership.sets.get_mut(name).filter(|set| !set.reading);
            let (Some(set), Some(evaluation)) = (set, &assessment.evaluation) else {
                continue;
            };
            let (baseline, schedule) = (&assessment.baseline, &mut leadership.schedule);
            if !set.published {
                set.begin(&self.inventory, baseline, schedule, now);
            }
            if beats {
                set.heartbeat(schedule, now);
            }
            set.take_pins(evaluation, &self.inventory, baseline);
        }
        let cluster_id = self
            .inventory
            .namespace("kube-system")
            .and_then(|namespace| namespace.facts()?.uid)
            .map(|uid| uid.to_string());
        // An optional kind that has only just been granted is not counted on yet.
        let settled = |kind: &&Kind| inputs::is_settled(**kind, &self.inventory);
        let inputs: Vec<Kind> = self.watched.iter().filter(settled).copied().collect();
        while leadership.has_room() {
            let Some(id) = leadership.schedule.pop(now) else {
                break;
            };
            let Some(set) = leadership.sets.get(&id.baseline) else {
                leadership.mark_orphan(id, &self.writer, now);
                continue;
            };
            // What is not published yet is scheduled when it is.
            let assessment = self
                .assessments
                .in_effect
                .get(&id.baseline)
                .filter(|_| set.published);
            let Some((assessment, evaluation)) =
                assessment.and_then(|assessment| Some((assessment, assessment.evaluation.as_ref()?)))
            else {
                continue;
            };
            let refused = (id.home == Home::Cluster).then(|| set.refusals()).flatten();
            let source = Source {
                inventory: &self.inventory,
                evaluation,
                settings: &assessment.baseline.settings,
                baseline: &assessment.baseline.reference,
                cluster_id: cluster_id.as_deref(),
                inputs: &inputs,
                refused: refused.as_deref(),
                last_sync: &self.inputs.last_sync,
            };
            if let Some((status, transitions)) = leadership.send(&id, &source, &self.writer, now) {
                if id.home == Home::Cluster {
                    let verdict = verdict(&status);
                    self.metrics
                        .show(|snapshot| drop(snapshot.verdicts.insert(id.baseline.to_string(), verdict)));
                }
                leadership.tell(&id, &transitions, &status, &self.writer, &self.options.identity);
            }
        }
    }

    /// Says on waivers, approvals and attestations what they are worth.
    pub(super) fn say_of_decisions(&mut self, now: Instant) {
        let Some(leadership) = self.leadership.as_mut() else {
            return;
        };
        let views = self.assessments.in_effect.values().filter_map(|assessment| {
            Some(View {
                settings: &assessment.baseline.settings,
                evaluation: assessment.evaluation.as_ref()?,
            })
        });
        let views: Vec<View<'_>> = views.collect();
        let instance = &self.options.identity;
        self.decisions.send(
            &views,
            &self.inventory,
            &self.writer,
            instance,
            &mut leadership.others,
            now,
        );
        let attestations = &self.decisions.attestations;
        self.metrics.show(|snapshot| {
            snapshot.attestations.clone_from(attestations);
        });
    }

    /// Says on stored reports that what they say is from before.
    pub(super) fn mark_syncing(&mut self) {
        let Some(leadership) = self.leadership.as_mut().filter(|it| it.may_mark()) else {
            return;
        };
        leadership.marked = true;
        tracing::warn!("inputs are still being listed after {PATIENCE:?}: reports say so");
        for (name, set) in &leadership.sets {
            let Some(assessment) = self.assessments.in_effect.get(name) else {
                continue;
            };
            let homes: BTreeSet<&Home> = set.entries.keys().chain([&Home::Cluster]).collect();
            let ids: Vec<ReportId> = homes.into_iter().map(|home| set.id(home)).collect();
            let (writer, reference) = (self.writer.clone(), assessment.baseline.reference.clone());
            leadership.others.spawn(async move {
                for id in ids {
                    if let Err(error) = writer.mark_syncing(&id.home, &reference, Timestamp::now()).await {
                        tracing::warn!("{id} cannot say that it is being evaluated: {}", one_line(&error));
                    }
                }
            });
        }
    }

    /// Takes in what has been done.
    pub(super) fn done(&mut self, done: Done) {
        let Some(leadership) = &mut self.leadership else {
            return;
        };
        let (id, result) = match &done {
            Done::Written(written) => (&written.id, written.result.as_ref().map(drop)),
            Done::Marked(marked) => (&marked.id, marked.result.as_ref().map(drop)),
        };
        let result = result.map_or_else(WriteError::result, |()| "ok");
        self.metrics.wrote(reports::kind_of(&id.home), result);
        match done {
            Done::Marked(marked) => leadership.marked_orphan(marked, Instant::now()),
            Done::Written(written) => {
                if let (Ok(_), Some(changed)) = (&written.result, written.changed) {
                    self.metrics.reported(changed.elapsed().as_secs_f64());
                }
                leadership.written(written, self.options.debounce);
            }
        }
    }
}

fn verdict(status: &ReportStatus) -> Verdict {
    let says = |type_: ConditionType| match conditions::find(&status.conditions, type_)?.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    };
    Verdict {
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
