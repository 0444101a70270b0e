//! What happens to files that a crash, a disk or a person left in a bad state.

use std::collections::BTreeMap;
use std::path::Path;

use owlcoda_store::{AuditQuery, Integrity, Store, StoreError};
use owlcoda_types::SessionId;

use crate::sample::{event, meta, open, record};

const N_RECORDS: u64 = 2000;

/// A closed store with [`N_RECORDS`] audit records and one session of 50 events.
#[expect(
    clippy::unwrap_used,
    reason = "a store that cannot be made fails the test"
)]
async fn fill(dir: &Path) -> SessionId {
    let store = open(dir).unwrap();
    let id = SessionId::from_bytes([7; 16]);
    for number in 1..=N_RECORDS {
        store.audit().append(record(number));
    }
    let events = (1..=50).map(|seq| event(seq, 9000)).collect();
    store.sessions().append(meta(id, 50), events).await.unwrap();
    store.close().await;
    id
}

/// Where the engines' files are, below the store's directory.
const ENGINES: [&str; 2] = ["audit/000001", "sessions"];

/// Every file below `dir` with its content, by its path from there.
#[expect(
    clippy::unwrap_used,
    reason = "a file that cannot be read fails the test"
)]
pub(crate) fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(next) = dirs.pop() {
        for entry in fs_err::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let name = path.strip_prefix(dir).unwrap().to_string_lossy();
            found.insert(name.into_owned(), fs_err::read(&path).unwrap());
        }
    }
    found
}

/// Writes what [`contents`] gave to another directory.
#[expect(
    clippy::unwrap_used,
    reason = "a file that cannot be written fails the test"
)]
pub(crate) fn put(dir: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = dir.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }
}

/// Paths of the engines' snapshots in `dir`.
fn snapshots(dir: &Path) -> Vec<String> {
    let names = contents(dir).into_keys();
    names.filter(|name| name.contains("/snap.")).collect()
}

#[tokio::test]
async fn a_half_written_snapshot_does_not_stop_an_open() {
    let home = tempfile::tempdir().unwrap();
    fill(home.path()).await;
    let leftovers = ENGINES.map(|engine| home.path().join(engine));
    let leftovers = leftovers.map(|dir| dir.join("snap.7FFFFFFFFFFFFFFF.generating"));
    for leftover in &leftovers {
        fs_err::write(leftover, b"half").unwrap();
    }
    let store = open(home.path()).unwrap();
    assert_eq!(store.stats().n_audit_records, N_RECORDS);
    assert_eq!(store.stats().integrity, Integrity::Ok);
    store.close().await;
    assert!(leftovers.iter().all(|leftover| !leftover.exists()));
}

#[tokio::test]
async fn a_damaged_snapshot_is_moved_aside_and_nothing_is_lost() {
    for label in ["emptied", "cut in half", "overwritten"] {
        let home = tempfile::tempdir().unwrap();
        let id = fill(home.path()).await;
        // The engine writes its snapshot at opening.
        let opened = open(home.path()).unwrap();
        assert_eq!(opened.stats().integrity, Integrity::Ok, "{label}");
        opened.close().await;
        let names = snapshots(home.path());
        assert!(!names.is_empty(), "{label}");
        for name in &names {
            let path = home.path().join(name);
            let mut bytes = fs_err::read(&path).unwrap();
            match label {
                "emptied" => bytes.clear(),
                "cut in half" => bytes.truncate(bytes.len() / 2),
                _ => bytes.fill(0xa5),
            }
            fs_err::write(&path, bytes).unwrap();
        }
        let store = open(home.path()).unwrap();
        assert_eq!(store.stats().integrity, Integrity::Ok, "{label}");
        assert_eq!(store.stats().n_audit_records, N_RECORDS, "{label}");
        let events = store.sessions().events(id, 0, 100).await.unwrap();
        assert_eq!(events.len(), 50, "{label}");
        store.close().await;
        for name in names {
            let aside = name.replace("/snap.", "/aside-snap.");
            assert!(home.path().join(aside).exists());
        }
    }
}

/// The session's events lie in one commit of several segments, and opening frees a segment among
/// them: without a snapshot the engine takes the hole for the end of the log.
#[tokio::test]
async fn a_snapshot_that_is_gone_is_replaced_by_its_copy() {
    for _ in 0..4 {
        let home = tempfile::tempdir().unwrap();
        fill(home.path()).await;
        open(home.path()).unwrap().close().await;
        for name in snapshots(home.path()) {
            fs_err::remove_file(home.path().join(name)).unwrap();
        }
        let store = open(home.path()).unwrap();
        assert_eq!(store.stats().integrity, Integrity::Ok);
        assert_eq!(store.stats().n_audit_records, N_RECORDS);
        store.close().await;
    }
}

#[tokio::test]
async fn a_snapshot_damaged_together_with_its_copy_is_never_a_silent_loss() {
    let home = tempfile::tempdir().unwrap();
    let id = fill(home.path()).await;
    open(home.path()).unwrap().close().await;
    for name in contents(home.path()).into_keys() {
        if name.contains("snap.") {
            fs_err::write(home.path().join(name), b"damaged").unwrap();
        }
    }
    let store = open(home.path()).unwrap();
    let stats = store.stats();
    let events = store.sessions().events(id, 0, 100).await.map(|e| e.len());
    let is_whole = stats.n_audit_records == N_RECORDS && matches!(events, Ok(50));
    assert_eq!(stats.integrity == Integrity::Ok, is_whole, "{stats:?}");
    store.close().await;
}

#[tokio::test]
async fn one_copy_of_the_snapshot_is_kept_however_often_the_store_is_opened() {
    let home = tempfile::tempdir().unwrap();
    fill(home.path()).await;
    for number in 1..=5 {
        let store = open(home.path()).unwrap();
        store.audit().append(record(number));
        store.close().await;
    }
    let names = contents(home.path()).into_keys();
    let copies: Vec<_> = names.filter(|name| name.contains("/copy-")).collect();
    assert_eq!(copies.len(), ENGINES.len(), "{copies:?}");
}

#[tokio::test]
async fn a_torn_creation_is_begun_again() {
    let home = tempfile::tempdir().unwrap();
    for engine in ENGINES {
        fs_err::create_dir_all(home.path().join(engine)).unwrap();
        let conf = home.path().join(engine).join("conf");
        fs_err::write(conf, b"segment_size: 5242").unwrap();
    }
    let store = open(home.path()).unwrap();
    assert_eq!(store.stats().integrity, Integrity::Ok);
    store.close().await;
}

#[tokio::test]
async fn a_cut_data_file_is_reported_and_its_numbers_are_not_used_again() {
    let home = tempfile::tempdir().unwrap();
    fill(home.path()).await;
    for name in snapshots(home.path()) {
        fs_err::remove_file(home.path().join(name)).unwrap();
    }
    let path = home.path().join("audit/000001/db");
    let mut bytes = fs_err::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs_err::write(&path, bytes).unwrap();

    let store = open(home.path()).unwrap();
    let Integrity::Degraded(words) = store.stats().integrity else {
        panic!("the loss is not reported")
    };
    assert!(words.contains("tail lost: "), "{words}");
    let n_left = store.stats().n_audit_records;
    assert!(n_left < N_RECORDS);

    store.audit().append(record(1));
    store.audit().flush().await.unwrap();
    assert_eq!(store.stats().last_audit_seq, N_RECORDS + 1);
    let query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    let page = store.audit().query(query.clone()).await.unwrap();
    assert_eq!(page.records[0], (N_RECORDS + 1, record(1)));
    assert_eq!(page.missing, [(n_left + 1, N_RECORDS)]);
    store.close().await;

    let store = open(home.path()).unwrap();
    assert_eq!(store.stats().n_audit_records, n_left + 1);
    assert!(
        matches!(store.stats().integrity, Integrity::Degraded(again) if again.contains("tail lost: ")),
        "the loss is forgotten"
    );
    let again = store.audit().query(query).await.unwrap();
    assert_eq!(again.missing, [(n_left + 1, N_RECORDS)]);
    store.close().await;
}

#[tokio::test]
async fn a_data_file_that_is_gone_is_reported() {
    for engine in ENGINES {
        let home = tempfile::tempdir().unwrap();
        fill(home.path()).await;
        for name in snapshots(home.path()) {
            fs_err::remove_file(home.path().join(name)).unwrap();
        }
        fs_err::remove_file(home.path().join(engine).join("db")).unwrap();
        let store = open(home.path()).unwrap();
        let words = match engine {
            "sessions" => "commits of sessions are gone",
            _ => "audit records 1 to 2000",
        };
        let found = store.stats().integrity;
        assert!(
            matches!(&found, Integrity::Degraded(text) if text.contains(words)),
            "{engine}: {found:?}"
        );
        store.close().await;
    }
}

#[tokio::test]
async fn a_damaged_or_lost_conf_is_written_anew_and_nothing_is_lost() {
    for content in [None, Some(b"damaged".as_slice())] {
        let home = tempfile::tempdir().unwrap();
        let id = fill(home.path()).await;
        for engine in ENGINES {
            let conf = home.path().join(engine).join("conf");
            match content {
                None => fs_err::remove_file(conf).unwrap(),
                Some(content) => fs_err::write(conf, content).unwrap(),
            }
        }
        let store = open(home.path()).unwrap();
        assert_eq!(read_all(&store, id).await, Some((2000, 50)));
        assert_eq!(store.stats().integrity, Integrity::Ok);
        store.close().await;
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_set_aside_and_the_store_takes_writes() {
    for engine in ENGINES {
        let home = tempfile::tempdir().unwrap();
        let id = fill(home.path()).await;
        // Not a file that the engine could make sense of, or make anew.
        let data = home.path().join(engine).join("db");
        fs_err::remove_file(&data).unwrap();
        fs_err::create_dir(&data).unwrap();
        for round in 0..2 {
            let store = open(home.path()).unwrap();
            let found = store.stats().integrity;
            assert!(
                matches!(&found, Integrity::Degraded(words) if words.contains(".corrupt-")),
                "{engine}, opening {round}: {found:?}"
            );
            store.audit().append(record(1));
            store.audit().flush().await.unwrap();
            let last = N_RECORDS + round + 1;
            assert_eq!(store.stats().last_audit_seq, last, "{engine}");
            let newest = store.audit().query(AuditQuery::default()).await.unwrap();
            assert_eq!(newest.records[0], (last, record(1)));
            let events = store.sessions().events(id, 0, 100).await.unwrap();
            if engine == "sessions" {
                assert_eq!(events, []);
            } else {
                assert_eq!(events.len(), 50);
                assert_eq!(newest.missing, [(1, N_RECORDS)]);
            }
            store.close().await;
        }
        let kept = contents(home.path()).into_keys();
        let n_kept = kept.filter(|name| name.contains(".corrupt-") && name.ends_with("/conf"));
        assert_eq!(n_kept.count(), 1, "{engine}");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_not_touched() {
    let home = tempfile::tempdir().unwrap();
    fill(home.path()).await;
    let head = br#"{"schema":99,"count":0,"last_seq":0,"commit":0,"more":true}"#;
    let mut text = head.to_vec();
    text.extend_from_slice(format!("\n{:08x}\n", crc32c::crc32c(head)).as_bytes());
    fs_err::write(home.path().join("audit.head"), text).unwrap();
    let leftover = home.path().join("audit/000001/snap.00.generating");
    fs_err::write(leftover, b"").unwrap();
    let before = contents(home.path());

    let error = open(home.path()).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NewerSchema {
                found: 99,
                supported: 2
            }
        ),
        "{error}"
    );
    assert_eq!(contents(home.path()), before);
}

#[tokio::test]
async fn large_events_stay_inside_the_file_that_is_synced() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).unwrap();
    let sessions = store.sessions();
    // The engine keeps what it thinks too large in files of their own, which it never syncs.
    let n_outside = || -> usize {
        let dirs = ENGINES.map(|engine| home.path().join(engine).join("blobs"));
        dirs.map(|dir| fs_err::read_dir(dir).unwrap().count())
            .iter()
            .sum()
    };
    for id in [SessionId::generate(), SessionId::generate()] {
        let mut head = 0;
        for n_bytes in [3 << 20, 5000, 70_000, 6122, 6122, 100_000, 20, 1 << 20] {
            head += 1;
            let write = sessions.append(meta(id, head), vec![event(head, n_bytes)]);
            write.await.unwrap();
            store.audit().append(record(head));
            assert_eq!(n_outside(), 0, "after {n_bytes} bytes");
        }
    }
    store.close().await;
    assert_eq!(n_outside(), 0);
}

#[tokio::test]
async fn a_changed_data_file_is_an_error_or_a_report_but_never_a_silent_loss() {
    let pristine = tempfile::tempdir().unwrap();
    let id = fill(pristine.path()).await;
    let files = contents(pristine.path());
    let (mut n_intact, mut n_reported) = (0, 0);
    let changes: [(&str, Change); 3] = [
        ("a bit flipped", |bytes, at| bytes[at] ^= 1 << (at % 8)),
        ("4 KiB zeroed", |bytes, at| {
            let end = bytes.len().min(at + 4096);
            bytes[at..end].fill(0);
        }),
        ("cut", Vec::truncate),
    ];
    for (label, change) in changes {
        let n_steps = crate::kill::variable("OWLCODA_DAMAGES");
        let n_steps = n_steps.map_or(14, |text| text.parse::<usize>().unwrap() / 3);
        for step in 0..n_steps {
            let home = tempfile::tempdir().unwrap();
            let damaged = ["audit/000001/db", "sessions/db"][step % 2];
            let mut files = files.clone();
            let bytes = files.get_mut(damaged).unwrap();
            // Steps that do not fall on the same place of every page.
            let at = (step * bytes.len() / n_steps + step * 97) % bytes.len();
            change(bytes, at);
            put(home.path(), &files);
            let store = open(home.path()).unwrap();
            let found = read_all(&store, id).await;
            let is_reported = found.is_none() || store.stats().integrity != Integrity::Ok;
            assert!(
                found == Some((2000, 50)) || is_reported,
                "{label}, step {step}: {found:?} records and events, nothing said"
            );
            if is_reported {
                n_reported += 1;
            } else {
                n_intact += 1;
            }
            store.close().await;
        }
    }
    println!("damaged copies: {n_intact} intact, {n_reported} reported, 0 silent");
}

/// What happens to a data file, at a place in it.
type Change = fn(&mut Vec<u8>, usize);

/// The number of audit records and of events; `None` if a question was answered with an error.
async fn read_all(store: &Store, id: SessionId) -> Option<(usize, usize)> {
    let mut n_records = 0;
    let mut query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    loop {
        let page = store.audit().query(query.clone()).await.ok()?;
        n_records += page.records.len();
        query.before_seq = page.next;
        if query.before_seq.is_none() {
            break;
        }
    }
    let events = store.sessions().events(id, 0, 100).await.ok()?;
    Some((n_records, events.len()))
}
