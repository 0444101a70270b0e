//! One segment of the audit: what its engine holds, read whole, and its names on disk.
//!
//! | key | value |
//! | --- | --- |
//! | `a` seq | block that begins with this record |
//! | `c` | how many records there are |
//! | `i` seq | chapter that begins with this record |
//! | `t` slot | record that is in no block yet, under its number modulo 64 |
//!
//! A record is written into a slot, and again as a part of the block that its slot's neighbours fill.
//! Nothing is deleted: a slot whose record is in a block is just written over later. The last commit
//! says how many records there are, so that one that the engine lost without a word is seen.

pub(crate) mod names;

use std::ops::ControlFlow;
use std::sync::Arc;

use owlcoda_types::UnixMs;

use crate::StoreError;
use crate::block::{self, Entry, MAX_BLOCK_RECORDS};
use crate::chapter::{Chapter, Draft};
use crate::engine::Engine;
use crate::integrity::Findings;
use crate::key;
use crate::record::{Kind, Record};

/// What a segment holds after a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SegmentTotals {
    pub(crate) commit: u64,
    pub(crate) first_seq: u64,
    pub(crate) count: u64,
}

impl SegmentTotals {
    pub(crate) fn encode(&self, at_ms: UnixMs) -> Vec<u8> {
        let body = [self.first_seq.to_be_bytes(), self.count.to_be_bytes()].concat();
        Record {
            kind: Kind::Commit,
            flags: 0,
            seq: self.commit,
            at_ms,
            body: &body,
        }
        .encode()
    }

    fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        const FORM: &str = "its body has an unknown form";
        let record = Record::decode(bytes)?;
        let (first_seq, rest) = record.body.split_first_chunk().ok_or(FORM)?;
        let (count, _) = rest.split_first_chunk().ok_or(FORM)?;
        if record.kind != Kind::Commit {
            return Err("it is another record than its key says");
        }
        Ok(Self {
            commit: record.seq,
            first_seq: u64::from_be_bytes(*first_seq),
            count: u64::from_be_bytes(*count),
        })
    }
}

/// What the records of a segment are found by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// In order, without gaps. The last one need not be full.
    pub(crate) chapters: Arc<[Arc<Chapter>]>,
    /// Number of the first record that is in no block.
    pub(crate) tail_seq: u64,
    /// The records that are in no block, in order.
    pub(crate) tail: Vec<Entry>,
}

impl Index {
    /// Number of the record after the last one.
    pub(crate) fn end_seq(&self) -> u64 {
        self.tail_seq + self.tail.len() as u64
    }

    /// Earliest and latest time of a record.
    pub(crate) fn span_ms(&self) -> (UnixMs, UnixMs) {
        let chapters = self.chapters.iter();
        let chapters = chapters.map(|chapter| (chapter.min_at_ms, chapter.max_at_ms));
        let tail = self.tail.iter().map(|entry| (entry.at_ms, entry.at_ms));
        chapters
            .chain(tail)
            .fold((i64::MAX, i64::MIN), |(min, max), (from, to)| {
                (min.min(from), max.max(to))
            })
    }

    /// Bytes that it takes in memory.
    pub(crate) fn n_bytes(&self) -> usize {
        self.chapters.iter().map(|chapter| chapter.n_bytes()).sum()
    }
}

/// A segment as it was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) totals: SegmentTotals,
    pub(crate) index: Index,
    /// The last chapter, if it is not full: the one to go on with.
    pub(crate) draft: Option<Draft>,
    /// What is wrong with it, in words. Then nothing may be appended.
    pub(crate) damage: Option<String>,
}

/// Reads what `engine` holds; `None` if nothing was ever committed to it.
pub(crate) fn load(engine: &dyn Engine, number: u64) -> Result<Option<Loaded>, StoreError> {
    let totals = match engine.get(key::COMMIT)? {
        Some(bytes) => SegmentTotals::decode(&bytes),
        None if is_empty(engine)? => return Ok(None),
        None => Err("it is missing"),
    };
    let mut damage = None;
    let mut note = |words: String| {
        damage.get_or_insert(words);
    };
    let known = totals.unwrap_or_else(|reason| {
        note(format!(
            "the record of the last commit is damaged: {reason}"
        ));
        SegmentTotals::default()
    });
    let first_seq = match first_block(engine)? {
        _ if totals.is_ok() => known.first_seq,
        Some(seq) => seq,
        None => first_slot(engine)?.unwrap_or(1),
    };

    let mut chapters = read_chapters(engine, first_seq, &mut note)?;
    let chapters_end = chapters.last().map_or(first_seq, Chapter::end_seq);
    let (rest, draft, tail_seq) = read_blocks(engine, chapters_end, &mut note)?;
    chapters.extend(rest);
    let tail = read_tail(engine, tail_seq)?;

    let index = Index {
        chapters: chapters.into_iter().map(Arc::new).collect(),
        tail_seq,
        tail,
    };
    let mut totals = known;
    if totals.commit == 0 {
        totals.first_seq = first_seq;
        totals.count = index.end_seq() - first_seq;
    }
    let end_seq = totals.first_seq + totals.count;
    if index.end_seq() < end_seq {
        let (from, to) = (index.end_seq(), end_seq - 1);
        note(format!("audit records {from} to {to} are missing"));
    }
    Ok(Some(Loaded {
        totals,
        index,
        draft,
        damage: damage.map(|words| format!("audit segment {number}: {words}")),
    }))
}

fn is_empty(engine: &dyn Engine) -> Result<bool, StoreError> {
    let mut is_empty = true;
    engine.scan(b"a", b"z", &mut |_, _| {
        is_empty = false;
        ControlFlow::Break(())
    })?;
    Ok(is_empty)
}

fn first_block(engine: &dyn Engine) -> Result<Option<u64>, StoreError> {
    let mut found = None;
    engine.scan(b"a", b"b", &mut |key, _| {
        found = key::block_seq(key);
        ControlFlow::Break(())
    })?;
    Ok(found)
}

fn first_slot(engine: &dyn Engine) -> Result<Option<u64>, StoreError> {
    let mut found: Option<u64> = None;
    engine.scan(b"t", b"u", &mut |_, bytes| {
        if let Ok(record) = Record::decode(bytes) {
            found = Some(found.map_or(record.seq, |seq| seq.min(record.seq)));
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// The chapters that follow each other from `first_seq` on.
fn read_chapters(
    engine: &dyn Engine,
    first_seq: u64,
    note: &mut impl FnMut(String),
) -> Result<Vec<Chapter>, StoreError> {
    let mut chapters: Vec<Chapter> = Vec::new();
    engine.scan(b"i", b"j", &mut |_, bytes| {
        let next_seq = chapters.last().map_or(first_seq, Chapter::end_seq);
        match Chapter::decode(bytes) {
            Ok(chapter) if chapter.first_seq == next_seq => {
                chapters.push(chapter);
                ControlFlow::Continue(())
            }
            // The blocks are all there is to know; from here on they are read themselves.
            Ok(_) => {
                note(format!("the index is damaged at record {next_seq}"));
                ControlFlow::Break(())
            }
            Err(reason) => {
                note(format!(
                    "the index is damaged at record {next_seq}: {reason}"
                ));
                ControlFlow::Break(())
            }
        }
    })?;
    Ok(chapters)
}

/// Chapters of the blocks from `from_seq` on, the draft of the last one, and the number after them.
///
/// A block that cannot be read has the length that the next one leaves it, so that its records are
/// looked for, and reported, where they were.
fn read_blocks(
    engine: &dyn Engine,
    from_seq: u64,
    note: &mut impl FnMut(String),
) -> Result<(Vec<Chapter>, Option<Draft>, u64), StoreError> {
    let mut chapters = Vec::new();
    let mut draft = Draft::new(from_seq);
    let mut next_seq = from_seq;
    engine.scan(&key::block(from_seq), b"b", &mut |key, bytes| {
        let Some(seq) = key::block_seq(key) else {
            return ControlFlow::Continue(());
        };
        if seq < next_seq {
            return ControlFlow::Continue(());
        }
        // What is between is gone or damaged: as many entries that nobody can read.
        let mut n_gone = seq - next_seq;
        while n_gone > 0 {
            let n = n_gone.min(MAX_BLOCK_RECORDS as u64);
            add(&mut chapters, &mut draft, &unreadable(n));
            n_gone -= n;
        }
        match block::unpack(seq, bytes) {
            Ok(entries) => {
                next_seq = seq + entries.len() as u64;
                add(&mut chapters, &mut draft, &entries);
            }
            Err(reason) => {
                note(format!("the block of record {seq} is damaged: {reason}"));
                next_seq = seq;
            }
        }
        ControlFlow::Continue(())
    })?;
    let mut open = None;
    if !draft.is_empty() {
        chapters.push(draft.chapter());
        open = Some(draft);
    }
    Ok((chapters, open, next_seq))
}

fn add(chapters: &mut Vec<Chapter>, draft: &mut Draft, entries: &[Entry]) {
    draft.add(entries);
    let chapter = draft.chapter();
    if chapter.is_full() {
        *draft = Draft::new(chapter.end_seq());
        chapters.push(chapter);
    }
}

fn unreadable(n: u64) -> Vec<Entry> {
    let entry = Entry::new(0, []);
    (0..n).map(|_| entry.clone()).collect()
}

/// The records from `from_seq` on that are in slots, up to the first that is not there.
fn read_tail(engine: &dyn Engine, from_seq: u64) -> Result<Vec<Entry>, StoreError> {
    let mut tail = Vec::new();
    for seq in (from_seq..).take(MAX_BLOCK_RECORDS) {
        let Some(bytes) = engine.get(&key::slot(seq))? else {
            break;
        };
        // Another record has the slot where this one was not written yet; a damaged one ends the
        // tail, and the count tells that it did.
        let Ok(record) = Record::decode_as(&bytes, Kind::Audit, seq) else {
            break;
        };
        tail.push(Entry::new(record.at_ms, record.body));
    }
    Ok(tail)
}

/// The records of the block that begins with `first_seq`; `None` if it is not there or damaged,
/// which is reported.
pub(crate) fn read_block(
    engine: &dyn Engine,
    first_seq: u64,
    n_records: u64,
    findings: &Findings,
) -> Result<Option<Vec<Entry>>, StoreError> {
    let last_seq = first_seq + n_records - 1;
    let found = match engine.get(&key::block(first_seq))? {
        Some(bytes) => block::unpack(first_seq, &bytes),
        None => Err("they are missing"),
    };
    match found {
        Ok(entries) if entries.len() as u64 == n_records => Ok(Some(entries)),
        Ok(_) => {
            findings.report(format!(
                "audit records {first_seq} to {last_seq} are damaged: there are more or fewer"
            ));
            Ok(None)
        }
        Err(reason) => {
            findings.report(format!(
                "audit records {first_seq} to {last_seq} are damaged: {reason}"
            ));
            Ok(None)
        }
    }
}
