//! Decides what follows a failed attempt: the same server again after a wait, the next candidate, or
//! the end. One budget is for the whole request, whatever it tries.
//!
//! The wait is exponential with full jitter: anything from nothing to a limit that doubles. Where the
//! model server names a wait (`Retry-After`, RFC 9110 section 10.2.3) it is kept to the full, with the
//! jitter on top, so that those who were turned away together do not come back together.

use std::time::{Duration, Instant};

use owlcoda_config::RetryConfig;

use crate::policy::{Failure, FailureKind};

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ask the same model again after this time.
    RetryAfter(Duration),
    /// Ask the next candidate now.
    NextCandidate,
    /// Tell the caller.
    GiveUp,
}

/// Whether another candidate could be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// There is at least one.
    Left,
    /// There is none.
    None,
}

/// What a request may still spend on failures.
#[derive(Clone, Debug)]
pub struct Retry {
    config: RetryConfig,
    /// When the request came.
    started: Instant,
    /// Repetitions so far.
    n_retries: u32,
    /// Of these, the ones at the present candidate.
    n_here: u32,
    /// Waits so far.
    waited: Duration,
}

impl Retry {
    /// The whole budget of a request that came at `started`.
    pub fn new(config: RetryConfig, started: Instant) -> Self {
        Self {
            config,
            started,
            n_retries: 0,
            n_here: 0,
            waited: Duration::ZERO,
        }
    }

    /// What follows `failure`, and takes it from the budget. `random` is any number, each as likely.
    pub fn after(
        &mut self,
        failure: &Failure,
        others: Others,
        now: Instant,
        random: u64,
    ) -> Verdict {
        let has_next = others == Others::Left && failure.kind.allows_fallback();
        match self.wait(failure, now, random) {
            Some(wait) if !(has_next && self.is_better_elsewhere(failure)) => {
                self.n_retries += 1;
                self.n_here += 1;
                self.waited += wait;
                Verdict::RetryAfter(wait)
            }
            _ => self.elsewhere(failure, others, now),
        }
    }

    /// What follows `failure` where the same model must not be asked again. Never
    /// [`Verdict::RetryAfter`].
    pub fn elsewhere(&mut self, failure: &Failure, others: Others, now: Instant) -> Verdict {
        if others == Others::None || !failure.kind.allows_fallback() || self.is_over(now) {
            return Verdict::GiveUp;
        }
        self.n_here = 0;
        Verdict::NextCandidate
    }

    /// The wait before a repetition, where the budget allows one.
    fn wait(&self, failure: &Failure, now: Instant, random: u64) -> Option<Duration> {
        if !failure.kind.is_worth_repeating() || self.n_retries >= self.config.max_retries {
            return None;
        }
        let left = self.left(now);
        let asked_for = failure.retry_after.unwrap_or_default();
        let wait = asked_for.saturating_add(self.jitter(random));
        // Without a time to keep, a short rest of the budget is better used than given up.
        (!left.is_zero() && asked_for <= left).then_some(wait.min(left))
    }

    /// Whether the next candidate answers sooner than this one could.
    fn is_better_elsewhere(&self, failure: &Failure) -> bool {
        failure.kind == FailureKind::Connect
            || failure
                .retry_after
                .is_some_and(|wait| wait > self.config.max_delay)
    }

    fn jitter(&self, random: u64) -> Duration {
        let doubled = 2_u32
            .checked_pow(self.n_here)
            .and_then(|times| self.config.base_delay.checked_mul(times));
        // A base above the usual end is somebody's wish.
        let end = self.config.max_delay.max(self.config.base_delay);
        let most = doubled.unwrap_or(end).min(end);
        let nanos = (most.as_nanos() * u128::from(random)) >> u64::BITS;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Time that may still be waited.
    fn left(&self, now: Instant) -> Duration {
        let waits = self.config.max_wait.saturating_sub(self.waited);
        let passed = now.saturating_duration_since(self.started);
        self.config
            .deadline
            .map_or(waits, |deadline| waits.min(deadline.saturating_sub(passed)))
    }

    fn is_over(&self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.started);
        self.config
            .deadline
            .is_some_and(|deadline| passed >= deadline)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: u64 = u64::MAX;

    fn server() -> Failure {
        Failure::new(FailureKind::Server)
    }

    fn limited(secs: u64) -> Failure {
        Failure {
            kind: FailureKind::RateLimited,
            retry_after: Some(Duration::from_secs(secs)),
        }
    }

    fn ms(verdict: Verdict) -> u128 {
        match verdict {
            Verdict::RetryAfter(wait) => wait.as_nanos().div_ceil(1_000_000),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_limit_of_the_wait_doubles_and_ends_at_two_seconds() {
        let now = Instant::now();
        let config = RetryConfig {
            max_retries: 10,
            ..RetryConfig::default()
        };
        let mut retry = Retry::new(config, now);
        let waits: Vec<_> = (0..7)
            .map(|_| ms(retry.after(&server(), Others::None, now, MOST)))
            .collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 2000, 2000]);
        let mut retry = Retry::new(config, now);
        assert_eq!(ms(retry.after(&server(), Others::None, now, MOST / 2)), 50);
        assert_eq!(ms(retry.after(&server(), Others::None, now, 0)), 0);
    }

    #[test]
    fn three_repetitions_are_for_the_whole_request_and_not_for_each_candidate() {
        let now = Instant::now();
        let mut retry = Retry::new(RetryConfig::default(), now);
        let mut verdict = || retry.after(&server(), Others::Left, now, MOST);
        assert_eq!(
            [ms(verdict()), ms(verdict()), ms(verdict())],
            [100, 200, 400]
        );
        assert_eq!(verdict(), Verdict::NextCandidate);
        assert_eq!(verdict(), Verdict::NextCandidate);
        let last = retry.after(&server(), Others::None, now, MOST);
        assert_eq!(last, Verdict::GiveUp);
    }

    #[test]
    fn the_wait_begins_small_again_at_another_model() {
        let now = Instant::now();
        let mut retry = Retry::new(RetryConfig::default(), now);
        let mut after = |kind| retry.after(&Failure::new(kind), Others::Left, now, MOST);
        assert_eq!(ms(after(FailureKind::Server)), 100);
        assert_eq!(after(FailureKind::Timeout), Verdict::NextCandidate);
        assert_eq!(ms(after(FailureKind::Server)), 100);
    }

    #[test]
    fn each_kind_of_failure_leads_where_its_row_says() {
        use FailureKind as K;
        let again = |verdict| matches!(verdict, Verdict::RetryAfter(_));
        let cases = [
            (K::Connect, false, Verdict::NextCandidate, true),
            (K::Interrupted, true, Verdict::NextCandidate, true),
            (K::Server, true, Verdict::NextCandidate, true),
            (K::BadAnswer, true, Verdict::NextCandidate, true),
            (K::RateLimited, true, Verdict::NextCandidate, true),
            (K::Timeout, false, Verdict::NextCandidate, false),
            (K::Unfit, false, Verdict::NextCandidate, false),
            (K::Refused, false, Verdict::GiveUp, false),
        ];
        for (kind, is_repeated, then, is_repeated_alone) in cases {
            let now = Instant::now();
            let failure = Failure::new(kind);
            let first =
                |others| Retry::new(RetryConfig::default(), now).after(&failure, others, now, MOST);
            assert_eq!(again(first(Others::Left)), is_repeated, "{kind:?}");
            assert_eq!(again(first(Others::None)), is_repeated_alone, "{kind:?}");
            let spent = RetryConfig {
                max_retries: 0,
                ..RetryConfig::default()
            };
            let verdict = |others| Retry::new(spent, now).after(&failure, others, now, MOST);
            assert_eq!(verdict(Others::Left), then, "{kind:?}");
            assert_eq!(verdict(Others::None), Verdict::GiveUp, "{kind:?}");
        }
    }

    #[test]
    fn the_wait_that_a_server_asks_for_is_kept_where_it_fits() {
        let now = Instant::now();
        let cases = [
            // A short one is kept even where others could serve, a long one only without them.
            (1, Others::Left, Some(1100)),
            (20, Others::Left, None),
            (20, Others::None, Some(20_100)),
        ];
        for (secs, others, expected) in cases {
            let mut retry = Retry::new(RetryConfig::default(), now);
            let verdict = retry.after(&limited(secs), others, now, MOST);
            match expected {
                Some(wait) => assert_eq!(ms(verdict), wait, "{secs} {others:?}"),
                None => assert_eq!(verdict, Verdict::NextCandidate, "{secs}"),
            }
        }
        let mut retry = Retry::new(RetryConfig::default(), now);
        let verdict = retry.after(&limited(31), Others::None, now, MOST);
        assert_eq!(verdict, Verdict::GiveUp, "a longer one is the caller's");
        let mut retry = Retry::new(RetryConfig::default(), now);
        let verdict = retry.after(&limited(30), Others::None, now, MOST);
        assert_eq!(ms(verdict), 30_000, "the jitter gives way to the budget");
    }

    #[test]
    fn nothing_begins_after_the_deadline_of_the_request() {
        let start = Instant::now();
        let config = RetryConfig {
            deadline: Some(Duration::from_secs(10)),
            ..RetryConfig::default()
        };
        let at = |secs| start + Duration::from_secs(secs);
        let cases = [
            (9, limited(1), true),
            (9, limited(2), false),
            (10, server(), false),
            (99, server(), false),
        ];
        for (secs, failure, is_repeated) in cases {
            let verdict = Retry::new(config, start).after(&failure, Others::None, at(secs), MOST);
            let is_again = matches!(verdict, Verdict::RetryAfter(_));
            assert_eq!(is_again, is_repeated, "{secs}");
        }
        let timeout = Failure::new(FailureKind::Timeout);
        let mut retry = Retry::new(config, start);
        let verdict = retry.after(&timeout, Others::Left, at(9), MOST);
        assert_eq!(verdict, Verdict::NextCandidate);
        let verdict = retry.after(&timeout, Others::Left, at(10), MOST);
        assert_eq!(verdict, Verdict::GiveUp);
    }

    #[test]
    fn without_a_deadline_a_long_silence_still_leads_to_another_model() {
        let start = Instant::now();
        let later = start + Duration::from_mins(10);
        let timeout = Failure::new(FailureKind::Timeout);
        let mut retry = Retry::new(RetryConfig::default(), start);
        let verdict = retry.after(&timeout, Others::Left, later, MOST);
        assert_eq!(verdict, Verdict::NextCandidate);
    }

    fn failures() -> impl Strategy<Value = Vec<(Failure, bool, u64, u64)>> {
        let kind = prop::sample::select(vec![
            FailureKind::Connect,
            FailureKind::Interrupted,
            FailureKind::Server,
            FailureKind::Timeout,
            FailureKind::RateLimited,
        ]);
        let failure = (kind, prop::option::of(0_u64..20_000)).prop_map(|(kind, ms)| Failure {
            kind,
            retry_after: ms.map(Duration::from_millis),
        });
        let one = (failure, any::<bool>(), any::<u64>(), 0_u64..5_000);
        prop::collection::vec(one, 1..60)
    }

    proptest! {
        #[test]
        fn waits_and_repetitions_never_exceed_the_budget_of_the_request(
            failures in failures(),
            max_retries in 0_u32..11,
            base_ms in 100_u64..100_000,
            max_wait_ms in 0_u64..60_000,
            deadline_ms in prop::option::of(1_000_u64..60_000),
        ) {
            let ms = Duration::from_millis;
            let config = RetryConfig {
                max_retries,
                base_delay: ms(base_ms),
                max_wait: ms(max_wait_ms),
                deadline: deadline_ms.map(ms),
                ..RetryConfig::default()
            };
            let start = Instant::now();
            let (mut now, mut waited, mut n_again) = (start, Duration::ZERO, 0);
            let mut retry = Retry::new(config, start);
            for (failure, has_others, random, took_ms) in failures {
                now += ms(took_ms);
                let others = if has_others { Others::Left } else { Others::None };
                match retry.after(&failure, others, now, random) {
                    Verdict::RetryAfter(wait) => {
                        prop_assert!(failure.retry_after.is_none_or(|least| wait >= least));
                        n_again += 1;
                        waited += wait;
                        now += wait;
                    }
                    Verdict::NextCandidate => prop_assert!(has_others),
                    Verdict::GiveUp => break,
                }
                prop_assert!(config.deadline.is_none_or(|end| now <= start + end));
            }
            prop_assert!(waited <= config.max_wait);
            prop_assert!(n_again <= max_retries);
        }
    }
}
