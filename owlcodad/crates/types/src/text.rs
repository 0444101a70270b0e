//! Text from outside, made fit to be shown: bounded and without control characters.

use std::borrow::Cow;

/// At most `max_chars` characters of `text`; a cut is marked with `…`.
pub fn clip(text: &str, max_chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max_chars) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.chars().take(max_chars).chain(['…']).collect()),
    }
}

/// `text` on one line, safe for a terminal or a log: control characters become spaces.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        Cow::Owned(
            text.chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_counts_characters_and_marks_the_cut() {
        assert_eq!(clip("héllo", 5), "héllo");
        assert_eq!(clip("héllo!", 5), "héllo…");
    }

    #[test]
    fn escape_sequences_do_not_survive() {
        assert_eq!(printable("a\u{1b}[31mb\nc"), "a [31mb c");
    }
}
