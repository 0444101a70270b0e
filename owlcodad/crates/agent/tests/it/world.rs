//! The stage: a store in a temporary directory, a pipeline, a scripted model server, an agent.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use owlcoda_agent::{Agent, Attached, Delta, Event, EventBody, Frame, TurnStatus};
use owlcoda_config::{EndpointUrl, PolicyConfig, UpstreamConfig};
use owlcoda_models::{Listing, Registry};
use owlcoda_pipeline::{Pipeline, Recorder, Settings, Settled, Snapshot};
use owlcoda_store::{Store, StoreOptions};
use owlcoda_supervise::{Live, Shutdown, Supervisor};
use owlcoda_testkit::FakeUpstream;
use owlcoda_types::{Clock, ManualClock, Server, SessionId};
use owlcoda_upstream::Upstream;
use owlcoda_upstream::managed::Runtimes;
use parking_lot::Mutex;
use tempfile::TempDir;

/// Far above what any wait needs; no test passes or fails by its value.
const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) struct World {
    pub(crate) upstream: FakeUpstream,
    pub(crate) agent: Agent,
    pub(crate) store: Store,
    pub(crate) supervisor: Supervisor,
    pub(crate) calls: Arc<Calls>,
    pub(crate) clock: Arc<ManualClock>,
    dir: TempDir,
}

/// The records of ended model calls.
#[derive(Debug, Default)]
pub(crate) struct Calls(pub(crate) Mutex<Vec<Settled>>);

impl Recorder for Calls {
    fn record(&self, settled: Settled) {
        self.0.lock().push(settled);
    }
}

impl World {
    /// The models are `small`, which is the default, and `large`.
    pub(crate) async fn new() -> Self {
        let upstream = FakeUpstream::start().await;
        let dir = tempfile::tempdir().unwrap();
        let calls = Arc::new(Calls::default());
        let clock = Arc::new(ManualClock::at(1_700_000_000_000));
        let (agent, store, supervisor) = begin(&upstream, &dir, &calls, &clock);
        Self {
            upstream,
            agent,
            store,
            supervisor,
            calls,
            clock,
            dir,
        }
    }

    /// Stops the daemon in order and starts it again over the same store.
    pub(crate) async fn restart(&mut self) {
        self.supervisor.shutdown().begin_stop();
        soon("the tasks to end", self.supervisor.wait()).await;
        self.store.close().await;
        (self.agent, self.store, self.supervisor) =
            begin(&self.upstream, &self.dir, &self.calls, &self.clock);
    }

    /// A new session with the default model.
    pub(crate) async fn session(&self) -> SessionId {
        self.agent.create(None, "").await.unwrap().meta.id
    }

    /// A client that has seen what there was.
    pub(crate) async fn attach(&self, id: SessionId) -> Attached {
        let mut attached = self.agent.attach(id, 0).await.unwrap();
        until_live(&mut attached).await;
        attached
    }

    /// Submits `text` and waits for the end of the turn.
    pub(crate) async fn turn(&self, id: SessionId, text: &str) -> Vec<Frame> {
        let mut attached = self.attach(id).await;
        self.agent
            .submit(id, text.to_owned(), None, "")
            .await
            .unwrap();
        until_end(&mut attached).await
    }

    /// Every event of the log, as a client that has none gets them.
    pub(crate) async fn log(&self, id: SessionId) -> Vec<Event> {
        let mut attached = self.agent.attach(id, 0).await.unwrap();
        events(&until_live(&mut attached).await)
    }
}

fn begin(
    upstream: &FakeUpstream,
    dir: &TempDir,
    calls: &Arc<Calls>,
    clock: &Arc<ManualClock>,
) -> (Agent, Store, Supervisor) {
    // The second one of a process is refused, and is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = EndpointUrl::parse(&upstream.url()).unwrap();
    let models = [("small", Some(8192)), ("large", None)];
    let listing = Listing::offered(&url, Server::Generic, models);
    let registry = Registry::discovered([listing], &UpstreamConfig::default(), "config.json");
    // One attempt a call, so that a failure is what the turn sees.
    let mut policy = PolicyConfig::default();
    policy.retry.max_retries = 0;
    policy.fallback.is_enabled = false;
    let settings = Settings {
        policy,
        ..Settings::default()
    };
    let snapshot = Snapshot::try_new(registry, settings, Runtimes::default()).unwrap();
    let supervisor = Supervisor::new(Shutdown::new());
    let client = Upstream::try_new(Duration::from_secs(10)).unwrap();
    let pipeline = Pipeline::new(
        Live::new(snapshot),
        client,
        Arc::clone(calls) as Arc<dyn Recorder>,
        supervisor.shutdown().stopping().clone(),
    );
    let store = Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap();
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let agent = Agent::new(&store, pipeline, supervisor.clone(), clock);
    (agent, store, supervisor)
}

/// Waits for `future`; a test that waits for nothing fails and says for what.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let ended = tokio::time::timeout(DEADLINE, future).await;
    ended.unwrap_or_else(|_| panic!("waited {DEADLINE:?} for {what}"))
}

pub(crate) async fn next(attached: &mut Attached) -> Option<Frame> {
    soon("the next frame", attached.next()).await.unwrap()
}

/// The frames up to and without `Live`.
pub(crate) async fn until_live(attached: &mut Attached) -> Vec<Frame> {
    let mut frames = Vec::new();
    loop {
        match next(attached).await.expect("the stream goes on") {
            Frame::Live => return frames,
            frame => frames.push(frame),
        }
    }
}

/// The frames up to and with the end of the turn.
pub(crate) async fn until_end(attached: &mut Attached) -> Vec<Frame> {
    let mut frames = Vec::new();
    loop {
        let frame = next(attached).await.expect("the stream goes on");
        let is_end = matches!(&frame, Frame::Event(event) if end(event).is_some());
        frames.push(frame);
        if is_end {
            return frames;
        }
    }
}

/// The frames up to and with the first delta.
pub(crate) async fn until_delta(attached: &mut Attached) -> Vec<Frame> {
    let mut frames = Vec::new();
    loop {
        let frame = next(attached).await.expect("the stream goes on");
        let is_delta = matches!(frame, Frame::Delta(_));
        frames.push(frame);
        if is_delta {
            return frames;
        }
    }
}

pub(crate) fn events(frames: &[Frame]) -> Vec<Event> {
    let event = |frame: &Frame| match frame {
        Frame::Event(event) => Some(Event::clone(event)),
        _ => None,
    };
    frames.iter().filter_map(event).collect()
}

/// What deltas and snapshots add up to.
pub(crate) fn streamed(frames: &[Frame]) -> String {
    frames
        .iter()
        .fold(String::new(), |text, frame| extended(&text, frame))
}

/// `text` and what the frame adds to it, which has to go on where the text ends.
pub(crate) fn extended(text: &str, frame: &Frame) -> String {
    let delta: &Delta = match frame {
        Frame::Delta(delta) => delta,
        Frame::Snapshot(delta) => delta,
        _ => return text.to_owned(),
    };
    assert_eq!(delta.offset, text.len(), "{delta:?} after {text:?}");
    format!("{text}{}", delta.text)
}

/// How the turn ended, if this is its end.
pub(crate) fn end(event: &Event) -> Option<TurnStatus> {
    match event.body {
        EventBody::TurnCompleted { status, .. } => Some(status),
        _ => None,
    }
}

/// One word an event.
pub(crate) fn kinds(events: &[Event]) -> Vec<String> {
    let kind = |event: &Event| match &event.body {
        EventBody::SessionCreated { model } => format!("created {model}"),
        EventBody::ModelChanged { model } => format!("model {model}"),
        EventBody::InputAdmitted { text, .. } => format!("input {text}"),
        EventBody::TurnStarted { model } => format!("started {model}"),
        EventBody::ItemStarted { .. } => "item".to_owned(),
        EventBody::ItemCompleted { text, .. } => format!("answer {text}"),
        EventBody::TurnCompleted { status, .. } => format!("ended {status:?}"),
    };
    events.iter().map(kind).collect()
}
