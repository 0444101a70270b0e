//! Colours for terminals. They repeat what the words say and carry nothing of their own.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _};

use crate::cli::Global;

/// What ends a colour.
const PLAIN: &str = "\u{1b}[0m";

/// Words that stand alone in a column, and how they look.
const WORDS: [(&str, &str); 20] = [
    ("up", GREEN),
    ("ok", GREEN),
    ("ready", GREEN),
    ("running", GREEN),
    ("closed", GREEN),
    ("applied", GREEN),
    ("degraded", YELLOW),
    ("draining", YELLOW),
    ("starting", YELLOW),
    ("half_open", YELLOW),
    ("warn", YELLOW),
    ("WARN", YELLOW),
    ("down", RED),
    ("open", RED),
    ("failed", RED),
    ("fail", RED),
    ("unready", RED),
    ("rejected", RED),
    ("ERROR", RED),
    ("error", RED),
];

const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";

/// Whether what is printed has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    /// It has none.
    Off,
    /// It is for a terminal and a person.
    On,
}

impl Colours {
    /// Off for pipes, documents, dumb terminals, `--no-color` and a set `NO_COLOR`.
    pub(crate) fn of_process(global: &Global) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "what terminals and their users agreed on, and nothing of the configuration"
        )]
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_refused = global.json || global.no_color || variable("NO_COLOR").is_some();
        let is_dumb = variable("TERM").is_none_or(|term| term == "dumb");
        if is_refused || is_dumb || !io::stdout().is_terminal() {
            Self::Off
        } else {
            Self::On
        }
    }

    /// `text` as it is printed.
    pub(crate) fn painted(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Off => Cow::Borrowed(text),
            Self::On => Cow::Owned(text.split_inclusive('\n').map(line).collect()),
        }
    }
}

/// One line with its colours: what needs a look as a whole, else the words of its columns.
fn line(text: &str) -> String {
    let (text, end) = match text.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (text, ""),
    };
    if text.trim_start().starts_with("! ") {
        return format!("{YELLOW}{text}{PLAIN}{end}");
    }
    let mut painted = String::with_capacity(text.len() + 16);
    // Columns are two spaces apart, so an empty piece is a part of a gap.
    for (piece_idx, piece) in text.split("  ").enumerate() {
        if piece_idx > 0 {
            painted.push_str("  ");
        }
        let (indent, word) = match piece.strip_prefix(' ') {
            Some(word) => (" ", word),
            None => ("", piece),
        };
        let known = WORDS.iter().find_map(|(known, colour)| {
            let rest = word.strip_prefix(known)?;
            is_whole(rest).then_some((known, colour, rest))
        });
        match known {
            Some((known, colour, rest)) => {
                for part in [indent, colour, known, PLAIN, rest] {
                    painted.push_str(part);
                }
            }
            None => painted.push_str(piece),
        }
    }
    painted + end
}

/// Whether what follows a word leaves it the whole cell, perhaps with since when: `running 3d 4h`.
fn is_whole(rest: &str) -> bool {
    rest.is_empty()
        || rest
            .strip_prefix(' ')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "owlcodad 0.1.0  running 3d 4h  pid 4121\nollama   up    3ms\nvllm     \
                        down     -  up the hill\nProblems\n  ! vllm is down\n";

    #[test]
    fn words_of_state_and_problems_are_painted_and_nothing_else_is() {
        let painted = Colours::On.painted(TEXT);
        assert_eq!(
            painted,
            "owlcodad 0.1.0  \u{1b}[32mrunning\u{1b}[0m 3d 4h  pid 4121\nollama   \
             \u{1b}[32mup\u{1b}[0m    3ms\nvllm     \u{1b}[31mdown\u{1b}[0m     -  up the hill\nProblems\n\u{1b}[33m  ! vllm is down\u{1b}[0m\n"
        );
    }

    #[test]
    fn without_its_colours_the_text_is_what_it_was() {
        let mut painted = Colours::On.painted(TEXT).into_owned();
        for code in [PLAIN, GREEN, YELLOW, RED] {
            painted = painted.replace(code, "");
        }
        assert_eq!(painted, TEXT);
        assert_eq!(Colours::Off.painted(TEXT), TEXT);
    }
}
