//! An engine without a disk, for tests: it can be told to fail, and to hold a sync back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use parking_lot::Mutex;

use super::{Batch, Engine, EngineError, Opener, Purpose, Visit};

/// Opens the same engine in the same directory each time, as a disk would.
#[derive(Debug, Default)]
pub(crate) struct MemoryOpener {
    engines: Mutex<BTreeMap<PathBuf, Arc<MemoryEngine>>>,
    /// While it is there opening fails with a full disk.
    pub(crate) is_full: AtomicBool,
}

impl MemoryOpener {
    /// The engine in `dir`.
    pub(crate) fn engine(&self, dir: &Path) -> Arc<MemoryEngine> {
        Arc::clone(self.engines.lock().entry(dir.to_path_buf()).or_default())
    }
}

impl Opener for MemoryOpener {
    fn open(&self, dir: &Path, _: u64, _: Purpose) -> Result<Arc<dyn Engine>, EngineError> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(disk_full());
        }
        Ok(self.engine(dir))
    }
}

/// What the test may hold: a message when a sync begins, and the leave to end it.
#[derive(Debug)]
pub(crate) struct SyncGate {
    pub(crate) began: Receiver<()>,
    pub(crate) leave: SyncSender<()>,
}

#[derive(Debug, Default)]
pub(crate) struct MemoryEngine {
    entries: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    gate: Mutex<Option<(SyncSender<()>, Receiver<()>)>>,
    pub(crate) failure: Mutex<Option<Failure>>,
    /// The number of syncs that ended well.
    pub(crate) n_syncs: Mutex<usize>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Apply,
    Sync,
    Panic,
}

impl MemoryEngine {
    /// From now on every sync says that it began and waits for the leave to end.
    pub(crate) fn gate(&self) -> SyncGate {
        let (began_tx, began) = sync_channel(16);
        let (leave, leave_rx) = sync_channel(16);
        *self.gate.lock() = Some((began_tx, leave_rx));
        SyncGate { began, leave }
    }

    /// Loses the entry under `key`.
    pub(crate) fn remove(&self, key: &[u8]) {
        self.entries.lock().remove(key);
    }
}

fn disk_full() -> EngineError {
    EngineError::Io(std::io::Error::from(std::io::ErrorKind::StorageFull))
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.entries.lock().get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), EngineError> {
        if from >= to {
            return Ok(());
        }
        let entries = self.entries.lock();
        for (key, value) in entries.range(from.to_vec()..to.to_vec()) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        match *self.failure.lock() {
            Some(Failure::Apply) => return Err(disk_full()),
            Some(Failure::Panic) => std::panic::panic_any("tried to serialize Uninitialized"),
            _ => {}
        }
        let mut entries = self.entries.lock();
        for (key, value) in batch.entries {
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        if let Some((began, leave)) = &*self.gate.lock() {
            let _ = began.send(());
            let _ = leave.recv();
        }
        if matches!(*self.failure.lock(), Some(Failure::Sync)) {
            return Err(disk_full());
        }
        *self.n_syncs.lock() += 1;
        Ok(())
    }

    fn size_bytes(&self) -> u64 {
        self.entries
            .lock()
            .iter()
            .map(|(key, value)| (key.len() + value.len()) as u64)
            .sum()
    }
}
