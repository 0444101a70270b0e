//! Decides whether a model may be asked, from how its last requests ended.
//!
//! ```text
//! Closed ──threshold failures in a row──► Open ──cool-down──► HalfOpen ──probe answers──► Closed
//!                                           ▲                     │
//!                                           └────probe fails──────┘
//! ```
//!
//! Who may ask gets a [`Permit`], and its end is the report: it succeeds, fails, or is dropped, which
//! says nothing and lets the next one probe. Nothing else can be reported, nothing twice, and a probe
//! cannot be lost. A request counts once, however often it was repeated. What began before the
//! breaker's state last changed is old news and changes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use owlcoda_config::BreakerConfig;
use parking_lot::Mutex;

use crate::policy::FailureKind;

/// The model may not be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenUntil {
    /// Failures in a row that led to it.
    pub n_failures: u32,
    /// How long nothing is let through. Zero while a probe is under way: it decides.
    pub retry_in: Duration,
}

/// Name of a breaker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything is let through.
    Closed,
    /// Nothing is.
    Open,
    /// One request is, to see.
    HalfOpen,
}

impl BreakerState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// For people, for metrics and for the control API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// How a breaker is, for status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerView {
    /// Its state. Open turns to half-open by time alone.
    pub state: BreakerState,
    /// Failures in a row.
    pub n_failures: u32,
    /// When open: how long still.
    pub retry_in: Option<Duration>,
}

/// The breaker of one model at one endpoint. Clones are the same breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    circuit: Arc<Mutex<Circuit>>,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            circuit: Arc::new(Mutex::new(Circuit {
                config,
                state: State::Closed { n_failures: 0 },
                epoch: 0,
            })),
        }
    }

    /// Leave to ask the model, to be ended with what came of it.
    pub fn try_enter(&self, now: Instant) -> Result<Permit, OpenUntil> {
        let epoch = self.circuit.lock().enter(now)?;
        Ok(Permit {
            circuit: Arc::clone(&self.circuit),
            epoch,
        })
    }

    /// Whether [`Breaker::try_enter`] would give leave.
    pub fn may_enter(&self, now: Instant) -> bool {
        self.circuit.lock().may_enter(now)
    }

    /// How it is.
    pub fn view(&self, now: Instant) -> BreakerView {
        self.circuit.lock().view(now)
    }

    /// Closes it, whatever was counted; what is under way says nothing about it any more. Returns the
    /// state that it was in.
    pub fn reset(&self, now: Instant) -> BreakerState {
        let mut circuit = self.circuit.lock();
        let before = circuit.view(now).state;
        circuit.become_state(State::Closed { n_failures: 0 });
        before
    }

    /// Takes other settings on. What has been counted stays; a cool-down under way is measured anew.
    pub fn configure(&self, config: BreakerConfig) {
        self.circuit.lock().config = config;
    }
}

/// Leave to ask the model for one request. Dropping it says nothing about the model: the caller left
/// or was at fault, or our own limits stood in the way.
#[must_use = "a permit that is dropped at once reports nothing"]
#[derive(Debug)]
pub struct Permit {
    circuit: Arc<Mutex<Circuit>>,
    epoch: u64,
}

impl Permit {
    /// Whether this one request decides over the breaker.
    pub fn is_probe(&self) -> bool {
        let circuit = self.circuit.lock();
        circuit.epoch == self.epoch && matches!(circuit.state, State::HalfOpen { .. })
    }

    /// Whether the model may still be asked: others may have failed meanwhile.
    pub fn is_current(&self) -> bool {
        self.circuit.lock().epoch == self.epoch
    }

    /// The first event of the answer came. A probe closes the breaker with this, on trial: an answer
    /// may last for minutes, and others wait. Should it break off, the next failure opens it again.
    pub fn answered(&mut self) {
        let mut circuit = self.circuit.lock();
        if circuit.epoch == self.epoch
            && let State::HalfOpen { .. } = circuit.state
        {
            let n_failures = circuit.config.threshold.get() - 1;
            circuit.become_state(State::Closed { n_failures });
            self.epoch = circuit.epoch;
        }
    }

    /// The answer came whole.
    pub fn succeed(self) {
        let mut circuit = self.circuit.lock();
        if circuit.epoch == self.epoch {
            match circuit.state {
                State::Closed { .. } => circuit.state = State::Closed { n_failures: 0 },
                _ => circuit.become_state(State::Closed { n_failures: 0 }),
            }
        }
    }

    /// The call failed. Counts only what is the model server's fault, see
    /// [`FailureKind::is_counted`].
    pub fn fail(self, kind: FailureKind, now: Instant) {
        if kind.is_counted() {
            let mut circuit = self.circuit.lock();
            if circuit.epoch == self.epoch {
                circuit.fail(now);
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut circuit = self.circuit.lock();
        // After a success or a failure of a probe, the epoch is another.
        if circuit.epoch == self.epoch
            && let State::HalfOpen { n_failures, .. } = circuit.state
        {
            circuit.state = State::HalfOpen {
                n_failures,
                is_probed: false,
            };
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { n_failures: u32 },
    Open { n_failures: u32, since: Instant },
    HalfOpen { n_failures: u32, is_probed: bool },
}

/// The machine itself.
#[derive(Debug)]
struct Circuit {
    config: BreakerConfig,
    state: State,
    /// Counts the changes of state; a report of an earlier one is void.
    epoch: u64,
}

impl Circuit {
    fn become_state(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }

    /// The epoch that the permit is of.
    fn enter(&mut self, now: Instant) -> Result<u64, OpenUntil> {
        if let State::Open { n_failures, since } = self.state {
            let retry_in = self.still_open(since, now);
            if !retry_in.is_zero() {
                return Err(OpenUntil {
                    n_failures,
                    retry_in,
                });
            }
            self.become_state(State::HalfOpen {
                n_failures,
                is_probed: false,
            });
        }
        if let State::HalfOpen {
            n_failures,
            is_probed,
        } = &mut self.state
        {
            if *is_probed {
                return Err(OpenUntil {
                    n_failures: *n_failures,
                    retry_in: Duration::ZERO,
                });
            }
            *is_probed = true;
        }
        Ok(self.epoch)
    }

    fn may_enter(&self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { since, .. } => self.still_open(since, now).is_zero(),
            State::HalfOpen { is_probed, .. } => !is_probed,
        }
    }

    fn fail(&mut self, now: Instant) {
        match self.state {
            State::Closed { n_failures } => {
                let n_failures = n_failures.saturating_add(1);
                if n_failures < self.config.threshold.get() {
                    self.state = State::Closed { n_failures };
                } else {
                    self.open(n_failures, now);
                }
            }
            State::HalfOpen { n_failures, .. } => self.open(n_failures.saturating_add(1), now),
            State::Open { .. } => {}
        }
    }

    fn open(&mut self, n_failures: u32, now: Instant) {
        self.become_state(State::Open {
            n_failures,
            since: now,
        });
    }

    /// Measured from its beginning, so that no sum overflows and a new setting holds at once.
    fn still_open(&self, since: Instant, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(since);
        self.config.cooldown.saturating_sub(passed)
    }

    fn view(&self, now: Instant) -> BreakerView {
        let (state, n_failures, retry_in) = match self.state {
            State::Closed { n_failures } => (BreakerState::Closed, n_failures, None),
            State::HalfOpen { n_failures, .. } => (BreakerState::HalfOpen, n_failures, None),
            State::Open { n_failures, since } => {
                let retry_in = self.still_open(since, now);
                if retry_in.is_zero() {
                    (BreakerState::HalfOpen, n_failures, None)
                } else {
                    (BreakerState::Open, n_failures, Some(retry_in))
                }
            }
        };
        BreakerView {
            state,
            n_failures,
            retry_in,
        }
    }
}

#[cfg(test)]
mod tests;
