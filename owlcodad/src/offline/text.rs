//! Plain text for a terminal of 80 columns.

use owlcoda_types::printable;

/// Columns of a line.
const WIDTH: usize = 80;

/// `text` in lines, the first after `head`, the others indented as far. A word that is longer than a
/// line stands alone, since it may be a command or a path.
pub(crate) fn wrapped(head: &str, text: &str) -> String {
    let indent = head.chars().count();
    let mut lines = head.to_owned();
    let mut n_columns = indent;
    let mut is_first = true;
    for word in printable(text).split_ascii_whitespace() {
        let n_letters = word.chars().count();
        if !is_first && n_columns + 1 + n_letters > WIDTH {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            n_columns = indent;
        } else if !is_first {
            lines.push(' ');
            n_columns += 1;
        }
        lines.push_str(word);
        n_columns += n_letters;
        is_first = false;
    }
    let mut lines = lines.trim_end().to_owned();
    lines.push('\n');
    lines
}

/// `1 model`, `2 models`.
pub(crate) fn count(n_things: usize, thing: &str) -> String {
    let plural = if n_things == 1 { "" } else { "s" };
    format!("{n_things} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_and_no_line_is_longer_than_it_must_be() {
        let long = "x".repeat(90);
        let text = wrapped(
            "  a  ",
            &format!("{}{long} end\u{1b}[2J", "word ".repeat(30)),
        );
        for line in text.lines() {
            let is_long_word = line.trim() == long;
            assert!(line.chars().count() <= WIDTH || is_long_word, "{line}");
            assert!(line.starts_with("  a  ") || line.starts_with("     "));
        }
        assert!(!text.contains('\u{1b}'));
        assert_eq!(wrapped("a ", ""), "a\n");
        assert_eq!(
            (count(1, "model"), count(0, "model")),
            ("1 model".to_owned(), "0 models".to_owned())
        );
    }
}
