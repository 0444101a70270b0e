//! One group of operations: what they write, and who waits for it.

use std::collections::HashMap;
use std::sync::Arc;

use owlcoda_types::{SessionId, UnixMs};
use tokio::sync::OwnedSemaphorePermit;

use super::backlog::{Kept, Promise};
use crate::StoreError;
use crate::block::Entry;
use crate::commit::Totals;
use crate::engine::{Batch, Engine, guarded};
use crate::key;
use crate::queue::{Ack, Op, Queued};
use crate::recovery::Recovered;
use crate::sessions::{SessionWrite, event_keys, stored_state};

/// The engine of the sessions, or why it cannot be used.
pub(super) type Sessions<'a> = Result<&'a dyn Engine, Option<&'a Arc<str>>>;

/// A group of operations that are written together.
pub(super) struct Group {
    n_ops: usize,
    n_bytes: usize,
    audit: Vec<Kept>,
    /// Whether somebody waits for one of the audit records.
    is_audit_awaited: bool,
    batch: Batch,
    /// What the sessions' engine holds after the batch.
    recovered: Recovered,
    /// Who waits for the batch.
    session_waiters: Vec<Ack>,
    /// Who waits for everything.
    flush_waiters: Vec<Ack>,
    /// Given back when this is dropped, so after the commit.
    slots: Vec<OwnedSemaphorePermit>,
    /// Heads of sessions as they are after the writes in this group; none for one that is gone.
    heads: HashMap<SessionId, Option<u64>>,
}

impl Group {
    /// An empty group on top of what is durable.
    pub(super) fn new(recovered: Recovered) -> Self {
        Self {
            n_ops: 0,
            n_bytes: 0,
            audit: Vec::new(),
            is_audit_awaited: false,
            batch: Batch::default(),
            recovered,
            session_waiters: Vec::new(),
            flush_waiters: Vec::new(),
            slots: Vec::new(),
            heads: HashMap::new(),
        }
    }

    /// Adds an operation, or refuses it at once where it contradicts what is stored in `sessions`, or
    /// where that cannot be written, with the reason.
    pub(super) fn take(&mut self, sessions: Sessions<'_>, queued: Queued) {
        self.n_ops += 1;
        let Queued { op, slots } = queued;
        let mut slots = Some(slots);
        match op {
            Op::Audit(entry) => self.add_audit(entry, None),
            Op::Reserved { entry, ack } => {
                self.is_audit_awaited = true;
                let promise = slots.take().map(|slots| Promise { ack, slots });
                self.add_audit(entry, promise);
            }
            Op::Session { write, ack } => {
                let added = usable(sessions).and_then(|engine| self.add_session(engine, &write));
                self.answer_later(ack, added);
            }
            Op::RemoveSession { id, ack } => {
                let removed = usable(sessions).and_then(|engine| self.remove_session(engine, id));
                self.answer_later(ack, removed);
            }
            Op::Flush { ack } => self.flush_waiters.push(ack),
        }
        self.slots.extend(slots);
    }

    fn add_audit(&mut self, entry: Entry, promise: Option<Promise>) {
        self.n_bytes += entry.body.len();
        self.audit.push(Kept { entry, promise });
    }

    fn add_session(&mut self, engine: &dyn Engine, write: &SessionWrite) -> Result<(), StoreError> {
        let stored = match self.heads.get(&write.id) {
            Some(head) => *head,
            None => guarded(|| stored_state(engine, write.id))?.map(|meta| meta.head_seq),
        };
        let head = stored.unwrap_or(0);
        if head != write.expected_head {
            return Err(StoreError::Conflict {
                session: write.id,
                head,
                got: write.expected_head.saturating_add(1),
            });
        }
        if stored.is_none() {
            self.recovered.n_sessions += 1;
        }
        self.heads.insert(write.id, Some(write.head_seq));
        write.entries(&mut self.batch);
        Ok(())
    }

    fn remove_session(&mut self, engine: &dyn Engine, id: SessionId) -> Result<(), StoreError> {
        // By its keys: it may be one of which nothing can be read.
        let (is_stored, stored) = guarded(|| {
            let is_stored = engine.get(&key::session(id))?.is_some();
            Ok::<_, StoreError>((is_stored, event_keys(engine, id)?))
        })?;
        let is_there = match self.heads.insert(id, None) {
            Some(head) => head.is_some(),
            None => is_stored,
        };
        self.batch.forget(&key::events(id));
        self.batch.forget(&key::session(id));
        for key in stored {
            self.batch.remove(key);
        }
        self.batch.remove(key::session(id));
        self.recovered.n_sessions -= u64::from(is_there).min(self.recovered.n_sessions);
        Ok(())
    }

    /// Whoever asked waits for the commit, or hears at once why there is none.
    fn answer_later(&mut self, ack: Ack, added: Result<(), StoreError>) {
        match added {
            Ok(()) => self.session_waiters.push(ack),
            // Whoever no longer waits does not need the answer.
            Err(error) => drop(ack.send(Err(error))),
        }
    }

    pub(super) const fn n_ops(&self) -> usize {
        self.n_ops
    }

    pub(super) const fn n_bytes(&self) -> usize {
        self.n_bytes + self.batch.n_bytes()
    }

    pub(super) fn has_waiters(&self) -> bool {
        let is_awaited = !self.session_waiters.is_empty() || !self.flush_waiters.is_empty();
        is_awaited || self.is_audit_awaited
    }

    /// The audit records, taken out.
    pub(super) fn take_audit(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.audit)
    }

    /// The batch of the sessions with the record of its commit, and what is true then; `None` where
    /// there is nothing to write.
    pub(super) fn take_sessions(&mut self, at_ms: UnixMs) -> Option<(Batch, Recovered)> {
        if self.batch.is_empty() {
            return None;
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.recovered.commit += 1;
        let totals = Totals {
            commit: self.recovered.commit,
            n_audit: 0,
            n_sessions: self.recovered.n_sessions,
        };
        batch.insert(key::COMMIT, totals.encode(at_ms));
        Some((batch, self.recovered))
    }

    /// Tells those who wait for the sessions' batch how it ended.
    pub(super) fn answer_sessions(&mut self, refusal: Option<&Arc<str>>) {
        answer(std::mem::take(&mut self.session_waiters), refusal);
    }

    /// Tells those who wait for everything how it ended.
    pub(super) fn answer_flushes(&mut self, refusal: Option<&Arc<str>>) {
        answer(std::mem::take(&mut self.flush_waiters), refusal);
    }
}

/// The engine, or why it takes nothing now.
fn usable(sessions: Sessions<'_>) -> Result<&dyn Engine, StoreError> {
    sessions.map_err(|reason| match reason {
        Some(reason) => StoreError::Poisoned {
            reason: Arc::clone(reason),
        },
        None => StoreError::Closed,
    })
}

fn answer(waiters: Vec<Ack>, refusal: Option<&Arc<str>>) {
    for waiter in waiters {
        let answer = match refusal {
            None => Ok(()),
            Some(reason) => Err(StoreError::Poisoned {
                reason: Arc::clone(reason),
            }),
        };
        // Whoever no longer waits does not need the answer.
        drop(waiter.send(answer));
    }
}
