//! Questions to the audit: every filter alone and with others, both orders, over pages and segments.

use std::path::Path;
use std::sync::Arc;

use owlcoda_store::{AuditOrder, AuditQuery, AuditRecord, StatusClass, Store, StoreOptions};
use owlcoda_types::{ManualClock, SessionId};

use crate::sample::record;

const N_RECORDS: u64 = 3000;

/// Segments of about a thousand records.
fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 100_000,
        clock: Arc::new(ManualClock::at(1_700_000_000_000)),
        ..StoreOptions::default()
    }
}

fn varied(number: u64) -> AuditRecord {
    let mut varied = record(number);
    let session = u8::try_from(number / 40 % 256).unwrap_or_default();
    varied.at_ms = 1_000 * i64::try_from(number).unwrap_or_default();
    // Now and then the clock is set back.
    if number.is_multiple_of(97) {
        varied.at_ms -= 200_000;
    }
    varied.model_used = (!number.is_multiple_of(11)).then(|| format!("used-{}", number % 5));
    varied.endpoint = varied
        .model_used
        .as_ref()
        .map(|_| format!("at-{}", number % 4));
    varied.status = match number {
        n if n.is_multiple_of(500) => 499,
        n if n.is_multiple_of(101) => 429,
        n if n.is_multiple_of(13) => 404,
        n if n.is_multiple_of(7) => 502,
        _ => 200,
    };
    varied.client = (!number.is_multiple_of(5)).then(|| format!("uid:{}", number % 9));
    varied.session_id = (!number.is_multiple_of(3)).then(|| SessionId::from_bytes([session; 16]));
    varied
}

#[expect(
    clippy::unwrap_used,
    reason = "a store that cannot be made fails the test"
)]
async fn fill(dir: &Path) -> Store {
    let store = Store::open(dir, options()).unwrap();
    for first in (1..=N_RECORDS).step_by(100) {
        for number in first..first + 100 {
            store.audit().append(varied(number));
        }
        store.audit().flush().await.unwrap();
    }
    assert!(store.stats().n_segments > 2, "{:?}", store.stats());
    store
}

/// A question, and which records answer it.
type Case = (&'static str, AuditQuery, fn(&AuditRecord) -> bool);

fn cases() -> Vec<Case> {
    let all = AuditQuery {
        limit: 37,
        ..AuditQuery::default()
    };
    let text = |text: &str| Some(text.to_owned());
    let session = SessionId::from_bytes([9; 16]);
    vec![
        ("all", all.clone(), |_| true),
        (
            "a model that was asked for",
            AuditQuery {
                model: text("model-2"),
                ..all.clone()
            },
            |record| record.model_asked == "model-2",
        ),
        (
            "a model that was used",
            AuditQuery {
                model: text("used-3"),
                ..all.clone()
            },
            |record| record.model_used.as_deref() == Some("used-3"),
        ),
        (
            "an unknown model",
            AuditQuery {
                model: text("at-1"),
                ..all.clone()
            },
            |_| false,
        ),
        (
            "an endpoint",
            AuditQuery {
                endpoint: text("at-1"),
                ..all.clone()
            },
            |record| record.endpoint.as_deref() == Some("at-1"),
        ),
        (
            "a session",
            AuditQuery {
                session: Some(session),
                ..all.clone()
            },
            |record| record.session_id == Some(SessionId::from_bytes([9; 16])),
        ),
        (
            "who left",
            AuditQuery {
                status_class: Some(StatusClass::ClientGone),
                ..all.clone()
            },
            |record| record.status == 499,
        ),
        (
            "too many",
            AuditQuery {
                status_class: Some(StatusClass::RateLimited),
                ..all.clone()
            },
            |record| record.status == 429,
        ),
        (
            "a least status",
            AuditQuery {
                min_status: Some(429),
                ..all.clone()
            },
            |record| record.status >= 429,
        ),
        (
            "a time",
            AuditQuery {
                since_ms: Some(500_000),
                until_ms: Some(1_700_000),
                ..all.clone()
            },
            |record| (500_000..1_700_000).contains(&record.at_ms),
        ),
        (
            "a time, a model and a class",
            AuditQuery {
                since_ms: Some(500_000),
                model: text("used-1"),
                status_class: Some(StatusClass::ServerError),
                ..all.clone()
            },
            |record| {
                record.at_ms >= 500_000
                    && record.model_used.as_deref() == Some("used-1")
                    && record.status >= 500
            },
        ),
        (
            "a client",
            AuditQuery {
                client: text("uid:7"),
                ..all.clone()
            },
            |record| record.client.as_deref() == Some("uid:7"),
        ),
        (
            "long calls of a client",
            AuditQuery {
                client: text("uid:7"),
                min_elapsed_ms: Some(2_000),
                ..all.clone()
            },
            |record| record.client.as_deref() == Some("uid:7") && record.elapsed_ms >= 2_000,
        ),
        (
            "one call",
            AuditQuery {
                request: Some(varied(1234).request_id),
                ..all.clone()
            },
            |record| record.request_id == varied(1234).request_id,
        ),
        (
            "a class below the least status",
            AuditQuery {
                status_class: Some(StatusClass::Success),
                min_status: Some(500),
                ..all
            },
            |_| false,
        ),
    ]
}

/// The records of all pages of `query`.
#[expect(
    clippy::unwrap_used,
    reason = "a page that cannot be read fails the test"
)]
async fn all_pages(store: &Store, query: &AuditQuery) -> Vec<(u64, AuditRecord)> {
    let mut found = Vec::new();
    let mut query = query.clone();
    loop {
        let page = store.audit().query(query.clone()).await.unwrap();
        assert!(page.records.len() <= query.limit);
        assert!(
            page.damaged.is_empty() && page.missing.is_empty(),
            "{page:?}"
        );
        found.extend(page.records.iter().cloned());
        match query.following(&page) {
            Some(next) => query = next,
            None => return found,
        }
    }
}

#[tokio::test]
async fn every_filter_finds_exactly_its_records_in_both_orders() {
    let home = tempfile::tempdir().unwrap();
    for is_reopened in [false, true] {
        let store = if is_reopened {
            Store::open(home.path(), options()).unwrap()
        } else {
            fill(home.path()).await
        };
        for (label, query, matches) in cases() {
            let numbers = (1..=N_RECORDS).map(|number| (number, varied(number)));
            let mut expected: Vec<_> = numbers.filter(|(_, record)| matches(record)).collect();
            let mut query = query;
            query.order = AuditOrder::OldestFirst;
            assert_eq!(
                all_pages(&store, &query).await,
                expected,
                "{label}, oldest first"
            );
            expected.reverse();
            query.order = AuditOrder::NewestFirst;
            assert_eq!(
                all_pages(&store, &query).await,
                expected,
                "{label}, newest first"
            );
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_cursor_stays_good_while_records_are_written_and_across_a_reopening() {
    let home = tempfile::tempdir().unwrap();
    let store = fill(home.path()).await;
    let query = AuditQuery {
        limit: 10,
        ..AuditQuery::default()
    };
    let first = store.audit().query(query.clone()).await.unwrap();
    let next = query.following(&first).unwrap();
    for number in 1..=200 {
        store.audit().append(varied(N_RECORDS + number));
    }
    store.audit().flush().await.unwrap();
    let second = store.audit().query(next.clone()).await.unwrap();
    let seqs: Vec<_> = second.records.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(
        seqs,
        (N_RECORDS - 19..=N_RECORDS - 10).rev().collect::<Vec<_>>()
    );
    store.close().await;
    let store = Store::open(home.path(), options()).unwrap();
    assert_eq!(store.audit().query(next).await.unwrap(), second);
    store.close().await;
}

#[tokio::test]
async fn a_range_of_numbers_is_answered_from_either_end() {
    let home = tempfile::tempdir().unwrap();
    let store = fill(home.path()).await;
    for order in [AuditOrder::NewestFirst, AuditOrder::OldestFirst] {
        let query = AuditQuery {
            order,
            after_seq: Some(990),
            before_seq: Some(1300),
            limit: 40,
            ..AuditQuery::default()
        };
        let found = all_pages(&store, &query).await;
        let mut seqs: Vec<_> = found.iter().map(|(seq, _)| *seq).collect();
        if order == AuditOrder::NewestFirst {
            seqs.reverse();
        }
        assert_eq!(seqs, (991..1300).collect::<Vec<_>>(), "{order:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_name_that_is_longer_than_what_is_kept_finds_its_records() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), options()).unwrap();
    let name = "m".repeat(5000);
    let mut long = record(1);
    long.model_asked.clone_from(&name);
    store.audit().append(long);
    store.audit().append(record(2));
    store.audit().flush().await.unwrap();
    let query = AuditQuery {
        model: Some(name),
        ..AuditQuery::default()
    };
    let page = store.audit().query(query).await.unwrap();
    assert_eq!(page.records.len(), 1);
    store.close().await;
}

#[tokio::test]
async fn whoever_asks_after_a_call_has_ended_sees_its_record() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), options()).unwrap();
    let audit = store.audit();
    for number in 1..=50 {
        audit.append(record(number));
        audit.catch_up().await;
        let page = audit.query(AuditQuery::default()).await.unwrap();
        assert_eq!(page.records.first(), Some(&(number, record(number))));
    }
}
