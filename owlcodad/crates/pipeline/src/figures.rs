//! What was measured of the calls so far: by model and by route, over all configurations.
//!
//! Sums go back to the beginning, percentiles to the last [`MAX_SAMPLES`] calls. A call counts for a
//! model once the model answered or failed by the fault of its server; what a caller did wrong, or gave
//! up, says nothing about it.

mod samples;
mod window;

use std::collections::BTreeMap;
use std::time::Duration;

use owlcoda_types::{ErrorCode, Fault, UnixMs, Usage};
use serde::{Deserialize, Serialize};

use crate::call::Route;
use crate::settle::{Outcome, Settled};

pub use samples::{MAX_SAMPLES, Percentiles, Samples};
pub use window::{WINDOW_CALLS, Window};

/// Most models of which figures are kept: more than any configuration has at once.
const MAX_MODELS: usize = 1000;

/// Everything that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Since when, in milliseconds since 1970; 0 before the first call.
    pub since_ms: UnixMs,
    /// By the id of the model that answered.
    pub models: BTreeMap<String, ModelFigures>,
    /// By the way that calls came in: from admission to the last byte.
    pub routes: BTreeMap<String, Samples>,
    /// Of every call.
    pub usage: Usage,
    /// Calls that ended.
    pub n_calls: u64,
    /// How the latest calls of all models ended.
    pub window: Window,
}

/// What was measured of one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelFigures {
    /// Calls that ended with an answer or by the fault of its server.
    pub n_calls: u64,
    /// Of these, those with an answer.
    pub n_answered: u64,
    /// How the latest of them ended.
    pub window: Window,
    /// Tokens of all calls, of those as well that count for nothing else.
    pub usage: Usage,
    /// What they cost at the rates of their time, in the configured currency.
    pub cost: f64,
    /// When the first of them came, in milliseconds since 1970.
    pub first_ms: UnixMs,
    /// When the last of them came.
    pub last_ms: UnixMs,
    /// Whole time of the answers.
    pub elapsed: Samples,
    /// Time to the first token of streamed answers.
    pub first_token: Samples,
    /// Reading the prompt: until the first token of a stream.
    pub prefill: Speed,
    /// Writing the answer: from the first token of a stream to its end.
    pub decode: Speed,
    /// Both at once, of answers that came whole.
    pub overall: Speed,
}

/// Tokens over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Tokens so far.
    pub n_tokens: u64,
    /// In this time.
    pub time: Duration,
}

impl Speed {
    fn add(&mut self, n_tokens: u64, time: Duration) {
        if n_tokens > 0 && !time.is_zero() {
            self.n_tokens += n_tokens;
            self.time += time;
        }
    }

    /// Tokens a second; `None` before there is any.
    pub fn per_sec(&self) -> Option<f64> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of tokens are far below 53 bits"
        )]
        let n_tokens = self.n_tokens as f64;
        (self.n_tokens > 0).then(|| n_tokens / self.time.as_secs_f64())
    }
}

impl ModelFigures {
    /// How fast it writes: from streams, else from whole answers, which take the prompt in as well.
    pub fn tokens_per_sec(&self) -> Option<f64> {
        self.decode.per_sec().or_else(|| self.overall.per_sec())
    }

    fn add(&mut self, settled: &Settled) {
        if self.first_ms == 0 {
            self.first_ms = settled.at_ms;
        }
        self.last_ms = self.last_ms.max(settled.at_ms);
        self.usage += settled.usage;
        self.cost += settled.cost.unwrap_or_default();
        match settled.outcome {
            Outcome::Ok => {
                self.n_calls += 1;
                self.n_answered += 1;
                self.window.push(true);
                self.measure(settled);
            }
            Outcome::Failed(code) if code.fault() == Fault::Upstream => {
                self.n_calls += 1;
                self.window.push(false);
            }
            Outcome::Failed(_) | Outcome::ClientGone | Outcome::AbortedByShutdown => {}
        }
    }

    fn measure(&mut self, settled: &Settled) {
        let usage = &settled.usage;
        self.elapsed.push(settled.elapsed);
        // A whole answer has no first token of its own.
        let Some(ttft) = settled.ttft.filter(|_| settled.is_stream) else {
            self.overall.add(usage.output_tokens, settled.elapsed);
            return;
        };
        self.first_token.push(ttft);
        // What a cache of the server's had was not read again.
        self.prefill.add(usage.input_tokens, ttft);
        let writing = settled.elapsed.saturating_sub(ttft);
        self.decode
            .add(usage.output_tokens.saturating_sub(1), writing);
    }
}

impl Figures {
    pub(crate) fn add(&mut self, settled: &Settled) {
        if self.since_ms == 0 {
            self.since_ms = settled.at_ms;
        }
        self.n_calls += 1;
        self.usage += settled.usage;
        // A model that is being loaded is slower than it will ever be again.
        if settled.route.is_trial() {
            return;
        }
        if let Some(is_answered) = is_answered(settled) {
            self.window.push(is_answered);
        }
        let route = route_name(settled.route);
        // The common case allocates nothing.
        if let Some(samples) = self.routes.get_mut(route) {
            samples.push(settled.elapsed);
        } else {
            let samples = self.routes.entry(route.to_owned()).or_default();
            samples.push(settled.elapsed);
        }
        let Some(model) = settled.model_used.as_ref().filter(|_| !settled.is_cached) else {
            return;
        };
        if let Some(figures) = self.models.get_mut(model) {
            figures.add(settled);
        } else if self.models.len() < MAX_MODELS {
            let figures = self.models.entry(model.clone()).or_default();
            figures.add(settled);
        }
    }
}

/// What a call says of whether callers get answers; none where it is the caller's own doing: a wrong
/// request, one that left, one more than its model may have in a minute.
fn is_answered(settled: &Settled) -> Option<bool> {
    match settled.outcome {
        Outcome::Ok => Some(true),
        Outcome::Failed(ErrorCode::RateLimited) if settled.n_attempts == 0 => None,
        Outcome::Failed(code) if code.fault() == Fault::Upstream => Some(false),
        Outcome::Failed(_) | Outcome::ClientGone | Outcome::AbortedByShutdown => None,
    }
}

/// The path of a route, or what else calls came from.
pub const fn route_name(route: Route) -> &'static str {
    match route {
        Route::Messages => "/v1/messages",
        Route::Chat => "/v1/chat/completions",
        Route::Agent => "agent",
        Route::Warmup => "warmup",
        Route::Probe => "probe",
    }
}
