//! `owlctl audit`: the record of model calls, by itself the list of them.

mod export;
mod follow;
mod list;
mod record;
mod show;
mod stats;
mod verify;

use owlcoda_proto::Client;
use owlcoda_proto::v1::QueryAuditRequest;

use crate::cli::audit::{AuditArgs, AuditVerb, Filters};
use crate::daemon::Context;
use crate::error::CommandError;
use crate::report::Report;

pub(super) async fn run(context: &Context<'_>, args: &AuditArgs) -> Result<Report, CommandError> {
    match &args.verb {
        None => list::run(context, &args.list).await,
        Some(AuditVerb::List(args)) => list::run(context, args).await,
        Some(AuditVerb::Show(args)) => show::run(context, args).await,
        Some(AuditVerb::Follow(args)) => follow::run(context, args).await,
        Some(AuditVerb::Stats(args)) => stats::run(context, args).await,
        Some(AuditVerb::Export(args)) => export::run(context, args).await,
        Some(AuditVerb::Verify(_)) => verify::run(context).await,
    }
}

/// Protocol level since which more than a model, a status and a place can be asked for.
const FILTERS_SINCE: u32 = 2;

/// Refuses a question of which a daemon of an older version would pass something over, and so would
/// answer another one.
fn check(client: &Client, question: &QueryAuditRequest) -> Result<(), CommandError> {
    let of_level_1 = QueryAuditRequest {
        limit: question.limit,
        model: question.model.clone(),
        min_status: question.min_status,
        before_seq: question.before_seq,
        ..QueryAuditRequest::default()
    };
    if client.version().protocol >= FILTERS_SINCE || of_level_1 == *question {
        return Ok(());
    }
    let skew = client.skew();
    Err(CommandError::OtherVersion(format!(
        "{skew}: the daemon does not know all these filters"
    )))
}

/// A question with these filters.
fn request(filters: &Filters) -> QueryAuditRequest {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let errors = if filters.errors { 400 } else { 0 };
    QueryAuditRequest {
        model: text(&filters.model),
        min_status: filters.min_status.unwrap_or(errors),
        endpoint_id: text(&filters.endpoint),
        session_id: text(&filters.session),
        status_class: text(&filters.status),
        since_ms: filters.since,
        until_ms: filters.until,
        client: text(&filters.client),
        min_elapsed_ms: filters.min_duration.unwrap_or(0),
        ..QueryAuditRequest::default()
    }
}
