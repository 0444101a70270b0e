//! Many reloads, half of them of files that cannot be used, under fifty streams and a row of
//! questions.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use owlcoda_testkit::{FakeUpstream, Gate, Script, http};
use serde_json::{Value, json};

use super::{reload, status};
use crate::world::{Route, daemon, halting, streamed_text};

const N_RELOADS: usize = 600;
const N_STREAMS: usize = 50;

/// Every one of these can be used, and each is another one.
fn good(upstream: &FakeUpstream, round: usize) -> Value {
    let mut models = vec![json!({"id": "steady", "endpoint": upstream.url(), "default": true})];
    for idx in 0..round % 4 {
        models.push(json!({"id": format!("extra-{idx}"), "endpoint": upstream.url()}));
    }
    json!({
        "port": 0,
        "models": models,
        "logLevel": if round.is_multiple_of(3) { "warn" } else { "info" },
        "server": {"pingIntervalMs": 10_000 + round},
        "middleware": {"rateLimitRpm": 0, "circuitBreakerThreshold": 1 + round % 7},
        "discovery": {"enabled": false},
    })
}

fn bad(round: usize) -> &'static str {
    ["", "{", "[]", r#"{"prot": 1}"#, "{\"port\": null,", "\u{0}"][round % 6]
}

#[tokio::test]
async fn no_request_fails_while_configurations_come_and_go() {
    let upstream = FakeUpstream::start().await;
    let daemon = daemon().config(good(&upstream, 0)).start().await;

    let gate = Gate::default();
    upstream.always(halting(&gate));
    let mut streams = Vec::new();
    for lane in 0..N_STREAMS {
        let route = Route::BOTH[lane % 2];
        let body = route.ask_stream("steady").to_string();
        let mut stream = http::open_stream(&route.url(&daemon), body).await;
        let bytes = stream.until("One").await;
        streams.push((stream, bytes));
    }

    upstream.always(Script::reply("still here"));
    let is_over = AtomicBool::new(false);
    let n_answers = AtomicUsize::new(0);
    let ask_on = async |route: Route| {
        while !is_over.load(Ordering::Relaxed) {
            let body = route.ask("steady").to_string();
            let answer = http::post(&route.url(&daemon), body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let body = route.ask_stream("steady").to_string();
            let answer = http::post(&route.url(&daemon), body).await;
            assert_eq!(
                streamed_text(&answer.body),
                "still here",
                "{}",
                answer.text()
            );
            n_answers.fetch_add(2, Ordering::Relaxed);
        }
    };
    let storm = async {
        let file = daemon.home().join("config.json");
        for round in 1..=N_RELOADS {
            if round.is_multiple_of(2) {
                daemon.write_config(good(&upstream, round));
            } else {
                fs_err::write(&file, bad(round)).unwrap();
            }
            let outcome = reload(&daemon).await.outcome;
            // It may have noticed a good one by itself.
            let is_right = (outcome == "rejected") != round.is_multiple_of(2);
            assert!(is_right, "round {round}: {outcome}");
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(ask_on(Route::Messages), ask_on(Route::Chat), storm);

    gate.open();
    for (mut stream, mut bytes) in streams {
        bytes.extend(stream.rest().await.unwrap());
        assert_eq!(streamed_text(&bytes), "One two");
    }
    let n_answers = n_answers.load(Ordering::Relaxed) + N_STREAMS;
    let now = status(&daemon).await;
    let traffic = now.traffic.unwrap();
    assert_eq!(traffic.n_failed, 0, "of {} calls", traffic.n_calls);
    assert_eq!(traffic.n_calls, n_answers as u64);
    let config = now.config.unwrap();
    assert_eq!(config.generation, 1 + N_RELOADS as u64 / 2);
    assert_eq!(config.rejected_at_ms, 0);
}
