//! `GET /v1/cost`: what calls cost so far.

use axum::extract::State;
use axum::response::Response;
use owlcoda_pipeline::ModelCost;
use serde_json::{Value, json};

use crate::{Gateway, reply};

pub(crate) async fn cost(State(gateway): State<Gateway>) -> Response {
    let report = gateway.pipeline.cost();
    let unit = report.currency.as_str();
    let data = report.models.iter().map(|model| describe(model, unit));
    let document = json!({
        "data": data.collect::<Vec<_>>(),
        "total_cost": report.total,
        "unit": unit,
        "session": {
            "total_input_tokens": report.usage.prompt_tokens(),
            "total_output_tokens": report.usage.output_tokens,
            "request_count": report.n_calls,
            "started_at": reply::time(report.since_ms),
        },
    });
    reply::json(document.to_string())
}

fn describe(model: &ModelCost, unit: &str) -> Value {
    let rate = model.rate;
    json!({
        "model_id": model.model,
        "input_tokens": model.usage.prompt_tokens(),
        "output_tokens": model.usage.output_tokens,
        "request_count": model.n_calls,
        "cost": model.cost,
        "unit": unit,
        "source": rate.map_or("unknown", |rate| rate.source.as_str()),
        "input_per_million": rate.map(|rate| rate.input),
        "output_per_million": rate.map(|rate| rate.output),
        "real_tps": model.tokens_per_sec,
    })
}
