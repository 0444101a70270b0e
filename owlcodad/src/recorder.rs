//! Puts the end of each call into the audit, and sees to it that there is room for it where that is
//! asked for; and into the file of traces where there is one.

pub(crate) mod trace;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use owlcoda_config::{AuditConfig, AuditMode};
use owlcoda_pipeline::{Admitting, Client, Place, Receipt, Recorder, Route, Settled, Unrecorded};
use owlcoda_store::{Audit, AuditDialect, AuditRecord, AuditRoute, Reservation, StoreError};
use owlcoda_telemetry::{LineFile, metric};
use owlcoda_wire::fault::Dialect;
use parking_lot::Mutex;
use tokio::sync::watch;

/// How long a call waits for room for its record.
const ROOM_WAIT: Duration = Duration::from_millis(250);

/// How long the end of an answer waits for its record to be durable: a disk may be busy for seconds.
const WRITE_WAIT: Duration = Duration::from_secs(5);

/// A refused call is a problem to be told for so long.
const LATELY: Duration = Duration::from_mins(1);

/// Records into the store, or nowhere while the audit is off.
#[derive(Debug)]
pub(crate) struct AuditRecorder {
    audit: Audit,
    is_enabled: AtomicBool,
    is_strict: AtomicBool,
    has_starts: AtomicBool,
    refusals: Arc<Refusals>,
    home: PathBuf,
    /// Where lines of JSON go, too.
    jsonl_path: watch::Sender<Option<PathBuf>>,
    traces: Option<LineFile>,
}

impl AuditRecorder {
    /// A recorder as `config` says; its paths may begin at `home`.
    pub(crate) fn new(audit: Audit, config: &AuditConfig, home: &Path) -> Self {
        let recorder = Self {
            home: home.to_path_buf(),
            jsonl_path: watch::Sender::new(None),
            audit,
            is_enabled: AtomicBool::default(),
            is_strict: AtomicBool::default(),
            has_starts: AtomicBool::default(),
            refusals: Arc::default(),
            traces: None,
        };
        recorder.configure(config);
        recorder
    }

    /// Each call is written to `traces` as well.
    pub(crate) fn traced(mut self, traces: Option<LineFile>) -> Self {
        self.traces = traces;
        self
    }

    /// Calls that begin or end from now on are recorded as `config` says.
    pub(crate) fn configure(&self, config: &AuditConfig) {
        let is_strict = config.mode == AuditMode::Strict;
        self.is_enabled.store(config.is_enabled, Ordering::Relaxed);
        self.is_strict.store(is_strict, Ordering::Relaxed);
        self.has_starts
            .store(config.has_start_records, Ordering::Relaxed);
        let path = config.jsonl_path.as_ref().map(|path| self.home.join(path));
        self.jsonl_path.send_if_modified(|before| {
            let is_new = *before != path;
            *before = path;
            is_new
        });
    }

    /// Where lines of JSON go, now and later.
    pub(crate) fn jsonl_path(&self) -> watch::Receiver<Option<PathBuf>> {
        self.jsonl_path.subscribe()
    }

    fn is_strict(&self) -> bool {
        self.is_enabled.load(Ordering::Relaxed) && self.is_strict.load(Ordering::Relaxed)
    }

    /// Why calls are refused now or were lately, in one sentence.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.is_strict() && self.audit.outage().is_some() {
            let words = "model calls are refused, because `audit.mode` is `strict` and the store takes \
                         no records: see to the store, or set it to `best-effort`";
            return Some(words.to_owned());
        }
        let n_calls = self.refusals.n_lately()?;
        Some(format!(
            "{n_calls} model calls were not served or not answered since the start, the last one within \
             a minute, because they could not be recorded and `audit.mode` is `strict`"
        ))
    }
}

impl Recorder for AuditRecorder {
    fn admit(&self, call: &Settled) -> Option<Admitting> {
        let has_start = self.has_starts.load(Ordering::Relaxed);
        if !self.is_strict() {
            if has_start && self.is_enabled.load(Ordering::Relaxed) {
                self.audit.begin(start_of(call));
            }
            return None;
        }
        let (audit, refusals) = (self.audit.clone(), Arc::clone(&self.refusals));
        let start = has_start.then(|| start_of(call));
        Some(Box::pin(async move {
            let room = room(&audit, start).await.inspect_err(|_| refusals.add())?;
            Ok(Box::new(Room { room, refusals }) as Box<dyn Place>)
        }))
    }

    fn ended(&self, call: &Settled) {
        if let Some(traces) = &self.traces {
            traces.write(&trace::line(call));
        }
    }

    fn record(&self, settled: Settled) {
        if self.is_enabled.load(Ordering::Relaxed) {
            self.audit.append(to_record(settled));
        }
    }
}

/// Room for the end of a call, after its `start` is on disk, if it has one.
async fn room(audit: &Audit, start: Option<AuditRecord>) -> Result<Reservation, Unrecorded> {
    let reserve = async || {
        let room = audit.reserve(ROOM_WAIT).await;
        room.map_err(|error| match error {
            StoreError::NoRoom { waited } => Unrecorded::NoRoom { waited },
            _ => Unrecorded::NoStore,
        })
    };
    let room = reserve().await?;
    if let Some(start) = start {
        let written = reserve().await?.begin(start);
        let written = tokio::time::timeout(WRITE_WAIT, written).await;
        let is_written = matches!(written, Ok(Ok(())));
        is_written.then_some(()).ok_or(Unrecorded::NoStore)?;
    }
    Ok(room)
}

/// Room in the store for the record of one call.
#[derive(Debug)]
struct Room {
    room: Reservation,
    refusals: Arc<Refusals>,
}

impl Place for Room {
    fn record(self: Box<Self>, settled: Settled) -> Receipt {
        let Self { room, refusals } = *self;
        let written = room.append(to_record(settled));
        Box::pin(async move {
            let written = tokio::time::timeout(WRITE_WAIT, written).await;
            if matches!(written, Ok(Ok(()))) {
                return Ok(());
            }
            refusals.add();
            Err(Unrecorded::NotWritten { waited: WRITE_WAIT })
        })
    }
}

/// The calls that a strict audit did not let through.
#[derive(Debug, Default)]
struct Refusals {
    n_calls: AtomicU64,
    last: Mutex<Option<Instant>>,
}

impl Refusals {
    fn add(&self) {
        self.n_calls.fetch_add(1, Ordering::Relaxed);
        *self.last.lock() = Some(Instant::now());
        metric::AUDIT_REFUSED.add([], 1);
    }

    /// How many there were, if the last one was lately.
    fn n_lately(&self) -> Option<u64> {
        let last = (*self.last.lock())?;
        (last.elapsed() < LATELY).then(|| self.n_calls.load(Ordering::Relaxed))
    }
}

/// What is kept of a call that has just begun.
fn start_of(call: &Settled) -> AuditRecord {
    AuditRecord {
        outcome: AuditRecord::STARTED.to_owned(),
        ..to_record(call.clone())
    }
}

/// What is kept of a call.
fn to_record(settled: Settled) -> AuditRecord {
    let is_http = matches!(settled.route, Route::Messages | Route::Chat);
    AuditRecord {
        oldest_open_ms: None,
        request_id: settled.id,
        at_ms: settled.at_ms,
        route: route_of(settled.route),
        client: (settled.client != Client::Unknown).then(|| settled.client.to_string()),
        dialect: dialect_of(settled.dialect),
        dialect_out: settled.dialect_out.map(dialect_of),
        model_asked: settled.model_asked,
        model_used: settled.model_used,
        endpoint: settled.endpoint,
        n_attempts: settled.n_attempts,
        status: settled.status,
        outcome: settled.outcome.as_str().to_owned(),
        failure_kind: settled.failure_kind.map(|kind| kind.as_str().to_owned()),
        is_stream: settled.is_stream,
        usage: settled.usage,
        ttft_ms: settled.ttft.map(millis),
        elapsed_ms: millis(settled.elapsed),
        session_id: settled.session,
        dropped_fields: settled.dropped_fields,
        is_cached: settled.is_cached,
        cost_micros: settled.cost.map(micros),
        bytes_in: is_http.then_some(settled.n_bytes_in),
        bytes_out: is_http.then_some(settled.n_bytes_out),
    }
}

const fn route_of(route: Route) -> AuditRoute {
    match route {
        Route::Messages => AuditRoute::Messages,
        Route::Chat => AuditRoute::Chat,
        Route::Agent => AuditRoute::Agent,
        Route::Warmup => AuditRoute::Warmup,
        Route::Probe => AuditRoute::Probe,
    }
}

const fn dialect_of(dialect: Dialect) -> AuditDialect {
    match dialect {
        Dialect::Anthropic => AuditDialect::Anthropic,
        Dialect::OpenAi => AuditDialect::Openai,
    }
}

/// Millionths, rounded up, so that nothing seems to have been for free.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and what does not fit is the most that there is"
)]
fn micros(cost: f64) -> u64 {
    (cost * 1e6).ceil() as u64
}

/// Rounded up, so that nothing seems to have taken no time.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
