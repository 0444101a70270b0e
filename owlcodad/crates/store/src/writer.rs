//! The one thread that writes: group commit, and the rule of when to acknowledge.
//!
//! ```text
//! gather (256 operations, 256 KiB or 20 ms) ─► sessions: apply, sync ─► acknowledge
//!                                          └► audit: apply, sync ────► acknowledge
//! ```
//!
//! Nobody is told of success before the sync ended. Where a caller waits, the group is closed as soon
//! as the queue is empty: while one group is synced the next one gathers by itself. The linger of
//! 20 ms is for audit records alone, which nobody waits for.
//!
//! After a failed write an engine's state is not known any more: it is let go and opened again, see
//! `outage.rs`. Meanwhile sessions are refused, and audit records wait in memory up to a bound.

mod backlog;
mod group;
mod mend;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use owlcoda_telemetry::metric;

use self::backlog::Backlog;
use self::group::Group;
use crate::StoreError;
use crate::anchor::{self, Head};
use crate::engine::{Engine, EngineError, Opener, guarded};
use crate::ledger::Ledger;
use crate::outage::Outage;
use crate::queue::Queued;
use crate::recovery::{Recovered, SCHEMA_VERSION};
use crate::shared::{Progress, Shared};

/// Most operations of one commit.
const MAX_GROUP_OPS: usize = 256;
/// A commit takes no further operation from this size on. One operation may be larger.
const MAX_GROUP_BYTES: usize = 256 << 10;
/// How long audit records wait for more of them.
const LINGER: Duration = Duration::from_millis(20);
/// At most one anchor is written in this time.
const ANCHOR_EVERY: Duration = Duration::from_secs(1);
/// How often the writer looks which segments may go or be closed, if nothing else wakes it.
const UPKEEP_EVERY: Duration = Duration::from_secs(30);
/// Most audit records that wait in memory while they cannot be written.
const MAX_BACKLOG: usize = 16_384;

/// The state of the thread.
pub(crate) struct Writer {
    dir: PathBuf,
    opener: Arc<dyn Opener>,
    cache_bytes: u64,
    shared: Arc<Shared>,
    /// The sessions' engine, unless it is out.
    sessions: Option<Arc<dyn Engine>>,
    sessions_outage: Option<Outage>,
    recovered: Recovered,
    ledger: Ledger,
    ledger_outage: Option<Outage>,
    /// Number of the last audit record before the backlog.
    backlog_after: u64,
    /// Audit records that are not known to be durable.
    backlog: Backlog,
    progress: Progress,
    anchored: Head,
    anchored_at: Instant,
    upkeep_at: Instant,
}

/// What a writer is made of.
pub(crate) struct Parts {
    pub(crate) dir: PathBuf,
    pub(crate) opener: Arc<dyn Opener>,
    pub(crate) cache_bytes: u64,
    pub(crate) shared: Arc<Shared>,
    /// Why the sessions' engine is not open, if so.
    pub(crate) sessions: Result<(Arc<dyn Engine>, Recovered), StoreError>,
    pub(crate) ledger: Ledger,
    /// Why the ledger is not open, if so.
    pub(crate) ledger_error: Option<StoreError>,
    /// The anchor as it was found.
    pub(crate) head: Head,
}

impl Writer {
    /// A writer that goes on where its parts end. Write the anchor before it runs.
    pub(crate) fn new(parts: Parts) -> Self {
        let mut writer = Self {
            dir: parts.dir,
            opener: parts.opener,
            cache_bytes: parts.cache_bytes,
            shared: parts.shared,
            sessions: None,
            sessions_outage: None,
            recovered: Recovered {
                commit: parts.head.commit,
                n_sessions: 0,
            },
            backlog_after: parts.head.last_seq,
            ledger: parts.ledger,
            ledger_outage: None,
            backlog: Backlog::default(),
            progress: Progress {
                head: parts.head,
                ..Progress::default()
            },
            anchored: Head::default(),
            anchored_at: Instant::now(),
            upkeep_at: Instant::now(),
        };
        match parts.sessions {
            Ok((engine, recovered)) => writer.use_sessions(engine, recovered),
            Err(error) => writer.lose_sessions(&error),
        }
        if let Some(error) = &parts.ledger_error {
            writer.lose_ledger(error);
        }
        writer.publish();
        writer
    }

    /// Writes what comes in until the sending side is closed and everything is written.
    pub(crate) fn run(mut self, queue: &Receiver<Queued>) {
        self.shared.begin_labour();
        // What has come of age while nobody ran.
        self.upkeep();
        loop {
            self.shared.end_labour();
            let waited = self.wait(queue);
            self.shared.begin_labour();
            match waited {
                Ok(first) => {
                    let group = self.gather(first, queue);
                    self.commit(group);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.mend();
            if self.is_anchor_due() {
                self.write_anchor();
            }
            self.upkeep();
        }
        if let Some(outage) = &mut self.ledger_outage {
            outage.retry_now();
            self.mend();
        }
        let n_lost = self.backlog.len() as u64;
        if n_lost > 0 {
            self.shared.count_dropped(n_lost);
        }
        if self.is_anchor_behind() {
            self.write_anchor();
        }
        self.ledger.shut(None);
    }

    /// Sleeps until there is something to write, to open again, or an anchor.
    fn wait(&self, queue: &Receiver<Queued>) -> Result<Queued, RecvTimeoutError> {
        let mut left = UPKEEP_EVERY;
        if self.is_anchor_behind() {
            left = ANCHOR_EVERY.saturating_sub(self.anchored_at.elapsed());
        }
        for outage in [&self.sessions_outage, &self.ledger_outage] {
            left = outage
                .as_ref()
                .map_or(left, |outage| left.min(outage.left()));
        }
        queue.recv_timeout(left)
    }

    fn gather(&self, first: Queued, queue: &Receiver<Queued>) -> Group {
        let mut group = Group::new(self.recovered);
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
        let sessions = match (&self.sessions_outage, &self.sessions) {
            (Some(outage), _) => Err(Some(&outage.reason)),
            (None, Some(engine)) => Ok(&**engine),
            (None, None) => Err(None),
        };
        group.take(sessions, queued);
    }

    fn commit(&mut self, mut group: Group) {
        let started = Instant::now();
        let at_ms = self.shared.clock.now_ms();
        let mut is_written = false;
        if let Some((batch, recovered)) = group.take_sessions(at_ms) {
            is_written = self.commit_sessions(batch, recovered);
        }
        let refusal = self.sessions_outage.as_ref();
        group.answer_sessions(refusal.map(|outage| &outage.reason));

        let audit = group.take_audit();
        let n_audit = audit.len() as u64;
        self.backlog.extend(audit);
        let is_audit_written = self.write_backlog();
        is_written |= is_audit_written;
        if is_written {
            self.progress.last_commit_at_ms = Some(at_ms);
            metric::AUDIT_COMMIT.record([], started.elapsed());
        }
        if is_audit_written {
            metric::AUDIT_RECORDS.add([], n_audit);
        }
        self.publish();
        let refusal = self
            .sessions_outage
            .as_ref()
            .or(self.ledger_outage.as_ref());
        group.answer_flushes(refusal.map(|outage| &outage.reason));
    }

    /// Gives back whether it was written.
    fn commit_sessions(&mut self, batch: crate::engine::Batch, recovered: Recovered) -> bool {
        let Some(engine) = self.sessions.clone() else {
            return false;
        };
        let written: Result<(), EngineError> =
            guarded(|| engine.apply(batch)).and_then(|()| guarded(|| engine.sync()));
        drop(engine);
        match written {
            Ok(()) => {
                self.recovered = recovered;
                true
            }
            Err(error) => {
                metric::STORAGE_ERRORS.add(["commit"], 1);
                self.lose_sessions(&EngineError::of_write(error));
                false
            }
        }
    }

    /// Writes the audit records that wait, if they can be written; gives back whether any were.
    fn write_backlog(&mut self) -> bool {
        if self.backlog.is_empty() {
            return false;
        }
        if self.ledger_outage.is_some() {
            let n_lost = self.backlog.cut(MAX_BACKLOG);
            if n_lost > 0 {
                self.shared.count_dropped(n_lost as u64);
            }
            return false;
        }
        let written = guarded(|| self.ledger.append(self.backlog.entries()));
        match written {
            Ok(()) => {
                self.backlog.settle(self.backlog.len());
                self.backlog_after = self.ledger.last_seq();
                true
            }
            Err(error) => {
                metric::STORAGE_ERRORS.add(["commit"], 1);
                self.lose_ledger(&error);
                false
            }
        }
    }

    /// Tells everyone how far it has come.
    fn publish(&mut self) {
        let progress = &mut self.progress;
        progress.head.schema = SCHEMA_VERSION;
        progress.head.commit = self.recovered.commit;
        progress.n_sessions = self.recovered.n_sessions;
        if self.ledger.is_open() {
            let (count, n_bytes) = self.ledger.sizes();
            progress.head.count = count;
            progress.head.last_seq = self.ledger.last_seq();
            progress.head.first_seq = self.shared.shelf.first_seq();
            progress.audit_bytes = n_bytes;
            progress.audit_commit = self.ledger.commit();
            progress.n_segments = self.ledger.n_segments();
        }
        if let Some(sessions) = &self.sessions {
            progress.session_bytes = sessions.size_bytes();
        }
        *self.shared.progress.lock() = *progress;
        let last_seq = progress.head.last_seq;
        self.shared.newest.send_if_modified(|newest| {
            let is_new = self.ledger.is_open() && last_seq > *newest;
            if is_new {
                *newest = last_seq;
            }
            is_new
        });
    }

    fn is_anchor_behind(&self) -> bool {
        self.anchored != self.progress.head || self.ledger.is_anchor_due()
    }

    fn is_anchor_due(&self) -> bool {
        self.is_anchor_behind() && self.anchored_at.elapsed() >= ANCHOR_EVERY
    }

    /// Replaces the anchors by how far the writer has come.
    pub(crate) fn write_anchor(&mut self) {
        // A failure is tried again with the next one; until then an older anchor stands.
        let written = self.ledger.write_anchor();
        let written =
            written.and_then(|()| anchor::write(&self.dir, anchor::STORE, &self.progress.head));
        match written {
            Ok(()) => {
                self.anchored = self.progress.head;
                self.shared.set_anchor_failure(None);
            }
            Err(error) => {
                metric::STORAGE_ERRORS.add(["anchor"], 1);
                let finding = format!("the head anchor could not be written: {error}");
                self.shared.set_anchor_failure(Some(finding));
            }
        }
        self.anchored_at = Instant::now();
    }

    /// Removes segments that may go, and closes those that nobody reads.
    fn upkeep(&mut self) {
        let is_time = self.upkeep_at.elapsed() >= UPKEEP_EVERY;
        if is_time {
            self.upkeep_at = Instant::now();
            self.shared.shelf.close_idle();
        }
        if self.ledger_outage.is_some() || !(is_time || self.ledger.is_retention_due()) {
            return;
        }
        let first_seq = self.ledger.first_to_keep();
        if first_seq <= self.shared.shelf.first_seq() {
            return;
        }
        // First the anchor: what is missing then is known to be gone on purpose.
        let head = Head {
            first_seq,
            ..self.progress.head
        };
        let removed = anchor::write(&self.dir, anchor::STORE, &head)
            .map_err(StoreError::io("write the head anchor"))
            .and_then(|()| self.ledger.remove_before(first_seq));
        match removed {
            Ok(n_segments) => tracing::info!(n_segments, first_seq, "old audit segments removed"),
            Err(error) => {
                metric::STORAGE_ERRORS.add(["retention"], 1);
                let words = error.with_causes();
                self.shared
                    .findings
                    .report(format!("old audit segments could not be removed: {words}"));
            }
        }
        self.publish();
    }
}
