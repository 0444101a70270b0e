//! The schema of a tool's arguments, in the form that chat servers take.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::to_raw_value;

use super::error::TranslateError;
use super::keywords::without_grammarless;
use super::request::Dropped;
use crate::object::{RawFields, Str};
use crate::quirks::SchemaKeywords;

/// A schema as a chat server wants it, without the keywords that it has no grammar for.
pub(super) fn parameters_with<'a>(
    schema: Option<&'a str>,
    keywords: SchemaKeywords,
    path: fmt::Arguments<'_>,
    dropped: &mut Dropped,
) -> Result<Cow<'a, str>, TranslateError> {
    let parameters = parameters(schema, path)?;
    Ok(match keywords {
        SchemaKeywords::Any => parameters,
        SchemaKeywords::WithGrammar => match without_grammarless(&parameters, dropped) {
            Some(kept) => Cow::Owned(kept.get().to_owned()),
            None => parameters,
        },
    })
}

/// A schema, as JSON, as a chat server wants it: an object schema that says so, without
/// the `$schema` line that some of them refuse. All else stays byte for byte.
pub(super) fn parameters<'a>(
    schema: Option<&'a str>,
    path: fmt::Arguments<'_>,
) -> Result<Cow<'a, str>, TranslateError> {
    let Some(schema) = schema else {
        return raw(&empty_object_schema(), path);
    };
    // Most schemas tell without being read.
    if schema.starts_with("{\"type\":")
        && memchr::memmem::find(schema.as_bytes(), b"$schema").is_none()
    {
        return Ok(Cow::Borrowed(schema));
    }
    let not_an_object =
        |_| TranslateError::invalid(format!("{path}.input_schema"), "expected an object");
    let keys: Keys = serde_json::from_str(schema).map_err(not_an_object)?;
    if keys.has_type && !keys.has_schema {
        return Ok(Cow::Borrowed(schema));
    }
    let is_object = keys.has_type;
    let mut fields: RawFields = serde_json::from_str(schema).map_err(not_an_object)?;
    fields.remove("$schema");
    if is_object {
        return raw(&fields, path);
    }
    let mut typed = object_type();
    if fields.is_empty() {
        typed = empty_object_schema();
    }
    for (name, value) in fields.iter() {
        typed.push(name, value.to_owned());
    }
    raw(&typed, path)
}

/// Which of the keys that matter a schema has.
#[derive(Default)]
struct Keys {
    has_type: bool,
    has_schema: bool,
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Keys::default();
                while let Some(Str(key)) = map.next_key()? {
                    keys.has_type |= key == "type";
                    keys.has_schema |= key == "$schema";
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(keys)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn object_type() -> RawFields {
    let mut fields = RawFields::default();
    fields.push("type", to_raw_value("object").unwrap_or_default());
    fields
}

fn empty_object_schema() -> RawFields {
    let mut fields = object_type();
    fields.push(
        "properties",
        to_raw_value(&RawFields::default()).unwrap_or_default(),
    );
    fields
}

fn raw<'a>(fields: &RawFields, path: fmt::Arguments<'_>) -> Result<Cow<'a, str>, TranslateError> {
    serde_json::to_string(fields)
        .map(Cow::Owned)
        .map_err(|error| TranslateError::invalid(format!("{path}.input_schema"), error.to_string()))
}
