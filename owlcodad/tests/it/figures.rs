//! What the daemon measured, as its routes tell it.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::world::{MODEL, Route, metric, start, start_before, until};

async fn get(daemon: &TestDaemon, path: &str) -> Value {
    let answer = http::get(&format!("{}{path}", daemon.url())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn calls_are_measured_by_model_and_by_route() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    assert_eq!(get(&daemon, "/v1/perf").await["data"], json!([]));
    assert_eq!(get(&daemon, "/v1/latency").await["latency"], json!({}));
    for route in Route::BOTH {
        for body in [route.ask(MODEL), route.ask_stream(MODEL)] {
            let answer = http::post(&route.url(&daemon), body.to_string()).await;
            assert_eq!(answer.status, 200);
        }
    }
    // The caller is at fault, which says nothing about the model.
    let unknown = Route::Chat.ask("nobody").to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), unknown).await.status,
        404
    );
    upstream.always(Script::error(500, "no"));
    let body = Route::Chat.ask(MODEL).to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), body).await.status,
        500
    );

    let perf = get(&daemon, "/v1/perf").await;
    let model = &perf["data"][0];
    assert_eq!(
        (&model["model_id"], &model["request_count"]),
        (&json!(MODEL), &json!(5))
    );
    assert_eq!(
        (&model["success_rate"], &model["total_input_tokens"]),
        (&json!(0.8), &json!(44))
    );
    for name in [
        "avg_duration_ms",
        "p50_duration_ms",
        "p95_duration_ms",
        "avg_ttft_ms",
        "avg_output_tps",
        "prefill_tps",
    ] {
        assert!(
            model[name].as_f64().is_some_and(|number| number > 0.0),
            "{name}: {model}"
        );
    }
    assert!(model["first_request_at"].as_str().unwrap().ends_with('Z'));

    let id = upstream.addr();
    let series = |end: &str| {
        let name = "owlcoda_upstream_output_tokens_per_second";
        format!("{name}_{end}{{endpoint=\"{id}\",model=\"{MODEL}\"}}")
    };
    // Streams alone have a speed, and only those that went well.
    let n_streams = metric(&daemon, &series("count")).await;
    assert!((n_streams - 2.0).abs() < 0.1, "{n_streams}");
    assert!(metric(&daemon, &series("sum")).await > 0.0);

    let latency = get(&daemon, "/v1/latency").await;
    let counts =
        ["/v1/messages", "/v1/chat/completions"].map(|route| &latency["latency"][route]["count"]);
    assert_eq!(counts, [&json!(2), &json!(4)]);
    let messages = &latency["latency"]["/v1/messages"];
    let of = |name: &str| messages[name].as_f64().unwrap();
    let ordered = ["min", "p50", "p90", "p95", "p99", "max"].map(of);
    assert!(ordered.is_sorted(), "{messages}");

    let usage = get(&daemon, "/v1/usage").await;
    assert_eq!(
        (
            &usage["requestCount"],
            &usage["inputTokens"],
            &usage["outputTokens"]
        ),
        (&json!(6), &json!(44), &json!(8))
    );
    assert_eq!(usage["totalTokens"], 52);
}

#[tokio::test]
async fn what_was_measured_goes_on_after_a_restart() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut daemon = start_before(&upstream).await;
    let ask = async |daemon: &TestDaemon| {
        let body = Route::Chat.ask_stream(MODEL).to_string();
        assert_eq!(http::post(&Route::Chat.url(daemon), body).await.status, 200);
    };
    ask(&daemon).await;
    let before = until("the call to be measured", async || {
        let usage = get(&daemon, "/v1/usage").await;
        (usage["requestCount"] == 1).then_some(usage)
    })
    .await;
    daemon.terminate();
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
    daemon.restart().await;
    let after = get(&daemon, "/v1/usage").await;
    for name in ["requestCount", "inputTokens", "outputTokens", "startedAt"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    ask(&daemon).await;
    until("both calls", async || {
        let latency = get(&daemon, "/v1/latency").await;
        (latency["latency"]["/v1/chat/completions"]["count"] == 2).then_some(())
    })
    .await;

    // A file that nobody can read any more costs what it held, and not the start.
    daemon.terminate();
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
    fs_err::write(daemon.home().join("store/figures.json"), "{").unwrap();
    daemon.restart().await;
    assert_eq!(get(&daemon, "/v1/usage").await["requestCount"], 0);
}

#[tokio::test]
async fn costs_go_by_the_price_that_is_given_else_by_the_electricity_of_the_model_s_size() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start(json!({
        "cost": {"currency": "EUR", "kwhPrice": 0.4},
        "models": [
            {"id": "local-7b", "endpoint": upstream.url()},
            {"id": "priced", "endpoint": upstream.url(), "price": {"input": 2, "output": 10}},
        ],
    }))
    .await;
    // 11 tokens in and 2 out, each.
    for (model, expected) in [("local-7b", "0.000002"), ("priced", "0.000042")] {
        let body = Route::Chat.ask(model).to_string();
        let answer = http::post(&Route::Chat.url(&daemon), body).await;
        assert_eq!(
            answer.header("x-owlcoda-estimated-cost"),
            Some(expected),
            "{model}"
        );
    }
    let audit = until("the records", async || {
        let page = get(&daemon, "/v1/audit").await;
        (page["summary"]["totalEntries"] == 2).then_some(page)
    })
    .await;
    assert_eq!(audit["entries"][0]["cost"], 0.000_042);
    let cost = get(&daemon, "/v1/cost").await;
    let told = |n: usize| {
        let model = &cost["data"][n];
        let texts = ["model_id", "source", "unit"].map(|name| model[name].as_str().unwrap());
        (texts, model["cost"].as_f64().unwrap())
    };
    assert_eq!(told(0), (["local-7b", "estimated", "EUR"], 0.000_002));
    assert_eq!(told(1), (["priced", "configured", "EUR"], 0.000_042));
    assert_eq!(
        (&cost["total_cost"], &cost["unit"]),
        (&json!(0.000_044), &json!("EUR"))
    );
}

#[tokio::test]
async fn the_record_of_calls_is_told_in_pages_and_by_filter() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    for route in Route::BOTH {
        let body = route.ask("mini").to_string();
        assert_eq!(http::post(&route.url(&daemon), body).await.status, 200);
    }
    let unknown = Route::Chat.ask("nobody").to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), unknown).await.status,
        404
    );
    let all = until("three records", async || {
        let page = get(&daemon, "/v1/audit").await;
        (page["summary"]["totalEntries"] == 3).then_some(page)
    })
    .await;
    assert_eq!(all["summary"]["errorCount"], 1);
    let newest = &all["entries"][0];
    assert_eq!(
        (&newest["model"], &newest["statusCode"], &newest["error"]),
        (&json!("nobody"), &json!(404), &json!("not_found"))
    );
    let oldest = &all["entries"][2];
    assert_eq!(
        (&oldest["path"], &oldest["servedBy"], &oldest["inputTokens"]),
        (&json!("/v1/messages"), &json!(MODEL), &json!(11))
    );

    let first = get(&daemon, "/v1/audit?limit=1").await;
    assert_eq!(first["entries"], json!([newest]));
    let rest = get(&daemon, &format!("/v1/audit?before={}", first["next"])).await;
    assert_eq!(rest["entries"].as_array().unwrap().len(), 2);
    let failed = get(&daemon, "/v1/audit?minStatus=400").await;
    assert_eq!(failed["entries"], json!([newest]));
    let by_model = get(&daemon, "/v1/audit?model=small").await;
    assert_eq!(by_model["summary"]["totalEntries"], 2);
    let answer = http::get(&format!("{}/v1/audit?limit=0", daemon.url())).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[tokio::test]
async fn the_description_of_the_api_has_every_route_and_a_wrong_method_names_the_right_ones() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let document = get(&daemon, "/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for path in [
        "/v1/messages",
        "/v1/chat/completions",
        "/v1/models",
        "/health",
        "/v1/cache",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    for (path, allowed) in [("/v1/cache", "GET, DELETE"), ("/v1/models/small", "GET")] {
        let url = format!("{}{path}", daemon.url());
        let answer = http::request("PUT", &url, &[], String::new()).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some(allowed))
        );
    }
}
