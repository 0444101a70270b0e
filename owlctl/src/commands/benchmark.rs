//! `owlctl benchmark`: how fast models answer, measured at the daemon and without its cache.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use owlcoda_proto::v1::{ListModelsRequest, ProbeModelRequest, ProbeModelResponse};
use owlcoda_proto::{Client, printable};
use serde::Serialize;
use tonic::Request;

use crate::cli::measure::BenchmarkArgs;
use crate::commands::models::{NO_MODELS, some};
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::quantity;
use crate::report::Report;
use crate::screen;
use crate::table::{Side, Table};

/// Longest call.
const CALL: Duration = Duration::from_mins(10);

#[derive(Serialize)]
struct Benchmark<'a> {
    prompt: &'a str,
    max_tokens: u32,
    models: Vec<Measured>,
}

/// What the calls of one model came to. Of several numbers the median counts.
#[derive(Debug, PartialEq, Serialize)]
struct Measured {
    model_id: String,
    endpoint_id: String,
    n_runs: usize,
    n_failed: usize,
    /// To the first token; null where no call had one, like those that follow.
    ttft_secs: Option<f64>,
    total_secs: Option<f64>,
    output_tokens: Option<u64>,
    /// From the first token to the last.
    tokens_per_sec: Option<f64>,
    /// Why the last of the failed ones failed; null where none did.
    failure: Option<String>,
}

pub(super) async fn run(
    context: &Context<'_>,
    args: &BenchmarkArgs,
) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let names = if args.models.is_empty() {
        let models = client.models().list(ListModelsRequest {}).await?;
        let models = models.into_inner().models.into_iter();
        models.map(|model| model.id).collect()
    } else {
        args.models.clone()
    };
    if names.is_empty() {
        let report = Report::data(String::new()).and_remark(NO_MODELS);
        return Ok(report.ending(Exit::Failed));
    }
    let is_watched = io::stderr().is_terminal();
    let mut models = Vec::with_capacity(names.len());
    for name in &names {
        let mut answers = Vec::new();
        for run in 1..=args.runs {
            if is_watched {
                let name = printable(name);
                screen::complain(&format!("{name}: call {run} of {}", args.runs));
            }
            answers.push(call(&client, name, args).await?);
        }
        models.push(measured(name, &answers));
    }
    let is_failed = models.iter().any(|model| model.n_failed > 0);
    let report = Report::data(if context.global.json {
        let (prompt, max_tokens) = (args.prompt.as_str(), args.max_tokens);
        json(
            "Benchmark",
            &Benchmark {
                prompt,
                max_tokens,
                models,
            },
        )
    } else {
        to_text(&models)
    });
    Ok(report.ending(if is_failed { Exit::Failed } else { Exit::Ok }))
}

async fn call(
    client: &Client,
    name: &str,
    args: &BenchmarkArgs,
) -> Result<ProbeModelResponse, CommandError> {
    let mut request = Request::new(ProbeModelRequest {
        model: name.to_owned(),
        prompt: args.prompt.clone(),
        max_tokens: args.max_tokens,
    });
    request.set_timeout(CALL);
    Ok(client.models().probe(request).await?.into_inner())
}

fn measured(name: &str, answers: &[ProbeModelResponse]) -> Measured {
    let whole = || answers.iter().filter(|answer| answer.is_ok);
    let failed = answers.iter().rfind(|answer| !answer.is_ok);
    let secs = |ms: u64| quantity::secs(ms);
    let last = answers.last();
    Measured {
        model_id: last
            .and_then(|answer| some(&answer.model_id))
            .unwrap_or(name)
            .to_owned(),
        endpoint_id: last.map_or_else(String::new, |answer| answer.endpoint_id.clone()),
        n_runs: answers.len(),
        n_failed: answers.iter().filter(|answer| !answer.is_ok).count(),
        ttft_secs: median(whole().filter_map(|answer| answer.ttft_ms.map(secs))),
        total_secs: median(whole().map(|answer| secs(answer.elapsed_ms))),
        output_tokens: median(whole().map(output_tokens)),
        tokens_per_sec: median(whole().filter_map(tokens_per_sec)),
        failure: failed.map(|answer| format!("{}: {}", answer.error_code, answer.message)),
    }
}

fn output_tokens(answer: &ProbeModelResponse) -> u64 {
    answer.usage.unwrap_or_default().output_tokens
}

/// The first token came with the first event, so the time after it is that of the others.
fn tokens_per_sec(answer: &ProbeModelResponse) -> Option<f64> {
    let writing_ms = answer.elapsed_ms.checked_sub(answer.ttft_ms?)?;
    let n_tokens = u32::try_from(output_tokens(answer).checked_sub(1)?).ok()?;
    (writing_ms > 0 && n_tokens > 0).then(|| f64::from(n_tokens) / quantity::secs(writing_ms))
}

/// The lower of the two in the middle where there are two.
fn median<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len().checked_sub(1)? / 2).copied()
}

fn to_text(models: &[Measured]) -> String {
    let mut table = Table::with_columns([
        ("MODEL", Side::Left),
        ("ENDPOINT", Side::Left),
        ("OK", Side::Right),
        ("TTFT", Side::Right),
        ("TOTAL", Side::Right),
        ("OUT", Side::Right),
        ("TOK/S", Side::Right),
        ("FAILURE", Side::Left),
    ]);
    let secs = |secs: Option<f64>| secs.map_or_else(String::new, |secs| format!("{secs:.2}s"));
    for model in models {
        table.push([
            &model.model_id,
            &model.endpoint_id,
            &format!("{}/{}", model.n_runs - model.n_failed, model.n_runs),
            &secs(model.ttft_secs),
            &secs(model.total_secs),
            &model
                .output_tokens
                .map_or_else(String::new, quantity::count),
            &model
                .tokens_per_sec
                .map_or_else(String::new, |rate| format!("{rate:.1}")),
            model.failure.as_deref().unwrap_or_default(),
        ]);
    }
    table.lines().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::Usage;

    use super::*;
    use crate::golden;

    fn answer(ttft_ms: u64, elapsed_ms: u64, output_tokens: u64) -> ProbeModelResponse {
        ProbeModelResponse {
            model_id: "qwen2.5-coder".to_owned(),
            endpoint_id: "127.0.0.1:11434".to_owned(),
            is_ok: true,
            ttft_ms: Some(ttft_ms),
            elapsed_ms,
            usage: Some(Usage {
                output_tokens,
                ..Usage::default()
            }),
            ..ProbeModelResponse::default()
        }
    }

    fn failure(model_id: &str) -> ProbeModelResponse {
        ProbeModelResponse {
            model_id: model_id.to_owned(),
            endpoint_id: "127.0.0.1:1".to_owned(),
            elapsed_ms: 1,
            error_code: "upstream_failed".to_owned(),
            message: "connection refused".to_owned(),
            ..ProbeModelResponse::default()
        }
    }

    #[test]
    fn of_several_calls_the_middle_one_counts_and_failed_ones_are_told() {
        let models = [
            measured(
                "fast",
                &[
                    answer(100, 1_100, 51),
                    answer(300, 2_300, 201),
                    answer(200, 1_200, 101),
                    failure("qwen2.5-coder"),
                ],
            ),
            measured("gone", &[failure("gone")]),
        ];
        let [fast, gone] = &models;
        assert_eq!(
            (fast.ttft_secs, fast.total_secs, fast.tokens_per_sec),
            (Some(0.2), Some(1.2), Some(100.0))
        );
        assert_eq!((fast.n_runs, fast.n_failed), (4, 1));
        assert_eq!((gone.ttft_secs, gone.tokens_per_sec), (None, None));
        golden::check("benchmark", &to_text(&models));
        let document = Benchmark {
            prompt: "Hi",
            max_tokens: 128,
            models: Vec::from(models),
        };
        golden::check("benchmark_json", &json("Benchmark", &document));
    }

    #[test]
    fn a_single_token_has_no_pace() {
        assert_eq!(tokens_per_sec(&answer(100, 100, 1)), None);
        assert_eq!(tokens_per_sec(&answer(100, 100, 9)), None);
        assert_eq!(tokens_per_sec(&answer(200, 100, 9)), None);
    }
}
