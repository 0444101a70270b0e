//! `owlcoda.v1.Inspect`: what is kept of single calls.

use owlcoda_pipeline::{Capture, CaptureStats, Exchange, Message, Trace, TraceOrder};
use owlcoda_proto::v1::inspect_server::Inspect;
use owlcoda_proto::{to_status, v1};
use owlcoda_types::{ErrorCode, RequestId};
use tonic::{Request, Response, Status};

use crate::observe::observed;
use crate::{Control, convert};

#[tonic::async_trait]
impl Inspect for Control {
    async fn list_traces(
        &self,
        request: Request<v1::ListTracesRequest>,
    ) -> Result<Response<v1::ListTracesResponse>, Status> {
        let v1::ListTracesRequest { limit, slowest } = request.into_inner();
        let order = if slowest {
            TraceOrder::Slowest
        } else {
            TraceOrder::Latest
        };
        observed("Inspect/ListTraces", async {
            let traces = self.pipeline.standing().traces(order, some_limit(limit));
            Ok(v1::ListTracesResponse {
                traces: traces.into_iter().map(trace).collect(),
            })
        })
        .await
    }

    async fn list_captures(
        &self,
        request: Request<v1::ListCapturesRequest>,
    ) -> Result<Response<v1::ListCapturesResponse>, Status> {
        let limit = some_limit(request.into_inner().limit);
        observed("Inspect/ListCaptures", async {
            let (captures, about) = self.pipeline.standing().captured(limit);
            let hint = about.config.hint().map_or_else(String::new, str::to_owned);
            Ok(v1::ListCapturesResponse {
                is_enabled: about.config.is_enabled,
                hint,
                captures: captures.iter().map(|capture| summary(capture)).collect(),
                stats: Some(stats(&about)),
            })
        })
        .await
    }

    async fn get_call(
        &self,
        request: Request<v1::GetCallRequest>,
    ) -> Result<Response<v1::GetCallResponse>, Status> {
        let id = request.into_inner().request_id;
        observed("Inspect/GetCall", async {
            let id = match id.as_str() {
                "" => self.latest()?,
                id => id
                    .parse()
                    .map_err(|error: String| to_status(ErrorCode::InvalidRequest, error))?,
            };
            let standing = self.pipeline.standing();
            let (found, capture) = (standing.trace(id), standing.capture(id));
            if found.is_none() && capture.is_none() {
                return Err(to_status(
                    ErrorCode::NotFound,
                    "nothing is kept of that call any more; `owlctl traces` lists those of which \
                     something is, `owlctl audit` all",
                ));
            }
            Ok(v1::GetCallResponse {
                trace: found.map(trace),
                capture: capture.map(|capture| whole(&capture)),
            })
        })
        .await
    }

    async fn clear_captures(
        &self,
        _: Request<v1::ClearCapturesRequest>,
    ) -> Result<Response<v1::ClearCapturesResponse>, Status> {
        observed("Inspect/ClearCaptures", async {
            let n_cleared = self.pipeline.standing().clear_captures() as u64;
            Ok(v1::ClearCapturesResponse { n_cleared })
        })
        .await
    }
}

impl Control {
    /// The latest call of which something was captured, else the latest.
    fn latest(&self) -> Result<RequestId, Status> {
        let standing = self.pipeline.standing();
        let (captures, _) = standing.captured(1);
        let captured = captures.first().map(|capture| capture.id);
        let traced = || {
            standing
                .traces(TraceOrder::Latest, 1)
                .first()
                .map(|trace| trace.id)
        };
        captured
            .or_else(traced)
            .ok_or_else(|| to_status(ErrorCode::NotFound, "no model was called yet"))
    }
}

/// 0 is no limit.
const fn some_limit(limit: u32) -> usize {
    if limit == 0 {
        usize::MAX
    } else {
        limit as usize
    }
}

fn trace(trace: Trace) -> v1::Trace {
    let phases = trace.phases.spent().map(|(phase, time)| v1::TracePhase {
        name: phase.as_str().to_owned(),
        us: convert::micros(time),
    });
    v1::Trace {
        request_id: trace.id.to_string(),
        at_ms: trace.at_ms,
        route: trace.route.as_str().to_owned(),
        dialect: trace.dialect.to_owned(),
        phases: phases.collect(),
        total_us: convert::micros(trace.phases.total()),
        model_asked: trace.model_asked,
        model_used: trace.model_used,
        endpoint_id: trace.endpoint,
        n_attempts: trace.n_attempts,
        status: trace.status.into(),
        outcome: trace.outcome.as_str().to_owned(),
        failure_kind: trace
            .failure_kind
            .map_or_else(String::new, |kind| kind.as_str().to_owned()),
        is_stream: trace.is_stream,
        is_cached: trace.is_cached,
        usage: Some(convert::usage(trace.usage)),
    }
}

/// Without heads and bodies.
fn summary(capture: &Capture) -> v1::Capture {
    v1::Capture {
        request_id: capture.id.to_string(),
        at_ms: capture.at_ms,
        route: capture.route.as_str().to_owned(),
        model_asked: capture.model_asked.clone(),
        model_used: capture.model_used.clone().unwrap_or_default(),
        endpoint_id: capture.endpoint.clone().unwrap_or_default(),
        status: capture.status.into(),
        outcome: capture.outcome.as_str().to_owned(),
        is_stream: capture.is_stream,
        is_cached: capture.is_cached,
        usage: Some(convert::usage(capture.usage)),
        elapsed_ms: convert::millis(capture.elapsed),
        error: capture.error.clone().unwrap_or_default(),
        caller: None,
        attempts: Vec::new(),
    }
}

fn whole(capture: &Capture) -> v1::Capture {
    v1::Capture {
        caller: Some(exchange(&capture.caller)),
        attempts: capture.attempts.iter().map(exchange).collect(),
        ..summary(capture)
    }
}

fn exchange(exchange: &Exchange) -> v1::Exchange {
    v1::Exchange {
        line: exchange.line.clone(),
        request: Some(message(&exchange.request)),
        status: exchange.status.map_or(0, u32::from),
        answer: Some(message(&exchange.answer)),
    }
}

fn message(message: &Message) -> v1::CapturedMessage {
    let headers = message.headers.iter();
    let headers = headers.map(|(name, value)| v1::CapturedHeader {
        name: name.clone(),
        value: value.clone(),
    });
    v1::CapturedMessage {
        headers: headers.collect(),
        body: message.body.clone(),
        n_body_bytes: message.n_body_bytes,
        is_cut: message.is_cut,
    }
}

fn stats(stats: &CaptureStats) -> v1::CaptureStats {
    let models = stats.models.iter();
    v1::CaptureStats {
        n_captures: stats.n_captures as u64,
        n_failed: stats.n_failed as u64,
        mean_elapsed_ms: stats.mean_ms(),
        models: models
            .map(|(model, n_calls)| (model.clone(), *n_calls as u64))
            .collect(),
        n_bytes: stats.n_bytes as u64,
        max_entries: stats.config.max_entries as u64,
        max_bytes: stats.config.max_bytes as u64,
    }
}
