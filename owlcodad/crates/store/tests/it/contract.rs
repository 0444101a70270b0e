//! What any engine behind the store must keep.

use std::os::unix::fs::PermissionsExt;

use owlcoda_store::{
    AuditPage, AuditQuery, Integrity, MAX_EVENT_BYTES, Store, StoreError, StoreOptions,
    StoredEvent, offline,
};
use owlcoda_types::{ErrorCode, SessionId};

use crate::sample::{event, meta, open, record};

#[tokio::test]
async fn a_new_store_is_empty_and_private() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a/store");
    let store = open(&dir).unwrap();
    let stats = store.stats();
    assert_eq!((stats.n_audit_records, stats.n_sessions), (0, 0));
    assert_eq!(stats.integrity, Integrity::Ok);
    let page = store.audit().query(AuditQuery::default()).await.unwrap();
    assert_eq!(page, AuditPage::default());
    assert_eq!(store.sessions().list(10).await.unwrap(), []);
    let mode = fs_err::metadata(&dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    store.close().await;
}

#[tokio::test]
async fn audit_records_come_back_newest_first_over_pages() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let audit = store.audit();
    for number in 1..=1000 {
        audit.append(record(number));
    }
    audit.flush().await.unwrap();
    assert_eq!(store.stats().n_audit_records, 1000);

    let mut seen = Vec::new();
    let mut before_seq = None;
    loop {
        let query = AuditQuery {
            limit: 300,
            before_seq,
            ..AuditQuery::default()
        };
        let page = audit.query(query).await.unwrap();
        assert!(page.damaged.is_empty() && page.missing.is_empty());
        seen.extend(page.records);
        before_seq = page.next;
        if before_seq.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (1..=1000).rev().map(|seq| (seq, record(seq))).collect();
    assert_eq!(seen, expected);
    store.close().await;
}

#[tokio::test]
async fn the_audit_is_filtered_by_model_and_status() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let audit = store.audit();
    for number in 1..=30 {
        audit.append(record(number));
    }
    audit.flush().await.unwrap();
    let seqs = |page: AuditPage| -> Vec<u64> { page.records.iter().map(|(seq, _)| *seq).collect() };
    let query = AuditQuery {
        model: Some("model-0".to_owned()),
        min_status: Some(500),
        ..AuditQuery::default()
    };
    assert_eq!(seqs(audit.query(query).await.unwrap()), [30, 15]);
    let query = AuditQuery {
        model: Some("served".to_owned()),
        min_status: Some(201),
        limit: 2,
        ..AuditQuery::default()
    };
    assert_eq!(seqs(audit.query(query).await.unwrap()), [30, 25]);
    let query = AuditQuery {
        model: Some("other".to_owned()),
        ..AuditQuery::default()
    };
    assert_eq!(audit.query(query).await.unwrap(), AuditPage::default());
    store.close().await;
}

#[tokio::test]
async fn everything_is_there_after_a_reopen_and_numbers_go_on() {
    let home = tempfile::tempdir().unwrap();
    let id = SessionId::generate();
    for round in 0..3 {
        let store = open(home.path()).unwrap();
        assert_eq!(store.stats().integrity, Integrity::Ok);
        assert_eq!(store.stats().n_audit_records, round * 10);
        for number in 1..=10 {
            store.audit().append(record(round * 10 + number));
        }
        let head = round + 1;
        let sessions = store.sessions();
        sessions
            .append(meta(id, head), vec![event(head, 100)])
            .await
            .unwrap();
        store.close().await;
    }
    let store = open(home.path()).unwrap();
    let page = store.audit().query(AuditQuery::default()).await.unwrap();
    let expected: Vec<_> = (1..=30).rev().map(|seq| (seq, record(seq))).collect();
    assert_eq!(page.records, expected);
    assert_eq!(
        store.sessions().get(id).await.unwrap().as_ref(),
        Some(&meta(id, 3))
    );
    assert_eq!(store.stats().n_sessions, 1);
    store.close().await;
}

#[tokio::test]
async fn events_are_read_after_a_number_and_in_order() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    // Two sessions whose keys are neighbours, so that a read past the end would show.
    let [first, second] = [SessionId::generate(), SessionId::generate()];
    for id in [first, second] {
        let events = (1..=20).map(|seq| event(seq, 10)).collect();
        sessions.append(meta(id, 20), events).await.unwrap();
    }
    let expected: Vec<_> = (16..=20).map(|seq| event(seq, 10)).collect();
    assert_eq!(sessions.events(first, 15, 100).await.unwrap(), expected);
    assert_eq!(sessions.events(first, 15, 2).await.unwrap(), expected[..2]);
    assert_eq!(sessions.events(first, 20, 100).await.unwrap(), []);
    assert_eq!(sessions.events(first, u64::MAX, 100).await.unwrap(), []);
    assert_eq!(sessions.events(first, 0, 0).await.unwrap(), []);
    let unknown = SessionId::generate();
    assert_eq!(sessions.events(unknown, 0, 100).await.unwrap(), []);
    assert_eq!(sessions.get(unknown).await.unwrap(), None);
    store.close().await;
}

#[tokio::test]
async fn sessions_are_listed_by_their_last_change() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let mut expected = Vec::new();
    for number in 0..100_i64 {
        let mut state = meta(SessionId::generate(), 0);
        state.updated_at_ms = (number * 37) % 100;
        sessions.append(state.clone(), Vec::new()).await.unwrap();
        expected.push(state);
    }
    expected.sort_by_key(|state| -state.updated_at_ms);
    assert_eq!(sessions.list(7).await.unwrap(), expected[..7]);
    assert_eq!(sessions.list(1000).await.unwrap(), expected);
    assert_eq!(store.stats().n_sessions, 100);
    store.close().await;
}

#[tokio::test]
async fn an_append_that_does_not_follow_the_head_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let id = SessionId::generate();
    let events = vec![event(1, 10), event(2, 10)];
    sessions.append(meta(id, 2), events.clone()).await.unwrap();

    for (first, last) in [(2, 2), (1, 2), (4, 4)] {
        let late = (first..=last).map(|seq| event(seq, 99)).collect();
        let error = sessions.append(meta(id, last), late).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Conflict { head: 2, got, .. } if got == first),
            "{first}: {error}"
        );
        assert_eq!(error.code(), ErrorCode::Conflict);
    }
    let unknown = SessionId::generate();
    let error = sessions.append(meta(unknown, 5), vec![event(5, 1)]).await;
    assert!(matches!(error, Err(StoreError::Conflict { head: 0, .. })));

    assert_eq!(sessions.get(id).await.unwrap(), Some(meta(id, 2)));
    assert_eq!(sessions.events(id, 0, 10).await.unwrap(), events);
    assert_eq!(sessions.get(unknown).await.unwrap(), None);
    assert_eq!(store.stats().n_sessions, 1);
    store.close().await;
}

#[tokio::test]
async fn an_append_that_contradicts_itself_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let id = SessionId::generate();
    let cases = [
        ("a gap", 3, vec![event(1, 1), event(3, 1)]),
        (
            "a head behind the events",
            1,
            vec![event(1, 1), event(2, 1)],
        ),
        ("a head past the events", 2, vec![event(1, 1)]),
        ("a number 0", 0, vec![event(0, 1)]),
    ];
    for (label, head_seq, events) in cases {
        let error = sessions
            .append(meta(id, head_seq), events)
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::OutOfOrder { .. }), "{label}");
    }
    store.close().await;
}

#[tokio::test]
async fn of_two_writers_of_the_same_number_one_wins() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let id = SessionId::generate();
    let (first, second) = tokio::join!(
        sessions.append(meta(id, 1), vec![event(1, 10)]),
        sessions.append(meta(id, 1), vec![event(1, 20)]),
    );
    assert!(first.is_ok());
    assert!(matches!(
        second,
        Err(StoreError::Conflict {
            head: 1,
            got: 1,
            ..
        })
    ));
    assert_eq!(sessions.events(id, 0, 10).await.unwrap(), [event(1, 10)]);
    store.close().await;
}

#[tokio::test]
async fn a_state_changes_without_events_at_the_same_head() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let id = SessionId::generate();
    let write = sessions.append(meta(id, 1), vec![event(1, 1)]);
    write.await.unwrap();
    let mut renamed = meta(id, 1);
    renamed.title = "another name".to_owned();
    sessions.append(renamed.clone(), Vec::new()).await.unwrap();
    assert_eq!(sessions.get(id).await.unwrap(), Some(renamed));
    let error = sessions.append(meta(id, 2), Vec::new()).await;
    assert!(matches!(error, Err(StoreError::Conflict { .. })));
    store.close().await;
}

#[tokio::test]
async fn events_of_every_size_up_to_the_limit_come_back() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let id = SessionId::generate();
    let sizes = [0, 1, 6121, 6122, 6123, 12_244, 65_536, 100_000, 10 << 20];
    let events: Vec<_> = (1..).zip(sizes).map(|(seq, n)| event(seq, n)).collect();
    let write = sessions.append(meta(id, 9), events.clone());
    write.await.unwrap();
    assert_eq!(sessions.events(id, 0, 100).await.unwrap(), events);

    let error = sessions
        .append(meta(id, 10), vec![event(10, MAX_EVENT_BYTES + 1)])
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge);
    assert_eq!(
        error.to_string(),
        "an event has 16777217 bytes, the limit is 16777216"
    );
    let three = (10..=12).map(|seq| event(seq, 6 << 20)).collect();
    let error = sessions.append(meta(id, 12), three).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge);
    let mut state = meta(id, 9);
    state.title = "x".repeat(10_000);
    let error = sessions.append(state, Vec::new()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge);
    store.close().await;
}

#[tokio::test]
async fn an_event_of_ten_mebibytes_is_the_same_after_a_restart_and_in_an_archive() {
    let home = tempfile::tempdir().unwrap();
    let id = SessionId::generate();
    let of = |seq, byte: u8, n_bytes| StoredEvent {
        seq,
        at_ms: 5,
        body: vec![byte; n_bytes],
    };
    // What every byte of takes two in JSON, what takes six, and what is no text.
    let events = [
        of(1, b'"', 10 << 20),
        of(2, 1, 1 << 20),
        of(3, 0xff, 2 << 20),
    ];
    let dir = home.path().join("store");
    let store = Store::open(&dir, StoreOptions::default()).unwrap();
    let sessions = store.sessions();
    for event in &events {
        let write = sessions.append(meta(id, event.seq), vec![event.clone()]);
        write.await.unwrap();
    }
    store.close().await;
    let mut archive = std::io::Cursor::new(Vec::new());
    let manifest = offline::export(&dir, &StoreOptions::default(), &mut archive).unwrap();
    assert_eq!((manifest.n_events, manifest.n_unreadable), (3, 0));
    let copy = home.path().join("copy");
    offline::import(&copy, &StoreOptions::default(), &mut archive).unwrap();
    for dir in [&dir, &copy] {
        let store = Store::open(dir, StoreOptions::default()).unwrap();
        let mut found = Vec::new();
        while found.len() < events.len() {
            let page = store
                .sessions()
                .events(id, found.len() as u64, 100)
                .await
                .unwrap();
            let n_bytes: usize = page.iter().map(|event| event.body.len()).sum();
            assert!(n_bytes <= 32 << 20, "a page holds {n_bytes} bytes");
            found.extend(page);
        }
        assert!(found == events, "{}", dir.display());
        store.close().await;
    }
}

#[tokio::test]
async fn a_page_of_large_events_is_cut_but_never_empty_before_the_end() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    let id = SessionId::generate();
    for seq in 1..=3 {
        let write = sessions.append(meta(id, seq), vec![event(seq, MAX_EVENT_BYTES)]);
        write.await.unwrap();
    }
    for seq in 1..=3 {
        let page = sessions.events(id, seq - 1, 100).await.unwrap();
        assert_eq!(page, [event(seq, MAX_EVENT_BYTES)]);
    }
    store.close().await;
}

#[tokio::test]
async fn a_closed_store_answers_that_it_is_closed() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let id = SessionId::generate();
    store.audit().append(record(1));
    store.close().await;
    store.close().await;
    assert_eq!(store.stats().n_audit_records, 1);

    store.audit().append(record(2));
    assert_eq!(store.stats().n_audit_dropped, 1);
    let append = store.sessions().append(meta(id, 0), Vec::new()).await;
    assert!(matches!(append, Err(StoreError::Closed)));
    let flush = store.audit().flush().await;
    assert!(matches!(flush, Err(StoreError::Closed)));
    let error = store.sessions().get(id).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ShuttingDown);
}

#[tokio::test]
async fn a_store_that_is_open_cannot_be_opened_again_until_it_is_closed() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let error = open(home.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert_eq!(error.code(), ErrorCode::Busy);
    store.close().await;
    open(home.path()).unwrap().close().await;
}
