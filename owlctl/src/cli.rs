//! The command tree: what may be typed, and what its help says.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod config;
pub(crate) mod insight;
pub(crate) mod lifecycle;
pub(crate) mod measure;
pub(crate) mod offline;
#[cfg(test)]
mod pages;
pub(crate) mod service;
pub(crate) mod sessions;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit::Exit;
use crate::quantity;

/// Examples come before the options, because they answer most questions.
const TEMPLATE: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// Starts and stops owlcodad, asks it how it is, which models it has and what it was asked, and checks its configuration.
#[derive(Debug, Parser)]
#[command(
    name = "owlctl",
    version,
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl start               the daemon, in the background
  owlctl status              how it is, with what needs a look at the bottom
  owlctl models              what it can route to
  owlctl audit --errors      the last model calls that failed
  owlctl health -q           silent; the exit status is the answer
  owlctl doctor              what is wrong with this machine, daemon or not
  owlctl models -o json      one JSON object instead of text; -o yaml is the same as YAML",
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
    /// A daemon on another machine, by the name that ssh knows it by; `owlctl` must be in PATH there
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        conflicts_with_all = ["home", "socket"],
        allow_hyphen_values = true,
        help_heading = "Global options"
    )]
    pub(crate) context: Option<String>,
    /// Print one JSON object instead of text: the same as `-o json`
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// How to print: text for people, or one document for programs
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        conflicts_with = "json",
        help_heading = "Global options"
    )]
    pub(crate) output: Option<Output>,
    /// No colours; they are for terminals alone, and never where `NO_COLOR` is set
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) no_color: bool,
    /// Give up after this many seconds [default: 10; none for verbs that wait or follow]
    #[arg(
        long,
        global = true,
        value_name = "SECS",
        value_parser = clap::value_parser!(u64).range(1..=86_400),
        help_heading = "Global options"
    )]
    pub(crate) timeout: Option<u64>,
}

/// How an answer is printed: as text for people, as one JSON object, or as the same object in YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
    Yaml,
}

impl Global {
    /// What the options come to: a document is asked for by `--json` and by two values of `-o`.
    pub(crate) fn settled(mut self) -> Self {
        self.json |= matches!(self.output, Some(Output::Json | Output::Yaml));
        self
    }

    /// Whether the document is to be YAML.
    pub(crate) const fn is_yaml(&self) -> bool {
        matches!(self.output, Some(Output::Yaml))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(flatten)]
    Lifecycle(lifecycle::LifecycleVerb),
    Status(StatusArgs),
    Health(HealthArgs),
    Top(measure::TopArgs),
    Benchmark(measure::BenchmarkArgs),
    Models(ModelsArgs),
    #[command(flatten)]
    Insight(insight::InsightVerb),
    Audit(Box<audit::AuditArgs>),
    Backup(backup::BackupArgs),
    Sessions(sessions::SessionsArgs),
    Clients(access::ClientsArgs),
    Logs(LogsArgs),
    Metrics(MetricsArgs),
    Reload(ReloadArgs),
    Token(access::TokenArgs),
    Service(service::ServiceArgs),
    #[command(flatten)]
    Offline(offline::OfflineVerb),
    Version(VersionArgs),
    Completions(CompletionsArgs),
    /// Carries between standard input and output and the control socket; `--context` runs it there
    #[command(hide = true)]
    Proxy,
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
  owlctl status -w           again and again, until Ctrl-C; in a pipe one line a change
  owlctl --json status | jq '.problems'"
)]
pub(crate) struct StatusArgs {
    /// Go on looking: on a terminal in place, else one line, or one document, for each change
    #[arg(short, long)]
    pub(crate) watch: bool,
}

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

/// Prints the metrics that Prometheus scrapes
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl metrics --grep tokens
  owlctl metrics -o json | jq '.samples[] | select(.value > 0)'"
)]
pub(crate) struct MetricsArgs {
    /// Only lines with this text; exit status 1 where there is none
    #[arg(long, value_name = "TEXT")]
    pub(crate) grep: Option<String>,
}

/// Prints what makes a shell complete `owlctl`
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl completions bash > ~/.local/share/bash-completion/completions/owlctl
  owlctl completions zsh > ~/.zfunc/_owlctl       with ~/.zfunc in fpath
  owlctl completions fish > ~/.config/fish/completions/owlctl.fish"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: CompletedShell,
}

/// A shell that is known how to complete.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CompletedShell {
    Bash,
    Zsh,
    Fish,
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
                "start",
                "stop",
                "restart",
                "drain",
                "wait",
                "status",
                "health",
                "top",
                "benchmark",
                "models",
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
                "audit",
                "backup",
                "sessions",
                "clients",
                "logs",
                "metrics",
                "reload",
                "token",
                "service",
                "init",
                "validate",
                "doctor",
                "config",
                "version",
                "completions",
                "proxy",
            ]
        );
        for verb in verbs.into_iter().filter(|verb| verb != "proxy") {
            let help = help_of(&["owlctl", &verb, "--help"]);
            golden::check(&format!("help_{verb}"), &help);
        }
        for (verb, verbs) in [
            (
                "config",
                &[
                    "show", "get", "diff", "status", "rollback", "export", "migrate", "schema",
                ][..],
            ),
            ("models", &["probe"]),
            ("backends", &["probe", "reset-breaker"]),
            ("clients", &["detach"]),
            ("token", &["show", "rotate"]),
            ("sessions", &["show", "delete"]),
            ("service", &["install", "uninstall", "status"]),
            ("captures", &["list", "show"]),
            (
                "audit",
                &["list", "show", "follow", "stats", "export", "verify"],
            ),
            ("backup", &["create", "verify"]),
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
            assert_eq!(cli.global.timeout, None);
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
        ] {
            let error = Cli::try_parse_from(arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }
}
