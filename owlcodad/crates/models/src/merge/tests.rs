//! What the configuration keeps, and what servers add to it.

use owlcoda_config::{Environment, FileTrust, parse};

use super::*;
use crate::policy::Plan;
use crate::{Registry, RouteError};

const OLLAMA: &str = "http://127.0.0.1:11434";

fn configured(models: &str) -> Vec<ModelConfig> {
    let text = format!(r#"{{"models": {models}}}"#);
    let loaded = parse(&text, &Environment::default(), &FileTrust::FULL).unwrap();
    loaded.config.models
}

fn url(text: &str) -> EndpointUrl {
    EndpointUrl::parse(text).unwrap()
}

fn registry(models: &str, servers: &[Listing<'_>]) -> Registry {
    let limits = UpstreamConfig::default();
    Registry::merged(&configured(models), servers, &limits, "config.json")
}

fn ids(registry: &Registry) -> Vec<&str> {
    let models = registry.models().iter();
    models.map(|model| model.id.as_str()).collect()
}

fn resolved(registry: &Registry, name: &str) -> String {
    registry.resolve(name).unwrap().id.clone()
}

/// What an Ollama server on this machine offers.
fn ollama<'a>(names: &[&'a str]) -> Listing<'a> {
    let models = names.iter().map(|&name| (name, None));
    Listing::offered(&url(OLLAMA), Server::Ollama, models)
}

#[test]
fn what_is_offered_comes_after_what_is_configured_and_is_no_default() {
    let registry = registry(
        r#"[{"id": "mine", "endpoint": "https://api.example.com"}]"#,
        &[ollama(&["qwen3:8b", "llama3.2"])],
    );
    assert_eq!(ids(&registry), ["mine", "qwen3:8b", "llama3.2"]);
    assert_eq!(resolved(&registry, "default"), "mine");
    let offered = registry.resolve("llama3.2").unwrap();
    assert_eq!(
        (offered.source, offered.tier.as_str()),
        (Source::Discovered, "discovered")
    );
}

#[test]
fn a_model_that_is_configured_is_not_offered_a_second_time() {
    let models = r#"[
        {"id": "coder", "backendModel": "qwen3:8b", "endpoint": "http://localhost:11434/v1"},
        {"id": "llama3.2", "endpoint": "http://127.0.0.1:11434"}
    ]"#;
    let offered = [ollama(&["qwen3:8b", "llama3.2:latest", "gemma3:4b"])];
    assert_eq!(
        ids(&registry(models, &offered)),
        ["coder", "llama3.2", "gemma3:4b"]
    );
}

#[test]
fn the_one_model_of_a_llama_cpp_server_is_the_configured_one_by_any_name() {
    let models = r#"[{"id": "local", "endpoint": "http://127.0.0.1:8080"}]"#;
    let here = url("http://127.0.0.1:8080");
    let one = [("/models/x.gguf", Some(4096))];
    let registry = registry(models, &[Listing::offered(&here, Server::LlamaCpp, one)]);
    assert_eq!(ids(&registry), ["local"]);
    assert_eq!(registry.models()[0].context_window, Some(4096));
}

#[test]
fn no_name_of_the_configuration_changes_its_meaning() {
    let models = r#"[{
        "id": "big", "backendModel": "vendor/large", "aliases": ["qwen3:8b"],
        "endpoint": "https://api.example.com", "default": true
    }]"#;
    let offered = [ollama(&[
        "big",
        "vendor/large",
        "qwen3:8b",
        "default",
        "other",
    ])];
    let registry = registry(models, &offered);
    assert_eq!(
        ids(&registry),
        [
            "big",
            "big@127.0.0.1:11434",
            "vendor/large@127.0.0.1:11434",
            "qwen3:8b@127.0.0.1:11434",
            "default@127.0.0.1:11434",
            "other"
        ]
    );
    for name in ["big", "vendor/large", "qwen3:8b", "default"] {
        assert_eq!(resolved(&registry, name), "big", "{name}");
        let plan = Plan::try_new(&registry, name, |_| 0).unwrap();
        assert_eq!(plan.asked().len(), 1, "{name}: nobody shares its calls");
    }
    let elsewhere = resolved(&registry, "vendor/large@127.0.0.1:11434");
    assert_eq!(elsewhere, "vendor/large@127.0.0.1:11434");
}

#[test]
fn a_part_of_a_name_means_a_configured_model_before_what_is_offered() {
    let models = r#"[{"id": "qwen3-coder-plus", "endpoint": "https://api.example.com"}]"#;
    let registry = registry(
        models,
        &[ollama(&["qwen3-coder:30b", "qwen3:8b", "qwen3:14b"])],
    );
    assert_eq!(resolved(&registry, "coder"), "qwen3-coder-plus");
    assert_eq!(resolved(&registry, "14b"), "qwen3:14b");
    let error = registry.resolve("n3:").unwrap_err();
    assert!(matches!(error, RouteError::Ambiguous { .. }), "{error}");
}

#[test]
fn a_window_is_configured_else_probed_else_the_family_s() {
    let models = r#"[
        {"id": "set", "backendModel": "qwen3:8b", "endpoint": "http://127.0.0.1:11434", "contextWindow": 1000},
        {"id": "told", "backendModel": "llama3.2", "endpoint": "http://127.0.0.1:11434"},
        {"id": "known", "backendModel": "gpt-4o", "endpoint": "https://api.openai.com"},
        {"id": "unheard", "backendModel": "house-model", "endpoint": "http://127.0.0.1:11434"}
    ]"#;
    let listed = [
        ("qwen3:8b", Some(2000)),
        ("llama3.2", Some(8192)),
        ("phi4", None),
    ];
    let listing = Listing::offered(&url(OLLAMA), Server::Ollama, listed);
    let registry = registry(models, &[listing]);
    let windows = registry.models().iter().map(|model| {
        let source = model.context_source.as_str();
        (model.id.as_str(), model.context_window, source)
    });
    assert_eq!(
        windows.collect::<Vec<_>>(),
        [
            ("set", Some(1000), "configured"),
            ("told", Some(8192), "probed"),
            ("known", Some(128_000), "family"),
            ("unheard", None, ""),
            ("phi4", Some(16_384), "family"),
        ]
    );
}

#[test]
fn a_server_that_is_asked_about_configured_models_only_offers_none() {
    let models = r#"[{"id": "told", "endpoint": "http://10.0.0.2:8000"}]"#;
    let listed = [("told", Some(8192)), ("other", None)];
    let listing = Listing {
        is_offered: false,
        ..Listing::offered(&url("http://10.0.0.2:8000"), Server::Vllm, listed)
    };
    let registry = registry(models, &[listing]);
    assert_eq!(ids(&registry), ["told"]);
    assert_eq!(registry.models()[0].context_window, Some(8192));
}

#[test]
fn what_embeds_and_what_is_somebody_else_s_is_told_by_its_tier() {
    let mut listing = ollama(&["bge-m3", "gpt-oss:120b-cloud", "llama3.2"]);
    listing.models[0].is_embedding = true;
    listing.models[1].is_remote = true;
    let registry = registry("[]", &[listing]);
    let tiers = registry.models().iter().map(|model| model.tier.as_str());
    assert_eq!(
        tiers.collect::<Vec<_>>(),
        ["embedding", "cloud", "discovered"]
    );
    assert_eq!(resolved(&registry, "default"), "llama3.2");
}

#[test]
fn a_model_beside_a_configured_one_is_called_with_the_same_key() {
    let models = r#"[{"id": "mine", "endpoint": "http://127.0.0.1:11434", "apiKey": "k1234567", "headers": {"x-a": "b"}}]"#;
    let registry = registry(models, &[ollama(&["other"])]);
    let other = registry.resolve("other").unwrap();
    assert_eq!(other.key.as_ref().unwrap().expose(), "k1234567");
    assert_eq!(other.headers.keys().collect::<Vec<_>>(), ["x-a"]);
    let elsewhere = Listing::offered(&url("http://127.0.0.1:8000"), Server::Vllm, [("x", None)]);
    let registry = self::registry(models, &[elsewhere]);
    assert!(registry.resolve("x").unwrap().key.is_none());
}

#[test]
fn what_is_offered_stands_in_last_and_the_cloud_after_it() {
    let models = r#"[
        {"id": "asked", "endpoint": "http://10.0.0.1:1", "default": true},
        {"id": "general", "endpoint": "http://10.0.0.2:1"}
    ]"#;
    let mut listing = ollama(&["big-cloud", "llama3.2"]);
    listing.models[0].is_remote = true;
    let registry = registry(models, &[listing]);
    let plan = Plan::try_new(&registry, "asked", |_| 0).unwrap();
    let fallbacks = plan.fallbacks(&registry);
    let order: Vec<_> = fallbacks.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(order, ["general", "llama3.2", "big-cloud"]);
}
