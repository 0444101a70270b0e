//! The disk is full at some moment: writes end with an error, the store answers what it can, and goes
//! on by itself when there is room.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use owlcoda_store::{AuditQuery, Integrity, Store, StoreError, StoreOptions};
use owlcoda_types::SessionId;

use crate::kill::{Random, variable};
use crate::sample::{event, meta, record};

const SESSION: SessionId = SessionId::from_bytes([8; 16]);
/// The longest that it may take until the store writes again.
const LONGEST: Duration = Duration::from_secs(10);

/// A small file system of its own; `None` where we may not mount one.
struct SmallDisk(tempfile::TempDir);

#[expect(
    clippy::disallowed_methods,
    reason = "programs of the system, which a test of a full disk needs"
)]
impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=0700");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(dir.path());
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then_some(Self(dir))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "programs of the system, which a test of a full disk needs"
)]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 200_000,
        ..StoreOptions::default()
    }
}

/// Takes all room but `n_left` bytes.
fn fill(dir: &Path, n_left: u64) {
    let stat = rustix::fs::statvfs(dir).unwrap();
    let n_bytes = (stat.f_bavail * stat.f_frsize).saturating_sub(n_left);
    let filler = vec![1_u8; usize::try_from(n_bytes).unwrap()];
    fs_err::write(dir.join("filler"), filler).unwrap();
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_the_store_goes_on_by_itself() {
    let n_points = variable("OWLCODA_FULL").map_or(2, |text| text.parse().unwrap());
    let mut random = Random::new();
    println!("seed {}", random.0);
    let mut longest = Duration::ZERO;
    let mut n_refused = 0;
    for point in 0..n_points {
        let Some(disk) = SmallDisk::mount("40m") else {
            eprintln!("SKIPPED: a file system cannot be mounted here");
            return;
        };
        let dir = disk.0.path();
        let home = dir.join("store");
        let store = Store::open(&home, options()).unwrap();
        let mut written = Written::default();
        for _ in 0..random.below(40) {
            written.more(&store).await.unwrap();
        }
        fill(dir, 4096 * random.below(600));
        let refused = loop {
            if let Err(error) = written.more(&store).await {
                break error;
            }
        };
        assert!(matches!(refused, StoreError::Poisoned { .. }), "{refused}");
        assert!(matches!(store.stats().integrity, Integrity::Degraded(_)));
        // Whoever calls meanwhile is never kept waiting by it.
        for _ in 0..50 {
            written.n_queued += 1;
            store.audit().append(record(written.n_queued));
        }
        n_refused += 1;

        fs_err::remove_file(dir.join("filler")).unwrap();
        let started = Instant::now();
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while store.stats().integrity != Integrity::Ok {
            look.tick().await;
            let stats = store.stats();
            assert!(started.elapsed() < LONGEST, "point {point}: {stats:?}");
        }
        longest = longest.max(started.elapsed());
        for _ in 0..5 {
            written.more_after(&store).await;
        }
        written.check(&store).await;
        store.close().await;
        let store = Store::open(&home, options()).unwrap();
        assert_eq!(store.stats().integrity, Integrity::Ok);
        written.check(&store).await;
        store.close().await;
    }
    println!(
        "full {n_refused} times, lost 0, {} ms until it went on at most",
        longest.as_millis()
    );
}

/// What must be there.
#[derive(Default)]
struct Written {
    /// Audit records that were queued; each is written, sooner or later.
    n_queued: u64,
    /// The number of the session's last event that was acknowledged.
    head: u64,
}

impl Written {
    async fn more(&mut self, store: &Store) -> Result<(), StoreError> {
        for _ in 0..30 {
            self.n_queued += 1;
            store.audit().append(record(self.n_queued));
        }
        let next = self.head + 1;
        let events = vec![event(next, 3000)];
        store.sessions().append(meta(SESSION, next), events).await?;
        self.head = next;
        store.audit().flush().await
    }

    /// The same after an outage: an event that was refused may have been written.
    async fn more_after(&mut self, store: &Store) {
        match self.more(store).await {
            Ok(()) => {}
            Err(StoreError::Conflict { head, .. }) => {
                assert_eq!(head, self.head + 1);
                self.head = head;
            }
            Err(error) => panic!("{error}"),
        }
        store.audit().flush().await.unwrap();
    }

    async fn check(&self, store: &Store) {
        let stats = store.stats();
        assert_eq!(
            (stats.n_audit_records, stats.n_audit_dropped),
            (self.n_queued, 0)
        );
        let mut query = AuditQuery {
            limit: 1000,
            ..AuditQuery::default()
        };
        let mut expected = self.n_queued;
        loop {
            let page = store.audit().query(query.clone()).await.unwrap();
            for (seq, found) in &page.records {
                assert_eq!((*seq, found), (expected, &record(expected)));
                expected -= 1;
            }
            match query.following(&page) {
                Some(next) => query = next,
                None => break,
            }
        }
        assert_eq!(expected, 0);
        let mut last = 0;
        loop {
            let events = store.sessions().events(SESSION, last, 1000).await.unwrap();
            let Some(newest) = events.last() else {
                break;
            };
            last = newest.seq;
        }
        assert_eq!(last, self.head);
    }
}

#[tokio::test]
async fn a_copy_that_has_no_room_is_not_begun_and_says_how_much_it_needs() {
    let Some(disk) = SmallDisk::mount("40m") else {
        eprintln!("SKIPPED: a file system cannot be mounted here");
        return;
    };
    let home = disk.0.path().join("store");
    fs_err::create_dir(&home).unwrap();
    crate::migration::unpack(1, &home);
    let before = crate::damage::contents(&home);
    fill(disk.0.path(), 4 << 20);
    let refused = Store::open(&home, StoreOptions::default()).unwrap_err();
    let StoreError::NoSpace {
        needed_bytes,
        free_bytes,
        ..
    } = refused
    else {
        panic!("{refused}")
    };
    assert!(free_bytes <= 4 << 20 && free_bytes < needed_bytes);
    let after = crate::damage::contents(&home);
    for (name, bytes) in &before {
        assert!(after.get(name) == Some(bytes), "{name} was changed");
    }
    assert!(!home.join("migrating").exists(), "the copy was begun");
    fs_err::remove_file(disk.0.path().join("filler")).unwrap();
    let store = Store::open(&home, StoreOptions::default()).unwrap();
    crate::migration::check(&store).await;
    store.close().await;
}
