//! What the translation of a coding agent's turn costs, in instructions.
//!
//! Each case is run by callgrind twice, with more and with fewer rounds, so that what remains of the
//! difference is the case alone. Instructions are the same on an idle machine and on a busy one.
//!
//! ```text
//! cargo bench -p owlcoda-wire              # needs valgrind
//! ```
//!
//! One case alone, for a profile: `cargo bench -p owlcoda-wire -- CASE ROUNDS`.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program for people, whose own input is right"
)]

use std::hint::black_box;
use std::process::{Command, ExitCode};

use bytes::BytesMut;
use owlcoda_wire::anthropic::{self, rename_model};
use owlcoda_wire::quirks::Quirks;
use owlcoda_wire::translate::{
    ChatRelay, ChatToMessages, RelayContext, StreamContext, Target, chat_to_messages,
    messages_to_chat,
};
use owlcoda_wire::{openai, sse};

/// Rounds of the two runs.
const ROUNDS: [u64; 2] = [2, 12];

/// Events of a stream.
const N_EVENTS: u64 = 100;

const TARGET: Target<'static> = Target {
    model: "another-model",
    context_window: None,
    default_max_tokens: None,
    quirks: Quirks::GENERIC,
};

type Case = (&'static str, fn() -> Box<dyn FnMut()>);

const CASES: &[Case] = &[
    ("messages request to chat, 80 KB", || {
        let body = coding_turn();
        Box::new(move || {
            let request = anthropic::Request::parse(&body);
            let request = request.unwrap_or_else(|error| panic!("{error}"));
            let _ = black_box(messages_to_chat(&request, &TARGET));
        })
    }),
    ("messages request renamed, 80 KB", || {
        let body = bytes::Bytes::from(coding_turn());
        Box::new(move || drop(black_box(rename_model(&body, "another-model"))))
    }),
    ("chat request renamed, 80 KB", || {
        let body = chat_turn();
        Box::new(move || {
            let request = openai::Request::parse_bytes(&body);
            let request = request.unwrap_or_else(|error| panic!("{error}"));
            drop(black_box(request.to_upstream("another-model")));
        })
    }),
    ("chat request to messages, 80 KB", || {
        let body = chat_turn();
        Box::new(move || {
            let request = openai::Request::parse_bytes(&body);
            let request = request.unwrap_or_else(|error| panic!("{error}"));
            let translated = chat_to_messages(&request, &TARGET);
            drop(black_box(
                translated.unwrap_or_else(|error| panic!("{error}")),
            ));
        })
    }),
    ("chat stream to messages, 100 events", || {
        let stream = chat_stream();
        Box::new(move || {
            let mut decoder = sse::Decoder::new(1 << 20);
            decoder.push(&stream);
            let mut machine = ChatToMessages::new(StreamContext::default());
            let (mut events, mut out) = (Vec::new(), BytesMut::new());
            while let Ok(Some(frame)) = decoder.next_frame() {
                let _ = machine.push(&frame.data, &mut events);
                for event in events.drain(..) {
                    event.encode(&mut out);
                }
            }
            black_box(out);
        })
    }),
    ("chat stream relayed, 100 events", || {
        let stream = chat_stream();
        Box::new(move || {
            let mut decoder = sse::Decoder::new(1 << 20);
            decoder.push(&stream);
            let mut relay = ChatRelay::new(RelayContext::default());
            let mut out = BytesMut::new();
            while let Ok(Some(frame)) = decoder.next_frame() {
                if let Ok(Some(chunk)) = relay.push(&frame.data) {
                    sse::encode(&mut out, None, &chunk);
                }
            }
            black_box(out);
        })
    }),
];

/// [`coding_turn`] as a chat request.
fn chat_turn() -> bytes::Bytes {
    let request = anthropic::Request::parse(&coding_turn());
    let request = request.unwrap_or_else(|error| panic!("{error}"));
    let chat = messages_to_chat(&request, &TARGET);
    chat.unwrap_or_else(|error| panic!("{error}")).body
}

/// A turn of a coding agent: a long prompt, twenty tools, and files read by tool calls.
fn coding_turn() -> Vec<u8> {
    let tool = |idx: u32| {
        let property = |name: &str| {
            format!(
                "\"{name}\":{{\"type\":\"string\",\"description\":\"{}\"}}",
                "What this argument stands for, and when to leave it out. ".repeat(4)
            )
        };
        let properties = ["path", "pattern", "limit", "offset"]
            .map(property)
            .join(",");
        format!(
            "{{\"name\":\"tool_{idx}\",\"description\":\"{}\",\"input_schema\":{{\"type\":\"object\",\
             \"properties\":{{{properties}}},\"required\":[\"path\"]}}}}",
            "Does one thing to a file.\\nSee also the others. ".repeat(14)
        )
    };
    let tools = (0..20).map(tool).collect::<Vec<_>>().join(",");
    let file = "    let value = map.get(\\\"key\\\").copied();\\n".repeat(160);
    let turn = |idx: u32| {
        format!(
            "{{\"role\":\"user\",\"content\":[{{\"type\":\"text\",\"text\":\"Read the file.\"}}]}},\
             {{\"role\":\"assistant\",\"content\":[{{\"type\":\"tool_use\",\"id\":\"toolu_{idx}\",\
             \"name\":\"tool_1\",\"input\":{{\"path\":\"src/main.rs\"}}}}]}},\
             {{\"role\":\"user\",\"content\":[{{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_{idx}\",\
             \"content\":\"{file}\"}}]}},\
             {{\"role\":\"assistant\",\"content\":[{{\"type\":\"text\",\"text\":\"It reads a map.\"}}]}}"
        )
    };
    let turns = (0..5).map(turn).collect::<Vec<_>>().join(",");
    let system = "You are a careful engineer.\\n".repeat(170);
    format!(
        "{{\"model\":\"m\",\"max_tokens\":4096,\"stream\":true,\"system\":\"{system}\",\
         \"tools\":[{tools}],\"messages\":[{turns},{{\"role\":\"user\",\"content\":\"Go on.\"}}]}}"
    )
    .into_bytes()
}

fn chat_stream() -> Vec<u8> {
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\
             \"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let mut stream = chunk("{\"role\":\"assistant\",\"content\":\"\"}", "null");
    for idx in 0..N_EVENTS {
        stream += &chunk(&format!("{{\"content\":\" token{idx}\"}}"), "null");
    }
    stream += &chunk("{}", "\"stop\"");
    stream += "data: [DONE]\n\n";
    stream.into_bytes()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |name: &str| CASES.iter().find(|(case, _)| *case == name);
    match arguments.as_slice() {
        [name, rounds] if asked(name).is_some() => {
            let (Some((_, case)), Ok(rounds)) = (asked(name), rounds.parse()) else {
                return ExitCode::FAILURE;
            };
            let mut round = case();
            (0..rounds).for_each(|_: u64| round());
            ExitCode::SUCCESS
        }
        _ => table(),
    }
}

fn table() -> ExitCode {
    println!("instructions a round");
    for (name, _) in CASES {
        let [few, many] = ROUNDS.map(|rounds| n_instructions(name, rounds));
        let (Some(few), Some(many)) = (few, many) else {
            eprintln!("callgrind did not run: install valgrind");
            return ExitCode::FAILURE;
        };
        let [n_few, n_many] = ROUNDS;
        println!(
            "{:>12}  {name}",
            many.saturating_sub(few) / (n_many - n_few)
        );
    }
    ExitCode::SUCCESS
}

/// Instructions of one run of this program, as callgrind counts them.
fn n_instructions(case: &str, rounds: u64) -> Option<u64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([case, &rounds.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let (_, count) = report.split_once("Collected : ")?;
    count.split_whitespace().next()?.parse().ok()
}
