//! Model servers that the daemon starts: they answer, and they never outlive it.

use owlcoda_testkit::{TestDaemon, binary, http};
use serde_json::{Value, json};

use crate::process::{exists, owlctl};
use crate::world::{Route, daemon, start, until, with};

/// A model that the daemon serves itself.
fn config(more_args: &[&str]) -> Value {
    let args = [&["--port", "{port}"], more_args].concat();
    json!({
        "runtimes": [{"name": "fake", "command": binary("fake-model-server"), "args": args}],
        "models": [{"id": "ours", "runtime": "fake", "default": true}],
    })
}

/// What `owlctl status` says of the only runtime.
async fn runtime(daemon: &TestDaemon) -> Value {
    let status = owlctl(daemon, &["status", "--json"]).await.json();
    status["daemon"]["runtimes"][0].clone()
}

/// Asks once, so that the server runs; returns what is told of it.
async fn running(daemon: &TestDaemon) -> Value {
    let answer = http::post(
        &Route::Chat.url(daemon),
        Route::Chat.ask("ours").to_string(),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = runtime(daemon).await;
    assert_eq!(told["state"], "ready", "{told}");
    told
}

/// The server's process.
fn pid(told: &Value) -> u32 {
    u32::try_from(told["pid"].as_u64().unwrap()).unwrap()
}

async fn assert_gone(pid: u32) {
    until("the process to be gone", async || {
        (!exists(pid)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_is_started_by_the_first_call_and_answers_in_both_dialects() {
    let daemon = start(config(&[])).await;
    assert_eq!(runtime(&daemon).await["state"], "stopped");
    for route in Route::BOTH {
        for body in [route.ask("ours"), route.ask_stream("ours")] {
            let answer = http::post(&route.url(&daemon), body.to_string()).await;
            assert_eq!(answer.status, 200, "{route:?}: {}", answer.text());
        }
    }
    let models = owlctl(&daemon, &["models", "--json"]).await.json();
    assert_eq!(models["models"][0]["source"], "managed");
}

#[tokio::test]
async fn a_server_and_its_children_end_with_the_daemon() {
    let mut daemon = start(config(&["--child"])).await;
    let told = running(&daemon).await;
    let log = fs_err::read_to_string(told["log_path"].as_str().unwrap()).unwrap();
    let child = log.lines().find_map(|line| line.strip_prefix("child "));
    let child = child.unwrap().parse().unwrap();
    assert!(exists(pid(&told)) && exists(child), "{told}: {log}");
    daemon.terminate();
    let status = daemon.wait_exit().await;
    assert_eq!(status.code(), Some(0), "{}", daemon.stderr());
    assert_gone(pid(&told)).await;
    assert_gone(child).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_ends_where_the_daemon_is_killed() {
    let mut daemon = start(config(&[])).await;
    let first = running(&daemon).await;
    daemon.kill9().await;
    assert_gone(pid(&first)).await;
    daemon.restart().await;
    let second = running(&daemon).await;
    assert_ne!(pid(&second), pid(&first));
}

#[tokio::test]
async fn a_server_that_does_not_start_is_a_502_that_says_why_and_a_problem() {
    let daemon = start(config(&["--exit-code", "7"])).await;
    for route in Route::BOTH {
        let answer = http::post(&route.url(&daemon), route.ask("ours").to_string()).await;
        assert!(answer.status >= 500, "{}", answer.text());
        let (_, message) = route.error(&answer.json());
        assert!(message.contains("fake"), "{message}");
    }
    let health = owlctl(&daemon, &["health"]).await;
    assert_eq!(health.status, Some(5), "{health:?}");
    assert!(
        health.stdout.contains("cannot load the model"),
        "{health:?}"
    );
}

#[tokio::test]
async fn programs_are_not_taken_from_a_file_that_others_may_change() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shared.json");
    fs_err::write(&file, with(config(&[]), json!({"port": 0})).to_string()).unwrap();
    fs_err::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let refused = daemon().arg("--config").arg(&file).try_start().await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.status.code(), Some(78), "{}", refused.stderr);
    assert!(refused.stderr.contains("chmod go-w"), "{}", refused.stderr);
}
