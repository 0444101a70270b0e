//! Why the agent did not do what it was asked.

use owlcoda_pipeline::CallError;
use owlcoda_store::StoreError;
use owlcoda_types::{ErrorCode, SessionId, TurnId};

/// Why the agent did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// There is no such session.
    #[error("there is no session {session}")]
    NotFound {
        /// As asked for.
        session: SessionId,
    },
    /// There is no session at all.
    #[error("there is no session yet")]
    NoSessions,
    /// One turn at a time.
    #[error("turn {turn} is still running; interrupt it or wait for its end")]
    TurnRuns {
        /// The turn that runs.
        turn: TurnId,
    },
    /// Somebody watches it.
    #[error(
        "{session} is being watched by {n_clients} of the clients that `owlctl clients` lists; close \
         them, or let them go with `owlctl clients detach N`"
    )]
    Watched {
        /// The session.
        session: SessionId,
        /// How many do.
        n_clients: usize,
    },
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(&'static str),
    /// An input is longer than the limit.
    #[error("the input has {n_bytes} bytes, the limit is {limit}")]
    InputTooLarge {
        /// Its size.
        n_bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The name leads to no model.
    #[error(transparent)]
    Model(CallError),
    /// A limit of ours is reached; later there may be room.
    #[error("{0}")]
    Busy(&'static str),
    /// The daemon is shutting down.
    #[error("the daemon is shutting down")]
    ShuttingDown,
    /// An event of the log cannot be read.
    #[error("event {seq} of {session} cannot be read: {reason}")]
    Unreadable {
        /// The session.
        session: SessionId,
        /// The event's number.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The store did not take or give what it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The session could not be read or written, which another request found out.
    #[error("{message}")]
    Unusable {
        /// What it amounts to.
        code: ErrorCode,
        /// What was found.
        message: String,
    },
    /// The session's task ended in the middle of the request; whether it was carried out can be seen
    /// in the session.
    #[error("the session's task ended before it answered")]
    TaskEnded,
}

impl AgentError {
    /// The code that every surface shares.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound { .. } | Self::NoSessions => ErrorCode::NotFound,
            Self::TurnRuns { .. } | Self::Watched { .. } => ErrorCode::Conflict,
            Self::Invalid(_) => ErrorCode::InvalidRequest,
            Self::InputTooLarge { .. } => ErrorCode::TooLarge,
            Self::Model(error) => error.code(),
            Self::Busy(_) => ErrorCode::Busy,
            Self::ShuttingDown => ErrorCode::ShuttingDown,
            Self::Store(error) => error.code(),
            Self::Unusable { code, .. } => *code,
            Self::Unreadable { .. } | Self::TaskEnded => ErrorCode::Internal,
        }
    }

    /// The same for everyone else who waits for the session.
    pub(crate) fn for_others(&self) -> Self {
        match self {
            Self::NotFound { session } => Self::NotFound { session: *session },
            Self::ShuttingDown => Self::ShuttingDown,
            error => Self::Unusable {
                code: error.code(),
                message: error.to_string(),
            },
        }
    }
}
