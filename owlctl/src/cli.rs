//! The command tree: what may be typed, and what its help says.

pub(crate) mod insight;
pub(crate) mod offline;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::exit::Exit;
use crate::quantity;

/// Examples come before the options, because they answer most questions.
const TEMPLATE: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// Asks a running owlcodad how it is, which models it has and what it was asked; checks and writes its configuration.
#[derive(Debug, Parser)]
#[command(
    name = "owlctl",
    version,
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl status              how the daemon is, with what needs a look at the bottom
  owlctl models              what it can route to
  owlctl audit --errors      the last model calls that failed
  owlctl health -q           silent; the exit status is the answer
  owlctl doctor              what is wrong with this machine, daemon or not
  owlctl --json models       one JSON object instead of text",
    after_help = "`owlctl --help` explains the exit status.",
    after_long_help = Exit::help(),
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Data directory of the daemon [default: `$OWLCODA_HOME`, else `~/.owlcoda`]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub(crate) home: Option<PathBuf>,
    /// Control socket of the daemon [default: `run/control.sock` in its data directory]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        help_heading = "Global options"
    )]
    pub(crate) socket: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Give up after this many seconds
    #[arg(
        long,
        global = true,
        value_name = "SECS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=86_400),
        help_heading = "Global options"
    )]
    pub(crate) timeout: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Version(VersionArgs),
    Status(StatusArgs),
    Health(HealthArgs),
    Models(ModelsArgs),
    Audit(AuditArgs),
    Reload(ReloadArgs),
    Logs(LogsArgs),
    #[command(flatten)]
    Insight(insight::InsightVerb),
    #[command(flatten)]
    Offline(offline::OfflineVerb),
}

/// Prints the version of this program and of the daemon
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl version             both; exit status 69 where no daemon answers
  owlctl version --client    this program's alone"
)]
pub(crate) struct VersionArgs {
    /// Do not ask the daemon
    #[arg(long)]
    pub(crate) client: bool,
}

/// Shows how the daemon is: gateway, configuration, storage, model servers, problems
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl status
  owlctl --json status | jq '.problems'"
)]
pub(crate) struct StatusArgs {}

/// Tells by its exit status whether the daemon serves: 0 ok, 5 degraded, 6 unready, 69 down
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl health              one word, and what needs a look
  owlctl health -q || systemctl --user restart owlcodad"
)]
pub(crate) struct HealthArgs {
    /// Print nothing
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Lists the models that the daemon can route to, or sees whether one answers
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl models
  owlctl models probe qwen2.5-coder
  owlctl --json models | jq -r '.models[].id'"
)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<insight::ModelsVerb>,
}

/// Lists ended model calls, newest first; prompts and answers are not recorded
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl audit --limit 10
  owlctl audit --errors --model qwen2.5-coder
  owlctl audit --since 2026-11-20 --status 5xx --oldest-first
  owlctl audit --before 4200       the page before record 4200"
)]
pub(crate) struct AuditArgs {
    /// At most this many records
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub(crate) limit: u32,
    /// Only calls of this model id
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,
    /// Only calls that failed: HTTP status 400 and above
    #[arg(long, conflicts_with = "min_status")]
    pub(crate) errors: bool,
    /// Only calls with at least this HTTP status
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=599))]
    pub(crate) min_status: Option<u32>,
    /// Only calls that ended so; 4xx is without 429 and without callers that left
    #[arg(long, value_name = "CLASS", value_parser = ["2xx", "4xx", "429", "5xx", "client_gone"])]
    pub(crate) status: Option<String>,
    /// Only calls that this endpoint answered
    #[arg(long, value_name = "ID")]
    pub(crate) endpoint: Option<String>,
    /// Only calls of this session
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Only calls from this time on: 2h (ago), 2026-11-20, or 2026-11-20T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = quantity::parse_time)]
    pub(crate) since: Option<i64>,
    /// Only calls before this time
    #[arg(long, value_name = "TIME", value_parser = quantity::parse_time)]
    pub(crate) until: Option<i64>,
    /// Oldest first
    #[arg(long)]
    pub(crate) oldest_first: bool,
    /// Only records before this sequence number
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) before: Option<u64>,
    /// Only records after this sequence number
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) after: Option<u64>,
}

/// Makes the daemon read its configuration anew, and waits for the verdict
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl reload              exit status 78 where the new one cannot be used: nothing has changed
  owlctl --json reload | jq '.config.pending_restart'"
)]
pub(crate) struct ReloadArgs {}

/// Shows what the daemon logs: the latest lines, and with `-f` what comes
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl logs                        the latest lines
  owlctl logs -f --level warn        what goes wrong from now on
  owlctl logs --since 10m
  owlctl --json logs -f | jq .       one JSON object a line"
)]
pub(crate) struct LogsArgs {
    /// Go on with lines that are yet to come, until Ctrl-C or the daemon's end
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only lines from this time on: 10m (ago), 2026-11-20, or 2026-11-20T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = quantity::parse_time)]
    pub(crate) since: Option<i64>,
    /// Only lines of this importance or more
    #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub(crate) level: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    use super::*;
    use crate::golden;

    fn help_of(arguments: &[&str]) -> String {
        let error = Cli::command()
            .term_width(100)
            .try_get_matches_from(arguments)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{arguments:?}");
        error.render().to_string()
    }

    #[test]
    fn the_tree_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_verb_is_a_contract() {
        golden::check("help", &help_of(&["owlctl", "--help"]));
        golden::check("help_short", &help_of(&["owlctl", "-h"]));
        let verbs: Vec<String> = Cli::command()
            .get_subcommands()
            .map(|verb| verb.get_name().to_owned())
            .collect();
        assert_eq!(
            verbs,
            [
                "version",
                "status",
                "health",
                "models",
                "audit",
                "reload",
                "logs",
                "usage",
                "perf",
                "latency",
                "cost",
                "cache",
                "recommend",
                "backends",
                "inspect",
                "traces",
                "captures",
                "init",
                "validate",
                "doctor",
                "config"
            ]
        );
        for verb in verbs {
            let help = help_of(&["owlctl", &verb, "--help"]);
            golden::check(&format!("help_{verb}"), &help);
        }
        for (verb, verbs) in [
            ("config", &["show", "export", "migrate"][..]),
            ("models", &["probe"]),
            ("backends", &["probe", "reset-breaker"]),
            ("captures", &["list", "show"]),
        ] {
            for under in verbs {
                let help = help_of(&["owlctl", verb, under, "--help"]);
                golden::check(&format!("help_{verb}_{under}"), &help);
            }
        }
    }

    #[test]
    fn global_options_may_stand_before_or_after_the_verb() {
        for arguments in [
            ["owlctl", "--json", "--home", "/srv/owl", "status"],
            ["owlctl", "status", "--home", "/srv/owl", "--json"],
        ] {
            let cli = Cli::try_parse_from(arguments).unwrap();
            assert!(cli.global.json, "{arguments:?}");
            assert_eq!(cli.global.home, Some(PathBuf::from("/srv/owl")));
            assert_eq!(cli.global.timeout, 10);
        }
    }

    #[test]
    fn arguments_that_contradict_or_make_no_sense_are_refused() {
        for arguments in [
            &["owlctl", "audit", "--errors", "--min-status", "500"][..],
            &["owlctl", "audit", "--limit", "0"],
            &["owlctl", "audit", "--limit", "1001"],
            &["owlctl", "audit", "--before", "0"],
            &["owlctl", "audit", "--min-status", "42"],
            &["owlctl", "status", "--timeout", "0"],
            &["owlctl", "status", "extra"],
            &["owlctl", "statsu"],
            &["owlctl", "validate", "a", "--config", "b"],
            &["owlctl", "config", "export", "--format", "yaml"],
            &["owlctl", "recommend", "--intent", "poetry"],
            &["owlctl", "backends", "probe"],
            &["owlctl", "cache"],
        ] {
            let error = Cli::try_parse_from(arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }
}
