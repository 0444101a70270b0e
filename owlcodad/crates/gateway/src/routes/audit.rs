//! `GET /v1/audit`: the record of ended calls, newest first, in pages.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Uri};
use owlcoda_pipeline::{Route, route_name};
use owlcoda_store::{AuditPage, AuditQuery, AuditRecord, AuditRoute};
use owlcoda_types::ErrorCode;
use serde_json::{Value, json};

use crate::admit::{Admitted, dialect_of};
use crate::parameter::{Given, Kind, Parameter};
use crate::{Gateway, reply};

/// Records of a page where the caller does not say.
const DEFAULT_LIMIT: u64 = 50;

pub(crate) const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "limit",
        kind: Kind::Whole(1, 1000),
        summary: "Most records of the page; 50 where it is left out.",
    },
    Parameter {
        name: "before",
        kind: Kind::Whole(1, u64::MAX >> 11),
        summary: "Only records with a smaller number: `next` of the page before.",
    },
    Parameter {
        name: "model",
        kind: Kind::Text(200),
        summary: "Only calls that asked for this model, or that it answered.",
    },
    Parameter {
        name: "minStatus",
        kind: Kind::Whole(100, 599),
        summary: "Only calls that ended with this HTTP status or a higher one.",
    },
];

pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Extension(Admitted(id)): Extension<Admitted>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let dialect = dialect_of(uri.path(), &headers);
    let given = match Given::parse(&uri, PARAMETERS) {
        Ok(given) => given,
        Err(message) => return reply::error(dialect, ErrorCode::InvalidRequest, &message, id),
    };
    let limit = given.whole("limit").unwrap_or(DEFAULT_LIMIT);
    let min_status = given.whole("minStatus");
    let query = AuditQuery {
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        before_seq: given.whole("before"),
        model: given.text("model").map(str::to_owned),
        min_status: min_status.and_then(|status| u16::try_from(status).ok()),
    };
    match gateway.audit.query(query).await {
        Ok(page) => reply::json(describe(&page).to_string()),
        Err(error) => reply::error(dialect, error.code(), &error.to_string(), id),
    }
}

fn describe(page: &AuditPage) -> Value {
    let records = || page.records.iter().map(|(_, record)| record);
    let n_errors = records().filter(|record| record.status >= 400).count();
    let models: BTreeSet<_> = records()
        .filter_map(|record| record.model_used.as_ref())
        .collect();
    let paths: BTreeSet<_> = records().map(|record| path_of(record.route)).collect();
    let elapsed_ms: u64 = records().map(|record| record.elapsed_ms).sum();
    let n_records = page.records.len();
    let entries = page.records.iter().map(|(seq, record)| entry(*seq, record));
    json!({
        "entries": entries.collect::<Vec<_>>(),
        "next": page.next_before_seq,
        "summary": {
            "totalEntries": n_records,
            "uniqueModels": models.len(),
            "uniquePaths": paths.len(),
            "errorCount": n_errors,
            "avgDurationMs": elapsed_ms / (n_records as u64).max(1),
        },
    })
}

fn entry(seq: u64, record: &AuditRecord) -> Value {
    let is_ok = record.outcome == "ok";
    json!({
        "seq": seq,
        "id": record.request_id.to_string(),
        "timestamp": reply::time(record.at_ms),
        "method": "POST",
        "path": path_of(record.route),
        "dialect": record.dialect.as_str(),
        "model": record.model_asked,
        "servedBy": record.model_used,
        "endpoint": record.endpoint,
        "attempts": record.n_attempts,
        "statusCode": record.status,
        "outcome": record.outcome,
        "error": (!is_ok).then_some(record.failure_kind.as_ref().unwrap_or(&record.outcome)),
        "streaming": record.is_stream,
        "durationMs": record.elapsed_ms,
        "ttftMs": record.ttft_ms,
        "inputTokens": record.usage.prompt_tokens(),
        "outputTokens": record.usage.output_tokens,
        "session": record.session_id.map(|id| id.to_string()),
        "dropped": record.dropped_fields,
    })
}

const fn path_of(route: AuditRoute) -> &'static str {
    route_name(match route {
        AuditRoute::Messages => Route::Messages,
        AuditRoute::Chat => Route::Chat,
        AuditRoute::Agent => Route::Agent,
        AuditRoute::Warmup => Route::Warmup,
    })
}
