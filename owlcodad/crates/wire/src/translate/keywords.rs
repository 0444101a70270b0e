//! Keywords of a tool's schema that servers with a grammar compiler refuse.
//!
//! They only narrow what the arguments may be; without them the model is freer, and whoever runs the
//! tool checks anyway. With one of them the server refuses the whole request.

use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};

use super::request::Dropped;
use crate::object::RawFields;

/// Least bound on a length that is left out. llama.cpp writes a grammar rule for each step, and
/// stops at 2000 with all of them multiplied.
const MAX_BOUND: f64 = 1000.0;

/// Deepest schema that is looked into; a grammar would not be made of one like that either.
const MAX_DEPTH: usize = 32;

/// What a keyword's value is.
enum Holds {
    /// A schema, or a list of them.
    Schemas,
    /// Schemas by name.
    Named,
    /// A bound on a length.
    Bound,
    /// Something that no grammar is made of.
    Grammarless,
    /// Values, names, words.
    Other,
}

fn holds(keyword: &str) -> Holds {
    match keyword {
        "pattern" | "patternProperties" | "propertyNames" => Holds::Grammarless,
        "minLength" | "maxLength" | "minItems" | "maxItems" => Holds::Bound,
        "properties" | "$defs" | "definitions" => Holds::Named,
        "items" | "prefixItems" | "additionalProperties" | "anyOf" | "oneOf" | "allOf" => {
            Holds::Schemas
        }
        _ => Holds::Other,
    }
}

/// `schema`, as JSON, without them, or none where it has none. Each is named once in `dropped`.
pub(super) fn without_grammarless(schema: &str, dropped: &mut Dropped) -> Option<Box<RawValue>> {
    let contains = |word: &str| schema.contains(word);
    if !["attern", "Length", "Items", "propertyNames"]
        .into_iter()
        .any(contains)
    {
        return None;
    }
    match of_schema(serde_json::from_str(schema).ok()?, MAX_DEPTH, dropped) {
        Cow::Borrowed(_) => None,
        Cow::Owned(kept) => Some(kept),
    }
}

/// Borrowed where nothing had to go.
fn of_schema<'a>(schema: &'a RawValue, depth: usize, dropped: &mut Dropped) -> Cow<'a, RawValue> {
    match schema.get().as_bytes().first() {
        Some(b'{') if depth > 0 => {}
        Some(b'[') if depth > 0 => return of_list(schema, depth - 1, dropped),
        _ => return Cow::Borrowed(schema),
    }
    let Ok(fields) = serde_json::from_str::<RawFields>(schema.get()) else {
        return Cow::Borrowed(schema);
    };
    let mut kept = RawFields::default();
    let mut is_changed = false;
    for (name, value) in fields.iter() {
        let new = match holds(name) {
            Holds::Grammarless => None,
            Holds::Bound if is_too_long(value) => None,
            Holds::Bound | Holds::Other => Some(Cow::Borrowed(value)),
            Holds::Schemas => Some(of_schema(value, depth - 1, dropped)),
            Holds::Named => Some(of_named(value, depth - 1, dropped)),
        };
        match new {
            None => {
                dropped.add(&format!("tools.input_schema.{name}"));
                is_changed = true;
            }
            Some(new) => {
                is_changed |= matches!(new, Cow::Owned(_));
                kept.push(name, new.into_owned());
            }
        }
    }
    written(schema, is_changed, &kept)
}

/// An object whose members are schemas, whatever they are called.
fn of_named<'a>(object: &'a RawValue, depth: usize, dropped: &mut Dropped) -> Cow<'a, RawValue> {
    let Ok(fields) = serde_json::from_str::<RawFields>(object.get()) else {
        return Cow::Borrowed(object);
    };
    let mut kept = RawFields::default();
    let mut is_changed = false;
    for (name, value) in fields.iter() {
        let new = of_schema(value, depth, dropped);
        is_changed |= matches!(new, Cow::Owned(_));
        kept.push(name, new.into_owned());
    }
    written(object, is_changed, &kept)
}

fn of_list<'a>(list: &'a RawValue, depth: usize, dropped: &mut Dropped) -> Cow<'a, RawValue> {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else {
        return Cow::Borrowed(list);
    };
    let kept: Vec<_> = items
        .into_iter()
        .map(|item| of_schema(item, depth, dropped))
        .collect();
    let is_changed = kept.iter().any(|item| matches!(item, Cow::Owned(_)));
    written(list, is_changed, &kept)
}

fn written<'a>(
    old: &'a RawValue,
    is_changed: bool,
    new: &impl serde::Serialize,
) -> Cow<'a, RawValue> {
    if !is_changed {
        return Cow::Borrowed(old);
    }
    // Cannot fail: what it is made of was JSON.
    to_raw_value(new).map_or(Cow::Borrowed(old), Cow::Owned)
}

fn is_too_long(bound: &RawValue) -> bool {
    bound
        .get()
        .parse::<f64>()
        .is_ok_and(|bound| bound >= MAX_BOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(schema: &str) -> (String, Vec<String>) {
        let raw: Box<RawValue> = serde_json::from_str(schema).unwrap();
        let mut dropped = Dropped::default();
        let kept = without_grammarless(raw.get(), &mut dropped);
        let text = kept.map_or_else(|| schema.to_owned(), |kept| kept.get().to_owned());
        (text, dropped.0)
    }

    #[test]
    fn what_no_grammar_is_made_of_goes_wherever_it_stands_and_nothing_else_does() {
        let schema = r#"{"type":"object","properties":{"pattern":{"type":"string","pattern":"\\S"},"n":{"type":"integer","minimum":1.0},"list":{"type":"array","items":{"anyOf":[{"type":"string","maxLength":10000},{"type":"string","maxLength":80}]},"maxItems":5}},"required":["pattern"]}"#;
        let expected = r#"{"type":"object","properties":{"pattern":{"type":"string"},"n":{"type":"integer","minimum":1.0},"list":{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"string","maxLength":80}]},"maxItems":5}},"required":["pattern"]}"#;
        let (text, dropped) = kept(schema);
        assert_eq!(text, expected);
        assert_eq!(
            dropped,
            ["tools.input_schema.pattern", "tools.input_schema.maxLength"]
        );
    }

    #[test]
    fn a_schema_without_them_stays_byte_for_byte() {
        for schema in [
            r#"{ "type" : "object", "properties": {"pattern": {"enum": ["a"]}} }"#,
            r#"{"type":"object","default":{"pattern":"x"},"maxItems":3}"#,
            r"true",
        ] {
            assert_eq!(kept(schema), (schema.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn a_schema_without_end_is_left_to_the_server() {
        let deep = r#"{"items":"#.repeat(100) + r#"{"pattern":"x"}"# + &"}".repeat(100);
        assert_eq!(kept(&deep).0, deep);
    }
}
