//! What is recorded of a call, and the seam to whoever records it.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use owlcoda_types::{ErrorCode, FailureKind, RequestId, SessionId, UnixMs, Usage, clip, printable};
use owlcoda_wire::fault::Dialect;

use crate::call::{Call, Client, Route};
use crate::trace::Phases;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a whole answer.
    Ok,
    /// The caller left, or interrupted its turn.
    ClientGone,
    /// The daemon shut down before the answer was whole.
    AbortedByShutdown,
    /// With an error.
    Failed(ErrorCode),
}

impl Outcome {
    /// For the audit and for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientGone => "client_gone",
            Self::AbortedByShutdown => "aborted_by_shutdown",
            Self::Failed(code) => code.as_str(),
        }
    }
}

/// One ended call, as it is recorded. Holds no prompt and no answer.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The call's name.
    pub id: RequestId,
    /// When it was admitted.
    pub at_ms: UnixMs,
    /// Where it came in.
    pub route: Route,
    /// Who called.
    pub client: Client,
    /// What the caller spoke.
    pub dialect: Dialect,
    /// The name that the caller used, at most 200 characters.
    pub model_asked: String,
    /// Id of the model that the name led to.
    pub model_used: Option<String>,
    /// Id of the endpoint that was asked.
    pub endpoint: Option<String>,
    /// What the endpoint speaks.
    pub dialect_out: Option<Dialect>,
    /// Bytes of the body in which the call came.
    pub n_bytes_in: u64,
    /// Bytes of the body of the answer that was given, a whole one or as much of a stream as there
    /// was; without that of an error.
    pub n_bytes_out: u64,
    /// How often a model server was asked.
    pub n_attempts: u32,
    /// The HTTP status that the caller got.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// How it failed, where a model was chosen for it.
    pub failure_kind: Option<FailureKind>,
    /// Whether the caller asked for a stream.
    pub is_stream: bool,
    /// Whether an answer of before was given again, without asking a model server.
    pub is_cached: bool,
    /// Tokens as the model server counted them.
    pub usage: Usage,
    /// What they cost, in the configured currency; none where no rate is known.
    pub cost: Option<f64>,
    /// From sending the call to the first event.
    pub ttft: Option<Duration>,
    /// From admission to the end.
    pub elapsed: Duration,
    /// Where its time went, from its head on.
    pub phases: Phases,
    /// The conversation that it belongs to.
    pub session: Option<SessionId>,
    /// What the model server's dialect could not carry.
    pub dropped_fields: Vec<String>,
}

impl Settled {
    /// A call that has just come in.
    pub(super) fn begun(entry: Entry) -> Self {
        Self {
            id: entry.id,
            at_ms: entry.at_ms,
            route: entry.route,
            client: entry.client,
            dialect: entry.dialect,
            model_asked: entry.model_asked,
            model_used: None,
            endpoint: None,
            dialect_out: None,
            n_bytes_in: entry.n_bytes_in,
            n_bytes_out: 0,
            n_attempts: 0,
            status: 0,
            outcome: Outcome::ClientGone,
            failure_kind: None,
            is_stream: entry.is_stream,
            is_cached: false,
            usage: Usage::default(),
            cost: None,
            ttft: None,
            elapsed: Duration::ZERO,
            phases: Phases::default(),
            session: entry.session,
            dropped_fields: Vec::new(),
        }
    }
}

/// What is known of a call when it comes in.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The call's name.
    pub id: RequestId,
    /// When it was admitted.
    pub at_ms: UnixMs,
    /// When its head came, or when it was made here.
    pub received: Instant,
    /// Where it came in.
    pub route: Route,
    /// Who called.
    pub client: Client,
    /// What the caller spoke.
    pub dialect: Dialect,
    /// The name that the caller used, at most 200 characters; empty where it could not be read.
    pub model_asked: String,
    /// Bytes of the body in which it came, if that was read.
    pub n_bytes_in: u64,
    /// Whether the caller asked for a stream.
    pub is_stream: bool,
    /// The conversation that it belongs to.
    pub session: Option<SessionId>,
}

impl Entry {
    pub(crate) fn of(call: &Call) -> Self {
        Self {
            id: call.id,
            at_ms: call.at_ms,
            received: call.received,
            route: call.route,
            client: call.client,
            n_bytes_in: call.n_bytes_in,
            dialect: call.request.dialect(),
            model_asked: clip(&printable(call.request.model()), 200).into_owned(),
            is_stream: call.request.is_stream(),
            session: call.session,
        }
    }
}

/// Takes the records in. Must not block: it is called on the way of a call.
pub trait Recorder: Send + Sync + std::fmt::Debug {
    /// Asked before a model server is, with what is known of the call by then. `None` where nothing
    /// has to be waited for.
    fn admit(&self, _call: &Settled) -> Option<Admitting> {
        None
    }

    /// Told of every call that ended, whether and however it is recorded.
    fn ended(&self, _call: &Settled) {}

    /// Takes one record in, of a call that has no place.
    fn record(&self, settled: Settled);
}

/// Ends with a place for the record of the call's end. Who does not get one is not served.
pub type Admitting = BoxFuture<'static, Result<Box<dyn Place>, Unrecorded>>;

/// A place for the record of one call. Dropping it gives it back.
pub trait Place: Send + std::fmt::Debug {
    /// Takes the record in.
    fn record(self: Box<Self>, settled: Settled) -> Receipt;
}

/// Ends once a record is where nothing can take it away. Whether it is waited for or not, the record
/// is on its way.
pub type Receipt = BoxFuture<'static, Result<(), Unrecorded>>;

/// Why a call is not served, or its answer not given, where each must be on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unrecorded {
    /// The record would have no room.
    #[error(
        "no model was asked: a record of the call had no room for {} ms, and `audit.mode` is `strict`; \
         try again, and see `owlctl status`", waited.as_millis()
    )]
    NoRoom {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The store takes no records.
    #[error(
        "no model was asked: the call cannot be recorded now, and `audit.mode` is `strict`; \
         `owlctl status` says what is wrong with the store"
    )]
    NoStore,
    /// The call was made, and its record is not known to be durable.
    #[error(
        "the answer is held back: its record could not be written within {} s, and `audit.mode` is \
         `strict`; `owlctl status` says what is wrong with the store", waited.as_secs()
    )]
    NotWritten {
        /// How long it was waited for.
        waited: Duration,
    },
}

impl Unrecorded {
    /// When it may be better.
    pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
}

/// A call that went well, for tests.
#[cfg(test)]
pub(crate) fn example() -> Settled {
    Settled {
        id: RequestId::generate(),
        at_ms: 1_700_000_000_000,
        route: Route::Chat,
        client: Client::Unknown,
        dialect: Dialect::OpenAi,
        model_asked: "small".to_owned(),
        model_used: Some("small".to_owned()),
        endpoint: Some("127.0.0.1:1".to_owned()),
        dialect_out: Some(Dialect::OpenAi),
        n_bytes_in: 0,
        n_bytes_out: 0,
        n_attempts: 1,
        status: 200,
        outcome: Outcome::Ok,
        failure_kind: None,
        is_stream: false,
        is_cached: false,
        usage: Usage::default(),
        cost: None,
        ttft: None,
        elapsed: Duration::from_millis(1),
        phases: Phases::default(),
        session: None,
        dropped_fields: Vec::new(),
    }
}
