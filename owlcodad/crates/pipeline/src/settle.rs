//! Settles each call exactly once: traffic, health, metrics, and one record.
//!
//! A [`Settlement`] is made when the call enters and consumed when it ends. One that is dropped
//! unconsumed belongs to a caller that left, and says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use owlcoda_models::cost::Rate;
use owlcoda_models::intent::Guess;
use owlcoda_telemetry::metric;
use owlcoda_types::{
    Diagnostic, ErrorCode, FailureKind, Fault, RequestId, SessionId, UnixMs, Usage, clip, printable,
};
use owlcoda_wire::fault::Dialect;
use tracing::debug;

use crate::cache::Kept;
use crate::call::{About, CacheUse, Call, HeadSent, Route};
use crate::capture::Draft;
use crate::failure::{CallError, Failure, Progress};
use crate::health::Moment;
use crate::standing::{InFlight, Standing};
use crate::trace::{Phase, Phases, Stopwatch};

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
    /// What the caller spoke.
    pub dialect: Dialect,
    /// The name that the caller used, at most 200 characters.
    pub model_asked: String,
    /// Id of the model that the name led to.
    pub model_used: Option<String>,
    /// Id of the endpoint that was asked.
    pub endpoint: Option<String>,
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

/// Takes the records in. Must not block: it is called on the way of a call.
pub trait Recorder: Send + Sync + std::fmt::Debug {
    /// Takes one record in.
    fn record(&self, settled: Settled);
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
    /// What the caller spoke.
    pub dialect: Dialect,
    /// The name that the caller used, at most 200 characters; empty where it could not be read.
    pub model_asked: String,
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
            dialect: call.request.dialect(),
            model_asked: clip(&printable(call.request.model()), 200).into_owned(),
            is_stream: call.request.is_stream(),
            session: call.session,
        }
    }
}

/// Whom an attempt asked.
#[derive(Debug)]
struct Asked {
    model: Option<String>,
    endpoint: Option<String>,
    upstream_request_id: Option<String>,
}

/// A call that has not ended.
#[derive(Debug)]
pub(crate) struct Settlement {
    settled: Option<Settled>,
    started: Instant,
    watch: Stopwatch,
    capture: Option<Box<Draft>>,
    sent: Option<Instant>,
    progress: Progress,
    head_sent: HeadSent,
    upstream_request_id: Option<String>,
    first_failed: Option<Asked>,
    fallback_from: Option<String>,
    guess: Option<Guess>,
    cache: Option<CacheUse>,
    rate: Option<Rate>,
    recorder: Arc<dyn Recorder>,
    standing: Arc<Standing>,
    _in_flight: InFlight,
}

impl Settlement {
    pub(crate) fn new(entry: Entry, recorder: Arc<dyn Recorder>, standing: Arc<Standing>) -> Self {
        let settled = Settled {
            id: entry.id,
            at_ms: entry.at_ms,
            route: entry.route,
            dialect: entry.dialect,
            model_asked: entry.model_asked,
            model_used: None,
            endpoint: None,
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
        };
        let in_flight = standing.enter();
        let started = Instant::now();
        let mut watch = Stopwatch::started(entry.received);
        watch.enter(Phase::Plan, started);
        Self {
            settled: Some(settled),
            started,
            watch,
            capture: None,
            sent: None,
            progress: Progress::BeforeAnswer,
            head_sent: HeadSent::default(),
            upstream_request_id: None,
            first_failed: None,
            fallback_from: None,
            guess: None,
            cache: None,
            rate: None,
            recorder,
            standing,
            _in_flight: in_flight,
        }
    }

    /// Who answers the caller says in `head_sent` whether that has begun.
    pub(crate) fn answered_by(mut self, head_sent: &HeadSent) -> Self {
        self.head_sent = head_sent.clone();
        self
    }

    /// What is said is captured.
    pub(crate) fn captured(mut self, draft: Option<Draft>) -> Self {
        self.capture = draft.map(Box::new);
        self
    }

    /// The capture of the call, where there is to be one.
    pub(crate) fn capture(&mut self) -> Option<&mut Draft> {
        self.capture.as_deref_mut()
    }

    /// What the call does or waits for from now on.
    pub(crate) fn enter(&mut self, phase: Phase) {
        self.watch.enter(phase, Instant::now());
    }

    /// This model is asked next.
    pub(crate) fn routed(&mut self, model: &str, endpoint: &str) {
        if let Some(settled) = &mut self.settled {
            settled.model_used = Some(model.to_owned());
            settled.endpoint = Some(endpoint.to_owned());
        }
        self.upstream_request_id = None;
    }

    /// The model that was asked last did not answer, and the call goes on.
    pub(crate) fn attempt_failed(&mut self, error: &CallError) {
        let Some(settled) = &self.settled else { return };
        if self.first_failed.is_none() {
            self.first_failed = Some(Asked {
                model: settled.model_used.clone(),
                endpoint: settled.endpoint.clone(),
                upstream_request_id: self.upstream_request_id.clone(),
            });
        }
        let outcome = Outcome::Failed(error.code());
        if let (Some(endpoint), Some(is_up)) = (&settled.endpoint, whose_health(outcome)) {
            let now = Moment::since(settled.at_ms, self.started);
            self.standing.saw(endpoint, is_up, outcome.as_str(), now);
        }
    }

    /// Another model answered than `asked`, the one that the name led to.
    pub(crate) fn fell_back(&mut self, asked: &str) {
        self.fallback_from = Some(asked.to_owned());
        if let Some(used) = self
            .settled
            .as_ref()
            .and_then(|settled| settled.model_used.as_ref())
        {
            metric::FALLBACKS.add([asked, used], 1);
        }
    }

    /// The call failed as its first attempt did, so the record names whom that one asked.
    pub(crate) fn blame_first(&mut self) {
        let (Some(settled), Some(asked)) = (&mut self.settled, self.first_failed.take()) else {
            return;
        };
        settled.model_used = asked.model;
        settled.endpoint = asked.endpoint;
        self.upstream_request_id = asked.upstream_request_id;
    }

    /// These parts of the request stay behind.
    pub(crate) fn dropped(&mut self, fields: Vec<String>) {
        if let Some(settled) = &mut self.settled {
            settled.dropped_fields = fields;
        }
    }

    /// What the caller may want to know.
    pub(crate) fn about(&self) -> About {
        self.settled
            .as_ref()
            .map_or_else(About::default, |settled| About {
                model_used: settled.model_used.clone().unwrap_or_default(),
                fallback_from: self.fallback_from.clone(),
                guess: self.guess,
                cache: self.cache,
                cost: self.cost(),
                dropped: settled.dropped_fields.clone(),
            })
    }

    /// What the tokens of the model that is asked next cost.
    pub(crate) fn priced(&mut self, rate: Option<Rate>) {
        self.rate = rate;
    }

    fn cost(&self) -> Option<f64> {
        let usage = &self.settled.as_ref()?.usage;
        self.rate.map(|rate| rate.cost(usage))
    }

    /// The choice of a model was ours, and made for this.
    pub(crate) fn guessed(&mut self, guess: Option<Guess>) {
        self.guess = guess;
    }

    /// No kept answer fits; this call's may be kept.
    pub(crate) fn missed(&mut self) {
        self.cache = Some(CacheUse::Miss);
    }

    /// A kept answer is given, and nobody asked.
    pub(crate) fn hit(&mut self, model: &str, dropped: &[String]) {
        self.cache = Some(CacheUse::Hit);
        if let Some(settled) = &mut self.settled {
            settled.is_cached = true;
            settled.model_used = Some(model.to_owned());
            settled.dropped_fields = dropped.to_vec();
        }
    }

    /// The answer as it is kept.
    pub(crate) fn kept(&self, body: &Bytes) -> Kept {
        let About {
            model_used,
            dropped,
            ..
        } = self.about();
        Kept {
            body: body.clone(),
            model: model_used,
            dropped,
        }
    }

    /// The model server is asked now.
    pub(crate) fn sent(&mut self) {
        let now = Instant::now();
        self.watch.enter(Phase::Send, now);
        self.sent = Some(now);
        if let Some(settled) = &mut self.settled {
            settled.n_attempts += 1;
        }
    }

    /// The head of an answer is here, with the model server's name of the call.
    pub(crate) fn answered(&mut self, upstream_request_id: Option<&str>) {
        self.enter(Phase::FirstToken);
        self.upstream_request_id = upstream_request_id.map(str::to_owned);
    }

    /// The first event of the answer is here; the caller gets a 200.
    pub(crate) fn first_event(&mut self) {
        if std::mem::replace(&mut self.progress, Progress::InAnswer) == Progress::InAnswer {
            return;
        }
        let now = Instant::now();
        self.watch.enter(Phase::Stream, now);
        let (Some(settled), Some(sent)) = (&mut self.settled, self.sent) else {
            return;
        };
        let ttft = now.saturating_duration_since(sent);
        settled.ttft = Some(ttft);
        if let (Some(endpoint), Some(model)) = (&settled.endpoint, &settled.model_used) {
            metric::TIME_TO_FIRST_TOKEN.record([endpoint, model], ttft);
        }
    }

    /// What the model server has counted so far.
    pub(crate) fn usage(&mut self, usage: Usage) {
        if let Some(settled) = &mut self.settled {
            settled.usage = usage;
        }
    }

    /// The whole answer was given.
    pub(crate) fn succeed(mut self, usage: Usage) {
        self.usage(usage);
        self.end(Outcome::Ok, 200);
    }

    /// The call failed; the caller learns of it in its dialect.
    pub(crate) fn fail(mut self, error: CallError) -> Failure {
        let diagnostic = self.diagnostic(&error);
        if let Some(draft) = self.capture() {
            draft.failed(format!("{}: {error}", error.code()));
        }
        if let Some(settled) = &mut self.settled {
            settled.failure_kind = diagnostic.as_ref().map(|diagnostic| diagnostic.kind);
        }
        self.refuse(error.code());
        Failure { error, diagnostic }
    }

    /// The call ended with `code` and nothing more is to be said of it.
    pub(crate) fn refuse(mut self, code: ErrorCode) {
        let outcome = match code {
            ErrorCode::ShuttingDown => Outcome::AbortedByShutdown,
            code => Outcome::Failed(code),
        };
        let status = self.status_now(code);
        self.end(outcome, status);
    }

    /// How the call failed, for programs; none where no model was chosen or asked.
    fn diagnostic(&self, error: &CallError) -> Option<Box<Diagnostic>> {
        let settled = self.settled.as_ref()?;
        let (endpoint, model) = (settled.endpoint.as_ref()?, settled.model_used.as_ref()?);
        let kind = error.kind(self.progress)?;
        // Without the path, which may hold what is not for every caller.
        let provider = endpoint.split('/').next().unwrap_or_default();
        let (detail, cause) = error.cause();
        let mut diagnostic = Diagnostic::new(kind, provider, model, error.upstream_status())
            .with_words(&error.to_string(), &detail)
            .with_cause(cause);
        diagnostic.request_id = Some(settled.id.to_string());
        diagnostic
            .upstream_request_id
            .clone_from(&self.upstream_request_id);
        Some(Box::new(diagnostic))
    }

    /// The status of an end with `code`: where an answer has begun it has been sent already.
    fn status_now(&self, code: ErrorCode) -> u16 {
        if self.progress == Progress::InAnswer || self.head_sent.get() {
            200
        } else {
            code.http_status()
        }
    }

    fn end(&mut self, outcome: Outcome, status: u16) {
        let cost = self.cost();
        let Some(mut settled) = self.settled.take() else {
            return;
        };
        settled.cost = cost;
        settled.outcome = outcome;
        settled.status = status;
        let ended = Instant::now();
        settled.elapsed = ended.saturating_duration_since(self.started);
        settled.phases = self.watch.stop(ended);
        count(&settled);
        let now = Moment::since(settled.at_ms, self.started);
        self.standing.leave(&settled, whose_health(outcome), now);
        if let Some(draft) = self.capture.take() {
            self.standing.captures().add(draft.finish(&settled));
        }
        debug!(
            request.id = %settled.id, model.asked = settled.model_asked,
            model.used = settled.model_used, endpoint = settled.endpoint,
            attempt = settled.n_attempts, outcome = outcome.as_str(), status,
            tokens.in = settled.usage.prompt_tokens(), tokens.out = settled.usage.output_tokens,
            elapsed_ms = millis(settled.elapsed), "call ended"
        );
        self.recorder.record(settled);
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        let status = self.status_now(ErrorCode::Cancelled);
        self.end(Outcome::ClientGone, status);
    }
}

/// What an outcome says about the model server: `None` where it says nothing.
pub(crate) const fn whose_health(outcome: Outcome) -> Option<bool> {
    match outcome {
        Outcome::Ok => Some(true),
        Outcome::ClientGone | Outcome::AbortedByShutdown => None,
        Outcome::Failed(code) => match (code, code.fault()) {
            (ErrorCode::RateLimited | ErrorCode::Overloaded, _) => Some(true),
            (_, Fault::Upstream) => Some(false),
            (_, Fault::Caller | Fault::Ours) => None,
        },
    }
}

fn count(settled: &Settled) {
    let (Some(endpoint), Some(model)) = (&settled.endpoint, &settled.model_used) else {
        return;
    };
    metric::UPSTREAM_REQUESTS.add([endpoint, model, settled.outcome.as_str()], 1);
    let usage = &settled.usage;
    for (direction, n) in [
        ("input", usage.input_tokens),
        ("output", usage.output_tokens),
        ("cache_read", usage.cache_read_tokens),
        ("cache_write", usage.cache_write_tokens),
    ] {
        if n > 0 {
            metric::TOKENS.add([model, direction], n);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A call that went well, for tests.
#[cfg(test)]
pub(crate) fn example() -> Settled {
    Settled {
        id: RequestId::generate(),
        at_ms: 1_700_000_000_000,
        route: Route::Chat,
        dialect: Dialect::OpenAi,
        model_asked: "small".to_owned(),
        model_used: Some("small".to_owned()),
        endpoint: Some("127.0.0.1:1".to_owned()),
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
