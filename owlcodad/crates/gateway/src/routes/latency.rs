//! `GET /v1/latency`: how long calls take from admission to their last byte, by route.

use axum::extract::State;
use axum::response::Response;
use owlcoda_pipeline::MAX_SAMPLES;
use serde_json::{Map, Value, json};

use crate::{Gateway, reply};

pub(crate) async fn latency(State(gateway): State<Gateway>) -> Response {
    let routes = gateway.pipeline.latency().into_iter();
    let routes: Map<String, Value> = routes
        .map(|latency| {
            let millis = latency.millis;
            let described = json!({
                "count": latency.n_calls,
                "min": millis.min,
                "max": millis.max,
                "mean": millis.mean,
                "p50": millis.p50,
                "p90": millis.p90,
                "p95": millis.p95,
                "p99": millis.p99,
            });
            (latency.route, described)
        })
        .collect();
    let document = json!({ "unit": "ms", "window": MAX_SAMPLES, "latency": routes });
    reply::json(document.to_string())
}
