//! A record that has a place is never lost, and who finds none is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{audit_engine, open, record, until};
use crate::StoreError;
use crate::engine::memory::{Failure, MemoryOpener};
use crate::integrity::Integrity;
use crate::queue::MAX_QUEUED;

/// Long enough for whatever is sure to come.
const AGES: Duration = Duration::from_secs(20);

/// Whether `written` has not ended yet.
async fn is_pending(written: &mut (impl Future + Unpin)) -> bool {
    tokio::select! {
        biased;
        _ = written => false,
        () = std::future::ready(()) => true,
    }
}

#[tokio::test]
async fn a_place_is_kept_in_a_full_queue_and_without_one_there_is_an_error_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    let audit = store.audit();
    let place = audit.reserve(AGES).await.unwrap();
    let gate = audit_engine(&opener, dir.path()).gate();
    audit.append(record());
    gate.began.recv().unwrap();
    for _ in 0..MAX_QUEUED {
        audit.append(record());
    }
    let n_dropped = store.stats().n_audit_dropped;
    assert!(n_dropped > 0, "the queue is full");
    let wait = Duration::from_millis(20);
    let refused = audit.reserve(wait).await.unwrap_err();
    assert!(matches!(refused, StoreError::NoRoom { waited } if waited == wait));

    let mut written = Box::pin(place.append(record()));
    assert!(is_pending(&mut written).await, "told before the sync");
    // From here on every sync ends.
    drop(gate);
    written.await.unwrap();
    audit.flush().await.unwrap();
    assert_eq!(store.stats().n_audit_dropped, n_dropped);
    assert_eq!(
        store.stats().n_audit_records,
        2 + MAX_QUEUED as u64 - n_dropped
    );
    drop(audit.reserve(AGES).await.unwrap());
    store.close().await;
}

#[tokio::test]
async fn while_records_do_not_become_durable_no_place_is_given_and_those_given_before_hold() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    let audit = store.audit();
    let engine = audit_engine(&opener, dir.path());
    let place = audit.reserve(AGES).await.unwrap();
    opener.is_full.store(true, Ordering::Relaxed);
    *engine.failure.lock() = Some(Failure::Sync);
    let mut written = Box::pin(place.append(record()));
    until(|| audit.outage().is_some()).await;
    *engine.failure.lock() = None;
    let refused = audit.reserve(AGES).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Poisoned { reason } if reason.contains("no storage space")),
        "{refused}"
    );
    assert!(
        is_pending(&mut written).await,
        "told of what is not durable"
    );
    // Past every bound of what waits for a disk.
    for _ in 0..40_000 {
        audit.append(record());
    }
    until(|| store.stats().n_audit_dropped > 0).await;
    opener.is_full.store(false, Ordering::Relaxed);
    written.await.unwrap();
    until(|| store.stats().integrity == Integrity::Ok).await;
    assert_eq!(audit.outage(), None);
    let place = audit.reserve(AGES).await.unwrap();
    place.append(record()).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_store_that_closes_without_a_disk_does_not_say_that_a_record_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Arc::new(MemoryOpener::default());
    let store = open(&opener, dir.path());
    let place = store.audit().reserve(AGES).await.unwrap();
    let late = store.audit().reserve(AGES).await.unwrap();
    opener.is_full.store(true, Ordering::Relaxed);
    *audit_engine(&opener, dir.path()).failure.lock() = Some(Failure::Apply);
    let written = place.append(record());
    store.close().await;
    assert!(matches!(written.await, Err(StoreError::Closed)));
    assert!(matches!(
        late.append(record()).await,
        Err(StoreError::Closed)
    ));
    assert_eq!(store.stats().n_audit_dropped, 2);
}
