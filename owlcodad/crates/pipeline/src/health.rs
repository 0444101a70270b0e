//! What is known of each endpoint: whether it is up, since when, and when it should be asked.
//!
//! ```text
//! Unknown ──a call or a probe is answered──► Up ◄────────┐
//!    │                                        │ fails    │ is answered
//!    └──────────────── fails ──────────────► Down ───────┘
//! ```
//!
//! Every call that ends says something, so an endpoint that is called is never asked. One of which
//! nothing was heard for the interval is due; whoever claims it asks it. The book is pure: time is an
//! argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use owlcoda_types::UnixMs;

use crate::pipeline::now;

/// One time on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// For durations.
    pub at: Instant,
    /// For people.
    pub at_ms: UnixMs,
}

impl Moment {
    /// Now, by the clock that showed `at_ms` when `started` was.
    pub(crate) fn since(at_ms: UnixMs, started: Instant) -> Self {
        let elapsed_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        Self {
            at: now(),
            at_ms: at_ms.saturating_add(elapsed_ms),
        }
    }
}

/// Who heard of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeardBy {
    /// A model call that ended.
    Call,
    /// The monitor, which asked.
    Probe,
}

impl HeardBy {
    /// For the control API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Probe => "probe",
        }
    }
}

/// What was heard of an endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signal<'a> {
    pub(crate) by: HeardBy,
    pub(crate) is_up: bool,
    /// Whether nothing answered at all where it should be.
    pub(crate) is_gone: bool,
    /// Why it is down; not looked at where it is up.
    pub(crate) detail: &'a str,
    /// How long a probe took.
    pub(crate) latency: Option<Duration>,
}

/// How an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Whether it answered last.
    pub is_up: bool,
    /// Since when that is so.
    pub since_ms: UnixMs,
    /// When it was heard of last.
    pub heard_at_ms: UnixMs,
    /// Who heard of it last.
    pub heard_by: HeardBy,
    /// Why it is down: the name of an error's code where a call failed, words where a probe did. Empty
    /// where it is up.
    pub detail: String,
    /// How long the last probe took that it answered.
    pub latency: Option<Duration>,
    /// How often it came back after nothing had answered a probe: it may have started anew. Who
    /// answers with an error is not gone, and a call that fails says nothing of that.
    pub n_starts: u64,
}

/// What is known of every endpoint.
#[derive(Debug, Default)]
pub(crate) struct HealthBook {
    endpoints: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    health: Option<EndpointHealth>,
    /// Whether nothing has answered a probe since it was up.
    is_gone: bool,
    /// When it was heard of, or somebody set out to ask it.
    last_contact: Instant,
}

impl HealthBook {
    /// Takes a signal in. Returns whether the endpoint went up or down by it.
    pub(crate) fn heard(&mut self, endpoint: &str, signal: Signal<'_>, now: Moment) -> bool {
        let Some(entry) = self.endpoints.get_mut(endpoint) else {
            // Whoever asks has claimed it; it was forgotten meanwhile.
            if signal.by == HeardBy::Probe {
                return false;
            }
            let entry = Entry {
                health: Some(first(signal, now)),
                is_gone: signal.is_gone,
                last_contact: now.at,
            };
            self.endpoints.insert(endpoint.to_owned(), entry);
            return true;
        };
        entry.last_contact = now.at;
        let was_gone = entry.is_gone;
        entry.is_gone = !signal.is_up && (was_gone || signal.is_gone);
        let Some(health) = &mut entry.health else {
            entry.health = Some(first(signal, now));
            return true;
        };
        let has_changed = health.is_up != signal.is_up;
        if has_changed {
            health.is_up = signal.is_up;
            health.since_ms = now.at_ms;
            health.n_starts += u64::from(signal.is_up && was_gone);
        }
        health.heard_at_ms = now.at_ms;
        health.heard_by = signal.by;
        health.latency = signal.latency.or(health.latency);
        // The common case, up and up again, allocates nothing.
        if signal.is_up {
            health.detail.clear();
        } else {
            signal.detail.clone_into(&mut health.detail);
        }
        has_changed
    }

    /// How `endpoint` is; none where nothing was heard of it yet.
    pub(crate) fn health(&self, endpoint: &str) -> Option<&EndpointHealth> {
        self.endpoints.get(endpoint)?.health.as_ref()
    }

    /// When the next of `endpoints` is due; none where there are none.
    pub(crate) fn next_due<'a>(
        &self,
        endpoints: impl IntoIterator<Item = &'a str>,
        interval: Duration,
        now: Instant,
    ) -> Option<Instant> {
        let endpoints = endpoints.into_iter();
        endpoints
            .map(|endpoint| self.due(endpoint, interval, now))
            .min()
    }

    /// Whether `endpoint` is due. Where it is, the caller is the one who asks it.
    pub(crate) fn claim(&mut self, endpoint: &str, interval: Duration, now: Instant) -> bool {
        if self.due(endpoint, interval, now) > now {
            return false;
        }
        let entry = self.endpoints.entry(endpoint.to_owned());
        let unheard = Entry {
            health: None,
            is_gone: false,
            last_contact: now,
        };
        entry.or_insert(unheard).last_contact = now;
        true
    }

    /// Forgets every endpoint but these. Returns which it forgot.
    pub(crate) fn keep_only(&mut self, endpoints: &BTreeSet<String>) -> Vec<String> {
        let gone = self.endpoints.keys();
        let gone = gone.filter(|endpoint| !endpoints.contains(*endpoint));
        let gone: Vec<_> = gone.cloned().collect();
        for endpoint in &gone {
            self.endpoints.remove(endpoint);
        }
        gone
    }

    fn due(&self, endpoint: &str, interval: Duration, now: Instant) -> Instant {
        let entry = self.endpoints.get(endpoint);
        entry.map_or(now, |entry| entry.last_contact + interval)
    }
}

fn first(signal: Signal<'_>, now: Moment) -> EndpointHealth {
    EndpointHealth {
        is_up: signal.is_up,
        since_ms: now.at_ms,
        heard_at_ms: now.at_ms,
        heard_by: signal.by,
        detail: if signal.is_up { "" } else { signal.detail }.to_owned(),
        latency: signal.latency,
        n_starts: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    struct World {
        book: HealthBook,
        start: Instant,
    }

    impl World {
        fn new() -> Self {
            Self {
                book: HealthBook::default(),
                start: Instant::now(),
            }
        }

        fn at(&self, secs: u64) -> Instant {
            self.start + Duration::from_secs(secs)
        }

        fn hear(&mut self, by: HeardBy, is_up: bool, secs: u64) -> bool {
            let now = Moment {
                at: self.at(secs),
                at_ms: i64::try_from(secs).unwrap() * 1000,
            };
            let latency = (by == HeardBy::Probe && is_up).then_some(Duration::from_millis(3));
            let signal = Signal {
                by,
                is_up,
                is_gone: by == HeardBy::Probe && !is_up,
                detail: "refused",
                latency,
            };
            self.book.heard("e", signal, now)
        }

        fn claims(&mut self, secs: u64) -> bool {
            let now = self.at(secs);
            self.book.claim("e", MINUTE, now)
        }

        fn next_due(&self, secs: u64) -> Option<u64> {
            let due = self.book.next_due(["e"], MINUTE, self.at(secs))?;
            Some((due - self.start).as_secs())
        }
    }

    #[test]
    fn what_was_never_heard_of_is_due_at_once_and_asked_by_one() {
        let mut world = World::new();
        assert_eq!(world.next_due(5), Some(5));
        assert!(world.claims(5));
        assert!(!world.claims(5), "somebody asks it already");
        assert_eq!(world.book.health("e"), None, "nothing is known yet");
        assert_eq!(world.next_due(5), Some(65), "who asked may never tell");
        assert!(world.claims(65));
    }

    #[test]
    fn every_call_puts_the_next_question_off() {
        let mut world = World::new();
        world.hear(HeardBy::Call, true, 0);
        for secs in [30, 70, 110] {
            assert!(!world.claims(secs), "{secs}");
            world.hear(HeardBy::Call, true, secs);
        }
        assert_eq!(world.next_due(111), Some(170));
        assert!(!world.claims(169));
        assert!(world.claims(170));
        world.hear(HeardBy::Call, false, 171);
        assert_eq!(world.next_due(172), Some(231), "a failure is news as well");
    }

    #[test]
    fn a_change_is_told_once_and_dated_while_signals_go_on() {
        let mut world = World::new();
        assert!(world.claims(0));
        let signals = [
            (HeardBy::Probe, true, 1, true),
            (HeardBy::Call, true, 2, false),
            (HeardBy::Call, false, 3, true),
            (HeardBy::Probe, false, 4, false),
            (HeardBy::Probe, true, 5, true),
        ];
        for (by, is_up, secs, changes) in signals {
            assert_eq!(world.hear(by, is_up, secs), changes, "at {secs}");
            if secs == 4 {
                let health = world.book.health("e").unwrap();
                assert_eq!((health.since_ms, health.detail.as_str()), (3000, "refused"));
                assert_eq!(
                    health.latency,
                    Some(Duration::from_millis(3)),
                    "the last known"
                );
            }
        }
        let expected = EndpointHealth {
            is_up: true,
            since_ms: 5000,
            heard_at_ms: 5000,
            heard_by: HeardBy::Probe,
            detail: String::new(),
            latency: Some(Duration::from_millis(3)),
            n_starts: 1,
        };
        assert_eq!(world.book.health("e"), Some(&expected));
    }

    #[test]
    fn a_server_has_come_back_only_where_it_was_gone() {
        let mut world = World::new();
        let mut secs = 0;
        for (signals, n_starts) in [
            (&[(HeardBy::Call, false), (HeardBy::Call, true)][..], 0),
            (&[(HeardBy::Call, false), (HeardBy::Probe, true)], 0),
            (&[(HeardBy::Probe, false), (HeardBy::Probe, true)], 1),
            (
                &[
                    (HeardBy::Probe, false),
                    (HeardBy::Call, false),
                    (HeardBy::Call, true),
                ],
                2,
            ),
        ] {
            for (by, is_up) in signals {
                secs += 1;
                world.hear(*by, *is_up, secs);
            }
            assert_eq!(world.book.health("e").unwrap().n_starts, n_starts, "{secs}");
        }
    }

    #[test]
    fn what_is_not_configured_any_more_is_forgotten_and_stays_so() {
        let mut world = World::new();
        world.hear(HeardBy::Call, true, 0);
        let kept = BTreeSet::from(["e".to_owned()]);
        assert_eq!(world.book.keep_only(&kept), [""; 0]);
        assert_eq!(world.book.keep_only(&BTreeSet::new()), ["e"]);
        assert!(!world.hear(HeardBy::Probe, true, 1), "it was asked before");
        assert_eq!(world.book.health("e"), None);
        assert_eq!(world.book.next_due([], MINUTE, world.start), None);
    }
}
