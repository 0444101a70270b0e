//! What the store asks of an engine: an ordered map with atomic batches and a real sync.
//!
//! Everything else (numbers, checksums, group commit, limits) is ours, so that an engine can be
//! replaced by writing this trait once more.

mod sled;

#[cfg(test)]
pub(crate) mod memory;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

pub(crate) use self::sled::SledOpener;
use crate::directory;

/// Opens engines, so that the store can open one again after a failure, and a test a double.
pub(crate) trait Opener: Send + Sync + std::fmt::Debug {
    /// Opens or makes the engine in `dir`, which exists. Blocking.
    fn open(
        &self,
        dir: &Path,
        cache_bytes: u64,
        purpose: Purpose,
    ) -> Result<Arc<dyn Engine>, EngineError>;
}

/// What an engine is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading and writing.
    Writing,
    /// Reading alone; it needs no thread of its own.
    Reading,
}

/// An ordered map of bytes on disk.
pub(crate) trait Engine: Send + Sync + std::fmt::Debug {
    /// The value under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// Shows `visit` every entry with `from <= key < to`, in order, until it breaks.
    ///
    /// Not a snapshot: entries written meanwhile may or may not be seen.
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), EngineError>;

    /// Writes all of `batch` or nothing, also across a crash. Durable only after [`Self::sync`].
    fn apply(&self, batch: Batch) -> Result<(), EngineError>;

    /// Returns once everything applied before would survive a power cut.
    fn sync(&self) -> Result<(), EngineError>;

    /// Bytes that the data takes on disk. Cheap.
    fn size_bytes(&self) -> u64;
}

/// Is shown a key and its value, and says whether to go on.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Entries to write together, or to take away. The last value of a key wins.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    entries: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    n_bytes: usize,
}

impl Batch {
    pub(crate) fn insert(&mut self, key: impl Into<Vec<u8>>, value: Vec<u8>) {
        let key = key.into();
        self.n_bytes += key.len() + value.len();
        self.entries.push((key, Some(value)));
    }

    /// Takes away what is under `key`, if anything is.
    pub(crate) fn remove(&mut self, key: impl Into<Vec<u8>>) {
        let key = key.into();
        self.n_bytes += key.len();
        self.entries.push((key, None));
    }

    /// Takes back what was added under keys that begin so.
    pub(crate) fn forget(&mut self, prefix: &[u8]) {
        self.entries.retain(|(key, _)| !key.starts_with(prefix));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all keys and values.
    pub(crate) const fn n_bytes(&self) -> usize {
        self.n_bytes
    }
}

/// Why an engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    #[error("another process has it open")]
    Locked,
    #[error("{0}")]
    Corrupt(String),
    #[error("{0}")]
    Io(std::io::Error),
    /// Its files are of a form that it does not read.
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Defect(String),
}

impl EngineError {
    /// Whether the files themselves are what is wrong: another attempt, another user or more room
    /// would not help.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Locked => false,
            Self::Corrupt(_) | Self::Unsupported(_) | Self::Defect(_) => true,
            Self::Io(source) => directory::is_damage(source),
        }
    }

    /// The error of a write that did not succeed.
    pub(crate) fn of_write(self) -> crate::StoreError {
        match self {
            Self::Io(source) => crate::StoreError::Io {
                action: "write to the store",
                source,
            },
            other => other.into(),
        }
    }

    /// The error of the store whose engine in `dir` could not be opened.
    pub(crate) fn at(self, dir: &Path) -> crate::StoreError {
        match self {
            Self::Locked => crate::StoreError::Locked {
                dir: dir.to_path_buf(),
            },
            Self::Io(source) => crate::StoreError::Io {
                action: "open the store",
                source,
            },
            other => other.into(),
        }
    }
}

/// Runs `call`, which uses an engine; a panic in it is an error, not the end of the thread.
///
/// An engine may panic on damage. Whoever writes does not go on after an error, so that a state that
/// was left half-changed does no harm.
pub(crate) fn guarded<T, E: From<EngineError>>(
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no words");
        let words = format!("the engine panicked: {words}");
        Err(EngineError::Defect(words).into())
    })
}

impl From<EngineError> for crate::StoreError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Io(source) => Self::Io {
                action: "read the store",
                source,
            },
            other => Self::Engine {
                detail: other.to_string(),
            },
        }
    }
}
