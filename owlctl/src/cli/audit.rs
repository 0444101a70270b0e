//! Arguments of `owlctl audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::TEMPLATE;
use crate::quantity;

/// Shows the record of model calls; prompts and answers are not recorded
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    args_conflicts_with_subcommands = true,
    before_help = "Examples:
  owlctl audit --limit 10
  owlctl audit --errors --model qwen2.5-coder
  owlctl audit --since 2026-11-20 --status 5xx --oldest-first
  owlctl audit --before 4200       the page before record 4200"
)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<AuditVerb>,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

impl AuditArgs {
    /// Whether it takes as long as there are records, or longer.
    pub(crate) const fn is_long(&self) -> bool {
        !matches!(self.verb, None | Some(AuditVerb::List(_)))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    List(ListArgs),
    Show(ShowArgs),
    Follow(FollowArgs),
    Stats(StatsArgs),
    Export(ExportArgs),
    Verify(VerifyArgs),
}

/// Shows everything that is recorded of one call
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl audit show 4200
  owlctl audit show req_0190f3f2a1b27c3d8e4f5a6b7c8d9e0f"
)]
pub(crate) struct ShowArgs {
    /// Sequence number of its record, or its id, which is also in the answer's `request-id`
    #[arg(value_name = "SEQ|ID")]
    pub(crate) call: String,
}

/// Prints calls as they end, until Ctrl-C; goes on after a restart of the daemon
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl audit follow --errors
  owlctl audit follow --since 1h
  owlctl --json audit follow --after 4200 | jq .     one JSON object a line"
)]
pub(crate) struct FollowArgs {
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Begin after this sequence number [default: with what is recorded from now on]
    #[arg(long, value_name = "SEQ")]
    pub(crate) after: Option<u64>,
}

/// Counts calls by model, endpoint, status, outcome and client, with their tokens, costs and times
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl audit stats --since 1d
  owlctl --json audit stats --model qwen2.5-coder | jq '.all.p99_secs'"
)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) filters: Filters,
}

/// Writes every call that matches, oldest first, and a manifest at the end
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl audit export --since 30d --out calls.ndjson
  owlctl audit export --format csv --errors > errors.csv"
)]
pub(crate) struct ExportArgs {
    /// A JSON object a line, or a table whose cells no spreadsheet takes for formulas
    #[arg(long, value_enum, default_value = "ndjson")]
    pub(crate) format: ExportFormat,
    /// File to make, which must not be there yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Ndjson,
    Csv,
}

/// Has the daemon read every record and look for losses; exit status 1 where something is wrong
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl audit verify
  owlctl --json audit verify | jq '.first_bad_seq'"
)]
pub(crate) struct VerifyArgs {}

/// Lists calls, newest first; the same as without a verb
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl audit list --min-duration 5s
  owlctl audit list --client uid:1000 --since 2h"
)]
pub(crate) struct ListArgs {
    /// At most this many records
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) filters: Filters,
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

/// Which calls.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filters {
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
    /// Only calls that took so long, or longer: 5s, 2m
    #[arg(long, value_name = "SPAN", value_parser = quantity::parse_duration)]
    pub(crate) min_duration: Option<u64>,
    /// Only calls that this endpoint answered
    #[arg(long, value_name = "ID")]
    pub(crate) endpoint: Option<String>,
    /// Only calls of this session
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Only calls of whom is recorded so: uid:1000, token, agent or daemon
    #[arg(long, value_name = "WHO")]
    pub(crate) client: Option<String>,
    /// Only calls from this time on: 2h (ago), 2026-11-20, or 2026-11-20T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = quantity::parse_time)]
    pub(crate) since: Option<i64>,
    /// Only calls before this time
    #[arg(long, value_name = "TIME", value_parser = quantity::parse_time)]
    pub(crate) until: Option<i64>,
}
