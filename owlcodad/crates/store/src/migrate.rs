//! Bringing a store of the first schema to the second.
//!
//! ```text
//! schema 1                      schema 2
//! store/{db,conf,snap.…}        store/sessions/          sessions alone
//!   records by number           store/audit/000001/ …    blocks, in segments
//! store/audit.head              store/audit.head, store/audit/000001.head …
//! ```
//!
//! The new store grows in `migrating/` beside the old one, which is only read. Killed at any moment, it
//! goes on after the last audit record that the new one has, and writes the sessions once more. When
//! all of it is durable `migrating/whole` says so; from then on only files are renamed, in steps that
//! can be repeated. The old files stay in `before-schema-2/`; delete them when the space is wanted.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use tracing::info;

use crate::anchor::{self, Anchor, Head};
use crate::block::Entry;
use crate::engine::{Batch, Engine, Opener, Purpose};
use crate::integrity::Findings;
use crate::ledger::{Known, Ledger};
use crate::record::{Kind, Record};
use crate::recovery::{self, SCHEMA_VERSION};
use crate::shared::Shared;
use crate::shelf::Shelf;
use crate::store::{AUDIT, StoreOptions, terms};
use crate::{StoreError, directory, key, vault};

const NEW: &str = "migrating";
const WHOLE: &str = "whole";
const OLD: &str = "before-schema-2";
/// Names, or beginnings of them, of the old files.
const OLD_FILES: [&str; 6] = ["db", "conf", "blobs", "snap.", "copy-", "aside-"];

/// Audit records of one commit.
const N_RECORDS: usize = 256;
/// Bytes of one commit of sessions.
const N_BYTES: usize = 256 << 10;

/// Brings the store in `dir` to the schema of this program, if it is of an older one; gives back its
/// anchor then.
pub(crate) fn bring_up(
    opener: &Arc<dyn Opener>,
    dir: &Path,
    anchor: Anchor<Head>,
    options: &StoreOptions,
    findings: &Arc<Findings>,
) -> Result<Anchor<Head>, StoreError> {
    let new = dir.join(NEW);
    if !new.join(WHOLE).exists() {
        if !dir.join("db").exists() {
            return report_lost(dir, anchor, findings);
        }
        check_room(dir, &new)?;
        info!("bringing the store to schema {SCHEMA_VERSION}");
        let head = copy(opener, dir, &new, &anchor, options, findings)?;
        anchor::write(&new, anchor::STORE, &head)
            .and_then(|()| directory::replace_file(&new, WHOLE, b""))
            .map_err(StoreError::io("finish the new store"))?;
    }
    let head = anchor::read::<Head>(&new, anchor::STORE)
        .map_err(StoreError::io("read the new store's anchor"))?;
    put_in_place(dir, &new, &head).map_err(StoreError::io("put the new store in its place"))?;
    info!("the store has schema {SCHEMA_VERSION} now; the old one is kept in {OLD}");
    anchor::read(dir, anchor::STORE).map_err(StoreError::io("read the head anchor"))
}

/// Room beside the copy: for what the engine writes before it cleans up.
const SPARE_BYTES: u64 = 16 << 20;

/// Refuses to begin a copy that the disk has no room for: it would fail at its end. The copy is never
/// larger than what is copied, of which `new` may have a part already.
fn check_room(dir: &Path, new: &Path) -> Result<(), StoreError> {
    let of_old = fs_err::metadata(dir.join("db")).map_or(0, |found| found.len());
    let needed_bytes = of_old.saturating_sub(size_of_tree(new)) + SPARE_BYTES;
    match directory::free_bytes(dir) {
        Some(free_bytes) if free_bytes < needed_bytes => Err(StoreError::NoSpace {
            dir: dir.to_path_buf(),
            needed_bytes,
            free_bytes,
        }),
        _ => Ok(()),
    }
}

/// Bytes of the files in `dir` and below; what cannot be read has none.
fn size_of_tree(dir: &Path) -> u64 {
    let Ok(entries) = fs_err::read_dir(dir) else {
        return 0;
    };
    let entries = entries.flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_of_tree(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// A store of the first schema that has lost its data file is a new store with a loss.
fn report_lost(
    dir: &Path,
    anchor: Anchor<Head>,
    findings: &Findings,
) -> Result<Anchor<Head>, StoreError> {
    if let Anchor::Held(head) = anchor
        && head.schema < SCHEMA_VERSION
    {
        findings.report("the data file of the store is gone");
        // What sled left of it would be in the way.
        put_aside(dir).map_err(StoreError::io("set the old store aside"))?;
    }
    Ok(anchor)
}

/// Copies all of the old store in `dir` into the new one.
fn copy(
    opener: &Arc<dyn Opener>,
    dir: &Path,
    new: &Path,
    anchor: &Anchor<Head>,
    options: &StoreOptions,
    findings: &Arc<Findings>,
) -> Result<Head, StoreError> {
    let make = StoreError::io("make the new store");
    directory::create_private(&new.join(vault::NAME)).map_err(make)?;
    let old = match opener.open(dir, options.cache_bytes, Purpose::Reading) {
        Ok(old) => old,
        Err(error) if error.is_damage() => {
            return Ok(give_up(dir, anchor, findings, &error.to_string()));
        }
        Err(error) => return Err(error.at(dir)),
    };
    let sessions = opener.open(
        &new.join(vault::NAME),
        options.cache_bytes,
        Purpose::Writing,
    )?;
    copy_sessions(&*old, &*sessions)?;
    let recovered = recovery::recover(&*sessions, anchor, findings)?;
    drop(sessions);

    let clock = Arc::clone(&options.clock);
    let audit = new.join(AUDIT);
    let shelf = Shelf::new(
        &audit,
        Arc::clone(opener),
        Arc::clone(&clock),
        Arc::clone(findings),
    );
    let shared = Shared::new(clock, Arc::clone(findings), Arc::new(shelf));
    let mut ledger = Ledger::new(audit, Arc::clone(opener), &shared, terms(options));
    ledger.open(Known::of(None))?;
    copy_audit(&*old, &mut ledger, findings)?;
    let known = Known::of(match anchor {
        Anchor::Held(held) => Some(held),
        Anchor::Missing | Anchor::Damaged => None,
    });
    ledger.skip_to(known.last_seq + 1)?;
    ledger
        .write_anchor()
        .map_err(StoreError::io("write the anchor of a segment"))?;
    let (count, _) = ledger.sizes();
    let head = Head {
        schema: SCHEMA_VERSION,
        count,
        last_seq: ledger.last_seq(),
        commit: recovered.commit,
        first_seq: shared.shelf.first_seq(),
    };
    ledger.shut(None);
    shared.shelf.close();
    Ok(head)
}

/// The old store cannot be opened: the new one is empty, and the old one is kept.
fn give_up(dir: &Path, anchor: &Anchor<Head>, findings: &Findings, detail: &str) -> Head {
    findings.report(format!(
        "the store in `{}` could not be opened, and is kept in {OLD}: {detail}",
        dir.display()
    ));
    let (last_seq, commit) = match anchor {
        Anchor::Held(held) => (held.last_seq, held.commit),
        Anchor::Missing | Anchor::Damaged => (0, 0),
    };
    Head {
        schema: SCHEMA_VERSION,
        count: 0,
        last_seq,
        commit,
        first_seq: 1,
    }
}

fn copy_sessions(old: &dyn Engine, new: &dyn Engine) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    let mut failure = None;
    let write = |batch: &mut Batch| {
        let batch = std::mem::take(batch);
        new.apply(batch).and_then(|()| new.sync())
    };
    // The schema is the new store's own.
    let losses_end = [key::LOSSES, &[0]].concat();
    let ranges: [(&[u8], &[u8]); 4] = [
        (b"c", b"d"),
        (b"e", b"f"),
        (key::LOSSES, &losses_end),
        (b"s", b"t"),
    ];
    for (from, to) in ranges {
        old.scan(from, to, &mut |key, value| {
            batch.insert(key, value.to_vec());
            if batch.n_bytes() < N_BYTES {
                return ControlFlow::Continue(());
            }
            failure = write(&mut batch).err();
            match failure {
                None => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(()),
            }
        })?;
        if let Some(error) = failure {
            return Err(error.into());
        }
    }
    Ok(write(&mut batch)?)
}

fn copy_audit(
    old: &dyn Engine,
    ledger: &mut Ledger,
    findings: &Findings,
) -> Result<(), StoreError> {
    let mut entries = Vec::new();
    let from_seq = ledger.last_seq() + 1;
    let mut next_seq = from_seq;
    let mut ended = Ok(());
    let mut visit = |key: &[u8], value: &[u8]| -> Result<(), StoreError> {
        let Some(seq) = key::block_seq(key) else {
            findings.report("an audit record has a key of an unknown form");
            return Ok(());
        };
        let record = match Record::decode_as(value, Kind::Audit, seq) {
            Ok(record) => record,
            Err(reason) => {
                findings.report(format!("audit record {seq} is damaged: {reason}"));
                return Ok(());
            }
        };
        if seq != next_seq {
            ledger.append_all(&mut entries)?;
            ledger.skip_to(seq)?;
        }
        entries.push(Entry::new(record.at_ms, record.body));
        next_seq = seq + 1;
        if entries.len() >= N_RECORDS {
            ledger.append_all(&mut entries)?;
        }
        Ok(())
    };
    old.scan(&key::block(from_seq), key::COMMIT, &mut |key, value| {
        ended = visit(key, value);
        match ended {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    ended?;
    ledger.append_all(&mut entries)
}

/// Everything in the steps of this can be repeated.
fn put_in_place(dir: &Path, new: &Path, head: &Anchor<Head>) -> std::io::Result<()> {
    // First the anchor: from here on a program of the old schema refuses the store.
    if let Anchor::Held(head) = head {
        anchor::write(dir, anchor::STORE, head)?;
    }
    put_aside(dir)?;
    for name in [vault::NAME, AUDIT] {
        if new.join(name).exists() {
            fs_err::rename(new.join(name), dir.join(name))?;
        }
    }
    directory::sync_dir(dir)?;
    fs_err::remove_dir_all(new)?;
    directory::sync_dir(dir)
}

fn put_aside(dir: &Path) -> std::io::Result<()> {
    let old = dir.join(OLD);
    directory::create_private(&old)?;
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if OLD_FILES.iter().any(|start| text.starts_with(start)) {
            fs_err::rename(entry.path(), old.join(&name))?;
        }
    }
    directory::sync_dir(&old)
}
