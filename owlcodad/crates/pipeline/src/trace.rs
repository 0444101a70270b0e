//! Where the time of a call goes, and the traces of the latest and of the slowest calls.
//!
//! ```text
//! admit ─► plan ─► wait ─► start ─► send ─► first_token ─► stream
//!            ▲                        │          │
//!            └──── tried again ───────┴──────────┘
//! ```
//!
//! A call is in one phase at a time, so the phases add up to the whole; one that is entered again goes
//! on. Measuring is one look at the clock for each change and allocates nothing. What is kept of a call
//! holds no prompt and no answer, and its slot is used again.

use std::time::{Duration, Instant};

use owlcoda_types::{FailureKind, RequestId, UnixMs, Usage};
use owlcoda_wire::fault::Dialect;
use parking_lot::Mutex;

use crate::call::Route;
use crate::settle::{Outcome, Settled};

/// So many of the latest calls are kept.
pub const MAX_RECENT_TRACES: usize = 50;

/// So many of the slowest calls since the daemon started are kept beside them.
pub const MAX_SLOWEST_TRACES: usize = 20;

/// What a call does or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// From the request's head until the pipeline has it: its body comes in and is read.
    Admit,
    /// A model is chosen, asked for leave, and the request put into its server's words.
    Plan,
    /// Before a model server is asked again.
    Wait,
    /// A model server of our own starts.
    Start,
    /// A connection is made where none is open, the request goes out, and the head of an answer
    /// comes in.
    Send,
    /// From the head of an answer to its first event, or to all of one that comes whole.
    FirstToken,
    /// From the first event to the last.
    Stream,
}

impl Phase {
    /// Every phase, in the order in which a call goes through them.
    pub const ALL: [Self; 7] = [
        Self::Admit,
        Self::Plan,
        Self::Wait,
        Self::Start,
        Self::Send,
        Self::FirstToken,
        Self::Stream,
    ];

    /// For people and for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Plan => "plan",
            Self::Wait => "wait",
            Self::Start => "start",
            Self::Send => "send",
            Self::FirstToken => "first_token",
            Self::Stream => "stream",
        }
    }
}

/// How long a call was in each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases([Duration; Phase::ALL.len()]);

impl Phases {
    /// The phases that the call was in, in their order, each with its time.
    pub fn spent(&self) -> impl Iterator<Item = (Phase, Duration)> {
        let all = Phase::ALL.into_iter().zip(self.0);
        all.filter(|(_, time)| !time.is_zero())
    }

    /// The whole.
    pub fn total(&self) -> Duration {
        self.0.iter().sum()
    }
}

/// Measures the phases of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    phase: Phase,
    since: Instant,
    phases: Phases,
}

impl Stopwatch {
    /// A call whose head came at `received`.
    pub(crate) fn started(received: Instant) -> Self {
        Self {
            phase: Phase::Admit,
            since: received,
            phases: Phases::default(),
        }
    }

    /// The call is in `phase` from `now` on.
    pub(crate) fn enter(&mut self, phase: Phase, now: Instant) {
        if let Some(spent) = self.phases.0.get_mut(self.phase as usize) {
            *spent += now.saturating_duration_since(self.since);
        }
        self.phase = phase;
        self.since = now;
    }

    /// The call ended.
    pub(crate) fn stop(&mut self, now: Instant) -> Phases {
        self.enter(self.phase, now);
        self.phases
    }
}

/// What is kept of one ended call.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The call's name.
    pub id: RequestId,
    /// When it was admitted.
    pub at_ms: UnixMs,
    /// Where it came in.
    pub route: Route,
    /// What the caller spoke: `anthropic` or `openai`.
    pub dialect: &'static str,
    /// The name that the caller used.
    pub model_asked: String,
    /// Id of the model that answered; empty where none was reached.
    pub model_used: String,
    /// Id of the endpoint that was asked; empty where none was.
    pub endpoint: String,
    /// How often a model server was asked.
    pub n_attempts: u32,
    /// The HTTP status that the caller got.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// How it failed, where a model was chosen for it.
    pub failure_kind: Option<FailureKind>,
    /// Whether the caller asked for a stream.
    pub is_stream: bool,
    /// Whether a kept answer was given.
    pub is_cached: bool,
    /// Tokens as the model server counted them.
    pub usage: Usage,
    /// Where its time went.
    pub phases: Phases,
}

impl Trace {
    fn of(settled: &Settled) -> Self {
        let mut trace = Self {
            id: settled.id,
            at_ms: settled.at_ms,
            route: settled.route,
            dialect: dialect_name(settled.dialect),
            model_asked: String::new(),
            model_used: String::new(),
            endpoint: String::new(),
            n_attempts: 0,
            status: 0,
            outcome: settled.outcome,
            failure_kind: None,
            is_stream: false,
            is_cached: false,
            usage: Usage::default(),
            phases: Phases::default(),
        };
        trace.fill(settled);
        trace
    }

    /// Takes on another call; memory for its texts is there already.
    fn fill(&mut self, settled: &Settled) {
        let set = |text: &mut String, value: Option<&String>| {
            text.clear();
            text.push_str(value.map_or("", String::as_str));
        };
        set(&mut self.model_asked, Some(&settled.model_asked));
        set(&mut self.model_used, settled.model_used.as_ref());
        set(&mut self.endpoint, settled.endpoint.as_ref());
        self.id = settled.id;
        self.at_ms = settled.at_ms;
        self.route = settled.route;
        self.dialect = dialect_name(settled.dialect);
        self.n_attempts = settled.n_attempts;
        self.status = settled.status;
        self.outcome = settled.outcome;
        self.failure_kind = settled.failure_kind;
        self.is_stream = settled.is_stream;
        self.is_cached = settled.is_cached;
        self.usage = settled.usage;
        self.phases = settled.phases;
    }
}

const fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Anthropic => "anthropic",
        Dialect::OpenAi => "openai",
    }
}

/// Which traces are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceOrder {
    /// The latest first.
    Latest,
    /// The slowest first.
    Slowest,
}

/// The traces that are kept.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    recent: Vec<Trace>,
    /// Where the next one goes once the list is full.
    next: usize,
    slowest: Vec<Trace>,
}

impl Traces {
    pub(crate) fn add(&self, settled: &Settled) {
        let mut kept = self.kept.lock();
        if kept.recent.len() < MAX_RECENT_TRACES {
            kept.recent.push(Trace::of(settled));
        } else {
            let next = kept.next;
            kept.next = (next + 1) % MAX_RECENT_TRACES;
            if let Some(oldest) = kept.recent.get_mut(next) {
                oldest.fill(settled);
            }
        }
        // What loads a model is slower than any call that somebody waits for.
        if !settled.route.is_trial() {
            kept.add_slow(settled);
        }
    }

    /// At most `limit` of them.
    pub(crate) fn list(&self, order: TraceOrder, limit: usize) -> Vec<Trace> {
        let kept = self.kept.lock();
        match order {
            TraceOrder::Latest => {
                let (newer, older) = kept.recent.split_at(kept.next.min(kept.recent.len()));
                let latest = newer.iter().rev().chain(older.iter().rev());
                latest.take(limit).cloned().collect()
            }
            TraceOrder::Slowest => {
                let mut slowest: Vec<&Trace> = kept.slowest.iter().collect();
                slowest.sort_by_key(|trace| std::cmp::Reverse(trace.phases.total()));
                slowest.into_iter().take(limit).cloned().collect()
            }
        }
    }

    /// The trace of one call, where it is still kept.
    pub(crate) fn find(&self, id: RequestId) -> Option<Trace> {
        let kept = self.kept.lock();
        let mut all = kept.recent.iter().chain(&kept.slowest);
        all.find(|trace| trace.id == id).cloned()
    }
}

impl Kept {
    fn add_slow(&mut self, settled: &Settled) {
        if self.slowest.len() < MAX_SLOWEST_TRACES {
            self.slowest.push(Trace::of(settled));
            return;
        }
        let slots = self.slowest.iter_mut();
        if let Some(quickest) = slots.min_by_key(|trace| trace.phases.total())
            && quickest.phases.total() < settled.phases.total()
        {
            quickest.fill(settled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::example;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn phases_add_up_to_the_whole_and_one_that_comes_again_goes_on() {
        let start = Instant::now();
        let mut watch = Stopwatch::started(start);
        for (phase, ms) in [
            (Phase::Plan, 2),
            (Phase::Send, 3),
            (Phase::Plan, 10),
            (Phase::Wait, 11),
            (Phase::Send, 61),
            (Phase::FirstToken, 62),
            (Phase::Stream, 90),
        ] {
            watch.enter(phase, start + MS * ms);
        }
        let phases = watch.stop(start + MS * 100);
        let expected = [
            (Phase::Admit, MS * 2),
            (Phase::Plan, MS * 2),
            (Phase::Wait, MS * 50),
            (Phase::Send, MS * 8),
            (Phase::FirstToken, MS * 28),
            (Phase::Stream, MS * 10),
        ];
        assert_eq!(phases.spent().collect::<Vec<_>>(), expected);
        assert_eq!(phases.total(), MS * 100);
    }

    fn settled(n: u32, route: Route) -> Settled {
        let start = Instant::now();
        let mut watch = Stopwatch::started(start);
        Settled {
            route,
            model_asked: format!("model-{n}"),
            phases: watch.stop(start + MS * n),
            ..example()
        }
    }

    #[test]
    fn the_latest_and_the_slowest_are_kept_and_no_more() {
        let traces = Traces::default();
        let names = |order, limit| -> Vec<String> {
            let listed = traces.list(order, limit).into_iter();
            listed.map(|trace| trace.model_asked).collect()
        };
        assert_eq!(names(TraceOrder::Latest, 5), [""; 0]);
        let first = settled(5000, Route::Messages);
        traces.add(&first);
        traces.add(&settled(9000, Route::Warmup));
        for n in 1..=200 {
            traces.add(&settled(n, Route::Chat));
        }
        assert_eq!(names(TraceOrder::Latest, 2), ["model-200", "model-199"]);
        assert_eq!(names(TraceOrder::Latest, 1000).len(), MAX_RECENT_TRACES);
        assert_eq!(names(TraceOrder::Latest, 1000).last().unwrap(), "model-151");
        let slowest = names(TraceOrder::Slowest, 1000);
        assert_eq!(slowest.len(), MAX_SLOWEST_TRACES);
        assert_eq!(slowest[..2], ["model-5000", "model-200"]);
        assert_eq!(traces.find(first.id).unwrap().route, Route::Messages);
        assert_eq!(traces.find(RequestId::generate()), None);
    }
}
