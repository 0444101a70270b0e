//! A pipeline over one scripted server, and the records of its calls.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use owlcoda_config::{
    EndpointUrl, ModelConfig, ModelTarget, PolicyConfig, Protocol, ResponseModelStyle,
    RuntimeConfig,
};
use owlcoda_models::Registry;
use owlcoda_pipeline::{
    Answer, CacheWish, Call, Client, Delivery, Event, EventStream, Failure, Outcome, Pipeline,
    Recorder, Request, Route, Settings, Settled, Snapshot, Whole,
};
use owlcoda_supervise::{CancellationToken, Live, Shutdown, Supervisor};
use owlcoda_testkit::{COMPLETION_TOKENS, FakeUpstream, MODEL, PROMPT_TOKENS};
use owlcoda_types::{RequestId, Secret, Server, Usage};
use owlcoda_upstream::Upstream;
use owlcoda_upstream::managed::Runtimes;
use owlcoda_wire::fault::Dialect;
use owlcoda_wire::{anthropic, openai};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const KEY: &str = "sk-test-0123456789abcdef";

pub(crate) const DIALECTS: [Dialect; 2] = [Dialect::Anthropic, Dialect::OpenAi];

/// What every ready-made answer of the scripted server costs.
pub(crate) const USAGE: Usage = Usage {
    input_tokens: PROMPT_TOKENS,
    output_tokens: COMPLETION_TOKENS,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
};

/// How an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Whole,
    Stream,
}

pub(crate) const MODES: [Mode; 2] = [Mode::Whole, Mode::Stream];

/// Keeps every record.
#[derive(Debug, Default)]
struct Ledger(Mutex<Vec<Settled>>);

impl Recorder for Ledger {
    fn record(&self, settled: Settled) {
        self.0.lock().push(settled);
    }
}

pub(crate) struct Room {
    pub(crate) fake: FakeUpstream,
    pub(crate) pipeline: Pipeline,
    pub(crate) live: Live<Snapshot>,
    pub(crate) stopping: CancellationToken,
    ledger: Arc<Ledger>,
    _logs: TempDir,
}

impl Room {
    /// One model `small`, also called `tiny`, on a scripted server.
    pub(crate) async fn new() -> Self {
        let fake = FakeUpstream::start().await;
        let target = ModelTarget::Endpoint(EndpointUrl::parse(&fake.url()).unwrap());
        Self::with(fake, &[model(target)], &[])
    }

    pub(crate) fn with(
        fake: FakeUpstream,
        models: &[ModelConfig],
        runtimes: &[RuntimeConfig],
    ) -> Self {
        let ledger = Arc::new(Ledger::default());
        let stopping = CancellationToken::new();
        let upstream = Upstream::try_new(Duration::from_mins(1)).unwrap();
        let logs = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new(Shutdown::new());
        let mut snapshot = snapshot(models, ResponseModelStyle::Platform);
        snapshot.runtimes = Runtimes::start(runtimes, &upstream, &supervisor, logs.path());
        let live = Live::new(snapshot);
        let recorder: Arc<dyn Recorder> = ledger.clone();
        let pipeline = Pipeline::new(live.clone(), upstream, recorder, stopping.clone());
        Self {
            fake,
            pipeline,
            live,
            stopping,
            ledger,
            _logs: logs,
        }
    }

    pub(crate) async fn run(&self, dialect: Dialect, mode: Mode) -> Result<Answer, Failure> {
        self.pipeline.run(call(dialect, mode)).await
    }

    /// The answer of a call that came all at once.
    pub(crate) async fn whole(&self, dialect: Dialect) -> Whole {
        match self.run(dialect, Mode::Whole).await.unwrap() {
            Answer::Whole(whole) => whole,
            Answer::Stream(_) => panic!("a stream"),
        }
    }

    /// The answer of a call that comes event by event.
    pub(crate) async fn stream(&self, dialect: Dialect) -> Box<EventStream> {
        match self.run(dialect, Mode::Stream).await.unwrap() {
            Answer::Stream(stream) => stream,
            Answer::Whole(whole) => panic!("{whole:?}"),
        }
    }

    /// The only record since the last look.
    pub(crate) fn settled(&self) -> Settled {
        let mut records = std::mem::take(&mut *self.ledger.0.lock());
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }

    pub(crate) fn is_unsettled(&self) -> bool {
        self.ledger.0.lock().is_empty()
    }

    /// Id of the scripted server's endpoint.
    pub(crate) fn endpoint(&self) -> String {
        self.fake.addr().to_string()
    }
}

pub(crate) fn model(target: ModelTarget) -> ModelConfig {
    ModelConfig {
        id: "small".to_owned(),
        label: "Small".to_owned(),
        backend_model: MODEL.to_owned(),
        aliases: vec!["tiny".to_owned()],
        tier: "fast".to_owned(),
        is_default: true,
        target,
        protocol: Protocol::OpenAi,
        server: Server::Generic,
        key: Some(Secret::new(KEY)),
        headers: BTreeMap::new(),
        price: None,
        context_window: None,
        first_token_timeout: Duration::from_mins(10),
        idle_timeout: Duration::from_mins(5),
    }
}

/// Each model is asked once, however it fails and however often.
pub(crate) fn once() -> PolicyConfig {
    let mut policy = PolicyConfig::default();
    policy.retry.max_retries = 0;
    policy.fallback.is_enabled = false;
    policy.rate_limit.per_minute = None;
    policy.breaker.threshold = NonZeroU32::MAX;
    policy
}

pub(crate) fn snapshot(models: &[ModelConfig], style: ResponseModelStyle) -> Snapshot {
    let registry = Registry::configured(models, "/home/ada/.owlcoda/config.json");
    let settings = Settings {
        style,
        policy: once(),
        ..Settings::default()
    };
    Snapshot::try_new(registry, settings, Runtimes::default()).unwrap()
}

/// A request in `dialect`; what is in `more` is added.
pub(crate) fn request(dialect: Dialect, mode: Mode, more: &Value) -> Request {
    let mut body = json!({
        "model": "small",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "hi"}],
        "stream": mode == Mode::Stream,
    });
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let body = body.to_string();
    match dialect {
        Dialect::Anthropic => Request::Messages(Box::new(
            anthropic::Request::parse(body.as_bytes()).unwrap(),
        )),
        Dialect::OpenAi => {
            Request::Chat(Box::new(openai::Request::parse(body.as_bytes()).unwrap()))
        }
    }
}

pub(crate) fn call(dialect: Dialect, mode: Mode) -> Call {
    call_with(dialect, mode, &json!({}))
}

pub(crate) fn call_with(dialect: Dialect, mode: Mode, more: &Value) -> Call {
    Call {
        id: RequestId::generate(),
        at_ms: 1_700_000_000_000,
        received: std::time::Instant::now(),
        route: match dialect {
            Dialect::Anthropic => Route::Messages,
            Dialect::OpenAi => Route::Chat,
        },
        request: request(dialect, mode, more),
        session: None,
        raw: None,
        forwarded: Vec::new(),
        hops: 0,
        cache: CacheWish::Unsaid,
        client: Client::User { uid: 1000 },
        n_bytes_in: 77,
        delivery: Delivery::default(),
        seen: None,
    }
}

/// Reads a stream to its end: its events, and the error that it ended with, if any.
pub(crate) async fn read(mut stream: Box<EventStream>) -> (Vec<Event>, Option<Failure>) {
    let mut events = Vec::new();
    let mut failure = None;
    while let Some(next) = stream.next().await {
        assert!(failure.is_none(), "more after {failure:?}: {next:?}");
        match next {
            Ok(event) => events.push(event),
            Err(error) => failure = Some(error),
        }
    }
    assert!(stream.next().await.is_none(), "an ended stream goes on");
    (events, failure)
}

/// The text of an answer, in either dialect.
pub(crate) fn text_of(events: &[Event]) -> String {
    events.iter().filter_map(text_in).collect()
}

fn text_in(event: &Event) -> Option<String> {
    match event {
        Event::Messages(anthropic::StreamEvent::ContentBlockDelta {
            delta: anthropic::Delta::Text(text),
            ..
        }) => Some(text.clone()),
        Event::Messages(_) | Event::Relayed(_) => None,
        Event::Chat(chunk) => {
            let chunk = parse(chunk);
            let text = chunk.pointer("/choices/0/delta/content")?.as_str()?;
            Some(text.to_owned())
        }
    }
}

pub(crate) fn parse(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap()
}

/// What of a record tells how the call ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    pub(crate) status: u16,
    pub(crate) usage: Usage,
    pub(crate) has_ttft: bool,
    pub(crate) n_attempts: u32,
}

impl End {
    pub(crate) fn of(settled: &Settled) -> Self {
        Self {
            outcome: settled.outcome,
            status: settled.status,
            usage: settled.usage,
            has_ttft: settled.ttft.is_some(),
            n_attempts: settled.n_attempts,
        }
    }

    /// After one attempt, without an answer.
    pub(crate) fn without_answer(outcome: Outcome, status: u16) -> Self {
        Self {
            outcome,
            status,
            usage: Usage::default(),
            has_ttft: false,
            n_attempts: 1,
        }
    }

    /// After the first event of an answer.
    pub(crate) fn within_answer(outcome: Outcome) -> Self {
        Self {
            has_ttft: true,
            ..Self::without_answer(outcome, 200)
        }
    }
}
