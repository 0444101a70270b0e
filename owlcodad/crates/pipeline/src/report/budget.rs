//! The error budget: how many of the latest calls may fail, and how many did.
//!
//! At a target of 95 of 100, five of the last [`crate::WINDOW_CALLS`] calls may fail. A budget is told as the
//! share of it that is used; past 1 it is spent. What is the caller's own doing spends nothing.

use owlcoda_types::UnixMs;

use crate::figures::Window;
use crate::pipeline::Pipeline;

/// Fewest calls of which a budget says something to a person.
const MIN_CALLS: u32 = 10;

/// A budget that was spent by calls of longer ago is no news, in milliseconds.
const NEWS_MS: UnixMs = 3_600_000;

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Calls that it is about, at most [`crate::WINDOW_CALLS`].
    pub n_calls: u32,
    /// Of these, calls without an answer.
    pub n_failed: u32,
    /// How many had an answer, from 0 to 1; 1 of nothing.
    pub success_rate: f64,
    /// How much of what may fail did, to four places: 1 is all of it, more is too much. Where nothing
    /// may fail, each failure counts 1.
    pub used: f64,
    /// Whether more failed than may.
    pub is_spent: bool,
}

/// A model that has spent its budget.
#[derive(Clone, Debug, PartialEq)]
pub struct SpentBudget {
    /// Id of the model.
    pub model: String,
    /// How its budget stands.
    pub budget: Budget,
    /// The target, of 100 calls.
    pub target_percent: f64,
}

impl std::fmt::Display for SpentBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            model,
            budget,
            target_percent,
        } = self;
        write!(
            f,
            "`{model}` has spent its error budget: {} of its last {} calls failed, and \
             `middleware.sloTargetPercent` is {target_percent}; see `owlctl audit --errors --model \
             {model}`",
            budget.n_failed, budget.n_calls
        )
    }
}

impl Budget {
    pub(crate) fn of(window: Window, target_percent: f64) -> Self {
        let (n_calls, n_failed) = (window.n_calls(), window.n_failed());
        let failed = f64::from(n_failed);
        let may_fail = f64::from(n_calls) * (100.0 - target_percent) / 100.0;
        let used = if may_fail > 0.0 {
            failed / may_fail
        } else {
            failed
        };
        let rate = f64::from(n_calls - n_failed) / f64::from(n_calls.max(1));
        Self {
            n_calls,
            n_failed,
            success_rate: if n_calls == 0 { 1.0 } else { exact(rate) },
            used: exact(used),
            // A hair's breadth is how the division was rounded.
            is_spent: failed > may_fail + 1e-9,
        }
    }

    /// What is left of it, to four places; less than 0 where more failed than may.
    pub fn left(&self) -> f64 {
        exact(1.0 - self.used)
    }
}

impl Pipeline {
    /// The models in force that have spent their budgets by calls of the last hour before `now_ms`.
    pub fn spent_budgets(&self, now_ms: UnixMs) -> Vec<SpentBudget> {
        let snapshot = self.snapshot();
        let target_percent = snapshot.settings.slo.target_percent;
        let figures = self.standing().figures();
        let models = snapshot.registry.models().iter();
        models
            .filter_map(|model| {
                let found = figures.models.get(&model.id)?;
                let budget = Budget::of(found.window, target_percent);
                let is_news = now_ms.saturating_sub(found.last_ms) < NEWS_MS;
                let is_told = budget.is_spent && budget.n_calls >= MIN_CALLS && is_news;
                is_told.then(|| SpentBudget {
                    model: model.id.clone(),
                    budget,
                    target_percent,
                })
            })
            .collect()
    }
}

/// To four places.
fn exact(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::WINDOW_CALLS;

    fn budget(n_answered: u32, n_failed: u32, target_percent: f64) -> Budget {
        let mut window = Window::default();
        for _ in 0..n_answered {
            window.push(true);
        }
        for _ in 0..n_failed {
            window.push(false);
        }
        Budget::of(window, target_percent)
    }

    #[test]
    fn a_budget_is_spent_once_more_failed_than_may() {
        for (n_answered, n_failed, target, used, is_spent) in [
            (0, 0, 95.0, 0.0, false),
            (95, 5, 95.0, 1.0, false),
            (94, 6, 95.0, 1.2, true),
            (19, 1, 95.0, 1.0, false),
            (9, 1, 95.0, 2.0, true),
            (99, 0, 100.0, 0.0, false),
            (99, 1, 100.0, 1.0, true),
            (0, 100, 0.0, 1.0, false),
            (199, 1, 99.5, 2.0, true),
        ] {
            let found = budget(n_answered, n_failed, target);
            let label = format!("{n_answered} and {n_failed} at {target}");
            assert_eq!((found.used, found.is_spent), (used, is_spent), "{label}");
        }
        let found = budget(9, 1, 95.0);
        assert_eq!((found.success_rate, found.left()), (0.9, -1.0));
        let none = budget(0, 0, 95.0);
        assert_eq!((none.n_calls, none.success_rate), (0, 1.0));
        assert_eq!(budget(300, 0, 95.0).n_calls, WINDOW_CALLS);
    }
}
