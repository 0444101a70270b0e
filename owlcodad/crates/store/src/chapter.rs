//! Chapters: what the records of up to eight blocks are found by.
//!
//! A chapter has the length of each of its blocks, the earliest and the latest time, and per value
//! that can be asked for (a model, an endpoint, a session, a class of status) which of the blocks have
//! it. A question looks at the chapters, which are small enough to be kept in memory, and reads only
//! the blocks that may answer it. Values are kept as hashes: two that share one cost a look, no more.
//!
//! ```text
//! body: number of blocks u8 | fields that are not listed u8 | length of each block u8 …
//!       earliest i64 | latest i64 | blocks of each status class u8 … | (hash u32, blocks u8) …, sorted
//! ```

use std::collections::BTreeMap;

use owlcoda_types::UnixMs;

use crate::audit::AuditRecord;
use crate::block::Entry;
use crate::query::StatusClass;
use crate::record::{Kind, MAX_BODY_BYTES, Record};

/// Most blocks of a chapter: one bit of a byte each.
pub(crate) const MAX_BLOCKS: usize = 8;

const N_CLASSES: usize = StatusClass::ALL.len();
const TERM_BYTES: usize = 5;
const FORM: &str = "its body has an unknown form";

/// What a value is a value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Field {
    /// Asked for or used.
    Model = 1,
    Endpoint = 2,
    Session = 4,
    Client = 8,
    /// Whether it is a beginning or an end; only beginnings are listed.
    Phase = 16,
}

/// A value of a field, as chapters list it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Term {
    field: Field,
    hash: u32,
}

impl Term {
    pub(crate) fn new(field: Field, value: &[u8]) -> Self {
        let hash = crc32c::crc32c_append(field as u32, value);
        Self { field, hash }
    }

    /// That of the beginnings of calls.
    pub(crate) fn start() -> Self {
        Self::new(Field::Phase, b"start")
    }
}

/// Some blocks that follow each other, and what they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chapter {
    pub(crate) first_seq: u64,
    /// Number of records of each block, from 1 to 255.
    blocks: Vec<u8>,
    pub(crate) min_at_ms: UnixMs,
    pub(crate) max_at_ms: UnixMs,
    classes: [u8; N_CLASSES],
    /// The fields whose values are not listed, as bits: any block may have any.
    unlisted: u8,
    /// Sorted by hash.
    terms: Vec<(u32, u8)>,
}

impl Chapter {
    pub(crate) fn n_records(&self) -> u64 {
        self.blocks.iter().map(|n| u64::from(*n)).sum()
    }

    /// Number of the record after the last one.
    pub(crate) fn end_seq(&self) -> u64 {
        self.first_seq + self.n_records()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.blocks.len() >= MAX_BLOCKS
    }

    /// Its blocks: bit, number of the first record, number of records.
    pub(crate) fn blocks(&self) -> impl DoubleEndedIterator<Item = (u8, u64, u64)> {
        let mut next_seq = self.first_seq;
        let blocks: Vec<_> = (0..)
            .zip(&self.blocks)
            .map(|(at, n)| {
                let first_seq = next_seq;
                next_seq += u64::from(*n);
                (1 << at, first_seq, u64::from(*n))
            })
            .collect();
        blocks.into_iter()
    }

    /// The blocks that may have `term`, as bits.
    pub(crate) fn blocks_with(&self, term: Term) -> u8 {
        if self.unlisted & term.field as u8 != 0 {
            return u8::MAX;
        }
        let at = self
            .terms
            .binary_search_by_key(&term.hash, |(hash, _)| *hash);
        at.ok()
            .and_then(|at| self.terms.get(at))
            .map_or(0, |(_, blocks)| *blocks)
    }

    /// The blocks that have a call of one of `classes`, as bits.
    pub(crate) fn blocks_with_class(&self, class: StatusClass) -> u8 {
        self.classes
            .get(class as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Bytes that it takes in memory.
    pub(crate) fn n_bytes(&self) -> usize {
        size_of::<Self>() + self.blocks.len() + self.terms.len() * size_of::<(u32, u8)>()
    }

    /// The value to store.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let n_blocks = u8::try_from(self.blocks.len()).unwrap_or(u8::MAX);
        let mut body = vec![n_blocks, self.unlisted];
        body.extend_from_slice(&self.blocks);
        body.extend_from_slice(&self.min_at_ms.to_be_bytes());
        body.extend_from_slice(&self.max_at_ms.to_be_bytes());
        body.extend_from_slice(&self.classes);
        for (hash, blocks) in &self.terms {
            body.extend_from_slice(&hash.to_be_bytes());
            body.push(*blocks);
        }
        Record {
            kind: Kind::Chapter,
            flags: 0,
            seq: self.first_seq,
            at_ms: self.max_at_ms,
            body: &body,
        }
        .encode()
    }

    /// The chapter in a stored value; the error says what is wrong with it.
    pub(crate) fn decode(value: &[u8]) -> Result<Self, &'static str> {
        let record = Record::decode(value)?;
        if record.kind != Kind::Chapter {
            return Err("it is another record than its key says");
        }
        let ([n_blocks, unlisted], rest) = record.body.split_first_chunk().ok_or(FORM)?;
        let (blocks, rest) = rest.split_at_checked(usize::from(*n_blocks)).ok_or(FORM)?;
        let (min_at_ms, rest) = rest.split_first_chunk().ok_or(FORM)?;
        let (max_at_ms, rest) = rest.split_first_chunk().ok_or(FORM)?;
        let (classes, rest) = rest.split_first_chunk().ok_or(FORM)?;
        if blocks.is_empty() || blocks.len() > MAX_BLOCKS || rest.len() % TERM_BYTES != 0 {
            return Err(FORM);
        }
        let terms = rest.chunks_exact(TERM_BYTES).filter_map(|term| {
            let (hash, blocks) = term.split_first_chunk()?;
            Some((u32::from_be_bytes(*hash), *blocks.first()?))
        });
        Ok(Self {
            first_seq: record.seq,
            blocks: blocks.to_vec(),
            min_at_ms: i64::from_be_bytes(*min_at_ms),
            max_at_ms: i64::from_be_bytes(*max_at_ms),
            classes: *classes,
            unlisted: *unlisted,
            terms: terms.collect(),
        })
    }
}

/// A chapter that still grows.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    chapter: Chapter,
    terms: BTreeMap<Term, u8>,
}

impl Draft {
    /// A chapter without blocks, that begins with number `first_seq`.
    pub(crate) fn new(first_seq: u64) -> Self {
        Self {
            chapter: Chapter {
                first_seq,
                blocks: Vec::new(),
                min_at_ms: i64::MAX,
                max_at_ms: i64::MIN,
                classes: [0; N_CLASSES],
                unlisted: 0,
                terms: Vec::new(),
            },
            terms: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chapter.blocks.is_empty()
    }

    /// Adds the block of `entries`, which follow what is there.
    pub(crate) fn add(&mut self, entries: &[Entry]) {
        let bit = 1_u8 << (self.chapter.blocks.len() % MAX_BLOCKS);
        let n_records = u8::try_from(entries.len()).unwrap_or(u8::MAX);
        self.chapter.blocks.push(n_records);
        for entry in entries {
            self.chapter.min_at_ms = self.chapter.min_at_ms.min(entry.at_ms);
            self.chapter.max_at_ms = self.chapter.max_at_ms.max(entry.at_ms);
            let marks = entry.marks.or_else(|| Marks::read(&entry.body));
            let Some(marks) = marks else {
                // What cannot be read is to be looked at, so that it is reported.
                self.chapter.unlisted = u8::MAX;
                self.chapter.min_at_ms = i64::MIN;
                self.chapter.max_at_ms = i64::MAX;
                self.chapter.classes = self.chapter.classes.map(|blocks| blocks | bit);
                continue;
            };
            if let Some(class) = marks.class
                && let Some(blocks) = self.chapter.classes.get_mut(class as usize)
            {
                *blocks |= bit;
            }
            for term in marks.terms.into_iter().flatten() {
                *self.terms.entry(term).or_default() |= bit;
            }
        }
    }

    /// The chapter as it is now.
    pub(crate) fn chapter(&self) -> Chapter {
        let mut chapter = self.chapter.clone();
        let mut terms = self.terms.clone();
        let n_fixed = 2 + MAX_BLOCKS + 16 + N_CLASSES;
        while n_fixed + terms.len() * TERM_BYTES > MAX_BODY_BYTES {
            let n_of = |field| terms.keys().filter(|term| term.field == field).count();
            let fields = [
                Field::Model,
                Field::Endpoint,
                Field::Session,
                Field::Client,
                Field::Phase,
            ];
            let Some(largest) = fields.into_iter().max_by_key(|field| n_of(*field)) else {
                break;
            };
            chapter.unlisted |= largest as u8;
            terms.retain(|term, _| term.field != largest);
        }
        let mut by_hash = BTreeMap::<u32, u8>::new();
        for (term, blocks) in terms {
            *by_hash.entry(term.hash).or_default() |= blocks;
        }
        chapter.terms = by_hash.into_iter().collect();
        chapter
    }
}

/// What a record is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// None in the record of a beginning: without an end there is no status.
    class: Option<StatusClass>,
    terms: [Option<Term>; 6],
}

impl Marks {
    pub(crate) fn of(record: &AuditRecord) -> Self {
        let term = |field, value: &[u8]| Some(Term::new(field, value));
        let text = |field, text: &Option<String>| term(field, text.as_ref()?.as_bytes());
        let session = record.session_id.as_ref();
        Self {
            class: (!record.is_start()).then(|| StatusClass::of(record.status)),
            terms: [
                term(Field::Model, record.model_asked.as_bytes()),
                text(Field::Model, &record.model_used),
                text(Field::Endpoint, &record.endpoint),
                session.and_then(|session| term(Field::Session, session.as_bytes())),
                text(Field::Client, &record.client),
                record.is_start().then(Term::start),
            ],
        }
    }

    /// Those of the record in `body`; `None` where that cannot be read.
    fn read(body: &[u8]) -> Option<Self> {
        let record = AuditRecord::from_body(body).ok()?;
        Some(Self::of(&record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::record;
    use owlcoda_types::SessionId;

    fn entry(record: AuditRecord) -> Entry {
        let entry = Entry::of(record).unwrap();
        assert_eq!(entry.marks, Marks::read(&entry.body));
        entry
    }

    #[test]
    fn a_chapter_comes_back_and_names_the_blocks_that_have_a_value() {
        let mut draft = Draft::new(10);
        let mut sessions = Vec::new();
        for block in 0..8 {
            let session = SessionId::generate();
            sessions.push(session);
            let entries = (0..5).map(|n| {
                let mut record = record();
                record.at_ms = block * 100 + n;
                record.model_asked = format!("asked-{}", block % 2);
                record.endpoint = Some("e".to_owned());
                record.status = if block == 3 { 429 } else { 200 };
                record.session_id = Some(session);
                entry(record)
            });
            draft.add(&entries.collect::<Vec<_>>());
        }
        let chapter = Chapter::decode(&draft.chapter().encode()).unwrap();
        assert_eq!(chapter, draft.chapter());
        assert_eq!((chapter.end_seq(), chapter.is_full()), (50, true));
        assert_eq!((chapter.min_at_ms, chapter.max_at_ms), (0, 704));
        let with = |field, value: &[u8]| chapter.blocks_with(Term::new(field, value));
        assert_eq!(with(Field::Model, b"asked-1"), 0b1010_1010);
        assert_eq!(with(Field::Endpoint, b"e"), 0xff);
        assert_eq!(with(Field::Model, b"e"), 0);
        assert_eq!(with(Field::Session, sessions[6].as_bytes()), 1 << 6);
        assert_eq!(chapter.blocks_with_class(StatusClass::RateLimited), 1 << 3);
        assert_eq!(chapter.blocks().nth(2), Some((4, 20, 5)));
    }

    #[test]
    fn too_many_values_are_not_listed_and_then_every_block_may_have_any() {
        let mut draft = Draft::new(1);
        for block in 0..8 {
            let entries = (0..64).map(|n| {
                let mut record = record();
                record.model_asked = format!("{block}-{n}");
                record.model_used = Some(format!("{block}-{n}-used"));
                record.session_id = Some(SessionId::generate());
                record.endpoint = Some(format!("only-{block}"));
                entry(record)
            });
            draft.add(&entries.collect::<Vec<_>>());
        }
        let chapter = draft.chapter();
        assert!(chapter.encode().len() <= crate::record::MAX_VALUE_BYTES);
        let with = |field, value: &[u8]| chapter.blocks_with(Term::new(field, value));
        assert_eq!(with(Field::Model, b"no such model"), 0xff);
        assert_eq!(with(Field::Endpoint, b"only-2"), 4);
    }
}
