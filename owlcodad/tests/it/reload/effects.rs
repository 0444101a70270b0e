//! What a reload changes at once, and what it leaves alone.

use owlcoda_testkit::{FakeUpstream, Gate, Script, http};
use serde_json::{Value, json};

use super::{apply, models, reload, status};
use crate::world::{MODEL, Route, config, daemon, halting, start, streamed_text, until, with};

#[tokio::test]
async fn a_stream_under_way_ends_as_it_began_though_its_model_is_gone() {
    let upstream = FakeUpstream::start().await;
    let gate = Gate::default();
    upstream.script(halting(&gate));
    let daemon = start(config(&upstream)).await;
    let body = Route::Messages.ask_stream(MODEL).to_string();
    let mut stream = http::open_stream(&Route::Messages.url(&daemon), body).await;
    let mut bytes = stream.until("One").await;

    apply(
        &daemon,
        json!({"discovery": {"enabled": false}, "models": []}),
    )
    .await;
    assert_eq!(models(&daemon).await, Vec::<String>::new());
    gate.open();
    bytes.extend(stream.rest().await.unwrap());
    assert_eq!(streamed_text(&bytes), "One two");
    let asked = Route::Messages.ask(MODEL).to_string();
    let answer = http::post(&Route::Messages.url(&daemon), asked).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
}

#[tokio::test]
async fn the_rules_of_the_door_change_at_once() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start(config(&upstream)).await;
    let url = Route::Chat.url(&daemon);
    let ask = async |headers: &[(&str, &str)], text: &str| {
        let mut body = Route::Chat.ask(MODEL);
        body["messages"][0]["content"] = json!(text);
        let headers = [&[("content-type", "application/json")], headers].concat();
        let answer = http::request("POST", &url, &headers, body.to_string()).await;
        answer.status
    };
    let page = [("origin", "http://localhost:3000")];
    let long = "long ".repeat(1000);
    assert_eq!(ask(&[], "hi").await, 200);
    assert_eq!(ask(&page, "hi").await, 403);
    assert_eq!(ask(&[], &long).await, 200);

    let rules = json!({
        "auth": {"inference": "token"},
        "server": {"allowedOrigins": ["http://localhost:3000"]},
        "middleware": {"maxRequestBodyBytes": 1024},
    });
    apply(&daemon, with(config(&upstream), rules)).await;
    assert_eq!(ask(&[], "hi").await, 401);
    let token = fs_err::read_to_string(daemon.home().join("auth/token")).unwrap();
    let bearer = format!("Bearer {}", token.trim());
    let known = ("authorization", bearer.as_str());
    assert_eq!(ask(&[known], "hi").await, 200);
    assert_eq!(ask(&[known, page[0]], "hi").await, 200);
    assert_eq!(ask(&[known], &long).await, 413);

    apply(&daemon, config(&upstream)).await;
    assert_eq!(ask(&[], &long).await, 200);
    assert_eq!(ask(&page, "hi").await, 403);
}

#[tokio::test]
async fn the_log_level_the_audit_and_the_name_in_answers_change_at_once() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start(config(&upstream)).await;
    let ask = async || {
        let body = Route::Chat.ask("mini").to_string();
        http::post(&Route::Chat.url(&daemon), body).await.json()["model"].clone()
    };
    let n_records = async || status(&daemon).await.storage.unwrap().n_audit_records;
    assert_eq!(ask().await, MODEL);
    until("the record", async || {
        (n_records().await == 1).then_some(())
    })
    .await;
    assert!(!daemon.stderr().contains("call ended"));

    let changed = json!({
        "logLevel": "debug", "audit": {"enabled": false}, "responseModelStyle": "requested",
    });
    apply(&daemon, with(config(&upstream), changed)).await;
    assert_eq!(ask().await, "mini");
    until("the line in the log", async || {
        daemon.stderr().contains("call ended").then_some(())
    })
    .await;
    apply(&daemon, config(&upstream)).await;
    assert_eq!(ask().await, MODEL);
    // The one in between was not recorded, or there would be three.
    until("the record", async || {
        (n_records().await == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_known_of_a_model_outlives_a_configuration() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::error(500, "no"));
    let policy = |threshold: u32| {
        json!({"middleware": {"rateLimitRpm": 0, "retryMaxAttempts": 0,
            "circuitBreakerThreshold": threshold}})
    };
    let daemon = start(with(config(&upstream), policy(2))).await;
    let ask = async || {
        let body = Route::Chat.ask(MODEL).to_string();
        http::post(&Route::Chat.url(&daemon), body).await.status
    };
    assert_eq!((ask().await, ask().await), (500, 500));
    let n_asked = upstream.requests().len();
    let more = json!({"id": "other", "endpoint": "http://127.0.0.1:9"});
    let mut next = with(config(&upstream), policy(2));
    next["models"].as_array_mut().unwrap().insert(0, more);
    next["middleware"]["fallbackEnabled"] = json!(false);
    apply(&daemon, next).await;
    // The breaker is open as it was.
    assert_eq!(ask().await, 502);
    assert_eq!(upstream.requests().len(), n_asked);
}

#[tokio::test]
async fn a_model_server_of_ours_that_stays_is_not_restarted() {
    let runtime = |args: Value| {
        json!({"discovery": {"enabled": false},
            "models": [{"id": MODEL, "runtime": "local"}],
            "runtimes": [{"name": "local", "args": args,
                "command": owlcoda_testkit::binary("fake-model-server")}]})
    };
    let args = json!(["--port", "{port}"]);
    let daemon = daemon().config(runtime(args.clone())).start().await;
    let ask = async || {
        let body = Route::Chat.ask(MODEL).to_string();
        let answer = http::post(&Route::Chat.url(&daemon), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        status(&daemon).await.runtimes[0].pid
    };
    let first = ask().await;
    let mut next = runtime(args);
    next["logLevel"] = json!("debug");
    apply(&daemon, next).await;
    assert_eq!(ask().await, first);
    let answer = apply(&daemon, runtime(json!(["--port", "{port}", "--child"]))).await;
    assert_eq!(answer.outcome, "applied");
    assert_ne!(ask().await, first);
    assert!(!crate::process::exists(first));
    assert_eq!(reload(&daemon).await.outcome, "unchanged");
}
