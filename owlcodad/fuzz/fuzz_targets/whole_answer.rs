//! Whole answers and errors: what leaves is JSON, and no error repeats a key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use owlcoda_wire::fault::{Dialect, error_body, from_upstream};
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
    }
});
