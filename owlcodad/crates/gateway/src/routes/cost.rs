//! `GET /v1/cost`: what calls cost so far.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::{Gateway, reply};

pub(crate) async fn cost(State(gateway): State<Gateway>) -> Response {
    let figures = gateway.pipeline.standing().figures();
    let snapshot = gateway.pipeline.snapshot();
    let unit = snapshot.settings.cost.currency.as_str();
    let mut total = 0.0;
    let data: Vec<Value> = figures
        .models
        .iter()
        .map(|(id, model)| {
            let rate = snapshot.rate(id);
            // What was paid counts though the model, or its rate, is gone by now.
            let is_known = rate.is_some() || model.cost > 0.0;
            total += model.cost;
            json!({
                "model_id": id,
                "input_tokens": model.usage.prompt_tokens(),
                "output_tokens": model.usage.output_tokens,
                "request_count": model.n_calls,
                "cost": is_known.then(|| exact(model.cost)),
                "unit": unit,
                "source": rate.map_or("unknown", |rate| rate.source.as_str()),
                "input_per_million": rate.map(|rate| rate.input),
                "output_per_million": rate.map(|rate| rate.output),
                "real_tps": model.tokens_per_sec().map(reply::rounded),
            })
        })
        .collect();
    let document = json!({
        "data": data,
        "total_cost": exact(total),
        "unit": unit,
        "session": {
            "total_input_tokens": figures.usage.prompt_tokens(),
            "total_output_tokens": figures.usage.output_tokens,
            "request_count": figures.n_calls,
            "started_at": reply::time(figures.since_ms),
        },
    });
    reply::json(document.to_string())
}

/// To six places: a call of a small model costs a few millionths.
fn exact(cost: f64) -> f64 {
    (cost * 1e6).round() / 1e6
}
