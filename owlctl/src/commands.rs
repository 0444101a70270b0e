//! The commands, one file each, and what they share: the time limit and Ctrl-C.

mod audit;
mod backup;
mod benchmark;
mod clients;
mod completions;
mod config;
mod health;
mod insight;
mod lifecycle;
mod logs;
mod metrics;
mod models;
mod offline;
mod reload;
mod service;
mod sessions;
mod status;
mod token;
mod top;
mod version;

use std::io;
use std::time::Duration;

use owlcoda_proto::v1::Usage;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::config::LiveConfigVerb;
use crate::cli::lifecycle::LifecycleVerb;
use crate::cli::offline::{ConfigArgs, ConfigVerb, OfflineVerb};
use crate::cli::{Cli, Verb};
use crate::daemon::Context;
use crate::error::CommandError;
use crate::remote::{self, Forward};
use crate::report::Report;

/// Runs the command that was typed. Every failure is a report, too.
pub(crate) async fn run(mut cli: Cli) -> Report {
    let Some(name) = cli.global.context.clone() else {
        return run_at(&cli).await;
    };
    let is_only_here = matches!(
        &cli.verb,
        Verb::Offline(_) | Verb::Service(_) | Verb::Lifecycle(LifecycleVerb::Start(_))
    );
    if is_only_here && live_config(&cli.verb).is_none() {
        return Report::failure(&CommandError::OnlyHere);
    }
    let forward = match Forward::open(&name) {
        Ok(forward) => forward,
        Err(error) => return Report::failure(&error),
    };
    cli.global.socket = Some(forward.socket());
    tokio::select! {
        report = run_at(&cli) => report,
        // It goes on for as long as somebody waits for it.
        () = forward.serve() => Report::failure(&CommandError::NotBack),
    }
}

/// Runs it for the daemon whose place is known.
async fn run_at(cli: &Cli) -> Report {
    // Before anything is sent, so that Ctrl-C has its own exit status from then on.
    let interrupts = signal(SignalKind::interrupt());
    let limit = limit(cli);
    let context = || Context::of_process(&cli.global);
    let answer = async {
        if let Some(verb) = live_config(&cli.verb) {
            return config::run(&context()?, verb).await;
        }
        match &cli.verb {
            Verb::Version(args) => version::run(&context()?, args).await,
            Verb::Status(args) => status::run(&context()?, args).await,
            Verb::Health(_) => health::run(&context()?).await,
            Verb::Models(args) => models::run(&context()?, args).await,
            Verb::Audit(args) => audit::run(&context()?, args).await,
            Verb::Backup(args) => backup::run(&context()?, args).await,
            Verb::Reload(_) => reload::run(&context()?).await,
            Verb::Logs(args) => logs::run(&context()?, args).await,
            Verb::Metrics(args) => metrics::run(&context()?, args).await,
            Verb::Sessions(args) => sessions::run(&context()?, args).await,
            Verb::Clients(args) => clients::run(&context()?, args).await,
            Verb::Token(args) => token::run(&context()?, args).await,
            Verb::Top(_) => top::run(&context()?).await,
            Verb::Benchmark(args) => benchmark::run(&context()?, args).await,
            Verb::Lifecycle(verb) => lifecycle::run(&context()?, verb).await,
            Verb::Completions(args) => Ok(completions::run(args.shell)),
            Verb::Service(args) => service::run(&cli.global, args),
            Verb::Insight(verb) => insight::run(&context()?, verb).await,
            Verb::Offline(verb) => offline::run(verb, &cli.global).await,
            Verb::Proxy => proxied(&context()?).await,
        }
    };
    let in_time = async {
        let Some(limit) = limit else {
            return answer.await;
        };
        let answer = tokio::time::timeout(limit, answer).await;
        answer.unwrap_or(Err(CommandError::TimedOut(limit)))
    };
    let answer = tokio::select! {
        answer = in_time => answer,
        () = interrupted(interrupts) => Err(CommandError::Interrupted),
    };
    let report = answer.unwrap_or_else(|error| Report::failure(&error));
    let report = if cli.global.is_yaml() {
        report.in_yaml()
    } else {
        report
    };
    match &cli.verb {
        Verb::Health(args) if args.quiet => Report::data(String::new()).ending(report.exit),
        _ => report,
    }
}

/// The verb of `owlctl config` that the daemon itself is asked.
const fn live_config(verb: &Verb) -> Option<&LiveConfigVerb> {
    match verb {
        Verb::Offline(OfflineVerb::Config(ConfigArgs {
            verb: ConfigVerb::Live(verb),
        })) => Some(verb),
        _ => None,
    }
}

async fn proxied(context: &Context<'_>) -> Result<Report, CommandError> {
    let carried = remote::proxy(&context.place.socket).await;
    carried.map_err(CommandError::Proxy)?;
    Ok(Report::data(String::new()))
}

/// How long the verb may take; none where it ends when a person has seen enough, or the daemon is done.
fn limit(cli: &Cli) -> Option<Duration> {
    let usual = match &cli.verb {
        Verb::Logs(args) if args.follow => return None,
        Verb::Status(args) if args.watch => return None,
        Verb::Audit(args) if args.is_long() => None,
        // A person may think about it.
        Verb::Sessions(args) if args.asks() => None,
        Verb::Backup(_) => None,
        Verb::Lifecycle(LifecycleVerb::Wait(_)) => Some(60),
        // It asks many, each with a limit of its own.
        Verb::Offline(OfflineVerb::Doctor(_)) => Some(30),
        Verb::Proxy => return None,
        Verb::Lifecycle(_) | Verb::Top(_) | Verb::Benchmark(_) => None,
        _ => Some(10),
    };
    cli.global.timeout.or(usual).map(Duration::from_secs)
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
