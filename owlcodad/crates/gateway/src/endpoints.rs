//! The table of routes: the router is built from it, and so is everything that describes it.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::HeaderMap;
use owlcoda_types::ErrorCode;

use crate::admit::{Admitted, admit, dialect_of};
use crate::routes::{backends, chat, count_tokens, health, messages, metrics, models, root};
use crate::{Gateway, observe, reply};

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path's pattern, also its label in metrics.
    pub path: &'static str,
    /// For people, one sentence.
    pub summary: &'static str,
    /// Who may use it.
    pub class: Class,
    handler: fn() -> MethodRouter<Gateway>,
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
        handler: || post(messages::create),
    },
    Endpoint {
        method: "POST",
        path: "/v1/messages/count_tokens",
        summary: "An estimate of a prompt's tokens, without asking a model.",
        class: Class::Inference,
        handler: || post(count_tokens::count),
    },
    Endpoint {
        method: "POST",
        path: "/v1/chat/completions",
        summary: "A chat completion in the OpenAI dialect, streamed or whole.",
        class: Class::Inference,
        handler: || post(chat::create),
    },
    Endpoint {
        method: "GET",
        path: "/v1/models",
        summary: "The models that can be asked for, in the dialect of the caller.",
        class: Class::Inference,
        handler: || get(models::list),
    },
    Endpoint {
        method: "GET",
        path: "/v1/models/{id}",
        summary: "One model, in the dialect of the caller.",
        class: Class::Inference,
        handler: || get(models::retrieve),
    },
    Endpoint {
        method: "GET",
        path: "/v1/backends",
        summary: "The model servers, how they are, and what each of them has.",
        class: Class::Data,
        handler: || get(backends::list),
    },
    Endpoint {
        method: "GET",
        path: "/",
        summary: "Who answers here.",
        class: Class::Inference,
        handler: || get(root::greet),
    },
    Endpoint {
        method: "GET",
        path: "/health",
        summary: "Whether the daemon takes requests.",
        class: Class::Open,
        handler: || get(health::check),
    },
    Endpoint {
        method: "GET",
        path: "/metrics",
        summary: "Metrics for Prometheus.",
        class: Class::Open,
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
        admitted.0.0,
    )
}

async fn no_such_method(
    State(_): State<Gateway>,
    admitted: axum::Extension<Admitted>,
    headers: HeaderMap,
    method: http::Method,
    uri: http::Uri,
) -> Response {
    let allowed = ENDPOINTS
        .iter()
        .find(|row| row.path == uri.path())
        .map_or("GET", |row| row.method);
    let message = format!("`{}` does not take {method}; use {allowed}", uri.path());
    reply::error(
        dialect_of(uri.path(), &headers),
        ErrorCode::MethodNotAllowed,
        &message,
        admitted.0.0,
    )
}

fn paths() -> String {
    ENDPOINTS
        .iter()
        .map(|row| row.path)
        .collect::<Vec<_>>()
        .join(", ")
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
}
