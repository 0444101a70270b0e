//! What makes two requests the same: every field of the body, whatever its order and spacing, who
//! answers, and the name that the answer carries.

use owlcoda_models::Model;
use owlcoda_wire::fault::Dialect;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::call::{Call, Request};

/// A SHA-256 over all of it.
pub(crate) type Key = [u8; 32];

/// The key of `call`, answered by `model` under the name `shown`. None for a request whose body is
/// not at hand.
pub(crate) fn key_of(call: &Call, model: &Model, shown: &str) -> Option<Key> {
    let mut hash = Sha256::new();
    let dialect = match call.request.dialect() {
        Dialect::Anthropic => "anthropic",
        Dialect::OpenAi => "openai",
    };
    for part in [
        dialect,
        shown,
        &model.id,
        &model.backend_model,
        &model.endpoint_id(),
    ] {
        text(&mut hash, part);
    }
    for (name, value) in &call.forwarded {
        text(&mut hash, name);
        text(&mut hash, value);
    }
    match &call.request {
        Request::Messages(_) => {
            let body: Value = serde_json::from_slice(call.raw.as_ref()?).ok()?;
            add(&mut hash, &body);
        }
        Request::Chat(request) => {
            let fields = request.iter().map(|(name, raw)| {
                let value: Value = raw.read()?;
                Some((name.to_owned(), value))
            });
            let body: serde_json::Map<_, _> = fields.collect::<Option<_>>()?;
            add(&mut hash, &Value::Object(body));
        }
    }
    Some(hash.finalize().into())
}

/// Every value begins with its kind and its length, so that no two documents are one.
fn add(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hash.update(b"z"),
        Value::Bool(true) => hash.update(b"t"),
        Value::Bool(false) => hash.update(b"f"),
        Value::Number(number) => {
            hash.update(b"n");
            // 0 and 0.0 are one number.
            let whole = number
                .as_f64()
                .filter(|float| float.fract() == 0.0 && float.abs() < 1e15);
            match whole {
                Some(whole) => text(hash, &format!("{whole:.0}")),
                None => text(hash, &number.to_string()),
            }
        }
        Value::String(string) => {
            hash.update(b"s");
            text(hash, string);
        }
        Value::Array(items) => {
            hash.update(b"a");
            length(hash, items.len());
            for item in items {
                add(hash, item);
            }
        }
        Value::Object(fields) => {
            hash.update(b"o");
            length(hash, fields.len());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in fields {
                text(hash, name);
                add(hash, value);
            }
        }
    }
}

fn text(hash: &mut Sha256, text: &str) {
    length(hash, text.len());
    hash.update(text.as_bytes());
}

fn length(hash: &mut Sha256, n: usize) {
    hash.update((n as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hashed(text: &str) -> Key {
        let mut hash = Sha256::new();
        add(&mut hash, &serde_json::from_str(text).unwrap());
        hash.finalize().into()
    }

    #[test]
    fn order_and_spacing_make_no_difference_and_neither_does_the_way_a_number_is_written() {
        let one = hashed(r#"{"a": 1, "b": {"c": [1, 2], "d": "x"}, "temperature": 0}"#);
        let two = hashed(r#"{"temperature":0.0,"b":{"d":"\u0078","c":[1,2]},"a":1}"#);
        assert_eq!(one, two);
    }

    #[test]
    fn everything_else_makes_a_difference() {
        let all = [
            json!({}),
            json!([]),
            json!(null),
            json!(false),
            json!(""),
            json!(0),
            json!(0.5),
            json!({"a": 1}),
            json!({"a": "1"}),
            json!({"a": [1]}),
            json!({"a": null}),
            json!({"b": 1}),
            json!({"a": {"b": 1}}),
            json!({"a": {}, "b": 1}),
            json!(["a", "b"]),
            json!(["ab"]),
            json!(["b", "a"]),
            json!([["a"], "b"]),
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_992_u64),
            json!(1e300),
            json!(-1),
        ];
        let distinct: std::collections::BTreeSet<_> =
            all.iter().map(|value| hashed(&value.to_string())).collect();
        assert_eq!(distinct.len(), all.len());
    }
}
