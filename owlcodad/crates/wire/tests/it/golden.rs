//! One snapshot per case under `tests/golden`: what goes in beside what comes out.

use bytes::BytesMut;
use owlcoda_types::Server;
use owlcoda_wire::anthropic::{Request, StreamEvent};
use owlcoda_wire::openai;
use owlcoda_wire::quirks::Quirks;
use owlcoda_wire::translate::{
    ChatRelay, ChatToMessages, RelayContext, StreamContext, Target, WrittenCalls,
    chat_response_to_messages, messages_to_chat,
};

pub(crate) fn assert_golden(name: &str, shown: &str) {
    insta::with_settings!({
        snapshot_path => "../golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, shown);
    });
}

/// The body as it is, a field a line at the top, and the two lists.
fn show_request(body: &str, target: &Target<'_>) -> String {
    let request = match Request::parse(body.as_bytes()) {
        Ok(request) => request,
        Err(error) => return format!("{}: {error}\n", error.code()),
    };
    let chat = match messages_to_chat(&request, target) {
        Ok(chat) => chat,
        Err(error) => return format!("{}: {error}\n", error.code()),
    };
    let json = String::from_utf8_lossy(&chat.body);
    let json = json
        .replace(",{\"role\"", ",\n    {\"role\"")
        .replace(
            ",{\"type\":\"function\",\"function\":{\"name\":\"",
            ",\n    {\"type\":\"function\",\"function\":{\"name\":\"",
        )
        .replace("],\"", "],\n\"");
    format!(
        "{json}\n\ndropped: {}\nrepaired: {:#?}\n",
        chat.dropped.join(", "),
        chat.repaired
    )
}

fn stream_context() -> StreamContext {
    StreamContext {
        message_id: "msg_01".to_owned(),
        model: "asked-name".to_owned(),
        estimated_input_tokens: 7,
        stop_sequences: vec!["STOP".to_owned(), "###".to_owned()],
        ..StreamContext::default()
    }
}

/// Each line of the case is the data of one frame.
fn show_stream(lines: &str) -> String {
    show_events(ChatToMessages::new(stream_context()), lines)
}

/// The same for a server that is known not to parse tool calls.
fn show_written(lines: &str) -> String {
    let request = Request::parse(
        br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"files.read"}]}"#,
    );
    let request = request.unwrap_or_else(|_| Request::new("m", Vec::new(), 1));
    let tool_names = messages_to_chat(&request, &Target::default())
        .map(|chat| chat.tool_names)
        .unwrap_or_default();
    let context = StreamContext {
        tool_names,
        written_calls: WrittenCalls::Parse,
        ..stream_context()
    };
    show_events(ChatToMessages::new(context), lines)
}

fn show_events(mut machine: ChatToMessages, lines: &str) -> String {
    let mut events = Vec::new();
    let mut result = Ok(());
    for line in lines.lines() {
        result = machine.push(line.as_bytes(), &mut events);
        if result.is_err() {
            break;
        }
    }
    if result.is_ok() {
        result = machine.finish(&mut events);
    }
    if let Err(fault) = &result {
        events.push(StreamEvent::error(fault.code(), fault.to_string()));
    }
    let mut out = BytesMut::new();
    for event in &events {
        event.encode(&mut out);
    }
    let out = String::from_utf8_lossy(&out).replace("\n\n", "\n");
    let data = out.lines().filter(|line| !line.starts_with("event: "));
    let data: Vec<_> = data.map(|line| line.trim_start_matches("data: ")).collect();
    format!(
        "{}\n\nresult: {result:?}\nusage: {:?}\nmalformed: {}\n",
        data.join("\n"),
        machine.usage(),
        machine.n_malformed(),
    )
}

macro_rules! golden {
    ($show:ident: $($name:ident <- $file:literal),* $(,)?) => {
        $( #[test]
        fn $name() {
            assert_golden(stringify!($name), &$show(include_str!(concat!("../golden/", $file))));
        } )*
    };
}

golden! { show_stream:
    stream_text_with_usage_in_a_last_chunk <- "streams/text.jsonl",
    stream_thinking_then_text_then_two_calls <- "streams/thinking_text_calls.jsonl",
    stream_interleaved_calls <- "streams/interleaved_calls.jsonl",
    stream_all_calls_numbered_zero <- "streams/all_calls_numbered_zero.jsonl",
    stream_odd_calls <- "streams/odd_calls.jsonl",
    stream_text_between_calls <- "streams/text_between_calls.jsonl",
    stream_odd_chunks <- "streams/odd_chunks.jsonl",
    stream_broken_chunk <- "streams/broken_chunk.jsonl",
    stream_cut_by_max_tokens <- "streams/cut_by_max_tokens.jsonl",
    stream_without_an_end <- "streams/without_an_end.jsonl",
    stream_error_inside <- "streams/error_inside.jsonl",
    stream_of_one_whole_answer <- "streams/whole_answer.jsonl",
    stream_stop_sequence <- "streams/stop_sequence.jsonl",
    stream_think_tags_in_the_text <- "streams/think_tags.jsonl",
    stream_nothing_at_all <- "streams/nothing.jsonl",
}

golden! { show_written:
    stream_calls_written_as_text <- "streams/written_calls.jsonl",
}

fn plain(body: &str) -> String {
    let target = Target {
        model: "backend/model",
        ..Target::default()
    };
    show_request(body, &target)
}

fn template(body: &str) -> String {
    let target = Target {
        model: "backend/model",
        context_window: Some(32_768),
        quirks: Quirks::of(Server::Sglang, ""),
        ..Target::default()
    };
    show_request(body, &target)
}

fn open_ai(body: &str) -> String {
    let target = Target {
        model: "gpt",
        quirks: Quirks::of(Server::OpenAi, "gpt-5"),
        ..Target::default()
    };
    show_request(body, &target)
}

golden! { plain:
    request_of_a_coding_client_for_any_server <- "requests/coding_client.json",
    request_with_pictures_and_documents <- "requests/pictures.json",
    request_with_broken_history <- "requests/broken_history.json",
}

golden! { template:
    request_of_a_coding_client_for_a_template_server <- "requests/coding_client.json",
}

golden! { template:
    request_with_a_begun_answer <- "requests/begun_answer.json",
}

golden! { open_ai:
    request_of_a_coding_client_for_a_strict_server <- "requests/coding_client.json",
}

#[test]
fn whole_answer_as_a_message() {
    let body = include_str!("../golden/streams/whole_answer.jsonl");
    let converted = chat_response_to_messages(body.as_bytes(), &stream_context()).unwrap();
    let json = String::from_utf8_lossy(&converted.body).replace("},{", "},\n{");
    assert_golden(
        "whole_answer_as_a_message",
        &format!("{json}\n{:?}", converted.usage),
    );
}

#[test]
fn chat_request_for_upstream() {
    let body = include_str!("../golden/requests/chat.json");
    let request = openai::Request::parse(body.as_bytes()).unwrap();
    let sent = request.to_upstream("backend/model");
    assert_golden("chat_request_for_upstream", &String::from_utf8_lossy(&sent));
}

#[test]
fn chat_relay_changes_the_model_name_only() {
    let lines = include_str!("../golden/streams/relay.jsonl");
    let mut relay = ChatRelay::new(RelayContext {
        model: "asked-name".to_owned(),
        wants_usage_chunk: false,
    });
    let mut shown = String::new();
    for line in lines.lines() {
        if let Some(data) = relay.push(line.as_bytes()).unwrap() {
            shown.push_str(&String::from_utf8_lossy(&data));
            shown.push('\n');
        }
    }
    let end = format!("\n{:?} {:?}\n", relay.finish(), relay.usage());
    shown.push_str(&end);
    assert_golden("chat_relay_changes_the_model_name_only", &shown);
}
