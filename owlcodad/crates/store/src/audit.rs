//! The audit: one record of each ended model call, appended without waiting, and where that is asked
//! for one of each that begins.

mod anchors;
mod lost;
mod open;
mod record;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

pub(crate) use self::open::{OpenCalls, Running};
#[cfg(test)]
pub(crate) use self::record::tests;
pub use self::record::{AuditDialect, AuditRecord, AuditRoute};
pub(crate) use self::record::{MAX_FIELD_CHARS, MAX_TEXT_CHARS, START};
use crate::StoreError;
use crate::block::Entry;
use crate::query::{self, AuditPage, AuditQuery};
use crate::queue::{Ack, Op, Queued};
use crate::record::MAX_BODY_BYTES;
use crate::store::Inner;

/// How long a question waits for the records of calls that have just ended, on a busy disk.
const CATCH_UP: Duration = Duration::from_millis(200);

/// The audit of a store.
#[derive(Clone, Debug)]
pub struct Audit {
    inner: Arc<Inner>,
}

impl Audit {
    pub(crate) const fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Queues `record`, of a call that has ended. Never waits and never fails: what finds no room, or
    /// a store that takes no writes, is counted in [`crate::StoreStats::n_audit_dropped`].
    pub fn append(&self, record: AuditRecord) {
        let id = record.request_id;
        let open_calls = &self.inner.shared.open_calls;
        if self.push(record) {
            open_calls.end(id);
        } else {
            open_calls.lose(id);
        }
    }

    /// Queues `record`, of a call that has just begun. Never waits and never fails, as
    /// [`Self::append`]. A call that began so and has no end later was lost: see
    /// [`Self::close_lost`].
    pub fn begin(&self, record: AuditRecord) {
        let id = record.request_id;
        let open_calls = &self.inner.shared.open_calls;
        let record = open_calls.begin(record);
        if !self.push(record) {
            // Nobody will look for its end.
            open_calls.end(id);
        }
    }

    fn push(&self, record: AuditRecord) -> bool {
        let is_queued = Entry::of(record).is_some_and(|entry| {
            let n_bytes = entry.body.len();
            self.inner.queue.try_push(Op::Audit(entry), n_bytes)
        });
        if !is_queued {
            self.inner.shared.count_dropped(1);
        }
        is_queued
    }

    /// Room for the record of a call that has not ended, so that it cannot be lost for want of any.
    ///
    /// # Errors
    ///
    /// `Poisoned` while audit records do not become durable, `NoRoom` where there was none for the
    /// time `wait`, `Closed`.
    pub async fn reserve(&self, wait: Duration) -> Result<Reservation, StoreError> {
        self.check_outage()?;
        let slots = self.inner.queue.reserve(MAX_BODY_BYTES);
        let slots = tokio::time::timeout(wait, slots).await;
        let slots = slots.map_err(|_| StoreError::NoRoom { waited: wait })??;
        // It may have begun meanwhile, and be why there was no room.
        self.check_outage()?;
        Ok(Reservation {
            inner: Arc::clone(&self.inner),
            slots,
        })
    }

    /// Why audit records do not become durable now; `None` while they do.
    pub fn outage(&self) -> Option<Arc<str>> {
        self.inner.shared.audit_outage()
    }

    fn check_outage(&self) -> Result<(), StoreError> {
        let reason = self.outage();
        reason.map_or(Ok(()), |reason| Err(StoreError::Poisoned { reason }))
    }

    /// Tells the number of the newest record, as soon as that can be read.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.inner.shared.newest.subscribe()
    }

    /// What is wrong with the anchors on disk, in words: each must be there, and agree with what it is
    /// the anchor of.
    pub async fn check_anchors(&self) -> Result<Vec<String>, StoreError> {
        let dir = self.inner.dir.clone();
        self.inner
            .read(move |shared| anchors::check(&dir, shared))
            .await
    }

    /// Returns once everything that was queued before is durable.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (ack, acknowledged) = oneshot::channel();
        self.inner.queue.push(Op::Flush { ack }, 0).await?;
        acknowledged.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Returns once the records of calls that have ended can be read: they wait a little for others, to
    /// be written together. Waits a moment at most, and not at all while nothing can be written.
    pub async fn catch_up(&self) {
        if self.outage().is_none() {
            // What comes of it is for whoever asks for the records.
            let _ = tokio::time::timeout(CATCH_UP, self.flush()).await;
        }
    }

    /// A page of records.
    ///
    /// # Errors
    ///
    /// `Poisoned` while the newest segment cannot be read, because its disk is full or broken: a
    /// page without the newest records would look like one without calls.
    pub async fn query(&self, query: AuditQuery) -> Result<AuditPage, StoreError> {
        self.inner
            .read(move |shared| {
                let running = shared.open_calls.running(shared.clock.now_ms());
                query::run(&shared.shelf, &query, &shared.findings, &running)
            })
            .await
    }
}

/// Room in the queue for one record. Dropping it gives it back.
#[derive(Debug)]
pub struct Reservation {
    inner: Arc<Inner>,
    slots: OwnedSemaphorePermit,
}

impl Reservation {
    /// Queues `record`, of a call that has ended, at once and whether or not anybody polls what is
    /// given back: that ends once the record is durable, also where it has to wait for a disk that is
    /// full.
    ///
    /// # Errors
    ///
    /// `Closed` where the store closed before that.
    pub fn append(self, record: AuditRecord) -> impl Written {
        self.inner.shared.open_calls.end(record.request_id);
        self.push(record)
    }

    /// The same for a call that has just begun.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    pub fn begin(self, record: AuditRecord) -> impl Written {
        let record = self.inner.shared.open_calls.begin(record);
        self.push(record)
    }

    fn push(self, record: AuditRecord) -> impl Written {
        let Self { inner, slots } = self;
        let (ack, written): (Ack, _) = oneshot::channel();
        let is_queued = Entry::of(record).is_some_and(|entry| {
            let op = Op::Reserved { entry, ack };
            inner.queue.send(Queued { op, slots }).is_ok()
        });
        if !is_queued {
            inner.shared.count_dropped(1);
        }
        async move { written.await.unwrap_or(Err(StoreError::Closed)) }
    }
}

/// Ends once a record is durable.
pub trait Written: Future<Output = Result<(), StoreError>> + Send + 'static {}

impl<F: Future<Output = Result<(), StoreError>> + Send + 'static> Written for F {}
