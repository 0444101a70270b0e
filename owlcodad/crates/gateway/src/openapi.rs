//! The description of the HTTP API for programs, read off the table of routes.

use owlcoda_models::DEFAULT_NAME;
use owlcoda_types::ErrorCode;
use owlcoda_wire::MAX_ANSWER_TOKENS;
use serde_json::{Map, Value, json};

use crate::endpoints::{Answer, Body, Class, ENDPOINTS, Endpoint};
use crate::parameter::{Kind, Parameter};

/// An `OpenAPI` 3.0 document.
pub(crate) fn document(version: &str) -> Value {
    let mut paths = Map::new();
    for row in ENDPOINTS {
        let path = paths.entry(row.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(row.method.to_ascii_lowercase(), operation(row));
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "OwlCoda",
            "version": version,
            "description": "The front door to every model on this machine.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
            "schemas": {"Error": error_schema()},
        },
    })
}

fn operation(row: &Endpoint) -> Value {
    let in_path = row.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({
            "name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1},
        }))
    });
    let parameters: Vec<_> = in_path.chain(row.parameters.iter().map(in_query)).collect();
    let mut operation = Map::new();
    let mut say = |name: &str, value: Value| operation.insert(name.to_owned(), value);
    say("summary", json!(row.summary));
    say("operationId", json!(operation_id(row)));
    say("parameters", json!(parameters));
    say("responses", responses(row));
    if row.class != Class::Open {
        // The empty one: callers of the daemon's own user need no token, as `auth` says.
        say("security", json!([{}, {"bearer": []}, {"apiKey": []}]));
    }
    if let Some(body) = row.body {
        let content = json!({"application/json": {"schema": schema_of(body)}});
        say("requestBody", json!({"required": true, "content": content}));
    }
    Value::Object(operation)
}

/// What every such body has. The dialects' own documents describe the many fields beside these.
fn schema_of(body: Body) -> Value {
    let (roles, required) = match body {
        Body::Messages => (
            &["user", "assistant"][..],
            &["model", "messages", "max_tokens"][..],
        ),
        Body::Count => (&["user", "assistant"][..], &["model", "messages"][..]),
        Body::Chat => (
            &["system", "user", "assistant"][..],
            &["model", "messages"][..],
        ),
    };
    let message = json!({
        "type": "object",
        "required": ["role", "content"],
        "properties": {
            "role": {"type": "string", "enum": roles},
            "content": {"type": "string", "pattern": "\\S"},
        },
    });
    let mut properties = Map::new();
    let mut add = |name: &str, schema: Value| properties.insert(name.to_owned(), schema);
    let name = json!({"type": "string", "pattern": "\\S", "example": DEFAULT_NAME});
    add("model", name);
    add(
        "messages",
        json!({"type": "array", "minItems": 1, "items": message}),
    );
    add("stream", json!({"type": "boolean", "nullable": true}));
    // Nothing is answered where only the prompt is counted.
    if body != Body::Count {
        let many = json!({"type": "integer", "minimum": 1, "maximum": MAX_ANSWER_TOKENS});
        add("max_tokens", many);
    }
    json!({"type": "object", "required": required, "properties": properties})
}

/// `get_v1_models_id`.
fn operation_id(row: &Endpoint) -> String {
    let words = row
        .path
        .split(|letter: char| !letter.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let path: Vec<_> = words.collect();
    format!("{}_{}", row.method.to_ascii_lowercase(), path.join("_"))
}

fn in_query(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::OneOf(words) => json!({"type": "string", "enum": words}),
        Kind::Session => json!({"type": "string", "pattern": "^ses_[0-9a-fA-F]{32}$"}),
        Kind::Text(max_chars) => json!({"type": "string", "maxLength": max_chars}),
    };
    json!({
        "name": parameter.name,
        "in": "query",
        "required": false,
        "description": parameter.summary,
        "schema": schema,
    })
}

fn responses(row: &Endpoint) -> Value {
    let content = match row.answer {
        Answer::Json => json!({"application/json": {"schema": {"type": "object"}}}),
        Answer::JsonOrEvents => json!({
            "application/json": {"schema": {"type": "object"}},
            "text/event-stream": {},
        }),
        Answer::Text => json!({"text/plain": {"schema": {"type": "string"}}}),
    };
    let mut responses = json!({"200": {"description": "As asked.", "content": content}});
    let refusal = |code: ErrorCode| {
        let status = code.http_status().to_string();
        let body = json!({"schema": {"$ref": "#/components/schemas/Error"}});
        (
            status,
            json!({
                "description": format!("{}.", code.as_str().replace('_', " ")),
                "content": {"application/json": body},
            }),
        )
    };
    let mut codes = vec![ErrorCode::Forbidden];
    if row.class != Class::Open {
        codes.push(ErrorCode::Unauthenticated);
    }
    if !row.parameters.is_empty() || row.body.is_some() || row.class == Class::Data {
        codes.push(ErrorCode::InvalidRequest);
    }
    if row.path.contains('{') {
        codes.push(ErrorCode::NotFound);
    }
    if row.body.is_some() {
        codes.extend([
            ErrorCode::NotFound,
            ErrorCode::RequestTimeout,
            ErrorCode::TooLarge,
            ErrorCode::UnsupportedMedia,
            ErrorCode::RateLimited,
            ErrorCode::UpstreamFailed,
            ErrorCode::BadUpstream,
            ErrorCode::Unavailable,
            ErrorCode::ShuttingDown,
            ErrorCode::Timeout,
            ErrorCode::LoopDetected,
        ]);
    }
    if let Some(responses) = responses.as_object_mut() {
        for (status, body) in codes.into_iter().map(refusal) {
            responses.entry(status).or_insert(body);
        }
    }
    responses
}

/// What both dialects' errors have.
fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["type", "message"],
                "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_every_description_has_its_own_id() {
        let document = document("0.0.0");
        let mut ids = std::collections::BTreeSet::new();
        for row in ENDPOINTS {
            let operation = &document["paths"][row.path][row.method.to_ascii_lowercase()];
            assert_eq!(operation["summary"], row.summary);
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{operation}"
            );
            let parameters = operation["parameters"].as_array().unwrap();
            for parameter in row.parameters {
                assert!(
                    parameters
                        .iter()
                        .any(|found| found["name"] == parameter.name)
                );
            }
        }
        let id = &document["paths"]["/v1/models/{id}"]["get"]["parameters"][0];
        assert_eq!((&id["name"], &id["in"]), (&json!("id"), &json!("path")));
    }
}
