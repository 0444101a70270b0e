//! Whole answers and errors, in the other form too: what leaves is JSON, and no error repeats a key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use owlcoda_wire::fault::{Dialect, error_body, from_upstream};
use owlcoda_wire::reshape::{Assembly, whole_as_stream};
use owlcoda_wire::sse::{Decoder, Frame};
use owlcoda_wire::translate::{
    ChatContext, StreamContext, chat_response_to_messages, messages_response_to_chat,
    relay_chat_response, relay_messages_response,
};

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    let answers = [
        chat_response_to_messages(body, &StreamContext::default()),
        relay_chat_response(body, "m"),
        relay_messages_response(body, "m"),
        messages_response_to_chat(body, &ChatContext::default()),
    ];
    for answer in answers.into_iter().flatten() {
        serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).expect("JSON");
    }
    let fault = from_upstream(status, body);
    assert!(fault.message.chars().count() <= 600, "{}", fault.message);
    assert!(!fault.message.chars().any(char::is_control));
    for dialect in [Dialect::Anthropic, Dialect::OpenAi] {
        let error = error_body(dialect, fault.code, &fault.message, "req_1");
        serde_json::from_slice::<serde::de::IgnoredAny>(&error).expect("JSON");
        // As a stream and back it is whole again; any bytes may be taken for a stream.
        if let Some(stream) = whole_as_stream(dialect, body) {
            let mut decoder = Decoder::new(usize::MAX);
            decoder.push(&stream);
            let frames = std::iter::from_fn(|| decoder.next_frame().expect("events"));
            assemble(dialect, frames);
        }
        let mut decoder = Decoder::new(1 << 16);
        decoder.push(body);
        assemble(dialect, std::iter::from_fn(|| decoder.next_frame().ok().flatten()));
    }
});

fn assemble(dialect: Dialect, frames: impl Iterator<Item = Frame>) {
    let mut assembly = Assembly::new(dialect);
    for frame in frames {
        if !matches!(assembly.push(&frame), Ok(true)) {
            break;
        }
    }
    if let Ok(whole) = assembly.finish() {
        serde_json::from_slice::<serde::de::IgnoredAny>(&whole).expect("JSON");
    }
}
