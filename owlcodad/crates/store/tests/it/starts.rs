//! Calls are recorded when they begin: which run, and which were lost with their process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use owlcoda_store::{
    AuditOrder, AuditQuery, AuditRecord, AuditStarts, StatusClass, Store, StoreOptions, offline,
};
use owlcoda_types::ManualClock;

use crate::sample::record;

const NOW_MS: i64 = 1_700_000_000_000;

fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 40_000,
        clock: Arc::new(ManualClock::at(NOW_MS)),
        ..StoreOptions::default()
    }
}

/// A call that begins `number` seconds before now.
fn begun(number: u64) -> AuditRecord {
    let mut call = record(number);
    call.at_ms = NOW_MS - 1000 * i64::try_from(number).unwrap();
    call.elapsed_ms = 0;
    call.outcome = AuditRecord::STARTED.to_owned();
    call.status = 0;
    call
}

fn ended(number: u64) -> AuditRecord {
    AuditRecord {
        outcome: "ok".to_owned(),
        status: 200,
        ..begun(number)
    }
}

/// Name and outcome of what `query` finds, oldest first.
async fn found(store: &Store, query: AuditQuery) -> Vec<(u64, String)> {
    store.audit().flush().await.unwrap();
    let mut all = Vec::new();
    let mut query = Some(AuditQuery {
        order: AuditOrder::OldestFirst,
        ..query
    });
    while let Some(asked) = query {
        let page = store.audit().query(asked.clone()).await.unwrap();
        assert!(
            page.missing.is_empty() && page.damaged.is_empty(),
            "{page:?}"
        );
        query = asked.following(&page);
        all.extend(page.records.into_iter().map(|(_, record)| {
            let number = record.request_id.as_bytes().last_chunk().unwrap();
            (u64::from_be_bytes(*number), record.outcome)
        }));
    }
    all
}

fn running() -> AuditQuery {
    AuditQuery {
        starts: AuditStarts::Running,
        ..AuditQuery::default()
    }
}

fn pairs(pairs: &[(u64, &str)]) -> Vec<(u64, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(n, outcome)| (*n, (*outcome).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_call_is_seen_once_while_it_runs_and_once_it_has_ended() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), options()).unwrap();
    let audit = store.audit();
    audit.begin(begun(7));
    audit.begin(begun(3));
    assert_eq!(
        found(&store, running()).await,
        pairs(&[(7, "running"), (3, "running")])
    );
    audit.append(ended(7));
    let room = audit.reserve(Duration::from_secs(9)).await.unwrap();
    room.begin(begun(5)).await.unwrap();
    assert_eq!(
        found(&store, running()).await,
        pairs(&[(3, "running"), (7, "ok"), (5, "running")])
    );
    let room = audit.reserve(Duration::from_secs(9)).await.unwrap();
    room.append(ended(5)).await.unwrap();
    assert_eq!(
        found(&store, running()).await,
        pairs(&[(3, "running"), (7, "ok"), (5, "ok")])
    );
    assert_eq!(
        found(&store, AuditQuery::default()).await,
        pairs(&[(7, "ok"), (5, "ok")])
    );

    // It runs since 3 s, and has no status.
    for (min_elapsed_ms, n_found) in [(3000, 1), (3001, 0)] {
        let query = AuditQuery {
            min_elapsed_ms: Some(min_elapsed_ms),
            ..running()
        };
        assert_eq!(found(&store, query).await.len(), n_found);
    }
    for status_class in StatusClass::ALL {
        let query = AuditQuery {
            status_class: Some(status_class),
            starts: AuditStarts::Running,
            ..AuditQuery::default()
        };
        let expected = if status_class == StatusClass::Success {
            2
        } else {
            0
        };
        assert_eq!(
            found(&store, query).await.len(),
            expected,
            "{status_class:?}"
        );
    }
    store.close().await;
}

/// Leaves some calls without their end: fewer and fewer of those before `n_calls`.
async fn leave(home: &Path, n_calls: u64) -> Vec<u64> {
    let store = Store::open(home, options()).unwrap();
    let audit = store.audit();
    let mut left = Vec::new();
    // The oldest first, as they come.
    for number in (1..=n_calls).rev() {
        audit.begin(begun(number));
        if number % 97 == 1 {
            left.push(number);
        } else {
            audit.append(ended(number));
        }
        if number.is_multiple_of(50) {
            audit.flush().await.unwrap();
        }
    }
    audit.flush().await.unwrap();
    assert!(store.stats().n_segments > 1, "{:?}", store.stats());
    store.close().await;
    left
}

#[tokio::test]
async fn calls_without_an_end_get_one_when_the_store_is_next_opened_and_only_then() {
    let home = tempfile::tempdir().unwrap();
    let left = leave(home.path(), 700).await;
    let store = Store::open(home.path(), options()).unwrap();
    // Calls of this process are none of them.
    store.audit().begin(begun(1000));
    assert_eq!(store.audit().close_lost().await.unwrap(), left.len());
    let all = found(&store, running()).await;
    let lost: Vec<_> = all
        .iter()
        .filter(|(_, outcome)| outcome == "lost")
        .collect();
    let mut lost: Vec<_> = lost.into_iter().map(|(number, _)| *number).collect();
    lost.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(lost, left);
    assert_eq!(
        all.iter()
            .filter(|(_, outcome)| outcome == "running")
            .count(),
        1
    );
    let errors = AuditQuery {
        status_class: Some(StatusClass::ServerError),
        ..AuditQuery::default()
    };
    assert_eq!(found(&store, errors).await.len(), left.len());
    store.close().await;

    // The one that was begun meanwhile is the only new one.
    for n_lost in [1, 0] {
        let store = Store::open(home.path(), options()).unwrap();
        assert_eq!(store.audit().close_lost().await.unwrap(), n_lost);
        store.audit().flush().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn an_archive_has_beginnings_too_and_they_are_found_after_it_became_a_store() {
    let home = tempfile::tempdir().unwrap();
    let left = leave(home.path(), 300).await;
    let mut archive = std::io::Cursor::new(Vec::new());
    let manifest = offline::export(home.path(), &options(), &mut archive).unwrap();
    assert_eq!(manifest.n_unreadable, 0);
    let other = tempfile::tempdir().unwrap();
    let imported = offline::import(&other.path().join("store"), &options(), &mut archive).unwrap();
    assert_eq!(imported, manifest);
    assert!(
        offline::verify(&other.path().join("store"))
            .unwrap()
            .problems
            .is_empty()
    );
    let store = Store::open(&other.path().join("store"), options()).unwrap();
    assert_eq!(store.audit().close_lost().await.unwrap(), left.len());
    store.close().await;
}

#[tokio::test]
async fn a_store_without_beginnings_has_no_lost_calls() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), options()).unwrap();
    assert_eq!(store.audit().close_lost().await.unwrap(), 0);
    for number in 0..200 {
        store.audit().append(record(number));
    }
    store.audit().flush().await.unwrap();
    store.close().await;
    let store = Store::open(home.path(), options()).unwrap();
    assert_eq!(store.audit().close_lost().await.unwrap(), 0);
    store.close().await;
}
