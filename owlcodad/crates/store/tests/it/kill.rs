//! The process dies at any moment, also while a segment ends and while a store of the first schema is
//! brought up: what was acknowledged is there, and the store opens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use owlcoda_store::{AuditQuery, Integrity, Store, StoreOptions};
use owlcoda_types::{RequestId, SessionId};

use crate::migration;
use crate::sample::{event, meta, record};

/// Not one of the fixture's.
const SESSION: SessionId = SessionId::from_bytes([8; 16]);
const NAME: &str = "kill::no_acknowledged_write_is_lost_when_the_process_is_killed";
const DIR: &str = "OWLCODA_KILL_DIR";

#[test]
fn no_acknowledged_write_is_lost_when_the_process_is_killed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    if let Some(dir) = variable(DIR) {
        runtime.block_on(write_until_killed(Path::new(&dir)));
    }
    let n_kills = variable("OWLCODA_KILLS").map_or(20, |text| text.parse().unwrap());
    let mut random = Random::new();
    println!("seed {}", random.0);
    let mut total = Acknowledged::default();
    let mut n_before_open = 0;
    let mut home = tempfile::tempdir().unwrap();
    let mut so_far = Acknowledged::default();
    for kill in 0..n_kills {
        // A fresh directory now and then, to be killed while the store is made too.
        if kill % 5 == 0 {
            total.audit += so_far.audit;
            total.events += so_far.events;
            total.n_segments += so_far.n_segments;
            so_far = Acknowledged::default();
            home = tempfile::tempdir().unwrap();
            if kill % 10 == 0 {
                migration::unpack(1, home.path());
                so_far.audit = 300;
                total.n_migrations += 1;
            }
        }
        // Opening takes a large part of a short life; most are to die while they write.
        let since = if random.below(4) == 0 {
            "start"
        } else {
            "open"
        };
        let after = Duration::from_micros(random.below(60_000));
        let seen = run_writer(home.path(), since, after, Moment::Kill, || ());
        n_before_open += u64::from(!seen.is_open);
        so_far.audit = so_far.audit.max(seen.audit);
        so_far.events = so_far.events.max(seen.events);
        let found = runtime.block_on(check(home.path(), kill));
        so_far.n_segments = found.n_segments;
        assert!(
            found.audit >= so_far.audit && found.events >= so_far.events,
            "kill {kill} lost something: acknowledged {so_far:?}, found {found:?}"
        );
    }
    total.audit += so_far.audit;
    total.events += so_far.events;
    total.n_segments += so_far.n_segments;
    assert!(total.n_segments > n_kills / 5, "no segment ended");
    assert!(total.audit > 0 && total.events > 0, "nothing was written");
    println!(
        "kills {n_kills} ({n_before_open} before open ended), acknowledged {} audit records and {} \
         events, lost 0; {} segments, {} migrations",
        total.audit, total.events, total.n_segments, total.n_migrations
    );
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Acknowledged {
    is_open: bool,
    pub(crate) audit: u64,
    pub(crate) events: u64,
    n_segments: u64,
    n_migrations: u64,
}

/// The child: writes, and says what was acknowledged, until it is killed.
#[expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the parent reads the output, and sees a child that ends by itself"
)]
async fn write_until_killed(dir: &Path) -> ! {
    println!("\nstart");
    let store = Store::open(dir, options()).unwrap();
    println!("open");
    let mut audit = store.stats().last_audit_seq;
    let sessions = store.sessions();
    let mut head = match sessions.get(SESSION).await.unwrap() {
        Some(meta) => meta.head_seq,
        None => 0,
    };
    loop {
        // Small groups, which go into slots, and large ones, which fill blocks.
        for _ in 0..=(audit % 97) {
            audit += 1;
            store.audit().append(record(audit));
        }
        let first = head + 1;
        head += 1 + head % 3;
        let events = (first..=head).map(|seq| event(seq, size(seq))).collect();
        sessions.append(meta(SESSION, head), events).await.unwrap();
        println!("events {head}");
        store.audit().flush().await.unwrap();
        println!("audit {audit}");
    }
}

/// Segments that end after some hundred records.
fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 60_000,
        ..StoreOptions::default()
    }
}

/// Now and then an event of several parts, or one that spans segments of the engine's log.
const fn size(seq: u64) -> usize {
    match seq {
        _ if seq.is_multiple_of(23) => 1_500_000,
        _ if seq.is_multiple_of(7) => 20_000,
        _ => 300,
    }
}

/// What counts as acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// All that the writer said before it was killed: its process is what ends.
    Kill,
    /// What it said before the cut, of which it does not know.
    Cut,
}

/// Starts a writer, does `cut` and kills it the time `after` it said `since`, and says what it
/// acknowledged until that `moment`.
#[expect(
    clippy::unwrap_used,
    reason = "a writer that does not start fails the test"
)]
#[expect(
    clippy::disallowed_methods,
    reason = "the process is this test itself, and is to be killed without mercy"
)]
pub(crate) fn run_writer(
    dir: &Path,
    since: &str,
    after: Duration,
    moment: Moment,
    cut: impl Fn(),
) -> Acknowledged {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(DIR, dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = sync_channel(0);
    let reader = std::thread::spawn(move || {
        // A line goes out in one write, so the kill leaves none in halves.
        let lines = output.lines().map_while(Result::ok);
        lines.for_each(|line| drop(sender.send(line)));
    });

    let mut seen = Acknowledged::default();
    let mut deadline: Option<Instant> = None;
    let mut is_killed = false;
    loop {
        let line = match deadline.filter(|_| !is_killed) {
            None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => {
                lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
            }
        };
        match line {
            Ok(_) if is_killed && moment == Moment::Cut => {}
            Ok(line) => {
                seen.is_open |= line == "open";
                if line == since {
                    deadline = Some(Instant::now() + after);
                }
                match line.split_once(' ') {
                    Some(("audit", number)) => seen.audit = number.parse().unwrap(),
                    Some(("events", number)) => seen.events = number.parse().unwrap(),
                    _ => {}
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                cut();
                child.kill().unwrap();
                is_killed = true;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait().unwrap();
    reader.join().unwrap();
    assert!(is_killed, "the writer ended by itself: {status}");
    seen
}

/// Opens what the killed writer left, and reads all of it.
#[expect(clippy::panic, reason = "a store that cannot be read fails the test")]
pub(crate) async fn check(dir: &Path, kill: u64) -> Acknowledged {
    let store = Store::open(dir, options()).unwrap_or_else(|error| panic!("kill {kill}: {error}"));
    assert_eq!(store.stats().integrity, Integrity::Ok, "kill {kill}");
    let found = Acknowledged {
        is_open: true,
        audit: check_audit(&store).await,
        events: check_events(&store).await,
        n_segments: store.stats().n_segments,
        n_migrations: 0,
    };
    assert_eq!(store.stats().integrity, Integrity::Ok, "kill {kill}");
    store.close().await;
    found
}

/// The number of audit records, after a look at each.
#[expect(
    clippy::unwrap_used,
    reason = "an audit that cannot be read fails the test"
)]
async fn check_audit(store: &Store) -> u64 {
    let last = store.stats().last_audit_seq;
    assert_eq!(store.stats().n_audit_records, last);
    let mut expected = last;
    let mut query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    loop {
        let page = store.audit().query(query.clone()).await.unwrap();
        for (seq, found) in page.records {
            assert_eq!((seq, found), (expected, record(expected)));
            expected -= 1;
        }
        query.before_seq = page.next;
        if query.before_seq.is_none() {
            break;
        }
    }
    assert_eq!(expected, 0, "the first records are missing");
    last
}

/// The number of events of the session, after a look at each.
#[expect(
    clippy::unwrap_used,
    reason = "events that cannot be read fail the test"
)]
async fn check_events(store: &Store) -> u64 {
    let Some(state) = store.sessions().get(SESSION).await.unwrap() else {
        return 0;
    };
    assert_eq!(state, meta(SESSION, state.head_seq));
    let mut last = 0;
    loop {
        let page = store.sessions().events(SESSION, last, 1000).await.unwrap();
        if page.is_empty() {
            break;
        }
        for found in page {
            last += 1;
            assert_eq!(found, event(last, size(last)));
        }
    }
    assert_eq!(last, state.head_seq);
    last
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration but its environment"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Xorshift, seeded by an id.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    #[expect(clippy::unwrap_used, reason = "8 of 16 bytes are always there")]
    pub(crate) fn new() -> Self {
        let id = RequestId::generate();
        let seed = u64::from_be_bytes(*id.as_bytes().last_chunk().unwrap());
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
