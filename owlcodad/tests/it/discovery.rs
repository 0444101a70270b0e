//! Model servers that no configuration names.

use std::net::SocketAddr;

use owlcoda_testkit::{FakeUpstream, Gate, Received, Script, TestDaemon, http};
use serde_json::{Value, json};

use crate::process::owlctl;
use crate::world::{Route, once, start, until, with};

fn looking_at(address: SocketAddr) -> Value {
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
async fn nobody_is_asked_where_discovery_is_off() {
    let upstream = FakeUpstream::start().await;
    let off = json!({"discovery": {
        "enabled": false, "endpoints": looking_at(upstream.addr())["discovery"]["endpoints"],
    }});
    let configured = with(
        off.clone(),
        json!({"models": [{"id": "mine", "endpoint": upstream.url()}]}),
    );
    for (config, expected) in [(off, &[][..]), (configured, &["mine"])] {
        let daemon = start(config).await;
        assert_eq!(listed(&daemon).await, expected);
    }
    assert_eq!(upstream.n_connections(), 0);
}

/// One configured model at `mine`, and looks at `others` again and again.
fn beside(mine: &FakeUpstream, others: &[SocketAddr]) -> Value {
    let endpoints = others.iter().map(|address| format!("http://{address}"));
    let endpoints: Vec<_> = endpoints.collect();
    json!({
        "models": [{"id": "mine", "endpoint": mine.url(), "default": true}],
        "discovery": {"endpoints": endpoints, "intervalMs": 100},
    })
}

async fn until_listed(daemon: &TestDaemon, expected: &[&str]) {
    until(&format!("the models {expected:?}"), async || {
        (listed(daemon).await == expected).then_some(())
    })
    .await;
}

async fn ask(daemon: &TestDaemon, model: &str) -> http::Response {
    let body = Route::Chat.ask(model).to_string();
    http::post(&Route::Chat.url(daemon), body).await
}

#[tokio::test]
async fn what_a_server_offers_comes_and_goes_under_what_is_configured() {
    let (mine, other) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let address = other.addr();
    other.models(&["mine", "extra"]);
    mine.always(Script::reply("mine"));
    other.always(Script::reply("other"));
    let daemon = start(beside(&mine, &[address])).await;
    let second = format!("mine@{address}");
    until_listed(&daemon, &["mine", &second, "extra"]).await;
    for (name, asked, sent) in [
        ("mine", &mine, "mine"),
        ("default", &mine, "mine"),
        (second.as_str(), &other, "mine"),
        ("extra", &other, "extra"),
    ] {
        assert_eq!(ask(&daemon, name).await.status, 200, "{name}");
        assert_eq!(asked.next_request().await.json()["model"], sent, "{name}");
    }
    other.models(&["third"]);
    until_listed(&daemon, &["mine", "third"]).await;
    assert_eq!(ask(&daemon, "extra").await.status, 404);
    other.stop().await;
    until_listed(&daemon, &["mine"]).await;
    let other = FakeUpstream::start_at(address).await;
    other.models(&["back"]);
    until_listed(&daemon, &["mine", "back"]).await;
}

#[tokio::test]
async fn a_server_that_is_configured_too_is_asked_once_and_with_its_key() {
    let upstream = FakeUpstream::start().await;
    upstream.models(&["vendor/small", "extra"]);
    upstream.always(Script::reply("ok"));
    let port = upstream.addr().port();
    let daemon = start(json!({
        "models": [{
            "id": "small", "backendModel": "vendor/small", "apiKey": "sk-0123456789",
            "endpoint": format!("http://127.0.0.1:{port}"),
        }],
        "discovery": {"endpoints": [format!("http://localhost:{port}")]},
    }))
    .await;
    until_listed(&daemon, &["small", "extra"]).await;
    assert_eq!(ask(&daemon, "extra").await.status, 200);
    let requests = upstream.requests();
    let routes: Vec<_> = requests.iter().map(Received::route).collect();
    assert_eq!(routes, ["/v1/models", "/v1/chat/completions"]);
    for request in &requests {
        let key = request.header("authorization");
        assert_eq!(key, Some("Bearer sk-0123456789"), "{}", request.path);
    }
}

#[tokio::test]
async fn servers_that_answer_badly_cost_neither_the_others_nor_the_start() {
    let mine = FakeUpstream::start().await;
    mine.always(Script::reply("mine"));
    let mut servers = Vec::new();
    let gate = Gate::new();
    let data = (0..10_000).map(|n| json!({"id": format!("m{n}")}));
    let huge = json!({"data": data.collect::<Vec<_>>()});
    let claim = Script::new().header("content-length", "4294967296");
    for script in [
        Script::new().raw("<html></html>"),
        Script::new().header("content-length", "9").hang(),
        claim.raw(vec![b' '; 5 << 20]).hang(),
        Script::verbatim("SSH-2.0-OpenSSH\r\n"),
        Script::new().json(&huge),
        Script::new()
            .json(&json!({"data": [{"id": "late"}]}))
            .held(&gate),
    ] {
        let server = FakeUpstream::start().await;
        server.at("/v1/models", script);
        servers.push(server);
    }
    let addresses: Vec<_> = servers.iter().map(FakeUpstream::addr).collect();
    let daemon = start(beside(&mine, &addresses)).await;
    // A server that has not answered yet, and two that never will, are not waited for.
    assert_eq!(ask(&daemon, "mine").await.status, 200);
    gate.open();
    let names = until("the servers that answer", async || {
        let names = listed(&daemon).await;
        names.contains(&"late".to_owned()).then_some(names)
    })
    .await;
    assert_eq!(names.len(), 1 + 200 + 1);
    assert_eq!(names[0], "mine");
}

#[tokio::test]
async fn a_window_is_probed_where_the_configuration_does_not_say_it() {
    let upstream = FakeUpstream::start().await;
    let data = json!([
        {"id": "told", "max_model_len": 16_384}, {"id": "set", "max_model_len": 16_384},
    ]);
    upstream.at("/v1/models", Script::new().json(&json!({"data": data})));
    let at = |id: &str, endpoint: &str| json!({"id": id, "endpoint": endpoint});
    let daemon = start(json!({
        "models": [
            at("told", &upstream.url()),
            with(at("set", &upstream.url()), json!({"contextWindow": 1000})),
            at("qwen3:8b", "https://api.example.com"),
            at("unheard", "https://api.example.com"),
        ],
        "discovery": {"endpoints": [], "intervalMs": 100},
    }))
    .await;
    let expected = [
        json!([16_384, "probed"]),
        json!([1000, "configured"]),
        json!([40_960, "family"]),
        json!([null, null]),
    ];
    until("the server to be asked", async || {
        let list = owlctl(&daemon, &["models", "--json"]).await.json();
        let models = list["models"].as_array().unwrap().iter();
        let windows = models.map(|model| {
            json!([
                model["context_window_tokens"],
                model["context_window_source"]
            ])
        });
        (windows.collect::<Vec<_>>() == expected).then_some(())
    })
    .await;
    upstream.stop().await;
    assert_eq!(listed(&daemon).await.len(), 4, "what is configured stays");
}

#[tokio::test]
async fn a_model_that_is_offered_stands_in_for_a_configured_one() {
    let (mine, other) = (FakeUpstream::start().await, FakeUpstream::start().await);
    other.models(&["stand-in"]);
    other.always(Script::reply("here I am"));
    let patient = json!({"middleware": {"retryMaxAttempts": 0}});
    let daemon = start(with(beside(&mine, &[other.addr()]), patient)).await;
    until_listed(&daemon, &["mine", "stand-in"]).await;
    mine.stop().await;
    let answer = ask(&daemon, "mine").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-owlcoda-fallback"), Some("true"));
    assert_eq!(answer.header("x-owlcoda-served-by"), Some("stand-in"));
}

#[tokio::test]
async fn a_new_configuration_takes_what_is_offered_in_and_out_at_once() {
    let (mine, other) = (FakeUpstream::start().await, FakeUpstream::start().await);
    other.models(&["extra"]);
    let looking = beside(&mine, &[other.addr()]);
    let with_discovery = |discovery: Value| with(looking.clone(), json!({"discovery": discovery}));
    let daemon = start(looking.clone()).await;
    until_listed(&daemon, &["mine", "extra"]).await;
    for (config, expected) in [
        (with_discovery(json!({"enabled": false})), &["mine"][..]),
        (looking.clone(), &["mine", "extra"]),
        (with_discovery(json!({"endpoints": []})), &["mine"]),
    ] {
        daemon.write_config(config);
        owlctl(&daemon, &["reload"]).await;
        until_listed(&daemon, expected).await;
    }
}

#[tokio::test]
async fn the_daemon_does_not_find_itself() {
    let (mine, other) = (FakeUpstream::start().await, FakeUpstream::start().await);
    other.models(&["extra"]);
    // A port that is named would be refused, so it takes any and is told of it later.
    let daemon = start(beside(&mine, &[other.addr()])).await;
    let itself = daemon.url().trim_start_matches("http://").parse().unwrap();
    let config = beside(&mine, &[itself, other.addr()]);
    crate::reload::apply(&daemon, once(config)).await;
    until_listed(&daemon, &["mine", "extra"]).await;
    // A look that was under way while the daemon started would have missed it; the third does not.
    for _ in 0..3 {
        other.next_request_to("/v1/models").await;
    }
    assert_eq!(listed(&daemon).await, ["mine", "extra"]);
}
