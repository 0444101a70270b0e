//! Why a model server did not give us an answer.

use std::io;
use std::time::Duration;

use owlcoda_types::{ErrorCode, FailureKind, SystemCause};

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
        /// Which of these it was.
        kind: FailureKind,
        /// What the system said.
        cause: SystemCause,
    },
    /// The connection broke before the answer was whole.
    #[error("`{endpoint}` closed the connection: {reason}")]
    Interrupted {
        /// Id of the endpoint.
        endpoint: String,
        /// What the transport said.
        reason: String,
        /// What the system said.
        cause: SystemCause,
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
            Self::Connect {
                kind: FailureKind::Timeout,
                ..
            }
            | Self::FirstToken { .. }
            | Self::Idle { .. } => ErrorCode::Timeout,
            Self::Connect { .. } | Self::Interrupted { .. } => ErrorCode::Unavailable,
            Self::TooLarge { .. } | Self::Protocol { .. } => ErrorCode::BadUpstream,
        }
    }

    /// How the call failed; none where that depends on how far it was, which the caller knows: the
    /// connection broke.
    pub const fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Connect { kind, .. } => Some(*kind),
            Self::Interrupted { .. } => None,
            Self::FirstToken { .. } | Self::Idle { .. } => Some(FailureKind::Timeout),
            Self::TooLarge { .. } | Self::Protocol { .. } => Some(FailureKind::Unknown),
        }
    }

    /// What the system said, where it was asked.
    pub fn cause(&self) -> SystemCause {
        match self {
            Self::Connect { cause, .. } | Self::Interrupted { cause, .. } => *cause,
            _ => SystemCause::default(),
        }
    }

    /// The innermost cause in words, where there is one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Connect { reason, .. }
            | Self::Interrupted { reason, .. }
            | Self::Protocol { reason, .. } => Some(reason),
            Self::FirstToken { .. } | Self::Idle { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// Sorts what the HTTP client says into our situations.
    pub(crate) fn from_transport(endpoint: &str, error: &reqwest::Error) -> Self {
        let endpoint = endpoint.to_owned();
        let reason = innermost(error);
        let mut cause = system_cause(error);
        if error.is_connect() {
            let kind = connect_kind(error);
            if kind == FailureKind::Dns {
                cause.syscall = Some("getaddrinfo");
            }
            Self::Connect {
                endpoint,
                reason,
                kind,
                cause,
            }
        } else if error.is_builder() {
            Self::Protocol { endpoint, reason }
        } else {
            Self::Interrupted {
                endpoint,
                reason,
                cause,
            }
        }
    }
}

fn connect_kind(error: &reqwest::Error) -> FailureKind {
    if error.is_dns() {
        FailureKind::Dns
    } else if causes(error).any(is_tls) {
        FailureKind::Tls
    } else if error.is_timeout() {
        FailureKind::Timeout
    } else {
        FailureKind::Connect
    }
}

/// The TLS library's errors come in the wrapping of the system's, which a chain of causes skips.
fn is_tls(cause: &(dyn std::error::Error + 'static)) -> bool {
    let wrapped = cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => is_tls(inner),
        None => cause.is::<rustls::Error>(),
    }
}

fn system_cause(error: &reqwest::Error) -> SystemCause {
    let Some(error) = causes(error).find_map(|cause| {
        let error = cause.downcast_ref::<io::Error>()?;
        error.raw_os_error().is_some().then_some(error)
    }) else {
        return SystemCause::default();
    };
    let (code, syscall) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (Some("ECONNREFUSED"), Some("connect")),
        io::ErrorKind::HostUnreachable => (Some("EHOSTUNREACH"), Some("connect")),
        io::ErrorKind::NetworkUnreachable => (Some("ENETUNREACH"), Some("connect")),
        io::ErrorKind::AddrNotAvailable => (Some("EADDRNOTAVAIL"), Some("connect")),
        io::ErrorKind::TimedOut => (Some("ETIMEDOUT"), None),
        io::ErrorKind::ConnectionReset => (Some("ECONNRESET"), Some("read")),
        io::ErrorKind::ConnectionAborted => (Some("ECONNABORTED"), Some("read")),
        io::ErrorKind::BrokenPipe => (Some("EPIPE"), Some("write")),
        _ => (None, None),
    };
    SystemCause {
        code,
        errno: error.raw_os_error(),
        syscall,
    }
}

/// The causes of `error`, from the outer to the inner.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}

/// The last cause of the chain: the outer ones repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let Some(cause) = causes(error).last() else {
        return "the transport gave no reason".to_owned();
    };
    owlcoda_types::clip(&owlcoda_types::printable(&cause.to_string()), 200).into_owned()
}
