//! `GET /v1/captures` and `GET /v1/captures/{id}`: the latest requests and answers, where they are
//! kept.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Uri};
use owlcoda_pipeline::{Capture, CaptureStats, Exchange, Message, route_name};
use owlcoda_types::{ErrorCode, RequestId};
use serde_json::{Map, Value, json};

use crate::admit::{Admitted, dialect_of};
use crate::parameter::{Given, Kind, Parameter};
use crate::{Gateway, reply};

/// Captures of a list where the caller does not say.
const DEFAULT_LIMIT: u64 = 20;

pub(crate) const PARAMETERS: &[Parameter] = &[Parameter {
    name: "limit",
    kind: Kind::Whole(1, 1000),
    summary: "At most this many; 20 where it is left out.",
}];

pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Extension(Admitted { id, .. }): Extension<Admitted>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let given = match Given::of(&uri, &headers, id, PARAMETERS) {
        Ok(given) => given,
        Err(refusal) => return *refusal,
    };
    let limit = given.whole("limit").unwrap_or(DEFAULT_LIMIT);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (captures, stats) = gateway.pipeline.standing().captured(limit);
    let captures: Vec<_> = captures.iter().map(|capture| summary(capture)).collect();
    let mut document = json!({
        "enabled": stats.config.is_enabled,
        "captures": captures,
        "stats": describe_stats(&stats),
    });
    if let (Some(hint), Some(document)) = (stats.config.hint(), document.as_object_mut()) {
        document.insert("hint".to_owned(), json!(hint));
    }
    reply::json(document.to_string())
}

pub(crate) async fn retrieve(
    State(gateway): State<Gateway>,
    Extension(Admitted { id, .. }): Extension<Admitted>,
    Path(name): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let dialect = dialect_of(uri.path(), &headers);
    let asked = match name.parse::<RequestId>() {
        Ok(asked) => asked,
        Err(message) => return reply::error(dialect, ErrorCode::NotFound, &message, id),
    };
    let standing = gateway.pipeline.standing();
    if let Some(capture) = standing.capture(asked) {
        return reply::json(Value::Object(whole(&capture)).to_string());
    }
    let (_, stats) = standing.captured(0);
    let message = stats.config.hint().unwrap_or(
        "nothing is kept of that call; `GET /v1/captures` lists those of which something is",
    );
    reply::error(dialect, ErrorCode::NotFound, message, id)
}

fn describe_stats(stats: &CaptureStats) -> Value {
    json!({
        "totalExchanges": stats.n_captures,
        "avgDurationMs": stats.mean_ms(),
        "errorRate": stats.error_rate(),
        "modelBreakdown": stats.models,
        "currentBytes": stats.n_bytes,
        "maxEntries": stats.config.max_entries,
        "maxBytes": stats.config.max_bytes,
    })
}

fn summary(capture: &Capture) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut say = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    say("id", json!(capture.id.to_string()));
    say("timestamp", json!(reply::time(capture.at_ms)));
    say("path", json!(route_name(capture.route)));
    say("model", json!(capture.model_asked));
    say("servedBy", json!(capture.model_used));
    say("endpoint", json!(capture.endpoint));
    say("statusCode", json!(capture.status));
    say("outcome", json!(capture.outcome.as_str()));
    say("error", json!(capture.error));
    say("durationMs", json!(reply::millis(capture.elapsed)));
    say("streaming", json!(capture.is_stream));
    say("cached", json!(capture.is_cached));
    say("inputTokens", json!(capture.usage.prompt_tokens()));
    say("outputTokens", json!(capture.usage.output_tokens));
    say("attempts", json!(capture.attempts.len()));
    fields
}

fn whole(capture: &Capture) -> Map<String, Value> {
    let mut fields = summary(capture);
    let attempts: Vec<_> = capture.attempts.iter().map(exchange).collect();
    fields.insert("caller".to_owned(), exchange(&capture.caller));
    fields.insert("upstream".to_owned(), json!(attempts));
    fields
}

fn exchange(exchange: &Exchange) -> Value {
    json!({
        "line": exchange.line,
        "request": message(&exchange.request),
        "status": exchange.status,
        "response": message(&exchange.answer),
    })
}

fn message(message: &Message) -> Value {
    // A name may come several times, so they are pairs.
    json!({
        "headers": message.headers,
        "body": message.body,
        "bodyBytes": message.n_body_bytes,
        "truncated": message.is_cut,
    })
}
