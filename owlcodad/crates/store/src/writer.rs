//! The one thread that writes: group commit, and the rule of when to acknowledge.
//!
//! ```text
//! gather (256 operations, 256 KiB or 5 ms) ─► apply one batch ─► sync ─► acknowledge all
//! ```
//!
//! Nobody is told of success before the sync ended. Where a caller waits, the group is closed as soon
//! as the queue is empty: while one group is synced the next one gathers by itself. The linger of
//! 5 ms is for audit records alone, which nobody waits for. After a failed write the thread goes on
//! only to answer: the engine's state is not known any more.

mod group;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use owlcoda_telemetry::metric;
use owlcoda_types::{Clock, UnixMs};
use parking_lot::Mutex;

use self::group::Group;
use crate::StoreError;
use crate::anchor::{self, Head};
use crate::engine::{Engine, guarded};
use crate::integrity::Findings;
use crate::queue::{Op, Queued};
use crate::recovery::Recovered;

/// Most operations of one commit.
const MAX_GROUP_OPS: usize = 256;
/// A commit takes no further operation from this size on. One operation may be larger.
const MAX_GROUP_BYTES: usize = 256 << 10;
/// How long audit records wait for more of them.
const LINGER: Duration = Duration::from_millis(5);
/// At most one anchor is written in this time.
const ANCHOR_EVERY: Duration = Duration::from_secs(1);

/// What the writer says about itself, to everyone.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) findings: Findings,
    pub(crate) n_audit_dropped: AtomicU64,
    pub(crate) progress: Mutex<Progress>,
}

impl Shared {
    /// Audit records that will never be written.
    pub(crate) fn count_dropped(&self, n_records: u64) {
        self.n_audit_dropped.fetch_add(n_records, Ordering::Relaxed);
        metric::AUDIT_DROPPED.add([], n_records);
    }
}

/// How far the writer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) head: Head,
    pub(crate) n_sessions: u64,
    pub(crate) size_bytes: u64,
    pub(crate) last_commit_at_ms: Option<UnixMs>,
}

/// The state of the thread.
pub(crate) struct Writer {
    engine: Arc<dyn Engine>,
    dir: PathBuf,
    shared: Arc<Shared>,
    progress: Progress,
    /// Since a write failed: why.
    poison: Option<Arc<str>>,
    anchored: Head,
    anchored_at: Instant,
}

impl Writer {
    /// A writer that goes on where `recovered` ends. Write the anchor before it runs.
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        dir: PathBuf,
        shared: Arc<Shared>,
        recovered: Recovered,
    ) -> Self {
        let progress = Progress {
            head: recovered.head,
            n_sessions: recovered.n_sessions,
            size_bytes: engine.size_bytes(),
            last_commit_at_ms: None,
        };
        *shared.progress.lock() = progress;
        Self {
            engine,
            dir,
            shared,
            progress,
            poison: None,
            anchored: Head::default(),
            anchored_at: Instant::now(),
        }
    }

    /// Writes what comes in until the sending side is closed and everything is written.
    pub(crate) fn run(mut self, queue: &Receiver<Queued>) {
        loop {
            match self.wait(queue) {
                Ok(first) => {
                    let group = self.gather(first, queue);
                    self.commit(group);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.anchor_is_due() {
                self.write_anchor();
            }
        }
        if self.anchored != self.progress.head {
            self.write_anchor();
        }
    }

    /// Sleeps until there is something to write, or an anchor.
    fn wait(&self, queue: &Receiver<Queued>) -> Result<Queued, RecvTimeoutError> {
        if self.anchored == self.progress.head {
            return queue.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        queue.recv_timeout(ANCHOR_EVERY.saturating_sub(self.anchored_at.elapsed()))
    }

    fn gather(&mut self, first: Queued, queue: &Receiver<Queued>) -> Group {
        let mut group = Group::new(self.progress.head, self.progress.n_sessions);
        let started = Instant::now();
        self.take(&mut group, first);
        while group.n_ops() < MAX_GROUP_OPS && group.n_bytes() < MAX_GROUP_BYTES {
            match queue.try_recv() {
                Ok(queued) => self.take(&mut group, queued),
                Err(TryRecvError::Empty) if !group.has_waiters() => {
                    let left = LINGER.saturating_sub(started.elapsed());
                    if left.is_zero() {
                        break;
                    }
                    // Not in the channel, where each record would wake the thread. Whoever waits
                    // for an answer does.
                    std::thread::park_timeout(left);
                }
                Err(_) => break,
            }
        }
        group
    }

    fn take(&self, group: &mut Group, queued: Queued) {
        let Some(reason) = &self.poison else {
            return group.take(&*self.engine, queued);
        };
        let poisoned = || {
            Err(StoreError::Poisoned {
                reason: Arc::clone(reason),
            })
        };
        match queued.op {
            Op::Audit { .. } => {
                self.shared.count_dropped(1);
            }
            // Whoever no longer waits does not need the answer.
            Op::Session { ack, .. } | Op::Flush { ack } => drop(ack.send(poisoned())),
        }
    }

    fn commit(&mut self, group: Group) {
        if !group.has_entries() {
            return group.acknowledge();
        }
        let n_audit = group.n_audit();
        let at_ms = self.shared.clock.now_ms();
        let (batch, pending) = group.close(at_ms);
        let engine = &*self.engine;
        let started = Instant::now();
        match guarded(|| engine.apply(batch)).and_then(|()| guarded(|| engine.sync())) {
            Ok(()) => {
                self.progress.head = pending.head();
                self.progress.n_sessions = pending.n_sessions();
                self.progress.size_bytes = engine.size_bytes();
                self.progress.last_commit_at_ms = Some(at_ms);
                *self.shared.progress.lock() = self.progress;
                pending.acknowledge();
                metric::AUDIT_COMMIT.record([], started.elapsed());
                metric::AUDIT_RECORDS.add([], n_audit);
            }
            Err(error) => {
                let reason: Arc<str> = error.to_string().into();
                self.shared
                    .findings
                    .report(format!("the store takes no writes: {reason}"));
                self.shared.count_dropped(n_audit);
                metric::STORAGE_ERRORS.add(["commit"], 1);
                pending.refuse(&reason);
                self.poison = Some(reason);
            }
        }
    }

    fn anchor_is_due(&self) -> bool {
        self.anchored != self.progress.head && self.anchored_at.elapsed() >= ANCHOR_EVERY
    }

    /// Replaces the anchor by how far the writer has come.
    pub(crate) fn write_anchor(&mut self) {
        // A failure is tried again with the next one; until then an older anchor stands.
        match anchor::write(&self.dir, &self.progress.head) {
            Ok(()) => self.anchored = self.progress.head,
            Err(error) => {
                metric::STORAGE_ERRORS.add(["anchor"], 1);
                let finding = format!("the head anchor could not be written: {error}");
                self.shared.findings.report(finding);
            }
        }
        self.anchored_at = Instant::now();
    }
}
