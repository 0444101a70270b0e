//! What is kept of single calls: traces always, what was said only where that is asked for, and
//! nothing secret anywhere.

use std::os::unix::fs::PermissionsExt as _;

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{MODEL, Route, config, daemon, once, start, start_before, until, with};

async fn get(daemon: &TestDaemon, path: &str) -> Value {
    let answer = http::get(&format!("{}{path}", daemon.url())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn document(daemon: &TestDaemon, arguments: &[&str]) -> Value {
    let ended = owlctl(daemon, &[arguments, &["--json"]].concat()).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    ended.json()
}

/// Asks `text` and returns the call's name.
async fn ask(daemon: &TestDaemon, route: Route, text: &str) -> String {
    let mut body = route.ask(MODEL);
    body["messages"][0]["content"] = json!(text);
    let answer = http::post(&route.url(daemon), body.to_string()).await;
    answer.header("x-request-id").unwrap().to_owned()
}

fn capturing(upstream: &FakeUpstream, more: Value) -> Value {
    let captures = with(json!({"enabled": true}), more);
    with(config(upstream), json!({"captures": captures}))
}

fn body_of(message: &Value) -> &str {
    message["body"].as_str().unwrap()
}

#[tokio::test]
async fn what_was_said_is_kept_only_where_captures_are_on_and_at_once() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("Hello"));
    let daemon = start_before(&upstream).await;
    let id = ask(&daemon, Route::Chat, "said before").await;
    let off = get(&daemon, "/v1/captures").await;
    assert_eq!(
        (&off["enabled"], &off["captures"]),
        (&json!(false), &json!([]))
    );
    assert!(
        off["hint"].as_str().unwrap().contains("\"enabled\": true"),
        "{off}"
    );
    let answer = http::get(&format!("{}/v1/captures/{id}", daemon.url())).await;
    assert_eq!(answer.status, 404);
    assert!(
        answer.text().contains("captures are off"),
        "{}",
        answer.text()
    );
    let listed = owlctl(&daemon, &["captures", "list"]).await;
    let bare = owlctl(&daemon, &["captures"]).await;
    assert_eq!(
        (&bare.stdout, &bare.stderr),
        (&listed.stdout, &listed.stderr)
    );
    assert_eq!((listed.status, listed.stdout.as_str()), (Some(0), ""));
    assert!(listed.stderr.contains("captures are off"), "{listed:?}");
    assert_eq!(
        document(&daemon, &["inspect"]).await["capture"],
        Value::Null
    );

    daemon.write_config(once(capturing(&upstream, json!({}))));
    until("captures to be on", async || {
        (get(&daemon, "/v1/captures").await["enabled"] == true).then_some(())
    })
    .await;
    for route in Route::BOTH {
        let id = ask(&daemon, route, "said aloud").await;
        let whole = get(&daemon, &format!("/v1/captures/{id}")).await;
        assert_eq!(
            (&whole["id"], &whole["statusCode"]),
            (&json!(id), &json!(200))
        );
        let (caller, attempt) = (&whole["caller"], &whole["upstream"][0]);
        assert!(
            body_of(&caller["request"]).contains("said aloud"),
            "{whole}"
        );
        assert!(body_of(&caller["response"]).contains("Hello"), "{whole}");
        let line = format!("POST {}/chat/completions", upstream.url());
        assert_eq!(
            (&attempt["line"], &attempt["status"]),
            (&json!(line), &json!(200))
        );
        // Each side as it saw it: the model's name differs.
        assert!(
            body_of(&attempt["request"]).contains("vendor/small"),
            "{whole}"
        );
        assert!(body_of(&attempt["response"]).contains("Hello"), "{whole}");
        let shown = document(&daemon, &["captures", "show", &id]).await;
        assert_eq!(
            shown["caller"]["request"]["body"],
            caller["request"]["body"]
        );
        assert_eq!(
            shown["attempts"][0]["answer"]["body"],
            attempt["response"]["body"]
        );
    }
    // A stream, event by event, on both sides.
    let stream = Route::Messages.ask_stream(MODEL).to_string();
    let answer = http::post(&Route::Messages.url(&daemon), stream).await;
    let id = answer.header("x-request-id").unwrap().to_owned();
    let whole = get(&daemon, &format!("/v1/captures/{id}")).await;
    let theirs = body_of(&whole["upstream"][0]["response"]);
    assert!(theirs.ends_with("data: [DONE]\n\n"), "{whole}");
    let ours = body_of(&whole["caller"]["response"]);
    assert!(ours.starts_with("event: message_start\n"), "{whole}");
    assert_eq!(ours.matches("event: message_stop").count(), 1, "{whole}");

    // What failed says why.
    upstream.always(Script::error(500, "out of order"));
    let id = ask(&daemon, Route::Chat, "in vain").await;
    let text = owlctl(&daemon, &["inspect", &id]).await.stdout;
    for expected in [
        "first_token",
        "total",
        "in vain",
        "model server said: 500",
        "out of order",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    let list = get(&daemon, "/v1/captures?limit=2").await;
    assert_eq!(list["captures"].as_array().unwrap().len(), 2);
    assert_eq!(list["captures"][0]["id"], id);
    let stats = &list["stats"];
    assert_eq!(
        [
            &stats["totalExchanges"],
            &stats["errorRate"],
            &stats["modelBreakdown"]
        ],
        [&json!(4), &json!(0.25), &json!({"small": 4})]
    );
    assert_eq!(
        document(&daemon, &["captures", "clear"]).await["n_cleared"],
        4
    );
    assert_eq!(get(&daemon, "/v1/captures").await["captures"], json!([]));

    ask(&daemon, Route::Chat, "once more").await;
    daemon.write_config(once(config(&upstream)));
    until("captures to be off", async || {
        let list = get(&daemon, "/v1/captures").await;
        (list["enabled"] == false && list["stats"]["totalExchanges"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn captures_are_bounded_in_number_and_in_bytes() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("Hello"));
    let daemon = start(capturing(&upstream, json!({"maxEntries": 3}))).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(ask(&daemon, Route::Chat, &format!("question {n}")).await);
    }
    let list = get(&daemon, "/v1/captures").await;
    let listed = list["captures"].as_array().unwrap().iter();
    let listed: Vec<_> = listed
        .map(|capture| capture["id"].as_str().unwrap())
        .collect();
    let latest: Vec<_> = ids.iter().rev().take(3).collect();
    assert_eq!(listed, latest);

    let bounded = json!({"maxEntries": 100, "maxBytes": 65_536 * 4});
    daemon.write_config(once(capturing(&upstream, bounded)));
    until("the new limits", async || {
        let list = get(&daemon, "/v1/captures").await;
        (list["stats"]["maxEntries"] == 100).then_some(())
    })
    .await;
    let long = "long ".repeat(40_000);
    for _ in 0..5 {
        ids.push(ask(&daemon, Route::Chat, &long).await);
    }
    let list = get(&daemon, "/v1/captures").await;
    // Two parts of 64 KiB each: what the caller sent and what the model server got.
    assert_eq!(list["captures"].as_array().unwrap().len(), 1, "{list}");
    assert!(
        list["stats"]["currentBytes"].as_u64().unwrap() <= 65_536 * 4,
        "{list}"
    );
    let id = ids.last().unwrap();
    let whole = get(&daemon, &format!("/v1/captures/{id}")).await;
    let request = &whole["caller"]["request"];
    assert_eq!(
        (&request["truncated"], body_of(request).len()),
        (&json!(true), 65_536)
    );
    assert!(
        request["bodyBytes"].as_u64().unwrap() > 200_000,
        "{}",
        request["bodyBytes"]
    );
}

/// The phases of a trace, in their order.
fn phases(trace: &Value) -> Vec<&str> {
    let phases = trace["phases"].as_array().unwrap().iter();
    phases
        .map(|phase| phase["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_call_leaves_a_trace_of_where_its_time_went_and_nothing_of_what_was_said() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("a secret answer"));
    upstream.script(Script::error(503, "not yet"));
    let middleware = json!({"retryMaxAttempts": 1, "retryBaseDelayMs": 100, "rateLimitRpm": 0});
    let written = with(config(&upstream), json!({"middleware": middleware}));
    let mut traced = daemon()
        .config(written)
        .env("OWLCODA_TRACE", "1")
        .start()
        .await;
    let id = ask(&traced, Route::Messages, "a secret question").await;
    let body = Route::Chat.ask_stream(MODEL).to_string();
    let answer = http::post(&Route::Chat.url(&traced), body).await;
    let streamed = answer.header("x-request-id").unwrap().to_owned();

    let call = document(&traced, &["inspect", &id]).await;
    let trace = &call["trace"];
    assert_eq!(
        (&trace["request_id"], &trace["n_attempts"]),
        (&json!(id), &json!(2))
    );
    for phase in ["admit", "plan", "send", "first_token"] {
        assert!(phases(trace).contains(&phase), "{phase}: {trace}");
    }
    let times = trace["phases"].as_array().unwrap().iter();
    let sum: f64 = times.map(|phase| phase["secs"].as_f64().unwrap()).sum();
    assert!(
        (sum - trace["total_secs"].as_f64().unwrap()).abs() < 1e-4,
        "{trace}"
    );
    let latest = document(&traced, &["traces", "--limit", "1"]).await;
    assert_eq!(latest["traces"][0]["request_id"], streamed);
    assert!(phases(&latest["traces"][0]).contains(&"stream"), "{latest}");
    let slowest = document(&traced, &["traces", "--slowest"]).await;
    assert_eq!(slowest["traces"].as_array().unwrap().len(), 2, "{slowest}");
    let unknown = ["inspect", "req_00000000000000000000000000000000"];
    assert_eq!(owlctl(&traced, &unknown).await.status, Some(1));
    let wrong = owlctl(&traced, &["inspect", "nothing"]).await;
    assert!(wrong.stderr.contains("not an id"), "{wrong:?}");

    traced.terminate();
    assert_eq!(traced.wait_exit().await.code(), Some(0));
    let path = traced.home().join("trace/calls.jsonl");
    let mode = fs_err::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs_err::read_to_string(&path).unwrap();
    assert!(!text.contains("secret"), "{text}");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let ids: Vec<_> = lines
        .iter()
        .map(|line| line["request_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [&id, &streamed]);
    assert!(
        lines[0]["phases_us"]["send"].as_u64().unwrap() > 0,
        "{}",
        lines[0]
    );

    let plain = start_before(&upstream).await;
    ask(&plain, Route::Chat, "Hi").await;
    assert!(!plain.home().join("trace").exists(), "nobody asked for it");
    let refused = daemon().env("OWLCODA_TRACE", "perhaps").try_start().await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        refused.stderr.contains("OWLCODA_TRACE"),
        "{}",
        refused.stderr
    );
}

/// In a header of the configuration, its key, a variable of it, and what callers and servers send.
const CANARY: &str = "canary-4f1c9a7e2b";

#[tokio::test]
async fn a_secret_is_in_no_capture_log_trace_audit_or_metric() {
    let upstream = FakeUpstream::start().await;
    let leak = format!("bad key {CANARY} at https://u:{CANARY}@example.com/?k={CANARY}");
    // The server repeats what it was given, in its head, its error and its answers.
    upstream.always(Script::reply(&format!("your key is {CANARY}")));
    upstream.script(Script::error(401, &leak).header("x-echo", CANARY));
    upstream.script(Script::error(500, &leak));
    let model = json!({
        "id": MODEL, "endpoint": upstream.url(), "apiKey": format!("sk-{CANARY}"), "default": true,
        "headers": {"x-team": format!("{CANARY}-of-the-team")},
    });
    let runtime = json!({
        "name": "ours", "command": "/bin/false", "args": ["{port}"], "env": {"SECRET": CANARY},
    });
    let written = once(json!({
        "models": [model], "runtimes": [runtime], "captures": {"enabled": true}, "logLevel": "trace",
        "logFilePath": "log/all.log",
    }));
    let mut daemon = daemon()
        .config(written)
        .env("OWLCODA_TRACE", "1")
        .start()
        .await;
    let (bearer, cookie) = (format!("Bearer {CANARY}"), format!("session={CANARY}"));
    let note = format!("note {CANARY}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("cookie", &cookie),
        ("x-note", &note),
        ("content-type", "application/json"),
    ];
    for route in Route::BOTH {
        for mut body in [route.ask(MODEL), route.ask_stream(MODEL)] {
            body["messages"][0]["content"] = json!(format!("is {CANARY} my key?"));
            let url = format!("{}?key={CANARY}", route.url(&daemon));
            http::request("POST", &url, &headers, body.to_string()).await;
        }
    }
    let asked = upstream.next_request().await;
    let team = format!("{CANARY}-of-the-team");
    assert_eq!(asked.header("x-team"), Some(team.as_str()), "it is used");

    let list = get(&daemon, "/v1/captures").await;
    let captures = list["captures"].as_array().unwrap().clone();
    assert_eq!(captures.len(), 4, "{list}");
    let mut shown = vec![("captures", list.to_string())];
    for capture in &captures {
        let id = capture["id"].as_str().unwrap();
        let whole = get(&daemon, &format!("/v1/captures/{id}")).await;
        let body = body_of(&whole["caller"]["request"]);
        assert!(body.contains("is *** my key"), "{whole}");
        shown.push(("capture", whole.to_string()));
        shown.push(("inspect", owlctl(&daemon, &["inspect", id]).await.stdout));
    }
    for verb in ["audit", "logs", "traces", "status", "backends", "perf"] {
        let ended = owlctl(&daemon, &[verb, "--json"]).await;
        assert_eq!(ended.status, Some(0), "{ended:?}");
        shown.push((verb, ended.stdout));
    }
    let metrics = http::get(&format!("{}/metrics", daemon.url())).await;
    shown.push(("metrics", metrics.text()));
    daemon.terminate();
    assert_eq!(daemon.wait_exit().await.code(), Some(0));
    for file in ["log/all.log", "trace/calls.jsonl"] {
        let text = fs_err::read_to_string(daemon.home().join(file)).unwrap();
        assert!(!text.is_empty(), "{file}");
        shown.push((file, text));
    }
    shown.push(("stderr", daemon.stderr()));
    for (place, text) in shown {
        assert!(!text.contains(CANARY), "{place}: {text}");
    }
}
