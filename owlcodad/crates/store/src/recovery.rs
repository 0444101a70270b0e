//! What an opened engine holds, and whether that is all that was acknowledged.

use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::anchor::{Anchor, Head};
use crate::commit::Totals;
use crate::engine::{Batch, Engine, Order};
use crate::integrity::Findings;
use crate::key;
use crate::record::{Kind, Record, to_body};

/// The newest schema version that this program reads, and the one that it writes.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Where the writer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) head: Head,
    pub(crate) n_sessions: u64,
}

/// A loss that was found at opening. It is kept in the store: the numbers that are gone stay unused,
/// so that the gap can be told from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Loss {
    /// Number of the last audit record that is there.
    after_seq: u64,
    /// Number of the last audit record that is gone; the same without any.
    until_seq: u64,
    /// Commits that are gone; each holds audit records, events of sessions, or both.
    n_commits: u64,
}

impl Loss {
    fn describe(&self) -> String {
        let commits = format!("the last {} commits are gone", self.n_commits);
        if self.after_seq == self.until_seq {
            format!("tail lost: {commits}")
        } else {
            format!(
                "tail lost: {commits}, with the audit records {} to {}",
                self.after_seq + 1,
                self.until_seq
            )
        }
    }
}

/// Refuses a store of a newer program by its anchor, before anything else is touched.
pub(crate) fn refuse_newer(anchor: &Anchor) -> Result<(), StoreError> {
    match anchor {
        Anchor::Held(head) => check_version(head.schema),
        Anchor::Missing | Anchor::Damaged => Ok(()),
    }
}

fn check_version(found: u32) -> Result<(), StoreError> {
    if found > SCHEMA_VERSION {
        return Err(StoreError::NewerSchema {
            found,
            supported: SCHEMA_VERSION,
        });
    }
    Ok(())
}

/// Looks at what is there, compares it with the anchor, and notes a loss for good.
pub(crate) fn recover(
    engine: &dyn Engine,
    anchor: &Anchor,
    findings: &Findings,
) -> Result<Recovered, StoreError> {
    let mut changes = Batch::default();
    match read_meta::<u32>(engine, key::SCHEMA, findings)? {
        Some(version) => check_version(version)?,
        None => changes.insert(key::SCHEMA, meta_record(&SCHEMA_VERSION)?),
    }

    let first_seq = edge_audit_seq(engine, Order::Ascending)?.unwrap_or(1);
    let last_seq = edge_audit_seq(engine, Order::Descending)?.unwrap_or(0);
    let totals = last_totals(engine, findings)?;
    let commit = totals.commit;
    let n_sessions = n_sessions(engine)?;
    let mut losses: Vec<Loss> = read_meta(engine, key::LOSSES, findings)?.unwrap_or_default();

    let mut head = Head {
        schema: SCHEMA_VERSION,
        count: 0,
        // Numbers that are known to be gone stay unused.
        last_seq: losses
            .iter()
            .fold(last_seq, |seq, loss| seq.max(loss.until_seq)),
        commit,
    };
    match anchor {
        Anchor::Held(held) if held.last_seq > head.last_seq || held.commit > commit => {
            losses.push(Loss {
                after_seq: head.last_seq,
                until_seq: held.last_seq.max(head.last_seq),
                n_commits: held.commit.saturating_sub(commit),
            });
            head.last_seq = held.last_seq.max(head.last_seq);
            head.commit = held.commit.max(commit);
            // The number of the commit too, or the same loss would be found at every opening.
            changes.insert(key::LOSSES, meta_record(&losses)?);
            let totals = Totals {
                commit: head.commit,
                ..totals
            };
            changes.insert(key::COMMIT, totals.encode(0));
        }
        Anchor::Held(_) => {}
        // A store that is being made has no anchor yet, and no commit.
        Anchor::Missing if commit == 0 => {}
        Anchor::Missing => findings.report("the head anchor is missing: a loss would not be seen"),
        Anchor::Damaged => findings.report("the head anchor is damaged: a loss would not be seen"),
    }
    for loss in &losses {
        findings.report(loss.describe());
    }
    head.count = n_present(first_seq, last_seq, &losses);
    for (what, found, expected) in [
        ("audit records", head.count, totals.n_audit),
        ("sessions", n_sessions, totals.n_sessions),
    ] {
        if found < expected {
            let n_missing = expected - found;
            findings.report(format!("{n_missing} of {expected} {what} are missing"));
        }
    }
    // What is missing goes on being counted, so that it goes on being reported.
    head.count = head.count.max(totals.n_audit);

    if !changes.is_empty() {
        engine.apply(changes)?;
        engine.sync()?;
    }
    Ok(Recovered {
        head,
        n_sessions: n_sessions.max(totals.n_sessions),
    })
}

/// Numbers from `first_seq` to `last_seq` less those in a known gap.
fn n_present(first_seq: u64, last_seq: u64, losses: &[Loss]) -> u64 {
    let n_lost: u64 = losses
        .iter()
        .filter(|loss| loss.after_seq >= first_seq && loss.until_seq < last_seq)
        .map(|loss| loss.until_seq - loss.after_seq)
        .sum();
    (last_seq + 1)
        .saturating_sub(first_seq)
        .saturating_sub(n_lost)
}

fn edge_audit_seq(engine: &dyn Engine, order: Order) -> Result<Option<u64>, StoreError> {
    let mut found = None;
    engine.scan(&key::audit(0), key::COMMIT, order, &mut |key, _| {
        found = key::audit_seq(key);
        match found {
            Some(_) => std::ops::ControlFlow::Break(()),
            None => std::ops::ControlFlow::Continue(()),
        }
    })?;
    Ok(found)
}

fn last_totals(engine: &dyn Engine, findings: &Findings) -> Result<Totals, StoreError> {
    let Some(bytes) = engine.get(key::COMMIT)? else {
        return Ok(Totals::default());
    };
    Ok(Totals::decode(&bytes).unwrap_or_else(|reason| {
        findings.report(format!(
            "the record of the last commit is damaged: {reason}"
        ));
        Totals::default()
    }))
}

fn n_sessions(engine: &dyn Engine) -> Result<u64, StoreError> {
    let mut n_sessions = 0;
    engine.scan(
        key::SESSIONS,
        key::SESSIONS_END,
        Order::Ascending,
        &mut |_, _| {
            n_sessions += 1;
            std::ops::ControlFlow::Continue(())
        },
    )?;
    Ok(n_sessions)
}

fn read_meta<T: serde::de::DeserializeOwned>(
    engine: &dyn Engine,
    key: &[u8],
    findings: &Findings,
) -> Result<Option<T>, StoreError> {
    let Some(bytes) = engine.get(key)? else {
        return Ok(None);
    };
    match Record::decode_as(&bytes, Kind::Meta, 0).and_then(|record| record.value()) {
        Ok(value) => Ok(Some(value)),
        Err(reason) => {
            let name = String::from_utf8_lossy(key);
            findings.report(format!("the store's value `{name}` is damaged: {reason}"));
            Ok(None)
        }
    }
}

fn meta_record<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    let body = to_body(value).map_err(|error| StoreError::Engine {
        detail: error.to_string(),
    })?;
    Ok(Record {
        kind: Kind::Meta,
        flags: 0,
        seq: 0,
        at_ms: 0,
        body: &body,
    }
    .encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::MemoryEngine;
    use crate::integrity::Integrity;

    fn engine_with(audit: std::ops::RangeInclusive<u64>, commit: u64) -> MemoryEngine {
        let engine = MemoryEngine::default();
        let mut batch = Batch::default();
        let record = |kind, seq| Record {
            kind,
            flags: 0,
            seq,
            at_ms: 0,
            body: b"",
        };
        let n_audit = *audit.end();
        for seq in audit {
            batch.insert(key::audit(seq), record(Kind::Audit, seq).encode());
        }
        let totals = Totals {
            commit,
            n_audit,
            n_sessions: 0,
        };
        batch.insert(key::COMMIT, totals.encode(0));
        let _ = engine.apply(batch);
        engine
    }

    const HEAD: Head = Head {
        schema: 1,
        count: 8,
        last_seq: 8,
        commit: 4,
    };

    #[test]
    fn an_anchor_that_is_behind_is_no_loss() {
        let findings = Findings::default();
        let engine = engine_with(1..=10, 5);
        let recovered = recover(&engine, &Anchor::Held(HEAD), &findings).unwrap();
        let head = Head {
            schema: 1,
            count: 10,
            last_seq: 10,
            commit: 5,
        };
        assert_eq!(recovered.head, head);
        assert_eq!(findings.integrity(), Integrity::Ok);
    }

    #[test]
    fn a_lost_tail_is_named_and_its_numbers_stay_unused_for_good() {
        let engine = engine_with(1..=5, 3);
        let first = Findings::default();
        let recovered = recover(&engine, &Anchor::Held(HEAD), &first).unwrap();
        let head = Head { count: 5, ..HEAD };
        assert_eq!(recovered.head, head);
        let words = "tail lost: the last 1 commits are gone, with the audit records 6 to 8";
        assert_eq!(first.integrity(), Integrity::Degraded(words.to_owned()));

        let again = Findings::default();
        let recovered = recover(&engine, &Anchor::Held(head), &again).unwrap();
        assert_eq!(recovered.head, head);
        assert_eq!(again.integrity(), Integrity::Degraded(words.to_owned()));

        let mut batch = Batch::default();
        let next = Record {
            kind: Kind::Audit,
            flags: 0,
            seq: 9,
            at_ms: 0,
            body: b"",
        };
        batch.insert(key::audit(9), next.encode());
        engine.apply(batch).unwrap();
        let second = Findings::default();
        let recovered = recover(&engine, &Anchor::Held(head), &second).unwrap();
        assert_eq!((recovered.head.count, recovered.head.last_seq), (6, 9));
        assert_eq!(second.integrity(), Integrity::Degraded(words.to_owned()));
    }

    #[test]
    fn a_lost_commit_of_sessions_alone_is_found_too() {
        let findings = Findings::default();
        recover(&engine_with(1..=8, 3), &Anchor::Held(HEAD), &findings).unwrap();
        let words = "tail lost: the last 1 commits are gone";
        assert_eq!(findings.integrity(), Integrity::Degraded(words.to_owned()));
    }

    #[test]
    fn records_that_are_gone_at_the_old_end_are_found_at_each_opening() {
        let engine = engine_with(6..=8, 4);
        for _ in 0..2 {
            let findings = Findings::default();
            let recovered = recover(&engine, &Anchor::Held(HEAD), &findings).unwrap();
            assert_eq!(recovered.head, HEAD);
            let words = "5 of 8 audit records are missing";
            assert_eq!(findings.integrity(), Integrity::Degraded(words.to_owned()));
        }
    }

    #[test]
    fn a_session_that_is_gone_without_a_trace_is_found() {
        let engine = engine_with(1..=8, 4);
        let mut batch = Batch::default();
        let totals = Totals {
            commit: 4,
            n_audit: 8,
            n_sessions: 3,
        };
        batch.insert(key::COMMIT, totals.encode(0));
        engine.apply(batch).unwrap();
        let findings = Findings::default();
        let recovered = recover(&engine, &Anchor::Held(HEAD), &findings).unwrap();
        assert_eq!(recovered.n_sessions, 3);
        let words = "3 of 3 sessions are missing";
        assert_eq!(findings.integrity(), Integrity::Degraded(words.to_owned()));
    }

    #[test]
    fn a_missing_anchor_is_reported_unless_the_store_is_new() {
        let findings = Findings::default();
        recover(&MemoryEngine::default(), &Anchor::Missing, &findings).unwrap();
        assert_eq!(findings.integrity(), Integrity::Ok);
        recover(&engine_with(1..=8, 4), &Anchor::Missing, &findings).unwrap();
        assert!(matches!(findings.integrity(), Integrity::Degraded(_)));
    }

    #[test]
    fn a_newer_schema_inside_the_engine_is_refused() {
        let engine = MemoryEngine::default();
        let mut batch = Batch::default();
        batch.insert(key::SCHEMA, meta_record(&99_u32).unwrap());
        engine.apply(batch).unwrap();
        let error = recover(&engine, &Anchor::Missing, &Findings::default()).unwrap_err();
        let expected = "the store has schema version 99, this program knows versions up to 1: \
                        run the version that wrote it, or a newer one";
        assert_eq!(error.to_string(), expected);
    }
}
