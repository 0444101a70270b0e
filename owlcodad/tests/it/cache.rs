//! Answers that are given again, as callers and whoever runs the daemon see it.

use owlcoda_testkit::http::{self, Response};
use owlcoda_testkit::{FakeUpstream, Script, TestDaemon};
use serde_json::{Value, json};

use crate::world::{MODEL, Route, config, metric, start, start_before, until, with};

/// A question that leaves nothing to chance.
fn question(route: Route) -> Value {
    with(route.ask(MODEL), json!({"temperature": 0}))
}

async fn ask(daemon: &TestDaemon, route: Route, body: &Value) -> Response {
    let answer = http::post(&route.url(daemon), body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

async fn cache(daemon: &TestDaemon, method: &str) -> Value {
    let url = format!("{}/v1/cache", daemon.url());
    let answer = http::request(method, &url, &[], String::new()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn the_same_question_is_answered_again_without_asking_the_model_server() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    for route in Route::BOTH {
        let before = upstream.requests().len();
        let first = ask(&daemon, route, &question(route)).await;
        assert_eq!(first.header("x-owlcoda-cache"), Some("miss"), "{route:?}");
        // The order of the fields and the way a number is written make no difference.
        let mut again = json!({"temperature": 0.0});
        again = with(
            again,
            question(route)
                .as_object()
                .map(|fields| {
                    let others = fields.iter().filter(|(name, _)| *name != "temperature");
                    Value::Object(
                        others
                            .map(|(name, value)| (name.clone(), value.clone()))
                            .collect(),
                    )
                })
                .unwrap(),
        );
        let second = ask(&daemon, route, &again).await;
        assert_eq!(second.header("x-owlcoda-cache"), Some("hit"), "{route:?}");
        assert_eq!(second.header("x-owlcoda-served-by"), Some(MODEL));
        assert_eq!(second.json(), first.json());
        assert_eq!(upstream.requests().len(), before + 1, "{route:?}");
    }
    assert!(metric(&daemon, r#"owlcoda_cache_requests_total{result="hit"}"#).await >= 2.0);
    let stats = cache(&daemon, "GET").await;
    assert_eq!(
        (&stats["size"], &stats["totalHits"], &stats["totalMisses"]),
        (&json!(2), &json!(2), &json!(2))
    );
    assert_eq!(stats["hitRate"], 0.5);
    let audit = until("the records", async || {
        let page = http::get(&format!("{}/v1/audit", daemon.url()))
            .await
            .json();
        (page["summary"]["totalEntries"] == 4).then_some(page)
    })
    .await;
    let hit = &audit["entries"][0];
    assert_eq!(
        (&hit["cached"], &hit["attempts"], &hit["servedBy"]),
        (&json!(true), &json!(0), &json!(MODEL))
    );
    assert_eq!(audit["entries"][1]["cached"], false);
    // Nothing was spent on the hits.
    let usage = http::get(&format!("{}/v1/usage", daemon.url()))
        .await
        .json();
    assert_eq!(
        (&usage["requestCount"], &usage["inputTokens"]),
        (&json!(4), &json!(22))
    );
}

#[tokio::test]
async fn every_field_and_the_caller_s_dialect_and_model_make_another_question() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    let base = question(Route::Messages);
    let others = [
        json!({}),
        json!({"system": "Be brief."}),
        json!({"max_tokens": 65}),
        json!({"stop_sequences": ["."]}),
        json!({"tools": [{"name": "t", "input_schema": {"type": "object"}}]}),
        json!({"messages": [{"role": "user", "content": "Ho"}]}),
        json!({"top_p": 0.5}),
    ];
    for (n_before, other) in others.into_iter().enumerate() {
        ask(&daemon, Route::Messages, &with(base.clone(), other)).await;
        assert_eq!(upstream.requests().len(), n_before + 1);
    }
    let n_before = upstream.requests().len();
    ask(&daemon, Route::Chat, &question(Route::Chat)).await;
    assert_eq!(upstream.requests().len(), n_before + 1);
    // Another name for the same model is another question only where answers carry it.
    let by_alias = with(base, json!({"model": "mini"}));
    let answer = ask(&daemon, Route::Messages, &by_alias).await;
    assert_eq!(answer.json()["model"], MODEL);
}

#[tokio::test]
async fn what_leaves_something_to_chance_or_must_be_new_is_asked_again() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let daemon = start_before(&upstream).await;
    let route = Route::Chat;
    let asked = async |body: Value, wish: Option<&str>| {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(wish.map(|wish| ("x-owlcoda-cache", wish)));
        let before = upstream.requests().len();
        for _ in 0..2 {
            let answer =
                http::request("POST", &route.url(&daemon), &headers, body.to_string()).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        upstream.requests().len() - before
    };
    assert_eq!(asked(route.ask(MODEL), None).await, 2);
    assert_eq!(
        asked(with(route.ask(MODEL), json!({"temperature": 0.1})), None).await,
        2
    );
    assert_eq!(asked(route.ask(MODEL), Some("on")).await, 1);
    assert_eq!(asked(question(route), Some("off")).await, 2);
    let stream = with(question(route), json!({"stream": true}));
    assert_eq!(asked(stream, Some("on")).await, 2);
}

#[tokio::test]
async fn a_wish_that_is_none_is_refused_in_the_caller_s_dialect() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    for route in Route::BOTH {
        let headers = [
            ("content-type", "application/json"),
            ("x-owlcoda-cache", "please"),
        ];
        let body = route.ask(MODEL).to_string();
        let answer = http::request("POST", &route.url(&daemon), &headers, body).await;
        assert_eq!(answer.status, 400);
        let (_, message) = route.error(&answer.json());
        assert!(message.contains("`on` or `off`"), "{message}");
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[tokio::test]
async fn errors_and_the_answers_of_stand_ins_are_not_kept() {
    let (broken, good) = (FakeUpstream::start().await, FakeUpstream::start().await);
    broken.always(Script::error(500, "no"));
    good.always(Script::reply("ok"));
    let daemon = start(json!({
        "middleware": {"retryMaxAttempts": 0, "circuitBreakerThreshold": 100},
        "models": [{"id": MODEL, "endpoint": broken.url()}, {"id": "other", "endpoint": good.url()}],
    }))
    .await;
    for n in 1..=2 {
        let answer = ask(&daemon, Route::Chat, &question(Route::Chat)).await;
        assert_eq!(answer.header("x-owlcoda-fallback"), Some("true"));
        assert_eq!((broken.requests().len(), good.requests().len()), (n, n));
    }
    assert_eq!(cache(&daemon, "GET").await["size"], 0);
}

#[tokio::test]
async fn the_cache_can_be_emptied_and_turned_off_and_has_its_limits() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let limits = json!({"cache": {"maxEntries": 2, "ttlMs": 86_400_000, "maxBytes": 70_000}});
    let daemon = start(with(config(&upstream), limits)).await;
    let numbered = |n: u32| with(question(Route::Chat), json!({"seed": n}));
    for n in 0..3 {
        ask(&daemon, Route::Chat, &numbered(n)).await;
    }
    let stats = cache(&daemon, "GET").await;
    assert_eq!(
        (&stats["size"], &stats["maxEntries"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        (&stats["maxBytes"], &stats["ttlMs"]),
        (&json!(70_000), &json!(86_400_000))
    );
    assert_eq!(cache(&daemon, "DELETE").await["cleared"], 2);
    ask(&daemon, Route::Chat, &numbered(2)).await;
    assert_eq!(upstream.requests().len(), 4);

    let off = json!({"cache": {"enabled": false}});
    crate::reload::apply(&daemon, with(config(&upstream), off)).await;
    for _ in 0..2 {
        let answer = ask(&daemon, Route::Chat, &numbered(2)).await;
        assert_eq!(answer.header("x-owlcoda-cache"), None);
    }
    assert_eq!(upstream.requests().len(), 6);
    assert_eq!(cache(&daemon, "GET").await["enabled"], false);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_or_is_over_its_time_is_asked_for_again() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply(&"long ".repeat(20_000)));
    let small = json!({"cache": {"maxBytes": 65_536}});
    let daemon = start(with(config(&upstream), small)).await;
    for _ in 0..2 {
        ask(&daemon, Route::Chat, &question(Route::Chat)).await;
    }
    assert_eq!(upstream.requests().len(), 2);

    upstream.always(Script::reply("ok"));
    let daemon = start(with(config(&upstream), json!({"cache": {"ttlMs": 1}}))).await;
    let before = upstream.requests().len();
    for _ in 0..2 {
        ask(&daemon, Route::Chat, &question(Route::Chat)).await;
        // Longer than the answer is good for, however quick the machine.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(upstream.requests().len(), before + 2);
}
