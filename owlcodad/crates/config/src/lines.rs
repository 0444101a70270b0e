//! Finds the line of a place in a JSON text, and keys that an object has twice.
//!
//! The JSON parser gives values without positions. This scanner walks the text again, only for
//! that. It trusts nothing: on text that is not JSON it stops early and never fails.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use owlcoda_types::clip;

use crate::problem::{Problem, Report, Severity, code};

/// As deep as the JSON parser goes.
const MAX_DEPTH: usize = 128;

/// Longest key shown in a path, in characters.
const MAX_KEY_CHARS: usize = 64;

/// Appends one key to a path: `.name`, or `["odd name"]` where it would not read as one.
pub(crate) fn push_key(path: &mut String, key: &str) {
    let is_plain = !key.is_empty()
        && key.len() <= MAX_KEY_CHARS
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte));
    if !is_plain {
        let shown = clip(key, MAX_KEY_CHARS);
        // Writing to a String cannot fail.
        let _ = write!(path, "[{:?}]", shown.as_ref());
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

/// Appends an index to a path: `[3]`.
pub(crate) fn push_index(path: &mut String, idx: usize) {
    // Writing to a String cannot fail.
    let _ = write!(path, "[{idx}]");
}

/// Reports every key that an object has more than once: parsers keep one of the values and drop
/// the other, without a word.
pub(crate) fn report_duplicates(text: &str, report: &mut Report) {
    scan(text, &mut |place| {
        if place.is_repeated {
            report.push(Problem {
                severity: Severity::Error,
                code: code::DUPLICATE_KEY,
                path: place.path.to_owned(),
                line: Some(place.line),
                column: Some(place.column),
                message: "is given twice; remove one".to_owned(),
            });
        }
    });
}

/// Gives each problem the line and the column of its path, or of the nearest thing around it that is there.
pub(crate) fn locate(text: &str, problems: &mut [Problem]) {
    let mut wanted: HashMap<String, Option<(u32, u32)>> = HashMap::new();
    for problem in problems.iter().filter(|problem| problem.line.is_none()) {
        let mut path = Some(problem.path.as_str());
        while let Some(some) = path.filter(|path| !path.is_empty()) {
            wanted.insert(some.to_owned(), None);
            path = parent(some);
        }
    }
    scan(text, &mut |place| {
        if let Some(found) = wanted.get_mut(place.path) {
            *found = Some((place.line, place.column));
        }
    });
    for problem in problems.iter_mut().filter(|problem| problem.line.is_none()) {
        let mut path = Some(problem.path.as_str());
        while let Some(some) = path {
            if let Some(Some((line, column))) = wanted.get(some) {
                problem.line = Some(*line);
                problem.column = Some(*column);
                break;
            }
            path = parent(some);
        }
    }
}

/// The line of every place in a text.
pub(crate) fn lines_of(text: &str) -> BTreeMap<String, u32> {
    let mut lines = BTreeMap::new();
    scan(text, &mut |place| {
        lines.insert(place.path.to_owned(), place.line);
    });
    lines
}

fn parent(path: &str) -> Option<&str> {
    path.rfind(['.', '[']).and_then(|end| path.get(..end))
}

/// A key of an object, or an item of an array.
struct Place<'p> {
    path: &'p str,
    line: u32,
    /// In bytes from 1.
    column: u32,
    is_repeated: bool,
}

fn scan(text: &str, visit: &mut dyn FnMut(Place<'_>)) {
    let mut scanner = Scanner {
        text,
        at: 0,
        line: 1,
        line_at: 0,
        path: String::new(),
        visit,
    };
    // None means that the text is not JSON; what was seen until there stands.
    let _ = scanner.value(0);
}

struct Scanner<'t, 'v> {
    text: &'t str,
    /// Byte offset, always at a character boundary when a string begins or ends.
    at: usize,
    line: u32,
    /// Byte offset at which the line begins.
    line_at: usize,
    path: String,
    visit: &'v mut dyn FnMut(Place<'_>),
}

impl<'t> Scanner<'t, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.line_at = self.at;
            }
        }
    }

    /// Where in its line the scanner is, in bytes from 1.
    fn column(&self) -> u32 {
        u32::try_from(self.at - self.line_at + 1).unwrap_or(u32::MAX)
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(|_| ()),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.eat(b'{')?;
        let mut seen = HashSet::new();
        let outer = self.path.len();
        loop {
            self.skip_space();
            if self.eat(b'}').is_some() {
                return Some(());
            }
            let (line, column) = (self.line, self.column());
            let key = self.string()?;
            push_key(&mut self.path, &key);
            let is_repeated = !seen.insert(key);
            (self.visit)(Place {
                path: &self.path,
                line,
                column,
                is_repeated,
            });
            self.skip_space();
            self.eat(b':')?;
            self.value(depth + 1)?;
            self.path.truncate(outer);
            self.skip_space();
            if self.eat(b',').is_none() {
                return self.eat(b'}');
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.eat(b'[')?;
        let outer = self.path.len();
        let mut idx = 0;
        loop {
            self.skip_space();
            if self.eat(b']').is_some() {
                return Some(());
            }
            push_index(&mut self.path, idx);
            let column = self.column();
            (self.visit)(Place {
                path: &self.path,
                line: self.line,
                column,
                is_repeated: false,
            });
            self.value(depth + 1)?;
            self.path.truncate(outer);
            idx += 1;
            self.skip_space();
            if self.eat(b',').is_none() {
                return self.eat(b']');
            }
        }
    }

    fn string(&mut self) -> Option<Cow<'t, str>> {
        let from = self.at;
        self.eat(b'"')?;
        let mut has_escapes = false;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    self.at += 2;
                }
                b'\n' => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = self.text.get(from..self.at)?;
        if has_escapes {
            serde_json::from_str(quoted).ok().map(Cow::Owned)
        } else {
            quoted.get(1..quoted.len() - 1).map(Cow::Borrowed)
        }
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<()> {
        let from = self.at;
        while let Some(b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') = self.peek() {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(String, (u32, u32), bool)> {
        let mut places = Vec::new();
        scan(text, &mut |place| {
            let at = (place.line, place.column);
            places.push((place.path.to_owned(), at, place.is_repeated));
        });
        places
    }

    #[test]
    fn every_key_and_item_has_its_line_and_column() {
        let text = "{\n \"a\": [1,\n {\"b\\n\": \"}{\\\"\"}],\n\n\"c.d\":{\"e\":null}, \"a\":2}";
        assert_eq!(
            places(text),
            [
                ("a".to_owned(), (2, 2), false),
                ("a[0]".to_owned(), (2, 8), false),
                ("a[1]".to_owned(), (3, 2), false),
                ("a[1][\"b\\n\"]".to_owned(), (3, 3), false),
                ("[\"c.d\"]".to_owned(), (5, 1), false),
                ("[\"c.d\"].e".to_owned(), (5, 8), false),
                ("a".to_owned(), (5, 19), true),
            ]
        );
    }

    #[test]
    fn a_missing_key_is_found_at_what_surrounds_it() {
        let mut report = Report::default();
        report.error(code::MISSING_KEY, "models[1].id", "is missing");
        report.error(code::BAD_HOST, "elsewhere", "is odd");
        let problems = report.finish(|problems| {
            locate("{\"models\": [\n{\"id\": \"a\"},\n{}\n]}", problems);
        });
        let places: Vec<_> = problems.iter().map(|it| (it.line, it.column)).collect();
        assert_eq!(places, [(Some(3), Some(1)), (None, None)]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_scanned_to_an_end(text in "[\\[\\]{}\":,\\\\a1é \n]{0,200}") {
            places(&text);
        }
    }

    #[test]
    fn deep_nesting_ends_the_scan_and_not_the_process() {
        assert_eq!(places(&"[".repeat(1_000_000)).len(), MAX_DEPTH + 1);
    }
}
