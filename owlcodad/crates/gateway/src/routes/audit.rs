//! `GET /v1/audit`: the record of ended calls, newest first, in pages.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Uri};
use owlcoda_pipeline::{Route, route_name};
use owlcoda_store::{
    AuditDialect, AuditOrder, AuditPage, AuditQuery, AuditRecord, AuditRoute, AuditStarts,
    StatusClass,
};
use serde_json::{Value, json};

use crate::admit::{Admitted, dialect_of};
use crate::parameter::{Given, Kind, Parameter};
use crate::{Gateway, reply};

/// Records of a page where the caller does not say.
const DEFAULT_LIMIT: u64 = 50;

/// A number of a record, or a time: whole numbers that every reader of JSON takes exactly.
const MANY: Kind = Kind::Whole(1, u64::MAX >> 11);

pub(crate) const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "limit",
        kind: Kind::Whole(1, 1000),
        summary: "Most records of the page; 50 where it is left out.",
    },
    Parameter {
        name: "before",
        kind: MANY,
        summary: "Only records with a smaller number: `next` of the page before.",
    },
    Parameter {
        name: "after",
        kind: MANY,
        summary: "Only records with a larger number: `next` of the page before, where the oldest come first.",
    },
    Parameter {
        name: "order",
        kind: Kind::OneOf(&["newest", "oldest"]),
        summary: "Which come first; `newest` where it is left out.",
    },
    Parameter {
        name: "since",
        kind: MANY,
        summary: "Only calls that ended at this time or later, Unix time in milliseconds.",
    },
    Parameter {
        name: "until",
        kind: MANY,
        summary: "Only calls that ended before this time, Unix time in milliseconds.",
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
    Parameter {
        name: "status",
        kind: Kind::OneOf(&["2xx", "4xx", "429", "client_gone", "5xx"]),
        summary: "Only calls that ended in this way; `4xx` is without 429 and without callers that left.",
    },
    Parameter {
        name: "endpoint",
        kind: Kind::Text(200),
        summary: "Only calls that this model server answered, by its id.",
    },
    Parameter {
        name: "session",
        kind: Kind::Session,
        summary: "Only calls of this conversation, by its id.",
    },
    Parameter {
        name: "client",
        kind: Kind::Text(200),
        summary: "Only calls of whom is recorded so: `uid:1000`, `token`, `agent` or `daemon`.",
    },
    Parameter {
        name: "minDurationMs",
        kind: MANY,
        summary: "Only calls that took so many milliseconds, or longer.",
    },
];

pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Extension(Admitted { id, .. }): Extension<Admitted>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let dialect = dialect_of(uri.path(), &headers);
    let given = match Given::of(&uri, &headers, id, PARAMETERS) {
        Ok(given) => given,
        Err(refusal) => return *refusal,
    };
    let limit = given.whole("limit").unwrap_or(DEFAULT_LIMIT);
    let min_status = given.whole("minStatus");
    let text = |name: &str| given.text(name).map(str::to_owned);
    let time = |name: &str| given.whole(name).map(u64::cast_signed);
    let query = AuditQuery {
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        order: match given.text("order") {
            Some("oldest") => AuditOrder::OldestFirst,
            _ => AuditOrder::NewestFirst,
        },
        before_seq: given.whole("before"),
        after_seq: given.whole("after"),
        since_ms: time("since"),
        until_ms: time("until"),
        model: text("model"),
        endpoint: text("endpoint"),
        session: given.text("session").and_then(|text| text.parse().ok()),
        status_class: given.text("status").and_then(StatusClass::parse),
        min_status: min_status.and_then(|status| u16::try_from(status).ok()),
        client: text("client"),
        min_elapsed_ms: given.whole("minDurationMs"),
        request: None,
        starts: AuditStarts::Running,
    };
    gateway.audit.catch_up().await;
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
        "next": page.next,
        "summary": {
            "totalEntries": n_records,
            "uniqueModels": models.len(),
            "uniquePaths": paths.len(),
            "errorCount": n_errors,
            "avgDurationMs": elapsed_ms / (n_records as u64).max(1),
        },
    })
}

/// The record as a line of JSON, without its end: what a page of `/v1/audit` has of it. Nothing in it
/// is a control character, whatever a caller wrote.
pub fn audit_line(seq: u64, record: &AuditRecord) -> String {
    let plain = entry(seq, record).to_string();
    if !plain.contains(|c| matches!(c, '\u{7f}'..='\u{9f}')) {
        return plain;
    }
    // JSON leaves these as they are, and a terminal may obey them.
    let escaped = plain.chars().map(|c| match c {
        '\u{7f}'..='\u{9f}' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    escaped.collect()
}

fn entry(seq: u64, record: &AuditRecord) -> Value {
    let is_ok = ["ok", AuditRecord::RUNNING].contains(&&*record.outcome);
    json!({
        "seq": seq,
        "id": record.request_id.to_string(),
        "timestamp": reply::time(record.at_ms),
        "method": "POST",
        "path": path_of(record.route),
        "client": record.client,
        "dialect": record.dialect.as_str(),
        "dialectOut": record.dialect_out.map(AuditDialect::as_str),
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
        "bytesIn": record.bytes_in,
        "bytesOut": record.bytes_out,
        "inputTokens": record.usage.prompt_tokens(),
        "outputTokens": record.usage.output_tokens,
        "session": record.session_id.map(|id| id.to_string()),
        "dropped": record.dropped_fields,
        "cached": record.is_cached,
        "cost": record.cost_micros.map(reply::millionths),
    })
}

const fn path_of(route: AuditRoute) -> &'static str {
    route_name(match route {
        AuditRoute::Messages => Route::Messages,
        AuditRoute::Chat => Route::Chat,
        AuditRoute::Agent => Route::Agent,
        AuditRoute::Warmup => Route::Warmup,
        AuditRoute::Probe => Route::Probe,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_end_can_be_asked_for() {
        let status = PARAMETERS.iter().find(|known| known.name == "status");
        let Some(Kind::OneOf(words)) = status.map(|status| status.kind) else {
            panic!("one of these words")
        };
        assert_eq!(words, StatusClass::ALL.map(StatusClass::as_str));
    }
}
