//! The commands, one file each, and what they share: the time limit and Ctrl-C.

mod audit;
mod health;
mod insight;
mod logs;
mod models;
mod offline;
mod reload;
mod status;
mod version;

use std::io;
use std::time::Duration;

use owlcoda_proto::v1::Usage;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{Cli, Verb};
use crate::daemon::Context;
use crate::error::CommandError;
use crate::report::Report;

/// Runs the command that was typed. Every failure is a report, too.
pub(crate) async fn run(cli: &Cli) -> Report {
    // Before anything is sent, so that Ctrl-C has its own exit status from then on.
    let interrupts = signal(SignalKind::interrupt());
    let limit = Duration::from_secs(cli.global.timeout);
    let context = || Context::of_process(&cli.global);
    let answer = async {
        match &cli.verb {
            Verb::Version(args) => version::run(&context()?, args).await,
            Verb::Status(_) => status::run(&context()?).await,
            Verb::Health(_) => health::run(&context()?).await,
            Verb::Models(args) => models::run(&context()?, args).await,
            Verb::Audit(args) => audit::run(&context()?, args).await,
            Verb::Reload(_) => reload::run(&context()?).await,
            Verb::Logs(args) => logs::run(&context()?, args).await,
            Verb::Insight(verb) => insight::run(&context()?, verb).await,
            Verb::Offline(verb) => offline::run(verb, &cli.global).await,
        }
    };
    let in_time = async {
        if matches!(&cli.verb, Verb::Logs(args) if args.follow) {
            // It ends when the person who looks on has seen enough.
            return answer.await;
        }
        let answer = tokio::time::timeout(limit, answer).await;
        answer.unwrap_or(Err(CommandError::TimedOut(limit)))
    };
    let answer = tokio::select! {
        answer = in_time => answer,
        () = interrupted(interrupts) => Err(CommandError::Interrupted),
    };
    let report = answer.unwrap_or_else(|error| Report::failure(&error));
    match &cli.verb {
        Verb::Health(args) if args.quiet => Report::data(String::new()).ending(report.exit),
        _ => report,
    }
}

/// Ends at Ctrl-C; never where the system does not let us hear it, as it then ends us itself.
async fn interrupted(interrupts: io::Result<Signal>) {
    match interrupts {
        Ok(mut interrupts) => {
            interrupts.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

/// The whole prompt: the protocol's input counts are disjoint.
const fn prompt_tokens(usage: &Usage) -> u64 {
    usage
        .input_tokens
        .saturating_add(usage.cache_read_tokens)
        .saturating_add(usage.cache_write_tokens)
}
