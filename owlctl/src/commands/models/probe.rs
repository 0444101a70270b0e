//! `owlctl models probe`: one call of a few words.

use owlcoda_proto::printable;
use owlcoda_proto::v1::{ProbeModelRequest, ProbeModelResponse};
use serde::Serialize;

use super::some;
use crate::cli::insight::ProbeModelArgs;
use crate::commands::prompt_tokens;
use crate::commands::status::TokenCounts;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::quantity;
use crate::report::Report;

#[derive(Serialize)]
struct Probe<'a> {
    model_id: &'a str,
    endpoint_id: &'a str,
    request_id: &'a str,
    is_ok: bool,
    /// To the first event of the answer; null where none came.
    ttft_secs: Option<f64>,
    elapsed_secs: f64,
    usage: TokenCounts,
    /// Null where it answered, like the two that follow.
    error_code: Option<&'a str>,
    failure_kind: Option<&'a str>,
    message: Option<&'a str>,
}

pub(super) async fn run(
    context: &Context<'_>,
    args: &ProbeModelArgs,
) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let request = ProbeModelRequest {
        model: args.model.clone(),
        ..ProbeModelRequest::default()
    };
    let answer = client.models().probe(request).await?.into_inner();
    Ok(render(&answer, context.global.json))
}

fn render(answer: &ProbeModelResponse, is_json: bool) -> Report {
    let stdout = if is_json {
        to_json(answer)
    } else {
        to_text(answer)
    };
    let exit = if answer.is_ok { Exit::Ok } else { Exit::Failed };
    Report::data(stdout).ending(exit)
}

fn to_text(answer: &ProbeModelResponse) -> String {
    let usage = answer.usage.unwrap_or_default();
    let elapsed = quantity::span(answer.elapsed_ms);
    let name = format!("{} at {}", answer.model_id, answer.endpoint_id);
    let line = match (answer.is_ok, answer.ttft_ms) {
        (true, first) => format!(
            "{name}  ok  first token {}  total {elapsed}  tokens in {} out {}",
            first.map_or_else(|| "-".to_owned(), quantity::span),
            quantity::count(prompt_tokens(&usage)),
            quantity::count(usage.output_tokens),
        ),
        (false, _) => format!(
            "{name}  failed after {elapsed}  {}: {}",
            answer.error_code, answer.message
        ),
    };
    format!("{}\n", printable(&line))
}

fn to_json(answer: &ProbeModelResponse) -> String {
    let probe = Probe {
        model_id: &answer.model_id,
        endpoint_id: &answer.endpoint_id,
        request_id: &answer.request_id,
        is_ok: answer.is_ok,
        ttft_secs: answer.ttft_ms.map(quantity::secs),
        elapsed_secs: quantity::secs(answer.elapsed_ms),
        usage: answer.usage.unwrap_or_default().into(),
        error_code: some(&answer.error_code),
        failure_kind: some(&answer.failure_kind),
        message: some(&answer.message),
    };
    json("ModelProbe", &probe)
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::Usage;

    use super::*;
    use crate::golden;

    #[test]
    fn an_answer_has_its_times_and_a_failure_its_reason_and_exit_status() {
        let answered = ProbeModelResponse {
            model_id: "small".to_owned(),
            endpoint_id: "127.0.0.1:11434".to_owned(),
            request_id: "req_1".to_owned(),
            is_ok: true,
            ttft_ms: Some(210),
            elapsed_ms: 1340,
            usage: Some(Usage {
                input_tokens: 11,
                output_tokens: 2,
                ..Usage::default()
            }),
            ..ProbeModelResponse::default()
        };
        let failed = ProbeModelResponse {
            is_ok: false,
            ttft_ms: None,
            usage: None,
            error_code: "unavailable".to_owned(),
            failure_kind: "connect_error".to_owned(),
            message: "could not connect to `127.0.0.1:11434`\u{1b}[2J".to_owned(),
            ..answered.clone()
        };
        for (name, answer, exit) in [
            ("probe", answered, Exit::Ok),
            ("probe_failed", failed, Exit::Failed),
        ] {
            let report = render(&answer, false);
            assert_eq!(report.exit, exit);
            golden::check(&format!("models_{name}"), &report.stdout);
            golden::check(
                &format!("models_{name}_json"),
                &render(&answer, true).stdout,
            );
        }
    }
}
