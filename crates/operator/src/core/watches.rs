//! What the main loop listens to.

use std::sync::Arc;

use plumbline_api::ComplianceBaseline;
use plumbline_baseline::optional_kinds;
use plumbline_inventory::{AnonymousRequests, Kind};
use tokio::sync::mpsc;

use super::{Core, Event};
use crate::watch::watch;
use crate::{anonymous, inputs, version};

impl Core {
    pub(super) fn watch_input(&mut self, kind: Kind) {
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
    pub(super) fn watch_optional(&self) {
        for kind in optional_kinds() {
            let (client, events) = (self.client.clone(), self.events.clone());
            tokio::spawn(inputs::ask_for(client, kind, move |granted| {
                let events = events.clone();
                async move { drop(events.send(Event::Optional(kind, granted)).await) }
            }));
        }
    }

    /// Sends requests without credentials from time to time, unless nobody wants that.
    pub(super) fn ask_anonymously(&mut self) {
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
    pub(super) fn ask_version(&self) {
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

    pub(super) fn watch_baselines(&self) {
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
}
