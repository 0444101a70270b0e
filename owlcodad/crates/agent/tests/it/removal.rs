//! Conversations that nobody wants any more.

use owlcoda_agent::AgentError;
use owlcoda_testkit::{Gate, Script};
use owlcoda_types::{ErrorCode, SessionId};

use crate::world::{World, soon, until_end};

#[tokio::test]
async fn a_removed_conversation_is_gone_for_everyone_and_after_a_restart() {
    let mut world = World::new().await;
    world.upstream.script(Script::text_stream(&["hello"]));
    let (gone, kept) = (world.session().await, world.session().await);
    world.turn(gone, "hi").await;
    // Its task may still be there, or not any more.
    soon("the removal", world.agent.remove(gone)).await.unwrap();
    let is_not_found = |error: AgentError| matches!(error, AgentError::NotFound { .. });
    assert!(is_not_found(world.agent.get(gone).await.unwrap_err()));
    assert!(is_not_found(world.agent.attach(gone, 0).await.unwrap_err()));
    let submitted = world.agent.submit(gone, "hi".to_owned(), None, "").await;
    assert!(is_not_found(submitted.unwrap_err()));
    assert!(is_not_found(world.agent.remove(gone).await.unwrap_err()));
    world.restart().await;
    let left = world.agent.list(10).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|info| info.meta.id).collect();
    assert_eq!(left, [kept]);
}

#[tokio::test]
async fn one_that_runs_or_is_watched_stays_and_says_what_to_do() {
    let world = World::new().await;
    let gate = Gate::new();
    world
        .upstream
        .script(Script::text_stream(&["hello"]).held(&gate));
    let id = world.session().await;
    let mut attached = world.attach(id).await;
    let submitted = world.agent.submit(id, "hi".to_owned(), None, "").await;
    submitted.unwrap();
    let refused = world.agent.remove(id).await.unwrap_err();
    assert!(matches!(refused, AgentError::TurnRuns { .. }), "{refused}");
    gate.open();
    until_end(&mut attached).await;
    let refused = world.agent.remove(id).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Conflict);
    let words = refused.to_string();
    assert!(
        words.contains("by 1 of the clients") && words.contains("detach N"),
        "{words}"
    );
    assert_eq!(world.agent.get(id).await.unwrap().meta.n_turns, 1);
    drop(attached);
    world.agent.remove(id).await.unwrap();
}

#[tokio::test]
async fn one_that_never_was_is_told_and_costs_no_task() {
    let world = World::new().await;
    let id = SessionId::generate();
    let refused = world.agent.remove(id).await.unwrap_err();
    assert!(matches!(refused, AgentError::NotFound { session } if session == id));
    assert_eq!(world.agent.n_active(), 0);
}
