//! Strings of a document: where they end, and how they are written.
//!
//! Sixteen bytes are compared at a time. What JSON wants escaped is rare between letters, but a coding
//! agent's turn has a line end or a quote every twenty bytes, so none of them may cost a new start.

use bytes::BufMut;
use wide::u8x16;

/// How many bytes are looked at together.
const BLOCK_BYTES: usize = 16;

/// What a walk over a string finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StringSpan {
    /// With its quotes. Unit: bytes.
    pub(super) len: usize,
    /// How many characters are escaped.
    pub(super) n_escapes: usize,
    /// Whether some of them are written as `\uXXXX`. Whether these are characters is not looked at.
    pub(super) has_units: bool,
}

/// The length of the JSON string at the start of `bytes`, with its quotes. None where there is none:
/// an escape or a control character is wrong, or its end is missing. That it is UTF-8 is not looked
/// at.
pub(crate) fn string_len(bytes: &[u8]) -> Option<usize> {
    string_span(bytes).map(|span| span.len)
}

/// The string that [`string_len`] finds.
pub(super) fn string_span(bytes: &[u8]) -> Option<StringSpan> {
    let (mut n_escapes, mut has_units) = (0, false);
    bytes.strip_prefix(b"\"")?;
    let mut start = 1;
    loop {
        let mut found = escapes_in(bytes.get(start..)?)?;
        while found != 0 {
            let at = start + found.trailing_zeros() as usize;
            let escape = bytes.get(at..)?;
            let len = match escape {
                [b'\\', second, ..] if is_short_escape(*second) => 2,
                [b'"', ..] => {
                    return Some(StringSpan {
                        len: at + 1,
                        n_escapes,
                        has_units,
                    });
                }
                [b'\\', b'u', digits @ ..] if is_unit(digits) => {
                    has_units = true;
                    6
                }
                _ => return None,
            };
            n_escapes += 1;
            // What belongs to the escape is not looked at again.
            let next = at + len - start;
            if next >= BLOCK_BYTES {
                start = at + len - BLOCK_BYTES;
                break;
            }
            found &= u32::MAX << next;
        }
        start += BLOCK_BYTES;
    }
}

const fn is_short_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')
}

fn is_unit(digits: &[u8]) -> bool {
    digits
        .first_chunk::<4>()
        .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// Writes a string with its quotes, as serde does.
pub(crate) fn put_str(out: &mut impl BufMut, text: &str) {
    let bytes = text.as_bytes();
    out.put_u8(b'"');
    // Up to where it is written, and where the next block is.
    let (mut n_written, mut start) = (0, 0);
    while let Some(mut found) = bytes.get(start..).and_then(escapes_in) {
        while found != 0 {
            let at = start + found.trailing_zeros() as usize;
            out.put_slice(bytes.get(n_written..at).unwrap_or_default());
            put_escape(out, bytes.get(at).copied().unwrap_or_default());
            n_written = at + 1;
            found &= found - 1;
        }
        start += BLOCK_BYTES;
    }
    out.put_slice(bytes.get(n_written..).unwrap_or_default());
    out.put_u8(b'"');
}

/// Which of the first bytes JSON wants escaped, the lowest bit for the first: control characters, `"`
/// and `\`. None where there are no bytes.
#[inline]
fn escapes_in(bytes: &[u8]) -> Option<u32> {
    let block = match bytes.first_chunk() {
        Some(block) => *block,
        None if bytes.is_empty() => return None,
        None => {
            // Blanks need no escape.
            let mut block = [b' '; BLOCK_BYTES];
            block
                .iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
            block
        }
    };
    let block = u8x16::from(block);
    let quotes = block.simd_eq(u8x16::splat(b'"'));
    let backslashes = block.simd_eq(u8x16::splat(b'\\'));
    // Nothing above is its own minimum.
    let controls = block.min(u8x16::splat(0x1f)).simd_eq(block);
    Some((quotes | backslashes | controls).to_bitmask())
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
    use serde_json::value::RawValue;

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
            for place in 0..20 {
                let text = format!("{}{character}{}", "x".repeat(place), "é".repeat(19 - place));
                assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn every_text_is_written_as_serde_does(text in "(?s).{0,60}") {
            prop_assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn a_string_ends_where_serde_says(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "a", "é", "fifteen letters", "\\n", "\\\\", "\\\"", "\\u00e9", "\\ud83e", "\\u00g0", "\\x", "\\", "\"", "\n",
            ]), 0..24),
            after in prop::sample::select(vec!["", "\"", "\",\"b\"", "\"\\"]),
        ) {
            let text = format!("\"{}{after}", pieces.concat());
            let mut read = serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>();
            let expected = match read.next() {
                Some(Ok(raw)) => Some(raw.get().len()),
                _ => None,
            };
            prop_assert_eq!(string_len(text.as_bytes()), expected, "{}", text);
        }
    }

    #[test]
    fn a_string_ends_at_its_quote_wherever_that_stands() {
        for escape in ["", "\\n", "\\\"", "\\\\", "\\u0020"] {
            for before in 0..40 {
                for after in 0..40 {
                    let literal =
                        format!("\"{}{escape}{}\"", "x".repeat(before), "x".repeat(after));
                    let text = format!("{literal}, \"next\"");
                    assert_eq!(string_len(text.as_bytes()), Some(literal.len()), "{text}");
                    assert_eq!(
                        string_len(literal.as_bytes()),
                        Some(literal.len()),
                        "{text}"
                    );
                    assert_eq!(
                        string_len(&literal.as_bytes()[..literal.len() - 1]),
                        None,
                        "{text}"
                    );
                }
            }
        }
    }
}
