//! How fast and how reliable each model is.

use owlcoda_types::{UnixMs, Usage};

use super::{Budget, rounded, share};
use crate::figures::{ModelFigures, WINDOW_CALLS};
use crate::pipeline::Pipeline;

/// What was measured of every model.
#[derive(Clone, Debug, PartialEq)]
pub struct PerfReport {
    /// In the order of their ids. Models that are gone are among them.
    pub models: Vec<ModelPerf>,
    /// Of 100 calls, so many are to have an answer.
    pub target_percent: f64,
    /// The budgets are about so many of the latest calls.
    pub window_calls: u32,
    /// The budget of all calls, of those as well for which no model could be asked.
    pub budget: Budget,
}

/// What was measured of one model. Times in milliseconds, speeds in tokens a second.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPerf {
    /// Id of the model.
    pub model: String,
    /// Calls that ended with an answer or by the fault of its server.
    pub n_calls: u64,
    /// How many of these had an answer, from 0 to 1.
    pub success_rate: f64,
    /// How its error budget stands.
    pub budget: Budget,
    /// Mean of the whole time of answers.
    pub mean_ms: f64,
    /// Half of the answers took at most this.
    pub p50_ms: f64,
    /// 95 of 100 answers took at most this.
    pub p95_ms: f64,
    /// Mean time to the first token of streams; none before the first.
    pub mean_ttft_ms: Option<f64>,
    /// Half of the streams had their first token by then.
    pub p50_ttft_ms: Option<f64>,
    /// Writing, from streams, else over the whole time of answers.
    pub tokens_per_sec: Option<f64>,
    /// Reading prompts.
    pub prefill_tokens_per_sec: Option<f64>,
    /// Writing, from streams alone.
    pub decode_tokens_per_sec: Option<f64>,
    /// Tokens of all its calls.
    pub usage: Usage,
    /// When the first of them came, in milliseconds since 1970.
    pub first_ms: UnixMs,
    /// When the last of them came.
    pub last_ms: UnixMs,
}

impl ModelPerf {
    fn of(model: &str, figures: &ModelFigures, target_percent: f64) -> Self {
        let elapsed = figures.elapsed.percentiles().unwrap_or_default();
        let first = figures.first_token.percentiles();
        Self {
            model: model.to_owned(),
            n_calls: figures.n_calls,
            success_rate: share(figures.n_answered, figures.n_calls),
            budget: Budget::of(figures.window, target_percent),
            mean_ms: rounded(elapsed.mean),
            p50_ms: rounded(elapsed.p50),
            p95_ms: rounded(elapsed.p95),
            mean_ttft_ms: first.map(|first| rounded(first.mean)),
            p50_ttft_ms: first.map(|first| rounded(first.p50)),
            tokens_per_sec: figures.tokens_per_sec().map(rounded),
            prefill_tokens_per_sec: figures.prefill.per_sec().map(rounded),
            decode_tokens_per_sec: figures.decode.per_sec().map(rounded),
            usage: figures.usage,
            first_ms: figures.first_ms,
            last_ms: figures.last_ms,
        }
    }
}

impl Pipeline {
    /// How fast and how reliable each model is.
    pub fn perf(&self) -> PerfReport {
        let figures = self.standing().figures();
        let target_percent = self.snapshot().settings.slo.target_percent;
        let models = figures.models.iter();
        PerfReport {
            models: models
                .map(|(id, figures)| ModelPerf::of(id, figures, target_percent))
                .collect(),
            target_percent,
            window_calls: WINDOW_CALLS,
            budget: Budget::of(figures.window, target_percent),
        }
    }
}
