//! `owlctl top`: what goes on, drawn again and again.

use std::io::{self, IsTerminal as _};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use owlcoda_proto::v1::{
    AuditRecord, GetPerfRequest, GetPerfResponse, QueryAuditRequest, StatusRequest, StatusResponse,
};
use owlcoda_proto::{Client, printable};

use crate::colour::Colours;
use crate::commands::prompt_tokens;
use crate::daemon::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::live::{INTERVAL, LiveScreen};
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

/// Calls that are shown.
const N_CALLS: u32 = 12;

/// One look at the daemon.
#[derive(Debug, Default)]
struct Look {
    at_ms: i64,
    status: StatusResponse,
    perf: GetPerfResponse,
    /// The latest calls, newest first.
    calls: Vec<AuditRecord>,
}

/// On a terminal until Ctrl-C, else one look.
pub(super) async fn run(context: &Context<'_>) -> Result<Report, CommandError> {
    if context.global.json {
        let words = "`owlctl top` is for people; programs ask `status`, `perf` and `audit`";
        return Ok(Report::data(String::new())
            .and_remark(words)
            .ending(Exit::Usage));
    }
    let mut client = context.connect().await?;
    let mut last = look(&client).await?;
    let screen = io::stdout()
        .is_terminal()
        .then(|| LiveScreen::enter(Colours::of_process(context.global)))
        .flatten();
    let Some(screen) = screen else {
        return Ok(Report::data(frame(&last, None, &TimeZone::system())));
    };
    let mut text = frame(&last, None, &TimeZone::system());
    while screen.draw(&text) {
        tokio::time::sleep(INTERVAL).await;
        match look(&client).await {
            Ok(now) => {
                text = frame(&now, Some(&last), &TimeZone::system());
                last = now;
            }
            // It may come back; a person who looks on sees that it is away.
            Err(error) if error.is_absence() => {
                text = format!(
                    "owlcodad  not running\n  ! {}\n",
                    printable(&error.to_string())
                );
                if let Ok(back) = context.connect().await {
                    client = back;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Report::data(String::new()))
}

async fn look(client: &Client) -> Result<Look, CommandError> {
    let status = client.daemon().status(StatusRequest {}).await?.into_inner();
    let perf = client.figures().get_perf(GetPerfRequest {}).await?;
    let query = QueryAuditRequest {
        limit: N_CALLS,
        ..QueryAuditRequest::default()
    };
    let calls = client.audit().query(query).await?.into_inner().records;
    Ok(Look {
        at_ms: Timestamp::now().as_millisecond(),
        status,
        perf: perf.into_inner(),
        calls,
    })
}

/// What is shown of `now`; rates are those since `last`.
fn frame(now: &Look, last: Option<&Look>, zone: &TimeZone) -> String {
    let Look { status, .. } = now;
    let traffic = status.traffic.unwrap_or_default();
    let mut lines = vec![format!(
        "owlcodad {}  {}  pid {}  {}",
        status.version, status.state, status.pid, status.http_url
    )];
    let totals = |look: &Look| {
        let traffic = look.status.traffic.unwrap_or_default();
        let usage = traffic.usage.unwrap_or_default();
        [traffic.n_calls, prompt_tokens(&usage), usage.output_tokens]
    };
    let rates = last.map_or([None; 3], |last| {
        let span_ms = now.at_ms.saturating_sub(last.at_ms);
        let (now, last) = (totals(now), totals(last));
        std::array::from_fn(|idx| {
            let grown = now.get(idx)?.checked_sub(*last.get(idx)?)?;
            per_sec(grown, span_ms)
        })
    });
    let [calls, tokens_in, tokens_out] = totals(now).map(quantity::count);
    let [calls_rate, in_rate, out_rate] = rates.map(rate);
    lines.push(format!(
        "{} under way  {calls} calls ({} failed) {calls_rate}  tokens in {tokens_in} {in_rate}  out \
         {tokens_out} {out_rate}",
        traffic.n_in_flight,
        quantity::count(traffic.n_failed),
    ));
    lines.push(String::new());
    lines.extend(models(now));
    lines.push(String::new());
    lines.extend(calls_table(now, zone));
    for problem in &status.problems {
        lines.push(format!("  ! {problem}"));
    }
    let lines = lines
        .iter()
        .map(|line| printable(line).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn models(now: &Look) -> Vec<String> {
    let mut table = Table::with_columns([
        ("MODEL", Side::Left),
        ("CALLS", Side::Right),
        ("OK%", Side::Right),
        ("P50", Side::Right),
        ("P95", Side::Right),
        ("TTFT", Side::Right),
        ("TOK/S", Side::Right),
    ]);
    let span = |ms: f64| quantity::span(whole(ms));
    for model in &now.perf.models {
        table.push([
            &model.model_id,
            &quantity::count(model.n_calls),
            &format!("{:.1}", model.success_rate * 100.0),
            &span(model.p50_ms),
            &span(model.p95_ms),
            &model.p50_ttft_ms.map_or_else(String::new, span),
            &model
                .tokens_per_sec
                .map_or_else(String::new, |rate| format!("{rate:.1}")),
        ]);
    }
    table.lines()
}

fn calls_table(now: &Look, zone: &TimeZone) -> Vec<String> {
    let mut table = Table::with_columns([
        ("TIME", Side::Left),
        ("MODEL", Side::Left),
        ("STATUS", Side::Right),
        ("OUTCOME", Side::Left),
        ("IN", Side::Right),
        ("OUT", Side::Right),
        ("TTFT", Side::Right),
        ("TOTAL", Side::Right),
    ]);
    for call in &now.calls {
        let usage = call.usage.unwrap_or_default();
        let model = match call.model_used.as_str() {
            "" => &call.model_asked,
            model_used => model_used,
        };
        table.push([
            &quantity::local_time(call.at_ms, zone),
            model,
            &call.status.to_string(),
            &call.outcome,
            &quantity::count(prompt_tokens(&usage)),
            &quantity::count(usage.output_tokens),
            &call.ttft_ms.map(quantity::span).unwrap_or_default(),
            &quantity::span(call.elapsed_ms),
        ]);
    }
    table.lines()
}

/// So many a second; none for a clock that went back.
fn per_sec(n: u64, span_ms: i64) -> Option<f64> {
    let span_ms = u32::try_from(span_ms).ok().filter(|ms| *ms > 0)?;
    let n = u32::try_from(n).ok()?;
    Some(f64::from(n) * 1000.0 / f64::from(span_ms))
}

fn rate(rate: Option<f64>) -> String {
    rate.map_or_else(|| "(-/s)".to_owned(), |rate| format!("({rate:.1}/s)"))
}

/// Never negative, and what does not fit is the most that there is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a duration that the daemon measured"
)]
fn whole(ms: f64) -> u64 {
    ms.ceil() as u64
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::{ModelPerf, Traffic, Usage};

    use super::*;
    use crate::golden;

    fn at(at_ms: i64, n_calls: u64, output_tokens: u64) -> Look {
        let usage = Usage {
            input_tokens: 1_000,
            output_tokens,
            ..Usage::default()
        };
        Look {
            at_ms,
            status: StatusResponse {
                version: "0.1.0".to_owned(),
                state: "running".to_owned(),
                pid: 4121,
                http_url: "http://127.0.0.1:8019".to_owned(),
                traffic: Some(Traffic {
                    n_calls,
                    n_failed: 1,
                    n_in_flight: 2,
                    usage: Some(usage),
                }),
                problems: vec!["vllm is \u{1b}[2Jdown".to_owned()],
                ..StatusResponse::default()
            },
            perf: GetPerfResponse {
                models: vec![ModelPerf {
                    model_id: "通义千问".to_owned(),
                    n_calls,
                    success_rate: 0.995,
                    p50_ms: 410.2,
                    p95_ms: 6_200.0,
                    p50_ttft_ms: Some(85.0),
                    tokens_per_sec: Some(41.25),
                    ..ModelPerf::default()
                }],
                ..GetPerfResponse::default()
            },
            calls: vec![AuditRecord {
                at_ms: 1_700_000_000_000,
                model_used: "通义千问".to_owned(),
                status: 200,
                outcome: "ok".to_owned(),
                usage: Some(usage),
                ttft_ms: Some(85),
                elapsed_ms: 410,
                ..AuditRecord::default()
            }],
        }
    }

    #[test]
    fn rates_are_those_between_two_looks_and_no_control_character_passes() {
        let (last, now) = (at(1_000, 10, 100), at(3_000, 13, 600));
        let text = frame(&now, Some(&last), &TimeZone::UTC);
        golden::check("top", &text);
        golden::check("top_first", &frame(&now, None, &TimeZone::UTC));
        // After a restart counts begin anew.
        let text = frame(&last, Some(&now), &TimeZone::UTC);
        assert!(text.contains("10 calls (1 failed) (-/s)"), "{text}");
    }
}
