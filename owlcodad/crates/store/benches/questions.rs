//! A large audit, asked by every filter: how long an answer takes, and what the process needs.
//!
//! `cargo bench -p owlcoda-store --bench questions -- [RECORDS] [RUNS]` writes the records once in a
//! process of its own, and then opens and asks the store in a fresh process for each run; the values
//! that are asked for differ from question to question. The page cache is warm, the engine's is not.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a measurement: it prints, and ends at what it does not expect"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use owlcoda_store::{
    AuditDialect, AuditQuery, AuditRecord, AuditRoute, StatusClass, Store, StoreOptions,
};
use owlcoda_types::{RequestId, SessionId, Usage};

const N_QUESTIONS: usize = 200;
const START_MS: i64 = 1_700_000_000_000;

fn mixed(seq: u64) -> u64 {
    let mut mixed = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
}

fn at_ms(seq: u64) -> i64 {
    START_MS + i64::try_from(seq).unwrap() * 40
}

fn session(seq: u64) -> SessionId {
    let number = u128::from(mixed(seq / 30)) << 64 | u128::from(seq / 30);
    SessionId::from_bytes(number.to_be_bytes())
}

fn record(seq: u64) -> AuditRecord {
    let mixed = mixed(seq);
    let id = u128::from(mixed) << 64 | u128::from(seq.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let model = match mixed {
        n if n.is_multiple_of(20_011) => "rare-model".to_owned(),
        n => format!("qwen3-coder-{}b", n % 5),
    };
    let status = match mixed / 7 {
        n if n.is_multiple_of(5003) => 499,
        n if n.is_multiple_of(50) => 502,
        n if n.is_multiple_of(331) => 429,
        _ => 200,
    };
    AuditRecord {
        oldest_open_ms: None,
        request_id: RequestId::from_bytes(id.to_be_bytes()),
        at_ms: at_ms(seq),
        route: AuditRoute::Messages,
        client: None,
        dialect: AuditDialect::Anthropic,
        dialect_out: None,
        model_asked: model.clone(),
        model_used: Some(model),
        endpoint: Some(format!("endpoint-{}", mixed % 3)),
        n_attempts: 1,
        status,
        outcome: if status == 200 { "ok" } else { "unavailable" }.to_owned(),
        failure_kind: (status == 502).then(|| "connect_error".to_owned()),
        is_stream: true,
        usage: Usage {
            input_tokens: mixed % 9000,
            output_tokens: mixed % 700,
            cache_read_tokens: mixed % 5000,
            cache_write_tokens: 0,
        },
        ttft_ms: Some(mixed % 400),
        elapsed_ms: mixed % 20_000,
        session_id: Some(session(seq)),
        dropped_fields: Vec::new(),
        is_cached: false,
        cost_micros: None,
        bytes_in: None,
        bytes_out: None,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

fn open(dir: &Path) -> Store {
    let options = StoreOptions {
        cache_bytes: 16 << 20,
        ..StoreOptions::default()
    };
    Store::open(dir, options).unwrap()
}

fn write(dir: &Path, n_records: u64) {
    let started = Instant::now();
    let store = open(dir);
    runtime().block_on(async {
        for seq in 1..=n_records {
            store.audit().append(record(seq));
            // Groups as large as the writer makes them, and no more waiting than the queue holds.
            if seq.is_multiple_of(4096) {
                store.audit().flush().await.unwrap();
            }
        }
        store.audit().flush().await.unwrap();
        let stats = store.stats();
        assert_eq!(
            (stats.n_audit_records, stats.n_audit_dropped),
            (n_records, 0)
        );
        let elapsed = started.elapsed();
        println!(
            "write: {:.0} records a second, {} segments, {} MiB on disk, peak RSS {} MiB",
            n_records as f64 / elapsed.as_secs_f64(),
            stats.n_segments,
            stats.size_bytes >> 20,
            proc_number("VmHWM") / 1024,
        );
        store.close().await;
    });
}

/// A question for each number, so that no two of a kind are the same.
type Question = fn(u64, u64) -> AuditQuery;

const QUESTIONS: [(&str, Question); 9] = [
    ("no filter", |n, all| AuditQuery {
        before_seq: Some(all - n * 100),
        ..newest()
    }),
    ("a common model", |n, _| AuditQuery {
        model: Some(format!("qwen3-coder-{}b", n % 5)),
        ..newest()
    }),
    ("a rare model", |n, all| AuditQuery {
        model: Some("rare-model".to_owned()),
        before_seq: Some(all - n),
        ..newest()
    }),
    ("no such model", |n, _| AuditQuery {
        model: Some(format!("no-such-model-{n}")),
        ..newest()
    }),
    ("an endpoint", |n, _| AuditQuery {
        endpoint: Some(format!("endpoint-{}", n % 3)),
        ..newest()
    }),
    ("5xx", |n, all| AuditQuery {
        status_class: Some(StatusClass::ServerError),
        before_seq: Some(all - n * 1000),
        ..newest()
    }),
    ("client gone", |n, all| AuditQuery {
        status_class: Some(StatusClass::ClientGone),
        before_seq: Some(all - n),
        ..newest()
    }),
    ("a session", |n, all| AuditQuery {
        session: Some(session(1 + mixed(n) % all)),
        ..newest()
    }),
    ("a time", |n, all| {
        let from = mixed(n) % all;
        AuditQuery {
            since_ms: Some(at_ms(from)),
            until_ms: Some(at_ms(from + 10_000)),
            ..newest()
        }
    }),
];

fn newest() -> AuditQuery {
    AuditQuery {
        limit: 50,
        ..AuditQuery::default()
    }
}

fn ask(dir: &Path, n_records: u64) {
    let started = Instant::now();
    let store = open(dir);
    let opened = started.elapsed();
    let rss_open = proc_number("VmRSS") / 1024;
    runtime().block_on(async {
        let mut line = format!("open {} ms, {rss_open} MiB", opened.as_millis());
        for (label, question) in QUESTIONS {
            let mut times = Vec::new();
            let mut n_pages = 0;
            for n in 0..N_QUESTIONS as u64 {
                let mut query = question(n, n_records);
                let started = Instant::now();
                // To the fiftieth record, or to the end.
                let mut n_found = 0;
                loop {
                    let page = store.audit().query(query.clone()).await.unwrap();
                    assert!(page.damaged.is_empty() && page.missing.is_empty());
                    n_pages += 1;
                    n_found += page.records.len();
                    match query.following(&page) {
                        Some(next) if n_found < 50 => query = next,
                        _ => break,
                    }
                }
                times.push(started.elapsed());
            }
            times.sort_unstable();
            let at = |part: usize| -> Duration { times[(times.len() - 1) * part / 100] };
            line = format!(
                "{line}; {label} {:.1}/{:.1}/{:.1} ms",
                at(50).as_secs_f64() * 1e3,
                at(99).as_secs_f64() * 1e3,
                at(100).as_secs_f64() * 1e3,
            );
            assert_eq!(n_pages, N_QUESTIONS, "{label}: more than one page each");
        }
        println!("{line}; peak RSS {} MiB", proc_number("VmHWM") / 1024);
        store.close().await;
    });
}

/// The number after `name` in `/proc/self/status`.
fn proc_number(name: &str) -> u64 {
    let text = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|text| text != "--bench")
        .collect();
    let number = |at: usize, otherwise: u64| -> u64 {
        arguments
            .get(at)
            .map_or(otherwise, |text| text.parse().unwrap())
    };
    if let Some(step @ ("write" | "ask")) = arguments.first().map(String::as_str) {
        let dir = Path::new(arguments.get(1).unwrap());
        match step {
            "write" => write(dir, number(2, 0)),
            _ => ask(dir, number(2, 0)),
        }
        return;
    }
    let (n_records, n_runs) = (number(0, 1_000_000), number(1, 5));
    let home = tempfile::tempdir().unwrap();
    println!("{n_records} records; p50/p99/most of {N_QUESTIONS} questions each");
    let step = |step: &str| {
        let itself = std::env::current_exe().unwrap();
        let mut command = Command::new(itself);
        command
            .arg(step)
            .arg(home.path())
            .arg(n_records.to_string());
        assert!(command.status().unwrap().success());
        let load = fs_err::read_to_string("/proc/loadavg").unwrap();
        println!("  load average {}", load.split(' ').next().unwrap());
    };
    step("write");
    for _ in 0..n_runs {
        step("ask");
    }
}
