//! What a typed line means: words for the model, or a command of this program.

/// One line, understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Nothing to do.
    Blank,
    /// For the model, as typed.
    Say(&'a str),
    Quit,
    Help,
    /// A command that there is not.
    Unknown(&'a str),
}

/// What `/help` prints, and in short what an unknown command is answered with.
pub(crate) const HELP: &str = "/quit leaves, /help prints this; all else goes to the model. \
                               Ctrl-C ends a running answer.";

/// The commands, for one who mistyped.
pub(crate) const LIST: &str = "commands: /help, /quit";

impl<'a> Line<'a> {
    /// Understands `line`. A slash makes a command only where a single word follows it, so that a
    /// path at the start of a sentence still reaches the model.
    pub(crate) fn parse(line: &'a str) -> Self {
        let words = line.trim();
        let Some(command) = words.strip_prefix('/') else {
            return if words.is_empty() {
                Self::Blank
            } else {
                Self::Say(line)
            };
        };
        match command {
            "quit" => Self::Quit,
            "help" => Self::Help,
            _ if command.contains('/') || command.contains(char::is_whitespace) => Self::Say(line),
            _ => Self::Unknown(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_words_for_the_model() {
        for (line, meaning) in [
            ("", Line::Blank),
            ("  \t", Line::Blank),
            ("hello", Line::Say("hello")),
            ("  indented", Line::Say("  indented")),
            ("/quit", Line::Quit),
            (" /help ", Line::Help),
            ("/quti", Line::Unknown("/quti")),
            ("/", Line::Unknown("/")),
            ("/etc/hosts", Line::Say("/etc/hosts")),
            ("/tmp is full, why?", Line::Say("/tmp is full, why?")),
        ] {
            assert_eq!(Line::parse(line), meaning, "{line:?}");
        }
    }
}
