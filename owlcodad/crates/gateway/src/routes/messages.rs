//! `POST /v1/messages`: the Anthropic dialect.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use owlcoda_pipeline::{Client, Request, Route};
use owlcoda_wire::anthropic;
use owlcoda_wire::fault::Dialect;

use super::Arrival;
use crate::Gateway;
use crate::admit::{Admitted, json_body};

const ROUTE: Route = Route::Messages;
const DIALECT: Dialect = Dialect::Anthropic;

pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Extension(Admitted { id, received }): Extension<Admitted>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mut arrival = Arrival {
        id,
        received,
        client,
        route: ROUTE,
        dialect: DIALECT,
        n_bytes_in: 0,
    };
    let body = match json_body(&headers, body, gateway.body_limits()).await {
        Ok(body) => body,
        Err(refused) => {
            return super::refuse(&gateway, arrival, refused.code(), &refused);
        }
    };
    arrival.n_bytes_in = body.len() as u64;
    match super::parse(body.clone(), anthropic::Request::parse_bytes).await {
        Ok(request) => {
            let request = Request::Messages(Box::new(request));
            match super::call(&gateway, arrival, &headers, request) {
                Ok(mut call) => {
                    call.seen = super::seen(&gateway, ROUTE, &headers, &body);
                    call.raw = Some(body);
                    call.forwarded = forwarded(&headers);
                    super::answer(gateway, call).await
                }
                Err(error) => super::refuse(&gateway, arrival, error.code(), &error),
            }
        }
        Err(error) => super::refuse(&gateway, arrival, error.code(), &error),
    }
}

/// What a caller says of the API's version and of its features, for servers that speak it too.
fn forwarded(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    ["anthropic-version", "anthropic-beta"]
        .into_iter()
        .filter_map(|name| Some((name, headers.get(name)?.to_str().ok()?.to_owned())))
        .collect()
}
