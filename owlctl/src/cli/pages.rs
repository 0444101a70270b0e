//! The manual pages and completions in `packaging/`: they are what this command tree says.
//!
//! After a change of the tree, `UPDATE_EXPECT=1 cargo test -p owlctl pages` writes them anew.

use clap::{Command, CommandFactory as _};
use clap_complete::{Shell, generate};
use expect_test::expect_file;

use super::Cli;

fn manual(command: Command) -> String {
    let examples = command.get_before_help().map(ToString::to_string);
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).unwrap();
    let mut page = String::from_utf8(page).unwrap();
    if let Some(examples) = examples {
        page.push_str(".SH EXAMPLES\n.nf\n");
        for line in examples.lines().skip(1) {
            let line = line.trim_start().replace('\\', "\\e").replace('-', "\\-");
            page.push_str(&line);
            page.push('\n');
        }
        page.push_str(".fi\n");
    }
    page
}

#[test]
fn the_manual_pages_say_what_the_help_says() {
    let mut program = Cli::command();
    program.build();
    expect_file!["../../../packaging/man/owlctl.1"].assert_eq(&manual(program.clone()));
    for verb in program.get_subcommands() {
        let name = verb.get_name();
        if name == "help" || verb.is_hide_set() {
            continue;
        }
        let page = manual(verb.clone());
        expect_file![format!("../../../packaging/man/owlctl-{name}.1")].assert_eq(&page);
    }
}

#[test]
fn the_packaged_completions_are_those_that_the_verb_prints() {
    for (shell, file) in [
        (Shell::Bash, "owlctl.bash"),
        (Shell::Zsh, "_owlctl"),
        (Shell::Fish, "owlctl.fish"),
    ] {
        let mut script = Vec::new();
        generate(shell, &mut Cli::command(), "owlctl", &mut script);
        let script = String::from_utf8(script).unwrap();
        expect_file![format!("../../../packaging/completions/{file}")].assert_eq(&script);
    }
}
