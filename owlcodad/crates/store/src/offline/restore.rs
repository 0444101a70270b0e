//! An archive becomes a store again.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::archive::{Line, Manifest, check_archive, read};
use super::verify::{Verification, verify};
use super::{Opened, kept_name};
use crate::audit::AuditRecord;
use crate::block::Entry;
use crate::commit::Totals;
use crate::engine::{Batch, guarded};
use crate::sessions::{SessionMeta, SessionWrite, StoredEvent};
use crate::store::StoreOptions;
use crate::{StoreError, directory, key};

/// Audit records of one commit.
const N_RECORDS: usize = 256;
/// Bytes of one commit of events.
const N_BYTES: usize = 1 << 20;

/// What [`restore`] did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// What the archive held.
    pub manifest: Manifest,
    /// What the store holds now.
    pub now: Verification,
    /// Where the store of before is kept, if there was one.
    pub kept: Option<PathBuf>,
}

/// Makes a store in `dir`, where there is none, of what is in `archive`, which is checked whole
/// before anything is made.
///
/// # Errors
///
/// `Damaged` with the number of the line that is not right, `Occupied` if there is something in
/// `dir`, `Io`.
pub fn import(
    dir: &Path,
    options: &StoreOptions,
    archive: &mut (impl Read + Seek),
) -> Result<Manifest, StoreError> {
    let is_empty = fs_err::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty {
        return Err(StoreError::Occupied {
            dir: dir.to_path_buf(),
        });
    }
    let rewind = |archive: &mut dyn Seek| {
        let rewound = archive.seek(SeekFrom::Start(0));
        rewound.map_err(StoreError::io("read the archive"))
    };
    rewind(archive)?;
    check_archive(&mut *archive)?;
    rewind(archive)?;
    let mut opened = Opened::open(dir, options)?;
    let mut copy = Copy {
        opened: &mut opened,
        entries: Vec::new(),
        session: None,
        events: Vec::new(),
        n_bytes: 0,
    };
    let manifest = read(archive, |line| copy.add(line))?;
    copy.end_audit()?;
    copy.end_session()?;
    opened.close()?;
    Ok(manifest)
}

/// Puts what is in `archive` in the place of the store in `dir`: makes a new store beside it, verifies
/// that, and only then exchanges them. The old one is kept.
///
/// # Errors
///
/// As [`import`], and `Locked`. After any the store in `dir` is the one of before.
pub fn restore(
    dir: &Path,
    options: &StoreOptions,
    archive: &mut (impl Read + Seek),
) -> Result<Restored, StoreError> {
    let lock = if dir.exists() {
        Some(crate::lock::DirLock::take(dir)?)
    } else {
        None
    };
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(".restoring");
    let new = dir.with_file_name(name);
    if new.exists() {
        // Of a restore that was killed.
        fs_err::remove_dir_all(&new).map_err(StoreError::io("remove an unfinished restore"))?;
    }
    let manifest = import(&new, options, archive)?;
    let now = verify(&new)?;
    let is_whole = now.n_audit_records == manifest.n_audit_records
        && now.n_sessions == manifest.n_sessions
        && now.n_events == manifest.n_events;
    if !is_whole {
        return Err(StoreError::Engine {
            detail: format!("the restored store is not what the archive holds: {now:?}"),
        });
    }
    let mut kept = None;
    if dir.exists() {
        let place = kept_name(dir, "before-restore", options.clock.now_ms());
        fs_err::rename(dir, &place).map_err(StoreError::io("keep the store of before"))?;
        kept = Some(place);
    }
    fs_err::rename(&new, dir)
        .and_then(|()| directory::sync_dir(dir.parent().unwrap_or(Path::new("."))))
        .map_err(StoreError::io("put the restored store in its place"))?;
    drop(lock);
    Ok(Restored {
        manifest,
        now,
        kept,
    })
}

/// An archive on its way into a store.
struct Copy<'a> {
    opened: &'a mut Opened,
    /// Audit records that follow each other and are not written yet.
    entries: Vec<Entry>,
    session: Option<SessionMeta>,
    events: Vec<StoredEvent>,
    n_bytes: usize,
}

impl Copy<'_> {
    fn add(&mut self, line: Line) -> Result<(), StoreError> {
        match line {
            Line::Audit(audit) => self.add_audit(audit.seq, audit.at_ms, audit.record),
            Line::Session(meta) => {
                self.end_session()?;
                self.session = Some(meta);
                Ok(())
            }
            Line::Event(line) => {
                let session = line.session;
                let event = line.event().filter(|_| {
                    let open = self.session.as_ref();
                    open.is_some_and(|open| open.id == session)
                });
                let event = event.ok_or(StoreError::OutOfOrder { session })?;
                self.n_bytes += event.body.len();
                self.events.push(event);
                if self.n_bytes >= N_BYTES {
                    self.write_events()?;
                }
                Ok(())
            }
            Line::Manifest(_) => Ok(()),
        }
    }

    fn add_audit(&mut self, seq: u64, at_ms: i64, record: AuditRecord) -> Result<(), StoreError> {
        let next_seq = self.opened.ledger.last_seq() + self.entries.len() as u64 + 1;
        if seq != next_seq {
            self.end_audit()?;
            if self.opened.ledger.last_seq() == 0 {
                // What was removed before the export is not missing.
                self.opened.shared.shelf.set_first_seq(seq);
            }
            self.opened.ledger.skip_to(seq)?;
        }
        let body = record.into_body().ok_or(StoreError::TooLarge {
            what: "an audit record",
            n_bytes: 0,
            limit: crate::record::MAX_BODY_BYTES,
        })?;
        self.entries.push(Entry::new(at_ms, body));
        if self.entries.len() >= N_RECORDS {
            self.end_audit()?;
        }
        Ok(())
    }

    fn end_audit(&mut self) -> Result<(), StoreError> {
        self.opened.ledger.append_all(&mut self.entries)
    }

    /// Writes the events so far, with the state that the session has after them.
    fn write_events(&mut self) -> Result<(), StoreError> {
        let Some(meta) = &self.session else {
            return Ok(());
        };
        let mut state = meta.clone();
        state.head_seq = self.events.last().map_or(meta.head_seq, |event| event.seq);
        let write = SessionWrite::try_new(&state, std::mem::take(&mut self.events))?;
        self.n_bytes = 0;
        let recovered = &mut self.opened.recovered;
        if write.expected_head == 0 {
            recovered.n_sessions += 1;
        }
        recovered.commit += 1;
        let totals = Totals {
            commit: recovered.commit,
            n_audit: 0,
            n_sessions: recovered.n_sessions,
        };
        let mut batch = Batch::default();
        write.entries(&mut batch);
        batch.insert(key::COMMIT, totals.encode(state.updated_at_ms));
        self.opened.shared.with_sessions(|engine| {
            guarded(|| engine.apply(batch)).map_err(StoreError::from)?;
            guarded(|| engine.sync()).map_err(StoreError::from)
        })
    }

    fn end_session(&mut self) -> Result<(), StoreError> {
        let Some(meta) = &self.session else {
            return Ok(());
        };
        // A session without events still is one.
        if !self.events.is_empty() || meta.head_seq == 0 {
            self.write_events()?;
        }
        self.session = None;
        Ok(())
    }
}
