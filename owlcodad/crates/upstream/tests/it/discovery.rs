//! Model servers found on this machine.

use owlcoda_config::EndpointUrl;
use owlcoda_testkit::{FakeUpstream, Script};
use owlcoda_types::Server;
use owlcoda_upstream::{Discovered, DiscoveredModel};
use serde_json::{Value, json};

use crate::setup::{client, url};

fn model(name: &str, context_window: Option<u32>) -> DiscoveredModel {
    DiscoveredModel {
        name: name.to_owned(),
        context_window,
    }
}

/// What a server that lists `data` is taken for.
async fn listed(data: &Value) -> Vec<DiscoveredModel> {
    let fake = FakeUpstream::start().await;
    fake.at(
        "/v1/models",
        Script::new().json(&json!({"object": "list", "data": data})),
    );
    let found = client().discover(&[url(&fake)]).await;
    found.into_iter().flat_map(|server| server.models).collect()
}

#[tokio::test]
async fn servers_and_their_models_are_found_in_order() {
    let (first, second) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let gone = FakeUpstream::start().await;
    first.models(&["zeta", "alpha"]);
    let candidates: Vec<EndpointUrl> = vec![url(&first), url(&gone), url(&second)];
    gone.stop().await;
    let expected = [
        Discovered {
            url: url(&first),
            server: Server::Generic,
            models: vec![model("zeta", None), model("alpha", None)],
        },
        Discovered {
            url: url(&second),
            server: Server::Generic,
            models: vec![model("fake-model", None)],
        },
    ];
    assert_eq!(client().discover(&candidates).await, expected);
}

#[tokio::test]
async fn a_server_is_known_by_the_owner_that_it_gives_its_models() {
    for (owned_by, expected) in [
        (json!("llamacpp"), Server::LlamaCpp),
        (json!("vllm"), Server::Vllm),
        (json!("sglang"), Server::Sglang),
        (json!("library"), Server::Ollama),
        (json!("organization_owner"), Server::LmStudio),
        (json!("me"), Server::Generic),
        (json!(7), Server::Generic),
        (json!(null), Server::Generic),
    ] {
        let fake = FakeUpstream::start().await;
        let data = json!([{"id": "mine", "owned_by": "me"}, {"id": "m", "owned_by": owned_by}]);
        fake.at("/v1/models", Script::new().json(&json!({"data": data})));
        let found = client().discover(&[url(&fake)]).await;
        let servers: Vec<_> = found.iter().map(|server| server.server).collect();
        assert_eq!(servers, [expected], "{owned_by}");
    }
}

#[tokio::test]
async fn what_is_no_list_of_models_is_no_model_server() {
    let answers = [
        (
            "none",
            Script::new().json(&json!({"object": "list", "data": []})),
        ),
        (
            "null",
            Script::new().json(&json!({"object": "list", "data": null})),
        ),
        ("a page", Script::new().raw("<html></html>")),
        ("an error", Script::error(401, "who are you")),
        (
            "a redirect",
            Script::new().status(302).header("location", "/v1/models"),
        ),
        ("too long", Script::new().raw(vec![b' '; (1 << 20) + 1])),
        ("cut", Script::stream().raw(r#"{"data": ["#).cut()),
        ("not HTTP", Script::verbatim("SSH-2.0-OpenSSH\r\n")),
    ];
    for (label, script) in answers {
        let fake = FakeUpstream::start().await;
        fake.at("/v1/models", script);
        assert_eq!(client().discover(&[url(&fake)]).await, [], "{label}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for_long() {
    let (silent, lively) = (FakeUpstream::start().await, FakeUpstream::start().await);
    silent.at(
        "/v1/models",
        Script::new().header("content-length", "9").hang(),
    );
    let found = client().discover(&[url(&silent), url(&lively)]).await;
    let urls: Vec<_> = found.into_iter().map(|server| server.url).collect();
    assert_eq!(urls, [url(&lively)]);
}

#[tokio::test]
async fn one_odd_entry_does_not_cost_the_others() {
    let data = json!([
        {"id": "a", "max_model_len": 32_768},
        {"id": "b", "max_model_len": -1},
        {"id": "c", "max_model_len": 5_000_000_000_u64},
        {"id": "d", "max_model_len": "many"},
        {"id": 7},
        {"name": "no id"},
        "a word",
        {"id": "e", "max_model_len": null},
    ]);
    let expected = [
        model("a", Some(32_768)),
        model("b", None),
        model("c", None),
        model("d", None),
        model("e", None),
    ];
    assert_eq!(listed(&data).await, expected);
}

#[tokio::test]
async fn names_that_cannot_be_shown_or_come_twice_are_left_out() {
    let long = "x".repeat(201);
    let data = json!([
        {"id": "good"}, {"id": ""}, {"id": "bell\u{7}"}, {"id": "two\nlines"},
        {"id": "\u{1b}[2J"}, {"id": long}, {"id": "good"}, {"id": "org/model:7b-q4_0"},
    ]);
    let expected = [model("good", None), model("org/model:7b-q4_0", None)];
    assert_eq!(listed(&data).await, expected);
}

#[tokio::test]
async fn no_server_fills_the_list_alone() {
    let data: Vec<Value> = (0..1000).map(|n| json!({"id": format!("m{n}")})).collect();
    let models = listed(&Value::from(data)).await;
    assert_eq!(models.len(), 200);
    assert_eq!(models.last(), Some(&model("m199", None)));
}
