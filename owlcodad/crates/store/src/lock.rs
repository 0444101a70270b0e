//! The lock of a store's directory: one process has a store open, whatever it has open of it.

use std::fs::{OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::StoreError;

/// Name of the file that is locked. It stays; the lock ends with the process.
pub(crate) const NAME: &str = "lock";

/// Held while the store is open.
#[derive(Debug)]
pub(crate) struct DirLock(#[expect(dead_code, reason = "the lock ends with it")] std::fs::File);

impl DirLock {
    /// Takes the lock of `dir`, or says that another process has it.
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join(NAME))
            .map_err(StoreError::io("open the store's lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
                dir: dir.to_path_buf(),
            }),
            Err(TryLockError::Error(source)) => Err(StoreError::Io {
                action: "lock the store",
                source,
            }),
        }
    }
}
