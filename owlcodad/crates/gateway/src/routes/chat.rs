//! `POST /v1/chat/completions`: the `OpenAI` dialect.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use owlcoda_pipeline::{Client, Request, Route};
use owlcoda_wire::fault::Dialect;
use owlcoda_wire::openai;

use super::Arrival;
use crate::Gateway;
use crate::admit::{Admitted, json_body};

const ROUTE: Route = Route::Chat;
const DIALECT: Dialect = Dialect::OpenAi;

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
    let seen = super::seen(&gateway, ROUTE, &headers, &body);
    match super::parse(body, openai::Request::parse_bytes).await {
        Ok(request) => {
            let request = Request::Chat(Box::new(request));
            match super::call(&gateway, arrival, &headers, request) {
                Ok(mut call) => {
                    call.seen = seen;
                    super::answer(gateway, call).await
                }
                Err(error) => super::refuse(&gateway, arrival, error.code(), &error),
            }
        }
        Err(error) => super::refuse(&gateway, arrival, error.code(), &error),
    }
}
