//! What is done when a model server fails or is asked too often. Pure: time and chance are passed in.
//!
//! ```text
//! name ─► Plan ─► Course ─► Visit ─► the model server
//!                   ▲         │
//!                   └─failed──┴─► first event: answered, then succeed, fail or drop
//! ```
//!
//! A [`Plan`] says who may answer. A [`Course`] takes one request over it, and asks the bucket and the
//! breaker of each model for leave: a [`Visit`]. What failed before the first event of an answer goes
//! back to the course; from then on the visit belongs to the answer, and nothing is tried again.
//!
//! [`Policy`] holds what outlives a configuration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use owlcoda_config::PolicyConfig;
use parking_lot::{Mutex, RwLock};

use crate::registry::{Model, Registry};

mod breaker;
mod bucket;
mod course;
mod failure;
mod plan;
mod retry;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod world;

pub use breaker::{Breaker, BreakerState, BreakerView, OpenUntil, Permit};
pub use bucket::{Bucket, RetryIn, Share, Shares};
pub use course::{Course, Stop, Visit};
pub use failure::{Failure, FailureKind};
pub use plan::{MAX_FALLBACKS, Plan};
pub use retry::{Others, Retry, Verdict};

/// What is known of every model at its endpoint, over all configurations.
#[derive(Debug, Default)]
pub struct Policy {
    book: RwLock<Book>,
}

#[derive(Debug, Default)]
struct Book {
    config: PolicyConfig,
    /// One for each model of the registry in force, so its size is bounded.
    entries: BTreeMap<Key, Arc<Entry>>,
}

/// How a model is doing, for status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelHealth {
    /// Id of the endpoint.
    pub endpoint: String,
    /// Id of the model.
    pub model: String,
    /// Its breaker.
    pub breaker: BreakerView,
    /// Calls that have not ended.
    pub n_in_flight: u64,
}

impl Policy {
    /// Takes a configuration on: settings hold at once, a model that stays at its endpoint keeps what
    /// is known of it, and one that is gone is forgotten.
    ///
    /// To be called before requests see `registry`. A call of an older one may still be under way; its
    /// end is reported to what was forgotten, and lost with it.
    pub fn apply(&self, config: PolicyConfig, registry: &Registry, now: Instant) {
        let mut book = self.book.write();
        let mut known = std::mem::take(&mut book.entries);
        book.config = config;
        book.entries = registry
            .models()
            .iter()
            .map(|model| {
                let key = Key::of(model);
                let entry = known
                    .remove(&key)
                    .unwrap_or_else(|| Entry::new(config, now));
                entry.configure(config, now);
                (key, entry)
            })
            .collect();
    }

    /// Begins the course of a request that came at `now` and is made for `share`.
    pub fn begin<'a>(
        &'a self,
        registry: &'a Registry,
        plan: Plan,
        share: Share,
        now: Instant,
    ) -> Course<'a> {
        let config = self.book.read().config;
        Course::new(self, registry, plan, share, config, now)
    }

    /// Calls of `model` that have not ended.
    pub fn n_in_flight(&self, model: &Model) -> u64 {
        let book = self.book.read();
        let entry = book.entries.get(&Key::of(model));
        entry.map_or(0, |entry| entry.n_in_flight.load(Ordering::Relaxed))
    }

    /// Whether the breaker of `model` lets nobody through at the moment.
    pub fn is_open(&self, model: &Model, now: Instant) -> bool {
        let book = self.book.read();
        let entry = book.entries.get(&Key::of(model));
        entry.is_some_and(|entry| entry.breaker.view(now).state == BreakerState::Open)
    }

    /// Closes the breakers of every model at `endpoint`. Returns each of these models with the state
    /// that its breaker was in.
    pub fn reset_breakers(&self, endpoint: &str, now: Instant) -> Vec<(String, BreakerState)> {
        let book = self.book.read();
        let here = book
            .entries
            .iter()
            .filter(|(key, _)| key.endpoint == endpoint);
        here.map(|(key, entry)| (key.model.clone(), entry.breaker.reset(now)))
            .collect()
    }

    /// How every model is doing, ordered by endpoint and then by model.
    pub fn health(&self, now: Instant) -> Vec<ModelHealth> {
        let book = self.book.read();
        let entries = book.entries.iter();
        entries
            .map(|(key, entry)| ModelHealth {
                endpoint: key.endpoint.clone(),
                model: key.model.clone(),
                breaker: entry.breaker.view(now),
                n_in_flight: entry.n_in_flight.load(Ordering::Relaxed),
            })
            .collect()
    }

    /// What is known of `model`. Nothing, and nothing will be, where a reload has just dropped it.
    fn entry(&self, model: &Model, now: Instant) -> Arc<Entry> {
        let book = self.book.read();
        let known = book.entries.get(&Key::of(model)).cloned();
        known.unwrap_or_else(|| Entry::new(book.config, now))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    endpoint: String,
    model: String,
}

impl Key {
    fn of(model: &Model) -> Self {
        Self {
            endpoint: model.endpoint_id(),
            model: model.id.clone(),
        }
    }
}

/// What is known of one model at one endpoint.
#[derive(Debug)]
struct Entry {
    breaker: Breaker,
    shares: Mutex<Shares>,
    n_in_flight: AtomicU64,
}

impl Entry {
    fn new(config: PolicyConfig, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            breaker: Breaker::new(config.breaker),
            shares: Mutex::new(Shares::new(config.rate_limit.per_minute, now)),
            n_in_flight: AtomicU64::new(0),
        })
    }

    fn configure(&self, config: PolicyConfig, now: Instant) {
        self.breaker.configure(config.breaker);
        let mut shares = self.shares.lock();
        shares.set_rate(config.rate_limit.per_minute, now);
    }
}

/// Counts as in flight while it lives.
#[derive(Debug)]
struct InFlight(Arc<Entry>);

impl InFlight {
    fn new(entry: Arc<Entry>) -> Self {
        entry.n_in_flight.fetch_add(1, Ordering::Relaxed);
        Self(entry)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.n_in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
