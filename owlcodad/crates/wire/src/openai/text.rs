//! Text of a chat chunk, whose JSON strings may end in half a character.
//!
//! A server that cuts its output by UTF-16 unit sends the two escapes of one
//! character (`\ud83e` and `\udd89`) in two chunks. Each alone is no text, so the
//! first half waits for the second.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use serde::Deserializer;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::json::{JsonPart, JsonText};

/// The first half of a character whose second half has not come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Halves(Option<u16>);

/// The text of a JSON string; none of anything else.
pub(crate) fn decode_text<'a>(raw: &'a RawValue, halves: &mut Halves) -> Option<Cow<'a, str>> {
    decode_string(raw.get(), halves)
}

/// The text of a JSON value that is a string; none of any other.
pub(crate) fn decode_string<'a>(json: &'a str, halves: &mut Halves) -> Option<Cow<'a, str>> {
    if halves.0.is_none() && memchr(b'\\', json.as_bytes()).is_none() {
        let text = json.strip_prefix('"')?.strip_suffix('"')?;
        return Some(Cow::Borrowed(text));
    }
    let bytes = serde_json::Deserializer::from_str(json)
        .deserialize_bytes(Bytes)
        .ok()?;
    if halves.0.is_some() && !bytes.is_empty() {
        return Some(Cow::Owned(join(&bytes, halves)));
    }
    match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Some(Cow::Borrowed(text)),
            Err(_) => Some(Cow::Owned(join(bytes, halves))),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Some(Cow::Owned(text)),
            Err(error) => Some(Cow::Owned(join(error.as_bytes(), halves))),
        },
    }
}

/// The text of a JSON string that no other follows; a half at its end is marked. None of any other value.
pub(crate) fn decode_whole(json: &str) -> Option<Cow<'_, str>> {
    let mut halves = Halves::default();
    let mut text = decode_string(json, &mut halves)?;
    if halves.0.is_some() {
        halves.give_up(text.to_mut());
    }
    Some(text)
}

/// The text of a JSON string, to be kept as it is escaped but for half characters, which are marked.
/// None of any other value.
pub(crate) fn whole_text(json: JsonPart<'_>) -> Option<JsonText> {
    json.text()
        .or_else(|| decode_whole(json.get()).map(JsonText::from))
}

/// Reads UTF-8 in which a lone half is written as if it were a character.
fn join(mut bytes: &[u8], halves: &mut Halves) -> String {
    let mut out = String::with_capacity(bytes.len() + 4);
    while !bytes.is_empty() {
        let valid = match std::str::from_utf8(bytes) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let (text, rest) = bytes.split_at(valid);
        if !text.is_empty() {
            halves.give_up(&mut out);
            out.push_str(&String::from_utf8_lossy(text));
        }
        bytes = match rest {
            [0xED, high @ 0xA0..=0xBF, low @ 0x80..=0xBF, after @ ..] => {
                let unit = 0xD000 | (u16::from(*high & 0x3F) << 6) | u16::from(*low & 0x3F);
                halves.take(unit, &mut out);
                after
            }
            [_, after @ ..] => {
                halves.give_up(&mut out);
                out.push(char::REPLACEMENT_CHARACTER);
                after
            }
            [] => rest,
        };
    }
    out
}

impl Halves {
    fn take(&mut self, unit: u16, out: &mut String) {
        if (0xD800..0xDC00).contains(&unit) {
            self.give_up(out);
            self.0 = Some(unit);
            return;
        }
        let units = self.0.take().into_iter().chain([unit]);
        out.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }

    fn give_up(&mut self, out: &mut String) {
        if self.0.take().is_some() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(bytes))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_all(parts: &[&str]) -> String {
        let mut halves = Halves::default();
        let texts = parts.iter().map(|json| {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            decode_text(raw, &mut halves).unwrap().into_owned()
        });
        texts.collect()
    }

    #[test]
    fn a_character_split_into_two_escapes_is_put_together() {
        assert_eq!(
            decode_all(&[r#""a\ud83e""#, r#""""#, r#""\udd89b""#]),
            "a🦉b"
        );
        assert_eq!(decode_all(&[r#""🦉\n""#, r#""\ud83e\udd89""#]), "🦉\n🦉");
    }

    #[test]
    fn a_half_that_stays_alone_is_marked() {
        assert_eq!(decode_all(&[r#""\ud83e""#, r#""b""#]), "\u{FFFD}b");
        assert_eq!(
            decode_all(&[r#""\udd89\ud83e""#, r#""\ud83e""#, r#""\udd89""#]),
            "\u{FFFD}\u{FFFD}🦉"
        );
    }

    #[test]
    fn what_is_not_a_string_is_no_text() {
        for json in ["1", "{}", "[]", "true"] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert!(decode_text(raw, &mut Halves::default()).is_none(), "{json}");
        }
    }
}
