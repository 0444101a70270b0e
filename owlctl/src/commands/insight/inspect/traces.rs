//! `owlctl traces`: where the time of the latest, or of the slowest, calls went.

use jiff::tz::TimeZone;
use owlcoda_proto::v1::{ListTracesRequest, ListTracesResponse, Trace};
use serde::Serialize;

use crate::cli::insight::TracesArgs;
use crate::commands::models::some;
use crate::commands::status::TokenCounts;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct List<'a> {
    traces: Vec<Entry<'a>>,
}

#[derive(Serialize)]
pub(super) struct Entry<'a> {
    request_id: &'a str,
    /// When the call was admitted.
    at: Option<String>,
    route: &'a str,
    dialect: &'a str,
    model_asked: &'a str,
    /// Null where none was reached, like the endpoint.
    model_used: Option<&'a str>,
    endpoint_id: Option<&'a str>,
    n_attempts: u32,
    status: u32,
    outcome: &'a str,
    failure_kind: Option<&'a str>,
    is_stream: bool,
    is_cached: bool,
    usage: TokenCounts,
    /// Those that the call was in, in the order in which a call goes through them.
    phases: Vec<Phase<'a>>,
    total_secs: f64,
}

#[derive(Serialize)]
struct Phase<'a> {
    name: &'a str,
    secs: f64,
}

impl<'a> From<&'a Trace> for Entry<'a> {
    fn from(trace: &'a Trace) -> Self {
        let phases = trace.phases.iter().map(|phase| Phase {
            name: &phase.name,
            secs: quantity::millionths(phase.us),
        });
        Self {
            request_id: &trace.request_id,
            at: quantity::rfc_3339(trace.at_ms),
            route: &trace.route,
            dialect: &trace.dialect,
            model_asked: &trace.model_asked,
            model_used: some(&trace.model_used),
            endpoint_id: some(&trace.endpoint_id),
            n_attempts: trace.n_attempts,
            status: trace.status,
            outcome: &trace.outcome,
            failure_kind: some(&trace.failure_kind),
            is_stream: trace.is_stream,
            is_cached: trace.is_cached,
            usage: trace.usage.unwrap_or_default().into(),
            phases: phases.collect(),
            total_secs: quantity::millionths(trace.total_us),
        }
    }
}

pub(in crate::commands::insight) async fn run(
    context: &Context<'_>,
    args: &TracesArgs,
) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let request = ListTracesRequest {
        limit: args.limit,
        slowest: args.slowest,
    };
    let answer = client.inspect().list_traces(request).await?.into_inner();
    Ok(render(&answer, context.global.json, &TimeZone::system()))
}

pub(super) fn render(answer: &ListTracesResponse, is_json: bool, zone: &TimeZone) -> Report {
    if is_json {
        let traces = answer.traces.iter().map(Entry::from).collect();
        return Report::data(json("TraceList", &List { traces }));
    }
    if answer.traces.is_empty() {
        return Report::data(String::new()).and_remark("no model was called yet");
    }
    let mut table = Table::with_columns([
        ("ID", Side::Left),
        ("TIME", Side::Left),
        ("MODEL", Side::Left),
        ("STATUS", Side::Right),
        ("OUTCOME", Side::Left),
        ("TOTAL", Side::Right),
        ("MOST OF IT", Side::Left),
    ]);
    for trace in &answer.traces {
        let model = some(&trace.model_used).unwrap_or(&trace.model_asked);
        table.push([
            &trace.request_id,
            &quantity::local_time(trace.at_ms, zone),
            model,
            &trace.status.to_string(),
            &trace.outcome,
            &quantity::micros(trace.total_us),
            &longest(trace),
        ]);
    }
    Report::data(table.lines().join("\n") + "\n")
}

/// The phase that took longest.
fn longest(trace: &Trace) -> String {
    let longest = trace.phases.iter().max_by_key(|phase| phase.us);
    longest.map_or_else(String::new, |phase| {
        format!("{} {}", phase.name, quantity::micros(phase.us))
    })
}
