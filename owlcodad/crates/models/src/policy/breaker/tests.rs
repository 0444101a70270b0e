//! Behaviour of a breaker over its life.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn config(threshold: u32) -> BreakerConfig {
    BreakerConfig {
        threshold: NonZeroU32::new(threshold).unwrap(),
        cooldown: MINUTE,
    }
}

fn fail(breaker: &Breaker, now: Instant) {
    let permit = breaker.try_enter(now).unwrap();
    permit.fail(FailureKind::Server, now);
}

/// A breaker that its last failure opened at `now`.
fn open(now: Instant) -> Breaker {
    let breaker = Breaker::new(config(5));
    for _ in 0..5 {
        fail(&breaker, now);
    }
    breaker
}

fn state(breaker: &Breaker, now: Instant) -> BreakerState {
    breaker.view(now).state
}

#[test]
fn five_failures_in_a_row_close_the_way_for_a_minute() {
    let now = Instant::now();
    let breaker = Breaker::new(BreakerConfig::default());
    for n_failed in 0..5 {
        assert_eq!(breaker.view(now).n_failures, n_failed);
        fail(&breaker, now);
    }
    let refused = breaker.try_enter(now + MINUTE / 4).unwrap_err();
    let expected = OpenUntil {
        n_failures: 5,
        retry_in: MINUTE * 3 / 4,
    };
    assert_eq!(refused, expected);
    let view = BreakerView {
        state: BreakerState::Open,
        n_failures: 5,
        retry_in: Some(MINUTE * 3 / 4),
    };
    assert_eq!(breaker.view(now + MINUTE / 4), view);
}

#[test]
fn a_success_in_between_starts_the_count_anew() {
    let now = Instant::now();
    let breaker = Breaker::new(config(2));
    for _ in 0..10 {
        fail(&breaker, now);
        breaker.try_enter(now).unwrap().succeed();
    }
    assert_eq!(state(&breaker, now), BreakerState::Closed);
    assert_eq!(breaker.view(now).n_failures, 0);
}

#[test]
fn what_is_not_the_server_s_fault_never_counts_and_never_forgives() {
    let now = Instant::now();
    let breaker = Breaker::new(config(2));
    fail(&breaker, now);
    for kind in [
        FailureKind::Refused,
        FailureKind::RateLimited,
        FailureKind::Unfit,
    ] {
        for _ in 0..10 {
            breaker.try_enter(now).unwrap().fail(kind, now);
        }
    }
    drop(breaker.try_enter(now).unwrap());
    assert_eq!(breaker.view(now).n_failures, 1);
    fail(&breaker, now);
    assert_eq!(state(&breaker, now), BreakerState::Open);
}

#[test]
fn one_that_is_closed_by_hand_lets_everything_through_and_forgets_what_was_under_way() {
    let now = Instant::now();
    let breaker = Breaker::new(config(1));
    let before = breaker.try_enter(now).unwrap();
    fail(&breaker, now);
    assert_eq!(breaker.reset(now), BreakerState::Open);
    assert_eq!(state(&breaker, now), BreakerState::Closed);
    before.fail(FailureKind::Server, now);
    assert_eq!(breaker.view(now).n_failures, 0);
    assert_eq!(breaker.reset(now), BreakerState::Closed);
}

#[test]
fn after_the_cool_down_a_single_request_is_let_through() {
    let now = Instant::now();
    let breaker = open(now);
    let later = now + MINUTE;
    assert_eq!(state(&breaker, later), BreakerState::HalfOpen);
    let probe = breaker.try_enter(later).unwrap();
    assert!(probe.is_probe());
    let refused = breaker.try_enter(later + MINUTE).unwrap_err();
    assert_eq!(refused.retry_in, Duration::ZERO);
    probe.succeed();
    assert_eq!(state(&breaker, later), BreakerState::Closed);
    let (one, other) = (breaker.try_enter(later), breaker.try_enter(later));
    assert!(one.is_ok_and(|permit| !permit.is_probe()) && other.is_ok());
}

#[test]
fn a_probe_that_fails_opens_it_for_another_whole_minute() {
    let now = Instant::now();
    let breaker = open(now);
    let later = now + MINUTE;
    fail(&breaker, later);
    let refused = breaker.try_enter(later).unwrap_err();
    let expected = OpenUntil {
        n_failures: 6,
        retry_in: MINUTE,
    };
    assert_eq!(refused, expected);
}

#[test]
fn a_probe_that_tells_nothing_makes_way_for_the_next() {
    let now = Instant::now();
    let breaker = open(now);
    let later = now + MINUTE;
    drop(breaker.try_enter(later).unwrap());
    let probe = breaker.try_enter(later).unwrap();
    probe.fail(FailureKind::Refused, later);
    assert!(breaker.try_enter(later).unwrap().is_probe());
}

#[test]
fn the_first_event_of_a_probe_lets_others_in_and_its_breaking_off_shuts_them_out() {
    let now = Instant::now();
    let later = now + MINUTE;
    for breaks_off in [false, true] {
        let breaker = open(now);
        let mut probe = breaker.try_enter(later).unwrap();
        probe.answered();
        assert!(breaker.try_enter(later).is_ok());
        if breaks_off {
            probe.fail(FailureKind::Interrupted, later);
            assert_eq!(state(&breaker, later), BreakerState::Open);
        } else {
            probe.succeed();
            assert_eq!(breaker.view(later).n_failures, 0);
        }
    }
}

#[test]
fn what_began_before_the_breaker_opened_says_nothing_about_what_is_now() {
    let now = Instant::now();
    let later = now + MINUTE;
    let breaker = Breaker::new(config(1));
    let (slow, slower) = (breaker.try_enter(now).unwrap(), breaker.try_enter(now));
    fail(&breaker, now);
    assert!(!slow.is_current());
    slow.succeed();
    assert_eq!(state(&breaker, now), BreakerState::Open);
    let probe = breaker.try_enter(later).unwrap();
    slower.unwrap().fail(FailureKind::Timeout, later);
    assert!(probe.is_probe(), "an old failure does not end the trial");
}

#[test]
fn other_settings_hold_at_once_and_keep_what_was_counted() {
    let now = Instant::now();
    let breaker = open(now);
    breaker.configure(BreakerConfig {
        cooldown: MINUTE / 2,
        ..config(5)
    });
    assert_eq!(state(&breaker, now + MINUTE / 2), BreakerState::HalfOpen);
    breaker.configure(BreakerConfig {
        cooldown: Duration::MAX,
        ..config(5)
    });
    assert_eq!(state(&breaker, now + MINUTE), BreakerState::Open);
    let breaker = Breaker::new(config(5));
    fail(&breaker, now);
    breaker.configure(config(2));
    fail(&breaker, now);
    assert_eq!(state(&breaker, now), BreakerState::Open);
}

/// What may happen to a breaker, in any order.
#[derive(Clone, Debug)]
enum Step {
    Enter,
    Answer(usize),
    Succeed(usize),
    Fail(usize),
    FailOfTheCaller(usize),
    Lose(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0_usize..8;
    let step = prop_oneof![
        3 => Just(Step::Enter),
        1 => which.clone().prop_map(Step::Answer),
        1 => which.clone().prop_map(Step::Succeed),
        3 => which.clone().prop_map(Step::Fail),
        1 => which.clone().prop_map(Step::FailOfTheCaller),
        1 => which.prop_map(Step::Lose),
        1 => (0_u64..90).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn whatever_happens_at_most_one_probe_is_under_way_and_an_open_breaker_lets_none_in(
        steps in steps(),
        threshold in 1_u32..4,
    ) {
        let breaker = Breaker::new(config(threshold));
        let mut now = Instant::now();
        let mut permits: Vec<Permit> = Vec::new();
        for step in steps {
            let before = state(&breaker, now);
            let take = |permits: &mut Vec<Permit>, which: usize| {
                (which < permits.len()).then(|| permits.swap_remove(which))
            };
            match step {
                Step::Enter => {
                    let n_probes = permits.iter().filter(|permit| permit.is_probe()).count();
                    let was_promised = breaker.may_enter(now);
                    let entered = breaker.try_enter(now);
                    prop_assert_eq!(entered.is_ok(), was_promised);
                    let may_enter = match before {
                        BreakerState::Closed => true,
                        BreakerState::Open => false,
                        BreakerState::HalfOpen => n_probes == 0,
                    };
                    prop_assert_eq!(entered.is_ok(), may_enter, "{:?}", before);
                    permits.extend(entered);
                }
                Step::Answer(which) => {
                    if let Some(permit) = permits.get_mut(which) {
                        permit.answered();
                    }
                }
                Step::Succeed(which) => {
                    if let Some(permit) = take(&mut permits, which) {
                        permit.succeed();
                        prop_assert!(state(&breaker, now) == before || before != BreakerState::Open);
                    }
                }
                Step::Fail(which) => {
                    if let Some(permit) = take(&mut permits, which) {
                        let was_probe = permit.is_probe();
                        permit.fail(FailureKind::Server, now);
                        prop_assert!(!was_probe || state(&breaker, now) == BreakerState::Open);
                    }
                }
                Step::FailOfTheCaller(which) => {
                    if let Some(permit) = take(&mut permits, which) {
                        permit.fail(FailureKind::Refused, now);
                        prop_assert_eq!(state(&breaker, now), before);
                    }
                }
                Step::Lose(which) => {
                    drop(take(&mut permits, which));
                    prop_assert_eq!(state(&breaker, now), before);
                }
                Step::Pass(secs) => now += Duration::from_secs(secs),
            }
            let n_probes = permits.iter().filter(|permit| permit.is_probe()).count();
            prop_assert!(n_probes <= 1);
        }
        // However it went, the way is free again once nobody holds it.
        permits.clear();
        prop_assert!(breaker.try_enter(now + MINUTE).is_ok());
    }
}
