//! `GET /health`: whether the daemon takes requests. Tells nothing else to those who did not prove
//! who they are.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use owlcoda_supervise::Phase;

use crate::{Gateway, reply};

pub(crate) async fn check(State(gateway): State<Gateway>) -> Response {
    let (status, body) = match gateway.shutdown.phase() {
        Phase::Running => (StatusCode::OK, r#"{"status":"ok"}"#),
        Phase::Draining | Phase::Stopping => {
            (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#)
        }
    };
    let json = HeaderValue::from_static("application/json");
    reply::with_type(status, json, Bytes::from_static(body.as_bytes()))
}
