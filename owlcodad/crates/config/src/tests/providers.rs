//! Providers by name: what they fill in, and what is left as it was written.

use owlcoda_types::{Secret, Server};
use serde_json::{Value, json};

use super::{good, no_env, said};
use crate::provider::PRESETS;
use crate::{Environment, FileTrust, ModelConfig, ModelTarget, Protocol, code, parse};

/// The only model of a file, with these keys in its entry.
fn model(mut entry: Value, env: &Environment) -> ModelConfig {
    entry["id"] = json!("m");
    let text = json!({"models": [entry]}).to_string();
    let loaded = parse(&text, env, &FileTrust::FULL);
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems:#?}"));
    loaded.config.models.into_iter().next().unwrap()
}

/// Where calls of a model go.
fn called(model: &ModelConfig) -> String {
    let ModelTarget::Endpoint(url) = &model.target else {
        panic!("{:?}", model.target)
    };
    match model.protocol {
        Protocol::OpenAi => url.chat_completions(),
        Protocol::Anthropic => url.messages(),
    }
}

#[test]
fn each_provider_is_called_where_it_says_in_what_it_speaks() {
    let (chat, messages) = (Protocol::OpenAi, Protocol::Anthropic);
    let cases = [
        (
            "anthropic",
            messages,
            "https://api.anthropic.com/v1/messages",
        ),
        ("openai", chat, "https://api.openai.com/v1/chat/completions"),
        (
            "openrouter",
            chat,
            "https://openrouter.ai/api/v1/chat/completions",
        ),
        (
            "openrouter",
            messages,
            "https://openrouter.ai/api/v1/messages",
        ),
        (
            "bailian",
            chat,
            "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions",
        ),
        (
            "bailian",
            messages,
            "https://dashscope.aliyuncs.com/apps/anthropic/v1/messages",
        ),
        (
            "kimi",
            chat,
            "https://api.kimi.com/coding/v1/chat/completions",
        ),
        ("kimi", messages, "https://api.kimi.com/coding/v1/messages"),
        (
            "moonshot",
            chat,
            "https://api.moonshot.ai/v1/chat/completions",
        ),
        (
            "moonshot",
            messages,
            "https://api.moonshot.ai/anthropic/v1/messages",
        ),
        (
            "minimax-anthropic",
            messages,
            "https://api.minimax.io/anthropic/v1/messages",
        ),
        (
            "minimax-anthropic",
            chat,
            "https://api.minimax.io/v1/chat/completions",
        ),
        (
            "mimo",
            chat,
            "https://token-plan-sgp.xiaomimimo.com/v1/chat/completions",
        ),
        (
            "mimo",
            messages,
            "https://token-plan-sgp.xiaomimimo.com/anthropic/v1/messages",
        ),
        (
            "deepseek",
            chat,
            "https://api.deepseek.com/v1/chat/completions",
        ),
        (
            "deepseek",
            messages,
            "https://api.deepseek.com/anthropic/v1/messages",
        ),
        ("ollama", chat, "http://127.0.0.1:11434/v1/chat/completions"),
        (
            "lm-studio",
            chat,
            "http://127.0.0.1:1234/v1/chat/completions",
        ),
        ("vllm", chat, "http://127.0.0.1:8000/v1/chat/completions"),
        (
            "llama.cpp",
            chat,
            "http://127.0.0.1:8080/v1/chat/completions",
        ),
    ];
    for (provider, protocol, expected) in cases {
        let spoken = match protocol {
            Protocol::OpenAi => "openai",
            Protocol::Anthropic => "anthropic",
        };
        let asked = model(json!({"provider": provider, "protocol": spoken}), &no_env());
        assert_eq!(
            (asked.protocol, called(&asked).as_str()),
            (protocol, expected)
        );
    }
    for preset in PRESETS {
        assert_eq!(preset.id, preset.id.to_lowercase());
        let asked = model(json!({"provider": preset.id}), &no_env());
        assert_eq!(asked.protocol, preset.protocol, "{}", preset.id);
        let is_listed = cases
            .iter()
            .any(|(id, _, url)| *id == preset.id && *url == called(&asked));
        assert_eq!(is_listed, preset.has_place(), "{}", preset.id);
        called(&asked).parse::<http::Uri>().unwrap();
        if let Some(server) = preset.server {
            assert_eq!(asked.server, server, "{}", preset.id);
        }
    }
}

#[test]
fn what_the_entry_says_wins_over_its_provider() {
    let mine = "http://127.0.0.1:9/v1";
    for preset in PRESETS {
        let asked = model(
            json!({"provider": preset.id, "endpoint": mine, "server": "sglang"}),
            &no_env(),
        );
        assert!(called(&asked).starts_with(mine), "{}", preset.id);
        assert_eq!(asked.protocol, preset.protocol, "{}", preset.id);
        assert_eq!(asked.server, Server::Sglang, "{}", preset.id);
    }
    // The address itself says what is spoken there.
    let asked = model(
        json!({"provider": "mimo", "endpoint": "https://proxy.example/anthropic"}),
        &no_env(),
    );
    assert_eq!(asked.protocol, Protocol::Anthropic);
    assert_eq!(asked.server, Server::Mimo);
}

#[test]
fn a_provider_s_usual_variable_holds_the_key_only_where_the_provider_is_named() {
    let env = Environment::from_iter([
        ("OPENROUTER_API_KEY", "sk-usual"),
        ("MINE", "sk-mine"),
        ("OPENAI_API_KEY", "sk-other"),
    ]);
    let there = "https://openrouter.ai/api/v1";
    for (entry, expected) in [
        (json!({"provider": "openrouter"}), Some("sk-usual")),
        (
            json!({"provider": "openrouter", "apiKeyEnv": "MINE"}),
            Some("sk-mine"),
        ),
        (
            json!({"provider": "openrouter", "apiKey": "sk-entry"}),
            Some("sk-entry"),
        ),
        (
            json!({"provider": "openrouter", "apiKeyEnv": "UNSET"}),
            Some("sk-usual"),
        ),
        (json!({"endpoint": there}), None),
        (json!({"provider": "custom", "endpoint": there}), None),
        (json!({"provider": "deepseek"}), None),
        (json!({"provider": "ollama"}), None),
    ] {
        let asked = model(entry.clone(), &env);
        let key = asked.key.as_ref().map(Secret::expose);
        assert_eq!(key, expected, "{entry}");
    }
}

#[test]
fn names_of_mimo_are_sent_in_lower_case() {
    for entry in [
        json!({"provider": "mimo", "backendModel": "MiMo-V2.5-Pro"}),
        json!({"endpoint": "https://token-plan-sgp.xiaomimimo.com/anthropic", "backendModel": "MiMo-V2.5-Pro"}),
    ] {
        assert_eq!(model(entry, &no_env()).backend_model, "mimo-v2.5-pro");
    }
    let kept = model(
        json!({"provider": "openrouter", "backendModel": "Xiaomi/MiMo"}),
        &no_env(),
    );
    assert_eq!(kept.backend_model, "Xiaomi/MiMo");
}

#[test]
fn an_unknown_provider_comes_with_the_one_that_was_meant() {
    for (name, expected) in [
        ("OpenRouter", "did you mean `openrouter`?"),
        ("minimax", "did you mean `minimax-anthropic`?"),
        ("lmstudio", "did you mean `lm-studio`?"),
        ("zzz", "there are: `anthropic`, `openai`"),
    ] {
        let text = json!({"models": [{"id": "m", "provider": name}]}).to_string();
        let problems = said(&text, &no_env(), &FileTrust::FULL);
        assert_eq!(problems[0].code, code::UNKNOWN_PROVIDER);
        assert!(problems[0].message.contains(expected), "{}", problems[0]);
    }
}

#[test]
fn a_provider_without_its_key_is_said_once_with_the_way_out() {
    let text = r#"{"models": [{"id": "m", "default": true, "provider": "kimi"}]}"#;
    let warnings = good(text).warnings;
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert_eq!(
        warnings[0].to_string(),
        "models[0].provider: `kimi` wants a key and there is none: set `KIMI_API_KEY`, or add \
         `kimi` to credentials.json [NO_KEY]"
    );
    for more in [
        json!({"headers": {"authorization": "x"}}),
        json!({"apiKey": "k"}),
    ] {
        let mut entry = json!({"id": "m", "default": true, "provider": "kimi"});
        entry
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        assert_eq!(good(&json!({"models": [entry]}).to_string()).warnings, []);
    }
}
