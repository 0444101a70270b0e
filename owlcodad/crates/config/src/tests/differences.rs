//! What is told of two configurations that differ.

use serde_json::{Value, json};

use crate::{Difference, Environment, InForce, Source, differences, settings};

fn in_force(text: &str) -> InForce {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.json");
    fs_err::write(&path, text).unwrap();
    let source = Source {
        path: Some(path),
        ..Source::default()
    };
    let (settings, loaded) = settings(&source, &Environment::default()).unwrap();
    InForce {
        config: loaded.config,
        settings,
    }
}

fn between(before: &Value, after: &Value) -> Vec<Difference> {
    differences(
        &in_force(&before.to_string()),
        &in_force(&after.to_string()),
    )
}

fn shown(path: &str, before: Value, after: Value) -> Difference {
    let value = |value: Value| Some(value).filter(|value| !value.is_null());
    Difference {
        path: path.to_owned(),
        before: value(before),
        after: value(after),
        is_hidden: false,
    }
}

fn model(id: &str, port: u16) -> Value {
    json!({"id": id, "endpoint": format!("http://h:{port}/v1"), "default": id == "a"})
}

#[test]
fn values_are_told_as_they_were_and_as_they_are_and_alike_is_nothing() {
    let before = json!({"port": 1, "logLevel": "info", "models": [model("a", 1)]});
    assert_eq!(between(&before, &before), []);
    let mut after = before.clone();
    after["port"] = json!(2);
    after["logLevel"] = json!(null);
    after["logFilePath"] = json!("log");
    after["models"][0]["price"] = json!({"input": 1, "output": 2});
    let price = json!({"input": 1, "output": 2});
    assert_eq!(
        between(&before, &after),
        [
            shown("port", json!(1), json!(2)),
            shown("logFilePath", json!(null), json!("log")),
            shown("models[\"a\"].price", json!(null), price),
        ]
    );
}

#[test]
fn an_entry_is_held_against_the_one_of_its_name_wherever_it_stands() {
    let before = json!({"models": [model("a", 1), model("b", 2)]});
    let after = json!({"models": [model("c", 3), model("b", 4), model("a", 1)]});
    let found = between(&before, &after);
    assert_eq!(found.len(), 2, "{found:?}");
    let moved = (json!("http://h:2/v1"), json!("http://h:4/v1"));
    assert_eq!(found[0], shown("models[\"b\"].endpoint", moved.0, moved.1));
    assert_eq!(
        (found[1].path.as_str(), &found[1].before),
        ("models[\"c\"]", &None)
    );
    let new = found[1].after.as_ref().unwrap();
    assert_eq!(new["endpoint"], "http://h:3/v1");
    let turned = json!({"models": [model("b", 2), model("a", 1)]});
    let order = shown("models", json!(["a", "b"]), json!(["b", "a"]));
    assert_eq!(between(&before, &turned), [order]);
}

#[test]
fn a_secret_that_differs_is_told_and_never_shown() {
    let with = |secret: &str| {
        let mut model = model("a", 1);
        model["apiKey"] = json!(format!("sk-{secret}"));
        model["headers"] = json!({"x-k": format!("sk-{secret}")});
        json!({"models": [model], "runtimes": [{
            "name": "r", "command": "c", "env": {"K": format!("sk-{secret}")},
            "args": ["{port}", "--api-key", format!("sk-{secret}")],
        }]})
    };
    assert_eq!(between(&with("one"), &with("one")), []);
    let found = between(&with("one"), &with("two"));
    let paths: Vec<_> = found.iter().map(|it| it.path.as_str()).collect();
    let expected = [
        "models[\"a\"].apiKey",
        "models[\"a\"].headers",
        "runtimes[\"r\"].env",
        "runtimes[\"r\"].args",
    ];
    assert_eq!(paths, expected);
    assert!(found.iter().all(|it| it.is_hidden), "{found:?}");
    assert!(!format!("{found:?}").contains("sk-"), "{found:?}");
    // One that comes or goes is a value like others, as far as it is shown.
    let found = between(&with("one"), &json!({"models": [model("a", 1)]}));
    assert_eq!(
        found[0],
        shown("models[\"a\"].headers", json!({"x-k": "***"}), json!({}))
    );
    assert_eq!(
        found[1],
        shown("models[\"a\"].apiKey", json!("***"), json!(null))
    );
    assert_eq!(found[2].path, "runtimes[\"r\"]");
    assert!(!format!("{found:?}").contains("sk-"), "{found:?}");
}
