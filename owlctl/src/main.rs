//! `owlctl`: asks a running `owlcodad` and prints the answer, for people or as JSON.
//!
//! A command turns its arguments and the daemon's answers into a [`report::Report`]; only
//! [`screen`] writes, and only `main` ends the process.

mod cli;
mod commands;
mod daemon;
mod document;
mod error;
mod exit;
#[cfg(test)]
mod golden;
mod quantity;
mod report;
mod screen;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::exit::Exit;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let report = commands::run(&cli).await;
    match screen::show(&report) {
        Ok(()) => report.exit.into(),
        Err(error) => {
            screen::complain(&format!("owlctl: could not write the answer: {error}"));
            Exit::Failed.into()
        }
    }
}
