//! `owlctl audit`: the ended model calls, newest first, a page at a time.

use jiff::tz::TimeZone;
use owlcoda_proto::v1::{AuditRecord, QueryAuditRequest, QueryAuditResponse};
use serde::Serialize;

use crate::cli::AuditArgs;
use crate::commands::prompt_tokens;
use crate::commands::status::TokenCounts;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct Page<'a> {
    records: Vec<Record<'a>>,
    /// For `--before`, to get the page after this one; null on the last.
    next_before_seq: Option<u64>,
    /// The same for `--after`, where the oldest come first.
    next_after_seq: Option<u64>,
}

#[derive(Serialize)]
struct Record<'a> {
    seq: u64,
    request_id: &'a str,
    /// When the call was admitted.
    at: Option<String>,
    route: &'a str,
    dialect: &'a str,
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
            dialect: &record.dialect,
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
            session_id: some(&record.session_id),
            dropped_fields: &record.dropped_fields,
            is_cached: record.is_cached,
            cost: record.cost_micros.map(quantity::millionths),
        }
    }
}

pub(super) async fn run(context: &Context<'_>, args: &AuditArgs) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let page = client.audit().query(request(args)).await?.into_inner();
    if context.global.json {
        return Ok(Report::data(to_json(&page)));
    }
    Ok(to_text(&page, &TimeZone::system()))
}

fn request(args: &AuditArgs) -> QueryAuditRequest {
    QueryAuditRequest {
        limit: args.limit,
        model: args.model.clone().unwrap_or_default(),
        min_status: args.min_status.unwrap_or(if args.errors { 400 } else { 0 }),
        before_seq: args.before.unwrap_or(0),
        endpoint_id: args.endpoint.clone().unwrap_or_default(),
        session_id: args.session.clone().unwrap_or_default(),
        status_class: args.status.clone().unwrap_or_default(),
        since_ms: args.since,
        until_ms: args.until,
        oldest_first: args.oldest_first,
        after_seq: args.after.unwrap_or(0),
    }
}

fn to_json(page: &QueryAuditResponse) -> String {
    let page = Page {
        records: page.records.iter().map(Record::from).collect(),
        next_before_seq: Some(page.next_before_seq).filter(|seq| *seq != 0),
        next_after_seq: Some(page.next_after_seq).filter(|seq| *seq != 0),
    };
    json("AuditPage", &page)
}

fn to_text(page: &QueryAuditResponse, zone: &TimeZone) -> Report {
    if page.records.is_empty() {
        let report = Report::data(String::new());
        return match next(page) {
            // A page ends after some work, whatever it has found.
            Some(words) => report.and_remark(&format!("none found so far; {words}")),
            None => report.and_remark("no such calls are recorded"),
        };
    }
    let mut table = Table::with_columns([
        ("SEQ", Side::Right),
        ("TIME", Side::Left),
        ("ROUTE", Side::Left),
        ("MODEL", Side::Left),
        ("STATUS", Side::Right),
        ("OUTCOME", Side::Left),
        ("IN", Side::Right),
        ("OUT", Side::Right),
        ("TTFT", Side::Right),
        ("TOTAL", Side::Right),
        ("REQUEST ID", Side::Left),
    ]);
    for record in &page.records {
        let usage = record.usage.unwrap_or_default();
        // Where no model was reached, what was asked for tells why.
        let model = match record.model_used.as_str() {
            "" => &record.model_asked,
            model_used => model_used,
        };
        table.push([
            &record.seq.to_string(),
            &quantity::local_time(record.at_ms, zone),
            &record.route,
            model,
            &record.status.to_string(),
            &record.outcome,
            &quantity::count(prompt_tokens(&usage)),
            &quantity::count(usage.output_tokens),
            &record.ttft_ms.map(quantity::span).unwrap_or_default(),
            &quantity::span(record.elapsed_ms),
            &record.request_id,
        ]);
    }
    let report = Report::data(table.lines().join("\n") + "\n");
    match next(page) {
        None => report,
        Some(words) => report.and_remark(&words),
    }
}

/// How to get the page after this one.
fn next(page: &QueryAuditResponse) -> Option<String> {
    match (page.next_before_seq, page.next_after_seq) {
        (0, 0) => None,
        (0, seq) => Some(format!("newer records: add --after {seq}")),
        (seq, _) => Some(format!("older records: add --before {seq}")),
    }
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::Usage;

    use super::*;
    use crate::golden;

    fn answered() -> AuditRecord {
        AuditRecord {
            seq: 4200,
            request_id: "req_0190f3f2a1b27c3d8e4f5a6b7c8d9e0f".to_owned(),
            at_ms: 1_700_000_000_123,
            route: "messages".to_owned(),
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

    fn refused() -> AuditRecord {
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

    fn page() -> QueryAuditResponse {
        QueryAuditResponse {
            records: vec![answered(), refused()],
            next_before_seq: 4199,
            ..QueryAuditResponse::default()
        }
    }

    #[test]
    fn a_page_that_found_nothing_yet_does_not_say_that_there_is_nothing() {
        let page = QueryAuditResponse {
            next_after_seq: 77,
            ..QueryAuditResponse::default()
        };
        let report = to_text(&page, &TimeZone::UTC);
        let words = "none found so far; newer records: add --after 77\n";
        assert_eq!(report.stderr, words);
    }

    #[test]
    fn calls_are_a_table_for_people_and_a_page_for_scripts() {
        let report = to_text(&page(), &TimeZone::UTC);
        assert_eq!(report.stderr, "older records: add --before 4199\n");
        golden::check("audit", &report.stdout);
        golden::check("audit_json", &to_json(&page()));
    }

    #[test]
    fn an_empty_page_leaves_stdout_empty_and_is_still_an_object_for_scripts() {
        let report = to_text(&QueryAuditResponse::default(), &TimeZone::UTC);
        assert_eq!(
            (report.stdout.as_str(), report.stderr.is_empty()),
            ("", false)
        );
        golden::check("audit_none_json", &to_json(&QueryAuditResponse::default()));
    }

    #[test]
    fn filters_reach_the_daemon_as_it_names_them() {
        let args = AuditArgs {
            limit: 7,
            model: Some("coder".to_owned()),
            errors: true,
            min_status: None,
            before: Some(12),
            status: Some("5xx".to_owned()),
            endpoint: Some("local".to_owned()),
            session: Some("sess".to_owned()),
            since: Some(1),
            until: Some(2),
            oldest_first: true,
            after: Some(3),
        };
        let expected = QueryAuditRequest {
            limit: 7,
            model: "coder".to_owned(),
            min_status: 400,
            before_seq: 12,
            status_class: "5xx".to_owned(),
            endpoint_id: "local".to_owned(),
            session_id: "sess".to_owned(),
            since_ms: Some(1),
            until_ms: Some(2),
            oldest_first: true,
            after_seq: 3,
        };
        assert_eq!(request(&args), expected);
    }
}
