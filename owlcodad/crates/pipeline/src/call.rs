//! What goes into the pipeline and what comes out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use owlcoda_models::intent::Guess;
use owlcoda_types::{RequestId, SessionId, UnixMs};
use owlcoda_wire::fault::Dialect;
use owlcoda_wire::translate::Relayed;
use owlcoda_wire::{anthropic, openai, sse};

use crate::capture::Seen;
use crate::stream::EventStream;

/// One call of a model.
#[derive(Debug)]
pub struct Call {
    /// Names the call in logs, in the audit and in answers.
    pub id: RequestId,
    /// When it was admitted.
    pub at_ms: UnixMs,
    /// When its head came, or when it was made here.
    pub received: Instant,
    /// Where it came in.
    pub route: Route,
    /// Who called.
    pub client: Client,
    /// Bytes of the body in which it came; 0 where there was none.
    pub n_bytes_in: u64,
    /// What is asked.
    pub request: Request,
    /// The conversation that it belongs to, for calls of our own agent.
    pub session: Option<SessionId>,
    /// The body as the caller sent it, for a server of the same dialect; none where there was no
    /// body to parse.
    pub raw: Option<Bytes>,
    /// Headers of the caller that a server of the same dialect gets as well: name in lower case,
    /// value.
    pub forwarded: Vec<(&'static str, String)>,
    /// How many daemons it has come through, as the last of them says; see [`HOPS_HEADER`].
    pub hops: u32,
    /// What the caller says of answers that are given again.
    pub cache: CacheWish,
    /// How much of the answer is on its way to the caller.
    pub delivery: Delivery,
    /// As its caller sent it, where captures are on and it came from outside.
    pub seen: Option<Box<Seen>>,
}

/// Who called, as far as somebody looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Client {
    /// Nobody asked.
    #[default]
    Unknown,
    /// A user of this machine, as the kernel says.
    User {
        /// The user's number.
        uid: u32,
    },
    /// Whoever has the daemon's token.
    Token,
    /// Our own agent, for somebody who is not known any more.
    Agent,
    /// The daemon itself.
    Daemon,
}

impl std::fmt::Display for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::User { uid } => write!(f, "uid:{uid}"),
            Self::Token => f.write_str("token"),
            Self::Agent => f.write_str("agent"),
            Self::Daemon => f.write_str("daemon"),
        }
    }
}

/// How much of an answer is on its way. Set by who answers the caller, read when the call ends.
#[derive(Clone, Debug, Default)]
pub struct Delivery(Arc<Delivered>);

#[derive(Debug, Default)]
struct Delivered {
    /// A 200 is on its way, though nothing of the answer is here yet. The record of the call then
    /// says 200, and how it ended.
    is_head_sent: AtomicBool,
    n_bytes: AtomicU64,
}

impl Delivery {
    /// The head of the answer is on its way.
    pub fn set_head_sent(&self) {
        self.0.is_head_sent.store(true, Ordering::Relaxed);
    }

    /// So many bytes more of the body are.
    pub fn add(&self, n_bytes: usize) {
        self.0.n_bytes.fetch_add(n_bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn is_head_sent(&self) -> bool {
        self.0.is_head_sent.load(Ordering::Relaxed)
    }

    pub(crate) fn n_bytes(&self) -> u64 {
        self.0.n_bytes.load(Ordering::Relaxed)
    }
}

/// What a caller says of answers that are given again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheWish {
    /// Nothing: only where the request leaves nothing to chance.
    #[default]
    Unsaid,
    /// An answer of before will do.
    On,
    /// It must be a new one.
    Off,
}

/// What became of a call that an answer of before could have served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheUse {
    /// It was served so.
    Hit,
    /// There was none.
    Miss,
}

/// Counts the daemons that a call has come through. It goes out with every call and is read of
/// every caller, but only to end what goes in a circle: a caller that lies shortens its own way.
pub const HOPS_HEADER: &str = "x-owlcoda-hops";

/// A call that has come through so many daemons is refused.
pub const MAX_HOPS: u32 = 5;

/// Where a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST /v1/messages`.
    Messages,
    /// `POST /v1/chat/completions`.
    Chat,
    /// Our own agent.
    Agent,
    /// The daemon itself, which wants a model to be in memory: this model, and no other in its place.
    Warmup,
    /// Somebody who wants to see whether a model answers: this model, and no other in its place.
    Probe,
}

impl Route {
    /// Its name in the audit and in the control API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Chat => "chat",
            Self::Agent => "agent",
            Self::Warmup => "warmup",
            Self::Probe => "probe",
        }
    }

    /// Whether the call is about this one model: no other may answer, no kept answer may be given, and
    /// how long it takes says nothing about calls that somebody needs.
    pub(crate) const fn is_trial(self) -> bool {
        matches!(self, Self::Warmup | Self::Probe)
    }
}

/// What is asked, in the caller's dialect.
#[derive(Debug)]
pub enum Request {
    /// Anthropic Messages.
    Messages(Box<anthropic::Request>),
    /// `OpenAI` Chat Completions.
    Chat(Box<openai::Request>),
}

impl Request {
    /// The dialect of the request, and so of its answer and its errors.
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Messages(_) => Dialect::Anthropic,
            Self::Chat(_) => Dialect::OpenAi,
        }
    }

    /// The name of a model as the caller wrote it.
    pub fn model(&self) -> &str {
        match self {
            Self::Messages(request) => &request.model,
            Self::Chat(request) => &request.model,
        }
    }

    /// Whether the model is told to leave nothing to chance.
    pub(crate) fn is_without_chance(&self) -> bool {
        match self {
            Self::Messages(request) => {
                let temperature = request.temperature.as_ref();
                temperature.and_then(serde_json::Number::as_f64) == Some(0.0)
            }
            Self::Chat(request) => request
                .get("temperature")
                .is_some_and(|raw| raw.get().parse() == Ok(0.0_f64)),
        }
    }

    /// Whether the answer comes as a stream.
    pub fn is_stream(&self) -> bool {
        match self {
            Self::Messages(request) => request.stream,
            Self::Chat(request) => request.stream,
        }
    }
}

/// What comes back, in the caller's dialect.
#[derive(Debug)]
pub enum Answer {
    /// All at once.
    Whole(Whole),
    /// Event by event. The first one has arrived from the model server.
    Stream(Box<EventStream>),
}

/// An answer that came all at once.
#[derive(Debug)]
pub struct Whole {
    /// A JSON document.
    pub body: Bytes,
    /// Where it came from, and what it does not take into account.
    pub about: About,
}

/// What a caller may want to know beside the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Id of the model that answered.
    pub model_used: String,
    /// Id of the model that was asked for, where another one answered in its place.
    pub fallback_from: Option<String>,
    /// What the request seemed to be about, where the model was chosen for that.
    pub guess: Option<Guess>,
    /// What became of it at the cache; `None` where it was not for the cache.
    pub cache: Option<CacheUse>,
    /// What the answer's tokens cost, in the configured currency; `None` where no rate is known.
    pub cost: Option<f64>,
    /// Names of what the model server's dialect could not carry.
    pub dropped: Vec<String>,
}

/// One event of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An event of the Messages API, of our making.
    Messages(anthropic::StreamEvent),
    /// An event of the Messages API as its server wrote it.
    Relayed(Relayed),
    /// The JSON document of one chunk of Chat Completions.
    Chat(Bytes),
}

impl Event {
    /// Adds the event to `out` as a caller gets it.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Messages(event) => event.encode(out),
            Self::Relayed(relayed) => sse::encode(out, Some(&relayed.event), &relayed.data),
            Self::Chat(chunk) => sse::encode(out, None, chunk),
        }
    }
}

/// What ends a stream of Chat Completions; one of Messages ends with its last event.
pub const CHAT_END: &[u8] = b"data: [DONE]\n\n";
