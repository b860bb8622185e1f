//! From a report that is due to what goes out: a write, and Events.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use plumbline_api::ReportStatus;
use plumbline_api::history::Transition;
use plumbline_engine::report::Source;
use plumbline_engine::{Difference, Fingerprint};

use super::{Done, Leadership, Written};
use crate::reports::{COUNTS, ReportId};
use crate::watch::one_line;
use crate::writer::Writer;

impl Leadership {
    /// Makes the report `id` and sends it if it differs from what is stored.
    pub(crate) fn send(
        &mut self,
        id: &ReportId,
        source: &Source<'_>,
        writer: &Writer,
        now: Instant,
    ) -> Option<(ReportStatus, Vec<Transition>)> {
        let entry = self.sets.get_mut(&id.baseline)?.entries.get_mut(&id.home)?;
        if entry.in_flight {
            // Looked at again when the write under way has ended.
            return None;
        }
        let report = source.report(&id.home, &mut entry.memory, &entry.conditions, Timestamp::now());
        if let Some(at) = report.settling.next {
            let wait = at.duration_since(Timestamp::now());
            self.schedule.at(
                id,
                now + Duration::try_from(wait).unwrap_or_default() + Duration::from_millis(50),
            );
        }
        let transitions = report.settling.transitions;
        let status = report.status;
        let wait = match entry.difference(Fingerprint::of(&status), source.baseline) {
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
            self.schedule.at(id, due);
            return Some((status, transitions));
        }
        if let Err(wait) = self.pace.take(now) {
            self.schedule.at(id, now + wait);
            return Some((status, transitions));
        }
        entry.in_flight = true;
        entry.conditions.clone_from(&status.conditions);
        let changed = entry.changed.take();
        entry.last_sent = Some(now);
        // What time alone settles (history, drift) begins no burst: the next change need not wait for it.
        if changed.is_some() {
            entry.change_sent = Some(now);
        }
        let (writer, baseline) = (writer.clone(), source.baseline.clone());
        let (id, stored, sent) = (id.clone(), entry.stored.clone(), status.clone());
        self.writes.spawn(async move {
            let result = writer.write(&id.home, &baseline, stored, sent).await;
            Done::Written(Written { id, result, changed })
        });
        Some((status, transitions))
    }

    /// Tells of transitions in Events.
    pub(crate) fn tell(
        &mut self,
        id: &ReportId,
        transitions: &[Transition],
        status: &ReportStatus,
        writer: &Writer,
        instance: &str,
    ) {
        let set = self.sets.get(&id.baseline);
        let uid = set
            .and_then(|set| set.entries.get(&id.home)?.stored.as_ref())
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
            let (writer, id) = (writer.clone(), id.clone());
            let (uid, transition, instance) = (
                uid.clone().unwrap_or_default(),
                transition.clone(),
                instance.to_owned(),
            );
            self.others.spawn(async move {
                if let Err(error) = writer
                    .tell(&id.home, &id.baseline, &uid, &transition, &note, &instance)
                    .await
                {
                    tracing::warn!("an Event is refused: {}", one_line(&error));
                }
            });
        }
    }
}
