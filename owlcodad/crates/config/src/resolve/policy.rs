//! Limits, retries and fallback: the part of `middleware` that is about failing model servers.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use crate::policy::{
    BreakerConfig, FallbackConfig, PolicyConfig, RateLimitConfig, RetryConfig, SloConfig,
};
use crate::raw::RawMiddleware;
use crate::resolve::millis_or;

pub(super) fn slo(raw: &RawMiddleware) -> SloConfig {
    let target_percent = raw.slo_target_percent;
    target_percent.map_or_else(SloConfig::default, |target_percent| SloConfig {
        target_percent,
    })
}

pub(super) fn resolve(raw: &RawMiddleware) -> PolicyConfig {
    let default = PolicyConfig::default();
    PolicyConfig {
        rate_limit: raw
            .rate_limit_rpm
            .map_or(default.rate_limit, |per_minute| RateLimitConfig {
                per_minute: NonZeroU64::new(per_minute),
            }),
        retry: RetryConfig {
            max_retries: raw.retry_max_attempts.unwrap_or(default.retry.max_retries),
            base_delay: millis_or(raw.retry_base_delay_ms, default.retry.base_delay),
            deadline: raw.request_timeout_ms.map(Duration::from_millis),
            ..default.retry
        },
        breaker: BreakerConfig {
            threshold: raw
                .circuit_breaker_threshold
                .and_then(NonZeroU32::new)
                .unwrap_or(default.breaker.threshold),
            cooldown: millis_or(raw.circuit_breaker_cooldown_ms, default.breaker.cooldown),
        },
        fallback: FallbackConfig {
            is_enabled: raw.fallback_enabled.unwrap_or(default.fallback.is_enabled),
        },
    }
}
