//! Three ways to lay the audit out on the engine, measured against each other.
//!
//! ```text
//! keys       a value per record, and a key per record and filter
//! summaries  a value per record, and a summary of each 512
//! blocks     records in 64 slots until they fill a compressed block, and a summary of each 8 blocks
//! ```
//!
//! `cargo bench -p owlcoda-store --bench layout -- [RECORDS]` writes each in a process of its own, in
//! commits of 8 records, and asks it in another one. It speaks to the engine itself, because two of
//! the three are not built. What is built is measured by `packaging/tests/store-long`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement: it prints, and ends at what it does not expect"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const LAYOUTS: [&str; 3] = ["keys", "summaries", "blocks"];
const COMMIT: u64 = 8;
const BLOCK: u64 = 64;
const CHAPTER: u64 = 512;
const PAGE: usize = 50;
const CACHE_BYTES: u64 = 8 << 20;

/// The values that a record is found by, each with the letter of its filter.
fn terms(seq: u64) -> [String; 4] {
    let mixed = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    let model = match mixed {
        n if n.is_multiple_of(20_011) => "m-rare".to_owned(),
        n => format!("m-model-{}", n % 4),
    };
    let class = match mixed / 7 {
        n if n.is_multiple_of(5003) => "c-gone",
        n if n.is_multiple_of(50) => "c-5xx",
        _ => "c-2xx",
    };
    let endpoint = format!("e-endpoint-{}", mixed % 3);
    [model, endpoint, class.to_owned(), format!("s-{}", seq / 30)]
}

fn at_ms(seq: u64) -> u64 {
    1_700_000_000_000 + seq * 40
}

fn body(seq: u64) -> Vec<u8> {
    let [model, endpoint, class, session] = terms(seq);
    let id = u128::from(seq) * 0x1234_5678_9abc_def1_2345_6789;
    format!(
        r#"{{"v":1,"r":{{"request_id":"req_{id:032x}","at_ms":{},"route":"messages","dialect":"anthropic","model_asked":"{model}","model_used":"{model}","endpoint":"{endpoint}","n_attempts":1,"status":"{class}","outcome":"ok","failure_kind":null,"is_stream":true,"usage":{{"input_tokens":{},"output_tokens":{},"cache_read_tokens":0,"cache_write_tokens":0}},"ttft_ms":{},"elapsed_ms":{},"session_id":"{session}","dropped_fields":[]}}}}"#,
        at_ms(seq), seq % 9000, seq % 700, seq % 400, seq % 4000,
    )
    .into_bytes()
}

fn key(kind: u8, text: &str, seq: u64) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend_from_slice(text.as_bytes());
    if !text.is_empty() {
        key.push(0);
    }
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

fn summary(from: u64, to: u64) -> Vec<u8> {
    let mut masks = BTreeMap::<u32, u8>::new();
    for seq in from..=to {
        for term in terms(seq) {
            *masks.entry(crc32c::crc32c(term.as_bytes())).or_default() |=
                1 << ((seq - from) / BLOCK);
        }
    }
    let mut bytes = [at_ms(from).to_be_bytes(), at_ms(to).to_be_bytes()].concat();
    for (term, mask) in masks {
        bytes.extend_from_slice(&term.to_be_bytes());
        bytes.push(mask);
    }
    bytes
}

/// The blocks that may hold `term`, by a summary.
fn mask(summary: &[u8], term: u32) -> u8 {
    let entries = &summary[16..];
    let at = |n: usize| u32::from_be_bytes(*entries[n * 5..].first_chunk().unwrap());
    let (mut low, mut high) = (0, entries.len() / 5);
    while low < high {
        let middle = usize::midpoint(low, high);
        if at(middle) < term {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low < entries.len() / 5 && at(low) == term {
        entries[low * 5 + 4]
    } else {
        0
    }
}

fn open(dir: &Path) -> sled::Db {
    let config = sled::Config::new().path(dir).mode(sled::Mode::LowSpace);
    config.cache_capacity(CACHE_BYTES).open().unwrap()
}

fn write(layout: &str, dir: &Path, n_records: u64) {
    let db = open(dir);
    let started = Instant::now();
    let written_before = proc_number("io", "wchar");
    let mut pending = Vec::new();
    for first in (1..=n_records).step_by(COMMIT as usize) {
        let mut batch = sled::Batch::default();
        for seq in first..first + COMMIT {
            let body = body(seq);
            if layout == "blocks" {
                batch.insert(key(b't', "", seq % BLOCK), body.clone());
                pending.extend_from_slice(&body);
                if seq.is_multiple_of(BLOCK) {
                    let block = zstd::bulk::compress(&pending, 1).unwrap();
                    batch.insert(key(b'a', "", seq + 1 - BLOCK), block);
                    pending.clear();
                }
            } else {
                batch.insert(key(b'a', "", seq), body);
            }
            if layout == "keys" {
                for term in terms(seq) {
                    batch.insert(key(b'i', &term, seq), &[]);
                }
            } else if seq.is_multiple_of(CHAPTER) {
                batch.insert(
                    key(b's', "", seq + 1 - CHAPTER),
                    summary(seq + 1 - CHAPTER, seq),
                );
            }
        }
        batch.insert(b"c", &first.to_be_bytes());
        db.apply_batch(batch).unwrap();
        db.flush().unwrap();
    }
    let elapsed = started.elapsed();
    let written = proc_number("io", "wchar") - written_before;
    drop(db);
    let on_disk = fs_err::metadata(dir.join("db")).unwrap().len();
    println!(
        "{layout}: insert {:.1} us a record, {} bytes written a record, {} bytes on disk a record, \
         peak RSS {} MiB",
        elapsed.as_secs_f64() * 1e6 / n_records as f64,
        written / n_records,
        on_disk / n_records,
        proc_number("status", "VmHWM") / 1024,
    );
}

/// Newest [`PAGE`] records with `term`; all terms where it is empty.
fn newest(layout: &str, db: &sled::Db, summaries: &[(u64, sled::IVec)], term: &str) -> usize {
    let is_match = |seq| term.is_empty() || terms(seq).iter().any(|found| found == term);
    let seq_of = |key: &[u8]| u64::from_be_bytes(*key.last_chunk().unwrap());
    if term.is_empty() && layout != "blocks" {
        return db
            .scan_prefix(b"a")
            .rev()
            .take(PAGE)
            .map(Result::unwrap)
            .count();
    }
    if layout == "keys" {
        let mut prefix = vec![b'i'];
        prefix.extend_from_slice(term.as_bytes());
        prefix.push(0);
        let keys = db.scan_prefix(prefix).rev().take(PAGE);
        let seqs = keys.map(|entry| seq_of(&entry.unwrap().0));
        return seqs
            .filter(|seq| db.get(key(b'a', "", *seq)).unwrap().is_some())
            .count();
    }
    let hash = crc32c::crc32c(term.as_bytes());
    let mut n_found = 0;
    for (first, summary) in summaries.iter().rev() {
        let mask = if term.is_empty() {
            0xff
        } else {
            mask(summary, hash)
        };
        for block in (0..8).rev().filter(|block| mask & (1 << block) != 0) {
            let from = first + block * BLOCK;
            let n_before = n_found;
            if layout == "blocks" {
                let bytes = db.get(key(b'a', "", from)).unwrap().unwrap();
                let bodies = zstd::bulk::decompress(&bytes, 1 << 16).unwrap();
                assert!(!bodies.is_empty());
                n_found += (from..from + BLOCK).filter(|seq| is_match(*seq)).count();
            } else {
                let range = db.range(key(b'a', "", from)..key(b'a', "", from + BLOCK));
                n_found += range
                    .filter(|entry| is_match(seq_of(&entry.as_ref().unwrap().0)))
                    .count();
            }
            assert!(n_found > n_before || !term.is_empty());
            if n_found >= PAGE {
                return PAGE;
            }
        }
    }
    n_found
}

fn read(layout: &str, dir: &Path, n_records: u64) {
    for label in ["first open", "later open"] {
        let started = Instant::now();
        let db = open(dir);
        println!("{layout}: {label} {} ms", started.elapsed().as_millis());
        drop(db);
    }
    let db = open(dir);
    let started = Instant::now();
    let summaries = db.scan_prefix(b"s").map(|entry| {
        let (key, summary) = entry.unwrap();
        (u64::from_be_bytes(*key.last_chunk().unwrap()), summary)
    });
    let summaries: Vec<_> = summaries.collect();
    let loaded = started.elapsed().as_millis();
    let session = format!("s-{}", n_records / 61);
    let questions = [
        ("no filter", ""),
        ("a common model", "m-model-1"),
        ("a rare model", "m-rare"),
        ("no such model", "m-none"),
        ("an endpoint", "e-endpoint-2"),
        ("5xx", "c-5xx"),
        ("client gone", "c-gone"),
        ("an old session", &session),
    ];
    for (label, term) in questions {
        let mut micros: BTreeSet<(u128, usize)> = BTreeSet::new();
        let mut n_found = 0;
        for round in 0..100 {
            let started = Instant::now();
            n_found = newest(layout, &db, &summaries, term);
            micros.insert((started.elapsed().as_micros(), round));
        }
        let at = |n: usize| micros.iter().nth(n).unwrap().0;
        println!(
            "{layout}: {label}: {n_found} found, p50 {} us, p99 {} us",
            at(50),
            at(98)
        );
    }
    println!(
        "{layout}: summaries read in {loaded} ms, RSS of the reader {} MiB",
        proc_number("status", "VmHWM") / 1024
    );
}

/// The number after `name` in a file of `/proc/self`.
fn proc_number(file: &str, name: &str) -> u64 {
    let text = fs_err::read_to_string(format!("/proc/self/{file}")).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|text| text != "--bench")
        .collect();
    if let [step, layout, dir, n_records] = arguments.as_slice() {
        let n_records = n_records.parse().unwrap();
        match step.as_str() {
            "write" => write(layout, Path::new(dir), n_records),
            _ => read(layout, Path::new(dir), n_records),
        }
        return;
    }
    let n_records = arguments.first().map_or("1000000", String::as_str);
    let n_bytes: usize = (1..1000).map(|seq| body(seq).len()).sum();
    println!("{n_records} records of {} bytes", n_bytes / 999);
    for layout in LAYOUTS {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().to_str().unwrap();
        for step in ["write", "read"] {
            let itself = std::env::current_exe().unwrap();
            let status = Command::new(itself)
                .args([step, layout, dir, n_records])
                .status();
            assert!(status.unwrap().success());
        }
    }
}
