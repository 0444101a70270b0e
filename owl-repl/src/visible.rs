//! Makes text of a model or a daemon harmless for a terminal.

use std::borrow::Cow;

/// `text` without control characters (C0, DEL, C1) other than newline and tab.
///
/// Each character is judged alone, so an escape sequence that arrives in pieces has no effect
/// either: its ESC is gone, and the rest is plain text.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let is_kept = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.chars().all(is_kept) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(|c| is_kept(*c)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_and_tabs_stay_and_what_drives_a_terminal_goes() {
        let text = "a\tb\n\u{1b}]0;title\u{7}\u{9b}2J\r\u{8}\u{7f}é漢";
        assert_eq!(visible(text), "a\tb\n]0;title2Jé漢");
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_changes_nothing(pieces in prop::collection::vec(".{0,8}", 0..6)) {
            let whole = pieces.concat();
            let in_pieces: String = pieces.iter().map(|piece| visible(piece)).collect();
            prop_assert_eq!(visible(&whole), in_pieces);
        }
    }
}
