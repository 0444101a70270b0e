//! A part of the store that cannot be used for a while, and when it is tried again.
//!
//! After one failed write an engine is good for nothing more, and a full disk may have room again in a
//! second. So the part is opened again, at first soon and then every two seconds, for as long as it
//! takes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::directory;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Opening again on a full disk is not tried below this: the engine writes when it is opened.
const LEAST_FREE_BYTES: u64 = 2 << 20;

/// Why a part is not there, and when to look again.
#[derive(Debug)]
pub(crate) struct Outage {
    pub(crate) reason: Arc<str>,
    is_disk_full: bool,
    wait: Duration,
    next_try: Instant,
}

impl Outage {
    /// An outage that begins now, by `error`.
    pub(crate) fn new(error: &StoreError) -> Self {
        Self {
            reason: error.with_causes().into(),
            is_disk_full: error.is_disk_full(),
            wait: FIRST_WAIT,
            next_try: Instant::now() + FIRST_WAIT,
        }
    }

    /// Whether it is time to try, and there is room in `dir` to do so.
    pub(crate) fn is_due(&mut self, dir: &Path) -> bool {
        if Instant::now() < self.next_try {
            return false;
        }
        let is_room = !self.is_disk_full
            || directory::free_bytes(dir).is_none_or(|n_bytes| n_bytes >= LEAST_FREE_BYTES);
        if !is_room {
            self.put_off();
        }
        is_room
    }

    /// Makes it time to try.
    pub(crate) fn retry_now(&mut self) {
        self.next_try = Instant::now();
    }

    /// The attempt failed with `error`.
    pub(crate) fn failed(&mut self, error: &StoreError) {
        self.is_disk_full |= error.is_disk_full();
        self.put_off();
    }

    fn put_off(&mut self) {
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        self.next_try = Instant::now() + self.wait;
    }

    /// How long until the next attempt.
    pub(crate) fn left(&self) -> Duration {
        self.next_try.saturating_duration_since(Instant::now())
    }
}
