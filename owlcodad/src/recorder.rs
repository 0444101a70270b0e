//! Puts the end of each call into the audit, and into the file of traces where there is one.

pub(crate) mod trace;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use owlcoda_pipeline::{Recorder, Route, Settled};
use owlcoda_store::{Audit, AuditDialect, AuditRecord, AuditRoute};
use owlcoda_telemetry::LineFile;
use owlcoda_wire::fault::Dialect;

/// Records into the store, or nowhere while the audit is off.
#[derive(Debug)]
pub(crate) struct AuditRecorder {
    audit: Audit,
    is_enabled: AtomicBool,
    traces: Option<LineFile>,
}

impl AuditRecorder {
    pub(crate) fn new(audit: Audit, is_enabled: bool) -> Self {
        Self {
            audit,
            is_enabled: AtomicBool::new(is_enabled),
            traces: None,
        }
    }

    /// Each call is written to `traces` as well.
    pub(crate) fn traced(mut self, traces: Option<LineFile>) -> Self {
        self.traces = traces;
        self
    }

    /// Calls that end from now on are recorded, or are not.
    pub(crate) fn set_enabled(&self, is_enabled: bool) {
        self.is_enabled.store(is_enabled, Ordering::Relaxed);
    }
}

impl Recorder for AuditRecorder {
    fn record(&self, settled: Settled) {
        if let Some(traces) = &self.traces {
            traces.write(&trace::line(&settled));
        }
        if !self.is_enabled.load(Ordering::Relaxed) {
            return;
        }
        let route = route_of(settled.route);
        let dialect = dialect_of(settled.dialect);
        self.audit.append(AuditRecord {
            request_id: settled.id,
            at_ms: settled.at_ms,
            route,
            dialect,
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
        });
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
