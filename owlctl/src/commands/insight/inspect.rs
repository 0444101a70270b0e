//! `owlctl inspect`, `traces` and `captures`: single calls, where their time went and what was said.

mod captures;
mod text;
mod traces;

use jiff::tz::TimeZone;
use owlcoda_proto::v1::{GetCallRequest, GetCallResponse};
use serde::Serialize;

use crate::cli::insight::{CapturesArgs, CapturesVerb, InspectArgs};
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::report::Report;

pub(super) use traces::run as run_traces;

#[derive(Serialize)]
struct Call<'a> {
    /// Null where it is not kept any more.
    trace: Option<traces::Entry<'a>>,
    /// Null where none was made, or it is not kept any more.
    capture: Option<captures::Entry<'a>>,
}

pub(super) async fn run(context: &Context<'_>, args: &InspectArgs) -> Result<Report, CommandError> {
    let answer = call(context, args.id.as_deref().unwrap_or_default()).await?;
    Ok(Report::data(if context.global.json {
        to_json(&answer)
    } else {
        text::call(&answer, &TimeZone::system())
    }))
}

pub(super) async fn run_captures(
    context: &Context<'_>,
    args: &CapturesArgs,
) -> Result<Report, CommandError> {
    match &args.verb {
        None => captures::list(context, &args.list).await,
        Some(CapturesVerb::List(args)) => captures::list(context, args).await,
        Some(CapturesVerb::Clear) => captures::clear(context).await,
        Some(CapturesVerb::Show(args)) => {
            let answer = call(context, &args.id).await?;
            Ok(captures::show(&answer, context.global.json))
        }
    }
}

async fn call(context: &Context<'_>, id: &str) -> Result<GetCallResponse, CommandError> {
    let client = context.connect().await?;
    let request = GetCallRequest {
        request_id: id.to_owned(),
    };
    Ok(client.inspect().get_call(request).await?.into_inner())
}

fn to_json(answer: &GetCallResponse) -> String {
    let document = Call {
        trace: answer.trace.as_ref().map(Into::into),
        capture: answer.capture.as_ref().map(Into::into),
    };
    json("Call", &document)
}

#[cfg(test)]
mod tests;
