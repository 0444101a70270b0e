//! Answers in the other form than they were asked for.

use owlcoda_wire::fault::Dialect;
use owlcoda_wire::reshape::{Assembly, looks_like_stream, whole_as_stream};
use owlcoda_wire::sse::{Decoder, Frame};
use owlcoda_wire::translate::StreamFault;
use proptest::prelude::*;
use serde_json::{Value, json};

#[expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]
fn frames(stream: &[u8]) -> Vec<Frame> {
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(stream);
    std::iter::from_fn(|| decoder.next_frame().unwrap()).collect()
}

#[expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]
fn whole(dialect: Dialect, stream: &[u8]) -> Result<Value, StreamFault> {
    let mut assembly = Assembly::new(dialect);
    for frame in frames(stream) {
        if !assembly.push(&frame)? {
            break;
        }
    }
    assembly
        .finish()
        .map(|body| serde_json::from_slice(&body).unwrap())
}

#[expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]
fn there_and_back(dialect: Dialect, answer: &Value) -> Value {
    let body = serde_json::to_vec(answer).unwrap();
    let stream = whole_as_stream(dialect, &body).unwrap();
    whole(dialect, &stream).unwrap()
}

fn completion(message: &Value) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 17, "model": "m",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    })
}

fn message(content: &Value) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": content, "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 3, "output_tokens": 2, "service_tier": "standard"}
    })
}

#[test]
fn a_completion_survives_the_way_to_chunks_and_back() {
    let call = |id: &str, arguments: &str| {
        json!({"id": id, "type": "function",
               "function": {"name": "read", "arguments": arguments}})
    };
    let cases = [
        json!({"role": "assistant", "content": "Hi"}),
        json!({"role": "assistant", "content": "Hi", "reasoning_content": "hm", "refusal": "no"}),
        json!({"role": "assistant", "content": "", "annotations": [{"type": "url_citation"}]}),
    ];
    for case in cases {
        let answer = completion(&case);
        assert_eq!(there_and_back(Dialect::OpenAi, &answer), answer);
    }
    let answer = completion(&json!({"role": "assistant", "content": null, "tool_calls":
        [call("a", "{\"path\":\"x\"}"), call("b", "{}")]}));
    assert_eq!(there_and_back(Dialect::OpenAi, &answer), answer);
}

#[test]
fn chunks_of_a_completion_are_what_a_client_of_streams_reads() {
    let body = serde_json::to_vec(&completion(&json!({"role": "assistant", "content": "Hi"})));
    let stream = whole_as_stream(Dialect::OpenAi, &body.unwrap()).unwrap();
    let frames = frames(&stream);
    assert_eq!(frames.last().unwrap().data, "[DONE]");
    let chunks: Vec<Value> = frames[..frames.len() - 1]
        .iter()
        .map(|frame| serde_json::from_slice(&frame.data).unwrap())
        .collect();
    assert_eq!(chunks.len(), 3);
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk")
    );
    assert_eq!(chunks[0]["choices"][0]["delta"]["content"], "Hi");
    assert_eq!(chunks[0]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(chunks[1]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[2]["choices"], json!([]));
    assert_eq!(chunks[2]["usage"]["total_tokens"], 5);
}

#[test]
fn a_message_survives_the_way_to_events_and_back() {
    let answer = message(&json!([
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "Hi", "citations": null},
        {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"b": 1.0, "a": [1e3]}},
        {"type": "server_tool_use", "id": "s", "name": "web", "input": {"q": "owl"}}
    ]));
    assert_eq!(there_and_back(Dialect::Anthropic, &answer), answer);
}

#[test]
fn a_stream_that_does_not_say_why_it_ends_is_no_whole_answer() {
    let chat = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    assert_eq!(whole(Dialect::OpenAi, chat), Err(StreamFault::Truncated));
    let messages = b"data: {\"type\":\"message_start\",\"message\":{}}\n\n";
    assert_eq!(
        whole(Dialect::Anthropic, messages),
        Err(StreamFault::Truncated)
    );
    assert_eq!(whole(Dialect::OpenAi, b""), Err(StreamFault::Truncated));
}

#[test]
fn an_error_in_a_stream_is_the_whole_answer() {
    let chat =
        b"data: {\"choices\":[]}\n\ndata: {\"error\":{\"message\":\"no\"}}\n\ndata: [DONE]\n\n";
    assert_eq!(
        whole(Dialect::OpenAi, chat).unwrap()["error"]["message"],
        "no"
    );
    let messages = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"no\"}}\n\n";
    assert_eq!(
        whole(Dialect::Anthropic, messages).unwrap()["type"],
        "error"
    );
}

#[test]
fn what_is_no_answer_is_not_made_one() {
    for body in [
        "",
        "[]",
        "{}",
        "no",
        r#"{"error":{"message":"no"}}"#,
        r#"{"choices":[{}]}"#,
    ] {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            assert_eq!(whole_as_stream(dialect, body.as_bytes()), None, "{body}");
        }
    }
}

#[test]
fn pieces_of_calls_are_joined_by_number_and_by_id() {
    let chunk = |calls: &Value| {
        let chunk = json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]});
        format!("data: {chunk}\n\n")
    };
    let mut stream = String::new();
    // Interleaved, and a second call that is numbered as the first.
    stream +=
        &chunk(&json!([{"index": 0, "id": "a", "function": {"name": "x", "arguments": "{\"p\""}}]));
    stream += &chunk(&json!([{"index": 1, "id": "b", "function": {"name": "y", "arguments": ""}}]));
    stream += &chunk(&json!([{"index": 0, "function": {"arguments": ":1}"}}]));
    stream += &chunk(&json!([{"index": 1, "function": {"arguments": "{}"}}]));
    stream +=
        &chunk(&json!([{"index": 0, "id": "c", "function": {"name": "z", "arguments": "{}"}}]));
    stream +=
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n";
    let answer = whole(Dialect::OpenAi, stream.as_bytes()).unwrap();
    let calls = answer["choices"][0]["message"]["tool_calls"]
        .as_array()
        .unwrap()
        .clone();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call["id"].as_str().unwrap(),
                call["function"]["arguments"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [("a", "{\"p\":1}"), ("b", "{}"), ("c", "{}")]);
}

#[test]
fn a_stream_is_told_from_a_document_by_its_first_bytes() {
    for body in [
        "data: {}",
        "\n\ndata:x",
        "event: message_start",
        ": ping",
        "\u{FEFF}data: {}",
    ] {
        assert!(looks_like_stream(body.as_bytes()), "{body}");
    }
    for body in ["", "{\"data\": 1}", "[]", "database"] {
        assert!(!looks_like_stream(body.as_bytes()), "{body}");
    }
}

proptest! {
    #[test]
    fn any_text_survives_both_ways(text in "(?s).{0,40}", thought in "(?s).{0,40}") {
        let answer = completion(&json!({"role": "assistant", "content": text, "reasoning": thought}));
        prop_assert_eq!(there_and_back(Dialect::OpenAi, &answer), answer);
        let answer = message(&json!([{"type": "thinking", "thinking": thought, "signature": ""},
                                    {"type": "text", "text": text}]));
        prop_assert_eq!(there_and_back(Dialect::Anthropic, &answer), answer);
    }

    #[test]
    fn no_bytes_break_it(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = whole(Dialect::OpenAi, &stream);
        let _ = whole(Dialect::Anthropic, &stream);
        let _ = whole_as_stream(Dialect::OpenAi, &stream);
        let _ = whole_as_stream(Dialect::Anthropic, &stream);
    }
}
