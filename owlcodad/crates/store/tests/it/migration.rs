//! Stores of earlier schemas, as the programs of their time wrote them.

use std::path::Path;

use owlcoda_store::{AuditQuery, Integrity, Store};
use owlcoda_types::SessionId;

use crate::damage::{contents, put};
use crate::sample::{event, meta, open, record};

/// Unpacks the store of schema `version` into `dir`.
#[expect(
    clippy::unwrap_used,
    reason = "a fixture that is not there fails the test"
)]
pub(crate) fn unpack(version: u32, dir: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for entry in fs_err::read_dir(fixtures.join(format!("v{version}"))).unwrap() {
        let path = entry.unwrap().path();
        let bytes = zstd::decode_all(fs_err::File::open(&path).unwrap()).unwrap();
        fs_err::write(dir.join(path.file_stem().unwrap()), bytes).unwrap();
    }
}

/// What the fixtures hold: 300 records, and two sessions of 30 events.
#[expect(
    clippy::unwrap_used,
    reason = "a store that cannot be read fails the test"
)]
pub(crate) async fn check(store: &Store) {
    assert_eq!(store.stats().integrity, Integrity::Ok);
    assert_eq!(store.stats().n_audit_records, 300);
    let query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    let page = store.audit().query(query).await.unwrap();
    let expected: Vec<_> = (1..=300).rev().map(|seq| (seq, record(seq))).collect();
    assert_eq!(page.records, expected);
    assert_eq!(store.stats().n_sessions, 2);
    for session in [7, 9] {
        let id = SessionId::from_bytes([session; 16]);
        let state = store.sessions().get(id).await.unwrap();
        assert_eq!(state, Some(meta(id, 30)));
        let size = |seq: u64| if seq.is_multiple_of(7) { 20_000 } else { 300 };
        let expected: Vec<_> = (1..=30).map(|seq| event(seq, size(seq))).collect();
        assert_eq!(store.sessions().events(id, 0, 100).await.unwrap(), expected);
    }
    assert_eq!(store.stats().integrity, Integrity::Ok);
}

#[tokio::test]
async fn a_store_of_the_first_schema_is_brought_up_with_everything_and_kept() {
    let home = tempfile::tempdir().unwrap();
    unpack(1, home.path());
    for round in 0..2 {
        let store = open(home.path()).unwrap();
        check(&store).await;
        assert_eq!(store.stats().last_audit_seq, 300, "opening {round}");
        store.close().await;
    }
    // The kept one is whole: brought up once more, it is the same.
    let again = tempfile::tempdir().unwrap();
    put(
        again.path(),
        &contents(&home.path().join("before-schema-2")),
    );
    let store = open(again.path()).unwrap();
    assert_eq!(store.stats().n_audit_records, 300);
    store.close().await;
    assert!(!home.path().join("migrating").exists());
    let head = fs_err::read_to_string(home.path().join("audit.head")).unwrap();
    assert!(head.starts_with(r#"{"schema":2,"#), "{head}");
}

#[tokio::test]
async fn records_written_after_the_migration_follow_the_old_ones() {
    let home = tempfile::tempdir().unwrap();
    unpack(1, home.path());
    let store = open(home.path()).unwrap();
    store.audit().append(record(301));
    store.audit().flush().await.unwrap();
    assert_eq!(store.stats().last_audit_seq, 301);
    store.close().await;
}

#[tokio::test]
async fn an_old_store_without_its_last_records_says_so_for_good() {
    let home = tempfile::tempdir().unwrap();
    unpack(1, home.path());
    // As if 20 more had been acknowledged, with a commit more.
    let head = br#"{"schema":1,"count":320,"last_seq":320,"commit":13}"#;
    let mut text = head.to_vec();
    text.extend_from_slice(format!("\n{:08x}\n", crc32c::crc32c(head)).as_bytes());
    fs_err::write(home.path().join("audit.head"), text).unwrap();
    for round in 0..2 {
        let store = open(home.path()).unwrap();
        let integrity = store.stats().integrity;
        for words in [
            "audit records 301 to 320 are missing",
            "tail lost: the last 1 commits",
        ] {
            assert!(
                matches!(&integrity, Integrity::Degraded(text) if text.contains(words)),
                "opening {round}: {integrity:?}"
            );
        }
        store.audit().append(record(1));
        store.audit().flush().await.unwrap();
        assert_eq!(store.stats().last_audit_seq, 321 + round);
        store.close().await;
    }
}

#[tokio::test]
async fn an_old_store_that_cannot_be_opened_is_kept_and_reported() {
    let home = tempfile::tempdir().unwrap();
    unpack(1, home.path());
    fs_err::remove_file(home.path().join("db")).unwrap();
    fs_err::create_dir(home.path().join("db")).unwrap();
    let store = open(home.path()).unwrap();
    assert!(matches!(store.stats().integrity, Integrity::Degraded(words)
        if words.contains("is kept in before-schema-2")));
    store.audit().append(record(1));
    store.audit().flush().await.unwrap();
    assert_eq!(store.stats().last_audit_seq, 301);
    store.close().await;
    assert!(contents(home.path()).contains_key("before-schema-2/conf"));
}
