//! Behaviour of a whole configuration, from text to problems and values.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::keys::{Effect, KEYS, Kind};
use crate::provider::PRESETS;
use crate::{
    AuthMode, Authority, Config, EndpointUrl, Environment, FileTrust, Loaded, LogLevel,
    ModelTarget, Problem, Protocol, ResponseModelStyle, Severity, code, parse, reference,
};

mod access;
mod catalog;
mod codes;
mod credentials;
mod differences;
mod effects;
mod files;
mod migrations;
mod policy;
mod providers;
mod rewrites;
mod servers;

fn no_env() -> Environment {
    Environment::default()
}

fn good(text: &str) -> Loaded {
    parse(text, &no_env(), &FileTrust::FULL).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// Everything said of a text, whether it is usable or not.
fn said(text: &str, env: &Environment, trust: &FileTrust) -> Vec<Problem> {
    match parse(text, env, trust) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    }
}

#[test]
fn an_empty_object_means_the_defaults() {
    let loaded = good("{}");
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.warnings, []);
}

#[test]
fn null_is_as_good_as_not_written() {
    let text = r#"{"port": null, "models": null, "server": {"maxConnections": null}}"#;
    assert_eq!(good(text).config, Config::default());
}

#[test]
fn each_default_in_the_table_is_the_default_in_effect() {
    let with_json = KEYS.iter().filter_map(|key| {
        let value = serde_json::from_str::<Value>(key.default).ok()?;
        (!key.path.contains("[]")).then_some((key, value))
    });
    let mut n_checked = 0;
    for (key, value) in with_json {
        let document = match key.path.split_once('.') {
            Some((group, name)) => json!({group: {name: value}}),
            None => json!({key.path: value}),
        };
        assert_eq!(
            good(&document.to_string()).config,
            Config::default(),
            "{}",
            key.path
        );
        n_checked += 1;
    }
    assert!(n_checked > 20, "only {n_checked}");
}

#[test]
fn each_default_of_a_model_in_the_table_is_the_default_in_effect() {
    let bare = json!({"routerUrl": "http://h", "runtimes": [
        {"name": "r", "command": "c", "args": ["{port}"]}], "models": [
        {"id": "m", "default": true}, {"id": "n"}]});
    let expected = good(&bare.to_string()).config;
    for key in KEYS {
        let Ok(value) = serde_json::from_str::<Value>(key.default) else {
            continue;
        };
        let mut document = bare.clone();
        match key.path.split_once("[].") {
            Some(("models", name)) => document["models"][1][name] = value,
            // An empty list would take the placeholder away.
            Some(("runtimes", name)) if name != "args" => document["runtimes"][0][name] = value,
            _ => continue,
        }
        assert_eq!(good(&document.to_string()).config, expected, "{}", key.path);
    }
}

/// A value of the right type and range for a key.
fn sample(kind: Kind) -> Value {
    match kind {
        Kind::Flag => json!(true),
        Kind::Whole(least, _) => json!(least),
        Kind::Number(least, _) => json!(least),
        Kind::Text | Kind::Name => json!("x"),
        Kind::OneOf(words) => json!(words.last()),
        Kind::TextList | Kind::NameList => json!(["x"]),
        Kind::TextMap => json!({"x": "y"}),
        Kind::Group => json!({}),
        Kind::GroupList => json!([]),
        Kind::Anything => json!(["x"]),
    }
}

fn document_with(path: &str, value: &Value) -> Value {
    path.rsplit('.')
        .fold(value.clone(), |inner, name| match name.strip_suffix("[]") {
            Some(list) => json!({list: [inner]}),
            None => json!({name: inner}),
        })
}

#[test]
fn every_key_of_the_table_is_read_without_a_complaint_about_its_shape() {
    for key in KEYS {
        let text = document_with(key.path, &sample(key.kind)).to_string();
        for problem in said(&text, &no_env(), &FileTrust::FULL) {
            assert!(
                ![code::WRONG_TYPE, code::UNKNOWN_KEY, code::OUT_OF_RANGE].contains(&problem.code),
                "{}: {problem}",
                key.path
            );
        }
    }
}

#[test]
fn a_value_of_a_wrong_type_is_an_error_at_its_own_path_for_every_key() {
    let wrong_values = [
        json!(true),
        json!(1),
        json!("x"),
        json!([1]),
        json!({"x": 1}),
    ];
    for key in KEYS {
        if matches!(key.kind, Kind::Anything) {
            continue;
        }
        let path = key.path.replace("[]", "[0]");
        let n_refused = wrong_values
            .iter()
            .filter(|value| {
                let text = document_with(key.path, value).to_string();
                said(&text, &no_env(), &FileTrust::FULL)
                    .iter()
                    .any(|problem| {
                        problem.severity == Severity::Error && problem.path.starts_with(&path)
                    })
            })
            .count();
        assert!(n_refused >= 3, "{}: {n_refused} refused", key.path);
    }
}

#[test]
fn a_key_without_effect_warns_once_unless_it_states_what_happens_anyway() {
    for key in KEYS
        .iter()
        .filter(|key| matches!(key.effect, Effect::Unused(_)))
    {
        // Something other than what happens anyway.
        let value = match key.kind {
            Kind::Whole(_, most) => json!(most),
            kind => sample(kind),
        };
        let mut document = document_with(key.path, &value);
        if let Some(items) = document["models"].as_array_mut() {
            let again = items[0].clone();
            items.push(again);
        }
        let warnings: Vec<_> = said(&document.to_string(), &no_env(), &FileTrust::FULL)
            .into_iter()
            .filter(|problem| problem.code == code::NOT_IN_EFFECT)
            .collect();
        assert_eq!(warnings.len(), 1, "{}: {warnings:?}", key.path);
        assert_eq!(
            warnings[0].message,
            format!(
                "`{}` is accepted but has no effect in this version",
                key.path
            )
        );
    }
    let silent = r#"{"configVersion": 4, "skillInjection": false, "trainingCollection": false,
        "localRuntimeProtocol": "auto", "reverseMapInResponse": true, "modelMap": {},
        "backends": ["ollama"], "defaultModel": "", "middleware": {"intentRouting": false,
        "fallbackEnabled": false, "retryMaxAttempts": 0}}"#;
    assert_eq!(good(silent).warnings, []);
}

#[test]
fn all_values_arrive_where_they_are_used() {
    let text = json!({
        "port": 0, "host": "::1", "routerUrl": "http://h:9/", "routerTimeoutMs": 1000,
        "responseModelStyle": "requested", "logLevel": "warn",
        "middleware": {"maxRequestBodyBytes": 1024},
        "server": {"drainTimeoutMs": 0, "headerTimeoutMs": 1, "maxConnections": 2,
            "bodyTimeoutMs": 8, "writeTimeoutMs": 9,
            "connectTimeoutMs": 3, "idleTimeoutMs": 5, "pingIntervalMs": 60,
            "allowRemote": true, "allowedHosts": ["Owl.lan:81"],
            "allowedOrigins": ["http://Owl.lan:80"]},
        "auth": {"inference": "token", "data": "token"},
        "audit": {"enabled": false}, "storage": {"cacheBytes": 65536},
        "discovery": {"enabled": false, "endpoints": ["http://h:1", "http://h:1/v1"]},
        "runtimes": [{"name": "llama-1", "command": "/bin/llama", "args": ["-p", "{port}"],
            "env": {"A_KEY": "sk-env"}, "readyPath": "/ok", "startTimeoutMs": 7,
            "idleStopMs": 0, "port": 81}],
        "models": [
            {"id": "a", "label": "A", "backendModel": "a:1", "aliases": ["x", "a", "y"],
                "tier": "fast", "default": true, "endpoint": "https://h/compat",
                "apiKey": "sk-file", "headers": {"X-Org": "sk-header"},
                "contextWindow": 4096, "timeoutMs": 11},
            {"id": "b", "runtime": "llama-1"},
            {"id": "c"}
        ]
    });
    let Loaded {
        config, warnings, ..
    } = good(&text.to_string());
    assert_eq!(warnings, []);
    let ms = std::time::Duration::from_millis;

    assert_eq!(
        (config.server.host.to_string().as_str(), config.server.port),
        ("::1", 0)
    );
    assert_eq!(config.server.drain_timeout, ms(0));
    assert_eq!(config.server.header_timeout, ms(1));
    assert_eq!(config.server.body_timeout, ms(8));
    assert_eq!(config.server.write_timeout, ms(9));
    assert_eq!(config.server.max_connections, 2);
    assert_eq!(config.server.max_request_body_bytes, 1024);
    assert_eq!(config.server.ping_interval, ms(60));
    let owl = Authority::parse("owl.lan:81").unwrap();
    assert!(config.server.allowed_hosts[0].is(owl, 8019));
    assert_eq!(config.server.allowed_origins, ["http://owl.lan"]);
    assert_eq!(config.auth.inference, AuthMode::Token);
    assert_eq!(config.auth.data, AuthMode::Token);
    assert_eq!(config.upstream.connect_timeout, ms(3));
    assert_eq!(
        config.upstream.first_token_timeout,
        ms(1000),
        "routerTimeoutMs"
    );
    assert_eq!(config.upstream.idle_timeout, ms(5));
    assert_eq!(config.response_model_style, ResponseModelStyle::Requested);
    assert_eq!(config.log_level, LogLevel::Warn);
    assert!(!config.audit.is_enabled);
    assert_eq!(config.storage.cache_bytes, 65_536);
    assert!(!config.discovery.is_enabled);
    assert_eq!(
        config.discovery.endpoints,
        [EndpointUrl::parse("http://h:1").unwrap()]
    );

    let runtime = config.runtime("llama-1").unwrap();
    assert_eq!(runtime.command, "/bin/llama");
    assert_eq!(runtime.args, ["-p", "{port}"]);
    assert_eq!(runtime.env["A_KEY"].expose(), "sk-env");
    assert_eq!(runtime.ready_path, "/ok");
    assert_eq!(runtime.start_timeout, ms(7));
    assert_eq!((runtime.idle_stop, runtime.port), (None, Some(81)));

    let [a, b, c] = &config.models[..] else {
        panic!("{:?}", config.models);
    };
    assert_eq!(config.default_model(), Some(a));
    assert_eq!((a.label.as_str(), a.backend_model.as_str()), ("A", "a:1"));
    assert_eq!(a.aliases, ["x", "y"], "its own id says nothing new");
    assert_eq!(a.tier, "fast");
    let compat = EndpointUrl::parse("https://h/compat").unwrap();
    assert_eq!(a.target, ModelTarget::Endpoint(compat));
    assert_eq!(a.key.as_ref().unwrap().expose(), "sk-file");
    assert_eq!(a.headers["x-org"].expose(), "sk-header");
    assert_eq!(a.context_window, Some(4096));
    assert_eq!((a.first_token_timeout, a.idle_timeout), (ms(11), ms(11)));
    assert_eq!(b.target, ModelTarget::Runtime("llama-1".to_owned()));
    assert_eq!(
        (b.label.as_str(), b.backend_model.as_str(), b.tier.as_str()),
        ("b", "b", "general")
    );
    assert_eq!((b.first_token_timeout, b.idle_timeout), (ms(1000), ms(5)));
    let router = EndpointUrl::parse("http://h:9").unwrap();
    assert_eq!(c.target, ModelTarget::Endpoint(router));

    let printed = format!("{config:?}");
    assert!(!printed.contains("sk-"), "{printed}");
}

#[test]
fn an_address_tells_the_protocol_unless_the_entry_does() {
    let cases = [
        (r#""endpoint": "https://h/v1""#, Protocol::OpenAi),
        (r#""endpoint": "https://h/anthropic""#, Protocol::Anthropic),
        (
            r#""endpoint": "https://h/anthropic", "protocol": "auto""#,
            Protocol::Anthropic,
        ),
        (
            r#""endpoint": "https://h/anthropic", "protocol": "openai""#,
            Protocol::OpenAi,
        ),
        (
            r#""endpoint": "https://h", "protocol": "anthropic""#,
            Protocol::Anthropic,
        ),
        (
            r#""endpoint": "https://h", "protocol": "anthropic_messages""#,
            Protocol::Anthropic,
        ),
    ];
    for (entry, expected) in cases {
        let text = format!(r#"{{"models": [{{"id": "a", "default": true, {entry}}}]}}"#);
        assert_eq!(good(&text).config.models[0].protocol, expected, "{entry}");
    }
}

#[test]
fn a_named_first_token_limit_wins_over_the_older_name() {
    let text = r#"{"routerTimeoutMs": 1000, "server": {"firstTokenTimeoutMs": 2000}}"#;
    let limit = good(text).config.upstream.first_token_timeout;
    assert_eq!(limit.as_millis(), 2000);
}

#[test]
fn older_names_of_the_platform_style_still_mean_it() {
    for style in ["platform", "owlcoda", "compatibility_alias", "backend"] {
        let text = json!({"responseModelStyle": style}).to_string();
        let found = good(&text).config.response_model_style;
        assert_eq!(found, ResponseModelStyle::Platform, "{style}");
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let env = Environment::from_iter([
        ("OWLCODA_PORT", "81"),
        ("OWLCODA_LOG_LEVEL", "debug"),
        ("OWLCODA_ROUTER_URL", "http://env:1"),
        ("MODEL_KEY", "sk-env"),
    ]);
    let text = r#"{"port": 80, "logLevel": "error", "routerUrl": "http://file:1",
        "models": [{"id": "m", "default": true, "apiKeyEnv": "MODEL_KEY"}]}"#;
    let config = parse(text, &env, &FileTrust::FULL).unwrap().config;
    assert_eq!(config.server.port, 81);
    assert_eq!(config.log_level, LogLevel::Debug);
    let model = &config.models[0];
    let endpoint = EndpointUrl::parse("http://env:1").unwrap();
    assert_eq!(model.target, ModelTarget::Endpoint(endpoint));
    assert_eq!(model.key.as_ref().unwrap().expose(), "sk-env");
}

#[test]
fn a_key_comes_from_the_variable_where_it_is_set_and_else_from_the_file() {
    let env = Environment::from_iter([("SET", "sk-env"), ("EMPTY", "")]);
    let cases = [
        (
            json!({"apiKey": "sk-file", "apiKeyEnv": "SET"}),
            Some("sk-env"),
        ),
        (
            json!({"apiKey": "sk-file", "apiKeyEnv": "EMPTY"}),
            Some("sk-file"),
        ),
        (
            json!({"apiKey": "sk-file", "apiKeyEnv": ""}),
            Some("sk-file"),
        ),
        (json!({"apiKey": "", "apiKeyEnv": "SET"}), Some("sk-env")),
        (json!({"apiKey": ""}), None),
        (json!({"apiKeyEnv": "UNSET"}), None),
    ];
    for (mut model, expected) in cases {
        model["id"] = json!("m");
        let text = json!({"models": [model]}).to_string();
        let config = parse(&text, &env, &FileTrust::FULL).unwrap().config;
        let key = config.models[0]
            .key
            .as_ref()
            .map(owlcoda_types::Secret::expose);
        assert_eq!(key, expected, "{text}");
    }
}

#[test]
fn a_key_that_stays_here_or_is_encrypted_is_nothing_to_warn_of() {
    for endpoint in ["http://127.0.0.1:1", "http://localhost", "https://h"] {
        let model = json!({"id": "m", "default": true, "apiKey": "k", "endpoint": endpoint});
        assert_eq!(
            good(&json!({"models": [model]}).to_string()).warnings,
            [],
            "{endpoint}"
        );
    }
}

#[test]
fn the_port_of_a_runtime_may_be_told_by_a_variable() {
    let text = r#"{"runtimes": [{"name": "ollama", "command": "ollama", "args": ["serve"],
        "env": {"OLLAMA_HOST": "127.0.0.1:{port}"}}]}"#;
    assert_eq!(good(text).config.runtimes.len(), 1);
}

#[test]
fn everything_wrong_is_said_at_once_with_its_line_in_the_order_of_the_file() {
    let text = r#"{
  "prot": 8019,
  "logLevel": "loud",
  "models": [
    {"id": "a", "endpiont": "http://h"},
    {"id": "a",
     "endpoint": "h:1",
     "tier": "quick"},
    7,
    {"label": "no id"}
  ],
  "server": {"maxConnections": 0},
  "port": "8019"
}"#;
    let found: Vec<_> = said(text, &no_env(), &FileTrust::FULL)
        .into_iter()
        .map(|problem| (problem.line.unwrap_or(0), problem.path, problem.code))
        .collect();
    let expected = [
        (2, "prot", code::UNKNOWN_KEY),
        (3, "logLevel", code::UNKNOWN_VALUE),
        (5, "models[0].endpiont", code::UNKNOWN_KEY),
        (6, "models[1].id", code::DUPLICATE_ID),
        (7, "models[1].endpoint", code::BAD_ENDPOINT),
        (9, "models[2]", code::WRONG_TYPE),
        (10, "models[3].id", code::MISSING_KEY),
        (12, "server.maxConnections", code::OUT_OF_RANGE),
        (13, "port", code::WRONG_TYPE),
        (4, "models", code::NO_DEFAULT),
        (5, "models[0]", code::NO_ENDPOINT),
        (8, "models[1].tier", code::UNKNOWN_TIER),
        (10, "models[3]", code::NO_ENDPOINT),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(line, path, code)| (line, path.to_owned(), code))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn no_message_ever_holds_a_secret_in_whatever_wrong_place_it_is() {
    let secret = "sk-5ecret";
    let documents = [
        json!({"adminToken": [secret], "apiKey": secret}),
        json!({"models": [{"id": "a", "apiKey": [secret], "apiKeyEnv": secret}]}),
        json!({"models": [{"id": "a", "apiKey": format!("{secret} x")}]}),
        json!({"models": [{"id": "a", "endpoint": format!("http://{secret}@h")}]}),
        json!({"models": [{"id": "a", "endpoint": format!("http://h?key={secret}")}]}),
        json!({"models": [{"id": "a", "headers": {"a": {"b": secret}, "c": format!("{secret}\n")}}]}),
        json!({"port": secret, "runtimes": [{"name": "a", "env": {"A": format!("{secret}\0")}}]}),
    ];
    for document in documents {
        let problems = said(&document.to_string(), &no_env(), &FileTrust::FULL);
        assert!(!problems.is_empty(), "{document}");
        assert!(!format!("{problems:?}").contains(secret), "{problems:#?}");
    }
}

#[test]
fn the_reference_page_has_the_tables_as_they_are() {
    let page = include_str!("../../../../packaging/docs/config.md");
    assert!(
        page.contains(&reference()),
        "packaging/docs/config.md must hold this:\n\n{}",
        reference()
    );
}

#[test]
fn the_examples_on_the_reference_page_are_valid() {
    let page = include_str!("../../../../packaging/docs/config.md");
    let examples: Vec<_> = page
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .collect();
    assert!(!examples.is_empty());
    // As somebody who has every key.
    let variables = PRESETS.iter().flat_map(|preset| preset.key_variables);
    let env: Environment = variables.map(|name| (*name, "sk-1")).collect();
    for (example, _) in examples {
        let warnings = parse(example, &env, &FileTrust::FULL).map(|loaded| loaded.warnings);
        assert_eq!(warnings, Ok(vec![]), "{example}");
    }
}

#[test]
fn the_example_is_valid_and_says_nothing_that_warns() {
    let example = include_str!("../../../../packaging/config.example.json");
    let Loaded {
        config, warnings, ..
    } = good(example);
    assert_eq!(warnings, []);
    assert!(config.models.len() >= 2);
}

fn any_json() -> impl Strategy<Value = Value> {
    let names: Vec<&'static str> = KEYS.iter().map(crate::keys::Key::name).collect();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "https?://[a-z:@/?#\\[\\]0-9.]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 60, 8, move |inner| {
        let key = prop_oneof![
            proptest::sample::select(names.clone()).prop_map(str::to_owned),
            any::<String>(),
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_leads_to_a_configuration_or_to_problems(text in any::<String>()) {
        if let Err(problems) = parse(&text, &no_env(), &FileTrust::FULL) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn in_a_usable_configuration_each_name_leads_to_one_model(
        models in proptest::collection::vec(
            ("[a-d]", proptest::collection::vec("[a-h]", 0..3), any::<bool>()), 0..4)
    ) {
        let models: Vec<_> = models
            .iter()
            .map(|(id, aliases, is_default)| {
                json!({"id": id, "aliases": aliases, "default": is_default})
            })
            .collect();
        if let Ok(loaded) = parse(&json!({"models": models}).to_string(), &no_env(), &FileTrust::FULL) {
            let mut names = BTreeSet::new();
            for model in &loaded.config.models {
                for name in std::iter::once(&model.id).chain(&model.aliases) {
                    prop_assert!(names.insert(name), "{name} leads to two models");
                }
            }
        } else {
            let ids: Vec<_> = models.iter().map(|model| &model["id"]).collect();
            let names: Vec<_> = models
                .iter()
                .flat_map(|model| {
                    let aliases = model["aliases"].as_array().into_iter().flatten();
                    aliases.filter(|alias| **alias != model["id"])
                })
                .chain(ids)
                .collect();
            let n_distinct = names.iter().map(|name| name.as_str()).collect::<BTreeSet<_>>().len();
            let n_defaults = models.iter().filter(|model| model["default"] == true).count();
            prop_assert!(n_distinct < names.len() || n_defaults > 1, "refused without a reason");
        }
    }

    #[test]
    fn any_json_leads_to_a_usable_configuration_or_to_problems(document in any_json()) {
        match parse(&document.to_string(), &no_env(), &FileTrust::FULL) {
            Ok(Loaded { config, .. }) => {
                let n_defaults = config.models.iter().filter(|model| model.is_default).count();
                prop_assert_eq!(n_defaults, usize::from(!config.models.is_empty()));
                let ids: BTreeSet<_> = config.models.iter().map(|model| &model.id).collect();
                prop_assert_eq!(ids.len(), config.models.len());
            }
            Err(problems) => {
                prop_assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
            }
        }
    }
}
