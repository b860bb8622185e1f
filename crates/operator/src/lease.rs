//! Leader election: who may write.
//!
//! The algorithm is client-go's. It trusts no clock but its own: a lease is free when *we* have seen it
//! unchanged for its whole duration, whatever time its holder wrote into it, and every change carries the
//! resource version that it is based on. (`kube-lease-manager` 0.13 was looked at and not taken: it compares the
//! holder's clock with its own, so a skew of the lease's duration makes two leaders, and it takes over an expired
//! lease without a resource version, so two standbys can both succeed.)

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::watch::one_line;

/// How long a lease is good for after its last renewal.
pub(crate) const DURATION: Duration = Duration::from_secs(15);

/// How long a holder goes on without having renewed before it counts itself out: before any other may step in.
pub(crate) const RENEW_DEADLINE: Duration = Duration::from_secs(10);

/// The time between two attempts to renew or acquire.
pub(crate) const RETRY: Duration = Duration::from_secs(2);

/// The name of the lease.
pub(crate) const NAME: &str = "plumbline";

/// A candidate for the lease.
#[derive(Debug)]
pub(crate) struct Candidate {
    api: Api<Lease>,
    identity: String,
    /// The lease as last seen, and when it was first seen like that.
    observed: Option<(Lease, Instant)>,
    renewed: Option<Instant>,
}

impl Candidate {
    /// A candidate of this identity for the lease in `namespace`.
    pub(crate) fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            identity,
            observed: None,
            renewed: None,
        }
    }

    /// Acquires and renews the lease until `stop`, then gives it back. `leading` says who holds it.
    pub(crate) async fn run(mut self, leading: watch::Sender<bool>, stop: CancellationToken) {
        loop {
            // An answer that comes later than this is of no use: the lease may be somebody else's by then.
            let patience = self
                .time_left()
                .map_or(RENEW_DEADLINE / 2, |left| left.min(RENEW_DEADLINE / 2));
            let attempt = tokio::time::timeout(patience, self.attempt());
            let result = tokio::select! {
                () = stop.cancelled() => break,
                result = attempt => result,
            };
            match result {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(lease = NAME, "{}", one_line(&error)),
                Err(_) => tracing::warn!(lease = NAME, "no answer within {patience:?}"),
            }
            self.announce(&leading);
            // Whatever happens, a holder that cannot renew counts itself out in time.
            let pause = self.time_left().map_or(RETRY, |left| left.min(RETRY));
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => self.announce(&leading),
            }
        }
        leading.send_replace(false);
        if self.renewed.is_some()
            && let Err(error) = self.release().await
        {
            tracing::warn!(lease = NAME, "the lease is not given back: {}", one_line(&error));
        }
    }

    /// How long a holder may still count on the lease.
    fn time_left(&self) -> Option<Duration> {
        let renewed = self.renewed?;
        Some((renewed + RENEW_DEADLINE).saturating_duration_since(Instant::now()))
    }

    fn announce(&mut self, leading: &watch::Sender<bool>) {
        if self.renewed.is_some_and(|at| at.elapsed() >= RENEW_DEADLINE) {
            self.renewed = None;
        }
        leading
            .send_if_modified(|led| std::mem::replace(led, self.renewed.is_some()) != self.renewed.is_some());
    }

    /// One attempt to renew the lease or to get hold of it.
    async fn attempt(&mut self) -> kube::Result<()> {
        let started = Instant::now();
        let Some(lease) = self.api.get_opt(NAME).await? else {
            let lease = Lease {
                metadata: ObjectMeta {
                    name: Some(NAME.to_owned()),
                    ..ObjectMeta::default()
                },
                spec: Some(self.spec(None)),
            };
            return self.keep(self.api.create(&PostParams::default(), &lease).await, started);
        };
        let seen = self
            .observed
            .as_ref()
            .is_some_and(|(known, _)| known.spec == lease.spec);
        if !seen {
            self.observed = Some((lease.clone(), started));
        }
        let (_, since) = self.observed.as_ref().expect("set above");
        let spec = lease.spec.as_ref();
        let holder = spec
            .and_then(|spec| spec.holder_identity.as_deref())
            .filter(|holder| !holder.is_empty());
        let ours = holder == Some(&self.identity);
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or(0);
        let duration = Duration::from_secs(seconds.max(1).unsigned_abs().into());
        if holder.is_some() && !ours && since.elapsed() < duration {
            self.renewed = None;
            return Ok(());
        }
        let lease = Lease {
            spec: Some(self.spec(spec.filter(|_| ours))),
            ..lease.clone()
        };
        let lease = with_transitions(lease, spec.and_then(|spec| spec.lease_transitions), ours);
        // `replace` carries the resource version that was read: whoever was quicker wins.
        self.keep(
            self.api.replace(NAME, &PostParams::default(), &lease).await,
            started,
        )
    }

    fn keep(&mut self, result: kube::Result<Lease>, started: Instant) -> kube::Result<()> {
        match result {
            Ok(lease) => {
                self.observed = Some((lease, started));
                // Counted from before the request: the answer may have been long under way.
                self.renewed = Some(started);
                Ok(())
            }
            // Somebody was quicker; the next attempt sees what came of it.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn spec(&self, held: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(DURATION.as_secs() as i32),
            acquire_time: held
                .and_then(|held| held.acquire_time.clone())
                .or(Some(now.clone())),
            renew_time: Some(now),
            ..LeaseSpec::default()
        }
    }

    /// Gives the lease back, so that a standby need not wait for it to run out.
    async fn release(&self) -> kube::Result<()> {
        let Some((lease, _)) = &self.observed else {
            return Ok(());
        };
        let mut lease = lease.clone();
        let now = MicroTime(Timestamp::now());
        let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: transitions,
            ..LeaseSpec::default()
        });
        self.api
            .replace(NAME, &PostParams::default(), &lease)
            .await
            .map(|_| ())
    }
}

fn with_transitions(mut lease: Lease, before: Option<i32>, ours: bool) -> Lease {
    if let Some(spec) = &mut lease.spec {
        spec.lease_transitions = Some(before.unwrap_or(0) + i32::from(!ours));
    }
    lease
}
