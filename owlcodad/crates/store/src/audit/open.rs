//! The calls of this process that have begun, by a record, and not ended.

use std::collections::BTreeMap;

use owlcoda_types::{RequestId, UnixMs};
use parking_lot::Mutex;

use super::AuditRecord;

/// Most calls that are remembered although their end found no room.
const MAX_LOST: usize = 1000;

/// How a call without an end stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// Its end was dropped.
    Lost,
}

/// The calls whose beginning is recorded and whose end is not.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls {
    calls: Mutex<BTreeMap<RequestId, (UnixMs, State)>>,
}

impl OpenCalls {
    /// The call of `record` begins; gives back the record of that.
    pub(super) fn begin(&self, mut record: AuditRecord) -> AuditRecord {
        let mut calls = self.calls.lock();
        calls.insert(record.request_id, (record.at_ms, State::Running));
        let running = calls.values().filter(|(_, state)| *state == State::Running);
        record.oldest_open_ms = running.map(|(at_ms, _)| *at_ms).min();
        record
    }

    pub(super) fn end(&self, id: RequestId) {
        self.calls.lock().remove(&id);
    }

    /// The record of its end found no room.
    pub(super) fn lose(&self, id: RequestId) {
        let mut calls = self.calls.lock();
        let n_lost = calls
            .values()
            .filter(|(_, state)| *state == State::Lost)
            .count();
        match calls.get_mut(&id) {
            Some((_, state)) if n_lost < MAX_LOST => *state = State::Lost,
            _ => drop(calls.remove(&id)),
        }
    }

    /// How they stand at `now_ms`.
    pub(crate) fn running(&self, now_ms: UnixMs) -> Running {
        Running {
            now_ms,
            calls: self.calls.lock().clone(),
        }
    }
}

/// The calls without an end, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running {
    now_ms: UnixMs,
    calls: BTreeMap<RequestId, (UnixMs, State)>,
}

impl Running {
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// What is to be said of a call whose beginning is `start`; `None` where it has ended.
    pub(crate) fn describe(&self, mut start: AuditRecord) -> Option<AuditRecord> {
        let (at_ms, state) = self.calls.get(&start.request_id)?;
        if *state == State::Lost {
            AuditRecord::LOST.clone_into(&mut start.outcome);
            start.status = AuditRecord::LOST_STATUS;
        } else {
            AuditRecord::RUNNING.clone_into(&mut start.outcome);
            start.elapsed_ms = u64::try_from(self.now_ms - at_ms).unwrap_or(0);
        }
        Some(start)
    }
}
