//! Holds a JSON document against the table of keys: every problem at once, then only good values.
//!
//! What is wrong, unknown or without effect is reported and taken out, so that what follows reads a
//! document in which each value has its type and range. Values are never repeated in a message,
//! except one that should have been a word from a list: a key may stand in the wrong place.

use owlcoda_types::{clip, printable};
use serde_json::{Map, Value};

use crate::keys::{Effect, KEYS, Key, Kind, States, of_group, suggest};
use crate::lines::{push_index, push_key};
use crate::migrate::CONFIG_VERSION;
use crate::problem::{Report, code};

/// Most entries of `models` and of `runtimes`. Far more than anyone has; it bounds what a file of
/// nothing but `{}` costs.
pub(crate) const MAX_GROUPS: usize = 4096;

/// Longest name, in characters.
const MAX_NAME_CHARS: usize = 256;

/// Checks the whole document and leaves in it only what is good and in effect.
pub(crate) fn check(document: &mut Map<String, Value>, report: &mut Report) {
    let mut check = Check {
        report,
        n_unused: vec![0; KEYS.len()],
    };
    check.group(document, &Group::of(""), &mut String::new());
}

/// The keys that an object may have.
struct Group {
    /// Where it is in the table: empty, `server`, `models[]`.
    place: String,
    keys: Vec<&'static Key>,
}

impl Group {
    fn of(place: impl Into<String>) -> Self {
        let place = place.into();
        let keys = of_group(&place).collect();
        Self { place, keys }
    }
}

struct Check<'r> {
    report: &'r mut Report,
    /// How often each row of the table was warned of: the tenth model says nothing new.
    n_unused: Vec<u32>,
}

impl Check<'_> {
    fn group(&mut self, object: &mut Map<String, Value>, group: &Group, path: &mut String) {
        let outer = path.len();
        for key in group.keys.iter().filter(|key| key.is_required) {
            if object.get(key.name()).is_none_or(Value::is_null) {
                push_key(path, key.name());
                self.report
                    .error(code::MISSING_KEY, path.as_str(), "is missing");
                path.truncate(outer);
            }
        }
        *object = std::mem::take(object)
            .into_iter()
            .filter_map(|(name, value)| {
                push_key(path, &name);
                let kept = if let Some(key) = group.keys.iter().find(|key| key.name() == name) {
                    self.entry(key, value, path)
                } else {
                    self.unknown(group, &name, path);
                    None
                };
                path.truncate(outer);
                kept.map(|value| (name, value))
            })
            .collect();
    }

    fn unknown(&mut self, group: &Group, name: &str, path: &str) {
        // Looking for the nearest key is the dearest step: not for what will not be shown.
        let meant = (!self.report.is_full_of_errors())
            .then(|| suggest(&group.place, name))
            .flatten();
        let message = match meant {
            Some(meant) => format!("is not a known key; did you mean `{meant}`?"),
            None => "is not a known key".to_owned(),
        };
        self.report.error(code::UNKNOWN_KEY, path, message);
    }

    /// `null` is as good as not written.
    fn entry(&mut self, key: &'static Key, value: Value, path: &mut String) -> Option<Value> {
        if value.is_null() {
            return None;
        }
        let value = self.value(key, value, path)?;
        match key.effect {
            Effect::Used => Some(value),
            Effect::Version | Effect::Editor => None,
            Effect::Older(now) => {
                let message = format!(
                    "is a key of older versions, which a file with `\"configVersion\": \
                     {CONFIG_VERSION}` does not have; write {now}, or remove `configVersion` and \
                     run `owlcodad config migrate`"
                );
                self.report.error(code::OLD_KEY, path.as_str(), message);
                None
            }
            Effect::Unused(states) => {
                if !states.iter().any(|state| state.is(&value)) {
                    self.warn_unused(key, path);
                }
                None
            }
        }
    }

    fn warn_unused(&mut self, key: &Key, path: &str) {
        let Some(n_warned) = KEYS
            .iter()
            .position(|row| row.path == key.path)
            .and_then(|row_idx| self.n_unused.get_mut(row_idx))
        else {
            return;
        };
        *n_warned += 1;
        if *n_warned == 1 {
            let message = format!(
                "`{}` is accepted but has no effect in this version",
                key.path
            );
            self.report.warning(code::NOT_IN_EFFECT, path, message);
        }
    }

    fn value(&mut self, key: &'static Key, value: Value, path: &mut String) -> Option<Value> {
        match (key.kind, value) {
            (Kind::Anything, value)
            | (Kind::Flag, value @ Value::Bool(_))
            | (Kind::Text, value @ Value::String(_)) => Some(value),
            (Kind::Whole(least, most), Value::Number(number)) => {
                let is_good = number
                    .as_u64()
                    .is_some_and(|number| (least..=most).contains(&number));
                if !is_good {
                    let range = if most == u64::MAX {
                        format!("must be a whole number, {least} or more")
                    } else {
                        format!("must be a whole number from {least} to {most}")
                    };
                    self.report.error(code::OUT_OF_RANGE, path.as_str(), range);
                }
                is_good.then_some(Value::Number(number))
            }
            (Kind::Number(least, most), Value::Number(number)) => {
                let is_good = number
                    .as_f64()
                    .is_some_and(|number| (least..=most).contains(&number));
                if !is_good {
                    let range = format!("must be a number from {least} to {most}");
                    self.report.error(code::OUT_OF_RANGE, path.as_str(), range);
                }
                is_good.then_some(Value::Number(number))
            }
            (Kind::Name, Value::String(text)) => {
                self.is_name(&text, path).then_some(Value::String(text))
            }
            (Kind::OneOf(words), Value::String(text)) => {
                let is_good = words.contains(&text.as_str());
                if !is_good {
                    let message = not_one_of(&text, words);
                    self.report
                        .error(code::UNKNOWN_VALUE, path.as_str(), message);
                }
                is_good.then_some(Value::String(text))
            }
            (Kind::TextList | Kind::NameList, Value::Array(items)) => self.texts(key, items, path),
            (Kind::TextMap, Value::Object(object)) => self.text_map(object, path),
            (Kind::Group, Value::Object(mut object)) => {
                self.group(&mut object, &Group::of(key.path), path);
                Some(Value::Object(object))
            }
            (Kind::GroupList, Value::Array(items)) if items.len() > MAX_GROUPS => {
                let message = format!("must not have more than {MAX_GROUPS} entries");
                self.report
                    .error(code::OUT_OF_RANGE, path.as_str(), message);
                None
            }
            (Kind::GroupList, Value::Array(items)) => Some(self.groups(key, items, path)),
            (kind, value) => {
                self.wrong_type(kind.name(), &value, path);
                None
            }
        }
    }

    /// Items that are no objects become `null`, so that the others keep their index.
    fn groups(&mut self, key: &'static Key, items: Vec<Value>, path: &mut String) -> Value {
        let group = Group::of(format!("{}[]", key.path));
        let outer = path.len();
        let items = items.into_iter().enumerate().map(|(idx, item)| {
            push_index(path, idx);
            let kept = match item {
                Value::Object(mut object) => {
                    self.group(&mut object, &group, path);
                    Value::Object(object)
                }
                other => {
                    self.wrong_type("an object", &other, path);
                    Value::Null
                }
            };
            path.truncate(outer);
            kept
        });
        Value::Array(items.collect())
    }

    fn texts(&mut self, key: &Key, items: Vec<Value>, path: &mut String) -> Option<Value> {
        let outer = path.len();
        let mut are_good = true;
        for (idx, item) in items.iter().enumerate() {
            push_index(path, idx);
            are_good &= match item {
                Value::String(text) if matches!(key.kind, Kind::NameList) => {
                    self.is_name(text, path)
                }
                Value::String(_) => true,
                other => self.wrong_type("a string", other, path),
            };
            path.truncate(outer);
        }
        are_good.then_some(Value::Array(items))
    }

    fn text_map(&mut self, object: Map<String, Value>, path: &mut String) -> Option<Value> {
        let outer = path.len();
        let mut are_good = true;
        for (name, item) in &object {
            push_key(path, name);
            are_good &= item.is_string() || self.wrong_type("a string", item, path);
            path.truncate(outer);
        }
        are_good.then_some(Value::Object(object))
    }

    fn is_name(&mut self, text: &str, path: &str) -> bool {
        let fault = fault_of_name(text);
        if let Some(message) = fault {
            self.report.error(code::BAD_NAME, path, message);
        }
        fault.is_none()
    }

    /// Always false, for use in conditions.
    fn wrong_type(&mut self, expected: &str, value: &Value, path: &str) -> bool {
        let message = wrong_type(expected, value);
        self.report.error(code::WRONG_TYPE, path, message);
        false
    }
}

/// What to say of a value that should have been of another JSON type.
pub(crate) fn wrong_type(expected: &str, value: &Value) -> String {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    format!("must be {expected}, not {found}")
}

/// Why a text is no name that can be shown.
pub(crate) fn fault_of_name(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        Some("must not be empty")
    } else if text.trim() != text {
        Some("must not begin or end with a space")
    } else if text.chars().any(char::is_control) {
        Some("must not have control characters in it")
    } else if text.chars().nth(MAX_NAME_CHARS).is_some() {
        Some("must not be longer than 256 characters")
    } else {
        None
    }
}

/// What to say of a word that is none of `words`.
pub(crate) fn not_one_of(text: &str, words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    let shown = clip(text, 40);
    format!(
        "must be one of {}, not `{}`",
        words.join(", "),
        printable(&shown)
    )
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Whole(..) | Self::Number(..) => "a number",
            Self::Text | Self::Name | Self::OneOf(_) => "a string",
            Self::TextList | Self::NameList => "an array of strings",
            Self::TextMap => "an object of strings",
            Self::Group => "an object",
            Self::GroupList => "an array of objects",
            Self::Anything => "anything",
        }
    }
}

impl States {
    fn is(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Flag(flag), Value::Bool(value)) => flag == *value,
            (Self::Whole(whole), Value::Number(value)) => value.as_u64() == Some(whole),
            _ => false,
        }
    }
}
