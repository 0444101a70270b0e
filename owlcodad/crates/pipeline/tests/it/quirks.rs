//! Each server with quirks of its own, asked through the whole way.

use owlcoda_config::{EndpointUrl, ModelConfig, ModelTarget, Protocol};
use owlcoda_pipeline::{Answer, Outcome};
use owlcoda_testkit::{FakeUpstream, Script};
use owlcoda_types::Server;
use owlcoda_wire::fault::Dialect;
use serde_json::{Value, json};

use crate::setup::{KEY, Mode, Room, call_with, model, parse, read};

/// A pipeline before a model of that name on that server.
async fn room(server: Server, name: &str, protocol: Protocol) -> Room {
    let fake = FakeUpstream::start().await;
    let url = EndpointUrl::parse(&fake.url());
    let target = ModelTarget::Endpoint(url.unwrap_or_else(|error| unreachable!("{error}")));
    let small = ModelConfig {
        server,
        protocol,
        backend_model: name.to_owned(),
        ..model(target)
    };
    Room::with(fake, &[small], &[])
}

/// A turn within a tool loop: the model has thought, called and been answered.
fn loop_turn() -> Value {
    json!({
        "tools": [{"name": "read", "input_schema": {
            "type": "object", "properties": {"path": {"type": "string", "pattern": "\\S"}},
        }}],
        "tool_choice": {"type": "tool", "name": "read"},
        "temperature": 0.5,
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": ""},
                {"type": "tool_use", "id": "c1", "name": "read", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "ok"},
            ]},
        ],
    })
}

#[tokio::test]
async fn each_server_is_asked_in_its_own_way() {
    /// A place in the request, and what is there.
    type Place = (&'static str, Value);
    let named = json!({"type": "function", "function": {"name": "read"}});
    let cases: [(Server, &str, &[Place]); 12] = [
        (
            Server::Generic,
            "m",
            &[
                ("/tool_choice", named.clone()),
                ("/messages/1/reasoning_content", json!(null)),
                ("/chat_template_kwargs", json!(null)),
            ],
        ),
        (
            Server::Ollama,
            "m",
            &[
                ("/reasoning_effort", json!("none")),
                ("/messages/1/reasoning", json!("Hm.")),
                ("/tool_choice", json!(null)),
            ],
        ),
        (
            Server::LmStudio,
            "m",
            &[
                ("/tool_choice", json!("required")),
                (
                    "/tools/0/function/parameters/properties/path/pattern",
                    json!(null),
                ),
            ],
        ),
        (
            Server::Vllm,
            "m",
            &[
                ("/chat_template_kwargs/enable_thinking", json!(false)),
                ("/messages/1/reasoning", json!("Hm.")),
                ("/tool_choice", named.clone()),
            ],
        ),
        (
            Server::Sglang,
            "m",
            &[("/messages/1/reasoning_content", json!("Hm."))],
        ),
        (
            Server::LlamaCpp,
            "m",
            &[
                ("/chat_template_kwargs/enable_thinking", json!(false)),
                ("/messages/1/reasoning_content", json!("Hm.")),
                ("/tool_choice", json!("required")),
                ("/parallel_tool_calls", json!(true)),
                (
                    "/tools/0/function/parameters/properties/path/pattern",
                    json!(null),
                ),
            ],
        ),
        (
            Server::OpenAi,
            "gpt-5",
            &[
                ("/max_completion_tokens", json!(64)),
                ("/max_tokens", json!(null)),
                ("/temperature", json!(null)),
            ],
        ),
        (
            Server::OpenRouter,
            "z-ai/glm-5",
            &[("/messages/1/reasoning", json!("Hm."))],
        ),
        (
            Server::Moonshot,
            "kimi-k2.6",
            &[
                ("/thinking/type", json!("disabled")),
                ("/messages/1/reasoning_content", json!("Hm.")),
                ("/temperature", json!(null)),
            ],
        ),
        (
            Server::Bailian,
            "qwen3-max",
            &[
                ("/enable_thinking", json!(false)),
                ("/parallel_tool_calls", json!(true)),
            ],
        ),
        (
            Server::Mimo,
            "mimo-v2.5-pro",
            &[
                ("/max_completion_tokens", json!(64)),
                ("/thinking/type", json!("disabled")),
            ],
        ),
        (
            Server::MiniMax,
            "MiniMax-M2.7",
            &[("/messages/1/content", json!("<think>\nHm.\n</think>\n\n"))],
        ),
    ];
    for (server, name, expected) in cases {
        let room = room(server, name, Protocol::OpenAi).await;
        room.fake.always(Script::reply("ok"));
        let call = call_with(Dialect::Anthropic, Mode::Whole, &loop_turn());
        room.pipeline.run(call).await.unwrap();
        let sent = room.fake.next_request().await.json();
        assert_eq!(sent["model"], name, "{server:?}");
        for (place, value) in expected {
            let found = sent.pointer(place).unwrap_or(&Value::Null);
            assert_eq!(found, value, "{server:?} {place}");
        }
        assert_eq!(room.settled().outcome, Outcome::Ok, "{server:?}");
    }
}

#[tokio::test]
async fn a_call_in_the_text_of_a_local_server_is_a_call_and_of_another_stays_text() {
    let text = r#"<tool_call>{"name": "read", "arguments": {"path": "a"}}</tool_call>"#;
    for (server, is_call) in [
        (Server::Generic, false),
        (Server::OpenAi, false),
        (Server::Ollama, true),
        (Server::LmStudio, true),
        (Server::Vllm, true),
        (Server::LlamaCpp, true),
    ] {
        let room = room(server, "m", Protocol::OpenAi).await;
        let more = json!({"tools": [{"name": "read"}]});
        room.fake.script(Script::reply(text));
        let call = call_with(Dialect::Anthropic, Mode::Whole, &more);
        let Answer::Whole(whole) = room.pipeline.run(call).await.unwrap() else {
            panic!("a stream")
        };
        let answer = parse(&whole.body);
        let kind = if is_call { "tool_use" } else { "text" };
        assert_eq!(answer["content"][0]["type"], kind, "{server:?} {answer}");

        let (head, tail) = text.split_at(20);
        let stream = Script::stream()
            .delta(&json!({"role": "assistant", "content": head}))
            .delta(&json!({"content": tail}))
            .finish("stop")
            .done();
        room.fake.script(stream);
        let call = call_with(Dialect::Anthropic, Mode::Stream, &more);
        let Answer::Stream(stream) = room.pipeline.run(call).await.unwrap() else {
            panic!("an answer")
        };
        let (events, failure) = read(stream).await;
        assert!(failure.is_none(), "{failure:?}");
        let shown = format!("{events:?}");
        assert_eq!(shown.contains("ToolUse"), is_call, "{server:?} {shown}");
    }
}

#[tokio::test]
async fn the_key_on_a_messages_route_is_sent_as_the_server_reads_it() {
    let bearer = format!("Bearer {KEY}");
    for (server, x_api_key, authorization) in [
        (Server::Generic, Some(KEY), None),
        (Server::Anthropic, Some(KEY), None),
        (Server::LlamaCpp, Some(KEY), None),
        (Server::Vllm, None, Some(bearer.as_str())),
        (Server::OpenRouter, None, Some(bearer.as_str())),
    ] {
        let room = room(server, "m", Protocol::Anthropic).await;
        let answer = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": "ok"}], "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        });
        room.fake.at("/v1/messages", Script::new().json(&answer));
        room.whole(Dialect::Anthropic).await;
        let sent = room.fake.next_request_to("/v1/messages").await;
        assert_eq!(sent.header("x-api-key"), x_api_key, "{server:?}");
        assert_eq!(sent.header("authorization"), authorization, "{server:?}");
    }
}
