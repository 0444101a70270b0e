//! The segments of the audit as readers see them: the finished ones, opened when a question needs
//! their records, and the newest, which the writer holds open.
//!
//! What a finished segment's records are found by is kept in memory once it was read, within a bound;
//! its engine is closed again after a while, or when another one needs the place. A segment that
//! cannot be opened is set aside and reported: the other records can be read without it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use owlcoda_types::Clock;
use parking_lot::Mutex;

use crate::anchor::SegmentHead;
use crate::chapter::Chapter;
use crate::engine::{Engine, EngineError, Opener, Purpose, guarded};
use crate::integrity::Findings;
use crate::segment::{self, Index, names};
use crate::{StoreError, directory};

/// Most finished segments that are open at a time.
const MAX_OPEN: usize = 8;
/// How long an engine may take to be let go of.
const UNLOCK_WAIT: Duration = Duration::from_secs(2);
/// An engine that no question has used for this long is closed.
const IDLE: Duration = Duration::from_mins(1);
/// The engine's cache of a finished segment.
const READER_CACHE_BYTES: u64 = 1 << 20;
/// Most bytes of indexes of finished segments that are kept; the one in use is kept anyway.
const MAX_INDEX_BYTES: usize = 32 << 20;

/// The newest segment, as of the last commit.
#[derive(Clone, Debug)]
pub(crate) struct Active {
    pub(crate) head: SegmentHead,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) index: Index,
}

/// A segment to look for records in.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Active(Arc<Active>),
    Sealed(SegmentHead),
}

impl Source {
    pub(crate) fn head(&self) -> &SegmentHead {
        match self {
            Self::Active(active) => &active.head,
            Self::Sealed(head) => head,
        }
    }
}

/// All segments. Readers and the writer share it.
#[derive(Debug)]
pub(crate) struct Shelf {
    audit: PathBuf,
    opener: Arc<dyn Opener>,
    clock: Arc<dyn Clock>,
    findings: Arc<Findings>,
    segments: Mutex<Segments>,
    /// Locked while a segment is opened, so that none is opened twice.
    open: Mutex<OpenEngines>,
    indexes: Mutex<Vec<(u64, Arc<Index>)>>,
}

#[derive(Debug, Default)]
struct Segments {
    sealed: BTreeMap<u64, SegmentHead>,
    active: Option<Arc<Active>>,
    /// Why there is no newest segment.
    outage: Option<Arc<str>>,
    /// Number of the oldest record that was not removed on purpose.
    first_seq: u64,
}

/// The engines of finished segments.
#[derive(Debug, Default)]
struct OpenEngines {
    kept: Vec<Open>,
    /// Let go of, but perhaps still in use by a question; the engine cannot be opened beside it.
    left: Vec<(u64, Weak<dyn Engine>)>,
}

impl OpenEngines {
    fn keep(&mut self, number: u64, engine: Arc<dyn Engine>) {
        if self.kept.len() >= MAX_OPEN {
            let oldest =
                (0..self.kept.len()).min_by_key(|at| self.kept.get(*at).map(|found| found.used_at));
            if let Some(at) = oldest {
                let open = self.kept.swap_remove(at);
                self.leave(&open);
            }
        }
        self.kept.push(Open {
            number,
            engine,
            used_at: Instant::now(),
        });
    }

    fn leave(&mut self, open: &Open) {
        self.left.retain(|(_, engine)| engine.strong_count() > 0);
        self.left.push((open.number, Arc::downgrade(&open.engine)));
    }

    /// Lets go of all that are not `wanted`.
    fn leave_unless(&mut self, wanted: impl Fn(&Open) -> bool) {
        for open in std::mem::take(&mut self.kept) {
            if wanted(&open) {
                self.kept.push(open);
            } else {
                self.leave(&open);
            }
        }
    }

    /// The engine of the segment, if it is open, whoever has it open.
    fn find(&mut self, number: u64) -> Option<Arc<dyn Engine>> {
        if let Some(open) = self.kept.iter_mut().find(|open| open.number == number) {
            open.used_at = Instant::now();
            return Some(Arc::clone(&open.engine));
        }
        let mut left = self.left.iter();
        let engine = left.find_map(|(found, engine)| {
            let is_it = *found == number;
            is_it.then(|| engine.upgrade()).flatten()
        })?;
        self.keep(number, Arc::clone(&engine));
        Some(engine)
    }
}

#[derive(Debug)]
struct Open {
    number: u64,
    engine: Arc<dyn Engine>,
    used_at: Instant,
}

impl Shelf {
    pub(crate) fn new(
        audit: &Path,
        opener: Arc<dyn Opener>,
        clock: Arc<dyn Clock>,
        findings: Arc<Findings>,
    ) -> Self {
        Self {
            audit: audit.to_path_buf(),
            opener,
            clock,
            findings,
            segments: Mutex::default(),
            open: Mutex::default(),
            indexes: Mutex::default(),
        }
    }

    /// The segments, oldest first, and the number of the oldest record that is to be there.
    pub(crate) fn sources(&self) -> Result<(Vec<Source>, u64), StoreError> {
        let segments = self.segments.lock();
        let mut sources: Vec<_> = segments
            .sealed
            .values()
            .copied()
            .map(Source::Sealed)
            .collect();
        match (&segments.active, &segments.outage) {
            (Some(active), _) => sources.push(Source::Active(Arc::clone(active))),
            (None, Some(reason)) => {
                return Err(StoreError::Poisoned {
                    reason: Arc::clone(reason),
                });
            }
            (None, None) => return Err(StoreError::Closed),
        }
        Ok((sources, segments.first_seq))
    }

    /// What the records of a finished segment are found by.
    pub(crate) fn index(&self, head: &SegmentHead) -> Result<Arc<Index>, StoreError> {
        let number = head.number;
        {
            let mut indexes = self.indexes.lock();
            if let Some(at) = indexes.iter().position(|(found, _)| *found == number) {
                let entry = indexes.remove(at);
                let index = Arc::clone(&entry.1);
                indexes.push(entry);
                return Ok(index);
            }
        }
        let index = Arc::new(self.read_index(head)?);
        let mut indexes = self.indexes.lock();
        indexes.retain(|(found, _)| *found != number);
        indexes.push((number, Arc::clone(&index)));
        let mut n_bytes: usize = indexes.iter().map(|(_, index)| index.n_bytes()).sum();
        while n_bytes > MAX_INDEX_BYTES && indexes.len() > 1 {
            n_bytes -= indexes.remove(0).1.n_bytes();
        }
        Ok(index)
    }

    fn read_index(&self, head: &SegmentHead) -> Result<Index, StoreError> {
        if let Some(index) = read_index_file(&self.audit, head) {
            return Ok(index);
        }
        let Some(engine) = self.engine(head)? else {
            return Ok(Index {
                tail_seq: head.first_seq,
                ..Index::default()
            });
        };
        let Some(loaded) = guarded(|| segment::load(&*engine, head.number))? else {
            return Ok(Index {
                tail_seq: head.first_seq,
                ..Index::default()
            });
        };
        if let Some(damage) = loaded.damage {
            self.findings.report(damage);
        }
        Ok(loaded.index)
    }

    /// The open engine of a finished segment; `None` where it cannot be opened: then it is set aside.
    pub(crate) fn engine(&self, head: &SegmentHead) -> Result<Option<Arc<dyn Engine>>, StoreError> {
        let number = head.number;
        let mut open = self.open.lock();
        if let Some(engine) = open.find(number) {
            return Ok(Some(engine));
        }
        if !self.segments.lock().sealed.contains_key(&number) {
            return Ok(None);
        }
        let dir = names::dir(&self.audit, number);
        let opened = if dir.exists() {
            self.open_patiently(&dir)
        } else {
            Err(EngineError::Corrupt("its directory is gone".to_owned()))
        };
        match opened {
            Ok(engine) => {
                open.keep(number, Arc::clone(&engine));
                Ok(Some(engine))
            }
            Err(error) if error.is_damage() => {
                self.set_aside(head, &error.to_string())?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the engine in `dir`, of which the last user may just be letting go.
    fn open_patiently(&self, dir: &Path) -> Result<Arc<dyn Engine>, EngineError> {
        let started = Instant::now();
        loop {
            let opened = self.opener.open(dir, READER_CACHE_BYTES, Purpose::Reading);
            match opened {
                Err(EngineError::Locked) if started.elapsed() < UNLOCK_WAIT => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                opened => return opened,
            }
        }
    }

    /// Keeps the segment where nobody opens it, and says which records are missing without it.
    pub(crate) fn set_aside(&self, head: &SegmentHead, reason: &str) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let name = names::set_aside(&self.audit, head.number, now_ms)
            .map_err(StoreError::io("set a damaged segment aside"))?;
        self.segments.lock().sealed.remove(&head.number);
        self.findings.report(format!(
            "audit segment {} could not be opened and was set aside as audit/{name}: {reason}",
            head.number
        ));
        if head.count > 0 {
            let (from, to) = (head.first_seq, head.last_seq());
            let finding = format!("audit records {from} to {to} are missing");
            self.findings.report(finding);
        }
        Ok(())
    }

    /// Adds a finished segment.
    pub(crate) fn add_sealed(&self, head: SegmentHead) {
        self.segments.lock().sealed.insert(head.number, head);
    }

    /// The anchors of the finished segments, oldest first.
    pub(crate) fn sealed(&self) -> Vec<SegmentHead> {
        self.segments.lock().sealed.values().copied().collect()
    }

    /// Publishes what the newest segment holds.
    pub(crate) fn publish(&self, active: Active) {
        let mut segments = self.segments.lock();
        segments.outage = None;
        segments.active = Some(Arc::new(active));
    }

    /// Publishes what the newest segment holds, and that the one before it is finished, in one step:
    /// no question finds its records twice, or not at all.
    pub(crate) fn publish_next(&self, finished: SegmentHead, active: Active) {
        let mut open = self.open.lock();
        let mut segments = self.segments.lock();
        let before = segments.active.replace(Arc::new(active));
        segments.outage = None;
        segments.sealed.insert(finished.number, finished);
        // Questions may still use its engine, and the next ones may as well.
        if let Some(before) = before.filter(|before| before.head.number == finished.number) {
            open.keep(finished.number, Arc::clone(&before.engine));
        }
    }

    /// Takes the newest segment away; `reason` is why, if it is not for good.
    pub(crate) fn withdraw(&self, reason: Option<&Arc<str>>) {
        let mut segments = self.segments.lock();
        segments.outage = reason.map(Arc::clone);
        segments.active = None;
    }

    pub(crate) fn set_first_seq(&self, first_seq: u64) {
        self.segments.lock().first_seq = first_seq;
    }

    pub(crate) fn first_seq(&self) -> u64 {
        self.segments.lock().first_seq
    }

    /// The next one who needs the index of a finished segment reads it from the segment itself.
    pub(crate) fn forget_index(&self, number: u64) -> Result<(), StoreError> {
        self.indexes.lock().retain(|(found, _)| *found != number);
        names::remove_index(&self.audit, number).map_err(StoreError::io("remove an index"))
    }

    /// Forgets a segment that is being removed. Questions under way may still read it.
    pub(crate) fn forget(&self, number: u64) {
        self.segments.lock().sealed.remove(&number);
        self.open.lock().leave_unless(|open| open.number != number);
        self.indexes.lock().retain(|(found, _)| *found != number);
    }

    /// Closes engines that were not used for a while.
    pub(crate) fn close_idle(&self) {
        let mut open = self.open.lock();
        open.leave_unless(|open| open.used_at.elapsed() < IDLE);
    }

    /// Closes everything.
    pub(crate) fn close(&self) {
        self.withdraw(None);
        self.open.lock().kept.clear();
    }
}

/// Writes all chapters of a finished segment into a file of their own.
pub(crate) fn write_index_file(
    audit: &Path,
    number: u64,
    chapters: &[Arc<Chapter>],
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    for chapter in chapters {
        let value = chapter.encode();
        bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or_default().to_be_bytes());
        bytes.extend_from_slice(&value);
    }
    directory::replace_file(audit, &names::index(number), &bytes)
}

/// The index of a finished segment, if its file says all of it.
fn read_index_file(audit: &Path, head: &SegmentHead) -> Option<Index> {
    let bytes = fs_err::read(audit.join(names::index(head.number))).ok()?;
    let mut rest = bytes.as_slice();
    let mut chapters: Vec<Arc<Chapter>> = Vec::new();
    let mut next_seq = head.first_seq;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk()?;
        let (value, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let chapter = Chapter::decode(value).ok()?;
        if chapter.first_seq != next_seq {
            return None;
        }
        next_seq = chapter.end_seq();
        chapters.push(Arc::new(chapter));
        rest = after;
    }
    (next_seq == head.first_seq + head.count).then(|| Index {
        chapters: chapters.into(),
        tail_seq: next_seq,
        tail: Vec::new(),
    })
}
