//! Which model server is asked in which way, from the configuration to the wire.

use owlcoda_testkit::{FakeUpstream, Script, TestDaemon, binary, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{Route, start};

/// What `model` is sent for a call of the Messages API.
async fn sent(daemon: &TestDaemon, upstream: &FakeUpstream, model: &str) -> Value {
    let body = Route::Messages.ask(model).to_string();
    let answer = http::post(&Route::Messages.url(daemon), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    upstream
        .next_request_to("/v1/chat/completions")
        .await
        .json()
}

/// The servers of all models, as `owlctl models` tells them.
async fn told(daemon: &TestDaemon) -> Vec<String> {
    let list = owlctl(daemon, &["models", "--json"]).await.json();
    assert!(list["quirks_version"].as_u64().unwrap() > 0, "{list}");
    let models = list["models"].as_array().unwrap().iter();
    models
        .map(|model| model["server"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_model_is_asked_as_the_server_that_its_entry_names_wants_it() {
    let upstream = FakeUpstream::start().await;
    upstream.always(Script::reply("ok"));
    let entry = |server: &str| json!({"id": server, "endpoint": upstream.url(), "server": server});
    let names = [
        "auto",
        "generic",
        "ollama",
        "lm-studio",
        "vllm",
        "llama.cpp",
    ];
    let daemon = start(json!({"models": names.map(entry)})).await;
    let thinks = |is_on: bool| json!({"enable_thinking": is_on});
    for (name, kwargs, effort) in [
        ("auto", json!(null), json!(null)),
        ("generic", json!(null), json!(null)),
        ("ollama", json!(null), json!("none")),
        ("lm-studio", json!(null), json!(null)),
        ("vllm", thinks(false), json!(null)),
        ("llama.cpp", thinks(false), json!(null)),
    ] {
        let body = sent(&daemon, &upstream, name).await;
        assert_eq!(body["chat_template_kwargs"], kwargs, "{name}");
        assert_eq!(body["reasoning_effort"], effort, "{name}");
    }
    let expected = [
        "generic",
        "generic",
        "ollama",
        "lm-studio",
        "vllm",
        "llama.cpp",
    ];
    assert_eq!(told(&daemon).await, expected);
}

#[tokio::test]
async fn a_server_that_was_found_is_asked_as_the_one_that_it_says_it_is() {
    let upstream = FakeUpstream::start().await;
    let list = json!({"object": "list", "data": [{"id": "tiny", "owned_by": "llamacpp"}]});
    upstream.at("/v1/models", Script::new().json(&list));
    upstream.always(Script::reply("ok"));
    let found_at = json!({"discovery": {"endpoints": [upstream.url()]}});
    let daemon = start(found_at).await;
    let body = sent(&daemon, &upstream, "tiny").await;
    assert_eq!(body["chat_template_kwargs"]["enable_thinking"], false);
    assert_eq!(told(&daemon).await, ["llama.cpp"]);
}

#[tokio::test]
async fn a_server_of_our_own_is_known_by_its_entry() {
    let command = binary("fake-model-server").display().to_string();
    let runtime = |server: &str| json!({"name": server, "command": command, "args": ["--port", "{port}"], "server": server});
    let daemon = start(json!({
        "runtimes": [runtime("vllm"), runtime("auto")],
        "models": [{"id": "a", "runtime": "vllm"}, {"id": "b", "runtime": "auto"}],
    }))
    .await;
    assert_eq!(told(&daemon).await, ["vllm", "generic"]);
}
