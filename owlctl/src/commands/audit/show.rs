//! `owlctl audit show`: everything that is recorded of one call.

use jiff::tz::TimeZone;
use owlcoda_proto::v1::{AuditRecord, QueryAuditRequest};

use super::check;
use super::record::{Record, details};
use crate::cli::audit::ShowArgs;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::report::Report;
use crate::table::{Side, Table};

/// A call is recorded under a time that is near that of its id's making; a clock may be set meanwhile.
const NEAR_MS: i64 = 600_000;

pub(super) async fn run(context: &Context<'_>, args: &ShowArgs) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    for question in questions(&args.call) {
        let mut asked = question;
        if !asked.request_id.is_empty() {
            check(&client, &asked)?;
        }
        loop {
            let page = client.audit().query(asked.clone()).await?.into_inner();
            // An older daemon gives the one before it, where there is none of that number.
            if let Some(record) = page
                .records
                .iter()
                .find(|record| is_asked(record, &args.call))
            {
                return Ok(Report::data(if context.global.json {
                    json("AuditRecord", &Record::from(record))
                } else {
                    to_text(record, &TimeZone::system())
                }));
            }
            if page.next_before_seq == 0 {
                break;
            }
            asked.before_seq = page.next_before_seq;
        }
    }
    Err(CommandError::NoSuchRecord(args.call.clone()))
}

fn is_asked(record: &AuditRecord, call: &str) -> bool {
    record.request_id == call || call.parse() == Ok(record.seq)
}

/// What to ask, one after the other, until one is answered.
fn questions(call: &str) -> Vec<QueryAuditRequest> {
    if let Ok(seq) = call.parse::<u64>() {
        return vec![QueryAuditRequest {
            limit: 1,
            after_seq: seq.saturating_sub(1),
            before_seq: seq.saturating_add(1),
            ..QueryAuditRequest::default()
        }];
    }
    let anywhere = QueryAuditRequest {
        limit: 1,
        request_id: call.to_owned(),
        ..QueryAuditRequest::default()
    };
    let near = made_at_ms(call).map(|at_ms| QueryAuditRequest {
        since_ms: Some(at_ms - NEAR_MS),
        until_ms: Some(at_ms + NEAR_MS),
        ..anywhere.clone()
    });
    near.into_iter().chain([anywhere]).collect()
}

/// When an id was made: a UUID of version 7 begins with that.
fn made_at_ms(id: &str) -> Option<i64> {
    i64::from_str_radix(id.strip_prefix("req_")?.get(..12)?, 16).ok()
}

fn to_text(record: &AuditRecord, zone: &TimeZone) -> String {
    let mut table = Table::with_columns([("FIELD", Side::Left), ("VALUE", Side::Left)]);
    for (name, value) in details(record, zone) {
        table.push([name, &value]);
    }
    table.lines().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::answered;
    use super::*;
    use crate::golden;

    #[test]
    fn a_call_is_told_field_by_field() {
        golden::check("audit_show", &to_text(&answered(), &TimeZone::UTC));
    }

    #[test]
    fn an_id_is_looked_for_where_it_was_made_before_it_is_looked_for_everywhere() {
        let questions = questions("req_0190f3f2a1b27c3d8e4f5a6b7c8d9e0f");
        let [near, anywhere] = &questions[..] else {
            panic!("{questions:?}")
        };
        let made_at_ms = 0x0190_f3f2_a1b2;
        assert_eq!(near.since_ms, Some(made_at_ms - NEAR_MS));
        assert_eq!(
            (near.until_ms, anywhere.since_ms),
            (Some(made_at_ms + NEAR_MS), None)
        );
        assert_eq!(near.request_id, anywhere.request_id);
        let by_seq = super::questions("7");
        assert_eq!(
            (by_seq.len(), by_seq[0].after_seq, by_seq[0].before_seq),
            (1, 6, 8)
        );
    }
}
