//! Model servers that stream although nobody asked, or do not although somebody did.

use owlcoda_testkit::{FakeUpstream, Script, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{Route, start, streamed_text, until};

/// A message of the Messages API, whole.
fn message() -> Script {
    Script::new().json(&json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "vendor",
        "content": [{"type": "text", "text": "One two"}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 11, "output_tokens": 2},
    }))
}

/// The same as events.
fn events() -> Script {
    let event = |script: Script, data: Value| {
        let name = data.get("type").and_then(Value::as_str).unwrap_or_default();
        script.raw(format!("event: {name}\ndata: {data}\n\n"))
    };
    let text = |text: &str| {
        json!({"type": "content_block_delta", "index": 0,
               "delta": {"type": "text_delta", "text": text}})
    };
    [
        json!({"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "vendor", "content": [],
            "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 11, "output_tokens": 0}}}),
        json!({"type": "content_block_start", "index": 0,
               "content_block": {"type": "text", "text": ""}}),
        text("One"),
        text(" two"),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
               "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ]
    .into_iter()
    .fold(Script::stream(), event)
}

fn whole_text(route: Route, body: &Value) -> String {
    let text = body.pointer(match route {
        Route::Messages => "/content/0/text",
        Route::Chat => "/choices/0/message/content",
    });
    text.and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_answer_comes_in_the_form_that_was_asked_for_whatever_the_server_does() {
    let upstream = FakeUpstream::start().await;
    let model = |id: &str, protocol: &str| json!({"id": id, "endpoint": upstream.url(), "protocol": protocol});
    let models = [model("chat", "openai"), model("native", "anthropic")];
    let daemon = start(json!({"models": models})).await;
    let chat_stream = || Script::text_stream(&["One", " two"]);
    let mut n_calls = 0;
    for route in Route::BOTH {
        let url = route.url(&daemon);
        for (model, whole, stream) in [
            ("chat", Script::text("One two"), chat_stream()),
            ("native", message(), events()),
        ] {
            let play = |script| match model {
                "native" => upstream.at("/v1/messages", script),
                _ => upstream.script(script),
            };
            play(whole);
            let asked = route.ask_stream(model).to_string();
            let mut streamed = http::open_stream(&url, asked).await;
            let body = streamed.rest().await.unwrap();
            let label = format!("{route:?} to {model}");
            assert_eq!(streamed.status, 200, "{label}");
            assert_eq!(streamed_text(&body), "One two", "{label}");
            let text = String::from_utf8_lossy(&body).into_owned();
            let end = match route {
                Route::Messages => "message_stop",
                Route::Chat => "[DONE]",
            };
            assert_eq!(
                text.matches(end).count(),
                if end == "[DONE]" { 1 } else { 2 },
                "{text}"
            );

            for mislabeled in [false, true] {
                let kind = ("content-type", "application/json");
                play(if mislabeled {
                    stream.clone().header(kind.0, kind.1)
                } else {
                    stream.clone()
                });
                let answer = http::post(&url, route.ask(model).to_string()).await;
                assert_eq!(answer.status, 200, "{label}: {}", answer.text());
                assert_eq!(whole_text(route, &answer.json()), "One two", "{label}");
            }
            n_calls += 3;
        }
    }
    let page = until("the audit to have all", async || {
        let page = owlctl(&daemon, &["audit", "--json"]).await.json();
        (page["records"].as_array()?.len() == n_calls).then_some(page)
    });
    for record in page.await["records"].as_array().unwrap() {
        assert_eq!(record["outcome"], "ok", "{record}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_no_whole_answer() {
    let upstream = FakeUpstream::start().await;
    let daemon = crate::world::start_before(&upstream).await;
    for route in Route::BOTH {
        let begun = Script::stream().delta(&json!({"role": "assistant", "content": "One"}));
        upstream.script(begun.done());
        let answer = http::post(&route.url(&daemon), route.ask("small").to_string()).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        let (_, words) = route.error(&answer.json());
        assert!(words.contains("too early"), "{words}");
    }
}
