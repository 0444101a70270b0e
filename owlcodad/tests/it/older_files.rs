//! Files of older versions and of other programs: what they mean to a running daemon.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::world::{MODEL, Route, daemon, start, until};

async fn listed(daemon: &TestDaemon) -> Vec<String> {
    let list = http::get(&format!("{}/v1/models", daemon.url())).await;
    let list = list.json();
    let rows = list["data"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn ask(daemon: &TestDaemon, model: &str) -> Value {
    let body = Route::Chat.ask(model).to_string();
    let answer = http::post(&Route::Chat.url(daemon), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_map_of_names_and_a_default_of_older_files_route_as_they_did() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    for (is_reversed, answered) in [(json!(null), "claude-opus"), (json!(false), "vendor/big")] {
        let daemon = start(json!({
            "routerUrl": upstream.url(), "defaultModel": "claude-haiku",
            "modelMap": {"claude-opus": "vendor/big", "claude-haiku": "vendor/small"},
            "reverseMapInResponse": is_reversed,
        }))
        .await;
        assert_eq!(listed(&daemon).await, ["vendor/big", "vendor/small"]);
        assert_eq!(ask(&daemon, "claude-opus").await["model"], answered);
        assert_eq!(upstream.next_request().await.json()["model"], "vendor/big");
        ask(&daemon, "default").await;
        assert_eq!(
            upstream.next_request().await.json()["model"],
            "vendor/small"
        );
    }
}

#[tokio::test]
async fn model_servers_of_older_files_are_looked_for() {
    let upstream = FakeUpstream::start().await;
    upstream.models(&["found"]);
    let daemon = start(json!({
        "backends": [{"type": "vllm", "baseUrl": upstream.url()}], "discovery": {"enabled": true},
    }))
    .await;
    assert_eq!(listed(&daemon).await, ["found"]);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_says_so() {
    let refused = daemon()
        .config(json!({"configVersion": 1000}))
        .try_start()
        .await
        .unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        refused.stderr.contains("NEWER_CONFIG"),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn a_local_server_is_spoken_to_as_the_file_or_the_variable_says() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::error(400, "seen"));
    let case = async |top: &str, of_model: Value, variable: &str| {
        let daemon = daemon()
            .config(json!({
                "routerUrl": upstream.url(), "localRuntimeProtocol": top,
                "models": [{"id": MODEL, "default": true, "localRuntimeProtocol": of_model}],
            }))
            .env("OWLCODA_LOCAL_RUNTIME_PROTOCOL", variable)
            .start()
            .await;
        let body = Route::Messages.ask(MODEL).to_string();
        http::post(&Route::Messages.url(&daemon), body).await;
        upstream.requests().last().unwrap().route().to_owned()
    };
    let (chat, messages) = ("/v1/chat/completions", "/v1/messages");
    assert_eq!(case("auto", json!(null), "").await, chat);
    assert_eq!(case("anthropic_messages", json!(null), "").await, messages);
    assert_eq!(
        case("openai_chat", json!(null), "anthropic_messages").await,
        messages
    );
    assert_eq!(
        case("openai_chat", json!("anthropic_messages"), "").await,
        messages
    );
}

#[tokio::test]
async fn a_catalog_gives_the_models_and_is_read_anew_when_it_changes() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let catalog = |id: &str| {
        json!({"models": [{"id": "other"}, {"id": id, "channel": "stable"}],
            "default_model": id, "aliases": {"mini": {"target": id}}})
        .to_string()
    };
    let daemon = daemon()
        .config(json!({"routerUrl": upstream.url()}))
        .file("catalog.json", &catalog("one"), 0o600)
        .start()
        .await;
    assert_eq!(listed(&daemon).await, ["other", "one"]);
    for name in ["mini", "default"] {
        ask(&daemon, name).await;
        assert_eq!(upstream.next_request().await.json()["model"], "one");
    }
    fs_err::write(daemon.home().join("catalog.json"), catalog("two")).unwrap();
    until("the new catalog", async || {
        (listed(&daemon).await == ["other", "two"]).then_some(())
    })
    .await;
    // A configuration that names models needs none.
    daemon.write_config(json!({"models": [{"id": MODEL, "endpoint": upstream.url()}]}));
    until("the configuration's models", async || {
        (listed(&daemon).await == [MODEL]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_catalog_of_the_variable_is_the_one_and_must_be_good() {
    let upstream = FakeUpstream::start().await;
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = directory.path().join("models.json");
    let begin = || {
        daemon()
            .config(json!({"routerUrl": upstream.url()}))
            .file("catalog.json", r#"{"models": [{"id": "home"}]}"#, 0o600)
            .env("OWLCODA_CATALOG_PATH", elsewhere.clone())
            .try_start()
    };
    for (text, code) in [
        (None, "FILE_NOT_FOUND"),
        (Some("{"), "INVALID_JSON"),
        (Some("{}"), "BAD_CATALOG"),
    ] {
        if let Some(text) = text {
            fs_err::write(&elsewhere, text).unwrap();
        }
        let refused = begin().await.unwrap_err();
        assert_eq!(refused.status.code(), Some(78), "{refused}");
        assert!(refused.stderr.contains(code), "{refused}");
        assert!(refused.stderr.contains("models.json"), "{refused}");
    }
    fs_err::write(&elsewhere, r#"{"models": [{"id": "elsewhere"}]}"#).unwrap();
    let daemon = begin().await.unwrap();
    assert_eq!(listed(&daemon).await, ["elsewhere"]);
}

#[tokio::test]
async fn a_daemon_that_would_ask_itself_does_not_start() {
    let refused = daemon()
        .config(json!({"port": 18_019, "routerUrl": "http://localhost:18019/v1"}))
        .try_start()
        .await
        .unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    assert!(refused.stderr.contains("PORT_CONFLICT"), "{refused}");
}
