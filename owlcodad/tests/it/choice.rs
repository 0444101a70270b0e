//! Which model answers a caller that leaves the choice to the daemon.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::world::{Route, start, with};

/// A quick and a strong model on one server; the quick one is the default.
fn config(upstream: &FakeUpstream, more: Value) -> Value {
    let models = json!({"models": [
        {"id": "quick", "tier": "fast", "endpoint": upstream.url(), "default": true},
        {"id": "strong", "tier": "heavy", "endpoint": upstream.url()},
    ]});
    with(models, more)
}

fn about(route: Route, model: &str, text: &str) -> String {
    let mut body = route.ask(model);
    body["messages"][0]["content"] = json!(text);
    body.to_string()
}

/// The model that answers, and what it was chosen for.
async fn answered(daemon: &TestDaemon, route: Route, body: String) -> (String, Option<String>) {
    let answer = http::post(&route.url(daemon), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let intent = answer.header("x-owlcoda-intent").map(str::to_owned);
    (answer.json()["model"].as_str().unwrap().to_owned(), intent)
}

#[tokio::test]
async fn with_intent_routing_a_call_for_the_default_goes_to_the_tier_that_suits() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let on = json!({"middleware": {"intentRouting": true, "rateLimitRpm": 0}});
    let daemon = start(config(&upstream, on)).await;
    let off = start(config(&upstream, json!({}))).await;
    for route in Route::BOTH {
        let code = || about(route, "default", "Please refactor this function.");
        let strong = ("strong".to_owned(), Some("code 0.60".to_owned()));
        assert_eq!(answered(&daemon, route, code()).await, strong, "{route:?}");
        let quick = ("quick".to_owned(), None);
        assert_eq!(answered(&off, route, code()).await, quick, "{route:?}");
        let small_talk = about(route, "default", "Good morning.");
        assert_eq!(answered(&daemon, route, small_talk).await, quick);
        // A model that is named is the one.
        let named = about(route, "quick", "Please refactor this function.");
        assert_eq!(answered(&daemon, route, named).await, quick);
    }
}

#[tokio::test]
async fn a_model_that_is_not_there_is_an_error_unless_the_default_may_answer() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let strict = start(config(&upstream, json!({}))).await;
    let lenient = json!({"server": {"unknownModel": "default"}});
    let lenient = start(config(&upstream, lenient)).await;
    for route in Route::BOTH {
        let body = || about(route, "quikc", "Hi");
        let answer = http::post(&route.url(&strict), body()).await;
        assert_eq!(answer.status, 404);
        let (_, message) = route.error(&answer.json());
        assert!(message.contains("there is quick"), "{message}");
        let quick = ("quick".to_owned(), None);
        assert_eq!(answered(&lenient, route, body()).await, quick);
    }
    let count = |daemon: &TestDaemon| format!("{}/v1/messages/count_tokens", daemon.url());
    let body = || about(Route::Messages, "claude-sonnet", "Hi");
    assert_eq!(http::post(&count(&strict), body()).await.status, 404);
    assert_eq!(http::post(&count(&lenient), body()).await.status, 200);
}

#[tokio::test]
async fn a_recommendation_gives_reasons_and_counts_what_was_measured() {
    let (good, broken) = (FakeUpstream::start().await, FakeUpstream::start().await);
    good.always(Script::reply("ok"));
    broken.always(Script::error(500, "no"));
    let daemon = start(json!({"models": [
        {"id": "coder-32b", "tier": "heavy", "endpoint": broken.url()},
        {"id": "chatty-7b", "tier": "fast", "endpoint": good.url()},
        {"id": "nomic-embed", "tier": "embedding", "endpoint": good.url()},
    ]}))
    .await;
    let recommend = async |query: &str| {
        let answer = http::get(&format!("{}/v1/recommend{query}", daemon.url())).await;
        (answer.status, answer.json())
    };
    let (status, found) = recommend("?intent=code").await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(
        (&found["intent"], &found["recommended"]["model_id"]),
        (&json!("code"), &json!("coder-32b"))
    );
    assert_eq!(
        found["recommended"]["reasons"][0],
        "its tier `heavy` suits code"
    );
    assert_eq!(found["alternatives"].as_array().unwrap().len(), 1);

    for _ in 0..3 {
        http::post(
            &Route::Chat.url(&daemon),
            Route::Chat.ask("coder-32b").to_string(),
        )
        .await;
    }
    let (_, found) = recommend("?intent=code").await;
    assert_eq!(found["recommended"]["model_id"], "chatty-7b", "{found}");
    let reasons = found["alternatives"][0]["reasons"].to_string();
    assert!(
        reasons.contains("does not answer at the moment"),
        "{reasons}"
    );

    let (status, error) = recommend("?intent=poetry").await;
    assert_eq!(status, 400);
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("code, analysis, search, chat, general"),
        "{message}"
    );
}
