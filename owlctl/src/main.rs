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

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Cli { global, verb } = Cli::parse();
    let global = global.settled();
    let cli = Cli { global, verb };
    let report = commands::run(&cli).await;
    match screen::show(&report, Colours::of_process(&cli.global)) {
        Ok(()) => report.exit.into(),
        Err(error) => {
            screen::complain(&format!("owlctl: could not write the answer: {error}"));
            Exit::Failed.into()
        }
    }
}
