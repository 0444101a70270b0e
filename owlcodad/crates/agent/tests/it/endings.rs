//! Turns that do not come to their own end.

use owlcoda_agent::{Attached, Frame};
use owlcoda_store::StoredEvent;
use owlcoda_testkit::{Gate, Script};
use owlcoda_types::{ErrorCode, SessionId, TurnId};
use serde_json::{Value, json};

use crate::world::{World, events, kinds, next, soon, until_delta, until_end, until_live};

/// A session whose model has said `half` and then says nothing more.
async fn half_said(world: &World) -> (SessionId, TurnId, Attached) {
    world
        .upstream
        .script(Script::stream().delta(&json!({"content": "half"})).hang());
    let id = world.session().await;
    let mut attached = world.attach(id).await;
    let submitted = world
        .agent
        .submit(id, "hi".to_owned(), None, "")
        .await
        .unwrap();
    until_delta(&mut attached).await;
    (id, submitted.turn, attached)
}

const HALF: [&str; 6] = [
    "created small",
    "input hi",
    "started small",
    "item",
    "answer half",
    "ended Interrupted",
];

#[tokio::test]
async fn an_interrupt_closes_the_connection_and_keeps_what_was_said() {
    let world = World::new().await;
    let (id, turn, mut attached) = half_said(&world).await;
    assert!(world.agent.interrupt(id, Some(turn)).await.unwrap());
    // The answer means that it is durable, not only seen.
    assert_eq!(kinds(&world.log(id).await), HALF);
    world.upstream.next_disconnect().await;
    assert_eq!(
        kinds(&events(&until_end(&mut attached).await)),
        ["answer half", "ended Interrupted"]
    );
    assert!(!world.agent.interrupt(id, None).await.unwrap());
}

#[tokio::test]
async fn an_interrupt_reaches_a_call_that_has_said_nothing() {
    let world = World::new().await;
    let gate = Gate::new();
    world
        .upstream
        .script(Script::text_stream(&["never"]).held(&gate));
    let id = world.session().await;
    world
        .agent
        .submit(id, "hi".to_owned(), None, "")
        .await
        .unwrap();
    world.upstream.next_request().await;
    assert!(world.agent.interrupt(id, None).await.unwrap());
    world.upstream.next_disconnect().await;
    let expected = [
        "created small",
        "input hi",
        "started small",
        "ended Interrupted",
    ];
    assert_eq!(kinds(&world.log(id).await), expected);
}

#[tokio::test]
async fn an_interrupt_of_another_turn_changes_nothing() {
    let world = World::new().await;
    let (id, turn, _attached) = half_said(&world).await;
    assert!(
        !world
            .agent
            .interrupt(id, Some(TurnId::generate()))
            .await
            .unwrap()
    );
    assert_eq!(world.agent.get(id).await.unwrap().running_turn, Some(turn));
    let error = world
        .agent
        .interrupt(SessionId::generate(), None)
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_log_that_ends_inside_a_turn_is_closed_as_lost() {
    let world = World::new().await;
    let id = world.session().await;
    // As a daemon leaves it that was killed in the middle of an answer.
    let turn = TurnId::generate().to_string();
    let item = "itm_00000000000000000000000000000001";
    let bodies = [
        json!({"v": 1, "turn": turn, "kind": "input_admitted", "text": "hi"}),
        json!({"v": 1, "turn": turn, "kind": "turn_started", "model": "small"}),
        json!({"v": 1, "turn": turn, "kind": "item_started", "item": item}),
    ];
    let stored = |(seq, body): (u64, &Value)| StoredEvent {
        seq,
        at_ms: 5,
        body: body.to_string().into_bytes(),
    };
    let mut meta = world.agent.get(id).await.unwrap().meta;
    meta.head_seq = 4;
    let left = (2..).zip(&bodies).map(stored).collect();
    world.store.sessions().append(meta, left).await.unwrap();

    let log = world.log(id).await;
    assert_eq!(
        kinds(&log),
        [
            "created small",
            "input hi",
            "started small",
            "item",
            "ended Lost"
        ]
    );
    assert_eq!(log[4].turn.unwrap().to_string(), turn);
    assert_eq!(world.log(id).await, log, "once is enough");

    world.upstream.script(Script::text_stream(&["ok"]));
    let next = events(&world.turn(id, "again").await);
    assert_eq!(kinds(&next).last().unwrap(), "ended Completed");
}

#[tokio::test]
async fn a_shutdown_ends_the_turn_as_interrupted_and_keeps_what_was_said() {
    let mut world = World::new().await;
    let (id, _, mut attached) = half_said(&world).await;
    world.restart().await;
    assert_eq!(
        kinds(&events(&until_end(&mut attached).await)),
        ["answer half", "ended Interrupted"]
    );
    assert_eq!(next(&mut attached).await, None);
    assert_eq!(kinds(&world.log(id).await), HALF);
}

#[tokio::test]
async fn draining_lets_the_turn_end_and_takes_no_new_one() {
    let world = World::new().await;
    let gate = Gate::new();
    world
        .upstream
        .script(Script::text_stream(&["done"]).held(&gate));
    let (id, idle) = (world.session().await, world.session().await);
    let mut attached = world.attach(id).await;
    let mut watcher = world.attach(idle).await;
    world
        .agent
        .submit(id, "hi".to_owned(), None, "")
        .await
        .unwrap();
    world.supervisor.shutdown().begin_drain();

    for refused in [
        world
            .agent
            .submit(idle, "hi".to_owned(), None, "")
            .await
            .map(drop),
        world.agent.create(None, "").await.map(drop),
    ] {
        assert_eq!(refused.unwrap_err().code(), ErrorCode::ShuttingDown);
    }
    assert_eq!(
        next(&mut watcher).await,
        None,
        "nothing will happen there any more"
    );
    let mut late = world.agent.attach(idle, 0).await.unwrap();
    assert_eq!(
        kinds(&events(&until_live(&mut late).await)),
        ["created small"]
    );
    assert_eq!(next(&mut late).await, None);

    gate.open();
    let ended = events(&until_end(&mut attached).await);
    assert_eq!(kinds(&ended).last().unwrap(), "ended Completed");
    assert_eq!(next(&mut attached).await, None);
    soon("the tasks to end", world.supervisor.wait()).await;
}

#[tokio::test]
async fn clients_are_told_to_come_again_when_the_store_takes_no_more() {
    let world = World::new().await;
    let gate = Gate::new();
    world
        .upstream
        .script(Script::text_stream(&["lost"]).held(&gate));
    let id = world.session().await;
    let mut attached = world.attach(id).await;
    world
        .agent
        .submit(id, "hi".to_owned(), None, "")
        .await
        .unwrap();
    for _ in 0..2 {
        assert!(matches!(next(&mut attached).await, Some(Frame::Event(_))));
    }
    world.store.close().await;
    gate.open();
    assert_eq!(
        next(&mut attached).await,
        Some(Frame::Gap { resume_after: 3 })
    );
    assert_eq!(next(&mut attached).await, None);
    assert_eq!(world.agent.n_active(), 0);
}
