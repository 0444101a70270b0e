//! `GET /v1/models` and `GET /v1/models/{id}`: what can be asked for, in the caller's dialect.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use owlcoda_models::Model;
use owlcoda_wire::fault::Dialect;
use serde_json::{Value, json};

use crate::admit::{Admitted, dialect_of};
use crate::{Gateway, reply};

/// What both routes begin with.
const PATH: &str = "/v1/models";

/// When a model was made is not known here; both dialects want a time.
const UNKNOWN_TIME: &str = "1970-01-01T00:00:00Z";

pub(crate) async fn list(State(gateway): State<Gateway>, headers: HeaderMap) -> Response {
    let snapshot = gateway.pipeline.snapshot();
    let dialect = dialect_of(PATH, &headers);
    let data: Vec<Value> = snapshot
        .registry
        .models()
        .iter()
        .map(|model| describe(dialect, model))
        .collect();
    let document = match dialect {
        Dialect::Anthropic => {
            let id_of = |model: Option<&Value>| model.map(|model| model["id"].clone());
            json!({
                "first_id": id_of(data.first()),
                "last_id": id_of(data.last()),
                "has_more": false,
                "data": data,
            })
        }
        Dialect::OpenAi => json!({ "object": "list", "data": data }),
    };
    reply::json(document.to_string())
}

pub(crate) async fn retrieve(
    State(gateway): State<Gateway>,
    Extension(Admitted { id, .. }): Extension<Admitted>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let dialect = dialect_of(PATH, &headers);
    match gateway.pipeline.snapshot().registry.resolve(&name) {
        Ok(model) => reply::json(describe(dialect, model).to_string()),
        Err(error) => reply::error(dialect, error.code(), &error.to_string(), id),
    }
}

fn describe(dialect: Dialect, model: &Model) -> Value {
    match dialect {
        Dialect::Anthropic => json!({
            "type": "model",
            "id": model.id,
            "display_name": model.label,
            "created_at": UNKNOWN_TIME,
        }),
        Dialect::OpenAi => json!({
            "id": model.id,
            "object": "model",
            "created": 0,
            "owned_by": model.endpoint_id(),
        }),
    }
}
