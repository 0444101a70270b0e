//! `owlctl latency`: how long calls take, by the way that they came in.

use owlcoda_proto::v1::{GetLatencyRequest, GetLatencyResponse, RouteLatency};
use serde::Serialize;

use super::{secs, span};
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct Latency<'a> {
    routes: Vec<Entry<'a>>,
    /// Of so many of the latest calls the percentiles are.
    window: u32,
}

#[derive(Serialize)]
struct Entry<'a> {
    route: &'a str,
    n_calls: u64,
    min_secs: f64,
    max_secs: f64,
    mean_secs: f64,
    p50_secs: f64,
    p90_secs: f64,
    p95_secs: f64,
    p99_secs: f64,
}

impl<'a> From<&'a RouteLatency> for Entry<'a> {
    fn from(route: &'a RouteLatency) -> Self {
        Self {
            route: &route.route,
            n_calls: route.n_calls,
            min_secs: secs(route.min_ms),
            max_secs: secs(route.max_ms),
            mean_secs: secs(route.mean_ms),
            p50_secs: secs(route.p50_ms),
            p90_secs: secs(route.p90_ms),
            p95_secs: secs(route.p95_ms),
            p99_secs: secs(route.p99_ms),
        }
    }
}

pub(super) async fn run(context: &Context<'_>) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let answer = client.figures().get_latency(GetLatencyRequest {}).await?;
    Ok(render(&answer.into_inner(), context.global.json))
}

fn render(answer: &GetLatencyResponse, is_json: bool) -> Report {
    if is_json {
        let document = Latency {
            routes: answer.routes.iter().map(Entry::from).collect(),
            window: answer.window,
        };
        return Report::data(json("Latency", &document));
    }
    if answer.routes.is_empty() {
        return Report::data(String::new()).and_remark("no model was called yet");
    }
    let mut table = Table::with_columns([
        ("ROUTE", Side::Left),
        ("CALLS", Side::Right),
        ("MIN", Side::Right),
        ("P50", Side::Right),
        ("P90", Side::Right),
        ("P95", Side::Right),
        ("P99", Side::Right),
        ("MAX", Side::Right),
    ]);
    for route in &answer.routes {
        table.push([
            &route.route,
            &quantity::count(route.n_calls),
            &span(route.min_ms),
            &span(route.p50_ms),
            &span(route.p90_ms),
            &span(route.p95_ms),
            &span(route.p99_ms),
            &span(route.max_ms),
        ]);
    }
    Report::data(table.lines().join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn routes_are_a_table_for_people_and_a_list_for_scripts() {
        let route = RouteLatency {
            route: "/v1/messages".to_owned(),
            n_calls: 2000,
            min_ms: 12.0,
            max_ms: 125_000.0,
            mean_ms: 840.75,
            p50_ms: 400.0,
            p90_ms: 2100.0,
            p95_ms: 4000.0,
            p99_ms: 61_000.0,
        };
        let answer = GetLatencyResponse {
            routes: vec![route],
            window: 512,
        };
        golden::check("latency", &render(&answer, false).stdout);
        golden::check("latency_json", &render(&answer, true).stdout);
        let none = render(&GetLatencyResponse::default(), false);
        assert_eq!(none.stderr, "no model was called yet\n");
    }
}
