//! Inputs, answers, and what is refused.

use owlcoda_agent::{AgentError, EventBody, MAX_INPUT_BYTES, TurnStatus};
use owlcoda_pipeline::{Outcome, Route};
use owlcoda_testkit::{Gate, Script};
use owlcoda_types::{ErrorCode, SessionId, Usage};
use serde_json::{Value, json};

use crate::world::{World, end, events, kinds, streamed, until_end};

/// What the model server was told, without the system prompt.
fn told(body: &Value) -> Vec<(String, String)> {
    let text = |message: &Value, field: &str| message[field].as_str().unwrap().to_owned();
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages[0]["role"], "system");
    let rest = messages.iter().skip(1);
    rest.map(|message| (text(message, "role"), text(message, "content")))
        .collect()
}

fn pairs(messages: &[(&str, &str)]) -> Vec<(String, String)> {
    messages
        .iter()
        .map(|(role, text)| ((*role).to_owned(), (*text).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_turn_streams_and_is_durable() {
    let mut world = World::new().await;
    world
        .upstream
        .script(Script::text_stream(&["Hel", "lo ", "you"]));
    let id = world.session().await;

    let frames = world.turn(id, "Say\nhello").await;

    assert_eq!(streamed(&frames), "Hello you");
    let live = events(&frames);
    let expected = [
        "input Say\nhello",
        "started small",
        "item",
        "answer Hello you",
    ];
    assert_eq!(kinds(&live)[..4], expected);
    let Some(EventBody::TurnCompleted {
        status,
        usage,
        model_used,
        ttft_ms,
        ..
    }) = live.last().map(|event| event.body.clone())
    else {
        panic!("{live:?}")
    };
    let cost = Usage {
        input_tokens: 11,
        output_tokens: 2,
        ..Usage::default()
    };
    assert_eq!(
        (status, usage, model_used.as_str(), ttft_ms.is_some()),
        (TurnStatus::Completed, cost, "small", true)
    );
    let request = world.upstream.next_request().await.json();
    assert_eq!(told(&request), pairs(&[("user", "Say\nhello")]));
    assert_eq!(
        (&request["model"], &request["stream"]),
        (&json!("small"), &json!(true))
    );

    let info = world.agent.get(id).await.unwrap();
    assert_eq!(
        (
            info.meta.title.as_str(),
            info.meta.n_turns,
            info.meta.usage,
            info.running_turn
        ),
        ("Say hello", 1, cost, None)
    );
    assert_eq!(info.meta.head_seq, 6);
    let recorded: Vec<_> = {
        let calls = world.calls.0.lock();
        calls
            .iter()
            .map(|call| (call.route, call.session, call.outcome))
            .collect()
    };
    assert_eq!(recorded, [(Route::Agent, Some(id), Outcome::Ok)]);

    world.restart().await;
    let log = world.log(id).await;
    assert_eq!(kinds(&log)[0], "created small");
    assert_eq!(log[1..], live);
}

#[tokio::test]
async fn the_next_turn_tells_the_model_what_was_said_also_after_a_restart() {
    let mut world = World::new().await;
    world.upstream.script(Script::text_stream(&["1"]));
    world.upstream.script(Script::text_stream(&["2"]));
    world.upstream.script(Script::text_stream(&["3"]));
    let id = world.session().await;
    world.turn(id, "one").await;
    world.turn(id, "two").await;
    world.restart().await;
    world.turn(id, "three").await;

    let mut last = Value::Null;
    for _ in 0..3 {
        last = world.upstream.next_request().await.json();
    }
    let expected = [
        ("user", "one"),
        ("assistant", "1"),
        ("user", "two"),
        ("assistant", "2"),
        ("user", "three"),
    ];
    assert_eq!(told(&last), pairs(&expected));
}

#[tokio::test]
async fn a_call_that_fails_ends_the_turn_and_its_input_is_asked_again_with_the_next() {
    let world = World::new().await;
    world.upstream.script(Script::error(500, "out of memory"));
    world.upstream.script(Script::text_stream(&["yes"]));
    let id = world.session().await;

    let failed = events(&world.turn(id, "one").await);
    let Some(EventBody::TurnCompleted {
        status,
        error_code,
        error_message,
        model_used,
        ..
    }) = failed.last().map(|event| event.body.clone())
    else {
        panic!("{failed:?}")
    };
    assert_eq!((status, model_used.as_str()), (TurnStatus::Failed, ""));
    assert_eq!(
        error_code.map(ErrorCode::fault),
        Some(ErrorCode::Unavailable.fault())
    );
    assert!(error_message.contains("out of memory"), "{error_message}");
    assert_eq!(
        kinds(&failed),
        ["input one", "started small", "ended Failed"]
    );

    world.turn(id, "two").await;
    world.upstream.next_request().await;
    let second = world.upstream.next_request().await.json();
    assert_eq!(told(&second), pairs(&[("user", "one\n\ntwo")]));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_kept_as_far_as_it_came() {
    let world = World::new().await;
    world
        .upstream
        .script(Script::stream().delta(&json!({"content": "half"})).cut());
    let id = world.session().await;
    let log = events(&world.turn(id, "one").await);
    assert_eq!(
        kinds(&log),
        [
            "input one",
            "started small",
            "item",
            "answer half",
            "ended Failed"
        ]
    );
}

#[tokio::test]
async fn a_second_input_during_a_turn_is_a_conflict() {
    let world = World::new().await;
    let gate = Gate::new();
    world
        .upstream
        .script(Script::text_stream(&["done"]).held(&gate));
    let id = world.session().await;
    let mut attached = world.attach(id).await;
    let first = world
        .agent
        .submit(id, "one".to_owned(), None, "")
        .await
        .unwrap();
    assert_eq!(
        world.agent.get(id).await.unwrap().running_turn,
        Some(first.turn)
    );

    let error = world
        .agent
        .submit(id, "two".to_owned(), None, "")
        .await
        .unwrap_err();
    assert!(
        matches!(error, AgentError::TurnRuns { turn } if turn == first.turn),
        "{error}"
    );
    assert_eq!(error.code(), ErrorCode::Conflict);

    gate.open();
    let frames = until_end(&mut attached).await;
    assert!(!kinds(&events(&frames)).contains(&"input two".to_owned()));
}

#[tokio::test]
async fn what_is_refused_leaves_the_session_as_it_was() {
    let world = World::new().await;
    let id = world.session().await;
    let submit = |text: String, model: &str| {
        let model = (!model.is_empty()).then(|| model.to_owned());
        world.agent.submit(id, text, model, "")
    };
    for (label, error, code) in [
        (
            "blank",
            submit(" \n".to_owned(), "").await,
            ErrorCode::InvalidRequest,
        ),
        (
            "long",
            submit("x".repeat(MAX_INPUT_BYTES + 1), "").await,
            ErrorCode::TooLarge,
        ),
        (
            "model",
            submit("hi".to_owned(), "gpt").await,
            ErrorCode::NotFound,
        ),
    ] {
        assert_eq!(error.unwrap_err().code(), code, "{label}");
    }
    assert_eq!(kinds(&world.log(id).await), ["created small"]);
    assert_eq!(world.upstream.requests().len(), 0);

    let nobody = SessionId::generate();
    let error = world
        .agent
        .submit(nobody, "hi".to_owned(), None, "")
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert_eq!(
        world.agent.attach(nobody, 0).await.unwrap_err().code(),
        ErrorCode::NotFound
    );
    assert_eq!(
        world
            .agent
            .create(Some("gpt"), "")
            .await
            .unwrap_err()
            .code(),
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn an_input_of_the_greatest_length_is_kept_whole() {
    let world = World::new().await;
    world.upstream.script(Script::text_stream(&["ok"]));
    let id = world.session().await;
    // Written as JSON this is six times as long.
    let text = "\u{1}".repeat(MAX_INPUT_BYTES - 1) + "x";
    world.turn(id, &text).await;
    let log = world.log(id).await;
    let kept =
        |body: &EventBody| matches!(body, EventBody::InputAdmitted { text: t, .. } if *t == text);
    assert!(log.iter().any(|event| kept(&event.body)));
}

#[tokio::test]
async fn a_model_that_is_named_with_an_input_stays() {
    let world = World::new().await;
    world.upstream.always(Script::text_stream(&["ok"]));
    let id = world.session().await;
    let mut attached = world.attach(id).await;
    let large = Some("large".to_owned());
    let submitted = world
        .agent
        .submit(id, "one".to_owned(), large, "")
        .await
        .unwrap();
    let first = events(&until_end(&mut attached).await);
    assert_eq!(
        kinds(&first)[..3],
        ["model large", "input one", "started large"]
    );
    assert_eq!((first[0].turn, first[1].turn), (None, Some(submitted.turn)));
    assert_eq!(first[1].seq, submitted.seq);
    world.turn(id, "two").await;
    for _ in 0..2 {
        assert_eq!(world.upstream.next_request().await.json()["model"], "large");
    }
    assert_eq!(world.agent.get(id).await.unwrap().meta.model, "large");
}

#[tokio::test]
async fn a_request_that_comes_twice_is_carried_out_once_also_after_a_restart() {
    let mut world = World::new().await;
    world.upstream.always(Script::text_stream(&["ok"]));
    let created = world.agent.create(Some("large"), "create-1").await.unwrap();
    let again = world.agent.create(Some("large"), "create-1").await.unwrap();
    let other = world.agent.create(Some("large"), "create-2").await.unwrap();
    assert_eq!(created.meta.id, again.meta.id);
    assert_ne!(created.meta.id, other.meta.id);

    let id = created.meta.id;
    let mut attached = world.attach(id).await;
    let first = world
        .agent
        .submit(id, "hi".to_owned(), None, "submit-1")
        .await
        .unwrap();
    let during = world
        .agent
        .submit(id, "hi".to_owned(), None, "submit-1")
        .await
        .unwrap();
    until_end(&mut attached).await;
    drop(attached);
    world.restart().await;
    let later = world
        .agent
        .submit(id, "hi".to_owned(), None, "submit-1")
        .await
        .unwrap();
    assert_eq!([during, later], [first, first]);
    assert_eq!(world.log(id).await.iter().filter_map(end).count(), 1);
}

#[tokio::test]
async fn sessions_are_listed_newest_first_and_the_last_is_the_one_that_changed() {
    let world = World::new().await;
    world.upstream.always(Script::text_stream(&["ok"]));
    assert_eq!(
        world.agent.last().await.unwrap_err().code(),
        ErrorCode::NotFound
    );
    let (older, newer) = (world.session().await, world.session().await);
    world.clock.advance(1);
    world.turn(older, "hi").await;
    let listed = world.agent.list(10).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|info| info.meta.id).collect();
    assert_eq!(ids, [older, newer]);
    assert_eq!(world.agent.last().await.unwrap().meta.id, older);
    assert_eq!(world.agent.list(1).await.unwrap().len(), 1);
}
