//! `owlctl captures`: the latest requests and answers, where they are kept.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use owlcoda_proto::v1::{
    Capture, CapturedMessage, ClearCapturesRequest, Exchange, GetCallResponse, ListCapturesRequest,
    ListCapturesResponse,
};
use serde::Serialize;

use super::text;
use crate::cli::insight::ListCapturesArgs;
use crate::commands::models::some;
use crate::commands::status::TokenCounts;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct List<'a> {
    is_enabled: bool,
    /// How to turn them on; null where they are.
    hint: Option<&'a str>,
    captures: Vec<Entry<'a>>,
    stats: Stats<'a>,
}

#[derive(Serialize)]
struct Stats<'a> {
    n_captures: u64,
    n_failed: u64,
    mean_elapsed_secs: f64,
    /// By the id of the model that answered.
    models: BTreeMap<&'a str, u64>,
    n_bytes: u64,
    max_entries: u64,
    max_bytes: u64,
}

#[derive(Serialize)]
pub(super) struct Entry<'a> {
    request_id: &'a str,
    at: Option<String>,
    route: &'a str,
    model_asked: &'a str,
    model_used: Option<&'a str>,
    endpoint_id: Option<&'a str>,
    status: u32,
    outcome: &'a str,
    is_stream: bool,
    is_cached: bool,
    usage: TokenCounts,
    elapsed_secs: f64,
    error: Option<&'a str>,
    /// Null in a list.
    caller: Option<Sent<'a>>,
    /// Empty in a list.
    attempts: Vec<Sent<'a>>,
}

/// A request and its answer.
#[derive(Serialize)]
struct Sent<'a> {
    line: &'a str,
    request: Option<Said<'a>>,
    /// Null where no answer came.
    status: Option<u32>,
    answer: Option<Said<'a>>,
}

#[derive(Serialize)]
struct Said<'a> {
    /// Names with their values; a name may come several times.
    headers: Vec<(&'a str, &'a str)>,
    body: &'a str,
    n_body_bytes: u64,
    is_cut: bool,
}

#[derive(Serialize)]
struct Cleared {
    n_cleared: u64,
}

impl<'a> From<&'a Capture> for Entry<'a> {
    fn from(capture: &'a Capture) -> Self {
        Self {
            request_id: &capture.request_id,
            at: quantity::rfc_3339(capture.at_ms),
            route: &capture.route,
            model_asked: &capture.model_asked,
            model_used: some(&capture.model_used),
            endpoint_id: some(&capture.endpoint_id),
            status: capture.status,
            outcome: &capture.outcome,
            is_stream: capture.is_stream,
            is_cached: capture.is_cached,
            usage: capture.usage.unwrap_or_default().into(),
            elapsed_secs: quantity::secs(capture.elapsed_ms),
            error: some(&capture.error),
            caller: capture.caller.as_ref().map(Sent::from),
            attempts: capture.attempts.iter().map(Sent::from).collect(),
        }
    }
}

impl<'a> From<&'a Exchange> for Sent<'a> {
    fn from(exchange: &'a Exchange) -> Self {
        Self {
            line: &exchange.line,
            request: exchange.request.as_ref().map(Said::from),
            status: Some(exchange.status).filter(|status| *status != 0),
            answer: exchange.answer.as_ref().map(Said::from),
        }
    }
}

impl<'a> From<&'a CapturedMessage> for Said<'a> {
    fn from(message: &'a CapturedMessage) -> Self {
        let headers = message.headers.iter();
        Self {
            headers: headers
                .map(|header| (header.name.as_str(), header.value.as_str()))
                .collect(),
            body: &message.body,
            n_body_bytes: message.n_body_bytes,
            is_cut: message.is_cut,
        }
    }
}

pub(super) async fn list(
    context: &Context<'_>,
    args: &ListCapturesArgs,
) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let request = ListCapturesRequest { limit: args.limit };
    let answer = client.inspect().list_captures(request).await?.into_inner();
    Ok(render(&answer, context.global.json, &TimeZone::system()))
}

pub(super) async fn clear(context: &Context<'_>) -> Result<Report, CommandError> {
    let mut inspect = context.connect().await?.inspect();
    let cleared = inspect.clear_captures(ClearCapturesRequest {}).await?;
    let n_cleared = cleared.into_inner().n_cleared;
    Ok(Report::data(if context.global.json {
        json("CapturesCleared", &Cleared { n_cleared })
    } else {
        format!("{} forgotten\n", quantity::of(n_cleared, "capture"))
    }))
}

/// One capture, or the remark that there is none.
pub(super) fn show(answer: &GetCallResponse, is_json: bool) -> Report {
    let Some(capture) = &answer.capture else {
        let remark = "nothing was captured of that call; `owlctl captures list` tells whether \
                      captures are on";
        return Report::data(String::new())
            .and_remark(remark)
            .ending(Exit::Failed);
    };
    Report::data(if is_json {
        json("Capture", &Entry::from(capture))
    } else {
        text::capture(capture)
    })
}

pub(super) fn render(answer: &ListCapturesResponse, is_json: bool, zone: &TimeZone) -> Report {
    let stats = answer.stats.clone().unwrap_or_default();
    if is_json {
        let models = stats.models.iter();
        let document = List {
            is_enabled: answer.is_enabled,
            hint: some(&answer.hint),
            captures: answer.captures.iter().map(Entry::from).collect(),
            stats: Stats {
                n_captures: stats.n_captures,
                n_failed: stats.n_failed,
                mean_elapsed_secs: stats.mean_elapsed_ms / 1000.0,
                models: models.map(|(model, n)| (model.as_str(), *n)).collect(),
                n_bytes: stats.n_bytes,
                max_entries: stats.max_entries,
                max_bytes: stats.max_bytes,
            },
        };
        return Report::data(json("CaptureList", &document));
    }
    if answer.captures.is_empty() {
        let remark = some(&answer.hint).unwrap_or("nothing was captured yet");
        return Report::data(String::new()).and_remark(&owlcoda_proto::printable(remark));
    }
    let mut table = Table::with_columns([
        ("ID", Side::Left),
        ("TIME", Side::Left),
        ("ROUTE", Side::Left),
        ("MODEL", Side::Left),
        ("STATUS", Side::Right),
        ("OUTCOME", Side::Left),
        ("TOTAL", Side::Right),
        ("ERROR", Side::Left),
    ]);
    for capture in &answer.captures {
        let model = some(&capture.model_used).unwrap_or(&capture.model_asked);
        table.push([
            &capture.request_id,
            &quantity::local_time(capture.at_ms, zone),
            &capture.route,
            model,
            &capture.status.to_string(),
            &capture.outcome,
            &quantity::span(capture.elapsed_ms),
            &capture.error,
        ]);
    }
    let mut lines = table.lines();
    lines.push(format!(
        "{} of {}, {} of {}",
        quantity::of(stats.n_captures, "capture"),
        quantity::count(stats.max_entries),
        quantity::size(stats.n_bytes),
        quantity::size(stats.max_bytes),
    ));
    Report::data(lines.join("\n") + "\n")
}
