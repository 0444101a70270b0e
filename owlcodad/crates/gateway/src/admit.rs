//! What a request must be before its meaning is looked at: from a caller who may ask, JSON, and not
//! too large.

mod admission;
mod guesses;
mod peer;
mod source;
mod token;
mod tokens;

pub use admission::Admission;
pub(crate) use admission::{Denied, admit};
pub(crate) use peer::Peer;
pub(crate) use source::Source;
pub use token::{Token, TokenError};

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt as _;
use owlcoda_types::{ErrorCode, RequestId, clip, printable};
use owlcoda_wire::fault::Dialect;
use tokio::time::{Instant, timeout_at};

/// A body gets a second more for each so many bytes that came.
const LEAST_BYTES_PER_SEC: u32 = 1024;

/// How much of a body is read, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    pub(crate) max_bytes: usize,
    /// Longest silence, and the time for the whole beyond what its length is worth. Without either
    /// a caller that never sends what it announced would hold one of the connections for ever.
    pub(crate) patience: Duration,
}

/// Why a request is not looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(
        "the body is larger than {limit_bytes} bytes; `middleware.maxRequestBodyBytes` sets the limit"
    )]
    TooLarge { limit_bytes: usize },
    #[error("the body must be sent with `content-type: application/json`, not `{given}`")]
    NotJson { given: String },
    #[error(
        "the body ended early or is not framed as its head says; send it again with its \
         `content-length`"
    )]
    Incomplete,
    #[error(
        "the body came too slowly: it may pause for {} s and must bring {LEAST_BYTES_PER_SEC} \
         bytes a second; `server.bodyTimeoutMs` sets the limit", patience.as_secs_f32()
    )]
    TooSlow { patience: Duration },
}

impl Refused {
    pub(crate) const fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::NotJson { .. } => ErrorCode::UnsupportedMedia,
            Self::Incomplete => ErrorCode::InvalidRequest,
            Self::TooSlow { .. } => ErrorCode::RequestTimeout,
        }
    }
}

/// Most bytes that are reserved for a body that has not come yet.
const MAX_RESERVED_BYTES: usize = 1 << 20;

/// Reads a JSON body.
pub(crate) async fn json_body(
    headers: &HeaderMap,
    body: Body,
    limits: BodyLimits,
) -> Result<Bytes, Refused> {
    // A page in a browser can post any text without asking first, but not this content type.
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Refused::NotJson {
            given: clip(&printable(given), 80).into_owned(),
        });
    }
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let limit_bytes = limits.max_bytes;
    if declared.is_some_and(|n_bytes| n_bytes > limit_bytes) {
        return Err(Refused::TooLarge { limit_bytes });
    }
    read_capped(body, declared, limits).await
}

/// `declared` is how long the body is said to be.
async fn read_capped(
    mut body: Body,
    declared: Option<usize>,
    limits: BodyLimits,
) -> Result<Bytes, Refused> {
    let BodyLimits {
        max_bytes: limit_bytes,
        patience,
    } = limits;
    let started = Instant::now();
    let mut all = BytesMut::new();
    let mut first: Option<Bytes> = None;
    loop {
        let so_far = all.len() + first.as_ref().map_or(0, Bytes::len);
        let last = started + patience + worth(so_far);
        let next = timeout_at(last.min(Instant::now() + patience), body.frame()).await;
        let Some(frame) = next.map_err(|_| Refused::TooSlow { patience })? else {
            break;
        };
        let Ok(data) = frame.map_err(|_| Refused::Incomplete)?.into_data() else {
            continue;
        };
        if so_far + data.len() > limit_bytes {
            return Err(Refused::TooLarge { limit_bytes });
        }
        // A small body comes in one piece, which then needs no copy.
        match first.take() {
            None if all.is_empty() => first = Some(data),
            earlier => {
                if all.is_empty() {
                    // A caller may say more than it sends.
                    all.reserve(declared.unwrap_or_default().min(MAX_RESERVED_BYTES));
                }
                all.extend_from_slice(&earlier.unwrap_or_default());
                all.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| all.freeze()))
}

/// The time that so many bytes may take.
fn worth(n_bytes: usize) -> Duration {
    let n_bytes = u32::try_from(n_bytes).unwrap_or(u32::MAX);
    Duration::from_secs(1) * n_bytes / LEAST_BYTES_PER_SEC
}

/// The dialect of a caller: that of the API which the path belongs to. On a path of neither,
/// Anthropic's clients always name the version of its API.
pub(crate) fn dialect_of(path: &str, headers: &HeaderMap) -> Dialect {
    if path.starts_with("/v1/messages") {
        Dialect::Anthropic
    } else if path.starts_with("/v1/chat/") || !headers.contains_key("anthropic-version") {
        Dialect::OpenAi
    } else {
        Dialect::Anthropic
    }
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    /// Its name in its answer, the log and the audit.
    pub(crate) id: RequestId,
    /// When its head came.
    pub(crate) received: std::time::Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BodyLimits = BodyLimits {
        max_bytes: 100,
        patience: Duration::from_secs(30),
    };

    async fn read(body: Body) -> Result<Bytes, Refused> {
        let mut headers = HeaderMap::new();
        let json = http::HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json);
        json_body(&headers, body, LIMITS).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_is_given_up() {
        let silent = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let started = Instant::now();
        let refused = read(Body::from_stream(silent)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RequestTimeout);
        assert_eq!(started.elapsed(), LIMITS.patience);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_byte_by_byte_is_given_up_as_well() {
        let bytes = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        let started = Instant::now();
        let refused = read(Body::from_stream(bytes)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RequestTimeout);
        assert_eq!(started.elapsed().as_secs(), LIMITS.patience.as_secs());
    }
}
