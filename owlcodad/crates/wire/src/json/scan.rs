//! A walk through a document that takes nothing apart.
//!
//! Where a large body goes on nearly as it came, its parts only have to be found. The walk checks the
//! whole grammar as it goes, so what it came through is JSON. It does not say what is wrong: who
//! wants to know reads the document with serde, once it was refused here.

use std::borrow::Cow;
use std::ops::Range;

use bytestring::ByteString;
use serde_json::value::RawValue;

use super::raw::RawJson;
use super::string::{StringSpan, string_len, string_span};
use super::text::JsonText;

/// Deepest nesting of a value that is walked over: what serde reads, too.
pub(crate) const MAX_DEPTH: u32 = 127;

/// A place in a document.
#[derive(Clone, Debug)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    /// What `text` is, where parts of it are kept.
    source: Option<&'a ByteString>,
    at: usize,
    /// How many objects and lists are open.
    depth: u32,
}

impl<'a> Scan<'a> {
    /// Before the value of `text`.
    pub(crate) const fn new(text: &'a str) -> Self {
        Self {
            text,
            source: None,
            at: 0,
            depth: 0,
        }
    }

    /// Before the value of `source`, of which what is kept is no copy.
    pub(crate) fn keeping(source: &'a ByteString) -> Self {
        Self::part(source, source)
    }

    /// Before the value of `part`, which is a part of `source`.
    pub(crate) const fn part(source: &'a ByteString, part: &'a str) -> Self {
        Self {
            source: Some(source),
            ..Self::new(part)
        }
    }

    /// A part of the document, to be kept.
    fn kept(&self, part: &'a str) -> ByteString {
        self.source
            .map_or_else(|| part.into(), |source| source.slice_ref(part))
    }

    /// The first byte of what comes next, behind blanks.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Where the walk is, in bytes.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// Whether nothing more comes.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Walks over a string and gives it back, with its quotes and its escapes.
    pub(crate) fn string(&mut self) -> Option<&'a str> {
        self.literal().map(|(literal, _)| literal)
    }

    fn literal(&mut self) -> Option<(&'a str, StringSpan)> {
        self.peek()?;
        let start = self.at;
        let span = string_span(self.text.as_bytes().get(start..)?)?;
        self.at += span.len;
        Some((self.text.get(start..self.at)?, span))
    }

    /// Walks over a string and keeps it as it is. None where it has half a character.
    pub(crate) fn text(&mut self) -> Option<JsonText> {
        let (literal, span) = self.literal()?;
        JsonText::walked(self.kept(literal), span)
    }

    /// Walks over a string and takes its escapes out. None where it has half a character.
    pub(crate) fn decoded(&mut self) -> Option<Cow<'a, str>> {
        let (literal, span) = self.literal()?;
        if span.n_escapes > 0 {
            return serde_json::from_str(literal).ok().map(Cow::Owned);
        }
        let text = literal.strip_prefix('"')?.strip_suffix('"')?;
        Some(Cow::Borrowed(text))
    }

    /// Walks over any value and gives it back.
    pub(crate) fn raw(&mut self) -> Option<&'a RawValue> {
        // serde walks itself, for it would walk again over what was only found here.
        let rest = self.text.get(self.at..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// Walks over any value and keeps it as it is.
    pub(crate) fn kept_value(&mut self) -> Option<RawJson> {
        let span = self.value()?;
        Some(RawJson::written(self.kept(self.text.get(span)?)))
    }

    /// Walks over a number and gives it back.
    pub(crate) fn number_text(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.number()?;
        self.text.get(start..self.at)
    }

    /// Walks over any value, and tells where it stands.
    pub(crate) fn value(&mut self) -> Option<Range<usize>> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Some(start..self.at)
    }

    /// Walks over an object; `each` walks over the value of the member whose name it gets, as
    /// [`Self::string`] gives it.
    pub(crate) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, &'a str) -> Option<()>,
    ) -> Option<()> {
        self.open(b'{')?;
        if self.take(b'}').is_none() {
            loop {
                let name = self.name()?;
                each(self, name)?;
                if self.take(b',').is_none() {
                    self.take(b'}')?;
                    break;
                }
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// The same where names have no escapes, and without the quotes. Nobody writes them otherwise, so
    /// the walk ends at one that has.
    pub(crate) fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, &'a str) -> Option<()>,
    ) -> Option<()> {
        self.members(|scan, name| {
            let name = name.strip_prefix('"')?.strip_suffix('"')?;
            if memchr::memchr(b'\\', name.as_bytes()).is_some() {
                return None;
            }
            each(scan, name)
        })
    }

    /// The text of the member `name` of the object that comes next, if it is a string without escapes.
    /// Nothing is walked over.
    pub(crate) fn look_ahead(&self, name: &str) -> Option<&'a str> {
        let mut found = None;
        let _ = self.clone().fields(|scan, field| {
            if field != name {
                return scan.value().map(drop);
            }
            if let Cow::Borrowed(text) = scan.decoded()? {
                found = Some(text);
            }
            // No need to go on.
            None
        });
        found
    }

    /// Walks over a list; `each` walks over an item.
    pub(crate) fn items(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.open(b'[')?;
        if self.take(b']').is_none() {
            loop {
                each(self)?;
                if self.take(b',').is_none() {
                    self.take(b']')?;
                    break;
                }
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// Who walks calls itself for what is inside, so that has an end.
    fn open(&mut self, bracket: u8) -> Option<()> {
        self.take(bracket)?;
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn name(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.take(b':')?;
        Some(name)
    }

    fn skip(&mut self) -> Option<()> {
        // A bit for each value that is open, the last one lowest: 1 for an object.
        let (mut open, mut depth) = (0_u128, 0);
        loop {
            let first = self.peek()?;
            let mut has_ended = true;
            match first {
                b'"' => drop(self.string()?),
                b'{' | b'[' => {
                    if depth == MAX_DEPTH {
                        return None;
                    }
                    self.at += 1;
                    let is_object = first == b'{';
                    // The byte of the closing bracket is the second after the opening one in ASCII.
                    if self.take(first + 2).is_none() {
                        (open, depth) = (open << 1 | u128::from(is_object), depth + 1);
                        has_ended = false;
                        if is_object {
                            self.name()?;
                        }
                    }
                }
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                _ => self.number()?,
            }
            while has_ended {
                if depth == 0 {
                    return Some(());
                }
                let is_object = open & 1 == 1;
                let next = self.peek()?;
                self.at += 1;
                match next {
                    b',' => {
                        has_ended = false;
                        if is_object {
                            self.name()?;
                        }
                    }
                    b'}' if is_object => (open, depth) = (open >> 1, depth - 1),
                    b']' if !is_object => (open, depth) = (open >> 1, depth - 1),
                    _ => return None,
                }
            }
        }
    }

    /// Walks over `true`, `false` or `null`.
    pub(crate) fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(word.as_bytes())
            .then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.byte() == Some(b'-'));
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Whether objects and lists of a document are open in more than [`MAX_DEPTH`] others, as far as it is
/// JSON.
pub(crate) fn is_too_deep(document: &[u8]) -> bool {
    let (mut at, mut depth) = (0, 0_u32);
    while let Some(byte) = document.get(at) {
        match byte {
            b'"' => {
                let Some(len) = document.get(at..).and_then(string_len) else {
                    return false;
                };
                at += len;
                continue;
            }
            b'{' | b'[' if depth == MAX_DEPTH => return true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    /// The value of a document that is walked over, if it is one.
    fn walked(text: &str) -> Option<&str> {
        let mut scan = Scan::new(text);
        let span = scan.value()?;
        text.get(span).filter(|_| scan.is_at_end())
    }

    fn read(text: &str) -> Option<&str> {
        serde_json::from_str::<&RawValue>(text)
            .ok()
            .map(RawValue::get)
    }

    #[test]
    fn what_serde_reads_is_walked_over_and_nothing_else() {
        let documents = [
            " {\"a\" : [ 1 , -0.5e+3, true,null ,{}, [] ] ,\"b\":\"\\n\\u00e9é\"}\n",
            "\"a\"",
            "0",
            "-0",
            "1e9",
            "[[[]]]",
            "{\"\":{\"\":{}}}",
            "01",
            "1.",
            ".5",
            "-",
            "1e",
            "+1",
            "tru",
            "nulll",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "{1:1}",
            "[1}",
            "{\"a\":1]",
            "\"a",
            "\"\\x\"",
            "\"\t\"",
            "[1 2]",
            "{} {}",
            "",
            " ",
            "]",
            "NaN",
            "\u{feff}1",
            "1\u{a0}",
        ];
        for text in documents {
            assert_eq!(walked(text), read(text), "{text}");
        }
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(walked(&nested(127)).is_some());
        assert!(walked(&nested(128)).is_none());
        assert!(walked(&"[".repeat(1 << 20)).is_none());
        for (n, is_deep) in [(127, false), (128, true), (1 << 20, true)] {
            assert_eq!(is_too_deep(nested(n).as_bytes()), is_deep, "{n}");
            let text = format!("[{:?}]", "[".repeat(n));
            assert!(!is_too_deep(text.as_bytes()));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_walked_over_where_serde_reads_it(
            tokens in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"a\"", "\"\"", "1", "-2.5e3", "true", "null", " ", "\"\\\"\"", "0", "e",
            ]), 0..12),
        ) {
            let text = tokens.concat();
            prop_assert_eq!(walked(&text), read(&text), "{}", text);
        }
    }
}
