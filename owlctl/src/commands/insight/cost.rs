//! `owlctl cost`: what the calls of each model cost, or would cost in electricity.

use owlcoda_proto::printable;
use owlcoda_proto::v1::{GetCostRequest, GetCostResponse, ModelCost};
use serde::Serialize;

use super::number;
use crate::commands::models::some;
use crate::commands::prompt_tokens;
use crate::commands::status::TokenCounts;
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::quantity;
use crate::report::Report;
use crate::table::{Side, Table};

#[derive(Serialize)]
struct Cost<'a> {
    currency: &'a str,
    total: f64,
    models: Vec<Entry<'a>>,
    n_calls: u64,
    usage: TokenCounts,
    since: Option<String>,
}

#[derive(Serialize)]
struct Entry<'a> {
    model_id: &'a str,
    n_calls: u64,
    usage: TokenCounts,
    /// At the rates of their time; null where no rate was ever known.
    cost: Option<f64>,
    /// `configured` or `estimated`; null where today's rate is not known, like the two that follow.
    source: Option<&'a str>,
    input_per_million: Option<f64>,
    output_per_million: Option<f64>,
    tokens_per_sec: Option<f64>,
}

impl<'a> From<&'a ModelCost> for Entry<'a> {
    fn from(model: &'a ModelCost) -> Self {
        Self {
            model_id: &model.model_id,
            n_calls: model.n_calls,
            usage: model.usage.unwrap_or_default().into(),
            cost: model.cost,
            source: some(&model.source),
            input_per_million: model.input_per_million,
            output_per_million: model.output_per_million,
            tokens_per_sec: model.tokens_per_sec,
        }
    }
}

pub(super) async fn run(context: &Context<'_>) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let answer = client.figures().get_cost(GetCostRequest {}).await?;
    let answer = answer.into_inner();
    Ok(Report::data(if context.global.json {
        to_json(&answer)
    } else {
        to_text(&answer)
    }))
}

fn to_json(answer: &GetCostResponse) -> String {
    let document = Cost {
        currency: &answer.currency,
        total: answer.total,
        models: answer.models.iter().map(Entry::from).collect(),
        n_calls: answer.n_calls,
        usage: answer.usage.unwrap_or_default().into(),
        since: quantity::rfc_3339(answer.since_ms),
    };
    json("Cost", &document)
}

fn to_text(answer: &GetCostResponse) -> String {
    let mut lines = Vec::new();
    if !answer.models.is_empty() {
        let mut table = Table::with_columns([
            ("MODEL", Side::Left),
            ("CALLS", Side::Right),
            ("TOKENS IN", Side::Right),
            ("OUT", Side::Right),
            ("COST", Side::Right),
            ("RATE", Side::Left),
            ("TOK/S", Side::Right),
        ]);
        for model in &answer.models {
            let usage = model.usage.unwrap_or_default();
            table.push([
                &model.model_id,
                &quantity::count(model.n_calls),
                &quantity::count(prompt_tokens(&usage)),
                &quantity::count(usage.output_tokens),
                &model.cost.map_or_else(String::new, money),
                &model.source,
                &number(model.tokens_per_sec),
            ]);
        }
        lines = table.lines();
    }
    let total = format!("total {} {}", money(answer.total), answer.currency);
    lines.push(printable(&total).into_owned());
    lines.join("\n") + "\n"
}

/// To six places: a call of a small model costs a few millionths.
fn money(sum: f64) -> String {
    format!("{sum:.6}")
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::Usage;

    use super::*;
    use crate::golden;

    #[test]
    fn costs_are_told_with_what_they_go_by() {
        let usage = Usage {
            input_tokens: 12_000,
            output_tokens: 3400,
            ..Usage::default()
        };
        let estimated = ModelCost {
            model_id: "local-7b".to_owned(),
            usage: Some(usage),
            n_calls: 12,
            cost: Some(0.003_384),
            source: "estimated".to_owned(),
            input_per_million: Some(0.18),
            output_per_million: Some(0.36),
            tokens_per_sec: Some(58.3),
        };
        let unknown = ModelCost {
            model_id: "far".to_owned(),
            n_calls: 1,
            ..ModelCost::default()
        };
        let answer = GetCostResponse {
            currency: "CNY".to_owned(),
            models: vec![estimated, unknown],
            total: 0.003_384,
            usage: Some(usage),
            n_calls: 14,
            since_ms: 1_700_000_000_123,
        };
        golden::check("cost", &to_text(&answer));
        golden::check("cost_json", &to_json(&answer));
        let nothing = GetCostResponse {
            currency: "EUR".to_owned(),
            ..GetCostResponse::default()
        };
        assert_eq!(to_text(&nothing), "total 0.000000 EUR\n");
    }
}
