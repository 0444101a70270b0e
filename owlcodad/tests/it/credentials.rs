//! Keys for model servers: where they come from, and that no other ever gets there.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{Route, daemon, nothing};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

/// What a caller shows as its own.
const CALLERS_OWN: &str = "sk-callers-own";

fn credentials(upstream: &FakeUpstream) -> Value {
    json!({"deepseek": "sk-of-the-provider", upstream.url(): "sk-of-the-address"})
}

/// Calls `model` on both routes as somebody who shows a key of their own in every way; the keys that
/// the model server gets are the same each time.
async fn key_sent(
    daemon: &TestDaemon,
    upstream: &FakeUpstream,
    route_there: &str,
    model: &str,
) -> Option<String> {
    let bearer = format!("Bearer {CALLERS_OWN}");
    let shown: [&[(&str, &str)]; 3] = [
        &[("x-api-key", CALLERS_OWN)],
        &[("authorization", &bearer)],
        &[
            ("x-api-key", CALLERS_OWN),
            ("authorization", &bearer),
            ("api-key", CALLERS_OWN),
            ("cookie", CALLERS_OWN),
            ("anthropic-beta", "some-beta"),
        ],
    ];
    let mut keys = Vec::new();
    for route in Route::BOTH {
        for headers in shown {
            let body = route.ask(model).to_string();
            let answer = http::request("POST", &route.url(daemon), headers, body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let got = upstream.next_request_to(route_there).await;
            assert!(!format!("{got:?}").contains(CALLERS_OWN), "{got:?}");
            let bearer = got.header("authorization").map(str::to_owned);
            keys.push(bearer.or(got.header("x-api-key").map(str::to_owned)));
        }
    }
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys.remove(0)
}

#[tokio::test]
async fn each_model_server_gets_its_own_key_and_never_the_caller_s() {
    let (at_address, elsewhere) = (FakeUpstream::start().await, FakeUpstream::start().await);
    for upstream in [&at_address, &elsewhere] {
        upstream.always(Script::reply("ok"));
    }
    let at = |upstream: &FakeUpstream, more: Value| {
        let mut entry = json!({"endpoint": upstream.url()});
        entry
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        entry
    };
    let models = json!([
        at(&at_address, json!({"id": "by-address"})),
        at(
            &at_address,
            json!({"id": "by-address-first", "provider": "deepseek"})
        ),
        at(
            &at_address,
            json!({"id": "by-entry", "apiKey": "sk-of-the-entry"})
        ),
        at(
            &at_address,
            json!({"id": "by-variable", "apiKeyEnv": "MINE"})
        ),
        at(
            &elsewhere,
            json!({"id": "by-provider", "provider": "deepseek"})
        ),
        at(
            &elsewhere,
            json!({"id": "by-usual-variable", "provider": "openrouter"})
        ),
        at(&elsewhere, json!({"id": "none"})),
        at(
            &elsewhere,
            json!({"id": "none-for-custom", "provider": "custom"})
        ),
        at(
            &elsewhere,
            json!({"id": "none-for-kimi", "provider": "kimi"})
        ),
    ]);
    let daemon = daemon()
        .config(json!({"logLevel": "trace", "models": models}))
        .file(
            "credentials.json",
            &credentials(&at_address).to_string(),
            0o600,
        )
        .env("MINE", "sk-of-the-variable")
        .env("OPENROUTER_API_KEY", "sk-of-the-usual-variable")
        .env("DEEPSEEK_API_KEY", "sk-not-asked-for")
        .env("OPENAI_API_KEY", "sk-of-nobody")
        .start()
        .await;
    for (upstream, model, expected) in [
        (&at_address, "by-address", Some("sk-of-the-address")),
        (&at_address, "by-address-first", Some("sk-of-the-address")),
        (&at_address, "by-entry", Some("sk-of-the-entry")),
        (&at_address, "by-variable", Some("sk-of-the-variable")),
        (&elsewhere, "by-provider", Some("sk-of-the-provider")),
        (
            &elsewhere,
            "by-usual-variable",
            Some("sk-of-the-usual-variable"),
        ),
        (&elsewhere, "none", None),
        (&elsewhere, "none-for-custom", None),
        (&elsewhere, "none-for-kimi", None),
    ] {
        let expected = expected.map(|key| format!("Bearer {key}"));
        assert_eq!(
            key_sent(&daemon, upstream, CHAT, model).await,
            expected,
            "{model}"
        );
    }

    let mut said = crate::world::until("the warning in the log", async || {
        let said = daemon.stderr();
        said.contains("NO_KEY").then_some(said)
    })
    .await;
    for arguments in [
        &["status", "--json"],
        &["models", "--json"],
        &["audit", "--json"],
    ] {
        said.push_str(&owlctl(&daemon, arguments).await.stdout);
    }
    said.push_str(&http::get(&format!("{}/metrics", daemon.url())).await.text());
    assert!(!said.contains("sk-"), "{said}");
}

#[tokio::test]
async fn a_messages_server_gets_its_key_and_never_the_caller_s() {
    let upstream = FakeUpstream::start().await;
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "ok"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    });
    upstream.at(MESSAGES, Script::new().json(&message));
    let entry = |id: &str, server: &str| json!({"id": id, "endpoint": upstream.url(), "protocol": "anthropic", "server": server});
    let config = json!({"models": [entry("plain", "generic"), entry("vllm", "vllm")]});
    let with_key = daemon()
        .config(config.clone())
        .file(
            "credentials.json",
            &credentials(&upstream).to_string(),
            0o600,
        )
        .start()
        .await;
    let key = key_sent(&with_key, &upstream, MESSAGES, "plain").await;
    assert_eq!(key.as_deref(), Some("sk-of-the-address"));
    let key = key_sent(&with_key, &upstream, MESSAGES, "vllm").await;
    assert_eq!(key.as_deref(), Some("Bearer sk-of-the-address"));
    let without = daemon().config(config).start().await;
    for model in ["plain", "vllm"] {
        assert_eq!(
            key_sent(&without, &upstream, MESSAGES, model).await,
            None,
            "{model}"
        );
    }
}

#[tokio::test]
async fn a_file_with_keys_that_others_may_read_is_refused_in_one_sentence() {
    let refused = daemon()
        .config(nothing())
        .file("credentials.json", r#"{"openai": "sk-5ecret"}"#, 0o644)
        .try_start()
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    let said = &refused.stderr;
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    let expected = "holds keys and its mode 0644 opens it to others; run `chmod 600 ";
    assert!(lines[0].contains(expected), "{said}");
    assert!(!said.contains("sk-5ecret"), "{said}");
}

#[tokio::test]
async fn a_provider_that_there_is_not_is_refused_with_the_one_that_was_meant() {
    let config = json!({"models": [{"id": "m", "provider": "open-router"}]});
    let refused = daemon().config(config).try_start().await.unwrap_err();
    assert_eq!(refused.status.code(), Some(78));
    let expected = "`open-router` is not a provider; did you mean `openrouter`?";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
}
