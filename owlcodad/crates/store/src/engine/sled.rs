//! The engine sled 0.34, with what it needs to be durable.
//!
//! - Its `flush` hands pages to the disk but does not wait for the disk's cache, so [`SledEngine`]
//!   syncs its own descriptor of the data file afterwards.
//! - A half-written snapshot, left by a crash at the wrong moment, is taken for the newest one. It
//!   is removed before opening: the rename that would have made it valid did not happen.
//! - A damaged snapshot refuses the whole database, and without one the log is read from its
//!   beginning, up to the first hole. Opening may make such a hole: it frees segments that the
//!   snapshot has made superfluous, also between those of one large commit. So a copy of the
//!   snapshot is kept, which stands in for a snapshot that is damaged or gone. Only without a good
//!   copy is the log read alone; what that loses, recovery reports.
//! - A crash while the database is made can leave a half-written `conf`; without a data file it
//!   stands for nothing and is removed.
//! - `conf` refuses the database when it is damaged, and has the same bytes in each of ours. So it is
//!   written anew.
//! - Tasks on its threads hold the data file and its lock for a moment after the last handle is gone.
//!   Dropping waits for them, so that the store can be opened again at once.
//! - It may panic on damage. The callers use [`guarded`].
//! - The periodic flusher stays on where something is written: free segments are found only there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_err::File;
use tracing::warn;

use super::{Batch, Engine, EngineError, Opener, Purpose, Visit, guarded};
use crate::directory;

/// What `conf` of every database that we make has in it: its checksum is the end.
const CONF: &[u8; 62] =
    b"segment_size: 524288\nuse_compression: false\nversion: 0.34\n\x76\x19\x51\xc1";

/// How often sled's own thread writes out and frees segments.
const FLUSH_EVERY_MS: u64 = 500;

/// How long dropping waits for sled's own threads to let go of the data file.
const UNLOCK_WAIT: Duration = Duration::from_secs(10);
/// With less room than this an engine that does not open is not taken for damaged.
const LEAST_FREE_BYTES: u64 = 2 << 20;
/// Start of the names of snapshots that were moved aside.
const ASIDE: &str = "aside-";
/// Start of the name of the snapshot's copy.
const COPY: &str = "copy-";
/// End of the name of a copy that is not whole yet.
const UNFINISHED: &str = "unfinished";
/// Start of the names of snapshots, as sled gives them.
const SNAPSHOT: &str = "snap.";

/// Opens sled databases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SledOpener;

impl Opener for SledOpener {
    fn open(
        &self,
        dir: &Path,
        cache_bytes: u64,
        purpose: Purpose,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        let flush_every_ms = match purpose {
            Purpose::Writing => Some(FLUSH_EVERY_MS),
            Purpose::Reading => None,
        };
        let engine = SledEngine::open(dir, cache_bytes, flush_every_ms)?;
        Ok(Arc::new(engine))
    }
}

/// A sled database whose [`Engine::sync`] is a real one.
struct SledEngine {
    /// `None` only while it is dropped.
    db: Option<sled::Db>,
    /// Our own descriptor of the data file; syncing any descriptor syncs the file.
    data: File,
}

impl SledEngine {
    /// Opens or makes the database in `dir`, and syncs what that made.
    fn open(
        dir: &Path,
        cache_bytes: u64,
        flush_every_ms: Option<u64>,
    ) -> Result<Self, EngineError> {
        refuse_if_locked(dir)?;
        remove_unfinished(dir)?;
        mend_conf(dir)?;
        if files_named(dir, SNAPSHOT)?.is_empty() && restore_snapshot(dir)? {
            warn!("snapshot is gone, using its copy");
        }
        let mut opened = try_open(dir, cache_bytes, flush_every_ms);
        for use_copy in [true, false] {
            let Err(EngineError::Corrupt(detail)) = &opened else {
                break;
            };
            if move_snapshots_aside(dir)? == 0 {
                break;
            }
            if use_copy && restore_snapshot(dir)? {
                warn!(detail, "snapshot is damaged, using its copy");
            } else {
                warn!(detail, "snapshot is damaged, reading the whole log");
            }
            if let Ok(data) = File::open(data_path(dir)) {
                wait_for_unlock(&data);
            }
            opened = try_open(dir, cache_bytes, flush_every_ms);
        }
        let db = opened.map_err(|error| unless_full(dir, error))?;
        keep_copy(dir)?;
        let data = File::open(data_path(dir)).map_err(EngineError::Io)?;
        directory::sync_tree(dir).map_err(EngineError::Io)?;
        Ok(Self { db: Some(db), data })
    }

    fn db(&self) -> Result<&sled::Db, EngineError> {
        let closed = || EngineError::Defect("the engine is closed".to_owned());
        self.db.as_ref().ok_or_else(closed)
    }
}

impl Drop for SledEngine {
    fn drop(&mut self) {
        drop(self.db.take());
        wait_for_unlock(&self.data);
    }
}

/// Returns once sled's own threads have let go of the data file. `data` is another open file than
/// sled's, so its lock, which ends with it, tells.
fn wait_for_unlock(data: &File) {
    let started = Instant::now();
    while data.file().try_lock().is_err() && started.elapsed() < UNLOCK_WAIT {
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Engine for SledEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.db()?.get(key)?.map(|value| value.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), EngineError> {
        // An empty range is an ordinary question here, but a panic in some maps.
        if from >= to {
            return Ok(());
        }
        for entry in self.db()?.range(from..to) {
            let (key, value) = entry?;
            if visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        let mut writes = sled::Batch::default();
        for (key, value) in batch.entries {
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        Ok(self.db()?.apply_batch(writes)?)
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.db()?.flush()?;
        self.data.sync_data().map_err(EngineError::Io)
    }

    fn size_bytes(&self) -> u64 {
        self.data.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl std::fmt::Debug for SledEngine {
    // sled's own would print every entry.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledEngine").finish_non_exhaustive()
    }
}

impl From<sled::Error> for EngineError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(source) if source.to_string().contains("could not acquire lock") => {
                Self::Locked
            }
            // In sled's words it is the text of a value of ours in Rust.
            sled::Error::Io(source) if directory::is_full(&source) => {
                Self::Io(source.kind().into())
            }
            sled::Error::Io(source) => Self::Io(source),
            sled::Error::Corruption { .. } => Self::Corrupt(error.to_string()),
            sled::Error::Unsupported(words) => Self::Unsupported(words),
            other => Self::Defect(other.to_string()),
        }
    }
}

/// An engine that could not write when it was opened may say anything. Without room that is no damage.
fn unless_full(dir: &Path, error: EngineError) -> EngineError {
    let is_full = directory::free_bytes(dir).is_some_and(|n_bytes| n_bytes < LEAST_FREE_BYTES);
    if is_full && error.is_damage() {
        return EngineError::Io(io::ErrorKind::StorageFull.into());
    }
    error
}

fn data_path(dir: &Path) -> PathBuf {
    dir.join("db")
}

fn try_open(
    dir: &Path,
    cache_bytes: u64,
    flush_every_ms: Option<u64>,
) -> Result<sled::Db, EngineError> {
    let config = sled::Config::new()
        .path(dir)
        .mode(sled::Mode::LowSpace)
        .cache_capacity(cache_bytes)
        .flush_every_ms(flush_every_ms);
    let opened = guarded(|| match config.open() {
        Ok(db) => Ok(db),
        // A snapshot that is cut short ends in this error of the file, not in sled's own.
        Err(sled::Error::Io(source)) if source.kind() == io::ErrorKind::UnexpectedEof => {
            Err(EngineError::Corrupt(source.to_string()))
        }
        Err(error) => Err(error.into()),
    });
    // What sled calls a defect of its own is, on opening, as a rule a damaged file; a panic too.
    opened.map_err(|error| match error {
        EngineError::Defect(detail) => EngineError::Corrupt(detail),
        other => other,
    })
}

/// Looks at sled's lock before anything is removed that its holder may be about to rename.
fn refuse_if_locked(dir: &Path) -> Result<(), EngineError> {
    let data = match File::open(data_path(dir)) {
        Ok(data) => data,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(EngineError::Io(error)),
    };
    // Given back when `data` is dropped; sled takes it again for itself.
    match data.file().try_lock() {
        Ok(()) => Ok(()),
        Err(std::fs::TryLockError::WouldBlock) => Err(EngineError::Locked),
        Err(std::fs::TryLockError::Error(error)) => Err(EngineError::Io(error)),
    }
}

fn remove_unfinished(dir: &Path) -> Result<(), EngineError> {
    for path in files_named(dir, SNAPSHOT)? {
        if path.extension().is_some_and(|end| end == "generating") {
            fs_err::remove_file(path).map_err(EngineError::Io)?;
        }
    }
    let has_data = fs_err::metadata(data_path(dir)).is_ok_and(|metadata| metadata.len() > 0);
    if !has_data {
        match fs_err::remove_file(dir.join("conf")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(EngineError::Io(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Puts `conf` right, if there is a data file that needs it.
fn mend_conf(dir: &Path) -> Result<(), EngineError> {
    let conf = dir.join("conf");
    if !data_path(dir).exists() || fs_err::read(&conf).is_ok_and(|found| found == CONF) {
        return Ok(());
    }
    warn!("the engine's `conf` is damaged or gone, writing it anew");
    directory::replace_file(dir, "conf", CONF).map_err(EngineError::Io)
}

fn move_snapshots_aside(dir: &Path) -> Result<usize, EngineError> {
    let snapshots = files_named(dir, SNAPSHOT)?;
    for path in &snapshots {
        let aside = dir.join(format!("{ASIDE}{}", name_of(path)));
        fs_err::rename(path, aside).map_err(EngineError::Io)?;
    }
    Ok(snapshots.len())
}

/// Copies the snapshot that sled has just written or read, so that damage to it loses nothing.
fn keep_copy(dir: &Path) -> Result<(), EngineError> {
    let Some(newest) = files_named(dir, SNAPSHOT)?.into_iter().max() else {
        return Ok(());
    };
    let copy = dir.join(format!("{COPY}{}", name_of(&newest)));
    // Snapshots of one name are the same: it is the place in the log up to which they tell.
    let lengths = [&newest, &copy].map(|path| fs_err::metadata(path).map(|file| file.len()).ok());
    if lengths[0] != lengths[1] {
        copy_whole(&newest, &copy)?;
    }
    for old in files_named(dir, COPY)? {
        if old != copy {
            fs_err::remove_file(old).map_err(EngineError::Io)?;
        }
    }
    Ok(())
}

/// Puts the copy in the place of the snapshot; false if there is none.
fn restore_snapshot(dir: &Path) -> Result<bool, EngineError> {
    let copies = files_named(dir, COPY)?;
    let newest = copies
        .iter()
        .filter(|path| path.extension().is_none_or(|end| end != UNFINISHED))
        .max();
    let Some(copy) = newest else {
        return Ok(false);
    };
    let name = name_of(copy);
    copy_whole(copy, &dir.join(name.trim_start_matches(COPY)))?;
    Ok(true)
}

/// Makes `to` the same as `from`; a crash leaves it whole or absent.
fn copy_whole(from: &Path, to: &Path) -> Result<(), EngineError> {
    let unfinished = to.with_file_name(format!("{COPY}{}.{UNFINISHED}", name_of(to)));
    fs_err::copy(from, &unfinished)
        .and_then(|_| File::open(&unfinished)?.sync_all())
        .and_then(|()| fs_err::rename(&unfinished, to))
        .map_err(EngineError::Io)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The files of `dir` whose names begin with `start`.
fn files_named(dir: &Path, start: &str) -> Result<Vec<PathBuf>, EngineError> {
    let mut paths = Vec::new();
    for entry in fs_err::read_dir(dir).map_err(EngineError::Io)? {
        let entry = entry.map_err(EngineError::Io)?;
        if entry.file_name().to_string_lossy().starts_with(start) {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}
