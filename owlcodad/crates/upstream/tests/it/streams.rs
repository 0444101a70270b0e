//! Answers that arrive event by event.

use owlcoda_testkit::{FakeUpstream, Gate, Script};
use owlcoda_types::ErrorCode;
use owlcoda_upstream::{Frames, UpstreamError};
use serde_json::json;

use crate::setup::{LIMITS, body, client, destination, url};

/// The answer of `fake` to a call, as frames.
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
async fn open(fake: &FakeUpstream) -> Frames {
    let reply = client()
        .post(&destination(&url(fake)), body())
        .await
        .unwrap();
    assert!(reply.body.is_event_stream());
    reply.body.frames()
}

#[tokio::test]
async fn events_come_out_whole_however_they_were_cut() {
    for piece_bytes in [1, 3, 1000] {
        let fake = FakeUpstream::start().await;
        let events = Script::stream().data(&json!({"n": "é"})).raw(": ping\n\n");
        fake.script(events.data(&json!({"n": 2})).done().split_at(piece_bytes));
        let mut frames = open(&fake).await;
        let mut seen = Vec::new();
        while let Some(frame) = frames.next().await {
            seen.push(String::from_utf8(frame.unwrap().data.to_vec()).unwrap());
        }
        assert_eq!(
            seen,
            [r#"{"n":"é"}"#, r#"{"n":2}"#, "[DONE]"],
            "{piece_bytes}"
        );
    }
}

#[tokio::test]
async fn an_event_is_there_before_the_next_one_is_sent() {
    let gate = Gate::new();
    let fake = FakeUpstream::start().await;
    fake.script(Script::stream().data(&json!(1)).wait(&gate).data(&json!(2)));
    let mut frames = open(&fake).await;
    assert_eq!(frames.next().await.unwrap().unwrap().data, "1");
    gate.open();
    assert_eq!(frames.next().await.unwrap().unwrap().data, "2");
    assert!(frames.next().await.is_none());
}

#[tokio::test]
async fn silence_in_the_middle_ends_with_the_idle_limit() {
    let fake = FakeUpstream::start().await;
    fake.script(Script::stream().data(&json!(1)).hang());
    let mut frames = open(&fake).await;
    frames.next().await.unwrap().unwrap();
    tokio::time::pause();
    let since = tokio::time::Instant::now();
    let error = frames.next().await.unwrap().unwrap_err();
    let UpstreamError::Idle { limit, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((*limit, error.code()), (LIMITS.idle, ErrorCode::Timeout));
    assert!(since.elapsed() <= LIMITS.idle + std::time::Duration::from_millis(1));
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_interrupted() {
    for (label, is_reset) in [("cut", false), ("reset", true)] {
        let gate = Gate::new();
        let fake = FakeUpstream::start().await;
        let begun = Script::stream().data(&json!(1)).wait(&gate);
        fake.script(if is_reset { begun.reset() } else { begun.cut() });
        let mut frames = open(&fake).await;
        frames.next().await.unwrap().unwrap();
        gate.open();
        let error = frames.next().await.unwrap().unwrap_err();
        assert!(
            matches!(error, UpstreamError::Interrupted { .. }),
            "{label}: {error:?}"
        );
        assert_eq!(error.code(), ErrorCode::Unavailable, "{label}");
        assert!(!error.to_string().contains("http://"), "{label}: {error}");
    }
}

#[tokio::test]
async fn an_event_without_end_is_given_up_at_the_limit() {
    let fake = FakeUpstream::start().await;
    let endless = Script::stream().raw("data: ").raw(vec![b'x'; 5 << 20]);
    fake.script(endless.split_at(64 << 10).hang());
    let mut frames = open(&fake).await;
    let error = frames.next().await.unwrap().unwrap_err();
    let UpstreamError::TooLarge { limit_bytes, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(limit_bytes, 4 << 20);
    drop(frames);
    fake.next_disconnect().await;
}

#[tokio::test]
async fn dropping_the_frames_closes_the_connection() {
    let fake = FakeUpstream::start().await;
    fake.script(Script::stream().data(&json!(1)).hang());
    let mut frames = open(&fake).await;
    frames.next().await.unwrap().unwrap();
    drop(frames);
    assert_eq!(fake.next_disconnect().await.body_bytes, "data: 1\n\n".len());
}

#[tokio::test]
async fn dropping_a_call_before_its_head_closes_the_connection() {
    let gate = Gate::new();
    let fake = FakeUpstream::start().await;
    fake.script(Script::text("never").held(&gate));
    let (client, destination) = (client(), destination(&url(&fake)));
    tokio::select! {
        posted = client.post(&destination, body()) => panic!("{posted:?}"),
        () = gate.reached() => {}
    }
    assert_eq!(fake.next_disconnect().await.body_bytes, 0);
}
