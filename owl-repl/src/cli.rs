//! What may be typed on the command line, and what its help says.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::NonEmptyStringValueParser;

use crate::exit::Exit;

/// Talks to a model through owlcodad, line by line.
#[derive(Debug, Parser)]
#[command(
    name = "owl-repl",
    version,
    help_template =
        "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}",
    before_help = "Examples:
  owl-repl                          a new conversation with the default model
  owl-repl --resume last            the last one, with what was said, even in mid-answer
  owl-repl -p 'why is the sky blue' the answer alone
  git diff | owl-repl -p -          the prompt from standard input",
    after_help = "Ctrl-C ends the running answer, a second one leaves; the conversation stays with \
                  the daemon.\n`owl-repl --help` explains the exit status.",
    after_long_help = Exit::help()
)]
pub(crate) struct Cli {
    /// Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Control socket of the daemon [default: `run/control.sock` in its data directory]
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Model id, alias or tier [default: the daemon's default model]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) model: Option<String>,
    /// Go on with a conversation: its id, or `last`
    #[arg(
        long,
        value_name = "ID",
        num_args = 0..=1,
        default_missing_value = "last",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(crate) resume: Option<String>,
    /// Send this one prompt, print the answer and leave; `-` reads it from standard input
    #[arg(
        short,
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(crate) prompt: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap_complete::{Shell, generate};
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn the_help_is_a_contract() {
        Cli::command().debug_assert();
        for (name, flag) in [("help", "--help"), ("help_short", "-h")] {
            let error = Cli::command()
                .term_width(100)
                .try_get_matches_from(["owl-repl", flag])
                .unwrap_err();
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"));
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| insta::assert_snapshot!(name, error.render().to_string()));
        }
    }

    #[test]
    fn resume_without_a_value_means_the_last_conversation() {
        let cli = Cli::try_parse_from(["owl-repl", "--resume"]).unwrap();
        assert_eq!(cli.resume.as_deref(), Some("last"));
        let cli = Cli::try_parse_from(["owl-repl", "--resume", "ses_1"]).unwrap();
        assert_eq!(cli.resume.as_deref(), Some("ses_1"));
    }

    #[test]
    fn a_prompt_may_start_with_a_dash_and_may_not_be_empty() {
        let cli = Cli::try_parse_from(["owl-repl", "-p", "-v means what?"]).unwrap();
        assert_eq!(cli.prompt.as_deref(), Some("-v means what?"));
        assert_eq!(
            Cli::try_parse_from(["owl-repl", "-p", ""])
                .unwrap_err()
                .exit_code(),
            2
        );
        assert_eq!(
            Cli::try_parse_from(["owl-repl", "hello"])
                .unwrap_err()
                .exit_code(),
            2
        );
    }

    /// After a change: `UPDATE_EXPECT=1 cargo test -p owl-repl packaged` writes them anew.
    #[test]
    fn the_packaged_manual_and_completions_say_what_the_help_says() {
        let mut page = Vec::new();
        let program = Cli::command();
        clap_mangen::Man::new(program).render(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        expect_file!["../../packaging/man/owl-repl.1"].assert_eq(&page);
        for (shell, file) in [
            (Shell::Bash, "owl-repl.bash"),
            (Shell::Zsh, "_owl-repl"),
            (Shell::Fish, "owl-repl.fish"),
        ] {
            let mut script = Vec::new();
            generate(shell, &mut Cli::command(), "owl-repl", &mut script);
            let script = String::from_utf8(script).unwrap();
            expect_file![format!("../../packaging/completions/{file}")].assert_eq(&script);
        }
    }
}
