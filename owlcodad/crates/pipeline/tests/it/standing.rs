//! What is known beyond one call: traffic, health, and servers of our own.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use owlcoda_config::{ModelTarget, RuntimeConfig};
use owlcoda_pipeline::{EndpointHealth, HeardBy, Outcome, Traffic};
use owlcoda_testkit::{FakeUpstream, Script, binary};
use owlcoda_types::{Server, Usage};
use owlcoda_upstream::managed::State;
use owlcoda_wire::fault::Dialect;
use serde_json::json;

use crate::setup::{DIALECTS, Mode, Room, USAGE, model, parse, read, text_of};

/// Whether an endpoint is up, and why it is not.
fn health(detail: &str) -> (bool, String) {
    (detail.is_empty(), detail.to_owned())
}

#[tokio::test]
async fn traffic_counts_calls_failures_and_tokens() {
    let room = Room::new().await;
    let standing = room.pipeline.standing();
    assert_eq!(standing.traffic(), Traffic::default());

    room.fake.script(Script::reply("hello"));
    room.whole(Dialect::OpenAi).await;
    room.settled();
    room.fake.script(Script::error(500, "it broke"));
    room.run(Dialect::OpenAi, Mode::Whole).await.unwrap_err();
    room.settled();
    room.fake
        .script(Script::stream().delta(&json!({"content": "hi"})).hang());
    let stream = room.stream(Dialect::OpenAi).await;
    let running = Traffic {
        n_calls: 2,
        n_failed: 1,
        n_in_flight: 1,
        usage: USAGE,
    };
    assert_eq!(standing.traffic(), running);
    // One that left has not failed.
    drop(stream);
    let over = Traffic {
        n_calls: 3,
        n_in_flight: 0,
        ..running
    };
    assert_eq!(standing.traffic(), over);
}

#[tokio::test]
async fn health_follows_what_is_the_servers_own_doing() {
    let room = Room::new().await;
    let standing = room.pipeline.standing();
    assert_eq!(standing.health(&room.endpoint()), None);
    let cases = [
        ("an answer", Script::reply("hello"), health("")),
        (
            "an error",
            Script::error(500, "it broke"),
            health("upstream_failed"),
        ),
        (
            "the caller's mistake",
            Script::error(400, "no"),
            health("upstream_failed"),
        ),
        (
            "too many calls",
            Script::error(429, "slow down"),
            health(""),
        ),
        (
            "a wrong key",
            Script::error(401, "who"),
            health("upstream_auth"),
        ),
        (
            "nonsense",
            Script::new().raw("what"),
            health("bad_upstream"),
        ),
        ("an answer again", Script::reply("hello"), health("")),
        ("no word", Script::verbatim(""), health("unavailable")),
    ];
    for (label, script, expected) in cases {
        room.fake.script(script);
        let _ = room.run(Dialect::OpenAi, Mode::Whole).await;
        let EndpointHealth {
            is_up,
            detail,
            heard_by,
            ..
        } = standing.health(&room.endpoint()).unwrap();
        assert_eq!((is_up, detail), expected, "{label}");
        assert_eq!(heard_by, HeardBy::Call);
    }
    assert_eq!(standing.health("elsewhere:1"), None);
}

#[tokio::test]
async fn idle_is_when_the_last_call_has_left() {
    let room = Room::new().await;
    let standing = room.pipeline.standing();
    standing.idle().await;
    room.fake
        .always(Script::stream().delta(&json!({"content": "hi"})).hang());
    let first = room.stream(Dialect::OpenAi).await;
    let second = room.stream(Dialect::Anthropic).await;
    let mut idle = Box::pin(standing.idle());
    assert!((&mut idle).now_or_never().is_none());
    drop(first);
    assert!((&mut idle).now_or_never().is_none());
    let ((), ()) = tokio::join!(idle, async { drop(second) });
}

#[tokio::test]
async fn a_model_of_our_own_is_started_for_its_call_and_kept_while_it_lasts() {
    let config = RuntimeConfig {
        name: "local".to_owned(),
        command: binary("fake-model-server").display().to_string(),
        args: vec!["--port".to_owned(), "{port}".to_owned()],
        env: BTreeMap::new(),
        ready_path: "/health".to_owned(),
        start_timeout: Duration::from_mins(10),
        idle_stop: Some(Duration::from_hours(1)),
        port: None,
        server: Server::Generic,
    };
    let models = [model(ModelTarget::Runtime("local".to_owned()))];
    let room = Room::with(FakeUpstream::start().await, &models, &[config]);
    let state = || room.pipeline.snapshot().runtimes.status().remove(0).state;
    assert_eq!(state(), State::Stopped);
    for dialect in DIALECTS {
        let whole = room.whole(dialect).await;
        let body = parse(&whole.body).to_string();
        assert!(body.contains("from a process"), "{body}");
        let settled = room.settled();
        assert_eq!(settled.outcome, Outcome::Ok);
        assert_eq!(settled.endpoint.as_deref(), Some("runtime:local"));
        assert_eq!(settled.usage, Usage::default());

        let stream = room.stream(dialect).await;
        let before = state();
        tokio::time::pause();
        tokio::time::sleep(Duration::from_hours(3)).await;
        tokio::time::resume();
        // Waits for a stop that is under way.
        room.pipeline
            .snapshot()
            .runtimes
            .lease("local")
            .await
            .unwrap();
        assert_eq!(state(), before, "another process");
        let (events, failure) = read(stream).await;
        assert!(failure.is_none(), "{failure:?}");
        assert_eq!(text_of(&events), "from a process");
        room.settled();
    }
    tokio::time::pause();
    tokio::time::sleep(Duration::from_hours(3)).await;
    let is_stopped = || (state() == State::Stopped).then_some(());
    owlcoda_testkit::until("the idle server to end", is_stopped).await;
}
