//! What a commit of audit records writes: slots, and the blocks and chapters that they fill.
//!
//! A change is put together apart from the state, which it becomes once it is durable.

use std::sync::Arc;

use owlcoda_types::UnixMs;

use super::Newest;
use crate::StoreError;
use crate::anchor::SegmentHead;
use crate::block::{self, Entry, FULL_BLOCK_BYTES, MAX_BLOCK_RECORDS};
use crate::chapter::{Chapter, Draft};
use crate::engine::{Batch, EngineError, guarded};
use crate::key;
use crate::record::{Kind, Record};
use crate::segment::SegmentTotals;

/// What a commit would change.
pub(super) struct Change {
    batch: Batch,
    head: SegmentHead,
    tail_seq: u64,
    tail: Vec<Entry>,
    longer: Option<Longer>,
}

/// The chapters, and the draft that the last one is the state of, after one block more.
struct Longer {
    chapters: Vec<Arc<Chapter>>,
    draft: Option<Draft>,
}

impl Newest {
    /// What appending `entries` changes.
    pub(super) fn appended(&self, entries: &[Entry], at_ms: UnixMs) -> Change {
        let mut tail = self.index.tail.clone();
        let n_old = tail.len();
        tail.extend_from_slice(entries);
        let mut builder = Builder::new(self, at_ms);
        let mut from = 0;
        while let Some(n_records) = full_block(tail.get(from..).unwrap_or_default()) {
            let block = tail.get(from..from + n_records).unwrap_or_default();
            builder.add_block(block);
            from += n_records;
        }
        let rest = tail.split_off(from);
        // Those that were in slots before still are.
        let n_in_slots = n_old.saturating_sub(from);
        for (seq, entry) in (builder.next_seq..).zip(&rest).skip(n_in_slots) {
            builder.add_slot(seq, entry);
        }
        builder.end(rest, entries)
    }

    /// What it takes to have every record in a block; `None` if that is so.
    pub(super) fn finished(&self, at_ms: UnixMs) -> Option<Change> {
        let mut builder = Builder::new(self, at_ms);
        if self.index.tail.is_empty() && self.draft.is_none() {
            return None;
        }
        builder.add_block(&self.index.tail);
        builder.add_last_chapter();
        Some(builder.end(Vec::new(), &[]))
    }

    pub(super) fn commit(&mut self, change: Change) -> Result<(), StoreError> {
        let engine = &*self.engine;
        guarded(|| engine.apply(change.batch)).map_err(EngineError::of_write)?;
        guarded(|| engine.sync()).map_err(EngineError::of_write)?;
        self.head = change.head;
        self.head.size_bytes = engine.size_bytes();
        self.index.tail_seq = change.tail_seq;
        self.index.tail = change.tail;
        if let Some(longer) = change.longer {
            self.index.chapters = longer.chapters.into();
            self.draft = longer.draft;
        }
        Ok(())
    }
}

/// How many of `entries` make the next block, if they are enough for one.
fn full_block(entries: &[Entry]) -> Option<usize> {
    let mut n_bytes = 0;
    for (at, entry) in entries.iter().enumerate().take(MAX_BLOCK_RECORDS) {
        n_bytes += entry.body.len();
        if n_bytes >= FULL_BLOCK_BYTES || at + 1 == MAX_BLOCK_RECORDS {
            return Some(at + 1);
        }
    }
    None
}

/// A change that is being put together.
struct Builder<'a> {
    batch: Batch,
    at_ms: UnixMs,
    newest: &'a Newest,
    /// Number of the first record that is in no block.
    next_seq: u64,
    longer: Option<Longer>,
}

impl<'a> Builder<'a> {
    fn new(newest: &'a Newest, at_ms: UnixMs) -> Self {
        Self {
            batch: Batch::default(),
            at_ms,
            newest,
            next_seq: newest.index.tail_seq,
            longer: None,
        }
    }

    fn add_block(&mut self, entries: &[Entry]) {
        for block in block::pack(self.next_seq, entries) {
            self.batch.insert(key::block(block.first_seq), block.value);
            let newest = self.newest;
            let Longer {
                chapters,
                draft: open,
            } = self.longer.get_or_insert_with(|| Longer {
                chapters: newest.index.chapters.to_vec(),
                draft: newest.draft.clone(),
            });
            let mut draft = match open.take() {
                // Its state so far is the last chapter.
                Some(draft) => {
                    chapters.pop();
                    draft
                }
                None => Draft::new(block.first_seq),
            };
            draft.add(block.entries);
            let chapter = draft.chapter();
            if chapter.is_full() {
                self.batch
                    .insert(key::chapter(chapter.first_seq), chapter.encode());
            } else {
                *open = Some(draft);
            }
            chapters.push(Arc::new(chapter));
        }
        self.next_seq += entries.len() as u64;
    }

    fn add_slot(&mut self, seq: u64, entry: &Entry) {
        let record = Record {
            kind: Kind::Audit,
            flags: 0,
            seq,
            at_ms: entry.at_ms,
            body: &entry.body,
        };
        self.batch.insert(key::slot(seq), record.encode());
    }

    fn add_last_chapter(&mut self) {
        let draft = match &self.longer {
            Some(longer) => longer.draft.as_ref(),
            None => self.newest.draft.as_ref(),
        };
        if let Some(chapter) = draft.map(Draft::chapter) {
            self.batch
                .insert(key::chapter(chapter.first_seq), chapter.encode());
        }
    }

    fn end(mut self, tail: Vec<Entry>, added: &[Entry]) -> Change {
        let mut head = self.newest.head;
        head.commit += 1;
        head.count += added.len() as u64;
        for entry in added {
            head.min_at_ms = head.min_at_ms.min(entry.at_ms);
            head.max_at_ms = head.max_at_ms.max(entry.at_ms);
        }
        let totals = SegmentTotals {
            commit: head.commit,
            first_seq: head.first_seq,
            count: head.count,
        };
        self.batch.insert(key::COMMIT, totals.encode(self.at_ms));
        Change {
            batch: self.batch,
            head,
            tail_seq: self.next_seq,
            tail,
            longer: self.longer,
        }
    }
}
