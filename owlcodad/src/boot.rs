//! How the last starts of this home went: the file `boot.json`, and what follows from it.
//!
//! A start counts as unfinished until the daemon has served for a minute or has ended as it should.
//! The third unfinished one in a row is made in safe mode: see `safe_mode.rs`.

use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use owlcoda_supervise::CancellationToken;
use owlcoda_types::{Clock, UnixMs};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

/// The file in the home.
const FILE_NAME: &str = "boot.json";

/// A daemon that has served for so long has started well.
const WELL: Duration = Duration::from_mins(1);

/// The start of this number in a row is made in safe mode.
const SAFE_AT: usize = 3;

/// An unfinished start that is older than this says nothing of the next one.
const MEMORY_MS: UnixMs = 60 * 60 * 1000;

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// How far a start came.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Before the store, and after it.
    Starting,
    /// The store was being opened.
    Store,
    /// It has served.
    Serving,
}

/// A start that has not ended well so far.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
struct Start {
    at_ms: UnixMs,
    version: String,
    stage: Stage,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
struct Record {
    unfinished: Vec<Start>,
}

/// This start, and those before it.
#[derive(Debug)]
pub(crate) struct Boot {
    path: PathBuf,
    record: Mutex<Record>,
    /// Unfinished starts before this one.
    n_before: usize,
    /// Whether each of them was lost while the store was opened.
    is_store_at_fault: bool,
}

impl Boot {
    /// Notes that a start begins. The caller holds the lock of the home. A file that cannot be read or
    /// written is no reason not to start.
    pub(crate) fn begin(home: &Path, clock: &dyn Clock, version: &str) -> Self {
        let path = home.join(FILE_NAME);
        let now_ms = clock.now_ms();
        let mut record = read(&path).unwrap_or_else(|error| {
            warn!(%error, "how the last starts went is not known");
            Record::default()
        });
        // What lies in the future was written under a clock that was wrong.
        let is_recent = |start: &Start| (0..MEMORY_MS).contains(&(now_ms - start.at_ms));
        record.unfinished.retain(is_recent);
        let n_before = record.unfinished.len();
        let is_store_at_fault = n_before > 0
            && record
                .unfinished
                .iter()
                .all(|start| start.stage == Stage::Store);
        if n_before > 0 {
            warn!(
                n_starts = n_before,
                "the daemon did not end as it should before: it was killed, or has a defect"
            );
        }
        record.unfinished.push(Start {
            at_ms: now_ms,
            version: version.to_owned(),
            stage: Stage::Starting,
        });
        let boot = Self {
            path,
            record: Mutex::new(record),
            n_before,
            is_store_at_fault,
        };
        boot.write();
        boot
    }

    /// Unfinished starts before this one, if they are enough for safe mode.
    pub(crate) fn n_too_many(&self) -> Option<usize> {
        (self.n_before + 1 >= SAFE_AT).then_some(self.n_before)
    }

    /// Whether each of the unfinished starts was lost while the store was opened.
    pub(crate) const fn is_store_at_fault(&self) -> bool {
        self.is_store_at_fault
    }

    /// This start has come so far.
    pub(crate) fn reached(&self, stage: Stage) {
        if let Some(this) = self.record.lock().unfinished.last_mut() {
            this.stage = stage;
        }
        self.write();
    }

    /// The daemon has started well, or has ended as it should: nothing is unfinished.
    pub(crate) fn finished(&self) {
        self.record.lock().unfinished.clear();
        self.write();
    }

    /// This start was refused for a reason that another one would meet too, and that was told. It
    /// counts for nothing.
    pub(crate) fn withdrawn(&self) {
        self.record.lock().unfinished.pop();
        self.write();
    }

    fn write(&self) {
        let record = self.record.lock().clone();
        if let Err(error) = write(&self.path, &record) {
            warn!(%error, "how this start goes cannot be noted");
        }
    }
}

/// Waits until the daemon has served long enough.
pub(crate) async fn settle(boot: Arc<Boot>, draining: CancellationToken) {
    tokio::select! {
        () = draining.cancelled() => {}
        () = tokio::time::sleep(WELL) => {
            boot.finished();
            if boot.n_too_many().is_some() {
                info!("the daemon has stayed up; the next start is not in safe mode");
            }
        }
    }
}

fn read(path: &Path) -> io::Result<Record> {
    let file = match fs_err::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
        opened => opened?,
    };
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

/// The old file or the new one, whenever the power goes.
fn write(path: &Path, record: &Record) -> io::Result<()> {
    let next = path.with_extension("json.next");
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    options.options_mut().mode(0o600);
    let mut file = options.open(&next)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    file.sync_data()?;
    fs_err::rename(next, path)
}

#[cfg(test)]
mod tests {
    use owlcoda_types::ManualClock;

    use super::*;

    struct Home {
        dir: tempfile::TempDir,
        clock: ManualClock,
    }

    impl Home {
        fn new() -> Self {
            Self {
                dir: tempfile::tempdir().unwrap(),
                clock: ManualClock::at(1_700_000_000_000),
            }
        }

        fn begin(&self) -> Boot {
            self.clock.advance(1000);
            Boot::begin(self.dir.path(), &self.clock, "1.2.3")
        }
    }

    #[test]
    fn the_third_start_in_a_row_that_nothing_became_of_is_a_safe_one() {
        let home = Home::new();
        assert_eq!(home.begin().n_too_many(), None);
        assert_eq!(home.begin().n_too_many(), None);
        assert_eq!(home.begin().n_too_many(), Some(2));
        assert_eq!(home.begin().n_too_many(), Some(3));
        home.begin().finished();
        assert_eq!(home.begin().n_too_many(), None);
    }

    #[test]
    fn a_start_that_was_refused_and_one_of_long_ago_do_not_count() {
        let home = Home::new();
        for _ in 0..5 {
            home.begin().withdrawn();
        }
        assert_eq!(home.begin().n_too_many(), None);
        assert_eq!(home.begin().n_too_many(), None);
        home.clock.advance(MEMORY_MS);
        assert_eq!(home.begin().n_too_many(), None);
        // A clock that was set back.
        home.clock.advance(-5 * MEMORY_MS);
        assert_eq!(home.begin().n_too_many(), None);
    }

    #[test]
    fn the_store_is_at_fault_where_every_start_was_lost_at_it() {
        let home = Home::new();
        home.begin().reached(Stage::Store);
        home.begin().reached(Stage::Store);
        assert!(home.begin().is_store_at_fault());
        let home = Home::new();
        home.begin().reached(Stage::Store);
        home.begin().reached(Stage::Serving);
        assert!(!home.begin().is_store_at_fault());
    }

    #[test]
    fn a_file_that_is_no_record_is_begun_anew() {
        let home = Home::new();
        let path = home.dir.path().join(FILE_NAME);
        for odd in ["", "{", "[1]", "{\"unfinished\":[{\"at_ms\":\"x\"}]}"] {
            fs_err::write(&path, odd).unwrap();
            assert_eq!(home.begin().n_too_many(), None, "{odd:?}");
            let written = read(&path).unwrap();
            assert_eq!(written.unfinished.len(), 1);
        }
        let mode = std::os::unix::fs::MetadataExt::mode(&fs_err::metadata(&path).unwrap());
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_of_service_is_a_good_start_and_less_is_none() {
        let home = Home::new();
        let boot = Arc::new(home.begin());
        let drain = CancellationToken::new();
        let early = async {
            tokio::time::sleep(WELL / 2).await;
            drain.cancel();
        };
        tokio::join!(settle(Arc::clone(&boot), drain.clone()), early);
        assert_eq!(read(&boot.path).unwrap().unfinished.len(), 1);
        settle(Arc::clone(&boot), CancellationToken::new()).await;
        assert_eq!(read(&boot.path).unwrap(), Record::default());
    }
}
