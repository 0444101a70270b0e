//! Streams that go wrong after their first event: the caller has its 200, the error comes inside.

use futures_util::StreamExt as _;
use owlcoda_pipeline::Outcome;
use owlcoda_testkit::{Gate, Script};
use owlcoda_types::ErrorCode;
use serde_json::json;

use crate::setup::{DIALECTS, End, Room, read, text_of};

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_one_error_inside() {
    let begun = || Script::stream().delta(&json!({"content": "hi"}));
    let broke = json!({"error": {"message": "it broke"}});
    let cases = [
        ("a cut", begun().cut(), ErrorCode::Unavailable),
        ("no finish reason", begun().done(), ErrorCode::Unavailable),
        ("an early end", begun(), ErrorCode::Unavailable),
        (
            "an error",
            begun().data(&broke).done(),
            ErrorCode::BadUpstream,
        ),
        (
            "given up",
            begun().finish("error").done(),
            ErrorCode::Unavailable,
        ),
        (
            "an endless event",
            begun().raw("data: ").raw(vec![b'x'; 5 << 20]).hang(),
            ErrorCode::BadUpstream,
        ),
    ];
    let room = Room::new().await;
    for (label, script, code) in cases {
        for dialect in DIALECTS {
            room.fake.script(script.clone());
            let (events, failure) = read(room.stream(dialect).await).await;
            let label = format!("{label}, {dialect:?}");
            assert_eq!(text_of(&events), "hi", "{label}");
            assert_eq!(failure.map(|error| error.code()), Some(code), "{label}");
            let expected = End::within_answer(Outcome::Failed(code));
            assert_eq!(End::of(&room.settled()), expected, "{label}");
        }
    }
}

#[tokio::test]
async fn silence_in_the_middle_is_a_timeout_inside() {
    for dialect in DIALECTS {
        let room = Room::new().await;
        room.fake
            .script(Script::stream().delta(&json!({"content": "hi"})).hang());
        let stream = room.stream(dialect).await;
        tokio::time::pause();
        let (events, failure) = read(stream).await;
        tokio::time::resume();
        assert_eq!(text_of(&events), "hi", "{dialect:?}");
        assert_eq!(failure.map(|error| error.code()), Some(ErrorCode::Timeout));
        let outcome = Outcome::Failed(ErrorCode::Timeout);
        assert_eq!(End::of(&room.settled()), End::within_answer(outcome));
        room.fake.next_disconnect().await;
    }
}

#[tokio::test]
async fn an_event_is_there_before_the_next_one_is_sent() {
    for dialect in DIALECTS {
        let room = Room::new().await;
        let gate = Gate::new();
        let begun = Script::stream()
            .delta(&json!({"content": "one"}))
            .wait(&gate);
        let rest = begun.delta(&json!({"content": "two"})).finish("stop");
        room.fake.script(rest.done());
        let mut stream = room.stream(dialect).await;
        let mut events = Vec::new();
        while text_of(&events) != "one" {
            events.push(stream.next().await.unwrap().unwrap());
        }
        gate.open();
        let (rest, failure) = read(stream).await;
        assert!(failure.is_none(), "{failure:?}");
        assert_eq!(text_of(&rest), "two", "{dialect:?}");
    }
}

#[tokio::test]
async fn the_end_marker_ends_the_answer_although_the_server_stays() {
    for marker in [
        "data: [DONE]\n\n",
        "data: [DONE] \n\n",
        "data:[DONE]\r\n\r\n",
    ] {
        for dialect in DIALECTS {
            let room = Room::new().await;
            let answer = Script::stream()
                .delta(&json!({"content": "hi"}))
                .finish("stop");
            let gate = Gate::new();
            room.fake.script(answer.raw(marker).wait(&gate).hang());
            let stream = room.stream(dialect).await;
            gate.reached().await;
            // Whoever waits for more gets a timeout.
            tokio::time::pause();
            let (events, failure) = read(stream).await;
            tokio::time::resume();
            assert!(failure.is_none(), "{failure:?}");
            assert_eq!(text_of(&events), "hi", "{marker:?} {dialect:?}");
            assert_eq!(
                room.settled().outcome,
                Outcome::Ok,
                "{marker:?} {dialect:?}"
            );
            room.fake.next_disconnect().await;
        }
    }
}
