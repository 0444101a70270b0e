//! Model calls over HTTP that go well: what the model server got and what the caller gets.

use owlcoda_testkit::{FakeUpstream, Script, http, sse};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{
    MODEL, Route, assert_lives, config, daemon, metric, nothing, start, start_before,
    streamed_text, until,
};

/// A conversation in which a tool was called, as the Messages API writes it.
fn messages_with_tools() -> Value {
    json!({
        "model": "mini",
        "max_tokens": 64,
        "system": "Be brief.",
        "tools": [{
            "name": "weather",
            "description": "Tells the weather.",
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
        }],
        "messages": [
            {"role": "user", "content": "Is it raining in Bern?"},
            {"role": "assistant", "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"},
                {"type": "text", "text": "And in Basel?"},
            ]},
        ],
    })
}

#[tokio::test]
async fn a_message_reaches_the_server_as_a_chat_and_comes_back_as_a_message() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(Script::text("Hello there"));
    let answer = http::post(
        &Route::Messages.url(&daemon),
        messages_with_tools().to_string(),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-owlcoda-served-by"), Some(MODEL));
    let body = answer.json();
    let shape = json!({
        "id": body["id"], "type": "message", "role": "assistant", "model": MODEL,
        "content": [{"type": "text", "text": "Hello there"}],
        "stop_reason": "end_turn", "stop_sequence": null, "usage": body["usage"],
    });
    assert_eq!(body, shape);
    assert_eq!(body["usage"]["input_tokens"], 11);
    assert_eq!(body["usage"]["output_tokens"], 2);

    let got = upstream.next_request().await.json();
    assert_eq!(got["model"], "vendor/small");
    assert_eq!(got["max_tokens"], 64);
    assert_ne!(got["stream"], true);
    assert_eq!(got["stream_options"], Value::Null);
    let function = &got["tools"][0]["function"];
    assert_eq!(got["tools"][0]["type"], "function");
    assert_eq!(
        (&function["name"], &function["parameters"]["type"]),
        (&json!("weather"), &json!("object"))
    );
    let turns = got["messages"].as_array().unwrap();
    let roles: Vec<_> = turns
        .iter()
        .map(|turn| turn["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "user"]);
    assert_eq!(turns[0]["content"], "Be brief.");
    let call = &turns[2]["tool_calls"][0];
    assert_eq!(
        (&call["id"], &call["function"]["name"]),
        (&json!("toolu_1"), &json!("weather"))
    );
    let arguments: Value =
        serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({"city": "Bern"}));
    assert_eq!(turns[3]["tool_call_id"], "toolu_1");
    assert_eq!(turns[3]["content"], "rain");
    assert_eq!(turns[4]["content"], "And in Basel?");
}

#[tokio::test]
async fn a_streamed_message_has_the_events_of_the_messages_api_in_order() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(Script::text_stream(&["Hel", "lo"]));
    let body = Route::Messages.ask_stream(MODEL).to_string();
    let mut stream = http::open_stream(&Route::Messages.url(&daemon), body).await;
    assert_eq!(stream.status, 200);
    let kind = stream.header("content-type").unwrap().to_owned();
    assert!(kind.starts_with("text/event-stream"), "{kind}");
    let bytes = stream.rest().await.unwrap();
    let mut events = sse::events(&bytes);
    // A sign of life may come anywhere.
    events.retain(|(name, _)| name.as_deref() != Some("ping"));
    let names: Vec<_> = events
        .iter()
        .filter_map(|(name, _)| name.as_deref())
        .collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    for (name, data) in &events {
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"].as_str(), name.as_deref());
        if data["type"] == "message_delta" {
            assert_eq!(data["delta"]["stop_reason"], "end_turn");
            assert_eq!(data["usage"]["output_tokens"], 2);
        }
    }
    assert_eq!(streamed_text(&bytes), "Hello");

    let got = upstream.next_request().await.json();
    assert_eq!(got["stream"], true);
    assert_eq!(got["stream_options"], json!({"include_usage": true}));
}

#[tokio::test]
async fn a_chat_is_passed_on_as_it_came_but_for_the_model() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(Script::text("Hello there"));
    let asked = json!({
        "temperature": 0.25, "model": "mini", "an_extension": {"b": 1, "a": [2]},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
        ],
    });
    let answer = http::post(&Route::Chat.url(&daemon), asked.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], MODEL);
    assert_eq!(body["choices"][0]["message"]["content"], "Hello there");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["usage"]["total_tokens"], 13);

    let got = upstream.next_request().await;
    let expected = asked.to_string().replace("mini", "vendor/small");
    assert_eq!(String::from_utf8_lossy(&got.body), expected);
}

#[tokio::test]
async fn a_streamed_chat_shows_the_usage_only_to_those_who_asked_for_it() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    for wants_usage in [false, true] {
        upstream.script(Script::text_stream(&["Hel", "lo"]));
        let mut body = Route::Chat.ask_stream(MODEL);
        if wants_usage {
            body["stream_options"] = json!({"include_usage": true});
        }
        let mut stream = http::open_stream(&Route::Chat.url(&daemon), body.to_string()).await;
        assert_eq!(stream.status, 200);
        let bytes = stream.rest().await.unwrap();
        assert_eq!(streamed_text(&bytes), "Hello");
        let mut events = sse::events(&bytes);
        assert_eq!(events.pop().unwrap().1, "[DONE]");
        let chunks: Vec<Value> = events
            .iter()
            .map(|(_, data)| serde_json::from_str(data).unwrap())
            .collect();
        assert!(
            chunks.iter().all(|chunk| chunk["model"] == MODEL),
            "{chunks:?}"
        );
        let counted = chunks.iter().filter(|chunk| chunk["usage"].is_object());
        assert_eq!(counted.count(), usize::from(wants_usage), "{chunks:?}");
        // We count either way.
        let got = upstream.next_request().await.json();
        assert_eq!(got["stream_options"], json!({"include_usage": true}));
    }
}

#[tokio::test]
async fn a_tool_call_of_the_model_arrives_in_either_dialect_whole_or_streamed() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let input = json!({"city": "Bern", "days": [1, 2]});
    upstream.always(Script::tool_call("call_7", "weather", &input));
    let tool = json!({"name": "weather", "input_schema": {"type": "object"}});

    let url = Route::Messages.url(&daemon);
    let mut ask = Route::Messages.ask(MODEL);
    ask["tools"] = json!([tool]);
    let whole = http::post(&url, ask.to_string()).await.json();
    assert_eq!(whole["stop_reason"], "tool_use");
    let block = &whole["content"][0];
    assert_eq!(
        (&block["type"], &block["name"]),
        (&json!("tool_use"), &json!("weather"))
    );
    assert_eq!(block["input"], input);

    ask["stream"] = json!(true);
    let streamed = http::post(&url, ask.to_string()).await;
    let events: Vec<Value> = sse::events(&streamed.body)
        .iter()
        .map(|(_, data)| serde_json::from_str(data).unwrap())
        .collect();
    let begun = events
        .iter()
        .find(|event| event["type"] == "content_block_start");
    let begun = &begun.unwrap()["content_block"];
    assert_eq!(
        (&begun["type"], &begun["id"]),
        (&json!("tool_use"), &block["id"])
    );
    let pieces = events
        .iter()
        .filter_map(|event| event["delta"]["partial_json"].as_str());
    let pieces: String = pieces.collect();
    assert_eq!(serde_json::from_str::<Value>(&pieces).unwrap(), input);

    let url = Route::Chat.url(&daemon);
    let whole = http::post(&url, Route::Chat.ask(MODEL).to_string())
        .await
        .json();
    let call = &whole["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(
        (&call["id"], &call["function"]["name"]),
        (&json!("call_7"), &json!("weather"))
    );
    let streamed = http::post(&url, Route::Chat.ask_stream(MODEL).to_string()).await;
    let pieces: String = sse::events(&streamed.body)
        .iter()
        .filter_map(|(_, data)| serde_json::from_str::<Value>(data).ok())
        .filter_map(|chunk| {
            let call = &chunk["choices"][0]["delta"]["tool_calls"][0];
            call["function"]["arguments"].as_str().map(str::to_owned)
        })
        .collect();
    assert_eq!(serde_json::from_str::<Value>(&pieces).unwrap(), input);
}

#[tokio::test]
async fn models_are_listed_in_the_shape_of_the_caller_s_dialect() {
    let upstream = FakeUpstream::start().await;
    let models = json!([
        {"id": "a", "label": "The first", "endpoint": upstream.url()},
        {"id": "b", "endpoint": upstream.url()},
    ]);
    let daemon = start(json!({"models": models})).await;
    let url = format!("{}/v1/models", daemon.url());
    let openai = http::get(&url).await;
    assert_eq!(openai.status, 200);
    let openai = openai.json();
    assert_eq!(openai["object"], "list");
    let ids: Vec<_> = openai["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["id"])
        .collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(openai["data"][0]["object"], "model");

    let version = [("anthropic-version", "2023-06-01")];
    let anthropic = http::request("GET", &url, &version, "").await.json();
    assert_eq!(anthropic["data"][0]["type"], "model");
    assert_eq!(anthropic["data"][0]["display_name"], "The first");
    assert_eq!(
        (&anthropic["first_id"], &anthropic["last_id"]),
        (&json!("a"), &json!("b"))
    );
    assert_eq!(anthropic["has_more"], false);
}

#[tokio::test]
async fn a_request_has_one_id_in_its_answer_and_in_the_audit() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    for route in Route::BOTH {
        for model in [MODEL, "no-such-model"] {
            let answer = http::post(&route.url(&daemon), route.ask(model).to_string()).await;
            let id = answer.header("request-id").unwrap();
            assert_eq!(answer.header("x-request-id"), Some(id));
            assert!(id.starts_with("req_"), "{id}");
            let record = until("the audit to have the call", async || {
                let page = owlctl(&daemon, &["audit", "--json", "--limit", "1"])
                    .await
                    .json();
                let record = page["records"][0].clone();
                (record["request_id"] == id).then_some(record)
            });
            assert_eq!(record.await["model_asked"], model);
        }
    }
}

#[tokio::test]
async fn metrics_count_requests_and_calls_and_invented_names_make_no_series() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    let pid = daemon.pid();
    let url = Route::Messages.url(&daemon);
    let ok = r#"owlcoda_http_requests_total{route="/v1/messages",method="POST",code="200"}"#;
    for _ in 0..3 {
        let answer = http::post(&url, Route::Messages.ask(MODEL).to_string()).await;
        assert_eq!(answer.status, 200);
    }
    let invent = async |i: u32| {
        let body = Route::Messages.ask(&format!("invented-{i}")).to_string();
        assert_eq!(http::post(&url, body).await.status, 404);
        let path = format!("{}/invented/{i}", daemon.url());
        assert_eq!(http::request("INVENT", &path, &[], "").await.status, 404);
    };
    // The series of what is refused, and of the audit, are there after the first.
    invent(0).await;
    let audited = until("the audit to have four", async || {
        let n_audited = metric(&daemon, "owlcoda_audit_records_total").await;
        (n_audited > 3.5).then_some(())
    });
    audited.await;
    let before = http::get(&format!("{}/metrics", daemon.url())).await.text();
    for i in 1..50 {
        invent(i).await;
    }
    let after = http::get(&format!("{}/metrics", daemon.url())).await;
    assert!(
        after
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
    let after = after.text();
    assert!(!after.contains("invented"), "{after}");
    assert!(!after.contains("INVENT"), "{after}");
    let names = |text: &str| -> Vec<String> {
        let series = text.lines().filter_map(|line| line.rsplit_once(' '));
        series.map(|(name, _)| name.to_owned()).collect()
    };
    let scrape = r#"route="/metrics""#;
    let new: Vec<_> = names(&after)
        .into_iter()
        .filter(|name| !before.contains(name.as_str()) && !name.contains(scrape))
        .collect();
    assert_eq!(new, [""; 0]);
    assert!((metric(&daemon, ok).await - 3.0).abs() < 0.5, "{after}");
    let calls = format!(
        r#"owlcoda_upstream_requests_total{{endpoint="{}",model="small",outcome="ok"}}"#,
        upstream.addr()
    );
    let tokens = r#"owlcoda_tokens_total{model="small",direction="output"}"#;
    assert!((metric(&daemon, &calls).await - 3.0).abs() < 0.5, "{after}");
    assert!((metric(&daemon, tokens).await - 6.0).abs() < 0.5, "{after}");
    assert_lives(&daemon, pid).await;
}

#[tokio::test]
async fn a_model_that_is_not_there_is_called_so_in_the_words_of_each_dialect() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    for (route, place, word) in [
        (Route::Messages, "type", "not_found_error"),
        (Route::Chat, "code", "model_not_found"),
    ] {
        let body = route.ask("nobody").to_string();
        let answer = http::post(&route.url(&daemon), body).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.json()["error"][place], word, "{route:?}");
    }
}

#[tokio::test]
async fn without_any_model_the_answer_says_what_to_start_or_to_edit() {
    let daemon = daemon().config(nothing()).start().await;
    let config = daemon.home().join("config.json").display().to_string();
    for route in Route::BOTH {
        let answer = http::post(&route.url(&daemon), route.ask("anything").to_string()).await;
        assert_eq!(answer.status, 503, "{route:?}");
        let (_, message) = route.error(&answer.json());
        assert!(message.contains(&config), "{message}");
        assert!(message.contains("Ollama"), "{message}");
    }
    let list = http::get(&format!("{}/v1/models", daemon.url())).await;
    assert_eq!((list.status, &list.json()["data"]), (200, &json!([])));
}

#[tokio::test]
async fn a_machine_without_certificate_authorities_still_serves_its_own_models() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = daemon()
        .config(config(&upstream))
        .env("SSL_CERT_FILE", "/dev/null")
        .env("SSL_CERT_DIR", "/nonexistent")
        .start()
        .await;
    let route = Route::Chat;
    let answer = http::post(&route.url(&daemon), route.ask(MODEL).to_string()).await;
    assert_eq!(answer.status, 200);
    until("the remark in the log", async || {
        daemon.stderr().contains("ca-certificates").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_the_model_server_was_not_told_is_named_in_a_header() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    let route = Route::Messages;
    for mut body in [route.ask(MODEL), route.ask_stream(MODEL)] {
        let answer = http::post(&route.url(&daemon), body.to_string()).await;
        assert_eq!(answer.header("x-owlcoda-dropped"), None);
        body["metadata"] = json!({"user_id": "somebody"});
        body["from_the_f\u{fc}ture"] = json!(1);
        let answer = http::post(&route.url(&daemon), body.to_string()).await;
        assert_eq!(answer.status, 200);
        let dropped = answer.header("x-owlcoda-dropped").unwrap();
        assert!(dropped.contains("metadata"), "{dropped}");
        assert!(dropped.contains("from_the_f?ture"), "{dropped}");
    }
}

#[tokio::test]
async fn every_metric_of_the_table_is_there_once_what_it_counts_has_happened() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    let route = Route::Chat;
    http::post(&route.url(&daemon), route.ask(MODEL).to_string()).await;
    let foreign = [("host", "example.com")];
    let body = route.ask(MODEL).to_string();
    let refused = http::request("POST", &route.url(&daemon), &foreign, body).await;
    assert_eq!(refused.status, 403);
    owlctl(&daemon, &["status"]).await;
    let text = until("the audit to be written", async || {
        let text = http::get(&format!("{}/metrics", daemon.url())).await.text();
        text.contains("owlcoda_audit_records_total 1")
            .then_some(text)
    })
    .await;
    // Shown elsewhere: a failed store, a model server of the daemon's own, what resilience does,
    // reloads, the response cache, the monitor, the speed of streams.
    let rare = [
        "owlcoda_endpoint_probe_duration_seconds",
        "owlcoda_storage_errors_total",
        "owlcoda_managed_runtime_up",
        "owlcoda_retries_total",
        "owlcoda_fallbacks_total",
        "owlcoda_rate_limited_total",
        "owlcoda_config_reloads_total",
        "owlcoda_cache_requests_total",
        "owlcoda_upstream_output_tokens_per_second",
    ];
    for name in owlcoda_telemetry::metric::NAMES {
        let is_there = text.lines().any(|line| line.starts_with(name));
        assert!(is_there || rare.contains(name), "{name} is not in:\n{text}");
    }
}
