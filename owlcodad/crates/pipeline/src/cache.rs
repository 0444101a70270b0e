//! Whole answers that are given again to who asks the very same.
//!
//! Kept are answers that came whole, of the model that was asked for, to requests that leave nothing
//! to chance (`temperature` 0) or whose caller wants it so. The one that was not used for longest goes
//! first; each is given for a limited time. Time is passed in.

mod key;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use owlcoda_config::CacheConfig;
use owlcoda_telemetry::metric;
use parking_lot::Mutex;

pub(crate) use key::{Key, key_of};

use crate::report::share;

/// What one answer takes beside its bytes.
const ENTRY_BYTES: usize = 256;

/// An answer that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) body: Bytes,
    /// Id of the model that gave it.
    pub(crate) model: String,
    pub(crate) dropped: Vec<String>,
}

impl Kept {
    fn n_bytes(&self) -> usize {
        let dropped: usize = self.dropped.iter().map(String::len).sum();
        self.body.len() + self.model.len() + dropped + ENTRY_BYTES
    }
}

/// How full the cache is, and what it was good for since the daemon started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// The limits in force.
    pub config: CacheConfig,
    /// Answers that are kept.
    pub n_entries: usize,
    /// What they take, in bytes.
    pub n_bytes: usize,
    /// Requests that were answered by it.
    pub n_hits: u64,
    /// Requests that it could have answered, and could not.
    pub n_misses: u64,
}

impl CacheStats {
    /// How many of the requests that it could have answered it did answer, from 0 to 1.
    pub fn hit_rate(&self) -> f64 {
        share(self.n_hits, self.n_hits + self.n_misses)
    }
}

/// The answers.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    stats: CacheStats,
    entries: HashMap<Key, Entry>,
    /// By the turn in which they were last used.
    order: BTreeMap<u64, Key>,
    next_turn: u64,
}

#[derive(Debug)]
struct Entry {
    kept: Arc<Kept>,
    since: Instant,
    turn: u64,
}

impl Cache {
    /// Takes new limits on. What is over them goes.
    pub(crate) fn configure(&self, config: CacheConfig) {
        let mut shelf = self.shelf.lock();
        shelf.stats.config = config;
        if !config.is_enabled {
            shelf.clear();
        }
        shelf.trim();
    }

    pub(crate) fn stats(&self) -> CacheStats {
        self.shelf.lock().stats
    }

    /// Forgets every answer. Returns how many there were.
    pub(crate) fn clear(&self) -> usize {
        let mut shelf = self.shelf.lock();
        let n_entries = shelf.entries.len();
        shelf.clear();
        n_entries
    }

    /// The answer for `key`, where there is one that is not too old.
    pub(crate) fn get(&self, key: &Key, now: Instant) -> Option<Arc<Kept>> {
        let kept = self.shelf.lock().get(key, now);
        let result = if kept.is_some() { "hit" } else { "miss" };
        metric::CACHE_REQUESTS.add([result], 1);
        kept
    }

    /// Keeps `kept`, unless it alone is over the limit.
    pub(crate) fn put(&self, key: Key, kept: Kept, now: Instant) {
        self.shelf.lock().put(key, kept, now);
    }
}

impl Shelf {
    fn get(&mut self, key: &Key, now: Instant) -> Option<Arc<Kept>> {
        let ttl = self.stats.config.ttl;
        let is_fresh = |entry: &&mut Entry| now.saturating_duration_since(entry.since) < ttl;
        let Some(entry) = self.entries.get_mut(key).filter(is_fresh) else {
            self.remove(key);
            self.stats.n_misses += 1;
            return None;
        };
        self.order.remove(&entry.turn);
        entry.turn = self.next_turn;
        self.order.insert(entry.turn, *key);
        self.next_turn += 1;
        self.stats.n_hits += 1;
        Some(Arc::clone(&entry.kept))
    }

    fn put(&mut self, key: Key, kept: Kept, now: Instant) {
        let config = self.stats.config;
        if !config.is_enabled || kept.n_bytes() > config.max_bytes {
            return;
        }
        self.remove(&key);
        self.stats.n_bytes += kept.n_bytes();
        let turn = self.next_turn;
        self.next_turn += 1;
        self.order.insert(turn, key);
        let entry = Entry {
            kept: Arc::new(kept),
            since: now,
            turn,
        };
        self.entries.insert(key, entry);
        self.stats.n_entries = self.entries.len();
        self.trim();
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.turn);
            self.stats.n_bytes -= entry.kept.n_bytes();
            self.stats.n_entries = self.entries.len();
        }
    }

    fn trim(&mut self) {
        let config = self.stats.config;
        while self.entries.len() > config.max_entries || self.stats.n_bytes > config.max_bytes {
            let Some((_, oldest)) = self.order.first_key_value() else {
                return;
            };
            let oldest = *oldest;
            self.remove(&oldest);
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
        self.stats.n_entries = 0;
        self.stats.n_bytes = 0;
    }
}

#[cfg(test)]
mod tests;
