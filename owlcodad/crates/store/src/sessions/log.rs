//! The event log of a session: events in parts that the engine keeps inline, and back.

use std::ops::ControlFlow;

use owlcoda_types::{SessionId, UnixMs};

use super::{MAX_APPEND_BYTES, MAX_EVENT_BYTES, SessionMeta, StoredEvent, encode_meta};
use crate::StoreError;
use crate::engine::{Batch, Engine};
use crate::key;
use crate::record::{FLAG_MORE, Kind, MAX_BODY_BYTES, Record};

/// A page of events ends once it has this many bytes.
const MAX_PAGE_BYTES: usize = 16 << 20;

/// An append that agrees with itself; the writer checks it against what is stored.
#[derive(Debug)]
pub(crate) struct SessionWrite {
    pub(crate) id: SessionId,
    /// The stored head that this follows.
    pub(crate) expected_head: u64,
    /// The head after it.
    pub(crate) head_seq: u64,
    meta: Vec<u8>,
    events: Vec<StoredEvent>,
}

impl SessionWrite {
    /// Checks sizes and numbers.
    pub(crate) fn try_new(
        meta: &SessionMeta,
        events: Vec<StoredEvent>,
    ) -> Result<Self, StoreError> {
        let expected_head = match events.first() {
            Some(first) => first.seq.checked_sub(1),
            None => Some(meta.head_seq),
        };
        let out_of_order = StoreError::OutOfOrder { session: meta.id };
        let Some(expected_head) = expected_head else {
            return Err(out_of_order);
        };
        let mut head = expected_head;
        let mut n_total = 0_usize;
        for event in &events {
            if head.checked_add(1) != Some(event.seq) {
                return Err(out_of_order);
            }
            head = event.seq;
            check_size("an event", event.body.len(), MAX_EVENT_BYTES)?;
            n_total = n_total.saturating_add(event.body.len());
        }
        if head != meta.head_seq {
            return Err(out_of_order);
        }
        check_size("an append", n_total, MAX_APPEND_BYTES)?;
        Ok(Self {
            id: meta.id,
            expected_head,
            head_seq: meta.head_seq,
            meta: encode_meta(meta)?,
            events,
        })
    }

    /// Bytes that wait while this is queued.
    pub(crate) fn n_bytes(&self) -> usize {
        let n_bodies: usize = self.events.iter().map(|event| event.body.len()).sum();
        n_bodies + self.meta.len()
    }

    /// Adds everything that this writes to `batch`.
    pub(crate) fn entries(&self, batch: &mut Batch) {
        for event in &self.events {
            // An empty body has no chunk, but still is an event.
            let n_parts = event.body.len().div_ceil(MAX_BODY_BYTES).max(1);
            let mut chunks = event.body.chunks(MAX_BODY_BYTES);
            for (part, n_left) in (0_u16..).zip((0..n_parts).rev()) {
                let record = Record {
                    kind: Kind::Event,
                    flags: if n_left > 0 { FLAG_MORE } else { 0 },
                    seq: event.seq,
                    at_ms: event.at_ms,
                    body: chunks.next().unwrap_or_default(),
                };
                batch.insert(key::event(self.id, event.seq, part), record.encode());
            }
        }
        batch.insert(key::session(self.id), self.meta.clone());
    }
}

fn check_size(what: &'static str, n_bytes: usize, limit: usize) -> Result<(), StoreError> {
    if n_bytes > limit {
        return Err(StoreError::TooLarge {
            what,
            n_bytes,
            limit,
        });
    }
    Ok(())
}

/// Reads up to `limit` events in `(after_seq, head_seq]`.
///
/// Events past `head_seq`, appended since it was read, are left for the next page, so that a missing
/// event can be told from one that is still to come.
pub(crate) fn read(
    engine: &dyn Engine,
    id: SessionId,
    after_seq: u64,
    head_seq: u64,
    limit: usize,
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut page = Page::new(after_seq);
    if after_seq >= head_seq || limit == 0 {
        return Ok(page.events);
    }
    let damaged = |seq, reason| StoreError::Damaged {
        what: format!("event {seq} of {id}"),
        seq,
        reason,
    };
    let mut damage = None;
    engine.scan(
        &key::event(id, after_seq + 1, 0),
        &key::event(id, head_seq, u16::MAX),
        &mut |key, bytes| match page.add_part(key, bytes) {
            Ok(()) if page.is_full(limit) => ControlFlow::Break(()),
            Ok(()) => ControlFlow::Continue(()),
            Err(reason) => {
                damage = Some(damaged(page.next_seq(), reason));
                ControlFlow::Break(())
            }
        },
    )?;
    if let Some(damage) = damage {
        return Err(damage);
    }
    if page.open.is_some() || (!page.is_full(limit) && page.last_seq != head_seq) {
        return Err(damaged(
            page.next_seq(),
            "it is missing, or a part of it is",
        ));
    }
    Ok(page.events)
}

/// The keys of everything that is stored of session `id`'s events, whole or not.
pub(crate) fn event_keys(engine: &dyn Engine, id: SessionId) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut keys = Vec::new();
    engine.scan(
        &key::event(id, 0, 0),
        &key::event(id, u64::MAX, u16::MAX),
        &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        },
    )?;
    Ok(keys)
}

/// Whether anything of a log of session `id` is there.
pub(super) fn has_events(engine: &dyn Engine, id: SessionId) -> Result<bool, StoreError> {
    let mut is_any = false;
    engine.scan(
        &key::event(id, 0, 0),
        &key::event(id, u64::MAX, u16::MAX),
        &mut |_, _| {
            is_any = true;
            ControlFlow::Break(())
        },
    )?;
    Ok(is_any)
}

/// Events that are put together from their parts.
struct Page {
    events: Vec<StoredEvent>,
    n_bytes: usize,
    /// Number of the last whole event.
    last_seq: u64,
    /// The event whose parts are being read, and the number of the next one.
    open: Option<(StoredEvent, u16)>,
}

impl Page {
    const fn new(after_seq: u64) -> Self {
        Self {
            events: Vec::new(),
            n_bytes: 0,
            last_seq: after_seq,
            open: None,
        }
    }

    /// The number of the event that is being read.
    const fn next_seq(&self) -> u64 {
        self.last_seq.saturating_add(1)
    }

    fn is_full(&self, limit: usize) -> bool {
        self.open.is_none() && (self.events.len() >= limit || self.n_bytes >= MAX_PAGE_BYTES)
    }

    fn add_part(&mut self, key: &[u8], bytes: &[u8]) -> Result<(), &'static str> {
        let (seq, part) = key::event_seq_and_part(key).ok_or("its key has an unknown form")?;
        let next_part = self.open.as_ref().map_or(0, |(_, part)| *part);
        if seq != self.next_seq() || part != next_part {
            return Err("it is missing, or a part of it is");
        }
        let record = Record::decode_as(bytes, Kind::Event, seq)?;
        let mut event = match self.open.take() {
            Some((event, _)) => event,
            None => new_event(seq, record.at_ms),
        };
        event.body.extend_from_slice(record.body);
        if record.flags & FLAG_MORE != 0 {
            let next = part.checked_add(1).ok_or("it has too many parts")?;
            self.open = Some((event, next));
        } else {
            self.n_bytes += event.body.len();
            self.last_seq = seq;
            self.events.push(event);
        }
        Ok(())
    }
}

const fn new_event(seq: u64, at_ms: UnixMs) -> StoredEvent {
    StoredEvent {
        seq,
        at_ms,
        body: Vec::new(),
    }
}
