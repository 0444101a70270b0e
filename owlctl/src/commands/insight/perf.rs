//! `owlctl perf`: how fast and how reliable each model is.

use owlcoda_proto::v1::{ErrorBudget, GetPerfRequest, GetPerfResponse, ModelPerf};
use serde::Serialize;

use super::{number, percent, secs, span};
use crate::commands::prompt_tokens;
use crate::commands::status::TokenCounts;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct Perf<'a> {
    models: Vec<Entry<'a>>,
    /// Of 100 calls, so many are to have an answer.
    target_percent: f64,
    /// The budgets are about so many of the latest calls.
    window_calls: u32,
    /// That of all calls.
    error_budget: Budget,
}

#[derive(Serialize)]
struct Budget {
    n_calls: u32,
    n_failed: u32,
    success_rate: f64,
    /// 1 is all of it, more is too much.
    used: f64,
    left: f64,
    is_spent: bool,
}

impl From<ErrorBudget> for Budget {
    fn from(budget: ErrorBudget) -> Self {
        Self {
            n_calls: budget.n_calls,
            n_failed: budget.n_failed,
            success_rate: budget.success_rate,
            used: budget.used,
            left: budget.left,
            is_spent: budget.is_spent,
        }
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    model_id: &'a str,
    /// Calls that ended with an answer or by the fault of the model's server.
    n_calls: u64,
    /// How many of these had an answer, from 0 to 1.
    success_rate: f64,
    error_budget: Budget,
    mean_secs: f64,
    p50_secs: f64,
    p95_secs: f64,
    /// To the first token of streams; null before the first.
    mean_ttft_secs: Option<f64>,
    p50_ttft_secs: Option<f64>,
    tokens_per_sec: Option<f64>,
    prefill_tokens_per_sec: Option<f64>,
    decode_tokens_per_sec: Option<f64>,
    usage: TokenCounts,
    first_at: Option<String>,
    last_at: Option<String>,
}

impl<'a> From<&'a ModelPerf> for Entry<'a> {
    fn from(model: &'a ModelPerf) -> Self {
        Self {
            model_id: &model.model_id,
            n_calls: model.n_calls,
            success_rate: model.success_rate,
            error_budget: model.budget.unwrap_or_default().into(),
            mean_secs: secs(model.mean_ms),
            p50_secs: secs(model.p50_ms),
            p95_secs: secs(model.p95_ms),
            mean_ttft_secs: model.mean_ttft_ms.map(secs),
            p50_ttft_secs: model.p50_ttft_ms.map(secs),
            tokens_per_sec: model.tokens_per_sec,
            prefill_tokens_per_sec: model.prefill_tokens_per_sec,
            decode_tokens_per_sec: model.decode_tokens_per_sec,
            usage: model.usage.unwrap_or_default().into(),
            first_at: quantity::rfc_3339(model.first_ms),
            last_at: quantity::rfc_3339(model.last_ms),
        }
    }
}

pub(super) async fn run(context: &Context<'_>) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let answer = client.figures().get_perf(GetPerfRequest {}).await?;
    Ok(render(&answer.into_inner(), context.global.json))
}

fn render(answer: &GetPerfResponse, is_json: bool) -> Report {
    if is_json {
        let document = Perf {
            models: answer.models.iter().map(Entry::from).collect(),
            target_percent: answer.target_percent,
            window_calls: answer.window_calls,
            error_budget: answer.budget.unwrap_or_default().into(),
        };
        return Report::data(json("Perf", &document));
    }
    if answer.models.is_empty() {
        return Report::data(String::new()).and_remark("no model was called yet");
    }
    Report::data(to_text(answer))
}

fn to_text(answer: &GetPerfResponse) -> String {
    let mut table = Table::with_columns([
        ("MODEL", Side::Left),
        ("CALLS", Side::Right),
        ("OK", Side::Right),
        ("BUDGET USED", Side::Right),
        ("P50", Side::Right),
        ("P95", Side::Right),
        ("FIRST TOKEN", Side::Right),
        ("TOK/S", Side::Right),
        ("PREFILL", Side::Right),
        ("TOKENS IN", Side::Right),
        ("OUT", Side::Right),
    ]);
    for model in &answer.models {
        let usage = model.usage.unwrap_or_default();
        table.push([
            &model.model_id,
            &quantity::count(model.n_calls),
            &percent(model.success_rate),
            &percent(model.budget.unwrap_or_default().used),
            &measured(model.p50_ms),
            &measured(model.p95_ms),
            &model.p50_ttft_ms.map_or_else(String::new, span),
            &number(model.tokens_per_sec),
            &number(model.prefill_tokens_per_sec),
            &quantity::count(prompt_tokens(&usage)),
            &quantity::count(usage.output_tokens),
        ]);
    }
    let budget = answer.budget.unwrap_or_default();
    let mut lines = table.lines();
    lines.push(format!(
        "{}% are to have an answer: {} of the last {} calls failed, {} of the error budget",
        answer.target_percent,
        budget.n_failed,
        budget.n_calls,
        percent(budget.used),
    ));
    lines.join("\n") + "\n"
}

/// A time of answers; none where there was no answer.
fn measured(ms: f64) -> String {
    if ms > 0.0 { span(ms) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::Usage;

    use super::*;
    use crate::golden;

    fn two() -> GetPerfResponse {
        let known = ModelPerf {
            model_id: "qwen2.5-coder".to_owned(),
            n_calls: 1204,
            success_rate: 0.9917,
            mean_ms: 1520.25,
            p50_ms: 410.0,
            p95_ms: 6200.5,
            mean_ttft_ms: Some(220.5),
            p50_ttft_ms: Some(180.0),
            tokens_per_sec: Some(41.25),
            prefill_tokens_per_sec: Some(812.0),
            decode_tokens_per_sec: Some(41.25),
            usage: Some(Usage {
                input_tokens: 1_203_400,
                output_tokens: 98_000,
                ..Usage::default()
            }),
            first_ms: 1_700_000_000_123,
            last_ms: 1_700_000_900_000,
            budget: Some(ErrorBudget {
                n_calls: 100,
                n_failed: 2,
                success_rate: 0.98,
                used: 0.4,
                left: 0.6,
                is_spent: false,
            }),
        };
        let never_answered = ModelPerf {
            model_id: "gone\u{1b}[2J".to_owned(),
            n_calls: 3,
            budget: Some(ErrorBudget {
                n_calls: 3,
                n_failed: 3,
                success_rate: 0.0,
                used: 20.0,
                left: -19.0,
                is_spent: true,
            }),
            ..ModelPerf::default()
        };
        GetPerfResponse {
            models: vec![known, never_answered],
            target_percent: 95.0,
            window_calls: 100,
            budget: Some(ErrorBudget {
                n_calls: 100,
                n_failed: 5,
                success_rate: 0.95,
                used: 1.0,
                left: 0.0,
                is_spent: false,
            }),
        }
    }

    #[test]
    fn models_are_a_table_for_people_and_a_list_for_scripts() {
        golden::check("perf", &render(&two(), false).stdout);
        golden::check("perf_json", &render(&two(), true).stdout);
    }

    #[test]
    fn before_the_first_call_a_person_is_told_so() {
        let report = render(&GetPerfResponse::default(), false);
        let expected = ("", "no model was called yet\n");
        assert_eq!((report.stdout.as_str(), report.stderr.as_str()), expected);
    }
}
