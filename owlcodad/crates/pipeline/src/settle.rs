//! Settles each call exactly once: traffic, health, metrics, and one record.
//!
//! A [`Settlement`] is made when the call enters and consumed when it ends. One that is dropped
//! unconsumed belongs to a caller that left, and says so.

mod record;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use owlcoda_models::cost::Rate;
use owlcoda_models::intent::Guess;
use owlcoda_telemetry::metric;
use owlcoda_types::{Diagnostic, ErrorCode, Fault, Usage};
use owlcoda_wire::fault::Dialect;
use tracing::debug;

use crate::cache::Kept;
use crate::call::{About, CHAT_END, CacheUse, Delivery, Event};
use crate::capture::Draft;
use crate::failure::{CallError, Failure, Progress};
use crate::health::Moment;
use crate::standing::{InFlight, Standing};
use crate::trace::{Phase, Stopwatch};

#[cfg(test)]
pub(crate) use self::record::example;
pub use self::record::{Admitting, Entry, Outcome, Place, Receipt, Recorder, Settled, Unrecorded};

/// Whom an attempt asked.
#[derive(Debug)]
struct Asked {
    model: Option<String>,
    endpoint: Option<String>,
    dialect: Option<Dialect>,
    upstream_request_id: Option<String>,
}

/// A call that has not ended.
#[derive(Debug)]
pub(crate) struct Settlement {
    settled: Option<Settled>,
    /// Where the record goes, if one was to be had before anybody was asked.
    place: Option<Box<dyn Place>>,
    started: Instant,
    watch: Stopwatch,
    capture: Option<Box<Draft>>,
    sent: Option<Instant>,
    progress: Progress,
    delivery: Delivery,
    n_bytes_left: u64,
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
        let in_flight = standing.enter();
        let started = Instant::now();
        let mut watch = Stopwatch::started(entry.received);
        watch.enter(Phase::Plan, started);
        Self {
            settled: Some(Settled::begun(entry)),
            place: None,
            started,
            watch,
            capture: None,
            sent: None,
            progress: Progress::BeforeAnswer,
            delivery: Delivery::default(),
            n_bytes_left: 0,
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

    /// Waits for what the record of the call needs before anybody is asked.
    pub(crate) async fn admit(&mut self) -> Result<(), CallError> {
        let call = self.settled.as_ref();
        if let Some(admitting) = call.and_then(|call| self.recorder.admit(call)) {
            self.place = Some(admitting.await?);
        }
        Ok(())
    }

    /// Who answers the caller says in `delivery` how far that is.
    pub(crate) fn answered_by(mut self, delivery: &Delivery) -> Self {
        self.delivery = delivery.clone();
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

    /// This model is asked next, in this dialect.
    pub(crate) fn routed(&mut self, model: &str, endpoint: &str, dialect: Dialect) {
        if let Some(settled) = &mut self.settled {
            settled.model_used = Some(model.to_owned());
            settled.endpoint = Some(endpoint.to_owned());
            settled.dialect_out = Some(dialect);
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
                dialect: settled.dialect_out,
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
        settled.dialect_out = asked.dialect;
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

    /// These events end the answer and are on nobody's way yet: they count as given, because the call
    /// ends before they are.
    pub(crate) fn is_to_be_given(&mut self, last: &VecDeque<Event>) {
        let Some(settled) = &self.settled else { return };
        let mut out = BytesMut::new();
        for event in last {
            event.encode(&mut out);
        }
        if settled.dialect == Dialect::OpenAi {
            out.extend_from_slice(CHAT_END);
        }
        self.n_bytes_left = out.len() as u64;
    }

    /// The whole answer is here. Where there is a receipt, it is given once that has come.
    pub(crate) fn succeed(mut self, usage: Usage) -> Option<Receipt> {
        self.usage(usage);
        self.end(Outcome::Ok, 200)
    }

    /// The call failed; the caller learns of it in its dialect.
    pub(crate) fn fail(mut self, error: CallError) -> (Failure, Option<Receipt>) {
        let diagnostic = self.diagnostic(&error);
        if let Some(draft) = self.capture() {
            draft.failed(format!("{}: {error}", error.code()));
        }
        if let Some(settled) = &mut self.settled {
            settled.failure_kind = diagnostic.as_ref().map(|diagnostic| diagnostic.kind);
        }
        let receipt = self.refuse(error.code());
        (Failure { error, diagnostic }, receipt)
    }

    /// The call ended with `code` and nothing more is to be said of it.
    pub(crate) fn refuse(mut self, code: ErrorCode) -> Option<Receipt> {
        let outcome = match code {
            ErrorCode::ShuttingDown => Outcome::AbortedByShutdown,
            code => Outcome::Failed(code),
        };
        let status = self.status_now(code);
        self.end(outcome, status)
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
        if self.progress == Progress::InAnswer || self.delivery.is_head_sent() {
            200
        } else {
            code.http_status()
        }
    }

    fn end(&mut self, outcome: Outcome, status: u16) -> Option<Receipt> {
        let cost = self.cost();
        let mut settled = self.settled.take()?;
        settled.cost = cost;
        settled.outcome = outcome;
        settled.status = status;
        let ended = Instant::now();
        settled.elapsed = ended.saturating_duration_since(self.started);
        settled.phases = self.watch.stop(ended);
        settled.n_bytes_out = self.delivery.n_bytes() + self.n_bytes_left;
        count(&settled);
        let now = Moment::since(settled.at_ms, self.started);
        self.standing.leave(&settled, whose_health(outcome), now);
        if let Some(draft) = self.capture.take() {
            self.standing.captures().add(draft.finish(&settled));
        }
        self.recorder.ended(&settled);
        debug!(
            request.id = %settled.id, model.asked = settled.model_asked,
            model.used = settled.model_used, endpoint = settled.endpoint,
            attempt = settled.n_attempts, outcome = outcome.as_str(), status,
            tokens.in = settled.usage.prompt_tokens(), tokens.out = settled.usage.output_tokens,
            elapsed_ms = millis(settled.elapsed), "call ended"
        );
        if let Some(place) = self.place.take() {
            return Some(place.record(settled));
        }
        self.recorder.record(settled);
        None
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        let status = self.status_now(ErrorCode::Cancelled);
        // Nobody is left to wait for the receipt.
        drop(self.end(Outcome::ClientGone, status));
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
    if let Some(ttft) = settled
        .ttft
        .filter(|_| settled.is_stream && settled.outcome == Outcome::Ok)
    {
        // The first token is there when the writing begins.
        let n_tokens = usage.output_tokens.saturating_sub(1);
        let writing = settled.elapsed.saturating_sub(ttft);
        metric::OUTPUT_SPEED.record([endpoint, model], n_tokens, writing);
    }
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
