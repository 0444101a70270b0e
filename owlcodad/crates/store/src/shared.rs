//! What the writer says about itself, to everyone, and what readers read from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use owlcoda_telemetry::metric;
use owlcoda_types::{Clock, UnixMs};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::StoreError;
use crate::anchor::Head;
use crate::audit::OpenCalls;
use crate::engine::Engine;
use crate::integrity::{Findings, Integrity};
use crate::shelf::Shelf;

/// What the writer and its readers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) findings: Arc<Findings>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) open_calls: OpenCalls,
    pub(crate) n_audit_dropped: AtomicU64,
    pub(crate) n_outages: AtomicU64,
    /// Whether audit records become durable, as far as the writer knows.
    is_taking_audit: AtomicBool,
    pub(crate) progress: Mutex<Progress>,
    /// Number of the newest audit record that can be read.
    pub(crate) newest: watch::Sender<u64>,
    /// The sessions' engine, or why there is none. A read holds the lock to its end, so that opening
    /// it again, and closing, wait for it.
    sessions: RwLock<Sessions>,
    passing: Mutex<Passing>,
    labour: Labour,
}

/// Since when the writer is at one piece of work.
#[derive(Debug)]
struct Labour {
    since: Instant,
    /// In milliseconds after `since`, from 1; 0 while it waits for work.
    began_ms: AtomicU64,
}

/// The sessions' engine, or why there is none; without a reason because the store is closed.
type Sessions = Result<Arc<dyn Engine>, Option<Arc<str>>>;

/// What is wrong for now.
#[derive(Debug, Default)]
struct Passing {
    outage: Option<Arc<str>>,
    anchor: Option<String>,
}

/// How far the writer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) head: Head,
    pub(crate) n_sessions: u64,
    pub(crate) session_bytes: u64,
    pub(crate) audit_bytes: u64,
    /// Commits of audit records since the store was made.
    pub(crate) audit_commit: u64,
    pub(crate) n_segments: u64,
    pub(crate) last_commit_at_ms: Option<UnixMs>,
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock>, findings: Arc<Findings>, shelf: Arc<Shelf>) -> Self {
        Self {
            clock,
            findings,
            shelf,
            open_calls: OpenCalls::default(),
            n_audit_dropped: AtomicU64::new(0),
            n_outages: AtomicU64::new(0),
            is_taking_audit: AtomicBool::new(true),
            progress: Mutex::default(),
            newest: watch::Sender::new(0),
            sessions: RwLock::new(Err(None)),
            passing: Mutex::default(),
            labour: Labour {
                since: Instant::now(),
                began_ms: AtomicU64::new(0),
            },
        }
    }

    /// The writer has something to do from now on.
    pub(crate) fn begin_labour(&self) {
        let ms = self.labour.since.elapsed().as_millis();
        let ms = u64::try_from(ms).unwrap_or(u64::MAX).max(1);
        self.labour.began_ms.store(ms, Ordering::Relaxed);
    }

    /// It waits for work.
    pub(crate) fn end_labour(&self) {
        self.labour.began_ms.store(0, Ordering::Relaxed);
    }

    /// How long the writer is at its present piece of work; nothing while it waits for one.
    pub(crate) fn labour(&self) -> Duration {
        match self.labour.began_ms.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            began_ms => {
                let elapsed = self.labour.since.elapsed();
                elapsed.saturating_sub(Duration::from_millis(began_ms))
            }
        }
    }

    /// Audit records that will never be written.
    pub(crate) fn count_dropped(&self, n_records: u64) {
        self.n_audit_dropped.fetch_add(n_records, Ordering::Relaxed);
        metric::AUDIT_DROPPED.add([], n_records);
    }

    /// From now on readers find this.
    pub(crate) fn show_sessions(&self, sessions: Result<Arc<dyn Engine>, Arc<str>>) {
        *self.sessions.write() = sessions.map_err(Some);
    }

    /// From now on readers find that the store is closed.
    pub(crate) fn close_sessions(&self) {
        *self.sessions.write() = Err(None);
    }

    /// Asks the sessions' engine.
    pub(crate) fn with_sessions<T>(
        &self,
        question: impl FnOnce(&dyn Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &*self.sessions.read() {
            Ok(engine) => question(&**engine),
            Err(Some(reason)) => Err(StoreError::Poisoned {
                reason: Arc::clone(reason),
            }),
            Err(None) => Err(StoreError::Closed),
        }
    }

    pub(crate) fn begin_outage(&self, reason: &Arc<str>) {
        self.n_outages.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%reason, "the store takes no writes, trying again");
        self.passing.lock().outage = Some(Arc::clone(reason));
    }

    pub(crate) fn end_outage(&self) {
        self.passing.lock().outage = None;
    }

    pub(crate) fn set_taking_audit(&self, is_taking: bool) {
        self.is_taking_audit.store(is_taking, Ordering::Release);
    }

    /// Why audit records do not become durable now; `None` while they do.
    pub(crate) fn audit_outage(&self) -> Option<Arc<str>> {
        if self.is_taking_audit.load(Ordering::Acquire) {
            return None;
        }
        let reason = self.passing.lock().outage.clone();
        Some(reason.unwrap_or_else(|| "it has not recovered yet".into()))
    }

    pub(crate) fn set_anchor_failure(&self, failure: Option<String>) {
        self.passing.lock().anchor = failure;
    }

    /// What is wrong for now and what was found.
    pub(crate) fn integrity(&self) -> Integrity {
        let passing = self.passing.lock();
        let outage = passing.outage.as_ref();
        let outage = outage.map(|reason| format!("the store takes no writes: {reason}"));
        let mut words: Vec<_> = outage.into_iter().chain(passing.anchor.clone()).collect();
        match self.findings.integrity() {
            Integrity::Ok => {}
            Integrity::Degraded(found) => words.push(found),
        }
        if words.is_empty() {
            return Integrity::Ok;
        }
        Integrity::Degraded(words.join("; "))
    }
}
