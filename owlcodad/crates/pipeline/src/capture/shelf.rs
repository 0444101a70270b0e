//! The captures that are kept: bounded in number and in bytes, the oldest goes first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use owlcoda_config::CaptureConfig;
use owlcoda_types::RequestId;
use parking_lot::Mutex;

use super::Capture;
use crate::report::share;
use crate::settle::Outcome;

/// The captures, and whether there are to be any.
#[derive(Debug, Default)]
pub(crate) struct Captures {
    is_on: AtomicBool,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    config: CaptureConfig,
    kept: VecDeque<Arc<Capture>>,
    n_bytes: usize,
}

/// What the captures that are kept are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureStats {
    /// How many there are.
    pub n_captures: usize,
    /// How many of them did not end well.
    pub n_failed: usize,
    /// Their time in all.
    pub elapsed: Duration,
    /// How many there are of each model, by the id of the one that answered.
    pub models: BTreeMap<String, usize>,
    /// What they take, in bytes.
    pub n_bytes: usize,
    /// The limits in force.
    pub config: CaptureConfig,
}

impl CaptureStats {
    /// Mean time of a call, in milliseconds.
    pub fn mean_ms(&self) -> f64 {
        let n = u32::try_from(self.n_captures).unwrap_or(u32::MAX).max(1);
        let mean = self.elapsed / n;
        (mean.as_secs_f64() * 100_000.0).round() / 100.0
    }

    /// How many of the calls did not end well, from 0 to 1.
    pub fn error_rate(&self) -> f64 {
        share(self.n_failed as u64, self.n_captures as u64)
    }
}

impl Captures {
    /// Takes new limits on. What is over them goes, and where there are to be none all.
    pub(crate) fn configure(&self, config: CaptureConfig) {
        let mut shelf = self.shelf.lock();
        shelf.config = config;
        if !config.is_enabled {
            shelf.clear();
        }
        shelf.trim();
        self.is_on.store(config.is_enabled, Ordering::Relaxed);
    }

    /// Whether calls are to be captured. One load.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Keeps one, unless it was turned off meanwhile.
    pub(crate) fn add(&self, capture: Capture) {
        let mut shelf = self.shelf.lock();
        if !shelf.config.is_enabled {
            return;
        }
        shelf.n_bytes += capture.n_bytes();
        shelf.kept.push_back(Arc::new(capture));
        shelf.trim();
    }

    /// At most `limit`, the latest first, and what all are about.
    pub(crate) fn list(&self, limit: usize) -> (Vec<Arc<Capture>>, CaptureStats) {
        let shelf = self.shelf.lock();
        let latest = shelf.kept.iter().rev().take(limit).cloned().collect();
        (latest, shelf.stats())
    }

    /// The capture of one call.
    pub(crate) fn find(&self, id: RequestId) -> Option<Arc<Capture>> {
        let shelf = self.shelf.lock();
        shelf.kept.iter().find(|kept| kept.id == id).cloned()
    }

    /// Forgets all. Returns how many there were.
    pub(crate) fn clear(&self) -> usize {
        let mut shelf = self.shelf.lock();
        let n_captures = shelf.kept.len();
        shelf.clear();
        n_captures
    }
}

impl Shelf {
    fn trim(&mut self) {
        let config = self.config;
        while self.kept.len() > config.max_entries || self.n_bytes > config.max_bytes {
            let Some(oldest) = self.kept.pop_front() else {
                return;
            };
            self.n_bytes -= oldest.n_bytes();
        }
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.n_bytes = 0;
    }

    fn stats(&self) -> CaptureStats {
        let mut models = BTreeMap::new();
        for capture in &self.kept {
            let model = capture.model_used.as_ref();
            let model = model.unwrap_or(&capture.model_asked);
            *models.entry(model.clone()).or_default() += 1;
        }
        let failed = self.kept.iter();
        let failed = failed.filter(|capture| capture.outcome != Outcome::Ok);
        CaptureStats {
            n_captures: self.kept.len(),
            n_failed: failed.count(),
            elapsed: self.kept.iter().map(|capture| capture.elapsed).sum(),
            models,
            n_bytes: self.n_bytes,
            config: self.config,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Draft, Redactor, Seen};
    use crate::settle::example;

    fn capture(body: &str) -> Capture {
        let seen = Seen {
            body: body.to_owned().into(),
            ..Seen::default()
        };
        Draft::new(Arc::new(Redactor::default()), seen).finish(&example())
    }

    fn config(max_entries: usize, max_bytes: usize) -> CaptureConfig {
        CaptureConfig {
            is_enabled: true,
            max_entries,
            max_bytes,
        }
    }

    #[test]
    fn the_oldest_goes_where_there_are_too_many_or_they_take_too_much() {
        let captures = Captures::default();
        captures.add(capture("before it was on"));
        assert_eq!(captures.list(10).1.n_captures, 0);
        captures.configure(config(3, 1 << 20));
        assert!(captures.is_on());
        for n in 0..5 {
            captures.add(capture(&n.to_string()));
        }
        let bodies = |limit| -> Vec<String> {
            let (listed, _) = captures.list(limit);
            let bodies = listed.iter();
            bodies
                .map(|capture| capture.caller.request.body.clone())
                .collect()
        };
        assert_eq!(bodies(10), ["4", "3", "2"]);
        assert_eq!(bodies(1), ["4"]);
        let one = captures.list(1).0.remove(0);
        captures.configure(config(3, one.n_bytes() * 2));
        assert_eq!(bodies(10), ["4", "3"]);
        assert_eq!(captures.clear(), 2);
        assert_eq!(captures.list(10).1.n_bytes, 0);
        captures.add(capture("5"));
        captures.configure(CaptureConfig::default());
        assert!(!captures.is_on());
        assert_eq!(captures.list(10).0.len(), 0);
    }
}
