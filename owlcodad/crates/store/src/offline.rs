//! What is done to a store that no daemon has open: verify, repair, export, import, restore.
//!
//! Blocking, all of it. Each takes the store's lock and says so where another process has it.

mod archive;
mod restore;
mod verify;

use std::path::Path;
use std::sync::Arc;

use owlcoda_types::UnixMs;
use serde::Serialize;

pub(crate) use self::archive::write as write_archive;
pub use self::archive::{Manifest, check_archive, export};
pub use self::restore::{Restored, import, restore};
pub use self::verify::{Verification, verify};

use crate::anchor::{self, Head};
use crate::engine::{Opener, SledOpener, guarded};
use crate::integrity::Findings;
use crate::ledger::{Known, Ledger};
use crate::lock::DirLock;
use crate::recovery::Recovered;
use crate::shared::Shared;
use crate::shelf::Shelf;
use crate::store::{AUDIT, StoreOptions, terms};
use crate::{StoreError, directory, migrate, recovery, vault};

/// What [`repair`] did and left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// What was found wrong while opening; what could be mended without a loss is not among it.
    pub found: Vec<String>,
    /// What the store holds now.
    pub now: Verification,
}

/// Opens the store as the daemon would, which mends what can be mended, sets aside what cannot be
/// opened and brings an older schema up; makes the indexes of finished segments anew; and verifies.
///
/// # Errors
///
/// `Locked`, `NewerSchema`, `Io`.
pub fn repair(dir: &Path, options: &StoreOptions) -> Result<Repaired, StoreError> {
    let opened = Opened::open(dir, options)?;
    for head in opened.shared.shelf.sealed() {
        opened.shared.shelf.forget_index(head.number)?;
        // Also opens the segment, and sets it aside where that is not possible.
        opened.shared.shelf.index(&head)?;
    }
    let found = opened.shared.findings.words();
    opened.close()?;
    let now = verify(dir)?;
    Ok(Repaired { found, now })
}

/// A store that is open without a writer's thread.
pub(crate) struct Opened {
    dir: std::path::PathBuf,
    pub(crate) shared: Shared,
    pub(crate) ledger: Ledger,
    pub(crate) recovered: Recovered,
    #[expect(dead_code, reason = "the lock ends with it")]
    lock: DirLock,
}

impl Opened {
    /// Opens the store in `dir`, or makes it.
    pub(crate) fn open(dir: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        directory::create_private(dir).map_err(StoreError::io("make the store's directory"))?;
        let anchor = read_anchor(dir)?;
        let lock = DirLock::take(dir)?;
        let opener: Arc<dyn Opener> = Arc::new(SledOpener);
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
        let shared = Shared::new(clock, findings, Arc::new(shelf));
        let (engine, recovered) = vault::open(
            dir,
            &*opener,
            options.cache_bytes,
            &anchor,
            &shared.findings,
            &*options.clock,
        )?;
        shared.show_sessions(Ok(engine));
        let mut ledger = Ledger::new(audit, opener, &shared, terms(options));
        let known = Known::of(match &anchor {
            anchor::Anchor::Held(held) => Some(held),
            anchor::Anchor::Missing | anchor::Anchor::Damaged => None,
        });
        guarded(|| ledger.open(known))?;
        Ok(Self {
            dir: dir.to_path_buf(),
            shared,
            ledger,
            recovered,
            lock,
        })
    }

    /// Writes the anchors and lets go of the files.
    pub(crate) fn close(mut self) -> Result<(), StoreError> {
        let (count, _) = self.ledger.sizes();
        let head = Head {
            schema: recovery::SCHEMA_VERSION,
            count,
            last_seq: self.ledger.last_seq(),
            commit: self.recovered.commit,
            first_seq: self.shared.shelf.first_seq(),
        };
        self.ledger
            .write_anchor()
            .and_then(|()| anchor::write(&self.dir, anchor::STORE, &head))
            .map_err(StoreError::io("write the head anchor"))?;
        self.ledger.shut(None);
        self.shared.close_sessions();
        self.shared.shelf.close();
        Ok(())
    }
}

/// The anchor of the store in `dir`; a store of a newer program is refused.
fn read_anchor(dir: &Path) -> Result<anchor::Anchor<Head>, StoreError> {
    let anchor =
        anchor::read(dir, anchor::STORE).map_err(StoreError::io("read the head anchor"))?;
    recovery::refuse_newer(&anchor)?;
    Ok(anchor)
}

/// The name of `dir` with an end that says why it is kept, and since when.
pub(crate) fn kept_name(dir: &Path, why: &str, now_ms: UnixMs) -> std::path::PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{why}-{now_ms}"));
    dir.with_file_name(name)
}
