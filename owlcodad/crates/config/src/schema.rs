//! The table of keys as a JSON Schema, with which editors complete and check the file, and as an
//! example of a file.

use serde_json::{Map, Value, json};

use crate::keys::{Effect, KEYS, Key, Kind};

/// What `$schema` of a schema says that is written in this form.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema, in the form of 2020-12. It knows types, limits, names and what is required; what needs
/// more than one key to be told is left to `owlcodad validate`.
pub fn schema() -> Value {
    let mut schema = object("");
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("$schema".to_owned(), json!(DRAFT));
        fields.insert("title".to_owned(), json!("Configuration of owlcodad"));
    }
    schema
}

/// A file that says what holds anyway: each key with its default, and two models to begin with.
pub fn example() -> Value {
    let mut example = Value::Object(defaults(""));
    if let Some(fields) = example.as_object_mut() {
        fields.insert("$schema".to_owned(), json!("./config.schema.json"));
        let models = json!([
            {
                "id": "qwen3-coder:30b",
                "label": "Qwen3 Coder 30B",
                "backendModel": "qwen3-coder:30b",
                "endpoint": "http://127.0.0.1:11434/v1",
                "aliases": ["balanced", "default"],
                "tier": "balanced",
                "contextWindow": 131_072,
                "default": true,
            },
            {
                "id": "gpt-oss:20b",
                "label": "gpt-oss 20B",
                "endpoint": "http://127.0.0.1:11434/v1",
                "aliases": ["fast"],
                "tier": "fast",
            },
        ]);
        fields.insert("models".to_owned(), models);
    }
    example
}

fn keys_of(group: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.group() == group)
}

/// The schema of an object whose keys are in `group`.
fn object(group: &str) -> Value {
    let properties: Map<String, Value> = keys_of(group)
        .map(|key| (key.name().to_owned(), property(key)))
        .collect();
    let required: Vec<&str> = keys_of(group)
        .filter(|key| key.is_required)
        .map(Key::name)
        .collect();
    let mut object = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if let (false, Some(fields)) = (required.is_empty(), object.as_object_mut()) {
        fields.insert("required".to_owned(), json!(required));
    }
    object
}

fn property(key: &Key) -> Value {
    let mut property = value(key);
    let Some(fields) = property.as_object_mut() else {
        return property;
    };
    // A key that is `null` is one that was left out.
    if let (false, Some(Value::String(kind))) = (key.is_required, fields.get("type").cloned()) {
        fields.insert("type".to_owned(), json!([kind, "null"]));
    }
    if let (false, Some(Value::Array(names))) = (key.is_required, fields.get_mut("enum")) {
        names.push(Value::Null);
    }
    let description = match key.effect {
        Effect::Used | Effect::Version | Effect::Editor => key.meaning.to_owned(),
        Effect::Older(now) => format!("Of older versions; today: {now}."),
        Effect::Unused(_) => "Known from other versions, and without effect.".to_owned(),
    };
    fields.insert("description".to_owned(), json!(description));
    if matches!(key.effect, Effect::Older(_) | Effect::Unused(_)) {
        fields.insert("deprecated".to_owned(), json!(true));
    }
    let is_group = matches!(key.kind, Kind::Group | Kind::GroupList);
    if let (false, Ok(default)) = (is_group, serde_json::from_str::<Value>(key.default)) {
        fields.insert("default".to_owned(), default);
    }
    property
}

fn value(key: &Key) -> Value {
    match key.kind {
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Whole(least, most) => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        Kind::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
        Kind::Text => json!({"type": "string"}),
        Kind::Name => json!({"type": "string", "minLength": 1}),
        Kind::OneOf(names) => json!({"enum": names}),
        Kind::TextList => json!({"type": "array", "items": {"type": "string"}}),
        Kind::NameList => json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
        Kind::TextMap => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Kind::Group => object(key.path),
        Kind::GroupList => {
            json!({"type": "array", "items": object(&format!("{}[]", key.path))})
        }
        Kind::Anything => json!({}),
    }
}

/// What holds for the keys in `group` where a file says nothing.
fn defaults(group: &str) -> Map<String, Value> {
    let mut found = Map::new();
    for key in keys_of(group) {
        if !matches!(key.effect, Effect::Used | Effect::Version) {
            continue;
        }
        let default = match key.kind {
            Kind::Group => {
                let group = defaults(key.path);
                (!group.is_empty()).then_some(Value::Object(group))
            }
            Kind::GroupList => None,
            _ if matches!(key.effect, Effect::Version) => Some(json!(crate::CONFIG_VERSION)),
            _ => serde_json::from_str(key.default).ok(),
        };
        if let Some(default) = default.filter(|default| !default.is_null()) {
            found.insert(key.name().to_owned(), default);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    fn pretty(value: &Value) -> String {
        serde_json::to_string_pretty(value).unwrap() + "\n"
    }

    /// After a change of the table: `UPDATE_EXPECT=1 cargo test -p owlcoda-config packaged`.
    #[test]
    fn the_packaged_schema_and_example_are_those_of_the_table() {
        let packaging = "../../../../packaging";
        expect_file![format!("{packaging}/config.schema.json")].assert_eq(&pretty(&schema()));
        expect_file![format!("{packaging}/config.example.json")].assert_eq(&pretty(&example()));
    }

    #[test]
    fn every_key_has_its_place_in_the_schema() {
        let schema = schema();
        for key in KEYS {
            let mut at = &schema;
            for name in key.path.split('.') {
                let (name, is_list) = match name.strip_suffix("[]") {
                    Some(name) => (name, true),
                    None => (name, false),
                };
                at = &at["properties"][name];
                assert!(at["description"].is_string(), "{}", key.path);
                if is_list {
                    at = &at["items"];
                }
            }
        }
        assert_eq!(
            schema["properties"]["models"]["items"]["required"],
            json!(["id"])
        );
    }
}
