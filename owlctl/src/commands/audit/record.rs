//! One call, as JSON and as a row of a table.

use jiff::tz::TimeZone;
use owlcoda_proto::v1::AuditRecord;
use serde::Serialize;

use crate::commands::prompt_tokens;
use crate::commands::status::TokenCounts;
use crate::table::{Side, Table};
use crate::{document, quantity};

#[derive(Serialize)]
pub(super) struct Record<'a> {
    seq: u64,
    request_id: &'a str,
    /// When the call was admitted.
    at: Option<String>,
    route: &'a str,
    /// Null where nobody looked who it was.
    client: Option<&'a str>,
    dialect: &'a str,
    /// What the endpoint speaks; null where none was asked.
    dialect_out: Option<&'a str>,
    model_asked: &'a str,
    /// Null where no model was reached, like the endpoint.
    model_used: Option<&'a str>,
    endpoint_id: Option<&'a str>,
    n_attempts: u32,
    status: u32,
    outcome: &'a str,
    /// How a call of a model failed; null where none did.
    failure_kind: Option<&'a str>,
    is_stream: bool,
    usage: TokenCounts,
    /// To the first event of the answer; null where there was none.
    ttft_secs: Option<f64>,
    elapsed_secs: f64,
    /// Of the body that the caller sent; null for calls that did not come over HTTP.
    bytes_in: Option<u64>,
    /// Of the body that the caller got.
    bytes_out: Option<u64>,
    /// Null for calls over HTTP.
    session_id: Option<&'a str>,
    /// What of the request the model server was not told.
    dropped_fields: &'a [String],
    /// Whether an answer of before was given again.
    is_cached: bool,
    /// In the configured currency; null where no rate was known.
    cost: Option<f64>,
}

impl<'a> From<&'a AuditRecord> for Record<'a> {
    fn from(record: &'a AuditRecord) -> Self {
        let some = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Self {
            seq: record.seq,
            request_id: &record.request_id,
            at: quantity::rfc_3339(record.at_ms),
            route: &record.route,
            client: some(&record.client),
            dialect: &record.dialect,
            dialect_out: some(&record.dialect_out),
            model_asked: &record.model_asked,
            model_used: some(&record.model_used),
            endpoint_id: some(&record.endpoint_id),
            n_attempts: record.n_attempts,
            status: record.status,
            outcome: &record.outcome,
            failure_kind: some(&record.failure_kind),
            is_stream: record.is_stream,
            usage: record.usage.unwrap_or_default().into(),
            ttft_secs: record.ttft_ms.map(quantity::secs),
            elapsed_secs: quantity::secs(record.elapsed_ms),
            bytes_in: record.bytes_in,
            bytes_out: record.bytes_out,
            session_id: some(&record.session_id),
            dropped_fields: &record.dropped_fields,
            is_cached: record.is_cached,
            cost: record.cost_micros.map(quantity::millionths),
        }
    }
}

/// The record as one line of JSON, with its end.
pub(super) fn line(record: &AuditRecord) -> String {
    document::line(&Record::from(record))
}

/// Everything that is recorded, for people: name and value.
pub(super) fn details(record: &AuditRecord, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let usage = record.usage.unwrap_or_default();
    let some = |n: Option<u64>, show: fn(u64) -> String| n.map(show).unwrap_or_default();
    vec![
        ("seq", record.seq.to_string()),
        ("request id", record.request_id.clone()),
        ("time", quantity::local_time(record.at_ms, zone)),
        ("client", record.client.clone()),
        ("route", record.route.clone()),
        ("dialect", record.dialect.clone()),
        ("model asked", record.model_asked.clone()),
        ("model used", record.model_used.clone()),
        ("endpoint", record.endpoint_id.clone()),
        ("endpoint dialect", record.dialect_out.clone()),
        ("attempts", record.n_attempts.to_string()),
        ("status", status(record)),
        ("outcome", record.outcome.clone()),
        ("failure", record.failure_kind.clone()),
        (
            "stream",
            if record.is_stream { "yes" } else { "no" }.to_owned(),
        ),
        (
            "cached",
            if record.is_cached { "yes" } else { "no" }.to_owned(),
        ),
        ("input tokens", quantity::count(usage.input_tokens)),
        (
            "cache read tokens",
            quantity::count(usage.cache_read_tokens),
        ),
        (
            "cache write tokens",
            quantity::count(usage.cache_write_tokens),
        ),
        ("output tokens", quantity::count(usage.output_tokens)),
        (
            "cost",
            some(record.cost_micros, |n| quantity::millionths(n).to_string()),
        ),
        ("first token", some(record.ttft_ms, quantity::span)),
        ("total", quantity::span(record.elapsed_ms)),
        ("bytes in", some(record.bytes_in, quantity::count)),
        ("bytes out", some(record.bytes_out, quantity::count)),
        ("session", record.session_id.clone()),
        ("dropped fields", record.dropped_fields.join(", ")),
    ]
}

/// The status; nothing while the call runs.
fn status(record: &AuditRecord) -> String {
    match record.status {
        0 => String::new(),
        status => status.to_string(),
    }
}

/// The columns of a table of calls.
pub(super) fn table() -> Table {
    Table::with_columns(COLUMNS)
}

const COLUMNS: [(&str, Side); 12] = [
    ("SEQ", Side::Right),
    ("TIME", Side::Left),
    ("ROUTE", Side::Left),
    ("CLIENT", Side::Left),
    ("MODEL", Side::Left),
    ("STATUS", Side::Right),
    ("OUTCOME", Side::Left),
    ("IN", Side::Right),
    ("OUT", Side::Right),
    ("TTFT", Side::Right),
    ("TOTAL", Side::Right),
    ("REQUEST ID", Side::Left),
];

/// The row of a call.
pub(super) fn row(record: &AuditRecord, zone: &TimeZone) -> [String; 12] {
    let usage = record.usage.unwrap_or_default();
    // Where no model was reached, what was asked for tells why.
    let model = match record.model_used.as_str() {
        "" => &record.model_asked,
        model_used => model_used,
    };
    [
        record.seq.to_string(),
        quantity::local_time(record.at_ms, zone),
        record.route.clone(),
        record.client.clone(),
        model.to_owned(),
        status(record),
        record.outcome.clone(),
        quantity::count(prompt_tokens(&usage)),
        quantity::count(usage.output_tokens),
        record.ttft_ms.map(quantity::span).unwrap_or_default(),
        quantity::span(record.elapsed_ms),
        record.request_id.clone(),
    ]
}

#[cfg(test)]
pub(super) mod tests {
    use owlcoda_proto::v1::Usage;

    use super::*;

    pub(crate) fn answered() -> AuditRecord {
        AuditRecord {
            seq: 4200,
            request_id: "req_0190f3f2a1b27c3d8e4f5a6b7c8d9e0f".to_owned(),
            at_ms: 1_700_000_000_123,
            route: "messages".to_owned(),
            client: "uid:1000".to_owned(),
            dialect_out: "openai".to_owned(),
            bytes_in: Some(4_321),
            bytes_out: Some(987),
            dialect: "anthropic".to_owned(),
            model_asked: "default".to_owned(),
            model_used: "qwen2.5-coder".to_owned(),
            endpoint_id: "ollama".to_owned(),
            n_attempts: 2,
            status: 200,
            outcome: "ok".to_owned(),
            is_stream: true,
            usage: Some(Usage {
                input_tokens: 1_200,
                output_tokens: 34,
                cache_read_tokens: 800,
                cache_write_tokens: 0,
            }),
            ttft_ms: Some(340),
            elapsed_ms: 2_500,
            session_id: String::new(),
            failure_kind: String::new(),
            dropped_fields: vec!["top_k".to_owned()],
            is_cached: false,
            cost_micros: Some(42),
        }
    }

    pub(crate) fn refused() -> AuditRecord {
        AuditRecord {
            seq: 4199,
            request_id: "req_0190f3f2a1b27c3d8e4f5a6b7c8d9e00".to_owned(),
            at_ms: 1_699_999_000_000,
            route: "agent".to_owned(),
            dialect: "anthropic".to_owned(),
            model_asked: "no-such\u{1b}[2J".to_owned(),
            n_attempts: 0,
            status: 404,
            outcome: "not_found".to_owned(),
            elapsed_ms: 1,
            session_id: "ses_0190f3f2a1b27c3d8e4f5a6b7c8d9e01".to_owned(),
            ..AuditRecord::default()
        }
    }
}
