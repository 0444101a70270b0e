//! Clients that come, watch and leave.

use owlcoda_agent::{Channel, Frame};
use owlcoda_testkit::{Gate, Script};
use serde_json::json;

use crate::world::{
    World, end, events, extended, kinds, next, soon, streamed, until_delta, until_end, until_live,
};

/// An answer that stops in its middle until the gate opens.
fn halting(first: &str, gate: &Gate, rest: &str) -> Script {
    Script::stream()
        .delta(&json!({"content": first}))
        .wait(gate)
        .delta(&json!({"content": rest}))
        .finish("stop")
        .done()
}

#[tokio::test]
async fn two_clients_see_the_same() {
    let world = World::new().await;
    world.upstream.script(Script::text_stream(&["a", "b", "c"]));
    let id = world.session().await;
    let (mut one, mut two) = (world.attach(id).await, world.attach(id).await);
    world
        .agent
        .submit(id, "hi".to_owned(), None, "")
        .await
        .unwrap();
    let (seen, also) = (until_end(&mut one).await, until_end(&mut two).await);
    assert_eq!(seen, also);
    assert_eq!(streamed(&seen), "abc");
}

#[tokio::test]
async fn a_client_that_leaves_does_not_end_the_turn_and_misses_nothing_when_it_returns() {
    let world = World::new().await;
    let gate = Gate::new();
    world.upstream.script(halting("one ", &gate, "two"));
    let id = world.session().await;
    let mut attached = world.attach(id).await;
    world
        .agent
        .submit(id, "hi".to_owned(), None, "")
        .await
        .unwrap();
    let before = events(&until_delta(&mut attached).await);
    let last_seen = before.last().unwrap().seq;
    drop(attached);
    gate.open();

    // Whether the turn has ended by now or not: each event comes exactly once.
    let mut attached = world.agent.attach(id, last_seen).await.unwrap();
    let mut after = until_live(&mut attached).await;
    if !events(&after)
        .iter()
        .any(|event| event.seq == last_seen + 2)
    {
        after.extend(until_end(&mut attached).await);
    }
    let all: Vec<_> = before.into_iter().chain(events(&after)).collect();
    assert_eq!(
        kinds(&all),
        [
            "input hi",
            "started small",
            "item",
            "answer one two",
            "ended Completed"
        ]
    );
    let seqs: Vec<_> = all.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_client_that_comes_late_gets_what_was_said_so_far() {
    let world = World::new().await;
    let gate = Gate::new();
    world.upstream.script(halting("Hé", &gate, "llo"));
    let id = world.session().await;
    let mut early = world.attach(id).await;
    let submitted = world
        .agent
        .submit(id, "hi".to_owned(), None, "")
        .await
        .unwrap();
    until_delta(&mut early).await;

    let mut late = world.agent.attach(id, 0).await.unwrap();
    assert_eq!(late.info().running_turn, Some(submitted.turn));
    let mut frames = until_live(&mut late).await;
    assert_eq!(
        kinds(&events(&frames)),
        ["created small", "input hi", "started small", "item"]
    );
    assert!(matches!(frames.last(), Some(Frame::Snapshot(delta)) if delta.text == "Hé"));
    gate.open();
    frames.extend(until_end(&mut late).await);
    assert_eq!(streamed(&frames), "Héllo");
    assert_eq!(late.head_seq(), 6);
}

#[tokio::test]
async fn thoughts_come_in_a_channel_of_their_own() {
    let world = World::new().await;
    let script = Script::stream()
        .delta(&json!({"reasoning_content": "hm"}))
        .delta(&json!({"content": "yes"}))
        .finish("stop")
        .done();
    world.upstream.script(script);
    let id = world.session().await;
    let frames = world.turn(id, "hi").await;
    let deltas: Vec<_> = frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Delta(delta) => Some((delta.channel, delta.offset, delta.text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        deltas,
        [(Channel::Reasoning, 0, "hm"), (Channel::Text, 0, "yes")]
    );
}

#[tokio::test]
async fn a_client_may_claim_more_than_there_is() {
    let world = World::new().await;
    world.upstream.script(Script::text_stream(&["ok"]));
    let id = world.session().await;
    let mut attached = world.agent.attach(id, 1000).await.unwrap();
    assert_eq!(next(&mut attached).await, Some(Frame::Live));
    world
        .agent
        .submit(id, "hi".to_owned(), None, "")
        .await
        .unwrap();
    assert_eq!(
        kinds(&events(&until_end(&mut attached).await))[0],
        "input hi"
    );
}

#[tokio::test]
async fn a_long_session_is_replayed_whole() {
    let world = World::new().await;
    world.upstream.always(Script::text_stream(&["ok"]));
    let id = world.session().await;
    let mut attached = world.attach(id).await;
    // More events than one page has.
    for n in 0..40 {
        world
            .agent
            .submit(id, format!("input {n}"), None, "")
            .await
            .unwrap();
        until_end(&mut attached).await;
    }
    let seqs: Vec<_> = world.log(id).await.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=201).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_session_that_nobody_uses_takes_no_memory_and_comes_back() {
    let world = World::new().await;
    world.upstream.always(Script::text_stream(&["ok"]));
    let id = world.session().await;
    assert_eq!(world.agent.n_active(), 0);
    let attached = world.attach(id).await;
    assert_eq!(world.agent.n_active(), 1);
    drop(attached);
    let gone = async {
        while world.agent.n_active() > 0 {
            tokio::task::yield_now().await;
        }
    };
    soon("the session to be let go", gone).await;
    world.turn(id, "hi").await;
    assert_eq!(world.agent.get(id).await.unwrap().meta.n_turns, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_come_and_go_get_each_event_once_and_each_text_whole() {
    const TURNS: usize = 12;
    let world = World::new().await;
    world
        .upstream
        .always(Script::text_stream(&["a", "b", "c", "d", "e", "f"]));
    let id = world.session().await;

    let submitting = async {
        let mut attached = world.attach(id).await;
        for n in 0..TURNS {
            world
                .agent
                .submit(id, format!("{n}"), None, "")
                .await
                .unwrap();
            until_end(&mut attached).await;
        }
    };
    // Each stays for another number of frames before it leaves and comes back.
    let world = &world;
    let watching = |n_frames: usize| async move {
        let (mut last_seq, mut n_turns) = (0, 0);
        while n_turns < TURNS {
            let mut attached = world.agent.attach(id, last_seq).await.unwrap();
            let mut text = String::new();
            for _ in 0..n_frames {
                match next(&mut attached).await.expect("the stream goes on") {
                    Frame::Event(event) => {
                        assert_eq!(event.seq, last_seq + 1, "after {n_frames} frames each");
                        last_seq = event.seq;
                        n_turns += usize::from(end(&event).is_some());
                        text.clear();
                        if n_turns == TURNS {
                            break;
                        }
                    }
                    frame @ (Frame::Snapshot(_) | Frame::Delta(_)) => {
                        text = extended(&text, &frame);
                    }
                    Frame::Live => {}
                    Frame::Gap { .. } => panic!("nobody is slow here"),
                }
            }
        }
    };
    let all = async {
        tokio::join!(
            submitting,
            watching(3),
            watching(5),
            watching(8),
            watching(100)
        );
    };
    soon("all turns", all).await;
}
