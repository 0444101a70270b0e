//! `owlctl audit verify`: every record read by the daemon, while it serves.

use owlcoda_proto::printable;
use owlcoda_proto::v1::{AuditVerification, VerifyAuditRequest};
use serde::Serialize;

use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::quantity;
use crate::report::Report;

#[derive(Serialize)]
struct Verification<'a> {
    is_whole: bool,
    n_records: u64,
    n_damaged: u64,
    n_missing: u64,
    /// The first number that is damaged or missing; null where none is.
    first_bad_seq: Option<u64>,
    first_seq: u64,
    last_seq: u64,
    problems: &'a [String],
}

pub(super) async fn run(context: &Context<'_>) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let mut answers = client
        .audit()
        .verify(VerifyAuditRequest {})
        .await?
        .into_inner();
    let mut last = AuditVerification::default();
    while let Some(found) = answers.message().await? {
        last = found;
    }
    if !last.is_done {
        return Err(CommandError::Gone("the daemon ended first".to_owned()));
    }
    Ok(report(&last, context.global.json))
}

fn report(found: &AuditVerification, is_json: bool) -> Report {
    let is_whole = found.problems.is_empty() && found.first_bad_seq == 0;
    let text = if is_json {
        json(
            "AuditVerification",
            &Verification {
                is_whole,
                n_records: found.n_records,
                n_damaged: found.n_damaged,
                n_missing: found.n_missing,
                first_bad_seq: Some(found.first_bad_seq).filter(|seq| *seq > 0),
                first_seq: found.first_seq,
                last_seq: found.last_seq,
                problems: &found.problems,
            },
        )
    } else {
        to_text(found)
    };
    Report::data(text).ending(if is_whole { Exit::Ok } else { Exit::Failed })
}

fn to_text(found: &AuditVerification) -> String {
    let whole = quantity::of(found.n_records, "record");
    let mut lines = vec![match (found.first_seq, found.last_seq) {
        (_, 0) => format!("{whole} whole"),
        (first, last) => format!("{whole} whole, of {first} to {last}"),
    }];
    if found.first_bad_seq > 0 {
        let (damaged, missing) = (found.n_damaged, found.n_missing);
        let (damaged, missing) = (quantity::count(damaged), quantity::count(missing));
        let first = found.first_bad_seq;
        lines.push(format!(
            "{damaged} damaged, {missing} missing; the first bad one is {first}"
        ));
    }
    let problems = found.problems.iter();
    lines.extend(problems.map(|problem| format!("  ! {}", printable(problem))));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn what_is_wrong_is_told_with_its_first_number_and_is_a_failure() {
        let whole = AuditVerification {
            n_records: 4_200,
            first_seq: 1,
            last_seq: 4_200,
            is_done: true,
            ..AuditVerification::default()
        };
        let well = report(&whole, false);
        assert_eq!(
            (well.stdout.as_str(), well.exit),
            ("4,200 records whole, of 1 to 4200\n", Exit::Ok)
        );
        let bad = AuditVerification {
            n_damaged: 1,
            n_missing: 64,
            first_bad_seq: 65,
            problems: vec!["audit records 65 to 128 are missing".to_owned()],
            ..whole
        };
        let told = report(&bad, false);
        assert_eq!(told.exit, Exit::Failed);
        golden::check("audit_verify", &told.stdout);
        golden::check("audit_verify_json", &report(&bad, true).stdout);
    }
}
