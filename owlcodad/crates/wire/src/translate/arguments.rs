//! The arguments of one tool call, as they arrive: JSON text in pieces.
//!
//! Servers differ: the whole text again in each piece, an object in place of
//! text, text in text, or the whole call once more at the end. What comes out is
//! the text once, and the moment at which it is complete.

use std::borrow::Cow;

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    text: String,
    n_sent: usize,
    scan: Scan,
}

/// Where in a JSON value the text is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    depth: usize,
    is_started: bool,
    is_in_string: bool,
    is_escaped: bool,
    is_complete: bool,
}

impl Arguments {
    /// Takes a piece in and answers how many bytes were added.
    pub(super) fn push(&mut self, piece: &str) -> usize {
        if self.scan.is_complete {
            return 0;
        }
        // A piece that begins with everything so far is the whole again: inside
        // an object, no piece can begin with the object's own beginning.
        let piece = if self.text.starts_with('{') {
            piece.strip_prefix(self.text.as_str()).unwrap_or(piece)
        } else {
            piece
        };
        let piece = if self.text.is_empty() {
            piece.trim_start()
        } else {
            piece
        };
        let added = self.scan.feed(piece);
        self.text.push_str(added);
        added.len()
    }

    /// Whether nothing has come.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether the value is whole.
    pub(super) fn is_complete(&self) -> bool {
        self.scan.is_complete
    }

    /// Whether `piece` is exactly what has come already.
    pub(super) fn repeats(&self, piece: &str) -> bool {
        self.text == piece.trim()
    }

    /// What may be sent now: nothing unless it is an object, for anything else
    /// has to be seen whole.
    pub(super) fn take_unsent(&mut self) -> Option<String> {
        if !self.text.starts_with('{') {
            return None;
        }
        let unsent = self
            .text
            .get(self.n_sent..)
            .filter(|text| !text.is_empty())?;
        let unsent = unsent.to_owned();
        self.n_sent = self.text.len();
        Some(unsent)
    }

    /// What is left to send when the call ends.
    pub(super) fn take_last(&mut self) -> Option<String> {
        if self.text.starts_with('{') {
            return self.take_unsent();
        }
        match self.text.trim() {
            "" | "null" | "\"\"" => Some("{}".to_owned()),
            text => Some(unwrap_string(text).into_owned()),
        }
    }
}

/// The object inside a JSON string, or the text as it is.
fn unwrap_string(text: &str) -> Cow<'_, str> {
    match serde_json::from_str::<String>(text) {
        Ok(inner) if inner.trim_start().starts_with('{') => Cow::Owned(inner),
        _ => Cow::Borrowed(text),
    }
}

impl Scan {
    /// Reads on and answers the part that belongs to the value.
    pub(super) fn feed<'a>(&mut self, piece: &'a str) -> &'a str {
        for (at, byte) in piece.bytes().enumerate() {
            self.step(byte);
            if self.is_complete {
                // The last byte is a quote or a bracket, so this is a boundary.
                return piece.get(..=at).unwrap_or(piece);
            }
        }
        piece
    }

    /// Whether the value is whole.
    pub(super) fn is_complete(self) -> bool {
        self.is_complete
    }

    fn step(&mut self, byte: u8) {
        if self.is_in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => {
                    self.is_in_string = false;
                    self.is_complete = self.depth == 0;
                }
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.is_complete = self.is_started && self.depth == 0;
            }
            _ => {}
        }
        self.is_started = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pieces: &[&str]) -> String {
        let mut arguments = Arguments::default();
        let mut out = String::new();
        for piece in pieces {
            arguments.push(piece);
            out.extend(arguments.take_unsent());
        }
        out.extend(arguments.take_last());
        out
    }

    #[test]
    fn every_way_of_sending_arguments_gives_the_text_once() {
        let cases: [(&str, &[&str], &str); 9] = [
            ("pieces", &["{\"a\"", ":\"}\\\"", "{\"}"], r#"{"a":"}\"{"}"#),
            (
                "cumulative",
                &["{\"a\"", "{\"a\":1", "{\"a\":1}"],
                r#"{"a":1}"#,
            ),
            (
                "whole again at the end",
                &["{\"a\":", "1}", "{\"a\":1}"],
                r#"{"a":1}"#,
            ),
            ("text in text", &["\"{\\\"a\\\"", ":1}\""], r#"{"a":1}"#),
            ("nothing", &["", ""], "{}"),
            ("null", &["null"], "{}"),
            ("space around", &["\n {", "} \n", "\n"], "{}"),
            ("cut", &["{\"a\": \"b"], "{\"a\": \"b"),
            ("no object", &["[1", "]"], "[1]"),
        ];
        for (label, pieces, whole) in cases {
            assert_eq!(sent(pieces), whole, "{label}");
        }
    }
}
