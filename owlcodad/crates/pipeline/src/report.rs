//! What was measured, as it is told: the HTTP routes and the control API say the same, because both
//! take it from here. Figures are rounded to what they can claim.

mod budget;
mod cost;
mod perf;

use owlcoda_models::RouteError;
use owlcoda_models::intent::Intent;
use owlcoda_models::recommend::{MAX_ALTERNATIVES, Recommended, recommend};
use owlcoda_types::{UnixMs, Usage};

pub use budget::{Budget, SpentBudget};
pub use cost::{CostReport, ModelCost};
pub use perf::{ModelPerf, PerfReport};

use crate::figures::Percentiles;
use crate::pipeline::Pipeline;

/// Tokens and calls so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageReport {
    /// Of every call.
    pub usage: Usage,
    /// Calls that ended.
    pub n_calls: u64,
    /// Since when, in milliseconds since 1970.
    pub since_ms: UnixMs,
}

/// How long calls of one route take from admission to their last byte, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteLatency {
    /// The route's path, or what else the calls came from.
    pub route: String,
    /// Calls so far.
    pub n_calls: u64,
    /// Of the last [`crate::MAX_SAMPLES`] of them.
    pub millis: Percentiles,
}

/// Which model to take, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// What the model is to be good for.
    pub intent: Intent,
    /// The best one.
    pub best: Recommended,
    /// A few more, the better ones first.
    pub alternatives: Vec<Recommended>,
}

impl Pipeline {
    /// Tokens and calls so far. Before the first call they count from `started_at_ms`, the start of
    /// the daemon.
    pub fn usage(&self, started_at_ms: UnixMs) -> UsageReport {
        let (usage, n_calls, since_ms) = self.standing().totals();
        UsageReport {
            usage,
            n_calls,
            since_ms: if since_ms > 0 {
                since_ms
            } else {
                started_at_ms
            },
        }
    }

    /// How long calls take, by route, in the order of the routes' names.
    pub fn latency(&self) -> Vec<RouteLatency> {
        let figures = self.standing().figures();
        let routes = figures.routes.iter();
        routes
            .filter_map(|(route, samples)| {
                Some(RouteLatency {
                    route: route.clone(),
                    n_calls: samples.n_seen(),
                    millis: samples.percentiles()?.rounded(),
                })
            })
            .collect()
    }

    /// Which model to take for `intent`. An error where there is none.
    pub fn recommend(&self, intent: Intent) -> Result<Recommendation, RouteError> {
        let snapshot = self.snapshot();
        let mut models =
            recommend(&snapshot.registry, intent, |model| self.measured(model)).into_iter();
        let Some(best) = models.next() else {
            return Err(snapshot.registry.no_models());
        };
        Ok(Recommendation {
            intent,
            best,
            alternatives: models.take(MAX_ALTERNATIVES).collect(),
        })
    }
}

impl Percentiles {
    fn rounded(self) -> Self {
        Self {
            n_samples: self.n_samples,
            min: rounded(self.min),
            max: rounded(self.max),
            mean: rounded(self.mean),
            p50: rounded(self.p50),
            p90: rounded(self.p90),
            p95: rounded(self.p95),
            p99: rounded(self.p99),
        }
    }
}

/// To two places: more would claim to be exact.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// From 0 to 1, to four places; 0 of nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of calls are far below 53 bits"
    )]
    let share = part as f64 / whole.max(1) as f64;
    (share * 10_000.0).round() / 10_000.0
}
