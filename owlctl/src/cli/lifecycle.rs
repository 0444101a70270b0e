//! Arguments of the verbs that start and end the daemon, and wait for it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::TEMPLATE;

/// Longest grace that can be asked for, in seconds.
const MAX_GRACE_SECS: u64 = 86_400;

/// The daemon's life.
#[derive(Debug, Subcommand)]
pub(crate) enum LifecycleVerb {
    Start(StartArgs),
    Stop(StopArgs),
    Restart(RestartArgs),
    Drain(DrainArgs),
    Wait(WaitArgs),
}

/// Starts the daemon in the background, unless one runs, and waits until it serves
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl start               its log: log/owlcodad.log in the data directory
  owlctl start && owl-repl"
)]
pub(crate) struct StartArgs {
    /// Configuration file [default: `config.json` in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Ends the daemon: nothing new is accepted, what runs may finish
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl stop                exit status 3 where calls had to be cut
  owlctl stop --now          cuts what runs"
)]
pub(crate) struct StopArgs {
    /// How long what runs may take [default: `server.drainTimeoutMs` of the configuration]
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(..=MAX_GRACE_SECS))]
    pub(crate) grace: Option<u64>,
    /// Cut what runs: the same as `--grace 0`
    #[arg(long, conflicts_with = "grace")]
    pub(crate) now: bool,
}

/// Ends the daemon as `stop` does, lets it begin anew as it was started, and waits until it serves
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl restart             for keys of the configuration that hold only after a restart"
)]
pub(crate) struct RestartArgs {
    /// How long what runs may take [default: `server.drainTimeoutMs` of the configuration]
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(..=MAX_GRACE_SECS))]
    pub(crate) grace: Option<u64>,
    /// Cut what runs: the same as `--grace 0`
    #[arg(long, conflicts_with = "grace")]
    pub(crate) now: bool,
}

/// Ends the daemon once nothing runs, and shows what it waits for
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl drain               exit status 3 where calls had to be cut after 30 seconds
  owlctl drain --grace 600"
)]
pub(crate) struct DrainArgs {
    /// How long what runs may take
    #[arg(
        long,
        value_name = "SECS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(..=MAX_GRACE_SECS)
    )]
    pub(crate) grace: u64,
}

/// Waits until something holds; exit status 124 where `--timeout` passes first [default: 60]
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl wait ready          it serves
  owlctl wait idle           no call runs
  owlctl wait stopped        no daemon answers
  owlctl wait config-generation=3"
)]
pub(crate) struct WaitArgs {
    /// `ready`, `idle`, `stopped`, or `config-generation=N` for that one or a later one
    #[arg(value_name = "WHAT", value_parser = Awaited::parse)]
    pub(crate) awaited: Awaited,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The daemon serves.
    Ready,
    /// It runs, and no call does.
    Idle,
    /// No daemon answers.
    Stopped,
    /// That configuration is in force, or one after it.
    ConfigGeneration(u64),
}

impl Awaited {
    fn parse(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix("config-generation=");
        match (text, number.map(str::parse)) {
            ("ready", _) => Ok(Self::Ready),
            ("idle", _) => Ok(Self::Idle),
            ("stopped", _) => Ok(Self::Stopped),
            (_, Some(Ok(n))) => Ok(Self::ConfigGeneration(n)),
            _ => Err("write ready, idle, stopped, or config-generation=N".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_waited_for_is_written_in_one_word() {
        assert_eq!(Awaited::parse("ready"), Ok(Awaited::Ready));
        assert_eq!(
            Awaited::parse("config-generation=7"),
            Ok(Awaited::ConfigGeneration(7))
        );
        for wrong in [
            "",
            "Ready",
            "config-generation",
            "config-generation=-1",
            "7",
        ] {
            assert!(Awaited::parse(wrong).is_err(), "{wrong}");
        }
    }
}
