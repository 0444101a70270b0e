//! Reads every record of a store and changes none.

use std::path::Path;

use serde::Serialize;

use super::read_anchor;
use crate::anchor::{self, Anchor, SegmentHead};
use crate::audit::AuditRecord;
use crate::engine::{Engine, Opener, Purpose, SledOpener, guarded};
use crate::integrity::Findings;
use crate::lock::DirLock;
use crate::segment::{self, names};
use crate::sessions::{SessionMeta, read_events, states};
use crate::store::AUDIT;
use crate::{StoreError, recovery, vault};

/// Cache of the engines that are read from one end to the other.
const CACHE_BYTES: u64 = 4 << 20;
/// Events of a session that are read at a time.
const N_EVENTS: usize = 256;

/// What a store holds, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Version of its schema; 0 for a directory without a store.
    pub schema: u32,
    /// Audit records that were read.
    pub n_audit_records: u64,
    /// Number of the first of them; 0 without any.
    pub first_audit_seq: u64,
    /// Number of the last of them.
    pub last_audit_seq: u64,
    /// Segments of the audit.
    pub n_segments: u64,
    /// Sessions that were read.
    pub n_sessions: u64,
    /// Events that were read.
    pub n_events: u64,
    /// What is wrong, in words. Empty if everything that was acknowledged is there and whole.
    pub problems: Vec<String>,
}

/// Reads every record of the store in `dir`. Nothing of ours is changed; the engine may write its
/// snapshot anew.
///
/// # Errors
///
/// `Locked`, `NewerSchema`, `Io`. Damage is no error but a problem of the result.
pub fn verify(dir: &Path) -> Result<Verification, StoreError> {
    let anchor = read_anchor(dir)?;
    if !dir.exists() || (anchor == Anchor::Missing && !dir.join(vault::NAME).exists()) {
        return Ok(Verification::default());
    }
    let _lock = DirLock::take(dir)?;
    let findings = Findings::unlogged();
    let mut found = Verification {
        schema: recovery::SCHEMA_VERSION,
        ..Verification::default()
    };
    if dir.join("db").exists() {
        found.schema = 1;
        findings.report(
            "the store has the first schema and is not looked into: `storage repair` or the next \
             start brings it up",
        );
        found.problems = findings.words();
        return Ok(found);
    }
    let held = match anchor {
        Anchor::Held(held) => held,
        Anchor::Missing | Anchor::Damaged => {
            findings.report("the head anchor is missing or damaged: a loss would not be seen");
            anchor::Head::default()
        }
    };
    match open(&dir.join(vault::NAME)) {
        Ok(engine) => {
            let totals = guarded(|| recovery::last_totals(&*engine, &findings))?;
            if totals.commit < held.commit {
                let n_commits = held.commit - totals.commit;
                findings.report(format!(
                    "tail lost: the last {n_commits} commits of sessions are gone"
                ));
            }
            guarded(|| sessions(&*engine, &mut found, &findings))?;
            if found.n_sessions < totals.n_sessions {
                let n_missing = totals.n_sessions - found.n_sessions;
                findings.report(format!(
                    "{n_missing} of {} sessions are missing",
                    totals.n_sessions
                ));
            }
        }
        Err(error) => findings.report(format!("the sessions cannot be opened: {error}")),
    }
    audit(&dir.join(AUDIT), &held, &mut found, &findings)?;
    found.problems = findings.words();
    Ok(found)
}

fn open(dir: &Path) -> Result<std::sync::Arc<dyn Engine>, StoreError> {
    if !dir.exists() {
        return Err(StoreError::Engine {
            detail: "its directory is gone".to_owned(),
        });
    }
    let opened = SledOpener.open(dir, CACHE_BYTES, Purpose::Reading);
    opened.map_err(|error| error.at(dir))
}

fn sessions(
    engine: &dyn Engine,
    found: &mut Verification,
    findings: &Findings,
) -> Result<(), StoreError> {
    let metas: Vec<SessionMeta> = states(engine, |damage| findings.report(damage))?;
    for meta in metas {
        found.n_sessions += 1;
        let mut after_seq = 0;
        while after_seq < meta.head_seq {
            match read_events(engine, meta.id, after_seq, meta.head_seq, N_EVENTS) {
                Ok(events) => {
                    found.n_events += events.len() as u64;
                    after_seq = events.last().map_or(meta.head_seq, |event| event.seq);
                }
                Err(StoreError::Damaged { what, seq, reason }) => {
                    findings.report(format!("{what} is damaged: {reason}"));
                    // What is before it in its page is read once more, one at a time.
                    let n_before = usize::try_from(seq - after_seq - 1).unwrap_or(0);
                    if n_before > 0 {
                        let before =
                            read_events(engine, meta.id, after_seq, meta.head_seq, n_before)?;
                        found.n_events += before.len() as u64;
                    }
                    after_seq = seq;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn audit(
    audit: &Path,
    held: &anchor::Head,
    found: &mut Verification,
    findings: &Findings,
) -> Result<(), StoreError> {
    if !audit.exists() {
        findings.report("the audit's directory is gone");
        return Ok(());
    }
    let listed = |error| StoreError::Io {
        action: "list the segments",
        source: error,
    };
    for name in names::list_set_aside(audit).map_err(listed)? {
        findings.report(format!(
            "damaged audit records were set aside as audit/{name}"
        ));
    }
    let mut next_seq = held.first_seq.max(1);
    for number in names::list(audit).map_err(listed)? {
        found.n_segments += 1;
        let head = match anchor::read::<SegmentHead>(audit, &names::head(number)) {
            Ok(Anchor::Held(head)) if head.number == number => Some(head),
            _ => {
                findings.report(format!(
                    "the head anchor of audit segment {number} is missing or damaged: a loss would \
                     not be seen"
                ));
                None
            }
        };
        let loaded = open(&names::dir(audit, number))
            .and_then(|engine| Ok((guarded(|| segment::load(&*engine, number))?, engine)));
        let (loaded, engine) = match loaded {
            Ok((Some(loaded), engine)) => (loaded, engine),
            Ok((None, _)) => continue,
            Err(error) => {
                findings.report(format!("audit segment {number} cannot be opened: {error}"));
                continue;
            }
        };
        findings.report(loaded.damage.clone().unwrap_or_default());
        if loaded.totals.first_seq > next_seq {
            missing(findings, next_seq, loaded.totals.first_seq - 1);
        }
        guarded(|| records(&*engine, &loaded.index, found, findings))?;
        let end_seq = loaded.index.end_seq();
        next_seq = head.map_or(end_seq, |head| end_seq.max(head.last_seq() + 1));
        if end_seq < next_seq {
            missing(findings, end_seq, next_seq - 1);
        }
    }
    if next_seq <= held.last_seq {
        missing(findings, next_seq, held.last_seq);
    }
    Ok(())
}

fn missing(findings: &Findings, from_seq: u64, last_seq: u64) {
    findings.report(format!(
        "audit records {from_seq} to {last_seq} are missing"
    ));
}

fn records(
    engine: &dyn Engine,
    index: &segment::Index,
    found: &mut Verification,
    findings: &Findings,
) -> Result<(), StoreError> {
    let mut count = |seq: u64, body: &[u8]| match AuditRecord::from_body(body) {
        Ok(_) => {
            found.n_audit_records += 1;
            if found.first_audit_seq == 0 {
                found.first_audit_seq = seq;
            }
            found.last_audit_seq = seq;
        }
        Err(reason) => findings.report(format!("audit record {seq} is damaged: {reason}")),
    };
    for chapter in index.chapters.iter() {
        for (_, first_seq, n_records) in chapter.blocks() {
            let entries = segment::read_block(engine, first_seq, n_records, findings)?;
            for (seq, entry) in (first_seq..).zip(entries.unwrap_or_default()) {
                count(seq, &entry.body);
            }
        }
    }
    for (seq, entry) in (index.tail_seq..).zip(&index.tail) {
        count(seq, &entry.body);
    }
    Ok(())
}
