//! Models behind a server that speaks the Messages API, asked in both dialects.

use bytes::Bytes;
use owlcoda_config::{EndpointUrl, ModelConfig, ModelTarget, Protocol};
use owlcoda_pipeline::{Answer, Event, Outcome};
use owlcoda_testkit::{FakeUpstream, Script};
use owlcoda_types::ErrorCode;
use owlcoda_wire::fault::Dialect;
use serde_json::json;

use crate::setup::{KEY, Mode, Room, call, model, parse, read};

const ROUTE: &str = "/v1/messages";

async fn room() -> Room {
    let fake = FakeUpstream::start().await;
    let url = EndpointUrl::parse(&fake.url());
    let target = ModelTarget::Endpoint(url.unwrap_or_else(|error| unreachable!("{error}")));
    let small = ModelConfig {
        protocol: Protocol::Anthropic,
        ..model(target)
    };
    Room::with(fake, &[small], &[])
}

fn whole() -> Script {
    Script::new().json(&json!({
        "id": "msg_theirs", "type": "message", "role": "assistant", "model": "theirs",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 21, "output_tokens": 9, "cache_read_input_tokens": 100},
        "from_the_future": 1.50,
    }))
}

fn stream() -> Script {
    let events = [
        r#"{"type":"message_start","message":{"id":"msg_theirs","type":"message","role":"assistant","model":"theirs","content":[],"usage":{"input_tokens":21,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let mut script = Script::stream();
    for event in events {
        let event_data = parse(&Bytes::from(event));
        let kind = event_data.get("type").and_then(|kind| kind.as_str());
        script = script.raw(format!(
            "event: {}\ndata: {event}\n\n",
            kind.unwrap_or_default()
        ));
    }
    script
}

#[tokio::test]
async fn the_body_of_the_same_dialect_passes_byte_by_byte_but_for_the_model() {
    let room = room().await;
    room.fake.at(ROUTE, whole());
    let raw = r#"{"model": "small",  "max_tokens":64, "top_p": 0.50,"messages":[{"role":"user","content":"hi"}], "x": 1e400}"#;
    let mut call = call(Dialect::Anthropic, Mode::Whole);
    call.raw = Some(Bytes::from_static(raw.as_bytes()));
    call.forwarded = vec![
        ("anthropic-version", "2026-10-21".to_owned()),
        ("anthropic-beta", "one,two".to_owned()),
    ];
    let Answer::Whole(answer) = room.pipeline.run(call).await.unwrap() else {
        panic!("a stream")
    };
    let sent = room.fake.next_request_to(ROUTE).await;
    let expected = raw.replace(r#""small""#, r#""fake-model""#);
    assert_eq!(String::from_utf8_lossy(&sent.body), expected);
    assert_eq!(sent.header("x-api-key"), Some(KEY));
    assert_eq!(sent.header("authorization"), None);
    assert_eq!(sent.header("anthropic-version"), Some("2026-10-21"));
    assert_eq!(sent.header("anthropic-beta"), Some("one,two"));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(
        text.contains(r#""model":"small""#) && text.contains("1.5"),
        "{text}"
    );
    let settled = room.settled();
    assert_eq!(settled.outcome, Outcome::Ok);
    assert_eq!(
        (settled.usage.input_tokens, settled.usage.cache_read_tokens),
        (21, 100)
    );
}

#[tokio::test]
async fn events_of_the_same_dialect_are_the_servers_own_and_carry_our_name() {
    let room = room().await;
    room.fake.at(ROUTE, stream());
    let (events, failure) = read(room.stream(Dialect::Anthropic).await).await;
    assert!(failure.is_none(), "{failure:?}");
    let relayed: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Relayed(relayed) => (relayed.event.as_ref(), parse(&relayed.data)),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(relayed.len(), 6);
    assert_eq!(relayed[0].0, "message_start");
    assert_eq!(relayed[0].1["message"]["model"], "small");
    assert_eq!(relayed[0].1["message"]["id"], "msg_theirs");
    assert_eq!(relayed[5].0, "message_stop");
    let usage = room.settled().usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (21, 9));
}

#[tokio::test]
async fn a_chat_caller_is_answered_in_its_own_words() {
    let room = room().await;
    room.fake.at(ROUTE, whole());
    let answer = parse(&room.whole(Dialect::OpenAi).await.body);
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello");
    assert_eq!(answer["usage"]["prompt_tokens"], 121);
    let sent = room.fake.next_request_to(ROUTE).await.json();
    assert_eq!(sent["messages"][0]["role"], "user");
    assert_eq!(room.settled().outcome, Outcome::Ok);

    room.fake.at(ROUTE, stream());
    let (events, failure) = read(room.stream(Dialect::OpenAi).await).await;
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(crate::setup::text_of(&events), "Hello");
    assert_eq!(room.settled().usage.output_tokens, 9);
}

#[tokio::test]
async fn an_answer_without_its_end_is_an_error_inside_the_stream() {
    for dialect in crate::setup::DIALECTS {
        let room = room().await;
        let begun = r#"{"type":"message_start","message":{"id":"m","model":"theirs"}}"#;
        let delta =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"He"}}"#;
        let block =
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
        let frames = [begun, block, delta]
            .map(|data| format!("data: {data}\n\n"))
            .concat();
        room.fake.at(ROUTE, Script::stream().raw(frames));
        let (events, failure) = read(room.stream(dialect).await).await;
        assert!(!events.is_empty(), "{dialect:?}");
        assert_eq!(
            failure.unwrap().code(),
            ErrorCode::Unavailable,
            "{dialect:?}"
        );
        assert_eq!(
            room.settled().outcome,
            Outcome::Failed(ErrorCode::Unavailable)
        );
    }
}
