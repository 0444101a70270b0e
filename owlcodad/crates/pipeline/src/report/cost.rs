//! What calls cost so far.

use owlcoda_models::cost::Rate;
use owlcoda_types::{UnixMs, Usage};

use super::rounded;
use crate::pipeline::Pipeline;

/// What the calls of all models cost.
#[derive(Clone, Debug, PartialEq)]
pub struct CostReport {
    /// The configured currency, that of every sum here.
    pub currency: String,
    /// In the order of the models' ids.
    pub models: Vec<ModelCost>,
    /// Of all of them.
    pub total: f64,
    /// Tokens of every call, of those as well that no model had.
    pub usage: Usage,
    /// Calls that ended.
    pub n_calls: u64,
    /// Since when, in milliseconds since 1970; 0 before the first call.
    pub since_ms: UnixMs,
}

/// What the calls of one model cost.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCost {
    /// Id of the model.
    pub model: String,
    /// Its tokens.
    pub usage: Usage,
    /// Calls that ended with an answer or by the fault of its server.
    pub n_calls: u64,
    /// At the rates of their time; none where no rate was ever known.
    pub cost: Option<f64>,
    /// The rate of today, for a million tokens; none where it is not known.
    pub rate: Option<Rate>,
    /// Tokens a second; none before there was one.
    pub tokens_per_sec: Option<f64>,
}

impl Pipeline {
    /// What calls cost so far.
    pub fn cost(&self) -> CostReport {
        let figures = self.standing().figures();
        let snapshot = self.snapshot();
        let mut total = 0.0;
        let models = figures.models.iter().map(|(id, model)| {
            let rate = snapshot.rate(id);
            // What was paid counts though the model, or its rate, is gone by now.
            let is_known = rate.is_some() || model.cost > 0.0;
            total += model.cost;
            ModelCost {
                model: id.clone(),
                usage: model.usage,
                n_calls: model.n_calls,
                cost: is_known.then(|| exact(model.cost)),
                rate,
                tokens_per_sec: model.tokens_per_sec().map(rounded),
            }
        });
        let models = models.collect();
        CostReport {
            currency: snapshot.settings.cost.currency.clone(),
            models,
            total: exact(total),
            usage: figures.usage,
            n_calls: figures.n_calls,
            since_ms: figures.since_ms,
        }
    }
}

/// To six places: a call of a small model costs a few millionths.
fn exact(cost: f64) -> f64 {
    (cost * 1e6).round() / 1e6
}
