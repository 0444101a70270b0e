//! `GET /metrics`: for Prometheus.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use owlcoda_telemetry::{Exposition, render_process};

use crate::{Gateway, reply};

pub(crate) async fn render(State(gateway): State<Gateway>) -> Response {
    gateway.pipeline.observe();
    let text = Bytes::from(gateway.exposition.render() + &render_process());
    reply::with_type(
        StatusCode::OK,
        HeaderValue::from_static(Exposition::CONTENT_TYPE),
        text,
    )
}
