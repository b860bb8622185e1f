//! Baselines: those there are, and the one that is created if there is none.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use plumbline_api::baseline::DEFAULT_BASELINE;
use plumbline_inventory::Name;

use super::{Core, Event};
use crate::assessment::Assessment;
use crate::baselines::Baseline;
use crate::watch::{Failure, WatchEvent, Watched, one_line};

/// The pause after an attempt to create the baseline.
const CREATE_AGAIN: Duration = Duration::from_secs(5);

impl Core {
    pub(super) fn take_baseline(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Begin => self.assessments.begin_listing(),
            WatchEvent::Object(object) => self.read_baseline(&object),
            WatchEvent::Gone(object) => self.drop_baseline(&name_of(&object)),
            WatchEvent::End => {
                for name in self.assessments.end_listing() {
                    self.drop_baseline(&name);
                }
                self.watch_reports();
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
        let name = name_of(object);
        let baseline = Baseline::read(object.json());
        self.assessments.note(&name, baseline.is_ok());
        match baseline {
            Err(error) => {
                tracing::error!("baseline {name} cannot be read and is not honoured: {error}");
            }
            // It waits for the garbage collector, which is at its reports.
            Ok(baseline) if baseline.is_leaving => self.drop_baseline(&name),
            Ok(baseline) => self.revise_baseline(&name, baseline),
        }
    }

    /// A baseline is new, or may read otherwise than before.
    fn revise_baseline(&mut self, name: &Name, baseline: Baseline) {
        let now = Instant::now();
        if let Some(assessment) = self.assessments.in_effect.get_mut(name) {
            let revision = assessment.revise(baseline);
            if let Some(leadership) = &mut self.leadership
                && let Some(set) = leadership.sets.get_mut(name)
            {
                set.revise(revision, &assessment.baseline, &mut leadership.schedule, now);
            }
        } else {
            tracing::info!("baseline {name} is in effect");
            let assessment = Assessment::new(baseline);
            self.assessments.in_effect.insert(Name::clone(name), assessment);
            self.adopt_reports(name);
        }
        self.write_baseline(name);
    }

    /// A baseline is gone, and with it everything but the reports that are stored.
    fn drop_baseline(&mut self, name: &Name) {
        let now = Instant::now();
        if !self.assessments.remove(name, now) {
            return;
        }
        tracing::warn!("baseline {name} is gone");
        if let Some(leadership) = &mut self.leadership {
            leadership.abandon(name, now);
        }
        self.metrics
            .show(|snapshot| drop(snapshot.verdicts.remove(&**name)));
    }

    /// Says on a baseline what is thought of it, unless it says so.
    pub(super) fn write_baseline(&mut self, name: &Name) {
        let assessment = self.assessments.in_effect.get(name);
        let status = assessment.and_then(|assessment| assessment.baseline.status(Timestamp::now()));
        let (Some(status), Some(leadership)) = (status, &mut self.leadership) else {
            return;
        };
        let (writer, name) = (self.writer.clone(), Name::clone(name));
        leadership.others.spawn(async move {
            if let Err(error) = writer.write_baseline(&name, &status).await {
                tracing::warn!("the status of baseline {name} is refused: {}", one_line(&error));
            }
        });
    }

    /// Creates the baseline if there is none, and tries again after a while if that fails.
    pub(super) fn create_baseline(&mut self, now: Instant) {
        let Some(leadership) = &mut self.leadership else {
            return;
        };
        if !self.assessments.are_missing() || now < self.assessments.next_creation {
            return;
        }
        self.assessments.next_creation = now + CREATE_AGAIN;
        let (writer, events) = (self.writer.clone(), self.events.clone());
        leadership.others.spawn(async move {
            match writer.create_baseline(DEFAULT_BASELINE).await {
                // The watch on a kind that is served for the first time may be seconds behind.
                Ok(Some(baseline)) => drop(events.send(Event::Baseline(WatchEvent::Object(baseline))).await),
                Ok(None) => {}
                Err(error) => tracing::error!("the baseline cannot be created: {}", one_line(&error)),
            }
        });
    }
}

fn name_of(object: &Watched) -> Name {
    kube::Resource::meta(object)
        .name
        .as_deref()
        .unwrap_or_default()
        .into()
}
