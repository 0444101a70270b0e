//! Reading and writing JSON where each event and each kilobyte counts.

mod scan;

use bytes::BufMut;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(crate) use self::scan::{MAX_DEPTH, Scan};

/// Reads a document. Its bytes are checked for UTF-8 once and not string by string.
pub(crate) fn read<'a, T: Deserialize<'a>>(document: &'a [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(document) {
        Ok(text) => serde_json::from_str(text),
        // The parser says where it is wrong.
        Err(_) => serde_json::from_slice(document),
    }
}

/// Writes a string with its quotes, as serde does.
pub(crate) fn put_str(out: &mut impl BufMut, text: &str) {
    out.put_u8(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = find_escape(rest) {
        let (plain, after) = rest.split_at(at);
        out.put_slice(plain);
        let Some((byte, after)) = after.split_first() else {
            break;
        };
        put_escape(out, *byte);
        rest = after;
    }
    out.put_slice(rest);
    out.put_u8(b'"');
}

/// The length of the JSON string at the start of `bytes`, with its quotes. None where there is none:
/// an escape or a control character is wrong, or its end is missing. That it is UTF-8 is not looked
/// at.
pub(crate) fn string_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    let mut rest = bytes.strip_prefix(b"\"")?;
    loop {
        let plain = find_escape(rest)?;
        let (len, is_end) = match rest.get(plain..)? {
            [b'"', ..] => (1, true),
            [
                b'\\',
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                ..,
            ] => (2, false),
            [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|x| x.is_ascii_hexdigit()) => {
                (6, false)
            }
            _ => return None,
        };
        at += plain + len;
        if is_end {
            return Some(at);
        }
        rest = rest.get(plain + len..)?;
    }
}

/// What stands before and after `part` in the document that it was borrowed from. None where it is no
/// part of `document`.
pub(crate) fn around<'a>(document: &'a [u8], part: &RawValue) -> Option<(&'a [u8], &'a [u8])> {
    // A borrowed value's address tells where it stands.
    let start = (part.get().as_ptr() as usize).checked_sub(document.as_ptr() as usize)?;
    let before = document.get(..start)?;
    let after = document.get(start.checked_add(part.get().len())?..)?;
    Some((before, after))
}

/// Writes one document. Commas come by themselves; that what is opened is closed is the caller's
/// part.
#[derive(Debug)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(n_bytes: usize) -> Self {
        Self {
            out: Vec::with_capacity(n_bytes),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    pub(crate) fn open(&mut self, bracket: Bracket) {
        self.out.push(bracket.first());
    }

    pub(crate) fn close(&mut self, bracket: Bracket) {
        // The byte of the closing bracket is the second after the opening one in ASCII.
        self.out.push(bracket.first() + 2);
    }

    /// A comma, but before the first of its list or object.
    fn separate(&mut self) {
        // No value ends in an opening bracket.
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    /// The name of the next member. It needs no escape.
    pub(crate) fn key(&mut self, name: &'static str) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A member with a string for its value.
    pub(crate) fn member(&mut self, name: &'static str, text: &str) {
        self.key(name);
        put_str(&mut self.out, text);
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw_member(&mut self, name: &'static str, json: &str) {
        self.key(name);
        self.out.extend_from_slice(json.as_bytes());
    }

    /// A member with a list for its value.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        items: &[T],
        write: impl Fn(&T, &mut Self),
    ) {
        self.key(name);
        self.open(Bracket::List);
        for item in items {
            self.separate();
            write(item, self);
        }
        self.close(Bracket::List);
    }

    /// The members of `object`, as serde writes them.
    pub(crate) fn members(&mut self, object: &impl Serialize) {
        let at = self.out.len();
        // Cannot fail: memory grows, and what is given here has string keys.
        let _ = serde_json::to_writer(&mut self.out, object);
        // Its members stand in this object, so its braces go.
        self.out.pop();
        let has_members = self.out.len() > at + 1;
        let is_first = self
            .out
            .get(..at)
            .is_some_and(|before| before.ends_with(b"{"));
        match self.out.get_mut(at) {
            Some(brace) if has_members && !is_first => *brace = b',',
            Some(_) => drop(self.out.remove(at)),
            None => {}
        }
    }
}

/// What a [`Writer`] opens and closes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bracket {
    Object,
    List,
}

impl Bracket {
    const fn first(self) -> u8 {
        match self {
            Self::Object => b'{',
            Self::List => b'[',
        }
    }
}

/// The place of the first byte that JSON wants escaped: a control character, `"` or `\`.
fn find_escape(bytes: &[u8]) -> Option<usize> {
    const EACH: u64 = u64::MAX / 255;
    const HIGH: u64 = EACH * 0x80;
    let mut chunks = bytes.chunks_exact(8);
    for (idx, chunk) in chunks.by_ref().enumerate() {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        // The high bit of a byte is set where it is below the given one. What a borrow adds lies
        // above the first byte that is meant, and only that one is looked at.
        let is_below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
        let quote = is_below(word ^ (EACH * u64::from(b'"')), 1);
        let backslash = is_below(word ^ (EACH * u64::from(b'\\')), 1);
        let found = (is_below(word, 0x20) | quote | backslash) & HIGH;
        if found != 0 {
            return Some(idx * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let tail = chunks.remainder();
    let wants_escape = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    let at = tail.iter().position(wants_escape)?;
    Some(bytes.len() - tail.len() + at)
}

fn put_escape(out: &mut impl BufMut, byte: u8) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or(b'0');
            out.put_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            return;
        }
    };
    out.put_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        put_str(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_character_is_escaped_as_serde_does_wherever_it_stands() {
        for code in 0..0x300 {
            let character = char::from_u32(code).unwrap();
            for place in 0..10 {
                let text = format!("{}{character}{}", "x".repeat(place), "é".repeat(9 - place));
                assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn every_text_is_written_as_serde_does(text in "(?s).{0,60}") {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn commas_stand_between_members_and_items_and_nowhere_else() {
        #[derive(Serialize)]
        struct More {
            #[serde(skip_serializing_if = "Option::is_none")]
            more: Option<u8>,
        }
        for more in [None, Some(1)] {
            for items in [&[][..], &["a"], &["a", "b"]] {
                let mut json = Writer::with_capacity(0);
                json.open(Bracket::Object);
                json.members(&More { more });
                json.list("items", items, |item, json| {
                    json.open(Bracket::Object);
                    json.member("name", item);
                    json.close(Bracket::Object);
                });
                json.raw_member("raw", "[{}]");
                json.members(&More { more });
                json.close(Bracket::Object);
                let written = json.finish();
                let read: serde_json::Value = serde_json::from_slice(&written).unwrap();
                assert_eq!(read["items"].as_array().unwrap().len(), items.len());
                assert_eq!(read.get("more").is_some(), more.is_some());
            }
        }
    }

    #[test]
    fn a_byte_that_is_no_character_is_an_error_with_its_place() {
        let error = read::<Vec<String>>(b"[\"a\", \"\xff\"]").unwrap_err();
        assert!(error.to_string().contains("column 8"), "{error}");
    }
}
