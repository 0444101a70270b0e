//! The writing side of the audit: the newest segment, its end, and the beginning of the next.
//!
//! Numbers have no gaps within a segment. What was lost lies between two: where a segment turns out
//! to end before the number that was known, or is damaged, it is left as it is and a new one begins.
//! Blocks and chapters are built as records come; nothing of it counts until the commit is durable.

mod change;
mod open;
mod retention;

use std::path::PathBuf;
use std::sync::Arc;

use owlcoda_types::{Clock, UnixMs};

use crate::StoreError;
use crate::anchor::{self, SegmentHead};
use crate::block::Entry;
use crate::chapter::Draft;
use crate::engine::{Engine, Opener};
use crate::integrity::Findings;
use crate::segment::{Index, names};
use crate::shared::Shared;
use crate::shelf::{Active, Shelf, write_index_file};

use self::retention::month_of;

pub(crate) use self::open::Known;

/// Cache of the newest segment.
const WRITER_CACHE_BYTES: u64 = 4 << 20;

/// What the ledger is made with.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The newest segment ends once it has this many bytes on disk.
    pub(crate) segment_bytes: u64,
    /// Whole segments that are older go.
    pub(crate) max_age_ms: Option<UnixMs>,
    /// The oldest segments go while all of them have more.
    pub(crate) max_bytes: Option<u64>,
}

/// Writes audit records. Owned by the writer thread.
#[derive(Debug)]
pub(crate) struct Ledger {
    audit: PathBuf,
    opener: Arc<dyn Opener>,
    clock: Arc<dyn Clock>,
    findings: Arc<Findings>,
    shelf: Arc<Shelf>,
    terms: Terms,
    newest: Option<Newest>,
    /// As of the last anchor that was written.
    anchored: SegmentHead,
    /// Whether a segment was finished since somebody looked which of them may go.
    is_retention_due: bool,
}

/// The segment that is written to.
#[derive(Debug)]
struct Newest {
    engine: Arc<dyn Engine>,
    head: SegmentHead,
    /// The full chapters and, as the last one, what the draft has so far.
    index: Index,
    draft: Option<Draft>,
}

impl Ledger {
    pub(crate) fn new(
        audit: PathBuf,
        opener: Arc<dyn Opener>,
        shared: &Shared,
        terms: Terms,
    ) -> Self {
        Self {
            audit,
            opener,
            clock: Arc::clone(&shared.clock),
            findings: Arc::clone(&shared.findings),
            shelf: Arc::clone(&shared.shelf),
            terms,
            newest: None,
            anchored: SegmentHead::default(),
            is_retention_due: true,
        }
    }

    /// Appends `entries`, which get the next numbers; durable on return.
    ///
    /// # Errors
    ///
    /// After any, how far the engine came is not known: [`Self::shut`], and open it again.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        if self.is_roll_due() {
            self.roll()?;
        }
        let at_ms = self.clock.now_ms();
        let newest = self.newest.as_mut().ok_or(StoreError::Closed)?;
        let change = newest.appended(entries, at_ms);
        newest.commit(change)?;
        self.publish();
        Ok(())
    }

    /// Appends `entries` and empties them.
    pub(crate) fn append_all(&mut self, entries: &mut Vec<Entry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.append(entries)?;
        entries.clear();
        Ok(())
    }

    /// The next record gets the number `seq`, if that is not behind: those between stay unused, and
    /// count as missing.
    pub(crate) fn skip_to(&mut self, seq: u64) -> Result<(), StoreError> {
        let newest = self.newest.as_ref().ok_or(StoreError::Closed)?;
        let head = newest.head;
        if seq <= head.last_seq() + 1 {
            return Ok(());
        }
        let last_seq = head.last_seq() + 1;
        self.findings.report(format!(
            "audit records {last_seq} to {} are missing",
            seq - 1
        ));
        if head.count == 0 {
            self.newest = None;
            self.shelf.withdraw(None);
            return self.begin(head.number, seq, head.commit);
        }
        self.roll()?;
        let begun = self.newest.take().map(|newest| newest.head);
        self.shelf.withdraw(None);
        let head = begun.ok_or(StoreError::Closed)?;
        self.begin(head.number, seq, head.commit)
    }

    /// Number of the newest record; of the last one that was ever given.
    pub(crate) fn last_seq(&self) -> u64 {
        self.newest
            .as_ref()
            .map_or(0, |newest| newest.head.last_seq())
    }

    /// The number of records, and the bytes of all segments.
    pub(crate) fn sizes(&self) -> (u64, u64) {
        let sealed = self.shelf.sealed();
        let newest = self.newest.as_ref().map(|newest| newest.head);
        let heads = sealed.iter().chain(&newest);
        heads.fold((0, 0), |(count, n_bytes), head| {
            (
                count + head.count - head.n_lost(),
                n_bytes + head.size_bytes,
            )
        })
    }

    /// Number of the last commit, over all segments.
    pub(crate) fn commit(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.head.commit)
    }

    pub(crate) fn n_segments(&self) -> u64 {
        self.shelf.sealed().len() as u64 + u64::from(self.newest.is_some())
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.newest.is_some()
    }

    /// Whether the anchor is behind.
    pub(crate) fn is_anchor_due(&self) -> bool {
        let newest = self.newest.as_ref();
        newest.is_some_and(|newest| newest.head != self.anchored)
    }

    /// Replaces the anchor of the newest segment.
    pub(crate) fn write_anchor(&mut self) -> std::io::Result<()> {
        if let Some(newest) = &self.newest {
            let head = newest.head;
            anchor::write(&self.audit, &names::head(head.number), &head)?;
            self.anchored = head;
        }
        Ok(())
    }

    /// Lets go of the newest segment. Readers that hold it end by themselves.
    pub(crate) fn shut(&mut self, reason: Option<&Arc<str>>) {
        self.shelf.withdraw(reason);
        self.newest = None;
    }

    fn publish(&self) {
        if let Some(active) = self.active() {
            self.shelf.publish(active);
        }
    }

    fn active(&self) -> Option<Active> {
        let newest = self.newest.as_ref()?;
        Some(Active {
            head: newest.head,
            engine: Arc::clone(&newest.engine),
            index: newest.index.clone(),
        })
    }

    fn is_roll_due(&self) -> bool {
        let Some(newest) = &self.newest else {
            return false;
        };
        let head = &newest.head;
        let is_month_over = month_of(head.made_at_ms) < month_of(self.clock.now_ms());
        head.count > 0 && (is_month_over || head.size_bytes >= self.terms.segment_bytes)
    }

    /// Finishes the newest segment and begins the next.
    fn roll(&mut self) -> Result<(), StoreError> {
        let at_ms = self.clock.now_ms();
        let newest = self.newest.as_mut().ok_or(StoreError::Closed)?;
        if let Some(change) = newest.finished(at_ms) {
            newest.commit(change)?;
        }
        let head = self.seal()?;
        self.is_retention_due = true;
        self.begin(head.number + 1, head.last_seq() + 1, head.commit)?;
        if let Some(active) = self.active() {
            self.shelf.publish_next(head, active);
        }
        Ok(())
    }

    /// Marks the newest segment as finished on disk, and lets go of it.
    fn seal(&mut self) -> Result<SegmentHead, StoreError> {
        let newest = self.newest.take().ok_or(StoreError::Closed)?;
        let mut head = newest.head;
        head.is_sealed = true;
        if newest.index.tail.is_empty() {
            write_index_file(&self.audit, head.number, &newest.index.chapters)
                .map_err(StoreError::io("write the index of a segment"))?;
        }
        anchor::write(&self.audit, &names::head(head.number), &head)
            .map_err(StoreError::io("write the anchor of a segment"))?;
        Ok(head)
    }
}
