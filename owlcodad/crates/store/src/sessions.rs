//! Sessions: a state and an append-only event log each, changed together.

mod log;

use std::ops::ControlFlow;
use std::sync::Arc;

use owlcoda_types::{SessionId, UnixMs, Usage};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

pub(crate) use self::log::{SessionWrite, event_keys, read as read_events};
use crate::StoreError;
use crate::engine::Engine;
use crate::integrity::Findings;
use crate::key;
use crate::queue::Op;
use crate::record::{Kind, MAX_BODY_BYTES, Record, to_body};
use crate::store::Inner;

/// Most bytes of one event's body.
pub const MAX_EVENT_BYTES: usize = 16 << 20;

/// Most bytes of all events' bodies in one append.
pub const MAX_APPEND_BYTES: usize = 16 << 20;

/// The state of a session, as a list of sessions shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionMeta {
    /// Which session.
    pub id: SessionId,
    /// A line for people. With `model` at most about 6,000 bytes.
    pub title: String,
    /// The model that the session uses.
    pub model: String,
    /// When it began.
    pub created_at_ms: UnixMs,
    /// When it last changed; lists are ordered by it.
    pub updated_at_ms: UnixMs,
    /// Number of the last event; 0 without events.
    pub head_seq: u64,
    /// Turns so far.
    pub n_turns: u32,
    /// Tokens of all turns so far.
    #[serde(default)]
    pub usage: Usage,
}

/// One event of a session's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number within the session, from 1, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at_ms: UnixMs,
    /// Its content, opaque to the store; at most [`MAX_EVENT_BYTES`].
    pub body: Vec<u8>,
}

/// The sessions of a store.
#[derive(Clone, Debug)]
pub struct Sessions {
    inner: Arc<Inner>,
}

impl Sessions {
    pub(crate) const fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Appends `events` and replaces the state by `meta`, both or neither; durable on return.
    ///
    /// `meta` is the state after the events: its `head_seq` is the number of the last one. The first
    /// append makes the session. Without events only the state changes, and `head_seq` must be the
    /// stored one. If the future is dropped the append may still happen.
    ///
    /// # Errors
    ///
    /// `Conflict` if the events do not follow the stored head, `OutOfOrder` if they are not numbered
    /// one after the other up to `head_seq`, `TooLarge` above the limits, `Poisoned` if a write failed
    /// and the store has not recovered yet, `Closed` after [`crate::Store::close`].
    pub async fn append(
        &self,
        meta: SessionMeta,
        events: Vec<StoredEvent>,
    ) -> Result<(), StoreError> {
        let write = SessionWrite::try_new(&meta, events)?;
        let n_bytes = write.n_bytes();
        let (ack, acknowledged) = oneshot::channel();
        let write = Box::new(write);
        self.inner
            .queue
            .push(Op::Session { write, ack }, n_bytes)
            .await?;
        acknowledged.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Removes session `id` with all its events, in one step; durable on return. False where there was
    /// no such session. One that is damaged can be removed, too.
    ///
    /// # Errors
    ///
    /// `BackupRuns` while an archive is being made, `Poisoned` and `Closed` as for [`Self::append`].
    pub async fn remove(&self, id: SessionId) -> Result<bool, StoreError> {
        // A backup reads a session in several steps, and one that goes meanwhile would spoil it.
        let quiet = Arc::clone(&self.inner.removals).try_read_owned();
        let _quiet = quiet.map_err(|_| StoreError::BackupRuns)?;
        let is_known = move |engine: &dyn Engine, _: &_| is_there(engine, id);
        if !self.inner.read_sessions(is_known).await? {
            return Ok(false);
        }
        let (ack, acknowledged) = oneshot::channel();
        let op = Op::RemoveSession { id, ack };
        self.inner.queue.push(op, 0).await?;
        acknowledged.await.unwrap_or(Err(StoreError::Closed))?;
        Ok(true)
    }

    /// The state of session `id`; `None` if there is no such session.
    pub async fn get(&self, id: SessionId) -> Result<Option<SessionMeta>, StoreError> {
        self.inner
            .read_sessions(move |engine, shared| {
                reported(stored_state(engine, id), &shared.findings)
            })
            .await
    }

    /// The states of up to `limit` sessions, those changed last first.
    ///
    /// A state that is damaged is left out here and reported by [`crate::StoreStats::integrity`];
    /// [`Self::get`] answers with the error.
    pub async fn list(&self, limit: usize) -> Result<Vec<SessionMeta>, StoreError> {
        self.inner
            .read_sessions(move |engine, shared| {
                list(engine, limit, |damage| shared.findings.report(damage))
            })
            .await
    }

    /// The events of session `id` after number `after_seq`, in order.
    ///
    /// At most `limit`, and no more once 16 MiB are reached, but at least one if there is one. An
    /// empty answer means that there are no more; fewer than `limit` does not. A session that does
    /// not exist has no events.
    ///
    /// # Errors
    ///
    /// `Damaged` with the number of the first event that cannot be read or is missing. What is before
    /// it can be read with a smaller `limit`, what is behind it with `after_seq` set to it.
    pub async fn events(
        &self,
        id: SessionId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.inner
            .read_sessions(move |engine, shared| {
                let events = stored_state(engine, id).and_then(|meta| {
                    let head_seq = meta.map_or(0, |meta| meta.head_seq);
                    log::read(engine, id, after_seq, head_seq, limit)
                });
                match events {
                    // It was removed while it was read.
                    Err(StoreError::Damaged { .. }) if !is_there(engine, id)? => Ok(Vec::new()),
                    events => reported(events, &shared.findings),
                }
            })
            .await
    }
}

/// The stored state of session `id`; `None` if there is no such session.
pub(crate) fn stored_state(
    engine: &dyn Engine,
    id: SessionId,
) -> Result<Option<SessionMeta>, StoreError> {
    if let Some(bytes) = engine.get(&key::session(id))? {
        return decode_meta(id, &bytes).map(Some);
    }
    // Events without a state are what is left of a session, not a session that never was.
    if log::has_events(engine, id)? {
        return Err(damaged_state(id, "it is missing, but there are events"));
    }
    Ok(None)
}

/// Whether anything is stored of session `id`, readable or not.
fn is_there(engine: &dyn Engine, id: SessionId) -> Result<bool, StoreError> {
    Ok(engine.get(&key::session(id))?.is_some() || log::has_events(engine, id)?)
}

/// Adds damage to what the store says about itself.
fn reported<T>(result: Result<T, StoreError>, findings: &Findings) -> Result<T, StoreError> {
    if let Err(error @ StoreError::Damaged { .. }) = &result {
        findings.report(error.to_string());
    }
    result
}

/// The states of all sessions that can be read; `report` is told of the others.
pub(crate) fn states(
    engine: &dyn Engine,
    report: impl FnMut(String),
) -> Result<Vec<SessionMeta>, StoreError> {
    list(engine, usize::MAX, report)
}

fn list(
    engine: &dyn Engine,
    limit: usize,
    mut report: impl FnMut(String),
) -> Result<Vec<SessionMeta>, StoreError> {
    let mut newest: Vec<SessionMeta> = Vec::new();
    let keep_newest = |metas: &mut Vec<SessionMeta>| {
        metas.sort_by_key(|meta| std::cmp::Reverse((meta.updated_at_ms, meta.id)));
        metas.truncate(limit);
    };
    engine.scan(key::SESSIONS, key::SESSIONS_END, &mut |key, bytes| {
        match key::session_id(key).map(|id| decode_meta(id, bytes)) {
            Some(Ok(meta)) => newest.push(meta),
            Some(Err(error)) => report(error.to_string()),
            None => report("a session has a key of an unknown form".to_owned()),
        }
        // Memory is bounded by the page, not by the number of sessions.
        if newest.len() >= limit.saturating_mul(2).max(64) {
            keep_newest(&mut newest);
        }
        ControlFlow::Continue(())
    })?;
    keep_newest(&mut newest);
    Ok(newest)
}

fn decode_meta(id: SessionId, bytes: &[u8]) -> Result<SessionMeta, StoreError> {
    let decode = || {
        let record = Record::decode(bytes)?;
        let meta: SessionMeta = record.value()?;
        if record.kind != Kind::Session || meta.id != id || meta.head_seq != record.seq {
            return Err("it is another record than its key says");
        }
        Ok(meta)
    };
    decode().map_err(|reason| damaged_state(id, reason))
}

fn damaged_state(id: SessionId, reason: &'static str) -> StoreError {
    StoreError::Damaged {
        what: format!("the state of {id}"),
        seq: 0,
        reason,
    }
}

fn encode_meta(meta: &SessionMeta) -> Result<Vec<u8>, StoreError> {
    let body = to_body(meta).map_err(|error| StoreError::Engine {
        detail: error.to_string(),
    })?;
    if body.len() > MAX_BODY_BYTES {
        return Err(StoreError::TooLarge {
            what: "the state of a session",
            n_bytes: body.len(),
            limit: MAX_BODY_BYTES,
        });
    }
    let record = Record {
        kind: Kind::Session,
        flags: 0,
        seq: meta.head_seq,
        at_ms: meta.updated_at_ms,
        body: &body,
    };
    Ok(record.encode())
}
