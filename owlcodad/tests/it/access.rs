//! The token of the HTTP API, the clients that watch, and what `owlctl` shows of metrics and
//! conversations.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::json;

use crate::process::{Ended, ended, owlctl, repl, said};
use crate::world::{MODEL, config, once, start_before, until, with};

/// The status of `GET /v1/models` with this token, where only a token opens.
async fn with_token(daemon: &TestDaemon, token: &str) -> u16 {
    let url = format!("{}/v1/models", daemon.url());
    let answer = http::request("GET", &url, &[("x-api-key", token)], "").await;
    answer.status
}

#[tokio::test]
async fn a_new_token_opens_at_once_and_the_one_before_for_its_grace() {
    let upstream = FakeUpstream::start().await;
    let auth = json!({"auth": {"inference": "token"}});
    let daemon = crate::world::start(with(once(config(&upstream)), auth)).await;
    let token = |ended: Ended| ended.stdout.trim().to_owned();
    let first = token(owlctl(&daemon, &["token", "show"]).await);
    let path = daemon.home().join("auth/token");
    assert_eq!(fs_err::read_to_string(&path).unwrap().trim(), first);
    assert_eq!(with_token(&daemon, &first).await, 200);

    let rotated = owlctl(&daemon, &["token", "rotate", "--grace", "1h"]).await;
    assert!(
        rotated.stderr.contains("opens for 1h 0m longer"),
        "{rotated:?}"
    );
    let second = token(rotated);
    assert_eq!(fs_err::read_to_string(&path).unwrap().trim(), second);
    assert_eq!(with_token(&daemon, &first).await, 200);
    assert_eq!(with_token(&daemon, &second).await, 200);

    let third = owlctl(&daemon, &["token", "rotate", "--grace", "0s", "--json"]).await;
    let third = third.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(with_token(&daemon, &second).await, 401);
    assert_eq!(with_token(&daemon, &third).await, 200);
    assert!(!daemon.stderr().contains(&third), "no log has it");
    let refused = owlctl(&daemon, &["token", "rotate", "--grace", "2d"]).await;
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert_eq!(with_token(&daemon, &third).await, 200);
}

#[tokio::test]
async fn a_detached_client_leaves_for_good_and_its_conversation_stays() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(Script::text("Hello."));
    let mut command = repl(&daemon, &[]);
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    crate::process::type_line(&mut child, "Hi").await;
    said(&mut child, "Hello.").await;
    let clients = owlctl(&daemon, &["clients", "--json"]).await.json();
    let clients = clients["clients"].as_array().unwrap().clone();
    assert_eq!(clients.len(), 1, "{clients:?}");
    assert_eq!(clients[0]["pid"], child.id().unwrap());
    assert_eq!(clients[0]["uid"], rustix::process::getuid().as_raw());

    let id = clients[0]["id"].to_string();
    let detached = owlctl(&daemon, &["clients", "detach", &id]).await;
    assert_eq!(detached.status, Some(0), "{detached:?}");
    let repl_ended = ended(child).await;
    assert_eq!(repl_ended.status, Some(4), "{repl_ended:?}");
    assert!(
        repl_ended.stderr.contains("owlctl clients detach"),
        "{repl_ended:?}"
    );
    until("the list to be empty", async || {
        let list = owlctl(&daemon, &["clients"]).await;
        list.stdout.is_empty().then_some(())
    })
    .await;
    let again = owlctl(&daemon, &["clients", "detach", &id]).await;
    assert_eq!(again.status, Some(1), "{again:?}");

    let list = owlctl(&daemon, &["sessions", "--json"]).await.json();
    assert_eq!(list["sessions"][0]["n_turns"], 1);
    let shown = owlctl(&daemon, &["sessions", "show", "last"]).await;
    assert!(shown.stdout.contains("\n> Hi\n\nHello.\n"), "{shown:?}");
    let exported = owlctl(&daemon, &["sessions", "export", "last"])
        .await
        .json();
    let kinds: Vec<_> = exported["events"].as_array().unwrap().iter().collect();
    assert!(
        kinds
            .iter()
            .any(|event| event["type"] == "answer" && event["text"] == "Hello.")
    );
    let missing = owlctl(&daemon, &["sessions", "show", "nobody"]).await;
    assert_eq!(
        (missing.status, missing.stdout.as_str()),
        (Some(1), ""),
        "{missing:?}"
    );
}

#[tokio::test]
async fn metrics_over_the_socket_are_those_that_are_scraped() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(Script::text("Hello."));
    let body = crate::world::Route::Messages.ask(MODEL).to_string();
    let url = crate::world::Route::Messages.url(&daemon);
    assert_eq!(http::post(&url, body).await.status, 200);
    let shown = owlctl(
        &daemon,
        &["metrics", "--grep", "owlcoda_upstream_requests_total{"],
    )
    .await;
    let scraped = http::get(&format!("{}/metrics", daemon.url())).await.text();
    assert_eq!(shown.status, Some(0), "{shown:?}");
    assert!(
        !shown.stdout.is_empty() && scraped.contains(&shown.stdout),
        "{shown:?}"
    );
}
