//! The verbs that look into what the daemon has measured, one file each.

mod backends;
mod cache;
mod cost;
mod inspect;
mod latency;
mod perf;
mod recommend;
mod usage;

use crate::cli::insight::{CacheVerb, InsightVerb};
use crate::daemon::Context;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;

pub(super) async fn run(context: &Context<'_>, verb: &InsightVerb) -> Result<Report, CommandError> {
    match verb {
        InsightVerb::Usage(_) => usage::run(context).await,
        InsightVerb::Perf(_) => perf::run(context).await,
        InsightVerb::Latency(_) => latency::run(context).await,
        InsightVerb::Cost(_) => cost::run(context).await,
        InsightVerb::Cache(args) => {
            cache::run(context, args.verb.unwrap_or(CacheVerb::Stats)).await
        }
        InsightVerb::Recommend(args) => recommend::run(context, args).await,
        InsightVerb::Inspect(args) => inspect::run(context, args).await,
        InsightVerb::Traces(args) => inspect::run_traces(context, args).await,
        InsightVerb::Captures(args) => inspect::run_captures(context, args).await,
        InsightVerb::Backends(args) => backends::run(context, args.verb.as_ref()).await,
    }
}

/// Milliseconds with a fraction as seconds, for JSON.
fn secs(ms: f64) -> f64 {
    // To a hundredth of a millisecond, which is what the daemon measures.
    (ms * 100.0).round() / 100_000.0
}

/// Milliseconds with a fraction, for people.
fn span(ms: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "never negative, and what does not fit is the most that there is"
    )]
    let ms = ms.round() as u64;
    quantity::span(ms)
}

/// A number that may be unknown, with one digit after the point, for people.
fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.1}"))
}

/// A share from 0 to 1 as a percentage, for people.
fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}
