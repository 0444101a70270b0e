//! The only place that writes: answers to standard output, all else to standard error.

use std::io::{self, IsTerminal as _, Stderr, Stdout, Write};

use owlcoda_proto::printable;

use crate::error::ReplError;
use crate::status_line::{shortfall, status_line};
use crate::transcript::Output;
use crate::visible::visible;

/// Shown where a line may be typed, and before each line of a replayed input.
const PROMPT: &str = "> ";

/// Where this program writes, and whether a line is open there.
#[derive(Debug)]
pub(crate) struct Screen<O = Stdout, E = Stderr> {
    out: O,
    err: E,
    reader: Reader,
    is_in_line: bool,
    is_prompting: bool,
}

/// Who is on the other side.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reader {
    /// A person types, and so wants to be prompted.
    pub(crate) is_typing: bool,
    /// Both outputs meet on one terminal, so a note must not run into an answer.
    pub(crate) is_sharing: bool,
}

impl Screen {
    /// The screen of this process.
    pub(crate) fn of_process() -> Self {
        let reader = Reader {
            is_typing: io::stdin().is_terminal() && io::stderr().is_terminal(),
            is_sharing: io::stdout().is_terminal() && io::stderr().is_terminal(),
        };
        Self::new(io::stdout(), io::stderr(), reader)
    }
}

impl<O: Write, E: Write> Screen<O, E> {
    pub(crate) const fn new(out: O, err: E, reader: Reader) -> Self {
        Self {
            out,
            err,
            reader,
            is_in_line: false,
            is_prompting: false,
        }
    }

    /// Shows a piece of an answer.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.leave_prompt()?;
        let text = visible(text);
        self.out.write_all(text.as_bytes())?;
        if !text.is_empty() {
            self.is_in_line = !text.ends_with('\n');
        }
        self.out.flush()
    }

    /// Ends an open line of an answer.
    pub(crate) fn end_line(&mut self) -> io::Result<()> {
        if self.is_in_line {
            self.is_in_line = false;
            self.out.write_all(b"\n")?;
        }
        self.out.flush()
    }

    /// Says something to the person, on a line of its own.
    pub(crate) fn note(&mut self, note: &str) -> io::Result<()> {
        self.leave_prompt()?;
        if self.reader.is_sharing {
            self.end_line()?;
        }
        writeln!(self.err, "{}", printable(note))
    }

    /// Says something that only a person at a terminal wants to read.
    pub(crate) fn aside(&mut self, note: &str) -> io::Result<()> {
        if self.reader.is_typing {
            self.note(note)
        } else {
            Ok(())
        }
    }

    /// Says why the program ends, and the way out.
    pub(crate) fn complaint(&mut self, error: &ReplError) -> io::Result<()> {
        self.note(&format!("owl-repl: {error}"))?;
        self.err.write_all(error.hint().as_bytes())
    }

    /// Asks for a line, once.
    pub(crate) fn prompt(&mut self) -> io::Result<()> {
        if self.reader.is_typing && !self.is_prompting {
            self.end_line()?;
            self.is_prompting = true;
            self.err.write_all(PROMPT.as_bytes())?;
            self.err.flush()?;
        }
        Ok(())
    }

    /// The person ended the line of the prompt.
    pub(crate) const fn line_taken(&mut self) {
        self.is_prompting = false;
    }

    /// Shows what a transcript put out.
    pub(crate) fn show(&mut self, output: &Output) -> io::Result<()> {
        match output {
            Output::Input(text) => {
                self.end_line()?;
                for line in text.lines() {
                    self.text(&format!("{PROMPT}{line}\n"))?;
                }
                Ok(())
            }
            Output::Text(text) => self.text(text),
            Output::AnswerEnded => self.end_line(),
            Output::ModelChanged(model) => self.note(&format!("[model: {model}]")),
            Output::TurnEnded(turn) => {
                self.end_line()?;
                // Of what is long over, only that something is missing is worth a line.
                if turn.is_replay && shortfall(&turn.outcome).is_none() {
                    return Ok(());
                }
                self.note(&status_line(&turn.outcome))
            }
            Output::Lost => Ok(()),
        }
    }

    /// Leaves the cursor at the start of a line for whoever is next.
    pub(crate) fn leave(&mut self) -> io::Result<()> {
        self.leave_prompt()?;
        self.end_line()
    }

    fn leave_prompt(&mut self) -> io::Result<()> {
        if self.is_prompting {
            self.is_prompting = false;
            self.err.write_all(b"\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::{TurnCompleted, TurnStatus};

    use super::*;
    use crate::transcript::TurnEnd;

    const TERMINAL: Reader = Reader {
        is_typing: true,
        is_sharing: true,
    };

    fn shown(reader: Reader, act: impl FnOnce(&mut Screen<Vec<u8>, Vec<u8>>)) -> [String; 2] {
        let mut screen = Screen::new(Vec::new(), Vec::new(), reader);
        act(&mut screen);
        [screen.out, screen.err].map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn ended(status: TurnStatus, is_replay: bool) -> Output {
        Output::TurnEnded(TurnEnd {
            turn_id: "trn_1".to_owned(),
            outcome: TurnCompleted {
                status: status.into(),
                model_used: "m".to_owned(),
                ..TurnCompleted::default()
            },
            is_replay,
        })
    }

    #[test]
    fn an_answer_goes_to_stdout_without_control_characters_and_its_status_to_stderr() {
        let [out, err] = shown(Reader::default(), |screen| {
            for output in [
                Output::Text("a\u{1b}[3".to_owned()),
                Output::Text("1mb".to_owned()),
                Output::AnswerEnded,
                ended(TurnStatus::Completed, false),
            ] {
                screen.show(&output).unwrap();
            }
        });
        assert_eq!(out, "a[31mb\n");
        assert_eq!(err, "[m · in 0 · out 0 tokens · 0.0s]\n");
    }

    #[test]
    fn a_replay_shows_both_sides_and_only_what_went_wrong() {
        let [out, err] = shown(Reader::default(), |screen| {
            for output in [
                Output::Input("one\ntwo".to_owned()),
                Output::Text("answer".to_owned()),
                Output::AnswerEnded,
                ended(TurnStatus::Completed, true),
                Output::Input("three".to_owned()),
                ended(TurnStatus::Interrupted, true),
            ] {
                screen.show(&output).unwrap();
            }
        });
        assert_eq!(out, "> one\n> two\nanswer\n> three\n");
        assert_eq!(err, "[interrupted · m · in 0 · out 0 tokens · 0.0s]\n");
    }

    #[test]
    fn a_person_is_prompted_once_and_news_do_not_run_into_the_prompt() {
        let [out, err] = shown(TERMINAL, |screen| {
            screen.prompt().unwrap();
            screen.prompt().unwrap();
            screen.text("news").unwrap();
            screen.prompt().unwrap();
            screen.line_taken();
            screen.note("typed").unwrap();
        });
        assert_eq!((out.as_str(), err.as_str()), ("news\n", "> \n> typed\n"));
    }

    #[test]
    fn a_program_on_the_other_side_sees_no_prompt_and_no_asides() {
        let [out, err] = shown(Reader::default(), |screen| {
            screen.prompt().unwrap();
            screen.aside("welcome").unwrap();
        });
        assert_eq!((out.as_str(), err.as_str()), ("", ""));
    }

    #[test]
    fn a_note_in_mid_answer_breaks_the_line_of_a_terminal_and_not_the_answer_in_a_file() {
        let act = |screen: &mut Screen<Vec<u8>, Vec<u8>>| {
            screen.text("half").unwrap();
            screen.note("wait").unwrap();
            screen.text(" whole").unwrap();
            screen.leave().unwrap();
        };
        assert_eq!(shown(Reader::default(), act), ["half whole\n", "wait\n"]);
        assert_eq!(shown(TERMINAL, act), ["half\n whole\n", "wait\n"]);
    }
}
