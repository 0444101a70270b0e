//! What a fake upstream answers, and in which order.

use std::io::ErrorKind;

use owlcoda_testkit::{FakeUpstream, Gate, Script, http, sse};
use serde_json::{Value, json};

fn completions(upstream: &FakeUpstream) -> String {
    format!("{}/chat/completions", upstream.url())
}

#[tokio::test]
async fn scripts_are_used_up_in_order_and_then_the_standing_one_answers() {
    let upstream = FakeUpstream::start().await;
    upstream.script(
        Script::new()
            .status(429)
            .header("retry-after", "7")
            .json(&json!({"a": 1})),
    );
    upstream.script(Script::text("two"));
    let url = completions(&upstream);

    let limited = http::post(&url, "{}").await;
    assert_eq!(
        (limited.status, limited.header("retry-after")),
        (429, Some("7"))
    );
    assert_eq!(limited.header("content-type"), Some("application/json"));
    assert_eq!(limited.json(), json!({"a": 1}));

    let second = http::post(&url, "{}").await.json();
    assert_eq!(second["choices"][0]["message"]["content"], "two");
    assert_eq!(second["usage"]["prompt_tokens"], 11);

    let unscripted = http::post(&url, "{}").await;
    assert_eq!(unscripted.status, 500);
    assert!(
        unscripted.text().contains("no script is left"),
        "{}",
        unscripted.text()
    );

    upstream.always(Script::error(503, "down"));
    for _ in 0..2 {
        assert_eq!(http::post(&url, "{}").await.status, 503);
    }
}

#[tokio::test]
async fn models_and_health_answer_without_a_script_and_can_be_replaced() {
    let upstream = FakeUpstream::start().await;
    let models = format!("{}/models", upstream.url());
    let health = format!("http://{}/health", upstream.addr());
    assert_eq!(
        http::get(&models).await.json()["data"][0]["id"],
        "fake-model"
    );
    upstream.models(&["a", "b"]);
    let listed = http::get(&models).await.json();
    let listed: Vec<&Value> = listed["data"].as_array().unwrap().iter().collect();
    assert_eq!((listed.len(), &listed[1]["id"]), (2, &json!("b")));
    assert_eq!(http::get(&health).await.status, 200);

    upstream.at("/v1/models", Script::error(401, "who are you"));
    assert_eq!(http::get(&models).await.status, 401);
    assert_eq!(
        http::get(&format!("{}/else", upstream.url())).await.status,
        404
    );
}

#[tokio::test]
async fn a_text_stream_has_usage_only_where_the_request_asks() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::text_stream(&["Hel", "lo"]));
    for (label, body, n_usage) in [
        (
            "asked",
            json!({"stream": true, "stream_options": {"include_usage": true}}),
            1,
        ),
        ("not asked", json!({"stream": true}), 0),
    ] {
        let response = http::post(&completions(&upstream), body.to_string()).await;
        assert_eq!(
            response.header("content-type"),
            Some("text/event-stream"),
            "{label}"
        );
        let mut events = sse::events(&response.body);
        assert_eq!(events.pop(), Some((None, "[DONE]".to_owned())), "{label}");
        let chunks: Vec<Value> = events
            .iter()
            .map(|(_, data)| serde_json::from_str(data).unwrap())
            .collect();
        let text: String = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(text, "Hello", "{label}");
        let reasons = chunks
            .iter()
            .filter(|chunk| chunk["choices"][0]["finish_reason"] == "stop");
        assert_eq!(reasons.count(), 1, "{label}");
        let usage: Vec<&Value> = chunks
            .iter()
            .map(|chunk| &chunk["usage"])
            .filter(|usage| !usage.is_null())
            .collect();
        assert_eq!(usage.len(), n_usage, "{label}");
        for usage in usage {
            assert_eq!(usage["prompt_tokens"], 11, "{label}");
            assert_eq!(usage["completion_tokens"], 2, "{label}");
        }
    }
}

#[tokio::test]
async fn a_tool_call_says_the_same_whole_and_streamed() {
    let arguments = json!({"path": "src/main.rs", "note": "größer"});
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::tool_call("call_1", "read", &arguments));

    let whole = http::post(&completions(&upstream), "{}").await.json();
    let call = &whole["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(
        (&call["id"], &call["function"]["name"]),
        (&json!("call_1"), &json!("read"))
    );
    assert_eq!(call["function"]["arguments"], arguments.to_string());
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");

    let streamed = http::post(&completions(&upstream), r#"{"stream": true}"#).await;
    let events = sse::events(&streamed.body);
    let deltas: Vec<Value> = events
        .iter()
        .filter_map(|(_, data)| serde_json::from_str::<Value>(data).ok())
        .map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].clone())
        .filter(|call| !call.is_null())
        .collect();
    assert_eq!(
        (&deltas[0]["id"], &deltas[0]["index"]),
        (&json!("call_1"), &json!(0))
    );
    assert!(deltas.len() > 2, "the arguments come in pieces: {deltas:?}");
    let joined: String = deltas
        .iter()
        .filter_map(|call| call["function"]["arguments"].as_str())
        .collect();
    assert_eq!(joined, arguments.to_string());
}

#[tokio::test]
async fn what_is_added_to_a_reply_holds_in_both_modes() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("hi").status(203).header("x-id", "7"));
    for (body, content_type) in [
        ("{\"stream\": false}", "application/json"),
        ("{\"stream\": true}", "text/event-stream"),
    ] {
        let response = http::post(&completions(&upstream), body).await;
        assert_eq!(
            (response.status, response.header("x-id")),
            (203, Some("7")),
            "{body}"
        );
        assert_eq!(
            response.header("content-type"),
            Some(content_type),
            "{body}"
        );
        assert!(response.text().contains("hi"), "{body}");
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_gate_opens() {
    let gate = Gate::new();
    let upstream = FakeUpstream::start().await;
    upstream.script(Script::text_stream(&["late"]).held(&gate));
    let url = completions(&upstream);
    let open = async {
        gate.reached().await;
        upstream.script(Script::text("second"));
        let second = http::post(&url, "{}").await;
        gate.open();
        second.json()
    };
    // The held answer is asked for first and still comes last.
    let (held, second) = tokio::join!(http::post(&url, "{}"), open);
    assert_eq!(second["choices"][0]["message"]["content"], "second");
    assert!(held.text().contains("late"), "{}", held.text());
}

#[tokio::test]
async fn split_bodies_come_in_pieces_of_the_size_asked_for() {
    let upstream = FakeUpstream::start().await;
    upstream.script(Script::stream().raw("abcdefg").raw("hi").split_at(3));
    let authority = upstream.addr().to_string();
    let close = [("connection", "close")];
    let request = http::encode("POST", &authority, "/v1/chat/completions", &close, b"{}");
    let mut connection = http::raw(&authority, request).await;
    let bytes = connection.read_to_close().await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body,
        "3\r\nabc\r\n3\r\ndef\r\n1\r\ng\r\n2\r\nhi\r\n0\r\n\r\n"
    );
}

#[tokio::test]
async fn one_connection_serves_many_requests_and_takes_chunked_ones() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::text_stream(&["x"]));
    let authority = upstream.addr().to_string();
    let mut connection = http::Connection::open(&authority).await;
    let whole = http::encode(
        "POST",
        &authority,
        "/v1/chat/completions",
        &[],
        b"{\"n\":1}",
    );
    let chunked = b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        4;x=y\r\n{\"n\"\r\n3\r\n:2}\r\n0\r\nafter: all\r\n\r\n";
    for request in [&whole[..], chunked] {
        connection.send(request).await;
        assert_eq!(connection.response().await.status, 200);
    }
    // Two requests in one write are answered one after the other.
    connection.send([&whole[..], chunked].concat()).await;
    for _ in 0..2 {
        assert!(connection.response().await.text().contains("[DONE]"));
    }
    assert_eq!(upstream.n_connections(), 1);
    let bodies: Vec<Value> = upstream
        .requests()
        .iter()
        .map(|request| request.json()["n"].clone())
        .collect();
    assert_eq!(bodies, [1, 2, 1, 2]);
}

#[tokio::test]
async fn a_server_comes_back_at_its_address() {
    let upstream = FakeUpstream::start().await;
    let (addr, url) = (upstream.addr(), completions(&upstream));
    upstream.script(Script::text("before"));
    assert_eq!(http::post(&url, "{}").await.status, 200);
    upstream.stop().await;
    let gone = http::try_request("POST", &url, &[], "{}")
        .await
        .unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::ConnectionRefused, "{gone}");
    let upstream = FakeUpstream::start_at(addr).await;
    upstream.script(Script::text("after"));
    assert!(http::post(&url, "{}").await.text().contains("after"));
}
