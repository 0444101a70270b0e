//! `GET /v1/latency`: how long calls take from admission to their last byte, by route.

use axum::extract::State;
use axum::response::Response;
use owlcoda_pipeline::MAX_SAMPLES;
use serde_json::{Map, Value, json};

use crate::{Gateway, reply};

pub(crate) async fn latency(State(gateway): State<Gateway>) -> Response {
    let figures = gateway.pipeline.standing().figures();
    let routes: Map<String, Value> = figures
        .routes
        .iter()
        .filter_map(|(route, samples)| {
            let found = samples.percentiles()?;
            let described = json!({
                "count": samples.n_seen(),
                "min": reply::rounded(found.min),
                "max": reply::rounded(found.max),
                "mean": reply::rounded(found.mean),
                "p50": reply::rounded(found.p50),
                "p90": reply::rounded(found.p90),
                "p95": reply::rounded(found.p95),
                "p99": reply::rounded(found.p99),
            });
            Some((route.clone(), described))
        })
        .collect();
    let document = json!({ "unit": "ms", "window": MAX_SAMPLES, "latency": routes });
    reply::json(document.to_string())
}
