//! `GET /v1/usage`: tokens and calls so far.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use crate::{Gateway, reply};

pub(crate) async fn usage(State(gateway): State<Gateway>) -> Response {
    let report = gateway.pipeline.usage(gateway.started_at_ms);
    let usage = report.usage;
    let elapsed_ms = gateway.clock.now_ms().saturating_sub(report.since_ms);
    let document = json!({
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "cacheReadTokens": usage.cache_read_tokens,
        "cacheWriteTokens": usage.cache_write_tokens,
        "totalTokens": usage.prompt_tokens() + usage.output_tokens,
        "requestCount": report.n_calls,
        "startedAt": reply::time(report.since_ms),
        "elapsedSeconds": elapsed_ms / 1000,
    });
    reply::json(document.to_string())
}
