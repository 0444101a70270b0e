//! The rule of when to acknowledge, on an engine that can be held back and made to fail.

use std::sync::mpsc::Receiver;

use owlcoda_types::{ManualClock, RequestId, SessionId, Usage};
use tokio::sync::oneshot;

use super::*;
use crate::anchor::Anchor;
use crate::audit::{AuditDialect, AuditRecord, AuditRoute};
use crate::commit::Totals;
use crate::engine::memory::{Failure, MemoryEngine};
use crate::engine::{Batch, EngineError};
use crate::integrity::Integrity;
use crate::queue::Queue;
use crate::sessions::{SessionMeta, SessionWrite, StoredEvent};
use crate::{AuditQuery, Store, StoreOptions, key, recovery};

type Answer = oneshot::Receiver<Result<(), StoreError>>;

fn options() -> StoreOptions {
    StoreOptions {
        clock: Arc::new(ManualClock::at(77)),
        ..StoreOptions::default()
    }
}

fn open(engine: &Arc<MemoryEngine>, dir: &std::path::Path) -> Store {
    let engine = Arc::<MemoryEngine>::clone(engine);
    Store::start(engine, dir, &anchor::read(dir).unwrap(), options()).unwrap()
}

fn meta(id: SessionId, head_seq: u64) -> SessionMeta {
    SessionMeta {
        id,
        title: String::new(),
        model: String::new(),
        created_at_ms: 0,
        updated_at_ms: 0,
        head_seq,
        n_turns: 0,
        usage: Usage::default(),
    }
}

fn event(seq: u64) -> StoredEvent {
    StoredEvent {
        seq,
        at_ms: 0,
        body: b"{}".to_vec(),
    }
}

fn audit_record() -> AuditRecord {
    AuditRecord {
        request_id: RequestId::generate(),
        at_ms: 1,
        route: AuditRoute::Agent,
        dialect: AuditDialect::Anthropic,
        model_asked: "m".to_owned(),
        model_used: None,
        endpoint: None,
        n_attempts: 0,
        status: 200,
        outcome: "ok".to_owned(),
        failure_kind: None,
        is_stream: false,
        usage: Usage::default(),
        ttft_ms: None,
        elapsed_ms: 0,
        session_id: None,
        dropped_fields: Vec::new(),
    }
}

/// Queues the first event of a new session.
fn push_session(queue: &Queue) -> Answer {
    let (ack, answer) = oneshot::channel();
    let write = SessionWrite::try_new(&meta(SessionId::generate(), 1), vec![event(1)]).unwrap();
    let write = Box::new(write);
    assert!(queue.try_push(Op::Session { write, ack }, 0));
    answer
}

/// A writer that has not started, and its queue.
fn writer(engine: &Arc<MemoryEngine>, dir: &std::path::Path) -> (Writer, Queue, Receiver<Queued>) {
    let shared = Arc::new(Shared {
        clock: Arc::new(ManualClock::default()),
        findings: Findings::default(),
        n_audit_dropped: AtomicU64::new(0),
        progress: Mutex::default(),
    });
    let recovered = recovery::recover(&**engine, &Anchor::Missing, &shared.findings).unwrap();
    let (queue, receiver) = Queue::new();
    let engine = Arc::<MemoryEngine>::clone(engine);
    let writer = Writer::new(engine, dir.to_path_buf(), shared, recovered);
    (writer, queue, receiver)
}

#[test]
fn nobody_is_told_before_the_sync_ended_and_one_sync_serves_all_who_wait() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Arc::new(MemoryEngine::default());
    let (writer, queue, receiver) = writer(&engine, dir.path());
    let n_syncs = *engine.n_syncs.lock();
    let gate = engine.gate();
    let thread = std::thread::spawn(move || writer.run(&receiver));

    let mut first = push_session(&queue);
    gate.began.recv().unwrap();
    assert!(first.try_recv().is_err(), "acknowledged before the sync");
    let mut others: Vec<_> = (0..20).map(|_| push_session(&queue)).collect();
    gate.leave.send(()).unwrap();
    gate.began.recv().unwrap();
    assert!(first.try_recv().unwrap().is_ok());
    for other in &mut others {
        assert!(other.try_recv().is_err(), "acknowledged before its sync");
    }
    gate.leave.send(()).unwrap();
    for other in others {
        other.blocking_recv().unwrap().unwrap();
    }
    queue.close();
    thread.join().unwrap();
    assert_eq!(*engine.n_syncs.lock(), n_syncs + 2);
}

#[test]
fn a_group_is_bounded_in_operations_and_in_bytes() {
    for (n_bytes, n_expected) in [(0, 256), (4096, 64)] {
        let dir = tempfile::tempdir().unwrap();
        let engine = Arc::new(MemoryEngine::default());
        let (mut writer, queue, receiver) = writer(&engine, dir.path());
        for _ in 0..1000 {
            let body = vec![0; n_bytes];
            assert!(queue.try_push(Op::Audit { at_ms: 0, body }, n_bytes));
        }
        let group = writer.gather(receiver.recv().unwrap(), &receiver);
        assert_eq!(group.n_ops(), n_expected, "{n_bytes}");
    }
}

#[tokio::test]
async fn after_a_failed_write_the_store_takes_no_more_and_says_why() {
    let cases = [
        (Failure::Apply, "no storage space"),
        (Failure::Sync, "no storage space"),
        (Failure::Panic, "the engine panicked: tried to serialize"),
    ];
    for (failure, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        let engine = Arc::new(MemoryEngine::default());
        let store = open(&engine, dir.path());
        let id = SessionId::generate();
        let sessions = store.sessions();
        let before = sessions.append(meta(id, 1), vec![event(1)]);
        before.await.unwrap();
        let stats = store.stats();

        *engine.failure.lock() = Some(failure);
        let failed = sessions.append(meta(id, 2), vec![event(2)]).await;
        *engine.failure.lock() = None;
        let reason = failed.unwrap_err().to_string();
        assert!(reason.contains(words), "{failure:?}: {reason}");

        let later = sessions.append(meta(id, 2), vec![event(2)]).await;
        assert!(matches!(later, Err(StoreError::Poisoned { .. })));
        store.audit().append(audit_record());
        let flush = store.audit().flush().await;
        assert!(matches!(flush, Err(StoreError::Poisoned { .. })));
        assert_eq!(store.stats().n_audit_dropped, 1);
        assert!(
            matches!(store.stats().integrity, Integrity::Degraded(text) if text.contains(words))
        );
        assert_eq!(store.stats().n_commits, stats.n_commits);
        assert!(sessions.get(id).await.unwrap().is_some(), "reads go on");
        store.close().await;
    }
}

#[tokio::test]
async fn a_damaged_audit_record_is_reported_with_its_number_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Arc::new(MemoryEngine::default());
    let store = open(&engine, dir.path());
    for _ in 0..5 {
        store.audit().append(audit_record());
    }
    store.audit().flush().await.unwrap();
    damage(&engine, &key::audit(3));

    let page = store.audit().query(AuditQuery::default()).await.unwrap();
    let seqs: Vec<_> = page.records.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, [5, 4, 2, 1]);
    assert_eq!(page.damaged, [3]);
    let words = "audit record 3 is damaged: its checksum does not match";
    assert_eq!(
        store.stats().integrity,
        Integrity::Degraded(words.to_owned())
    );
    store.close().await;
}

#[tokio::test]
async fn a_damaged_event_is_an_error_with_its_number_and_can_be_passed() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Arc::new(MemoryEngine::default());
    let store = open(&engine, dir.path());
    let id = SessionId::generate();
    let sessions = store.sessions();
    let events: Vec<_> = (1..=5).map(event).collect();
    let write = sessions.append(meta(id, 5), events.clone());
    write.await.unwrap();
    damage(&engine, &key::event(id, 3, 0));

    let error = sessions.events(id, 0, 10).await.unwrap_err();
    let words = format!("event 3 of {id} is damaged: its checksum does not match");
    assert_eq!(error.to_string(), words);
    assert!(matches!(error, StoreError::Damaged { seq: 3, .. }));
    assert_eq!(sessions.events(id, 0, 2).await.unwrap(), events[..2]);
    assert_eq!(sessions.events(id, 3, 10).await.unwrap(), events[3..]);
    assert_eq!(store.stats().integrity, Integrity::Degraded(words));
    store.close().await;
}

#[tokio::test]
async fn a_damaged_state_is_an_error_that_stops_writes_to_its_session_alone() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Arc::new(MemoryEngine::default());
    let store = open(&engine, dir.path());
    let sessions = store.sessions();
    let [bad, good] = [SessionId::generate(), SessionId::generate()];
    for id in [bad, good] {
        let write = sessions.append(meta(id, 1), vec![event(1)]);
        write.await.unwrap();
    }
    damage(&engine, &key::session(bad));

    let append = sessions.append(meta(bad, 2), vec![event(2)]).await;
    assert!(matches!(append, Err(StoreError::Damaged { .. })));
    assert!(matches!(
        sessions.get(bad).await,
        Err(StoreError::Damaged { .. })
    ));
    let append = sessions.append(meta(good, 2), vec![event(2)]).await;
    append.unwrap();
    assert_eq!(sessions.list(10).await.unwrap(), [meta(good, 2)]);
    assert!(matches!(store.stats().integrity, Integrity::Degraded(_)));
    store.close().await;
}

#[tokio::test]
async fn an_event_that_is_gone_is_reported_and_not_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Arc::new(MemoryEngine::default());
    let store = open(&engine, dir.path());
    let sessions = store.sessions();
    for gone in [1, 3, 5] {
        let id = SessionId::generate();
        let write = sessions.append(meta(id, 5), (1..=5).map(event).collect());
        write.await.unwrap();
        engine.remove(&key::event(id, gone, 0));
        let error = sessions.events(id, 0, 10).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged { seq, .. } if seq == gone),
            "{gone}: {error}"
        );
    }
    store.close().await;
}

#[tokio::test]
async fn a_session_whose_state_is_gone_is_damaged_and_not_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Arc::new(MemoryEngine::default());
    let store = open(&engine, dir.path());
    let sessions = store.sessions();
    let id = SessionId::generate();
    let write = sessions.append(meta(id, 2), vec![event(1), event(2)]);
    write.await.unwrap();
    engine.remove(&key::session(id));

    let words = format!("the state of {id} is damaged: it is missing, but there are events");
    let errors = [
        sessions.get(id).await.unwrap_err(),
        sessions.events(id, 0, 10).await.unwrap_err(),
        sessions
            .append(meta(id, 1), vec![event(1)])
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), words);
    }
    assert_eq!(store.stats().integrity, Integrity::Degraded(words));
    store.close().await;
}

#[tokio::test]
async fn a_closed_store_leaves_an_exact_anchor() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Arc::new(MemoryEngine::default());
    let store = open(&engine, dir.path());
    for _ in 0..5 {
        store.audit().append(audit_record());
    }
    store.audit().flush().await.unwrap();
    assert_eq!(store.stats().last_commit_at_ms, Some(77));
    let n_commits = store.stats().n_commits;
    store.close().await;
    let expected = Head {
        schema: 1,
        count: 5,
        last_seq: 5,
        commit: n_commits,
    };
    assert_eq!(anchor::read(dir.path()).unwrap(), Anchor::Held(expected));
}

#[tokio::test]
async fn an_anchor_that_cannot_be_written_is_reported_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs_err::create_dir(dir.path().join("audit.head.new")).unwrap();
    let engine = Arc::new(MemoryEngine::default());
    let store = open(&engine, dir.path());
    assert!(matches!(store.stats().integrity, Integrity::Degraded(words)
        if words.starts_with("the head anchor could not be written")));
    store.audit().append(audit_record());
    store.audit().flush().await.unwrap();
    store.close().await;
    assert_eq!(store.stats().n_audit_records, 1);
}

/// Changes the last byte of the value under `key`.
fn damage(engine: &MemoryEngine, key: &[u8]) {
    let mut value = engine.get(key).unwrap().unwrap();
    *value.last_mut().unwrap() ^= 1;
    let mut batch = Batch::default();
    batch.insert(key, value);
    engine.apply(batch).unwrap();
}

#[test]
fn a_call_that_panics_is_an_error_with_its_words() {
    let error = guarded::<(), EngineError>(|| panic!("page {} is free", 7)).unwrap_err();
    assert!(matches!(error, EngineError::Defect(words)
        if words == "the engine panicked: page 7 is free"));
}

#[test]
fn a_commit_is_counted_in_its_own_batch() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Arc::new(MemoryEngine::default());
    let (writer, queue, receiver) = writer(&engine, dir.path());
    let answer = push_session(&queue);
    queue.close();
    writer.run(&receiver);
    answer.blocking_recv().unwrap().unwrap();
    let bytes = engine.get(key::COMMIT).unwrap().unwrap();
    let expected = Totals {
        commit: 1,
        n_audit: 0,
        n_sessions: 1,
    };
    assert_eq!(Totals::decode(&bytes), Ok(expected));
}
