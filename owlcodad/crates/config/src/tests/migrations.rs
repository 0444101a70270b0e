//! Older forms of the file: what becomes of them, and what never gets lost.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{any_json, good, no_env, said};
use crate::keys::{Effect, KEYS};
use crate::migrate::migrate;
use crate::{CONFIG_VERSION, Environment, FileTrust, ModelTarget, Protocol, Severity, code};

/// The document after all steps, and what they did, as `version path`.
fn migrated(document: Value) -> (Value, Vec<String>) {
    let Value::Object(mut document) = document else {
        panic!("an object")
    };
    let journal = migrate(&mut document).unwrap();
    let changes = journal.changes.iter();
    let changes = changes.map(|change| format!("{} {}", change.version, change.path));
    (Value::Object(document), changes.collect())
}

#[test]
fn each_step_does_what_it_says_and_nothing_else() {
    let now = |rest: Value| {
        let mut document = json!({"configVersion": CONFIG_VERSION, "port": 8019});
        document
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        document
    };
    let cases = [
        (
            json!({}),
            now(json!({})),
            &["1 configVersion", "4 port"][..],
        ),
        (
            json!({"port": 1, "configVersion": 1, "routerUrl": "http://h:1//"}),
            now(json!({"port": 1, "routerUrl": "http://h:1"})),
            &["2 routerUrl"],
        ),
        (
            json!({"configVersion": 2, "port": 1, "models": [{"id": "a"}, {"id": "b", "backendModel": "c"}, 7, {"id": " "}]}),
            now(
                json!({"port": 1, "models": [{"id": "a", "backendModel": "a"}, {"id": "b", "backendModel": "c"}, 7, {"id": " "}]}),
            ),
            &["3 models"],
        ),
        (
            json!({"configVersion": 3, "port": null}),
            now(json!({})),
            &["4 port"],
        ),
        (
            json!({"configVersion": 4, "port": 8019, "modelMap": {
                "claude-opus": "big", "claude-sonnet": "mid", "gpt": "big", "mid": "big"},
                "defaultModel": "gpt", "reverseMapInResponse": false}),
            now(json!({"responseModelStyle": "platform", "models": [
                {"id": "big", "backendModel": "big", "aliases": ["claude-opus", "gpt", "mid"],
                    "tier": "heavy", "default": true},
                {"id": "claude-sonnet", "backendModel": "mid", "tier": "balanced"}]})),
            &["5 modelMap", "5 reverseMapInResponse", "5 defaultModel"],
        ),
        (
            json!({"configVersion": 4, "port": 8019, "modelMap": {"quick-haiku": "s", "s": "s"}}),
            now(json!({"responseModelStyle": "requested", "models": [
                {"id": "s", "backendModel": "s", "aliases": ["quick-haiku"], "tier": "fast",
                    "default": true}]})),
            &["5 modelMap", "5 responseModelStyle"],
        ),
        (
            json!({"configVersion": 4, "port": 8019, "models": [{"id": "a", "aliases": ["x"]}], "defaultModel": "x"}),
            now(json!({"models": [{"id": "a", "aliases": ["x"], "default": true}]})),
            &["5 defaultModel"],
        ),
        (
            json!({"configVersion": 5, "port": 8019, "backends": [
                "ollama", {"type": "vllm"}, {"name": "mine", "baseUrl": "http://h:1"},
                {"type": "lmstudio", "enabled": false}, "http://h:2"]}),
            now(json!({"discovery": {"endpoints": [
                "http://127.0.0.1:11434", "http://127.0.0.1:8000", "http://h:1", "http://h:2"]}})),
            &["6 backends"],
        ),
        (
            json!({"configVersion": 5, "port": 8019, "backends": [], "discovery": {"enabled": true}}),
            now(json!({"discovery": {"enabled": true, "endpoints": []}})),
            &["6 backends"],
        ),
        (
            json!({"configVersion": 6, "port": 8019, "responseModelStyle": "compatibility_alias"}),
            now(json!({"responseModelStyle": "platform"})),
            &["7 responseModelStyle"],
        ),
        (
            json!({"configVersion": 7, "port": 8019, "adminToken": ""}),
            now(json!({})),
            &["8 adminToken"],
        ),
        (now(json!({})), now(json!({})), &[]),
    ];
    for (before, after, changes) in cases {
        assert_eq!(
            migrated(before.clone()),
            (after, changes.iter().map(|it| (*it).to_owned()).collect()),
            "{before}"
        );
    }
}

#[test]
fn what_the_file_says_in_vain_is_a_warning_at_its_line() {
    let cases = [
        (r#"{"adminToken": "sk-1"}"#, "adminToken"),
        (
            r#"{"models": [{"id": "a", "default": true}], "routerUrl": "http://h",
                "modelMap": {"x": "y"}}"#,
            "modelMap",
        ),
        (r#"{"defaultModel": "nowhere"}"#, "defaultModel"),
        (r#"{"backends": [{"colour": "red"}]}"#, "backends[0]"),
        (r#"{"backends": "ollama"}"#, "backends"),
        (
            r#"{"backends": ["ollama"], "discovery": {"endpoints": ["http://h"]}}"#,
            "backends",
        ),
    ];
    for (text, path) in cases {
        let problems = said(text, &no_env(), &FileTrust::FULL);
        let found: Vec<_> = problems
            .iter()
            .map(|it| (it.severity, it.code, it.path.as_str(), it.line.is_some()))
            .collect();
        let expected = (Severity::Warning, code::NOT_CARRIED_OVER, path, true);
        assert_eq!(found, [expected], "{text}: {problems:#?}");
    }
}

#[test]
fn a_problem_of_what_a_step_made_is_at_the_place_that_the_person_wrote() {
    let text = "{\n\"modelMap\": {\n\"x\": \"a\",\n\"y \": \"a\"\n},\n\"backends\": [\n\"ollama\",\n\"ftp://h\"]}";
    let problems = said(text, &no_env(), &FileTrust::FULL);
    let found: Vec<_> = problems
        .iter()
        .map(|problem| (problem.code, problem.path.as_str(), problem.line))
        .collect();
    assert_eq!(
        found,
        [
            (code::BAD_NAME, r#"modelMap["y "]"#, Some(4)),
            (code::BAD_ENDPOINT, "backends[1]", Some(8)),
            (code::NO_ENDPOINT, "modelMap.x", Some(3)),
        ]
    );
}

#[test]
fn a_file_of_a_newer_version_is_one_error_that_says_so() {
    let text = format!(
        "{{\n\"surprise\": 1,\n\"configVersion\": {}}}",
        CONFIG_VERSION + 1
    );
    let problems = said(&text, &no_env(), &FileTrust::FULL);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let problem = &problems[0];
    assert_eq!(
        (problem.code, problem.path.as_str(), problem.line),
        (code::NEWER_CONFIG, "configVersion", Some(3))
    );
    assert!(problem.message.contains("version 9"), "{problem}");
    assert!(problem.message.contains("newer owlcodad"), "{problem}");
}

#[test]
fn an_older_key_in_a_file_of_today_is_an_error_with_the_way_out() {
    for (key, value) in [
        ("modelMap", json!({"a": "b"})),
        ("defaultModel", json!("a")),
        ("reverseMapInResponse", json!(true)),
        ("backends", json!([])),
        ("adminToken", json!("")),
    ] {
        let text = json!({"configVersion": CONFIG_VERSION, key: value}).to_string();
        let problems = said(&text, &no_env(), &FileTrust::FULL);
        let found: Vec<_> = problems.iter().map(|it| (it.code, &*it.path)).collect();
        assert_eq!(found, [(code::OLD_KEY, key)]);
        assert!(problems[0].message.contains("owlcodad config migrate"));
    }
}

#[test]
fn the_protocol_of_a_local_server_holds_where_nothing_else_says_one() {
    let case = |top: &str, model: Value, variable: &str| {
        let mut model = model;
        model["id"] = json!("a");
        model["default"] = json!(true);
        let text = json!({
            "routerUrl": "http://h:1", "localRuntimeProtocol": top, "models": [model]});
        let env = Environment::from_iter([("OWLCODA_LOCAL_RUNTIME_PROTOCOL", variable)]);
        let loaded = crate::parse(&text.to_string(), &env, &FileTrust::FULL).unwrap();
        loaded.config.models[0].protocol
    };
    let (chat, messages) = (Protocol::OpenAi, Protocol::Anthropic);
    let cases = [
        ("auto", json!({}), "", chat),
        ("anthropic_messages", json!({}), "", messages),
        ("openai_chat", json!({}), "anthropic_messages", messages),
        ("anthropic_messages", json!({}), "openai_chat", chat),
        ("anthropic_messages", json!({}), "auto", chat),
        // Another server than that at `routerUrl`.
        (
            "anthropic_messages",
            json!({"endpoint": "http://h:2"}),
            "",
            chat,
        ),
        (
            "anthropic_messages",
            json!({"provider": "ollama"}),
            "",
            chat,
        ),
        // A model of its own mind.
        (
            "anthropic_messages",
            json!({"protocol": "openai"}),
            "",
            chat,
        ),
        (
            "anthropic_messages",
            json!({"localRuntimeProtocol": "openai_chat"}),
            "",
            chat,
        ),
        (
            "auto",
            json!({"localRuntimeProtocol": "anthropic_messages", "endpoint": "http://h:2"}),
            "",
            messages,
        ),
        (
            "auto",
            json!({"localRuntimeProtocol": "anthropic_messages", "protocol": "openai"}),
            "",
            chat,
        ),
        (
            "auto",
            json!({"localRuntimeProtocol": "anthropic_messages", "protocol": "auto"}),
            "",
            messages,
        ),
    ];
    for (top, model, variable, expected) in cases {
        let found = case(top, model.clone(), variable);
        assert_eq!(found, expected, "{top} {model} {variable}");
    }
}

#[test]
fn a_map_of_names_routes_as_it_did() {
    let map = [("a", "b"), ("b", "c"), ("c", "c"), ("d", "b"), ("e", "e")];
    let text = json!({"routerUrl": "http://h:1", "modelMap": map.into_iter().collect::<std::collections::BTreeMap<_, _>>()});
    let loaded = good(&text.to_string());
    assert_eq!(loaded.warnings, []);
    for (name, backend) in map {
        let is_it =
            |id: &str, aliases: &[String]| id == name || aliases.iter().any(|it| it == name);
        let models = loaded.config.models.iter();
        let found: Vec<_> = models
            .filter(|model| is_it(&model.id, &model.aliases))
            .map(|model| (model.backend_model.as_str(), &model.target))
            .collect();
        let ModelTarget::Endpoint(at) = found[0].1 else {
            panic!("an endpoint")
        };
        assert_eq!((found.len(), found[0].0), (1, backend), "{name}");
        assert_eq!(at.root(), "http://h:1");
    }
}

/// Keys that the steps may take out.
fn is_older(name: &str) -> bool {
    KEYS.iter()
        .any(|key| key.path == name && matches!(key.effect, Effect::Older(_)))
}

fn any_document() -> impl Strategy<Value = Map<String, Value>> {
    let old = prop_oneof![
        ("modelMap", any_json()),
        (
            "modelMap",
            proptest::collection::vec(("[a-d]", "[a-d]"), 0..5).prop_map(|pairs| {
                pairs
                    .into_iter()
                    .map(|(name, to)| (name, Value::from(to)))
                    .collect::<Map<_, _>>()
                    .into()
            }),
        ),
        (
            "defaultModel",
            prop_oneof!["[a-d]".prop_map(Value::from), any_json()]
        ),
        (
            "reverseMapInResponse",
            prop_oneof![any::<bool>().prop_map(Value::from), any_json()]
        ),
        ("backends", any_json()),
        (
            "backends",
            proptest::collection::vec(any_json(), 0..4).prop_map(Value::from)
        ),
        ("discovery", any_json()),
        ("models", any_json()),
        (
            "models",
            proptest::collection::vec(any_json(), 0..3).prop_map(Value::from)
        ),
        ("responseModelStyle", any_json()),
        ("adminToken", any_json()),
        (
            "routerUrl",
            "https?://[a-z]{0,3}/{0,3}".prop_map(Value::from)
        ),
        ("configVersion", (0..=CONFIG_VERSION).prop_map(Value::from)),
        ("port", any_json()),
    ];
    let entry = prop_oneof![3 => old, 1 => ("[a-z]{1,12}", any_json())];
    proptest::collection::vec(entry, 0..8).prop_map(|pairs| pairs.into_iter().collect())
}

proptest! {
    #[test]
    fn a_migrated_file_is_as_it_is_for_ever(document in any_document()) {
        let mut once = document;
        migrate(&mut once).unwrap();
        prop_assert_eq!(&once["configVersion"], &json!(CONFIG_VERSION));
        let mut twice = once.clone();
        let journal = migrate(&mut twice).unwrap();
        prop_assert_eq!(journal.changes, vec![]);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn no_key_that_is_not_of_older_versions_is_lost(document in any_document()) {
        let mut migrated = document.clone();
        migrate(&mut migrated).unwrap();
        for (name, value) in &document {
            let is_touched = ["models", "discovery", "responseModelStyle", "routerUrl", "port",
                "configVersion"].contains(&name.as_str());
            if is_older(name) {
                continue;
            }
            prop_assert!(migrated.contains_key(name), "{} is gone", name);
            if !is_touched {
                prop_assert_eq!(&migrated[name], value);
            }
        }
        // What is within the entries stays too.
        if let (Some(Value::Array(before)), Some(Value::Array(after))) =
            (document.get("models"), migrated.get("models"))
        {
            for (before, after) in before.iter().zip(after) {
                for (key, value) in before.as_object().into_iter().flatten() {
                    let is_filled = ["backendModel", "default"].contains(&key.as_str());
                    prop_assert!(after[key] == *value || is_filled, "{key}");
                }
            }
        }
    }

    #[test]
    fn any_older_document_leads_to_a_configuration_or_to_problems(document in any_document()) {
        said(&Value::Object(document).to_string(), &no_env(), &FileTrust::FULL);
    }
}
