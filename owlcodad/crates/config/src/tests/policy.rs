//! Limits, retries and fallback: from the file to values, before anything uses them.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde_json::json;

use super::{good, no_env, said};
use crate::{
    BreakerConfig, FallbackConfig, FileTrust, PolicyConfig, RateLimitConfig, RetryConfig, code,
};

#[test]
fn the_policy_of_the_file_is_the_policy_in_use() {
    let text = json!({"middleware": {
        "rateLimitRpm": 1_000_000_000_000_u64, "retryMaxAttempts": 7, "retryBaseDelayMs": 250,
        "fallbackEnabled": false, "circuitBreakerThreshold": 9,
        "circuitBreakerCooldownMs": 1500, "requestTimeoutMs": 90_000,
    }});
    let ms = Duration::from_millis;
    assert_eq!(
        good(&text.to_string()).config.policy,
        PolicyConfig {
            rate_limit: RateLimitConfig {
                per_minute: NonZeroU64::new(1_000_000_000_000),
            },
            retry: RetryConfig {
                max_retries: 7,
                base_delay: ms(250),
                deadline: Some(ms(90_000)),
                ..RetryConfig::default()
            },
            breaker: BreakerConfig {
                threshold: NonZeroU32::new(9).unwrap(),
                cooldown: ms(1500),
            },
            fallback: FallbackConfig { is_enabled: false },
        }
    );
}

#[test]
fn a_rate_of_nothing_a_minute_is_no_limit() {
    let config = good(r#"{"middleware": {"rateLimitRpm": 0}}"#).config;
    assert_eq!(config.policy.rate_limit.per_minute, None);
}

#[test]
fn a_policy_out_of_its_range_is_refused_at_its_place() {
    let cases = [
        ("rateLimitRpm", json!(-1)),
        ("rateLimitRpm", json!(1.5)),
        ("retryMaxAttempts", json!(11)),
        ("retryBaseDelayMs", json!(99)),
        ("circuitBreakerThreshold", json!(0)),
        ("circuitBreakerThreshold", json!(101)),
        ("circuitBreakerCooldownMs", json!(999)),
        ("requestTimeoutMs", json!(999)),
    ];
    for (name, value) in cases {
        let text = json!({"middleware": {name: value}}).to_string();
        let problems = said(&text, &no_env(), &FileTrust::FULL);
        let found: Vec<_> = problems.iter().map(|it| (it.code, &*it.path)).collect();
        let place = format!("middleware.{name}");
        assert_eq!(found, [(code::OUT_OF_RANGE, &*place)], "{text}");
    }
}

#[test]
fn a_usual_address_that_is_our_own_is_not_asked_for_models() {
    let endpoints = |port: u16| {
        let config = good(&json!({"port": port}).to_string()).config;
        let endpoints = config.discovery.endpoints.iter();
        endpoints.map(crate::EndpointUrl::id).collect::<Vec<_>>()
    };
    let all = endpoints(8019);
    assert!(all.contains(&"127.0.0.1:8080".to_owned()), "{all:?}");
    let others = endpoints(8080);
    assert_eq!(others.len(), all.len() - 1);
    assert!(!others.contains(&"127.0.0.1:8080".to_owned()), "{others:?}");
}
