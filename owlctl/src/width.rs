//! How wide text is in a terminal: most characters take one column, those of East Asia two, and what
//! combines with the one before it none.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns that `text` takes. It holds no control characters.
pub(crate) fn of(text: &str) -> usize {
    text.width()
}

/// `text` in at most `max_columns` columns; what is cut ends with `…`.
pub(crate) fn clipped(text: &str, max_columns: usize) -> Cow<'_, str> {
    // As many bytes as columns is enough for most, and no character is wider than its bytes.
    if text.len() <= max_columns || of(text) <= max_columns {
        return Cow::Borrowed(text);
    }
    let room = max_columns.saturating_sub(1);
    let mut n_columns = 0;
    let mut kept = String::with_capacity(max_columns);
    for c in text.chars() {
        n_columns += c.width().unwrap_or(0);
        if n_columns > room {
            break;
        }
        kept.push(c);
    }
    if max_columns > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_as_wide_as_a_terminal_shows_it() {
        for (text, n_columns) in [
            ("owl", 3),
            ("猫头鹰", 6),
            ("é", 1),
            ("e\u{301}", 1),
            ("", 0),
        ] {
            assert_eq!(of(text), n_columns, "{text:?}");
        }
    }

    #[test]
    fn what_is_cut_never_takes_more_than_its_room() {
        for (text, max_columns, kept) in [
            ("owlcoda", 7, "owlcoda"),
            ("owlcoda", 4, "owl…"),
            ("猫头鹰", 6, "猫头鹰"),
            ("猫头鹰", 5, "猫头…"),
            ("猫头鹰", 4, "猫…"),
            ("猫", 1, "…"),
            ("猫", 0, ""),
        ] {
            assert_eq!(clipped(text, max_columns), kept, "{text} in {max_columns}");
        }
    }
}
