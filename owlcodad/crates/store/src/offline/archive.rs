//! The archive of a store: a line of JSON for each thing in it, with a checksum, zstd-compressed.
//!
//! ```text
//! {"crc":"1a2b3c4d","line":{"audit":{"seq":1,"at_ms":…,"record":{…}}}}
//! {"crc":"…","line":{"session":{…}}}                       a state, before its events
//! {"crc":"…","line":{"event":{"session":"…","seq":1,"at_ms":…,"text":"…"}}}   or "hex"
//! {"crc":"…","line":{"manifest":{…,"sha256":"…"}}}         the last one
//! ```
//!
//! `crc` is the CRC-32C of the text of `line`; `sha256` that of all lines before the manifest. It
//! knows nothing of the engine: it is the way to another one.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use owlcoda_types::{SessionId, UnixMs};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::Opened;
use crate::audit::Running;
use crate::query::{self, AuditOrder, AuditQuery, AuditStarts};
use crate::sessions::{SessionMeta, StoredEvent, read_events, states};
use crate::shared::Shared;
use crate::store::StoreOptions;
use crate::{StoreError, recovery};

const ZSTD_LEVEL: i32 = 3;
/// Most bytes of one line: the largest event in hex, or as a text of which each byte takes two, and what
/// is around it.
const MAX_LINE_BYTES: u64 = 40 << 20;
const PAGE: usize = 1000;
const N_EVENTS: usize = 64;

/// What an archive holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the archive's form.
    pub format: u32,
    /// Version of the schema that the store had.
    pub schema: u32,
    /// Audit records.
    pub n_audit_records: u64,
    /// Number of the first of them; 0 without any.
    pub first_audit_seq: u64,
    /// Number of the last of them.
    pub last_audit_seq: u64,
    /// Sessions.
    pub n_sessions: u64,
    /// Events.
    pub n_events: u64,
    /// Records and events that were in the store's range but could not be read.
    pub n_unreadable: u64,
    /// SHA-256 of all lines before this, in hex.
    pub sha256: String,
}

/// The form of archive that this program writes and reads.
const FORMAT: u32 = 1;

/// One thing in an archive.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Audit(Box<AuditLine>),
    Session(SessionMeta),
    Event(EventLine),
    Manifest(Manifest),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AuditLine {
    pub(super) seq: u64,
    pub(super) at_ms: UnixMs,
    pub(super) record: crate::audit::AuditRecord,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EventLine {
    pub(super) session: SessionId,
    seq: u64,
    at_ms: UnixMs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Checked<'a> {
    crc: String,
    #[serde(borrow)]
    line: &'a RawValue,
}

impl EventLine {
    fn new(session: SessionId, event: StoredEvent) -> Self {
        // JSON writes most control characters in six bytes.
        let is_long = |byte: &u8| *byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t');
        let (text, hex) = if event.body.iter().any(is_long) {
            (None, Some(to_hex(&event.body)))
        } else {
            match String::from_utf8(event.body) {
                Ok(text) => (Some(text), None),
                Err(error) => (None, Some(to_hex(error.as_bytes()))),
            }
        };
        Self {
            session,
            seq: event.seq,
            at_ms: event.at_ms,
            text,
            hex,
        }
    }

    pub(super) fn event(self) -> Option<StoredEvent> {
        let body = match (self.text, self.hex) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(hex)) => from_hex(&hex)?,
            _ => return None,
        };
        Some(StoredEvent {
            seq: self.seq,
            at_ms: self.at_ms,
            body,
        })
    }
}

/// Writes everything in the store in `dir` to `out`.
///
/// # Errors
///
/// `Locked`, `NewerSchema`, `Io`. What cannot be read is counted in the manifest.
pub fn export(dir: &Path, options: &StoreOptions, out: impl Write) -> Result<Manifest, StoreError> {
    let opened = Opened::open(dir, options)?;
    let manifest = write(&opened.shared, None, out, &AtomicU64::new(0))?;
    opened.close()?;
    Ok(manifest)
}

/// Writes everything in an open store to `out`, of the audit the records before `end_seq`; counts the
/// lines in `n_lines` as they are written.
pub(crate) fn write(
    shared: &Shared,
    end_seq: Option<u64>,
    out: impl Write,
    n_lines: &AtomicU64,
) -> Result<Manifest, StoreError> {
    let write_error = StoreError::io("write the archive");
    let encoder = zstd::Encoder::new(out, ZSTD_LEVEL).map_err(write_error)?;
    let mut writer = Writer {
        out: encoder,
        sha256: Sha256::new(),
        n_lines,
    };
    let mut manifest = Manifest {
        format: FORMAT,
        schema: recovery::SCHEMA_VERSION,
        ..Manifest::default()
    };
    export_audit(shared, end_seq, &mut writer, &mut manifest)?;
    export_sessions(shared, &mut writer, &mut manifest)?;
    manifest.sha256 = to_hex(&writer.sha256.clone().finalize());
    writer.line(&Line::Manifest(manifest.clone()))?;
    let flushed = writer.out.finish().and_then(|mut out| out.flush());
    flushed.map_err(StoreError::io("write the archive"))?;
    Ok(manifest)
}

fn export_audit<W: Write>(
    shared: &Shared,
    end_seq: Option<u64>,
    writer: &mut Writer<'_, W>,
    manifest: &mut Manifest,
) -> Result<(), StoreError> {
    let mut query = AuditQuery {
        limit: PAGE,
        before_seq: end_seq,
        order: AuditOrder::OldestFirst,
        // Each number that there is.
        starts: AuditStarts::All,
        ..AuditQuery::default()
    };
    loop {
        let page = query::run(&shared.shelf, &query, &shared.findings, &Running::default())?;
        let n_missing: u64 = page.missing.iter().map(|(from, to)| to - from + 1).sum();
        manifest.n_unreadable += n_missing + page.damaged.len() as u64;
        let next = query.following(&page);
        for (seq, record) in page.records {
            manifest.n_audit_records += 1;
            if manifest.first_audit_seq == 0 {
                manifest.first_audit_seq = seq;
            }
            manifest.last_audit_seq = seq;
            writer.line(&Line::Audit(Box::new(AuditLine {
                seq,
                at_ms: record.at_ms,
                record,
            })))?;
        }
        match next {
            Some(next) => query = next,
            None => return Ok(()),
        }
    }
}

fn export_sessions<W: Write>(
    shared: &Shared,
    writer: &mut Writer<'_, W>,
    manifest: &mut Manifest,
) -> Result<(), StoreError> {
    let findings = &shared.findings;
    let mut n_damaged = 0;
    let metas = shared.with_sessions(|engine| {
        states(engine, |damage| {
            n_damaged += 1;
            findings.report(damage);
        })
    })?;
    manifest.n_unreadable += n_damaged;
    for meta in metas {
        let (id, head_seq) = (meta.id, meta.head_seq);
        // Whole or not at all: a log with a hole is no log.
        let first = shared.with_sessions(|engine| check_events(engine, id, head_seq));
        if let Err(StoreError::Damaged { what, reason, .. }) = &first {
            findings.report(format!("{what} is damaged: {reason}"));
            manifest.n_unreadable += 1;
            continue;
        }
        first?;
        manifest.n_sessions += 1;
        writer.line(&Line::Session(meta))?;
        let mut after_seq = 0;
        while after_seq < head_seq {
            let events = shared
                .with_sessions(|engine| read_events(engine, id, after_seq, head_seq, N_EVENTS))?;
            for event in events {
                after_seq = event.seq;
                manifest.n_events += 1;
                writer.line(&Line::Event(EventLine::new(id, event)))?;
            }
        }
    }
    Ok(())
}

fn check_events(
    engine: &dyn crate::engine::Engine,
    id: SessionId,
    head_seq: u64,
) -> Result<(), StoreError> {
    let mut after_seq = 0;
    while after_seq < head_seq {
        let events = read_events(engine, id, after_seq, head_seq, N_EVENTS)?;
        after_seq = events.last().map_or(head_seq, |event| event.seq);
    }
    Ok(())
}

struct Writer<'a, W: Write> {
    out: zstd::Encoder<'a, W>,
    sha256: Sha256,
    n_lines: &'a AtomicU64,
}

impl<W: Write> Writer<'_, W> {
    fn line(&mut self, line: &Line) -> Result<(), StoreError> {
        let write_error = StoreError::io("write the archive");
        let written = serde_json::value::to_raw_value(line).and_then(|line| {
            let crc = crc32c::crc32c(line.get().as_bytes());
            serde_json::to_vec(&Checked {
                crc: format!("{crc:08x}"),
                line: &line,
            })
        });
        let written = written.map_err(std::io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            self.sha256.update(&text);
            self.n_lines.fetch_add(1, Ordering::Relaxed);
            self.out.write_all(&text)
        });
        written.map_err(write_error)
    }
}

/// Reads the archive from one end to the other and checks every line.
///
/// # Errors
///
/// `Damaged` with the number of the first line that is not right, or of the missing manifest.
pub fn check_archive(archive: impl Read) -> Result<Manifest, StoreError> {
    read(archive, |_| Ok(()))
}

/// Shows `visit` each thing of the archive; gives back the manifest, which agrees with all of it.
pub(super) fn read(
    archive: impl Read,
    mut visit: impl FnMut(Line) -> Result<(), StoreError>,
) -> Result<Manifest, StoreError> {
    let mut number = 1;
    let damaged = |number, reason| StoreError::Damaged {
        what: format!("line {number} of the archive"),
        seq: number,
        reason,
    };
    let decoder = zstd::Decoder::new(archive).map_err(|_| damaged(1, "it is no archive"))?;
    let mut lines = BufReader::new(decoder);
    let mut sha256 = Sha256::new();
    let mut seen = Manifest::default();
    let mut text = Vec::new();
    loop {
        text.clear();
        let limited = &mut (&mut lines).take(MAX_LINE_BYTES);
        let n_bytes = limited.read_until(b'\n', &mut text);
        if n_bytes.map_err(|_| damaged(number, "it cannot be unpacked"))? == 0 {
            return Err(damaged(number, "the archive ends before its manifest"));
        }
        let checked: Checked<'_> =
            serde_json::from_slice(&text).map_err(|_| damaged(number, "it has an unknown form"))?;
        let crc = crc32c::crc32c(checked.line.get().as_bytes());
        if checked.crc != format!("{crc:08x}") {
            return Err(damaged(number, "its checksum does not match"));
        }
        let line: Line = serde_json::from_str(checked.line.get())
            .map_err(|_| damaged(number, "it has an unknown form"))?;
        match &line {
            Line::Audit(audit) => {
                if audit.seq <= seen.last_audit_seq {
                    return Err(damaged(number, "its number does not follow"));
                }
                seen.n_audit_records += 1;
                if seen.first_audit_seq == 0 {
                    seen.first_audit_seq = audit.seq;
                }
                seen.last_audit_seq = audit.seq;
            }
            Line::Session(_) => seen.n_sessions += 1,
            Line::Event(_) => seen.n_events += 1,
            Line::Manifest(manifest) => {
                seen.sha256 = to_hex(&sha256.finalize());
                seen.format = FORMAT;
                seen.schema = manifest.schema;
                seen.n_unreadable = manifest.n_unreadable;
                if *manifest != seen {
                    return Err(damaged(
                        number,
                        "the manifest does not agree with the lines",
                    ));
                }
                return Ok(seen);
            }
        }
        visit(line)?;
        sha256.update(&text);
        number += 1;
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    bytes.collect()
}
