//! The daemon as its clients see it: `owlctl` before and after calls, conversations of `owl-repl`
//! that outlive the client, and what outlives the daemon.

use owlcoda_testkit::{FakeUpstream, Gate, Script, TestDaemon, http};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{Ended, ended, owlctl, owlctl_at, repl, run, said, signal};
use crate::world::{MODEL, Route, config, halting, start, start_before, until, with};

/// Waits until no call runs.
async fn quiet(daemon: &TestDaemon) {
    until("the calls to end", async || {
        let status = owlctl(daemon, &["status", "--json"]).await.json();
        (status["daemon"]["traffic"]["n_in_flight"] == 0).then_some(())
    })
    .await;
}

/// Waits for a page of the audit with `n_records`.
async fn audit(daemon: &TestDaemon, n_records: usize) -> Vec<Value> {
    until("the audit's records", async || {
        let page = owlctl(daemon, &["audit", "--json"]).await.json();
        let records = page["records"].as_array()?.clone();
        (records.len() == n_records).then_some(records)
    })
    .await
}

/// What the last conversation says to somebody who comes later.
async fn last(daemon: &TestDaemon) -> Ended {
    run(repl(daemon, &["--resume", "last"])).await
}

#[tokio::test]
async fn owlctl_tells_what_was_called_and_how_it_went() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(Script::reply("ok"));
    upstream.script(Script::reply("ok"));
    upstream.script(Script::error(500, "broken"));
    for (route, body, expected) in [
        (Route::Messages, Route::Messages.ask("mini"), 200),
        (Route::Chat, Route::Chat.ask_stream(MODEL), 200),
        (Route::Chat, Route::Chat.ask(MODEL), 500),
        (Route::Chat, Route::Chat.ask("unknown"), 404),
    ] {
        let answer = http::post(&route.url(&daemon), body.to_string()).await;
        assert_eq!(answer.status, expected);
    }
    let records = audit(&daemon, 4).await;
    let told = |name: &str| -> Vec<Value> {
        records
            .iter()
            .rev()
            .map(|record| record[name].clone())
            .collect()
    };
    assert_eq!(told("route"), ["messages", "chat", "chat", "chat"]);
    assert_eq!(told("dialect"), ["anthropic", "openai", "openai", "openai"]);
    assert_eq!(told("model_asked"), ["mini", "small", "small", "unknown"]);
    let none = Value::Null;
    assert_eq!(
        told("model_used"),
        [json!(MODEL), json!(MODEL), json!(MODEL), none]
    );
    assert_eq!(told("status"), [200, 200, 500, 404]);
    assert_eq!(
        told("outcome"),
        ["ok", "ok", "upstream_failed", "not_found"]
    );
    assert_eq!(told("is_stream"), [false, true, false, false]);
    for (record, n_output) in records.iter().rev().zip([2, 2, 0, 0]) {
        assert_eq!(record["usage"]["output_tokens"], n_output, "{record}");
        assert!(record["elapsed_secs"].as_f64().unwrap() > 0.0, "{record}");
    }

    let status = owlctl(&daemon, &["status", "--json"]).await;
    assert_eq!(status.status, Some(0));
    let status = status.json();
    let told = &status["daemon"];
    assert_eq!(told["pid"], daemon.pid());
    assert_eq!(told["http_url"], daemon.url());
    assert_eq!(told["traffic"]["n_calls"], 4, "{status}");
    assert_eq!(told["traffic"]["n_failed"], 2, "{status}");
    assert_eq!(told["traffic"]["usage"]["output_tokens"], 4, "{status}");
    assert_eq!(told["storage"]["n_audit_records"], 4, "{status}");
    assert_eq!(told["endpoints"][0]["state"], "down", "{status}");

    // The last call of its only server failed.
    let health = owlctl(&daemon, &["health", "--json"]).await;
    assert_eq!(
        (health.status, &health.json()["state"]),
        (Some(5), &json!("degraded"))
    );
    upstream.script(Script::reply("ok"));
    let body = Route::Chat.ask(MODEL).to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), body).await.status,
        200
    );
    let health = owlctl(&daemon, &["health", "--json"]).await;
    assert_eq!(
        (health.status, &health.json()["state"]),
        (Some(0), &json!("ok")),
        "{health:?}"
    );

    let models = owlctl(&daemon, &["models", "--json"]).await.json();
    let model = &models["models"][0];
    assert_eq!(
        (&model["id"], &model["aliases"]),
        (&json!(MODEL), &json!(["mini"]))
    );
    assert_eq!(
        (&model["is_default"], &model["source"]),
        (&json!(true), &json!("configured"))
    );
}

#[tokio::test]
async fn the_audit_survives_a_restart_and_can_be_paged() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let mut daemon = start_before(&upstream).await;
    for _ in 0..5 {
        let body = Route::Chat.ask(MODEL).to_string();
        http::post(&Route::Chat.url(&daemon), body).await;
    }
    let before = audit(&daemon, 5).await;
    daemon.restart().await;
    assert_eq!(audit(&daemon, 5).await, before);
    let first = owlctl(&daemon, &["audit", "--json", "--limit", "2"])
        .await
        .json();
    let next = first["next_before_seq"].to_string();
    let second = owlctl(&daemon, &["audit", "--json", "--before", &next])
        .await
        .json();
    let ids = |page: &Value| -> Vec<Value> {
        let records = page["records"].as_array().unwrap().iter();
        records.map(|record| record["request_id"].clone()).collect()
    };
    let all: Vec<Value> = before
        .iter()
        .map(|record| record["request_id"].clone())
        .collect();
    assert_eq!([ids(&first), ids(&second)].concat(), all);
    assert_eq!(second["next_before_seq"], Value::Null);
}

#[tokio::test]
async fn without_a_daemon_owlctl_ends_with_69() {
    let home = tempfile::tempdir().unwrap();
    for verb in ["status", "health", "models", "audit"] {
        let ended = owlctl_at(home.path(), &[verb, "--json"]).await;
        assert_eq!(ended.status, Some(69), "{verb}: {ended:?}");
    }
}

#[tokio::test]
async fn a_prompt_gets_its_answer_and_nothing_else_on_the_standard_output() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::text_stream(&["Hel", "lo"]));
    let daemon = start_before(&upstream).await;
    let answered = run(repl(&daemon, &["-p", "Say hello"])).await;
    assert_eq!(
        (answered.status, answered.stdout.as_str()),
        (Some(0), "Hello\n"),
        "{answered:?}"
    );
    let got = upstream.next_request().await.json();
    assert_eq!(got["model"], "vendor/small");
    assert_eq!(
        got["messages"][1],
        json!({"role": "user", "content": "Say hello"})
    );

    // A conversation goes on with what was said.
    let answered = run(repl(&daemon, &["--resume", "last", "-p", "Again"])).await;
    assert_eq!(
        (answered.status, answered.stdout.as_str()),
        (Some(0), "Hello\n"),
        "{answered:?}"
    );
    let got = upstream.next_request().await.json();
    let messages = got["messages"].as_array().unwrap().iter().skip(1);
    let said: Vec<_> = messages.map(|message| &message["content"]).collect();
    assert_eq!(said, ["Say hello", "Hello", "Again"]);
    let records = audit(&daemon, 2).await;
    assert_eq!(records[0]["route"], "agent");
    assert_eq!(records[0]["session_id"], records[1]["session_id"]);
    assert!(records[0]["session_id"].is_string(), "{records:?}");
}

#[tokio::test]
async fn an_answer_goes_on_without_its_client_and_is_shown_once_to_the_next() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let gate = Gate::new();
    upstream.script(halting(&gate));
    let mut client = repl(&daemon, &["-p", "Count"]).spawn().unwrap();
    said(&mut client, "One").await;
    client.kill().await.unwrap();
    // It is still asked for: a call that was given up would end here.
    gate.reached().await;
    let status = owlctl(&daemon, &["status", "--json"]).await.json();
    assert_eq!(status["daemon"]["traffic"]["n_in_flight"], 1, "{status}");
    gate.open();
    quiet(&daemon).await;
    assert_eq!(audit(&daemon, 1).await[0]["outcome"], "ok");
    let seen = last(&daemon).await;
    assert_eq!(seen.status, Some(0), "{seen:?}");
    assert_eq!(seen.stdout.matches("One two").count(), 1, "{seen:?}");
    assert_eq!(seen.stdout.matches("One").count(), 1, "{seen:?}");
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_client_that_comes_in_mid_answer_sees_all_of_it_once() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    let gate = Gate::new();
    upstream.script(halting(&gate));
    let mut first = repl(&daemon, &["-p", "Count"]).spawn().unwrap();
    said(&mut first, "One").await;
    let mut second = repl(&daemon, &["--resume", "last"]).spawn().unwrap();
    let mut seen = said(&mut second, "One").await;
    gate.open();
    let (first, second) = (ended(first).await, ended(second).await);
    assert_eq!(
        (first.status, second.status),
        (Some(0), Some(0)),
        "{first:?} {second:?}"
    );
    assert_eq!(first.stdout, " two\n");
    seen.push_str(&second.stdout);
    assert_eq!(seen.matches("One two").count(), 1, "{seen}");
    assert_eq!(seen.matches("One").count(), 1, "{seen}");
}

#[tokio::test]
async fn after_the_daemon_was_killed_the_conversation_is_there_and_its_turn_is_lost() {
    let upstream = FakeUpstream::start().await;
    let mut daemon = start_before(&upstream).await;
    upstream.script(Script::text_stream(&["Hello"]));
    assert_eq!(
        run(repl(&daemon, &["-p", "Say hello"])).await.status,
        Some(0)
    );
    let gate = Gate::new();
    upstream.script(halting(&gate));
    let mut client = repl(&daemon, &["--resume", "last", "-p", "Count"])
        .spawn()
        .unwrap();
    said(&mut client, "One").await;
    daemon.kill9().await;
    client.kill().await.unwrap();
    upstream.next_disconnect().await;

    daemon.restart().await;
    let seen = last(&daemon).await;
    assert_eq!(seen.status, Some(0), "{seen:?}");
    let all = format!("{}{}", seen.stdout, seen.stderr);
    for words in [
        "Say hello",
        "Hello",
        "Count",
        "the daemon ended during this answer",
    ] {
        assert_eq!(all.matches(words).count(), 1, "{words}: {seen:?}");
    }
    upstream.script(Script::text_stream(&["Fine"]));
    let answered = run(repl(&daemon, &["--resume", "last", "-p", "And now?"])).await;
    assert_eq!(
        (answered.status, answered.stdout.as_str()),
        (Some(0), "Fine\n"),
        "{answered:?}"
    );
}

#[tokio::test]
async fn a_client_waits_for_a_daemon_that_restarts_and_goes_on() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("Hello"));
    let mut daemon = start_before(&upstream).await;
    let mut command = repl(&daemon, &[]);
    command.stdin(std::process::Stdio::piped());
    let mut client = command.spawn().unwrap();
    for _ in 0..2 {
        crate::process::type_line(&mut client, "Hi").await;
        said(&mut client, "Hello").await;
        daemon.kill9().await;
        daemon.restart().await;
    }
    crate::process::type_line(&mut client, "Hi").await;
    said(&mut client, "Hello").await;
    drop(client.stdin.take());
    assert_eq!(ended(client).await.status, Some(0));
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn ctrl_c_ends_the_call_and_the_client_with_130() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(halting(&Gate::new()));
    let mut client = repl(&daemon, &["-p", "Count"]).spawn().unwrap();
    said(&mut client, "One").await;
    signal(client.id().unwrap(), Signal::INT);
    upstream.next_disconnect().await;
    let client = ended(client).await;
    assert_eq!(client.status, Some(130), "{client:?}");
    assert!(client.stderr.contains("interrupted"), "{client:?}");
    assert_eq!(audit(&daemon, 1).await[0]["outcome"], "client_gone");
}

#[tokio::test]
async fn a_turn_that_fails_says_why_and_ends_with_1() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(Script::error(429, "too many of you"));
    let client = run(repl(&daemon, &["-p", "Hi"])).await;
    assert_eq!(
        (client.status, client.stdout.as_str()),
        (Some(1), ""),
        "{client:?}"
    );
    assert!(client.stderr.contains("too many of you"), "{client:?}");
}

#[tokio::test]
async fn without_the_audit_nothing_is_recorded() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let off = json!({"audit": {"enabled": false}});
    let daemon = start(with(config(&upstream), off)).await;
    let body = Route::Chat.ask(MODEL).to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), body).await.status,
        200
    );
    quiet(&daemon).await;
    let status = owlctl(&daemon, &["status", "--json"]).await.json();
    assert_eq!(status["daemon"]["traffic"]["n_calls"], 1, "{status}");
    assert_eq!(
        status["daemon"]["storage"]["n_audit_records"], 0,
        "{status}"
    );
    let page = owlctl(&daemon, &["audit", "--json"]).await.json();
    assert_eq!(page["records"], json!([]));
}
