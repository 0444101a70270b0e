//! One group of operations: what they write, and who waits for it.

use std::collections::HashMap;
use std::sync::Arc;

use owlcoda_types::{SessionId, UnixMs};
use tokio::sync::OwnedSemaphorePermit;

use crate::StoreError;
use crate::anchor::Head;
use crate::commit::Totals;
use crate::engine::{Batch, Engine, guarded};
use crate::key;
use crate::queue::{Ack, Op, Queued};
use crate::record::{Kind, Record};
use crate::sessions::{SessionWrite, stored_state};

/// A group that still grows.
pub(super) struct Group {
    batch: Batch,
    n_ops: usize,
    n_audit: u64,
    pending: Pending,
    /// Heads of sessions as they are after the writes in this group.
    heads: HashMap<SessionId, u64>,
}

/// Who waits for a group, and what is true once it is durable.
pub(super) struct Pending {
    waiters: Vec<Ack>,
    /// Given back when this is dropped, so after the commit.
    slots: Vec<OwnedSemaphorePermit>,
    head: Head,
    n_sessions: u64,
}

impl Group {
    /// An empty group on top of what is durable.
    pub(super) fn new(head: Head, n_sessions: u64) -> Self {
        Self {
            batch: Batch::default(),
            n_ops: 0,
            n_audit: 0,
            pending: Pending {
                waiters: Vec::new(),
                slots: Vec::new(),
                head,
                n_sessions,
            },
            heads: HashMap::new(),
        }
    }

    /// Adds an operation, or refuses it at once where it contradicts what is stored.
    pub(super) fn take(&mut self, engine: &dyn Engine, queued: Queued) {
        self.n_ops += 1;
        self.pending.slots.push(queued.slots);
        match queued.op {
            Op::Audit { at_ms, body } => self.add_audit(at_ms, &body),
            Op::Session { write, ack } => match self.add_session(engine, &write) {
                Ok(()) => self.pending.waiters.push(ack),
                Err(error) => drop(ack.send(Err(error))),
            },
            Op::Flush { ack } => self.pending.waiters.push(ack),
        }
    }

    fn add_audit(&mut self, at_ms: UnixMs, body: &[u8]) {
        let head = &mut self.pending.head;
        head.last_seq += 1;
        head.count += 1;
        self.n_audit += 1;
        let record = Record {
            kind: Kind::Audit,
            flags: 0,
            seq: head.last_seq,
            at_ms,
            body,
        };
        self.batch
            .insert(key::audit(head.last_seq), record.encode());
    }

    fn add_session(&mut self, engine: &dyn Engine, write: &SessionWrite) -> Result<(), StoreError> {
        let stored = match self.heads.get(&write.id) {
            Some(head) => Some(*head),
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
            self.pending.n_sessions += 1;
        }
        self.heads.insert(write.id, write.head_seq);
        write.entries(&mut self.batch);
        Ok(())
    }

    pub(super) const fn n_ops(&self) -> usize {
        self.n_ops
    }

    pub(super) const fn n_bytes(&self) -> usize {
        self.batch.n_bytes()
    }

    pub(super) const fn n_audit(&self) -> u64 {
        self.n_audit
    }

    pub(super) fn has_waiters(&self) -> bool {
        !self.pending.waiters.is_empty()
    }

    pub(super) fn has_entries(&self) -> bool {
        !self.batch.is_empty()
    }

    /// For a group that has nothing to write: everything before it is durable already.
    pub(super) fn acknowledge(self) {
        self.pending.acknowledge();
    }

    /// The batch to write, with the record of this commit in it.
    pub(super) fn close(mut self, at_ms: UnixMs) -> (Batch, Pending) {
        self.pending.head.commit += 1;
        let totals = Totals {
            commit: self.pending.head.commit,
            n_audit: self.pending.head.count,
            n_sessions: self.pending.n_sessions,
        };
        self.batch.insert(key::COMMIT, totals.encode(at_ms));
        (self.batch, self.pending)
    }
}

impl Pending {
    pub(super) const fn head(&self) -> Head {
        self.head
    }

    pub(super) const fn n_sessions(&self) -> u64 {
        self.n_sessions
    }

    /// Tells everyone who waits that it is durable.
    pub(super) fn acknowledge(self) {
        for waiter in self.waiters {
            // Whoever no longer waits does not need the answer.
            drop(waiter.send(Ok(())));
        }
    }

    /// Tells everyone who waits that it is not known to be.
    pub(super) fn refuse(self, reason: &Arc<str>) {
        for waiter in self.waiters {
            let reason = Arc::clone(reason);
            drop(waiter.send(Err(StoreError::Poisoned { reason })));
        }
    }
}
