//! Model servers that no configuration names.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{Route, start, until, with};

fn looking_at(address: std::net::SocketAddr) -> Value {
    json!({"discovery": {"endpoints": [format!("http://{address}")]}})
}

async fn listed(daemon: &TestDaemon) -> Vec<String> {
    let list = http::get(&format!("{}/v1/models", daemon.url()))
        .await
        .json();
    let rows = list["data"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn without_models_those_of_a_server_on_this_machine_are_used() {
    let upstream = FakeUpstream::start().await;
    upstream.models(&["text-embedder", "qwen2.5", "llama3.2"]);
    upstream.always(Script::reply("found"));
    let daemon = start(looking_at(upstream.addr())).await;
    assert_eq!(
        listed(&daemon).await,
        ["text-embedder", "qwen2.5", "llama3.2"]
    );
    for route in Route::BOTH {
        for (asked, sent) in [("llama3.2", "llama3.2"), ("default", "qwen2.5")] {
            let answer = http::post(&route.url(&daemon), route.ask(asked).to_string()).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(upstream.next_request().await.json()["model"], sent);
        }
    }
    let models = owlctl(&daemon, &["models", "--json"]).await.json();
    assert_eq!(models["models"][1]["source"], "discovered");
    assert_eq!(models["models"][1]["is_default"], true);
}

#[tokio::test]
async fn a_server_that_appears_later_is_found() {
    let upstream = FakeUpstream::start().await;
    let address = upstream.addr();
    upstream.stop().await;
    let daemon = start(looking_at(address)).await;
    assert_eq!(listed(&daemon).await, [""; 0]);
    let health = owlctl(&daemon, &["health"]).await;
    assert_eq!(health.status, Some(5), "{health:?}");

    let upstream = FakeUpstream::start_at(address).await;
    upstream.models(&["latecomer"]);
    upstream.always(Script::reply("here"));
    until("the server to be found", async || {
        (listed(&daemon).await == ["latecomer"]).then_some(())
    })
    .await;
    let body = Route::Chat.ask("latecomer").to_string();
    assert_eq!(
        http::post(&Route::Chat.url(&daemon), body).await.status,
        200
    );
}

#[tokio::test]
async fn nobody_is_asked_where_models_are_configured_or_discovery_is_off() {
    let upstream = FakeUpstream::start().await;
    let looking = looking_at(upstream.addr());
    let off = json!({"discovery": {
        "enabled": false, "endpoints": looking["discovery"]["endpoints"],
    }});
    let configured = with(
        looking,
        json!({"models": [{"id": "mine", "endpoint": upstream.url()}]}),
    );
    for (config, expected) in [(off, &[][..]), (configured, &["mine"])] {
        let daemon = start(config).await;
        assert_eq!(listed(&daemon).await, expected);
    }
    assert_eq!(upstream.n_connections(), 0);
}
