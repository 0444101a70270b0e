//! Keys of `runtimes` whose effect shows nowhere else.

use owlcoda_testkit::{TestDaemon, binary, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{Route, start, until};

/// A model that a shell serves by this command, with more keys for its runtime.
fn config(command: &str, more: Value) -> Value {
    let mut runtime = json!({
        "name": "fake", "command": "/bin/sh", "args": ["-c", command, "{port}"],
    });
    let Value::Object(more) = more else {
        unreachable!("keys of a runtime")
    };
    runtime.as_object_mut().unwrap().extend(more);
    json!({"runtimes": [runtime], "models": [{"id": "ours", "runtime": "fake", "default": true}]})
}

/// The scripted model server, on the port that the shell finds in `$0`.
fn server(more: &str) -> String {
    format!(
        "exec {} --port $0 {more}",
        binary("fake-model-server").display()
    )
}

async fn ask(daemon: &TestDaemon) -> http::Response {
    let body = Route::Chat.ask("ours").to_string();
    http::post(&Route::Chat.url(daemon), body).await
}

async fn state(daemon: &TestDaemon) -> Value {
    let status = owlctl(daemon, &["status", "--json"]).await.json();
    status["daemon"]["runtimes"][0].clone()
}

#[tokio::test]
async fn a_server_is_ready_when_its_ready_path_answers() {
    // The scripted server knows `/health` alone, which is the default.
    let limit = json!({"startTimeoutMs": 60_000});
    let daemon = start(config(&server(""), limit)).await;
    assert_eq!(ask(&daemon).await.status, 200);
    let elsewhere = json!({"readyPath": "/elsewhere", "startTimeoutMs": 300});
    let daemon = start(config(&server(""), elsewhere)).await;
    assert_eq!(ask(&daemon).await.status, 502);
}

#[tokio::test]
async fn a_server_that_is_not_ready_in_its_time_is_given_up() {
    let limit = json!({"startTimeoutMs": 200});
    let daemon = start(config(&server("--never-ready"), limit)).await;
    let answer = ask(&daemon).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    until("the failure to be told", async || {
        (state(&daemon).await["state"] == "failed").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_without_calls_is_stopped_after_its_time() {
    let daemon = start(config(&server(""), json!({"idleStopMs": 100}))).await;
    assert_eq!(ask(&daemon).await.status, 200);
    until("the server to be stopped", async || {
        (state(&daemon).await["state"] == "stopped").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_has_the_port_and_the_variables_of_its_entry() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let program = binary("fake-model-server");
    let command = format!("exec {} --port $OF_OURS", program.display());
    let mut keys = json!({"port": port, "env": {"OF_OURS": "{port}"}});
    keys["args"] = json!(["-c", command]);
    let daemon = start(config("", keys)).await;
    assert_eq!(ask(&daemon).await.status, 200);
    let health = http::get(&format!("http://127.0.0.1:{port}/health")).await;
    assert_eq!(health.status, 200);
}
