//! Arguments of `owlctl audit`.

use clap::{Args, Subcommand};

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

#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    List(ListArgs),
}

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
