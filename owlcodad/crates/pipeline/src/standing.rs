//! What outlives a configuration: traffic so far, and how each endpoint's last call went.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use owlcoda_models::policy::Policy;
use owlcoda_types::Usage;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::cache::{Cache, CacheStats};
use crate::figures::{Figures, ModelFigures};
use crate::settle::{Outcome, Settled};
use crate::snapshot::Snapshot;

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

/// How the last call of an endpoint went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Whether it answered.
    pub is_up: bool,
    /// Name of the error's code where it did not.
    pub detail: String,
}

/// Keyed by id, so that a new configuration finds what it knew before.
#[derive(Debug, Default)]
pub struct Standing {
    policy: Policy,
    cache: Cache,
    figures: Mutex<Figures>,
    n_in_flight: AtomicU64,
    last_left: Notify,
    ended: Mutex<Ended>,
}

#[derive(Debug, Default)]
struct Ended {
    n_calls: u64,
    n_failed: u64,
    usage: Usage,
    endpoints: BTreeMap<String, EndpointHealth>,
}

impl Standing {
    /// Takes a configuration on; to be called before calls see it.
    pub(crate) fn configure(&self, snapshot: &Snapshot, now: Instant) {
        let settings = &snapshot.settings;
        self.policy.apply(settings.policy, &snapshot.registry, now);
        self.cache.configure(settings.cache);
    }

    /// Limits, breakers and what is in flight, for each model.
    pub const fn policy(&self) -> &Policy {
        &self.policy
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

    /// How the last call of `endpoint` went; `None` before the first.
    pub fn health(&self, endpoint: &str) -> Option<EndpointHealth> {
        self.ended.lock().endpoints.get(endpoint).cloned()
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
    pub(crate) fn leave(&self, settled: &Settled, is_up: Option<bool>) {
        self.figures.lock().add(settled);
        let mut ended = self.ended.lock();
        ended.n_calls += 1;
        ended.usage += settled.usage;
        if matches!(
            settled.outcome,
            Outcome::Failed(_) | Outcome::AbortedByShutdown
        ) {
            ended.n_failed += 1;
        }
        let (Some(endpoint), Some(is_up)) = (&settled.endpoint, is_up) else {
            return;
        };
        ended.saw(endpoint, is_up, settled.outcome.as_str());
    }

    /// Notes how an attempt went that is not the end of its call.
    pub(crate) fn saw(&self, endpoint: &str, is_up: bool, outcome: &str) {
        self.ended.lock().saw(endpoint, is_up, outcome);
    }
}

impl Ended {
    fn saw(&mut self, endpoint: &str, is_up: bool, outcome: &str) {
        let detail = if is_up { "" } else { outcome };
        match self.endpoints.get_mut(endpoint) {
            // The common case allocates nothing.
            Some(health) if health.is_up && is_up => {}
            Some(health) => {
                *health = EndpointHealth {
                    is_up,
                    detail: detail.to_owned(),
                }
            }
            None => {
                let health = EndpointHealth {
                    is_up,
                    detail: detail.to_owned(),
                };
                self.endpoints.insert(endpoint.to_owned(), health);
            }
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
