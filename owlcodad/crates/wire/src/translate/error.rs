//! Why a request cannot be translated, and why an answer cannot.

use owlcoda_types::ErrorCode;

use crate::fault::UpstreamFault;

/// Why a request cannot be put into the other protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranslateError {
    /// It asks for something the model server's protocol has no words for.
    #[error("`{path}`: {what} is not supported by this model; {instead}")]
    Unsupported {
        /// Where, e.g. `tools[3]`.
        path: String,
        /// What, by its name in the protocol.
        what: String,
        /// What to do about it.
        instead: &'static str,
    },
    /// It asks for a conversation that the server keeps.
    #[error("`thread` is not supported; send the whole conversation in `messages`")]
    ThreadUnsupported,
    /// It contradicts itself.
    #[error("{path}: {message}")]
    Invalid {
        /// Where.
        path: String,
        /// What is wrong there.
        message: String,
    },
}

impl TranslateError {
    /// The code for every surface.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Unsupported { .. } | Self::ThreadUnsupported => ErrorCode::Unsupported,
            Self::Invalid { .. } => ErrorCode::InvalidRequest,
        }
    }

    /// The finer code that some clients look for, for `ErrorBody::detail`.
    pub const fn detail(&self) -> Option<&'static str> {
        match self {
            Self::ThreadUnsupported => Some("thread_unsupported_request"),
            Self::Unsupported { .. } | Self::Invalid { .. } => None,
        }
    }

    pub(super) fn unsupported(
        path: impl Into<String>,
        what: impl Into<String>,
        instead: &'static str,
    ) -> Self {
        Self::Unsupported {
            path: path.into(),
            what: what.into(),
            instead,
        }
    }

    pub(super) fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// Why an answer broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamFault {
    /// The model server says that it failed.
    #[error("{message}")]
    Upstream {
        /// What it means.
        code: ErrorCode,
        /// For a person.
        message: String,
    },
    /// The answer ended without a reason for its end.
    #[error("the model server ended its answer too early")]
    Truncated,
    /// Nothing of the answer could be read.
    #[error("the model server's answer is not a chat completion")]
    BadJson,
    /// The same of a server that speaks the Messages API.
    #[error("the model server's answer is not one of the Messages API")]
    BadMessage,
    /// A part of the answer could not be read, so what follows would not be the whole of it.
    #[error("the model server sent a part of its answer that cannot be read")]
    BrokenEvent,
    /// A tool call without a name.
    #[error("the model server sent a tool call without a name")]
    NamelessCall,
    /// More was held back, waiting for its turn, than we keep.
    #[error("the model server's tool calls are longer than {limit_bytes} bytes")]
    TooLong {
        /// The limit.
        limit_bytes: usize,
    },
}

impl StreamFault {
    /// The code for every surface.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Upstream { code, .. } => *code,
            Self::Truncated => ErrorCode::Unavailable,
            Self::BadJson
            | Self::BadMessage
            | Self::BrokenEvent
            | Self::NamelessCall
            | Self::TooLong { .. } => ErrorCode::BadUpstream,
        }
    }
}

impl From<UpstreamFault> for StreamFault {
    fn from(fault: UpstreamFault) -> Self {
        Self::Upstream {
            code: fault.code,
            message: fault.message,
        }
    }
}
