//! Opening, closing, and what the store says about itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use owlcoda_types::{Clock, SystemClock, UnixMs};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::anchor::{self, Anchor};
use crate::audit::Audit;
use crate::engine::{Engine, EngineError, SledEngine, guarded};
use crate::integrity::{Findings, Integrity};
use crate::queue::Queue;
use crate::sessions::Sessions;
use crate::writer::{Progress, Shared, Writer};
use crate::{StoreError, directory, recovery};

/// Most reads at a time; others wait. The engine reads from one disk and the pool is shared.
const MAX_READERS: usize = 8;

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Memory for the engine's cache. It takes up to twice as much in use.
    pub cache_bytes: u64,
    /// Tells the time of commits.
    pub clock: Arc<dyn Clock>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            clock: Arc::new(SystemClock),
        }
    }
}

/// What the store says about itself. As of the last commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStats {
    /// Audit records in the store.
    pub n_audit_records: u64,
    /// Audit records that found no room or could not be written, since the store was opened.
    pub n_audit_dropped: u64,
    /// Number of the newest audit record; 0 without any.
    pub last_audit_seq: u64,
    /// Sessions in the store.
    pub n_sessions: u64,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Commits since the store was made.
    pub n_commits: u64,
    /// When the last commit since the store was opened was made.
    pub last_commit_at_ms: Option<UnixMs>,
    /// Whether anything is known to be wrong.
    pub integrity: Integrity,
}

/// Sessions and audit on disk. Clones are the same store.
///
/// Call [`Self::close`] at the end. A store that is only dropped still writes what was queued, but
/// nobody waits for it.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

impl Store {
    /// Opens the store in `dir`, or makes it with mode 0700. Blocking, up to seconds for a large
    /// store: call it where that is allowed.
    ///
    /// # Errors
    ///
    /// `Locked` if another process has it open, `NewerSchema` if a newer version wrote it (nothing is
    /// changed then), `Corrupt` if the engine's files cannot be read as a whole, `Io` also on a full
    /// disk, because the engine writes a snapshot at opening. Lost or damaged records are no error
    /// here: [`StoreStats::integrity`] names them.
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        directory::create_private(dir).map_err(StoreError::io("make the store's directory"))?;
        let anchor = anchor::read(dir).map_err(StoreError::io("read the head anchor"))?;
        recovery::refuse_newer(&anchor)?;
        let engine = SledEngine::open(dir, options.cache_bytes).map_err(|error| match error {
            EngineError::Locked => StoreError::Locked {
                dir: dir.to_path_buf(),
            },
            EngineError::Corrupt(detail) => StoreError::Corrupt {
                dir: dir.to_path_buf(),
                detail,
            },
            EngineError::Io(source) => StoreError::Io {
                action: "open the store",
                source,
            },
            other => other.into(),
        })?;
        Self::start(Arc::new(engine), dir, &anchor, options)
    }

    /// Recovers what `engine` holds and starts the writer.
    pub(crate) fn start(
        engine: Arc<dyn Engine>,
        dir: &Path,
        anchor: &Anchor,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        let findings = Findings::default();
        let recovered = guarded(|| recovery::recover(&*engine, anchor, &findings))?;

        let shared = Arc::new(Shared {
            clock: options.clock,
            findings,
            n_audit_dropped: AtomicU64::new(0),
            progress: Mutex::new(Progress::default()),
        });
        let (queue, receiver) = Queue::new();
        let mut writer = Writer::new(
            Arc::clone(&engine),
            dir.to_path_buf(),
            Arc::clone(&shared),
            recovered,
        );
        // Before the first acknowledgement. A full disk does not keep what is there from being read.
        writer.write_anchor();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(StoreError::io("start the store's writer thread"))?;
        queue.set_writer(thread.thread().clone());
        Ok(Self {
            inner: Arc::new(Inner {
                queue,
                shared,
                engine: RwLock::new(Some(engine)),
                readers: Arc::new(Semaphore::new(MAX_READERS)),
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// The audit of model calls.
    pub fn audit(&self) -> Audit {
        Audit::new(Arc::clone(&self.inner))
    }

    /// The sessions and their events.
    pub fn sessions(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.inner))
    }

    /// What the store says about itself. Cheap: no file is looked at.
    pub fn stats(&self) -> StoreStats {
        let shared = &self.inner.shared;
        let progress = *shared.progress.lock();
        StoreStats {
            n_audit_records: progress.head.count,
            n_audit_dropped: shared.n_audit_dropped.load(Ordering::Relaxed),
            last_audit_seq: progress.head.last_seq,
            n_sessions: progress.n_sessions,
            size_bytes: progress.size_bytes,
            n_commits: progress.head.commit,
            last_commit_at_ms: progress.last_commit_at_ms,
            integrity: shared.findings.integrity(),
        }
    }

    /// Takes no more writes, makes what was queued durable, and lets go of the files; after it the
    /// store can be opened again. Waits for reads that are under way. A second call waits for the
    /// first.
    pub async fn close(&self) {
        let inner = Arc::clone(&self.inner);
        if let Err(error) = spawn_blocking(move || inner.close()).await {
            warn!(%error, "store did not close in order");
        }
    }
}

/// What the store and its parts share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) queue: Queue,
    pub(crate) shared: Arc<Shared>,
    /// `None` once closed. A read holds the lock to its end, so that closing waits for it.
    engine: RwLock<Option<Arc<dyn Engine>>>,
    readers: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Inner {
    /// Runs `question` on the blocking pool, where the engine may take its time.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&dyn Engine, &Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Held by the closure: a caller that went away does not free a place that is still used.
        let place = Arc::clone(&self.readers)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let inner = Arc::clone(self);
        let answer = spawn_blocking(move || {
            let _place = place;
            let engine = inner.engine.read();
            match &*engine {
                Some(engine) => guarded(|| question(&**engine, &inner.shared)),
                None => Err(StoreError::Closed),
            }
        });
        let answer = answer.await.unwrap_or_else(|error| {
            Err(StoreError::Engine {
                detail: error.to_string(),
            })
        });
        if let Err(error @ StoreError::Engine { .. }) = &answer {
            self.shared.findings.report(error.to_string());
        }
        answer
    }

    fn close(&self) {
        self.queue.close();
        // Held while joining, so that a second call waits too.
        let mut thread = self.thread.lock();
        if thread.take().is_some_and(|thread| thread.join().is_err()) {
            self.shared.findings.report("the writer thread panicked");
        }
        self.engine.write().take();
    }
}
