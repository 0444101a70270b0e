//! Opening the audit: which segments there are, what the newest holds, and where numbers go on.

use std::sync::Arc;

use super::{Ledger, Newest, WRITER_CACHE_BYTES};
use crate::anchor::{self, Anchor, Head, SegmentHead};
use crate::engine::{Engine, EngineError, Purpose, guarded};
use crate::segment::{self, Index, Loaded, SegmentTotals, names};
use crate::{StoreError, directory, key};

/// What the store's anchor knows of the audit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// Number of the first record that is kept; `None` if nobody knows.
    pub(crate) first_seq: Option<u64>,
    /// Numbers up to this one are not given again.
    pub(crate) last_seq: u64,
}

impl Known {
    /// What `head` knows, if there is one.
    pub(crate) fn of(head: Option<&Head>) -> Self {
        Self {
            first_seq: head.map(|head| head.first_seq).filter(|seq| *seq > 0),
            last_seq: head.map_or(0, |head| head.last_seq),
        }
    }
}

impl Ledger {
    /// Opens the newest segment, or makes the first.
    ///
    /// # Errors
    ///
    /// `Io` where the disk is full or broken, `Locked` while somebody still reads what was open
    /// before. It can be tried again. Damage is no error: it is set aside and reported.
    pub(crate) fn open(&mut self, known: Known) -> Result<(), StoreError> {
        let audit = self.audit.clone();
        directory::create_private(&audit).map_err(StoreError::io("make the audit's directory"))?;
        names::end_removals(&audit).map_err(StoreError::io("remove old segments"))?;
        let numbers = names::list(&audit).map_err(StoreError::io("list the segments"))?;
        for name in names::list_set_aside(&audit).map_err(StoreError::io("list the segments"))? {
            self.findings.report(format!(
                "damaged audit records were set aside as audit/{name}"
            ));
        }
        let mut last: Option<SegmentHead> = None;
        let mut first_seq = known.first_seq;
        let newest = numbers.last().copied();
        let mut last_seq = known.last_seq;
        for number in numbers {
            let anchor = anchor::read::<SegmentHead>(&audit, &names::head(number))
                .map_err(StoreError::io("read the anchor of a segment"))?;
            let held = match anchor {
                Anchor::Held(held) if held.number == number => Some(held),
                _ => None,
            };
            last_seq = last_seq.max(held.map_or(0, |held| held.last_seq()));
            let found = match held {
                Some(head) if head.is_sealed => {
                    self.shelf.add_sealed(head);
                    Some(head)
                }
                _ if Some(number) == newest => self.open_newest(number, held, last)?,
                _ => self.finish_old(number, held)?,
            };
            let Some(head) = found else {
                continue;
            };
            let next_seq = last.map_or(first_seq, |last| Some(last.last_seq() + 1));
            if next_seq.is_some_and(|next| next < head.first_seq) {
                self.report_gap(next_seq.unwrap_or_default(), head.first_seq - 1);
            }
            if let Some(words) = head.describe() {
                self.findings.report(words);
            }
            first_seq = first_seq.or(Some(head.first_seq));
            last = Some(head);
        }
        self.shelf.set_first_seq(first_seq.unwrap_or(1).max(1));
        self.begin_if_needed(last, last_seq)?;
        self.is_retention_due = true;
        self.publish();
        Ok(())
    }

    /// Begins a segment where there is none to write to, or its next number was given before.
    fn begin_if_needed(
        &mut self,
        last: Option<SegmentHead>,
        last_seq: u64,
    ) -> Result<(), StoreError> {
        let end = last.map_or(0, |head| head.last_seq());
        let commit = last.map_or(0, |head| head.commit);
        let mut number = last.map_or(1, |head| head.number + 1);
        if end < last_seq {
            self.report_gap(end + 1, last_seq);
        } else if self.newest.is_some() {
            return Ok(());
        }
        if let Some(newest) = self.newest.take() {
            let head = newest.head;
            if head.count > 0 {
                self.newest = Some(newest);
                let head = self.seal()?;
                self.shelf.add_sealed(head);
            } else {
                // Without records it is begun again, with the number that is right.
                number = head.number;
            }
        }
        self.begin(number, end.max(last_seq) + 1, commit)
    }

    /// Makes the segment `number`, whose first record will be `first_seq`.
    pub(super) fn begin(
        &mut self,
        number: u64,
        first_seq: u64,
        commit: u64,
    ) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let dir = names::dir(&self.audit, number);
        directory::create_private(&dir).map_err(StoreError::io("make a segment"))?;
        let engine = self
            .opener
            .open(&dir, WRITER_CACHE_BYTES, Purpose::Writing)?;
        let mut batch = crate::engine::Batch::default();
        let totals = SegmentTotals {
            commit: commit + 1,
            first_seq,
            count: 0,
        };
        batch.insert(key::COMMIT, totals.encode(now_ms));
        guarded(|| engine.apply(batch)).map_err(StoreError::from)?;
        guarded(|| engine.sync()).map_err(StoreError::from)?;
        let head = SegmentHead {
            number,
            first_seq,
            count: 0,
            commit: commit + 1,
            is_sealed: false,
            min_at_ms: i64::MAX,
            max_at_ms: i64::MIN,
            made_at_ms: now_ms,
            size_bytes: engine.size_bytes(),
            ..SegmentHead::default()
        };
        self.newest = Some(Newest {
            engine,
            head,
            index: Index {
                tail_seq: first_seq,
                ..Index::default()
            },
            draft: None,
        });
        self.write_anchor()
            .map_err(StoreError::io("write the anchor of a segment"))
    }

    /// Opens the segment to write to; `held` is its anchor, `last` that of the one before. Gives back
    /// what it is then, `None` if it was set aside.
    fn open_newest(
        &mut self,
        number: u64,
        held: Option<SegmentHead>,
        last: Option<SegmentHead>,
    ) -> Result<Option<SegmentHead>, StoreError> {
        let Some((engine, loaded)) = self.load(number, held, Purpose::Writing)? else {
            return Ok(None);
        };
        let Some(loaded) = loaded else {
            drop(engine);
            // A crash left it before its first commit, or all of it was lost.
            if let Some(held) = held.filter(|held| held.count > 0) {
                let lost = SegmentHead {
                    lost_from_seq: held.first_seq,
                    n_lost_commits: held.commit - last.map_or(0, |last| last.commit),
                    ..held
                };
                return self.keep(lost).map(Some);
            }
            let (seq, commit) = last.map_or((0, 0), |last| (last.last_seq(), last.commit));
            self.begin(number, seq + 1, commit)?;
            return Ok(self.newest.as_ref().map(|newest| newest.head));
        };
        let head = self.head_of(number, held, &loaded, &*engine);
        if held.is_none() && head.count > 0 {
            self.report_anchor(number);
        }
        if head.is_damaged || head.lost_from_seq > 0 || head.n_lost_commits > 0 {
            drop(engine);
            self.findings.report(loaded.damage.unwrap_or_default());
            return self.keep(head).map(Some);
        }
        self.newest = Some(Newest {
            engine,
            head,
            index: loaded.index,
            draft: loaded.draft,
        });
        self.anchored = held.unwrap_or_default();
        Ok(Some(head))
    }

    /// A segment that is not the newest, but has no anchor that says it is finished.
    fn finish_old(
        &mut self,
        number: u64,
        held: Option<SegmentHead>,
    ) -> Result<Option<SegmentHead>, StoreError> {
        let Some((engine, Some(loaded))) = self.load(number, held, Purpose::Reading)? else {
            return Ok(None);
        };
        let head = self.head_of(number, held, &loaded, &*engine);
        drop(engine);
        self.report_anchor(number);
        self.findings.report(loaded.damage.unwrap_or_default());
        self.keep(head).map(Some)
    }

    /// Finishes a segment as it is. What its anchor knows and it has not is found missing by readers.
    fn keep(&self, mut head: SegmentHead) -> Result<SegmentHead, StoreError> {
        head.is_sealed = true;
        if head.is_damaged || head.lost_from_seq > 0 {
            // Of damaged and of lost records nobody knows the time.
            (head.min_at_ms, head.max_at_ms) = (i64::MIN, i64::MAX);
        }
        anchor::write(&self.audit, &names::head(head.number), &head)
            .map_err(StoreError::io("write the anchor of a segment"))?;
        self.shelf.add_sealed(head);
        Ok(head)
    }

    /// What the segment holds; `None` if it could not be opened and was set aside.
    #[expect(clippy::type_complexity, reason = "named by the sentence above")]
    fn load(
        &mut self,
        number: u64,
        held: Option<SegmentHead>,
        purpose: Purpose,
    ) -> Result<Option<(Arc<dyn Engine>, Option<Loaded>)>, StoreError> {
        let dir = names::dir(&self.audit, number);
        let opened = if dir.exists() {
            self.opener.open(&dir, WRITER_CACHE_BYTES, purpose)
        } else {
            Err(EngineError::Corrupt("its directory is gone".to_owned()))
        };
        let reason = match opened {
            Ok(engine) => match guarded(|| segment::load(&*engine, number)) {
                Ok(loaded) => return Ok(Some((engine, loaded))),
                Err(error) => error.to_string(),
            },
            Err(error) if error.is_damage() => error.to_string(),
            Err(error) => return Err(error.at(&dir)),
        };
        let head = held.unwrap_or(SegmentHead {
            number,
            ..SegmentHead::default()
        });
        self.shelf.set_aside(&head, &reason)?;
        Ok(None)
    }

    /// What the segment is, by what it holds and what its anchor knows.
    fn head_of(
        &self,
        number: u64,
        held: Option<SegmentHead>,
        loaded: &Loaded,
        engine: &dyn Engine,
    ) -> SegmentHead {
        let (min_at_ms, max_at_ms) = loaded.index.span_ms();
        let totals = loaded.totals;
        let count = totals.count.max(held.map_or(0, |held| held.count));
        let commit = totals.commit.max(held.map_or(0, |held| held.commit));
        let end_seq = loaded.index.end_seq();
        let is_short = end_seq < totals.first_seq + count;
        SegmentHead {
            number,
            first_seq: totals.first_seq,
            count,
            commit,
            is_sealed: false,
            min_at_ms,
            max_at_ms,
            made_at_ms: held.map_or_else(|| self.clock.now_ms(), |held| held.made_at_ms),
            size_bytes: engine.size_bytes(),
            lost_from_seq: if is_short { end_seq } else { 0 },
            n_lost_commits: commit - totals.commit,
            is_damaged: loaded.damage.is_some(),
        }
    }

    fn report_gap(&self, from_seq: u64, last_seq: u64) {
        self.findings.report(format!(
            "audit records {from_seq} to {last_seq} are missing"
        ));
    }

    fn report_anchor(&self, number: u64) {
        self.findings.report(format!(
            "the head anchor of audit segment {number} is missing or damaged: a loss would not be \
             seen"
        ));
    }
}
