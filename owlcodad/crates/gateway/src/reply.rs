//! Answers that are not streams, in the caller's dialect.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use owlcoda_pipeline::{About, CacheUse, Failure};
use owlcoda_types::{ErrorCode, RequestId, UnixMs};
use owlcoda_wire::fault::{self, Dialect, ErrorBody};

/// `true` where another model answered than the one that was asked for.
const FALLBACK: HeaderName = HeaderName::from_static("x-owlcoda-fallback");

/// Names the model that answered.
const SERVED_BY: HeaderName = HeaderName::from_static("x-owlcoda-served-by");

/// `hit` where a kept answer was given, `miss` where there was none.
const CACHE: HeaderName = HeaderName::from_static("x-owlcoda-cache");

/// What the model was chosen for, and how sure that is: `code 0.80`.
const INTENT: HeaderName = HeaderName::from_static("x-owlcoda-intent");

/// What the tokens of a whole answer cost, in `cost.currency`.
const COST: HeaderName = HeaderName::from_static("x-owlcoda-estimated-cost");

/// From the request to its whole answer, in milliseconds.
const DURATION: HeaderName = HeaderName::from_static("x-owlcoda-duration-ms");

/// Names what of the request the model server's dialect could not carry.
const DROPPED: HeaderName = HeaderName::from_static("x-owlcoda-dropped");

/// Callers choose the names of their fields, and so the length of the list.
const MAX_DROPPED_CHARS: usize = 1000;

/// A JSON document with status 200.
pub(crate) fn json(body: impl Into<Bytes>) -> Response {
    with_type(
        StatusCode::OK,
        HeaderValue::from_static("application/json"),
        body.into(),
    )
}

/// An answer of `status` with any content type.
pub(crate) fn with_type(status: StatusCode, kind: HeaderValue, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// An error in the caller's dialect.
pub(crate) fn error(dialect: Dialect, code: ErrorCode, message: &str, id: RequestId) -> Response {
    with_code(
        code,
        fault::error_body(dialect, code, message, &id.to_string()),
    )
}

/// A call that has no answer.
pub(crate) fn call_error(dialect: Dialect, failure: &Failure, id: RequestId) -> Response {
    let mut response = with_code(failure.code(), call_error_body(dialect, failure, id));
    if let Some(wait) = failure.retry_after() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(whole_secs(wait)));
    }
    response
}

/// A wait as `Retry-After` says it. Rounded up, so that who comes back then is not too early.
pub(crate) fn whole_secs(wait: Duration) -> u64 {
    let has_more = wait.subsec_nanos() > 0;
    wait.as_secs().saturating_add(u64::from(has_more))
}

/// The same as the body of an answer, or as one event of a stream.
pub(crate) fn call_error_body(dialect: Dialect, failure: &Failure, id: RequestId) -> Bytes {
    ErrorBody {
        code: failure.code(),
        message: &failure.to_string(),
        request_id: &id.to_string(),
        detail: failure.detail(dialect),
        diagnostic: failure.diagnostic.as_deref(),
    }
    .write(dialect)
}

fn with_code(code: ErrorCode, body: Bytes) -> Response {
    let status = StatusCode::from_u16(code.http_status());
    with_type(
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        HeaderValue::from_static("application/json"),
        body,
    )
}

/// Says which model answered and what of the request it was not told, where that can be said in a
/// header.
pub(crate) fn about(headers: &mut HeaderMap, about: &About) {
    if let Ok(value) = HeaderValue::from_str(&about.model_used) {
        headers.insert(SERVED_BY, value);
    }
    if about.fallback_from.is_some() {
        headers.insert(FALLBACK, HeaderValue::from_static("true"));
    }
    if let Some(used) = about.cache {
        let value = match used {
            CacheUse::Hit => "hit",
            CacheUse::Miss => "miss",
        };
        headers.insert(CACHE, HeaderValue::from_static(value));
    }
    if let Some(guess) = about.guess {
        let value = format!("{} {:.2}", guess.intent, f64::from(guess.percent) / 100.0);
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(INTENT, value);
        }
    }
    if let Some(cost) = about.cost.filter(|cost| *cost > 0.0)
        && let Ok(value) = HeaderValue::from_str(&format!("{cost:.6}"))
    {
        headers.insert(COST, value);
    }
    if about.dropped.is_empty() {
        return;
    }
    let printable = |c: char| {
        if c.is_ascii_graphic() || c == ' ' {
            c
        } else {
            '?'
        }
    };
    let names = about.dropped.join(", ");
    let names: String = names
        .chars()
        .take(MAX_DROPPED_CHARS)
        .map(printable)
        .collect();
    if let Ok(value) = HeaderValue::from_str(&names) {
        headers.insert(DROPPED, value);
    }
}

/// Says how long a whole answer took.
pub(crate) fn duration(headers: &mut HeaderMap, elapsed: Duration) {
    headers.insert(DURATION, HeaderValue::from(millis(elapsed)));
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Millionths as a fraction.
pub(crate) fn millionths(n: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a cost of billions may lose its last millionth"
    )]
    let n = n as f64;
    n / 1e6
}

/// As RFC 3339 has it, in UTC; `null` where there is none.
pub(crate) fn time(at_ms: UnixMs) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(at_ms).ok()?;
    (at_ms > 0).then(|| time.to_string())
}
