//! What holds for every input.

use owlcoda_types::Server;
use owlcoda_wire::anthropic::{Assembler, Delta, Request, StreamCheck, StreamEvent};
use owlcoda_wire::openai;
use owlcoda_wire::quirks::Quirks;
use owlcoda_wire::translate::{
    ChatRelay, ChatToMessages, RelayContext, StreamContext, StreamFault, Target, messages_to_chat,
};
use proptest::prelude::*;

/// JSON text of any shape, often with the words of the protocols in it.
pub(crate) fn any_json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "model",
        "messages",
        "role",
        "user",
        "assistant",
        "system",
        "content",
        "type",
        "text",
        "image",
        "source",
        "base64",
        "data",
        "media_type",
        "tool_use",
        "tool_result",
        "id",
        "name",
        "input",
        "tool_use_id",
        "max_tokens",
        "tools",
        "input_schema",
        "stream",
        "choices",
        "delta",
        "index",
        "tool_calls",
        "function",
        "arguments",
        "finish_reason",
        "stop",
        "usage",
        "prompt_tokens",
        "completion_tokens",
        "error",
        "message",
        "reasoning_content",
        "thinking",
    ]);
    let text = prop_oneof![
        4 => word.prop_map(|word| format!("{word:?}")),
        1 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap_or_default()),
        1 => Just(r#""\ud83e""#.to_owned()),
        1 => Just(r#""{\"a\":""#.to_owned()),
    ];
    let leaf = prop_oneof![
        4 => text.clone(),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => Just("null".to_owned()),
        1 => Just("true".to_owned()),
        1 => Just("123456789012345678901234567890".to_owned()),
    ];
    leaf.prop_recursive(6, 96, 8, move |inner| {
        let field = (text.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(field, 0..8)
                .prop_map(|fields| format!("{{{}}}", fields.join(","))),
        ]
    })
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Thinking(String),
    Call {
        index: i64,
        id: String,
        name: String,
        arguments: String,
    },
    Junk(String),
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let text = prop_oneof![Just(" \n".to_owned()), "[a-zé🦉\" ]{0,6}"];
    let arguments = prop::sample::select(vec![
        "",
        "{",
        "}",
        "{}",
        "\"a\"",
        ":",
        "1",
        "{\"a\":1}",
        "null",
        "\"",
        "[",
    ]);
    let id = prop::sample::select(vec!["", "a", "b", "f.x:0"]);
    let name = prop::sample::select(vec!["", "read", "read", "grep"]);
    prop_oneof![
        3 => text.clone().prop_map(Piece::Text),
        2 => text.prop_map(Piece::Thinking),
        4 => (0i64..3, id, name, arguments).prop_map(|(index, id, name, arguments)| Piece::Call {
            index,
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }),
        1 => any_json().prop_map(Piece::Junk),
    ]
}

fn chunk(piece: &Piece) -> String {
    let json = |text: &String| serde_json::to_string(text).unwrap_or_default();
    match piece {
        Piece::Text(text) => {
            format!(
                r#"{{"choices":[{{"delta":{{"content":{}}}}}]}}"#,
                json(text)
            )
        }
        Piece::Thinking(text) => {
            format!(
                r#"{{"choices":[{{"delta":{{"reasoning":{}}}}}]}}"#,
                json(text)
            )
        }
        Piece::Call {
            index,
            id,
            name,
            arguments,
        } => format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":{index},"id":{},"function":{{"name":{},"arguments":{}}}}}]}}}}]}}"#,
            json(id),
            json(name),
            json(arguments)
        ),
        Piece::Junk(text) => text.clone(),
    }
}

fn context() -> StreamContext {
    StreamContext {
        message_id: "msg_1".to_owned(),
        model: "m".to_owned(),
        stop_sequences: vec!["é".to_owned(), "ab".to_owned()],
        ..StreamContext::default()
    }
}

fn run(chunks: &[String]) -> (Vec<StreamEvent>, Result<(), StreamFault>) {
    let mut machine = ChatToMessages::new(context());
    let mut events = Vec::new();
    for chunk in chunks {
        let result = machine.push(chunk.as_bytes(), &mut events);
        if result.is_err() {
            return (events, result);
        }
    }
    let result = machine.finish(&mut events);
    (events, result)
}

/// What a caller of the same dialect gets, without the blanks around it.
fn relayed(chunks: &[String]) -> (Vec<String>, Result<(), StreamFault>) {
    let mut relay = ChatRelay::new(RelayContext {
        model: "shown".to_owned(),
        wants_usage_chunk: false,
    });
    let mut out = Vec::new();
    for chunk in chunks {
        match relay.push(chunk.as_bytes()) {
            Ok(sent) => {
                out.extend(sent.map(|sent| String::from_utf8_lossy(&sent).trim().to_owned()));
            }
            Err(fault) => return (out, Err(fault)),
        }
    }
    let result = relay.finish();
    (out, result)
}

const END: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

proptest! {
    #[test]
    fn nothing_panics_on_arbitrary_json(body in any_json()) {
        if let Ok(request) = Request::parse(body.as_bytes()) {
            for server in Server::ALL {
                let quirks = Quirks::of(server, "m");
                let target = Target { model: "m", quirks, ..Target::default() };
                if let Ok(chat) = messages_to_chat(&request, &target) {
                    prop_assert!(openai::Request::parse(&chat.body).is_ok(), "{:?}", server);
                }
            }
        }
        let _ = openai::Request::parse(body.as_bytes()).map(|request| request.to_upstream("m"));
        let _ = owlcoda_wire::fault::from_upstream(500, body.as_bytes());
        let mut relay = ChatRelay::new(RelayContext::default());
        let _ = relay.push(body.as_bytes());
        let mut events = Vec::new();
        let mut machine = ChatToMessages::new(context());
        let _ = machine.push(body.as_bytes(), &mut events);
        let _ = machine.finish(&mut events);
    }

    #[test]
    fn nothing_panics_on_arbitrary_messages(messages in prop::collection::vec(any_json(), 1..4)) {
        let body = format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{}]}}]}}"#,
            messages.join(",")
        );
        if let Ok(request) = Request::parse(body.as_bytes()) {
            for server in Server::ALL {
                let quirks = Quirks::of(server, "m");
                let target = Target { model: "m", quirks, ..Target::default() };
                if let Ok(chat) = messages_to_chat(&request, &target) {
                    prop_assert!(openai::Request::parse(&chat.body).is_ok(), "{:?}", server);
                }
            }
        }
    }

    #[test]
    fn every_stream_keeps_the_order_of_the_api(pieces in prop::collection::vec(any_piece(), 0..24)) {
        let mut chunks: Vec<String> = pieces.iter().map(chunk).collect();
        chunks.push(END.to_owned());
        let (events, result) = run(&chunks);
        let mut check = StreamCheck::new();
        for event in &events {
            let checked = check.on(event);
            prop_assert!(checked.is_ok(), "{checked:?} in {events:?}");
        }
        prop_assert_eq!(check.is_ended(), result.is_ok());
    }

    #[test]
    fn a_chunk_like_the_one_before_it_means_what_it_would_mean_alone(
        pieces in prop::collection::vec(any_piece(), 0..24),
    ) {
        let mut chunks: Vec<String> = pieces.iter().map(chunk).collect();
        chunks.push(END.to_owned());
        // Blanks change no document, and no two of these have as many before them.
        let unlike: Vec<String> =
            chunks.iter().enumerate().map(|(n, chunk)| format!("{:n$}{chunk}", "")).collect();
        prop_assert_eq!(run(&chunks), run(&unlike));
        prop_assert_eq!(relayed(&chunks), relayed(&unlike));
    }

    #[test]
    fn streamed_text_is_the_text_of_the_whole_answer(texts in prop::collection::vec("[a-zé🦉\" \n]{0,6}", 0..12)) {
        let mut chunks: Vec<String> =
            texts.iter().map(|text| chunk(&Piece::Text(text.clone()))).collect();
        chunks.push(END.to_owned());
        let (events, result) = run(&chunks);
        prop_assert_eq!(result, Ok(()));
        let streamed: String = events.iter().filter_map(|event| match event {
            StreamEvent::ContentBlockDelta { delta: Delta::Text(text), .. } => Some(text.as_str()),
            _ => None,
        }).collect();
        let whole = texts.concat();
        let whole = if whole.trim().is_empty() { String::new() } else { whole };
        prop_assert_eq!(&streamed, &whole);
        let mut assembler = Assembler::new();
        for event in events {
            assembler.push(event);
        }
        prop_assert_eq!(assembler.finish().map(|response| response.text()), Some(whole));
    }

    #[test]
    fn arguments_cut_anywhere_arrive_whole(
        value in "[a-zé\"\\\\{}\\[\\] ]{0,12}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let json = serde_json::to_string(&serde_json::json!({ "a": value, "b": [{}, []] })).unwrap_or_default();
        let chars: Vec<char> = json.chars().collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(chars.len())).collect();
        cuts.extend([0, chars.len()]);
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        for (n, pair) in cuts.windows(2).enumerate() {
            let piece = Piece::Call {
                index: 0,
                id: if n == 0 { "a".to_owned() } else { String::new() },
                name: if n == 0 { "read".to_owned() } else { String::new() },
                arguments: chars[pair[0]..pair[1]].iter().collect(),
            };
            chunks.push(chunk(&piece));
        }
        chunks.push(END.to_owned());
        let (events, result) = run(&chunks);
        prop_assert_eq!(result, Ok(()));
        let sent: String = events.iter().filter_map(|event| match event {
            StreamEvent::ContentBlockDelta { delta: Delta::InputJson(json), .. } => Some(json.as_str()),
            _ => None,
        }).collect();
        prop_assert_eq!(sent, json);
    }
}

/// A body with all that a request may have, and now and then with something that it may not.
fn any_request() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![
        r#""""#,
        r#""plain""#,
        r#""a\n\t\"\\ \/\u00e9""#,
        r#""\ud83e\udd89 \u0000""#,
        r#""\ud83e""#,
        r#"" \n\u2003""#,
        "7",
        "null",
    ]);
    let raw = prop::sample::select(vec![
        "{}",
        r#"{"type" :"object", "$schema":1.50}"#,
        r#"{"a":[1,{"b":"\n"}]}"#,
        "null",
        "1e5",
        "[",
    ]);
    let number = prop::sample::select(vec!["1", "0", "0.50", "1.0", "1e3", "-1", "null", "\"1\""]);
    let leaf = (text.clone(), raw, number.clone(), 0..9).prop_map(|(text, raw, number, kind)| {
        let fields = match kind {
            0 | 1 => format!(r#""type":"text","text":{text}"#),
            2 => format!(r#""text":{text},"cache_control":{raw},"type":"text""#),
            3 => format!(r#""type":"tool_use","id":{text},"name":"n","input":{raw}"#),
            4 => format!(r#""tool_use_id":{text},"type":"tool_result","is_error":true,"z":{raw}"#),
            5 => format!(r#""type":"thinking","thinking":{text},"signature":{text}"#),
            6 => format!(r#""type":"image","source":{{"type":"url","url":{text},"z":{number}}}"#),
            7 => format!(r#""t\u0079pe":"text","text":{text}"#),
            _ => format!(r#""type":"custom","type":"other","z":{raw}"#),
        };
        format!("{{{fields}}}")
    });
    let block = leaf.prop_recursive(3, 12, 3, |inner| {
        (prop::collection::vec(inner, 0..3), any::<bool>()).prop_map(|(blocks, is_document)| {
            let content = blocks.join(" , ");
            if is_document {
                format!(r#"{{"type":"document","title":"t","source":{{"type":"content","content":[{content}]}}}}"#)
            } else {
                format!(r#"{{"tool_use_id":"a","type":"tool_result","content":[{content}]}}"#)
            }
        })
    });
    let content = prop_oneof![
        text.clone().prop_map(str::to_owned),
        prop::collection::vec(block, 0..3).prop_map(|blocks| format!("[{}]", blocks.join(","))),
        Just(r#"{"z":1}"#.to_owned()),
    ];
    let role = prop::sample::select(vec!["user", "user", "assistant", "system", "nobody"]);
    let message = (role, content.clone())
        .prop_map(|(role, content)| format!(r#"{{"role":"{role}","content":{content}}}"#));
    let field = prop_oneof![
        content.prop_map(|content| format!(r#""system":{content}"#)),
        number
            .clone()
            .prop_map(|number| format!(r#""temperature":{number}"#)),
        number
            .clone()
            .prop_map(|number| format!(r#""top_k": {number}"#)),
        number.prop_map(|number| format!(
            r#""thinking":{{"type":"enabled","budget_tokens":{number}}}"#
        )),
        text.clone().prop_map(|text| format!(
            r#""tools":[{{"name":"n","description":{text},"input_schema":{{"type":"object"}}}}]"#
        )),
        text.clone()
            .prop_map(|text| format!(r#""stop_sequences":[{text}]"#)),
        text.clone()
            .prop_map(|text| format!(r#""metadata":{{"user":{text}}},"z":{text}"#)),
        text.prop_map(|text| format!(
            r#""output_config":{{"effort":{text},"format":{{"type":1}}}}"#
        )),
        Just(r#""stream":true,"stream":null"#.to_owned()),
        Just(r#""tool_choice":{"type":"auto","disable_parallel_tool_use":true}"#.to_owned()),
    ];
    (
        prop::collection::vec(message, 1..4),
        prop::collection::vec(field, 0..5),
    )
        .prop_map(|(messages, fields)| {
            let messages = format!(r#""messages":[{}]"#, messages.join(","));
            let mut all = vec![r#""model":"m","max_tokens":9"#.to_owned(), messages];
            all.extend(fields);
            format!("{{{}}}", all.join(","))
        })
}

proptest! {
    #[test]
    fn a_request_read_in_one_walk_is_the_one_that_serde_reads(
        body in prop_oneof![3 => any_request(), 1 => any_json()]
    ) {
        let walked = Request::parse(body.as_bytes());
        let read = serde_json::from_str::<Request>(&body);
        // Half a character is mended and bounds are checked by `parse` alone.
        if let (Ok(walked), Ok(read)) = (&walked, &read) {
            prop_assert_eq!(format!("{walked:?}"), format!("{read:?}"));
        }
        if walked.is_ok() && !body.contains("\\ud83e\"") {
            prop_assert!(read.is_ok(), "{}", body);
        }
    }
}
