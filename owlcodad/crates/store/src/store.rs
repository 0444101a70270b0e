//! Opening, closing, and what the store says about itself.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use owlcoda_types::{Clock, SystemClock, UnixMs};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::anchor::{self, Anchor, Head};
use crate::audit::Audit;
use crate::engine::{Engine, Opener, SledOpener, guarded};
use crate::integrity::{Findings, Integrity};
use crate::ledger::{Known, Ledger, Terms};
use crate::lock::DirLock;
use crate::notes::Notes;
use crate::offline::{self, Manifest};
use crate::queue::Queue;
use crate::sessions::Sessions;
use crate::shared::Shared;
use crate::shelf::Shelf;
use crate::writer::{Parts, Writer};
use crate::{StoreError, directory, migrate, recovery, vault};

/// Most reads at a time; others wait. The engine reads from one disk and the pool is shared.
const MAX_READERS: usize = 8;

/// Name of the audit's directory in the store's.
pub(crate) const AUDIT: &str = "audit";

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Memory for the cache of the sessions' engine. It takes up to twice as much in use.
    pub cache_bytes: u64,
    /// A segment of the audit ends once it has this many bytes on disk, and with the month.
    pub segment_bytes: u64,
    /// Whole segments of the audit go once their newest record is this old; `None` keeps them.
    pub max_audit_age_ms: Option<UnixMs>,
    /// The oldest segments of the audit go while all of them have more bytes; `None` keeps them.
    pub max_audit_bytes: Option<u64>,
    /// Tells the time of commits, and when a month ends.
    pub clock: Arc<dyn Clock>,
    /// What to do where the thread that writes ends by a defect of ours. Nothing would be written any
    /// more, and nobody who waits would be answered: it should not return.
    pub on_defect: fn(),
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            // About a million records: it opens in well under a second, wherever it was cut off.
            segment_bytes: 128 << 20,
            max_audit_age_ms: None,
            max_audit_bytes: None,
            clock: Arc::new(SystemClock),
            on_defect: || std::process::abort(),
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
    /// Number of the oldest audit record that is kept.
    pub first_audit_seq: u64,
    /// Number of the newest audit record; 0 without any.
    pub last_audit_seq: u64,
    /// Segments of the audit.
    pub n_segments: u64,
    /// Sessions in the store.
    pub n_sessions: u64,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Commits since the store was made.
    pub n_commits: u64,
    /// When the last commit since the store was opened was made.
    pub last_commit_at_ms: Option<UnixMs>,
    /// How often a part of the store could not be written, since the store was opened.
    pub n_outages: u64,
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
    /// store, and longer where a store of an older version is brought to this one: call it where that
    /// is allowed.
    ///
    /// # Errors
    ///
    /// `Locked` if another process has it open, `NewerSchema` if a newer version wrote it (nothing is
    /// changed then), `Io` if the files cannot be used. Damage is no error, nor is a full disk: what
    /// cannot be read is set aside, what cannot be written is tried again, and
    /// [`StoreStats::integrity`] says so.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "whoever opens a store has nothing else to do with them"
    )]
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        Self::open_with(Arc::new(SledOpener), dir, &options)
    }

    /// Opens the store on the engines of `opener`.
    pub(crate) fn open_with(
        opener: Arc<dyn Opener>,
        dir: &Path,
        options: &StoreOptions,
    ) -> Result<Self, StoreError> {
        directory::create_private(dir).map_err(StoreError::io("make the store's directory"))?;
        let anchor = anchor::read::<Head>(dir, anchor::STORE)
            .map_err(StoreError::io("read the head anchor"))?;
        recovery::refuse_newer(&anchor)?;
        let lock = DirLock::take(dir)?;
        let findings = Arc::new(Findings::default());
        let anchor = migrate::bring_up(&opener, dir, anchor, options, &findings)?;

        let clock = Arc::clone(&options.clock);
        let audit = dir.join(AUDIT);
        let shelf = Shelf::new(
            &audit,
            Arc::clone(&opener),
            Arc::clone(&clock),
            Arc::clone(&findings),
        );
        let shelf = Arc::new(shelf);
        let shared = Arc::new(Shared::new(clock, findings, shelf));
        let held = match anchor {
            Anchor::Held(held) => Some(held),
            Anchor::Missing | Anchor::Damaged => None,
        };
        let sessions = open_sessions(&*opener, dir, options, &anchor, &shared);
        let sessions = unless_full(sessions)?;
        let mut ledger = Ledger::new(audit, Arc::clone(&opener), &shared, terms(options));
        let known = Known::of(held.as_ref());
        let opened = unless_full(guarded(|| ledger.open(known)))?;

        let on_defect = options.on_defect;
        let (queue, receiver) = Queue::new();
        let mut writer = Writer::new(Parts {
            dir: dir.to_path_buf(),
            opener,
            cache_bytes: options.cache_bytes,
            shared: Arc::clone(&shared),
            sessions,
            ledger,
            ledger_error: opened.err(),
            head: held.unwrap_or_default(),
        });
        // Before the first acknowledgement. A full disk does not keep what is there from being read.
        writer.write_anchor();
        let opened_after_seq = shared.progress.lock().head.last_seq;
        // Also where the audit cannot be opened yet.
        shared.newest.send_replace(opened_after_seq);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let writing = AssertUnwindSafe(|| writer.run(&receiver));
                if let Err(panic) = catch_unwind(writing) {
                    on_defect();
                    resume_unwind(panic);
                }
            })
            .map_err(StoreError::io("start the store's writer thread"))?;
        queue.set_writer(thread.thread().clone());
        Ok(Self {
            inner: Arc::new(Inner {
                queue,
                shared,
                dir: dir.to_path_buf(),
                opened_after_seq,
                readers: Arc::new(Semaphore::new(MAX_READERS)),
                backups: Arc::new(Semaphore::new(1)),
                removals: Arc::default(),
                running: Mutex::new(Some(Running { thread, lock })),
                notes: Notes::of(dir),
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

    /// Small documents beside all that.
    pub fn notes(&self) -> Notes {
        self.inner.notes.clone()
    }

    /// What the store says about itself. Cheap: no file is looked at.
    pub fn stats(&self) -> StoreStats {
        let shared = &self.inner.shared;
        let progress = *shared.progress.lock();
        StoreStats {
            n_audit_records: progress.head.count,
            n_audit_dropped: shared.n_audit_dropped.load(Ordering::Relaxed),
            first_audit_seq: progress.head.first_seq,
            last_audit_seq: progress.head.last_seq,
            n_segments: progress.n_segments,
            n_sessions: progress.n_sessions,
            size_bytes: progress.session_bytes + progress.audit_bytes,
            n_commits: progress.head.commit + progress.audit_commit,
            last_commit_at_ms: progress.last_commit_at_ms,
            n_outages: shared.n_outages.load(Ordering::Relaxed),
            integrity: shared.integrity(),
        }
    }

    /// How long the thread that writes is at its present piece of work, such as one commit; nothing
    /// while it waits for one. Cheap.
    pub fn writer_labour(&self) -> Duration {
        self.inner.shared.labour()
    }

    /// Writes an archive of everything that was durable when this was called to `out`, while the store
    /// goes on: the audit up to its last record of then, each conversation with as many events as its
    /// state says. Lines are counted in `n_lines` as they are written. One at a time.
    ///
    /// # Errors
    ///
    /// `BackupRuns`, `Poisoned` while not everything is durable, `Io` where `out` takes no more.
    pub async fn backup(
        &self,
        out: impl Write + Send + 'static,
        n_lines: Arc<AtomicU64>,
    ) -> Result<Manifest, StoreError> {
        let turn = Arc::clone(&self.inner.backups).try_acquire_owned();
        let turn = turn.map_err(|_| StoreError::BackupRuns)?;
        let quiet = Arc::clone(&self.inner.removals).write_owned().await;
        // What was queued before is in it.
        self.audit().flush().await?;
        let end_seq = self.stats().last_audit_seq + 1;
        let write = move |shared: &Shared| {
            let _held = (turn, quiet);
            offline::write_archive(shared, Some(end_seq), out, &n_lines)
        };
        self.inner.read(write).await
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

/// The limits of the audit.
pub(crate) const fn terms(options: &StoreOptions) -> Terms {
    Terms {
        segment_bytes: options.segment_bytes,
        max_age_ms: options.max_audit_age_ms,
        max_bytes: options.max_audit_bytes,
    }
}

fn open_sessions(
    opener: &dyn Opener,
    dir: &Path,
    options: &StoreOptions,
    anchor: &Anchor<Head>,
    shared: &Shared,
) -> Result<(Arc<dyn Engine>, recovery::Recovered), StoreError> {
    let clock = &*options.clock;
    guarded(|| {
        vault::open(
            dir,
            opener,
            options.cache_bytes,
            anchor,
            &shared.findings,
            clock,
        )
    })
}

/// A full disk is an error that passes; the outer one does not.
fn unless_full<T>(result: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match result {
        Err(error) if !error.is_disk_full() => Err(error),
        result => Ok(result),
    }
}

/// What the store and its parts share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) queue: Queue,
    pub(crate) shared: Arc<Shared>,
    pub(crate) dir: PathBuf,
    /// Number of the newest audit record of before.
    pub(crate) opened_after_seq: u64,
    readers: Arc<Semaphore>,
    /// Held by the backup that is being made.
    backups: Arc<Semaphore>,
    /// Read by whoever removes a session, held alone by a backup.
    pub(crate) removals: Arc<tokio::sync::RwLock<()>>,
    /// `None` once closed.
    running: Mutex<Option<Running>>,
    notes: Notes,
}

/// What ends with the store.
#[derive(Debug)]
struct Running {
    thread: JoinHandle<()>,
    lock: DirLock,
}

impl Inner {
    /// Runs `question` on the blocking pool, where the engine may take its time.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Held by the closure: a caller that went away does not free a place that is still used.
        let place = Arc::clone(&self.readers)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let inner = Arc::clone(self);
        let answer = spawn_blocking(move || {
            let _place = place;
            guarded(|| question(&inner.shared))
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

    /// Runs `question` to the sessions' engine on the blocking pool.
    pub(crate) async fn read_sessions<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&dyn Engine, &Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.read(move |shared| shared.with_sessions(|engine| question(engine, shared)))
            .await
    }

    fn close(&self) {
        self.queue.close();
        // Held while joining, so that a second call waits too.
        let mut running = self.running.lock();
        let Some(Running { thread, lock }) = running.take() else {
            return;
        };
        if thread.join().is_err() {
            self.shared.findings.report("the writer thread panicked");
        }
        self.shared.close_sessions();
        self.shared.shelf.close();
        drop(lock);
    }
}
