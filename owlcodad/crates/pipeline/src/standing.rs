//! What outlives a configuration: traffic so far, and how each endpoint is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use owlcoda_models::Registry;
use owlcoda_models::policy::Policy;
use owlcoda_telemetry::metric;
use owlcoda_types::{RequestId, UnixMs, Usage};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tracing::info;

use crate::cache::{Cache, CacheStats};
use crate::capture::{Capture, CaptureStats, Captures};
use crate::figures::{Figures, ModelFigures};
use crate::gauges::Gauges;
use crate::health::{EndpointHealth, HealthBook, HeardBy, Moment, Signal};
use crate::settle::{Outcome, Settled};
use crate::snapshot::Snapshot;
use crate::trace::{Trace, TraceOrder, Traces};

/// Model calls since the daemon started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Calls that ended.
    pub n_calls: u64,
    /// Of these, calls that ended with an error.
    pub n_failed: u64,
    /// Calls that have not ended.
    pub n_in_flight: u64,
    /// Tokens of all of them.
    pub usage: Usage,
}

/// Keyed by id, so that a new configuration finds what it knew before.
#[derive(Debug, Default)]
pub struct Standing {
    policy: Policy,
    cache: Cache,
    captures: Captures,
    traces: Traces,
    gauges: Gauges,
    figures: Mutex<Figures>,
    n_in_flight: AtomicU64,
    last_left: Notify,
    ended: Mutex<Ended>,
    health: Mutex<HealthBook>,
    /// Tells that some endpoint went up or down.
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Ended {
    n_calls: u64,
    n_failed: u64,
    usage: Usage,
}

impl Standing {
    /// Takes a configuration on; to be called before calls see it.
    pub(crate) fn configure(&self, snapshot: &Snapshot, now: Instant) {
        let settings = &snapshot.settings;
        self.policy.apply(settings.policy, &snapshot.registry, now);
        self.cache.configure(settings.cache);
        self.captures.configure(settings.captures);
        self.keep_only(&snapshot.registry);
    }

    /// Limits, breakers and what is in flight, for each model.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) const fn captures(&self) -> &Captures {
        &self.captures
    }

    /// Whether calls are captured. Who brings one in says then what it saw, see
    /// [`crate::Call::seen`]. One load.
    pub fn is_capturing(&self) -> bool {
        self.captures.is_on()
    }

    /// The latest captures, at most `limit`, and what all of them are about.
    pub fn captured(&self, limit: usize) -> (Vec<Arc<Capture>>, CaptureStats) {
        self.captures.list(limit)
    }

    /// The capture of one call, where there is one.
    pub fn capture(&self, id: RequestId) -> Option<Arc<Capture>> {
        self.captures.find(id)
    }

    /// Forgets every capture. Returns how many there were.
    pub fn clear_captures(&self) -> usize {
        self.captures.clear()
    }

    /// Traces of the latest, or of the slowest, calls; at most `limit`.
    pub fn traces(&self, order: TraceOrder, limit: usize) -> Vec<Trace> {
        self.traces.list(order, limit)
    }

    /// The trace of one call, where it is still kept.
    pub fn trace(&self, id: RequestId) -> Option<Trace> {
        self.traces.find(id)
    }

    pub(crate) const fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    pub(crate) const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// How full the cache is and what it was good for.
    pub fn cache_stats(&self) -> CacheStats {
        self.cache.stats()
    }

    /// Forgets every kept answer. Returns how many there were.
    pub fn clear_cache(&self) -> usize {
        self.cache.clear()
    }

    /// What was measured so far.
    pub fn figures(&self) -> Figures {
        self.figures.lock().clone()
    }

    /// Tokens and calls in all, and since when; 0 before the first call.
    pub(crate) fn totals(&self) -> (Usage, u64, UnixMs) {
        let figures = self.figures.lock();
        (figures.usage, figures.n_calls, figures.since_ms)
    }

    /// How many calls that is about.
    pub fn n_measured(&self) -> u64 {
        self.figures.lock().n_calls
    }

    /// Goes on with what was measured before.
    pub fn restore_figures(&self, figures: Figures) {
        *self.figures.lock() = figures;
    }

    /// What was measured of one model; `None` before its first call.
    pub fn model_figures(&self, model: &str) -> Option<ModelFigures> {
        self.figures.lock().models.get(model).cloned()
    }

    /// Traffic now.
    pub fn traffic(&self) -> Traffic {
        let ended = self.ended.lock();
        Traffic {
            n_calls: ended.n_calls,
            n_failed: ended.n_failed,
            n_in_flight: self.n_in_flight.load(Ordering::Relaxed),
            usage: ended.usage,
        }
    }

    /// How `endpoint` is; none where nothing was heard of it yet.
    pub fn health(&self, endpoint: &str) -> Option<EndpointHealth> {
        self.health.lock().health(endpoint).cloned()
    }

    /// Tells whenever an endpoint goes up or down.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Waits until no call is in flight.
    pub async fn idle(&self) {
        loop {
            // Listen before looking, or the last call could leave in between.
            let left = self.last_left.notified();
            if self.n_in_flight.load(Ordering::SeqCst) == 0 {
                return;
            }
            left.await;
        }
    }

    pub(crate) fn enter(self: &Arc<Self>) -> InFlight {
        self.n_in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight(Arc::clone(self))
    }

    /// Counts an ended call. `is_up` is what it says about its endpoint, if anything.
    pub(crate) fn leave(&self, settled: &Settled, is_up: Option<bool>, now: Moment) {
        self.figures.lock().add(settled);
        self.traces.add(settled);
        let mut ended = self.ended.lock();
        ended.n_calls += 1;
        ended.usage += settled.usage;
        if matches!(
            settled.outcome,
            Outcome::Failed(_) | Outcome::AbortedByShutdown
        ) {
            ended.n_failed += 1;
        }
        drop(ended);
        if let (Some(endpoint), Some(is_up)) = (&settled.endpoint, is_up) {
            self.saw(endpoint, is_up, settled.outcome.as_str(), now);
        }
    }

    /// Notes how a call, or an attempt that is not the end of its call, went.
    pub(crate) fn saw(&self, endpoint: &str, is_up: bool, outcome: &str, now: Moment) {
        let signal = Signal {
            by: HeardBy::Call,
            is_up,
            is_gone: false,
            detail: outcome,
            latency: None,
        };
        self.heard(endpoint, signal, now);
    }

    /// Notes what was heard of an endpoint.
    pub(crate) fn heard(&self, endpoint: &str, signal: Signal<'_>, now: Moment) {
        if self.health.lock().heard(endpoint, signal, now) {
            metric::ENDPOINT_UP.set([endpoint], f64::from(u8::from(signal.is_up)));
            self.changes.send_replace(());
            if signal.by == HeardBy::Probe {
                info!(
                    endpoint,
                    is_up = signal.is_up,
                    detail = signal.detail,
                    "a model server changed"
                );
            }
        }
    }

    pub(crate) fn next_due<'a>(
        &self,
        endpoints: impl IntoIterator<Item = &'a str>,
        interval: Duration,
        now: Instant,
    ) -> Option<Instant> {
        self.health.lock().next_due(endpoints, interval, now)
    }

    pub(crate) fn claim(&self, endpoint: &str, interval: Duration, now: Instant) -> bool {
        self.health.lock().claim(endpoint, interval, now)
    }

    /// Forgets endpoints that no model of `registry` is at.
    pub(crate) fn keep_only(&self, registry: &Registry) {
        let models = registry.models().iter();
        let endpoints = models.map(|model| model.endpoint_id()).collect();
        for gone in self.health.lock().keep_only(&endpoints) {
            // A series cannot be taken back; one that is no number alarms nobody.
            metric::ENDPOINT_UP.set([&gone], f64::NAN);
        }
    }
}

/// Counts as in flight while it lives.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Standing>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.n_in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.last_left.notify_waiters();
        }
    }
}
