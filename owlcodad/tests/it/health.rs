//! The monitor of model servers: who is asked, when, and what comes of it.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, binary, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{Route, metric, start, until, with};

/// One model at `upstream`, with a key, and a monitor that asks again and again.
fn config(upstream: &FakeUpstream) -> Value {
    json!({
        "models": [{
            "id": "mine", "endpoint": upstream.url(), "apiKey": "sk-0123456789", "default": true,
        }],
        "health": {"intervalMs": 100},
    })
}

/// What `owlctl status` says of the endpoint in the row `idx`.
async fn endpoint(daemon: &TestDaemon, idx: usize) -> Value {
    let status = owlctl(daemon, &["status", "--json"]).await.json();
    status["daemon"]["endpoints"][idx].clone()
}

async fn until_state(daemon: &TestDaemon, idx: usize, state: &str) -> Value {
    until(&format!("endpoint {idx} to be {state}"), async || {
        let endpoint = endpoint(daemon, idx).await;
        (endpoint["state"] == state).then_some(endpoint)
    })
    .await
}

async fn ask(daemon: &TestDaemon, model: &str) -> http::Response {
    let body = Route::Chat.ask(model).to_string();
    http::post(&Route::Chat.url(daemon), body).await
}

#[tokio::test]
async fn a_server_that_goes_and_comes_is_noticed_without_a_call() {
    let upstream = FakeUpstream::start().await;
    let address = upstream.addr();
    let daemon = start(config(&upstream)).await;
    let up = until_state(&daemon, 0, "up").await;
    assert_eq!(up["heard_by"], "probe", "{up}");
    assert!(up["since"].is_string() && up["latency_ms"].is_u64(), "{up}");
    assert_eq!(up["detail"], Value::Null);
    let series = format!("owlcoda_endpoint_up{{endpoint=\"{address}\"}}");
    assert!((metric(&daemon, &series).await - 1.0).abs() < f64::EPSILON);
    let count = "owlcoda_endpoint_probe_duration_seconds_count";
    let count = format!("{count}{{endpoint=\"{address}\"}}");
    assert!(metric(&daemon, &count).await >= 1.0);
    for request in upstream.requests() {
        assert_eq!(
            (request.method.as_str(), request.route()),
            ("GET", "/v1/models")
        );
        let key = request.header("authorization");
        assert_eq!(key, Some("Bearer sk-0123456789"), "as calls carry it");
    }

    upstream.stop().await;
    let down = until_state(&daemon, 0, "down").await;
    let detail = down["detail"].as_str().unwrap();
    assert!(detail.contains("no connection"), "{detail}");
    assert!(metric(&daemon, &series).await.abs() < f64::EPSILON);
    let health = owlctl(&daemon, &["health"]).await;
    let problem = format!("{address} is down (no connection");
    assert!(health.stdout.contains(&problem), "{health:?}");

    let _upstream = FakeUpstream::start_at(address).await;
    until_state(&daemon, 0, "up").await;
    assert_eq!(owlctl(&daemon, &["health"]).await.status, Some(0));
}

#[tokio::test]
async fn each_server_is_asked_what_costs_it_least() {
    for (server, expected) in [
        ("ollama", "/api/version"),
        ("vllm", "/health"),
        ("llama.cpp", "/health"),
        ("lm-studio", "/v1/models"),
        ("generic", "/v1/models"),
    ] {
        let upstream = FakeUpstream::start().await;
        let model = json!({"id": "m", "endpoint": upstream.url(), "server": server});
        let daemon = start(json!({"models": [model], "health": {}})).await;
        upstream.next_request_to(expected).await;
        // The fake has no such route as Ollama's, and is there all the same.
        until_state(&daemon, 0, "up").await;
        assert_eq!(upstream.requests().len(), 1, "{server}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_or_says_nothing_is_down_and_one_that_is_busy_is_up() {
    for (script, state, words) in [
        (Script::error(401, "who are you"), "down", "401"),
        (Script::error(500, "broken"), "down", "500"),
        (Script::error(503, "loading"), "up", ""),
        (Script::error(429, "later"), "up", ""),
        (Script::new().status(404), "up", ""),
        (Script::error(501, "only POST"), "up", ""),
        (Script::verbatim(""), "down", "closed the connection"),
    ] {
        let upstream = FakeUpstream::start().await;
        upstream.at("/v1/models", script.clone());
        let daemon = start(config(&upstream)).await;
        let told = until_state(&daemon, 0, state).await;
        let detail = told["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words), "{script:?}: {told}");
    }
}

#[tokio::test]
async fn calls_are_news_and_the_far_away_is_never_asked() {
    let upstream = FakeUpstream::start().await;
    upstream.script(Script::error(500, "broken"));
    upstream.script(Script::reply("ok"));
    let far = json!({"id": "far", "endpoint": "https://api.example.com"});
    let near = json!({"id": "near", "endpoint": upstream.url()});
    let config = json!({"models": [near, far], "health": {"intervalMs": 3_600_000}});
    let daemon = start(config).await;
    until_state(&daemon, 0, "up").await;
    for state in ["down", "up"] {
        ask(&daemon, "near").await;
        let told = endpoint(&daemon, 0).await;
        assert_eq!(told["state"], state, "{told}");
        assert_eq!(told["heard_by"], "call");
    }
    let far = endpoint(&daemon, 1).await;
    assert_eq!(far["state"], "unknown", "{far}");
    assert_eq!(upstream.requests().len(), 3, "asked once, called twice");
}

#[tokio::test]
async fn the_interval_holds_at_once_after_a_reload_and_0_asks_nobody() {
    let upstream = FakeUpstream::start().await;
    let off = with(config(&upstream), json!({"health": {"intervalMs": 0}}));
    let daemon = start(off).await;
    assert_eq!(endpoint(&daemon, 0).await["state"], "unknown");
    assert_eq!(upstream.n_connections(), 0);
    daemon.write_config(config(&upstream));
    owlctl(&daemon, &["reload"]).await;
    until_state(&daemon, 0, "up").await;
    for _ in 0..3 {
        upstream.next_request_to("/v1/models").await;
    }
}

#[tokio::test]
async fn an_endpoint_that_is_gone_from_the_configuration_is_no_number() {
    let (first, second) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let daemon = start(config(&first)).await;
    until_state(&daemon, 0, "up").await;
    daemon.write_config(config(&second));
    owlctl(&daemon, &["reload"]).await;
    let series = format!("owlcoda_endpoint_up{{endpoint=\"{}\"}}", first.addr());
    assert!(metric(&daemon, &series).await.is_nan());
}

#[tokio::test]
async fn a_server_of_ours_is_asked_while_it_runs_and_never_started_for_it() {
    let daemon = start(json!({
        "runtimes": [{
            "name": "fake", "command": binary("fake-model-server"), "args": ["--port", "{port}"],
        }],
        "models": [{"id": "ours", "runtime": "fake"}],
        "health": {"intervalMs": 100},
        "discovery": {"endpoints": [], "intervalMs": 100},
    }))
    .await;
    let runtime = async || {
        let status = owlctl(&daemon, &["status", "--json"]).await.json();
        status["daemon"]["runtimes"][0]["state"].clone()
    };
    let probes = "owlcoda_endpoint_probe_duration_seconds_count{endpoint=\"runtime:fake\"}";
    assert_eq!(endpoint(&daemon, 0).await["state"], "unknown");
    assert_eq!(runtime().await, "stopped");
    assert_eq!(ask(&daemon, "ours").await.status, 200);
    until("the running server to be asked", async || {
        (metric(&daemon, probes).await >= 1.0).then_some(())
    })
    .await;
    assert_eq!(endpoint(&daemon, 0).await["state"], "up");
}
