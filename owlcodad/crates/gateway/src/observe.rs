//! What happens around every request: its id, its count and time, and the end of a panic.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use http_body::{Frame, SizeHint};
use owlcoda_telemetry::metric;
use owlcoda_types::{ErrorCode, RequestId};
use tracing::error;

use crate::admit::{Admitted, dialect_of};
use crate::reply;

/// Where Anthropic's clients look for the request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Where everybody else looks for it.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The label of requests that match no route: their paths are the callers' text.
const UNMATCHED: &str = "unmatched";

pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let in_flight = metric::HTTP_IN_FLIGHT.hold([]);
    let started = Instant::now();
    let id = RequestId::generate();
    request.extensions_mut().insert(Admitted {
        id,
        received: started,
    });
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = method_label(request.method());
    let dialect = dialect_of(request.uri().path(), request.headers());

    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| {
        // The panic hook has written where and why.
        metric::PANICS.add([], 1);
        error!(request.id = %id, "a request ended in a defect of ours");
        let message = "the daemon has a defect; its log has the details";
        reply::error(dialect, ErrorCode::Internal, message, id)
    });
    name(response.headers_mut(), id);
    let route = path.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    metric::HTTP_REQUESTS.add([route, method, response.status().as_str()], 1);
    let route = route.to_owned();
    response.map(|body| {
        Body::new(Timed {
            body,
            started,
            route,
            _in_flight: in_flight,
        })
    })
}

fn name(headers: &mut HeaderMap, id: RequestId) {
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value.clone());
        headers.insert(X_REQUEST_ID, value);
    }
}

/// A method as a label. Callers may invent methods, but not series.
fn method_label(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// A body that records the request's duration when it is sent, or given up.
struct Timed {
    body: Body,
    started: Instant,
    route: String,
    _in_flight: metric::Held,
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        metric::HTTP_DURATION.record([&self.route], self.started.elapsed());
    }
}
