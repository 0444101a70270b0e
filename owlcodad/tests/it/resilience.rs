//! Model servers that fail in every way that they do: what the caller sees, who is asked, and what
//! the records say.

use owlcoda_testkit::{FakeUpstream, Gate, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{Route, metric, start, until};

/// Two models on two servers; the second stands in for the first.
struct Pair {
    first: FakeUpstream,
    second: FakeUpstream,
    daemon: TestDaemon,
}

impl Pair {
    /// `more` is added to the policy, which repeats quickly.
    async fn start(more: Value) -> Self {
        let (first, second) = (FakeUpstream::start().await, FakeUpstream::start().await);
        second.always(Script::reply("from the second"));
        let model = |id: &str, upstream: &FakeUpstream| json!({"id": id, "endpoint": upstream.url(), "timeoutMs": 1000});
        let mut models = [model("first", &first), model("second", &second)];
        models[0]["default"] = json!(true);
        let mut middleware = json!({"retryBaseDelayMs": 100, "rateLimitRpm": 0});
        if let (Value::Object(middleware), Value::Object(more)) = (&mut middleware, more) {
            middleware.extend(more);
        }
        let config = json!({"models": models, "middleware": middleware});
        let daemon = start(config).await;
        Self {
            first,
            second,
            daemon,
        }
    }

    async fn ask(&self, route: Route) -> http::Response {
        http::post(&route.url(&self.daemon), route.ask("first").to_string()).await
    }

    async fn ask_stream(&self, route: Route) -> (u16, String) {
        let body = route.ask_stream("first").to_string();
        let mut stream = http::open_stream(&route.url(&self.daemon), body).await;
        let bytes = stream.rest().await.unwrap_or_default();
        (stream.status, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The newest audit record, once there are `n_records`.
    async fn newest(&self, n_records: usize) -> Value {
        until("the record of the call", async || {
            let page = owlctl(&self.daemon, &["audit", "--json"]).await.json();
            let records = page.get("records")?.as_array()?.clone();
            (records.len() == n_records).then(|| records.into_iter().next())?
        })
        .await
    }
}

fn text_of(route: Route, answer: &Value) -> String {
    let place = match route {
        Route::Messages => "/content/0/text",
        Route::Chat => "/choices/0/message/content",
    };
    let text = answer.pointer(place).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// How often each of the two is asked, which model answers, and with what status.
type Row = (
    &'static str,
    fn() -> Vec<Script>,
    usize,
    usize,
    u16,
    &'static str,
);

const ROWS: &[Row] = &[
    (
        "500, then well",
        || vec![Script::error(500, "no"), Script::reply("well")],
        2,
        0,
        200,
        "well",
    ),
    (
        "503 with Retry-After, then well",
        || {
            let busy = Script::error(503, "busy").header("retry-after", "1");
            vec![busy, Script::reply("well")]
        },
        2,
        0,
        200,
        "well",
    ),
    (
        "cut off before a word, then well",
        || vec![Script::verbatim(""), Script::reply("well")],
        2,
        0,
        200,
        "well",
    ),
    (
        "reset before a word, then well",
        || vec![Script::stream().reset(), Script::reply("well")],
        2,
        0,
        200,
        "well",
    ),
    (
        "429, then well",
        || vec![Script::error(429, "slow down"), Script::reply("well")],
        2,
        0,
        200,
        "well",
    ),
    (
        "429 for a long time",
        || vec![Script::error(429, "come back in an hour").header("retry-after", "3600")],
        1,
        1,
        200,
        "from the second",
    ),
    (
        "an answer that is none",
        || vec![Script::verbatim("<html>a proxy's page</html>"); 4],
        4,
        1,
        200,
        "from the second",
    ),
    (
        "500 for good",
        || vec![Script::error(500, "no"); 4],
        4,
        1,
        200,
        "from the second",
    ),
    (
        "silence",
        || vec![Script::reply("late").held(&Gate::new())],
        1,
        1,
        200,
        "from the second",
    ),
    (
        "the caller's fault",
        || vec![Script::error(400, "no such thing")],
        1,
        0,
        400,
        "",
    ),
    (
        "a wrong key",
        || vec![Script::error(401, "who are you")],
        1,
        0,
        401,
        "",
    ),
];

#[tokio::test]
async fn what_fails_before_the_first_word_is_tried_again_then_elsewhere() {
    for (label, scripts, n_first, n_second, status, text) in ROWS {
        let pair = Pair::start(json!({})).await;
        let mut n_calls = 0;
        for route in Route::BOTH {
            for script in scripts() {
                pair.first.script(script);
            }
            let label = format!("{label}, {route:?}");
            let (before_first, before_second) =
                (pair.first.requests().len(), pair.second.requests().len());
            let answer = pair.ask(route).await;
            n_calls += 1;
            assert_eq!(answer.status, *status, "{label}: {}", answer.text());
            let asked = (
                pair.first.requests().len() - before_first,
                pair.second.requests().len() - before_second,
            );
            assert_eq!(asked, (*n_first, *n_second), "{label}");
            let fell_back = *n_second > 0;
            if *status == 200 {
                assert_eq!(text_of(route, &answer.json()), *text, "{label}");
                let told = answer.header("x-owlcoda-fallback");
                assert_eq!(told, fell_back.then_some("true"), "{label}");
            }
            let record = pair.newest(n_calls).await;
            assert_eq!(record["n_attempts"], n_first + n_second, "{label}");
            let used = if fell_back { "second" } else { "first" };
            assert_eq!(record["model_used"], used, "{label}: {record}");
            assert_eq!(record["status"], *status, "{label}");
        }
        // At the first server only, whatever the reason.
        let text = http::get(&format!("{}/metrics", pair.daemon.url()))
            .await
            .text();
        let retries = text
            .lines()
            .filter(|line| line.starts_with("owlcoda_retries_total{"));
        let n_retries: usize = retries
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok())
            .sum();
        assert_eq!(n_retries, 2 * (n_first - 1), "{label}:\n{text}");
        let fallbacks = r#"owlcoda_fallbacks_total{from="first",to="second"}"#;
        let n_fallbacks = metric(&pair.daemon, fallbacks).await;
        assert!(
            (n_fallbacks - if *n_second > 0 { 2.0 } else { 0.0 }).abs() < 0.5,
            "{label}: {n_fallbacks}"
        );
    }
}

#[tokio::test]
async fn a_slow_answer_within_its_time_is_neither_repeated_nor_taken_elsewhere() {
    let pair = Pair::start(json!({})).await;
    for route in Route::BOTH {
        let gate = Gate::new();
        pair.first.script(Script::reply("at last").held(&gate));
        let asked = pair.ask(route);
        let let_through = async {
            pair.first.next_request().await;
            gate.open();
        };
        let (answer, ()) = tokio::join!(asked, let_through);
        assert_eq!(text_of(route, &answer.json()), "at last");
    }
    assert_eq!(
        (pair.first.requests().len(), pair.second.requests().len()),
        (2, 0)
    );
}

#[tokio::test]
async fn a_server_that_flaps_is_repeated_and_never_left_alone() {
    let pair = Pair::start(json!({"circuitBreakerThreshold": 2})).await;
    for n_calls in 1..=6 {
        pair.first.script(Script::error(502, "gone"));
        pair.first.script(Script::reply("back"));
        let answer = pair.ask(Route::Messages).await;
        assert_eq!(text_of(Route::Messages, &answer.json()), "back");
        assert_eq!(answer.header("x-owlcoda-fallback"), None);
        assert_eq!(pair.first.requests().len(), 2 * n_calls);
        assert_eq!(pair.newest(n_calls).await["n_attempts"], 2);
    }
    assert!(pair.second.requests().is_empty());
}

#[tokio::test]
async fn a_stream_is_tried_again_only_before_its_first_word() {
    let pair = Pair::start(json!({})).await;
    for route in Route::BOTH {
        pair.first.script(Script::error(500, "no"));
        pair.first.script(Script::reply("well"));
        let (status, text) = pair.ask_stream(route).await;
        assert_eq!(status, 200);
        assert!(text.contains("well"), "{text}");

        let n_before = (pair.first.requests().len(), pair.second.requests().len());
        let begun = Script::stream().delta(&json!({"role": "assistant", "content": "One"}));
        pair.first.script(begun.reset());
        let (status, text) = pair.ask_stream(route).await;
        assert_eq!(status, 200);
        assert!(text.contains("One") && text.contains("error"), "{text}");
        assert!(!text.contains("from the second"), "{text}");
        let n_after = (pair.first.requests().len(), pair.second.requests().len());
        assert_eq!(n_after, (n_before.0 + 1, n_before.1));
    }
}

#[tokio::test]
async fn who_cannot_be_reached_is_stood_in_for_at_once() {
    let gone = FakeUpstream::start().await;
    let second = FakeUpstream::start().await;
    second.always(Script::reply("from the second"));
    let models = json!([
        {"id": "first", "endpoint": gone.url(), "default": true},
        {"id": "second", "endpoint": second.url()},
    ]);
    gone.stop().await;
    let daemon = start(json!({"models": models, "middleware": {"rateLimitRpm": 0}})).await;
    for route in Route::BOTH {
        let answer = http::post(&route.url(&daemon), route.ask("first").to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-owlcoda-served-by"), Some("second"));
    }
}

#[tokio::test]
async fn a_model_that_keeps_failing_is_left_alone_and_its_callers_told_at_once() {
    let pair = Pair::start(json!({"retryMaxAttempts": 0, "fallbackEnabled": false})).await;
    let route = Route::Messages;
    for _ in 0..5 {
        pair.first.script(Script::error(500, "no"));
        assert_eq!(pair.ask(route).await.status, 500);
    }
    for route in Route::BOTH {
        let answer = pair.ask(route).await;
        let (_, words) = route.error(&answer.json());
        assert!(words.contains("failed 5 times in a row"), "{words}");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(pair.first.requests().len(), 5);
    let endpoint = pair.first.addr();
    for (state, value) in [("closed", 0.0), ("open", 1.0)] {
        let series = format!(
            r#"owlcoda_circuit_breaker_state{{endpoint="{endpoint}",model="first",state="{state}"}}"#
        );
        let found = metric(&pair.daemon, &series).await;
        assert!((found - value).abs() < 0.5, "{series} {found}");
    }
    // A caller's own faults say nothing of the server.
    for _ in 0..8 {
        pair.second.script(Script::error(400, "no"));
        let body = route.ask("second").to_string();
        assert_eq!(http::post(&route.url(&pair.daemon), body).await.status, 400);
    }
    let body = route.ask("second").to_string();
    assert_eq!(http::post(&route.url(&pair.daemon), body).await.status, 200);
}

#[tokio::test]
async fn a_model_takes_so_many_calls_a_minute_and_no_more() {
    let pair = Pair::start(json!({"rateLimitRpm": 3})).await;
    pair.first.always(Script::reply("well"));
    let route = Route::Chat;
    for _ in 0..3 {
        assert_eq!(pair.ask(route).await.status, 200);
    }
    let answer = pair.ask(route).await;
    assert_eq!(answer.status, 429);
    let (kind, words) = route.error(&answer.json());
    assert!(
        words.contains("limit of calls per minute"),
        "{kind} {words}"
    );
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(pair.first.requests().len(), 3);
    assert!(pair.second.requests().is_empty(), "a limit is no failure");
    let record = pair.newest(4).await;
    assert_eq!(
        (&record["status"], &record["n_attempts"]),
        (&json!(429), &json!(0))
    );
    let limited = r#"owlcoda_rate_limited_total{model="first"}"#;
    assert!((metric(&pair.daemon, limited).await - 1.0).abs() < 0.5);
    // The agent has its own share of them.
    let said = crate::process::run(crate::process::repl(&pair.daemon, &["-p", "Hi"])).await;
    assert!(said.stdout.contains("well"), "{said:?}");
}

#[tokio::test]
async fn with_everybody_failing_the_caller_hears_of_the_one_it_asked() {
    let pair = Pair::start(json!({"retryMaxAttempts": 0})).await;
    pair.first.always(Script::error(500, "the first is ill"));
    pair.second.always(Script::error(503, "the second is ill"));
    let answer = pair.ask(Route::Messages).await;
    assert_eq!(answer.status, 500);
    let (_, words) = Route::Messages.error(&answer.json());
    assert!(words.contains("the first is ill"), "{words}");
    assert_eq!(answer.json()["error"]["diagnostic"]["model"], "first");
    let record = pair.newest(1).await;
    assert_eq!(record["model_used"], "first");
    assert_eq!(record["n_attempts"], 2);
}

#[tokio::test]
async fn a_model_that_was_left_alone_is_asked_again_after_the_cooldown() {
    let more = json!({
        "retryMaxAttempts": 0, "fallbackEnabled": false, "circuitBreakerThreshold": 1,
        "circuitBreakerCooldownMs": 1000,
    });
    let pair = Pair::start(more).await;
    pair.first.script(Script::error(500, "no"));
    assert_eq!(pair.ask(Route::Chat).await.status, 500);
    pair.first.always(Script::reply("well"));
    let refused = pair.ask(Route::Chat).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert_eq!(pair.first.requests().len(), 1);
    let again = until("the model to be asked again", async || {
        (pair.ask(Route::Chat).await.status == 200).then_some(())
    });
    again.await;
    assert_eq!(pair.first.requests().len(), 2);
}

#[tokio::test]
async fn nobody_is_asked_after_the_time_for_the_whole_request() {
    let pair = Pair::start(json!({"requestTimeoutMs": 1000})).await;
    // The model's own limit is a second too, so the time is over when it has passed.
    pair.first.script(Script::reply("late").held(&Gate::new()));
    let answer = pair.ask(Route::Chat).await;
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(pair.second.requests().is_empty());
}
