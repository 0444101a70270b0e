//! Each way in which a model call fails, from the model server's side, and what both kinds of
//! callers, the audit and the agent make of it.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http, sse};
use serde_json::{Value, json};

use crate::process::{owlctl, repl, run};
use crate::world::{MODEL, Route, config, nothing, start, start_before, until, with};

/// What a caller must see of one failure.
struct Expected {
    kind: &'static str,
    status: u16,
    is_retryable: bool,
    /// `rawCauseCode` and `syscall`.
    cause: (Option<&'static str>, Option<&'static str>),
}

const fn expected(kind: &'static str, status: u16, is_retryable: bool) -> Expected {
    Expected {
        kind,
        status,
        is_retryable,
        cause: (None, None),
    }
}

/// One model at an address where nothing good happens.
fn at(endpoint: &str) -> Value {
    json!({
        "discovery": {"enabled": false},
        "models": [{"id": MODEL, "endpoint": endpoint, "default": true,
            "headers": {"x-tenant": "s3cret-tenant"}, "apiKey": "sk-very-secret"}],
    })
}

/// Checks the diagnostic in an error body of `route`, and that nothing secret is in it.
fn check(route: Route, body: &Value, expected: &Expected, label: &str) {
    let (_, message) = route.error(body);
    let found = &body["error"]["diagnostic"];
    assert_eq!(found["kind"], expected.kind, "{label}: {body}");
    assert_eq!(found["retryable"], expected.is_retryable, "{label}: {body}");
    assert_eq!(found["model"], MODEL, "{label}: {body}");
    assert_eq!(found["message"], message, "{label}: {body}");
    let (code, syscall) = expected.cause;
    assert_eq!(found["rawCauseCode"].as_str(), code, "{label}: {body}");
    assert_eq!(found["syscall"].as_str(), syscall, "{label}: {body}");
    let detail = found["detail"].as_str().unwrap();
    assert!(!detail.is_empty(), "{label}: {body}");
    assert!(detail.chars().count() <= 180, "{label}: {body}");
    let provider = found["provider"].as_str().unwrap();
    assert!(!provider.contains('/'), "{label}: {body}");
    for secret in ["s3cret", "very-secret", "hidden-path"] {
        assert!(!body.to_string().contains(secret), "{label}: {body}");
    }
}

/// Asks over both routes, whole and streamed, and checks what comes back.
async fn check_everywhere(daemon: &TestDaemon, expected: &Expected, label: &str) {
    for route in Route::BOTH {
        for body in [route.ask(MODEL), route.ask_stream(MODEL)] {
            let answer = http::post(&route.url(daemon), body.to_string()).await;
            let label = format!("{label} {route:?} {body}");
            assert_eq!(answer.status, expected.status, "{label}");
            let error = answer.json();
            check(route, &error, expected, &label);
            let id = answer.header("request-id");
            assert_eq!(error["error"]["diagnostic"]["requestId"].as_str(), id);
            assert_eq!(answer.header("x-request-id"), id);
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_says_why() {
    let gone = FakeUpstream::start().await;
    let refusing = format!("{}/hidden-path", gone.url());
    gone.stop().await;
    let refused = Expected {
        cause: (Some("ECONNREFUSED"), Some("connect")),
        ..expected("connect_error", 502, true)
    };
    let daemon = start(at(&refusing)).await;
    check_everywhere(&daemon, &refused, "refused").await;

    let unknown = Expected {
        cause: (None, Some("getaddrinfo")),
        ..expected("dns_error", 502, true)
    };
    let daemon = start(at("http://nonexistent.invalid:9/hidden-path")).await;
    check_everywhere(&daemon, &unknown, "no such name").await;
}

#[tokio::test]
async fn a_server_without_tls_where_tls_is_configured_is_a_tls_error() {
    // It answers what it takes for a bad request, as every HTTP server does.
    let plain = start(nothing()).await;
    let daemon = start(at(&plain.url().replacen("http:", "https:", 1))).await;
    check_everywhere(&daemon, &expected("tls_error", 502, false), "plain").await;
}

#[tokio::test]
async fn a_connection_that_is_never_ready_is_a_timeout() {
    let mute = FakeUpstream::start().await;
    let limits = json!({"server": {"connectTimeoutMs": 100}});
    let endpoint = mute.url().replacen("http:", "https:", 1);
    let daemon = start(with(at(&endpoint), limits)).await;
    check_everywhere(&daemon, &expected("timeout", 504, true), "mute").await;
    assert!(mute.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_stays_silent_is_a_timeout() {
    let silent = FakeUpstream::start().await;
    silent.always(
        Script::by_mode(
            Script::new().header("content-length", "9"),
            Script::stream(),
        )
        .hang(),
    );
    let limits = json!({"server": {"firstTokenTimeoutMs": 100}});
    let daemon = start(with(config(&silent), limits)).await;
    check_everywhere(&daemon, &expected("timeout", 504, true), "silent").await;
}

#[tokio::test]
async fn a_refusal_of_the_server_keeps_its_status_and_the_servers_own_name_of_the_call() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let cases = [
        (400, 400, "http_4xx", false),
        (401, 401, "http_4xx", false),
        (429, 429, "http_4xx", true),
        (500, 500, "http_5xx", true),
        (503, 529, "http_5xx", true),
    ];
    for (sent, got, kind, is_retryable) in cases {
        let refusal = Script::error(sent, "no").header("retry-after", "7");
        upstream.always(
            refusal
                .header("cf-ray", "8f3a-FRA")
                .header("request-id", "up_1"),
        );
        check_everywhere(&daemon, &expected(kind, got, is_retryable), kind).await;
        for route in Route::BOTH {
            let answer = http::post(&route.url(&daemon), route.ask(MODEL).to_string()).await;
            let found = answer.json()["error"]["diagnostic"].clone();
            assert_eq!(found["status"], sent, "{found}");
            assert_eq!(found["upstreamRequestId"], "up_1", "{found}");
            assert_eq!(answer.header("retry-after"), Some("7"));
        }
    }
}

#[tokio::test]
async fn a_server_that_sends_our_key_back_as_its_name_of_the_call_is_not_quoted() {
    let upstream = FakeUpstream::start().await;
    let daemon = start(at(&upstream.url())).await;
    upstream.always(Script::error(500, "no").header("x-request-id", "sk-very-secret"));
    check_everywhere(&daemon, &expected("http_5xx", 500, true), "echo").await;
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_first_word_is_told_apart_from_one_within() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let before = Expected {
        cause: (Some("ECONNRESET"), Some("read")),
        ..expected("stream_interrupted_before_first_token", 502, true)
    };
    upstream.always(
        Script::by_mode(
            Script::new().header("content-length", "9"),
            Script::stream(),
        )
        .reset(),
    );
    check_everywhere(&daemon, &before, "before").await;

    let within = Expected {
        kind: "stream_interrupted",
        ..before
    };
    let begun = Script::stream().delta(&json!({"role": "assistant", "content": "One"}));
    for (script, expected) in [
        (begun.clone().reset(), within),
        (begun.clone(), expected("stream_interrupted", 200, true)),
        (
            begun.data(&json!({"error": {"message": "slow down", "code": 429}})),
            expected("http_4xx", 200, true),
        ),
    ] {
        upstream.always(script);
        for route in Route::BOTH {
            let body = route.ask_stream(MODEL).to_string();
            let mut stream = http::open_stream(&route.url(&daemon), body).await;
            assert_eq!(stream.status, 200);
            let bytes = stream.rest().await.unwrap();
            let last = sse::events(&bytes).pop().unwrap();
            let name = (route == Route::Messages).then_some("error");
            assert_eq!(last.0.as_deref(), name);
            let error: Value = serde_json::from_str(&last.1).unwrap();
            check(route, &error, &expected, "within");
        }
    }
}

#[tokio::test]
async fn the_audit_and_a_turn_of_the_agent_name_the_same_kind() {
    let gone = FakeUpstream::start().await;
    let refusing = gone.url();
    gone.stop().await;
    let daemon = start(at(&refusing)).await;
    let url = Route::Chat.url(&daemon);
    let answer = http::post(&url, Route::Chat.ask(MODEL).to_string()).await;
    assert_eq!(answer.status, 502);
    let said = run(repl(&daemon, &["-p", "Hi"])).await;
    assert!(said.stderr.contains("(connect_error)"), "{}", said.stderr);

    let page = until("the audit to have both", async || {
        let page = owlctl(&daemon, &["audit", "--json"]).await.json();
        (page["records"].as_array()?.len() == 2).then_some(page)
    });
    let page = page.await;
    for (record, route) in page["records"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["agent", "chat"])
    {
        assert_eq!(record["route"], route);
        assert_eq!(record["outcome"], "unavailable");
        assert_eq!(record["failure_kind"], "connect_error");
    }
}
