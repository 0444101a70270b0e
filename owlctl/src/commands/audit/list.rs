//! `owlctl audit list`: calls, newest first, a page at a time.

use jiff::tz::TimeZone;
use owlcoda_proto::v1::{QueryAuditRequest, QueryAuditResponse};
use serde::Serialize;

use super::record::{self, Record};
use super::{check, request};
use crate::cli::audit::ListArgs;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::report::Report;

#[derive(Serialize)]
struct Page<'a> {
    records: Vec<Record<'a>>,
    /// For `--before`, to get the page after this one; null on the last.
    next_before_seq: Option<u64>,
    /// The same for `--after`, where the oldest come first.
    next_after_seq: Option<u64>,
}

pub(super) async fn run(context: &Context<'_>, args: &ListArgs) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let question = question(args);
    check(&client, &question)?;
    let page = client.audit().query(question).await?.into_inner();
    if context.global.json {
        return Ok(Report::data(to_json(&page)));
    }
    Ok(to_text(&page, &TimeZone::system()))
}

fn question(args: &ListArgs) -> QueryAuditRequest {
    QueryAuditRequest {
        limit: args.limit,
        before_seq: args.before.unwrap_or(0),
        after_seq: args.after.unwrap_or(0),
        oldest_first: args.oldest_first,
        ..request(&args.filters)
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
    let mut table = record::table();
    for call in &page.records {
        table.push(record::row(call, zone).each_ref().map(String::as_str));
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
    use super::super::record::tests::{answered, refused};
    use super::*;
    use crate::cli::audit::Filters;
    use crate::golden;

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
        let args = ListArgs {
            limit: 7,
            filters: Filters {
                model: Some("coder".to_owned()),
                errors: true,
                min_status: None,
                status: Some("5xx".to_owned()),
                min_duration: Some(5_000),
                endpoint: Some("local".to_owned()),
                session: Some("sess".to_owned()),
                client: Some("token".to_owned()),
                since: Some(1),
                until: Some(2),
            },
            before: Some(12),
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
            client: "token".to_owned(),
            min_elapsed_ms: 5_000,
            request_id: String::new(),
            ended_only: false,
        };
        assert_eq!(question(&args), expected);
    }
}
