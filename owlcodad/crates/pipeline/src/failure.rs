//! Why a call has no answer or not a whole one, and what programs are told of it.

use std::time::Duration;

use owlcoda_models::RouteError;
use owlcoda_models::policy::{self, Stop};
use owlcoda_types::{Diagnostic, ErrorCode, FailureKind, SystemCause};
use owlcoda_upstream::UpstreamError;
use owlcoda_upstream::managed::ManagedError;
use owlcoda_wire::fault::Dialect;
use owlcoda_wire::translate::{StreamFault, TranslateError};

use crate::call::MAX_HOPS;
use crate::settle::Unrecorded;

/// A call that failed: why, and how for programs.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: CallError,
    /// How, where a model was chosen for the call.
    pub diagnostic: Option<Box<Diagnostic>>,
}

/// Why a call has no answer, or why its answer ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The name leads to no model.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The request cannot be said in the model server's dialect.
    #[error(transparent)]
    Translate(#[from] TranslateError),
    /// The endpoint of a model leads back here.
    #[error(
        "the call has come through {MAX_HOPS} daemons, so it goes in a circle; look whether the \
         `endpoint` of the model is this daemon's own address"
    )]
    Loop,
    /// The model server was not reached, or broke off.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Our own model server did not start.
    #[error(transparent)]
    Managed(#[from] ManagedError),
    /// The model server answered with an error.
    #[error("{message}")]
    Refused {
        /// Its status.
        status: u16,
        /// What it amounts to.
        code: ErrorCode,
        /// For the caller: bounded, without keys.
        message: String,
        /// When the model server said to come back.
        retry_after: Option<Duration>,
        /// The model server's own code, for callers who speak its dialect.
        own_code: Option<String>,
    },
    /// The model server's answer is an error, broke off or makes no sense.
    #[error(transparent)]
    Answer(#[from] StreamFault),
    /// What came is neither a stream nor an answer.
    #[error("the model server was asked for a stream and sent neither a stream nor an answer")]
    NotAStream,
    /// No model server may be asked now.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// The call is not on record, and has to be.
    #[error(transparent)]
    Unrecorded(#[from] Unrecorded),
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
    /// The daemon is shutting down.
    #[error("the daemon is shutting down")]
    ShuttingDown,
}

/// How far a call was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing of the answer has been passed on.
    BeforeAnswer,
    /// Something has.
    InAnswer,
}

impl CallError {
    /// The code that decides everything else.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Route(error) => error.code(),
            Self::Translate(error) => error.code(),
            Self::Loop => ErrorCode::LoopDetected,
            Self::Upstream(error) => error.code(),
            Self::Managed(error) => error.code(),
            Self::Refused { code, .. } => *code,
            Self::Answer(fault) => fault.code(),
            Self::NotAStream => ErrorCode::BadUpstream,
            Self::Stopped(stop) => match stop.code() {
                Some(code) => code,
                None => ErrorCode::Unavailable,
            },
            Self::Unrecorded(_) => ErrorCode::Busy,
            Self::Internal(_) => ErrorCode::Internal,
            Self::ShuttingDown => ErrorCode::ShuttingDown,
        }
    }

    /// The finer code that a caller in `dialect` looks for beside the error's type.
    pub fn detail(&self, dialect: Dialect) -> Option<&str> {
        match (self, dialect) {
            (Self::Translate(error), _) => error.detail(),
            (Self::Refused { own_code, .. }, Dialect::OpenAi) => own_code.as_deref(),
            // OpenAI's own word.
            (Self::Route(RouteError::Unknown { .. }), Dialect::OpenAi) => Some("model_not_found"),
            _ => None,
        }
    }

    /// When the model server said to come back.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::Stopped(stop) => stop.retry_after(),
            Self::Unrecorded(_) => Some(Unrecorded::RETRY_AFTER),
            _ => None,
        }
    }

    /// What the failure means for whom to ask next.
    pub(crate) fn for_policy(&self) -> policy::Failure {
        let kind = match self {
            // The code is that of an interrupted connection as well, but nothing was asked yet.
            Self::Upstream(UpstreamError::Connect { .. })
            | Self::Managed(ManagedError::Failed { .. }) => policy::FailureKind::Connect,
            _ => policy::FailureKind::of(self.code()),
        };
        policy::Failure {
            kind,
            retry_after: self.retry_after(),
        }
    }

    /// How the call failed; none where it is no matter of a model server.
    pub(crate) fn kind(&self, progress: Progress) -> Option<FailureKind> {
        let interrupted = match progress {
            Progress::BeforeAnswer => FailureKind::InterruptedBeforeFirstToken,
            Progress::InAnswer => FailureKind::Interrupted,
        };
        match self {
            Self::Route(_)
            | Self::Translate(_)
            | Self::Loop
            | Self::Stopped(_)
            | Self::Unrecorded(_)
            | Self::Internal(_) => None,
            Self::Upstream(error) => Some(error.kind().unwrap_or(interrupted)),
            Self::Managed(ManagedError::Failed { .. }) => Some(FailureKind::Connect),
            Self::Managed(ManagedError::ShuttingDown) | Self::ShuttingDown => {
                Some(FailureKind::Abort)
            }
            Self::Managed(_) => None,
            // A redirect is none of the two: we follow none.
            Self::Refused { status, .. } => {
                Some(FailureKind::of_status(*status).unwrap_or(FailureKind::Unknown))
            }
            Self::Answer(StreamFault::Truncated) => Some(interrupted),
            Self::Answer(StreamFault::Upstream { code, .. }) if is_of_server(*code) => {
                FailureKind::of_status(code.http_status())
            }
            Self::Answer(_) | Self::NotAStream => Some(FailureKind::Unknown),
        }
    }

    /// The model server's status. An error inside a success has that of what it amounts to.
    pub(crate) const fn upstream_status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Answer(StreamFault::Upstream { code, .. }) if is_of_server(*code) => {
                Some(code.http_status())
            }
            _ => None,
        }
    }

    /// The innermost cause in words, and what the system said.
    pub(crate) fn cause(&self) -> (String, SystemCause) {
        match self {
            Self::Upstream(error) => {
                let reason = error.reason().map(str::to_owned);
                (reason.unwrap_or_else(|| error.to_string()), error.cause())
            }
            Self::Managed(ManagedError::Failed { detail, .. }) => {
                (detail.clone(), SystemCause::default())
            }
            error => (error.to_string(), SystemCause::default()),
        }
    }
}

/// Whether a code says what the model server meant, and not only that it made no sense.
const fn is_of_server(code: ErrorCode) -> bool {
    !matches!(code, ErrorCode::BadUpstream)
}

impl Failure {
    /// The code that decides everything else.
    pub const fn code(&self) -> ErrorCode {
        self.error.code()
    }

    /// The finer code that a caller in `dialect` looks for beside the error's type.
    pub fn detail(&self, dialect: Dialect) -> Option<&str> {
        self.error.detail(dialect)
    }

    /// When the model server said to come back.
    pub fn retry_after(&self) -> Option<Duration> {
        self.error.retry_after()
    }

    /// How the call failed, where a model was chosen for it.
    pub fn kind(&self) -> Option<FailureKind> {
        self.diagnostic.as_ref().map(|diagnostic| diagnostic.kind)
    }
}

/// A failure of no particular model.
impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let diagnostic = None;
        Self { error, diagnostic }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

#[cfg(test)]
mod tests;
