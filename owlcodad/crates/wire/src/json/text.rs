//! Text that stays escaped on its way from one document into another.
//!
//! Most of what a coding agent sends is text: what tools answered, what tools are for. Nearly all of it
//! is passed on unseen, so to take its escapes out and to put them in again would be most of the work.

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::string::{StringSpan, put_str};

/// A JSON string as it was written: with its quotes, its escapes, and nothing wrong in it. Of a
/// request it is a part of the body and no copy.
#[derive(Clone)]
pub struct JsonText {
    literal: ByteString,
    /// Length of the text without escapes. Unit: bytes.
    len: usize,
}

impl JsonText {
    /// The string `literal`, of which the walk over it has found `span`. None where it has half a
    /// character.
    pub(super) fn walked(literal: ByteString, span: StringSpan) -> Option<Self> {
        let len = if span.has_units {
            serde_json::from_str::<String>(&literal).ok()?.len()
        } else {
            literal.len() - 2 - span.n_escapes
        };
        Some(Self { literal, len })
    }

    /// The text itself; copied only where it has escapes.
    pub fn decoded(&self) -> Cow<'_, str> {
        let escaped = self.inner();
        if escaped.len() == self.len {
            return Cow::Borrowed(escaped);
        }
        // Was read before, so it can be read.
        Cow::Owned(serde_json::from_str(&self.literal).unwrap_or_default())
    }

    /// Length of the text without escapes. Unit: bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no text.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The text, to be written into another document.
    pub(crate) fn escaped(&self) -> Escaped<'_> {
        Escaped(Cow::Borrowed(self.inner()))
    }

    /// With its quotes.
    #[cfg(test)]
    pub(crate) fn literal(&self) -> &str {
        &self.literal
    }

    fn inner(&self) -> &str {
        let inner = self.literal.strip_prefix('"');
        inner
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or_default()
    }
}

impl From<&str> for JsonText {
    fn from(text: &str) -> Self {
        let mut literal = Vec::with_capacity(text.len() + text.len() / 16 + 2);
        put_str(&mut literal, text);
        // What is put between the characters of a text is ASCII.
        let literal = String::from_utf8(literal).unwrap_or_default();
        Self {
            literal: literal.into(),
            len: text.len(),
        }
    }
}

impl From<String> for JsonText {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Cow<'_, str>> for JsonText {
    fn from(text: Cow<'_, str>) -> Self {
        text.as_ref().into()
    }
}

impl Default for JsonText {
    fn default() -> Self {
        "".into()
    }
}

/// Two are the same where their texts are, however they are escaped.
impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.literal == other.literal
            || (self.len == other.len && self.decoded() == other.decoded())
    }
}

impl Eq for JsonText {}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.decoded(), f)
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(&self.literal) {
            Ok(raw) => raw.serialize(serializer),
            Err(_) => serializer.serialize_str(&self.decoded()),
        }
    }
}

/// Takes the escapes out and puts them in again: for bodies that are read field by field to say what
/// is wrong, and for what is read from the disk.
impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// What stands between the quotes of a JSON string.
#[derive(Clone, Debug)]
pub(crate) struct Escaped<'a>(Cow<'a, str>);

impl Escaped<'_> {
    /// Text that has no escapes yet.
    pub(crate) fn of(text: &str) -> Self {
        Self(Cow::Owned(JsonText::from(text).inner().to_owned()))
    }

    /// Text that needs no escapes.
    pub(crate) const fn plain(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without spaces and line ends before it, as it is escaped.
    pub(crate) fn trim_start(&self) -> &str {
        let mut rest = self.as_str();
        loop {
            rest = rest.trim_start();
            let Some(after) = ["\\n", "\\r", "\\t", "\\f"]
                .iter()
                .find_map(|escape| rest.strip_prefix(escape))
            else {
                return rest;
            };
            rest = after;
        }
    }

    /// Whether there is nothing but white space.
    pub(crate) fn is_blank(&self) -> bool {
        let rest = self.trim_start();
        let mut literal = String::new();
        match rest.as_bytes() {
            [] => true,
            // What it stands for is seen without the escapes only.
            [b'\\', b'u', ..] => {
                for part in ["\"", rest, "\""] {
                    literal.push_str(part);
                }
                serde_json::from_str::<String>(&literal).is_ok_and(|text| text.trim().is_empty())
            }
            _ => false,
        }
    }

    /// The text with `before` it and `after` it.
    pub(crate) fn between(self, before: &str, after: &str) -> Self {
        let (before, after) = (Self::of(before), Self::of(after));
        Self(Cow::Owned(
            [before.as_str(), self.as_str(), after.as_str()].concat(),
        ))
    }

    /// Texts that are not blank, with a blank line between them.
    pub(crate) fn joined(texts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut joined = None;
        for text in texts {
            text.join_to(&mut joined);
        }
        joined
    }

    /// Adds the text to others, if it is not blank, with a blank line between them.
    pub(crate) fn join_to(self, joined: &mut Option<Self>) {
        if self.is_blank() {
            return;
        }
        let Some(Self(before)) = joined else {
            *joined = Some(self);
            return;
        };
        let before = before.to_mut();
        before.push_str("\\n\\n");
        before.push_str(self.as_str());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Scan;
    use super::*;

    fn read(literal: &str) -> Option<JsonText> {
        let mut scan = Scan::new(literal);
        scan.text().filter(|_| scan.is_at_end())
    }

    /// Any way to write some text.
    fn literals() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "a",
            " ",
            "\u{a0}",
            "\u{2028}",
            "é",
            "🦉",
            "\\n",
            "\\t",
            "\\r",
            "\\f",
            "\\b",
            "\\/",
            "\\\"",
            "\\\\",
            "\\u000b",
            "\\u0020",
            "\\u00e9",
            "\\ud83e\\udd89",
            "\\u0000",
            "\\u2003",
            "longer text without any escape",
        ]);
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
    }

    proptest! {
        #[test]
        fn text_is_what_serde_reads_and_is_written_as_it_came(literal in literals()) {
            let text = read(&literal).unwrap();
            let plain: String = serde_json::from_str(&literal).unwrap();
            prop_assert_eq!(&*text.decoded(), plain.as_str());
            prop_assert_eq!(text.len(), plain.len());
            prop_assert_eq!(text.is_empty(), plain.is_empty());
            prop_assert_eq!(&serde_json::to_string(&text).unwrap(), &literal);
            prop_assert_eq!(&text, &JsonText::from(plain.as_str()));
            prop_assert_eq!(&text, &serde_json::from_str::<JsonText>(&literal).unwrap());
            let escaped = text.escaped();
            prop_assert_eq!(escaped.is_blank(), plain.trim().is_empty(), "{}", literal);
        }

        #[test]
        fn texts_are_joined_as_if_they_had_no_escapes(literals in prop::collection::vec(literals(), 0..4)) {
            let texts: Vec<JsonText> = literals.iter().map(|literal| read(literal).unwrap()).collect();
            let plain: Vec<String> = texts.iter().map(|text| text.decoded().into_owned()).collect();
            let expected: Vec<&str> = plain.iter().map(String::as_str).filter(|text| !text.trim().is_empty()).collect();
            let joined = Escaped::joined(texts.iter().map(JsonText::escaped));
            prop_assert_eq!(joined.is_some(), !expected.is_empty());
            let joined = joined.unwrap_or(Escaped::plain("")).between("<\n", "\n>");
            let read: String = serde_json::from_str(&format!("\"{}\"", joined.as_str())).unwrap();
            prop_assert_eq!(read, format!("<\n{}\n>", expected.join("\n\n")));
        }
    }

    #[test]
    fn half_a_character_and_what_is_no_string_is_no_text() {
        for literal in [
            "\"\\ud83e\"",
            "\"\\udd89\"",
            "\"\\ud83ea\"",
            "\"\\x\"",
            "\"a",
            "1",
            "",
            "\"\n\"",
        ] {
            assert!(read(literal).is_none(), "{literal}");
        }
    }
}
