//! Thinking that a server without a reasoning parser leaves in the text.
//!
//! Only an answer that *begins* with `<think>` is taken apart: later in the text
//! the tag may well be what the answer is about. What could be the beginning of a
//! tag is held back, at most the 7 characters of `</think` and leading blanks.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Most white space before the tag. Unit: bytes.
const MAX_LEADING_BYTES: usize = 256;

/// Where in the answer the text is.
#[derive(Debug)]
pub(super) enum ThinkTag {
    /// At the start; what has come may yet become the tag.
    Start(String),
    /// After the tag; the end of what has come may be that of the closing tag.
    Inside(String),
    /// Behind it all.
    After,
}

/// A piece of text taken apart: thinking comes first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parted {
    pub(super) thinking: String,
    pub(super) text: String,
}

impl Default for ThinkTag {
    fn default() -> Self {
        Self::Start(String::new())
    }
}

impl ThinkTag {
    /// Takes the next piece of text.
    pub(super) fn push(&mut self, piece: String) -> Parted {
        match std::mem::replace(self, Self::After) {
            Self::After => Parted {
                thinking: String::new(),
                text: piece,
            },
            Self::Start(held) => self.at_start(joined(held, piece)),
            Self::Inside(held) => self.inside(&joined(held, piece)),
        }
    }

    /// Gives out what is held back: nothing more comes, or something else does.
    pub(super) fn flush(&mut self) -> Parted {
        match std::mem::replace(self, Self::After) {
            Self::After => Parted::default(),
            Self::Start(text) => Parted {
                thinking: String::new(),
                text,
            },
            Self::Inside(thinking) => Parted {
                thinking,
                text: String::new(),
            },
        }
    }

    fn at_start(&mut self, text: String) -> Parted {
        let begun = text.trim_start();
        if let Some(thinking) = begun.strip_prefix(OPEN) {
            return self.inside(thinking);
        }
        let leading_bytes = text.len() - begun.len();
        if OPEN.starts_with(begun) && leading_bytes <= MAX_LEADING_BYTES {
            *self = Self::Start(text);
            return Parted::default();
        }
        Parted {
            thinking: String::new(),
            text,
        }
    }

    fn inside(&mut self, text: &str) -> Parted {
        if let Some((thinking, after)) = text.split_once(CLOSE) {
            return Parted {
                thinking: thinking.to_owned(),
                text: after.to_owned(),
            };
        }
        let n_held = (1..CLOSE.len())
            .rev()
            .find(|n| CLOSE.get(..*n).is_some_and(|start| text.ends_with(start)))
            .unwrap_or_default();
        // The held bytes are ASCII, so this is a boundary.
        let (thinking, held) = text
            .split_at_checked(text.len() - n_held)
            .unwrap_or((text, ""));
        *self = Self::Inside(held.to_owned());
        Parted {
            thinking: thinking.to_owned(),
            text: String::new(),
        }
    }
}

fn joined(mut held: String, piece: String) -> String {
    if held.is_empty() {
        return piece;
    }
    held.push_str(&piece);
    held
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parted<'a>(pieces: impl Iterator<Item = &'a str>) -> Parted {
        let mut tag = ThinkTag::default();
        let mut whole = Parted::default();
        let mut take = |parted: Parted| {
            whole.thinking.push_str(&parted.thinking);
            whole.text.push_str(&parted.text);
        };
        for piece in pieces {
            take(tag.push(piece.to_owned()));
        }
        take(tag.flush());
        whole
    }

    #[test]
    fn only_a_tag_at_the_start_is_one() {
        let cases = [
            ("\n<think>a < b</think>\nc", "a < b", "\nc"),
            ("<think>cut </thi", "cut </thi", ""),
            ("the tag <think> is", "", "the tag <think> is"),
            ("<thin", "", "<thin"),
            ("<thinly", "", "<thinly"),
            ("<think></think>x</think>", "", "x</think>"),
        ];
        for (answer, thinking, text) in cases {
            let expected = Parted {
                thinking: thinking.to_owned(),
                text: text.to_owned(),
            };
            assert_eq!(parted([answer].into_iter()), expected, "{answer}");
        }
    }

    proptest! {
        #[test]
        fn any_split_of_the_answer_gives_the_same_parts(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["<think>", "</think>", "<", "/", "think", ">", " ", "é", "</thi"]),
                0..12,
            ),
        ) {
            let whole = pieces.concat();
            let singles: Vec<String> = whole.chars().map(String::from).collect();
            let expected = parted([whole.as_str()].into_iter());
            prop_assert_eq!(&parted(pieces.into_iter()), &expected);
            prop_assert_eq!(&parted(singles.iter().map(String::as_str)), &expected);
        }
    }
}
