//! `GET /v1/backends`: the model servers, how they are, and what each of them has.
//!
//! From what is known; only a server of which nothing was heard for `health.intervalMs` is asked
//! first. It names addresses of servers, and so is for those who may see what the daemon keeps.

use std::time::Instant;

use axum::extract::State;
use axum::response::Response;
use owlcoda_models::{Model, Source};
use owlcoda_pipeline::Endpoint;
use serde_json::{Value, json};

use crate::{Gateway, reply};

pub(crate) async fn list(State(gateway): State<Gateway>) -> Response {
    let started = Instant::now();
    gateway.pipeline.probe_due(&*gateway.clock).await;
    let endpoints = gateway.pipeline.endpoints();
    let count = |is_up| {
        let alike = endpoints.iter().filter(|endpoint| endpoint.is_up == is_up);
        alike.count()
    };
    let n_models = endpoints.iter().map(|endpoint| endpoint.models.len());
    let document = json!({
        "backends": endpoints.iter().map(describe).collect::<Vec<_>>(),
        "totalModels": n_models.sum::<usize>(),
        "reachableBackends": count(Some(true)),
        "unreachableBackends": count(Some(false)),
        "durationMs": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    reply::json(document.to_string())
}

fn describe(endpoint: &Endpoint) -> Value {
    let availability = match endpoint.is_up {
        Some(true) => "available",
        Some(false) => "unavailable",
        None => "unknown",
    };
    let models = endpoint.models.iter();
    let models = models.map(|served| describe_model(&served.model, availability));
    let health = endpoint.health.as_ref();
    let detail = health.map(|health| health.detail.as_str());
    json!({
        "id": endpoint.id,
        "name": endpoint.server.as_str(),
        "baseUrl": endpoint.url.as_ref().map(ToString::to_string),
        "reachable": endpoint.is_up,
        "detail": detail.filter(|detail| !detail.is_empty()),
        "models": models.collect::<Vec<_>>(),
    })
}

fn describe_model(model: &Model, availability: &str) -> Value {
    json!({
        "id": model.id,
        "label": model.label,
        "parameterSize": model.parameter_size,
        "quantization": model.quantization,
        "contextWindow": model.context_window,
        "availability": availability,
        "loaded": model.is_loaded,
        "configured": model.source == Source::Configured,
        "discovered": model.source == Source::Discovered,
    })
}
