//! The schema of a tool's arguments, in the form that chat servers take.

use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};

use super::error::TranslateError;
use crate::object::RawFields;

/// A schema as a chat server wants it: an object schema that says so, without
/// the `$schema` line that some of them refuse. All else stays byte for byte.
pub(super) fn parameters<'a>(
    schema: Option<&'a RawValue>,
    path: &str,
) -> Result<Cow<'a, RawValue>, TranslateError> {
    let Some(schema) = schema else {
        return raw(&empty_object_schema(), path);
    };
    let mut fields: RawFields = serde_json::from_str(schema.get()).map_err(|_| {
        TranslateError::invalid(format!("{path}.input_schema"), "expected an object")
    })?;
    let is_object = fields.get("type").is_some();
    if is_object && fields.get("$schema").is_none() {
        return Ok(Cow::Borrowed(schema));
    }
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

fn raw<'a>(fields: &RawFields, path: &str) -> Result<Cow<'a, RawValue>, TranslateError> {
    to_raw_value(fields)
        .map(Cow::Owned)
        .map_err(|error| TranslateError::invalid(format!("{path}.input_schema"), error.to_string()))
}
