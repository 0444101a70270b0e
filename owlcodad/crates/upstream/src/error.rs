//! Why a model server did not give us an answer.

use std::time::Duration;

use owlcoda_types::ErrorCode;

/// Why a model server did not give us an answer.
///
/// No variant carries a URL or a body: both may hold what must not be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The connection was not made.
    #[error("could not connect to `{endpoint}`: {reason}")]
    Connect {
        /// Id of the endpoint.
        endpoint: String,
        /// In plain words: refused, name not found, TLS.
        reason: String,
    },
    /// The connection broke before the answer was whole.
    #[error("`{endpoint}` closed the connection: {reason}")]
    Interrupted {
        /// Id of the endpoint.
        endpoint: String,
        /// What the transport said.
        reason: String,
    },
    /// Nothing of an answer came in time.
    #[error("`{endpoint}` sent nothing for {} s", limit.as_secs_f32())]
    FirstToken {
        /// Id of the endpoint.
        endpoint: String,
        /// The limit that passed.
        limit: Duration,
    },
    /// The answer began and then stood still.
    #[error("`{endpoint}` stopped in the middle of its answer for {} s", limit.as_secs_f32())]
    Idle {
        /// Id of the endpoint.
        endpoint: String,
        /// The limit that passed.
        limit: Duration,
    },
    /// The answer, or one line of it, is larger than we keep.
    #[error("`{endpoint}` sent more than {limit_bytes} bytes at once")]
    TooLarge {
        /// Id of the endpoint.
        endpoint: String,
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// The bytes are not what the protocol says.
    #[error("`{endpoint}` answered with something that is not HTTP or SSE: {reason}")]
    Protocol {
        /// Id of the endpoint.
        endpoint: String,
        /// What was wrong.
        reason: String,
    },
}

impl UpstreamError {
    /// The code that decides everything else.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Connect { .. } | Self::Interrupted { .. } => ErrorCode::Unavailable,
            Self::FirstToken { .. } | Self::Idle { .. } => ErrorCode::Timeout,
            Self::TooLarge { .. } | Self::Protocol { .. } => ErrorCode::BadUpstream,
        }
    }

    /// Sorts what the HTTP client says into our situations.
    pub(crate) fn from_transport(endpoint: &str, error: &reqwest::Error) -> Self {
        let endpoint = endpoint.to_owned();
        let reason = innermost(error);
        if error.is_connect() {
            Self::Connect { endpoint, reason }
        } else if error.is_builder() {
            Self::Protocol { endpoint, reason }
        } else {
            Self::Interrupted { endpoint, reason }
        }
    }
}

/// The last cause of the chain: the outer ones repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::ptr::eq(
        std::ptr::from_ref(cause).cast::<()>(),
        std::ptr::from_ref(error).cast::<()>(),
    ) {
        return "the transport gave no reason".to_owned();
    }
    owlcoda_types::clip(&owlcoda_types::printable(&cause.to_string()), 200).into_owned()
}
