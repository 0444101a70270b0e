//! `GET /v1/perf`: how fast and how reliable each model is.

use axum::extract::State;
use axum::response::Response;
use owlcoda_pipeline::{Budget, ModelPerf};
use serde_json::{Value, json};

use crate::{Gateway, reply};

pub(crate) async fn perf(State(gateway): State<Gateway>) -> Response {
    let report = gateway.pipeline.perf();
    let data: Vec<_> = report.models.iter().map(describe).collect();
    let document = json!({
        "data": data,
        "slo": {
            "target_percent": report.target_percent,
            "window_requests": report.window_calls,
        },
        "error_budget": describe_budget(&report.budget),
    });
    reply::json(document.to_string())
}

fn describe(perf: &ModelPerf) -> Value {
    json!({
        "model_id": perf.model,
        "request_count": perf.n_calls,
        "success_rate": perf.success_rate,
        "error_budget": describe_budget(&perf.budget),
        "avg_duration_ms": perf.mean_ms,
        "p50_duration_ms": perf.p50_ms,
        "p95_duration_ms": perf.p95_ms,
        "avg_ttft_ms": perf.mean_ttft_ms,
        "p50_ttft_ms": perf.p50_ttft_ms,
        "avg_output_tps": perf.tokens_per_sec,
        "prefill_tps": perf.prefill_tokens_per_sec,
        "decode_tps": perf.decode_tokens_per_sec,
        "total_input_tokens": perf.usage.prompt_tokens(),
        "total_output_tokens": perf.usage.output_tokens,
        "first_request_at": reply::time(perf.first_ms),
        "last_request_at": reply::time(perf.last_ms),
    })
}

fn describe_budget(budget: &Budget) -> Value {
    json!({
        "request_count": budget.n_calls,
        "failure_count": budget.n_failed,
        "success_rate": budget.success_rate,
        "used": budget.used,
        "remaining": budget.left(),
        "is_spent": budget.is_spent,
    })
}
