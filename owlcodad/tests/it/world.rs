//! What the modules share: a daemon before one model server, requests to it, looks at it.

use std::future::Future;
use std::time::Duration;

use owlcoda_testkit::{DEADLINE, FakeUpstream, Script, TestDaemon, TestDaemonBuilder, http, sse};
use serde_json::{Value, json};

/// Id of the model in [`config`].
pub(crate) const MODEL: &str = "small";

/// A daemon of this build, not yet started.
pub(crate) fn daemon() -> TestDaemonBuilder {
    TestDaemon::builder().bin(env!("CARGO_BIN_EXE_owlcodad"))
}

/// A daemon with this configuration. Unless it says otherwise, each model is asked once, however it
/// fails and however often it is asked.
pub(crate) async fn start(config: Value) -> TestDaemon {
    daemon().config(once(config)).start().await
}

/// `config` without limits, repetitions, breakers that open and stand-ins, unless it has its own.
pub(crate) fn once(config: Value) -> Value {
    if config.get("middleware").is_some() {
        return config;
    }
    let middleware = json!({
        "rateLimitRpm": 0, "retryMaxAttempts": 0, "fallbackEnabled": false,
        "circuitBreakerThreshold": 100,
    });
    with(config, json!({"middleware": middleware}))
}

/// A daemon with one model, served by `upstream`.
pub(crate) async fn start_before(upstream: &FakeUpstream) -> TestDaemon {
    start(config(upstream)).await
}

/// One model, [`MODEL`], which also answers to `mini` and which `upstream` knows by another name.
pub(crate) fn config(upstream: &FakeUpstream) -> Value {
    json!({"models": [{
        "id": MODEL, "backendModel": "vendor/small", "aliases": ["mini"], "endpoint": upstream.url(),
        "default": true,
    }]})
}

/// `config` with more keys.
pub(crate) fn with(mut config: Value, more: Value) -> Value {
    let (Value::Object(object), Value::Object(more)) = (&mut config, more) else {
        unreachable!("a configuration is an object");
    };
    object.extend(more);
    config
}

/// No model at all, and none to be found.
pub(crate) fn nothing() -> Value {
    json!({"discovery": {"enabled": false}})
}

/// The two routes of a model call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Messages,
    Chat,
}

impl Route {
    pub(crate) const BOTH: [Self; 2] = [Self::Messages, Self::Chat];

    pub(crate) fn url(self, daemon: &TestDaemon) -> String {
        let path = match self {
            Self::Messages => "/v1/messages",
            Self::Chat => "/v1/chat/completions",
        };
        format!("{}{path}", daemon.url())
    }

    /// One user's word to `model`.
    pub(crate) fn ask(self, model: &str) -> Value {
        let mut body = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        if self == Self::Messages {
            body["max_tokens"] = json!(64);
        }
        body
    }

    /// The same, answered as a stream.
    pub(crate) fn ask_stream(self, model: &str) -> Value {
        with(self.ask(model), json!({"stream": true}))
    }

    /// The kind and the words of an error body; panics where it is not one of this dialect.
    pub(crate) fn error(self, body: &Value) -> (String, String) {
        let error = &body["error"];
        match self {
            Self::Messages => {
                assert_eq!(body["type"], "error", "{body}");
                assert!(body["request_id"].is_string(), "{body}");
            }
            Self::Chat => {
                assert_eq!(body["type"], Value::Null, "{body}");
                assert!(error["code"].is_string(), "{body}");
            }
        }
        let text = |name: &str| error[name].as_str().unwrap().to_owned();
        (text("type"), text("message"))
    }
}

/// A stream that gives its first word, then stops at `gate`, then ends.
pub(crate) fn halting(gate: &owlcoda_testkit::Gate) -> Script {
    Script::stream()
        .delta(&json!({"role": "assistant", "content": "One"}))
        .wait(gate)
        .delta(&json!({"content": " two"}))
        .finish("stop")
        .done()
}

/// The text in the deltas of a streamed answer of either dialect.
pub(crate) fn streamed_text(body: &[u8]) -> String {
    let events = sse::events(body).into_iter();
    let deltas = events.filter_map(|(_, data)| serde_json::from_str::<Value>(&data).ok());
    deltas
        .filter_map(|event| {
            let text = &event["delta"]["text"];
            let content = &event["choices"][0]["delta"]["content"];
            text.as_str().or(content.as_str()).map(str::to_owned)
        })
        .collect()
}

/// Asserts that the daemon serves, and is the process that it was.
pub(crate) async fn assert_lives(daemon: &TestDaemon, pid: u32) {
    let health = http::get(&format!("{}/health", daemon.url())).await;
    assert_eq!((health.status, daemon.pid()), (200, pid));
}

/// The value of one line of `/metrics`, by what it starts with; 0 where there is none.
pub(crate) async fn metric(daemon: &TestDaemon, series: &str) -> f64 {
    let text = http::get(&format!("{}/metrics", daemon.url())).await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

/// Looks until there is something; panics past the test kit's deadline.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            // What is waited for happens in another process and rings no bell here.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(DEADLINE, looking).await;
    found.unwrap_or_else(|_| panic!("waited {DEADLINE:?} for {what}"))
}
