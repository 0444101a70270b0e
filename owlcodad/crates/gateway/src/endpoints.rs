//! The table of routes: the router is built from it, and so is everything that describes it.

use axum::Router;
use axum::extract::{MatchedPath, State};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post};
use http::HeaderMap;
use http::header::{ALLOW, HeaderValue};
use owlcoda_types::ErrorCode;

use crate::admit::{Admitted, admit, dialect_of};
use crate::parameter::Parameter;
use crate::routes::{
    audit, backends, cache, captures, chat, cost, count_tokens, health, latency, messages, metrics,
    models, openapi, perf, recommend, root, usage,
};
use crate::{Gateway, observe, reply};

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// The path's pattern, also its label in metrics.
    pub path: &'static str,
    /// For people, one sentence.
    pub summary: &'static str,
    /// Who may use it.
    pub class: Class,
    /// What its query may hold. A route without any does not look at its query.
    pub parameters: &'static [Parameter],
    /// What its body is; `None` where it takes none.
    pub body: Option<Body>,
    /// What it answers with.
    pub answer: Answer,
    handler: fn() -> MethodRouter<Gateway>,
}

/// What the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// A request of the Messages API.
    Messages,
    /// The same, of which only tokens are counted.
    Count,
    /// A request of Chat Completions.
    Chat,
}

/// What a route answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One JSON object.
    Json,
    /// One JSON object, or server-sent events where the caller asks for a stream.
    JsonOrEvents,
    /// Text of a line format.
    Text,
}

/// Who may use an endpoint; the configuration's `auth` has a mode for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Every program on this machine.
    Open,
    /// Who may call models.
    Inference,
    /// Who may see and change what the daemon keeps.
    Data,
}

/// Every route.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: "POST",
        path: "/v1/messages",
        summary: "A message in the Anthropic dialect, streamed or whole.",
        class: Class::Inference,
        parameters: &[],
        body: Some(Body::Messages),
        answer: Answer::JsonOrEvents,
        handler: || post(messages::create),
    },
    Endpoint {
        method: "POST",
        path: "/v1/messages/count_tokens",
        summary: "An estimate of a prompt's tokens, without asking a model.",
        class: Class::Inference,
        parameters: &[],
        body: Some(Body::Count),
        answer: Answer::Json,
        handler: || post(count_tokens::count),
    },
    Endpoint {
        method: "POST",
        path: "/v1/chat/completions",
        summary: "A chat completion in the OpenAI dialect, streamed or whole.",
        class: Class::Inference,
        parameters: &[],
        body: Some(Body::Chat),
        answer: Answer::JsonOrEvents,
        handler: || post(chat::create),
    },
    Endpoint {
        method: "GET",
        path: "/v1/models",
        summary: "The models that can be asked for, in the dialect of the caller.",
        class: Class::Inference,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(models::list),
    },
    Endpoint {
        method: "GET",
        path: "/v1/models/{id}",
        summary: "One model, in the dialect of the caller.",
        class: Class::Inference,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(models::retrieve),
    },
    Endpoint {
        method: "GET",
        path: "/v1/backends",
        summary: "The model servers, how they are, and what each of them has.",
        class: Class::Data,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(backends::list),
    },
    Endpoint {
        method: "GET",
        path: "/v1/recommend",
        summary: "Which model to take for what, with reasons.",
        class: Class::Inference,
        parameters: recommend::PARAMETERS,
        body: None,
        answer: Answer::Json,
        handler: || get(recommend::recommend),
    },
    Endpoint {
        method: "GET",
        path: "/v1/usage",
        summary: "Tokens and calls so far.",
        class: Class::Data,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(usage::usage),
    },
    Endpoint {
        method: "GET",
        path: "/v1/perf",
        summary: "How fast and how reliable each model is.",
        class: Class::Data,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(perf::perf),
    },
    Endpoint {
        method: "GET",
        path: "/v1/latency",
        summary: "Percentiles of the time of calls, by route.",
        class: Class::Data,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(latency::latency),
    },
    Endpoint {
        method: "GET",
        path: "/v1/cost",
        summary: "What the calls of each model cost, or would cost in electricity.",
        class: Class::Data,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(cost::cost),
    },
    Endpoint {
        method: "GET",
        path: "/v1/audit",
        summary: "The record of ended calls, newest first.",
        class: Class::Data,
        parameters: audit::PARAMETERS,
        body: None,
        answer: Answer::Json,
        handler: || get(audit::list),
    },
    Endpoint {
        method: "GET",
        path: "/v1/cache",
        summary: "How full the response cache is, and what it was good for.",
        class: Class::Data,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(cache::stats),
    },
    Endpoint {
        method: "DELETE",
        path: "/v1/cache",
        summary: "Forgets every answer in the response cache.",
        class: Class::Data,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || delete(cache::clear),
    },
    Endpoint {
        method: "GET",
        path: "/v1/captures",
        summary: "The latest requests and answers, where they are kept, without what was said.",
        class: Class::Data,
        parameters: captures::PARAMETERS,
        body: None,
        answer: Answer::Json,
        handler: || get(captures::list),
    },
    Endpoint {
        method: "GET",
        path: "/v1/captures/{id}",
        summary: "One request and its answer, as the caller and the model servers saw them.",
        class: Class::Data,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(captures::retrieve),
    },
    Endpoint {
        method: "GET",
        path: "/openapi.json",
        summary: "This description of the API.",
        class: Class::Inference,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(openapi::describe),
    },
    Endpoint {
        method: "GET",
        path: "/",
        summary: "Who answers here.",
        class: Class::Inference,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(root::greet),
    },
    Endpoint {
        method: "GET",
        path: "/health",
        summary: "Whether the daemon takes requests.",
        class: Class::Open,
        parameters: &[],
        body: None,
        answer: Answer::Json,
        handler: || get(health::check),
    },
    Endpoint {
        method: "GET",
        path: "/metrics",
        summary: "Metrics for Prometheus.",
        class: Class::Open,
        parameters: &[],
        body: None,
        answer: Answer::Text,
        handler: || get(metrics::render),
    },
];

/// The service behind the HTTP port.
pub fn router(gateway: Gateway) -> Router {
    let table = |router: Router<Gateway>, row: &Endpoint| router.route(row.path, (row.handler)());
    ENDPOINTS
        .iter()
        .fold(Router::new(), table)
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(axum::middleware::from_fn_with_state(gateway.clone(), admit))
        .layer(axum::middleware::from_fn(observe::observe))
        .with_state(gateway)
}

/// The class of a request to the route `path`. What no route takes is open: there is nothing to
/// guard. A method that the route does not have is of the route's strictest class.
pub(crate) fn class_of(method: &http::Method, path: Option<&str>) -> Class {
    let method = match method.as_str() {
        "HEAD" => "GET",
        method => method,
    };
    let rows = || ENDPOINTS.iter().filter(|row| Some(row.path) == path);
    let strictest = || rows().map(|row| row.class).max();
    rows()
        .find(|row| row.method == method)
        .map(|row| row.class)
        .or_else(strictest)
        .unwrap_or(Class::Open)
}

async fn no_such_path(
    State(_): State<Gateway>,
    admitted: axum::Extension<Admitted>,
    headers: HeaderMap,
    uri: http::Uri,
) -> Response {
    let path = owlcoda_types::clip(uri.path(), 100);
    let message = format!(
        "there is nothing at `{path}`; the daemon serves {}",
        paths()
    );
    reply::error(
        dialect_of(uri.path(), &headers),
        ErrorCode::NotFound,
        &message,
        admitted.0.id,
    )
}

async fn no_such_method(
    State(_): State<Gateway>,
    admitted: axum::Extension<Admitted>,
    matched: Option<axum::Extension<MatchedPath>>,
    headers: HeaderMap,
    method: http::Method,
    uri: http::Uri,
) -> Response {
    let pattern = matched.as_ref().map(|matched| matched.0.as_str());
    let rows = ENDPOINTS.iter().filter(|row| Some(row.path) == pattern);
    let allowed: Vec<_> = rows.map(|row| row.method).collect();
    let path = owlcoda_types::clip(uri.path(), 100);
    let message = format!(
        "`{path}` does not take {method}; use {}",
        allowed.join(" or ")
    );
    let mut response = reply::error(
        dialect_of(uri.path(), &headers),
        ErrorCode::MethodNotAllowed,
        &message,
        admitted.0.id,
    );
    if let Ok(allow) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// Every path once.
fn paths() -> String {
    let mut paths: Vec<_> = ENDPOINTS.iter().map(|row| row.path).collect();
    paths.dedup();
    paths.join(", ")
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn a_request_has_the_class_of_its_row() {
        let cases = [
            (Method::POST, Some("/v1/messages"), Class::Inference),
            (Method::GET, Some("/v1/messages"), Class::Inference),
            (Method::GET, Some("/v1/models"), Class::Inference),
            (Method::HEAD, Some("/v1/models"), Class::Inference),
            (Method::GET, Some("/v1/backends"), Class::Data),
            (Method::GET, Some("/health"), Class::Open),
            (Method::DELETE, Some("/health"), Class::Open),
            (Method::GET, Some("/nothing"), Class::Open),
            (Method::POST, None, Class::Open),
        ];
        for (method, path, expected) in cases {
            assert_eq!(class_of(&method, path), expected, "{method} {path:?}");
        }
    }

    #[test]
    fn only_health_and_metrics_are_open() {
        let open = ENDPOINTS.iter().filter(|row| row.class == Class::Open);
        let paths: Vec<_> = open.map(|row| row.path).collect();
        assert_eq!(paths, ["/health", "/metrics"]);
    }

    #[test]
    fn the_page_about_the_api_has_every_route_in_order() {
        let page = include_str!("../../../../packaging/docs/http-api.md");
        let rows = ENDPOINTS.iter().map(|row| {
            let class = format!("{:?}", row.class).to_lowercase();
            format!(
                "| `{} {}` | {class} | {} |",
                row.method, row.path, row.summary
            )
        });
        let table = rows.collect::<Vec<_>>().join("\n");
        assert!(
            page.contains(&table),
            "packaging/docs/http-api.md must hold this:\n\n{table}"
        );
    }
}
