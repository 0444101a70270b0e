//! Takes one request from model to model until one answers or nothing is left to try.
//!
//! The same request twice in a row at one model is one visit: it takes one token of the bucket and
//! counts once for the breaker. A probe of a half-open breaker is asked once only. A limit of ours is
//! somebody's wish and no failure, so where the model that was asked for is at its limit the caller
//! hears of it, and no other model pays for that; a model that would answer in its place is skipped.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use owlcoda_config::PolicyConfig;
use owlcoda_types::ErrorCode;

use crate::policy::{
    Failure, FailureKind, InFlight, OpenUntil, Others, Permit, Plan, Policy, Retry, RetryIn, Share,
    Verdict,
};
use crate::registry::{Model, Registry};

/// Why no model is asked any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// The failure that was handed in last is the end: it is final, or nobody is left to ask, or the
    /// budget is spent. Where several models failed, the caller asked for the first.
    #[error("no other model server can be asked")]
    Exhausted,
    /// The model is asked more often than the configuration allows.
    #[error("`{model}` is at its limit of calls per minute; try again in {} s", secs(*retry_in))]
    Limited {
        /// Id of the model.
        model: String,
        /// When there will be room.
        retry_in: Duration,
    },
    /// The model's breaker is open, and so is that of everyone who could answer in its place.
    #[error("`{model}` at `{endpoint}` failed {} and {}", times(*n_failures), rest(*retry_in))]
    Open {
        /// Id of the model.
        model: String,
        /// Id of its endpoint.
        endpoint: String,
        /// Failures in a row.
        n_failures: u32,
        /// How long it is left alone. Zero: one request is trying right now.
        retry_in: Duration,
    },
}

impl Stop {
    /// The code that decides everything else. None where a failure of before has its own.
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Exhausted => None,
            Self::Limited { .. } => Some(ErrorCode::RateLimited),
            Self::Open { .. } => Some(ErrorCode::Unavailable),
        }
    }

    /// When the caller may come back; at least a second, so that nobody comes back at once.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Exhausted => None,
            Self::Limited { retry_in, .. } | Self::Open { retry_in, .. } => {
                Some((*retry_in).max(Duration::from_secs(1)))
            }
        }
    }
}

fn times(n_failures: u32) -> String {
    match n_failures {
        1 => "once".to_owned(),
        n => format!("{n} times in a row"),
    }
}

fn rest(retry_in: Duration) -> String {
    if retry_in.is_zero() {
        return "is being tried again by another request".to_owned();
    }
    format!("is asked again in {} s", secs(retry_in))
}

/// Whole seconds, rounded up.
fn secs(wait: Duration) -> u128 {
    wait.as_millis().div_ceil(1000)
}

/// Leave to ask one model, with what is to be reported of it.
///
/// Before the first event a failure belongs to [`Course::failed`]. Dropping it says that the caller
/// left, or that nothing was asked.
#[must_use = "a visit that is dropped asks nobody"]
#[derive(Debug)]
pub struct Visit {
    model: Arc<Model>,
    permit: Permit,
    wait: Duration,
    is_fallback: bool,
    _in_flight: InFlight,
}

impl Visit {
    /// Whom to ask.
    pub const fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// How long to wait before. Zero, unless the same model is asked again.
    pub const fn wait(&self) -> Duration {
        self.wait
    }

    /// Whether it answers in place of the model that was asked for.
    pub const fn is_fallback(&self) -> bool {
        self.is_fallback
    }

    /// The first event of the answer came.
    pub fn answered(&mut self) {
        self.permit.answered();
    }

    /// The answer came whole.
    pub fn succeed(self) {
        self.permit.succeed();
    }

    /// The answer broke off after its first event.
    pub fn fail(self, kind: FailureKind, now: Instant) {
        self.permit.fail(kind, now);
    }
}

/// Who may be asked.
#[derive(Clone, Debug)]
struct Candidate {
    model: Arc<Model>,
    is_fallback: bool,
}

/// The way of one request. See the module for its rules.
#[derive(Debug)]
pub struct Course<'a> {
    policy: &'a Policy,
    registry: &'a Registry,
    plan: Plan,
    share: Share,
    may_fall_back: bool,
    /// Those of the plan that have not been asked.
    left: VecDeque<Candidate>,
    retry: Retry,
    /// Endpoints that could not be reached: their other models come last.
    unreachable: Vec<String>,
    /// Why the first one that was not asked was not.
    refusal: Option<Stop>,
    /// Models asked so far.
    n_asked: u32,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        policy: &'a Policy,
        registry: &'a Registry,
        plan: Plan,
        share: Share,
        config: PolicyConfig,
        now: Instant,
    ) -> Self {
        let asked = plan.asked().iter().map(|model| Candidate {
            model: Arc::clone(model),
            is_fallback: false,
        });
        Self {
            policy,
            registry,
            left: asked.collect(),
            plan,
            share,
            may_fall_back: config.fallback.is_enabled,
            retry: Retry::new(config.retry, now),
            unreachable: Vec::new(),
            refusal: None,
            n_asked: 0,
        }
    }

    /// The first model to ask. An error where nobody may be asked at all.
    pub fn start(&mut self, now: Instant) -> Result<Visit, Stop> {
        self.next(now)
    }

    /// What follows a failure before the first event: the same visit after a wait, or another model.
    /// `random` is any number, each as likely.
    pub fn failed(
        &mut self,
        visit: Visit,
        failure: &Failure,
        now: Instant,
        random: u64,
    ) -> Result<Visit, Stop> {
        let failure = &self.seen(failure, &visit);
        if failure.kind == FailureKind::Connect {
            self.unreachable.push(visit.model.endpoint_id());
        }
        let others = if failure.kind.allows_fallback() {
            self.others(now)
        } else {
            Others::None
        };
        let may_repeat = !visit.permit.is_probe() && visit.permit.is_current();
        let verdict = if may_repeat {
            self.retry.after(failure, others, now, random)
        } else {
            self.retry.elsewhere(failure, others, now)
        };
        if let Verdict::RetryAfter(wait) = verdict {
            return Ok(Visit { wait, ..visit });
        }
        visit.fail(failure.kind, now);
        match verdict {
            Verdict::NextCandidate => self.next(now),
            _ => Err(Stop::Exhausted),
        }
    }

    /// What the failure of `visit` means here: who stands in and refuses is not the last word, for the
    /// caller never asked it. Its key may be wrong, or its context too small.
    fn seen(&self, failure: &Failure, visit: &Visit) -> Failure {
        let is_stand_in = visit.is_fallback || self.n_asked > 1;
        match failure.kind {
            FailureKind::Refused if is_stand_in => Failure::new(FailureKind::Unfit),
            _ => *failure,
        }
    }

    fn next(&mut self, now: Instant) -> Result<Visit, Stop> {
        while let Some(candidate) = self.pick() {
            match self.enter(&candidate, now) {
                Ok(visit) => {
                    self.n_asked += 1;
                    return Ok(visit);
                }
                Err(stop) => {
                    let is_last_asked = self.left.iter().all(|other| other.is_fallback);
                    let is_limit = matches!(stop, Stop::Limited { .. });
                    if is_limit && is_last_asked && !candidate.is_fallback && self.n_asked == 0 {
                        return Err(stop);
                    }
                    self.refusal.get_or_insert(stop);
                }
            }
        }
        let refusal = self.refusal.take().filter(|_| self.n_asked == 0);
        Err(refusal.unwrap_or(Stop::Exhausted))
    }

    /// The next one to ask, without leave so far.
    fn pick(&mut self) -> Option<Candidate> {
        if self.left.is_empty() {
            self.plan_fallbacks();
        }
        let is_reachable =
            |candidate: &Candidate| !self.unreachable.contains(&candidate.model.endpoint_id());
        let idx = self.left.iter().position(is_reachable).unwrap_or(0);
        self.left.remove(idx)
    }

    /// Looks for those who may answer in place of the one that was asked for, once.
    fn plan_fallbacks(&mut self) {
        if std::mem::take(&mut self.may_fall_back) {
            let fallbacks = self.plan.fallbacks(self.registry);
            self.left
                .extend(fallbacks.into_iter().map(|model| Candidate {
                    model,
                    is_fallback: true,
                }));
        }
    }

    /// Whether anybody else would be let in by its breaker.
    fn others(&mut self, now: Instant) -> Others {
        self.plan_fallbacks();
        let may_enter = |candidate: &Candidate| {
            let entry = self.policy.entry(&candidate.model, now);
            entry.breaker.may_enter(now)
        };
        if self.left.iter().any(may_enter) {
            Others::Left
        } else {
            Others::None
        }
    }

    fn enter(&self, candidate: &Candidate, now: Instant) -> Result<Visit, Stop> {
        let model = &candidate.model;
        let entry = self.policy.entry(model, now);
        let open = |open: OpenUntil| Stop::Open {
            model: model.id.clone(),
            endpoint: model.endpoint_id(),
            n_failures: open.n_failures,
            retry_in: open.retry_in,
        };
        let limited = |RetryIn(retry_in)| Stop::Limited {
            model: model.id.clone(),
            retry_in,
        };
        // The breaker first: what it turns away costs no token. A permit that the bucket turns away
        // is dropped, and a probe with it.
        let permit = entry.breaker.try_enter(now).map_err(open)?;
        let taken = entry.shares.lock().of(self.share).try_take(now);
        taken.map_err(limited)?;
        Ok(Visit {
            model: Arc::clone(model),
            permit,
            wait: Duration::ZERO,
            is_fallback: candidate.is_fallback,
            _in_flight: InFlight::new(entry),
        })
    }
}
