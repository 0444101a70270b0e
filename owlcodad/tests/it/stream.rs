//! Streamed answers on their way: when they come, how they break, and who pays for a slow reader.

use owlcoda_testkit::{FakeUpstream, Gate, Script, http, sse};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{
    MODEL, Route, assert_lives, config, halting, start, start_before, streamed_text, until, with,
};

#[tokio::test]
async fn the_first_words_are_not_held_back_until_more_comes() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    for route in Route::BOTH {
        let gate = Gate::new();
        upstream.script(halting(&gate));
        let body = route.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&route.url(&daemon), body).await;
        assert_eq!(stream.status, 200);
        let mut bytes = stream.until("One").await;
        gate.reached().await;
        gate.open();
        bytes.extend(stream.rest().await.unwrap());
        assert_eq!(streamed_text(&bytes), "One two", "{route:?}");
    }
}

#[tokio::test]
async fn a_caller_that_leaves_ends_the_call_of_the_model_server_at_once() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let pid = daemon.pid();
    for route in Route::BOTH {
        let url = route.url(&daemon);
        let (authority, path) = http::split(&url);
        for (label, body) in [
            ("stream", route.ask_stream(MODEL)),
            ("whole", route.ask(MODEL)),
        ] {
            let gate = Gate::new();
            upstream.script(Script::reply("never").held(&gate));
            let request = http::encode("POST", authority, path, &[], body.to_string().as_bytes());
            let connection = http::raw(authority, request).await;
            gate.reached().await;
            drop(connection);
            let left = upstream.next_disconnect().await;
            assert_eq!(left.body_bytes, 0, "{route:?} {label} before the head");
        }

        let gate = Gate::new();
        upstream.script(halting(&gate));
        let body = route.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&url, body).await;
        stream.until("One").await;
        drop(stream);
        assert!(
            upstream.next_disconnect().await.body_bytes > 0,
            "{route:?} in the middle"
        );
    }
    let page = until("the audit to have all six", async || {
        let page = owlctl(&daemon, &["audit", "--json"]).await.json();
        (page["records"].as_array()?.len() == 6).then_some(page)
    });
    let page = page.await;
    let records = page["records"].as_array().unwrap();
    assert!(
        records
            .iter()
            .all(|record| record["outcome"] == "client_gone"),
        "{records:?}"
    );
    // Newest first; who left in the middle of an answer had its 200 already.
    let status: Vec<_> = records
        .iter()
        .map(|record| record["status"].as_u64().unwrap())
        .collect();
    assert_eq!(status, [200, 499, 499, 200, 499, 499]);
    assert_lives(&daemon, pid).await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_one_error_and_no_end_marker() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let begun = || Script::stream().delta(&json!({"role": "assistant", "content": "One"}));
    let breaks = [
        ("cut", begun().cut()),
        ("reset", begun().reset()),
        ("ended too early", begun()),
        ("not SSE", begun().raw(vec![b'x'; 5 << 20]).hang()),
        // Nothing more comes, and nobody waits for it.
        (
            "half a chunk",
            begun()
                .raw("data: {\"choices\":[{\"index\":0,\"delta\":{\"con\n\n")
                .hang(),
        ),
        (
            "an error of the server",
            begun()
                .data(&json!({"error": {"message": "out of memory"}}))
                .hang(),
        ),
    ];
    for route in Route::BOTH {
        for (label, script) in breaks.clone() {
            upstream.script(script);
            let body = route.ask_stream(MODEL).to_string();
            let mut stream = http::open_stream(&route.url(&daemon), body).await;
            assert_eq!(stream.status, 200, "{route:?} {label}");
            // The body as HTTP sees it is whole: what is wrong is said in it.
            let bytes = stream.rest().await.unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(streamed_text(&bytes), "One", "{route:?} {label}");
            assert!(!text.contains("message_stop"), "{route:?} {label}: {text}");
            assert!(!text.contains("[DONE]"), "{route:?} {label}: {text}");
            let errors: Vec<Value> = sse::events(&bytes)
                .iter()
                .filter(|(name, _)| route == Route::Chat || name.as_deref() == Some("error"))
                .filter_map(|(_, data)| serde_json::from_str(data).ok())
                .filter(|event: &Value| event["error"].is_object())
                .collect();
            let [error] = &errors[..] else {
                panic!("{route:?} {label}: one error in {text}");
            };
            let (_, message) = route.error(error);
            assert!(!message.is_empty(), "{route:?} {label}");
        }
    }
}

#[tokio::test]
async fn an_error_before_the_first_event_is_a_status_and_says_when_to_come_back() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    for route in Route::BOTH {
        for (sent, got, kind) in [
            (429, 429, "rate_limit_error"),
            (400, 400, "invalid_request_error"),
        ] {
            for body in [route.ask(MODEL), route.ask_stream(MODEL)] {
                let refusal = Script::error(sent, "come back later");
                upstream.script(refusal.header("retry-after", "17"));
                let answer = http::post(&route.url(&daemon), body.to_string()).await;
                assert_eq!(answer.status, got);
                assert_eq!(answer.header("retry-after"), Some("17"), "{route:?} {sent}");
                let (found, message) = route.error(&answer.json());
                assert_eq!(found, kind);
                assert!(message.contains("come back later"), "{message}");
            }
        }
        // It has begun an answer, and yet nothing of it was passed on.
        upstream.script(Script::stream().cut());
        let body = route.ask_stream(MODEL).to_string();
        let answer = http::post(&route.url(&daemon), body).await;
        assert_eq!(answer.status, 502, "{route:?}");
        route.error(&answer.json());
    }
}

#[tokio::test]
async fn a_model_server_that_is_not_there_is_a_502_and_one_that_comes_back_is_used() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    let address = upstream.addr();
    let (url, body) = (Route::Chat.url(&daemon), Route::Chat.ask(MODEL).to_string());
    assert_eq!(http::post(&url, &body).await.status, 200);
    upstream.stop().await;
    for route in Route::BOTH {
        let url = route.url(&daemon);
        let answer = http::post(&url, route.ask(MODEL).to_string()).await;
        assert_eq!(answer.status, 502);
        let (_, message) = route.error(&answer.json());
        assert!(message.contains(&address.to_string()), "{message}");
    }
    let upstream = FakeUpstream::start_at(address).await;
    upstream.always(Script::reply("ok"));
    assert_eq!(http::post(&url, &body).await.status, 200);
}

#[tokio::test]
async fn a_silent_stream_gets_signs_of_life_in_the_caller_s_dialect() {
    let upstream = FakeUpstream::start().await;
    let quick = json!({"server": {"pingIntervalMs": 100}});
    let daemon = start(with(config(&upstream), quick)).await;
    for (route, sign) in [
        (Route::Messages, "event: ping\n"),
        (Route::Chat, ": ping\n"),
    ] {
        let gate = Gate::new();
        upstream.script(halting(&gate));
        let body = route.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&route.url(&daemon), body).await;
        let mut bytes = stream.until("One").await;
        for _ in 0..2 {
            bytes.extend(stream.until(sign).await);
        }
        gate.open();
        bytes.extend(stream.rest().await.unwrap());
        assert_eq!(streamed_text(&bytes), "One two", "{route:?}");
        let pings: Vec<_> = sse::events(&bytes)
            .into_iter()
            .filter(|(name, _)| name.as_deref() == Some("ping"))
            .collect();
        match route {
            Route::Messages => {
                assert!(pings.len() >= 2);
                assert_eq!(pings[0].1, r#"{"type":"ping"}"#);
            }
            // A comment is no event.
            Route::Chat => assert_eq!(pings, []),
        }
    }
}

#[tokio::test]
async fn limits_on_a_silent_model_server_are_kept() {
    let upstream = FakeUpstream::start().await;
    for (key, script) in [
        ("firstTokenTimeoutMs", Script::stream().hang()),
        ("idleTimeoutMs", halting(&Gate::new())),
    ] {
        let quick = json!({"server": {key: 200}});
        let daemon = start(with(config(&upstream), quick)).await;
        upstream.script(script);
        let body = Route::Messages.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&Route::Messages.url(&daemon), body).await;
        let text = String::from_utf8(stream.rest().await.unwrap()).unwrap();
        let expected = if key == "idleTimeoutMs" { 200 } else { 504 };
        assert_eq!(stream.status, expected, "{key}: {text}");
        assert!(text.contains(r#""type":"error""#), "{key}: {text}");
        assert!(text.contains("0.2 s"), "{key}: {text}");
        upstream.next_disconnect().await;
    }
}

/// Resident memory of the daemon, in bytes.
#[cfg(target_os = "linux")]
fn resident(daemon: &owlcoda_testkit::TestDaemon) -> usize {
    let status = fs_err::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<usize>().unwrap() << 10
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_caller_that_does_not_read_slows_the_model_server_and_costs_no_memory() {
    const ANSWER_BYTES: usize = 64 << 20;
    const MOST_GROWTH_BYTES: usize = 24 << 20;

    let upstream = FakeUpstream::start().await;
    let other = FakeUpstream::start().await;
    other.always(Script::reply("ok"));
    let daemon = start(json!({"models": [
        {"id": MODEL, "endpoint": upstream.url()}, {"id": "other", "endpoint": other.url()},
    ]}))
    .await;
    let word = "x".repeat(16 << 10);
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": word}}]});
    let event = format!("data: {chunk}\n\n");
    let all = event.repeat(ANSWER_BYTES / event.len());
    for route in Route::BOTH {
        let end = Gate::new();
        let opening = Script::stream().delta(&json!({"role": "assistant", "content": "One"}));
        upstream.script(opening.raw(&all).split_at(64 << 10).wait(&end).hang());
        let before = resident(&daemon);
        let body = route.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&route.url(&daemon), body).await;
        stream.until("One").await;
        // Others are served meanwhile, and the flood has all the time to come in.
        for _ in 0..200 {
            let answer = http::post(&route.url(&daemon), route.ask("other").to_string()).await;
            assert_eq!(answer.status, 200);
        }
        let grown = resident(&daemon).saturating_sub(before);
        assert!(grown < MOST_GROWTH_BYTES, "{route:?}: {grown} bytes more");
        drop(stream);
        let left = upstream.next_disconnect().await;
        assert!(left.body_bytes < all.len(), "{route:?}: all was taken in");
    }
}
