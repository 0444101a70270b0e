//! Whatever a model server sends, the events that leave keep the protocol's order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use owlcoda_wire::anthropic::StreamCheck;
use owlcoda_wire::translate::{
    ChatContext, ChatRelay, ChatToMessages, MessagesRelay, MessagesToChat, RelayContext,
    StreamContext, WrittenCalls,
};

fuzz_target!(|input: &[u8]| {
    // One frame a line: JSON has no need of raw line ends.
    let frames = || input.split(|byte| *byte == b'\n');

    for written_calls in [WrittenCalls::Ignore, WrittenCalls::Parse] {
        let mut machine = ChatToMessages::new(StreamContext {
            message_id: "msg_1".to_owned(),
            model: "m".to_owned(),
            stop_sequences: vec!["END".to_owned()],
            written_calls,
            ..StreamContext::default()
        });
        let mut events = Vec::new();
        let pushed = frames().try_for_each(|frame| machine.push(frame, &mut events));
        let ended = pushed.and_then(|()| machine.finish(&mut events));
        let mut check = StreamCheck::default();
        for event in &events {
            check.on(event).expect("in order");
        }
        assert_eq!(check.is_ended(), ended.is_ok());
    }

    let context = RelayContext {
        model: "m".to_owned(),
        wants_usage_chunk: true,
    };
    let mut relay = ChatRelay::new(context);
    let _ = frames().try_for_each(|frame| relay.push(frame).map(drop));
    let _ = relay.finish();

    let mut relay = MessagesRelay::new("m");
    let _ = frames().try_for_each(|frame| relay.push(None, frame).map(drop));
    let _ = relay.finish();

    let mut machine = MessagesToChat::new(ChatContext::default());
    let mut chunks = Vec::new();
    let pushed = frames().try_for_each(|frame| machine.push(None, frame, &mut chunks));
    let ended = pushed.and_then(|()| machine.finish(&mut chunks));
    let n_finishes = chunks.iter().filter(|chunk| has_finish(chunk)).count();
    assert_eq!(n_finishes, usize::from(ended.is_ok()));
});

fn has_finish(chunk: &[u8]) -> bool {
    let chunk: serde_json::Value = serde_json::from_slice(chunk).expect("JSON");
    chunk
        .pointer("/choices/0/finish_reason")
        .is_some_and(|reason| !reason.is_null())
}
