//! `owl-repl`: talks to a model through `owlcodad`, line by line or one prompt at a time.
//!
//! The conversation lives in the daemon. This program attaches to it, shows what comes
//! ([`transcript`] decides what is new) and sends what is typed; leaving it ends nothing.

mod chat;
mod cli;
mod command;
mod error;
mod exit;
mod input;
mod oneshot;
mod opening;
mod patience;
mod screen;
mod status_line;
mod talk;
mod transcript;
mod visible;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::screen::Screen;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut screen = Screen::of_process();
    let outcome = match &cli.prompt {
        Some(prompt) => oneshot::run(&cli, prompt, &mut screen).await,
        None => chat::run(&cli, &mut screen).await,
    };
    let exit = outcome.unwrap_or_else(|error| {
        if !error.is_reader_gone() {
            // Where standard error is closed too, nobody is left to be told.
            screen.leave().and_then(|()| screen.complaint(&error)).ok();
        }
        error.exit()
    });
    exit.into()
}
