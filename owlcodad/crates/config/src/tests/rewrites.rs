//! What is shown of a configuration and what is written anew: values with their sources, and
//! nowhere a secret.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    CONFIG_VERSION, Environment, FileTrust, Origin, Source, find_catalog, find_credentials,
    migrated, parse, portable, settings,
};

fn file(text: &str) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.json");
    fs_err::write(&path, text).unwrap();
    (home, path)
}

/// Path, value and origin of every value that is not a default.
fn shown(text: &str, env: &Environment) -> Vec<(String, Value, Origin)> {
    let (home, path) = file(text);
    let source = Source {
        path: Some(path),
        credentials: find_credentials(home.path(), env),
        catalog: find_catalog(home.path(), env),
    };
    let (settings, _) = settings(&source, env).unwrap();
    let settings = settings.into_iter();
    settings
        .map(|it| (it.path, it.value, it.origin))
        .filter(|(_, _, origin)| *origin != Origin::Default)
        .collect()
}

const FULL: &str = r#"{
  "server": {"idleTimeoutMs": 7},
  "routerUrl": "http://h:1",
  "modelMap": {"x": "y"},
  "port": 5,
  "runtimes": [{"name": "r", "command": "c", "env": {"A": "sk-env"},
    "args": ["{port}", "--api-key", "sk-arg", "--hf-token=sk-arg2", "--verbose"]}]
}"#;

#[test]
fn each_value_comes_with_the_place_that_it_is_from() {
    let env = Environment::from_iter([("OWLCODA_PORT", "6")]);
    let line = |line| Origin::File { line: Some(line) };
    let found = shown(FULL, &env);
    let expected = [
        (
            "port",
            json!(6),
            Origin::Variable("OWLCODA_PORT".to_owned()),
        ),
        ("routerUrl", json!("http://h:1"), line(3)),
        ("server.idleTimeoutMs", json!(7), line(2)),
        ("models[0].id", json!("y"), line(4)),
        ("models[0].backendModel", json!("y"), line(4)),
        ("models[0].aliases", json!(["x"]), line(4)),
        ("models[0].default", json!(true), line(4)),
        ("runtimes[0].name", json!("r"), line(6)),
        ("runtimes[0].command", json!("c"), line(6)),
        (
            "runtimes[0].args",
            json!(["{port}", "--api-key", "***", "--hf-token=***", "--verbose"]),
            line(7),
        ),
        ("runtimes[0].env", json!({"A": "***"}), line(6)),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(path, value, origin)| (path.to_owned(), value, origin))
        .collect();
    assert_eq!(found, expected);
    assert!(!format!("{found:?}").contains("sk-"));
}

#[test]
fn the_value_of_a_default_is_the_one_in_force() {
    let (_home, path) = file(r#"{"routerTimeoutMs": 1234, "port": 8080}"#);
    let source = Source {
        path: Some(path),
        ..Source::default()
    };
    let (settings, loaded) = settings(&source, &Environment::default()).unwrap();
    let value = |path: &str| {
        let setting = settings.iter().find(|it| it.path == path).unwrap();
        assert_eq!(setting.origin, Origin::Default, "{path}");
        setting.value.clone()
    };
    assert_eq!(value("server.firstTokenTimeoutMs"), 1234);
    assert_eq!(value("server.maxConnections"), 1024);
    assert_eq!(value("auth.data"), loaded.config.auth.data.as_str());
    let endpoints = value("discovery.endpoints");
    assert_eq!(endpoints.as_array().unwrap().len(), 3, "{endpoints}");
}

#[test]
fn a_key_is_masked_and_its_source_is_the_one_that_counts() {
    let text = json!({"models": [
        {"id": "a", "apiKey": "sk-file", "endpoint": "https://h", "default": true},
        {"id": "b", "apiKeyEnv": "MINE", "endpoint": "https://h"},
        {"id": "c", "provider": "openrouter"},
        {"id": "d", "endpoint": "https://h", "headers": {"X-Org": "sk-header"}},
    ]})
    .to_string();
    let env = Environment::from_iter([("MINE", "sk-mine"), ("OPENROUTER_API_KEY", "sk-or")]);
    let found = shown(&text, &env);
    let of_key = |idx: usize| {
        let path = format!("models[{idx}].apiKey");
        let found = found.iter().find(|(it, ..)| *it == path);
        found.map(|(_, value, origin)| (value.clone(), origin.clone()))
    };
    let variable = |name: &str| Some((json!("***"), Origin::Variable(name.to_owned())));
    assert_eq!(
        of_key(0),
        Some((json!("***"), Origin::File { line: Some(1) }))
    );
    assert_eq!(of_key(1), variable("MINE"));
    assert_eq!(of_key(2), variable("OPENROUTER_API_KEY"));
    assert_eq!(of_key(3), None);
    assert!(!format!("{found:?}").contains("sk-"), "{found:#?}");
}

#[test]
fn models_of_the_catalog_say_so() {
    let (home, path) = file(r#"{"routerUrl": "http://h:1", "models": []}"#);
    fs_err::write(
        home.path().join("catalog.json"),
        r#"{"models": [{"id": "a"}]}"#,
    )
    .unwrap();
    let env = Environment::default();
    let source = Source {
        path: Some(path),
        catalog: find_catalog(home.path(), &env),
        ..Source::default()
    };
    let (settings, _) = settings(&source, &env).unwrap();
    let id = settings.iter().find(|it| it.path == "models[0].id");
    assert_eq!(id.unwrap().origin, Origin::Catalog);
}

#[test]
fn a_migrated_text_keeps_the_order_of_its_keys_and_means_the_same() {
    let (_home, path) = file(FULL);
    let found = migrated(&path).unwrap();
    assert_eq!((found.from, found.to), (0, CONFIG_VERSION));
    let document: serde_json::Map<String, Value> = serde_json::from_str(&found.text).unwrap();
    let keys: Vec<_> = document.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "configVersion",
            "responseModelStyle",
            "server",
            "routerUrl",
            "models",
            "port",
            "runtimes"
        ]
    );
    let load = |text: &str| {
        parse(text, &Environment::default(), &FileTrust::FULL)
            .unwrap()
            .config
    };
    assert_eq!(load(&found.text), load(FULL));

    fs_err::write(&path, &found.text).unwrap();
    let again = migrated(&path).unwrap();
    assert_eq!((again.changes, again.text), (vec![], found.text));
}

#[test]
fn what_cannot_be_migrated_is_said_and_nothing_is_dropped() {
    for (text, code) in [
        ("", "EMPTY_FILE"),
        ("{", "INVALID_JSON"),
        (r#"{"port": 1, "port": 2}"#, "DUPLICATE_KEY"),
        (r#"{"configVersion": 99}"#, "NEWER_CONFIG"),
        (r#"{"configVersion": "1"}"#, "WRONG_TYPE"),
    ] {
        let (_home, path) = file(text);
        let problems = migrated(&path).unwrap_err();
        assert_eq!(problems[0].code, code, "{text}");
    }
    let (_home, path) = file(r#"{"colour": {"of": ["the", "sky"]}}"#);
    assert!(migrated(&path).unwrap().text.contains("colour"));
}

#[test]
fn another_machine_gets_everything_but_secrets_and_is_told_what_it_needs() {
    let text = json!({"routerUrl": "http://h", "models": [
        {"id": "qwen3:4b", "apiKey": "sk-1", "default": true,
            "headers": {"X-Title": "owl", "authorization": "sk-2"}},
        {"id": "b", "provider": "openrouter", "apiKey": "sk-3"},
        {"id": "c", "provider": "deepseek", "apiKeyEnv": "MINE", "apiKey": "sk-4"},
        {"id": "d", "provider": "moonshot"},
        {"id": "e", "headers": {"x-key": "sk-5"}},
    ], "runtimes": [{"name": "r", "command": "c", "args": ["--api-key", "sk-6"],
        "env": {"PORT": "{port}", "TOKEN": "sk-7"}}]});
    let (_home, path) = file(&text.to_string());
    let found = portable(Some(&path)).unwrap();
    let document = Value::Object(found.document);
    assert!(!document.to_string().contains("sk-"), "{document}");
    let models = &document["models"];
    assert_eq!(models[0]["apiKeyEnv"], "OWLCODA_KEY_QWEN3_4B");
    assert_eq!(models[0]["headers"], json!({"X-Title": "owl"}));
    assert_eq!(models[1]["apiKeyEnv"], "OPENROUTER_API_KEY");
    assert_eq!(models[2]["apiKeyEnv"], "MINE");
    assert_eq!(models[4].get("headers"), None);
    let variables: Vec<_> = found
        .variables
        .iter()
        .map(|(name, of)| (name.as_str(), of.as_str()))
        .collect();
    assert_eq!(
        variables,
        [
            ("OWLCODA_KEY_QWEN3_4B", "qwen3:4b"),
            ("OPENROUTER_API_KEY", "b"),
            ("MINE", "c"),
            ("MOONSHOT_API_KEY", "d"),
        ]
    );
    assert_eq!(
        found.omitted,
        [
            "models[0].headers.authorization",
            "models[4].headers.x-key",
            "runtimes[0].env.TOKEN",
            "runtimes[0].args",
        ]
    );
    // The other machine can use it.
    let text = crate::pretty(document.as_object().unwrap());
    parse(&text, &Environment::default(), &FileTrust::FULL).unwrap();
}
