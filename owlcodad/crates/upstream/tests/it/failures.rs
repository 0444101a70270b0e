//! Servers that are not there, do not answer, or answer with something else.

use std::time::Duration;

use owlcoda_config::Protocol;
use owlcoda_testkit::{FakeUpstream, Gate, Script};
use owlcoda_types::ErrorCode;
use owlcoda_upstream::{Destination, Limits, UpstreamError};

use crate::setup::{KEY, LIMITS, body, client, destination, url};

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_a_plain_reason() {
    let fake = FakeUpstream::start().await;
    let url = url(&fake);
    fake.stop().await;
    let error = client().post(&destination(&url), body()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Connect { .. }), "{error:?}");
    assert_eq!(error.code(), ErrorCode::Unavailable);
    let text = error.to_string();
    assert!(
        text.starts_with(&format!(
            "could not connect to `{}`: Connection refused",
            url.id()
        )),
        "{text}"
    );
    assert!(!text.contains("http"), "{text}");
}

#[tokio::test]
async fn silence_before_the_head_ends_with_the_first_token_limit() {
    let gate = Gate::new();
    let fake = FakeUpstream::start().await;
    fake.script(Script::text("too late").held(&gate));
    let (client, destination) = (client(), destination(&url(&fake)));
    let (posted, ()) = tokio::join!(client.post(&destination, body()), async {
        gate.reached().await;
        // From here on nothing moves but the clock.
        tokio::time::pause();
    });
    let error = posted.unwrap_err();
    let UpstreamError::FirstToken { limit, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (*limit, error.code()),
        (LIMITS.first_token, ErrorCode::Timeout)
    );
}

#[tokio::test]
async fn the_first_token_limit_is_one_for_head_and_body() {
    for script in [
        Script::new().header("content-length", "9"),
        Script::stream(),
    ] {
        let fake = FakeUpstream::start().await;
        fake.script(script.hang());
        let reply = client()
            .post(&destination(&url(&fake)), body())
            .await
            .unwrap();
        tokio::time::pause();
        let asked = tokio::time::Instant::now();
        let error = if reply.body.is_event_stream() {
            reply.body.frames().next().await.unwrap().unwrap_err()
        } else {
            reply.body.whole().await.unwrap_err()
        };
        assert!(
            matches!(error, UpstreamError::FirstToken { .. }),
            "{error:?}"
        );
        // The paused clock goes on in whole milliseconds.
        let most = LIMITS.first_token + Duration::from_millis(1);
        assert!(asked.elapsed() <= most, "{:?}", asked.elapsed());
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_sign_of_life_does_not_put_the_first_token_off() {
    let fake = FakeUpstream::start().await;
    fake.script(Script::stream().raw(": loading the model\n\n").hang());
    let limits = Limits {
        idle: LIMITS.first_token * 3,
        ..LIMITS
    };
    let destination = Destination::try_new(
        &url(&fake),
        Protocol::OpenAi,
        None,
        &std::collections::BTreeMap::new(),
        limits,
    )
    .unwrap();
    let mut frames = client()
        .post(&destination, body())
        .await
        .unwrap()
        .body
        .frames();
    let asked = tokio::time::Instant::now();
    let (frame, ()) = tokio::join!(frames.next(), async {
        // The comment is on its way; let the client take it in before the clock runs.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
    });
    let error = frame.unwrap().unwrap_err();
    assert!(
        matches!(error, UpstreamError::FirstToken { .. }),
        "{error:?}"
    );
    // The clock has stopped since, so the idle limit would show.
    assert!(asked.elapsed() < limits.idle, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn an_error_body_that_does_not_come_is_not_waited_for() {
    let fake = FakeUpstream::start().await;
    fake.script(
        Script::new()
            .status(503)
            .header("content-length", "9")
            .hang(),
    );
    let reply = client()
        .post(&destination(&url(&fake)), body())
        .await
        .unwrap();
    tokio::time::pause();
    let asked = tokio::time::Instant::now();
    assert!(reply.body.error_text().await.is_empty());
    assert!(asked.elapsed().as_secs() < 10, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn bytes_that_are_no_answer_are_an_error_without_a_url_or_a_key() {
    let cases = [
        ("nothing", ""),
        ("another protocol", "SSH-2.0-OpenSSH_9.6\r\n"),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-"),
        (
            "a bad length",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}",
        ),
    ];
    for (label, bytes) in cases {
        let fake = FakeUpstream::start().await;
        fake.script(Script::verbatim(bytes));
        let error = client()
            .post(&destination(&url(&fake)), body())
            .await
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            matches!(
                error,
                UpstreamError::Interrupted { .. } | UpstreamError::Protocol { .. }
            ),
            "{label}: {text}"
        );
        assert!(
            !text.contains(KEY) && !text.contains("/v1"),
            "{label}: {text}"
        );
    }
}

#[tokio::test]
async fn a_whole_answer_that_breaks_off_is_an_error_and_not_half_an_answer() {
    for script in [
        Script::new()
            .header("content-length", "9")
            .raw("half")
            .cut(),
        Script::stream().raw("half").cut(),
        Script::stream().raw("half").reset(),
    ] {
        let fake = FakeUpstream::start().await;
        fake.script(script);
        // A reset may come together with the head and take it along.
        let answer = match client().post(&destination(&url(&fake)), body()).await {
            Ok(reply) => reply.body.whole().await,
            Err(error) => Err(error),
        };
        let error = answer.unwrap_err();
        assert!(
            matches!(error, UpstreamError::Interrupted { .. }),
            "{error:?}"
        );
        assert_eq!(error.code(), ErrorCode::Unavailable);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_at_the_limit() {
    let fake = FakeUpstream::start().await;
    let n_bytes = 65 << 20;
    fake.script(Script::stream().raw(vec![b' '; n_bytes]).split_at(1 << 20));
    let reply = client()
        .post(&destination(&url(&fake)), body())
        .await
        .unwrap();
    let error = reply.body.whole().await.unwrap_err();
    let UpstreamError::TooLarge { limit_bytes, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(limit_bytes, 64 << 20);
    assert_eq!(error.code(), ErrorCode::BadUpstream);
}
