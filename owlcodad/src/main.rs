//! `owlcodad`: parses the command line, wires the rooms together, and tells how it ended.

mod boot;
mod cli;
mod composition;
mod config_values;
mod discovery;
mod doors;
mod failure;
mod figures;
mod health;
mod host;
mod instance;
mod jsonl;
mod liveness;
mod lost;
mod offline;
mod opening;
#[cfg_attr(not(feature = "otel"), path = "otel/absent.rs")]
mod otel;
mod places;
mod port_holder;
mod recorder;
mod reload;
mod restart;
mod safe_mode;
mod serve;
mod service;
mod shutdown;
mod storage;
mod upkeep;
mod warmup;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

fn main() -> ExitCode {
    // Everything that the daemon makes is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    leave_no_core();
    let ended = match Cli::parse().command {
        Command::Serve(args) if !args.dry_run => serve::run(&args),
        other => offline::run(&other),
    };
    match ended {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            // Standard error may be closed; the exit status still tells.
            let _ = writeln!(std::io::stderr(), "owlcodad: {failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

/// All that is in memory, keys included, is nothing to leave in a file where a defect ends us. A service
/// may be kept from saying so; its unit says it then.
fn leave_no_core() {
    let core = rustix::process::Resource::Core;
    let limits = rustix::process::Rlimit {
        current: Some(0),
        ..rustix::process::getrlimit(core)
    };
    let _ = rustix::process::setrlimit(core, limits);
}
