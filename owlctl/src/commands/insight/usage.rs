//! `owlctl usage`: tokens and calls so far.

use jiff::tz::TimeZone;
use owlcoda_proto::v1::{GetUsageRequest, GetUsageResponse};
use serde::Serialize;

use crate::commands::prompt_tokens;
use crate::commands::status::TokenCounts;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;

#[derive(Serialize)]
struct SoFar {
    n_calls: u64,
    usage: TokenCounts,
    total_tokens: u64,
    /// Since when both count; restarts do not end it.
    since: Option<String>,
}

pub(super) async fn run(context: &Context<'_>) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let answer = client.figures().get_usage(GetUsageRequest {}).await?;
    let answer = answer.into_inner();
    Ok(Report::data(if context.global.json {
        to_json(&answer)
    } else {
        to_text(&answer, &TimeZone::system())
    }))
}

fn to_text(answer: &GetUsageResponse, zone: &TimeZone) -> String {
    let usage = answer.usage.unwrap_or_default();
    format!(
        "{} since {}\ntokens in {} (cache read {}, written {}) out {}\n",
        quantity::of(answer.n_calls, "call"),
        quantity::local_time(answer.since_ms, zone),
        quantity::count(prompt_tokens(&usage)),
        quantity::count(usage.cache_read_tokens),
        quantity::count(usage.cache_write_tokens),
        quantity::count(usage.output_tokens),
    )
}

fn to_json(answer: &GetUsageResponse) -> String {
    let usage = answer.usage.unwrap_or_default();
    let document = SoFar {
        n_calls: answer.n_calls,
        total_tokens: prompt_tokens(&usage).saturating_add(usage.output_tokens),
        usage: usage.into(),
        since: quantity::rfc_3339(answer.since_ms),
    };
    json("Usage", &document)
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1;

    use super::*;
    use crate::golden;

    #[test]
    fn tokens_are_told_with_their_kinds() {
        let answer = GetUsageResponse {
            usage: Some(v1::Usage {
                input_tokens: 1200,
                output_tokens: 345,
                cache_read_tokens: 30,
                cache_write_tokens: 4,
            }),
            n_calls: 17,
            since_ms: 1_700_000_000_123,
        };
        golden::check("usage", &to_text(&answer, &TimeZone::UTC));
        golden::check("usage_json", &to_json(&answer));
    }
}
