//! Why a request could not be read, and where in it.

use owlcoda_types::{ErrorCode, clip};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// Longest text about one mistake. Unit: characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// Why a request body is not one of this protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The body is not JSON at all.
    #[error("the body is not valid JSON: {message}")]
    Syntax {
        /// What the parser says, with line and column.
        message: String,
    },
    /// A field is missing or has the wrong shape.
    #[error("{path}: {message}")]
    Field {
        /// Where, e.g. `messages[2].content`.
        path: String,
        /// What is wrong there.
        message: String,
    },
}

impl WireError {
    /// The code for every surface: the caller's mistake.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::InvalidRequest
    }

    /// Something of a request that is missing or has the wrong shape.
    pub fn field(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Field {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// Reads a request body; only a failed one is read again, to say where it is wrong.
///
/// Clients in JavaScript cut text by UTF-16 unit and so send half a character now
/// and then. That is no reason to refuse a whole conversation for ever: the half
/// becomes U+FFFD.
pub(crate) fn parse_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
    crate::json::read(body).or_else(|error| match mend_halves(body) {
        Some(mended) => crate::json::read(&mended).map_err(|error| explain::<T>(&mended, &error)),
        None => Err(explain::<T>(body, &error)),
    })
}

fn explain<T: DeserializeOwned>(body: &[u8], first: &serde_json::Error) -> WireError {
    if first.classify() != Category::Data {
        return WireError::Syntax {
            message: clip(&first.to_string(), MAX_MESSAGE_CHARS).into_owned(),
        };
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let (path, message) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Ok(_) => (".".to_owned(), first.to_string()),
        Err(error) => (error.path().to_string(), error.inner().to_string()),
    };
    let message = without_position(&message);
    let path = if path == "." { "body".to_owned() } else { path };
    WireError::field(
        clip(&path, MAX_MESSAGE_CHARS),
        clip(message, MAX_MESSAGE_CHARS),
    )
}

/// The parser's position says nothing to a caller who has the path.
fn without_position(message: &str) -> &str {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(text, _)| text)
}

/// The body with every lone half of a character replaced; none if there is none.
pub(crate) fn mend_halves(body: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    // Most bodies have none of these escapes, but one of another kind in every line.
    memchr::memmem::find(body, b"\\u")?;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', body.get(at..)?) {
        let start = at + found;
        at = start + 2;
        let Some(unit) = escaped_unit(body, start) else {
            continue;
        };
        at = start + ESCAPE_BYTES;
        let is_high = (0xD800..0xDC00).contains(&unit);
        let is_low = (0xDC00..0xE000).contains(&unit);
        let next = escaped_unit(body, at).unwrap_or_default();
        if is_high && (0xDC00..0xE000).contains(&next) {
            at += ESCAPE_BYTES;
        } else if is_high || is_low {
            let mended = mended.get_or_insert_with(|| body.to_vec());
            mended.get_mut(start..at)?.copy_from_slice(b"\\uFFFD");
        }
    }
    mended
}

/// `\uXXXX`
const ESCAPE_BYTES: usize = 6;

fn escaped_unit(body: &[u8], at: usize) -> Option<u16> {
    let escape = body.get(at..at.checked_add(ESCAPE_BYTES)?)?;
    let digits = escape.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_does_not_cost_the_whole_request() {
        let cases = [
            (r#"["a\ud83e"]"#, "a\u{FFFD}"),
            (r#"["\udd89b"]"#, "\u{FFFD}b"),
            (r#"["\ud83e\ud83e\udd89"]"#, "\u{FFFD}🦉"),
            (r#"["\\ud83e \ud83e\n"]"#, "\\ud83e \u{FFFD}\n"),
        ];
        for (body, text) in cases {
            let read: Vec<String> = parse_body(body.as_bytes()).unwrap();
            assert_eq!(read, [text], "{body}");
        }
    }

    #[test]
    fn what_is_wrong_otherwise_stays_wrong() {
        assert!(parse_body::<Vec<String>>(br#"["a\u12"]"#).is_err());
        assert_eq!(mend_halves(br#"["\ud83e\udd89"]"#), None);
    }
}
