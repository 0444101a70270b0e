//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The daemon in front of every model a developer has.
#[derive(Debug, Parser)]
#[command(name = "owlcodad", version, arg_required_else_help = true, after_help = EXIT_STATUS)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_STATUS: &str = "\
Exit status: 0 ended as asked, 1 failed, 2 wrong arguments, 3 ended but had to cut running calls, \
75 another daemon or program is in the way, 78 the configuration or the data directory is not \
usable, 130 or 143 ended at once by a second signal.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run in the foreground until SIGTERM or SIGINT; a second signal ends it at once.
    Serve(ServeArgs),
    /// Verify, repair, export or restore the store while no daemon runs.
    Storage(crate::storage::StorageArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Configuration file. Default: config.json in the home, where there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    // The help is for a terminal, so it is no Markdown.
    #[expect(clippy::doc_markdown, reason = "shown as it is")]
    /// Data directory. Default: $OWLCODA_HOME, else ~/.owlcoda.
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,

    /// Control socket. Default: run/control.sock in the home.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}
