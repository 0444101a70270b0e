//! Segments: where one ends, what retention removes, and what is said of one that is gone.

use std::path::Path;
use std::sync::Arc;

use owlcoda_store::{AuditQuery, Integrity, Store, StoreOptions};
use owlcoda_types::ManualClock;

use crate::sample::record;

/// 2026-01-20.
const JANUARY_MS: i64 = 1_768_900_000_000;
const DAY_MS: i64 = 86_400_000;

fn options(clock: &Arc<ManualClock>) -> StoreOptions {
    StoreOptions {
        clock: Arc::<ManualClock>::clone(clock),
        ..StoreOptions::default()
    }
}

/// Appends `n_records` that end now.
#[expect(clippy::unwrap_used, reason = "a flush that fails fails the test")]
async fn append(store: &Store, clock: &ManualClock, n_records: u64) {
    use owlcoda_types::Clock as _;
    for number in 1..=n_records {
        let mut record = record(number);
        record.at_ms = clock.now_ms();
        store.audit().append(record);
    }
    store.audit().flush().await.unwrap();
}

/// The numbers of the records from the oldest on, and the gaps.
#[expect(
    clippy::unwrap_used,
    reason = "a page that cannot be read fails the test"
)]
async fn all(store: &Store) -> (Vec<u64>, Vec<(u64, u64)>) {
    let mut query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    let (mut seqs, mut missing) = (Vec::new(), Vec::new());
    loop {
        let page = store.audit().query(query.clone()).await.unwrap();
        seqs.extend(page.records.iter().map(|(seq, _)| *seq));
        missing.extend(page.missing.iter().copied());
        match query.following(&page) {
            Some(next) => query = next,
            None => break,
        }
    }
    seqs.reverse();
    (seqs, missing)
}

fn directories(home: &Path) -> usize {
    (1..=99)
        .filter(|number| home.join(format!("audit/{number:06}")).exists())
        .count()
}

#[tokio::test]
async fn a_segment_ends_with_the_month_and_numbers_go_on() {
    let home = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(JANUARY_MS));
    let store = Store::open(home.path(), options(&clock)).unwrap();
    append(&store, &clock, 5).await;
    clock.advance(5 * DAY_MS);
    append(&store, &clock, 5).await;
    assert_eq!(store.stats().n_segments, 1);
    clock.advance(10 * DAY_MS);
    append(&store, &clock, 5).await;
    assert_eq!(store.stats().n_segments, 2);
    let expected: Vec<_> = (1..=15).collect();
    assert_eq!(all(&store).await, (expected.clone(), Vec::new()));
    store.close().await;
    let store = Store::open(home.path(), options(&clock)).unwrap();
    assert_eq!(store.stats().n_audit_records, 15);
    assert_eq!(all(&store).await, (expected, Vec::new()));
    assert_eq!(store.stats().integrity, Integrity::Ok);
    store.close().await;
}

#[tokio::test]
async fn segments_that_are_too_old_go_whole_and_at_once() {
    let home = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(JANUARY_MS));
    let options = StoreOptions {
        max_audit_age_ms: Some(60 * DAY_MS),
        ..options(&clock)
    };
    let store = Store::open(home.path(), options.clone()).unwrap();
    for _ in 0..3 {
        append(&store, &clock, 10).await;
        // Once it is answered, the writer has looked for old segments by the time of the append.
        store.audit().flush().await.unwrap();
        clock.advance(31 * DAY_MS);
    }
    // The oldest was 62 days old when the third began.
    assert_eq!(directories(home.path()), 2);
    // Now the next is.
    append(&store, &clock, 10).await;
    store.audit().flush().await.unwrap();
    let stats = store.stats();
    assert_eq!((stats.n_segments, stats.n_audit_records), (2, 20));
    assert_eq!((stats.first_audit_seq, stats.last_audit_seq), (21, 40));
    assert_eq!(directories(home.path()), 2);
    assert_eq!(all(&store).await, ((21..=40).collect(), Vec::new()));
    store.close().await;

    let store = Store::open(home.path(), options).unwrap();
    assert_eq!(store.stats().integrity, Integrity::Ok);
    assert_eq!(store.stats().first_audit_seq, 21);
    assert_eq!(all(&store).await, ((21..=40).collect(), Vec::new()));
    store.close().await;
}

#[tokio::test]
async fn the_oldest_segments_go_while_there_are_too_many_bytes() {
    let home = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(JANUARY_MS));
    let options = StoreOptions {
        segment_bytes: 60_000,
        max_audit_bytes: Some(400_000),
        ..options(&clock)
    };
    let store = Store::open(home.path(), options).unwrap();
    for _ in 0..40 {
        append(&store, &clock, 100).await;
    }
    store.audit().flush().await.unwrap();
    let stats = store.stats();
    assert!(stats.first_audit_seq > 1, "{stats:?}");
    assert!(stats.size_bytes < 1_500_000, "{stats:?}");
    let first = stats.first_audit_seq;
    assert_eq!(all(&store).await, ((first..=4000).collect(), Vec::new()));
    assert_eq!(directories(home.path()) as u64, stats.n_segments);
    store.close().await;
}

#[tokio::test]
async fn a_segment_that_somebody_removed_is_missing_and_the_others_are_read() {
    for gone in ["000001", "000002"] {
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(JANUARY_MS));
        let store = Store::open(home.path(), options(&clock)).unwrap();
        for _ in 0..3 {
            append(&store, &clock, 10).await;
            clock.advance(31 * DAY_MS);
        }
        store.close().await;
        fs_err::remove_dir_all(home.path().join("audit").join(gone)).unwrap();
        for end in ["head", "index"] {
            let path = home.path().join(format!("audit/{gone}.{end}"));
            fs_err::remove_file(path).unwrap();
        }
        let store = Store::open(home.path(), options(&clock)).unwrap();
        let gap = if gone == "000001" { (1, 10) } else { (11, 20) };
        let words = format!("audit records {} to {} are missing", gap.0, gap.1);
        assert_eq!(store.stats().integrity, Integrity::Degraded(words));
        let expected = (1..=30).filter(|seq| !(gap.0..=gap.1).contains(seq));
        assert_eq!(all(&store).await, (expected.collect(), vec![gap]));
        store.close().await;
    }
}

#[tokio::test]
async fn a_lost_index_is_read_from_the_segment() {
    let home = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(JANUARY_MS));
    let store = Store::open(home.path(), options(&clock)).unwrap();
    append(&store, &clock, 700).await;
    clock.advance(31 * DAY_MS);
    append(&store, &clock, 10).await;
    store.close().await;
    let index = home.path().join("audit/000001.index");
    for content in [None, Some(b"damaged".as_slice())] {
        match content {
            None => fs_err::remove_file(&index).unwrap(),
            Some(content) => fs_err::write(&index, content).unwrap(),
        }
        let store = Store::open(home.path(), options(&clock)).unwrap();
        assert_eq!(all(&store).await, ((1..=710).collect(), Vec::new()));
        assert_eq!(store.stats().integrity, Integrity::Ok);
        store.close().await;
    }
}

#[tokio::test]
async fn an_old_segment_that_cannot_be_opened_is_set_aside_by_the_first_question() {
    let home = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(JANUARY_MS));
    let store = Store::open(home.path(), options(&clock)).unwrap();
    append(&store, &clock, 70).await;
    clock.advance(31 * DAY_MS);
    append(&store, &clock, 10).await;
    store.close().await;
    let data = home.path().join("audit/000001/db");
    fs_err::remove_file(&data).unwrap();
    fs_err::create_dir(&data).unwrap();
    let store = Store::open(home.path(), options(&clock)).unwrap();
    let page = store.audit().query(AuditQuery::default()).await.unwrap();
    assert_eq!(page.records.len(), 10);
    assert_eq!(page.damaged.len(), 70);
    assert!(matches!(store.stats().integrity, Integrity::Degraded(words)
        if words.contains("was set aside as audit/000001.corrupt-")));
    assert_eq!(all(&store).await, ((71..=80).collect(), vec![(1, 70)]));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn questions_find_every_record_once_while_segments_end() {
    let home = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(JANUARY_MS));
    let options = StoreOptions {
        segment_bytes: 30_000,
        ..options(&clock)
    };
    let store = Store::open(home.path(), options).unwrap();
    append(&store, &clock, 300).await;
    let asking: Vec<_> = (0..3)
        .map(|_| {
            let store = store.clone();
            #[expect(clippy::disallowed_methods, reason = "a test without a supervisor")]
            tokio::spawn(async move {
                let mut n_asked = 0;
                while store.stats().last_audit_seq < 6000 {
                    let last = store.stats().last_audit_seq;
                    let query = AuditQuery {
                        limit: 1000,
                        before_seq: Some(last + 1),
                        ..AuditQuery::default()
                    };
                    let page = store.audit().query(query).await.unwrap();
                    let seqs: Vec<_> = page.records.iter().map(|(seq, _)| *seq).collect();
                    let first = last.saturating_sub(999).max(1);
                    assert_eq!(seqs, (first..=last).rev().collect::<Vec<_>>());
                    n_asked += 1;
                }
                n_asked
            })
        })
        .collect();
    while store.stats().last_audit_seq < 6000 {
        append(&store, &clock, 100).await;
    }
    for asked in asking {
        assert!(asked.await.unwrap() > 0);
    }
    assert!(store.stats().n_segments > 8, "{:?}", store.stats());
    store.close().await;
}
