//! `GET /v1/recommend`: which model to take for what, with reasons.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Uri};
use owlcoda_models::intent::Intent;
use owlcoda_models::recommend::Recommended;
use serde_json::{Value, json};

use crate::admit::{Admitted, dialect_of};
use crate::parameter::{Given, Kind, Parameter};
use crate::{Gateway, reply};

pub(crate) const PARAMETERS: &[Parameter] = &[Parameter {
    name: "intent",
    kind: Kind::OneOf(&["code", "analysis", "search", "chat", "general"]),
    summary: "What the model is to be good for; `general` where it is left out.",
}];

pub(crate) async fn recommend(
    State(gateway): State<Gateway>,
    Extension(Admitted { id, .. }): Extension<Admitted>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let dialect = dialect_of(uri.path(), &headers);
    let given = match Given::of(&uri, &headers, id, PARAMETERS) {
        Ok(given) => given,
        Err(refusal) => return *refusal,
    };
    let intent = given.text("intent").and_then(Intent::parse);
    let intent = intent.unwrap_or(Intent::General);
    let found = match gateway.pipeline.recommend(intent) {
        Ok(found) => found,
        Err(error) => return reply::error(dialect, error.code(), &error.to_string(), id),
    };
    let alternatives = found.alternatives.iter().map(describe);
    let document = json!({
        "intent": found.intent.as_str(),
        "recommended": describe(&found.best),
        "alternatives": alternatives.collect::<Vec<_>>(),
    });
    reply::json(document.to_string())
}

fn describe(model: &Recommended) -> Value {
    json!({ "model_id": model.model, "score": model.score, "reasons": model.reasons })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_intent_can_be_asked_for() {
        let Kind::OneOf(words) = PARAMETERS[0].kind else {
            panic!("one of these words")
        };
        assert_eq!(words, Intent::ALL.map(Intent::as_str));
    }
}
