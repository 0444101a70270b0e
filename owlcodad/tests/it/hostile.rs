//! What somebody sends who wants to break the daemon, byte by byte over a socket. Whatever it is, the
//! daemon answers it or hangs up, and serves everybody else.
//!
//! | attack | test |
//! | --- | --- |
//! | a body past the limit, declared or chunked | `a_caller_that_only_sends_can_still_read_why_its_body_is_too_large`, `refusals::a_body_larger_than_the_limit_is_a_413_however_it_is_sent` |
//! | a body that never comes, or byte by byte | `a_body_that_stops_coming_is_a_408`, `gateway`'s unit tests of `admit` |
//! | heads that never end, many at once | `many_unfinished_heads_are_closed_and_hold_nobody_up` |
//! | a reader that does not read | `a_caller_that_reads_nothing_more_is_cut_off`, `stream::a_caller_that_does_not_read_slows_the_model_server_and_costs_no_memory` |
//! | too many or too long fields, a long target | `a_head_past_the_limits_is_a_431_or_414` |
//! | two framings, none, folded lines, NUL | `a_request_framed_in_two_ways_is_never_taken_for_two` |
//! | chunks of impossible sizes, endless extensions and trailers | `a_chunked_body_that_makes_no_sense_is_a_400` |
//! | pipelined requests | `pipelined_requests_are_answered_in_order_and_one_at_a_time` |
//! | HTTP/2 from the first byte | `admission::a_caller_who_speaks_http2_is_told_that_this_is_http1` |
//! | JSON that is too deep, too long, not UTF-8 | `refusals::a_body_that_cannot_be_read_is_a_400_that_names_what_is_wrong`, `json_meant_to_hurt_is_refused_or_passed_on_as_one_and_the_same` |
//! | too much of one field, numbers out of range | `more_of_one_thing_than_a_request_may_have_is_a_400_by_name`, `wire`'s tests of limits |
//! | foreign hosts | `admission::each_kind_of_refusal_has_its_status_and_reason_and_the_connection_goes_on`, `gateway`'s unit tests of `source` |
//! | guessed tokens | `who_guesses_tokens_is_slowed_down_and_who_has_one_is_not` |
//! | another user of the machine | `admission::another_user_of_the_machine_is_refused_unless_it_has_the_token` |
//! | our own headers from outside | `headers_of_ours_are_believed_of_nobody` |
//! | a daemon that calls itself | `a_daemon_that_is_its_own_model_server_ends_the_circle` |

use owlcoda_testkit::{FakeUpstream, Gate, Script, TestDaemon, http};
use serde_json::json;

use crate::world::{
    MODEL, Route, assert_lives, config, metric, nothing, start, start_before, until, with,
};

fn authority(daemon: &TestDaemon) -> &str {
    http::split(daemon.url()).0
}

/// The head of a call with these fields, up to and with its empty line.
fn head(daemon: &TestDaemon, fields: &str) -> String {
    let host = authority(daemon);
    format!(
        "POST /v1/messages HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{fields}\r\n"
    )
}

/// Sends bytes that the daemon may not take in whole, and reads to the close of the connection.
async fn answers(daemon: &TestDaemon, bytes: &[u8]) -> String {
    let mut connection = http::Connection::open(authority(daemon)).await;
    let _ = connection.try_send(bytes).await;
    let all = connection.read_to_close().await.unwrap();
    String::from_utf8_lossy(&all).into_owned()
}

/// How many answers there are, and the status of the first.
fn count(answers: &str) -> (usize, &str) {
    let n_answers = answers.matches("HTTP/1.1 ").count();
    let status = answers
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    (n_answers, status.unwrap_or("none"))
}

#[tokio::test]
async fn a_caller_that_only_sends_can_still_read_why_its_body_is_too_large() {
    let small = json!({"middleware": {"maxRequestBodyBytes": 1024}});
    let daemon = start(with(nothing(), small)).await;
    let body = vec![b' '; 8 << 20];
    let length = format!("content-length: {}\r\n", body.len());
    for (label, fields, framed) in [
        ("declared", length.as_str(), body.clone()),
        (
            "chunked",
            "transfer-encoding: chunked\r\n",
            [b"800000\r\n", &body[..], b"\r\n0\r\n\r\n"].concat(),
        ),
    ] {
        let mut connection = http::raw(authority(&daemon), head(&daemon, fields)).await;
        // All of it is taken, though nothing of it is kept.
        connection.send(framed).await;
        let answer = connection.response().await;
        assert_eq!(answer.status, 413, "{label}");
        assert!(answer.text().contains("maxRequestBodyBytes"), "{label}");
        assert!(connection.read_to_close().await.unwrap().is_empty());
    }
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn a_body_that_stops_coming_is_a_408() {
    let quick = json!({"server": {"bodyTimeoutMs": 100}});
    let daemon = start(with(nothing(), quick)).await;
    for route in Route::BOTH {
        let url = route.url(&daemon);
        let (authority, path) = http::split(&url);
        for begun in ["", "{", "{\"model\": \"small\", "] {
            let length = [("content-length", "1000000")];
            let bytes = http::encode("POST", authority, path, &length, begun.as_bytes());
            let mut connection = http::raw(authority, bytes).await;
            let answer = connection.response().await;
            assert_eq!(answer.status, 408, "{route:?} {begun}");
            let (kind, message) = route.error(&answer.json());
            assert_eq!(kind, "invalid_request_error");
            assert!(message.contains("server.bodyTimeoutMs"), "{message}");
            assert!(connection.read_to_close().await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn many_unfinished_heads_are_closed_and_hold_nobody_up() {
    let quick = json!({"server": {"headerTimeoutMs": 1000}});
    let daemon = start(with(nothing(), quick)).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        slow.push(http::raw(authority(&daemon), "GET /health HTTP/1.1\r\nx-a: ").await);
    }
    for _ in 0..100 {
        let health = http::get(&format!("{}/health", daemon.url())).await;
        assert_eq!(health.status, 200);
    }
    for connection in &mut slow {
        let rest = connection.read_to_close().await.unwrap();
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
            "{rest:?}"
        );
    }
    drop(slow);
    until("the connections to end", async || {
        // The one that asks is there itself.
        (metric(&daemon, "owlcoda_http_connections ").await <= 1.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_reads_nothing_more_is_cut_off() {
    let upstream = FakeUpstream::start().await;
    let quick = json!({"server": {"writeTimeoutMs": 200}});
    let daemon = start(with(config(&upstream), quick)).await;
    let word = "x".repeat(64 << 10);
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": word}}]});
    let all = format!("data: {chunk}\n\n").repeat(512);
    for route in Route::BOTH {
        upstream.script(Script::stream().raw(&all).split_at(64 << 10).hang());
        let body = route.ask_stream(MODEL).to_string();
        let mut stream = http::open_stream(&route.url(&daemon), body).await;
        stream.until("xxx").await;
        // The caller is there and takes nothing.
        let left = upstream.next_disconnect().await;
        assert!(left.body_bytes < all.len(), "{route:?}");
        let ended = stream.rest().await;
        assert!(ended.is_err(), "{route:?}: the answer is whole");
    }
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn a_head_past_the_limits_is_a_431_or_414() {
    let daemon = start(nothing()).await;
    let host = authority(&daemon);
    let fields: String = "x-a: a\r\n".repeat(10_000);
    let long = "a".repeat(1 << 20);
    let target = "a".repeat(100 << 10);
    for (status, head) in [
        (
            "431",
            format!("GET /health HTTP/1.1\r\nhost: {host}\r\n{fields}\r\n"),
        ),
        (
            "431",
            format!("GET /health HTTP/1.1\r\nhost: {host}\r\nx: {long}\r\n\r\n"),
        ),
        (
            "414",
            format!("GET /{target} HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        ),
    ] {
        let got = answers(&daemon, head.as_bytes()).await;
        assert_eq!(count(&got), (1, status), "{got}");
    }
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn a_request_framed_in_two_ways_is_never_taken_for_two() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    let hidden = format!(
        "GET /hidden HTTP/1.1\r\nhost: {}\r\n\r\n",
        authority(&daemon)
    );
    let chunked = "transfer-encoding: chunked\r\n";
    let cases = [
        format!("content-length: 4\r\n{chunked}"),
        format!("{chunked}content-length: 4\r\n"),
        "content-length: 4\r\ncontent-length: 5\r\n".to_owned(),
        "content-length: 4, 4\r\n".to_owned(),
        "content-length: +4\r\n".to_owned(),
        "content-length: -1\r\n".to_owned(),
        "content-length: 18446744073709551616\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n".to_owned(),
        "transfer-encoding: gzip\r\n".to_owned(),
        "transfer-encoding: gzip, chunked\r\n".to_owned(),
        "transfer-encoding: chunked, chunked\r\n".to_owned(),
        format!("{chunked}{chunked}"),
        format!("{chunked}transfer-encoding: identity\r\n"),
        "x: a\r\n b\r\n".to_owned(),
        "x: a\0b\r\n".to_owned(),
        "x: a\rb\r\n".to_owned(),
        "x : a\r\n".to_owned(),
    ];
    for fields in cases {
        let request = format!("{}0\r\n\r\n{hidden}", head(&daemon, &fields));
        let got = answers(&daemon, request.as_bytes()).await;
        assert_eq!(count(&got), (1, "400"), "{fields:?}: {got}");
    }
    // Lines that end in LF alone may be taken as lines (RFC 9112, 2.2), but only all of them.
    let request = format!(
        "{}0\r\n\r\n{hidden}",
        head(&daemon, chunked).replace("\r\n", "\n")
    );
    let mut connection = http::raw(authority(&daemon), request).await;
    assert_eq!(connection.response().await.status, 400);
    let answer = connection.response().await;
    assert!(answer.text().contains("/hidden"), "{}", answer.text());
    assert_eq!(upstream.n_connections(), 0);
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn a_chunked_body_that_makes_no_sense_is_a_400() {
    let daemon = start(nothing()).await;
    let head = head(&daemon, "transfer-encoding: chunked\r\n");
    let hidden = format!(
        "GET /hidden HTTP/1.1\r\nhost: {}\r\n\r\n",
        authority(&daemon)
    );
    let extensions = format!("1;{}\r\n \r\n", "a".repeat(100)).repeat(10_000);
    let cases = [
        (
            "too large",
            "FFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n".to_owned(),
        ),
        ("negative", "-1\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("no number", "0x2\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("longer than said", "2\r\n{} \r\n0\r\n\r\n".to_owned()),
        (
            "a long extension",
            format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "a".repeat(1 << 20)),
        ),
        ("many extensions", format!("{extensions}0\r\n\r\n")),
        (
            "many trailers",
            format!("2\r\n{{}}\r\n0\r\n{}\r\n", "x: a\r\n".repeat(100_000)),
        ),
        ("half lines", "2\n{}\n0\n\n".to_owned()),
    ];
    for (label, body) in cases {
        let got = answers(&daemon, format!("{head}{body}{hidden}").as_bytes()).await;
        assert_eq!(count(&got), (1, "400"), "{label}: {got}");
        assert!(got.contains("framed"), "{label}: {got}");
    }
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_one_at_a_time() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const N_REQUESTS: usize = 10_000;
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let (gate, url) = (Gate::new(), Route::Chat.url(&daemon));
    upstream.script(Script::reply("first").held(&gate));
    upstream.always(Script::reply("later"));
    let (authority, path) = http::split(&url);
    let body = Route::Chat.ask(MODEL).to_string();
    let calls = http::encode("POST", authority, path, &[], body.as_bytes()).repeat(50);
    let mut connection = http::raw(authority, calls).await;
    gate.reached().await;
    let n_in_flight = metric(&daemon, "owlcoda_http_requests_in_flight ").await;
    assert!(n_in_flight <= 2.0, "{n_in_flight}, and the look is one");
    assert_eq!(upstream.requests().len(), 1);
    gate.open();
    for n in 0..50 {
        let answer = connection.response().await;
        let word = if n == 0 { "first" } else { "later" };
        assert!(answer.text().contains(word), "{n}: {}", answer.text());
    }

    let socket = tokio::net::TcpStream::connect(authority).await.unwrap();
    let (mut read, mut write) = socket.into_split();
    let request = |n: usize| {
        let last = if n + 1 == N_REQUESTS {
            "connection: close\r\n"
        } else {
            ""
        };
        format!("GET /nothing/{n}. HTTP/1.1\r\nhost: {authority}\r\n{last}\r\n")
    };
    let requests: String = (0..N_REQUESTS).map(request).collect();
    let mut got = String::new();
    let both = async {
        tokio::join!(
            write.write_all(requests.as_bytes()),
            read.read_to_string(&mut got)
        )
    };
    let both = tokio::time::timeout(owlcoda_testkit::DEADLINE, both).await;
    let (sent, read) = both.expect("the answers come in time");
    sent.unwrap();
    read.unwrap();
    let numbers = got.split("/nothing/").skip(1).map(|rest| {
        let number = rest.split('.').next().unwrap();
        number.parse::<usize>().unwrap()
    });
    assert!(numbers.eq(0..N_REQUESTS));
}

#[tokio::test]
async fn json_meant_to_hurt_is_refused_or_passed_on_as_one_and_the_same() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    let call = |content: &str, more: &str| {
        format!(
            r#"{{"model": "small", "messages": [{{"role": "user", "content": {content}}}]{more}}}"#
        )
        .into_bytes()
    };
    let tokens = r#", "max_tokens": 8"#;
    let with_tokens = |number: &str| call(r#""Hi""#, &format!(r#", "max_tokens": {number}"#));
    let mut bom = vec![0xEF, 0xBB, 0xBF];
    bom.extend(call(r#""Hi""#, tokens));
    let quoted = |bytes: &[u8]| {
        let body = call("\"@\"", tokens);
        let at = body.iter().position(|byte| *byte == b'@').unwrap();
        [&body[..at], bytes, &body[at + 1..]].concat()
    };
    let deep = format!(r#"{{"model": {}"#, "[".repeat(100_000));
    let empty = format!(r#"{{"messages": [{}[]]}}"#, "[],".repeat(1_000_000));
    let refused = [
        ("deep", deep.into_bytes()),
        (
            "deep objects",
            r#"{"messages":"#.repeat(50_000).into_bytes(),
        ),
        ("empty lists", empty.into_bytes()),
        ("1e400", with_tokens("1e400")),
        ("a long number", with_tokens(&"1".repeat(10 << 20))),
        ("NaN", with_tokens("NaN")),
        ("a byte-order mark", bom),
        ("a NUL", quoted(b"\0")),
        ("not UTF-8", quoted(b"\xff")),
        ("overlong", quoted(b"\xc0\xaf")),
        ("half a sequence", quoted(b"\xe2\x82")),
        ("a bare surrogate", quoted(b"\xed\xa0\x80")),
    ];
    for route in Route::BOTH {
        for (label, body) in &refused {
            let answer = http::post(&route.url(&daemon), body).await;
            assert_eq!(answer.status, 400, "{route:?} {label}: {}", answer.text());
            let (_, message) = route.error(&answer.json());
            assert!(message.len() < 500, "{route:?} {label}: {message}");
        }
        // Whichever of the two counts, it counts for all that look.
        let twice = String::from_utf8(call(r#""Hi""#, tokens)).unwrap();
        let twice = twice.replacen("\"small\"", r#""small", "model": "x""#, 1);
        let answer = http::post(&route.url(&daemon), twice).await;
        assert!(matches!(answer.status, 400 | 404), "{route:?} {answer:?}");
        assert_eq!(upstream.n_connections(), 0, "{route:?}");
    }
    for route in Route::BOTH {
        for (sent, passed) in [
            (r#""a\ud83e""#, "a\u{FFFD}"),
            (r#""\udd89b""#, "\u{FFFD}b"),
            (r#""\u0000""#, "\0"),
        ] {
            let body = call(sent, &format!(r#"{tokens}, "__proto__": {{"x": 1}}"#));
            let answer = http::post(&route.url(&daemon), body).await;
            assert_eq!(answer.status, 200, "{route:?} {sent}: {}", answer.text());
            let received = upstream.next_request().await;
            let content = received.json()["messages"][0]["content"].clone();
            assert_eq!(content, passed, "{route:?} {sent}");
        }
    }
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn more_of_one_thing_than_a_request_may_have_is_a_400_by_name() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let message = json!({"role": "user", "content": ""});
    let many = vec![message; 200_000];
    let tools = vec![json!({}); 10_000];
    let name = "n".repeat(1 << 20);
    for route in Route::BOTH {
        let (stops, tool) = match route {
            Route::Messages => ("stop_sequences", json!({"name": name, "input_schema": {}})),
            Route::Chat => (
                "stop",
                json!({"type": "function", "function": {"name": name}}),
            ),
        };
        for (field, value, named) in [
            ("messages", json!(many), "messages: has 200000"),
            ("tools", json!(tools), "tools: has 10000"),
            ("tools", json!([tool]), "name: has 1048576 bytes"),
            (stops, json!(vec!["x"; 10_000]), "has 10000 entries"),
            ("max_tokens", json!(-1), "max_tokens"),
            (
                "max_tokens",
                json!(1_u64 << 63),
                "max_tokens: must be at most 2147483647",
            ),
        ] {
            let body = with(route.ask(MODEL), json!({field: value}));
            let answer = http::post(&route.url(&daemon), body.to_string()).await;
            let (_, said) = route.error(&answer.json());
            assert_eq!(answer.status, 400, "{route:?} {field}: {said}");
            assert!(said.contains(named), "{route:?} {field}: {said}");
        }
    }
    assert_eq!(upstream.n_connections(), 0);
    assert_lives(&daemon, daemon.pid()).await;
}

#[tokio::test]
async fn who_guesses_tokens_is_slowed_down_and_who_has_one_is_not() {
    let config = json!({"auth": {"inference": "token", "data": "token"}, "logLevel": "trace"});
    let daemon = start(with(nothing(), config)).await;
    let token = fs_err::read_to_string(daemon.home().join("auth/token")).unwrap();
    let token = token.trim();
    let ask = async |path: &str, key: &str| {
        let url = format!("{}{path}", daemon.url());
        http::request("GET", &url, &[("x-api-key", key)], "").await
    };
    let mut n_slowed = 0;
    for n in 0..200 {
        let answer = ask("/v1/models", &format!("{n:064x}")).await;
        match answer.status {
            401 => assert_eq!(answer.header("www-authenticate"), Some("Bearer")),
            429 => {
                n_slowed += 1;
                let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!(wait >= 1, "{wait}");
                assert_eq!(answer.json()["error"]["type"], "rate_limit_error");
                assert!(answer.text().contains("auth/token"), "{}", answer.text());
            }
            status => panic!("{status}"),
        }
        // The right one passes at any time.
        assert_eq!(ask("/v1/models", token).await.status, 200);
    }
    assert!(n_slowed > 100, "{n_slowed}");
    let in_query = format!("/v1/models?token={token}&key={token}");
    let refused = http::get(&format!("{}{in_query}", daemon.url())).await;
    assert_eq!(refused.status, 401, "no token is no guess");
    assert!(!refused.text().contains(token));
    assert!(!daemon.stderr().contains(token), "a token was logged");
}

#[tokio::test]
async fn headers_of_ours_are_believed_of_nobody() {
    let upstream = FakeUpstream::start().await;
    let echo = Script::reply("ok").header("x-owlcoda-served-by", "evil");
    upstream.always(echo.header("x-owlcoda-secret", "evil"));
    let daemon = start_before(&upstream).await;
    let ours = [
        ("x-owlcoda-served-by", "evil"),
        ("x-owlcoda-secret", "evil"),
        ("x-owlcoda-hops", "not a number"),
        ("x-request-id", "req_evil"),
        ("request-id", "req_evil"),
    ];
    for route in Route::BOTH {
        for body in [route.ask(MODEL), route.ask_stream(MODEL)] {
            let url = route.url(&daemon);
            let answer = http::request("POST", &url, &ours, body.to_string()).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("x-owlcoda-served-by"), Some(MODEL));
            assert_eq!(answer.header("x-owlcoda-secret"), None);
            assert!(answer.header("request-id").unwrap() != "req_evil");
            let received = upstream.next_request().await;
            let passed: Vec<_> = received
                .headers
                .iter()
                .filter(|(name, _)| name.starts_with("x-owlcoda") || name.contains("request-id"))
                .collect();
            assert_eq!(passed, [("x-owlcoda-hops", "1")], "{route:?}");
        }
    }
}

#[tokio::test]
async fn a_daemon_that_is_its_own_model_server_ends_the_circle() {
    // A configuration that names the daemon's own port is refused; with port 0 it cannot be seen.
    let daemon = start(nothing()).await;
    let url = daemon.url().to_owned();
    for protocol in ["openai", "anthropic"] {
        daemon.write_config(json!({"models": [{
            "id": MODEL, "protocol": protocol, "endpoint": url,
        }]}));
        let reloaded = crate::process::owlctl(&daemon, &["reload"]).await;
        assert_eq!(reloaded.status, Some(0), "{reloaded:?}");
        for route in Route::BOTH {
            for body in [route.ask(MODEL), route.ask_stream(MODEL)] {
                let answer = http::post(&route.url(&daemon), body.to_string()).await;
                assert_eq!(answer.status, 508, "{route:?}: {}", answer.text());
                let (_, message) = route.error(&answer.json());
                assert!(message.contains("goes in a circle"), "{message}");
            }
            let hops = [("x-owlcoda-hops", "5")];
            let body = route.ask(MODEL).to_string();
            let answer = http::request("POST", &route.url(&daemon), &hops, body).await;
            assert_eq!(answer.status, 508);
            assert!(
                answer.json()["error"]["diagnostic"].is_null(),
                "no server was asked"
            );
        }
    }
    assert_lives(&daemon, daemon.pid()).await;
}
