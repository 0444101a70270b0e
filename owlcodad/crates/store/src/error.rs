//! Why the store did not do what it was asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use owlcoda_types::{ErrorCode, SessionId};

use crate::directory;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the same store open.
    #[error("the store in `{}` is open in another process", dir.display())]
    Locked {
        /// The store's directory.
        dir: PathBuf,
    },
    /// A newer version of this program wrote the store. Nothing was changed.
    #[error(
        "the store has schema version {found}, this program knows versions up to {supported}: \
         run the version that wrote it, or a newer one"
    )]
    NewerSchema {
        /// The version found on disk.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// The engine's files cannot be read as a whole.
    #[error("the store in `{}` is damaged: {detail}", dir.display())]
    Corrupt {
        /// The store's directory.
        dir: PathBuf,
        /// What the engine said.
        detail: String,
    },
    /// One record cannot be read; the others can.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// Which record, in words.
        what: String,
        /// Its sequence number. Reading may go on after it.
        seq: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file operation failed.
    #[error("could not {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said; it names the path.
        #[source]
        source: std::io::Error,
    },
    /// The engine failed for a reason of its own.
    #[error("the storage engine failed: {detail}")]
    Engine {
        /// What the engine said.
        detail: String,
    },
    /// A write failed earlier. Until the store has opened its files again it takes no more.
    #[error("the store takes no writes since one failed: {reason}")]
    Poisoned {
        /// Why the first write failed.
        reason: Arc<str>,
    },
    /// There is something where a new store is to be made.
    #[error("`{}` is not empty: give the path of a directory that is not there yet", dir.display())]
    Occupied {
        /// The directory.
        dir: PathBuf,
    },
    /// The queue of the writer had no room.
    #[error("the store had no room for a record for {} ms", waited.as_millis())]
    NoRoom {
        /// How long it was waited for.
        waited: Duration,
    },
    /// A backup is being made, and one at a time is enough.
    #[error("a backup is being made; wait until it is done")]
    BackupRuns,
    /// A store of an older schema is copied, and there is no room for the copy. Nothing was changed.
    #[error(
        "bringing the store in `{}` to this version needs {needed_bytes} bytes of free disk, and there \
         are {free_bytes}: make room and start again", dir.display()
    )]
    NoSpace {
        /// The store's directory.
        dir: PathBuf,
        /// What the copy may take.
        needed_bytes: u64,
        /// What there is.
        free_bytes: u64,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Another writer was first: the events do not follow the stored head.
    #[error("event {got} of {session} does not follow the stored head {head}")]
    Conflict {
        /// The session.
        session: SessionId,
        /// The stored sequence number of the last event; 0 for a session without events.
        head: u64,
        /// The first sequence number that was offered.
        got: u64,
    },
    /// The call contradicts itself.
    #[error("the events of {session} are not numbered without gaps up to the head of the session")]
    OutOfOrder {
        /// The session.
        session: SessionId,
    },
    /// Something is larger than its limit.
    #[error("{what} has {n_bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        n_bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
}

impl StoreError {
    /// The code that every surface shares.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Locked { .. } | Self::NoRoom { .. } | Self::BackupRuns => ErrorCode::Busy,
            Self::NewerSchema { .. } => ErrorCode::Unsupported,
            Self::Closed => ErrorCode::ShuttingDown,
            Self::Conflict { .. } | Self::Occupied { .. } => ErrorCode::Conflict,
            Self::OutOfOrder { .. } => ErrorCode::InvalidRequest,
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::Corrupt { .. }
            | Self::Damaged { .. }
            | Self::Io { .. }
            | Self::Engine { .. }
            | Self::NoSpace { .. }
            | Self::Poisoned { .. } => ErrorCode::Internal,
        }
    }

    /// Whether there was no room on the disk. There may be some later.
    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if directory::is_full(source))
    }

    /// The message with what the system said.
    pub(crate) fn with_causes(&self) -> String {
        match self {
            Self::Io { source, .. } => format!("{self}: {source}"),
            other => other.to_string(),
        }
    }

    /// For `map_err` on a file operation.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}
