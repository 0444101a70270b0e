//! Models that are loaded before somebody waits for them.

use owlcoda_testkit::{FakeUpstream, Gate, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{start, until, with};

/// The models that a server was asked for so far, in order.
fn asked(upstream: &FakeUpstream) -> Vec<String> {
    let requests = upstream.requests().into_iter();
    let calls = requests.filter(|request| request.method == "POST");
    calls
        .map(|request| request.json()["model"].as_str().unwrap().to_owned())
        .collect()
}

/// Looks at what `upstream` lists, again and again, and warms it.
fn warming(upstream: &FakeUpstream) -> Value {
    json!({
        "warmup": true,
        "discovery": {"endpoints": [upstream.url()], "intervalMs": 100},
        "health": {"intervalMs": 100},
    })
}

async fn until_asked(upstream: &FakeUpstream, expected: &[&str]) {
    until(&format!("calls of {expected:?}"), async || {
        (asked(upstream) == expected).then_some(())
    })
    .await;
}

/// What the audit has, the oldest first.
async fn audit(daemon: &TestDaemon, n_records: usize) -> Vec<Value> {
    until("the audit to be written", async || {
        let audit = owlctl(daemon, &["audit", "--json"]).await.json();
        let mut records = audit["records"].as_array().unwrap().clone();
        records.reverse();
        (records.len() == n_records).then_some(records)
    })
    .await
}

#[tokio::test]
async fn local_models_get_the_shortest_call_once_and_it_is_recorded() {
    let upstream = FakeUpstream::start().await;
    upstream.models(&["first", "text-embedder"]);
    upstream.always(Script::reply("hi"));
    let far = json!({"id": "far", "endpoint": "https://api.example.com"});
    let config = with(warming(&upstream), json!({"models": [far]}));
    let daemon = start(config).await;
    let call = upstream.next_request().await.json();
    assert_eq!(
        (&call["model"], &call["max_tokens"]),
        (&json!("first"), &json!(1))
    );
    upstream.models(&["first", "text-embedder", "second"]);
    until_asked(&upstream, &["first", "second"]).await;
    let records = audit(&daemon, 2).await;
    for (record, model) in records.iter().zip(["first", "second"]) {
        let told = ["route", "model_used", "outcome"].map(|name| record[name].clone());
        assert_eq!(told, [json!("warmup"), json!(model), json!("ok")]);
    }
    // Two more looks, which find nothing new.
    for _ in 0..5 {
        upstream.next_request_to("/v1/models").await;
    }
    assert_eq!(asked(&upstream), ["first", "second"]);
}

#[tokio::test]
async fn a_server_that_comes_back_is_warmed_again() {
    let upstream = FakeUpstream::start().await;
    let address = upstream.addr();
    upstream.always(Script::reply("hi"));
    let mine = json!({"id": "mine", "endpoint": upstream.url(), "default": true});
    let config = json!({"models": [mine], "warmup": true, "health": {"intervalMs": 100}});
    let daemon = start(config).await;
    until_asked(&upstream, &["mine"]).await;
    upstream.stop().await;
    until("the server to be missed", async || {
        let health = owlctl(&daemon, &["health"]).await;
        health.stdout.contains("is down").then_some(())
    })
    .await;
    let upstream = FakeUpstream::start_at(address).await;
    upstream.always(Script::reply("hi"));
    until_asked(&upstream, &["mine"]).await;
}

#[tokio::test]
async fn two_are_loaded_at_a_time_and_nobody_waits_for_them() {
    let upstream = FakeUpstream::start().await;
    let gate = Gate::new();
    upstream.models(&["a", "b", "c"]);
    upstream.always(Script::reply("hi").held(&gate));
    let mut daemon = start(warming(&upstream)).await;
    for _ in 0..2 {
        upstream.next_request().await;
    }
    let ready = http::get(&format!("{}/health", daemon.url())).await;
    assert_eq!(ready.status, 200);
    for _ in 0..3 {
        upstream.next_request_to("/v1/models").await;
    }
    assert_eq!(asked(&upstream).len(), 2);
    // Who comes later waits for a place, and for nothing else.
    upstream.models(&["a", "b", "c", "d"]);
    for _ in 0..3 {
        upstream.next_request_to("/v1/models").await;
    }
    gate.open();
    for _ in 0..2 {
        upstream.next_request().await;
    }

    let stuck = FakeUpstream::start().await;
    stuck.always(Script::new().hang());
    daemon.write_config(warming(&stuck));
    stuck.next_request().await;
    daemon.terminate();
    let status = daemon.wait_exit().await;
    assert_eq!(status.code(), Some(0), "the end does not wait either");
}

#[tokio::test]
async fn a_model_that_cannot_be_warmed_is_one_line_and_nobody_stands_in_for_it() {
    let (broken, other) = (FakeUpstream::start().await, FakeUpstream::start().await);
    broken.always(Script::error(500, "out of memory"));
    other.always(Script::reply("hi"));
    let at = |id: &str, upstream: &FakeUpstream| json!({"id": id, "endpoint": upstream.url()});
    let daemon = start(json!({
        "models": [at("broken", &broken), at("other", &other)],
        "warmup": true,
        "middleware": {"retryMaxAttempts": 0},
        "health": {"intervalMs": 100},
    }))
    .await;
    let records = audit(&daemon, 2).await;
    let of = |model: &str| records.iter().find(|record| record["model_asked"] == model);
    assert_eq!(of("broken").unwrap()["outcome"], "upstream_failed");
    assert_eq!(of("other").unwrap()["outcome"], "ok");
    assert_eq!(
        (asked(&broken), asked(&other)),
        (vec!["broken".to_owned()], vec!["other".to_owned()])
    );
    // It answers the monitor, so it is up again, which is no start of its own.
    for _ in 0..5 {
        broken.next_request_to("/v1/models").await;
    }
    assert_eq!(asked(&broken), ["broken"]);
    let stderr = daemon.stderr();
    let lines = stderr
        .lines()
        .filter(|line| line.contains("could not be warmed up"));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(
        lines[0].contains("broken") && lines[0].contains("kind"),
        "{}",
        lines[0]
    );
}

#[tokio::test]
async fn nothing_is_warmed_unless_it_is_asked_for_and_a_reload_is_enough() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("hi"));
    let off = with(warming(&upstream), json!({"warmup": false}));
    let daemon = start(off).await;
    for _ in 0..5 {
        upstream.next_request_to("/v1/models").await;
    }
    assert_eq!(asked(&upstream), [""; 0]);
    daemon.write_config(warming(&upstream));
    owlctl(&daemon, &["reload"]).await;
    until_asked(&upstream, &["fake-model"]).await;
}
