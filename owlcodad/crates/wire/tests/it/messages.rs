//! Servers that speak the Messages API: one snapshot per case, and what is refused.

use std::fmt::Write;

use bytes::Bytes;
use owlcoda_wire::anthropic::StopReason;
use owlcoda_wire::openai;
use owlcoda_wire::translate::{
    ChatContext, MessagesBody, MessagesRelay, MessagesToChat, StreamFault, Target, TranslateError,
    chat_to_messages, messages_response_to_chat, relay_messages_response,
};

use crate::golden::assert_golden;

fn translate(body: &str) -> Result<MessagesBody, TranslateError> {
    let target = Target {
        model: "claude-up",
        ..Target::default()
    };
    let request =
        openai::Request::parse(body.as_bytes()).map_err(|_| TranslateError::ThreadUnsupported)?;
    chat_to_messages(&request, &target)
}

fn show_request(body: &str) -> String {
    let sent = match translate(body) {
        Ok(sent) => sent,
        Err(error) => return format!("{}: {error}\n", error.code()),
    };
    let json = String::from_utf8_lossy(&sent.body)
        .replace(",{\"role\"", ",\n    {\"role\"")
        .replace(",{\"type\"", ",\n        {\"type\"")
        .replace(",{\"name\"", ",\n    {\"name\"")
        .replace("],\"", "],\n\"");
    format!(
        "{json}\n\ndropped: {}\nrepaired: {:#?}\n",
        sent.dropped.join(", "),
        sent.repaired
    )
}

fn context() -> ChatContext {
    ChatContext {
        id: "chatcmpl-01".to_owned(),
        created: 1_700_000_000,
        model: "asked-name".to_owned(),
        wants_usage_chunk: true,
        estimated_input_tokens: 7,
        ..ChatContext::default()
    }
}

fn show_stream(lines: &str) -> String {
    let mut machine = MessagesToChat::new(context());
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut result = Ok(());
    for line in lines.lines() {
        result = machine.push(None, line.as_bytes(), &mut chunks);
        if result.is_err() {
            break;
        }
    }
    if result.is_ok() {
        result = machine.finish(&mut chunks);
    }
    let head = r#"{"id":"chatcmpl-01","object":"chat.completion.chunk","created":1700000000,"model":"asked-name","#;
    let lines: Vec<String> = chunks
        .iter()
        .map(|chunk| String::from_utf8_lossy(chunk).replacen(head, "{…", 1))
        .collect();
    format!(
        "{}\n\nresult: {result:?}\nusage: {:?}\nmalformed: {}\n",
        lines.join("\n"),
        machine.usage(),
        machine.n_malformed()
    )
}

fn show_relay(lines: &str) -> String {
    let mut relay = MessagesRelay::new("asked-name");
    let mut shown = String::new();
    let mut result = Ok(());
    for line in lines.lines() {
        match relay.push(None, line.as_bytes()) {
            Ok(None) => {}
            Ok(Some(relayed)) => {
                let data = String::from_utf8_lossy(&relayed.data);
                // Most pass as they are, which the snapshot need not say in full.
                let data = if data == line { "=" } else { &data };
                let _ = writeln!(shown, "{}: {data}", relayed.event);
            }
            Err(fault) => {
                result = Err(fault);
                break;
            }
        }
    }
    if result.is_ok() {
        result = relay.finish();
    }
    let _ = writeln!(
        shown,
        "\nresult: {result:?}\nusage: {:?}\nstop: {:?}\nmalformed: {}",
        relay.usage(),
        relay.stop_reason(),
        relay.n_malformed()
    );
    shown
}

macro_rules! golden {
    ($show:ident: $($name:ident <- $file:literal),* $(,)?) => {
        $( #[test]
        fn $name() {
            assert_golden(stringify!($name), &$show(include_str!(concat!("../golden/", $file))));
        } )*
    };
}

golden! { show_request:
    chat_request_of_an_agent_as_messages <- "requests/chat_agent.json",
    chat_request_that_ends_in_a_call_as_messages <- "requests/chat_plain.json",
}

golden! { show_stream:
    messages_stream_as_chunks <- "messages/thinking_text_calls.jsonl",
    messages_stream_of_odd_events_as_chunks <- "messages/odd_events.jsonl",
    messages_stream_with_an_error_as_chunks <- "messages/error_inside.jsonl",
    messages_stream_without_an_end_as_chunks <- "messages/without_an_end.jsonl",
}

golden! { show_relay:
    messages_relay <- "messages/thinking_text_calls.jsonl",
    messages_relay_of_odd_events <- "messages/odd_events.jsonl",
    messages_relay_with_an_error <- "messages/error_inside.jsonl",
    messages_relay_without_an_end <- "messages/without_an_end.jsonl",
}

#[test]
fn whole_message_for_both_callers() {
    let body = include_str!("../golden/messages/whole_answer.json");
    let chat = messages_response_to_chat(body.as_bytes(), &context()).unwrap();
    let relayed = relay_messages_response(body.as_bytes(), "asked-name").unwrap();
    assert_eq!(
        (chat.usage, chat.stop_reason),
        (relayed.usage, relayed.stop_reason)
    );
    let expected = body.replacen("\"claude-up\"", "\"asked-name\"", 1);
    assert_eq!(String::from_utf8_lossy(&relayed.body), expected);
    let json = String::from_utf8_lossy(&chat.body).replace("},{", "},\n{");
    assert_golden(
        "whole_message_as_a_chat_answer",
        &format!("{json}\n{:?}", chat.usage),
    );
}

#[test]
fn what_a_messages_server_cannot_do_is_refused_by_name() {
    let user = r#""messages":[{"role":"user","content":"x"}]"#;
    let cases = [
        (
            r#""n":2"#,
            "`n`: more than one answer is not supported by this model; ask more than once",
        ),
        (
            r#""logprobs":true"#,
            "`logprobs`: log probabilities is not supported by this model; leave it out",
        ),
        (
            r#""logit_bias":{"1":2}"#,
            "`logit_bias`: `logit_bias` is not supported by this model; leave it out",
        ),
        (
            r#""audio":{"voice":"a"}"#,
            "`audio`: audio is not supported by this model; ask for text only",
        ),
        (
            r#""modalities":["text","audio"]"#,
            "`modalities`: audio is not supported by this model; ask for text only",
        ),
        (
            r#""web_search_options":{"x":1}"#,
            "`web_search_options`: searching the web is not supported by this model; offer a tool for it",
        ),
        (
            r#""functions":[{"name":"f"}]"#,
            "`functions`: `functions` is not supported by this model; send `tools` and `tool_choice`",
        ),
        (
            r#""response_format":{"type":"json_object"}"#,
            "`response_format`: the format `json_object` is not supported by this model; ask for a `json_schema`",
        ),
        (
            r#""response_format":{"type":"json_schema"}"#,
            "response_format.json_schema.schema: expected an object",
        ),
        (
            r#""stop":["\n"]"#,
            "`stop`: a stop sequence of blanks is not supported by this model; stop at a word or a sign",
        ),
        (
            r#""stop":[1]"#,
            "stop: expected a string or a list of strings",
        ),
        (r#""max_tokens":0"#, "max_tokens: must be at least 1"),
        (
            r#""max_completion_tokens":"9""#,
            "max_completion_tokens: expected a whole number",
        ),
        (r#""temperature":"hot""#, "temperature: expected a number"),
        (r#""user":1"#, "user: expected a string"),
        (r#""tools":{}"#, "tools: expected a list"),
        (
            r#""tools":[{"type":"web_search"}]"#,
            "`tools[0]`: a `web_search` tool is not supported by this model; offer it as a function",
        ),
        (
            r#""tools":[{"type":"function","function":{}}]"#,
            "tools[0].function.name: expected a tool's name",
        ),
        (
            r#""tools":[{"type":"function","function":{"name":"f","parameters":[]}}]"#,
            "tools[0].function.parameters: expected an object",
        ),
        (
            r#""tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]"#,
            "tools[1].function.name: tool names must be unique",
        ),
        (
            r#""tool_choice":"often""#,
            "tool_choice: expected `auto`, `none`, `required` or a function",
        ),
        (
            r#""tool_choice":{"type":"function","function":{"name":"g"}}"#,
            "tool_choice.function.name: names no tool of this request",
        ),
        (
            r#""tool_choice":{"type":"allowed_tools"}"#,
            "`tool_choice`: a choice of type `allowed_tools` is not supported by this model; choose `auto`, `none`, `required` or a function",
        ),
    ];
    for (field, message) in cases {
        let error = translate(&format!(r#"{{"model":"m",{user},{field}}}"#)).unwrap_err();
        assert_eq!(error.to_string(), message, "{field}");
    }
}

#[test]
fn a_message_that_cannot_be_said_is_refused_with_its_place() {
    let call = |arguments: &str| {
        format!(
            r#"{{"role":"user","content":"x"}},{{"role":"assistant","tool_calls":[{{"id":"a","function":{{"name":"f","arguments":{arguments}}}}}]}}"#
        )
    };
    let no_object = "messages[1].tool_calls[0].function.arguments: expected a JSON object as text";
    let cases = [
        (call(r#""{\"a\":""#), no_object),
        (call(r#""[1]""#), no_object),
        (call(r#""{} {}""#), no_object),
        (call("5"), no_object),
        (r#"{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}"#.to_owned(), "messages[0].tool_calls[0].id: expected a text"),
        (r#"{"role":"assistant","tool_calls":[{"id":"a"}]}"#.to_owned(), "messages[0].tool_calls[0].function.name: expected a text"),
        (r#"{"role":"assistant","tool_calls":[{"id":"a","type":"custom"}]}"#.to_owned(), "`messages[0].tool_calls[0]`: a `custom` call is not supported by this model; send it as a function call"),
        (r#"{"role":"assistant","function_call":{"name":"f"}}"#.to_owned(), "`messages[0].function_call`: `function_call` is not supported by this model; send `content` and `tool_calls`"),
        (r#"{"role":"tool","content":"x"}"#.to_owned(), "messages[0].tool_call_id: field required"),
        (r#"{"role":"function","name":"f","content":"x"}"#.to_owned(), "`messages[0]`: a `function` message is not supported by this model; send a `tool` message"),
        (r#"{"role":"critic","content":"x"}"#.to_owned(), "messages[0].role: expected `system`, `developer`, `user`, `assistant` or `tool`"),
        (r#"{"role":"user","content":5}"#.to_owned(), "messages[0].content: expected a string or a list of parts"),
        (r#"{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}"#.to_owned(), "`messages[0].content[0]`: a `input_audio` part is not supported by this model; send text or a picture"),
        (r#"{"role":"user","content":[{"type":"text"}]}"#.to_owned(), "messages[0].content[0].text: expected a text"),
        (r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png,AAAA"}}]}"#.to_owned(), "messages[0].content[0].image_url.url: expected `data:`, a media type, `;base64,` and the picture"),
        (r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]}"#.to_owned(), "messages[0].content[0].image_url.url: expected a `data:` or `https:` URL"),
        (r#"{"role":"user","content":" \n"}"#.to_owned(), "messages: nothing but blank text"),
    ];
    for (messages, message) in cases {
        let error = translate(&format!(r#"{{"model":"m","messages":[{messages}]}}"#)).unwrap_err();
        assert_eq!(error.to_string(), message, "{messages}");
    }
}

#[test]
fn max_tokens_are_those_asked_for_or_the_default_within_the_window() {
    let cases = [
        ("", None, None, 4_096),
        ("", None, Some(9_000), 9_000),
        ("", Some(3_000), Some(9_000), 2_993),
        (r#","max_tokens":5"#, Some(3_000), Some(9_000), 5),
        (
            r#","max_tokens":5,"max_completion_tokens":6"#,
            None,
            None,
            6,
        ),
        (
            r#","max_tokens":7,"max_completion_tokens":null"#,
            None,
            None,
            7,
        ),
    ];
    for (field, context_window, default_max_tokens, expected) in cases {
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hello"}}]{field}}}"#);
        let request = openai::Request::parse(body.as_bytes()).unwrap();
        let target = Target {
            model: "m",
            context_window,
            default_max_tokens,
            ..Target::default()
        };
        let sent = chat_to_messages(&request, &target).unwrap();
        assert_eq!(sent.max_tokens, expected, "{field}");
        let field = format!("\"max_tokens\":{expected}");
        assert!(String::from_utf8_lossy(&sent.body).contains(&field));
    }
}

#[test]
fn a_large_picture_leaves_room_for_the_answer() {
    let picture = "A".repeat(400_000);
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{picture}"}}}}]}}],"max_tokens":8000}}"#
    );
    let request = openai::Request::parse(body.as_bytes()).unwrap();
    let target = Target {
        model: "m",
        context_window: Some(16_000),
        ..Target::default()
    };
    assert_eq!(
        chat_to_messages(&request, &target).unwrap().max_tokens,
        8_000
    );
}

#[test]
fn a_conversation_of_the_system_alone_is_sent_as_the_user() {
    let sent = translate(r#"{"model":"m","messages":[{"role":"system","content":"Say hi."}]}"#);
    let sent = sent.unwrap();
    assert_eq!(
        sent.body,
        r#"{"model":"claude-up","messages":[{"role":"user","content":"Say hi."}],"max_tokens":4096}"#
    );
    assert_eq!(sent.repaired.len(), 1);
}

#[test]
fn every_reason_to_end_has_a_word_in_chat() {
    let cases = [
        ("end_turn", "stop", StopReason::EndTurn),
        ("stop_sequence", "stop", StopReason::StopSequence),
        ("tool_use", "stop", StopReason::ToolUse),
        ("max_tokens", "length", StopReason::MaxTokens),
        (
            "model_context_window_exceeded",
            "length",
            StopReason::ModelContextWindowExceeded,
        ),
        ("pause_turn", "length", StopReason::PauseTurn),
        ("refusal", "content_filter", StopReason::Refusal),
        ("a_new_reason", "stop", StopReason::EndTurn),
    ];
    for (said, expected, reason) in cases {
        let body =
            format!(r#"{{"content":[{{"type":"text","text":"x"}}],"stop_reason":"{said}"}}"#);
        let chat = messages_response_to_chat(body.as_bytes(), &context()).unwrap();
        let json = String::from_utf8_lossy(&chat.body);
        assert!(
            json.contains(&format!("\"finish_reason\":\"{expected}\"")),
            "{said}: {json}"
        );
        assert_eq!(chat.stop_reason, reason);
    }
}

#[test]
fn what_is_no_message_is_not_taken_for_one() {
    for body in [
        "",
        "[]",
        "{}",
        "null",
        "<html>",
        r#"{"content":"x"}"#,
        r#"{"choices":[]}"#,
    ] {
        let bytes = body.as_bytes();
        let chat = messages_response_to_chat(bytes, &context());
        assert_eq!(chat.unwrap_err(), StreamFault::BadMessage, "{body}");
        let relayed = relay_messages_response(bytes, "m");
        assert_eq!(relayed.unwrap_err(), StreamFault::BadMessage, "{body}");
    }
    let mut relay = MessagesRelay::new("m");
    assert_eq!(relay.push(None, b"<html>"), Ok(None));
    assert_eq!(relay.finish(), Err(StreamFault::BadMessage));
}

#[test]
fn an_error_that_came_as_an_answer_is_an_error() {
    let bodies = [
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"later"}}"#,
        r#"{"error":{"type":"rate_limit_error","message":"later"}}"#,
    ];
    for body in bodies {
        let relayed = relay_messages_response(body.as_bytes(), "m").unwrap_err();
        let chat = messages_response_to_chat(body.as_bytes(), &context()).unwrap_err();
        assert_eq!(relayed, chat);
        assert_eq!(
            relayed.code().anthropic_type(),
            "rate_limit_error",
            "{body}"
        );
        assert_eq!(relayed.to_string(), "later", "{body}");
        let mut relay = MessagesRelay::new("m");
        assert_eq!(relay.push(Some(b"error"), body.as_bytes()), Err(relayed));
    }
    let mut relay = MessagesRelay::new("m");
    assert!(relay.push(Some(b"error"), b"not json").is_err());
    assert!(relay.push(None, b"keepalive").is_ok());
    let broken = relay.push(Some(b"content_block_delta"), br#"{"type":"content_bl"#);
    assert_eq!(broken.unwrap_err(), StreamFault::BrokenEvent);
}

#[test]
fn an_event_is_named_by_its_type_before_its_line() {
    let cases = [
        (Some(&b"message"[..]), r#"{"type":"ping"}"#, Some("ping")),
        (Some(b"ping"), "{}", Some("ping")),
        (None, r#"{"type":"x.y-1"}"#, Some("x.y-1")),
        (None, r#"{"type":"a\ndata: b"}"#, None),
        (Some(b"\xff"), "{}", None),
        (None, "{}", None),
    ];
    for (line, data, expected) in cases {
        let relayed = MessagesRelay::new("m").push(line, data.as_bytes()).unwrap();
        assert_eq!(
            relayed.as_ref().map(|relayed| &*relayed.event),
            expected,
            "{data}"
        );
    }
}
