//! A defect in the thread that writes: whoever opened the store is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use owlcoda_store::{Store, StoreOptions};
use owlcoda_types::{Clock, UnixMs};

use crate::sample::record;

static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// A clock that breaks the thread that writes, and no other.
#[derive(Debug)]
struct BrokenClock;

impl Clock for BrokenClock {
    fn now_ms(&self) -> UnixMs {
        let thread = std::thread::current();
        assert_ne!(thread.name(), Some("store-writer"), "broken on purpose");
        0
    }
}

#[tokio::test]
async fn a_defect_of_the_writer_is_told_and_does_not_hang_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        clock: Arc::new(BrokenClock),
        on_defect: || IS_TOLD.store(true, Ordering::SeqCst),
        ..StoreOptions::default()
    };
    let store = Store::open(dir.path(), options).unwrap();
    assert!(!IS_TOLD.load(Ordering::SeqCst));
    store.audit().append(record(1));
    store.close().await;
    assert!(IS_TOLD.load(Ordering::SeqCst));
}
