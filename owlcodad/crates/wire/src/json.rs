//! Reading and writing JSON where each event and each kilobyte counts.

mod from_scan;
mod part;
mod raw;
mod scan;
mod string;
mod text;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(crate) use self::from_scan::{FromScan, scanned};
pub use self::part::JsonPart;
pub use self::raw::RawJson;
pub(crate) use self::scan::{MAX_DEPTH, Scan, is_too_deep};
pub(crate) use self::string::{put_str, string_len};
pub(crate) use self::text::Escaped;
pub use self::text::JsonText;

/// Reads a document. Its bytes are checked for UTF-8 once and not string by string.
pub(crate) fn read<'a, T: Deserialize<'a>>(document: &'a [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(document) {
        Ok(text) => serde_json::from_str(text),
        // The parser says where it is wrong.
        Err(_) => serde_json::from_slice(document),
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

    /// A member with text for its value that has its escapes.
    pub(crate) fn text(&mut self, name: &'static str, text: &Escaped<'_>) {
        self.key(name);
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_str().as_bytes());
        self.out.push(b'"');
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

#[cfg(test)]
mod tests {
    use super::*;

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
