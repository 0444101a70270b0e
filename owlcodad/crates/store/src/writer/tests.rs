//! The rule of when to acknowledge, on engines that can be held back and made to fail.

mod reserved;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use owlcoda_types::{ManualClock, SessionId, Usage};
use tokio::sync::oneshot;

use super::*;
use crate::anchor::{Anchor, SegmentHead};
use crate::audit::tests::record;
use crate::block::Entry;
use crate::commit::Totals;
use crate::engine::memory::{Failure, MemoryEngine, MemoryOpener};
use crate::engine::{Batch, EngineError};
use crate::integrity::Integrity;
use crate::key;
use crate::queue::{Op, Queue};
use crate::sessions::{SessionMeta, SessionWrite, StoredEvent};
use crate::store::AUDIT;
use crate::{AuditQuery, Store, StoreError, StoreOptions, vault};

type Answer = oneshot::Receiver<Result<(), StoreError>>;

fn open(opener: &Arc<MemoryOpener>, dir: &Path) -> Store {
    let options = StoreOptions {
        clock: Arc::new(ManualClock::at(77)),
        ..StoreOptions::default()
    };
    let opener = Arc::<MemoryOpener>::clone(opener);
    Store::open_with(opener, dir, &options).unwrap()
}

fn sessions_engine(opener: &MemoryOpener, dir: &Path) -> Arc<MemoryEngine> {
    opener.engine(&dir.join(vault::NAME))
}

fn audit_engine(opener: &MemoryOpener, dir: &Path) -> Arc<MemoryEngine> {
    opener.engine(&dir.join(AUDIT).join("000001"))
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

/// Queues the first event of a new session.
fn push_session(queue: &Queue) -> Answer {
    let (ack, answer) = oneshot::channel();
    let write = SessionWrite::try_new(&meta(SessionId::generate(), 1), vec![event(1)]).unwrap();
    let write = Box::new(write);
    assert!(queue.try_push(Op::Session { write, ack }, 0));
    answer
}

/// A writer that has not started, and its queue.
fn writer(opener: &Arc<MemoryOpener>, dir: &Path) -> (Writer, Queue, Receiver<Queued>) {
    let clock = Arc::new(ManualClock::default());
    let findings = Arc::default();
    let opener: Arc<dyn Opener> = Arc::<MemoryOpener>::clone(opener);
    let audit = dir.join(AUDIT);
    let shelf = crate::shelf::Shelf::new(
        &audit,
        Arc::clone(&opener),
        Arc::<ManualClock>::clone(&clock),
        Arc::clone(&findings),
    );
    let shared = Arc::new(Shared::new(
        Arc::<ManualClock>::clone(&clock),
        Arc::clone(&findings),
        Arc::new(shelf),
    ));
    let terms = crate::store::terms(&StoreOptions::default());
    let mut ledger = Ledger::new(audit, Arc::clone(&opener), &shared, terms);
    ledger.open(crate::ledger::Known::of(None)).unwrap();
    let sessions = vault::open(dir, &*opener, 0, &Anchor::Missing, &findings, &*clock);
    let (queue, receiver) = Queue::new();
    let writer = Writer::new(Parts {
        dir: dir.to_path_buf(),
        opener,
        cache_bytes: 0,
        shared,
        sessions,
        ledger,
        ledger_error: None,
        head: Head::default(),
    });
    (writer, queue, receiver)
}

#[test]
fn nobody_is_told_before_the_sync_ended_and_one_sync_serves_all_who_wait() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let (writer, queue, receiver) = writer(&opener, dir.path());
    let engine = sessions_engine(&opener, dir.path());
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
fn a_flush_is_answered_after_the_sync_of_the_audit() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let (writer, queue, receiver) = writer(&opener, dir.path());
    let gate = audit_engine(&opener, dir.path()).gate();
    let thread = std::thread::spawn(move || writer.run(&receiver));
    let entry = Entry::of(record()).unwrap();
    assert!(queue.try_push(Op::Audit(entry), 0));
    let (ack, mut answer) = oneshot::channel();
    assert!(queue.try_push(Op::Flush { ack }, 0));
    gate.began.recv().unwrap();
    assert!(answer.try_recv().is_err(), "acknowledged before the sync");
    gate.leave.send(()).unwrap();
    answer.blocking_recv().unwrap().unwrap();
    queue.close();
    thread.join().unwrap();
}

#[test]
fn the_writer_is_at_its_work_until_a_sync_ends_and_then_waits() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let (writer, queue, receiver) = writer(&opener, dir.path());
    let shared = Arc::clone(&writer.shared);
    let gate = audit_engine(&opener, dir.path()).gate();
    let thread = std::thread::spawn(move || writer.run(&receiver));
    let entry = Entry::of(record()).unwrap();
    assert!(queue.try_push(Op::Audit(entry), 0));
    gate.began.recv().unwrap();
    while shared.labour() < Duration::from_millis(5) {
        std::thread::yield_now();
    }
    gate.leave.send(()).unwrap();
    while shared.labour() > Duration::ZERO {
        std::thread::yield_now();
    }
    queue.close();
    thread.join().unwrap();
}

#[test]
fn a_group_is_bounded_in_operations_and_in_bytes() {
    for (n_bytes, n_expected) in [(0, 256), (4096, 64)] {
        let dir = tempfile::tempdir().unwrap();
        let opener = Arc::new(MemoryOpener::default());
        let (writer, queue, receiver) = writer(&opener, dir.path());
        for _ in 0..1000 {
            let entry = Entry::new(0, vec![0; n_bytes]);
            assert!(queue.try_push(Op::Audit(entry), n_bytes));
        }
        let group = writer.gather(receiver.recv().unwrap(), &receiver);
        assert_eq!(group.n_ops(), n_expected, "{n_bytes}");
    }
}

#[tokio::test]
async fn a_failed_write_is_refused_with_the_reason_and_the_store_takes_writes_again() {
    let cases = [
        (Failure::Apply, "no storage space"),
        (Failure::Sync, "no storage space"),
        (Failure::Panic, "the engine panicked: tried to serialize"),
    ];
    for (failure, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        let opener = Arc::new(MemoryOpener::default());
        let store = open(&opener, dir.path());
        let engine = sessions_engine(&opener, dir.path());
        let id = SessionId::generate();
        let sessions = store.sessions();
        let before = sessions.append(meta(id, 1), vec![event(1)]);
        before.await.unwrap();

        opener.is_full.store(true, Ordering::Relaxed);
        *engine.failure.lock() = Some(failure);
        let failed = sessions.append(meta(id, 2), vec![event(2)]).await;
        *engine.failure.lock() = None;
        let reason = failed.unwrap_err().to_string();
        assert!(reason.contains(words), "{failure:?}: {reason}");
        let later = sessions.append(meta(id, 2), vec![event(2)]).await;
        assert!(matches!(later, Err(StoreError::Poisoned { .. })));
        assert_eq!(store.stats().n_outages, 1);
        assert!(
            matches!(store.stats().integrity, Integrity::Degraded(text) if text.contains(words))
        );
        // The audit has an engine of its own.
        store.audit().append(record());

        opener.is_full.store(false, Ordering::Relaxed);
        until(|| store.stats().integrity == Integrity::Ok).await;
        let again = sessions.append(meta(id, 2), vec![event(2)]).await;
        match again {
            Ok(()) => {}
            // Written, though nobody was told.
            Err(StoreError::Conflict { head: 2, .. }) => {}
            Err(error) => panic!("{failure:?}: {error}"),
        }
        store.audit().flush().await.unwrap();
        assert_eq!(store.stats().n_audit_records, 1);
        assert_eq!(store.stats().n_audit_dropped, 0);
        store.close().await;
    }
}

#[tokio::test]
async fn audit_records_wait_for_the_disk_and_are_written_once() {
    for failure in [Failure::Apply, Failure::Sync, Failure::Panic] {
        let dir = tempfile::tempdir().unwrap();
        let opener = Arc::new(MemoryOpener::default());
        let store = open(&opener, dir.path());
        let engine = audit_engine(&opener, dir.path());
        for _ in 0..70 {
            store.audit().append(record());
        }
        store.audit().flush().await.unwrap();

        opener.is_full.store(true, Ordering::Relaxed);
        *engine.failure.lock() = Some(failure);
        for _ in 0..70 {
            store.audit().append(record());
        }
        let flush = store.audit().flush().await;
        // Whoever asks meanwhile is not held up.
        let audit = store.audit();
        let asked = tokio::time::timeout(Duration::ZERO, audit.catch_up()).await;
        assert!(asked.is_ok() && audit.outage().is_some(), "{failure:?}");
        assert!(matches!(flush, Err(StoreError::Poisoned { .. })));
        *engine.failure.lock() = None;
        store.audit().append(record());
        opener.is_full.store(false, Ordering::Relaxed);
        until(|| store.stats().integrity == Integrity::Ok).await;
        store.audit().flush().await.unwrap();
        let stats = store.stats();
        assert_eq!((stats.n_audit_records, stats.n_audit_dropped), (141, 0));
        let query = AuditQuery {
            limit: 1000,
            ..AuditQuery::default()
        };
        let page = store.audit().query(query).await.unwrap();
        let seqs: Vec<_> = page.records.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, (1..=141).rev().collect::<Vec<_>>(), "{failure:?}");
        assert!(page.damaged.is_empty() && page.missing.is_empty());
        store.close().await;
    }
}

#[tokio::test]
async fn a_store_opens_on_a_full_disk_and_begins_to_write_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    opener.is_full.store(true, Ordering::Relaxed);
    let store = open(&opener, dir.path());
    assert!(matches!(store.stats().integrity, Integrity::Degraded(_)));
    store.audit().append(record());
    assert!(store.audit().query(AuditQuery::default()).await.is_err());
    opener.is_full.store(false, Ordering::Relaxed);
    until(|| store.stats().n_audit_records == 1).await;
    store.audit().flush().await.unwrap();
    store.close().await;
}

/// Returns once `is_so`, which the writer's thread makes so.
async fn until(is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while !is_so() {
            look.tick().await;
        }
    });
    waited.await.unwrap();
}

#[tokio::test]
async fn a_damaged_audit_block_is_reported_with_its_numbers_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    for _ in 0..150 {
        store.audit().append(record());
    }
    store.audit().flush().await.unwrap();
    let engine = audit_engine(&opener, dir.path());
    damage(&engine, &key::block(65));

    let query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    let page = store.audit().query(query).await.unwrap();
    assert_eq!(page.records.len(), 150 - 64);
    assert_eq!(page.damaged, (65..=128).rev().collect::<Vec<_>>());
    let words = "audit records 65 to 128 are damaged: its checksum does not match";
    assert_eq!(
        store.stats().integrity,
        Integrity::Degraded(words.to_owned())
    );
    store.close().await;
}

#[tokio::test]
async fn a_damaged_event_is_an_error_with_its_number_and_can_be_passed() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    let id = SessionId::generate();
    let sessions = store.sessions();
    let events: Vec<_> = (1..=5).map(event).collect();
    let write = sessions.append(meta(id, 5), events.clone());
    write.await.unwrap();
    damage(&sessions_engine(&opener, dir.path()), &key::event(id, 3, 0));

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
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    let sessions = store.sessions();
    let [bad, good] = [SessionId::generate(), SessionId::generate()];
    for id in [bad, good] {
        let write = sessions.append(meta(id, 1), vec![event(1)]);
        write.await.unwrap();
    }
    damage(&sessions_engine(&opener, dir.path()), &key::session(bad));

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
async fn a_damaged_session_can_be_removed_and_its_name_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    let engine = sessions_engine(&opener, dir.path());
    let sessions = store.sessions();
    let other = SessionId::generate();
    let write = sessions.append(meta(other, 1), vec![event(1)]);
    write.await.unwrap();
    let spoil: [&dyn Fn(SessionId); 3] = [
        &|id| damage(&engine, &key::session(id)),
        &|id| damage(&engine, &key::event(id, 1, 0)),
        &|id| engine.remove(&key::session(id)),
    ];
    for spoil in spoil {
        let id = SessionId::generate();
        let write = sessions.append(meta(id, 2), vec![event(1), event(2)]);
        write.await.unwrap();
        spoil(id);
        assert!(sessions.remove(id).await.unwrap());
        assert_eq!(sessions.get(id).await.unwrap(), None);
        assert!(!sessions.remove(id).await.unwrap(), "it was there twice");
        let write = sessions.append(meta(id, 1), vec![event(1)]);
        write.await.unwrap();
        assert_eq!(sessions.events(id, 0, 10).await.unwrap(), [event(1)]);
    }
    assert_eq!(sessions.events(other, 0, 10).await.unwrap(), [event(1)]);
    store.close().await;
}

#[tokio::test]
async fn an_event_that_is_gone_is_reported_and_not_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    let sessions = store.sessions();
    for gone in [1, 3, 5] {
        let id = SessionId::generate();
        let write = sessions.append(meta(id, 5), (1..=5).map(event).collect());
        write.await.unwrap();
        sessions_engine(&opener, dir.path()).remove(&key::event(id, gone, 0));
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
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    let sessions = store.sessions();
    let id = SessionId::generate();
    let write = sessions.append(meta(id, 2), vec![event(1), event(2)]);
    write.await.unwrap();
    sessions_engine(&opener, dir.path()).remove(&key::session(id));

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
async fn a_closed_store_leaves_exact_anchors() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    for _ in 0..5 {
        store.audit().append(record());
    }
    store.audit().flush().await.unwrap();
    assert_eq!(store.stats().last_commit_at_ms, Some(77));
    store.close().await;
    let expected = Head {
        schema: 2,
        count: 5,
        last_seq: 5,
        commit: 0,
        first_seq: 1,
    };
    let found = anchor::read(dir.path(), anchor::STORE).unwrap();
    assert_eq!(found, Anchor::Held(expected));
    let found = anchor::read::<SegmentHead>(&dir.path().join(AUDIT), "000001.head").unwrap();
    let Anchor::Held(head) = found else {
        panic!("{found:?}")
    };
    assert_eq!((head.first_seq, head.count, head.is_sealed), (1, 5, false));
    assert_eq!((head.min_at_ms, head.max_at_ms), (1, 1));
}

#[tokio::test]
async fn an_anchor_that_cannot_be_written_is_reported_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs_err::create_dir(dir.path().join("audit.head.new")).unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    assert!(matches!(store.stats().integrity, Integrity::Degraded(words)
        if words.starts_with("the head anchor could not be written")));
    store.audit().append(record());
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
    let opener = Arc::new(MemoryOpener::default());
    let (writer, queue, receiver) = writer(&opener, dir.path());
    let answer = push_session(&queue);
    queue.close();
    writer.run(&receiver);
    answer.blocking_recv().unwrap().unwrap();
    let engine = sessions_engine(&opener, dir.path());
    let bytes = engine.get(key::COMMIT).unwrap().unwrap();
    let expected = Totals {
        commit: 1,
        n_audit: 0,
        n_sessions: 1,
    };
    assert_eq!(Totals::decode(&bytes), Ok(expected));
}
