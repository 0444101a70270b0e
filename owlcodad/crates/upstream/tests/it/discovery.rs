//! Model servers found on this machine.

use owlcoda_config::EndpointUrl;
use owlcoda_testkit::{FakeUpstream, Script};
use owlcoda_types::Server;
use owlcoda_upstream::{Discovered, DiscoveredModel, Discovery, Place};
use serde_json::{Value, json};

use crate::setup::{KEY, client, destination, url};

fn model(name: &str, context_window: Option<u32>) -> DiscoveredModel {
    DiscoveredModel {
        name: name.to_owned(),
        context_window,
        ..DiscoveredModel::default()
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
        ("too long", Script::new().raw(vec![b' '; (4 << 20) + 1])),
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

/// The routes that a server was asked for, in the order of the alphabet.
fn asked(fake: &FakeUpstream) -> Vec<String> {
    let requests = fake.requests().into_iter();
    let mut routes: Vec<_> = requests.map(|request| request.route().to_owned()).collect();
    routes.sort_unstable();
    routes
}

fn place(fake: &FakeUpstream, server: Server) -> Place {
    Place::open(url(fake)).known_as(server)
}

/// An Ollama server with these models, each with its digest, that shows every one of them so.
fn set_ollama(fake: &FakeUpstream, models: &[(&str, &str)], show: Script) {
    let models = models.iter().map(|(name, digest)| {
        let details = json!({"parameter_size": "7.6B", "quantization_level": "Q4_K_M"});
        json!({"name": name, "digest": digest, "details": details})
    });
    let tags = json!({"models": models.collect::<Vec<_>>()});
    fake.at("/api/tags", Script::new().json(&tags));
    fake.at("/api/show", show);
}

fn show(n_tokens: u32, capability: &str) -> Script {
    let info = json!({"general.architecture": "qwen2", "qwen2.context_length": n_tokens});
    Script::new().json(&json!({"model_info": info, "capabilities": [capability]}))
}

#[tokio::test]
async fn ollama_is_asked_in_its_own_words_and_once_for_each_digest() {
    let fake = FakeUpstream::start().await;
    set_ollama(
        &fake,
        &[("coder:7b", "d1"), ("embedder", "d2")],
        show(32_768, "embedding"),
    );
    let places = [place(&fake, Server::Ollama)];
    let discovery = Discovery::new(client());
    let found = discovery.look(&places).await;
    let expected = ["coder:7b", "embedder"].map(|name| DiscoveredModel {
        parameter_size: Some("7.6B".to_owned()),
        quantization: Some("Q4_K_M".to_owned()),
        is_embedding: true,
        ..model(name, Some(32_768))
    });
    assert_eq!(found[0].server, Server::Ollama);
    assert_eq!(found[0].models, expected);
    assert_eq!(
        asked(&fake),
        ["/api/ps", "/api/show", "/api/show", "/api/tags"]
    );

    assert_eq!(discovery.look(&places).await, found);
    let n_asked = fake.requests().len();
    assert_eq!(n_asked, 4 + 2, "nothing has changed: no model is shown");

    set_ollama(
        &fake,
        &[("coder:7b", "d3"), ("embedder", "d2")],
        show(4096, "completion"),
    );
    let models = &discovery.look(&places).await[0].models;
    let told = models
        .iter()
        .map(|model| (model.context_window, model.is_embedding));
    let told: Vec<_> = told.collect();
    assert_eq!(told, [(Some(4096), false), (Some(32_768), true)]);
    assert_eq!(fake.requests().len(), n_asked + 3, "one is new");
}

#[tokio::test]
async fn a_model_that_cannot_be_shown_is_listed_and_asked_for_three_times() {
    let fake = FakeUpstream::start().await;
    set_ollama(
        &fake,
        &[("broken", "d1")],
        Script::error(500, "no such blob"),
    );
    let discovery = Discovery::new(client());
    for _ in 0..5 {
        let found = discovery.look(&[place(&fake, Server::Ollama)]).await;
        assert_eq!(found[0].models[0].name, "broken");
        assert_eq!(found[0].models[0].context_window, None);
    }
    let n_shown = asked(&fake)
        .iter()
        .filter(|path| *path == "/api/show")
        .count();
    assert_eq!(n_shown, 3);
}

#[tokio::test]
async fn of_a_long_list_a_part_is_shown_in_each_look() {
    let fake = FakeUpstream::start().await;
    let names: Vec<_> = (0..30).map(|n| format!("m{n}")).collect();
    let models: Vec<_> = names.iter().map(|name| (name.as_str(), "d")).collect();
    set_ollama(&fake, &models, show(8192, "completion"));
    let discovery = Discovery::new(client());
    for n_known in [24, 30, 30] {
        let found = discovery.look(&[place(&fake, Server::Ollama)]).await;
        let known = found[0]
            .models
            .iter()
            .filter(|model| model.context_window.is_some());
        assert_eq!((found[0].models.len(), known.count()), (30, n_known));
    }
}

#[tokio::test]
async fn a_model_that_ollama_has_from_elsewhere_is_told_from_its_own() {
    let fake = FakeUpstream::start().await;
    let remote = json!({"name": "big-cloud", "remote_host": "https://ollama.com:443"});
    let tags = json!({"models": [{"name": "small"}, remote, {"digest": "no name"}, 7]});
    fake.at("/api/tags", Script::new().json(&tags));
    let found = Discovery::new(client())
        .look(&[place(&fake, Server::Ollama)])
        .await;
    let models = found[0]
        .models
        .iter()
        .map(|model| (model.name.as_str(), model.is_remote));
    let models: Vec<_> = models.collect();
    assert_eq!(models, [("small", false), ("big-cloud", true)]);
}

#[tokio::test]
async fn lm_studio_tells_the_window_of_a_loaded_model() {
    let fake = FakeUpstream::start().await;
    let data = json!([
        {"id": "coder", "type": "llm", "quantization": "Q4_K_M", "state": "loaded",
         "max_context_length": 131_072, "loaded_context_length": 8192},
        {"id": "seer", "type": "vlm", "quantization": "4bit", "state": "not-loaded",
         "max_context_length": 32_768},
        {"id": "nomic", "type": "embeddings", "state": 7, "max_context_length": "2048"},
        {"id": 7}, null,
    ]);
    fake.at("/api/v0/models", Script::new().json(&json!({"data": data})));
    let found = Discovery::new(client())
        .look(&[place(&fake, Server::LmStudio)])
        .await;
    let quantized = |name, window, quantization: &str, is_loaded| DiscoveredModel {
        quantization: Some(quantization.to_owned()),
        is_loaded: Some(is_loaded),
        ..model(name, Some(window))
    };
    let expected = [
        quantized("coder", 8192, "Q4_K_M", true),
        quantized("seer", 32_768, "4bit", false),
        DiscoveredModel {
            is_embedding: true,
            ..model("nomic", None)
        },
    ];
    assert_eq!(found[0].models, expected);
    assert_eq!(asked(&fake), ["/api/v0/models"]);
}

#[tokio::test]
async fn llama_cpp_tells_the_window_of_a_call_and_its_file() {
    let fake = FakeUpstream::start().await;
    let meta = json!({"n_ctx_train": 32_768, "n_params": 134_515_008});
    let data = json!([{"id": "smol", "owned_by": "llamacpp", "meta": meta}]);
    fake.at("/v1/models", Script::new().json(&json!({"data": data})));
    let settings = json!({"n_ctx": 4096});
    let props = json!({"default_generation_settings": settings, "model_path": "/m/s.Q4_1.gguf"});
    fake.at("/props", Script::new().json(&props));
    let expected = DiscoveredModel {
        parameter_size: Some("135M".to_owned()),
        quantization: Some("Q4_1".to_owned()),
        ..model("smol", Some(4096))
    };
    let found = client().discover(&[url(&fake)]).await;
    assert_eq!(
        (found[0].server, &found[0].models[0]),
        (Server::LlamaCpp, &expected)
    );
    assert_eq!(asked(&fake), ["/props", "/v1/models"]);
}

#[tokio::test]
async fn a_server_that_does_not_know_its_own_words_is_asked_in_everybody_s() {
    for (server, first) in [
        (Server::Ollama, "/api/tags"),
        (Server::LmStudio, "/api/v0/models"),
    ] {
        let fake = FakeUpstream::start().await;
        let found = Discovery::new(client()).look(&[place(&fake, server)]).await;
        assert_eq!(found[0].models, [model("fake-model", None)], "{server:?}");
        assert_eq!(asked(&fake), [first, "/v1/models"], "{server:?}");
    }
}

#[tokio::test]
async fn a_list_that_names_ollama_leads_to_its_own_words() {
    let fake = FakeUpstream::start().await;
    let data = json!([{"id": "coder:7b", "owned_by": "library"}]);
    fake.at("/v1/models", Script::new().json(&json!({"data": data})));
    set_ollama(&fake, &[("coder:7b", "d1")], show(4096, "completion"));
    let found = client().discover(&[url(&fake)]).await;
    assert_eq!(found[0].models[0].context_window, Some(4096));
    assert_eq!(
        asked(&fake),
        ["/api/ps", "/api/show", "/api/tags", "/v1/models"]
    );
}

#[tokio::test]
async fn a_server_is_asked_with_what_its_calls_carry() {
    let fake = FakeUpstream::start().await;
    set_ollama(&fake, &[("m", "d")], show(4096, "completion"));
    let place = Place::of(url(&fake), &destination(&url(&fake))).known_as(Server::Ollama);
    Discovery::new(client()).look(&[place]).await;
    let bearer = format!("Bearer {KEY}");
    for request in fake.requests() {
        assert_eq!(
            request.header("authorization"),
            Some(bearer.as_str()),
            "{}",
            request.path
        );
    }
    assert_eq!(asked(&fake).len(), 3);
}

#[tokio::test]
async fn an_endless_or_a_huge_list_costs_neither_memory_nor_time() {
    let (endless, huge) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let claim = Script::new().header("content-length", "4294967296");
    endless.at("/v1/models", claim.raw(vec![b' '; 8 << 20]).hang());
    let data = (0..10_000).map(|n| json!({"id": format!("m{n}"), "max_model_len": 4096}));
    let data: Vec<Value> = data.collect();
    huge.at("/v1/models", Script::new().json(&json!({"data": data})));
    let found = client().discover(&[url(&endless), url(&huge)]).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].url, found[0].models.len()), (&url(&huge), 200));
}

#[tokio::test]
async fn the_window_that_a_model_had_in_memory_is_the_true_one_and_stays() {
    let fake = FakeUpstream::start().await;
    set_ollama(&fake, &[("coder:7b", "d1")], show(32_768, "completion"));
    let loaded = json!([{"name": "coder:7b", "context_length": 4096}, {"name": 7}]);
    let place = [place(&fake, Server::Ollama)];
    let discovery = Discovery::new(client());
    let mut told = Vec::new();
    for ps in [
        Script::new().json(&json!({"models": []})),
        Script::new().json(&json!({"models": loaded})),
        Script::new().json(&json!({"models": []})),
        Script::error(404, "an old version"),
    ] {
        fake.at("/api/ps", ps);
        let model = discovery.look(&place).await[0].models[0].clone();
        told.push((model.context_window, model.is_loaded));
    }
    assert_eq!(
        told,
        [
            (Some(32_768), Some(false)),
            (Some(4096), Some(true)),
            (Some(4096), Some(false)),
            (Some(4096), None),
        ]
    );
}

#[tokio::test]
async fn a_new_llama_cpp_tells_all_of_it_in_its_list() {
    let meta = json!({
        "n_ctx": 4096, "n_ctx_train": 8192, "n_params": 134_515_008, "ftype": "Q4_1",
    });
    let models = listed(&json!([{"id": "smol", "owned_by": "llamacpp", "meta": meta}])).await;
    let expected = DiscoveredModel {
        parameter_size: Some("135M".to_owned()),
        quantization: Some("Q4_1".to_owned()),
        ..model("smol", Some(4096))
    };
    assert_eq!(models, [expected]);
}
