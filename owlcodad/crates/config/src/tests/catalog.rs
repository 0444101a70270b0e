//! `catalog.json`: what becomes of a good one, and what is said of a bad one.

use serde_json::{Value, json};

use crate::problem::code::*;
use crate::{ConfigError, Environment, Loaded, ModelTarget, Role, Severity, find_catalog, load};
use crate::{Fingerprint, Source};

/// A home with these files, as the daemon reads it.
fn loaded(config: &Value, catalog: &str) -> Result<Loaded, ConfigError> {
    let home = tempfile::tempdir().unwrap();
    fs_err::write(home.path().join("config.json"), config.to_string()).unwrap();
    fs_err::write(home.path().join("catalog.json"), catalog).unwrap();
    let source = Source {
        path: Some(home.path().join("config.json")),
        catalog: find_catalog(home.path(), &Environment::default()),
        ..Source::default()
    };
    load(&source, &Environment::default())
}

#[test]
fn each_entry_is_a_model_at_the_router() {
    let catalog = json!({
        "version": 3, "generated_by": "another program", "default_model": "mid",
        "models": [
            {"id": "big", "channel": "stable", "backend": "mlx", "priority_role": "primary"},
            {"id": "mid", "channel": "lab"}, {"id": "small"}],
        "aliases": {"opus": {"target": "big", "surfaces": ["cli"]}, "sonnet": "mid",
            "small": {"target": "small"}},
        "intent_defaults": {"code": "big", "fast": "small"},
    });
    let config = json!({"routerUrl": "http://h:1"});
    let loaded = loaded(&config, &catalog.to_string()).unwrap();
    assert_eq!(loaded.warnings, []);
    let models: Vec<_> = loaded
        .config
        .models
        .iter()
        .map(|model| {
            let ModelTarget::Endpoint(at) = &model.target else {
                panic!("an endpoint")
            };
            let names = model.aliases.join(",");
            (
                model.id.as_str(),
                names,
                model.tier.as_str(),
                model.is_default,
                at.root(),
            )
        })
        .collect();
    let at = || "http://h:1".to_owned();
    assert_eq!(
        models,
        [
            ("big", "opus".to_owned(), "production", false, at()),
            ("mid", "sonnet".to_owned(), "lab", true, at()),
            ("small", String::new(), "general", false, at()),
        ]
    );
    let intents: Vec<_> = loaded.config.routing.intent_defaults.into_iter().collect();
    let expected = [("code", "big"), ("fast", "small")];
    assert_eq!(
        intents,
        expected.map(|(intent, id)| (intent.to_owned(), id.to_owned()))
    );
}

#[test]
fn it_is_not_read_where_the_configuration_names_models_in_any_form() {
    for config in [
        json!({"routerUrl": "http://h", "models": [{"id": "a", "default": true}]}),
        json!({"routerUrl": "http://h", "modelMap": {"a": "a"}}),
    ] {
        let loaded = loaded(&config, "not even JSON").unwrap();
        assert_eq!(loaded.config.models.len(), 1);
        assert_eq!(loaded.config.models[0].id, "a");
    }
}

#[test]
fn the_first_that_answers_is_the_default_where_none_is_named() {
    let catalog = r#"{"models": [{"id": "bge-m3"}, {"id": "chat"}]}"#;
    let config = json!({"routerUrl": "http://h"});
    let loaded = loaded(&config, catalog).unwrap();
    assert_eq!(loaded.config.default_model().unwrap().id, "chat");
    assert_eq!(loaded.warnings, []);
}

#[test]
fn each_fault_has_its_code_and_its_place() {
    let cases = [
        ("", EMPTY_FILE, 'E', ""),
        ("{", INVALID_JSON, 'E', ""),
        ("[]", NOT_AN_OBJECT, 'E', ""),
        ("{}", BAD_CATALOG, 'E', "models"),
        (r#"{"models": {}}"#, BAD_CATALOG, 'E', "models"),
        (r#"{"models": [7]}"#, BAD_CATALOG, 'E', "models[0]"),
        (r#"{"models": [{}]}"#, MISSING_KEY, 'E', "models[0].id"),
        (
            r#"{"models": [{"id": 7}]}"#,
            BAD_CATALOG,
            'E',
            "models[0].id",
        ),
        (r#"{"models": [{"id": ""}]}"#, BAD_NAME, 'E', "models[0].id"),
        (
            r#"{"models": [{"id": "a", "channel": 1}]}"#,
            BAD_CATALOG,
            'E',
            "models[0].channel",
        ),
        (
            r#"{"models": [{"id": "a"}, {"id": "a"}]}"#,
            DUPLICATE_ID,
            'E',
            "models[1].id",
        ),
        (
            r#"{"models": [], "models": []}"#,
            DUPLICATE_KEY,
            'E',
            "models",
        ),
        (
            r#"{"models": [{"id": "a"}], "aliases": {"x": {}}}"#,
            BAD_CATALOG,
            'E',
            "aliases.x",
        ),
        (
            r#"{"models": [{"id": "a"}], "aliases": {"x ": "a"}}"#,
            BAD_NAME,
            'E',
            r#"aliases["x "]"#,
        ),
        (
            r#"{"models": [{"id": "a"}, {"id": "b"}], "aliases": {"b": "a"}}"#,
            ALIAS_IS_ID,
            'E',
            "aliases.b",
        ),
        (
            r#"{"models": [{"id": "a"}], "default_model": 1}"#,
            BAD_CATALOG,
            'E',
            "default_model",
        ),
        (
            r#"{"models": [{"id": "a"}], "intent_defaults": []}"#,
            BAD_CATALOG,
            'E',
            "intent_defaults",
        ),
        (
            r#"{"models": [{"id": "a", "channel": "nightly"}]}"#,
            UNKNOWN_CHANNEL,
            'W',
            "catalog.json: line 1: models[0].channel",
        ),
        (
            "{\"models\": [{\"id\": \"a\"}],\n\"default_model\": \"b\"}",
            UNKNOWN_TARGET,
            'W',
            "catalog.json: line 2: default_model",
        ),
        (
            r#"{"models": [{"id": "a"}], "intent_defaults": {"code": "b"}}"#,
            UNKNOWN_TARGET,
            'W',
            "catalog.json: line 1: intent_defaults.code",
        ),
        (
            r#"{"models": [{"id": "a"}]}"#,
            NO_ENDPOINT,
            'W',
            "routerUrl",
        ),
    ];
    for (text, code, weight, path) in cases {
        let problems = match loaded(&json!({}), text) {
            Ok(loaded) => loaded.warnings,
            Err(error) => {
                assert_eq!(error.role, Role::Catalog, "{text}");
                assert!(error.path.unwrap().ends_with("catalog.json"), "{text}");
                error.problems
            }
        };
        let severity = match weight {
            'E' => Severity::Error,
            _ => Severity::Warning,
        };
        let found = problems.iter().any(|problem| {
            (problem.code, problem.severity, problem.path.as_str()) == (code, severity, path)
        });
        assert!(found, "{code} in {text}: {problems:#?}");
    }
}

#[test]
fn a_catalog_that_a_variable_names_must_be_there() {
    let home = tempfile::tempdir().unwrap();
    let elsewhere = home.path().join("elsewhere.json");
    let env = Environment::from_iter([("OWLCODA_CATALOG_PATH", elsewhere.clone())]);
    let source = Source {
        catalog: find_catalog(home.path(), &env),
        ..Source::default()
    };
    let refused = load(&source, &env).unwrap_err();
    assert_eq!(refused.path, Some(elsewhere.clone()));
    assert_eq!(refused.problems[0].code, FILE_NOT_FOUND);
    let before = Fingerprint::of(&source);
    fs_err::write(&elsewhere, r#"{"models": [{"id": "a"}]}"#).unwrap();
    assert_ne!(Fingerprint::of(&source), before, "it is one of the files");
    assert_eq!(load(&source, &env).unwrap().config.models[0].id, "a");
    assert_eq!(find_catalog(home.path(), &Environment::default()), None);
}
