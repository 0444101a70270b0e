//! What the opened engine of the sessions holds, and whether that is all that was acknowledged.

use owlcoda_types::UnixMs;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::anchor::{Anchor, Head};
use crate::commit::Totals;
use crate::engine::{Batch, Engine};
use crate::integrity::Findings;
use crate::key;
use crate::record::{Kind, Record, to_body};

/// The newest schema version that this program reads, and the one that it writes.
pub(crate) const SCHEMA_VERSION: u32 = 2;

/// Where the writer goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) commit: u64,
    pub(crate) n_sessions: u64,
}

/// A loss that was found at opening. It is kept in the store, so that it goes on being reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Loss {
    /// Commits that are gone; each holds events of sessions.
    n_commits: u64,
}

impl Loss {
    fn describe(self) -> String {
        let n_commits = self.n_commits;
        format!("tail lost: the last {n_commits} commits of sessions are gone")
    }
}

/// Refuses a store of a newer program by its anchor, before anything else is touched.
pub(crate) fn refuse_newer(anchor: &Anchor<Head>) -> Result<(), StoreError> {
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
    anchor: &Anchor<Head>,
    findings: &Findings,
) -> Result<Recovered, StoreError> {
    let mut changes = Batch::default();
    match read_meta::<u32>(engine, key::SCHEMA, findings)? {
        Some(version) => check_version(version)?,
        None => changes.insert(key::SCHEMA, meta_record(&SCHEMA_VERSION)?),
    }

    let totals = last_totals(engine, findings)?;
    let n_sessions = n_sessions(engine)?;
    let mut losses: Vec<Loss> = read_meta(engine, key::LOSSES, findings)?.unwrap_or_default();
    let mut commit = totals.commit;
    match anchor {
        Anchor::Held(held) if held.commit > commit => {
            losses.push(Loss {
                n_commits: held.commit - commit,
            });
            commit = held.commit;
            // The number of the commit too, or the same loss would be found at every opening.
            changes.insert(key::LOSSES, meta_record(&losses)?);
            let totals = Totals { commit, ..totals };
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
    if n_sessions < totals.n_sessions {
        let n_missing = totals.n_sessions - n_sessions;
        findings.report(format!(
            "{n_missing} of {} sessions are missing",
            totals.n_sessions
        ));
    }
    if !changes.is_empty() {
        engine.apply(changes)?;
        engine.sync()?;
    }
    Ok(Recovered {
        commit,
        // What is missing goes on being counted, so that it goes on being reported.
        n_sessions: n_sessions.max(totals.n_sessions),
    })
}

/// What the last commit left, as the engine has it now.
pub(crate) fn last_totals(engine: &dyn Engine, findings: &Findings) -> Result<Totals, StoreError> {
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
    engine.scan(key::SESSIONS, key::SESSIONS_END, &mut |_, _| {
        n_sessions += 1;
        std::ops::ControlFlow::Continue(())
    })?;
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
    let at_ms: UnixMs = 0;
    Ok(Record {
        kind: Kind::Meta,
        flags: 0,
        seq: 0,
        at_ms,
        body: &body,
    }
    .encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::MemoryEngine;
    use crate::integrity::Integrity;

    fn engine_with(totals: Totals) -> MemoryEngine {
        let engine = MemoryEngine::default();
        let mut batch = Batch::default();
        batch.insert(key::COMMIT, totals.encode(0));
        engine.apply(batch).unwrap();
        engine
    }

    const TOTALS: Totals = Totals {
        commit: 4,
        n_audit: 0,
        n_sessions: 0,
    };

    fn held(commit: u64) -> Anchor<Head> {
        Anchor::Held(Head {
            schema: SCHEMA_VERSION,
            commit,
            ..Head::default()
        })
    }

    #[test]
    fn an_anchor_that_is_behind_is_no_loss() {
        let findings = Findings::default();
        let recovered = recover(&engine_with(TOTALS), &held(3), &findings).unwrap();
        assert_eq!(recovered.commit, 4);
        assert_eq!(findings.integrity(), Integrity::Ok);
    }

    #[test]
    fn a_lost_commit_is_found_and_reported_at_each_opening() {
        let engine = engine_with(TOTALS);
        for _ in 0..2 {
            let findings = Findings::default();
            let recovered = recover(&engine, &held(6), &findings).unwrap();
            assert_eq!(recovered.commit, 6);
            let words = "tail lost: the last 2 commits of sessions are gone";
            assert_eq!(findings.integrity(), Integrity::Degraded(words.to_owned()));
        }
    }

    #[test]
    fn a_session_that_is_gone_without_a_trace_is_found() {
        let engine = engine_with(Totals {
            n_sessions: 3,
            ..TOTALS
        });
        let findings = Findings::default();
        let recovered = recover(&engine, &held(4), &findings).unwrap();
        assert_eq!(recovered.n_sessions, 3);
        let words = "3 of 3 sessions are missing";
        assert_eq!(findings.integrity(), Integrity::Degraded(words.to_owned()));
    }

    #[test]
    fn a_missing_anchor_is_reported_unless_the_store_is_new() {
        let findings = Findings::default();
        recover(&MemoryEngine::default(), &Anchor::Missing, &findings).unwrap();
        assert_eq!(findings.integrity(), Integrity::Ok);
        recover(&engine_with(TOTALS), &Anchor::Missing, &findings).unwrap();
        assert!(matches!(findings.integrity(), Integrity::Degraded(_)));
    }

    #[test]
    fn a_newer_schema_inside_the_engine_is_refused() {
        let engine = MemoryEngine::default();
        let mut batch = Batch::default();
        batch.insert(key::SCHEMA, meta_record(&99_u32).unwrap());
        engine.apply(batch).unwrap();
        let error = recover(&engine, &Anchor::Missing, &Findings::default()).unwrap_err();
        let expected = "the store has schema version 99, this program knows versions up to 2: \
                        run the version that wrote it, or a newer one";
        assert_eq!(error.to_string(), expected);
    }
}
