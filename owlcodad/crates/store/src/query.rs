//! Questions to the audit, answered in pages.
//!
//! A page looks at the segments from one end to the other: at the times of each, at what its chapters
//! say, and reads the blocks that may answer. What it does not get to in reasonable time it leaves to
//! the next page, and says so: only a page without a `next` is the last one.

mod filter;
mod summary;

use crate::StoreError;
use crate::audit::{AuditRecord, Running};
use crate::block::Entry;
use crate::chapter::Chapter;
use crate::engine::Engine;
use crate::integrity::Findings;
use crate::segment::{self, Index};
use crate::shelf::{Shelf, Source};

use self::filter::Filter;
pub use self::filter::StatusClass;
pub use self::summary::{AuditGroup, AuditGrouping, AuditSummary};

use owlcoda_types::{RequestId, SessionId, UnixMs};

/// Most records of one page.
const MAX_PAGE: usize = 1000;
/// Most blocks that one page reads: with 64 records each about 0.2 s of work.
const MAX_BLOCKS: usize = 1000;

/// Which end of the audit a page begins at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditOrder {
    /// The newest record first.
    #[default]
    NewestFirst,
    /// The oldest record first.
    OldestFirst,
}

/// What is shown of calls that have begun and not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditStarts {
    /// Nothing: only how calls ended.
    #[default]
    Hidden,
    /// Those that run, and those whose end was dropped.
    Running,
    /// Every beginning, as it is stored.
    All,
    /// The same, and no ends.
    Only,
}

/// Which records are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// Most records of the page; between 1 and 1000, other values are taken to the nearest.
    pub limit: usize,
    /// Which end comes first.
    pub order: AuditOrder,
    /// Only records with a smaller number.
    pub before_seq: Option<u64>,
    /// Only records with a larger number.
    pub after_seq: Option<u64>,
    /// Only calls that ended at this time or later.
    pub since_ms: Option<UnixMs>,
    /// Only calls that ended before this time.
    pub until_ms: Option<UnixMs>,
    /// Only calls that asked for this model, or that it answered.
    pub model: Option<String>,
    /// Only calls that this endpoint answered.
    pub endpoint: Option<String>,
    /// Only calls of this session.
    pub session: Option<SessionId>,
    /// Only calls that ended in this way.
    pub status_class: Option<StatusClass>,
    /// Only calls that ended with this HTTP status or a higher one.
    pub min_status: Option<u16>,
    /// Only calls of whom is recorded so.
    pub client: Option<String>,
    /// Only calls that took so long, or longer.
    pub min_elapsed_ms: Option<u64>,
    /// Only this call.
    pub request: Option<RequestId>,
    /// What is shown of calls that have not ended.
    pub starts: AuditStarts,
}

impl Default for AuditQuery {
    fn default() -> Self {
        Self {
            limit: 100,
            order: AuditOrder::NewestFirst,
            before_seq: None,
            after_seq: None,
            since_ms: None,
            until_ms: None,
            model: None,
            endpoint: None,
            session: None,
            status_class: None,
            min_status: None,
            client: None,
            min_elapsed_ms: None,
            request: None,
            starts: AuditStarts::default(),
        }
    }
}

impl AuditQuery {
    /// The question that goes on where `page`, an answer to this one, ended; `None` at the end.
    pub fn following(&self, page: &AuditPage) -> Option<Self> {
        let mut query = self.clone();
        match self.order {
            AuditOrder::NewestFirst => query.before_seq = Some(page.next?),
            AuditOrder::OldestFirst => query.after_seq = Some(page.next?),
        }
        Some(query)
    }
}

/// A page of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Records with their numbers, in the order that was asked for. May be fewer than asked for, or
    /// none, although there are more: only `next` tells the end.
    pub records: Vec<(u64, AuditRecord)>,
    /// Numbers of records in the range of this page that are there but cannot be read.
    pub damaged: Vec<u64>,
    /// First and last number of each gap in the range of this page.
    pub missing: Vec<(u64, u64)>,
    /// Where the next page begins: its `before_seq` when the newest come first, else its
    /// `after_seq`. `None` at the end. It stays good whatever is written meanwhile.
    pub next: Option<u64>,
}

/// Answers `query`, where `running` have not ended. Damage is also added to `findings`.
pub(crate) fn run(
    shelf: &Shelf,
    query: &AuditQuery,
    findings: &Findings,
    running: &Running,
) -> Result<AuditPage, StoreError> {
    let mut search = Search {
        filter: Filter::new(query, running),
        order: query.order,
        from_seq: query.after_seq.map_or(0, |seq| seq.saturating_add(1)),
        end_seq: query.before_seq.unwrap_or(u64::MAX),
        limit: query.limit.clamp(1, MAX_PAGE),
        n_blocks: 0,
        findings,
        page: AuditPage::default(),
    };
    let (mut sources, first_seq) = shelf.sources()?;
    let mut next_seq = first_seq.max(1);
    let mut gaps = Vec::new();
    for source in &sources {
        let head = source.head();
        gaps.push((next_seq, head.first_seq));
        next_seq = head.first_seq + head.count;
    }
    let mut at: Vec<usize> = (0..sources.len()).collect();
    if query.order == AuditOrder::NewestFirst {
        at.reverse();
    }
    for number in at {
        let (Some(source), Some(gap)) = (sources.get_mut(number), gaps.get(number)) else {
            continue;
        };
        if query.order == AuditOrder::OldestFirst {
            search.add_gap(gap.0, gap.1);
        }
        if search.source(shelf, source)? {
            break;
        }
        if query.order == AuditOrder::NewestFirst {
            search.add_gap(gap.0, gap.1);
        }
    }
    Ok(search.page)
}

/// A page that is being filled.
struct Search<'a> {
    filter: Filter<'a>,
    order: AuditOrder,
    /// Only numbers from this one on.
    from_seq: u64,
    /// Only numbers before this one.
    end_seq: u64,
    limit: usize,
    n_blocks: usize,
    findings: &'a Findings,
    page: AuditPage,
}

impl Search<'_> {
    /// Looks at one segment; gives back whether the page is done.
    fn source(&mut self, shelf: &Shelf, source: &Source) -> Result<bool, StoreError> {
        let head = source.head();
        let end_seq = head.first_seq + head.count;
        if end_seq <= self.from_seq || head.first_seq >= self.end_seq {
            return Ok(false);
        }
        match source {
            Source::Active(active) => self.segment(&active.index, &mut || {
                Ok(Some(std::sync::Arc::clone(&active.engine)))
            }),
            Source::Sealed(head) => {
                if !self.filter.is_within(head.min_at_ms, head.max_at_ms) {
                    return Ok(false);
                }
                let index = shelf.index(head)?;
                let lost = (index.end_seq(), end_seq);
                if self.order == AuditOrder::NewestFirst {
                    self.add_gap(lost.0, lost.1);
                }
                let is_done = self.segment(&index, &mut || shelf.engine(head))?;
                if !is_done && self.order == AuditOrder::OldestFirst {
                    self.add_gap(lost.0, lost.1);
                }
                Ok(is_done)
            }
        }
    }

    fn segment(&mut self, index: &Index, engine: &mut OpenEngine<'_>) -> Result<bool, StoreError> {
        if self.order == AuditOrder::NewestFirst {
            if self.entries(index.tail_seq, &index.tail) {
                return Ok(true);
            }
            for chapter in index.chapters.iter().rev() {
                if self.chapter(chapter, engine)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        for chapter in index.chapters.iter() {
            if self.chapter(chapter, engine)? {
                return Ok(true);
            }
        }
        Ok(self.entries(index.tail_seq, &index.tail))
    }

    fn chapter(
        &mut self,
        chapter: &Chapter,
        engine: &mut OpenEngine<'_>,
    ) -> Result<bool, StoreError> {
        if chapter.end_seq() <= self.from_seq || chapter.first_seq >= self.end_seq {
            return Ok(false);
        }
        let wanted = self.filter.blocks_of(chapter);
        if wanted == 0 {
            return Ok(false);
        }
        let mut blocks: Vec<_> = chapter.blocks().collect();
        if self.order == AuditOrder::NewestFirst {
            blocks.reverse();
        }
        for (bit, first_seq, n_records) in blocks {
            let end_seq = first_seq + n_records;
            if wanted & bit == 0 || end_seq <= self.from_seq || first_seq >= self.end_seq {
                continue;
            }
            if self.n_blocks >= MAX_BLOCKS {
                self.page.next = Some(match self.order {
                    AuditOrder::NewestFirst => end_seq,
                    AuditOrder::OldestFirst => first_seq - 1,
                });
                return Ok(true);
            }
            self.n_blocks += 1;
            let read = |engine: &dyn Engine| {
                segment::read_block(engine, first_seq, n_records, self.findings)
            };
            let entries = match engine()? {
                Some(engine) => read(&*engine)?,
                // The segment was set aside.
                None => None,
            };
            match entries {
                Some(entries) if self.entries(first_seq, &entries) => return Ok(true),
                Some(_) => {}
                None => self.page.damaged.extend(self.in_order(first_seq, end_seq)),
            }
        }
        Ok(false)
    }

    /// Takes what matches of `entries`; gives back whether the page is full.
    fn entries(&mut self, first_seq: u64, entries: &[Entry]) -> bool {
        let n_entries = entries.len() as u64;
        for seq in self.in_order(first_seq, first_seq + n_entries) {
            let at = usize::try_from(seq - first_seq).unwrap_or(usize::MAX);
            let Some(entry) = entries.get(at) else {
                continue;
            };
            match self.filter.record(entry) {
                Ok(None) => {}
                Ok(Some(record)) => {
                    self.page.records.push((seq, record));
                    if self.page.records.len() >= self.limit {
                        self.page.next = Some(seq);
                        return true;
                    }
                }
                Err(reason) => {
                    self.findings
                        .report(format!("audit record {seq} is damaged: {reason}"));
                    self.page.damaged.push(seq);
                }
            }
        }
        false
    }

    /// The numbers of the question from `first_seq` up to, without, `end_seq`, in its order.
    fn in_order(&self, first_seq: u64, end_seq: u64) -> Vec<u64> {
        let range = first_seq.max(self.from_seq)..end_seq.min(self.end_seq);
        match self.order {
            AuditOrder::NewestFirst => range.rev().collect(),
            AuditOrder::OldestFirst => range.collect(),
        }
    }

    /// Notes that the numbers from `from_seq` up to, without, `end_seq` are gone.
    fn add_gap(&mut self, from_seq: u64, end_seq: u64) {
        let from_seq = from_seq.max(self.from_seq);
        let end_seq = end_seq.min(self.end_seq);
        if from_seq < end_seq {
            let last_seq = end_seq - 1;
            self.findings.report(format!(
                "audit records {from_seq} to {last_seq} are missing"
            ));
            self.page.missing.push((from_seq, last_seq));
        }
    }
}

/// Gives the engine of the segment, when it is needed.
type OpenEngine<'a> = dyn FnMut() -> Result<Option<std::sync::Arc<dyn Engine>>, StoreError> + 'a;
