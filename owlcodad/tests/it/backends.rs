//! `GET /v1/backends`.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, binary, http};
use serde_json::{Value, json};

use crate::world::{start, until};

async fn backends(daemon: &TestDaemon) -> Value {
    let answer = http::get(&format!("{}/v1/backends", daemon.url())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The numbers of the document.
fn counts(document: &Value) -> [u64; 3] {
    ["totalModels", "reachableBackends", "unreachableBackends"]
        .map(|name| document[name].as_u64().unwrap())
}

#[tokio::test]
async fn every_server_is_told_with_its_models_and_how_it_is() {
    let (mine, other) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let gone = FakeUpstream::start().await;
    let gone_url = gone.url();
    gone.stop().await;
    let meta = json!({"n_params": 134_515_008, "n_ctx_train": 8192});
    let data = json!([{"id": "smol.Q4_1.gguf", "owned_by": "llamacpp", "meta": meta}]);
    other.at("/v1/models", Script::new().json(&json!({"data": data})));
    let daemon = start(json!({
        "models": [
            {"id": "mine", "label": "My own", "endpoint": mine.url(), "contextWindow": 1000},
            {"id": "far", "endpoint": "https://api.example.com"},
        ],
        "discovery": {"endpoints": [other.url(), gone_url], "intervalMs": 100},
        "health": {"intervalMs": 3_600_000},
    }))
    .await;
    let document = until("the server to be found", async || {
        let document = backends(&daemon).await;
        (counts(&document) == [3, 2, 1]).then_some(document)
    })
    .await;
    assert!(document["durationMs"].is_u64());
    let model = |id: &str, label: &str, availability: &str| {
        json!({
            "id": id, "label": label, "availability": availability, "contextWindow": null,
            "parameterSize": null, "quantization": null, "loaded": null,
            "configured": true, "discovered": false,
        })
    };
    let mut own = model("mine", "My own", "available");
    own["contextWindow"] = json!(1000);
    let mut found = model("smol.Q4_1.gguf", "smol.Q4_1.gguf", "available");
    found["contextWindow"] = json!(8192);
    found["parameterSize"] = json!("135M");
    found["quantization"] = json!("Q4_1");
    found["configured"] = json!(false);
    found["discovered"] = json!(true);
    let backend = |name: &str, url: &str, reachable: Value, models: Value| {
        let id = url.rsplit_once("//").unwrap().1.trim_end_matches("/v1");
        let id = if url.starts_with("https") {
            format!("{id}:443")
        } else {
            id.to_owned()
        };
        json!({
            "id": id, "name": name, "baseUrl": url, "reachable": reachable, "detail": null,
            "models": models,
        })
    };
    assert_eq!(
        document["backends"],
        json!([
            backend("generic", &mine.url(), json!(true), json!([own])),
            backend(
                "generic",
                "https://api.example.com/v1",
                json!(null),
                json!([model("far", "far", "unknown")])
            ),
            backend("llama.cpp", &other.url(), json!(true), json!([found])),
            backend("generic", &gone_url, json!(false), json!([])),
        ])
    );
}

#[tokio::test]
async fn only_what_nothing_was_heard_of_is_asked() {
    let upstream = FakeUpstream::start().await;
    let models = json!([{"id": "mine", "endpoint": upstream.url()}]);
    let daemon = start(json!({"models": models, "health": {"intervalMs": 3_600_000}})).await;
    for _ in 0..5 {
        backends(&daemon).await;
    }
    until("the server to be known", async || {
        (counts(&backends(&daemon).await) == [1, 1, 0]).then_some(())
    })
    .await;
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_down_is_told_with_the_reason() {
    let gone = FakeUpstream::start().await;
    let models = json!([{"id": "mine", "endpoint": gone.url()}]);
    gone.stop().await;
    let daemon = start(json!({"models": models, "health": {"intervalMs": 3_600_000}})).await;
    let document = until("the server to be known", async || {
        let document = backends(&daemon).await;
        (counts(&document) == [1, 0, 1]).then_some(document)
    })
    .await;
    let backend = &document["backends"][0];
    assert_eq!(backend["models"][0]["availability"], "unavailable");
    let detail = backend["detail"].as_str().unwrap();
    assert!(detail.contains("no connection"), "{detail}");
}

#[tokio::test]
async fn a_server_of_ours_that_sleeps_has_no_address() {
    let daemon = start(json!({
        "runtimes": [{
            "name": "fake", "command": binary("fake-model-server"), "args": ["--port", "{port}"],
        }],
        "models": [{"id": "ours", "runtime": "fake"}],
    }))
    .await;
    let document = backends(&daemon).await;
    let backend = &document["backends"][0];
    assert_eq!(backend["id"], "runtime:fake");
    assert_eq!(
        [&backend["baseUrl"], &backend["reachable"]],
        [&Value::Null; 2]
    );
    assert_eq!(backend["models"][0]["availability"], "unknown");
}

#[tokio::test]
async fn addresses_of_servers_are_for_those_who_may_see_what_the_daemon_keeps() {
    let daemon = start(json!({"auth": {"inference": "none", "data": "token"}})).await;
    let url = format!("{}/v1/backends", daemon.url());
    assert_eq!(http::get(&url).await.status, 401);
    let token = fs_err::read_to_string(daemon.home().join("auth/token")).unwrap();
    let bearer = format!("Bearer {}", token.trim());
    let answer = http::request("GET", &url, &[("authorization", &bearer)], b"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(counts(&answer.json()), [0, 0, 0]);
}
