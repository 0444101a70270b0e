//! What `owlctl` tells of calls and of model servers, held against what the routes tell.

use owlcoda_testkit::{FakeUpstream, Gate, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::{ended, owlctl, program};
use crate::world::{MODEL, Route, config, halting, metric, start, start_before, until, with};

async fn get(daemon: &TestDaemon, path: &str) -> Value {
    let answer = http::get(&format!("{}{path}", daemon.url())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The document that `owlctl` prints for these arguments.
async fn document(daemon: &TestDaemon, arguments: &[&str]) -> Value {
    let ended = owlctl(daemon, &[arguments, &["--json"]].concat()).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    ended.json()
}

async fn call(daemon: &TestDaemon, body: &Value) -> u16 {
    http::post(&Route::Chat.url(daemon), body.to_string())
        .await
        .status
}

/// Seconds of the one are milliseconds of the other.
fn assert_same_time(secs: &Value, millis: &Value) {
    let (secs, millis) = (secs.as_f64().unwrap(), millis.as_f64().unwrap());
    assert!(
        (secs * 1000.0 - millis).abs() < 0.01,
        "{secs} s, {millis} ms"
    );
}

#[tokio::test]
async fn figures_are_the_same_over_http_and_over_the_control_socket() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    for body in [Route::Chat.ask(MODEL), Route::Chat.ask_stream(MODEL)] {
        assert_eq!(call(&daemon, &body).await, 200);
    }
    let mut cached = Route::Chat.ask(MODEL);
    cached["temperature"] = json!(0);
    for _ in 0..2 {
        assert_eq!(call(&daemon, &cached).await, 200);
    }

    let (told, usage) = (
        get(&daemon, "/v1/usage").await,
        document(&daemon, &["usage"]).await,
    );
    assert_eq!(usage["kind"], "Usage");
    assert_eq!(
        [
            &usage["n_calls"],
            &usage["total_tokens"],
            &usage["usage"]["output_tokens"],
            &usage["since"]
        ],
        [
            &told["requestCount"],
            &told["totalTokens"],
            &told["outputTokens"],
            &told["startedAt"]
        ],
    );
    assert_eq!(usage["n_calls"], 4);

    let (told, perf) = (
        get(&daemon, "/v1/perf").await,
        document(&daemon, &["perf"]).await,
    );
    let (told, perf) = (&told["data"][0], &perf["models"][0]);
    for (ours, theirs) in [
        ("model_id", "model_id"),
        ("n_calls", "request_count"),
        ("success_rate", "success_rate"),
        ("tokens_per_sec", "avg_output_tps"),
        ("prefill_tokens_per_sec", "prefill_tps"),
        ("first_at", "first_request_at"),
        ("last_at", "last_request_at"),
    ] {
        assert_eq!(perf[ours], told[theirs], "{ours}");
    }
    assert_same_time(&perf["p95_secs"], &told["p95_duration_ms"]);
    assert_same_time(&perf["mean_ttft_secs"], &told["avg_ttft_ms"]);

    let told = get(&daemon, "/v1/latency").await;
    let latency = document(&daemon, &["latency"]).await;
    let (told, route) = (
        &told["latency"]["/v1/chat/completions"],
        &latency["routes"][0],
    );
    assert_eq!(
        (&route["route"], &route["n_calls"]),
        (&json!("/v1/chat/completions"), &told["count"])
    );
    assert_same_time(&route["p99_secs"], &told["p99"]);

    let (told, cost) = (
        get(&daemon, "/v1/cost").await,
        document(&daemon, &["cost"]).await,
    );
    assert_eq!(
        [
            &cost["currency"],
            &cost["total"],
            &cost["models"][0]["cost"],
            &cost["n_calls"]
        ],
        [
            &told["unit"],
            &told["total_cost"],
            &told["data"][0]["cost"],
            &told["session"]["request_count"]
        ],
    );

    let told = get(&daemon, "/v1/cache").await;
    let cache = document(&daemon, &["cache", "stats"]).await;
    assert_eq!(
        [
            &cache["n_entries"],
            &cache["n_hits"],
            &cache["n_misses"],
            &cache["hit_rate"],
            &cache["max_bytes"]
        ],
        [
            &told["size"],
            &told["totalHits"],
            &told["totalMisses"],
            &told["hitRate"],
            &told["maxBytes"]
        ],
    );
    assert_eq!(
        (&cache["n_entries"], &cache["n_hits"]),
        (&json!(1), &json!(1))
    );
    let cleared = document(&daemon, &["cache", "clear"]).await;
    assert_eq!(cleared["n_cleared"], 1);
    assert_eq!(get(&daemon, "/v1/cache").await["size"], 0);

    let told = get(&daemon, "/v1/recommend?intent=code").await;
    let found = document(&daemon, &["recommend", "--intent", "code"]).await;
    assert_eq!(
        [&found["intent"], &found["best"]],
        [&told["intent"], &told["recommended"]]
    );

    let text = owlctl(&daemon, &["perf"]).await;
    assert!(
        text.stdout.contains("TOK/S") && text.stdout.contains(MODEL),
        "{text:?}"
    );
}

#[tokio::test]
async fn a_server_is_asked_when_somebody_wants_to_know_though_the_monitor_is_off() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let id = upstream.addr().to_string();
    assert!(upstream.requests().is_empty());
    let listed = document(&daemon, &["backends"]).await;
    assert_eq!(listed["backends"][0]["state"], "unknown");
    let verdict = document(&daemon, &["backends", "probe", &id]).await;
    assert_eq!(
        (&verdict["id"], &verdict["state"]),
        (&json!(id), &json!("up"))
    );
    assert_eq!(upstream.requests().len(), 1);
    let listed = document(&daemon, &["backends", "list"]).await;
    let backend = &listed["backends"][0];
    assert_eq!(
        (&backend["state"], &backend["models"][0]["breaker"]),
        (&json!("up"), &json!("closed"))
    );
    assert!(backend["latency_secs"].as_f64().unwrap() > 0.0);

    upstream.stop().await;
    let ended = owlctl(&daemon, &["backends", "probe", &id]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("down"), "{ended:?}");
    assert!(ended.stdout.contains("no connection"), "{ended:?}");

    let ended = owlctl(&daemon, &["backends", "probe", "nobody"]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("no model server is called `nobody`"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains(&id), "{ended:?}");
}

#[tokio::test]
async fn a_breaker_that_is_closed_by_hand_lets_the_next_call_through() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::error(500, "no"));
    let middleware = json!({
        "retryMaxAttempts": 0, "fallbackEnabled": false, "circuitBreakerThreshold": 2,
    });
    let daemon = start(with(config(&upstream), json!({"middleware": middleware}))).await;
    let body = Route::Chat.ask(MODEL);
    for expected in [500, 500, 502] {
        assert_eq!(call(&daemon, &body).await, expected);
    }
    let id = upstream.addr().to_string();
    let listed = document(&daemon, &["backends"]).await;
    let model = &listed["backends"][0]["models"][0];
    assert_eq!(
        (&model["breaker"], &model["n_failures"]),
        (&json!("open"), &json!(2))
    );
    assert!(model["retry_in_secs"].as_f64().unwrap() > 1.0, "{model}");

    upstream.always(Script::reply("ok"));
    let reset = document(&daemon, &["backends", "reset-breaker", &id]).await;
    assert_eq!(
        reset["models"],
        json!([{"id": MODEL, "breaker_before": "open"}])
    );
    assert_eq!(call(&daemon, &body).await, 200);
    let open = format!(
        "owlcoda_circuit_breaker_state{{endpoint=\"{id}\",model=\"{MODEL}\",state=\"open\"}}"
    );
    assert!(metric(&daemon, &open).await < 0.5);
    let ended = owlctl(&daemon, &["backends", "reset-breaker", "nobody"]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
}

#[tokio::test]
async fn a_model_is_called_with_a_few_words_and_told_with_its_times() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("Hello"));
    let daemon = start_before(&upstream).await;
    // Another name will do.
    let probe = document(&daemon, &["models", "probe", "mini"]).await;
    assert_eq!(
        (
            &probe["model_id"],
            &probe["is_ok"],
            &probe["usage"]["output_tokens"]
        ),
        (&json!(MODEL), &json!(true), &json!(2))
    );
    let (first, total) = (&probe["ttft_secs"], &probe["elapsed_secs"]);
    assert!(
        first.as_f64().unwrap() > 0.0 && first.as_f64() <= total.as_f64(),
        "{probe}"
    );
    let asked = upstream.next_request().await.json();
    assert_eq!(
        (&asked["model"], &asked["max_tokens"]),
        (&json!("vendor/small"), &json!(8))
    );

    let page = until("the record", async || {
        let page = document(&daemon, &["audit"]).await;
        page["records"][0].is_object().then_some(page)
    })
    .await;
    let record = &page["records"][0];
    assert_eq!(
        (&record["route"], &record["request_id"]),
        (&json!("probe"), &probe["request_id"])
    );
    // It says nothing about calls that somebody needs.
    assert_eq!(get(&daemon, "/v1/perf").await["data"], json!([]));

    upstream.always(Script::error(500, "out of memory"));
    let ended = owlctl(&daemon, &["models", "probe", MODEL]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("out of memory"), "{ended:?}");
    let ended = owlctl(&daemon, &["models", "probe", "nobody"]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("no model is called `nobody`"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn who_gives_up_on_a_model_ends_its_call() {
    let upstream = FakeUpstream::start().await;
    let gate = Gate::new();
    upstream.always(halting(&gate));
    let daemon = start_before(&upstream).await;
    let mut command = program(&owlcoda_testkit::binary("owlctl"));
    command.env("OWLCODA_HOME", daemon.home());
    command.args(["models", "probe", MODEL, "--timeout", "1"]);
    let ended = ended(command.spawn().unwrap()).await;
    assert_eq!(ended.status, Some(124), "{ended:?}");
    upstream.next_disconnect().await;
    let page = until("the record", async || {
        let page = document(&daemon, &["audit"]).await;
        page["records"][0].is_object().then_some(page)
    })
    .await;
    assert_eq!(page["records"][0]["outcome"], "client_gone");
}

#[tokio::test]
async fn the_error_budget_is_what_the_target_leaves_and_is_told_once_it_is_spent() {
    let upstream = FakeUpstream::start().await;
    let policy = |target: u32| {
        let middleware = json!({
            "rateLimitRpm": 0, "retryMaxAttempts": 0, "fallbackEnabled": false,
            "circuitBreakerThreshold": 100, "sloTargetPercent": target,
        });
        with(config(&upstream), json!({"middleware": middleware}))
    };
    let daemon = start(policy(80)).await;
    let body = Route::Chat.ask(MODEL);
    let budget = async || {
        let perf = get(&daemon, "/v1/perf").await;
        let ours = document(&daemon, &["perf"]).await;
        let (told, shown) = (
            &perf["data"][0]["error_budget"],
            &ours["models"][0]["error_budget"],
        );
        assert_eq!(
            [
                &told["request_count"],
                &told["used"],
                &told["remaining"],
                &told["is_spent"]
            ],
            [
                &shown["n_calls"],
                &shown["used"],
                &shown["left"],
                &shown["is_spent"]
            ],
        );
        assert_eq!(perf["error_budget"]["used"], ours["error_budget"]["used"]);
        (
            told["used"].as_f64().unwrap(),
            told["is_spent"].as_bool().unwrap(),
        )
    };
    let problem = async || {
        let status = document(&daemon, &["status"]).await;
        let problems = status["problems"].as_array().unwrap().clone();
        problems
            .iter()
            .any(|words| words.as_str().unwrap().contains("error budget"))
    };
    upstream.always(Script::reply("ok"));
    for _ in 0..8 {
        assert_eq!(call(&daemon, &body).await, 200);
    }
    // The callers' own doing.
    let mut wrong = body.clone();
    wrong["model"] = json!("nobody");
    assert_eq!(call(&daemon, &wrong).await, 404);
    upstream.always(Script::error(400, "too hot"));
    assert_eq!(call(&daemon, &body).await, 400);
    assert_eq!(budget().await, (0.0, false));
    upstream.always(Script::error(500, "no"));
    for _ in 0..2 {
        assert_eq!(call(&daemon, &body).await, 500);
    }
    assert_eq!(budget().await, (1.0, false));
    assert!(!problem().await);
    assert_eq!(call(&daemon, &body).await, 500);
    let (used, is_spent) = budget().await;
    assert!(used > 1.3 && is_spent, "{used}");
    assert!(problem().await);
    let series = format!("owlcoda_error_budget_remaining_ratio{{model=\"{MODEL}\"}}");
    assert!(metric(&daemon, &series).await < -0.3);

    // Another target is another budget, at once.
    daemon.write_config(policy(50));
    until("the new target", async || {
        let perf = get(&daemon, "/v1/perf").await;
        (perf["slo"]["target_percent"] == 50.0).then_some(())
    })
    .await;
    assert_eq!(budget().await, (0.5455, false));
    assert!(!problem().await);
    assert!(metric(&daemon, &series).await > 0.4);

    // What is gone alarms nobody.
    daemon.write_config(json!({"models": [{"id": "other", "endpoint": upstream.url()}]}));
    until("the model to be gone", async || {
        metric(&daemon, &series).await.is_nan().then_some(())
    })
    .await;
    let id = upstream.addr();
    for state in ["closed", "open", "half_open"] {
        let series = format!(
            "owlcoda_circuit_breaker_state{{endpoint=\"{id}\",model=\"{MODEL}\",state=\"{state}\"}}"
        );
        assert!(metric(&daemon, &series).await.abs() < 0.1, "{state}");
    }
}
