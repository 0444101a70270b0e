//! `GET /openapi.json`: what the API has.

use axum::response::Response;

use crate::{openapi, reply};

pub(crate) async fn describe() -> Response {
    let document = openapi::document(env!("CARGO_PKG_VERSION"));
    reply::json(document.to_string())
}
