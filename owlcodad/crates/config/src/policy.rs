//! What is done when a model server fails or is asked too often: limits, retries, fallback.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// How many calls are to have an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SloConfig {
    /// Of 100 calls; from 0 to 100.
    pub target_percent: f64,
}

impl Default for SloConfig {
    fn default() -> Self {
        Self {
            target_percent: 95.0,
        }
    }
}

/// How calls of models are limited and how failures are met. The same for every model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyConfig {
    /// How often a model may be asked.
    pub rate_limit: RateLimitConfig,
    /// When a failed call is made again.
    pub retry: RetryConfig,
    /// When a model server that keeps failing is left alone.
    pub breaker: BreakerConfig,
    /// Whether another model may answer.
    pub fallback: FallbackConfig,
}

/// How often a model may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitConfig {
    /// Calls of one model in a minute, which is also the most at once. None: no limit.
    pub per_minute: Option<NonZeroU64>,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            per_minute: NonZeroU64::new(60),
        }
    }
}

/// When a failed call is made again. All of it is for one request, however many models it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryConfig {
    /// Most attempts beyond the first one at each model. 0: none.
    pub max_retries: u32,
    /// Longest wait before the first repetition; doubles with each one at the same model.
    pub base_delay: Duration,
    /// What the doubling ends at. Not in the file.
    pub max_delay: Duration,
    /// Most that a request waits between attempts in all, the waits that model servers ask for
    /// included. Not in the file.
    pub max_wait: Duration,
    /// No attempt begins later than this after the request came. One under way is not cut: the
    /// model's own limits are for that. None: no such limit.
    pub deadline: Option<Duration>,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_retries: 3,
            base_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
            max_wait: Duration::from_secs(30),
            deadline: None,
        }
    }
}

/// When a model server that keeps failing is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Failures in a row that open the breaker.
    pub threshold: NonZeroU32,
    /// How long an open breaker lets nothing through.
    pub cooldown: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            threshold: const { NonZeroU32::new(5).unwrap() },
            cooldown: Duration::from_mins(1),
        }
    }
}

/// Whether another model may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FallbackConfig {
    /// Whether it may, where the model that was asked for cannot.
    pub is_enabled: bool,
}

impl Default for FallbackConfig {
    fn default() -> Self {
        Self { is_enabled: true }
    }
}
