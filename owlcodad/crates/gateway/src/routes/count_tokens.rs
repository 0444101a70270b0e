//! `POST /v1/messages/count_tokens`: how large a prompt is, without asking a model.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use owlcoda_wire::anthropic;
use owlcoda_wire::fault::Dialect;
use owlcoda_wire::translate::estimate_input_tokens;
use serde_json::json;

use crate::admit::{Admitted, json_body};
use crate::{Gateway, reply};

pub(crate) async fn count(
    State(gateway): State<Gateway>,
    Extension(Admitted { id, .. }): Extension<Admitted>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match json_body(&headers, body, gateway.body_limits()).await {
        Ok(body) => body,
        Err(refused) => {
            return reply::error(Dialect::Anthropic, refused.code(), &refused.to_string(), id);
        }
    };
    let request = match super::parse(body, anthropic::Request::parse_for_count).await {
        Ok(request) => request,
        Err(error) => {
            return reply::error(Dialect::Anthropic, error.code(), &error.to_string(), id);
        }
    };
    // A count for a model that does not exist would be believed.
    if let Err(error) = gateway.pipeline.snapshot().resolve(&request.model) {
        return reply::error(Dialect::Anthropic, error.code(), &error.to_string(), id);
    }
    let count = json!({ "input_tokens": estimate_input_tokens(&request) });
    reply::json(count.to_string())
}
