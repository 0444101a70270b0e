//! Traces as a file: one line of JSON for each call that has ended, where `OWLCODA_TRACE` asks for it.
//!
//! It holds no prompt, no answer and no key. A full file is set aside, so all of them are bounded.

use std::io;
use std::path::Path;
use std::time::Duration;

use owlcoda_pipeline::Settled;
use owlcoda_telemetry::{LineFile, LogFile};
use owlcoda_types::FailureKind;
use serde_json::{Map, Value, json};

use super::{dialect_of, millis, route_of};

/// Beginning at the data directory.
const PATH: &str = "trace/calls.jsonl";

/// A file of this size is set aside as `.1`, in bytes.
const MAX_BYTES: u64 = 10 << 20;

/// How many that were set aside are kept.
const KEEP: u32 = 4;

/// Opens the file in `home`.
pub(crate) fn open(home: &Path) -> io::Result<LineFile> {
    LineFile::open(LogFile {
        path: home.join(PATH),
        max_bytes: MAX_BYTES,
        keep: KEEP,
    })
}

/// One call as a line.
pub(super) fn line(settled: &Settled) -> Vec<u8> {
    let mut phases = Map::new();
    for (phase, time) in settled.phases.spent() {
        phases.insert(phase.as_str().to_owned(), json!(micros(time)));
    }
    let usage = &settled.usage;
    let trace = json!({
        "request_id": settled.id,
        "at_ms": settled.at_ms,
        "route": route_of(settled.route).as_str(),
        "dialect": dialect_of(settled.dialect).as_str(),
        "model_asked": settled.model_asked,
        "model_used": settled.model_used,
        "endpoint_id": settled.endpoint,
        "n_attempts": settled.n_attempts,
        "status": settled.status,
        "outcome": settled.outcome.as_str(),
        "failure_kind": settled.failure_kind.map(FailureKind::as_str),
        "is_stream": settled.is_stream,
        "is_cached": settled.is_cached,
        "input_tokens": usage.prompt_tokens(),
        "output_tokens": usage.output_tokens,
        "ttft_ms": settled.ttft.map(millis),
        "elapsed_ms": millis(settled.elapsed),
        "phases_us": Value::Object(phases),
        "total_us": micros(settled.phases.total()),
    });
    let mut line = trace.to_string().into_bytes();
    line.push(b'\n');
    line
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
