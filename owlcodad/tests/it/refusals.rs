//! Requests that get no answer of a model: each is told why in its own dialect, and the daemon
//! serves on.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::json;

use crate::process::owlctl;
use crate::world::{MODEL, Route, assert_lives, config, start, start_before, until, with};

/// The greatest body that is taken without a configuration of its own, in bytes.
const MAX_BODY_BYTES: usize = 32 << 20;

const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// What somebody who speaks the dialect of `route` puts into a head.
fn headers(route: Route) -> Vec<(&'static str, &'static str)> {
    match route {
        Route::Messages => vec![VERSION],
        Route::Chat => Vec::new(),
    }
}

#[tokio::test]
async fn a_name_that_no_model_has_is_a_404_with_the_names_that_look_like_it() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    for (route, kind) in [
        (Route::Messages, "not_found_error"),
        (Route::Chat, "invalid_request_error"),
    ] {
        for body in [route.ask("smell"), route.ask_stream("smell")] {
            let answer = http::post(&route.url(&daemon), body.to_string()).await;
            assert_eq!(answer.status, 404);
            let (found, message) = route.error(&answer.json());
            assert_eq!(found, kind);
            assert!(message.contains("`smell`"), "{message}");
            assert!(message.contains(MODEL), "{message}");
        }
    }
    assert_eq!(upstream.n_connections(), 0);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_400_that_names_what_is_wrong() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let pid = daemon.pid();
    let deep = format!(r#"{{"model": "small", "messages": {}"#, "[".repeat(100_000));
    // The type comes last, so that each block has to be put aside until it is known what it is.
    let (open, close) = (
        r#"[{"tool_use_id": "a", "content": "#,
        r#", "type": "tool_result"}]"#,
    );
    let (open, close) = (open.repeat(20_000), close.repeat(20_000));
    let blocks = format!(
        r#"{{"model": "small", "max_tokens": 1, "messages": [{{"role": "user", "content": {open}""{close}}}]}}"#
    );
    let cases = [
        ("empty", "", ""),
        ("not JSON", "{\"model\": ", ""),
        ("not an object", "[]", ""),
        ("not UTF-8", "{\"model\": \"\u{0}", ""),
        ("deep", deep.as_str(), ""),
        ("blocks in blocks", blocks.as_str(), "127 deep"),
        (
            "no messages",
            r#"{"model": "small", "max_tokens": 1}"#,
            "messages",
        ),
        (
            "no model",
            r#"{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}"#,
            "model",
        ),
        (
            "messages of a wrong kind",
            r#"{"model": "small", "messages": 7, "max_tokens": 1}"#,
            "messages",
        ),
        (
            "no message",
            r#"{"model": "small", "messages": [], "max_tokens": 1}"#,
            "messages",
        ),
    ];
    for route in Route::BOTH {
        for (label, body, named) in cases {
            let answer = http::post(&route.url(&daemon), body).await;
            assert_eq!(answer.status, 400, "{route:?} {label}: {}", answer.text());
            let (kind, message) = route.error(&answer.json());
            assert_eq!(kind, "invalid_request_error", "{route:?} {label}");
            assert!(message.contains(named), "{route:?} {label}: {message}");
            assert!(message.len() < 500, "{route:?} {label}: {message}");
        }
    }
    assert_lives(&daemon, pid).await;
    assert_eq!(upstream.n_connections(), 0);
}

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_a_415() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    for route in Route::BOTH {
        let (url, body) = (route.url(&daemon), route.ask(MODEL).to_string());
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonx",
            "",
        ] {
            let answer = http::request("POST", &url, &[("content-type", kind)], &body).await;
            assert_eq!(answer.status, 415, "{route:?} {kind}");
            let (_, message) = route.error(&answer.json());
            assert!(message.contains("application/json"), "{message}");
        }
        assert_eq!(upstream.requests().len(), usize::from(route == Route::Chat));
        let kind = [("content-type", "Application/JSON; charset=utf-8")];
        assert_eq!(http::request("POST", &url, &kind, &body).await.status, 200);
    }
}

#[tokio::test]
async fn a_path_that_is_not_served_is_a_404_and_a_method_that_is_not_taken_a_405() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    for route in Route::BOTH {
        let url = format!("{}/v1/nothing", daemon.url());
        let answer = http::request("POST", &url, &headers(route), "{}").await;
        assert_eq!(answer.status, 404);
        let (_, message) = route.error(&answer.json());
        assert!(message.contains("/v1/nothing"), "{message}");
        assert!(message.contains("/v1/messages"), "{message}");

        // The path alone tells the dialect here.
        let answer = http::get(&route.url(&daemon)).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header("allow"), Some("POST"));
        let (_, message) = route.error(&answer.json());
        assert!(message.contains("POST"), "{message}");

        let models = format!("{}/v1/models", daemon.url());
        let answer = http::request("DELETE", &models, &headers(route), "").await;
        assert_eq!(answer.status, 405);
        let (_, message) = route.error(&answer.json());
        assert!(message.contains("DELETE"), "{message}");
    }
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_a_413_however_it_is_sent() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let pid = daemon.pid();
    for route in Route::BOTH {
        let declared = vec![b' '; MAX_BODY_BYTES + 1];
        let answer = http::post(&route.url(&daemon), declared).await;
        assert_too_large(route, &answer, MAX_BODY_BYTES);

        let answer = post_chunked(&daemon, route, MAX_BODY_BYTES + 1).await;
        assert_too_large(route, &answer, MAX_BODY_BYTES);
    }
    assert_lives(&daemon, pid).await;
}

#[tokio::test]
async fn the_limit_of_a_body_is_configured_and_a_body_of_its_size_passes() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut body = Route::Chat.ask(MODEL).to_string();
    // The least limit that can be set is 1 KiB.
    body.extend(std::iter::repeat_n(' ', 1024));
    let limit = json!({"middleware": {"maxRequestBodyBytes": body.len()}});
    let daemon = start(with(config(&upstream), limit)).await;
    let url = Route::Chat.url(&daemon);
    assert_eq!(http::post(&url, &body).await.status, 200);
    let answer = http::post(&url, format!("{body} ")).await;
    assert_too_large(Route::Chat, &answer, body.len());
}

#[tokio::test]
async fn a_refused_request_is_recorded_like_every_other() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    for route in Route::BOTH {
        let answer = http::post(&route.url(&daemon), "{").await;
        assert_eq!(answer.status, 400);
    }
    let page = until("the audit to have both", async || {
        let page = owlctl(&daemon, &["audit", "--json", "--errors"])
            .await
            .json();
        (page["records"].as_array()?.len() == 2).then_some(page)
    });
    let page = page.await;
    for (record, route) in page["records"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["chat", "messages"])
    {
        assert_eq!(record["route"], route);
        assert_eq!(record["status"], 400);
        assert_eq!(record["outcome"], "invalid_request");
        assert_eq!(record["n_attempts"], 0);
    }
}

fn assert_too_large(route: Route, answer: &http::Response, limit: usize) {
    assert_eq!(answer.status, 413, "{route:?}");
    let (kind, message) = route.error(&answer.json());
    if route == Route::Messages {
        assert_eq!(kind, "request_too_large");
    }
    assert!(message.contains(&limit.to_string()), "{message}");
    assert!(message.contains("maxRequestBodyBytes"), "{message}");
}

/// Posts `n_bytes` blanks without saying how many will come.
async fn post_chunked(daemon: &TestDaemon, route: Route, n_bytes: usize) -> http::Response {
    let url = route.url(daemon);
    let (authority, path) = http::split(&url);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    let mut connection = http::raw(authority, head).await;
    let piece = vec![b' '; 1 << 20];
    let mut left = n_bytes;
    while left > 0 {
        let n = left.min(piece.len());
        let mut chunk = format!("{n:x}\r\n").into_bytes();
        chunk.extend_from_slice(&piece[..n]);
        chunk.extend_from_slice(b"\r\n");
        left -= n;
        // The daemon may answer and close before it has everything.
        if connection.try_send(&chunk).await.is_err() {
            break;
        }
    }
    let ended = connection.try_send(b"0\r\n\r\n").await;
    let answer = connection.try_response().await;
    answer.unwrap_or_else(|error| panic!("{error}; the end: {ended:?}"))
}
