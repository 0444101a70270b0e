//! Audit records that are not known to be durable, in the order in which they get their numbers.

use tokio::sync::OwnedSemaphorePermit;

use crate::block::Entry;
use crate::queue::Ack;

/// Somebody was promised that a record is not lost.
#[derive(Debug)]
pub(super) struct Promise {
    /// Told once it is durable. Dropped where it never will be.
    pub(super) ack: Ack,
    /// Held until then, so that no more is promised than there is room for.
    pub(super) slots: OwnedSemaphorePermit,
}

/// A record, and what was promised.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) entry: Entry,
    pub(super) promise: Option<Promise>,
}

/// The records that wait.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    entries: Vec<Entry>,
    /// As many, in the same order.
    promises: Vec<Option<Promise>>,
}

impl Backlog {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn extend(&mut self, records: Vec<Kept>) {
        for Kept { entry, promise } in records {
            self.entries.push(entry);
            self.promises.push(promise);
        }
    }

    /// The first `n` records are durable.
    pub(super) fn settle(&mut self, n: usize) {
        let n = n.min(self.entries.len());
        self.entries.drain(..n);
        for Promise { ack, slots } in self.promises.drain(..n).flatten() {
            // Room first: whoever hears of it may ask for more.
            drop(slots);
            // Whoever no longer waits does not need the answer.
            let _ = ack.send(Ok(()));
        }
    }

    /// Gives up the newest records past `max`, but none that was promised to be kept. Gives back how
    /// many are lost.
    ///
    /// The oldest are kept because some of them may be durable, and their numbers tell which.
    pub(super) fn cut(&mut self, max: usize) -> usize {
        let n_over = self.entries.len().saturating_sub(max);
        let mut n_left = n_over;
        let mut is_kept: Vec<bool> = self
            .promises
            .iter()
            .rev()
            .map(|promise| {
                let is_kept = promise.is_some() || n_left == 0;
                n_left -= usize::from(!is_kept);
                is_kept
            })
            .collect();
        is_kept.reverse();
        let mut of_entries = is_kept.iter();
        self.entries.retain(|_| of_entries.next() == Some(&true));
        let mut of_promises = is_kept.iter();
        self.promises.retain(|_| of_promises.next() == Some(&true));
        n_over - n_left
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Semaphore, oneshot};

    use super::*;

    #[test]
    fn what_was_promised_stays_whatever_has_to_go() {
        let slots = Arc::new(Semaphore::new(8));
        let mut backlog = Backlog::default();
        let mut answers = Vec::new();
        let records = (0..6).map(|n| {
            let entry = Entry::new(n, []);
            let promise = (n % 2 == 1).then(|| {
                let (ack, answer) = oneshot::channel();
                answers.push(answer);
                let slots = Arc::clone(&slots).try_acquire_owned().unwrap();
                Promise { ack, slots }
            });
            Kept { entry, promise }
        });
        backlog.extend(records.collect());
        let times = |backlog: &Backlog| {
            let entries = backlog.entries().iter();
            entries.map(|entry| entry.at_ms).collect::<Vec<_>>()
        };
        assert_eq!(backlog.cut(5), 1);
        assert_eq!(times(&backlog), [0, 1, 2, 3, 5]);
        assert_eq!(backlog.cut(0), 2, "three of them were promised");
        assert_eq!(times(&backlog), [1, 3, 5]);
        assert_eq!(slots.available_permits(), 5);
        backlog.settle(2);
        assert_eq!((times(&backlog), slots.available_permits()), (vec![5], 7));
        assert!(answers[1].try_recv().unwrap().is_ok());
        drop(backlog);
        assert!(answers[2].try_recv().is_err(), "it never became durable");
        assert_eq!(slots.available_permits(), 8);
    }
}
