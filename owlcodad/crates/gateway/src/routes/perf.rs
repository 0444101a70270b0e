//! `GET /v1/perf`: how fast and how reliable each model is.

use axum::extract::State;
use axum::response::Response;
use owlcoda_pipeline::ModelFigures;
use serde_json::{Value, json};

use crate::{Gateway, reply};

pub(crate) async fn perf(State(gateway): State<Gateway>) -> Response {
    let figures = gateway.pipeline.standing().figures();
    let data: Vec<_> = figures
        .models
        .iter()
        .map(|(id, model)| describe(id, model))
        .collect();
    reply::json(json!({ "data": data }).to_string())
}

fn describe(id: &str, model: &ModelFigures) -> Value {
    let elapsed = model.elapsed.percentiles().unwrap_or_default();
    let first = model.first_token.percentiles();
    let speed = |speed: Option<f64>| speed.map(reply::rounded);
    json!({
        "model_id": id,
        "request_count": model.n_calls,
        "success_rate": reply::share(model.n_answered, model.n_calls),
        "avg_duration_ms": reply::rounded(elapsed.mean),
        "p50_duration_ms": reply::rounded(elapsed.p50),
        "p95_duration_ms": reply::rounded(elapsed.p95),
        "avg_ttft_ms": first.map(|first| reply::rounded(first.mean)),
        "p50_ttft_ms": first.map(|first| reply::rounded(first.p50)),
        "avg_output_tps": speed(model.tokens_per_sec()),
        "prefill_tps": speed(model.prefill.per_sec()),
        "decode_tps": speed(model.decode.per_sec()),
        "total_input_tokens": model.usage.prompt_tokens(),
        "total_output_tokens": model.usage.output_tokens,
        "first_request_at": reply::time(model.first_ms),
        "last_request_at": reply::time(model.last_ms),
    })
}
