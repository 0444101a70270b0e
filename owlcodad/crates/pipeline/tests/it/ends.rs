//! How a call ends, and that it is recorded so, once.

use owlcoda_pipeline::Outcome::{AbortedByShutdown, ClientGone, Ok as Whole};
use owlcoda_pipeline::{CallError, Settled};
use owlcoda_testkit::{Gate, Script};
use owlcoda_types::FailureKind;
use owlcoda_types::Usage;
use owlcoda_wire::fault::Dialect;
use serde_json::json;

use crate::setup::{
    DIALECTS, End, MODES, Mode, Room, USAGE, call, call_with, parse, read, text_of,
};

const GOOD: End = End {
    outcome: Whole,
    status: 200,
    usage: USAGE,
    has_ttft: true,
    n_attempts: 1,
};

#[tokio::test]
async fn a_whole_answer_is_given_and_recorded_with_its_cost() {
    let room = Room::new().await;
    room.fake.always(Script::reply("hello"));
    let texts = ["/content/0/text", "/choices/0/message/content"];
    for (dialect, text) in DIALECTS.into_iter().zip(texts) {
        let call = call(dialect, Mode::Whole);
        let id = call.id;
        let (at_ms, route) = (call.at_ms, call.route);
        let answer = room.pipeline.run(call).await.unwrap();
        let owlcoda_pipeline::Answer::Whole(whole) = answer else {
            panic!("{answer:?}")
        };
        let body = parse(&whole.body);
        assert_eq!(body.pointer(text).unwrap(), "hello", "{dialect:?}: {body}");

        let settled = room.settled();
        assert_eq!(End::of(&settled), GOOD, "{dialect:?}");
        let Settled {
            id: recorded,
            at_ms: recorded_at,
            route: recorded_route,
            dialect: recorded_dialect,
            is_stream,
            ttft,
            elapsed,
            ..
        } = settled;
        assert_eq!(
            (
                recorded,
                recorded_at,
                recorded_route,
                recorded_dialect,
                is_stream
            ),
            (id, at_ms, route, dialect, false)
        );
        assert!(ttft.unwrap() <= elapsed);
    }
}

#[tokio::test]
async fn a_streamed_answer_is_given_and_recorded_with_its_cost() {
    let room = Room::new().await;
    room.fake.always(Script::text_stream(&["hel", "lo"]));
    for dialect in DIALECTS {
        let (events, failure) = read(room.stream(dialect).await).await;
        assert!(failure.is_none(), "{failure:?}");
        assert_eq!(text_of(&events), "hello", "{dialect:?}");
        let settled = room.settled();
        assert_eq!(End::of(&settled), GOOD, "{dialect:?}");
        assert!(settled.is_stream);
    }
}

#[tokio::test]
async fn an_answer_is_recorded_when_it_ended_and_not_when_it_is_read() {
    let room = Room::new().await;
    room.fake.script(
        Script::stream()
            .delta(&json!({"content": "hi"}))
            .finish("stop")
            .done(),
    );
    let mut stream = room.stream(Dialect::Anthropic).await;
    // Until the last event is given, most callers have left.
    while room.is_unsettled() {
        futures_util::StreamExt::next(&mut stream)
            .await
            .unwrap()
            .unwrap();
    }
    drop(stream);
    let expected = End {
        usage: Usage::default(),
        ..GOOD
    };
    assert_eq!(End::of(&room.settled()), expected);
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_head_takes_the_call_along() {
    for (dialect, mode) in DIALECTS
        .into_iter()
        .flat_map(|d| MODES.map(|mode| (d, mode)))
    {
        let room = Room::new().await;
        let gate = Gate::new();
        room.fake.script(Script::reply("never").held(&gate));
        tokio::select! {
            answer = room.run(dialect, mode) => panic!("{answer:?}"),
            () = gate.reached() => {}
        }
        assert_eq!(
            End::of(&room.settled()),
            End::without_answer(ClientGone, 499)
        );
        room.fake.next_disconnect().await;
    }
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_first_event_takes_the_call_along() {
    for dialect in DIALECTS {
        let room = Room::new().await;
        let gate = Gate::new();
        room.fake
            .script(Script::stream().raw(": ping\n\n").wait(&gate).hang());
        tokio::select! {
            answer = room.run(dialect, Mode::Stream) => panic!("{answer:?}"),
            () = gate.reached() => {}
        }
        assert_eq!(
            End::of(&room.settled()),
            End::without_answer(ClientGone, 499)
        );
        room.fake.next_disconnect().await;
    }
}

#[tokio::test]
async fn a_caller_that_leaves_in_mid_stream_had_its_200_and_closes_the_call() {
    for dialect in DIALECTS {
        let room = Room::new().await;
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}});
        let begun = Script::stream()
            .data(&usage)
            .delta(&json!({"content": "hi"}));
        room.fake.script(begun.hang());
        let stream = room.stream(dialect).await;
        assert!(room.is_unsettled());
        drop(stream);
        let settled = room.settled();
        let counted = Usage {
            input_tokens: 5,
            output_tokens: 1,
            ..Usage::default()
        };
        let expected = End {
            usage: counted,
            ..End::within_answer(ClientGone)
        };
        assert_eq!(End::of(&settled), expected, "{dialect:?}");
        room.fake.next_disconnect().await;
    }
}

#[tokio::test]
async fn a_shutdown_cuts_what_has_no_head_yet() {
    for (dialect, mode) in DIALECTS
        .into_iter()
        .flat_map(|d| MODES.map(|mode| (d, mode)))
    {
        let room = Room::new().await;
        let gate = Gate::new();
        room.fake.script(Script::reply("never").held(&gate));
        let (answer, ()) = tokio::join!(room.run(dialect, mode), async {
            gate.reached().await;
            room.stopping.cancel();
        });
        let failure = answer.unwrap_err();
        assert!(matches!(failure.error, CallError::ShuttingDown));
        assert_eq!(failure.kind(), Some(FailureKind::Abort));
        assert_eq!(
            End::of(&room.settled()),
            End::without_answer(AbortedByShutdown, 503)
        );
        room.fake.next_disconnect().await;
    }
}

#[tokio::test]
async fn a_shutdown_cuts_a_stream_with_an_error_in_it() {
    for dialect in DIALECTS {
        let room = Room::new().await;
        room.fake
            .script(Script::stream().delta(&json!({"content": "hi"})).hang());
        let stream = room.stream(dialect).await;
        let (read, ()) = tokio::join!(read(stream), async { room.stopping.cancel() });
        let (events, failure) = read;
        assert_eq!(text_of(&events), "hi", "{dialect:?}");
        assert!(
            failure.is_some_and(|failure| matches!(failure.error, CallError::ShuttingDown)),
            "{dialect:?}"
        );
        let settled = room.settled();
        assert_eq!(
            End::of(&settled),
            End::within_answer(AbortedByShutdown),
            "{dialect:?}"
        );
        room.fake.next_disconnect().await;
    }
}

#[tokio::test]
async fn a_call_that_comes_too_late_asks_nobody() {
    let room = Room::new().await;
    room.stopping.cancel();
    let error = room.run(Dialect::OpenAi, Mode::Whole).await.unwrap_err();
    assert!(matches!(error.error, CallError::ShuttingDown), "{error:?}");
    assert_eq!(error.kind(), None, "no model was chosen");
    let expected = End {
        n_attempts: 0,
        ..End::without_answer(AbortedByShutdown, 503)
    };
    assert_eq!(End::of(&room.settled()), expected);
    assert_eq!(room.fake.n_connections(), 0);
}

#[tokio::test]
async fn what_a_request_had_to_leave_behind_is_recorded() {
    let room = Room::new().await;
    room.fake.script(Script::text("hello"));
    let more = json!({"metadata": {"user_id": "u"}, "container": "c"});
    let call = call_with(Dialect::Anthropic, Mode::Whole, &more);
    room.pipeline.run(call).await.unwrap();
    assert_eq!(room.settled().dropped_fields, ["metadata", "container"]);
}

#[tokio::test]
async fn a_caller_that_has_its_200_is_recorded_with_it_however_the_call_ends() {
    for dialect in DIALECTS {
        let room = Room::new().await;
        let gate = Gate::new();
        room.fake.script(Script::error(500, "it broke").held(&gate));
        let call = call(dialect, Mode::Stream);
        let delivery = call.delivery.clone();
        let (answer, ()) = tokio::join!(room.pipeline.run(call), async {
            gate.reached().await;
            delivery.set_head_sent();
            gate.open();
        });
        assert_eq!(answer.unwrap_err().code().http_status(), 500);
        let settled = room.settled();
        assert_eq!(settled.status, 200, "{dialect:?}");
        assert_eq!(settled.outcome.as_str(), "upstream_failed", "{dialect:?}");
    }
}
