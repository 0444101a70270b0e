//! What holds for every answer of a server that speaks the Messages API.

use bytes::Bytes;
use owlcoda_wire::anthropic::{Request, rename_model};
use owlcoda_wire::openai;
use owlcoda_wire::translate::{
    ChatContext, MessagesRelay, MessagesToChat, StreamFault, Target, chat_to_messages,
    messages_response_to_chat, relay_messages_response,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::properties::any_json;

/// A block of an answer and the sizes of the pieces that it comes in.
#[derive(Clone, Debug)]
enum Block {
    Text(String),
    Thinking(String),
    Call(String),
}

fn any_block() -> impl Strategy<Value = (Block, usize)> {
    let text = "[a-zé🦉\"\\\\ \n]{0,12}";
    let block = prop_oneof![
        text.prop_map(Block::Text),
        text.prop_map(Block::Thinking),
        text.prop_map(Block::Call),
    ];
    (block, 1usize..5)
}

fn input(text: &str) -> Value {
    json!({ "a": text, "b": [{}, []] })
}

/// The answer in one piece, and the same as events.
#[expect(
    clippy::indexing_slicing,
    reason = "a test may fail on a value that has no such field"
)]
fn answer(blocks: &[(Block, usize)]) -> (Value, Vec<Value>) {
    let mut whole = Vec::new();
    let mut events = vec![json!({"type": "message_start", "message": {"model": "up"}})];
    for (index, (block, size)) in blocks.iter().enumerate() {
        let (start, full, text, delta, field) = match block {
            Block::Text(text) => (
                json!({"type": "text", "text": ""}),
                json!({"type": "text", "text": text}),
                text.clone(),
                "text_delta",
                "text",
            ),
            Block::Thinking(text) => (
                json!({"type": "thinking", "thinking": ""}),
                json!({"type": "thinking", "thinking": text, "signature": "s"}),
                text.clone(),
                "thinking_delta",
                "thinking",
            ),
            Block::Call(text) => {
                let head = json!({"type": "tool_use", "id": format!("toolu_{index}"), "name": "f"});
                let (mut start, mut full) = (head.clone(), head);
                start["input"] = json!({});
                full["input"] = input(text);
                (
                    start,
                    full,
                    input(text).to_string(),
                    "input_json_delta",
                    "partial_json",
                )
            }
        };
        whole.push(full);
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(*size) {
            let piece: String = piece.iter().collect();
            events.push(json!({"type": "ping"}));
            events.push(
                json!({"type": "content_block_delta", "index": index, "delta": {"type": delta, field: piece}}),
            );
        }
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let usage = json!({"input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": 2});
    events.push(
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}),
    );
    events.push(json!({"type": "message_stop"}));
    let whole =
        json!({"type": "message", "content": whole, "stop_reason": "end_turn", "usage": usage});
    (whole, events)
}

fn context() -> ChatContext {
    ChatContext {
        id: "chatcmpl-1".to_owned(),
        created: 9,
        model: "m".to_owned(),
        wants_usage_chunk: true,
        ..ChatContext::default()
    }
}

fn run(frames: &[String]) -> (Vec<Bytes>, Result<(), StreamFault>) {
    let mut machine = MessagesToChat::new(context());
    let mut chunks = Vec::new();
    for frame in frames {
        let result = machine.push(None, frame.as_bytes(), &mut chunks);
        if result.is_err() {
            return (chunks, result);
        }
    }
    let result = machine.finish(&mut chunks);
    (chunks, result)
}

/// Puts chunks together as clients do, and checks what they rely on.
#[expect(
    clippy::indexing_slicing,
    reason = "a test may fail on a value that has no such field"
)]
fn assemble(chunks: &[Bytes], is_whole: bool) -> Result<Value, TestCaseError> {
    let (mut text, mut thinking) = (String::new(), String::new());
    let mut calls: Vec<Value> = Vec::new();
    let (mut n_roles, mut n_finishes) = (0, 0);
    let mut finish = Value::Null;
    for (at, chunk) in chunks.iter().enumerate() {
        let chunk: Value = serde_json::from_slice(chunk).unwrap_or_default();
        prop_assert_eq!(&chunk["id"], "chatcmpl-1");
        prop_assert_eq!(&chunk["created"], 9);
        let is_last = is_whole && at + 1 == chunks.len();
        prop_assert_eq!(chunk["choices"] == json!([]), is_last);
        prop_assert_eq!(chunk["usage"].is_object(), is_last);
        if is_last {
            continue;
        }
        prop_assert_eq!(n_finishes, 0, "nothing but the usage after the reason");
        let choice = &chunk["choices"][0];
        let delta = &choice["delta"];
        prop_assert_eq!(delta["role"].is_string(), at == 0);
        n_roles += usize::from(delta["role"].is_string());
        text.push_str(delta["content"].as_str().unwrap_or_default());
        thinking.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"]
                .as_u64()
                .and_then(|index| usize::try_from(index).ok());
            let index = index.unwrap_or(usize::MAX);
            let is_new = index == calls.len();
            prop_assert!(is_new || index < calls.len(), "a gap before {index}");
            prop_assert_eq!(call["id"].is_string(), is_new);
            prop_assert_eq!(call["type"].is_string(), is_new);
            prop_assert_eq!(call["function"]["name"].is_string(), is_new);
            if is_new {
                calls.push(json!({"id": call["id"], "arguments": ""}));
            }
            let more = call["function"]["arguments"].as_str().unwrap_or_default();
            let known = calls[index]["arguments"].as_str().unwrap_or_default();
            calls[index]["arguments"] = format!("{known}{more}").into();
        }
        if choice["finish_reason"].is_string() {
            n_finishes += 1;
            finish = choice["finish_reason"].clone();
        }
    }
    prop_assert_eq!(n_finishes, usize::from(is_whole));
    prop_assert_eq!(n_roles, usize::from(!chunks.is_empty()));
    Ok(json!({"text": text, "thinking": thinking, "calls": calls, "finish": finish}))
}

fn any_content() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => prop::sample::select(vec![
            r#""said""#,
            r#""said \n""#,
            r#"" ""#,
            "null",
            "[]",
            r#"[{"type":"text","text":""},{"type":"text","text":"part"}]"#,
        ]).prop_map(str::to_owned),
        1 => any_json(),
    ]
}

proptest! {
    #[test]
    fn chunks_put_together_are_the_whole_answer(blocks in prop::collection::vec(any_block(), 0..6)) {
        let (whole, events) = answer(&blocks);
        let frames: Vec<String> = events.iter().map(Value::to_string).collect();
        let (chunks, result) = run(&frames);
        prop_assert_eq!(result, Ok(()));
        let streamed = assemble(&chunks, true)?;

        let chat = messages_response_to_chat(whole.to_string().as_bytes(), &context());
        let chat = chat.map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        let chat: Value = serde_json::from_slice(&chat.body).unwrap_or_default();
        let message = &chat["choices"][0]["message"];
        let calls: Vec<Value> = message["tool_calls"].as_array().into_iter().flatten()
            .map(|call| json!({"id": call["id"], "arguments": call["function"]["arguments"]}))
            .collect();
        let expected = json!({
            "text": message["content"].as_str().unwrap_or_default(),
            "thinking": message["reasoning_content"].as_str().unwrap_or_default(),
            "calls": calls,
            "finish": chat["choices"][0]["finish_reason"],
        });
        let streamed_text = streamed["text"].as_str().unwrap_or_default().to_owned();
        prop_assert_eq!(streamed, expected);
        let text = message["content"].as_str();
        prop_assert_eq!(text.is_none(), !calls.is_empty() && streamed_text.is_empty());
        prop_assert_eq!(&chat["usage"]["prompt_tokens"], 5);
        prop_assert_eq!(&chat["usage"]["prompt_tokens_details"]["cached_tokens"], 2);
    }

    #[test]
    fn a_stream_cut_anywhere_never_ends_cleanly(
        blocks in prop::collection::vec(any_block(), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let (_, events) = answer(&blocks);
        // Before the reason for the end, which is the last but one.
        let frames: Vec<String> = events.iter().map(Value::to_string).collect();
        let frames = &frames[..cut.index(frames.len() - 1)];
        let (chunks, result) = run(frames);
        prop_assert_eq!(result, Err(StreamFault::Truncated));
        assemble(&chunks, false)?;
        let mut relay = MessagesRelay::new("m");
        for frame in frames {
            prop_assert!(relay.push(None, frame.as_bytes()).is_ok());
        }
        prop_assert_eq!(relay.finish(), Err(StreamFault::Truncated));
    }

    #[test]
    fn the_relay_changes_nothing_but_the_name(blocks in prop::collection::vec(any_block(), 0..6)) {
        let (_, events) = answer(&blocks);
        let mut relay = MessagesRelay::new("asked \"name\"");
        for event in &events {
            let frame = event.to_string();
            let relayed = relay.push(None, frame.as_bytes());
            let relayed = relayed.map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            let expected = frame.replacen("\"up\"", "\"asked \\\"name\\\"\"", 1);
            let expected = if event["type"] == "message_start" { expected } else { frame };
            prop_assert_eq!(relayed.map(|relayed| relayed.data), Some(Bytes::from(expected)));
        }
        prop_assert_eq!(relay.finish(), Ok(()));
        prop_assert_eq!(relay.usage().map(|usage| usage.total_tokens()), Some(10));
    }

    #[test]
    fn nothing_panics_on_arbitrary_events(frames in prop::collection::vec(any_json(), 0..6), kinds in prop::collection::vec(0usize..7, 6)) {
        let names = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "x"];
        let frames: Vec<String> = frames.iter().zip(kinds).map(|(json, kind)| {
            let name = names[kind];
            format!(r#"{{"type":"{name}","index":0,"message":{json},"content_block":{json},"delta":{json},"usage":{json}}}"#)
        }).collect();
        let (chunks, result) = run(&frames);
        assemble(&chunks, result.is_ok())?;
        let mut relay = MessagesRelay::new("m");
        for frame in &frames {
            let _ = relay.push(None, frame.as_bytes());
        }
        let _ = relay.finish();
        for frame in &frames {
            let _ = messages_response_to_chat(frame.as_bytes(), &context());
            let _ = relay_messages_response(frame.as_bytes(), "m");
        }
    }

    #[test]
    fn every_request_that_is_sent_is_one_of_the_messages_api(
        roles in prop::collection::vec(0usize..6, 1..8),
        contents in prop::collection::vec(any_content(), 8),
        extra in any_json(),
    ) {
        let names = ["system", "developer", "user", "assistant", "tool", "user"];
        let messages: Vec<String> = roles.iter().zip(&contents).enumerate().map(|(n, (role, content))| {
            match role {
                3 if n % 3 == 0 => format!(r#"{{"role":"assistant","content":{content},"tool_calls":[{{"id":"a","function":{{"name":"f","arguments":""}}}}]}}"#),
                4 => format!(r#"{{"role":"tool","tool_call_id":"a","content":{content}}}"#),
                role => format!(r#"{{"role":"{}","content":{content}}}"#, names[*role]),
            }
        }).collect();
        let body = format!(r#"{{"model":"m","messages":[{}],"x":{extra}}}"#, messages.join(","));
        let target = Target { model: "up", ..Target::default() };
        let Ok(request) = openai::Request::parse(body.as_bytes()) else { return Ok(()) };
        let Ok(sent) = chat_to_messages(&request, &target) else { return Ok(()) };
        prop_assert!(Request::parse(&sent.body).is_ok(), "{sent:?}");
        let sent: Value = serde_json::from_slice(&sent.body).unwrap_or_default();
        let mut open: Vec<Value> = Vec::new();
        let mut ids: Vec<Value> = Vec::new();
        for (n, message) in sent["messages"].as_array().into_iter().flatten().enumerate() {
            let role = if n % 2 == 0 { "user" } else { "assistant" };
            prop_assert_eq!(&message["role"], role, "sides take turns: {}", sent);
            let blocks = message["content"].as_array().cloned().unwrap_or_default();
            let of = |kind: &str, id: &str| -> Vec<Value> {
                blocks.iter().filter(|block| block["type"] == kind).map(|block| block[id].clone()).collect()
            };
            let mut answered = of("tool_result", "tool_use_id");
            answered.sort_by_key(Value::to_string);
            open.sort_by_key(Value::to_string);
            prop_assert_eq!(&answered, &open, "each call is answered once: {}", sent);
            open = of("tool_use", "id");
            for id in &open {
                prop_assert!(!ids.contains(id), "{id} twice");
                ids.push(id.clone());
            }
            for text in of("text", "text") {
                prop_assert!(!text.as_str().unwrap_or_default().trim().is_empty());
            }
        }
        prop_assert!(open.is_empty());
    }

    #[test]
    fn nothing_panics_on_arbitrary_chat_requests(body in any_json()) {
        if let Ok(request) = openai::Request::parse(body.as_bytes()) {
            let _ = chat_to_messages(&request, &Target::default());
        }
        let _ = rename_model(body.as_bytes(), "m");
        let _ = openai::Request::parse(format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{body}],"tool_calls":{body}}}],"tools":[{body}],"tool_choice":{body},"stop":{body},"response_format":{body}}}"#).as_bytes())
            .map(|request| chat_to_messages(&request, &Target::default()));
    }

    #[test]
    fn a_renamed_request_reads_the_same(body in any_json(), text in "[a-zé🦉\" ]{0,8}") {
        let text = serde_json::to_string(&text).unwrap_or_default();
        let body = format!(r#"{{"x":{body},"model" : {text},"y":{body}}}"#);
        let sent = rename_model(body.as_bytes(), "theirs");
        let is_json = serde_json::from_str::<Value>(&body).is_ok();
        if let (true, Some(sent)) = (is_json, sent) {
            prop_assert_eq!(sent, body.replacen(&format!("\"model\" : {text},"), "\"model\" : \"theirs\",", 1));
        }
    }
}
