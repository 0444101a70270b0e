//! Behaviour of whole requests against models that fail, with time and chance passed in.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use owlcoda_config::{BreakerConfig, FallbackConfig, RateLimitConfig, RetryConfig};
use owlcoda_types::ErrorCode;
use proptest::prelude::*;

use super::*;
use crate::policy::world::{discovered, entry, registry};

const MOST: u64 = u64::MAX;
const SECOND: Duration = Duration::from_secs(1);

/// A configuration without repetitions, so that each failure leads on.
fn config() -> PolicyConfig {
    PolicyConfig {
        retry: RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        },
        ..PolicyConfig::default()
    }
}

/// Opens at the first failure.
fn touchy() -> PolicyConfig {
    PolicyConfig {
        breaker: BreakerConfig {
            threshold: NonZeroU32::MIN,
            ..BreakerConfig::default()
        },
        ..config()
    }
}

fn at_most(per_minute: u64, config: PolicyConfig) -> PolicyConfig {
    PolicyConfig {
        rate_limit: RateLimitConfig {
            per_minute: NonZeroU64::new(per_minute),
        },
        ..config
    }
}

struct Room {
    policy: Policy,
    registry: Registry,
    now: Instant,
}

impl Room {
    /// Models by id, each on the endpoint of that name.
    fn new(config: PolicyConfig, models: &[(&str, &str)]) -> Self {
        let entries: Vec<_> = models
            .iter()
            .map(|(id, host)| entry(id, host, "general"))
            .collect();
        Self::with(config, registry(&entries))
    }

    fn with(config: PolicyConfig, registry: Registry) -> Self {
        let now = Instant::now();
        let policy = Policy::default();
        policy.apply(config, &registry, now);
        Self {
            policy,
            registry,
            now,
        }
    }

    fn course(&self, name: &str) -> Course<'_> {
        self.course_of(name, Share::Callers)
    }

    fn course_of(&self, name: &str, share: Share) -> Course<'_> {
        let load = |model: &Model| self.policy.n_in_flight(model);
        let plan = Plan::try_new(&self.registry, name, load).unwrap();
        self.policy.begin(&self.registry, plan, share, self.now)
    }

    /// Everyone who is asked by a request that always fails so, and its end.
    fn failing(&self, name: &str, kind: FailureKind) -> (Vec<String>, Stop) {
        let mut course = self.course(name);
        let mut asked = Vec::new();
        let mut next = course.start(self.now);
        loop {
            match next {
                Ok(visit) => {
                    asked.push(visit.model().id.clone());
                    next = course.failed(visit, &Failure::new(kind), self.now, MOST);
                }
                Err(stop) => return (asked, stop),
            }
        }
    }

    fn state(&self, model: &str) -> BreakerState {
        let health = self.policy.health(self.now);
        let of_model = health.iter().find(|health| health.model == model);
        of_model.unwrap().breaker.state
    }
}

#[test]
fn a_request_is_repeated_and_then_answered_by_another_server() {
    let config = PolicyConfig::default();
    let room = Room::new(config, &[("a", "e1"), ("same", "e1"), ("b", "e2")]);
    let (asked, stop) = room.failing("a", FailureKind::Server);
    assert_eq!(asked, ["a", "a", "a", "a", "b", "same"]);
    assert_eq!((stop.code(), stop), (None, Stop::Exhausted));
}

#[test]
fn the_wait_before_a_repetition_is_on_the_visit() {
    let room = Room::new(PolicyConfig::default(), &[("a", "e1")]);
    let mut course = room.course("a");
    let visit = course.start(room.now).unwrap();
    assert_eq!(visit.wait(), Duration::ZERO);
    let failure = Failure {
        kind: FailureKind::RateLimited,
        retry_after: Some(7 * SECOND),
    };
    let visit = course.failed(visit, &failure, room.now, 0).unwrap();
    assert_eq!(visit.wait(), 7 * SECOND);
    assert!(!visit.is_fallback());
}

#[test]
fn a_refusal_reaches_the_caller_and_nobody_else_is_asked() {
    let room = Room::new(PolicyConfig::default(), &[("a", "e1"), ("b", "e2")]);
    for _ in 0..20 {
        let (asked, stop) = room.failing("a", FailureKind::Refused);
        assert_eq!((asked, stop), (vec!["a".to_owned()], Stop::Exhausted));
    }
    assert_eq!(room.state("a"), BreakerState::Closed);
}

#[test]
fn a_stand_in_that_refuses_makes_way_for_the_next() {
    let servers: [(&str, &[&str]); 4] = [
        ("e1", &["qwen"]),
        ("e2", &["qwen"]),
        ("e3", &["llama"]),
        ("e4", &["phi"]),
    ];
    let room = Room::with(config(), discovered(&servers));
    let mut course = room.course("qwen");
    let visit = course.start(room.now).unwrap();
    let mut failure = Failure::new(FailureKind::Server);
    let mut visit = course.failed(visit, &failure, room.now, MOST).unwrap();
    failure.kind = FailureKind::Refused;
    for (stand_in, next) in [("qwen@e2:80", "llama"), ("llama", "phi")] {
        assert_eq!(visit.model().id, stand_in);
        visit = course.failed(visit, &failure, room.now, MOST).unwrap();
        assert_eq!(visit.model().id, next);
    }
    let stop = course.failed(visit, &failure, room.now, MOST).unwrap_err();
    assert_eq!(stop, Stop::Exhausted);
    for model in ["qwen@e2:80", "llama", "phi"] {
        assert_eq!(room.state(model), BreakerState::Closed, "{model}");
    }
}

#[test]
fn no_other_model_answers_where_the_configuration_says_so() {
    let off = PolicyConfig {
        fallback: FallbackConfig { is_enabled: false },
        ..config()
    };
    let room = Room::new(off, &[("a", "e1"), ("b", "e2")]);
    assert_eq!(room.failing("a", FailureKind::Timeout).0, ["a"]);
}

#[test]
fn a_server_that_cannot_be_reached_is_asked_again_only_after_the_others() {
    let models = [
        ("a", "e1"),
        ("b1", "e2"),
        ("c1", "e3"),
        ("b2", "e2"),
        ("a2", "e1"),
    ];
    let room = Room::new(config(), &models);
    let (asked, _) = room.failing("a", FailureKind::Server);
    assert_eq!(asked, ["a", "b1", "c1", "b2", "a2"]);

    let room = Room::new(config(), &models);
    let mut course = room.course("a");
    let fail = |course: &mut Course<'_>, visit, kind| {
        let failure = Failure::new(kind);
        course.failed(visit, &failure, room.now, MOST).unwrap()
    };
    let visit = course.start(room.now).unwrap();
    let visit = fail(&mut course, visit, FailureKind::Server);
    let visit = fail(&mut course, visit, FailureKind::Connect);
    let visit = fail(&mut course, visit, FailureKind::Server);
    assert_eq!(visit.model().id, "a2", "not b2: its server is down");
    let visit = fail(&mut course, visit, FailureKind::Server);
    assert_eq!(visit.model().id, "b2");
}

#[test]
fn an_open_breaker_sends_requests_straight_to_another_model() {
    let room = Room::new(touchy(), &[("a", "e1"), ("b", "e2")]);
    let mut course = room.course("a");
    let visit = course.start(room.now).unwrap();
    let failure = Failure::new(FailureKind::Server);
    let visit = course.failed(visit, &failure, room.now, MOST).unwrap();
    assert!(visit.is_fallback());
    visit.succeed();
    assert_eq!(room.state("a"), BreakerState::Open);
    let visit = room.course("a").start(room.now).unwrap();
    assert_eq!(visit.model().id, "b");
}

#[test]
fn where_every_breaker_is_open_the_caller_hears_of_the_model_it_asked_for() {
    let mut room = Room::new(touchy(), &[("a", "e1"), ("b", "e2")]);
    room.failing("a", FailureKind::Server);
    room.now += 18 * SECOND;
    let stop = room.course("a").start(room.now).unwrap_err();
    assert_eq!(
        stop.to_string(),
        "`a` at `e1:80` failed once and is asked again in 42 s"
    );
    assert_eq!(stop.code(), Some(ErrorCode::Unavailable));
    assert_eq!(stop.retry_after(), Some(42 * SECOND));
}

#[test]
fn five_failed_requests_open_the_breaker_however_often_each_was_repeated() {
    let room = Room::new(PolicyConfig::default(), &[("a", "e1")]);
    for n_failed in 0..5 {
        assert_eq!(room.state("a"), BreakerState::Closed, "{n_failed}");
        assert_eq!(room.failing("a", FailureKind::Server).0.len(), 4);
    }
    let (asked, stop) = room.failing("a", FailureKind::Server);
    assert_eq!(asked, [""; 0]);
    assert_eq!(
        stop.to_string(),
        "`a` at `e1:80` failed 5 times in a row and is asked again in 60 s"
    );
}

#[test]
fn a_probe_is_asked_once_and_everyone_else_is_told_so_meanwhile() {
    let mut room = Room::new(PolicyConfig::default(), &[("a", "e1")]);
    for _ in 0..5 {
        room.failing("a", FailureKind::Server);
    }
    room.now += 60 * SECOND;
    let mut course = room.course("a");
    let probe = course.start(room.now).unwrap();
    let stop = room.course("a").start(room.now).unwrap_err();
    assert!(
        stop.to_string()
            .ends_with("is being tried again by another request"),
        "{stop}"
    );
    assert_eq!(stop.retry_after(), Some(SECOND));

    let failure = Failure::new(FailureKind::Server);
    let stop = course.failed(probe, &failure, room.now, MOST).unwrap_err();
    assert_eq!(stop, Stop::Exhausted);
    assert_eq!(room.state("a"), BreakerState::Open);
}

#[test]
fn a_caller_that_leaves_while_it_probes_makes_way_for_the_next() {
    let mut room = Room::new(touchy(), &[("a", "e1")]);
    room.failing("a", FailureKind::Server);
    room.now += 60 * SECOND;
    drop(room.course("a").start(room.now).unwrap());
    room.course("a").start(room.now).unwrap().succeed();
    assert_eq!(room.state("a"), BreakerState::Closed);
}

#[test]
fn nobody_goes_on_with_a_model_that_others_found_dead_meanwhile() {
    let once = PolicyConfig {
        retry: RetryConfig::default(),
        ..touchy()
    };
    let room = Room::new(once, &[("a", "e1"), ("b", "e2")]);
    let mut course = room.course("a");
    let visit = course.start(room.now).unwrap();
    room.failing("a", FailureKind::Timeout);
    let failure = Failure::new(FailureKind::Server);
    let stop = course.failed(visit, &failure, room.now, MOST).unwrap_err();
    assert_eq!(stop, Stop::Exhausted, "and neither with the other one");
}

#[test]
fn beyond_its_rate_a_model_is_not_asked_and_no_other_pays_for_that() {
    let room = Room::new(config(), &[("a", "e1"), ("b", "e2")]);
    let mut limits = Vec::new();
    for _ in 0..75 {
        match room.course("a").start(room.now) {
            Ok(visit) => visit.succeed(),
            Err(stop) => limits.push(stop),
        }
    }
    assert_eq!(limits.len(), 15);
    let stop = &limits[0];
    assert_eq!(
        stop.to_string(),
        "`a` is at its limit of calls per minute; try again in 1 s"
    );
    assert_eq!(stop.code(), Some(ErrorCode::RateLimited));
    assert_eq!(stop.retry_after(), Some(SECOND));
    let agent = room.course_of("a", Share::Agent).start(room.now);
    assert_eq!(agent.unwrap().model().id, "a", "the agent has its own");
}

#[test]
fn a_model_at_its_limit_answers_for_nobody_else() {
    let models = [("a", "e1"), ("b", "e2"), ("c", "e3")];
    let room = Room::new(at_most(1, touchy()), &models);
    room.course("b").start(room.now).unwrap().succeed();
    assert_eq!(room.failing("a", FailureKind::Server).0, ["a", "c"]);

    let room = Room::new(at_most(1, touchy()), &models[..2]);
    room.course("b").start(room.now).unwrap().succeed();
    let (asked, stop) = room.failing("a", FailureKind::Server);
    assert_eq!(asked, ["a"]);
    assert_eq!(stop, Stop::Exhausted, "the failure of `a` is what matters");

    let room = Room::new(at_most(1, touchy()), &models);
    room.course("b").start(room.now).unwrap().succeed();
    let mut course = room.course("a");
    let visit = course.start(room.now).unwrap();
    visit.fail(FailureKind::Interrupted, room.now);
    let visit = room.course("a").start(room.now).unwrap();
    assert_eq!(visit.model().id, "c", "`a` is open and `b` at its limit");
}

#[test]
fn a_model_that_no_other_can_stand_in_for_is_asked_again() {
    let touchy_and_patient = PolicyConfig {
        retry: RetryConfig::default(),
        ..touchy()
    };
    let room = Room::new(touchy_and_patient, &[("a", "e1"), ("b", "e2")]);
    let mut course = room.course("b");
    let visit = course.start(room.now).unwrap();
    visit.fail(FailureKind::Interrupted, room.now);
    let (asked, _) = room.failing("a", FailureKind::Connect);
    assert_eq!(asked, ["a", "a", "a", "a"]);
}

#[test]
fn an_equal_server_with_room_is_asked_where_the_first_is_at_its_limit() {
    let servers: [(&str, &[&str]); 3] = [("e1", &["qwen"]), ("e2", &["qwen"]), ("e3", &["llama"])];
    let room = Room::with(at_most(1, config()), discovered(&servers));
    let ask = || room.course("qwen").start(room.now).unwrap();
    // Each has left before the next one comes, so none is busier.
    let asked = [(); 2].map(|()| ask().model().endpoint_id());
    assert_eq!(asked, ["e1:80", "e2:80"]);

    let room = Room::with(at_most(1, config()), discovered(&servers));
    let second = room.course("qwen@e2").start(room.now);
    second.unwrap().succeed();
    let (asked, _) = room.failing("qwen", FailureKind::Server);
    assert_eq!(asked, ["qwen", "llama"], "a failure leads on, past a limit");
}

#[test]
fn of_equal_servers_the_least_busy_is_asked_and_the_one_with_room() {
    let servers: [(&str, &[&str]); 2] = [("e1", &["qwen"]), ("e2", &["qwen"])];
    let room = Room::with(at_most(2, config()), discovered(&servers));
    let ask = || room.course("qwen").start(room.now);
    let visits: Vec<_> = (0..4).map(|_| ask().unwrap()).collect();
    let asked: Vec<_> = visits
        .iter()
        .map(|visit| visit.model().endpoint_id())
        .collect();
    assert_eq!(asked, ["e1:80", "e2:80", "e1:80", "e2:80"]);
    drop(visits);
    let stop = ask().unwrap_err();
    assert!(matches!(stop, Stop::Limited { .. }), "{stop}");
    assert!(
        room.policy
            .health(room.now)
            .iter()
            .all(|health| health.n_in_flight == 0)
    );
}

#[test]
fn a_reload_keeps_what_is_known_of_models_that_stay_and_forgets_the_rest() {
    let mut room = Room::new(touchy(), &[("a", "e1"), ("b", "e2"), ("c", "e3")]);
    room.failing("a", FailureKind::Server);
    let under_way = room
        .policy
        .entry(room.registry.resolve("c").unwrap(), room.now);
    let _visit = InFlight::new(under_way);
    let models = [
        entry("a", "e1", "fast"),
        entry("b", "moved", "fast"),
        entry("c", "e3", "lab"),
    ];
    room.registry = registry(&models);
    room.policy.apply(touchy(), &room.registry, room.now);

    let health = room.policy.health(room.now);
    let seen: Vec<_> = health
        .iter()
        .map(|health| (&*health.endpoint, health.breaker.state, health.n_in_flight))
        .collect();
    let expected = [
        ("e1:80", BreakerState::Open, 0),
        ("e3:80", BreakerState::Open, 1),
        ("moved:80", BreakerState::Closed, 0),
    ];
    assert_eq!(seen, expected);
    let empty = registry(&[]);
    room.policy.apply(touchy(), &empty, room.now);
    assert_eq!(room.policy.health(room.now), []);
}

#[test]
fn a_reload_changes_the_rate_of_a_bucket_in_use() {
    let room = Room::new(config(), &[("a", "e1")]);
    let n_granted = || {
        let ask = || room.course("a").start(room.now);
        (0..1000).take_while(|_| ask().is_ok()).count()
    };
    for _ in 0..30 {
        room.course("a").start(room.now).unwrap().succeed();
    }
    let faster = at_most(600, config());
    room.policy.apply(faster, &room.registry, room.now);
    assert_eq!(n_granted(), 300);
    let unlimited = at_most(0, config());
    room.policy.apply(unlimited, &room.registry, room.now);
    assert_eq!(n_granted(), 1000);
}

#[test]
fn a_model_that_a_reload_dropped_is_asked_and_leaves_no_trace() {
    let room = Room::new(touchy(), &[("a", "e1")]);
    room.policy.apply(touchy(), &registry(&[]), room.now);
    assert_eq!(room.failing("a", FailureKind::Server).0, ["a"]);
    assert_eq!(room.policy.health(room.now), []);
}

/// How an attempt may fail.
fn kinds() -> impl Strategy<Value = FailureKind> {
    prop::sample::select(vec![
        FailureKind::Connect,
        FailureKind::Interrupted,
        FailureKind::Server,
        FailureKind::BadAnswer,
        FailureKind::Timeout,
        FailureKind::RateLimited,
        FailureKind::Unfit,
    ])
}

proptest! {
    #[test]
    fn whatever_fails_a_request_ends_asks_nobody_again_later_and_stays_in_its_budget(
        endpoints in prop::collection::vec(0_u8..4, 1..12),
        kinds in prop::collection::vec(kinds(), 1..20),
        max_retries in 0_u32..5,
        random in any::<u64>(),
    ) {
        let entries: Vec<_> = endpoints
            .iter()
            .enumerate()
            .map(|(idx, endpoint)| entry(&format!("m{idx}"), &format!("e{endpoint}"), "fast"))
            .collect();
        let retry = RetryConfig { max_retries, ..RetryConfig::default() };
        let room = Room::with(PolicyConfig { retry, ..PolicyConfig::default() }, registry(&entries));
        let mut course = room.course("m0");
        let mut kinds = kinds.into_iter().cycle();
        let mut asked: Vec<String> = Vec::new();
        let (mut waited, mut n_again) = (Duration::ZERO, 0);
        let mut next = course.start(room.now);
        while let Ok(visit) = next {
            let id = visit.model().id.clone();
            if asked.last() == Some(&id) {
                n_again += 1;
                waited += visit.wait();
            } else {
                prop_assert!(!asked.contains(&id), "{} twice in {:?}", id, asked);
                prop_assert_eq!(visit.wait(), Duration::ZERO);
                asked.push(id);
            }
            let failure = Failure::new(kinds.next().unwrap());
            next = course.failed(visit, &failure, room.now, random);
        }
        prop_assert_eq!(asked.first().map(String::as_str), Some("m0"));
        prop_assert_eq!(asked.len(), entries.len().min(MAX_FALLBACKS + 1));
        prop_assert!(n_again <= max_retries);
        prop_assert!(waited <= RetryConfig::default().max_wait);
        prop_assert!(room.policy.health(room.now).iter().all(|health| health.n_in_flight == 0));
    }
}
