//! `GET /` and `HEAD /`: some clients knock here before they ask for anything.

use axum::response::Response;
use serde_json::json;

use crate::reply;

pub(crate) async fn greet() -> Response {
    let greeting = json!({ "name": "owlcodad", "version": env!("CARGO_PKG_VERSION") });
    reply::json(greeting.to_string())
}
