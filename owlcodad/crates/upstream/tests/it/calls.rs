//! What is sent, and what an answer looks like.

use std::collections::BTreeMap;
use std::time::Duration;

use owlcoda_config::Protocol;
use owlcoda_testkit::{FakeUpstream, Script};
use owlcoda_types::Secret;
use owlcoda_upstream::{Destination, DestinationError, KeyHeader};
use serde_json::json;

use crate::setup::{KEY, LIMITS, body, client, destination, url};

#[tokio::test]
async fn a_call_carries_its_body_its_key_and_the_headers_it_should() {
    let fake = FakeUpstream::start().await;
    fake.script(Script::text("hello"));
    let headers = BTreeMap::from([
        ("x-title".to_owned(), Secret::new("owl")),
        ("accept-encoding".to_owned(), Secret::new("gzip")),
    ]);
    let key = Secret::new(KEY);
    let destination = Destination::try_new(
        &url(&fake),
        Protocol::OpenAi,
        Some((KeyHeader::Bearer, &key)),
        &headers,
        LIMITS,
    )
    .unwrap();
    let reply = client().post(&destination, body()).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(!reply.body.is_event_stream());
    let answer: serde_json::Value =
        serde_json::from_slice(&reply.body.whole().await.unwrap()).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "hello");

    let received = fake.next_request().await;
    assert_eq!(received.body, body());
    let bearer = format!("Bearer {KEY}");
    let expected = [
        ("authorization", bearer.as_str()),
        // A configured one would get us answers that we cannot read.
        ("accept-encoding", "identity"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("x-title", "owl"),
    ];
    for (name, value) in expected {
        let sent: Vec<&str> = received.headers.all(name).collect();
        assert_eq!(sent, [value], "{name}");
    }
}

#[tokio::test]
async fn without_a_key_no_authorization_is_sent() {
    let fake = FakeUpstream::start().await;
    fake.script(Script::text("hello"));
    let destination = Destination::try_new(
        &url(&fake),
        Protocol::OpenAi,
        None,
        &BTreeMap::new(),
        LIMITS,
    )
    .unwrap();
    client().post(&destination, body()).await.unwrap();
    assert_eq!(fake.next_request().await.header("authorization"), None);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (fake, elsewhere) = (FakeUpstream::start().await, FakeUpstream::start().await);
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/chat/completions", elsewhere.url());
        fake.script(Script::new().status(status).header("location", &target));
        let reply = client().post(&destination(&url(&fake)), body()).await;
        assert_eq!(reply.unwrap().status, status);
    }
    assert_eq!(elsewhere.n_connections(), 0);
}

#[tokio::test]
async fn retry_after_is_read_where_it_is_in_seconds() {
    let fake = FakeUpstream::start().await;
    let cases = [
        ("7", Some(Duration::from_secs(7))),
        (" 120 ", Some(Duration::from_mins(2))),
        ("0", Some(Duration::ZERO)),
        ("-1", None),
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("99999999999999999999999", None),
    ];
    for (value, expected) in cases {
        fake.script(Script::error(429, "slow down").header("retry-after", value));
        let reply = client()
            .post(&destination(&url(&fake)), body())
            .await
            .unwrap();
        assert_eq!(
            (reply.status.as_u16(), reply.retry_after),
            (429, expected),
            "{value}"
        );
    }
}

#[tokio::test]
async fn an_error_body_is_read_up_to_what_we_look_at() {
    let fake = FakeUpstream::start().await;
    let small = "x".repeat(64 << 10);
    let large = "x".repeat((64 << 10) + 1);
    for (sent, expected) in [(&small, small.len()), (&large, 0)] {
        fake.script(Script::new().status(500).raw(sent));
        let reply = client()
            .post(&destination(&url(&fake)), body())
            .await
            .unwrap();
        assert_eq!(reply.body.error_text().await.len(), expected);
    }
    fake.script(Script::stream().status(500).raw("half").cut());
    let reply = client()
        .post(&destination(&url(&fake)), body())
        .await
        .unwrap();
    assert!(reply.body.error_text().await.is_empty());
}

#[tokio::test]
async fn an_answer_in_many_pieces_is_put_together() {
    let fake = FakeUpstream::start().await;
    let answer = json!({"text": "0123456789".repeat(1000)});
    fake.script(Script::new().json(&answer).split_at(777));
    let reply = client()
        .post(&destination(&url(&fake)), body())
        .await
        .unwrap();
    assert_eq!(reply.body.whole().await.unwrap(), answer.to_string());
}

#[tokio::test]
async fn the_connection_of_an_answer_that_was_read_is_used_again() {
    const N_CALLS: usize = 20;
    let fake = FakeUpstream::start().await;
    fake.always(Script::text_stream(&["a", "b"]));
    let (client, destination) = (client(), destination(&url(&fake)));
    for _ in 0..N_CALLS {
        let mut frames = client
            .post(&destination, body())
            .await
            .unwrap()
            .body
            .frames();
        while let Some(frame) = frames.next().await {
            frame.unwrap();
        }
    }
    // Now and then a call is faster than the connection comes back.
    let n_connections = fake.n_connections();
    assert!(
        n_connections < N_CALLS / 2,
        "{n_connections} for {N_CALLS} calls"
    );
}

#[test]
fn a_destination_with_an_unusable_header_names_it_and_not_its_value() {
    let secret = "sk-secret\r\nx: y";
    let here = "http://127.0.0.1:1".parse().unwrap();
    let cases = [
        (Some(Secret::new(secret)), BTreeMap::new(), "apiKey"),
        (
            None,
            BTreeMap::from([("x-api-key".to_owned(), Secret::new(secret))]),
            "x-api-key",
        ),
        (
            None,
            BTreeMap::from([("not a name".to_owned(), Secret::new("sk-secret"))]),
            "not a name",
        ),
    ];
    for (key, headers, expected) in cases {
        let key = key.as_ref().map(|key| (KeyHeader::Bearer, key));
        let error =
            Destination::try_new(&here, Protocol::OpenAi, key, &headers, LIMITS).unwrap_err();
        let DestinationError::Header { name } = &error else {
            panic!("{error}")
        };
        assert_eq!(name, expected);
        assert!(
            !format!("{error} {error:?}").contains("sk-secret"),
            "{error:?}"
        );
    }
}
