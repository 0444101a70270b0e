//! Limits how often something may be asked, evenly over time and with a burst.
//!
//! A bucket holds at most one minute's worth of tokens and starts full; a call takes one. Tokens
//! come back continuously. The arithmetic is in whole numbers, so no rounding ever grants a token
//! too many, whatever the rate.
//!
//! A moment is an [`Instant`], here and in the whole of `policy`, and a length is a `Duration`:
//! mixing them up does not compile, and a paused clock of tests makes both.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// Nanoseconds in a minute, and so what one token weighs: at a rate of `n` a minute, each
/// nanosecond brings `n` of these.
const TOKEN: u128 = 60_000_000_000;

/// How long to wait for the next token. More than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryIn(pub Duration);

/// A token bucket. Pure: who has it passes the time.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Tokens a minute and at most. None: no limit.
    per_minute: Option<NonZeroU64>,
    /// Weight of the tokens there were at `filled_at`.
    level: u128,
    filled_at: Instant,
}

impl Bucket {
    /// A full bucket. `per_minute` None: no limit.
    pub fn new(per_minute: Option<NonZeroU64>, now: Instant) -> Self {
        Self {
            per_minute,
            level: full(per_minute),
            filled_at: now,
        }
    }

    /// Takes a token, or says when there will be one.
    pub fn try_take(&mut self, now: Instant) -> Result<(), RetryIn> {
        let Some(per_minute) = self.per_minute else {
            return Ok(());
        };
        self.fill(now);
        let Some(rest) = self.level.checked_sub(TOKEN) else {
            let missing = TOKEN - self.level;
            let nanos = missing.div_ceil(u128::from(per_minute.get()));
            // At most a minute.
            let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
            return Err(RetryIn(Duration::from_nanos(nanos)));
        };
        self.level = rest;
        Ok(())
    }

    /// Sets another rate. The bucket stays as full as it was, in proportion: a reload is neither a
    /// refill nor a punishment. One that had no limit is full.
    pub fn set_rate(&mut self, per_minute: Option<NonZeroU64>, now: Instant) {
        if per_minute == self.per_minute {
            return;
        }
        self.fill(now);
        self.level = match (self.per_minute, per_minute) {
            (Some(old), Some(new)) => {
                let (old, new) = (u128::from(old.get()), u128::from(new.get()));
                // Divided first, because the product of all three does not fit.
                (self.level / old) * new + (self.level % old) * new / old
            }
            _ => full(per_minute),
        };
        self.per_minute = per_minute;
    }

    fn fill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.filled_at);
        if since.is_zero() {
            return;
        }
        self.filled_at = now;
        let rate = self.per_minute.map_or(0, NonZeroU64::get);
        let came = since.as_nanos().saturating_mul(u128::from(rate));
        self.level = self.level.saturating_add(came).min(full(self.per_minute));
    }
}

/// Weight of a full bucket.
fn full(per_minute: Option<NonZeroU64>) -> u128 {
    per_minute.map_or(0, |n| u128::from(n.get()) * TOKEN)
}

/// Who makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// A caller of the HTTP API.
    Callers,
    /// The agent of this daemon.
    Agent,
}

/// The buckets of one model: a full rate for callers and another for our own agent, so that a long
/// turn never shuts callers out and they never stop a turn. What reaches the model server is at
/// most the sum.
#[derive(Clone, Debug)]
pub struct Shares {
    callers: Bucket,
    agent: Bucket,
}

impl Shares {
    /// Full buckets. `per_minute` None: no limit.
    pub fn new(per_minute: Option<NonZeroU64>, now: Instant) -> Self {
        let bucket = Bucket::new(per_minute, now);
        Self {
            callers: bucket.clone(),
            agent: bucket,
        }
    }

    /// The bucket of `share`.
    pub fn of(&mut self, share: Share) -> &mut Bucket {
        match share {
            Share::Callers => &mut self.callers,
            Share::Agent => &mut self.agent,
        }
    }

    /// Sets another rate for both, see [`Bucket::set_rate`].
    pub fn set_rate(&mut self, per_minute: Option<NonZeroU64>, now: Instant) {
        self.callers.set_rate(per_minute, now);
        self.agent.set_rate(per_minute, now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(per_minute: u64) -> Option<NonZeroU64> {
        NonZeroU64::new(per_minute)
    }

    fn granted(bucket: &mut Bucket, n_asked: u64, now: Instant) -> u64 {
        (0..n_asked)
            .map(|_| u64::from(bucket.try_take(now).is_ok()))
            .sum()
    }

    #[test]
    fn a_minute_s_worth_may_come_at_once_and_then_one_by_one() {
        let start = Instant::now();
        let mut bucket = Bucket::new(rate(60), start);
        assert_eq!(granted(&mut bucket, 75, start), 60);
        let second = Duration::from_secs(1);
        assert_eq!(bucket.try_take(start), Err(RetryIn(second)));
        assert_eq!(granted(&mut bucket, 3, start + second), 1);
        assert_eq!(granted(&mut bucket, 99, start + 60 * second + second), 60);
    }

    #[test]
    fn a_call_after_the_wait_that_was_named_is_let_through_and_none_before() {
        for per_minute in [1, 7, 60, 1_000_000_007, u64::MAX] {
            let start = Instant::now();
            let mut bucket = Bucket::new(rate(per_minute), start);
            bucket.level = 0;
            let RetryIn(wait) = bucket.try_take(start).unwrap_err();
            let early = start + wait.saturating_sub(Duration::from_nanos(1));
            assert!(bucket.clone().try_take(early).is_err(), "{per_minute}");
            assert_eq!(bucket.try_take(start + wait), Ok(()), "{per_minute}");
        }
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        let start = Instant::now();
        assert_eq!(
            granted(&mut Bucket::new(None, start), 10_000, start),
            10_000
        );
    }

    #[test]
    fn a_new_rate_keeps_the_bucket_as_full_as_it_was() {
        let start = Instant::now();
        let mut bucket = Bucket::new(rate(60), start);
        assert_eq!(granted(&mut bucket, 45, start), 45);
        bucket.set_rate(rate(120), start);
        assert_eq!(granted(&mut bucket.clone(), 999, start), 30);
        bucket.set_rate(rate(4), start);
        assert_eq!(granted(&mut bucket.clone(), 999, start), 1);
        bucket.set_rate(rate(4), start);
        bucket.set_rate(None, start);
        bucket.set_rate(rate(8), start);
        assert_eq!(granted(&mut bucket, 999, start), 8, "had no limit");
    }

    #[test]
    fn the_agent_and_callers_do_not_take_from_each_other() {
        let start = Instant::now();
        let mut shares = Shares::new(rate(5), start);
        for (greedy, patient) in [
            (Share::Callers, Share::Agent),
            (Share::Agent, Share::Callers),
        ] {
            assert_eq!(granted(shares.of(greedy), 99, start), 5);
            assert_eq!(granted(&mut shares.of(patient).clone(), 99, start), 5);
            shares = Shares::new(rate(5), start);
        }
    }

    #[test]
    fn time_that_runs_backwards_brings_nothing() {
        let earlier = Instant::now();
        let start = earlier + Duration::from_mins(1);
        let mut bucket = Bucket::new(rate(1), start);
        assert_eq!(bucket.try_take(start), Ok(()));
        assert!(bucket.try_take(earlier).is_err());
        assert!(bucket.try_take(start).is_err());
    }

    proptest! {
        #[test]
        fn no_window_grants_more_than_a_full_bucket_and_what_came_in_meanwhile(
            per_minute in 1_u64..400,
            pauses_ms in prop::collection::vec(0_u64..3_000, 1..400),
        ) {
            let start = Instant::now();
            let mut bucket = Bucket::new(rate(per_minute), start);
            let mut now = start;
            let mut grants = Vec::new();
            for pause in pauses_ms {
                now += Duration::from_millis(pause);
                if bucket.try_take(now).is_ok() {
                    grants.push(now);
                }
            }
            for (first_idx, first) in grants.iter().enumerate() {
                for (last_idx, last) in grants.iter().enumerate().skip(first_idx) {
                    let n_granted = (last_idx - first_idx + 1) as u128;
                    let came = (*last - *first).as_nanos() * u128::from(per_minute) / TOKEN;
                    prop_assert!(n_granted <= u128::from(per_minute) + came);
                }
            }
        }

        #[test]
        fn whatever_rates_follow_each_other_the_bucket_never_overflows(
            rates in prop::collection::vec(prop::option::of(any::<u64>()), 1..20),
            pause_secs in 0_u64..10_000_000,
        ) {
            let mut now = Instant::now();
            let mut bucket = Bucket::new(rate(60), now);
            for next in rates {
                now += Duration::from_secs(pause_secs);
                bucket.set_rate(next.and_then(rate), now);
                prop_assert!(bucket.level <= full(bucket.per_minute));
                let _ = bucket.try_take(now);
            }
        }
    }
}
