//! The handlers, one file a route.

pub(crate) mod audit;
pub(crate) mod backends;
pub(crate) mod cache;
pub(crate) mod captures;
pub(crate) mod chat;
pub(crate) mod cost;
pub(crate) mod count_tokens;
pub(crate) mod health;
pub(crate) mod latency;
pub(crate) mod messages;
pub(crate) mod metrics;
pub(crate) mod models;
pub(crate) mod openapi;
pub(crate) mod perf;
pub(crate) mod recommend;
pub(crate) mod root;
pub(crate) mod usage;

use std::time::Instant;

use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use owlcoda_pipeline::{
    Answer, CacheWish, Call, Client, Delivery, Entry, HOPS_HEADER, Request, Route, Seen, route_name,
};
use owlcoda_types::{ErrorCode, RequestId};
use owlcoda_wire::WireError;
use owlcoda_wire::fault::Dialect;

use crate::{Gateway, reply, stream};

/// A body past this is parsed off the threads that serve everybody else.
const LARGE_BODY_BYTES: usize = 256 << 10;

/// Parses a body without holding up other requests.
async fn parse<T: Send + 'static>(
    body: Bytes,
    parser: fn(&Bytes) -> Result<T, WireError>,
) -> Result<T, WireError> {
    if body.len() <= LARGE_BODY_BYTES {
        return parser(&body);
    }
    match tokio::task::spawn_blocking(move || parser(&body)).await {
        Ok(parsed) => parsed,
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
}

/// How many daemons a request has come through, as it says itself.
fn hops(headers: &HeaderMap) -> u32 {
    let given = headers.get_all(HOPS_HEADER).iter();
    let counts = given.filter_map(|value| value.to_str().ok()?.parse().ok());
    counts.max().unwrap_or_default()
}

/// Says whether an answer of before will do.
const CACHE: HeaderName = HeaderName::from_static("x-owlcoda-cache");

/// What a caller says of answers that are given again.
fn cache_wish(headers: &HeaderMap) -> Result<CacheWish, WireError> {
    match headers.get(CACHE).map(HeaderValue::as_bytes) {
        None => Ok(CacheWish::Unsaid),
        Some(b"on") => Ok(CacheWish::On),
        Some(b"off") => Ok(CacheWish::Off),
        Some(_) => Err(WireError::field(
            "header x-owlcoda-cache",
            "must be `on` or `off`",
        )),
    }
}

/// What is known of a request for a model before its meaning is.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    id: RequestId,
    /// When its head came.
    received: Instant,
    client: Client,
    route: Route,
    dialect: Dialect,
    /// Bytes of its body, once that was read.
    n_bytes_in: u64,
}

/// A call that comes in over HTTP.
fn call(
    gateway: &Gateway,
    arrival: Arrival,
    headers: &HeaderMap,
    request: Request,
) -> Result<Call, WireError> {
    let at_ms = gateway.clock.now_ms();
    Ok(Call {
        id: arrival.id,
        at_ms,
        received: arrival.received,
        route: arrival.route,
        client: arrival.client,
        n_bytes_in: arrival.n_bytes_in,
        request,
        session: None,
        raw: None,
        forwarded: Vec::new(),
        hops: hops(headers),
        cache: cache_wish(headers)?,
        delivery: Delivery::default(),
        seen: None,
    })
}

/// What a caller sent, where captures are on.
fn seen(gateway: &Gateway, route: Route, headers: &HeaderMap, body: &Bytes) -> Option<Box<Seen>> {
    if !gateway.pipeline.standing().is_capturing() {
        return None;
    }
    let fields = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    });
    Some(Box::new(Seen {
        line: format!("POST {}", route_name(route)),
        headers: fields.collect(),
        body: body.clone(),
    }))
}

/// Runs a call and answers it, whole or as a stream.
async fn answer(gateway: Gateway, call: Call) -> Response {
    let (id, dialect, is_stream) = (call.id, call.request.dialect(), call.request.is_stream());
    if is_stream {
        return stream::answer(gateway, call).await;
    }
    let started = Instant::now();
    match gateway.pipeline.run(call).await {
        Ok(Answer::Whole(whole)) => {
            let mut response = reply::json(whole.body);
            reply::about(response.headers_mut(), &whole.about);
            reply::duration(response.headers_mut(), started.elapsed());
            response
        }
        Ok(Answer::Stream(_)) => {
            let message = "a stream came where none was asked for";
            reply::error(dialect, ErrorCode::Internal, message, id)
        }
        Err(failure) => reply::call_error(dialect, &failure, id),
    }
}

/// Answers a request that cannot be read, and records it like every other.
fn refuse(
    gateway: &Gateway,
    arrival: Arrival,
    code: ErrorCode,
    why: &dyn std::fmt::Display,
) -> Response {
    let Arrival {
        id,
        received,
        client,
        route,
        dialect,
        n_bytes_in,
    } = arrival;
    let entry = Entry {
        id,
        at_ms: gateway.clock.now_ms(),
        received,
        route,
        client,
        dialect,
        model_asked: String::new(),
        n_bytes_in,
        is_stream: false,
        session: None,
    };
    gateway.pipeline.refuse(entry, code);
    reply::error(dialect, code, &why.to_string(), id)
}
