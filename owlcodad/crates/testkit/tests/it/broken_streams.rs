//! Answers that break off, and peers that leave inside one.

use std::io::ErrorKind;

use owlcoda_testkit::{FakeUpstream, Gate, Script, http};
use serde_json::json;

fn completions(upstream: &FakeUpstream) -> String {
    format!("{}/chat/completions", upstream.url())
}

#[tokio::test]
async fn a_stream_stops_at_a_gate_and_goes_on_when_it_opens() {
    let gate = Gate::new();
    let upstream = FakeUpstream::start().await;
    let events = Script::stream()
        .data(&json!({"n": 1}))
        .wait(&gate)
        .data(&json!({"n": 2}));
    upstream.script(events.done());
    let mut stream = http::open_stream(&completions(&upstream), "{}").await;
    assert_eq!(stream.status, 200);
    let before = stream.until("\n\n").await;
    assert_eq!(before, b"data: {\"n\":1}\n\n");
    gate.reached().await;
    gate.open();
    let after = stream.rest().await.unwrap();
    assert_eq!(after, b"data: {\"n\":2}\n\ndata: [DONE]\n\n");
}

#[tokio::test]
async fn a_cut_stream_is_not_an_ended_one() {
    let upstream = FakeUpstream::start().await;
    upstream.script(Script::stream().raw("half").cut());
    let mut stream = http::open_stream(&completions(&upstream), "{}").await;
    assert_eq!(stream.until("half").await, b"half");
    let error = stream.next_chunk().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
}

#[tokio::test]
async fn a_reset_stream_is_a_reset_for_the_peer() {
    let gate = Gate::new();
    let upstream = FakeUpstream::start().await;
    upstream.script(Script::stream().raw("half").wait(&gate).reset());
    let mut stream = http::open_stream(&completions(&upstream), "{}").await;
    assert_eq!(stream.until("half").await, b"half");
    gate.open();
    let error = stream.next_chunk().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_cut() {
    let upstream = FakeUpstream::start().await;
    upstream.script(
        Script::new()
            .header("content-length", "9")
            .raw("half")
            .cut(),
    );
    let mut stream = http::open_stream(&completions(&upstream), "{}").await;
    assert_eq!(
        stream.rest().await.unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
}

#[tokio::test]
async fn verbatim_bytes_are_all_that_is_written() {
    let upstream = FakeUpstream::start().await;
    for bytes in [
        "",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ] {
        upstream.script(Script::verbatim(bytes));
        let authority = upstream.addr().to_string();
        let request = http::encode("POST", &authority, "/v1/chat/completions", &[], b"{}");
        let mut connection = http::raw(&authority, request).await;
        assert_eq!(connection.read_to_close().await.unwrap(), bytes.as_bytes());
    }
}

#[tokio::test]
async fn a_peer_that_leaves_inside_an_answer_is_noticed_however_it_leaves() {
    let upstream = FakeUpstream::start().await;
    for label in ["dropped", "reset", "half-closed"] {
        upstream.script(Script::stream().raw("12345").hang());
        let body = json!({ "label": label }).to_string();
        let mut stream = http::open_stream(&completions(&upstream), body).await;
        stream.until("12345").await;
        match label {
            "dropped" => drop(stream),
            "reset" => stream.rst(),
            _ => {
                stream.half_close().await;
                let error = stream.next_chunk().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
            }
        }
        let disconnect = upstream.next_disconnect().await;
        assert_eq!(disconnect.request.json()["label"], label);
        assert_eq!(disconnect.body_bytes, 5, "{label}");
    }
}

#[tokio::test]
async fn a_peer_that_leaves_before_the_head_is_noticed() {
    let gate = Gate::new();
    let upstream = FakeUpstream::start().await;
    upstream.script(Script::text("never").held(&gate));
    let authority = upstream.addr().to_string();
    let request = http::encode("POST", &authority, "/v1/chat/completions", &[], b"{}");
    let connection = http::raw(&authority, request).await;
    gate.reached().await;
    drop(connection);
    assert_eq!(upstream.next_disconnect().await.body_bytes, 0);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_noticed_when_it_leaves() {
    let upstream = FakeUpstream::start().await;
    // More than the sockets of both sides hold together.
    let n_bytes = 64 << 20;
    upstream.script(Script::stream().raw(vec![b'x'; n_bytes]).split_at(64 << 10));
    let stream = http::open_stream(&completions(&upstream), "{}").await;
    drop(stream);
    assert!(upstream.next_disconnect().await.body_bytes < n_bytes);
}

#[tokio::test]
async fn a_peer_that_leaves_between_answers_is_no_disconnect() {
    let upstream = FakeUpstream::start().await;
    upstream.script(Script::text("all of it"));
    http::post(&completions(&upstream), "{}").await;
    upstream.script(Script::stream().raw("part").hang());
    let mut stream = http::open_stream(&completions(&upstream), r#"{"second": true}"#).await;
    stream.until("part").await;
    drop(stream);
    // The first to be reported is the second request: the first peer left after its answer.
    assert_eq!(
        upstream.next_disconnect().await.request.json()["second"],
        true
    );
}
