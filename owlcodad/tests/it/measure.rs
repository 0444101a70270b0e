//! `owlctl benchmark` and `top` before a real daemon.

use owlcoda_testkit::{FakeUpstream, Script};
use serde_json::json;

use crate::process::owlctl;
use crate::world::{MODEL, start_before};

#[tokio::test]
async fn a_benchmark_asks_each_model_as_often_as_told_and_nothing_is_given_again() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    for _ in 0..2 {
        upstream.script(Script::text("An owl."));
    }
    let ended = owlctl(
        &daemon,
        &[
            "benchmark",
            "mini",
            "--runs",
            "2",
            "--max-tokens",
            "9",
            "--prompt",
            "Owl?",
            "--json",
        ],
    )
    .await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let model = &ended.json()["models"][0];
    assert_eq!(
        (&model["model_id"], &model["n_runs"]),
        (&json!(MODEL), &json!(2))
    );
    assert!(
        model["ttft_secs"].is_f64() && model["total_secs"].is_f64(),
        "{model}"
    );
    let asked = upstream.requests();
    let of_benchmark: Vec<_> = asked
        .iter()
        .filter(|request| request.method == "POST")
        .collect();
    assert_eq!(of_benchmark.len(), 2);
    for request in of_benchmark {
        let body = request.json();
        assert_eq!(body["max_tokens"], 9);
        assert_eq!(body["messages"][0]["content"], "Owl?");
    }
    let refused = owlctl(&daemon, &["benchmark", "--prompt", &"x".repeat(70_000)]).await;
    assert_eq!(refused.status, Some(1), "{refused:?}");
    let unknown = owlctl(&daemon, &["benchmark", "nobody"]).await;
    assert_eq!(unknown.status, Some(1), "{unknown:?}");
}

#[tokio::test]
async fn a_model_that_fails_is_in_the_table_and_in_the_exit_status() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(
        Script::new()
            .status(500)
            .json(&json!({"error": {"message": "it broke"}})),
    );
    let ended = owlctl(&daemon, &["benchmark", "--runs", "1"]).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("0/1"), "{ended:?}");
}

#[tokio::test]
async fn in_a_pipe_top_is_shown_once() {
    let upstream = FakeUpstream::start().await;
    let daemon = start_before(&upstream).await;
    upstream.script(Script::text("An owl."));
    owlctl(&daemon, &["models", "probe", MODEL]).await;
    let ended = owlctl(&daemon, &["top"]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains(MODEL) && ended.stdout.contains("1 calls"),
        "{ended:?}"
    );
}
