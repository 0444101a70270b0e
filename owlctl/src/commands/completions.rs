//! `owlctl completions`: what makes a shell complete this program.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::{Cli, CompletedShell};
use crate::report::Report;

/// The script for `shell`.
pub(super) fn run(shell: CompletedShell) -> Report {
    let shell = match shell {
        CompletedShell::Bash => Shell::Bash,
        CompletedShell::Zsh => Shell::Zsh,
        CompletedShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "owlctl", &mut script);
    Report::data(String::from_utf8_lossy(&script).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_global_option_is_in_every_script() {
        for shell in [
            CompletedShell::Bash,
            CompletedShell::Zsh,
            CompletedShell::Fish,
        ] {
            let script = run(shell).stdout;
            for verb in Cli::command().get_subcommands() {
                let name = verb.get_name();
                assert!(script.contains(name), "{shell:?} lacks {name}");
            }
            assert!(script.contains("socket"), "{shell:?}");
        }
    }
}
