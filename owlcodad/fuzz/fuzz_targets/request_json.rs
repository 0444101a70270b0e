//! Every request that is taken can be translated or is refused, and what goes out is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use owlcoda_types::Server;
use owlcoda_wire::quirks::Quirks;
use owlcoda_wire::translate::{Target, chat_to_messages, messages_to_chat};
use owlcoda_wire::{anthropic, openai};

fuzz_target!(|body: &[u8]| {
    if let Ok(request) = anthropic::Request::parse(body) {
        for server in Server::ALL {
            let target = Target {
                model: "m\"\u{1b}",
                context_window: Some(4096),
                quirks: Quirks::of(server, "m"),
                ..Target::default()
            };
            if let Ok(translated) = messages_to_chat(&request, &target) {
                is_json(&translated.body);
                openai::Request::parse(&translated.body).expect("we take what we make");
            }
        }
        is_json(&request.to_upstream("m"));
        // None where it is nested deeper than anybody means it.
        if let Some(renamed) = anthropic::rename_model(body, "m") {
            is_json(&renamed);
        }
    }
    if let Ok(request) = openai::Request::parse(body) {
        is_json(&request.to_upstream("m"));
        let target = Target {
            model: "m",
            ..Target::default()
        };
        if let Ok(translated) = chat_to_messages(&request, &target) {
            is_json(&translated.body);
            // Not parsed again: fields of the other dialect, such as `thinking`, go through as the
            // caller wrote them, and its server judges them.
        }
    }
});

fn is_json(bytes: &[u8]) {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).expect("JSON");
}
