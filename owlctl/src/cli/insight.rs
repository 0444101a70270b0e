//! Arguments of the verbs that look into what the daemon has measured, and at model servers.

use clap::{Args, Subcommand};

use super::TEMPLATE;

/// What was measured, what it cost, and the model servers.
#[derive(Debug, Subcommand)]
pub(crate) enum InsightVerb {
    Usage(UsageArgs),
    Perf(PerfArgs),
    Latency(LatencyArgs),
    Cost(CostArgs),
    Cache(CacheArgs),
    Recommend(RecommendArgs),
    Backends(BackendsArgs),
    Inspect(InspectArgs),
    Traces(TracesArgs),
    Captures(CapturesArgs),
}

/// Shows tokens and calls so far
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl usage
  owlctl --json usage | jq .usage.output_tokens"
)]
pub(crate) struct UsageArgs {}

/// Shows how fast and how reliable each model is
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl perf
  owlctl --json perf | jq '.models[] | {model_id, tokens_per_sec}'"
)]
pub(crate) struct PerfArgs {}

/// Shows how long calls take, by the way that they came in
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl latency
  owlctl --json latency | jq '.routes[] | {route, p99_secs}'"
)]
pub(crate) struct LatencyArgs {}

/// Shows what the calls of each model cost, or would cost in electricity
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl cost
  owlctl --json cost | jq .total"
)]
pub(crate) struct CostArgs {}

/// Shows the response cache, or empties it
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl cache               how full it is, and what it was good for
  owlctl cache clear         forgets every answer"
)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<CacheVerb>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum CacheVerb {
    /// Shows how full the cache is, and what it was good for; as without a word
    Stats,
    /// Forgets every answer
    Clear,
}

/// Tells which model to take for what, and why
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl recommend
  owlctl recommend --intent code
  owlctl --json recommend | jq -r .best.model_id"
)]
pub(crate) struct RecommendArgs {
    /// What the model is to be good for
    #[arg(
        long,
        value_name = "INTENT",
        default_value = "general",
        value_parser = ["code", "analysis", "search", "chat", "general"]
    )]
    pub(crate) intent: String,
}

/// Shows the model servers, asks one how it is, or lets it be asked again
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl backends                            all of them
  owlctl backends probe 127.0.0.1:11434      exit status 1 where it does not answer
  owlctl backends reset-breaker 127.0.0.1:11434"
)]
pub(crate) struct BackendsArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<BackendsVerb>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackendsVerb {
    /// Shows all of them: how they are, and what they have
    List,
    /// Asks one how it is, now, and waits for the verdict
    Probe(BackendArgs),
    /// Closes the breakers of its models, so that the next call asks it again
    ResetBreaker(BackendArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BackendArgs {
    /// Id of the model server, as `owlctl backends` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsVerb {
    /// Lists the models that the daemon can route to
    List,
    /// Calls one with a few words: whether it answers, and how fast
    Probe(ProbeModelArgs),
}

/// Calls one model with a few words: whether it answers, and how fast
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl models probe qwen2.5-coder              exit status 1 where it does not answer
  owlctl models probe big-model --timeout 300    one that has to be loaded first"
)]
pub(crate) struct ProbeModelArgs {
    /// Id or another name of the model
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
}

/// Shows one call: where its time went and, where captures are on, what was said
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl inspect                     the latest call
  owlctl inspect req_0198f3...       the one of that name, as `request-id` and the audit say it
  owlctl --json inspect | jq '.trace.phases'"
)]
pub(crate) struct InspectArgs {
    /// Name of the call [default: the latest]
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
}

/// Lists the latest calls, or the slowest, with what took most of their time
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  owlctl traces
  owlctl traces --slowest --limit 5"
)]
pub(crate) struct TracesArgs {
    /// At most this many
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub(crate) limit: u32,
    /// The slowest since the daemon started, instead of the latest
    #[arg(long)]
    pub(crate) slowest: bool,
}

/// Lists the latest requests and answers, where `captures.enabled` keeps them, or shows one
#[derive(Debug, Args)]
#[command(
    help_template = TEMPLATE,
    args_conflicts_with_subcommands = true,
    before_help = "Examples:
  owlctl captures
  owlctl captures show req_0198f3...
  owlctl captures clear              forgets all of them"
)]
pub(crate) struct CapturesArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<CapturesVerb>,
    #[command(flatten)]
    pub(crate) list: ListCapturesArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CapturesVerb {
    /// Lists them, the latest first, as without a word
    List(ListCapturesArgs),
    /// Shows one: what the caller and the model servers sent and got
    Show(ShowCaptureArgs),
    /// Forgets all of them
    Clear,
}

#[derive(Debug, Args)]
pub(crate) struct ListCapturesArgs {
    /// At most this many
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ShowCaptureArgs {
    /// Name of the call, as `owlctl captures list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}
