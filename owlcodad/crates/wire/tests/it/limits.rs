//! What is refused, with the place and the reason in words.

use bytes::Bytes;
use owlcoda_wire::anthropic::Request;
use owlcoda_wire::translate::{Target, messages_to_chat};
use owlcoda_wire::{fault, openai};
use serde_json::value::RawValue;

#[test]
fn a_bad_body_is_refused_with_the_path_of_the_mistake() {
    let cases = [
        (
            r#"{"model":"m""#,
            "the body is not valid JSON: EOF while parsing an object at line 1 column 12",
        ),
        ("[]", "body: invalid type: sequence, expected an object"),
        (
            r#"{"messages":[],"max_tokens":1}"#,
            "body: missing field `model`",
        ),
        (
            r#"{"model":" ","messages":[],"max_tokens":1}"#,
            "model: must not be empty",
        ),
        (
            r#"{"model":"m","max_tokens":1}"#,
            "body: missing field `messages`",
        ),
        (
            r#"{"model":"m","messages":[],"max_tokens":1}"#,
            "messages: must not be empty",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#,
            "max_tokens: field required",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":0}"#,
            "max_tokens: must be at least 1",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":"1"}"#,
            "max_tokens: invalid type: string \"1\", expected u64",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x"},{"role":"user"}],"max_tokens":1}"#,
            "messages[1]: missing field `content`",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":5}],"max_tokens":1}"#,
            "messages[0].content: invalid type: integer `5`, expected a string or a list of content blocks",
        ),
        (
            r#"{"model":"m","messages":[{"role":"tool","content":""}],"max_tokens":1}"#,
            "messages[0].role: unknown variant `tool`, expected one of `user`, `assistant`, `system`",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":1}]}],"max_tokens":1}"#,
            "messages[0].content[0].text: invalid type: integer `1`, expected a string",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"text":"x"}]}],"max_tokens":1}"#,
            "messages[0].content[0]: missing field `type`",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":1,"tools":[{}]}"#,
            "tools[0].name: field required",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":1,"stream":"yes"}"#,
            "stream: invalid type: string \"yes\", expected a boolean",
        ),
    ];
    for (body, message) in cases {
        let error = Request::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{body}");
    }
}

#[test]
fn a_bad_chat_body_is_refused_with_the_path_of_the_mistake() {
    let cases = [
        (
            r#"{"messages":[{"role":"user"}]}"#,
            "body: missing field `model`",
        ),
        (r#"{"model":"m"}"#, "body: missing field `messages`"),
        (
            r#"{"model":"m","messages":[]}"#,
            "messages: must not be empty",
        ),
        (
            r#"{"model":"m","messages":[{"content":"x"}]}"#,
            "messages[0]: missing field `role`",
        ),
    ];
    for (body, message) in cases {
        let error = openai::Request::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{body}");
    }
}

#[test]
fn a_request_with_too_much_of_something_is_refused_with_the_limit() {
    let list = |item: &str, n: usize| format!("[{}]", vec![item; n].join(","));
    let message = r#"{"role":"user","content":"x"}"#;
    let long = "n".repeat(1_000_000);
    let cases = [
        (
            "messages",
            list(message, 100_001),
            "messages: has 100001 entries, at most 100000 may be",
        ),
        (
            "tools",
            list("{}", 10_000),
            "tools: has 10000 entries, at most 1024 may be",
        ),
        (
            "max_tokens",
            "9223372036854775808".to_owned(),
            "max_tokens: must be at most 2147483647",
        ),
    ];
    let base = |field: &str| {
        let fields = [
            ("model", r#""m""#.to_owned()),
            ("messages", list(message, 1)),
            ("max_tokens", "1".to_owned()),
        ];
        let kept = fields.into_iter().filter(|(name, _)| *name != field);
        kept.fold(String::new(), |body, (name, value)| {
            format!(r#"{body}"{name}":{value},"#)
        })
    };
    let body = |field: &str, value: &str| format!(r#"{{{}"{field}":{value}}}"#, base(field));
    for (field, value, expected) in cases {
        let body = body(field, &value);
        let error = Request::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{field}");
        let error = openai::Request::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{field}");
    }
    for value in ["-1", "1e400", "9223372036854775808"] {
        for field in ["max_tokens", "max_completion_tokens"] {
            let error = openai::Request::parse(body(field, value).as_bytes()).unwrap_err();
            let expected = format!("{field}: must ");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
        let error = Request::parse(body("max_tokens", value).as_bytes()).unwrap_err();
        assert!(error.to_string().len() < 200, "{error}");
    }
    let stops = list(r#""x""#, 10_000);
    let error = Request::parse(body("stop_sequences", &stops).as_bytes()).unwrap_err();
    let expected = "stop_sequences: has 10000 entries, at most 256 may be";
    assert_eq!(error.to_string(), expected);
    let error = openai::Request::parse(body("stop", &stops).as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stop: has 10000 entries, at most 256 may be"
    );

    let tool = format!(r#"[{{"name":"{long}"}}]"#);
    let error = Request::parse(body("tools", &tool).as_bytes()).unwrap_err();
    let expected = "has 1000000 bytes, at most 256 may be";
    assert_eq!(error.to_string(), format!("tools[0].name: {expected}"));
    let tool = format!(r#"[{{"function":{{"name":"{long}"}}}}]"#);
    let error = openai::Request::parse(body("tools", &tool).as_bytes()).unwrap_err();
    let place = "tools[0].function.name";
    assert_eq!(error.to_string(), format!("{place}: {expected}"));
}

#[test]
fn counting_tokens_needs_no_max_tokens() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
    assert!(Request::parse_for_count(&Bytes::from_static(body)).is_ok());
}

#[test]
fn what_no_chat_server_does_is_refused_by_name() {
    let cases = [
        (
            r#""tools":[{"type":"web_search_20250305","name":"web_search"}]"#,
            "`tools[0]`: the server tool `web_search_20250305` is not supported by this model; remove it, or choose a model whose server runs it",
        ),
        (
            r#""mcp_servers":[{"url":"https://h"}]"#,
            "`mcp_servers`: calling MCP servers from the model's side is not supported by this model; connect them to your client",
        ),
        (
            r#""thread":{"id":"t"}"#,
            "`thread` is not supported; send the whole conversation in `messages`",
        ),
        (
            r#""tools":[{"name":"a","input_schema":{}},{"name":"a","input_schema":{}}]"#,
            "tools[1].name: tool names must be unique",
        ),
        (
            r#""tools":[{"name":"a","input_schema":[]}]"#,
            "tools[0].input_schema: expected an object",
        ),
        (
            r#""tools":[{"name":"a"}],"tool_choice":{"type":"tool","name":"b"}"#,
            "tool_choice.name: names no tool of this request",
        ),
    ];
    for (field, message) in cases {
        let body = format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"x"}}],{field}}}"#
        );
        let request = Request::parse(body.as_bytes()).unwrap();
        let error = messages_to_chat(&request, &Target::default()).unwrap_err();
        assert_eq!(error.to_string(), message, "{field}");
    }
}

#[test]
fn a_conversation_of_blanks_is_refused() {
    let body = br#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":" \n"}]}"#;
    let request = Request::parse(body).unwrap();
    let error = messages_to_chat(&request, &Target::default()).unwrap_err();
    assert_eq!(error.to_string(), "messages: nothing but blank text");
}

#[test]
fn a_block_no_chat_server_takes_is_refused_by_name_and_place() {
    let cases = [
        (
            r#"{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"x"}]}"#,
            "a `search_result` block",
        ),
        (
            r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"aGk="}}"#,
            "a document from a `base64` source",
        ),
        (
            r#"{"type":"image","source":{"type":"file","file_id":"f"}}"#,
            "an image from a `file` source",
        ),
        (
            r#"{"type":"container_upload","file_id":"f"}"#,
            "a `container_upload` block",
        ),
    ];
    for (block, what) in cases {
        let body = format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{block}]}}]}}"#
        );
        let request = Request::parse(body.as_bytes()).unwrap();
        let error = messages_to_chat(&request, &Target::default()).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("`messages[0].content[0]`: "),
            "{message}"
        );
        assert!(message.contains(what), "{message}");
        assert_eq!(error.code(), owlcoda_types::ErrorCode::Unsupported);
    }
}

#[test]
fn errors_are_written_in_the_dialect_of_the_caller() {
    let code = owlcoda_types::ErrorCode::Unsupported;
    let cases = [
        (
            fault::error_body(fault::Dialect::Anthropic, code, "no", "req_1"),
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"req_1"}"#,
        ),
        (
            fault::error_body(fault::Dialect::OpenAi, code, "no", "req_1"),
            r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"unsupported"}}"#,
        ),
        (
            fault::ErrorBody {
                code,
                message: "no",
                request_id: "req_1",
                detail: Some("thread_unsupported_request"),
                diagnostic: None,
            }
            .write(fault::Dialect::Anthropic),
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"no","details":{"error_code":"thread_unsupported_request"}},"request_id":"req_1"}"#,
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(body, expected);
    }
}

#[test]
fn a_failed_call_says_how_it_failed_in_either_dialect() {
    use owlcoda_types::{Diagnostic, FailureKind};
    let diagnostic = Diagnostic::new(FailureKind::Dns, "h:1", "m", None).with_words("no", "why");
    let body = fault::ErrorBody {
        code: owlcoda_types::ErrorCode::Unavailable,
        message: "no",
        request_id: "req_1",
        detail: None,
        diagnostic: Some(&diagnostic),
    };
    let member = r#""diagnostic":{"provider":"h:1","model":"m","kind":"dns_error","message":"no","retryable":true,"detail":"why"}"#;
    let messages = format!(
        r#"{{"type":"error","error":{{"type":"api_error","message":"no",{member}}},"request_id":"req_1"}}"#
    );
    let chat = format!(
        r#"{{"error":{{"message":"no","type":"server_error","param":null,"code":"unavailable",{member}}}}}"#
    );
    assert_eq!(body.write(fault::Dialect::Anthropic), messages);
    assert_eq!(body.write(fault::Dialect::OpenAi), chat);
}

#[test]
fn a_request_for_a_server_of_its_own_kind_keeps_every_field() {
    let body = concat!(
        r#"{"max_tokens":5,"x":{"b":1.50,"a":12345678901234567890},"model":"asked","#,
        r#""messages":[{"role":"user","content":[{"cache_control":{"z":1},"text":"t","type":"text","y":0}]}],"#,
        r#""tools":[{"type":"web_search_20250305","name":"w","max_uses":2}],"stream":true}"#
    );
    let request = Request::parse(body.as_bytes()).unwrap();
    let sent = request.to_upstream("theirs");
    let expected = concat!(
        r#"{"model":"theirs","messages":[{"role":"user","content":[{"type":"text","text":"t","cache_control":{"z":1},"y":0}]}],"#,
        r#""stream":true,"tools":[{"name":"w","type":"web_search_20250305","max_uses":2}],"max_tokens":5,"x":{"b":1.50,"a":12345678901234567890}}"#
    );
    assert_eq!(sent, expected);
}

#[test]
fn a_request_made_in_code_is_one_that_can_be_read() {
    use owlcoda_wire::anthropic::{Message, Tool};
    let schema: Box<RawValue> = serde_json::from_str(r#"{"type":"object"}"#).unwrap();
    let request = Request::new(
        "m",
        vec![Message::user_text("hi"), Message::assistant_text("yes")],
        10,
    )
    .with_system("be brief")
    .with_tools(vec![Tool::new("read", "Reads.", schema)])
    .streaming();
    let read = Request::parse(&request.to_upstream("m")).unwrap();
    assert!(read.stream);
    assert_eq!(read.to_upstream("m"), request.to_upstream("m"));
}

#[test]
fn an_object_with_too_many_unknown_fields_is_refused() {
    let fields: Vec<String> = (0..5000).map(|n| format!(r#""f{n}":0"#)).collect();
    let body = format!(
        r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"x"}}],{}}}"#,
        fields.join(",")
    );
    let error = Request::parse(body.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "body: more than 4096 unknown fields");
}

#[test]
fn a_chat_request_that_serde_would_take_and_we_do_not_is_refused_with_what_it_may_be() {
    let with =
        |message: &str, more: &str| format!(r#"{{"model":"m","messages":[{message}]{more}}}"#);
    let user = r#"{"role":"user","content":"x"}"#;
    let fields: Vec<String> = (0..5000).map(|n| format!(r#","f{n}":0"#)).collect();
    let nested = |n: usize| format!(r#","x":{}{}"#, "[".repeat(n), "]".repeat(n));
    assert!(openai::Request::parse(with(user, &nested(127)).as_bytes()).is_ok());
    for body in [
        with(user, &fields.concat()),
        with(user, &nested(128)),
        with(r#"["user"]"#, ""),
    ] {
        let error = openai::Request::parse(body.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "body: has more than 4096 fields, values nested more than 127 deep, or a message that is no \
             object"
        );
    }
}

#[test]
fn what_is_no_chat_answer_is_not_taken_for_one() {
    use owlcoda_wire::translate::{
        StreamContext, StreamFault, chat_response_to_messages, relay_chat_response,
    };
    for body in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"choices":[]}"#,
        r#"{"hello":"world"}"#,
    ] {
        let converted = chat_response_to_messages(body.as_bytes(), &StreamContext::default());
        assert_eq!(converted.unwrap_err(), StreamFault::BadJson, "{body}");
        let relayed = relay_chat_response(body.as_bytes(), "m");
        assert_eq!(relayed.unwrap_err(), StreamFault::BadJson, "{body}");
    }
    let error = br#"{"error":{"message":"no","code":429}}"#;
    let fault = chat_response_to_messages(error, &StreamContext::default()).unwrap_err();
    assert_eq!(fault.code(), owlcoda_types::ErrorCode::RateLimited);
}

#[test]
fn a_whole_chat_answer_keeps_its_bytes_but_for_the_model() {
    use owlcoda_wire::translate::relay_chat_response;
    let body =
        br#"{"choices":[{"message":{"content":"a"},"finish_reason":null}], "model" :"x","n":1.50}"#;
    let relayed = relay_chat_response(body, "asked").unwrap();
    assert_eq!(
        relayed.body,
        r#"{"choices":[{"message":{"content":"a"},"finish_reason":null}], "model" :"asked","n":1.50}"#
    );
}

#[test]
fn blocks_in_blocks_have_an_end() {
    let nested = |n: usize| {
        let (open, close) = (
            r#"[{"type":"tool_result","tool_use_id":"a","content":"#,
            "}]",
        );
        let content = format!("{}\"\"{}", open.repeat(n), close.repeat(n));
        format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":{content}}}]}}"#
        )
    };
    for n in [64, 5_000] {
        let turned = nested(n).replace(
            r#""type":"tool_result","tool_use_id":"a""#,
            r#""tool_use_id":"a","type":"tool_result""#,
        );
        for body in [nested(n), turned] {
            let error = Request::parse(body.as_bytes()).unwrap_err();
            let expected = "body: has values nested more than 127 deep";
            assert_eq!(error.to_string(), expected);
        }
    }
    for n in [50, 62] {
        assert!(Request::parse(nested(n).as_bytes()).is_ok());
        // With a half of a character and an odd name, so that it is read by serde.
        let odd = nested(n).replace(
            r#""type":"tool_result""#,
            r#""z":"\ud83e","t\u0079pe":"tool_result""#,
        );
        assert!(Request::parse(odd.as_bytes()).is_ok());
    }
}
