//! The tools for a store that no daemon has open.

use std::io::Cursor;
use std::path::Path;

use owlcoda_store::offline::{self, Verification};
use owlcoda_store::{StoreError, StoreOptions};
use owlcoda_types::SessionId;

use crate::damage::{contents, put};
use crate::migration;
use crate::sample::{event, meta, open, record};

fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 60_000,
        ..StoreOptions::default()
    }
}

/// A store of several segments, with two sessions, one of them without events.
#[expect(
    clippy::unwrap_used,
    reason = "a store that cannot be made fails the test"
)]
async fn fill(dir: &Path) {
    let store = owlcoda_store::Store::open(dir, options()).unwrap();
    for first in (1..=1500).step_by(100) {
        for number in first..first + 100 {
            store.audit().append(record(number));
        }
        store.audit().flush().await.unwrap();
    }
    let sessions = store.sessions();
    let id = SessionId::from_bytes([7; 16]);
    let mut events: Vec<_> = (1..=20).map(|seq| event(seq, 9000)).collect();
    let text = "Zeichen: äöü \u{0}".as_bytes().to_vec();
    events.get_mut(3).unwrap().body = text;
    sessions.append(meta(id, 20), events).await.unwrap();
    let empty = meta(SessionId::from_bytes([9; 16]), 0);
    sessions.append(empty, Vec::new()).await.unwrap();
    assert!(store.stats().n_segments > 1);
    store.close().await;
}

#[expect(clippy::unwrap_used, reason = "an export that fails fails the test")]
fn export(dir: &Path) -> Vec<u8> {
    let mut archive = Vec::new();
    let manifest = offline::export(dir, &options(), &mut archive).unwrap();
    assert_eq!(offline::check_archive(&*archive).unwrap(), manifest);
    archive
}

#[tokio::test]
async fn a_whole_store_is_whole_and_is_read_to_the_last_record() {
    let home = tempfile::tempdir().unwrap();
    fill(home.path()).await;
    let found = offline::verify(home.path()).unwrap();
    let n_segments = found.n_segments;
    let expected = Verification {
        schema: 2,
        n_audit_records: 1500,
        first_audit_seq: 1,
        last_audit_seq: 1500,
        n_segments,
        n_sessions: 2,
        n_events: 20,
        problems: Vec::new(),
    };
    assert_eq!(found, expected);
    let repaired = offline::repair(home.path(), &options()).unwrap();
    assert_eq!(repaired.found, Vec::<String>::new());
    assert_eq!(repaired.now, expected);
}

#[tokio::test]
async fn an_exported_store_comes_back_the_same() {
    let home = tempfile::tempdir().unwrap();
    let (old, new) = (home.path().join("old"), home.path().join("new"));
    fill(&old).await;
    let archive = export(&old);
    offline::import(&new, &options(), &mut Cursor::new(&archive)).unwrap();
    assert_eq!(
        offline::verify(&new).unwrap().problems,
        Vec::<String>::new()
    );
    assert_eq!(export(&new), archive);
    let error = offline::import(&new, &options(), &mut Cursor::new(&archive)).unwrap_err();
    assert!(matches!(error, StoreError::Occupied { .. }), "{error}");
}

#[tokio::test]
async fn a_store_whose_old_segments_were_removed_comes_back_with_its_numbers() {
    let home = tempfile::tempdir().unwrap();
    let (old, new) = (home.path().join("old"), home.path().join("new"));
    fill(&old).await;
    let small = StoreOptions {
        max_audit_bytes: Some(150_000),
        ..options()
    };
    let store = owlcoda_store::Store::open(&old, small).unwrap();
    // The second is answered after what the first began.
    store.audit().flush().await.unwrap();
    store.audit().flush().await.unwrap();
    let first_seq = store.stats().first_audit_seq;
    assert!(first_seq > 1);
    store.close().await;
    let archive = export(&old);
    offline::import(&new, &options(), &mut Cursor::new(&archive)).unwrap();
    let found = offline::verify(&new).unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(
        (found.first_audit_seq, found.last_audit_seq),
        (first_seq, 1500)
    );
    assert_eq!(export(&new), archive);
}

#[tokio::test]
async fn a_restore_exchanges_the_store_and_keeps_the_old_one() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    fill(&dir).await;
    let archive = export(&dir);
    let store = open(&dir).unwrap();
    store.audit().append(record(1501));
    store.audit().flush().await.unwrap();
    let error = offline::restore(&dir, &options(), &mut Cursor::new(&archive)).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    store.close().await;

    // What a restore leaves that was killed.
    fs_err::create_dir_all(home.path().join("store.restoring/audit")).unwrap();
    let restored = offline::restore(&dir, &options(), &mut Cursor::new(&archive)).unwrap();
    assert_eq!(restored.now.n_audit_records, 1500);
    let kept = restored.kept.unwrap();
    assert_eq!(offline::verify(&kept).unwrap().n_audit_records, 1501);
    assert_eq!(offline::verify(&dir).unwrap().last_audit_seq, 1500);
    assert!(!home.path().join("store.restoring").exists());
}

#[tokio::test]
async fn a_damaged_archive_is_refused_and_the_store_stays() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    fill(&dir).await;
    let archive = export(&dir);
    let plain = zstd::decode_all(&*archive).unwrap();
    let pack = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let mut cases = vec![("not an archive", b"hello".to_vec()), ("empty", Vec::new())];
    for part in 1..8 {
        cases.push(("cut", archive[..archive.len() * part / 8].to_vec()));
        let mut flipped = archive.clone();
        flipped[archive.len() * part / 8] ^= 4;
        cases.push(("a bit flipped", flipped));
        let mut flipped = plain.clone();
        flipped[plain.len() * part / 8] ^= 4;
        cases.push(("a bit flipped before it was packed", pack(&flipped)));
    }
    let mut lines: Vec<_> = plain.split_inclusive(|byte| *byte == b'\n').collect();
    lines.remove(700);
    cases.push(("a line removed", pack(&lines.concat())));
    for (label, archive) in cases {
        let result = offline::restore(&dir, &options(), &mut Cursor::new(&archive));
        assert!(
            matches!(result, Err(StoreError::Damaged { .. })),
            "{label}: {result:?}"
        );
    }
    let found = offline::verify(&dir).unwrap();
    assert_eq!((found.n_audit_records, found.problems.len()), (1500, 0));
}

#[tokio::test]
async fn what_is_damaged_is_named_and_repair_opens_what_is_left() {
    let pristine = tempfile::tempdir().unwrap();
    fill(pristine.path()).await;
    let files = contents(pristine.path());
    let home = tempfile::tempdir().unwrap();
    put(home.path(), &files);
    let data = home.path().join("audit/000001/db");
    fs_err::remove_file(&data).unwrap();
    fs_err::create_dir(&data).unwrap();
    fs_err::remove_file(home.path().join("audit/000002.head")).unwrap();

    let found = offline::verify(home.path()).unwrap();
    let has = |problems: &[String], words: &str| problems.iter().any(|text| text.contains(words));
    assert!(
        has(&found.problems, "audit segment 1 cannot be opened"),
        "{found:?}"
    );
    assert!(
        has(&found.problems, "anchor of audit segment 2 is missing"),
        "{found:?}"
    );
    assert!(found.n_audit_records < 1500);

    let repaired = offline::repair(home.path(), &options()).unwrap();
    assert!(has(&repaired.found, "was set aside"), "{repaired:?}");
    assert!(has(&repaired.now.problems, ".corrupt-"), "{repaired:?}");
    assert!(
        !has(&repaired.now.problems, "anchor of audit segment 2"),
        "{repaired:?}"
    );
    assert_eq!(repaired.now.n_audit_records, found.n_audit_records);
    open(home.path()).unwrap().close().await;
}

#[tokio::test]
async fn the_tools_know_stores_of_other_schemas() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(
        offline::verify(home.path()).unwrap(),
        Verification::default()
    );
    migration::unpack(1, home.path());
    let found = offline::verify(home.path()).unwrap();
    assert_eq!((found.schema, found.problems.len()), (1, 1));
    let repaired = offline::repair(home.path(), &options()).unwrap();
    assert_eq!((repaired.now.schema, repaired.now.problems.len()), (2, 0));
    let store = open(home.path()).unwrap();
    migration::check(&store).await;
    store.close().await;
}
