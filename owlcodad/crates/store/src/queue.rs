//! The bounded way to the writer thread.
//!
//! One semaphore bounds both the number of operations and the bytes that wait: an operation takes a
//! slot for each started [`SLOT_BYTES`], and at least one. A slot is given back after the commit.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use owlcoda_types::SessionId;
use parking_lot::RwLock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::StoreError;
use crate::block::Entry;
use crate::sessions::SessionWrite;

/// Most operations that wait for the writer or are being written: audit records of more than a second
/// at the most calls that a machine takes, for a disk may be busy that long.
pub(crate) const MAX_QUEUED: usize = 16_384;

/// Bytes of one slot; so at most 64 MiB wait.
const SLOT_BYTES: usize = 4 << 10;

/// Where the result of an operation is awaited.
pub(crate) type Ack = oneshot::Sender<Result<(), StoreError>>;

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Op {
    /// Write an audit record, under the next number.
    Audit(Entry),
    /// The same for one that must not be lost: it keeps its slots until it is durable, and says so.
    Reserved { entry: Entry, ack: Ack },
    /// Write events and the state they lead to.
    Session { write: Box<SessionWrite>, ack: Ack },
    /// Take away a session with all its events.
    RemoveSession { id: SessionId, ack: Ack },
    /// Answer once everything queued before is durable.
    Flush { ack: Ack },
}

/// An operation and the slots that it holds until it is committed.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) op: Op,
    pub(crate) slots: OwnedSemaphorePermit,
}

/// The sending side. Closing it lets the writer drain what is queued, and end.
#[derive(Debug)]
pub(crate) struct Queue {
    slots: Arc<Semaphore>,
    sender: RwLock<Option<SyncSender<Queued>>>,
    writer: OnceLock<Thread>,
}

impl Queue {
    /// A queue and what its writer receives from.
    pub(crate) fn new() -> (Self, Receiver<Queued>) {
        let (sender, receiver) = sync_channel(MAX_QUEUED);
        let queue = Self {
            slots: Arc::new(Semaphore::new(MAX_QUEUED)),
            sender: RwLock::new(Some(sender)),
            writer: OnceLock::new(),
        };
        (queue, receiver)
    }

    /// Says which thread receives, so that it can be woken while it lingers.
    pub(crate) fn set_writer(&self, writer: Thread) {
        // Only the first counts; there is one writer.
        let _ = self.writer.set(writer);
    }

    /// Queues `op` of `n_bytes` if there is room now; gives back whether there was.
    pub(crate) fn try_push(&self, op: Op, n_bytes: usize) -> bool {
        match Arc::clone(&self.slots).try_acquire_many_owned(n_slots(n_bytes)) {
            Ok(slots) => self.send(Queued { op, slots }).is_ok(),
            Err(_) => false,
        }
    }

    /// Queues `op` of `n_bytes` as soon as there is room.
    pub(crate) async fn push(&self, op: Op, n_bytes: usize) -> Result<(), StoreError> {
        let slots = self.reserve(n_bytes).await?;
        self.send(Queued { op, slots })
    }

    /// The slots of an operation of at most `n_bytes` that is to come, as soon as they are free.
    pub(crate) async fn reserve(&self, n_bytes: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        let slots = Arc::clone(&self.slots).acquire_many_owned(n_slots(n_bytes));
        slots.await.map_err(|_| StoreError::Closed)
    }

    /// Takes nothing more. What is queued is still written.
    pub(crate) fn close(&self) {
        self.slots.close();
        *self.sender.write() = None;
        self.wake_writer();
    }

    /// Never waits: whoever holds a slot has a place in the channel.
    pub(crate) fn send(&self, queued: Queued) -> Result<(), StoreError> {
        let is_awaited = !matches!(queued.op, Op::Audit(_));
        match &*self.sender.read() {
            Some(sender) => sender.try_send(queued).map_err(|_| StoreError::Closed)?,
            None => return Err(StoreError::Closed),
        }
        if is_awaited {
            self.wake_writer();
        }
        Ok(())
    }

    fn wake_writer(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }
}

fn n_slots(n_bytes: usize) -> u32 {
    u32::try_from(n_bytes.div_ceil(SLOT_BYTES).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit() -> Op {
        Op::Audit(Entry::new(0, []))
    }

    #[test]
    fn a_full_queue_refuses_at_once_and_has_room_again_after_the_commit() {
        let (queue, receiver) = Queue::new();
        let n_taken = (0..99_999)
            .take_while(|_| queue.try_push(audit(), 0))
            .count();
        assert_eq!(n_taken, MAX_QUEUED);
        drop(receiver.recv().unwrap());
        assert!(queue.try_push(audit(), 0));
        assert!(!queue.try_push(audit(), 0));
    }

    #[test]
    fn waiting_bytes_are_bounded_too() {
        let (queue, _receiver) = Queue::new();
        let mib = 1 << 20;
        let n_taken = (0..9999)
            .take_while(|_| queue.try_push(audit(), mib))
            .count();
        assert_eq!(n_taken, 64);
    }

    #[tokio::test]
    async fn a_closed_queue_takes_nothing_and_ends_its_receiver() {
        let (queue, receiver) = Queue::new();
        assert!(queue.try_push(audit(), 0));
        queue.close();
        assert!(!queue.try_push(audit(), 0));
        assert!(matches!(
            queue.push(audit(), 0).await,
            Err(StoreError::Closed)
        ));
        assert_eq!(receiver.iter().count(), 1);
    }
}
