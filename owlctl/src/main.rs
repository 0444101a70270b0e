//! `owlctl`: asks a running `owlcodad` and prints the answer, for people or as JSON.
//!
//! A command turns its arguments and the daemon's answers into a [`report::Report`]; only
//! [`screen`] writes, and only `main` ends the process.

mod cli;
mod colour;
mod commands;
mod daemon;
mod document;
mod error;
mod exit;
#[cfg(test)]
mod golden;
mod live;
mod new_file;
mod quantity;
mod remote;
mod report;
mod screen;
mod table;
mod width;
mod yaml;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::colour::Colours;
use crate::exit::Exit;

fn main() -> ExitCode {
    let Cli { global, verb } = Cli::parse();
    let global = global.settled();
    let cli = Cli { global, verb };
    let colours = Colours::of_process(&cli.global);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            screen::complain(&format!(
                "owlctl: the system refused the async runtime: {error}"
            ));
            return Exit::Failed.into();
        }
    };
    let report = runtime.block_on(commands::run(cli));
    // A read of standard input that nobody answers keeps nobody waiting.
    runtime.shutdown_background();
    match screen::show(&report, colours) {
        Ok(()) => report.exit.into(),
        Err(error) => {
            screen::complain(&format!("owlctl: could not write the answer: {error}"));
            Exit::Failed.into()
        }
    }
}
