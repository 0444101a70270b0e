//! Metrics that are looked up when somebody asks for them: breakers and error budgets.
//!
//! A series cannot be taken back. What is not in force any more stays at a value that alarms nobody:
//! a breaker is in no state, a budget is no number.

use std::collections::BTreeSet;

use owlcoda_models::policy::BreakerState;
use owlcoda_telemetry::metric;
use parking_lot::Mutex;

use crate::pipeline::{Pipeline, now};
use crate::report::Budget;

/// Which series there are.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    /// Endpoint and model.
    breakers: BTreeSet<(String, String)>,
    /// Models.
    budgets: BTreeSet<String>,
}

impl Pipeline {
    /// Sets the metrics of breakers and budgets to what they are now.
    pub fn observe(&self) {
        let mut shown = self.standing().gauges().shown.lock();
        self.observe_breakers(&mut shown);
        self.observe_budgets(&mut shown);
    }

    fn observe_breakers(&self, shown: &mut Shown) {
        let mut here = BTreeSet::new();
        for model in self.standing().policy().health(now()) {
            for state in BreakerState::ALL {
                let labels = [&*model.endpoint, &*model.model, state.as_str()];
                let is_in = f64::from(u8::from(model.breaker.state == state));
                metric::BREAKER_STATE.set(labels, is_in);
            }
            here.insert((model.endpoint, model.model));
        }
        for (endpoint, model) in shown.breakers.difference(&here) {
            for state in BreakerState::ALL {
                metric::BREAKER_STATE.set([endpoint, model, state.as_str()], 0.0);
            }
        }
        shown.breakers.extend(here);
    }

    fn observe_budgets(&self, shown: &mut Shown) {
        let snapshot = self.snapshot();
        let target_percent = snapshot.settings.slo.target_percent;
        let figures = self.standing().figures();
        let mut here = BTreeSet::new();
        for model in snapshot.registry.models() {
            let Some(found) = figures.models.get(&model.id) else {
                continue;
            };
            let budget = Budget::of(found.window, target_percent);
            metric::ERROR_BUDGET.set([&model.id], budget.left());
            here.insert(model.id.clone());
        }
        for model in shown.budgets.difference(&here) {
            metric::ERROR_BUDGET.set([model], f64::NAN);
        }
        shown.budgets.extend(here);
    }
}
